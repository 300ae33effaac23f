"""A folder without weights is read in PyTorch by what its graph was quantised to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from kazu_platform.errors import ArtifactError, ConfigurationError
from kazu_platform.ner.dequantised import read_graph
from kazu_platform.ner.engine import OWN_FRAME, Engine, pieced
from kazu_platform.ner.model import open_model, sigmoid
from kazu_platform.ner.network import read_network
from kazu_platform.ner.pieces import WordPieces
from kazu_platform.ner.runtimes import OnnxRuntime, TorchRuntime
from kazu_platform.ner.words import split_words
from tests.ner.documents import passages_in
from tests.ner.models import model_folder, random_network

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from kazu_platform.ner.engine import Runtime
    from kazu_platform.ner.model_files import ModelFiles

TEXTS = [
    "EGFR and the gene of breast cancer in cells.",
    "The gene of cancer, (IL-2); 5-fluorouracil in breast cells and trastuzumab.",
    *(f"Cells of line {number} and the EGFR of breast cancer." for number in range(10)),
]


def logits(files: ModelFiles, runtime: Runtime) -> NDArray[np.float32]:
    engine = Engine(runtime, OWN_FRAME, files.description.max_pieces)
    return engine.logits(pieced(split_words(TEXTS), WordPieces.read(files.vocabulary)))


def outputs_of_torch(files: ModelFiles) -> NDArray[np.float32]:
    return logits(files, TorchRuntime(read_network(files.folder, files.description.n_outputs)))


def has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def test_weights_that_were_not_quantised_come_back_as_they_were(tmp_path: Path):
    files = model_folder(tmp_path, int8=False, int8_embeddings=False)
    whole = random_network().state_dict()

    shape, weights = read_graph(files.network)

    assert set(weights) == set(whole)
    for name, each in weights.items():  # of the positions only those that a window has
        assert np.array_equal(each, whole[name][: len(each)].numpy()), name
    assert shape == {
        "num_attention_heads": 4,
        "layer_norm_eps": pytest.approx(1e-12),
        "vocab_size": 103,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "intermediate_size": 64,
        "type_vocab_size": 6,
        "max_position_embeddings": 32,
    }


@pytest.mark.parametrize("seed", range(3))
def test_torch_says_what_onnx_says_within_the_noise_of_quantisation(tmp_path: Path, seed: int):
    """What is left is the rounding of activations to bytes, which PyTorch does not do."""
    files = model_folder(tmp_path, seed)
    exact = logits(files, TorchRuntime(random_network(seed)))
    of_onnx = logits(files, OnnxRuntime(files.network))

    found = outputs_of_torch(files)

    noise = np.abs(of_onnx - exact).max()
    assert 0 < np.abs(found - of_onnx).max() < noise * 1.5 < 0.1 * np.abs(exact).max()
    labels = [sigmoid(each) >= 0.5 for each in (found, of_onnx)]
    assert (labels[0] == labels[1]).mean() > 0.99


def test_a_folder_without_weights_is_a_detector_of_a_version_of_its_own(tmp_path: Path):
    without = model_folder(tmp_path / "without")
    weights = model_folder(tmp_path / "with", weights=True)
    texts = passages_in([[text] for text in TEXTS])

    quantised, dequantised, whole = (
        open_model(without.folder),
        open_model(without.folder, bf16=True),
        open_model(weights.folder, bf16=True),
    )

    assert without.version == weights.version
    assert len({each.version for each in (quantised, dequantised, whole)}) == 3
    found = [set(each.detect(texts)["mention_id"].to_pylist()) for each in (quantised, dequantised)]
    assert len(found[0] & found[1]) > 0.9 * len(found[0] | found[1])


def test_another_graph_is_refused(tmp_path: Path):
    import onnx
    from onnx import TensorProto, helper

    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "ab"]
    node = helper.make_node("Identity", ["a"], ["b"])
    path = tmp_path / "other.onnx"
    onnx.save(helper.make_model(helper.make_graph([node], "other", values[:1], values[1:])), path)

    with pytest.raises(ArtifactError, match="other.onnx cannot be read .*'pieces'"):
        read_graph(path)


def test_a_gpu_that_is_not_there_is_named(tmp_path: Path):
    import torch

    files = model_folder(tmp_path)
    device = f"cuda:{torch.cuda.device_count()}"

    with pytest.raises(ConfigurationError, match=f"is to read on {device}, and PyTorch .*_GPUS=0"):
        open_model(files.folder, device=device, bf16=True)


def test_a_gpu_reads_what_a_processor_reads(tmp_path: Path):
    if not has_gpu():
        pytest.skip("no GPU")
    files = model_folder(tmp_path)
    texts = passages_in([[text] for text in TEXTS])

    found = [
        set(
            open_model(files.folder, device=device, bf16=True)
            .detect(texts)["mention_id"]
            .to_pylist()
        )
        for device in ("cpu", "cuda")
    ]

    assert len(found[0] & found[1]) > 0.9 * len(found[0] | found[1])
