"""Self-alignment: an encoder learns to put names of one thing together, and of others apart.

After SapBERT (Liu et al. 2021, https://aclanthology.org/2021.naacl-main.334): pairs of synonyms, a
multi-similarity loss (Wang et al. 2019) over all pairs of a batch that are hard enough. Different
from it: a batch has a fixed share of each entity class, so that genes do not drown the rest; names
of different classes are no negatives, since linking knows the class; neither are names of kin; and
half of a batch may be the nearest strangers of the other half.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from kazu_platform.arrow import compute
from kazu_platform.documents import digest
from kazu_platform.errors import TrainingError
from kazu_platform.training.loop import train
from kazu_platform.training.name_table import (
    NameTable,
    batch_of_names,
    identity_of_names,
    read_names,
)
from kazu_platform.training.neighbours import Neighbours
from kazu_platform.training.network import device_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from kazu_platform.ner.pieces import WordPieces
    from kazu_platform.training.linking_recipe import AlignRecipe
    from kazu_platform.training.loop import Run
    from kazu_platform.training.name_table import NameBatch
    from kazu_platform.training.network import Network

_TEMPER: Final = 0.5
_NOTHING: Final = float("inf")


@dataclass(frozen=True, slots=True)
class MultiSimilarity:
    """Numbers of the loss; SapBERT's by default, its margin as one of the cosine.

    Attributes:
        alpha: How steeply positives pull that are below the base.
        beta: How steeply negatives push that are above it.
        base: Similarity between the two.
        margin: A pair counts if it is no further than this from being the wrong way round with the
            hardest pair of the other kind.
    """

    alpha: float = 2.0
    beta: float = 50.0
    base: float = 0.5
    margin: float = 0.2


@dataclass(frozen=True, slots=True)
class Meaning:
    """What names stand for, where the network is; all of shape (n,).

    Attributes:
        concept: Names of one concept belong together.
        kin: Names of other kin belong apart.
        entity_class: If their class is the same.
    """

    concept: Tensor
    kin: Tensor
    entity_class: Tensor

    def __getitem__(self, rows: Tensor) -> Meaning:
        """That of some names."""
        return Meaning(self.concept[rows], self.kin[rows], self.entity_class[rows])

    def pairs(self) -> tuple[Tensor, Tensor]:
        """Which pairs belong together, and which apart. Shapes: (n, n)."""
        same = self.concept[:, None] == self.concept
        same.fill_diagonal_(fill_value=False)
        stranger = self.kin[:, None] != self.kin
        return same, stranger & (self.entity_class[:, None] == self.entity_class)


def mined(
    similarity: Tensor, positive: Tensor, negative: Tensor, margin: float
) -> tuple[Tensor, Tensor]:
    """The pairs that are hard enough to learn from; all tensors have the shape (n, n).

    Args:
        similarity: Cosines.
        positive: Pairs that belong together.
        negative: Pairs that belong apart.
        margin: See `MultiSimilarity`.

    Returns:
        Of the positives those that are less similar than the row's most similar negative and the
        margin, and of the negatives those more similar than its least similar positive less it.
    """
    nearest = similarity.masked_fill(~negative, -_NOTHING).amax(dim=1, keepdim=True)
    furthest = similarity.masked_fill(~positive, _NOTHING).amin(dim=1, keepdim=True)
    return (
        positive & (similarity < nearest + margin),
        negative & (similarity > furthest - margin),
    )


def multi_similarity(vectors: Tensor, meaning: Meaning, how: MultiSimilarity) -> Tensor:
    """The loss of a batch: a mean over its names. Nothing here makes a GPU wait.

    Args:
        vectors: Unit vectors. Shape: (n, dimensions).
        meaning: Of each.
        how: Numbers.
    """
    similarity = vectors @ vectors.T
    positive, negative = mined(similarity.detach(), *meaning.pairs(), how.margin)
    off = similarity - how.base
    together = _soft_sum((-how.alpha * off).masked_fill(~positive, -_NOTHING)) / how.alpha
    apart = _soft_sum((how.beta * off).masked_fill(~negative, -_NOTHING)) / how.beta
    return (together + apart).mean()


def _soft_sum(exponents: Tensor) -> Tensor:
    """log(1 + sum of exp) of each row."""
    one = torch.zeros(len(exponents), 1, device=exponents.device)
    return torch.cat([one, exponents], dim=1).logsumexp(dim=1)


@dataclass(frozen=True)
class Learnt:
    """The names that are learnt from, sorted by class and concept.

    Attributes:
        table: As the network reads them.
        meaning: What they stand for, where the network is.
        concept: Shape: (n_names,), as the others; here.
        kin: As in ALIGNMENT_NAMES.
        entity_class: Number of the class.
        classes: Names of the classes.
        identity: Says which names these are.
    """

    table: NameTable
    meaning: Meaning
    concept: NDArray[np.int32]
    kin: NDArray[np.int32]
    entity_class: NDArray[np.int32]
    classes: tuple[str, ...]
    identity: str
    first: NDArray[np.int64] = field(init=False)
    """First name of each name's concept."""
    size: NDArray[np.int64] = field(init=False)
    """Names of each name's concept."""

    def __post_init__(self) -> None:
        """Where concepts begin."""
        _, first, which, size = np.unique(
            self.concept, return_index=True, return_inverse=True, return_counts=True
        )
        object.__setattr__(self, "first", first[which].astype(np.int64))
        object.__setattr__(self, "size", size[which].astype(np.int64))

    @classmethod
    def of(cls, names: pa.Table, pieces: WordPieces, *, most: int, device: torch.device) -> Learnt:
        """Take the names that are not held out apart.

        Args:
            names: ALIGNMENT_NAMES.
            pieces: The vocabulary.
            most: Pieces of the longest name.
            device: Where the network is.
        """
        kept = names.filter(compute.invert(names["held_out"]))
        classes = tuple(sorted(kept["entity_class"].unique().to_pylist()))
        number = compute.index_in(kept["entity_class"], pa.array(classes, pa.string()))
        concept, kin, entity_class = (
            each.to_numpy() for each in (kept["concept"], kept["kin"], number)
        )
        return cls(
            table=NameTable.of(kept["name"].to_pylist(), pieces, most=most, device=device),
            meaning=Meaning(
                *(torch.tensor(each, device=device) for each in (concept, kin, entity_class))
            ),
            concept=concept,
            kin=kin,
            entity_class=entity_class,
            classes=classes,
            identity=identity_of_names(names),
        )

    def anchors(self) -> list[NDArray[np.int64]]:
        """By class the names whose concept has another one."""
        has_other = self.size > 1
        return [
            np.flatnonzero(has_other & (self.entity_class == number))
            for number in range(len(self.classes))
        ]


