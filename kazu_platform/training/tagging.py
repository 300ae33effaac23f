"""Fine-tuning: an encoder and a dense layer learn to tag from labelled sentences.

The loss is binary cross-entropy of every output of every word, masked where a corpus says nothing
(TinyBERN2, section 3.1 of its paper, has the loss; the mask is what partial annotation needs).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch.nn import functional

from kazu_platform.documents import digest
from kazu_platform.training.encoded import batch_of, sent, shuffled
from kazu_platform.training.loop import train
from kazu_platform.training.network import device_of
from kazu_platform.training.targets import targets_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from kazu_platform.training.encoded import Batch
    from kazu_platform.training.loop import Run
    from kazu_platform.training.network import Network
    from kazu_platform.training.targets import Labelled, Outputs

MOST_PIECES: Final = 192
"""Training sentences are cut here; one in a thousand is longer, and inference has windows."""
_PRIME = 1009


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


@dataclass(frozen=True, slots=True)
class Tagger:
    """A network and what its outputs mean."""

    network: Network
    outputs: Outputs


@dataclass(frozen=True, slots=True)
class Material:
    """What a tagger learns from.

    Attributes:
        labelled: The sentences.
        mixture: How often to see which.
        pieces: Pieces of a batch, padding included.
    """

    labelled: Labelled
    mixture: Mixture
    pieces: int = 2048

    def batches(self, seed: Sequence[int], device: torch.device) -> Iterator[Batch]:
        """Batches of an epoch."""
        for sentences in shuffled(
            self.labelled.encoded.lengths,
            drawn(self.labelled, self.mixture, seed),
            pieces=self.pieces,
            most=MOST_PIECES,
            generator=np.random.default_rng((*seed, 1)),
        ):
            yield batch_of(self.labelled.encoded, sentences, most=MOST_PIECES).to(device)

    def identity(self, *more: str) -> str:
        """Says which data a run is on."""
        labelled = self.labelled
        parts = (labelled.encoded.ids, labelled.first, labelled.last, labelled.label)
        sums = [f"{len(each)}:{_place_sum(each)}" for each in parts]
        return digest(*sums, repr(self.mixture), str(self.pieces), *more)


def fine_tune(tagger: Tagger, material: Material, run: Run) -> Sequence[Mapping[str, float]]:
    """Train a tagger in place on labelled sentences.

    Args:
        tagger: With the labels of the material.
        material: What to learn from.
        run: Steps and rates.

    Returns:
        The curve, with `loss` in nats a word.

    Raises:
        TrainingError: there is nothing to train on, or the loss is no number.
    """
    network, outputs = tagger.network, tagger.outputs
    device = device_of(network)

    def loss_of(batch: Batch) -> Mapping[str, Tensor]:
        wanted, known = (
            sent(each, device) for each in targets_of(material.labelled, batch, outputs)
        )
        return {"loss": masked_loss(network.words(batch), wanted, known)}

    return train(
        network,
        run,
        lambda epoch: material.batches((run.plan.seed, epoch), device),
        loss_of,
        identity=material.identity("tagging", *outputs.labels, outputs.scheme),
    )


def probabilities(
    network: Network, labelled: Labelled, sentences: NDArray[np.int64], *, pieces: int = 8192
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """What a network says of the words of some sentences.

    Returns:
        Probabilities of the words, sentence after sentence, shape (n_words, outputs), and how
        many words of each sentence were read, shape (n_sentences,).
    """
    network.eval()
    device = device_of(network)
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
            values = torch.sigmoid(network.words(batch.to(device))).cpu().numpy()
            borders = np.cumsum(batch.n_words)[:-1]
            for place, each in zip(which.tolist(), np.split(values, borders), strict=True):
                found[place] = each
            counts[which] = batch.n_words
            start = end
    return np.concatenate(found), counts


def _place_sum(values: NDArray[np.integer]) -> int:
    """A sum that another order of the values changes."""
    return int(values.astype(np.int64) @ (np.arange(len(values)) % _PRIME))
