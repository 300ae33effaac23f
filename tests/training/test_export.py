"""A trained module becomes a folder that can be opened, the same one every time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kazu_platform.ner.model import open_model
from kazu_platform.training.export import export_model, onnx_bytes
from tests.ner.documents import passages_in
from tests.ner.models import (
    MAX_PIECES,
    VOCABULARY,
    description,
    model_folder,
    random_network,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_the_same_weights_give_the_same_files(tmp_path: Path):
    once, again, other = (
        model_folder(tmp_path / name, seed) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )

    for name in ("model.onnx", "model.json", "pieces.txt"):
        assert (once.folder / name).read_bytes() == (again.folder / name).read_bytes()
    assert once.version == again.version != other.version


def test_quantised_embeddings_and_products_make_it_smaller():
    """The vocabulary is large against the layers, as it is in a model that is shipped."""
    network = random_network(vocabulary=20_000)
    sizes = [
        len(onnx_bytes(network, max_pieces=MAX_PIECES, int8=int8, int8_embeddings=embeddings))
        for int8, embeddings in ((False, False), (True, False), (True, True))
    ]

    assert sizes[0] > sizes[1] > 3 * sizes[2]


def test_the_weights_for_a_gpu_read_the_same(tmp_path: Path):
    """In bfloat16, so confidence differs in its third digit."""
    files = model_folder(tmp_path, int8=False, int8_embeddings=False, weights=True)
    texts = passages_in([["EGFR and the gene of breast cancer."], ["Cancer cells in the gene."]])

    exact = open_model(files.folder).detect(texts)
    near = open_model(files.folder, bf16=True).detect(texts)

    assert exact.num_rows
    assert set(near["mention_id"].to_pylist()) & set(exact["mention_id"].to_pylist())
    assert near["detector_version"][0] != exact["detector_version"][0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"vocabulary": VOCABULARY[:-1]}, "knows 103 pieces, the vocabulary has 102"),
        ({"description": description(max_pieces=65)}, "has 64 positions, windows have 65"),
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, Any], message: str, tmp_path: Path):
    fitting: dict[str, Any] = {"vocabulary": VOCABULARY, "description": description(), "card": ""}

    with pytest.raises(ValueError, match=message):
        export_model(random_network(), tmp_path, **(fitting | wrong))
