"""The gate compares with the model in use, or says why it cannot."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from assets.learning import MODEL
from assets.promotion import folder_in_use, open_in_use
from kazu_platform.errors import ArtifactError
from kazu_platform.ner.model import open_model
from kazu_platform.storage.artifacts import Artifact, ArtifactStore
from resources.storage import ArtifactsResource
from tests.ner.models import model_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model")).folder


@pytest.fixture
def copied(model: Path, tmp_path: Path) -> Path:
    return shutil.copytree(model, tmp_path / "ner")


def describe(folder: Path, **changes: object) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes), "utf-8")


@pytest.mark.parametrize("key", ["format_version", "words_version", "pieces_version"])
def test_a_model_of_another_version_is_none(copied: Path, key: str):
    before = open_in_use(copied)
    assert before is not None
    assert before.version == open_model(copied).version
    describe(copied, **{key: "of another time"})

    assert open_in_use(copied) is None


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.json", None),
        ("model.json", b""),
        ("model.json", b"[]"),
        ("model.json", b'{"words_version": "1"}'),
        ("pieces.txt", None),
        ("model.onnx", b"torn"),
    ],
)
def test_a_damaged_model_stops_the_gate(copied: Path, file: str, content: bytes | None):
    """Nobody knows what would be lost, so nothing takes its place unseen."""
    (copied / file).unlink()
    if content is not None:
        (copied / file).write_bytes(content)

    with pytest.raises(ArtifactError, match=rf"model in use is damaged.*{file}.* promote another"):
        open_in_use(copied)


def committed(root: Path, model: Path, *, promote: bool) -> Artifact:
    with ArtifactStore(root).stage(MODEL) as staged:
        shutil.copytree(model, staged.content, dirs_exist_ok=True)
        return staged.commit(inputs={"promoted": str(promote)}, promote=promote)


def test_a_file_that_changed_since_it_was_promoted_stops_the_gate(model: Path, tmp_path: Path):
    artifacts = ArtifactsResource(root=str(tmp_path))
    in_use = committed(tmp_path, model, promote=True)
    candidate = committed(tmp_path, model, promote=False)
    assert folder_in_use(artifacts, candidate) == in_use.content
    assert folder_in_use(artifacts, in_use) is None
    with (in_use.content / "model.onnx").open("ab") as file:
        file.write(b"x")

    with pytest.raises(ArtifactError, match=r"model in use is damaged.*model\.onnx"):
        folder_in_use(artifacts, candidate)
