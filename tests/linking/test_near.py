"""The name beside a string that is none."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.linking.grams import trigrams
from kazu_platform.linking.near import LEAST_NEAR, near_names

SCHEMA = {
    "doc_id": pl.String,
    "entity_class": pl.String,
    "normalised": pl.String,
    "is_named": pl.Boolean,
}
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["gene", "disease"]),
        st.sampled_from(
            ["", "é", "cardiac toxicity", "cardiotoxicity", "toxicity", "toxic heart", "x x x"]
        ),
        st.booleans(),
    ),
    max_size=24,
)


def near(*rows: tuple[str, str, str, bool]) -> dict[tuple[str, str, str], str]:
    found = near_names(pl.DataFrame(rows, SCHEMA, orient="row"), ["doc_id"])
    assert found.columns == ["doc_id", "entity_class", "normalised", "near"]
    return {(doc, name, own): other for doc, name, own, other in found.rows()}


def test_the_likest_name_of_the_document_is_found():
    found = near(
        ("d", "disease", "cardiac toxicity", False),
        ("d", "disease", "cardiotoxicity", True),
        ("d", "disease", "toxicity", True),
        ("d", "disease", "breast cancer", True),
    )

    assert found == {("d", "disease", "cardiac toxicity"): "cardiotoxicity"}


def test_a_name_of_another_document_or_class_is_not_near():
    assert not near(
        ("d", "disease", "cardiac toxicity", False),
        ("e", "disease", "cardiotoxicity", True),
        ("d", "process", "cardiotoxicity", True),
    )


def test_what_is_spelt_otherwise_is_not_near():
    assert not near(("d", "disease", "nephropathy", False), ("d", "disease", "obesity", True))


def test_a_string_that_is_a_name_in_some_spelling_needs_none():
    assert not near(
        ("d", "gene", "p53", False), ("d", "gene", "p53", True), ("d", "gene", "p53 a", True)
    )


@given(rows=ROWS)
def test_it_is_what_comparing_every_pair_finds(rows: list[tuple[str, str, str, bool]]):
    found = near(*rows)

    names = {row[:3] for row in rows if row[3]}
    strings = {row[:3] for row in rows if row[2]} - names
    for doc, entity_class, own in strings:
        likeness = {
            other: cosine(own, other)
            for where, name, other in names
            if (where, name) == (doc, entity_class) and other
        }
        chosen = found.pop((doc, entity_class, own), None)
        best = max(likeness.values(), default=0.0)
        if chosen is None:
            assert best < LEAST_NEAR + 1e-5
        else:
            assert likeness[chosen] > max(LEAST_NEAR, best) - 1e-5
    assert not found


@given(rows=ROWS)
def test_it_does_not_depend_on_other_documents(rows: list[tuple[str, str, str, bool]]):
    together = near(*rows)

    for doc in "abc":
        alone = near(*(row for row in rows if row[0] == doc))
        assert alone == {key: other for key, other in together.items() if key[0] == doc}


def cosine(one: str, other: str) -> float:
    grams = trigrams([one, other])
    first, second = (set(grams.gram[grams.row == row].tolist()) for row in (0, 1))
    return len(first & second) / float(np.sqrt(max(1, len(first)) * max(1, len(second))))
