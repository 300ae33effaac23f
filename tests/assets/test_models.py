"""Training as assets, for real: every stage on the sample's corpora, in seconds."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
import yaml

import kazu_platform.sample
from assets.layers import CORPUS_OF_LABELS_LAYER, MODEL_LAYER
from assets.learning import ENCODER, GENERAL, MODEL, TEACHER, TEXTS
from assets.promotion import EVALUATION, GATE, THROUGHPUT
from kazu_platform.ner.model import open_model
from kazu_platform.ner.packaged import model_in_use
from kazu_platform.storage.pointers import POINTER
from kazu_platform.storage.working import WORKING
from kazu_platform.tables import EVALUATIONS, PARTITION_METRICS
from kazu_platform.training.devel import passages_of_sentences
from tests.assets.conftest import Home

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.assets.conftest import Report

RECIPE = Path(str(kazu_platform.sample.__file__)).parent / "training" / "recipe.yaml"
CORPORA = ("sample-sentences", "sample-abstracts", "known")
STAGES = (TEXTS, ENCODER, TEACHER, GENERAL, MODEL)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums of several threads depend on which is first."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def read_corpora(home: Home) -> None:
    """Read the sample's corpora, and one whose devel set is what the others learn from.

    Figures on the sample's own few sentences of devel are chance.
    """
    home.path.mkdir()
    catalogue = home.catalogue()
    [known] = [e for e in catalogue["training"]["corpora"] if e["name"] == "sample-sentences"]
    known = known | {"name": "known", "splits": {"devel": "train.tsv"}}
    catalogue["training"]["corpora"].append(known)
    home.use_catalogue(catalogue)
    for corpus in CORPORA:
        assert home.materialise(CORPUS_OF_LABELS_LAYER, corpus).failures == {}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Report]:
    """A home in which the sample's recogniser was trained, and what was told; nobody changes it."""
    home = Home(tmp_path_factory.mktemp("first") / "home")
    read_corpora(home)
    return home, home.materialise(MODEL_LAYER)


@pytest.fixture
def trained(first: tuple[Home, Report], tmp_path: Path) -> Home:
    """A copy of that home."""
    return first[0].copied_to(tmp_path / "trained")


def weights_of(home: Home, stage: str) -> str:
    """Hash of what a stage learnt."""
    store = home.artifacts
    content = store.version(stage, store.versions(stage)[-1]).content
    return json.loads((content / "record.json").read_bytes())["weights_sha256"]


def use_recipe(home: Home, **changes: Any) -> None:  # noqa: ANN401
    """Train by the sample's recipe with other blocks."""
    recipe = yaml.safe_load(RECIPE.read_text("utf-8"))
    for name, change in changes.items():
        recipe[name] = recipe[name] | change if isinstance(change, dict) else change
    path = home.path / "recipe.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in recipe.items() if v is not None}), "utf-8")
    catalogue = home.catalogue()
    catalogue["training"]["recipe"] = str(path)
    home.use_catalogue(catalogue)


def versions(home: Home) -> dict[str, list[str]]:
    return {stage: home.artifacts.versions(stage) for stage in STAGES}


def test_every_stage_is_made_and_tells_how_it_went(first: tuple[Home, Report]):
    home, report = first

    assert report.failures == {}
    assert {name: len(each) for name, each in versions(home).items()} == dict.fromkeys(STAGES, 1)
    assert all(home.artifacts.live_version(stage) for stage in STAGES)
    for stage in (ENCODER, TEACHER, GENERAL, MODEL):
        metadata = report.metadata[stage]
        assert "step" in metadata["curve"]
        assert metadata["record"]["weights_sha256"] == weights_of(home, stage)
    assert "| loss |" in report.metadata[TEACHER]["curve"]
    assert "| f1 |" in report.metadata[TEACHER]["curve"]
    assert "| attention |" in report.metadata[GENERAL]["curve"]
    assert "| sample-abstracts | gene:abstracts |" in report.metadata[TEACHER]["figures"]
    assert "| sample-sentences | gene |" in report.metadata[MODEL]["figures"]
    card = report.metadata[MODEL]["card"]
    for part in (ENCODER, TEACHER, f"{TEACHER}/1", GENERAL, MODEL, f"{MODEL}/first"):
        [line] = [each for each in card.splitlines() if each.startswith(f"| {part} |")]
        assert int(line.split("|")[2].replace(",", "")) > 0
    assert "| missed |" in report.metadata[MODEL]["mistakes"]
    assert report.metadata[THROUGHPUT]["sentences_per_second_batch_32"] > 0
    assert not list((home.settings.models / WORKING).glob("*/"))


