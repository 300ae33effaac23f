"""What the linker makes of a string: counted over its contexts, the same as by hand."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.reports.conflicts import find_conflicts
from kazu_platform.reports.first_links import decided
from kazu_platform.reports.homonyms import find_homonyms

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from kazu_platform.reports.difference import Version

COLUMNS = ["first_concept_id", "first_score", "n_decided"]
KLK3, NPEPPS = "HGNC:6364", "HGNC:7900"
PSA = [
    {"id": KLK3, "label": "KLK3", "names": ["PSA"]},
    {"id": NPEPPS, "label": "NPEPPS", "names": ["PSA"]},
]


def links_of(corpus: pa.Table, best: dict[str, tuple[str, float]]) -> pl.DataFrame:
    rows = [
        {"surface_id": row["surface_id"], "concept_id": best[row["text"]][0]}
        | {"score": best[row["text"]][1]}
        for row in corpus.to_pylist()
        if row["text"] in best
    ]
    return pl.DataFrame(rows)


def test_a_conflict_says_which_concept_most_of_its_mentions_are_linked_to(
    vocabulary: Callable[..., Version], surfaces: Callable[..., pa.Table]
):
    genes = vocabulary(PSA)
    corpus = surfaces([("PSA", "gene", 6), ("psa", "gene", 2), ("Psa", "gene", 7)])
    links = links_of(corpus, {"PSA": (KLK3, 0.9), "psa": (KLK3, 0.5), "Psa": (NPEPPS, 0.8)})

    rows = find_conflicts(genes.concepts, genes.synonyms, corpus, links=links)

    [row] = rows.select([*COLUMNS, "n_mentions"]).to_pylist()
    assert row == {
        "first_concept_id": KLK3,
        "first_score": pytest.approx(0.8),
        "n_decided": 8,
        "n_mentions": 15,
    }


def test_a_word_says_which_concept_it_is_linked_to(
    vocabulary: Callable[..., Version], surfaces: Callable[..., pa.Table]
):
    genes = vocabulary([{"id": "HGNC:12731", "label": "was"}, {"id": "HGNC:1", "label": "rest"}])
    corpus = surfaces([("was", "gene", 45), ("rest", "gene", 1), ("was", "disease", 3)])
    links = links_of(corpus, {"was": ("HGNC:12731", 0.25)})
    words = pl.DataFrame({"word": ["was", "rest"], "zipf": [6.82, 5.5]})

    rows = find_homonyms(genes.synonyms, corpus, words=words, links=links)

    assert rows.select(["word", *COLUMNS]).to_pylist() == [
        {"word": "was", "first_concept_id": "HGNC:12731", "first_score": 0.25, "n_decided": 45},
        {"word": "rest", "first_concept_id": None, "first_score": None, "n_decided": None},
    ]


ROWS = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.integers(0, 3),
        st.one_of(st.none(), st.tuples(st.sampled_from("XYZ"), st.sampled_from([0.25, 0.5, 1.0]))),
    ),
    max_size=8,
)


@given(rows=ROWS)
def test_columns_are_what_counting_by_hand_gives(
    rows: list[tuple[str, int, tuple[str, float] | None]],
):
    strings = pl.DataFrame(
        [(group, f"s{i}", n) for i, (group, n, _) in enumerate(rows)],
        schema={"group": pl.String, "surface_id": pl.String, "n_mentions": pl.Int64},
        orient="row",
    )
    links = pl.DataFrame(
        [(f"s{i}", *link) for i, (_, _, link) in enumerate(rows) if link],
        schema={"surface_id": pl.String, "concept_id": pl.String, "score": pl.Float32},
        orient="row",
    )
    by_hand: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for group, n, link in rows:
        if link and n:
            by_hand[group][link[0]] += [link[1]] * n

    found = decided(strings, ["group"], links)

    assert set(found["group"]) == set(by_hand)
    for group, concept, score, n in found.rows():
        mean = {each: sum(scores) / len(scores) for each, scores in by_hand[group].items()}
        best = min(mean, key=lambda each: (-len(by_hand[group][each]), -mean[each], each))
        assert (concept, n) == (best, len(by_hand[group][best]))
        assert score == pytest.approx(mean[best])
