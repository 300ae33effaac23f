"""What can be evaluated on gold for linking: anything that ranks the concepts of surfaces.

Belongs here: the protocol, and linkers of the platform as such. Does not: baselines (`baselines`),
how an answer is judged (`linking`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kazu_platform.linking.hybrid import HybridLinker

if TYPE_CHECKING:
    import pyarrow as pa

    from kazu_platform.linking.linker import Linker

MOST = 20
"""Candidates that are looked at."""
CANDIDATE_COLUMNS = ("surface_id", "concept_id", "rank", "score")


class EvaluatedLinker(Protocol):
    """Ranks the concepts that distinct strings of a class may mean in a context."""

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    @property
    def version(self) -> str:
        """Changes when it may answer otherwise."""
        ...

    @property
    def is_probable(self) -> bool:
        """Whether scores are probabilities, which add up; else they say how alike names are."""
        ...

    def nil_below(self, entity_class: str) -> float:
        """A first candidate with a lower score is no link: the linker says NIL."""
        ...

    def candidates(self, surfaces: pa.Table) -> pa.Table:
        """Rank the concepts of surfaces.

        Args:
            surfaces: SURFACES, each once.

        Returns:
            At least the columns surface_id, concept_id, rank (without gaps; from 1, or from 2
            where it says NIL) and score (between 0 and 1, never rising with the rank); a surface
            without a candidate has no row.
        """
        ...


@dataclass(frozen=True)
class OwnLinker:
    """A linker of the platform; what it writes as LINKS is what is judged.

    What it gives no first rank is NIL. Scores of one by a model are probabilities.
    """

    linker: Linker
    name: str

    @property
    def is_probable(self) -> bool:
        """Those of a linker by a model are."""
        return isinstance(self.linker, HybridLinker)

    @property
    def version(self) -> str:
        """The linker's."""
        return self.linker.version

    def nil_below(self, entity_class: str) -> float:
        """Whatever it gives a first rank is a link."""
        del entity_class
        return 0.0

    def candidates(self, surfaces: pa.Table) -> pa.Table:
        """Its LINKS."""
        return self.linker.link(surfaces)
