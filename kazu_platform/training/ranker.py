"""Training the ranker of links: on text whose mentions people linked, in the terms of an index.

A unit is a string of a class in its context, as some documents have it, with the concepts that
people said. Each unit is learnt from twice: as it is looked at first, by equal names alone, and as
it is looked at again, with similar names. What a unit knows from memory comes from the documents of
other folds than its own. The loss is the surprise at the right concept among all that the corpus
could mean, or at "none of them".

Tempers, thresholds and what is enough are set by class on documents held out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from zlib import crc32

import numpy as np
import polars as pl
import pyarrow as pa
import torch
from torch import Tensor, nn

from kazu_platform.errors import TrainingError
from kazu_platform.evaluation.splits import TRAIN
from kazu_platform.linking.embedding import as_bytes
from kazu_platform.linking.evidence import EMBEDDED, FEATURES, Asked
from kazu_platform.linking.learnt import LEARNT, STRINGS, string_key
from kazu_platform.linking.ranking import Decision, Ranker, probabilities
from kazu_platform.tables import SURFACES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from kazu_platform.evaluation.linking import LinkingTask
    from kazu_platform.linking.evidence import Evidence, Witness
    from kazu_platform.linking.exact import ExactLinker
    from kazu_platform.linking.similar_compile import EmbedsNames
    from kazu_platform.training.linking_recipe import RankRecipe

FOLDS: Final = 5
HELD: Final = FOLDS
"""The fold of what is not learnt from: it sees the memory of all."""
_AT_ONCE: Final = 2_000
_NOTHING: Final = -1e9
_ENOUGH: Final = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1.01)
_LOSS_OF_ENOUGH: Final = 0.001
"""Share of mentions that a class may lose by looking at equal names alone."""
_LOSS_OF_THRESHOLD: Final = 0.005
"""Share of mentions that a class may lose by saying NIL where it is not sure."""


@dataclass(frozen=True)
class Units:
    """Strings in their contexts with what people linked them to.

    Attributes:
        surfaces: SURFACES of each unit; a surface may be there several times.
        frame: `unit` (its row), `task`, `fold`, `n` (mentions) and `gold` (concept_ids, sorted and
            joined by `|`; empty for none).
    """

    surfaces: pa.Table
    frame: pl.DataFrame

    @property
    def folds(self) -> NDArray[np.int64]:
        """Fold of each unit."""
        return self.frame["fold"].to_numpy()


def units_of(tasks: Sequence[LinkingTask]) -> Units:
    """Gather the mentions of tasks; those of a training split are in FOLDS folds by document.

    A document that several corpora have is in one fold.
    """
    surfaces = pl.concat([pl.DataFrame(task.surfaces) for task in tasks]).unique("surface_id")
    parts = [_units_of(task, number) for number, task in enumerate(tasks)]
    frame = (
        pl.concat(parts)
        .sort("task", "surface_id", "fold", "gold")
        .join(surfaces, on="surface_id", how="left", maintain_order="left")
        .with_row_index("unit")
        .with_columns(pl.col("unit").cast(pl.Int64))
    )
    columns = frame.select(SURFACES.schema.names)
    rows = columns.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(SURFACES.schema)
    return Units(rows, frame.select("unit", "task", "fold", "n", "gold"))


def _units_of(task: LinkingTask, number: int) -> pl.DataFrame:
    gold = task.meant.group_by("mention").agg(pl.col("concept_id").unique().sort())
    return (
        task.mentions.with_row_index("mention")
        .with_columns(
            pl.col("mention").cast(pl.Int64), fold=_folds(task.mentions["doc_id"], task.split)
        )
        .join(gold, on="mention", how="left")
        .with_columns(gold=pl.col("concept_id").list.join("|").fill_null(""))
        .group_by("surface_id", "fold", "gold")
        .agg(n=pl.len().cast(pl.Int64))
        .with_columns(task=pl.lit(number, pl.Int64))
    )


def _folds(doc_ids: pl.Series, split: str) -> pl.Series:
    if split != TRAIN:
        return pl.Series(np.full(len(doc_ids), HELD))
    distinct: list[str] = doc_ids.unique().to_list()
    fold_of = {doc_id: crc32(doc_id.encode()) % FOLDS for doc_id in distinct}
    return doc_ids.replace_strict(fold_of, return_dtype=pl.Int64)


def learnt_of(units: Units, exact: ExactLinker, marked: Callable[[str], str]) -> pa.Table:
    """LEARNT of the units that are in folds.

    Args:
        units: All units.
        exact: Says which strings are names.
        marked: The identifier that a text may have for a concept of the index.
    """
    rows = (
        units.frame.filter((pl.col("fold") < HELD) & (pl.col("gold") != ""))
        .with_columns(concept_id=pl.col("gold").str.split("|"))
        .explode("concept_id")
        .join(
            _strings_of(units).drop("text", "entity_class"),
            on="unit",
            how="left",
            maintain_order="left",
        )
        .join(_names(units, exact), on=["unit", "of_long", "concept_id"], how="left")
        .with_columns(pl.col("is_name").fill_null(value=False))
    )
    counted = (
        rows.group_by("string", "concept_id", part="fold")
        .agg(
            times=pl.col("n").sum(),
            mentions=pl.col("n").filter(pl.col("of_long") == 0).sum(),
            is_name=pl.col("is_name").any(),
        )
        .sort("string", "concept_id", "part")
    )
    ids = counted["concept_id"].unique()
    others = dict(zip(ids.to_list(), map(marked, ids.to_list()), strict=True))
    return pa.table(
        {
            "string": counted["string"].to_arrow(),
            "concept_id": counted["concept_id"].to_list(),
            "marked_id": [others[each] for each in counted["concept_id"].to_list()],
            "times": counted["times"].cast(pl.Int32).to_arrow(),
            "mentions": counted["mentions"].cast(pl.Int32).to_arrow(),
            "part": counted["part"].cast(pl.Int8).to_arrow(),
            "is_name": counted["is_name"].to_arrow(),
        },
        schema=LEARNT,
    )


def _strings_of(units: Units) -> pl.DataFrame:
    """Own strings and long forms of units: unit, of_long, text, entity_class, string (hashed)."""
    asked = Asked.of(units.surfaces)
    every = np.arange(units.surfaces.num_rows)
    rows = [
        (unit, of_long, text, asked.classes[unit], string_key(text, asked.classes[unit]))
        for unit, of_long, text in asked.strings(every)
    ]
    schema = {
        "unit": pl.Int64,
        "of_long": pl.Int64,
        "text": pl.String,
        "entity_class": pl.String,
        "string": pl.UInt64,
    }
    return pl.DataFrame(rows, schema, orient="row")


def learnt_strings(units: Units, embedder: EmbedsNames) -> pa.Table:
    """STRINGS of the units that are in folds, of classes whose names have vectors."""
    learnt = units.frame.filter((pl.col("fold") < HELD) & (pl.col("gold") != ""))["unit"]
    rows = (
        _strings_of(units)
        .filter(
            pl.col("unit").is_in(learnt.implode()), pl.col("entity_class").is_in(sorted(EMBEDDED))
        )
        .unique("string", maintain_order=True)
        .sort("entity_class", "string")
    )
    vectors = as_bytes(embedder.embed(rows["text"].to_list()))
    return pa.table(
        {
            "string": rows["string"].to_arrow(),
            "entity_class": rows["entity_class"].to_list(),
            "value": [each.tobytes() for each in vectors.values],
            "scale": vectors.scale,
        },
        schema=STRINGS,
    )


def _names(units: Units, exact: ExactLinker) -> pl.DataFrame:
    """Which strings of units are names of which concepts: unit, of_long, concept_id, is_name."""
    named = exact.named(units.surfaces)
    ids = exact.index.concepts["concept_id"].take(pa.array(named.concept)).cast(pa.string())
    columns = {"unit": named.surface, "of_long": named.of_long, "concept_id": ids.to_pylist()}
    schema = {"unit": pl.Int64, "of_long": pl.Int64, "concept_id": pl.String}
    pairs = pl.DataFrame(columns, schema)
    return pairs.unique().with_columns(is_name=pl.lit(value=True))


@dataclass(frozen=True)
class Looked:
    """Evidence of units that the corpus can judge, and which of it is right.

    Attributes:
        evidence: Candidates; `surface` is the unit.
        is_right: People meant it.
        every: All candidates, those too of which the corpus cannot say if they are right.
        ontologies: Those that name each of these, a bit for each.
    """

    evidence: Evidence
    is_right: NDArray[np.bool_]
    every: Evidence
    ontologies: NDArray[np.uint64]


def looked_at(
    units: Units, tasks: Sequence[LinkingTask], witness: Witness, *, again: bool
) -> Looked:
    """Look at every unit.

    Args:
        units: The units.
        tasks: Where they are from; say which concepts are comparable.
        witness: Gathers the evidence.
        again: With similar names; else by equal names alone, and only units that have any.
    """
    parts: list[Evidence] = []
    for start in range(0, units.surfaces.num_rows, _AT_ONCE):
        surfaces = units.surfaces.slice(start, _AT_ONCE).combine_chunks()
        asked, named = Asked.of(surfaces), witness.exact.named(surfaces)
        rows = np.arange(surfaces.num_rows) if again else np.unique(named.surface)
        looked_for = np.full(surfaces.num_rows, again)
        folds = units.folds[start : start + _AT_ONCE]
        found = witness.evidence(asked, named, looked_for, rows, folds)
        parts.append(replace(found, surface=found.surface + start))
    whole = _joined(parts)
    ids = witness.exact.index.concepts["concept_id"].take(pa.array(whole.concept))
    rows = (
        pl.DataFrame(
            {"unit": whole.surface, "concept_id": ids.cast(pa.string()).to_pylist()},
            {"unit": pl.Int64, "concept_id": pl.String},
        )
        .with_row_index("row")
        .join(units.frame.select("unit", "task", "gold"), on="unit", how="left")
    )
    comparable = pl.concat(
        [
            task.comparable.with_columns(task=pl.lit(number, pl.Int64))
            for number, task in enumerate(tasks)
        ]
    )
    kept = rows.join(comparable, on=["task", "concept_id"], how="semi").sort("row")
    right = [
        concept in gold.split("|")
        for concept, gold in kept.select("concept_id", "gold").iter_rows()
    ]
    chosen = kept["row"].to_numpy()
    bits = witness.exact.index.ontology_bits
    return Looked(_taken(whole, chosen), np.array(right, np.bool_), whole, bits[whole.concept])


def _joined(parts: Sequence[Evidence]) -> Evidence:
    names = parts[0].__dataclass_fields__
    return type(parts[0])(
        **{name: np.concatenate([getattr(each, name) for each in parts]) for name in names}
    )


def _taken(evidence: Evidence, rows: NDArray[np.integer]) -> Evidence:
    names = evidence.__dataclass_fields__
    return type(evidence)(**{name: getattr(evidence, name)[rows] for name in names})


def _nothing(step: int, loss: float) -> None:
    del step, loss


class _Network(nn.Module):
    """Two layers, and a straight path beside them."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.left_out = nn.Dropout(dropout)
        self.a = nn.Linear(len(FEATURES), width)
        self.b = nn.Linear(width, width)
        self.c = nn.Linear(width, 1, bias=False)
        self.straight = nn.Linear(len(FEATURES), 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.left_out(torch.relu(self.a(x)))
        hidden = self.left_out(torch.relu(self.b(hidden)))
        return (self.c(hidden) + self.straight(x)).squeeze(-1)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Weights as a ranker has them."""
        found = {
            "a": self.a.weight.T,
            "a_bias": self.a.bias,
            "b": self.b.weight.T[None],
            "b_bias": self.b.bias,
            "c": self.c.weight[0],
            "straight": self.straight.weight[0],
            "bias": self.straight.bias[0],
        }
        return {name: each.detach().numpy().copy() for name, each in found.items()}


def train_rankers(
    units: Units,
    looks: Sequence[Looked],
    how: RankRecipe,
    says: Callable[[str], None],
    sees: Callable[[int, float], None] = _nothing,
) -> Ranker:
    """Train several with seeds of their own, and take the mean of their scores.

    The arguments are those of `train_ranker`.

    Raises:
        TrainingError: no unit has a candidate.
    """
    seeds = range(how.seed, how.seed + how.members)
    made = [
        train_ranker(units, looks, how.model_copy(update={"seed": seed}), says, sees)
        for seed in seeds
    ]
    return Ranker(_side_by_side([each.weights for each in made]))


def _side_by_side(
    members: Sequence[Mapping[str, NDArray[np.float32]]],
) -> dict[str, NDArray[np.float32]]:
    """One network whose score is the mean of several that read the same features."""
    n = len(members)

    def every(name: str) -> list[NDArray[np.float32]]:
        return [each[name] for each in members]

    made: dict[str, NDArray[np.floating]] = {
        "a": np.concatenate(every("a"), axis=1),
        "a_bias": np.concatenate(every("a_bias")),
        "b": np.concatenate(every("b")),
        "b_bias": np.concatenate(every("b_bias")),
        "c": np.concatenate(every("c")) / n,
        "straight": np.mean(every("straight"), axis=0),
        "bias": np.mean(every("bias"), axis=0),
        "mean": members[0]["mean"],
        "spread": members[0]["spread"],
    }
    return {name: np.asarray(each, np.float32) for name, each in made.items()}


def train_ranker(
    units: Units,
    looks: Sequence[Looked],
    how: RankRecipe,
    says: Callable[[str], None],
    sees: Callable[[int, float], None] = _nothing,
) -> Ranker:
    """Train on the units in folds.

    Args:
        units: All units.
        looks: Each way to look at them.
        how: Steps, rate and width.
        says: Told how it goes.
        sees: Told each step and its loss.

    Raises:
        TrainingError: no unit has a candidate.
    """
    torch.manual_seed(how.seed)
    learnt = units.folds < HELD
    sets = [_taken_in(each, learnt, len(units.folds)) for each in looks]
    features = np.concatenate([each.features for each in sets])
    if not len(features):
        raise TrainingError("no marked string has a candidate; give vocabularies that know them.")
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread < 0.05, 1.0, spread).astype(np.float32)  # noqa: PLR2004 - rare ones
    network = _Network(how.width, how.dropout)
    optimiser = torch.optim.AdamW(network.parameters(), lr=how.rate, weight_decay=how.decay)
    weight = torch.tensor(np.sqrt(units.frame["n"].to_numpy()), dtype=torch.float32)
    batches = _Batches(sets, how)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, how.rate, total_steps=how.steps + 1)
    for step in range(how.steps):
        rows, right, which, units_of_batch = batches.next()
        scores = network((rows - torch.tensor(mean)) / torch.tensor(spread))
        surprise = _surprise(scores, right, which, len(units_of_batch))
        own = weight[units_of_batch]
        loss = (surprise * own).sum() / own.sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        sees(step, float(loss.detach()))
        if step % max(1, how.steps // 10) == 0:
            says(f"step {step} of {how.steps}: loss {float(loss.detach()):.4f}")
    return Ranker({**network.arrays(), "mean": mean, "spread": spread})


@dataclass(frozen=True)
class _Set:
    """Candidates of units in order, and where those of each unit begin."""

    features: NDArray[np.float32]
    is_right: NDArray[np.bool_]
    unit: NDArray[np.int64]
    begin: NDArray[np.int64]


def _taken_in(look: Looked, learnt: NDArray[np.bool_], n_units: int) -> _Set:
    rows = np.flatnonzero(learnt[look.evidence.surface])
    surface = look.evidence.surface[rows]
    begin = np.searchsorted(surface, np.arange(n_units + 1))
    with_any = np.flatnonzero(np.diff(begin))
    return _Set(look.evidence.features[rows], look.is_right[rows], with_any, begin)


class _Batches:
    """Draws units of every set, pass after pass."""

    def __init__(self, sets: Sequence[_Set], how: RankRecipe) -> None:
        self._sets = sets
        self._size = how.batch
        self._generator = np.random.default_rng(how.seed)
        pairs = [np.stack([np.full(len(s.unit), k), s.unit], 1) for k, s in enumerate(sets)]
        self._all = np.concatenate(pairs)
        self._left = self._all[:0]

    def next(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Features, whether right, the place of the unit in the batch; and the units."""
        if len(self._left) < self._size:
            order = self._generator.permutation(len(self._all))
            self._left = np.concatenate([self._left, self._all[order]])
        drawn, self._left = self._left[: self._size], self._left[self._size :]
        drawn = drawn[np.lexsort((drawn[:, 1], drawn[:, 0]))]
        features, right, counts = [], [], []
        for number, each in enumerate(self._sets):
            own = drawn[drawn[:, 0] == number, 1]
            units: list[int] = own.tolist()
            rows = [np.arange(int(each.begin[u]), int(each.begin[u + 1])) for u in units]
            places = np.concatenate([np.zeros(0, np.int64), *rows])
            features.append(each.features[places])
            right.append(each.is_right[places])
            counts += [len(some) for some in rows]
        which = np.repeat(np.arange(len(drawn)), counts)
        return (
            torch.tensor(np.concatenate(features)),
            torch.tensor(np.concatenate(right)),
            torch.tensor(which),
            torch.tensor(drawn[:, 1]),
        )


def _surprise(scores: Tensor, right: Tensor, which: Tensor, n: int) -> Tensor:
    """Minus the logarithm of the probability of what is right; NIL has the score 0."""
    every = _log_sum(scores, which, torch.zeros(n))
    nothing = torch.full((n,), _NOTHING)
    has_right = torch.zeros(n).index_add(0, which, right.float()) > 0
    of_right = _log_sum(scores.masked_fill(~right, _NOTHING), which, nothing)
    return every - torch.where(has_right, of_right, torch.zeros(n))


def _log_sum(scores: Tensor, which: Tensor, start: Tensor) -> Tensor:
    """The logarithm of the sum of powers by group, and of `start` in each."""
    most = start.scatter_reduce(0, which, scores, "amax", include_self=True).detach()
    powers = torch.exp(start - most).index_add(0, which, torch.exp(scores - most[which]))
    return most + torch.log(powers)


def decided(ranker: Ranker, units: Units, first: Looked, again: Looked) -> Ranker:
    """Set tempers, thresholds and what is enough, by class, on the units that are held out."""
    held = units.folds == HELD
    classes = units.surfaces["entity_class"].to_pylist()
    names = np.array(classes, object)
    scores = [ranker.scores(look.evidence.features) for look in (first, again)]
    decisions: dict[str, Decision] = {}
    for name in sorted(set(classes)):
        own = held & (names == name)
        if not own.any():
            continue
        one, other = (
            _Said.of(look, score, own, units)
            for look, score in zip((first, again), scores, strict=True)
        )
        temper, shift = _calibrated(other)
        one, other = one.tempered(temper, shift), other.tempered(temper, shift)
        one = replace(one, settled=_settled(ranker, first, temper, shift, len(own)))
        enough = _enough(one, other)
        taken = one.where_settled(other, enough)
        decisions[name] = Decision(temper, shift, _threshold(taken), enough)
    return Ranker(ranker.weights, decisions)


@dataclass(frozen=True)
class _Said:
    """What a look says of units: the best score of each, if it is right, and all scores.

    `probability` and `is_right` are of the first candidate (0 and False without one), `n` are
    mentions, `has_gold` that there is a right answer at all, `settled` how probable the first of
    all candidates is, those that the corpus cannot judge among them.
    """

    look: Looked
    scores: NDArray[np.floating]
    own: NDArray[np.bool_]
    n: NDArray[np.int64]
    has_gold: NDArray[np.bool_]
    settled: NDArray[np.float64] | None = None

    @classmethod
    def of(
        cls, look: Looked, scores: NDArray[np.floating], own: NDArray[np.bool_], units: Units
    ) -> _Said:
        rows = np.flatnonzero(own[look.evidence.surface])
        part = replace(look, evidence=_taken(look.evidence, rows), is_right=look.is_right[rows])
        has_gold = (units.frame["gold"] != "").to_numpy()
        return cls(part, scores[rows], own, units.frame["n"].to_numpy(), has_gold)

    def tempered(self, temper: float, shift: float) -> _Said:
        return replace(self, scores=self.scores / np.float32(temper) + np.float32(shift))

    def first(self) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
        """Of every unit: probability of the first candidate, if it is right, if there is one."""
        evidence = self.look.evidence
        # All that a corpus can judge are rivals.
        rivals = np.ones(len(self.scores), np.uint64)
        probable = probabilities(evidence, self.scores, rivals)
        order = np.lexsort((evidence.concept, -probable, evidence.surface))
        surface = evidence.surface[order]
        best = order[np.flatnonzero(np.diff(surface, prepend=-1))]
        shape = len(self.own)
        likely, right, there = np.zeros(shape), np.zeros(shape, bool), np.zeros(shape, bool)
        unit = evidence.surface[best]
        likely[unit], right[unit], there[unit] = probable[best], self.look.is_right[best], True
        return likely, right, there

    def where_settled(
        self, other: _Said, enough: float
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_], _Said]:
        """The first answer of every unit: this one where it is enough, else the other one."""
        likely, right, _ = self.first()
        then, right_then, _ = other.first()
        is_settled = (likely if self.settled is None else self.settled) >= enough
        return np.where(is_settled, likely, then), np.where(is_settled, right, right_then), self


