"""The engine of the linking encoder against PyTorch, one name at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.errors import ArtifactError, OtherVersionError
from kazu_platform.linking.embedding import as_bytes, open_embedder
from kazu_platform.linking.encoder_files import read_encoder_files
from kazu_platform.ner.pieces import WordPieces
from tests.ner.models import VOCABULARY

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MOST = 24
NAMES = (
    "breast cancer",
    "EGFR",
    "trastuzumab",
    "IL-2",
    "T",
    "gene of the cancer cells in breast cancer and of cells",
)
LONG = "cancer " * 30
GIANT = "x" * 90
UNEVEN = "cancer abcde " * 9
"""No border of a word is where the last piece that fits is."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A random encoder in 32 bits, quantised, and with a dense layer; and its own network."""
    from kazu_platform.training.linking_export import export_encoder

    found: dict[str, Path] = {}
    for name, outputs, int8 in (("plain", 0, False), ("quantised", 0, True), ("narrow", 8, False)):
        folder = tmp_path_factory.mktemp(name)
        export_encoder(
            network(outputs),
            folder,
            vocabulary=VOCABULARY,
            max_pieces=MOST,
            int8=int8,
            int8_embeddings=int8,
        )
        found[name] = folder
    return found


def network(outputs: int = 0) -> Any:  # noqa: ANN401 - a module of torch
    import torch

    from kazu_platform.training.network import Network, Sizes

    torch.manual_seed(2)
    sizes = Sizes(len(VOCABULARY), 2, outputs, hidden=32, heads=4, inner=64, dropout=0.0)
    made = Network(sizes).eval()
    for value in made.parameters():  # as sure as a trained one
        value.data *= 3 if value.ndim > 1 else 1
    return made


def by_torch(names: tuple[str, ...], outputs: int = 0) -> NDArray[Any]:
    """One name at a time."""
    from kazu_platform.training.alignment_order import embedder_of

    embed = embedder_of(network(outputs), WordPieces(VOCABULARY), most=MOST)
    return np.concatenate([embed([name]) for name in names])


def test_vectors_are_those_of_pytorch_for_one_name_at_a_time(folders: dict[str, Path]):
    expected = by_torch((*NAMES, LONG, GIANT, UNEVEN))

    found = open_embedder(folders["plain"]).embed((*NAMES, LONG, GIANT, UNEVEN))

    assert np.abs(found - expected).max() < 1e-5
    assert np.abs(np.linalg.norm(found, axis=1) - 1).max() < 1e-5
    cosines = found @ found.T
    assert cosines[0, 1] < 0.9  # so that being near means something


def test_a_dense_layer_makes_them_shorter(folders: dict[str, Path]):
    embedder = open_embedder(folders["narrow"])

    found = embedder.embed(NAMES)

    assert found.shape == (len(NAMES), embedder.dimensions) == (len(NAMES), 8)
    assert np.abs(found - by_torch(NAMES, 8)).max() < 1e-5


def test_quantisation_turns_vectors_little(folders: dict[str, Path]):
    exact, near = (open_embedder(folders[name]).embed(NAMES) for name in ("plain", "quantised"))

    cosines = (exact * near).sum(axis=1)

    assert cosines.min() > 0.98
    assert cosines.max() < 1


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from([*NAMES, LONG, "", " "]), max_size=9), st.sampled_from([1, 2]))
def test_a_name_has_the_same_vector_in_any_company(
    folders: dict[str, Path], names: list[str], threads: int
):
    """So that what was embedded once can be kept."""
    alone = [open_embedder(folders["quantised"]).embed([name])[0] for name in names]

    together = open_embedder(folders["quantised"], threads=threads).embed(names)

    assert together.shape == (len(names), 32)
    for one, other in zip(alone, together, strict=True):
        assert np.abs(one - other).max() < 1e-6


def test_what_has_no_word_is_near_nothing(folders: dict[str, Path]):
    found = open_embedder(folders["plain"]).embed(["", "EGFR", "\t "])

    assert found[[0, 2]].tolist() == [[0.0] * 32] * 2
    assert open_embedder(folders["plain"]).embed([]).shape == (0, 32)


@given(st.integers(0, 5), st.integers(1, 40), st.integers(0, 1000))
def test_bytes_are_the_vectors_to_half_a_step(n: int, dimensions: int, seed: int):
    vectors = np.random.default_rng(seed).normal(size=(n, dimensions)).astype(np.float32)
    vectors[:1] = 0

    found = as_bytes(vectors)

    assert found.values.dtype == np.int8
    assert found.values.shape == vectors.shape
    assert (np.abs(found.vectors() - vectors) <= found.scale[:, None] * 0.501).all()


def test_the_same_weights_give_the_same_files_and_version(folders: dict[str, Path], tmp_path: Path):
    from kazu_platform.training.linking_export import export_encoder

    again = export_encoder(network(), tmp_path, vocabulary=VOCABULARY, max_pieces=MOST)

    assert again.version == read_encoder_files(folders["quantised"]).version
    assert again.version == open_embedder(folders["quantised"]).version
    assert again.version != read_encoder_files(folders["plain"]).version


def test_a_folder_that_is_no_encoder_is_an_error_that_says_why(
    folders: dict[str, Path], tmp_path: Path
):
    with pytest.raises(ArtifactError, match="is no linking encoder; train one"):
        open_embedder(tmp_path)
    for file in folders["plain"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    body = json.loads((tmp_path / "model.json").read_bytes())
    wrong = {**body, "kind": "ner", "dimensions": 0}
    (tmp_path / "model.json").write_text(json.dumps(wrong), "utf-8")
    with pytest.raises(ArtifactError, match="kind is 'ner'.*dimensions is 0, it must be a number"):
        open_embedder(tmp_path)
    for key, value, kind in (
        ("words_version", "of another time", OtherVersionError),
        ("words_version", None, ArtifactError),
    ):
        (tmp_path / "model.json").write_text(json.dumps(body | {key: value}), "utf-8")
        with pytest.raises(ArtifactError, match=key) as caught:
            open_embedder(tmp_path)
        assert caught.type is kind
    (tmp_path / "model.json").write_text(json.dumps(body), "utf-8")
    (tmp_path / "pieces.txt").unlink()
    with pytest.raises(ArtifactError, match="pieces.txt is missing"):
        open_embedder(tmp_path)


def test_the_network_of_a_recogniser_is_no_encoder(folders: dict[str, Path], tmp_path: Path):
    from tests.ner.models import model_folder

    recogniser = model_folder(tmp_path / "ner")
    for file in folders["plain"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.onnx").write_bytes(recogniser.network.read_bytes())
    with pytest.raises(ArtifactError, match="gives logits; a model takes .* gives vectors"):
        open_embedder(tmp_path)


def test_embedding_loads_neither_torch_nor_transformers(folders: dict[str, Path]):
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from kazu_platform.linking.embedding import open_embedder\n"
        f"open_embedder(Path({str(folders['plain'])!r})).embed(['EGFR'])\n"
        "heavy = {'dagster', 'ray', 'torch', 'transformers', 'onnx'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
