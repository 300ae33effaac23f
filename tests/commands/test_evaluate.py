"""`kazu-platform evaluate`."""

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
IOB = """-DOCSTART- 1\tO

Imatinib\tB-chemical
inhibits\tO
BCR\tB-gene
-\tO
ABL\tB-gene
in\tO
chronic\tB-disease
myeloid\tI-disease
leukaemia\tI-disease
.\tO

-DOCSTART- 2\tO

Juvenile\tB-disease
leukaemia\tI-disease
and\tO
gout\tB-disease

No\tO
leukaemia\tO
or\tO
leukaemia\tO
.\tO
"""
PUBTATOR = """1|t|Imatinib in chronic myeloid leukaemia
1|a|Imatinib-induced gout.
1\t0\t8\tImatinib\tChemical\tD000068877
1\t12\t37\tchronic myeloid leukaemia\tSpecificDisease\tD015464
1\t38\t54\tImatinib-induced\tChemical\t-
"""


@pytest.fixture(scope="module")
def home(kazu: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the indices of the sample and nothing else."""
    home = tmp_path_factory.mktemp("evaluate") / "home"
    assert kazu("annotate", "TNF", home=home).returncode == 0
    return home


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "devel.tsv").write_text(IOB, "utf-8")
    (folder / "train.PubTator").write_text(PUBTATOR, "utf-8")
    return folder


@pytest.fixture
def evaluated(kazu: Run, home: Path, gold: Path) -> Run:
    """Evaluate on the small corpus above."""

    def run(
        *arguments: str, split: str = "devel", entity_class: str = "disease", **settings: str
    ) -> Done:
        chosen = ("--gold", str(gold), "--split", split, "--entity-class", entity_class)
        return kazu("evaluate", "ner", *chosen, *arguments, home=home, **settings)

    return run


def test_json_is_one_object_with_every_figure(evaluated: Run):
    done = evaluated("--json")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    body = json.loads(done.stdout)
    assert len(body.pop("detector_version")) == 24
    assert body == {
        "corpus": "corpus",
        "split": "devel",
        "entity_class": "disease",
        "detector": "dictionary",
        "precision": 0.25,
        "precision_low": 0.0,
        "precision_high": 1.0,
        "recall": 1 / 3,
        "recall_low": 0.0,
        "recall_high": 1.0,
        "f1": 2 / 7,
        "f1_low": 0.0,
        "f1_high": 1.0,
        "n_gold": 3,
        "n_predicted": 4,
        "n_correct": 1,
        "interval_over": "documents",
        "n_documents": 2,
        "characters_precision": 0.25,
        "characters_precision_low": 0.0,
        "characters_precision_high": 1.0,
        "characters_recall": 1 / 3,
        "characters_recall_low": 0.0,
        "characters_recall_high": 1.0,
        "characters_f1": 2 / 7,
        "characters_f1_low": 0.0,
        "characters_f1_high": 1.0,
        "n_characters_predicted": 4,
        "n_characters_correct": 1,
        "relaxed_precision": 0.5,
        "relaxed_precision_low": pytest.approx(1 / 3),
        "relaxed_precision_high": 1.0,
        "relaxed_recall": 2 / 3,
        "relaxed_recall_low": 0.5,
        "relaxed_recall_high": 1.0,
        "relaxed_f1": pytest.approx(4 / 7),
        "relaxed_f1_low": pytest.approx(0.4),
        "relaxed_f1_high": 1.0,
        "n_relaxed_right": 2,
        "n_relaxed_reached": 2,
        "seen_recall": 1.0,
        "seen_recall_low": 0.0,
        "seen_recall_high": 1.0,
        "unseen_recall": 0.0,
        "unseen_recall_low": 0.0,
        "unseen_recall_high": 0.0,
        "n_seen": 1,
        "n_unseen": 2,
    }


def test_characters_are_compared_where_the_gold_is_pubtator(evaluated: Run):
    body = json.loads(evaluated("--json", split="train", entity_class="chemical").stdout)

    assert (body["n_gold"], body["n_predicted"], body["n_correct"]) == (2, 2, 1)
    assert (body["interval_over"], body["n_sentences"]) == ("sentences", 2)


def test_a_table_has_percentages_and_the_wrong_strings_if_asked(
    evaluated: Run, cells: Callable[[str], list[list[str]]]
):
    done = evaluated("--errors", "1")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("corpus devel, disease, detector dictionary\n")
    assert cells(done.stdout) == [
        ["figure", "value", "low", "high"],
        ["precision", "25.0", "0.0", "100.0"],
        ["recall", "33.3", "0.0", "100.0"],
        ["f1", "28.6", "0.0", "100.0"],
        ["characters precision", "25.0", "0.0", "100.0"],
        ["characters recall", "33.3", "0.0", "100.0"],
        ["characters f1", "28.6", "0.0", "100.0"],
        ["relaxed precision", "50.0", "33.3", "100.0"],
        ["relaxed recall", "66.7", "50.0", "100.0"],
        ["relaxed f1", "57.1", "40.0", "100.0"],
        ["seen recall", "100.0", "0.0", "100.0"],
        ["unseen recall", "0.0", "0.0", "0.0"],
        ["mistake", "string", "times"],
        ["found wrongly", "leukaemia", "3"],
        ["missed", "Juvenile leukaemia", "1"],
    ]
    assert "3 in the gold, 4 found, 1 correct; 95 % intervals over 2 documents\n" in done.stdout
    assert "1 of the gold are strings of the train split, 2 are not\n" in done.stdout


def test_json_has_the_wrong_strings_if_asked(evaluated: Run):
    body = json.loads(evaluated("--errors", "1", "--json").stdout)

    assert body["false_positives"] == {"leukaemia": 3}
    assert body["false_negatives"] == {"Juvenile leukaemia": 1}


def test_without_a_train_split_nothing_is_said_of_seen_strings(evaluated: Run, gold: Path):
    (gold / "train.PubTator").unlink()

    done = evaluated("--json")

    assert (done.returncode, done.stderr) == (0, "")
    assert [key for key in json.loads(done.stdout) if "seen" in key] == []


def test_a_train_split_that_cannot_be_read_costs_two_figures_and_a_note(evaluated: Run, gold: Path):
    (gold / "train.tsv").write_text("TNF\n", "utf-8")

    done = evaluated("--json")

    assert done.returncode == 0
    assert done.stderr.startswith("note: no recall on seen and unseen strings: ")
    assert f"{gold / 'train.tsv'}, line 1" in done.stderr
    assert json.loads(done.stdout)["n_correct"] == 1


def test_another_catalogue_is_compiled_for_once_and_leaves_the_home_alone(
    evaluated: Run, home: Path, tmp_path: Path
):
    (tmp_path / "names.tsv").write_text("1\tgout\n2\tmyeloid leukaemia\n", "utf-8")
    catalogue = tmp_path / "own.yaml"
    catalogue.write_text(
        "name: own\n"
        "ontologies:\n"
        "  - {name: OWN, entity_class: disease, url: names.tsv, format: table, licence: CC0-1.0,\n"
        "     homepage: 'https://example.org',\n"
        "     columns: {header: false, id: 0, id_prefix: OWN, label: 1}}\n",
        "utf-8",
    )
    live = (home / "models" / "dictionary" / "live.json").read_bytes()

    done = evaluated("--json", "--sources", str(catalogue))

    assert (done.returncode, done.stderr) == (0, "Compiling the vocabularies of own ...\n")
    body = json.loads(done.stdout)
    assert (body["n_gold"], body["n_predicted"], body["n_correct"]) == (3, 2, 1)
    assert (home / "models" / "dictionary" / "live.json").read_bytes() == live


def test_a_catalogue_to_download_first_is_refused(evaluated: Run):
    done = evaluated("--sources", "public")

    assert (done.returncode, done.stdout) == (1, "")
    assert "is not on this machine. Materialise the catalogue" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_class_that_the_gold_does_not_mark_is_noted(evaluated: Run):
    done = evaluated("--json", entity_class="cell_type")

    assert done.returncode == 0
    assert done.stderr == "note: corpus devel marks no cell_type: chemical, disease, gene.\n"
    assert json.loads(done.stdout)["f1"] == 0.0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"split": "test"}, "corpus has no split 'test'; there is devel, train."),
        ({"entity_class": "specie"}, "There is no entity class 'specie'; did you mean 'species'?"),
        ({"entity_class": "?"}, "There is no entity class '?'; there is anatomy, cell_line,"),
    ],
)
def test_what_does_not_exist_is_one_line(evaluated: Run, arguments: dict[str, str], error: str):
    done = evaluated("--json", **arguments)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert error in done.stderr


def test_a_detector_that_does_not_exist_says_which_do(evaluated: Run):
    done = evaluated("--detector", "dictionry")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: There is no detector 'dictionry'; did you mean 'dictionary'?\n"


def test_a_missing_folder_and_a_malformed_line_are_named(kazu: Run, home: Path, tmp_path: Path):
    wrong = tmp_path / "wrong.tsv"
    wrong.write_text("TNF\tB-gene\nrose\n", "utf-8")

    for gold, error in (
        (tmp_path / "no", f"error: There is no gold {tmp_path / 'no'}; give a folder with"),
        (wrong, f"error: {wrong}, line 2: expected a token, a tab and O,"),
    ):
        done = kazu("evaluate", "ner", "--gold", str(gold), "--entity-class", "gene", home=home)

        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(error)
        assert done.stderr.count("\n") == 1
