"""Detection as a step: described by a folder, done wherever it is opened."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import ArtifactError, ConfigurationError
from kazu_platform.ner.checkpoints import Checkpoint, open_checkpoint
from kazu_platform.ner.compile import build_dictionary_index
from kazu_platform.ner.dictionary import DictionaryDetector
from kazu_platform.ner.dictionary_index import open_dictionary_index
from kazu_platform.ner.model import open_model
from kazu_platform.ner.steps import CheckpointStep, DictionaryStep, ModelStep
from kazu_platform.tables import DICTIONARY_MENTIONS
from resources.compute import ComputeResource
from tests.ner.models import model_folder
from tests.ner.test_checkpoints import MULTI, checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pyarrow as pa

    from kazu_platform.execution.steps import Step

    Names = Callable[[Sequence[tuple[str, str]]], pa.Table]
    Passages = Callable[..., pa.Table]

NAMES = [("EGFR", "gene"), ("breast cancer", "disease"), ("cancer", "disease")]


@pytest.fixture
def folder(tmp_path: Path, synonyms: Names) -> Path:
    build_dictionary_index(synonyms(NAMES), tmp_path / "dictionary")
    return tmp_path / "dictionary"


@pytest.fixture
def step(folder: Path) -> Step:
    return DictionaryStep(str(folder))


def test_an_opened_step_does_what_the_detector_does(step: Step, folder: Path, passages: Passages):
    texts = passages("EGFR in breast cancer", "Nothing.", "")
    detector = DictionaryDetector(open_dictionary_index(folder))

    found = step.open()(texts)

    assert found.equals(detector.detect(texts))
    assert found["text"].to_pylist() == ["EGFR", "breast cancer", "cancer"]


def test_no_passages_make_no_rows_of_the_same_schema(step: Step, passages: Passages):
    found = step.open()(passages("EGFR").slice(0, 0))

    assert found.equals(DICTIONARY_MENTIONS.empty())


def test_its_version_is_that_of_its_mentions(step: Step, passages: Passages):
    [version] = step.open()(passages("EGFR"))["detector_version"].to_pylist()

    assert (step.name, step.version) == ("dictionary", version)


def test_its_version_needs_only_the_manifest(step: Step, folder: Path):
    before = step.version
    for path in folder.iterdir():
        if path.suffix != ".json":
            path.unlink()

    assert step.version == before


def test_other_names_are_another_version(step: Step, tmp_path: Path, synonyms: Names):
    build_dictionary_index(synonyms([*NAMES, ("TP53", "gene")]), tmp_path / "more")
    build_dictionary_index(synonyms(NAMES), tmp_path / "same")

    assert DictionaryStep(str(tmp_path / "more")).version != step.version
    assert DictionaryStep(str(tmp_path / "same")).version == step.version


def test_a_step_travels_to_a_process_that_knows_nothing(step: Step, passages: Passages):
    """It pickles as a folder; the other process opens it there."""
    code = (
        "import pickle, sys\n"
        "step, texts = pickle.load(sys.stdin.buffer)\n"
        "print(step.open()(texts)['text'].to_pylist())\n"
    )
    sent = pickle.dumps((step, passages("EGFR in breast cancer")))
    assert len(pickle.dumps(step)) < 500

    done = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, check=True)

    assert done.stdout.decode() == "['EGFR', 'breast cancer', 'cancer']\n"


def test_the_passages_keep_their_order(step: Step, passages: Passages):
    texts = passages("EGFR", "cancer", "EGFR")
    compute = ComputeResource(batch_characters=10)

    outcomes = list(compute.run(step, [texts], file="pubmed26n0001"))

    assert [outcome.rows["doc_id"].to_pylist() for outcome in outcomes] == [
        ["PMID:0", "PMID:1"],
        ["PMID:2"],
    ]
    assert all(outcome.set_aside.num_rows == 0 for outcome in outcomes)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    step = DictionaryStep(str(tmp_path / "nowhere"))

    with pytest.raises(ArtifactError, match="nowhere"):
        step.open()
    with pytest.raises(ArtifactError, match="nowhere"):
        step.version  # noqa: B018 - reading it is the act


def test_a_model_is_a_step_too(tmp_path: Path, passages: Passages):
    """It travels as a folder, and its version needs no network to be opened."""
    folder = model_folder(tmp_path / "model").folder
    texts = passages("EGFR and the gene of breast cancer in cells.", "", "Nothing.")

    step = pickle.loads(pickle.dumps(ModelStep(str(folder))))  # noqa: S301 - our own
    found = step.open()(texts)

    assert found.num_rows
    assert found.equals(open_model(folder).detect(texts))
    assert (step.name, {step.version}) == ("model", set(found["detector_version"].to_pylist()))
    assert step.open()(texts.slice(0, 0)).equals(DICTIONARY_MENTIONS.empty())


def test_a_model_may_be_asked_for_candidates(tmp_path: Path, passages: Passages):
    folder = model_folder(tmp_path / "model").folder
    texts = passages("EGFR and the gene of breast cancer in cells.", "Nothing.")

    step = ModelStep(str(folder), candidates=True)
    found = step.open()(texts)

    assert found.equals(open_model(folder).giving_candidates().detect(texts))
    assert found.num_rows > open_model(folder).detect(texts).num_rows
    assert {step.version} == set(found["detector_version"].to_pylist())
    assert step.version != ModelStep(str(folder)).version


def test_a_checkpoint_is_a_step_too(tmp_path: Path, passages: Passages):
    named = Checkpoint(checkpoint(tmp_path, problem=MULTI))
    texts = passages("EGFR and the gene of breast cancer in cells.", "", "Nothing.")

    step = pickle.loads(pickle.dumps(CheckpointStep(named)))  # noqa: S301 - our own
    found = step.open()(texts)

    opened = open_checkpoint(named)
    assert found.num_rows
    assert found.equals(opened.detect(texts))
    assert (step.name, step.version) == ("model", opened.version)
    doubtful = CheckpointStep(named, candidates=True)
    assert doubtful.version == opened.giving_candidates().version
    assert doubtful.open()(texts).equals(opened.giving_candidates().detect(texts))


def test_a_model_on_a_gpu_is_another_version_and_needs_one(tmp_path: Path):
    """Its version is that of what it would find, which needs no GPU to be said."""
    import torch

    folder = model_folder(tmp_path / "model").folder
    named = Checkpoint(checkpoint(tmp_path / "theirs"))
    device = f"cuda:{torch.cuda.device_count()}"

    steps = [ModelStep(str(folder), device=device), CheckpointStep(named, device=device)]

    assert (
        steps[0].version == open_model(folder, bf16=True).version != ModelStep(str(folder)).version
    )
    assert steps[1].version != CheckpointStep(named).version
    for step in steps:
        with pytest.raises(
            ConfigurationError, match=f"A model is to read on {device}, and PyTorch"
        ):
            step.open()


def test_a_model_step_reads_on_a_gpu(tmp_path: Path, passages: Passages):
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    step = ModelStep(str(model_folder(tmp_path).folder), device="cuda")

    found = step.open()(passages("EGFR and the gene of breast cancer in cells."))

    assert found.num_rows
    assert {step.version} == set(found["detector_version"].to_pylist())


def test_a_model_that_is_not_there_is_named(tmp_path: Path):
    step = ModelStep(str(tmp_path / "nowhere"))

    with pytest.raises(ArtifactError, match="nowhere"):
        step.open()
    with pytest.raises(ArtifactError, match="nowhere"):
        step.version  # noqa: B018 - reading it is the act
