"""What readers yield, and the columns it is gathered in.

A reader walks through a file once and yields statements: parts of terms, the file's version, and
faults. One term may come in several parts (a stanza that stands twice, axioms at the other end of
an OWL file): parts with the same id are merged in columns, later, so that readers need no memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LABEL, EXACT, ABBREVIATION, NARROW, BROAD, RELATED = SCOPES = (
    "label",
    "exact",
    "abbreviation",
    "narrow",
    "broad",
    "related",
)
"""Scopes of names, the strongest first."""

# Parts of terms that wait until they become columns together: so few that they die young, before
# the garbage collector walks through them again and again (with thousands it costs a third more).
_AT_ONCE = 64

IS_A = "is_a"
XREF = "xref"


@dataclass(frozen=True, slots=True)
class Term:
    """A term, or a part of one.

    `synonyms` are (name, scope), `relations` (predicate, object), `xrefs` (predicate, CURIE).
    `declared` is false for a part that does not say that its subject is a class: whether the term
    exists is then for another part to say.
    """

    id: str
    label: str | None = None
    definition: str | None = None
    synonyms: Sequence[tuple[str, str]] = ()
    alternatives: Sequence[str] = ()
    relations: Sequence[tuple[str, str]] = ()
    xrefs: Sequence[tuple[str, str]] = ()
    obsolete: bool = False
    replaced_by: str | None = None
    taxon: str | None = None
    declared: bool = True


@dataclass(frozen=True, slots=True)
class Abbreviation:
    """One name of a term is an abbreviation, said apart from the name (an OWL axiom)."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Version:
    """The version that the file declares of itself."""

    text: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that could not be read; the rest was."""

    problem: str
    line: int | None = None
    id: str | None = None


Statement = Term | Abbreviation | Version | Fault

_TERMS = {
    "id": pl.String,
    "label": pl.String,
    "definition": pl.String,
    "obsolete": pl.Boolean,
    "replaced_by": pl.String,
    "taxon": pl.String,
    "declared": pl.Boolean,
}
_NAMES = {"id": pl.String, "name": pl.String, "scope": pl.String}
_ALTERNATIVES = {"id": pl.String, "alternative": pl.String}
_RELATIONS = {"id": pl.String, "predicate": pl.String, "object": pl.String}
_XREFS = {"id": pl.String, "predicate": pl.String, "xref": pl.String}
_ABBREVIATIONS = {"id": pl.String, "name": pl.String}
_FAULTS = {"id": pl.String, "line": pl.Int32, "problem": pl.String}


def _empty(schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    return pl.DataFrame(schema=schema)


@dataclass(frozen=True, slots=True)
class Statements:
    """Everything that a file says, one frame for each kind of statement.

    Columns: `terms` id, label, definition, obsolete, replaced_by, taxon, declared; `names` id,
    name, scope (labels are not among them); `alternatives` id, alternative; `relations` id,
    predicate, object; `xrefs` id, predicate, xref; `abbreviations` id, name; `faults` id, line,
    problem.
    """

    terms: pl.DataFrame
    names: pl.DataFrame
    alternatives: pl.DataFrame = field(default_factory=lambda: _empty(_ALTERNATIVES))
    relations: pl.DataFrame = field(default_factory=lambda: _empty(_RELATIONS))
    xrefs: pl.DataFrame = field(default_factory=lambda: _empty(_XREFS))
    abbreviations: pl.DataFrame = field(default_factory=lambda: _empty(_ABBREVIATIONS))
    faults: pl.DataFrame = field(default_factory=lambda: _empty(_FAULTS))
    version: str | None = None


def gather(statements: Iterable[Statement]) -> Statements:
    """Put statements into columns as they come; of several versions the first is kept.

    >>> mondo = Term("MONDO:0005148", "type 2 diabetes mellitus", synonyms=[("T2D", "exact")])
    >>> gather([Version("2026-09-01"), mondo]).names.rows()
    [('MONDO:0005148', 'T2D', 'exact')]
    """
    parts = _Parts()
    abbreviations, faults = _Columns(_ABBREVIATIONS), _Columns(_FAULTS)
    version: str | None = None
    for said in statements:
        if isinstance(said, Term):
            parts.add(said)
        elif isinstance(said, Abbreviation):
            abbreviations.extend([said.id], [said.name])
        elif isinstance(said, Fault):
            faults.extend([said.id], [said.line], [said.problem])
        else:
            version = version or said.text
    parts.flush()
    return Statements(
        terms=parts.terms.frame(),
        names=parts.names.frame(),
        alternatives=parts.alternatives.frame(),
        relations=parts.relations.frame(),
        xrefs=parts.xrefs.frame(),
        abbreviations=abbreviations.frame(),
        faults=faults.frame(),
        version=version,
    )


class _Columns:
    """Values on their way into a frame, a list for each column."""

    def __init__(self, schema: Mapping[str, type[pl.DataType]]) -> None:
        self.schema = schema
        self.columns: list[list[object]] = [[] for _ in schema]

    def extend(self, *columns: Iterable[object]) -> None:
        for column, values in zip(self.columns, columns, strict=True):
            column.extend(values)

    def frame(self) -> pl.DataFrame:
        columns, self.columns = self.columns, [[] for _ in self.schema]
        return pl.DataFrame(
            [
                _series(name, kind, values)
                for (name, kind), values in zip(self.schema.items(), columns, strict=True)
            ]
        )


class _Parts:
    """Parts of terms on their way into frames, some at a time."""

    def __init__(self) -> None:
        self.terms = _Columns(_TERMS)
        self.names, self.alternatives = _Columns(_NAMES), _Columns(_ALTERNATIVES)
        self.relations, self.xrefs = _Columns(_RELATIONS), _Columns(_XREFS)
        self._waiting: list[Term] = []

    def add(self, part: Term) -> None:
        self._waiting.append(part)
        if len(self._waiting) == _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Put what waits into columns."""
        parts, self._waiting = self._waiting, []
        columns = [[getattr(part, name) for part in parts] for name in _TERMS]
        self.terms.extend(*columns)
        self.alternatives.extend(
            [part.id for part in parts for _ in part.alternatives],
            [other for part in parts for other in part.alternatives],
        )
        for table, pairs in (
            (self.names, [part.synonyms for part in parts]),
            (self.relations, [part.relations for part in parts]),
            (self.xrefs, [part.xrefs for part in parts]),
        ):
            table.extend(
                [part.id for part, said in zip(parts, pairs, strict=True) for _ in said],
                [first for said in pairs for first, _ in said],
                [second for said in pairs for _, second in said],
            )


def _series(name: str, kind: type[pl.DataType], values: Sequence[object]) -> pl.Series:
    try:
        return pl.Series(name, values, dtype=kind)
    except UnicodeEncodeError:
        # JSON can escape half a surrogate pair, which is no text.
        encodable = [
            value.encode(errors="replace").decode() if isinstance(value, str) else value
            for value in values
        ]
        return pl.Series(name, encodable, dtype=kind)
