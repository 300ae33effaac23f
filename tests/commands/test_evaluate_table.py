"""`kazu-platform evaluate ner-table`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
DISEASES = "chronic\tB-disease\nmyeloid\tI-disease\nleukaemia\tI-disease\nimatinib\tO\n"
CHEMICALS = "chronic\tO\nmyeloid\tO\nleukaemia\tO\nimatinib\tB-chemical\n"
LINES = "xyz123\tB-cell_line\nrose\tO\n"
SPECIES = "mice\tB-species\n\nasdf\tB-species\n"


@pytest.fixture(scope="module")
def home(kazu: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the indices of the sample and nothing else."""
    home = tmp_path_factory.mktemp("evaluate") / "home"
    assert kazu("annotate", "TNF", home=home).returncode == 0
    return home


@pytest.fixture
def evaluated(kazu: Run, home: Path, tmp_path: Path) -> Run:
    """Evaluate on four small corpora."""
    for name, content in (
        ("BC5CDR-disease", DISEASES),
        ("BC5CDR-chem", CHEMICALS),
        ("gellus", LINES),
        ("own", SPECIES),
    ):
        (tmp_path / "ner" / name).mkdir(parents=True)
        (tmp_path / "ner" / name / "devel.tsv").write_text(content, "utf-8")

    def run(*arguments: str, split: str = "devel") -> Done:
        chosen = ("--gold-root", str(tmp_path / "ner"), "--split", split)
        return kazu("evaluate", "ner-table", *chosen, *arguments, home=home)

    return run


def test_rows_stand_beside_the_paper_in_three_groups_with_macros(
    evaluated: Run, cells: Callable[[str], list[list[str]]]
):
    done = evaluated()

    assert done.returncode == 0
    assert done.stderr == "Reading devel of 4 corpora with dictionary ...\n"
    assert done.stdout.startswith("devel, detector dictionary\n\nrows of the paper, learnt from\n")
    head, *rows = cells(done.stdout)
    assert head[:5] == ["corpus", "class", "P", "R", "F1"]
    printed = [[row[0], row[1], *row[4:10]] for row in rows if row[0] != "corpus"]
    assert printed == [
        ["BC5CDR-disease", "disease", "100.0", "100.0", "100.0", "71.2", "70.4", "+28.8"],
        ["BC5CDR-chem", "chemical", "100.0", "100.0", "100.0", "90.4", "90.3", "+9.6"],
        ["macro", "2 rows", "100.0", "", "", "80.8", "80.4", "+19.2"],
        ["gellus", "cell_line", "0.0", "0.0", "0.0", "10.8", "12.9", "-10.8"],
        ["macro", "1 rows", "0.0", "", "", "10.8", "12.9", "-10.8"],
        ["own", "species", "66.7", "0.0", "100.0", "", "", ""],
    ]
    assert "\nmacro F1 of 3 rows: 66.7; in the paper, on test: TinyBERN2 57.4" in done.stdout
    assert "\nnot there: BC2GM gene, JNLPBA gene, NCBI-disease disease," in done.stdout


def test_json_is_one_object_with_every_figure_of_every_row(evaluated: Run):
    done = evaluated("--json")

    assert done.stdout.count("\n") == 1
    body = json.loads(done.stdout)
    assert (body["split"], body["detector"], len(body["missing"])) == ("devel", "dictionary", 10)
    rows = body["rows"]
    assert [(row["group"], row["corpus"], row["f1"]) for row in rows] == [
        ("in_domain", "BC5CDR-disease", 1.0),
        ("in_domain", "BC5CDR-chem", 1.0),
        ("cross_corpus", "gellus", 0.0),
        ("further", "own", pytest.approx(2 / 3)),
    ]
    assert rows[0]["paper_tinybern2_f1"] == 0.7118
    assert rows[3]["paper_tinybern2_f1"] is None
    assert {"f1_low", "relaxed_f1", "characters_f1", "n_gold", "interval_over"} <= rows[0].keys()
    assert body["macro"]["in_domain"]["f1"] == 1.0
    assert body["macro"]["all"]["n_rows"] == 3
    assert body["macro"]["all"]["tinybern2"] == pytest.approx((0.7118 + 0.9036 + 0.1079) / 3)


def test_a_folder_without_the_split_is_one_line(evaluated: Run):
    done = evaluated("--json", split="train")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "holds no corpus with a split 'train'; give a folder with a folder for" in done.stderr


def test_a_detector_that_does_not_exist_says_which_do(evaluated: Run):
    done = evaluated("--detector", "dictionry")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: There is no detector 'dictionry'; did you mean 'dictionary'?\n"
