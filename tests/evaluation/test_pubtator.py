"""Reading PubTator as gold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import MalformedFileError
from kazu_platform.evaluation.entities import SpanGold
from kazu_platform.evaluation.gold import read_gold

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TWO_DOCUMENTS = """
7|t|TNF-α in colon cancer
7|a|Cancer | rose. Aspirin did not.
7\t0\t5\tTNF-α\tGeneOrGeneProduct\t7124
7\t9\t21\tcolon cancer\tSpecificDisease\tD003110
7\t22\t28\tCancer\tDiseaseClass\tD009369
7\t22\t28\tCancer\tDiseaseClass\tD009370
7\t37\t44\tAspirin\tChemicalEntity
7\tCID\tD001241\tD009369
7\tAssociation\t7124\tD009369\tNovel

8|t|HeLa
8|a|
8\t0\t4\tHeLa\tCellLine\tCVCL_0030
"""


def read(path: Path) -> SpanGold:
    gold = read_gold(path, "devel")
    assert isinstance(gold, SpanGold)
    return gold


def test_mentions_are_slices_of_title_and_abstract_in_classes_of_ours(
    written: Callable[[str, str], Path],
):
    gold = read(written("devel.PubTator", TWO_DOCUMENTS))

    marked = zip(
        gold.entities.document.tolist(),
        gold.entities.texts(gold.passages),
        gold.entity_types,
        strict=True,
    )
    assert list(marked) == [
        (0, "TNF-α", "gene"),
        (0, "colon cancer", "disease"),
        (0, "Cancer", "disease"),
        (0, "Aspirin", "chemical"),
        (1, "HeLa", "cell_line"),
    ]
    assert gold.types == {"gene": 1, "disease": 2, "chemical": 1, "cell_line": 1}


def test_a_document_is_title_and_abstract_and_a_title_ends_a_sentence(
    written: Callable[[str, str], Path],
):
    gold = read(written("devel.PubTator", TWO_DOCUMENTS))

    assert gold.passages.select(["doc_id", "text", "sentences"]).to_pylist() == [
        {
            "doc_id": "7",
            "text": "TNF-α in colon cancer Cancer | rose. Aspirin did not.",
            "sentences": [
                {"start": 0, "end": 21},
                {"start": 22, "end": 36},
                {"start": 37, "end": 53},
            ],
        },
        {"doc_id": "8", "text": "HeLa ", "sentences": [{"start": 0, "end": 4}]},
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("7\t3\t99\tTNF\tGene", "3 to 99 is no stretch of the 9 characters of 7."),
        ("7\t3\t3\t\tGene", "3 to 3 is no stretch of the 9 characters of 7."),
        ("8\t0\t3\tTNF\tGene", "a mention of 8 below the title of 7."),
        ("7\t0\t3\tTNF", "a mention needs an id, a start, an end, its text and its type."),
        ("7\t0\tx\tTNF\tGene", "a mention needs an id, a start, an end, its text and its type."),
        ("8|a|fell", "an abstract of 8 below the title of 7."),
        ("TNF rose", "neither a title, an abstract nor a mention: 'TNF rose'."),
    ],
)
def test_a_line_that_does_not_fit_is_named(
    written: Callable[[str, str], Path], line: str, problem: str
):
    path = written("devel.PubTator", f"7|t|TNF\n7|a|rose.\n{line}\n")

    with pytest.raises(MalformedFileError) as error:
        read(path)

    assert str(error.value) == f"{path}, line 3: {problem}"
