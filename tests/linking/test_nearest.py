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
    queries = rng.normal(size=(8, 4)).astype(np.float32)
    stored = as_bytes(rng.normal(size=(int(rng.integers(0, 40)), 4)).astype(np.float32))

    query, row = nearest(queries, stored.values, stored.scale, most=5, least=0.5)

    products = queries @ stored.vectors().T
    for each in range(len(queries)):
        order = np.argsort(-products[each])[:5]
        expected = [int(place) for place in order if products[each, place] > 0.5]
        assert sorted(row[query == each].tolist()) == sorted(expected)
    assert query.tolist() == sorted(query.tolist())


def test_without_queries_nothing_is_found():
    stored = as_bytes(np.eye(3, dtype=np.float32))

    query, row = nearest(
        np.zeros((0, 3), np.float32), stored.values, stored.scale, most=2, least=0.1
    )

    assert (len(query), len(row)) == (0, 0)
