"""Linkers to beat, over the same names as ours: exact match, and character n-grams as others do it.

None of them looks at a context. Of the names of a concept the best counts; of equal ones the order
of the index decides. Each distinct string is looked up once.

`ExactMatch`: a name that is equal but for case and kinds of dashes and blanks; else NIL.

`kazu_ngrams`, as Kazu links: the cosine of TF-IDF vectors of character bigrams of normalised names,
over all names of the class; a name that is equal once normalised has cosine 1 and so comes first.
It never says NIL. Kazu's normaliser is replaced by ours.

`scispacy_ngrams`, as scispaCy finds candidates: TF-IDF vectors of character trigrams within words
padded with blanks (scikit-learn's `char_wb`, lower case), cosine, NIL below 0.7. Its approximate
search of nearest neighbours is replaced by an exact one, and rare trigrams count (scispaCy leaves
out those of fewer than ten of its millions of names); both can only help it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.arrow import compute
from kazu_platform.documents import digest
from kazu_platform.evaluation.linkers import MOST
from kazu_platform.linking.grams import code_points
from kazu_platform.text.fold import fold_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from kazu_platform.evaluation.linkers import EvaluatedLinker
    from kazu_platform.linking.index import LinkingIndex

BASELINES_VERSION: Final = "1"
SCISPACY_THRESHOLD: Final = 0.7
_NAMES_LOOKED_AT: Final = 200
"""The best names of a string: enough for MOST concepts, each of which has several."""
_BLANK: Final = ord(" ")
_BITS: Final = 21
"""A code point needs so many; three fit into 64."""


class Grams(NamedTuple):
    """Character n-grams of strings, those of a string together: the string's row, the n-gram."""

    row: NDArray[np.int64]
    gram: NDArray[np.int64]


class _Nearest(NamedTuple):
    """Names that are near strings, by the rows of both, in order of the strings."""

    query: NDArray[np.int64]
    name: NDArray[np.int64]
    cosine: NDArray[np.float64]


@dataclass(frozen=True)
class ExactMatch:
    """Names that are equal but for case and kinds of dashes, quotes and blanks."""

    index: LinkingIndex
    name: str = "exact match"

    @property
    def is_probable(self) -> bool:
        """All have the score 1."""
        return False

    @property
    def version(self) -> str:
        """Changes with the rules."""
        return digest(self.name, BASELINES_VERSION)

    def nil_below(self, entity_class: str) -> float:
        """Whatever it finds is a link."""
        del entity_class
        return 0.0

    def candidates(self, surfaces: pa.Table) -> pa.Table:
        """Concepts with such a name, in the order of the index, all with score 1."""
        texts = [fold_name(text) for text in surfaces["text"].to_pylist()]
        hits = self.index.find(
            "folded", pa.array(texts, pa.large_string()), surfaces["entity_class"].to_pylist()
        )
        concept = self.index.names["concept"].take(pa.array(hits.name)).to_numpy()
        return _ranked(self.index, surfaces, hits.query, concept, np.ones(len(hits.name)))


class NgramLinker:
    """Names with the most similar character n-grams; see the module for whose they are."""

    def __init__(  # noqa: PLR0913 - what tells one from another
        self,
        index: LinkingIndex,
        *,
        name: str,
        names: str,
        strings: str,
        grams: Callable[[Sequence[str]], Grams],
        threshold: float = 0.0,
    ) -> None:
        """Make vectors of a class when it is first asked for.

        Args:
            index: Whose names are looked among.
            name: What tables call the linker.
            names: Column of the names in the index that vectors are made of.
            strings: Column of SURFACES that they are compared with.
            grams: Makes n-grams of strings.
            threshold: A cosine below it means NIL.
        """
        self.index = index
        self.name = name
        self._column = strings
        self._threshold = threshold
        self._class = cache(lambda entity_class: _Class.of(index, entity_class, names, grams))

    @property
    def is_probable(self) -> bool:
        """Scores are cosines."""
        return False

    @property
    def version(self) -> str:
        """Changes with the rules."""
        return digest(self.name, BASELINES_VERSION)

    def nil_below(self, entity_class: str) -> float:
        """The threshold, for all classes."""
        del entity_class
        return self._threshold

    def candidates(self, surfaces: pa.Table) -> pa.Table:
        """The concepts of the nearest names, with their cosine."""
        texts, classes = (surfaces[column].to_pylist() for column in (self._column, "entity_class"))
        groups = np.array(classes, object)
        parts: list[tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]] = [
            (np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0))
        ]
        for entity_class in sorted(set(classes)):
            rows = np.flatnonzero(groups == entity_class)
            names = self._class(entity_class)
            near = names.nearest([texts[row] for row in rows.tolist()])
            parts.append((rows[near.query], names.concept[near.name], near.cosine))
        surface, concept, score = (np.concatenate(each) for each in zip(*parts, strict=True))
        return _ranked(self.index, surfaces, surface, concept, score)


