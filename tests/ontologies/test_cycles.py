"""The hierarchy, with circles in it."""

from __future__ import annotations

import polars as pl
import pytest

from kazu_platform.ontologies.cycles import cycles


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
