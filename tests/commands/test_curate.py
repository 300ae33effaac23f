"""`kazu-platform curate check` and `curate apply`."""

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

HEADER = "action,name,concept_id,author,reason,decided_on,state\n"
ROW = "drop,KIT,HGNC:6342,team,an English word,2026-01-01,approved\n"


def test_the_sample_s_decisions_do_something(
    kazu: Run, sample_home: Path, cells: Callable[[str], list[list[str]]]
):
    done = kazu("curate", "check", home=sample_home)

    assert (done.returncode, done.stderr) == (0, "")
    header, *rows = cells(done.stdout)
    assert [header.index(name) for name in ("place", "action", "name", "effect")] == [0, 1, 2, 7]
    assert {row[2]: row[7:9] for row in rows if row[7] == "in_force"} == {
        "disease": ["in_force", "2"],
        "WAS": ["in_force", "1"],
        "patients": ["in_force", "1"],
        "amyloid precursor protein": ["in_force", "1"],
        "MTOR": ["in_force", "1"],
        "PSA": ["in_force", ""],
    }
    assert done.stdout.splitlines()[-1] == "8 curations: 1 expired, 6 in_force, 1 proposed"


def test_another_file_is_compared_with_the_same_vocabularies(
    kazu: Run, sample_home: Path, tmp_path: Path
):
    file = tmp_path / "new.csv"
    file.write_text(HEADER + ROW + ROW.replace("KIT", "KITT"), "utf-8")

    done = kazu("curate", "check", str(file), "--json", home=sample_home)

    found = json.loads(done.stdout)
    assert found["counts"] == {"in_force": 1, "no_such_name": 1}
    assert [(row["name"], row["n_changed"]) for row in found["curations"]] == [
        ("KIT", 1),
        ("KITT", 0),
    ]
    assert found["curations"][0]["decided_on"] == "2026-01-01"


def test_before_anything_is_made_only_the_file_is_checked(kazu: Run, tmp_path: Path):
    done = kazu("curate", "check", "--json", home=tmp_path / "home")

    assert json.loads(done.stdout)["counts"]["in_force"] == 6
    assert done.stderr == "No vocabulary was made yet: concepts and names are not looked up.\n"
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_every_wrong_row_is_named(kazu: Run, tmp_path: Path, arguments: tuple[str, ...]):
    file = tmp_path / "new.csv"
    file.write_text(HEADER + ROW.replace("drop", "dorp") + ROW.replace("2026", "26"), "utf-8")

    done = kazu("curate", "check", str(file), *arguments, home=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"error: {file}, line 2: action: there is no 'dorp'; did you mean 'drop'?",
        f"{file}, line 3: decided_on: '26-01-01' is no date; write it as 2026-01-31.",
    ]


def test_a_catalogue_without_curations_says_what_to_do(kazu: Run, tmp_path: Path):
    catalogue = tmp_path / "own.yaml"
    catalogue.write_text("name: own\n", "utf-8")

    done = kazu("curate", "check", home=tmp_path, KAZU_SOURCES=str(catalogue))

    assert done.returncode == 1
    assert done.stderr == (
        "error: The catalogue 'own' names no file of curations; give one, or add "
        "`curations: FILE` to it.\n"
    )


def test_applying_what_is_in_effect_says_so(kazu: Run, own_home: Path):
    done = kazu("curate", "apply", home=own_home, seconds=120)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "Names of 0 ontologies curated anew; mentions and links of 6 files up to date after "
    )


def test_nothing_can_be_applied_before_anything_was_made(kazu: Run, tmp_path: Path):
    done = kazu("curate", "apply", home=tmp_path / "home")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: Nothing was linked yet; materialise the catalogue first")
