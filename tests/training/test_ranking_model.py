"""What a linking model learns from, and that what came out are numbers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import kazu_platform.sample
from kazu_platform.errors import ConfigurationError
from kazu_platform.training.ranking_model import gold_version, ranking_tasks
from tests.evaluation.linking_by_hand import Made, make

if TYPE_CHECKING:
    from collections.abc import Callable

GOLD = Path(str(kazu_platform.sample.__file__)).parent / "training" / "linking"
TRAIN = """\
1|t|Old names
1|a|A growth of the breast. Lung cancer.
1\t12\t32\tgrowth of the breast\tDisease\tMESH:D001943
1\t34\t45\tLung cancer\tDisease\tMESH:D008175

2|t|Held out elsewhere
2|a|Lung cancer.
2\t19\t30\tLung cancer\tDisease\tMESH:D008175
"""
DEVEL = """\
3|t|More of it
3|a|Lung cancer.
3\t11\t22\tLung cancer\tDisease\tMESH:D008175
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("linking") / "index")


@pytest.fixture
def root(written: Callable[[str, str], Path]) -> Path:
    written("gold/one/train.PubTator", TRAIN)
    written("gold/two/train.PubTator", DEVEL.replace("3|", "4|").replace("3\t", "4\t", 1))
    written("gold/two/devel.PubTator", TRAIN.partition("\n\n")[2])
    return written("gold/one/devel.PubTator", DEVEL).parent.parent


def documents(
    root: Path, made: Made, *splits: str, test_pmids: frozenset[str] = frozenset()
) -> list[str]:
    tasks = ranking_tasks(root, splits, made.identifiers, made.linker, test_pmids=test_pmids)
    return [f"{each.corpus} {each.split} {each.n_documents}" for each in tasks]


def test_what_any_corpus_holds_out_is_learnt_from_in_none(root: Path, made: Made):
    assert documents(root, made, "train", "devel") == [
        *("one train 1", "two train 1", "one devel 1", "two devel 1"),
    ]


def test_a_test_document_is_passed_over_in_every_split(root: Path, made: Made):
    test_pmids = frozenset({"4", "3"})

    assert documents(root, made, "train", "devel", test_pmids=test_pmids) == [
        *("one train 1", "two devel 1"),
    ]


def test_a_folder_without_a_known_concept_is_an_error(root: Path, made: Made, tmp_path: Path):
    for path in root.rglob("*.PubTator"):
        path.write_text(path.read_text("utf-8").replace("MESH:", "OTHER:"), "utf-8")

    with pytest.raises(ConfigurationError, match="holds no corpus whose concepts the catalogue"):
        documents(root, made, "train")
    for wrong in (tmp_path / "nowhere", root / "one" / "train.PubTator"):
        with pytest.raises(ConfigurationError, match=f"There is no folder {wrong}"):
            documents(wrong, made, "train")
        with pytest.raises(ConfigurationError, match=f"There is no folder {wrong}"):
            gold_version(wrong)


def test_the_version_of_corpora_changes_with_them_and_with_what_is_held_out(tmp_path: Path):
    root = shutil.copytree(GOLD, tmp_path / "data" / "linking")
    before = gold_version(root)
    assert before == gold_version(GOLD)

    held_out = tmp_path / "data" / "ner" / "sample-links" / "devel.tsv"
    held_out.parent.mkdir(parents=True)
    held_out.write_text("-DOCSTART- 90000241\tO\n", "utf-8")
    with_ner = gold_version(root)
    devel = root / "sample-links" / "devel.PubTator"
    devel.write_text(devel.read_text("utf-8").replace("quinine", "Quinine"), "utf-8")

    assert len({before, with_ner, gold_version(root)}) == 3