def _settled(
    ranker: Ranker, look: Looked, temper: float, shift: float, n: int
) -> NDArray[np.float64]:
    """How probable the first candidate of each unit is, by an equal name."""
    evidence = look.every
    scores = ranker.scores(evidence.features) / np.float32(temper) + np.float32(shift)
    probable = probabilities(evidence, scores, look.ontologies)
    most = np.zeros(n)
    np.maximum.at(most, evidence.surface, np.where(evidence.is_named, probable, 0))
    return most


def _calibrated(said: _Said) -> tuple[float, float]:
    """Temper and shift under which what is right surprises least."""
    evidence, shape = said.look.evidence, len(said.own)
    right = torch.tensor(said.look.is_right)
    surface = torch.tensor(evidence.surface)
    scores = torch.tensor(said.scores, dtype=torch.float32)
    weight = torch.tensor(np.where(said.own, said.n, 0), dtype=torch.float32)
    numbers = torch.zeros(2, requires_grad=True)
    optimiser = torch.optim.LBFGS([numbers], max_iter=60)

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = scores * torch.exp(numbers[0]) + numbers[1]
        surprise = _surprise(value, right, surface, shape)
        total = (surprise * weight).sum() / weight.sum() + 0.01 * (numbers**2).sum()
        total.backward()
        return total

    optimiser.step(loss)
    temper, shift = float(torch.exp(-numbers[0].detach())), float(numbers[1].detach())
    return temper, shift


def _enough(one: _Said, other: _Said) -> float:
    """The least that costs hardly any right answers."""
    weight = np.where(one.own & one.has_gold, one.n, 0)
    shares = {
        enough: float((one.where_settled(other, enough)[1] * weight).sum() / max(1, weight.sum()))
        for enough in _ENOUGH
    }
    best = max(shares.values())
    return next(each for each in _ENOUGH if shares[each] >= best - _LOSS_OF_ENOUGH)


def _threshold(said: tuple[NDArray[np.float64], NDArray[np.bool_], _Said]) -> float:
    """The highest threshold with which hardly fewer mentions than most are answered right.

    NIL is an answer too. Corpora mark mostly what their vocabularies know, so that linking whatever
    comes costs nothing there; in other text it does.
    """
    likely, right, one = said
    weight = np.where(one.own, one.n, 0)
    thresholds = np.round(np.arange(0.05, 0.51, 0.05), 2)
    gains = [
        float((np.where(likely >= each, right, ~one.has_gold) * weight).sum())
        for each in thresholds
    ]
    least = max(gains) - _LOSS_OF_THRESHOLD * float(weight.sum())
    return float(max(each for each, gain in zip(thresholds, gains, strict=True) if gain >= least))
