"""The hierarchy, with circles in it."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest

from kazu_platform.ontologies.descendants import ancestors, cycles


def relations(*pairs: tuple[str, str], predicate: str = "is_a") -> pa.Table:
    rows = [{"subject_id": s, "predicate": predicate, "object_id": o} for s, o in pairs]
    return pa.Table.from_pylist(rows)


def up(table: pa.Table) -> list[tuple[str, str]]:
    return [(row["concept_id"], row["ancestor_id"]) for row in ancestors(table).to_pylist()]


def test_ancestors_are_found_at_any_distance():
    assert up(relations(("a", "b"), ("b", "c"), ("a", "c"), ("x", "b"))) == [
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
        ("x", "b"),
        ("x", "c"),
    ]


def test_other_relations_make_no_ancestors():
    assert up(relations(("a", "b"), predicate="part_of")) == []


@pytest.mark.timeout(20)
def test_ancestors_of_a_circle_end():
    assert up(relations(("a", "b"), ("b", "a"), ("c", "a"), ("d", "d"))) == [
        ("a", "b"),
        ("b", "a"),
        ("c", "a"),
        ("c", "b"),
    ]


def edges(*pairs: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(pairs, schema=["id", "object"], orient="row")


def test_each_circle_is_named_once():
    found = cycles(edges(("a", "b"), ("b", "c"), ("c", "a"), ("x", "y"), ("y", "x"), ("s", "s")))
    assert sorted(found) == [["a", "b", "c"], ["s"], ["x", "y"]]


def test_a_tree_has_no_circles():
    assert cycles(edges(("a", "r"), ("b", "r"), ("c", "a"), ("c", "b"))) == []


@pytest.mark.timeout(20)
def test_a_long_chain_below_a_circle_is_no_circle():
    chain = [(f"n{i}", f"n{i + 1}") for i in range(20_000)]
    assert cycles(edges(*chain)) == []
    assert cycles(edges(*chain, ("n20000", "n19999"))) == [["n19999", "n20000"]]