def test_the_model_passed_and_is_in_use(first: tuple[Home, Report]):
    home, report = first

    assert report.checks[EVALUATION, GATE] is True
    assert report.metadata[EVALUATION]["verdict"] == "there is no model in use to compare with"
    rows = home.lake.read(EVALUATIONS, MODEL).to_pylist()
    assert {row["corpus"] for row in rows} == set(CORPORA)
    assert {row["split"] for row in rows} == {"devel"}
    assert home.lake.read(PARTITION_METRICS, f"{THROUGHPUT}/{MODEL}").num_rows
    f1 = [row for row in rows if (row["corpus"], row["metric"]) == ("known", "f1")]
    assert {row["entity_class"] for row in f1 if row["value"] > 0.6} >= {"gene", "disease"}
    detector = open_model(home.artifacts.live(MODEL).content)
    found = detector.detect(passages_of_sentences(["Loss of CDKN2A was found in melanomas."]))
    assert ("CDKN2A", "gene") in {(r["text"], r["entity_class"]) for r in found.to_pylist()}


def test_the_card_tells_how_the_model_was_made(first: tuple[Home, Report]):
    home, _ = first
    card = (home.artifacts.live(MODEL).content / "MODEL_CARD.md").read_text("utf-8")

    assert "| sample-abstracts | disease |" in card
    assert "starts from chance" in card
    for stage in (ENCODER, TEACHER, GENERAL, MODEL):
        assert f"`{weights_of(home, stage)}`" in card
    assert "invented for this sample" in card
    assert '"seed": 13' in card
    assert "Seed 13 (members of the teacher: 13, 14)" in card
    network = (home.artifacts.live(MODEL).content / "model.onnx").read_bytes()
    assert f"`model.onnx`: `{hashlib.sha256(network).hexdigest()}`" in card


def test_again_nothing_is_trained(trained: Home):
    before = versions(trained)

    report = trained.materialise(MODEL_LAYER)

    assert report.failures == {}
    assert versions(trained) == before
    for name in (*STAGES, EVALUATION, THROUGHPUT):
        assert report.metadata[name]["unchanged"] is True, name
    assert report.checks[EVALUATION, GATE] is True
    assert "| loss |" in report.metadata[TEACHER]["curve"]


def test_the_same_data_and_recipe_give_the_same_files(first: tuple[Home, Report], new_home: Home):
    home, _ = first
    read_corpora(new_home)

    assert new_home.materialise(MODEL_LAYER).failures == {}

    for stage in (ENCODER, TEACHER, GENERAL, MODEL):
        assert weights_of(new_home, stage) == weights_of(home, stage)
    for name in ("model.onnx", "model.json", "pieces.txt", "weights.safetensors"):
        mine, theirs = (h.artifacts.live(MODEL).content / name for h in (new_home, home))
        assert mine.read_bytes() == theirs.read_bytes(), name


TRAINING = """
import sys
import torch
from pathlib import Path
from assets.layers import MODEL_LAYER
from assets.learning import TEACHER
from kazu_platform.definitions import build_resources
import dagster as dg
from kazu_platform.definitions import build_assets
from kazu_platform.settings import Settings
from resources.training import TrainerResource

torch.set_num_threads(1)
settings = Settings(home=Path(sys.argv[1]), sources=sys.argv[2])
resources = build_resources(settings)
resources["trainer"] = TrainerResource(device="cpu", save_every=0.0)
dg.materialize(
    build_assets(settings.catalogue()),
    selection=dg.AssetSelection.assets(TEACHER),
    instance=dg.DagsterInstance.ephemeral(),
    resources=resources,
)
"""


