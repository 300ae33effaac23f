"""A model folder is looked at before it is used; what is wrong is named."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import ArtifactError
from kazu_platform.ner.model import open_model
from kazu_platform.ner.model_files import read_model_files
from kazu_platform.storage.artifacts import ArtifactStore
from tests.ner.models import CLASSES, description, model_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model")).folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy, to do with as a test likes."""
    return shutil.copytree(made, tmp_path / "model")


def edit(folder: Path, **entries: object) -> None:
    path = folder / "model.json"
    body = json.loads(path.read_bytes()) | entries
    path.write_text(json.dumps({k: v for k, v in body.items() if v is not ...}))


def test_what_was_written_is_read(folder: Path):
    assert read_model_files(folder).description == description()


def test_the_version_is_that_of_the_content_wherever_it_lies(folder: Path, tmp_path: Path):
    """A shipped model that is promoted finds nothing new, so nothing is read again."""
    store = ArtifactStore(tmp_path / "store")
    with store.stage("model") as staged:
        shutil.copytree(folder, staged.content, dirs_exist_ok=True)
        promoted = staged.commit(version="mine")

    assert read_model_files(promoted.content).version == read_model_files(folder).version


def test_another_threshold_is_another_version_and_another_card_is_not(folder: Path):
    before = read_model_files(folder).version

    (folder / "MODEL_CARD.md").write_text("# Better words\n")
    assert read_model_files(folder).version == before

    edit(folder, thresholds=dict.fromkeys(CLASSES, 0.4))
    assert read_model_files(folder).version != before


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format_version", 2, "format_version is 2, this version of the platform reads 1"),
        ("words_version", "0", "words_version is '0'"),
        ("pieces_version", ..., "pieces_version is None"),
        ("classes", ["gene", "gene"], "classes is .*, it must name some of gene"),
        ("classes", ["protein"], "classes is .*protein"),
        ("classes", "gene", "classes is 'gene', it must be of type list"),
        ("scheme", "BILOU", "scheme is 'BILOU', it must be one of BIO, IO"),
        ("max_pieces", True, "max_pieces is True, it must be of type int"),
        ("max_pieces", 2, "max_pieces is 2, it must be 8 or more"),
        ("thresholds", {"gene": 0.5}, "thresholds .* have one for each class"),
        ("thresholds", dict.fromkeys(CLASSES, 1.5), r"thresholds.gene is 1.5, it must lie"),
    ],
)
def test_a_wrong_entry_is_named_with_its_file(key: str, value: object, message: str, folder: Path):
    edit(folder, **{key: value})

    with pytest.raises(ArtifactError, match=rf"model\.json: {message}"):
        read_model_files(folder)


@pytest.mark.parametrize("name", ["model.json", "model.onnx", "pieces.txt"])
def test_a_missing_file_is_named(name: str, folder: Path):
    (folder / name).unlink()

    with pytest.raises(ArtifactError, match=f"{name} is missing"):
        read_model_files(folder)


def spoil_description(folder: Path) -> None:
    (folder / "model.json").write_text("{")


def spoil_network(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"nothing")


def take_a_class_away(folder: Path) -> None:
    edit(folder, classes=["gene"], thresholds={"gene": 0.5})


def spoil_vocabulary(folder: Path) -> None:
    (folder / "pieces.txt").write_text("gene\n")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_description, "model.json is no JSON"),
        (spoil_network, "model.onnx is no model that can be opened"),
        (take_a_class_away, "model.onnx has 13 outputs, 1 classes have 3"),
        (spoil_vocabulary, r"pieces.txt .* begins with \[PAD\]"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(
    spoil: Callable[[Path], None], message: str, folder: Path
):
    spoil(folder)

    with pytest.raises(ArtifactError, match=message):
        open_model(folder)


def test_bf16_needs_a_graph_whose_weights_can_be_read(folder: Path):
    spoil_network(folder)

    with pytest.raises(ArtifactError, match="The weights of .*model.onnx cannot be read"):
        open_model(folder, bf16=True)


def test_a_network_that_has_other_outputs_is_refused_in_bf16_too(folder: Path):
    take_a_class_away(folder)

    with pytest.raises(ArtifactError, match="a network of 13 outputs, its classes have 3"):
        open_model(folder, bf16=True)
