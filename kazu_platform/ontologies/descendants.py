"""The is_a hierarchy: ancestors of each concept, and the circles that an ontology must not have.

Both work on whole columns and end on any input, circles included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.ontologies.terms import IS_A

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

ANCESTORS = pa.schema(
    [
        pa.field("concept_id", pa.string(), nullable=False),
        pa.field("ancestor_id", pa.string(), nullable=False),
    ]
)


def ancestors(relations: pa.Table) -> pa.Table:
    """Every ancestor of every concept over is_a, at any distance; no concept is its own ancestor.

    Args:
        relations: rows of `concept_relations`; predicates other than is_a are ignored.

    Returns:
        concept_id, ancestor_id, each pair once, sorted.

    >>> rows = [("CL:0000084", "CL:0000542"), ("CL:0000542", "CL:0000738")]
    >>> up = [{"subject_id": s, "predicate": "is_a", "object_id": o} for s, o in rows]
    >>> ancestors(pa.Table.from_pylist(up)).to_pylist()[1]
    {'concept_id': 'CL:0000084', 'ancestor_id': 'CL:0000738'}
    """
    with duckdb.connect(":memory:") as connection:
        connection.register("relations", relations.select(["subject_id", "predicate", "object_id"]))
        # UNION, not UNION ALL: a pair that was found before is not followed again, so circles end.
        found = connection.sql(
            """
            WITH RECURSIVE
            parent AS (
                SELECT DISTINCT subject_id AS concept_id, object_id AS ancestor_id
                FROM relations WHERE predicate = $is_a
            ),
            above AS (
                FROM parent
                UNION
                SELECT above.concept_id, parent.ancestor_id
                FROM above JOIN parent ON above.ancestor_id = parent.concept_id
            )
            FROM above WHERE concept_id <> ancestor_id ORDER BY ALL
            """,
            params={"is_a": IS_A},
        )
        return found.to_arrow_table().cast(ANCESTORS)


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
