r"""OBO 1.2 and 1.4, line by line.

Format: https://owlcollab.github.io/oboformat/doc/GO.format.obo-1_4.html. An own parser, because
fastobo gives up a whole file at its first bad clause (of ten published files that we tried, it
could not finish four: unknown tags, an unescaped quote, a bad boolean) and took four times as long.
Here a clause that cannot be read is set aside with its line, and the rest of the file is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from kazu_platform.errors import MalformedFileError
from kazu_platform.ontologies.curies import curie
from kazu_platform.ontologies.files import lines_of
from kazu_platform.ontologies.owl import ABBREVIATION_TYPES, INCHIKEYS, Draft
from kazu_platform.ontologies.terms import (
    ABBREVIATION,
    BROAD,
    EXACT,
    IS_A,
    NARROW,
    RELATED,
    XREF,
    Fault,
    Statement,
    Version,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_QUOTED = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*(.*)')
_STANZA = re.compile(r"\[(\w+)\]\s*(?:!.*)?")
_QUALIFIERS = re.compile(r'\s*(?<!\\)\{\s*[\w:.#/-]+\s*=\s*"[^{}]*"\s*\}$')
_COMMENT = re.compile(r"(?<!\\)\s+!.*$")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "W": " ", "t": "\t"}
_SCOPES = {"EXACT": EXACT, "NARROW": NARROW, "BROAD": BROAD, "RELATED": RELATED}
_SKOS = ("exactMatch", "closeMatch", "broadMatch", "narrowMatch", "relatedMatch")
_MATCHES = {prefix + name: name for name in _SKOS for prefix in ("", "skos:")}
# Three clauses of four in the usual form, which need no further look: no escapes, no web address.
_USUAL = re.compile(
    r'synonym: "([^"\\]*)" ([\w: ]*)\['
    r"|xref: (?!NCBI_TaxID:)([A-Za-z][\w.]*:[\w.-]+)(?: |$)"
    r"|is_a: ([A-Za-z][\w.]*:[\w.-]+)(?: |$)"
)
_SYNONYM, _XREF = 2, 3
# Mondo marks its exact matches on the cross-reference itself.
_MONDO_EXACT = '"MONDO:equivalentTo"'
# Cellosaurus says the organism of a cell line in a cross-reference; nobody else writes this prefix.
_CELLOSAURUS_TAXON = "NCBI_TaxID:"
# Clauses of OBO 1.0, before scopes were written inside `synonym`.
_OLD_SYNONYMS = {f"{word.lower()}_synonym": scope for word, scope in _SCOPES.items()}
# A file may open with many comments and unknown headers, but not with this many lines of neither.
_MAX_BAD_HEADERS = 200
# A file may say something else of each synonym; this many are remembered.
_MAX_SCOPES = 1000


class _BadClauseError(ValueError):
    """A clause whose value cannot be read; says what is wrong."""


def read_obo(stream: BinaryIO, path: Path) -> Iterator[Statement]:
    """Statements of an OBO file, in its order.

    Raises:
        MalformedFileError: it is no OBO file, or a line is longer than any text line should be.
    """
    header = _Header()
    stanza: _Stanza | None = None
    in_header = True
    for number, line in lines_of(stream, path):
        if line is None:
            if in_header or stanza:
                yield Fault("the line is not UTF-8.", number, stanza.draft.id if stanza else None)
                header.bad += in_header
            continue
        text = line.strip()
        if not text or text[0] == "!":
            continue
        if text[0] == "[" and (opening := _STANZA.fullmatch(text)):
            if stanza:
                yield stanza.finish()
            in_header = False
            stanza = _Stanza(number, header) if opening[1] == "Term" else None
        elif in_header:
            yield from header.take(number, text, path)
        elif stanza and (problem := stanza.take(text)):
            yield Fault(problem, number, stanza.draft.id or None)
    if stanza:
        yield stanza.finish()


def unescape(text: str) -> str:
    r"""Undo OBO's escapes.

    >>> unescape(r"5\'-end \(sense\)\, 3\W-end \{x\}")
    "5'-end (sense), 3 -end {x}"
    """
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), text)


def _plain(value: str) -> str:
    r"""A value without its trailing comment and qualifiers, unescaped.

    >>> _plain('9-{[(2R)-2-amino]}purine {source="ChEBI"} ! a comment')
    '9-{[(2R)-2-amino]}purine'
    """
    if " !" in value:
        value = _COMMENT.sub("", value)
    if value.endswith("}"):
        value = _QUALIFIERS.sub("", value)
    return unescape(value.strip())


def _identifier(value: str) -> str:
    """The first word of a value as a CURIE; comments and qualifiers follow it."""
    words = value.split(None, 1)
    if not words:
        raise _BadClauseError("an identifier is missing")
    return curie(unescape(words[0]))


def _quoted(value: str) -> tuple[str, str]:
    """The text between quotes, and what follows."""
    found = _QUOTED.match(value)
    if not found:
        raise _BadClauseError("a text in quotes is missing, or its quotes are unbalanced")
    return unescape(found[1]), found[2]


@dataclass(slots=True)
class _Header:
    """What the clauses before the first stanza say."""

    abbreviation_types: set[str] = field(default_factory=lambda: set(ABBREVIATION_TYPES))
    bad: int = 0
    _scopes: dict[str, str] = field(default_factory=dict[str, str])

    def take(self, number: int, text: str, path: Path) -> Iterator[Statement]:
        tag, colon, value = text.partition(":")
        if not colon or not tag.replace("-", "").replace("_", "").isalnum():
            self.bad += 1
            if self.bad > _MAX_BAD_HEADERS:
                raise MalformedFileError.at(path, "is no OBO file: no [Term], no tags.")
            yield Fault(f"a header without a tag: {text[:80]!r}", number)
        elif tag == "data-version":
            yield Version(value.strip())
        elif tag == "synonymtypedef":
            name, _, rest = value.strip().partition(" ")
            if any(word in rest.lower() for word in ("abbreviation", "acronym")):
                self.abbreviation_types.add(name)

    def scope(self, said: str) -> str:
        """Scope of a synonym by what stands behind its name; files say the same few things."""
        if (known := self._scopes.get(said)) is not None:
            return known
        words = said.split()
        scope = _SCOPES.get(words[0].upper(), RELATED) if words else RELATED
        if any(word in self.abbreviation_types for word in words):
            scope = ABBREVIATION
        if len(self._scopes) < _MAX_SCOPES:
            self._scopes[said] = scope
        return scope


class _Stanza:
    """A [Term] stanza while its clauses come in."""

    __slots__ = ("draft", "header", "line", "taxa")

    def __init__(self, line: int, header: _Header) -> None:
        self.line = line
        self.header = header
        self.draft = Draft("", declared=True)
        self.taxa: list[str] = []

    def take(self, text: str) -> str | None:
        """Take a clause; return what is wrong with it."""
        if usual := _USUAL.match(text):
            self.take_usual(text, usual)
            return None
        return self.take_any(text)

    def take_usual(self, text: str, usual: re.Match[str]) -> None:
        """Do what `take_any` does, for a clause that can be read at a glance."""
        if usual.lastindex == _SYNONYM:
            self.draft.synonyms.append((usual[1], self.header.scope(usual[2])))
        elif usual.lastindex == _XREF:
            self.draft.xrefs.append(("exactMatch" if _MONDO_EXACT in text else XREF, usual[3]))
        else:
            self.draft.relations.append((IS_A, usual[4]))

    def take_any(self, text: str) -> str | None:
        """Take a clause in any form."""
        tag, colon, value = text.partition(":")
        clause = _CLAUSES.get(tag)
        if not colon or not (clause or tag.isidentifier()):
            return f"a line without a tag: {text[:80]!r}"
        if clause:
            try:
                clause(self, value.strip())
            except _BadClauseError as error:
                return f"{tag}: {error}: {value.strip()[:80]!r}"
        return None

    def finish(self) -> Statement:
        """The term; a fault if the stanza has no id. A hybrid of two organisms has no one taxon."""
        if len(set(self.taxa)) == 1:
            self.draft.taxon = self.draft.taxon or self.taxa[0]
        return self.draft.term() if self.draft.id else Fault("a stanza without an id", self.line)

    def take_id(self, value: str) -> None:
        self.draft.id = self.draft.id or _identifier(value)

    def take_name(self, value: str) -> None:
        self.draft.labels.append(_plain(value))

    def take_definition(self, value: str) -> None:
        self.draft.definition = self.draft.definition or _quoted(value)[0]

    def take_synonym(self, value: str) -> None:
        name, rest = _quoted(value)
        self.draft.synonyms.append((name, self.header.scope(rest.partition("[")[0])))

    def take_alternative(self, value: str) -> None:
        self.draft.alternatives.append(_identifier(value))

    def take_parent(self, value: str) -> None:
        self.draft.relate(IS_A, _identifier(value))

    def take_relation(self, value: str) -> None:
        predicate, _, rest = value.partition(" ")
        self.draft.relate(unescape(predicate), _identifier(rest))

    def take_xref(self, value: str) -> None:
        predicate = "exactMatch" if _MONDO_EXACT in value else XREF
        other = _identifier(value)
        if other.startswith(_CELLOSAURUS_TAXON):
            self.taxa.append(f"NCBITaxon:{other.removeprefix(_CELLOSAURUS_TAXON)}")
        self.draft.xrefs.append((predicate, other))

    def take_property(self, value: str) -> None:
        predicate, _, rest = value.partition(" ")
        predicate = curie(unescape(predicate))
        match = _MATCHES.get(predicate)
        if match or predicate == "IAO:0100001":
            rest = rest.strip()
            target = _identifier(_quoted(rest)[0] if rest.startswith('"') else rest)
            if match:
                self.draft.xrefs.append((match, target))
            else:
                self.draft.replaced_by = self.draft.replaced_by or target
        elif predicate in INCHIKEYS:
            self.draft.annotate(predicate, _quoted(rest)[0])

    def take_obsolete(self, value: str) -> None:
        self.draft.obsolete = value.lower().startswith("true")

    def take_replacement(self, value: str) -> None:
        self.draft.replaced_by = self.draft.replaced_by or _identifier(value)


def _old_synonym(scope: str) -> Callable[[_Stanza, str], None]:
    def take(stanza: _Stanza, value: str) -> None:
        stanza.draft.synonyms.append((_quoted(value)[0], scope))

    return take


def _relation_tag(predicate: str) -> Callable[[_Stanza, str], None]:
    def take(stanza: _Stanza, value: str) -> None:
        stanza.draft.relate(predicate, _identifier(value))

    return take


# Clauses that say something to a vocabulary. `consider` is missing on purpose: it proposes, a
# replacement replaces. So is `intersection_of`: a definition is no assertion of is_a.
_CLAUSES: dict[str, Callable[[_Stanza, str], None]] = {
    "id": _Stanza.take_id,
    "name": _Stanza.take_name,
    "def": _Stanza.take_definition,
    "synonym": _Stanza.take_synonym,
    **{tag: _old_synonym(scope) for tag, scope in _OLD_SYNONYMS.items()},
    "alt_id": _Stanza.take_alternative,
    "is_a": _Stanza.take_parent,
    "relationship": _Stanza.take_relation,
    # Shorthand of some files (FamPlex), in no version of the standard.
    "part_of": _relation_tag("part_of"),
    "has_part": _relation_tag("has_part"),
    "xref": _Stanza.take_xref,
    "xref_analog": _Stanza.take_xref,
    "property_value": _Stanza.take_property,
    "is_obsolete": _Stanza.take_obsolete,
    "replaced_by": _Stanza.take_replacement,
}
