"""The nearest vectors, against a product with all of them."""

from __future__ import annotations

import numpy as np
import pytest

from kazu_platform.linking import nearest as module
from kazu_platform.linking.embedding import as_bytes
from kazu_platform.linking.nearest import nearest


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_QUERIES", 3)
    monkeypatch.setattr(module, "_VECTORS", 7)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("seed", range(20))
def test_they_are_those_with_the_greatest_products(seed: int):
    rng = np.random.default_rng(seed)
    # Whole numbers of steps, so that nothing is rounded.
    steps = rng.integers(-64, 65, (8, 4))
    steps[:, 0] = 64
    queries = (steps * rng.uniform(0.01, 0.02, (8, 1))).astype(np.float32)
    stored = as_bytes(rng.normal(size=(int(rng.integers(0, 40)), 4)).astype(np.float32))

    query, row = nearest(
        queries, stored.values, stored.scale, most=5, least=0.5, threads=1 + seed % 2
    )

    products = queries @ stored.vectors().T
    for each in range(len(queries)):
        order = np.argsort(-products[each])[:5]
        expected = [int(place) for place in order if products[each, place] > 0.5]
        assert sorted(row[query == each].tolist()) == sorted(expected)
    assert query.tolist() == sorted(query.tolist())


def test_what_bytes_cannot_tell_apart_is_as_near():
    rng = np.random.default_rng(3)
    queries, names = (_unit(rng.normal(size=(n, 128))) for n in (60, 4_000))
    stored = as_bytes(names)

    query, row = nearest(queries, stored.values, stored.scale, most=20, least=-1.0)

    products = queries @ stored.vectors().T
    for each in range(len(queries)):
        found = products[each, row[query == each]]
        assert len(found) == 20
        # No better one is left out by more than what rounding moves a product by.
        left_out = np.delete(products[each], row[query == each])
        assert left_out.max() < found.min() + 0.01


def test_the_greatest_numbers_overflow_nowhere():
    queries = np.array([[1.0] * 128, [-1.0] * 128, [0.0] * 128], np.float32)
    stored = as_bytes(np.array([[1.0] * 128, [-1.0] * 128], np.float32))

    query, row = nearest(queries, stored.values, stored.scale, most=2, least=127.9)

    assert (query.tolist(), row.tolist()) == ([0, 1], [0, 1])


def _unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_without_queries_nothing_is_found():
    stored = as_bytes(np.eye(3, dtype=np.float32))

    query, row = nearest(
        np.zeros((0, 3), np.float32), stored.values, stored.scale, most=2, least=0.1
    )

    assert (len(query), len(row)) == (0, 0)
