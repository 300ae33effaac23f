"""Linking by name: a surface means the concepts that have it as a name.

Candidates of a surface are ranked by, first difference decides:

1. the context: concepts of the abbreviation's long form, or the concept that the document names
   otherwise, come first;
2. the tier: what a curation prefers for this string; the name itself, in any case if the name is
   not case-sensitive; a case-sensitive name in another case; a name that is equal once both are
   normalised;
3. the scope of the name: label, exact, abbreviation, narrow, broad, related;
4. the order of preference of the ontologies that give the name;
5. the case: a name in the very case of the surface; then the CURIE.

`ambiguous` says that another concept, by a name of the same ontology, is not told apart by these.
Equal names in two ontologies are no ambiguity: they mostly mean the same thing in two vocabularies,
and where cross-references say so, the index has them as names of one concept.

A score is `TIER_SCORES - SCOPE_COSTS - OTHER_CASE_COST`, times `BESIDE_CONTEXT` for candidates
that the context does not support where it supports others; and never more than that of a better
rank. It is an order, not a probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.arrow import compute
from kazu_platform.documents import digest
from kazu_platform.linking.contexts import said_by
from kazu_platform.tables import LINKS
from kazu_platform.text.fold import FOLD_VERSION, fold, fold_name
from kazu_platform.text.normalise import NORMALISER_VERSION, normalise_column

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from kazu_platform.linking.index import LinkingIndex

RULES_VERSION = "4"
MAX_ALTERNATIVES = 20

PREFERRED, ITSELF, OTHER_CASE, NORMALISED = 0, 1, 2, 3
TIER_SCORES = np.array([1.0, 1.0, 0.80, 0.60])
SCOPE_COSTS = np.array([0.0, 0.05, 0.08, 0.10, 0.12, 0.15])
OTHER_CASE_COST = 0.01
BESIDE_CONTEXT = 0.4

METHODS = ("curated", "exact", "exact", "normalised", "abbreviation")
_ABBREVIATION = 4


@dataclass(frozen=True, slots=True)
class Candidates:
    """Concepts that have a surface, or its long form, as a name: parallel arrays.

    Attributes:
        surface: Its row.
        concept: Row of the index's concepts; one may be there several times for a surface.
        of_long: 1 if the long form has that name, else 0.
        tier: See the module, as of `scope`, `place` and `case`: less is better.
        scope: Of the name.
        place: Of the ontology that gives it.
        case: 0 if the name has the case of the surface.
        beside: 0 if the context supports the concept.
        method: Place in METHODS.
    """

    surface: NDArray[np.int64]
    concept: NDArray[np.int64]
    of_long: NDArray[np.int64]
    tier: NDArray[np.int64]
    scope: NDArray[np.int64]
    place: NDArray[np.int64]
    case: NDArray[np.int64]
    beside: NDArray[np.int64]
    method: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Candidates:
        """Some of them."""
        return Candidates(*(getattr(self, name)[rows] for name in self.__slots__))

    @staticmethod
    def joined(parts: Sequence[Candidates]) -> Candidates:
        """Several, one after the other."""
        return Candidates(
            *(np.concatenate([getattr(p, name) for p in parts]) for name in Candidates.__slots__)
        )


@dataclass(frozen=True)
class ExactLinker:
    """Links by the names in a linking index."""

    index: LinkingIndex

    @property
    def version(self) -> str:
        """Changes with the rules, not with the vocabularies."""
        return digest("exact", RULES_VERSION, FOLD_VERSION, NORMALISER_VERSION)

    @property
    def vocabulary_version(self) -> Mapping[str, str]:
        """Version of the names of each entity class."""
        return self.index.vocabulary_version

    @property
    def similar_version(self) -> Mapping[str, str]:
        """No similar name counts."""
        return {}

    def link(self, surfaces: pa.Table) -> pa.Table:
        """Rank the candidate concepts of surfaces (SURFACES) as rows of LINKS.

        Rows are ordered as the surfaces are, then by rank; at most MAX_ALTERNATIVES each.
        """
        return self._rows(surfaces, self.ranked(self.named(surfaces)))

    @property
    def encoder_version(self) -> str:
        """No vectors are compared."""
        return ""

    def embedded(self, surfaces: pa.Table) -> list[str]:
        """None."""
        del surfaces
        return []

    def with_vectors(self, vectors: pa.Table) -> ExactLinker:
        """This one."""
        del vectors
        return self

    def reminded_of(self, surfaces: pa.Table, concepts: Collection[str]) -> pl.Series:
        """None: what nothing calls so is not meant."""
        del surfaces, concepts
        return pl.Series(dtype=pl.String)

    def named(self, surfaces: pa.Table) -> Candidates:
        """Concepts that have a surface (SURFACES) or its long form as a name, not yet ranked."""
        said = said_by(surfaces["context"].to_pylist())
        classes: list[str] = surfaces["entity_class"].to_pylist()
        own = self._candidates(
            np.arange(surfaces.num_rows),
            surfaces["text"].to_pylist(),
            classes,
            surfaces["normalised"].combine_chunks(),
        )
        own.beside[self._defined(own, said.defined)] = 0
        long = np.array([row for row, form in enumerate(said.long) if form], np.int64)
        forms = [said.long[row] for row in long]
        long_classes = [classes[row] for row in long]
        meant = self._candidates(long, forms, long_classes, normalised(forms, long_classes))
        meant.beside[:] = 0
        meant.method[:] = _ABBREVIATION
        meant.of_long[:] = 1
        return Candidates.joined([meant, own])

    @property
    def by_name(self) -> ExactLinker:
        """The linker that looks at names alone: this one."""
        return self

    @cached_property
    def taxa(self) -> frozenset[str]:
        """Species of which the index has concepts of their own, such as genes."""
        return frozenset(compute.unique(self.index.concepts["taxon_id"]).to_pylist()) - {""}

    def labels_of(self, links: pa.Table) -> list[str]:
        """Preferred names of the concepts of LINKS that this linker made."""
        return self.index.labels_of(links)

    def _candidates(
        self,
        surface: NDArray[np.int64],
        texts: Sequence[str],
        classes: Sequence[str],
        normalised: pa.Array,
    ) -> Candidates:
        """Concepts with an equal name, by tier; a concept may be there several times."""
        exact = [fold_name(text, keep_case=True) for text in texts]
        folded_texts = pa.array(map(fold, exact), pa.large_string())
        folded = self.index.find("folded", folded_texts, classes)
        alike = self.index.find("normalised", normalised, classes)
        query = np.concatenate((folded.query, alike.query))
        name = np.concatenate((folded.name, alike.name))
        rows = self.index.names.take(pa.array(name))
        same_case = compute.equal(
            rows["exact"].combine_chunks(),
            pa.array(exact, pa.large_string()).take(pa.array(query)),
        ).to_numpy(zero_copy_only=False)
        case = np.where(same_case, 0, 1)
        sensitive = rows["case_sensitive"].to_numpy()
        tier = np.where(sensitive & ~same_case, OTHER_CASE, ITSELF)
        preferred = rows["preferred"].to_numpy()
        tier[preferred] = PREFERRED
        tier[len(folded.query) :] = NORMALISED
        case[len(folded.query) :] = 0
        found = Candidates(
            surface=surface[query],
            concept=rows["concept"].to_numpy().astype(np.int64),
            of_long=np.zeros(len(query), np.int64),
            tier=tier,
            scope=rows["scope"].to_numpy().astype(np.int64),
            place=rows["place"].to_numpy().astype(np.int64),
            case=case,
            beside=np.ones(len(query), np.int64),
            method=tier.copy(),
        )
        return found.take(~(preferred & sensitive & ~same_case))

    def _defined(self, own: Candidates, defined: Sequence[str]) -> NDArray[np.bool_]:
        """Which candidates are the concept that the context of their surface says."""
        concept_id = self.index.concepts["concept_id"].take(pa.array(own.concept))
        wanted = pa.array(defined, concept_id.type).take(pa.array(own.surface))
        return compute.equal(concept_id.combine_chunks(), wanted).to_numpy(zero_copy_only=False)

    def ranked(self, candidates: Candidates) -> Candidates:
        """Best first within each surface, each concept where it stands best."""
        c = candidates
        # The order of ontologies before case: "Imatinib" at the start of a sentence means what
        # "imatinib" means in its middle, however each ontology writes its labels.
        ordered = c.take(
            np.lexsort((c.concept, c.case, c.place, c.scope, c.tier, c.beside, c.surface))
        )
        # The same CURIE may come from two ontologies.
        number = self.index.concepts["number"].to_numpy()[ordered.concept].astype(np.int64)
        concept = ordered.surface * (len(self.index.concepts) + 1) + number
        _, first = np.unique(concept, return_index=True)
        return ordered.take(np.sort(first))

    def _rows(self, surfaces: pa.Table, ranked: Candidates) -> pa.Table:
        ontology = self.index.concepts["ontology"].take(pa.array(ranked.concept))
        ambiguous = are_ambiguous(ranked)
        begins = np.searchsorted(ranked.surface, ranked.surface)
        rank = np.arange(len(ranked.surface)) - begins + 1
        # The first of a surface is what its context supports, if it supports any.
        supported = ranked.beside[begins] == 0
        score = (
            TIER_SCORES[ranked.tier] - SCOPE_COSTS[ranked.scope] - OTHER_CASE_COST * ranked.case
        ) * np.where(supported & (ranked.beside == 1), BESIDE_CONTEXT, 1.0)
        score = falling(score, ranked.surface)

        kept = np.flatnonzero(rank <= MAX_ALTERNATIVES)
        rows = pa.array(kept)
        surface = pa.array(ranked.surface[kept])
        entity_class = surfaces["entity_class"].take(surface)
        versions = self.index.vocabulary_version
        concept_id = self.index.concepts["concept_id"].take(pa.array(ranked.concept[kept]))
        return LINKS.from_columns(
            {
                "surface_id": surfaces["surface_id"].take(surface),
                "concept_id": concept_id.cast(pa.string()),
                "ontology": ontology.take(rows).cast(pa.string()),
                "rank": pa.array(rank[kept].astype(np.int32)),
                "score": pa.array(score[kept].astype(np.float32)),
                "method": pa.array(METHODS, pa.string()).take(pa.array(ranked.method[kept])),
                "ambiguous": pa.array(ambiguous[kept]),
                "vocabulary_version": pa.array(
                    [versions[name] for name in entity_class.to_pylist()], pa.string()
                ),
                "linker_version": pa.repeat(self.version, len(kept)),
            }
        )


def falling(score: NDArray[np.floating], surface: NDArray[np.int64]) -> NDArray[np.floating]:
    """Scores where no worse rank has a better one; surfaces are numbered and in order.

    >>> falling(np.array([0.9, 1.0, 0.5, 0.8]), np.array([0, 0, 1, 1])).round(2).tolist()
    [0.9, 0.9, 0.5, 0.5]
    """
    # Each surface lies below the one before it, so that one running minimum serves all.
    below = 2.0 * surface.astype(np.float64)
    return np.minimum.accumulate(score - below) + below


def are_ambiguous(ranked: Candidates) -> NDArray[np.bool_]:
    """Whether a name of the same ontology fits another concept as well, context considered."""
    tiers, scopes = len(TIER_SCORES), len(SCOPE_COSTS)
    level = ((ranked.beside * tiers + ranked.tier) * scopes + ranked.scope) * 2 + ranked.case
    levels = 2 * tiers * scopes * 2
    places = int(ranked.place.max(initial=0)) + 1
    key = (ranked.surface * levels + level) * places + ranked.place
    _, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
    return counts[inverse] > 1


def normalised(texts: Sequence[str], classes: Sequence[str]) -> pa.Array:
    """Normalise strings of several classes; those of unknown classes stay empty."""
    normalised = np.full(len(texts), "", dtype=object)
    groups = np.array(classes, dtype=object)
    for name in sorted(set(classes)):
        rows = np.flatnonzero(groups == name)
        column = normalise_column(
            pa.array([texts[row] for row in rows.tolist()], pa.string()), name
        )
        normalised[rows] = column.to_pylist()
    return pa.array(normalised.tolist(), pa.string())
