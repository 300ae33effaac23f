"""What a newer vocabulary would do to the mentions in the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kazu_platform.reports.effect import Corpus, lost_share, predict, totals
from kazu_platform.tables import LINKS, PASSAGES, SURFACES
from kazu_platform.text.sentences import sentence_spans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from kazu_platform.reports.difference import Version

FLU = {"id": "DOID:8469", "label": "influenza", "names": ["flu"]}
COLD = {"id": "DOID:10459", "label": "common cold"}


def passages(*texts: str, first: int = 1) -> pa.Table:
    return PASSAGES.from_rows(
        [
            {
                "doc_id": f"PMID:{number}",
                "content_hash": "h",
                "section": 0,
                "name": "title",
                "text": text,
                "sentences": [{"start": a, "end": b} for a, b in sentence_spans(text)],
            }
            for number, text in enumerate(texts, first)
        ]
    )


def of_names(changes: pa.Table) -> dict[tuple[str, str], tuple[str | None, int | None]]:
    return {
        (row["change"], row["name"]): (row["effect"], row["n_mentions"])
        for row in changes.to_pylist()
        if row["change"].startswith("name_")
    }


def test_mentions_of_a_name_that_goes_are_lost(
    vocabulary: Callable[..., Version], surfaces: Callable[..., pa.Table]
):
    old, new = vocabulary([FLU]), vocabulary([FLU | {"names": []}])
    lake = surfaces([("flu", "disease", 4), ("Flu", "disease", 3), ("flu", "chemical", 9)])

    found = predict(old, new, Corpus(surfaces=lake))

    assert of_names(found.changes) == {("name_removed", "flu"): ("lost", 7)}
    assert lost_share(found.changes, lake) == 1.0
    assert totals(found.changes).to_pylist() == [
        {"effect": "lost", "strings": 1, "with mentions": 1, "mentions": 7}
    ]


def test_a_name_that_another_ontology_of_the_class_has_is_linked_again_and_not_lost(
    vocabulary: Callable[..., Version], surfaces: Callable[..., pa.Table]
):
    old, new = vocabulary([FLU]), vocabulary([FLU | {"names": []}])
    others = vocabulary([{"id": "MONDO:0005812", "label": "Flu"}]).synonyms
    lake = surfaces([("flu", "disease", 4)])

    found = predict(old, new, Corpus(others=others, surfaces=lake))

    assert of_names(found.changes) == {("name_removed", "flu"): ("relinked", 4)}
    assert lost_share(found.changes, lake) == 0.0


def test_a_name_that_is_held_back_is_lost(
    vocabulary: Callable[..., Version], surfaces: Callable[..., pa.Table]
):
    off = {"active": False, "held_back_by": "english_word"}
    old = vocabulary([{"id": "HGNC:12731", "label": "WASP", "names": ["was"]}])
    new = vocabulary([{"id": "HGNC:12731", "label": "WASP", "names": [("was", off)]}])

    found = predict(old, new, Corpus(surfaces=surfaces([("was", "gene", 4_500_000)])))

    assert of_names(found.changes) == {("name_held_back", "was"): ("lost", 4_500_000)}


def test_mentions_of_a_name_that_moves_are_linked_again(
    vocabulary: Callable[..., Version], surfaces: Callable[..., pa.Table]
):
    old = vocabulary([FLU, COLD])
    new = vocabulary([FLU | {"names": []}, COLD | {"names": ["flu"]}])

    found = predict(old, new, Corpus(surfaces=surfaces([("flu", "disease", 4)])))

    assert of_names(found.changes) == {("name_moved", "flu"): ("relinked", 4)}


def test_a_new_name_is_looked_for_in_the_texts(vocabulary: Callable[..., Version]):
    old, new = vocabulary([FLU]), vocabulary([FLU, COLD | {"names": ["coryza"]}])
    texts = [passages("Common  cold, or a common cold.", "Coughs and colds."), passages("None.")]

    found = predict(old, new, Corpus(texts=texts))

    assert of_names(found.changes) == {
        ("name_added", "common cold"): ("gained", 2),
        ("name_added", "coryza"): ("gained", 0),
    }
    assert found.n_documents == 3


def test_no_more_documents_are_searched_than_may_be(vocabulary: Callable[..., Version]):
    read: list[int] = []

    def texts() -> Iterator[pa.Table]:
        for part in range(5):
            read.append(part)
            yield passages("Common cold.", "A common cold.", first=1 + 2 * part)

    found = predict(
        vocabulary([FLU]), vocabulary([FLU, COLD]), Corpus(texts=texts(), max_documents=3)
    )

    assert of_names(found.changes) == {("name_added", "common cold"): ("gained", 3)}
    assert (found.n_documents, read) == (3, [0, 1])


@pytest.mark.parametrize("limit", [0, 10])
def test_a_gain_is_not_known_where_nothing_was_searched(
    vocabulary: Callable[..., Version], limit: int
):
    texts = [passages("Common cold.")] if limit == 0 else []

    found = predict(
        vocabulary([FLU]), vocabulary([FLU, COLD]), Corpus(texts=texts, max_documents=limit)
    )

    assert of_names(found.changes) == {("name_added", "common cold"): ("gained", None)}
    assert found.n_documents == 0


def test_texts_are_not_read_if_no_name_is_new(vocabulary: Callable[..., Version]):
    def texts() -> Iterator[pa.Table]:
        raise AssertionError
        yield PASSAGES.empty()

    found = predict(vocabulary([FLU, COLD]), vocabulary([FLU]), Corpus(texts=texts()))

    assert of_names(found.changes) == {("name_removed", "common cold"): ("lost", 0)}


def test_a_concept_that_goes_counts_the_mentions_linked_to_it(
    vocabulary: Callable[..., Version], surfaces: Callable[..., pa.Table]
):
    lake = surfaces([("influenza", "disease", 5), ("flu", "disease", 2)])
    link = {
        "ontology": "DOID",
        "score": 1.0,
        "method": "exact",
        "ambiguous": False,
        "vocabulary_version": "1",
        "linker_version": "1",
    }
    ids: list[dict[str, Any]] = [
        link | {"surface_id": row["surface_id"], "concept_id": concept, "rank": rank}
        for row in lake.to_pylist()
        for rank, concept in enumerate(("DOID:8469", "DOID:10459"), 1)
    ]

    found = predict(
        vocabulary([FLU, COLD]), vocabulary([]), Corpus(surfaces=lake, links=LINKS.from_rows(ids))
    )

    removed = {
        row["concept_id"]: row["n_mentions"]
        for row in found.changes.to_pylist()
        if row["change"] == "concept_removed"
    }
    assert removed == {"DOID:8469": 7, "DOID:10459": 0}


def test_nothing_changes_nothing(vocabulary: Callable[..., Version]):
    found = predict(vocabulary([FLU]), vocabulary([FLU]), Corpus())

    assert found.changes.num_rows == totals(found.changes).num_rows == 0
    assert lost_share(found.changes, SURFACES.empty()) == 0.0
