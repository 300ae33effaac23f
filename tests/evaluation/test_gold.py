"""Finding gold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import ConfigurationError, MalformedFileError
from kazu_platform.evaluation.entities import SpanGold, TokenGold
from kazu_platform.evaluation.gold import read_gold

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IOB = "TNF\tB-gene\n"
PUBTATOR = "7|t|TNF\n7|a|\n"


def test_a_split_of_a_folder_has_either_format(written: Callable[[str, str], Path]):
    written("train.tsv", IOB)
    folder = written("devel.PubTator", PUBTATOR).parent

    assert isinstance(read_gold(folder, "train"), TokenGold)
    assert isinstance(read_gold(folder, "devel"), SpanGold)


@pytest.mark.parametrize(("content", "kind"), [(IOB, TokenGold), (PUBTATOR, SpanGold)])
def test_a_file_is_read_whatever_it_is_called(
    written: Callable[[str, str], Path], content: str, kind: type
):
    gold = read_gold(written("mine.txt", content), "test")

    assert isinstance(gold, kind)
    assert (gold.corpus, gold.split) == ("corpus", "mine")


def test_a_missing_split_says_which_there_are(written: Callable[[str, str], Path]):
    written("train.tsv", IOB)
    folder = written("devel.PubTator", PUBTATOR).parent

    with pytest.raises(ConfigurationError, match="has no split 'test'; there is devel, train."):
        read_gold(folder, "test")


def test_a_folder_without_gold_says_what_it_lacks(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="there is no .tsv and no .PubTator."):
        read_gold(tmp_path, "test")


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=f"There is no gold {tmp_path / 'no'}; give"):
        read_gold(tmp_path / "no", "test")


def test_a_table_of_concepts_is_refused(written: Callable[[str, str], Path]):
    path = written("test.tsv", "pmid\tontology\tstart\tend\tspans\ttext\tid\n1\tCL\t0\t4\n")

    with pytest.raises(ConfigurationError, match="a table of concepts as CRAFT's; it can be no"):
        read_gold(path, "test")


def test_the_first_line_that_is_not_utf_8_is_named(tmp_path: Path):
    path = tmp_path / "test.tsv"
    path.write_bytes(b"TNF\tB-gene\n\xb1\tO\n")

    with pytest.raises(MalformedFileError, match="test.tsv, line 2: byte 0xb1 is no UTF-8"):
        read_gold(path, "test")


def test_corpora_have_as_many_mentions_as_their_makers_counted(test_data: Path):
    ner, linking = test_data / "ner", test_data / "linking"

    assert read_gold(ner / "linnaeus", "train").types == {"species": 2119}
    assert read_gold(ner / "JNLPBA", "devel").types == {
        "gene": 2461,
        "cell_line": 398,
        "dna": 1051,
        "cell_type": 525,
        "rna": 107,
    }
    assert read_gold(ner / "BC2GM", "devel").passages.num_rows == 2509
    assert read_gold(linking / "bc5cdr", "devel").types == {"disease": 4140, "chemical": 5169}
