"""Gold for linking: files as corpora write them, and which documents are held out."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.errors import ConfigurationError, MalformedFileError
from kazu_platform.evaluation.concept_ids import concept_ids
from kazu_platform.evaluation.linking_gold import devel_documents, read_linking_gold
from kazu_platform.evaluation.splits import devel_set_of_mentions, split_of

if TYPE_CHECKING:
    from pathlib import Path

    from kazu_platform.evaluation.linking_gold import LinkingGold

ABSTRACT = """7|t|Colon and lung cancer in mice.
7|a|BRCA1 (Tax 9606).
7\t0\t21\tColon and lung cancer\tCompositeMention\t D003110|D008175\tColon cancer|lung cancer
7\t25\t29\tmice\tSpecies\t10090
7\t31\t36\tBRCA1\tGene\t672(Tax:9606),12189;672
7\t31\t36\tBRCA1\tFamilyName
7\tCID\tD003110\tD008175

"""
UNKNOWN = """8|t|Nalozone.
8|a|
8\t0\t8\tNalozone\tChemical\t-1

"""
TABLE = "pmid\tontology\tstart\tend\tspans\ttext\tid\n"


def rows(gold: LinkingGold) -> list[tuple[str, str, str, tuple[str, ...]]]:
    columns = (gold.mentions[name].to_pylist() for name in ("doc_id", "entity_class", "text"))
    return list(zip(*columns, gold.concepts, strict=True))


def corpus(root: Path, **files: str) -> Path:
    for name, content in files.items():
        path = root / "linking" / "own" / name.replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return root / "linking" / "own"


def test_a_mention_means_each_of_its_ids_and_relations_are_passed_over(tmp_path: Path):
    folder = corpus(tmp_path, test__PubTator=ABSTRACT + UNKNOWN)

    gold = read_linking_gold(folder, "test")

    assert rows(gold) == [
        ("7", "disease", "Colon and lung cancer", ("MESH:D003110", "MESH:D008175")),
        ("7", "species", "mice", ("NCBITaxon:10090",)),
        ("7", "FamilyName", "BRCA1", ()),
        ("7", "gene", "BRCA1", ("NCBIGene:672", "NCBIGene:12189")),
        ("8", "chemical", "Nalozone", ()),
    ]
    assert gold.passages.num_rows == 2
    assert rows(gold.of_class("gene")) == [rows(gold)[3]]


def test_a_mention_that_is_given_twice_has_the_concepts_of_both(tmp_path: Path):
    twice = "7|t|BRCA1\n7|a|\n7\t0\t5\tBRCA1\tGene\t672\n7\t0\t5\tBRCA1\tGene\t12189\n"

    gold = read_linking_gold(corpus(tmp_path, test__PubTator=twice), "test")

    assert rows(gold) == [("7", "gene", "BRCA1", ("NCBIGene:672", "NCBIGene:12189"))]


def test_the_text_of_a_mention_is_what_the_corpus_says_it_is(tmp_path: Path):
    """Offsets of some corpora have shifted; what was linked is the string."""
    shifted = "7|t|x Ge-1 y\n7|a|\n7\t3\t7\tGe-1 \tGene\t23644\n"

    gold = read_linking_gold(corpus(tmp_path, test__PubTator=shifted), "test")

    assert gold.mentions["text"].to_pylist() == ["Ge-1"]
    assert gold.mentions["start"].to_pylist() == [3]


def test_documents_of_the_devel_set_for_mentions_are_held_out(tmp_path: Path):
    folder = corpus(tmp_path, train__PubTator=ABSTRACT + UNKNOWN)
    (tmp_path / "ner" / "own").mkdir(parents=True)
    (tmp_path / "ner" / "own" / "devel.tsv").write_text(
        "-DOCSTART- ?\tO\n\n-DOCSTART- 8\tO\n\nNalozone\tB-chemical\n", "utf-8"
    )

    assert devel_set_of_mentions(folder) == {"8"}
    assert read_linking_gold(folder, "devel").passages["doc_id"].to_pylist() == ["8"]
    assert read_linking_gold(folder, "train").passages["doc_id"].to_pylist() == ["7"]
    assert read_linking_gold(folder, "all").passages.num_rows == 2
    assert read_linking_gold(folder / "train.PubTator", "whatever").passages.num_rows == 2


def test_what_one_corpus_holds_out_is_known_to_all(tmp_path: Path):
    folder = corpus(tmp_path, train__PubTator=ABSTRACT + UNKNOWN, devel__PubTator=UNKNOWN)
    (folder.parent / "other").mkdir()
    (folder.parent / "other" / "devel.PubTator").write_text(ABSTRACT, "utf-8")

    assert devel_documents(folder.parent) == {"7", "8"}


def test_with_a_file_for_devel_train_is_all_of_its_own(tmp_path: Path):
    folder = corpus(tmp_path, train__PubTator=ABSTRACT, devel__PubTator=UNKNOWN)

    assert read_linking_gold(folder, "train").passages["doc_id"].to_pylist() == ["7"]
    assert read_linking_gold(folder, "devel").passages["doc_id"].to_pylist() == ["8"]


def craft(root: Path, lines: str, **texts: str) -> Path:
    folder = root / "craft"
    (folder / "txt").mkdir(parents=True)
    (folder / "concepts.tsv.gz").write_bytes(gzip.compress((TABLE + lines).encode()))
    for name, text in texts.items():
        (folder / "txt" / f"{name.removeprefix('_')}.txt").write_bytes(text.encode())
    return folder


def test_craft_is_a_table_with_texts_and_a_tenth_of_them_is_devel(tmp_path: Path):
    folder = craft(
        tmp_path,
        "15040800\tCL\t4\t31\t4 7;17 31\trod ... photoreceptors\tCL:0000604\n"
        '15040801\tSO\t1\t5\t1 5\tgene\tSO:0000704\n15040801\tPR\t1\t5\t1 5\t"gene\tPR:1\n',
        _15040800="a \nβ rod and cone photoreceptors",
        _15040801='"gene" \r\nx',
    )

    devel, train = read_linking_gold(folder, "devel"), read_linking_gold(folder, "train")

    assert rows(devel) == [("15040800", "cell_type", "rod photoreceptors", ("CL:0000604",))]
    assert rows(train) == [
        ("15040801", "SO", "gene", ("SO:0000704",)),
        ("15040801", "gene", '"gene', ("PR:1",)),
    ]
    assert train.passages["text"].to_pylist() == ['"gene" \r\nx']
    assert read_linking_gold(folder / "concepts.tsv.gz", "x").passages.num_rows == 2


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1\tCL\t0\t9\t0 9\tcell\tCL:1\n", "line 2: 0 to 9 is no stretch of the 4 characters of 1"),
        ("2\tCL\t0\t4\t0 4\tcell\tCL:1\n", "line 2: there is no text txt/2.txt."),
        ("1\tCL\tx\t4\t0 4\tcell\tCL:1\n", "line 2: it should have 7 columns"),
        ("1\tCL\n", "line 2: it should have 7 columns"),
    ],
)
def test_a_wrong_line_of_craft_is_named(tmp_path: Path, line: str, problem: str):
    folder = craft(tmp_path, line, _1="cell")

    with pytest.raises(MalformedFileError, match=problem):
        read_linking_gold(folder, "all")


def test_what_is_not_there_is_said_with_what_is(tmp_path: Path):
    folder = corpus(tmp_path, train__PubTator=ABSTRACT)

    with pytest.raises(ConfigurationError, match=r"has no split 'test'; there is train\."):
        read_linking_gold(folder, "test")
    with pytest.raises(ConfigurationError, match="There is no gold"):
        read_linking_gold(folder / "nothing", "test")
    with pytest.raises(ConfigurationError, match="no .PubTator and no concepts.tsv there"):
        read_linking_gold(tmp_path, "test")


def test_a_packed_file_that_is_cut_off_is_named(tmp_path: Path):
    folder = corpus(tmp_path, train__PubTator=ABSTRACT)
    (folder / "test.PubTator.gz").write_bytes(gzip.compress(ABSTRACT.encode())[:40])

    with pytest.raises(MalformedFileError, match="it is no gzip file, or it is cut off"):
        read_linking_gold(folder, "test")


@given(st.lists(st.integers(1, 10**8), unique=True, max_size=5), st.sampled_from("|+,;"))
def test_what_is_joined_is_split_again(numbers: list[int], sign: str):
    cell = sign.join(map(str, numbers))

    assert concept_ids(cell, "gene") == tuple(f"NCBIGene:{each}" for each in numbers)


@given(st.text(), st.sets(st.text()) | st.none())
def test_every_document_is_of_one_split_always_the_same(doc_id: str, held_out: set[str] | None):
    assert split_of(doc_id, held_out) == split_of(doc_id, held_out)
    if held_out is not None:
        assert (split_of(doc_id, held_out) == "devel") == (doc_id in held_out)


def test_a_tenth_of_documents_is_devel_where_nothing_else_says_so():
    devel = [number for number in range(10_000) if split_of(str(number)) == "devel"]

    assert 900 < len(devel) < 1_100


# Corpus, documents and mentions of devel, and of them without a concept.
DEVEL = {
    "bc5cdr": (488, 9309, 59),
    "bioid-cellline": (982, 380, 0),
    "biored": (78, 2644, 137),
    "craft": (7, 8021, 0),
    "gnormplus": (37, 463, 151),
    "linnaeus": (17, 540, 0),
    "ncbi-disease": (100, 787, 0),
    "nlm-gene": (49, 1583, 245),
    "s800": (64, 295, 0),
}


@pytest.mark.parametrize("name", DEVEL)
def test_the_real_corpora_are_read_whole(test_data: Path, name: str):
    devel = read_linking_gold(test_data / "linking" / name, "devel")

    without = sum(not each for each in devel.concepts)
    assert (devel.passages.num_rows, len(devel.concepts), without) == DEVEL[name]
    train = read_linking_gold(test_data / "linking" / name, "train")
    both = (set(gold.passages["doc_id"].to_pylist()) for gold in (devel, train))
    assert not set.intersection(*both)