def test_a_killed_stage_goes_on_to_the_same_weights(
    first: tuple[Home, Report], trained: Home, home_root: Path
):
    import torch

    expected = weights_of(first[0], TEACHER)
    shutil.rmtree(trained.settings.models / TEACHER)
    checkpoint = trained.settings.models / WORKING / TEACHER / "content" / "made" / "checkpoint.pt"
    process = subprocess.Popen(
        [sys.executable, "-c", TRAINING, str(trained.path), trained.sources],
        cwd=home_root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 200
    while not checkpoint.exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    state = torch.load(checkpoint, weights_only=True)["state"]
    assert 0 < state["step"] < 120
    assert trained.artifacts.versions(TEACHER) == []

    report = trained.materialise(MODEL_LAYER)

    assert report.failures == {}
    assert report.metadata[TEACHER]["unchanged"] is False
    assert weights_of(trained, TEACHER) == expected
    # What is behind it is what it was: the same weights are the same input.
    assert report.metadata[MODEL]["unchanged"] is True
    curve = trained.artifacts.live(TEACHER).content / "curve.jsonl"
    points = [json.loads(line) for line in curve.read_text("utf-8").splitlines()]
    assert points[: len(state["curve"])] == state["curve"]


def test_a_model_that_lost_is_not_used_and_the_way_back_costs_nothing(trained: Home):
    good = trained.artifacts.live_version(MODEL)
    usual = str(shutil.copy(trained.sources, trained.path / "usual.yaml"))
    use_recipe(trained, student={"steps": 1})

    report = trained.materialise(MODEL_LAYER)

    assert list(report.failures) == [EVALUATION]
    assert "known gene" in report.failures[EVALUATION]
    assert report.checks[EVALUATION, GATE] is False
    assert report.retried == set()
    assert report.metadata[TEACHER]["unchanged"] is True
    assert report.metadata[MODEL]["unchanged"] is False
    assert len(trained.artifacts.versions(MODEL)) == 2
    assert trained.artifacts.live_version(MODEL) == good
    measured = trained.lake.read(EVALUATIONS, MODEL)["detector_version"].unique()
    assert len(measured) == 2
    again = trained.materialise(MODEL_LAYER)
    assert list(again.failures) == [EVALUATION]

    trained.sources = usual
    back = trained.materialise(MODEL_LAYER)

    assert back.failures == {}
    assert back.metadata[MODEL]["unchanged"] is True
    assert trained.artifacts.live_version(MODEL) == good


def test_a_better_model_takes_the_place_of_the_one_in_use(trained: Home):
    """It is compared with it on the same sentences."""
    former = trained.artifacts.live_version(MODEL)
    use_recipe(trained, student={"thresholds": {"gene": 0.51}})

    report = trained.materialise(MODEL_LAYER)

    assert report.failures == {}
    assert report.metadata[EVALUATION]["verdict"].startswith("no F1 lost")
    assert trained.artifacts.live_version(MODEL) not in {former, None}


def test_the_first_model_is_measured_beside_the_one_that_came_along(
    trained: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Where that one reads. It is the same network here, of which more is accepted."""
    live = trained.artifacts.live_version(MODEL)
    assert live is not None
    came_along = tmp_path / "ner"
    shutil.copytree(trained.artifacts.version(MODEL, live).content, came_along)
    described = json.loads((came_along / "model.json").read_bytes())
    described["thresholds"]["gene"] = 0.4
    (came_along / "model.json").write_text(json.dumps(described), "utf-8")
    monkeypatch.setattr(
        "resources.storage.model_in_use", partial(model_in_use, packaged=came_along)
    )
    (trained.artifacts.root / MODEL / POINTER).unlink()
    monkeypatch.setenv("KAZU_DETECTOR", "model+dictionary")

    report = trained.materialise(dg.AssetSelection.assets(EVALUATION))

    measured = trained.lake.read(EVALUATIONS, MODEL)["detector_version"].unique().to_pylist()
    assert open_model(came_along).version in measured
    assert len(measured) == 2
    lost = not report.checks[EVALUATION, GATE]
    assert (trained.artifacts.live_version(MODEL) is None) == lost


def test_without_stage_1_the_student_begins_as_layers_of_its_teacher(trained: Home):
    use_recipe(trained, general=None, scheme="IO", teacher={"steps": 40}, student={"steps": 40})

    report = trained.materialise(MODEL_LAYER)

    assert set(report.failures) <= {EVALUATION}
    assert report.metadata[GENERAL]["made"].startswith("the recipe has no `general`")
    newest = trained.artifacts.version(MODEL, trained.artifacts.versions(MODEL)[-1])
    assert newest.inputs["general"] == "none"
    assert open_model(newest.content).scheme == "IO"


def test_what_a_recipe_needs_and_is_not_there_is_named(trained: Home):
    use_recipe(trained, student={"weak": ["dictionary"]})
    report = trained.materialise(MODEL_LAYER)
    assert "weak labels of 'dictionary' and there are none" in report.failures[MODEL]

    catalogue = trained.catalogue()
    catalogue["training"]["text"] = []
    trained.use_catalogue(catalogue)
    report = trained.materialise(MODEL_LAYER)
    assert "The recipe has 'adapt', which reads texts" in report.failures[ENCODER]


def test_a_corpus_that_was_not_read_stops_training(new_home: Home):
    new_home.path.mkdir()

    report = new_home.materialise(MODEL_LAYER)

    assert "materialise ner_training_data for it" in report.failures[ENCODER]
    assert new_home.artifacts.versions(MODEL) == []


def test_a_wrong_recipe_is_an_error_that_names_the_key(trained: Home):
    use_recipe(trained, steps=3)

    report = trained.materialise(MODEL_LAYER)

    assert "recipe.yaml: steps: Extra inputs are not permitted" in report.failures[ENCODER]
    assert report.retried == set()