def kazu_ngrams(index: LinkingIndex) -> NgramLinker:
    """As Kazu links."""
    return NgramLinker(
        index, name="Kazu n-grams", names="normalised", strings="normalised", grams=bigrams
    )


def scispacy_ngrams(index: LinkingIndex) -> NgramLinker:
    """As scispaCy links."""
    return NgramLinker(
        index,
        name="scispaCy n-grams",
        names="exact",
        strings="text",
        grams=trigrams_in_words,
        threshold=SCISPACY_THRESHOLD,
    )


def baselines(index: LinkingIndex) -> list[EvaluatedLinker]:
    """All that a linker of ours has to beat."""
    return [ExactMatch(index), kazu_ngrams(index), scispacy_ngrams(index)]


def bigrams(strings: Sequence[str]) -> Grams:
    """Every two characters that follow each other; the one of a string that has no more.

    >>> grams = bigrams(["abc", "K", "ab"])
    >>> grams.row.tolist(), grams.gram[0] == grams.gram[3]
    ([0, 0, 1, 2], np.True_)
    """
    code, row = code_points([text + "\0" if len(text) == 1 else text for text in strings])
    together = row[1:] == row[:-1]
    return Grams(row[1:][together], ((code[:-1] << _BITS) | code[1:])[together])


def trigrams_in_words(strings: Sequence[str]) -> Grams:
    """Every three characters of a word with a blank before and after it, in lower case.

    >>> grams = trigrams_in_words(["A bc", "a"])
    >>> grams.row.tolist(), grams.gram[0] == grams.gram[3]
    ([0, 0, 0, 1], np.True_)
    """
    code, row = code_points(
        ["".join(f" {word} " for word in text.lower().split()) for text in strings]
    )
    blank = code == _BLANK
    between = blank[1:] & blank[:-1]
    within = (row[2:] == row[:-2]) & ~between[1:] & ~between[:-1]
    gram = (code[:-2] << 2 * _BITS) | (code[1:-1] << _BITS) | code[2:]
    return Grams(row[2:][within], gram[within])


