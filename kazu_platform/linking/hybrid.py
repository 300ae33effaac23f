"""Linking by everything that speaks for a concept: names, equal or similar, memory and context.

Surfaces with an equal name are ranked by what is known of these first; where one is as probable as
its class asks (`Decision.enough`) nothing else is looked for. For the others similar names are
found, by trigrams and by vectors. What is preferred by a curation stays first, whatever else is.

A concept with an equal name comes before others that are not NAMES_COUNT times as probable, if it
is no gene of another species than the document's. The score of a candidate is how often what was as
probable and found in the same way (by an equal name or not) was right (`training.calibrating`).

Rank 1 is given where the linker says that the surface means a concept: its score is not below the
threshold of the class. Where a concept with an equal name comes first it is taken whatever its
score, as somebody wrote down that it goes by that name. Where the linker says NIL, alternatives
have ranks from 2 on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.arrow import compute
from kazu_platform.documents import digest
from kazu_platform.linking.evidence import FEATURES, LEARNT, METHODS, Asked, Witness
from kazu_platform.linking.exact import MAX_ALTERNATIVES, falling
from kazu_platform.linking.learnt import string_key
from kazu_platform.linking.ranking import probabilities, rescaled
from kazu_platform.tables import LINKS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from kazu_platform.linking.evidence import Evidence
    from kazu_platform.linking.exact import Candidates, ExactLinker
    from kazu_platform.linking.ranking import Ranker

HYBRID_VERSION: Final = "6"
NAMES_COUNT: Final = 4.0
LEAST_ALIKE: Final = 0.5
"""A concept whose names are only similar is no link with a lower score, in any class."""
_AT_ONCE: Final = 32_768
"""Surfaces whose evidence is looked at together, where only its outcome is wanted."""
_CURATED: Final = 1.0
_DIGITS: Final = 5


@dataclass(frozen=True)
class Ranked:
    """Candidates of surfaces, best first; parallel. `rank` is 1 for what is taken."""

    surface: NDArray[np.int64]
    concept: NDArray[np.int64]
    rank: NDArray[np.int64]
    score: NDArray[np.floating]
    method: NDArray[np.int64]
    is_ambiguous: NDArray[np.bool_]


@dataclass(frozen=True)
class HybridLinker:
    """Links by a ranker.

    Attributes:
        witness: Gathers what speaks for concepts.
        ranker: Weighs it.
        model_version: Of the ranker, the encoder and the memory.
    """

    witness: Witness
    ranker: Ranker
    model_version: str

    @property
    def by_name(self) -> ExactLinker:
        """The linker by equal names alone."""
        return self.witness.exact

    @property
    def version(self) -> str:
        """Changes with the rules and the model, not with the vocabularies and similar names."""
        witness = self.witness
        looked_at = f"{witness.similar is not None} {witness.embedder is not None}"
        rules = ("hybrid", HYBRID_VERSION, self.by_name.version)
        return digest(*rules, self.model_version, looked_at)

    @property
    def vocabulary_version(self) -> Mapping[str, str]:
        """Version of the names of each entity class."""
        return self.by_name.vocabulary_version

    @property
    def similar_version(self) -> Mapping[str, str]:
        """Version of the similar names of each entity class."""
        return self.witness.similar.manifest.versions if self.witness.similar else {}

    @property
    def encoder_version(self) -> str:
        """Of the encoder whose vectors it compares; empty without one."""
        return self.witness.embedder.version if self.witness.embedder else ""

    def link(self, surfaces: pa.Table) -> pa.Table:
        """Rank the candidate concepts of surfaces (SURFACES) as rows of LINKS.

        Rows are ordered as the surfaces are, then by rank; at most MAX_ALTERNATIVES each.
        """
        return self._rows(surfaces, self.ranked(surfaces))

    def labels_of(self, links: pa.Table) -> list[str]:
        """Preferred names of the concepts of LINKS that this linker made."""
        return self.by_name.labels_of(links)

    def reminded_of(self, surfaces: pa.Table, concepts: Collection[str]) -> pl.Series:
        """The surfaces (SURFACES) whose strings people linked to any of some concepts: ids.

        Their own, their long forms and the names near them.
        """
        ids = pl.Series(surfaces["surface_id"], dtype=pl.String)
        strings = self.witness.learnt.strings_of(concepts)
        if not strings:
            return ids.clear()
        asked = Asked.of(surfaces)
        every = [(row, text) for row, _, text in asked.strings(np.arange(surfaces.num_rows))]
        every += [(row, text) for row, text in enumerate(asked.near) if text]
        rows = {row for row, text in every if string_key(text, asked.classes[row]) in strings}
        return ids.gather(sorted(rows))

    def ranked(self, surfaces: pa.Table) -> Ranked:
        """Candidates of surfaces: the second look where the first was not enough."""
        asked = Asked.of(surfaces)
        named = self.by_name.named(surfaces)
        first, probable, settled = self._first_look(asked, named)
        again = np.flatnonzero(~settled)
        second = self.witness.evidence(asked, named, ~settled, again)
        parts = [
            self._order(first, probable, asked, settled[first.surface]),
            self._order(second, self._probabilities(second, asked), asked, None),
        ]
        joined = [
            np.concatenate([getattr(part, name) for part in parts])
            for name in Ranked.__dataclass_fields__
        ]
        order = np.argsort(joined[0], kind="stable")
        return Ranked(*(each[order] for each in joined))

    def embedded(self, surfaces: pa.Table) -> list[str]:
        """The normalised strings whose vectors linking asks for, each once, ascending.

        Args:
            surfaces: SURFACES.
        """
        classes = self.witness.embedded(surfaces["entity_class"].unique().to_pylist())
        own = surfaces.filter(
            compute.is_in(surfaces["entity_class"], pa.array(classes, pa.string()))
        )
        found: set[str] = set()
        for start in range(0, own.num_rows, _AT_ONCE):
            part = own.slice(start, _AT_ONCE)
            asked = Asked.of(part)
            *_, settled = self._first_look(asked, self.by_name.named(part))
            found |= {text for _, _, text in asked.strings(np.flatnonzero(~settled))}
        return sorted(found)

    def with_vectors(self, vectors: pa.Table) -> HybridLinker:
        """The same linker, which does not embed what has a vector (SURFACE_VECTORS) already."""
        known = self.witness.embedder
        if known is None:
            return self
        return replace(self, witness=replace(self.witness, embedder=replace(known, known=vectors)))

    def _first_look(
        self, asked: Asked, named: Candidates
    ) -> tuple[Evidence, NDArray[np.float64], NDArray[np.bool_]]:
        """Evidence by equal names and memory, its probabilities, and which surfaces it settles."""
        n = len(asked.texts)
        first = self.witness.evidence(asked, named, np.zeros(n, np.bool_))
        probable = self._probabilities(first, asked)
        enough = np.array([self.ranker.decision(name).enough for name in asked.classes])
        settled = np.zeros(n, np.bool_)
        clear = first.is_named & (probable >= enough[first.surface])
        settled[first.surface[clear | first.is_preferred]] = True
        return first, probable, settled

    def _probabilities(self, evidence: Evidence, asked: Asked) -> NDArray[np.float64]:
        if not len(evidence.surface):
            return np.zeros(0)
        classes = [asked.classes[row] for row in evidence.surface.tolist()]
        scores = self.ranker.tempered(self.ranker.scores(evidence.features), classes)
        return probabilities(evidence, scores, self.by_name.index.ontology_bits[evidence.concept])

    def _order(
        self,
        evidence: Evidence,
        probable: NDArray[np.float64],
        asked: Asked,
        chosen: NDArray[np.bool_] | None,
    ) -> Ranked:
        """Candidates of the chosen rows, best first within each surface."""
        rows = np.arange(len(probable)) if chosen is None else np.flatnonzero(chosen)
        likely = np.where(evidence.is_preferred, _CURATED, probable)[rows]
        surface, concept = evidence.surface[rows], evidence.concept[rows]
        is_named = evidence.is_named[rows]
        of_other, is_gene = (
            evidence.features[rows, FEATURES.index(name)] > 0 for name in ("of_other", "class=gene")
        )
        is_foreign = of_other & is_gene
        weight = np.where(is_named & ~is_foreign, NAMES_COUNT, 1.0)
        weight[evidence.is_preferred[rows]] = np.inf
        # Rounded, so that what is as likely stands in one order whatever is linked beside it.
        order = np.lexsort((concept, -np.round(likely * weight, _DIGITS), surface))
        rows, surface, likely = rows[order], surface[order], likely[order]
        is_named, is_alike = is_named[order], evidence.method[rows] != LEARNT
        begins = np.searchsorted(surface, surface)
        place = np.arange(len(surface)) - begins
        scale = self.ranker.scales(asked.classes)[surface, is_named.astype(np.int64)]
        score = rescaled(likely, scale[:, 0], scale[:, 1])
        score[evidence.is_preferred[rows]] = _CURATED
        least = np.array([self.ranker.decision(name).threshold for name in asked.classes])
        least = np.where(is_alike, np.maximum(least[surface], LEAST_ALIKE), least[surface])
        is_nil = ((score < least) & ~is_named)[begins]
        kept = np.flatnonzero(place < MAX_ALTERNATIVES)
        rank = (place + 1 + is_nil)[kept]
        rows, surface = rows[kept], surface[kept]
        return Ranked(
            surface=surface,
            concept=evidence.concept[rows],
            rank=rank,
            score=falling(score[kept], surface),
            method=evidence.method[rows],
            is_ambiguous=evidence.is_ambiguous[rows],
        )

    def _rows(self, surfaces: pa.Table, ranked: Ranked) -> pa.Table:
        index = self.by_name.index
        surface, concept = pa.array(ranked.surface), pa.array(ranked.concept)
        entity_class = surfaces["entity_class"].take(surface)
        versions = self.vocabulary_version
        methods = pa.array(METHODS, pa.string()).take(pa.array(ranked.method))
        return LINKS.from_columns(
            {
                "surface_id": surfaces["surface_id"].take(surface),
                "concept_id": index.concepts["concept_id"].take(concept).cast(pa.string()),
                "ontology": index.concepts["ontology"].take(concept).cast(pa.string()),
                "rank": pa.array(ranked.rank.astype(np.int32)),
                "score": pa.array(ranked.score.astype(np.float32)),
                "method": methods,
                "ambiguous": pa.array(ranked.is_ambiguous),
                "vocabulary_version": pa.array(
                    [versions[name] for name in entity_class.to_pylist()], pa.string()
                ),
                "linker_version": pa.repeat(self.version, len(ranked.surface)),
            }
        )
