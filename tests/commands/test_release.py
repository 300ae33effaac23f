"""`kazu-platform release`: what a new version would do, for a person and for a program."""

from __future__ import annotations

import json
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
    """Phenotypes of which one goes by another name, that would break a table, and one is gone."""
    text = HP.read_text("utf-8")
    assert text.count(FEVER) == 1
    changed = 'id: HP:0001945\nname: Hot | <b>cold</b>\nsynonym: "heart failure" EXACT []\n'
    path = tmp_path / "newer.obo"
    path.write_text(text.replace(FEVER, changed), "utf-8")
    return path


def test_a_curator_reads_what_a_version_would_change(
    kazu: Kazu, sample_home: Path, newer: Path, tmp_path: Path
):
    out = tmp_path / "report"

    done = kazu(
        "release", "preview", "HP", "--file", str(newer), "--out", str(out), home=sample_home
    )

    assert done.returncode == 0
    page = done.stdout
    assert (out / "report.md").read_text("utf-8") == page
    assert "**May go live**: of " in page
    assert "| concept\\_relabelled | 1 |" in page
    lost = page[page.index("### Strings that lose most") : page.index("### Strings that mean")]
    assert "| fever | phenotype |" in lost.lower()
    assert "PMID:" in lost
    gained = page[page.index("### Strings that gain most") :]
    assert "Hot \\| \\<b\\>cold\\</b\\> (HP:0001945)" in gained
    found = json.loads((out / "report.json").read_text("utf-8"))
    assert found["counts"]["lost"] == 7
    assert found["counts"]["gained"] >= 1
    [fever] = [each for each in found["concepts"] if each["concept_id"] == "HP:0001945"]
    assert (fever["lost"], fever["gained"]) == (7, found["counts"]["gained"])


def test_the_version_in_use_changes_nothing(kazu: Kazu, sample_home: Path):
    done = kazu("release", "preview", "HP", "--file", str(HP), "--json", home=sample_home)

    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["verdict"] == "no concept and no name is another than before"
    assert (found["strings"], found["changes"]) == ([], [])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["preview", "HPO", "--file", "{hp}"], "There is no ontology 'HPO'; did you mean 'HP'?"),
        (["preview", "HP", "--file", "absent.obo"], "absent.obo"),
        (["back", "linking_ranker", "--reason", "x"], "No linking_ranker was promoted yet"),
        (["back", "ner_modl", "--reason", "x"], "did you mean 'ner_model'?"),
        (["promote", "ner_model", "v1"], "ner_model has no version 'v1'"),
        (["promote", "dictionary", "v1"], "There is no model 'dictionary'"),
    ],
)
def test_a_wrong_argument_is_one_line(kazu: Kazu, tmp_path: Path, arguments: list[str], said: str):
    done = kazu("release", *(each.format(hp=HP) for each in arguments), home=tmp_path / "nothing")

    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
