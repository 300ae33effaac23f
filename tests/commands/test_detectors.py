"""Which detector a command reads with."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from kazu_platform.ner.packaged import ARTIFACT, PACKAGED
from kazu_platform.settings import Settings
from kazu_platform.storage.artifacts import ArtifactStore
from tests.ner.models import CLASSES, model_folder
from tests.ner.test_checkpoints import MULTI, checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from kazu_platform.ner.model_files import ModelFiles

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
TEXT = "Imatinib inhibits BCR-ABL in the liver of women with chronic myeloid leukaemia."
GOLD = "chronic\tB-disease\nmyeloid\tI-disease\nleukaemia\tI-disease\n.\tO\n"
AS_SHIPPED = {"KAZU_DETECTOR": "model+dictionary"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    return model_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def home(kazu: Run, tmp_path_factory: pytest.TempPathFactory, model: ModelFiles) -> Path:
    """A home with the indices of the sample and a promoted model."""
    home = tmp_path_factory.mktemp("detectors") / "home"
    assert kazu("annotate", "TNF", home=home).returncode == 0
    with ArtifactStore(home / "models").stage(ARTIFACT) as staged:
        for path in model.folder.iterdir():
            (staged.content / path.name).write_bytes(path.read_bytes())
        staged.commit(version="of-the-test")
    return home


@pytest.fixture(scope="module")
def annotated(kazu: Run, home: Path) -> Callable[..., set[str]]:
    """Annotate the text; who found its mentions."""

    def run(*arguments: str, **settings: str) -> set[str]:
        done = kazu("annotate", TEXT, "--format", "jsonl", *arguments, home=home, **settings)
        assert (done.returncode, done.stderr) == (0, "")
        body = json.loads(done.stdout)
        (section,) = body["sections"]
        for each in body["mentions"]:
            assert section["text"][each["start"] : each["end"]] == each["text"]
        return {each["detector"] for each in body["mentions"]}

    return run


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    (tmp_path / "ner" / "NCBI-disease").mkdir(parents=True)
    (tmp_path / "ner" / "NCBI-disease" / "devel.tsv").write_text(GOLD, "utf-8")
    return tmp_path / "ner"


@pytest.fixture
def evaluated(kazu: Run, home: Path, gold: Path) -> Run:
    """Evaluate diseases."""

    def run(*arguments: str, **settings: str) -> Done:
        file = str(gold / "NCBI-disease")
        chosen = ("--gold", file, "--split", "devel", "--entity-class", "disease", "--json")
        return kazu("evaluate", "ner", *chosen, *arguments, home=home, **settings)

    return run


def body_of(done: Done) -> dict[str, Any]:
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_annotate_reads_with_both_where_there_is_a_model(annotated: Callable[..., set[str]]):
    both = annotated(**AS_SHIPPED)

    assert {"dictionary", "model"} <= both
    assert both == annotated("--detector", "model+dictionary")


def test_annotate_reads_with_the_one_that_is_chosen(annotated: Callable[..., set[str]]):
    assert annotated("--detector", "dictionary", **AS_SHIPPED) == {"dictionary"}
    assert annotated(KAZU_DETECTOR="dictionary") == {"dictionary"}
    assert annotated("--detector", "model") == {"model"}


def test_annotate_reads_with_the_model_that_is_given(
    kazu: Run, sample_home: Path, model: ModelFiles
):
    """No model need be in use."""
    given = ("annotate", TEXT, "--format", "jsonl", "--model", str(model.folder))
    by = {
        chosen: kazu(*given, *chosen, home=sample_home)
        for chosen in ((), ("--detector", "model"), ("--detector", "dictionary"))
    }

    alone, refused = by["--detector", "model"], by["--detector", "dictionary"]
    both = {each["detector"] for each in json.loads(by[()].stdout)["mentions"]}
    assert {"dictionary", "model"} <= both
    assert {each["detector"] for each in json.loads(alone.stdout)["mentions"]} == {"model"}
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "dictionary reads without a model" in refused.stderr


@pytest.mark.parametrize("command", ["annotate", "evaluate"])
def test_a_detector_that_does_not_exist_says_which_do(
    kazu: Run, home: Path, evaluated: Run, command: str
):
    chosen = ("--detector", "modle")
    done = (
        evaluated(*chosen) if command == "evaluate" else kazu("annotate", "a", *chosen, home=home)
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: There is no detector 'modle'; did you mean 'model'?\n"


def test_annotate_with_a_model_loads_no_heavy_library(home: Path):
    code = (
        "import sys\n"
        "from kazu_platform.cli import app\n"
        "try: app(['annotate', 'TNF', '--detector', 'model+dictionary'])\n"
        "except SystemExit as done: assert not done.code, done.code\n"
        "assert 'onnxruntime' in sys.modules\n"
        "heavy = {'dagster', 'ray', 'torch', 'transformers', 'onnx'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"KAZU_HOME": str(home), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_evaluate_reads_with_each(evaluated: Run, model: ModelFiles):
    by = {
        name: body_of(evaluated("--detector", name))
        for name in ("dictionary", "model", "model+dictionary")
    }

    assert {name: body["detector"] for name, body in by.items()} == {name: name for name in by}
    assert len({body["detector_version"] for body in by.values()}) == 3
    assert body_of(evaluated(**AS_SHIPPED)) == by["model+dictionary"]
    assert body_of(evaluated()) == by["dictionary"]
    given = body_of(evaluated("--detector", "model", "--model", str(model.folder)))
    assert given == by["model"]


def test_evaluate_reads_with_somebody_elses_checkpoint(evaluated: Run, tmp_path: Path):
    folder = checkpoint(tmp_path / "checkpoint", problem=MULTI)

    alone = evaluated("--detector", "model", "--model", folder)
    both = evaluated("--model", folder)

    # transformers draws a bar of what it loads
    assert (alone.returncode, both.returncode) == (0, 0)
    assert json.loads(alone.stdout)["detector"] == "model"
    assert json.loads(both.stdout)["detector"] == "model+dictionary"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--detector", "dictionary", "--model", "x"), "dictionary reads without a model"),
        (("--detector", "model", "--sources", "sample"), "model reads without vocabularies"),
        (("--model", "nowhere"), "nowhere/model.json is missing, so nowhere is no model"),
    ],
)
def test_what_does_not_fit_is_one_line(evaluated: Run, arguments: tuple[str, ...], message: str):
    done = evaluated(*arguments)

    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_class_that_a_model_does_not_know_is_noted(kazu: Run, home: Path, gold: Path):
    file = str(gold / "NCBI-disease" / "devel.tsv")
    chosen = ("--gold", file, "--entity-class", "anatomy", "--detector", "model", "--json")
    done = kazu("evaluate", "ner", *chosen, home=home)

    assert done.returncode == 0
    assert "note: the model knows nothing of class anatomy.\n" in done.stderr


def test_the_table_of_corpora_reads_with_a_model(kazu: Run, home: Path, gold: Path):
    chosen = ("--gold-root", str(gold), "--split", "devel", "--json")
    done = kazu("evaluate", "ner-table", *chosen, "--detector", "model+dictionary", home=home)

    assert done.returncode == 0
    assert json.loads(done.stdout)["detector"] == "model+dictionary"
    assert "1 corpora with model+dictionary" in done.stderr


def test_where_no_model_is_the_error_says_what_to_do(kazu: Run, sample_home: Path):
    """Unless the platform comes with one."""
    done = kazu("annotate", TEXT, "--detector", "model", home=sample_home)

    if PACKAGED.is_dir():
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert done.returncode == 1
        assert done.stderr.startswith("error: No model was promoted in ")
        assert "give --model FOLDER, or read with --detector dictionary." in done.stderr


def test_doctor_says_which_model_is_in_use(kazu: Run, home: Path, model: ModelFiles):
    used, unused = (
        json.loads(kazu("doctor", "--json", home=home, **settings).stdout)["findings"]
        for settings in (AS_SHIPPED, {})
    )

    by_what = [{row["what"]: row for row in rows}["model"] for rows in (used, unused)]
    assert by_what == [
        {
            "level": "ok",
            "what": "model",
            "detail": f"version {model.version}, promoted as of-the-test; finds "
            + ", ".join(CLASSES),
        },
        {"level": "ok", "what": "model", "detail": "not used: KAZU_DETECTOR is dictionary"},
    ]


def test_doctor_names_a_model_that_is_damaged(kazu: Run, tmp_path: Path, model: ModelFiles):
    home = tmp_path / "home"
    with ArtifactStore(home / "models").stage(ARTIFACT) as staged:
        (staged.content / "model.json").write_bytes((model.folder / "model.json").read_bytes())
        staged.commit()

    done = kazu("doctor", "--json", home=home, **AS_SHIPPED)

    rows = {row["what"]: row for row in json.loads(done.stdout)["findings"]}
    assert done.returncode == 1
    assert rows["model"]["level"] == "error"
    assert "model.onnx is missing" in rows["model"]["detail"]


def test_an_id_on_the_hub_that_cannot_be_loaded_says_what_to_do(
    kazu: Run, home: Path, tmp_path: Path
):
    """A folder of that name would go first."""
    offline = {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    given = ("annotate", TEXT, "--detector", "model", "--model")

    done = kazu(*given, "of-us/made-here", home=home, **offline)
    no_id = kazu(*given, "of/us/made-here", home=home)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: The checkpoint of-us/made-here cannot be loaded: ")
    assert "needs the network once" in done.stderr
    assert (no_id.returncode, no_id.stdout) == (1, "")
    assert "of/us/made-here is no model; train one, or copy the whole folder" in no_id.stderr


def test_annotate_reads_with_the_model_that_the_catalogue_names(
    kazu: Run, home: Path, tmp_path: Path
):
    """In place of the one that was promoted."""
    checkpoint(tmp_path / "theirs", problem=MULTI)
    settings = Settings(home=home)  # pyright: ignore[reportCallIssue]
    entry = {"name": "theirs", "source": "theirs", "licence": "MIT"}
    body = settings.catalogue().model_dump(mode="json") | {"models": [entry], "read_with": "theirs"}
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(body), "utf-8")
    given = ("annotate", TEXT, "--format", "jsonl", "--detector", "model")

    named = kazu(*given, home=home, KAZU_SOURCES=str(path))
    told = kazu(*given, "--model", str(tmp_path / "theirs"), home=home)
    promoted = kazu(*given, home=home)

    assert (named.returncode, json.loads(named.stdout)) == (0, json.loads(told.stdout))
    assert json.loads(named.stdout)["mentions"] != json.loads(promoted.stdout)["mentions"]
