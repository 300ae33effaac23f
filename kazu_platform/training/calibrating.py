"""Calibrating the scores of links: what a linker says is made as probable as it is right.

A ranker's probabilities are right on average over all candidates of a class. What is read is the
first candidate that a linker chose, and that is no average: an equal name comes first although it
is less probable, and is right more often than its probability says. So the log odds that a score
has are stretched and moved, by class, for equal names and for others. The order stays.

Corpora of a class count alike, however many mentions they have: else the largest alone would say
what is right. A corpus of a few mentions (`_FEW`) counts less.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import torch

from kazu_platform.evaluation.linkers import OwnLinker
from kazu_platform.evaluation.linking import identified, judge
from kazu_platform.linking.exact import METHODS as BY_NAME
from kazu_platform.linking.ranking import Ranker, Scale, log_odds, rescaled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kazu_platform.evaluation.linking import LinkingTask
    from kazu_platform.linking.hybrid import HybridLinker
    from kazu_platform.linking.ranking import Decision

_KEPT: Final = 0.007
"""How strongly scores stay what they are: in corpora."""
_FEW: Final = 50
"""A corpus of fewer mentions counts less than others."""
_MOST: Final = 1 - 1e-4
_MORE_THAN_NOT: Final = 0.5


@dataclass(frozen=True)
class Firsts:
    """First candidates of mentions, with the others of the same identifier, in parallel arrays.

    Attributes:
        mention: Row of `right` and `weight`.
        odds: Log odds of the score of a candidate, which is none above that of the first.
        is_named: It has an equal name.
        right: Of each mention whether the first candidate is right.
        weight: Of each mention.
    """

    mention: NDArray[np.int64]
    odds: NDArray[np.float64]
    is_named: NDArray[np.bool_]
    right: NDArray[np.bool_]
    weight: NDArray[np.float64]


def calibrated(linker: HybridLinker, tasks: Sequence[LinkingTask]) -> Ranker:
    """The ranker of a linker with scales by class that fit what people said.

    Args:
        linker: Links by the ranker, whose scores are still its probabilities.
        tasks: Held-out splits; classes without any keep their scores.
    """
    ranker = linker.ranker
    by_class: dict[str, list[LinkingTask]] = defaultdict(list)
    for task in tasks:
        by_class[task.entity_class].append(task)
    scaled = {
        name: _scaled(ranker.decision(name), *scales([firsts_of(linker, task) for task in own]))
        for name, own in by_class.items()
    }
    return Ranker(ranker.weights, {**ranker.decisions, **scaled})


def _scaled(decision: Decision, named: Scale, alike: Scale) -> Decision:
    """A decision with scales; its threshold is the score of what was as probable as it.

    But what is more probable than not is a link.
    """
    threshold = min(float(rescaled(decision.threshold, *alike)), _MORE_THAN_NOT)
    return replace(decision, threshold=threshold, named=named, alike=alike)


def firsts_of(linker: HybridLinker, task: LinkingTask) -> Firsts:
    """What a linker says first of each mention of a task."""
    links = pl.DataFrame(linker.link(task.surfaces)).join(
        task.comparable, on="concept_id", how="semi"
    )
    together = identified(links, task.comparable)
    first = links.filter(pl.col("rank") == pl.col("rank").min().over("surface_id"))
    # Of several identifiers of a first candidate that which is most probable counts.
    same = (
        first.select("surface_id", "concept_id")
        .join(together, on=["surface_id", "concept_id"])
        .sort("surface_id", "whole", "id", descending=[False, True, False])
        .unique("surface_id", keep="first", maintain_order=True)
        .select("surface_id", "id", "prefix")
        .join(together, on=["surface_id", "id", "prefix"])
        .select("surface_id", "concept_id")
        .join(links, on=["surface_id", "concept_id"])
    )
    judged = judge(task, OwnLinker(linker, "platform"))
    answered = ~np.isnan(judged.score)
    mentions = task.mentions.select("surface_id").filter(pl.Series(answered))
    rows = mentions.with_row_index("mention").join(
        same.select("surface_id", "score", "method"), on="surface_id"
    )
    return Firsts(
        mention=rows["mention"].to_numpy().astype(np.int64),
        odds=log_odds(rows["score"].cast(pl.Float64).to_numpy()),
        is_named=rows["method"].is_in(BY_NAME).to_numpy(),
        right=(judged.rank == 1)[answered],
        weight=np.full(mentions.height, 1 / max(_FEW, mentions.height)),
    )


def scales(parts: Sequence[Firsts]) -> tuple[Scale, Scale]:
    """Scales of equal names and of others under which what is right surprises least."""
    starts = np.cumsum([0, *(len(each.right) for each in parts)])
    mention = np.concatenate([p.mention + s for p, s in zip(parts, starts, strict=False)])
    odds, is_named, right, weight = (
        torch.tensor(np.concatenate([getattr(each, name) for each in parts]))
        for name in ("odds", "is_named", "right", "weight")
    )
    place, kind = torch.tensor(mention), (~is_named).long()
    numbers = torch.zeros((2, 2), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([numbers], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        slope, shift = torch.exp(numbers[:, 0]), numbers[:, 1]
        each = torch.sigmoid(odds * slope[kind] + shift[kind])
        whole = torch.zeros(len(right), dtype=torch.float64).index_add(0, place, each)
        surprise = torch.nn.functional.binary_cross_entropy(
            whole.clamp(max=_MOST), right.double(), weight=weight, reduction="sum"
        )
        total = surprise + _KEPT * (numbers**2).sum()
        total.backward()
        return total

    optimiser.step(loss)
    found = numbers.detach()
    named, alike = (Scale(float(row[0].exp()), float(row[1])) for row in found)
    return named, alike
