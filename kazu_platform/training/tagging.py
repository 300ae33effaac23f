"""Fine-tuning: an encoder and a dense layer learn to tag from labelled sentences.

The loss is binary cross-entropy of every output of every word, masked where a corpus says nothing
(TinyBERN2, section 3.1 of its paper, has the loss; the mask is what partial annotation needs).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from kazu_platform.documents import digest
from kazu_platform.training.encoded import batch_of, shuffled
from kazu_platform.training.loop import train
from kazu_platform.training.targets import targets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from kazu_platform.training.encoded import Batch
    from kazu_platform.training.loop import Plan
    from kazu_platform.training.network import Network
    from kazu_platform.training.targets import Labelled, Outputs

MOST_PIECES = 192
"""Training sentences are cut here; one in a thousand is longer, and inference has windows."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """How often sentences are seen in an epoch.

    Attributes:
        weights: Times that each corpus is read; half of its sentences for 0.5. By default 1.
        empty: Share of a corpus's sentences without any mention that are read.
    """

    weights: Mapping[str, float]
    empty: Mapping[str, float]


def drawn(labelled: Labelled, mixture: Mixture, seed: Sequence[int]) -> NDArray[np.int64]:
    """The sentences of an epoch; the same ones for the same seed.

    Args:
        labelled: All sentences.
        mixture: How often to see them.
        seed: Of the run and the epoch.
    """
    generator = np.random.default_rng(seed)
    has_none = labelled.span[1:] == labelled.span[:-1]
    weights = np.array([mixture.weights.get(name, 1.0) for name in labelled.corpora])
    empty = np.array([mixture.empty.get(name, 1.0) for name in labelled.corpora])
    times = weights[labelled.corpus] * np.where(has_none, empty[labelled.corpus], 1.0)
    whole = np.floor(times)
    more = generator.random(len(times)) < times - whole
    return np.repeat(np.arange(len(times)), (whole + more).astype(np.int64))


def masked_loss(logits: Tensor, wanted: Tensor, known: Tensor) -> Tensor:
    """Binary cross-entropy of what is known, summed over outputs, a word's mean.

    Args:
        logits: Shape: (n_words, outputs), as the others.
        wanted: Probabilities.
        known: Whether each counts.
    """
    each = functional.binary_cross_entropy_with_logits(logits.float(), wanted, reduction="none")
    return (each * known).sum() / max(1, len(logits))


def fine_tune(
    network: Network,
    labelled: Labelled,
    outputs: Outputs,
    mixture: Mixture,
    plan: Plan,
    folder: Path,
    *,
    pieces: int = 2048,
    says: Callable[[str], None] = print,
) -> Sequence[Mapping[str, float]]:
    """Train a network in place on labelled sentences.

    Args:
        network: With as many outputs as `outputs` says.
        labelled: The sentences.
        outputs: What the outputs mean.
        mixture: How often to see which sentences.
        plan: Steps and rates.
        folder: For the checkpoint and the curve.
        pieces: Pieces of a batch, padding included.
        says: Told how it goes.

    Returns:
        The curve, with `loss` in nats a word.

    Raises:
        TrainingError: there is nothing to train on, or the loss is no number.
    """

    def loss_of(batch: Batch) -> Mapping[str, Tensor]:
        wanted, known = targets_of(labelled, batch, outputs)
        states = network.words(batch.ids, batch.mask, batch.shapes, batch.word)
        return {"loss": masked_loss(logits_of(network, states), wanted, known)}

    return train(
        network,
        plan,
        lambda epoch: batches_of(labelled, mixture, (plan.seed, epoch), pieces),
        loss_of,
        folder,
        says=says,
        identity=identity_of(labelled, outputs),
    )


def batches_of(
    labelled: Labelled, mixture: Mixture, seed: Sequence[int], pieces: int
) -> Iterator[Batch]:
    """Batches of an epoch."""
    for sentences in shuffled(
        labelled.encoded.lengths,
        drawn(labelled, mixture, seed),
        pieces=pieces,
        most=MOST_PIECES,
        generator=np.random.default_rng((*seed, 1)),
    ):
        yield batch_of(labelled.encoded, sentences, most=MOST_PIECES)


def logits_of(network: Network, states: Tensor) -> Tensor:
    """The dense layer over words."""
    if network.dense is None:
        raise ValueError("the network has no dense layer")
    return network.dense(states)


def identity_of(labelled: Labelled, outputs: Outputs) -> str:
    """Says which data a run is on."""
    parts = (labelled.encoded.ids, labelled.first, labelled.last, labelled.label)
    sums = [f"{len(each)}:{int(each.astype(np.int64) @ (np.arange(len(each)) % 1009))}" for each in parts]
    return digest(*sums, *outputs.labels, outputs.scheme)


def probabilities(
    network: Network, labelled: Labelled, sentences: NDArray[np.int64], *, pieces: int = 8192
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """What a network says of the words of some sentences.

    Returns:
        Probabilities of the words, sentence after sentence, shape (n_words, outputs), and how
        many words of each sentence were read, shape (n_sentences,).
    """
    network.eval()
    lengths = np.minimum(labelled.encoded.lengths[sentences] + 2, MOST_PIECES)
    order = np.argsort(lengths, kind="stable")
    found: list[NDArray[np.float32]] = [np.zeros((0, 0), np.float32)] * len(sentences)
    counts = np.zeros(len(sentences), np.int64)
    start = 0
    with torch.inference_mode():
        while start < len(order):
            end = start + 1
            while end < len(order) and (end + 1 - start) * lengths[order[end]] <= pieces:
                end += 1
            which = order[start:end]
            batch = batch_of(labelled.encoded, sentences[which], most=MOST_PIECES)
            states = network.words(batch.ids, batch.mask, batch.shapes, batch.word)
            values = torch.sigmoid(logits_of(network, states)).numpy()
            borders = np.cumsum(batch.n_words)[:-1]
            for place, each in zip(which.tolist(), np.split(values, borders), strict=True):
                found[place] = each
            counts[which] = batch.n_words
            start = end
    return np.concatenate(found), counts
