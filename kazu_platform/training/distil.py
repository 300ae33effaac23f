"""Distillation in two stages, as TinyBERT does it (Jiao et al. 2020; section 3.3 of the paper).

Stage 1, on unlabelled text, knows no task: the student learns the teacher's embeddings, hidden
states and raw attention scores, through a projection where widths differ. Stage 2 learns what
the teacher says of each word: the probabilities of its outputs, merged into the student's, with the
gold beside them where there is one. The teacher is in evaluation mode, padding and special pieces
count for nothing.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from kazu_platform.documents import digest
from kazu_platform.errors import TrainingError
from kazu_platform.training.adapt import batches_of_rows, identity_of_rows
from kazu_platform.training.encoded import sent
from kazu_platform.training.loop import train
from kazu_platform.training.network import device_of
from kazu_platform.training.tagging import masked_loss
from kazu_platform.training.targets import label_of, targets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from kazu_platform.training.adapt import Rows
    from kazu_platform.training.encoded import Batch
    from kazu_platform.training.loop import Run
    from kazu_platform.training.network import Network
    from kazu_platform.training.tagging import Material, Tagger
    from kazu_platform.training.targets import Outputs

GOLD_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Merge:
    """How labels of a teacher become the classes of a student.

    Attributes:
        weights: For each class the teacher's labels with their weights; a class that is missing is
            the label of the same name.
        own: Labels that corpora have for themselves, as `targets.label_of` takes them: in their own
            sentences these speak alone, if they have a weight.
        gold: Share of the gold in the target where a corpus marks a class, by "corpus class";
            by default GOLD_SHARE where the corpus's label has a weight, else none.
        marked: Which corpora mark which classes, by "corpus class". What the others say nothing of
            is a mixture in their sentences.
    """

    weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, dict[str, float]])
    own: Mapping[str, str] = field(default_factory=dict[str, str])
    gold: Mapping[str, float] = field(default_factory=dict[str, float])
    marked: Collection[str] = ()

    def of(self, entity_class: str, corpus: str) -> Mapping[str, float]:
        """Labels and weights for a class in sentences of a corpus; the weights sum to 1."""
        weights = self.weights.get(entity_class, {entity_class: 1.0})
        own = label_of(corpus, entity_class, self.own)
        if f"{corpus} {entity_class}" in self.marked and weights.get(own):
            return {own: 1.0}
        total = sum(weights.values())
        return {label: weight / total for label, weight in weights.items()}

    def gold_share(self, entity_class: str, corpus: str) -> float:
        """Share of the gold where the corpus marks the class."""
        weights = self.weights.get(entity_class, {entity_class: 1.0})
        default = GOLD_SHARE if weights.get(label_of(corpus, entity_class, self.own)) else 0.0
        return self.gold.get(f"{corpus} {entity_class}", default)


class Merger:
    """Makes a student's targets of a teacher's probabilities and the gold.

    Raises:
        TrainingError: a label to merge is none of the teacher's, or the two tag differently.
    """

    def __init__(
        self, merge: Merge, teacher: Outputs, student: Outputs, corpora: Sequence[str]
    ) -> None:
        if teacher.scheme != student.scheme:
            raise TrainingError("teacher and student must tag in the same scheme.")
        self._student = student
        self._mix = torch.zeros(len(corpora), teacher.n, student.n)
        self._gold = torch.zeros(len(corpora), student.n)
        for row, corpus in enumerate(corpora):
            for place, entity_class in enumerate(student.labels):
                own = slice(student.per_label * place, student.per_label * (place + 1))
                self._gold[row, own] = merge.gold_share(entity_class, corpus)
                for label, weight in merge.of(entity_class, corpus).items():
                    if label not in teacher.labels:
                        raise TrainingError(
                            f"{label!r} is no label of the teacher: {', '.join(teacher.labels)}"
                        )
                    self._add(row, teacher, teacher.labels.index(label), own.start, weight)

    def _add(self, row: int, teacher: Outputs, label: int, column: int, weight: float) -> None:
        inside = teacher.inside(label)
        for place in range(teacher.per_label):
            self._mix[row, inside - place, column + teacher.per_label - 1 - place] += weight

    def to(self, device: torch.device) -> Merger:
        """The same on a device."""
        self._mix, self._gold = self._mix.to(device), self._gold.to(device)
        return self

    def targets(self, said: Tensor, corpus: Tensor, wanted: Tensor, known: Tensor) -> Tensor:
        """Targets of some words.

        Args:
            said: Probabilities of the teacher. Shape: (n_words, teacher's outputs).
            corpus: Corpus of each word. Shape: (n_words,).
            wanted: The gold. Shape: (n_words, student's outputs).
            known: Whether the gold says something.
        """
        mixed = torch.bmm(said.unsqueeze(1), self._mix[corpus]).squeeze(1)
        share = self._gold[corpus] * known
        mixed = (1 - share) * mixed + share * wanted
        inside = mixed[:, :-1].unflatten(1, (-1, self._student.per_label)).amax(dim=2)
        return torch.cat([mixed[:, :-1], (1 - inside).prod(dim=1, keepdim=True)], dim=1)


def distil_task(
    student: Tagger, teachers: Sequence[Tagger], material: Material, merge: Merge, run: Run
) -> Sequence[Mapping[str, float]]:
    """Stage 2: train a student in place on what its teachers say of sentences.

    Args:
        student: What learns; its labels are the classes of the material.
        teachers: What it learns from: the mean of what they say, each with the same labels.
        material: The sentences; unlabelled ones know no label.
        merge: How labels become classes.
        run: Steps and rates.

    Returns:
        The curve, with `loss` in nats a word.

    Raises:
        TrainingError: the labels do not fit, there is nothing to train on, or a loss is no number.
    """
    labelled = material.labelled
    device = device_of(student.network)
    merger = Merger(merge, teachers[0].outputs, student.outputs, labelled.corpora).to(device)
    for teacher in teachers:
        teacher.network.eval()

    def loss_of(batch: Batch) -> Mapping[str, Tensor]:
        wanted, known = (
            sent(each, device) for each in targets_of(labelled, batch, student.outputs)
        )
        corpus = np.repeat(labelled.corpus[batch.sentences], batch.n_words)
        with torch.no_grad():
            said = [torch.sigmoid(teacher.network.words(batch)) for teacher in teachers]
            target = merger.targets(
                torch.stack(said).mean(dim=0), sent(torch.from_numpy(corpus), device), wanted, known
            )
        return {"loss": masked_loss(student.network.words(batch), target, torch.ones_like(target))}

    return train(
        student.network,
        run,
        lambda epoch: material.batches((run.plan.seed, epoch), device),
        loss_of,
        identity=material.identity("distilling", repr(merge), *student.outputs.labels),
    )


class GeneralStudent(nn.Module):
    """A student with projections to a teacher's width, and the three losses of stage 1."""

    def __init__(self, student: Network, teacher: Network, layers: Sequence[int]) -> None:
        super().__init__()
        self.student = student
        self.layers = tuple(layers)
        same = student.sizes.hidden == teacher.sizes.hidden
        self.dense = (
            nn.Identity() if same else nn.Linear(student.sizes.hidden, teacher.sizes.hidden)
        )
        self._teacher = [teacher.eval()]  # in a list: no part of this module, not trained or saved

    def forward(self, ids: Tensor, shapes: Tensor, inside: Tensor) -> Mapping[str, Tensor]:
        """Losses of some rows of running text.

        Args:
            ids: Shape: (batch, pieces), as the others.
            shapes: Of the pieces.
            inside: Whether each piece is one of a word; the others count for nothing.
        """
        with torch.no_grad(), _watched(self._teacher[0]) as theirs:
            self._teacher[0].hidden(ids, None, shapes)
        with _watched(self.student) as own:
            self.student.hidden(ids, None, shapes)
        pairs = list(enumerate(self.layers))
        state = inside.unsqueeze(-1)
        score = (inside.unsqueeze(1) & inside.unsqueeze(2)).unsqueeze(1)
        return {
            "embeddings": _mean_square(self.dense(own.embeddings), theirs.embeddings, state),
            "hidden": _mean(
                _mean_square(self.dense(own.hidden[a]), theirs.hidden[b], state) for a, b in pairs
            ),
            "attention": _mean(
                _mean_square(own.scores(a), theirs.scores(b), score) for a, b in pairs
            ),
        }


def distil_general(  # noqa: PLR0913 - two networks and what they read
    student: Network, teacher: Network, layers: Sequence[int], rows: Rows, run: Run, *, batch: int
) -> Sequence[Mapping[str, float]]:
    """Stage 1: train a student in place to see running text as a teacher does.

    Args:
        student: An encoder.
        teacher: An encoder with at least as many layers and as many attention heads.
        layers: For each layer of the student the layer of the teacher that it learns from.
        rows: Unlabelled running text (`adapt.read_rows`).
        run: Steps and rates.
        batch: Rows of a step.

    Returns:
        The curve, with mean squared errors `embeddings`, `hidden` and `attention`.

    Raises:
        TrainingError: layers or heads do not fit, or a loss is no number.
    """
    _must_fit(student, teacher, layers)
    torch.manual_seed(run.plan.seed)
    device = device_of(student)
    model = GeneralStudent(student, teacher, layers).to(device)

    def loss_of(which: NDArray[np.int64]) -> Mapping[str, Tensor]:
        ids, shapes, word = (
            sent(torch.from_numpy(each[which].astype(np.int64)), device)
            for each in (rows.ids, rows.shapes, rows.word)
        )
        return model(ids, shapes, word >= 0)

    return train(
        model,
        run,
        lambda epoch: batches_of_rows(rows, batch, (run.plan.seed, epoch)),
        loss_of,
        identity=digest("general", identity_of_rows(rows), repr(tuple(layers)), str(batch)),
    )


def _must_fit(student: Network, teacher: Network, layers: Sequence[int]) -> None:
    own, theirs = student.sizes, teacher.sizes
    if len(layers) != own.layers or max(layers) >= theirs.layers:
        raise TrainingError(
            f"layers {tuple(layers)} do not fit a student of {own.layers} layers and a teacher of "
            f"{theirs.layers}."
        )
    if own.heads != theirs.heads:
        raise TrainingError(
            f"a student with {own.heads} attention heads cannot learn those of a teacher with "
            f"{theirs.heads}."
        )


@dataclass
class _Seen:
    """What passed through an encoder: embeddings, each layer's output, its queries and keys."""

    heads: int
    embeddings: Tensor = field(default_factory=lambda: torch.empty(0))
    hidden: list[Tensor] = field(default_factory=list)
    queries: list[Tensor] = field(default_factory=list)
    keys: list[Tensor] = field(default_factory=list)

    def scores(self, layer: int) -> Tensor:
        """Raw attention scores of a layer. Shape: (batch, heads, pieces, pieces)."""
        query, key = (
            each.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for each in (self.queries[layer], self.keys[layer])
        )
        return query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])


