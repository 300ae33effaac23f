"""`kazu-platform benchmark`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.ner.models import model_folder

if TYPE_CHECKING:
    from pathlib import Path

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
SENTENCES = "EGFR in breast cancer cells.\n\nThe gene of imatinib.\nNothing. At all.\n"
DOCUMENTS = [
    {"title": "EGFR in cancer.", "text": "The gene rose. It fell."},
    {"text": "Imatinib in cells."},
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model")).folder


@pytest.fixture(scope="module")
def measured(kazu: Run, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Measure a text of a name, in a home with the indices of the sample."""
    home = tmp_path_factory.mktemp("benchmark") / "home"
    assert kazu("annotate", "TNF", home=home).returncode == 0

    def run(name: str, content: str, *arguments: str) -> Done:
        path = home.parent / name
        path.write_text(content)
        given = ("--text", str(path), "--model", str(model), "--repeats", "1")
        return kazu("benchmark", "ner", *given, *arguments, home=home)

    return run


def as_json(done: Done) -> dict[str, Any]:
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_lines_are_sentences_and_every_figure_is_there(measured: Run):
    body = as_json(measured("sentences.txt", SENTENCES, "--json"))

    assert (body["documents"], body["sentences"]) == (3, 3)
    assert [(row["detector"], row["batch_size"]) for row in body["rows"]] == [
        ("model", 1),
        ("model", 32),
        ("model+dictionary", 1),
        ("model+dictionary", 32),
    ]
    for row in body["rows"]:
        assert row["sentences_per_second"] == row["documents_per_second"] > 0
        assert row["model_sentences_per_second"] > 0
    by_model, _, with_dictionary, _ = (row["mentions"] for row in body["rows"])
    assert 0 < by_model != with_dictionary > 0


def test_json_lines_are_documents(measured: Run):
    lines = "".join(f"{json.dumps(each)}\n" for each in DOCUMENTS)

    body = as_json(measured("d.jsonl", lines, "--json", "--batch-size", "2", "--detector", "model"))

    assert (body["documents"], body["sentences"]) == (2, 4)
    [row] = body["rows"]
    assert (row["detector"], row["batch_size"]) == ("model", 2)
    assert row["sentences_per_second"] == pytest.approx(2 * row["documents_per_second"])


def test_the_table_is_laid_out_as_the_papers(
    measured: Run, cells: Callable[[str], list[list[str]]]
):
    done = measured("sentences.txt", SENTENCES, "--threads", "1")

    header, *rows = cells(done.stdout)
    assert done.stdout.startswith("3 sentences of 3 documents, 1 threads\n")
    assert header == ["", "", "model", "model+dictionary"]
    assert [row[0] for row in rows if row[0]] == [
        "Throughput (CPU) (batch size = 1)",
        "Throughput (CPU) (batch size = 32)",
    ]
    assert [row[1] for row in rows[:4]] == [
        "Speed (s/steps)",
        "Throughput (sentences/s)",
        "Throughput (documents/s)",
        "Network alone (sentences/s)",
    ]


@pytest.mark.parametrize(
    ("name", "content", "arguments", "message"),
    [
        ("empty.txt", " \n", (), "holds no text"),
        ("d.jsonl", "EGFR\n", (), "d.jsonl, line 1: no JSON object with a text"),
        ("a.txt", "EGFR\n", ("--detector", "modell"), "did you mean 'model'?"),
        ("a.txt", "EGFR\n", ("--model", "nowhere"), "nowhere/model.json is missing"),
    ],
)
def test_what_is_wrong_is_one_line(
    measured: Run, name: str, content: str, arguments: tuple[str, ...], message: str
):
    done = measured(name, content, *arguments)

    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
