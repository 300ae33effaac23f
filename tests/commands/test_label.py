"""`kazu-platform curate export` and `curate import`, from the lake to a proposal and to gold."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from pathlib import Path

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
Answer = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]

DOCUMENTS = ("--doc", "90000080", "--doc", "PMID:90000054")


@pytest.fixture(scope="module")
def tasks(
    kazu: Run, sample_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Any]]:
    """Two whole documents as tasks."""
    folder = tmp_path_factory.mktemp("labelling")
    done = kazu("curate", "export", *DOCUMENTS, "--out", str(folder), home=sample_home)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 tasks with " in done.stdout
    assert (folder / "labelling.xml").read_text("utf-8").startswith("<View>")
    return json.loads((folder / "tasks.json").read_text("utf-8"))


def exported(tasks: list[dict[str, Any]], path: Path, answer: Answer = lambda r: r) -> Path:
    """The tasks as Label Studio exports them once everybody submitted."""
    answered = [
        {
            "id": number,
            "data": task["data"],
            "predictions": [number],
            "annotations": [
                {"completed_by": 1, "result": answer(json.loads(json.dumps(prediction["result"])))}
                for prediction in task["predictions"]
            ],
        }
        for number, task in enumerate(tasks, 1)
    ]
    path.write_text(json.dumps(answered), "utf-8")
    return path


def no_serum(result: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Everything but the regions of a string."""
    return [each for each in result if each["value"]["text"].lower() != "serum"]


def not_klk3(result: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """PSA means another gene, whatever it is listed as."""
    for each in result:
        if each["type"] == "choices" and each["value"]["text"] == "PSA":
            each["value"]["choices"] = ["HGNC:7900 NPEPPS"]
    return result


def test_what_nobody_changed_proposes_nothing(
    kazu: Run, sample_home: Path, tmp_path: Path, tasks: list[dict[str, Any]]
):
    file, out = exported(tasks, tmp_path / "export.json"), tmp_path / "proposed.yaml"

    done = kazu("curate", "import", str(file), "--out", str(out), "--json", home=sample_home)

    n = sum(len(task["data"]["mentions"]) for task in tasks)
    assert json.loads(done.stdout) == {
        "tasks": 2,
        "answered": 2,
        "proposals": [],
        "conflicts": [],
        "verdicts": {"kept": n},
        "file": None,
    }
    assert not out.exists()


def test_what_people_removed_is_proposed_and_can_be_previewed(
    kazu: Run, sample_home: Path, tmp_path: Path, tasks: list[dict[str, Any]]
):
    file = exported(tasks, tmp_path / "export.json", no_serum)
    out = tmp_path / "proposed.yaml"

    done = kazu(
        "curate", "import", str(file), "--out", str(out), "--author", "Anna", home=sample_home
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "1 curations proposed, 0 strings for a person to settle." in done.stdout
    assert yaml.safe_load(out.read_text("utf-8"))[-1] | {"decided_on": ""} == {
        "action": "ignore",
        "name": "Serum",
        "entity_class": "anatomy",
        "author": "Anna",
        "reason": "No anatomy: removed in 2 mentions of 1 document (PMID:90000054)",
        "decided_on": "",
        "state": "proposed",
    }
    checked = kazu("curate", "check", str(out), "--json", home=sample_home)
    assert json.loads(checked.stdout)["counts"] == {"expired": 1, "in_force": 6, "proposed": 2}
    shown = kazu("curate", "preview", str(out), "--json", home=sample_home, seconds=120)
    lost = [row for row in json.loads(shown.stdout)["mentions"] if row["change"] == "lost"]
    assert "PMID:90000054" in {row["doc_id"] for row in lost if row["text"] in {"Serum", "serum"}}


def test_what_contradicts_a_decision_in_force_is_for_a_person_to_settle(
    kazu: Run, sample_home: Path, tmp_path: Path, tasks: list[dict[str, Any]]
):
    of_one = [task for task in tasks if task["data"]["doc_id"] == "PMID:90000080"]
    file = exported(of_one, tmp_path / "export.json", not_klk3)
    out = tmp_path / "proposed.yaml"

    done = kazu("curate", "import", str(file), "--out", str(out), "--json", home=sample_home)

    found = json.loads(done.stdout)
    assert (found["proposals"], found["verdicts"]["relinked"]) == ([], 2)
    [conflict] = found["conflicts"]
    assert (conflict["name"], conflict["entity_class"]) == ("PSA", "gene")
    assert "Means it and not HGNC:6364 in 2 mentions" in conflict["why"]
    assert "contradicts prefer at item" in conflict["why"]
    assert not out.exists()


def test_answers_are_gold_that_evaluate_reads(
    kazu: Run, sample_home: Path, tmp_path: Path, tasks: list[dict[str, Any]]
):
    file, out = exported(tasks, tmp_path / "export.json", no_serum), tmp_path / "gold"

    done = kazu("curate", "import", str(file), "--as", "gold", "--out", str(out), home=sample_home)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"2 documents: {out / 'test.PubTator'}\n")
    for what, figure in (("ner", "recall"), ("linking", "accuracy_at_1")):
        measured = kazu(
            "evaluate",
            what,
            *("--gold", str(out), "--entity-class", "chemical", "--json"),
            home=sample_home,
        )
        assert f'"{figure}"' in measured.stdout, measured.stderr
    again = kazu("curate", "import", str(file), "--as", "gold", "--out", str(out), home=sample_home)
    assert again.returncode == 1
    assert "is there already; give another name" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("export", "--text", "no such string", "--out"), "No mention is like that"),
        (("export", "--doc", "1", "--out"), "The warehouse has no document 'PMID:1'"),
        (("import", "-", "--out"), "proposals are written as YAML; name the file .yaml."),
    ],
)
def test_what_cannot_be_done_is_one_line(
    kazu: Run, sample_home: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
):
    done = kazu("curate", *arguments, str(tmp_path / "out"), home=sample_home)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_wrong_export_names_task_and_field(
    kazu: Run, sample_home: Path, tmp_path: Path, tasks: list[dict[str, Any]]
):
    wrong = json.loads(json.dumps(tasks))
    wrong[1]["data"]["mentions"][0]["end"] = -1
    file = exported(wrong, tmp_path / "export.json")

    done = kazu("curate", "import", str(file), "--out", str(tmp_path / "p.yaml"), home=sample_home)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {file}, task 2, data.mentions[0]: ")