@dataclass(frozen=True)
class _Class:
    """The names of a class as unit TF-IDF vectors, by n-gram.

    Names of the n-gram `grams[i]` are `name[begin[i]:begin[i + 1]]`, with their `weight`.
    """

    concept: NDArray[np.int32]
    made: Callable[[Sequence[str]], Grams]
    grams: NDArray[np.int64]
    inverse_frequency: NDArray[np.float64]
    begin: NDArray[np.int64]
    name: NDArray[np.int32]
    weight: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        index: LinkingIndex,
        entity_class: str,
        column: str,
        made: Callable[[Sequence[str]], Grams],
    ) -> _Class:
        classes = index.manifest.classes
        number = classes.index(entity_class) if entity_class in classes else -1
        own = (index.names["entity_class"].to_numpy() == number) & ~index.names[
            "preferred"
        ].to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(own)
        texts = index.names[column].take(pa.array(rows)).combine_chunks()
        row, gram = made(texts.to_pylist())
        # Each n-gram of each name once, with its count; ordered by n-gram.
        grams, term = np.unique(gram, return_inverse=True)
        key, count = np.unique(term * (len(rows) + 1) + row, return_counts=True)
        term, row = np.divmod(key, len(rows) + 1)
        frequency = np.bincount(term, minlength=len(grams))
        inverse = np.log((1 + len(rows)) / (1 + frequency)) + 1
        weight = count * inverse[term]
        length = np.sqrt(np.bincount(row, weights=weight**2, minlength=len(rows)))
        return cls(
            concept=index.names["concept"].to_numpy()[rows],
            made=made,
            grams=grams,
            inverse_frequency=inverse,
            begin=np.concatenate(([0], np.cumsum(frequency))),
            name=row.astype(np.int32),
            weight=(weight / length[row]).astype(np.float32),
        )

    def nearest(self, texts: Sequence[str]) -> _Nearest:
        """The best names of each string, by the rows of both."""
        row, gram = self.made(texts)
        found = [
            self._nearest_of(gram[begin:end])
            for begin, end in zip(
                *(np.searchsorted(row, np.arange(len(texts)), side) for side in ("left", "right")),
                strict=True,
            )
        ]
        query = np.repeat(np.arange(len(texts)), [len(name) for name, _ in found])
        names = np.concatenate([np.zeros(0, np.int64), *(name for name, _ in found)])
        cosine = np.concatenate([np.zeros(0), *(cosine for _, cosine in found)])
        return _Nearest(query.astype(np.int64), names, cosine)

    def _nearest_of(self, gram: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        distinct, count = np.unique(gram, return_counts=True)
        place = np.searchsorted(self.grams, distinct)
        known = place < len(self.grams)
        known[known] = self.grams[place[known]] == distinct[known]
        # An n-gram that no name has is not in the vectors, as if it were not there.
        place, weight = place[known], count[known] * self.inverse_frequency[place[known]]
        if not len(place):
            return np.zeros(0, np.int64), np.zeros(0)
        weight = weight / np.sqrt((weight**2).sum())
        cosine = np.zeros(len(self.concept), np.float32)
        for term, of_text in zip(place.tolist(), weight.tolist(), strict=True):
            # No name stands twice among those of an n-gram.
            entries = slice(self.begin[term], self.begin[term + 1])
            cosine[self.name[entries]] += self.weight[entries] * np.float32(of_text)
        best = np.arange(len(cosine))
        if len(best) > _NAMES_LOOKED_AT:
            # All that are as good as the last one stay, so that the order of names decides.
            least = np.partition(cosine, -_NAMES_LOOKED_AT)[-_NAMES_LOOKED_AT]
            best = np.flatnonzero(cosine >= least)
        best = best[cosine[best] > 0]
        return best, np.minimum(cosine[best], 1.0).astype(np.float64)


def _ranked(
    index: LinkingIndex,
    surfaces: pa.Table,
    surface: NDArray[np.int64],
    concept: NDArray[np.int32],
    score: NDArray[np.float64],
) -> pa.Table:
    """The MOST best concepts of each surface, each by its best name."""
    ids = index.concepts["concept_id"].take(pa.array(concept)).cast(pa.string())
    found = pl.DataFrame(
        {
            "surface": surface,
            "concept_id": pl.Series(ids.to_pylist(), dtype=pl.String),
            "score": np.round(score, 6),
        }
    )
    ranked = (
        found.with_row_index("order")
        .sort("surface", pl.col("score") * -1, "order")
        .unique(["surface", "concept_id"], keep="first", maintain_order=True)
        .with_columns(rank=pl.int_range(1, pl.len() + 1).over("surface").cast(pl.Int32))
        .filter(pl.col("rank") <= MOST)
    )
    surface_id = compute.take(surfaces["surface_id"], pa.array(ranked["surface"].to_numpy()))
    return pa.table(
        {
            "surface_id": surface_id,
            "concept_id": pa.array(ranked["concept_id"].to_list(), pa.string()),
            "rank": pa.array(ranked["rank"].to_numpy()),
            "score": pa.array(ranked["score"].to_numpy().astype(np.float32)),
        }
    )
