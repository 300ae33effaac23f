"""Names that are English words: the label "was" once made 4.5 million false associations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from kazu_platform.reports.homonyms import (
    english_words,
    find_homonyms,
    floods,
    held_back,
    worst,
)
from kazu_platform.tables import HOMONYMS, SURFACES

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from kazu_platform.reports.difference import Version

ANY_CASE = {"case_sensitive": False}
ITS_CASE = {"case_sensitive": True}


@pytest.fixture
def words() -> pl.DataFrame:
    return pl.DataFrame({"word": ["was", "cancer", "app"], "zipf": [6.82, 4.93, 4.86]})


def test_was_is_a_homonym_and_a_flood_if_it_matches_in_any_case(
    vocabulary: Callable[..., Version], surfaces: Callable[..., pa.Table], words: pl.DataFrame
):
    genes = vocabulary([{"id": "HGNC:12731", "label": "was"}, {"id": "HGNC:1", "label": "BRCA1"}])
    corpus = surfaces([("was", "gene", 45), ("WAS", "gene", 5), ("BRCA1", "gene", 50)])

    rows = find_homonyms(genes.synonyms, corpus, words=words)

    assert rows.to_pylist() == [
        {
            "word": "was",
            "entity_class": "gene",
            "names": ["was"],
            "concept_ids": ["HGNC:12731"],
            "n_concepts": 1,
            "zipf": 6.82,
            "active": True,
            "any_case": True,
            "held_back_by": [],
            "n_mentions": 50,
            "word_case_share": 0.9,
            "first_concept_id": None,
            "first_score": None,
            "n_decided": None,
            "sentence_doc_id": None,
            "sentence": None,
        }
    ]
    assert floods(rows, 100)["word"].to_pylist() == ["was"]


def test_a_gene_whose_symbol_begins_sentences_is_a_flood(
    vocabulary: Callable[..., Version], surfaces: Callable[..., pa.Table]
):
    """Matched in its case only, NCBIGene:329910 is found wherever a sentence begins with "The"."""
    gene = vocabulary([{"id": "HGNC:1", "label": "The"}])
    the = pl.DataFrame({"word": ["the"], "zipf": [7.73]})

    rows = find_homonyms(gene.synonyms, surfaces([("The", "gene", 50)]), words=the)

    assert floods(rows, 100).to_pylist() == [
        {"word": "the", "entity_class": "gene", "n_mentions": 50, "sentence": None}
    ]


def test_was_in_its_case_is_a_homonym_but_no_flood(
    vocabulary: Callable[..., Version], surfaces: Callable[..., pa.Table], words: pl.DataFrame
):
    gene = vocabulary([{"id": "HGNC:12731", "label": "WAS", "names": [("Was", ITS_CASE)]}])
    synonyms = pl.DataFrame(gene.synonyms).with_columns(case_sensitive=pl.lit(value=True))
    corpus = surfaces([("WAS", "gene", 50)])

    rows = find_homonyms(synonyms.to_arrow(), corpus, words=words)

    assert rows["names"].to_pylist() == [["WAS", "Was"]]
    assert rows["any_case"].to_pylist() == [False]
    assert rows["word_case_share"].to_pylist() == [0.0]
    assert floods(rows, 100).num_rows == 0


@pytest.mark.parametrize(
    ("word", "concept", "flood"),
    [("cancer", "MONDO:0004992", False), ("cancer", "CHEBI:1", True), ("was", "MONDO:1", True)],
)
def test_a_common_word_may_be_a_disease_but_hardly_a_chemical(  # noqa: PLR0913, PLR0917 - a table
    vocabulary: Callable[..., Version],
    surfaces: Callable[..., pa.Table],
    words: pl.DataFrame,
    word: str,
    concept: str,
    flood: bool,  # noqa: FBT001
):
    version = vocabulary([{"id": concept, "label": word}])
    [class_] = version.concepts["entity_class"].to_pylist()

    rows = find_homonyms(version.synonyms, surfaces([(word, class_, 50)]), words=words)

    assert (floods(rows, 100).num_rows == 1) is flood
    assert floods(rows, 20_000).num_rows == 0


def test_what_holds_a_word_back_is_said_and_counted(
    vocabulary: Callable[..., Version], words: pl.DataFrame
):
    off = {"active": False, "held_back_by": "english_word"}
    genes = vocabulary(
        [
            {"id": "HGNC:12731", "label": "WASP", "names": [("was", off)]},
            {"id": "HGNC:620", "label": "AAA", "names": [("app", off), ("APP", ANY_CASE)]},
            {"id": "HGNC:0", "label": "cancer", "obsolete": True},
        ]
    )

    rows = find_homonyms(genes.synonyms, SURFACES.empty(), words=words)

    assert {row["word"]: (row["active"], row["held_back_by"]) for row in rows.to_pylist()} == {
        "was": (False, ["english_word"]),
        "app": (True, ["english_word"]),
    }
    assert held_back(rows).to_pylist() == [
        {"held back by": "english_word", "words": 1, "such as": "was"}
    ]
    assert floods(rows, 0).num_rows == worst(rows).num_rows == 0


def test_english_is_what_is_used_once_in_a_million_words():
    words = dict(english_words().iter_rows())

    assert words["was"] == 6.82
    assert {"has", "may", "one", "age", "beta", "impact", "rest"} <= set(words)
    assert {"brca1", "erbb2", "imatinib"} & set(words) == set()
    assert 3.0 <= min(words.values()) < 3.1


def test_no_names_are_no_homonyms(vocabulary: Callable[..., Version]):
    assert find_homonyms(vocabulary([]).synonyms, SURFACES.empty()).equals(HOMONYMS.empty())
