"""Figures of an encoder: how often the nearest name of a held-out synonym is one of its concept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from kazu_platform.arrow import compute

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

AT: Final = (1, 5, 20)
_AT_ONCE: Final = 16_000_000
"""Similarities of a block."""


@dataclass(frozen=True, slots=True)
class Held:
    """Held-out names and the names among which they are looked for.

    Attributes:
        names: ALIGNMENT_NAMES.
        queries: By class the rows of names that are looked for.
        index: By class the rows among which, those of a concept together.
    """

    names: pa.Table
    queries: Mapping[str, NDArray[np.int64]]
    index: Mapping[str, NDArray[np.int64]]

    @classmethod
    def of(cls, names: pa.Table, *, queries: int, index: int) -> Held:
        """Choose some of each class, all names of the concepts looked for among them.

        Args:
            names: ALIGNMENT_NAMES.
            queries: Held-out names of a class at most.
            index: Other names of a class, more only if the concepts looked for have more.
        """
        drawn = np.random.default_rng(0).permutation(names.num_rows)
        is_held, concept = names["held_out"].to_numpy(), names["concept"].to_numpy()
        asked: dict[str, NDArray[np.int64]] = {}
        among: dict[str, NDArray[np.int64]] = {}
        column = names["entity_class"]
        for name in sorted(column.unique().to_pylist()):
            rows = np.flatnonzero(compute.equal(column, name).to_numpy())
            held = _first_drawn(rows[is_held[rows]], drawn, queries)
            if len(held):
                asked[name] = held
                kept = rows[~is_held[rows]]
                wanted = np.isin(concept[kept], concept[held])
                others = _first_drawn(kept[~wanted], drawn, max(0, index - int(wanted.sum())))
                among[name] = np.sort(np.concatenate([kept[wanted], others]))
        return cls(names, asked, among)

    def figures(
        self, embed: Callable[[Sequence[str]], NDArray[np.floating]]
    ) -> dict[str, dict[str, float]]:
        """By class, and in their mean `all`: shares found first, among five, among twenty.

        Args:
            embed: Gives the unit vectors of names. Shape: (n_names, dimensions).
        """
        concept, kin = self.names["concept"].to_numpy(), self.names["kin"].to_numpy()
        found: dict[str, dict[str, float]] = {}
        for name, queries in self.queries.items():
            index = self.index[name]
            ranks = ranks_of(
                embed(self.strings(queries)),
                embed(self.strings(index)),
                kin[queries],
                concept[index],
                kin[index],
            )
            shares = {f"at_{at}": float((ranks <= at).mean()) for at in AT}
            found[name] = {**shares, "queries": float(len(queries)), "names": float(len(index))}
        if found:
            every = list(found.values())
            means = {f"at_{at}": float(np.mean([e[f"at_{at}"] for e in every])) for at in AT}
            sums = {key: sum(each[key] for each in every) for key in ("queries", "names")}
            found["all"] = means | sums
        return found

    def strings(self, rows: NDArray[np.int64]) -> list[str]:
        """The names of some rows."""
        return self.names["name"].take(pa.array(rows)).to_pylist()


def _first_drawn(rows: NDArray[np.int64], drawn: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most so many of some rows, those that were drawn first, in order."""
    return np.sort(rows[np.argsort(drawn[rows], kind="stable")[:most]])


def ranks_of(
    queries: NDArray[np.floating],
    index: NDArray[np.floating],
    wanted: NDArray[np.integer],
    concept: NDArray[np.integer],
    kin: NDArray[np.integer],
) -> NDArray[np.int64]:
    """The rank of the concept that each query asks for: 1 and the strangers that are as near.

    Args:
        queries: Unit vectors. Shape: (n_queries, dimensions).
        index: The same of names, those of a concept together. Shape: (n_names, dimensions).
        wanted: Kin of each query.
        concept: Of each name.
        kin: Of each name.
    """
    first = np.flatnonzero(np.diff(concept, prepend=concept[:1] - 1))
    kin_of = kin[first]
    ranks = np.zeros(len(queries), np.int64)
    at_once = max(1, _AT_ONCE // max(1, len(index)))
    for start in range(0, len(queries), at_once):
        block = queries[start : start + at_once] @ index.T
        best = np.maximum.reduceat(block, first, axis=1)
        is_own = wanted[start : start + at_once, None] == kin_of
        own = np.where(is_own, best, -np.inf).max(axis=1, keepdims=True)
        ranks[start : start + at_once] = 1 + (~is_own & (best >= own)).sum(axis=1)
    return ranks


def figures_to_markdown(figures: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Figures of several encoders beside each other, in percent.

    Args:
        figures: By what the encoder is called what `Held.figures` gave.
    """
    if not any(figures.values()):
        return "No name is held out."
    classes = list(dict.fromkeys(name for each in figures.values() for name in each))
    heads = [f"{what}, {at}" for what in figures for at in AT]
    lines = [
        f"| class | held out | among | {' | '.join(heads)} |",
        "|---|" + "--:|" * (2 + len(heads)),
    ]
    for name in classes:
        some = next(each[name] for each in figures.values() if name in each)
        values = [
            f"{100 * each[name][f'at_{at}']:.1f}" if name in each else ""
            for each in figures.values()
            for at in AT
        ]
        sizes = f"{some['queries']:,.0f} | {some['names']:,.0f}"
        lines.append(f"| {name} | {sizes} | {' | '.join(values)} |")
    return "\n".join(lines)
