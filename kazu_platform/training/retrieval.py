"""Figures of an encoder: how often the nearest name of a held-out synonym is one of its concept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

AT: Final = (1, 5, 20)
_AT_ONCE: Final = 16_000_000
"""Similarities of a block."""


@dataclass(frozen=True, slots=True)
class Held:
    """Held-out names and the names among which they are looked for.

    Attributes:
        queries: entity_class, name, concept, kin of names that are held out.
        index: The same of names that are not, sorted by class and concept.
    """

    queries: pl.DataFrame
    index: pl.DataFrame

    @classmethod
    def of(cls, names: pa.Table, *, queries: int, index: int) -> Held:
        """Choose some of each class, all names of the concepts looked for among them.

        Args:
            names: ALIGNMENT_NAMES.
            queries: Held-out names of a class at most.
            index: Other names of a class, more only if the concepts looked for have more.
        """
        columns = ["entity_class", "name", "concept", "kin", "held_out"]
        frame = pl.DataFrame(names.select(columns)).with_columns(
            drawn=pl.Series(np.random.default_rng(0).permutation(names.num_rows))
        )
        place = pl.col("drawn").rank("ordinal").over("entity_class")
        asked = frame.filter("held_out").filter(place <= queries)
        wanted = pl.col("concept").is_in(asked["concept"].unique().implode())
        # A concept is in the index with all its names, and those that are looked for come first.
        others = (
            frame.filter(~pl.col("held_out"))
            .with_columns(by=pl.col("drawn").min().over("concept") + frame.height * (~wanted))
            .sort("by")
        )
        n_before = pl.int_range(pl.len()).over("entity_class")
        kept = others.filter((n_before < index) | wanted).sort("entity_class", "concept", "name")
        chosen = [name for name in columns if name != "held_out"]
        return cls(
            asked.sort("entity_class", "concept", "name").select(chosen), kept.select(chosen)
        )

    def figures(
        self, embed: Callable[[Sequence[str]], NDArray[np.floating]]
    ) -> dict[str, dict[str, float]]:
        """By class, and in their mean `all`: shares found first, among five, among twenty.

        Args:
            embed: Gives the unit vectors of names. Shape: (n_names, dimensions).
        """
        found: dict[str, dict[str, float]] = {}
        for (entity_class,), queries in self.queries.group_by("entity_class", maintain_order=True):
            index = self.index.filter(pl.col("entity_class") == entity_class)
            ranks = ranks_of(
                embed(queries["name"].to_list()),
                embed(index["name"].to_list()),
                queries["kin"].to_numpy(),
                index["concept"].to_numpy(),
                index["kin"].to_numpy(),
            )
            shares = {f"at_{at}": float((ranks <= at).mean()) for at in AT}
            sizes = {"queries": float(queries.height), "names": float(index.height)}
            found[str(entity_class)] = shares | sizes
        if found:
            keys = [f"at_{at}" for at in AT]
            means = {key: float(np.mean([each[key] for each in found.values()])) for key in keys}
            sums = {key: sum(each[key] for each in found.values()) for key in ("queries", "names")}
            found["all"] = means | sums
        return found


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