@dataclass
class Drawing:
    """Draws the batches: the same ones for the same seed, whichever epoch is asked for first.

    Args:
        learnt: The names.
        how: Pairs of a batch, and weights of classes.
        seed: Of the run.

    Raises:
        TrainingError: no concept has two names.
    """

    learnt: Learnt
    how: AlignRecipe
    seed: int

    def __post_init__(self) -> None:
        """How many pairs of each class a batch has."""
        self.anchors = self.learnt.anchors()
        given = {str(name): weight for name, weight in self.how.weights.items()}
        weights = {
            number: given.get(self.learnt.classes[number], 1.0) * len(each) ** _TEMPER
            for number, each in enumerate(self.anchors)
            if len(each)
        }
        weights = {number: weight for number, weight in weights.items() if weight}
        if not weights:
            raise TrainingError(
                "no concept has two names to learn from; materialise `synonyms` of more ontologies."
            )
        firsts = self.how.pairs if not self.how.neighbours else max(1, self.how.pairs // 2)
        self.shares = shared_out(firsts, weights)
        self._passes: dict[tuple[int, int], NDArray[np.int64]] = {}

    def rows(self, step: int, neighbours: NDArray[np.int32] | None) -> NDArray[np.int64]:
        """Names of a batch: pairs, one after the other.

        Args:
            step: Counted through the run.
            neighbours: Nearest strangers of each name, -1 for none; their names come in too. Shape:
                (n_names, k).
        """
        generator = np.random.default_rng((self.seed, step))
        firsts = np.concatenate(
            [self._next(number, n * step, n) for number, n in self.shares.items()]
        )
        if neighbours is not None:
            chosen = generator.integers(neighbours.shape[1], size=len(firsts))
            strangers = neighbours[firsts, chosen].astype(np.int64)
            firsts = np.concatenate([firsts, np.where(strangers < 0, firsts, strangers)])
        return np.stack([firsts, self._partners(firsts, generator)], axis=1).ravel()

    def _partners(
        self, names: NDArray[np.int64], generator: np.random.Generator
    ) -> NDArray[np.int64]:
        """Another name of the same concept; the same one, where there is no other."""
        first, size = self.learnt.first[names], self.learnt.size[names]
        on = 1 + generator.integers(np.maximum(size - 1, 1))
        return first + (names - first + on) % size

    def _next(self, number: int, start: int, n: int) -> NDArray[np.int64]:
        """Some names of a class, from the one at a place of all its passes on."""
        all_of_it = self.anchors[number]
        places = np.arange(start, start + n)
        passes, place = np.divmod(places, len(all_of_it))
        found = np.empty(n, np.int64)
        for each in np.unique(passes).tolist():
            mine = passes == each
            found[mine] = self._pass(number, each)[place[mine]]
        return found

    def _pass(self, number: int, which: int) -> NDArray[np.int64]:
        key = (number, which)
        if key not in self._passes:
            for old in [k for k in self._passes if k[0] == number and k[1] < which - 1]:
                del self._passes[old]
            order = np.random.default_rng((self.seed, number, which)).permutation(
                self.anchors[number]
            )
            self._passes[key] = order
        return self._passes[key]


def shared_out(n: int, weights: Mapping[int, float]) -> dict[int, int]:
    """Share a number out by weight; each gets one at least, and the largest what is left over.

    >>> shared_out(10, {0: 3.0, 1: 1.0, 2: 0.01})
    {0: 7, 1: 2, 2: 1}
    """
    total = sum(weights.values())
    shares = {key: max(1, int(n * weight / total)) for key, weight in weights.items()}
    largest = max(weights, key=lambda key: weights[key])
    shares[largest] = max(1, shares[largest] + n - sum(shares.values()))
    return shares


def recasings(n: int, share: float, generator: np.random.Generator) -> NDArray[np.int8]:
    """How each of some names is read: a share in lower case or, half as often, in capitals."""
    drawn = generator.random(n)
    return np.where(drawn < share / 3, 2, np.where(drawn < share, 1, 0)).astype(np.int8)


def align(
    network: Network, learnt: Learnt, how: AlignRecipe, run: Run
) -> Sequence[Mapping[str, float]]:
    """Train an encoder in place to tell names of one thing from names of others.

    Args:
        network: The encoder; its outputs, if it has any, are the dimensions.
        learnt: The names.
        how: Pairs of a batch, the loss and where negatives are from.
        run: Steps and rates.

    Returns:
        The curve, with `loss`.

    Raises:
        TrainingError: no concept has two names, or the loss is no number.
    """
    seed = run.plan.seed
    drawing = Drawing(learnt, how, seed)
    strangers = Neighbours(run.folder, how.neighbours) if how.neighbours else None
    numbers = how.loss()
    device = device_of(network)

    def batches(epoch: int) -> Iterator[NameBatch]:
        nearest = strangers.of(epoch, network, learnt) if strangers else None
        for step in range(epoch * how.refresh, (epoch + 1) * how.refresh):
            rows = drawing.rows(step, nearest)
            generator = np.random.default_rng((seed, step, 1))
            how_read = recasings(len(rows), how.recased, generator)
            yield batch_of_names(learnt.table, rows, recased=how_read)

    def loss_of(batch: NameBatch) -> Mapping[str, Tensor]:
        vectors = read_names(network, learnt.table, batch)
        with torch.autocast(device.type, enabled=False):
            return {"loss": multi_similarity(vectors, learnt.meaning[batch.rows], numbers)}

    return train(
        network,
        run,
        batches,
        loss_of,
        identity=digest("aligned", learnt.identity, how.model_dump_json()),
    )
