"""Ranks of held-out names against a plain twin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.training.name_table import ALIGNMENT_NAMES
from kazu_platform.training.retrieval import Held, figures_to_markdown, ranks_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_rank_counts_the_strangers_that_are_nearer(data: st.DataObject):
    generator = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    concept = np.sort(generator.integers(0, 6, 12))
    kin = concept // 2
    queries, index = generator.normal(size=(5, 3)), generator.normal(size=(12, 3))
    wanted = generator.choice(kin, 5)
    plain: list[int] = []
    for query, own in zip(queries, wanted, strict=True):
        best = {int(c): max(index[concept == c] @ query) for c in concept}
        mine = max(value for c, value in best.items() if c // 2 == own)
        strangers = [value for c, value in best.items() if c // 2 != own]
        plain.append(1 + sum(value >= mine for value in strangers))
    assert ranks_of(queries, index, wanted, concept, kin).tolist() == plain


def table() -> pa.Table:
    rows = [
        {
            "entity_class": entity_class,
            "name": f"{entity_class} {concept} {number}",
            "concept_id": str(concept),
            "concept": concept,
            "kin": concept,
            "held_out": number == 2,
        }
        for entity_class, concepts in (("disease", range(10)), ("gene", range(10, 14)))
        for concept in concepts
        for number in range(3)
    ]
    return pa.Table.from_pylist(rows, ALIGNMENT_NAMES)


def by_concept(names: Sequence[str]) -> NDArray[np.float64]:
    """What knows the concept of every name."""
    return np.eye(14)[[int(name.split()[1]) for name in names]]


def test_what_knows_every_name_finds_all_and_what_knows_none_finds_none():
    held = Held.of(table(), queries=5, index=100)
    found = held.figures(by_concept)
    assert found["disease"] == {
        "at_1": 1.0, "at_5": 1.0, "at_20": 1.0, "queries": 5.0, "names": 20.0
    }  # fmt: skip
    assert found["gene"]["queries"] == 4
    assert found["all"]["queries"] == 9
    nothing = held.figures(lambda names: np.ones((len(names), 3)))
    assert nothing["all"]["at_1"] == 0


def test_a_small_index_has_all_names_of_what_is_looked_for():
    held = Held.of(table(), queries=3, index=8)
    concept = held.names["concept"].to_numpy()
    for name, queries in held.queries.items():
        assert set(concept[queries]) <= set(concept[held.index[name]])
    assert [len(rows) for rows in held.index.values()] == [8, 8]


def test_figures_of_several_encoders_stand_beside_each_other():
    held = Held.of(table(), queries=3, index=8)
    found = held.figures(by_concept)
    shown = figures_to_markdown({"before": found, "after": found})
    assert shown.splitlines()[0].startswith("| class | held out | among | before, 1 | before, 5 |")
    assert "| gene | 3 | 8 | 100.0 | 100.0 | 100.0 | 100.0 |" in shown
    assert figures_to_markdown({"before": {}}) == "No name is held out."
