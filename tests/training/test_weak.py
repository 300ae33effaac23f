"""Labels that a detector gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from kazu_platform.citations.passages import passages, split_into_sentences
from kazu_platform.documents import Document, Section, mention_id
from kazu_platform.documents import Span as Stretch
from kazu_platform.settings import PredictionSource
from kazu_platform.tables import DICTIONARY_MENTIONS
from kazu_platform.training.weak import PubTatorPredictions, weak_labels

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Strings = Callable[[pa.Table], list[dict[str, Any]]]
    Written = Callable[[str, str], Path]

PUBTATOR = """1|t|Imatinib in CML
1|a|It stops K-562 cells. ABL1 matters. CML is rare.
1\t0\t8\tImatinib\tChemical\t-
1\t12\t15\tCML\tDisease\t-
1\t12\t18\tCML It\tDisease\t-
1\t25\t30\tK-562\tCellLine\t-
1\t38\t42\tABL1\tProtein\t-

2|t|Only a title
2|a|
2\t5\t6\ta\tProtein\t-

3|t|Changed since
3|a|
3\t0\t7\tChanged\tProtein\t-

4|t|Not asked for
4|a|
"""


@pytest.fixture
def texts() -> pa.Table:
    """Citations 9, 1 (in three sections), 2 and 3 as passages."""
    citations = [
        ("PMID:9", ["Nobody knows ABL1"]),
        ("PMID:1", ["Imatinib in CML", "It stops K-562 cells. ABL1 matters.", "CML is rare."]),
        ("PMID:2", ["Only a title"]),
        ("PMID:3", ["Another title"]),
    ]
    documents = [
        Document(name, tuple(Section(str(i), text) for i, text in enumerate(sections)))
        for name, sections in citations
    ]
    table = pa.Table.from_pylist(
        [
            {
                "doc_id": document.doc_id,
                "content_hash": document.content_hash,
                "sections": [{"name": s.name, "text": s.text} for s in document.sections],
            }
            for document in documents
        ]
    )
    return passages(table, split_into_sentences(table))


@pytest.fixture
def predictions(written: Written) -> PubTatorPredictions:
    source = PredictionSource(
        name="theirs",
        url="x",
        classes=("gene", "disease", "cell_line"),
        types={"Protein": "gene"},
        probability=0.75,
        licence="CC0-1.0",
    )
    return PubTatorPredictions(source, written("theirs.PubTator", PUBTATOR))


def mention(texts: pa.Table, row: int, string: str, kind: str, confidence: float | None) -> Any:  # noqa: ANN401
    passage = texts.slice(row, 1).to_pylist()[0]
    start = passage["text"].index(string)
    span = Stretch(start, start + len(string))
    return {
        "mention_id": mention_id(passage["doc_id"], passage["section"], [span], kind),
        **{name: passage[name] for name in ("doc_id", "content_hash", "section")},
        "sentence": 0,
        "start": span.start,
        "end": span.end,
        "spans": [{"start": span.start, "end": span.end}],
        "text": string,
        "entity_class": kind,
        "confidence": confidence,
        "detector": "any",
        "detector_version": "1",
    }


def test_a_file_says_nothing_of_documents_that_it_has_not_in_this_text(
    predictions: PubTatorPredictions, texts: pa.Table
):
    known = predictions.known(texts)

    assert known.select(["doc_id", "section"]).to_pylist() == [
        *({"doc_id": "PMID:1", "section": section} for section in range(3)),
        {"doc_id": "PMID:2", "section": 0},
    ]


def test_what_a_file_says_is_found_in_the_sections(
    predictions: PubTatorPredictions, texts: pa.Table
):
    """Chemicals are none of its classes; a mention across two sections is left out."""
    found = predictions.detect(texts)

    columns = ["doc_id", "section", "sentence", "text", "entity_class", "detector"]
    assert [tuple(row.values()) for row in found.select(columns).to_pylist()] == [
        ("PMID:1", 0, 0, "CML", "disease", "theirs"),
        ("PMID:1", 1, 0, "K-562", "cell_line", "theirs"),
        ("PMID:1", 1, 1, "ABL1", "gene", "theirs"),
        ("PMID:2", 0, 0, "a", "gene", "theirs"),
    ]
    rows: dict[tuple[str, int], str] = {
        (row["doc_id"], row["section"]): row["text"] for row in texts.to_pylist()
    }
    for row in found.to_pylist():
        assert rows[row["doc_id"], row["section"]][row["start"] : row["end"]] == row["text"]


def test_sentences_are_labelled_by_what_was_found(
    predictions: PubTatorPredictions, texts: pa.Table, strings: Strings
):
    known = predictions.known(texts)

    rows = weak_labels(
        known, predictions.detect(known), corpus="theirs/x", classes=("gene", "cell_line")
    )

    assert [(row["text"], row["mentions"]) for row in strings(rows)] == [
        ("Imatinib in CML", []),
        ("It stops K - 562 cells .", [("K - 562", "cell_line")]),
        ("ABL1 matters .", [("ABL1", "gene")]),
        ("CML is rare .", []),
        ("Only a title", [("a", "gene")]),
    ]
    common = rows.select(["corpus", "split", "origin", "classes"]).to_pylist()
    assert common == 5 * [
        {
            "corpus": "theirs/x",
            "split": "train",
            "origin": "weak",
            "classes": ["gene", "cell_line"],
        }
    ]


def test_probabilities_are_kept_and_given_where_a_detector_says_none(texts: pa.Table):
    found = DICTIONARY_MENTIONS.from_rows(
        [
            mention(texts, 1, "CML", "disease", 0.5),
            mention(texts, 0, "ABL1", "gene", None),
            mention(texts, 1, "Imatinib", "chemical", 0.25),
        ]
    )

    rows = weak_labels(
        texts, found, corpus="c", classes=("chemical", "disease", "gene"), probability=0.125
    ).to_pylist()

    assert [
        [(each["entity_class"], each["probability"]) for each in row["mentions"]]
        for row in rows[:2]
    ] == [[("gene", 0.125)], [("chemical", 0.25), ("disease", 0.5)]]


def test_no_mentions_are_no_labels(texts: pa.Table):
    rows = weak_labels(texts, DICTIONARY_MENTIONS.empty(), corpus="c", classes=("gene",))

    assert rows.num_rows == 7
    assert rows["mentions"].to_pylist() == 7 * [[]]
