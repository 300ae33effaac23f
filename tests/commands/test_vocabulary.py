"""`kazu-platform vocabulary diff`: two files compared before the newer one ships."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import kazu_platform.sample

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Kazu = Callable[..., subprocess.CompletedProcess[str]]

HP = Path(str(kazu_platform.sample.__file__)).parent / "ontologies" / "hp.obo"
FEVER = "id: HP:0001945\nname: Fever\n"


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """Phenotypes with another label for fever, and one more name."""
    text = HP.read_text("utf-8")
    assert text.count(FEVER) == 1
    changed = 'id: HP:0001945\nname: Raised temperature\nsynonym: "heart failure" EXACT []\n'
    path = tmp_path / "newer.obo"
    path.write_text(text.replace(FEVER, changed), "utf-8")
    return path


def test_every_change_is_printed_for_a_program(kazu: Kazu, sample_home: Path, newer: Path):
    done = kazu(
        "vocabulary", "diff", str(HP), str(newer), "--source", "HP", "--format", "json",
        home=sample_home,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    rows = json.loads(done.stdout)
    found = {(row["change"], row["name"]): row for row in rows}
    assert found["concept_relabelled", "Fever"]["other"] == "Raised temperature"
    lost = found["name_removed", "Fever"]
    assert (lost["concept_id"], lost["effect"]) == ("HP:0001945", "lost")
    assert lost["n_mentions"] == 7
    gained = found["name_added", "heart failure"]
    assert gained["effect"] == "gained"
    assert gained["n_mentions"] >= 1
    assert found["name_added", "Raised temperature"]["n_mentions"] == 0


def test_a_person_reads_counts_first_and_then_what_matters_most(
    kazu: Kazu,
    sample_home: Path,
    newer: Path,
    cells: Callable[[str], list[list[str]]],
):
    done = kazu("vocabulary", "diff", str(HP), str(newer), "--source", "HP", home=sample_home)

    assert done.returncode == 0
    table = cells(done.stdout)
    assert ["concept_relabelled", "", "1", "1", "7"] in table
    assert ["lost", "2", "1", "7"] in table
    assert "documents were searched for new names; 0 more changes" in done.stderr


def test_nothing_is_searched_if_nobody_asks(kazu: Kazu, sample_home: Path, newer: Path):
    done = kazu(
        "vocabulary", "diff", str(HP), str(newer), "--source", "HP", "--documents", "0",
        "--format", "json", home=sample_home,
    )  # fmt: skip

    found = {(row["change"], row["name"]): row["n_mentions"] for row in json.loads(done.stdout)}
    assert found["name_added", "heart failure"] is None


def test_files_are_compared_where_there_is_no_lake(kazu: Kazu, tmp_path: Path, newer: Path):
    done = kazu(
        "vocabulary", "diff", str(newer), str(HP), "--source", "HP", "--format", "json",
        home=tmp_path / "nothing",
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    found = {(row["change"], row["name"]): row["n_mentions"] for row in json.loads(done.stdout)}
    assert found["name_removed", "heart failure"] == 0
    assert not (tmp_path / "nothing").exists()


def test_the_older_file_may_be_in_another_format(
    kazu: Kazu, tmp_path: Path, test_data: Path, sample_home: Path
):
    folder = test_data / "ontologies" / "disease"
    new = "doid-2018-07-05.obograph.json.gz"
    catalogue = tmp_path / "catalogue.yaml"
    catalogue.write_text(
        "name: own\nontologies:\n- {name: DOID, entity_class: disease, format: obograph, "
        f"url: {new}, licence: CC0-1.0, homepage: https://disease-ontology.org, "
        "id_prefixes: [DOID]}\n",
        "utf-8",
    )

    done = kazu(
        "vocabulary", "diff", str(folder / "doid_HumanDO.obo.gz"), str(folder / new),
        "--source", "DOID", "--old-format", "obo", "--documents", "0", "--format", "json",
        home=sample_home, KAZU_SOURCES=str(catalogue),
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    changes = [row["change"] for row in json.loads(done.stdout)]
    assert changes.count("concept_added") == 2351


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{hp}", "{hp}", "--source", "HPO"], "There is no ontology 'HPO'; did you mean 'HP'?"),
        (["{hp}", "absent.obo", "--source", "HP"], "absent.obo: cannot be opened"),
        (["{hp}", "{hp}", "--source", "HP", "--old-format", "obograph"], "hp.obo"),
        (["{hp}", "{hp}", "--source", "HP", "--old-format", "table"], "needs `columns`"),
    ],
)
def test_a_wrong_argument_is_one_line(kazu: Kazu, tmp_path: Path, arguments: list[str], said: str):
    shutil.copy(HP, tmp_path / "hp.obo")

    done = kazu("vocabulary", "diff", *(each.format(hp=HP) for each in arguments), home=tmp_path)

    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
