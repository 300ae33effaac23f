"""Reading IOB2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import MalformedFileError
from kazu_platform.evaluation.entities import TokenGold
from kazu_platform.evaluation.gold import read_gold
from kazu_platform.evaluation.tags import entities_of, gold_tags

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TWO_DOCUMENTS = """-DOCSTART- 12345\tO

TNF\tB-gene
-\tI-gene
α\tI-gene
rose\tO
.\tO

In\tO
mice\tB-species
.\tO

-DOCSTART- PMC-7-sec-1\tO

HeLa\tB-cell_line
K562\tB-cell_line
"""


def read(path: Path) -> TokenGold:
    gold = read_gold(path, "devel")
    assert isinstance(gold, TokenGold)
    return gold


def strings(gold: TokenGold, entity_class: str) -> list[tuple[int, str]]:
    entities = entities_of(gold, gold_tags(gold, entity_class))
    return list(zip(entities.document.tolist(), entities.texts(gold.passages), strict=True))


def test_a_document_is_its_sentences_and_knows_their_borders(written: Callable[[str, str], Path]):
    gold = read(written("devel.tsv", TWO_DOCUMENTS))

    passages = gold.passages.select(["doc_id", "section", "text", "sentences"]).to_pylist()
    assert passages == [
        {
            "doc_id": "12345",
            "section": 0,
            "text": "TNF - α rose .\nIn mice .",
            "sentences": [{"start": 0, "end": 14}, {"start": 15, "end": 24}],
        },
        {
            "doc_id": "PMC-7-sec-1",
            "section": 0,
            "text": "HeLa K562",
            "sentences": [{"start": 0, "end": 9}],
        },
    ]
    assert (gold.corpus, gold.split, gold.has_documents) == ("corpus", "devel", True)
    assert gold.types == {"gene": 1, "species": 1, "cell_line": 2}


def test_entities_are_slices_of_the_text_and_neighbours_stay_apart(
    written: Callable[[str, str], Path],
):
    gold = read(written("devel.tsv", TWO_DOCUMENTS))

    assert strings(gold, "gene") == [(0, "TNF - α")]
    assert strings(gold, "species") == [(0, "mice")]
    assert strings(gold, "cell_line") == [(1, "HeLa"), (1, "K562")]
    assert strings(gold, "disease") == []


def test_without_document_lines_each_sentence_stands_alone(written: Callable[[str, str], Path]):
    gold = read(written("devel.tsv", "p53\tB-gene\n\nfell\tO\n\n\n\np53\tB-gene"))

    assert gold.passages["text"].to_pylist() == ["p53", "fell", "p53"]
    assert gold.passages["doc_id"].to_pylist() == ["?#1", "?#2", "?#3"]
    assert not gold.has_documents
    assert strings(gold, "gene") == [(0, "p53"), (2, "p53")]


def test_documents_of_unknown_or_equal_id_are_kept_apart(written: Callable[[str, str], Path]):
    content = "".join(
        f"-DOCSTART- {name}\tO\n\n{word}\tO\n\nand\tO\n\n"
        for name, word in (("?", "a"), ("7", "b"), ("?", "c"), ("7", "d"))
    )

    gold = read(written("devel.tsv", content))

    assert gold.passages["doc_id"].to_pylist() == ["?#1", "7", "?#3", "7#4"]
    assert gold.passages["text"].to_pylist() == ["a\nand", "b\nand", "c\nand", "d\nand"]


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(
    written: Callable[[str, str], Path],
):
    gold = read(written("devel.tsv", "\ufeff" + TWO_DOCUMENTS.replace("\n", "\r\n")))

    assert gold.passages["text"].to_pylist() == ["TNF - α rose .\nIn mice .", "HeLa K562"]
    assert strings(gold, "gene") == [(0, "TNF - α")]


def test_a_token_may_be_any_character(written: Callable[[str, str], Path]):
    """U+0130 and characters outside the first plane are one; U+2028 is no end of a line."""
    gold = read(written("devel.tsv", "İ\tO\n𝒳\tO\n\u2028\tO\nβ\tB-gene\n"))

    assert gold.passages["text"].to_pylist() == ["İ 𝒳 \u2028 β"]
    assert strings(gold, "gene") == [(0, "β")]


@pytest.mark.parametrize("content", ["", "\n\n", "-DOCSTART- 7\tO\n\n"])
def test_a_file_without_a_token_is_empty_gold(written: Callable[[str, str], Path], content: str):
    gold = read(written("devel.tsv", content))

    assert (gold.passages.num_rows, gold.types) == (0, {})
    assert strings(gold, "gene") == []


@pytest.mark.parametrize(
    "line",
    ["rose", "rose O", "rose\tX-gene", "rose\tB-", "rose\tO\tO", "\tO", "rose\tb-gene", "rose\t"],
)
def test_a_line_that_is_no_token_with_a_tag_is_named(
    written: Callable[[str, str], Path], line: str
):
    path = written("devel.tsv", f"TNF\tB-gene\n{line}\n")

    with pytest.raises(MalformedFileError) as error:
        read(path)

    assert str(error.value).startswith(f"{path}, line 2: expected a token, a tab and O, B-type")
