"""The rules on whole documents, one on top of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from kazu_platform.citations.documents import passages_of
from kazu_platform.documents import Document, Section
from kazu_platform.ner.defined import definitions
from kazu_platform.ner.documented import OF_DOCUMENTS, Documented, with_names_of_documents
from kazu_platform.ner.places import not_within, places
from kazu_platform.tables import DICTIONARY_MENTIONS
from tests.ner.documents import found_in, texts_of

if TYPE_CHECKING:
    import pyarrow as pa

TEXT = (
    "The corn leafhopper, Dalbulus maidis (DM), spreads infectious myonecrosis virus (IMNV). "
    "Corn leafhoppers and D. maidis and DM."
)


class Blind:
    """A detector that finds nothing."""

    name = "blind"
    version = "1"

    def detect(self, passages: pa.Table) -> pa.Table:
        return DICTIONARY_MENTIONS.empty() if passages.num_rows else passages


def test_each_rule_builds_on_the_last():
    assert texts_of(found_in([TEXT])) == [
        "corn leafhopper", "Dalbulus maidis", "DM", "infectious myonecrosis virus", "IMNV",
        "Corn leafhoppers", "D. maidis", "DM",
    ]  # fmt: skip


def test_the_rules_may_be_asked_again_and_nothing_more_comes():
    passages = passages_of([Document("PMID:1", (Section("s", TEXT),))])
    once = Documented(Blind()).detect(passages)

    again = with_names_of_documents(once, passages, definitions(passages))

    assert again.equals(once)
    assert set(once["detector"].to_pylist()) == set(OF_DOCUMENTS)


def test_documents_do_not_know_each_other():
    texts = [TEXT, "D. maidis; corn leafhoppers; IMNV; DM"]
    passages = passages_of(
        [Document(f"PMID:{n}", (Section("s", text),)) for n, text in enumerate(texts)]
    )

    found = Documented(Blind()).detect(passages)

    assert set(found["doc_id"].to_pylist()) == {"PMID:0"}


def test_places_are_given_in_the_order_of_the_text_and_slice_to_their_mention():
    rows = pl.DataFrame(found_in(["Growth", TEXT]))

    assert rows["start"].is_sorted()
    assert all(TEXT[row["start"] : row["end"]] == row["text"] for row in rows.to_dicts())


def test_a_place_within_another_is_left_out():
    found = places([(0, 5, 9, "species"), (0, 4, 9, "species"), (1, 5, 9, "species")])
    others = places([(0, 0, 3, "gene"), (0, 2, 20, "gene"), (0, 5, 6, "gene"), (2, 0, 99, "gene")])

    assert not_within(found, others).rows() == [(1, 5, 9, "species")]
    assert not_within(found, found).is_empty()
