"""Linkers to beat: exact match, and character n-grams as Kazu and scispaCy have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from kazu_platform.evaluation.baselines import ExactMatch, kazu_ngrams, scispacy_ngrams
from kazu_platform.linking.surfaces import surfaces_from_strings
from tests.evaluation.linking_by_hand import Made, best, make

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from kazu_platform.evaluation.linkers import EvaluatedLinker
    from kazu_platform.linking.index import LinkingIndex


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("linking") / "index")


def test_exact_match_knows_names_in_any_case_and_nothing_else(made: Made):
    exact = ExactMatch(made.index)

    assert best(exact, "BREAST  Cancer") == best(exact, "breast cancer") == ["MONDO:1"]
    assert best(exact, "breast cancers") == []
    assert best(exact, "breast cancer", "species") == []


@pytest.mark.parametrize("make", [kazu_ngrams, scispacy_ngrams])
def test_ngrams_find_a_misspelt_name(made: Made, make: Callable[[LinkingIndex], EvaluatedLinker]):
    linker = make(made.index)

    assert best(linker, "brest cancer")[0] == "MONDO:1"
    assert best(linker, "colon cancr")[0] == "MONDO:3"
    assert best(linker, "zzz") == best(linker, "") == best(linker, "lung", "species") == []


def cosines(texts: list[str], names: list[str], kind: str) -> np.ndarray:
    """The same by a library that both originals use. Shape: (texts, names)."""
    sklearn = pytest.importorskip("sklearn.feature_extraction.text")
    options = {
        "kazu": {"analyzer": "char", "ngram_range": (2, 2), "lowercase": False},
        "scispacy": {"analyzer": "char_wb", "ngram_range": (3, 3)},
    }[kind]
    vectors = sklearn.TfidfVectorizer(**options).fit(names)
    return (vectors.transform(texts) @ vectors.transform(names).T).toarray()


TEXTS = ["brest cancer", "lung cancers", "Cancer of the colon", "neoplasm", "a b", "cancer cancer"]


@pytest.mark.parametrize("kind", ["kazu", "scispacy"])
def test_cosines_are_those_of_scikit_learn(made: Made, kind: str):
    linker = {"kazu": kazu_ngrams, "scispacy": scispacy_ngrams}[kind](made.index)
    column = {"kazu": "normalised", "scispacy": "exact"}[kind]
    number = made.index.manifest.classes.index("disease")
    names = pl.DataFrame(made.index.names).filter(pl.col("entity_class") == number)
    asked = pl.DataFrame({"text": TEXTS, "entity_class": "disease", "context": ""})
    surfaces = surfaces_from_strings(asked)

    found = pl.DataFrame(linker.candidates(surfaces))

    texts = surfaces["normalised" if kind == "kazu" else "text"].to_pylist()
    expected = cosines(texts, names[column].to_list(), kind)
    ids = made.index.concepts["concept_id"].to_pylist()
    for surface_id, row in zip(surfaces["surface_id"].to_pylist(), expected, strict=True):
        by_concept: dict[str, float] = {}
        for concept, cosine in zip(names["concept"].to_list(), row.tolist(), strict=True):
            by_concept[ids[concept]] = max(cosine, by_concept.get(ids[concept], 0.0))
        own = found.filter(surface_id=surface_id)
        assert dict(own.select("concept_id", "score").rows()) == pytest.approx(
            {key: value for key, value in by_concept.items() if value > 0}, abs=1e-5
        )
