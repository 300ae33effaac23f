"""Targets: what a network should say of each word, and where nobody knows.

A network has an output B and an output I for each label (in the IO scheme only I), and one for O.
A label is an entity class, or a class as one corpus understands it (`gene:BC2GM`): corpora do not
agree, and a label of its own keeps their quarrel out of the encoder. A corpus says nothing of the
classes that it does not mark: their outputs are masked there, and O is known only where every
label is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from kazu_platform.arrow import compute
from kazu_platform.errors import TrainingError
from kazu_platform.training.encoded import encode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray
    from torch import Tensor

    from kazu_platform.ner.pieces import WordPieces
    from kazu_platform.training.encoded import Batch, Encoded

BIO: Final = "BIO"
IO: Final = "IO"


@dataclass(frozen=True, slots=True)
class Outputs:
    """What the outputs of a network mean: for each label B and I (IO: only I), then O."""

    labels: tuple[str, ...]
    scheme: str = BIO

    @property
    def per_label(self) -> int:
        """Outputs of a label."""
        return 2 if self.scheme == BIO else 1

    @property
    def n(self) -> int:
        """Number of outputs: 2k + 1 in BIO."""
        return self.per_label * len(self.labels) + 1

    def inside(self, label: int) -> int:
        """Column of I."""
        return self.per_label * (label + 1) - 1


@dataclass(frozen=True, slots=True)
class Labelled:
    """Labelled sentences as arrays.

    Attributes:
        encoded: Their words and pieces.
        corpora: Names of the corpora.
        corpus: Which corpus each sentence is of. Shape: (n_sentences,).
        known: Whether each label is marked in each sentence. Shape: (n_sentences, n_labels).
        span: First span of each sentence, and the number of spans. Shape: (n_sentences + 1,).
        first: First word of each span, within its sentence.
        last: One past its last word.
        label: Which label each span has.
        probability: How sure that is; 1 where people marked it.
    """

    encoded: Encoded
    corpora: tuple[str, ...]
    corpus: NDArray[np.int64]
    known: NDArray[np.bool_]
    span: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    label: NDArray[np.int64]
    probability: NDArray[np.float32]


def label_of(corpus: str, entity_class: str, own: Mapping[str, str]) -> str:
    """The label of a class in a corpus: the class, unless the corpus has one of its own.

    >>> label_of("BC2GM", "gene", {"BC2GM gene": "gene:BC2GM"})
    'gene:BC2GM'
    """
    return own.get(f"{corpus} {entity_class}", entity_class)


def labelled_sentences(
    rows: pa.Table, pieces: WordPieces, outputs: Outputs, own: Mapping[str, str]
) -> Labelled:
    """Make arrays of labelled sentences.

    Mentions of classes that the sentence does not list, and labels that the outputs do not have,
    are left out.

    Args:
        rows: LABELLED_SENTENCES.
        pieces: The vocabulary.
        outputs: Labels of the network.
        own: Labels that corpora have for themselves (`label_of`), by "corpus class".

    Raises:
        TrainingError: there are no sentences.
    """
    if not rows.num_rows:
        raise TrainingError("there are no labelled sentences; materialise ner_training_data.")
    rows = rows.combine_chunks()
    words, first = _flat(rows["words"])
    corpora, corpus = _coded(rows["corpus"].to_pylist())
    known, column = _known(rows["classes"], corpora, corpus, outputs, own)
    mentions = compute.list_flatten(rows["mentions"]).combine_chunks()
    sentence = compute.list_parent_indices(rows["mentions"].combine_chunks()).to_numpy()
    fields = {
        name: compute.struct_field(mentions, name).to_numpy(zero_copy_only=False)
        for name in ("first", "last", "entity_class", "probability")
    }
    pairs = zip(corpus[sentence].tolist(), fields["entity_class"].tolist(), strict=True)
    label = np.array([column.get(pair, -1) for pair in pairs], np.int64)
    kept = np.flatnonzero((label >= 0) & known[sentence, np.maximum(label, 0)])
    counts = np.bincount(sentence[kept], minlength=rows.num_rows)
    return Labelled(
        encoded=encode(words, first, pieces),
        corpora=corpora,
        corpus=corpus,
        known=known,
        span=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        first=fields["first"][kept].astype(np.int64),
        last=fields["last"][kept].astype(np.int64),
        label=label[kept],
        probability=fields["probability"][kept].astype(np.float32),
    )


def _known(
    classes: pa.ChunkedArray,
    corpora: Sequence[str],
    corpus: NDArray[np.int64],
    outputs: Outputs,
    own: Mapping[str, str],
) -> tuple[NDArray[np.bool_], Mapping[tuple[int, str], int]]:
    """Whether each label is marked in each sentence, and the label of each class of a corpus.

    There are few lists of classes, so each is looked at once in a corpus, not in each sentence.
    """
    lists = compute.binary_join(classes, " ").combine_chunks().dictionary_encode()
    marked = [str(each).split() for each in lists.dictionary.to_pylist()]
    code = lists.indices.to_numpy().astype(np.int64)
    kinds, kind = np.unique(corpus * len(marked) + code, return_inverse=True)
    number = {label: place for place, label in enumerate(outputs.labels)}
    known = np.zeros((len(kinds), len(number)), np.bool_)
    column: dict[tuple[int, str], int] = {}
    numbers: list[int] = kinds.tolist()
    for row, both in enumerate(numbers):
        which, at = divmod(both, len(marked))
        for each in marked[at]:
            label = number.get(label_of(corpora[which], each, own), -1)
            column[which, each] = label
            if label >= 0:
                known[row, label] = True
    return known[kind], column


def _flat(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    lists = column.combine_chunks()
    sizes = compute.list_value_length(lists).to_numpy(zero_copy_only=False)
    return compute.list_flatten(lists).to_pylist(), np.concatenate(([0], np.cumsum(sizes)))


def _coded(values: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    names, codes = np.unique(np.array(values, dtype=object).astype(str), return_inverse=True)
    return tuple(names.tolist()), codes.astype(np.int64)


def targets_of(labelled: Labelled, batch: Batch, outputs: Outputs) -> tuple[Tensor, Tensor]:
    """What each word of a batch should be, and what of that is known.

    Returns:
        Probabilities and a mask, both of shape (words of the batch, outputs).
    """
    n_words = int(batch.n_words.sum())
    wanted = np.zeros((n_words, outputs.n), np.float32)
    offset = np.cumsum(batch.n_words) - batch.n_words
    sizes = labelled.span[batch.sentences + 1] - labelled.span[batch.sentences]
    spans = np.repeat(labelled.span[batch.sentences] - (np.cumsum(sizes) - sizes), sizes)
    spans += np.arange(len(spans))
    room = np.repeat(batch.n_words, sizes)
    base = np.repeat(offset, sizes)
    there = labelled.first[spans] < room
    spans, room, base = spans[there], room[there], base[there]
    first, last = labelled.first[spans], np.minimum(labelled.last[spans], room)
    inside = outputs.per_label * (labelled.label[spans] + 1) - 1
    begins = first + (1 if outputs.scheme == BIO else 0)
    lengths = np.maximum(last - begins, 0)
    place = np.repeat(base + begins - (np.cumsum(lengths) - lengths), lengths)
    place += np.arange(len(place))
    wanted[place, np.repeat(inside, lengths)] = np.repeat(labelled.probability[spans], lengths)
    if outputs.scheme == BIO:
        wanted[base + first, inside - 1] = labelled.probability[spans]
    marked = labelled.known[batch.sentences]
    columns = np.repeat(marked, outputs.per_label, axis=1)
    known = np.concatenate([columns, marked.all(axis=1, keepdims=True)], axis=1)
    wanted[:, -1] = outside(wanted[:, :-1], outputs)
    mask = np.repeat(known, batch.n_words, axis=0)
    return torch.from_numpy(wanted), torch.from_numpy(mask)


def outside(inside: NDArray[np.float32], outputs: Outputs) -> NDArray[np.float32]:
    """Probability that a word is part of nothing, if labels are independent.

    Args:
        inside: Probabilities of the labels' outputs. Shape: (n_words, outputs - 1).
        outputs: What they mean.
    """
    by_label = inside.reshape(len(inside), len(outputs.labels), outputs.per_label).max(axis=2)
    return np.prod(1 - by_label, axis=1, dtype=np.float32)
