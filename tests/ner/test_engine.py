"""The engine against PyTorch, one sentence and one word at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.ner.engine import OWN_FRAME, Engine, pieced
from kazu_platform.ner.pieces import SPECIAL, WordPieces, shapes_of
from kazu_platform.ner.runtimes import OnnxRuntime, TorchRuntime
from kazu_platform.ner.words import split_words
from tests.ner.models import MAX_PIECES, VOCABULARY, model_folder, random_network

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from kazu_platform.ner.engine import Runtime

SENTENCES = (
    "EGFR and the gene of breast cancer.",
    "",
    "T",
    "In cells: (IL-2) trastuzumab, of the cancer cells; and of EGFR.",
    "gene",
)
LONG = "the gene EGFR in " * 12
GIANT = "cancer of " + "x" * 90 + " in cells"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that was not quantised."""
    folder = tmp_path_factory.mktemp("plain")
    return model_folder(folder, int8=False, int8_embeddings=False).folder


@pytest.fixture(scope="module")
def quantised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("quantised")).folder


def logits(runtime: Runtime, sentences: Sequence[str]) -> NDArray[Any]:
    engine = Engine(runtime, OWN_FRAME, MAX_PIECES)
    return engine.logits(pieced(split_words(sentences), WordPieces(VOCABULARY)))


def onnx(folder: Path, threads: int = 1) -> OnnxRuntime:
    return OnnxRuntime(folder / "model.onnx", threads)


def by_torch(sentence: str) -> list[list[float]]:
    """Logits of each word of a sentence that fits into a window, and nothing clever."""
    import torch

    words = split_words([sentence]).strings
    apart, pieces = WordPieces(VOCABULARY), [SPECIAL.index("[CLS]")]
    shapes, places = [0], []
    for word in words:
        ids, _ = apart.apart([word])
        places.append(slice(len(pieces), len(pieces) + len(ids)))
        pieces.extend(ids.tolist())
        shapes.extend(shapes_of([word]).tolist() * len(ids))
    given_ = torch.tensor([[*pieces, SPECIAL.index("[SEP]")]])
    kinds = torch.tensor([[*shapes, 0]])
    with torch.inference_mode():
        (found,) = random_network()(given_, torch.ones_like(given_), kinds)
    return [found[place].mean(0).tolist() for place in places]


def test_the_engine_gives_what_pytorch_gives_for_one_sentence_at_a_time(plain: Path):
    expected = [row for sentence in SENTENCES for row in (by_torch(sentence) if sentence else [])]

    found = logits(onnx(plain), SENTENCES)

    assert np.abs(found - expected).max() < 1e-4


def test_pytorch_is_a_runtime_too():
    expected = [row for sentence in SENTENCES for row in (by_torch(sentence) if sentence else [])]

    found = logits(TorchRuntime(random_network()), SENTENCES)

    assert np.abs(found - expected).max() < 1e-4


def test_bfloat16_is_near(plain: Path):
    found = logits(TorchRuntime(random_network(), bf16=True), SENTENCES)

    assert 0 < np.abs(found - logits(onnx(plain), SENTENCES)).max() < 0.2


def test_quantisation_moves_probabilities_little(plain: Path, quantised: Path):
    exact, near = (
        1 / (1 + np.exp(-logits(onnx(folder), SENTENCES))) for folder in (plain, quantised)
    )

    assert 0 < np.abs(exact - near).max() < 0.1
    assert np.abs(exact - near).mean() < 0.01


@settings(deadline=None, max_examples=30)
@given(st.permutations([*SENTENCES, LONG, GIANT]), st.sampled_from([1, 2]))
def test_a_sentence_is_read_alike_in_any_company(quantised: Path, order: list[str], threads: int):
    """One scale for a whole batch would make a mention depend on other documents."""
    alone = np.concatenate([logits(onnx(quantised), [each]) for each in order if each])

    together = logits(onnx(quantised, threads), order)

    assert np.abs(alone - together).max() < 1e-5


def test_a_long_sentence_is_read_in_windows_to_its_end(plain: Path):
    """Each of its words is a piece; 30 fit into a window, of which the next reads 7 again."""
    words = split_words([LONG]).strings
    first, last = (" ".join(words[place]) for place in (slice(30), slice(23, None)))

    found = logits(onnx(plain), [LONG])

    assert len(found) == len(words) == 48
    assert np.abs(found[:26] - logits(onnx(plain), [first])[:26]).max() < 1e-5
    assert np.abs(found[27:] - logits(onnx(plain), [last])[4:]).max() < 1e-5


def test_a_word_of_more_pieces_than_a_window_is_decided_by_its_first_ones(plain: Path):
    shorter = GIANT.replace("x" * 90, "x" * (MAX_PIECES - OWN_FRAME.size))

    found, expected = (logits(onnx(plain), [text]) for text in (GIANT, shorter))

    assert len(found) == 5
    assert np.array_equal(found, expected)


def test_hardly_anything_is_padding(plain: Path):
    engine = Engine(onnx(plain), OWN_FRAME, MAX_PIECES)
    sentences = [" ".join(["gene"] * (1 + number % 20)) for number in range(400)]

    batches = engine.batches(pieced(split_words(sentences), WordPieces(VOCABULARY)))

    assert sum(batch.mask.sum() for batch in batches) > 0.95 * sum(b.mask.size for b in batches)
    assert all(batch.mask.size <= engine.runtime.batch_pieces for batch in batches)
    assert sum(len(batch.windows) for batch in batches) == 400


def test_a_window_needs_room_for_a_piece(plain: Path):
    with pytest.raises(ValueError, match="no room"):
        Engine(onnx(plain), OWN_FRAME, 2)
