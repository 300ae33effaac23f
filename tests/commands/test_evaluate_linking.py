"""`kazu-platform evaluate linking` and `evaluate linking-table`, on the sample's vocabularies."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
GOLD = """1|t|Imatinib in chronic myeloid leukaemia.
1|a|Imatinib helps.
1\t0\t8\tImatinib\tChemical\tCHEBI:45783
1\t12\t37\tchronic myeloid leukaemia\tDisease\tMONDO:0011996
1\t39\t47\tImatinib\tChemical\tCHEBI:45783

2|t|Brest carcinoma and malaise.
2|a|
2\t0\t15\tBrest carcinoma\tDisease\tMONDO:0004989
2\t20\t27\tmalaise\tDisease\t-1
2\t20\t27\tmalaise\tSpecies\t999999999

"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of one corpus, and one that has no split."""
    for name, content in {"own/devel.PubTator": GOLD, "other/notes.txt": ""}.items():
        (tmp_path / "gold" / name).parent.mkdir(parents=True)
        (tmp_path / "gold" / name).write_text(content, "utf-8")
    return tmp_path / "gold"


@pytest.fixture
def evaluated(kazu: Run, sample_home: Path, root: Path) -> Run:
    def run(*arguments: str, entity_class: str = "disease") -> Done:
        chosen = ("--gold", str(root / "own"), "--split", "devel", "--entity-class", entity_class)
        return kazu("evaluate", "linking", *chosen, *arguments, home=sample_home)

    return run


def test_json_is_one_object_with_every_figure(evaluated: Run):
    done = evaluated("--json")

    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    body = json.loads(done.stdout)
    assert (body["corpus"], body["split"], body["entity_class"]) == ("own", "devel", "disease")
    assert (body["linker"], body["n_mentions"], body["n_in_vocabulary"]) == ("platform", 3, 2)
    assert body["accuracy_at_1"] == body["accuracy_at_1_in_vocabulary"] == 0.5
    assert (body["nil_precision"], body["nil_recall"]) == (0.5, 1.0)
    assert body["recall_at_20"] == 0.5
    assert body["accuracy_at_1_low"] <= 0.5 <= body["accuracy_at_1_high"]
    assert 0 <= body["calibration_error_low"] <= body["calibration_error"] <= 1
    assert sum(each["n"] for each in body["reliability"]) == 1
    assert (body["detector"], body["document_n_gold"], body["document_n_correct"]) == (
        *("dictionary", 2),
        1,
    )
    assert body["mention_recall"] == 0.5


def test_figures_and_the_reliability_plot_are_printed(
    evaluated: Run, cells: Callable[[str], list[list[str]]]
):
    done = evaluated(entity_class="chemical")

    assert done.returncode == 0
    assert done.stdout.startswith("own devel, chemical, linker platform\n")
    rows = {row[0]: row[1:] for row in cells(done.stdout)}
    assert rows["accuracy at 1 in vocabulary"] == ["100.0", "100.0", "100.0"]
    assert rows["nil recall"] == ["-", "-", "-"]
    assert rows["document f1"][0] == "100.0"
    row = r"^\| 0\.[5-9]-(0\.\d|1\.0) \| 0\.\d\d \| 2 \| 1\.00 \| █{20,}"
    assert re.search(row, done.stdout, re.MULTILINE)


def test_a_baseline_is_chosen_by_its_name(evaluated: Run):
    done = evaluated("--linker", "kazu", "--given-only", "--json")

    body = json.loads(done.stdout)
    assert (body["linker"], body["accuracy_at_1"]) == ("Kazu n-grams", 1.0)
    assert "detector" not in body


@pytest.mark.parametrize(
    ("arguments", "entity_class", "message"),
    [
        (("--linker", "kazoo"), "disease", "There is no linker 'kazoo'; did you mean 'kazu'?"),
        ((), "diseas", "There is no entity class 'diseas'; did you mean 'disease'?"),
        (("--split", "test"), "disease", "has no split 'test'; there is devel."),
    ],
)
def test_a_users_error_is_one_line(
    evaluated: Run, arguments: tuple[str, ...], entity_class: str, message: str
):
    done = evaluated(*arguments, "--json", entity_class=entity_class)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert message in done.stderr


def test_what_gives_no_figures_is_said(evaluated: Run):
    unknown = evaluated("--given-only", entity_class="species")
    unmarked = evaluated("--given-only", entity_class="gene")

    assert "note: the vocabularies know no species of own devel; give --sources" in unknown.stderr
    assert unmarked.stderr == "note: own devel marks no gene: chemical, disease, species.\n"


def test_all_linkers_stand_in_one_table(
    kazu: Run, sample_home: Path, root: Path, cells: Callable[[str], list[list[str]]]
):
    chosen = ("evaluate", "linking-table", "--gold-root", str(root), "--split", "devel")

    done = kazu(*chosen, home=sample_home)

    assert done.returncode == 0
    assert "note: " in done.stderr
    head, *rows = cells(done.stdout)
    assert head[:6] == ["corpus", "class", "mentions", "in vocab.", "linker", "acc@1 in vocab."]
    linkers = ["platform", "names", "exact match", "Kazu n-grams", "scispaCy n-grams"]
    assert [row[4] for row in rows] == linkers * 2
    assert [row[:2] for row in rows if row[0]] == [["own", "disease"], ["own", "chemical"]]
    disease = {row[4]: row[5] for row in rows[:5]}
    assert disease == {
        "platform": "50.0",
        "names": "50.0",
        "exact match": "50.0",
        "Kazu n-grams": "100.0",
        "scispaCy n-grams": "100.0",
    }
    assert "the vocabularies know none of: own species\n" in done.stdout


def test_the_table_as_json_has_both_steps_if_asked(kazu: Run, sample_home: Path, root: Path):
    chosen = ("evaluate", "linking-table", "--gold-root", str(root), "--split", "devel")

    done = kazu(*chosen, "--end-to-end", "--json", home=sample_home)

    body = json.loads(done.stdout)
    assert (body["split"], body["unknown"], len(body["rows"])) == ("devel", ["own species"], 10)
    assert all("document_f1" in row for row in body["rows"])


def test_a_folder_without_the_split_is_an_error(kazu: Run, sample_home: Path, tmp_path: Path):
    done = kazu(
        *("evaluate", "linking-table", "--gold-root", str(tmp_path), "--split", "devel"),
        home=sample_home,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert "holds no corpus with a split 'devel'" in done.stderr
