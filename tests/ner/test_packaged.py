"""Which model reads."""

from __future__ import annotations

import shutil
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import ArtifactError
from kazu_platform.ner.checkpoints import Checkpoint
from kazu_platform.ner.network import parts_of, read_network
from kazu_platform.ner.packaged import (
    ARTIFACT,
    PACKAGED,
    CheckpointInUse,
    ModelInUse,
    model_in_use,
    packaged_model,
    reader_in_use,
)
from kazu_platform.settings import ModelSource
from kazu_platform.storage.artifacts import ArtifactStore
from tests.ner.models import CLASSES, model_folder
from tests.ner.test_checkpoints import MULTI, checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from kazu_platform.ner.packaged import Reader


def promoted(store: ArtifactStore, seed: int) -> str:
    with store.stage(ARTIFACT) as staged:
        model_folder(staged.content, seed)
        return staged.commit().version


def test_without_any_model_there_is_none(tmp_path: Path):
    assert packaged_model(tmp_path / "nowhere") is None
    assert model_in_use(ArtifactStore(tmp_path), tmp_path / "nowhere") is None


def test_the_packaged_model_is_used_where_it_lies(tmp_path: Path):
    files = model_folder(tmp_path / "packaged")
    store = ArtifactStore(tmp_path / "models")

    model = model_in_use(store, files.folder)

    assert model is not None
    assert (model.folder, model.promoted, model.version) == (files.folder, None, files.version)
    assert not store.root.exists()


def test_a_promoted_model_goes_first_and_keeps_its_version(tmp_path: Path):
    packaged = model_folder(tmp_path / "packaged").folder
    store = ArtifactStore(tmp_path / "models")
    first, second = promoted(store, 0), promoted(store, 1)
    newer = model_in_use(store, packaged)
    store.promote(ARTIFACT, first)

    older = model_in_use(store, packaged)

    assert newer is not None
    assert older is not None
    assert (newer.promoted, older.promoted) == (second, first)
    assert older.version == model_folder(tmp_path / "same").version != newer.version


def test_a_promoted_model_that_is_damaged_is_not_passed_over(tmp_path: Path):
    packaged = model_folder(tmp_path / "packaged").folder
    store = ArtifactStore(tmp_path / "models")
    promoted(store, 0)
    shutil.rmtree(store.live(ARTIFACT).folder)

    with pytest.raises(ArtifactError, match="ner_model has no version"):
        model_in_use(store, packaged)


def test_the_model_that_the_catalogue_names_goes_before_all(tmp_path: Path):
    """A folder of ours or of a checkpoint, or an id on the hub; nothing of it is opened yet."""
    store = ArtifactStore(tmp_path / "models")
    promoted(store, 0)
    own = model_folder(tmp_path / "own", seed=1)
    theirs = checkpoint(tmp_path / "theirs", problem=MULTI)

    def named(source: str) -> Reader | None:
        said = ModelSource(name="ours", source=source, licence="MIT", types={"drug": "chemical"})
        return reader_in_use(store, said)

    reader, of_folder, of_hub, nothing = map(
        named, (str(own.folder), theirs, "of-us/made-here", str(tmp_path / "nowhere"))
    )

    assert isinstance(reader, ModelInUse)
    assert (reader.version, reader.whence, reader.promoted) == (own.version, "ours", None)
    assert isinstance(of_folder, CheckpointInUse)
    assert set(of_folder.thresholds) == set(CLASSES)
    assert of_folder.version == of_folder.step().version
    types = (("drug", "chemical"),)
    assert of_hub == CheckpointInUse(Checkpoint("of-us/made-here", types), "ours")
    assert nothing is not None
    with pytest.raises(ArtifactError, match="nowhere is no model"):
        assert nothing.version
    assert reader_in_use(store, None) == model_in_use(store)


def test_the_model_that_comes_with_the_platform_is_whole_and_small(tmp_path: Path):
    """Four layers, at most 15 million parameters, under 40 MB; its card is of this very network."""
    model = model_in_use(ArtifactStore(tmp_path))

    assert model is not None
    assert model.folder == packaged_model() == PACKAGED
    files = list(PACKAGED.iterdir())
    assert sum(file.stat().st_size for file in files) < 40_000_000
    network = read_network(PACKAGED, model.files.description.n_outputs)
    assert parts_of(network)[0].config.num_hidden_layers == 4
    assert sum(each.numel() for each in network.parameters()) <= 15_000_000
    card = (PACKAGED / "MODEL_CARD.md").read_text("utf-8")
    network_hash = sha256((PACKAGED / "model.onnx").read_bytes()).hexdigest()
    assert f"`{network_hash}`" in card
    assert f"Version {model.version}." in card