@contextmanager
def _watched(network: Network) -> Generator[_Seen]:
    """Look into an encoder while it runs."""
    seen = _Seen(network.sizes.heads)

    def embedded(_module: nn.Module, _given: object, found: Tensor) -> None:
        seen.embeddings = found

    def kept(where: list[Tensor]) -> Callable[..., None]:
        def keep(_module: nn.Module, _given: object, found: Tensor | tuple[Tensor, ...]) -> None:
            where.append(found if isinstance(found, torch.Tensor) else found[0])

        return keep

    hooks = [network.encoder.embeddings.register_forward_hook(embedded)]
    for layer in network.encoder.encoder.layer:
        attention = layer.get_submodule("attention.self")
        hooks += [
            layer.register_forward_hook(kept(seen.hidden)),
            attention.get_submodule("query").register_forward_hook(kept(seen.queries)),
            attention.get_submodule("key").register_forward_hook(kept(seen.keys)),
        ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _mean_square(found: Tensor, wanted: Tensor, counts: Tensor) -> Tensor:
    """Mean squared error of what counts; `counts` has the shape of the others, or spreads to it."""
    error = functional.mse_loss(found, wanted, reduction="none")
    # To pick out what counts, a GPU would have to stop.
    each = counts.sum() * (error.numel() // counts.numel())
    return (error * counts).sum() / each.clamp(min=1)


def _mean(values: Iterator[Tensor]) -> Tensor:
    return torch.stack(list(values)).mean()
