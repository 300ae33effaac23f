"""The circles in an is_a hierarchy, which an ontology must not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


def cycles(relations: pl.DataFrame) -> list[list[str]]:
    """Circles among is_a relations, each as the concepts along it, the smallest id first.

    Concepts without parents are taken away until nothing more can be: what is left lies on a circle
    or below one. From there one parent each is followed, so circles that share a concept may be
    named by one of them.

    >>> frame = pl.DataFrame({"id": ["X:1", "X:2", "X:3"], "object": ["X:2", "X:1", "X:1"]})
    >>> cycles(frame)
    [['X:1', 'X:2']]
    """
    if relations.is_empty():
        return []
    both = pl.concat([relations["id"], relations["object"].alias("id")])
    names = both.unique().sort()
    code = pl.DataFrame({"id": names, "code": np.arange(len(names), dtype=np.int64)})
    edges = (
        relations.select("id", "object")
        .join(code, on="id")
        .join(code.rename({"id": "object", "code": "parent"}), on="object")
    )
    child, parent = edges["code"].to_numpy(), edges["parent"].to_numpy()
    left = _without_ends(child, parent, len(names))
    inside = left[child] & left[parent]
    # One parent each is enough to go round.
    follow = dict(zip(child[inside].tolist(), parent[inside].tolist(), strict=True))
    return [[names[node] for node in circle] for circle in _circles(follow)]


def _without_ends(
    child: NDArray[np.int64], parent: NDArray[np.int64], count: int
) -> NDArray[np.bool_]:
    """Which nodes are left when those without (remaining) parents are taken away; linear work."""
    order = np.argsort(parent, kind="stable")
    children = child[order]
    first = np.searchsorted(parent[order], np.arange(count + 1))
    parents_left = np.bincount(child, minlength=count)
    left = np.ones(count, dtype=bool)
    frontier = np.flatnonzero(parents_left == 0)
    while frontier.size:
        left[frontier] = False
        starts, lengths = first[frontier], first[frontier + 1] - first[frontier]
        below = children[
            np.repeat(starts - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
            + np.arange(lengths.sum())
        ]
        reached, times = np.unique(below, return_counts=True)
        parents_left[reached] -= times
        frontier = reached[parents_left[reached] == 0]
    return left


def _circles(follow: dict[int, int]) -> Iterator[list[int]]:
    done: set[int] = set()
    for start in follow:
        path: dict[int, int] = {}
        node = start
        while node not in done and node not in path:
            path[node] = len(path)
            node = follow[node]
        if node in path:
            circle = list(path)[path[node] :]
            smallest = circle.index(min(circle))
            yield circle[smallest:] + circle[:smallest]
        done.update(path)
