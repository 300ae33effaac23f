r"""OWL functional syntax, one axiom at a time.

Grammar: https://www.w3.org/TR/owl2-syntax/. It is a list of nested expressions, so a regular
expression finds the tokens and a stack nests them. `Import` is never followed.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from kazu_platform.errors import MalformedFileError
from kazu_platform.ontologies.curies import curie
from kazu_platform.ontologies.owl import (
    OWL,
    RDF,
    RDFS,
    SYNONYM_TYPE,
    VERSION_INFO,
    Draft,
    is_abbreviation_type,
)
from kazu_platform.ontologies.terms import IS_A, Fault, Statement, Term, Version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TOKEN = re.compile(
    r"""[\s]+ | \#[^\n]*(?=\n)                            # blanks, comments
    | (?P<literal>"(?:[^"\\]|\\.)*+") (?:@(?P<language>[A-Za-z0-9-]+)|\^\^(?=[\w<:]))?
    | (?P<iri><[^<>\s]*>)
    | (?P<mark>[()=])
    | (?P<name>[^\s()=<>"@^\#]+)
    | (?P<odd>[\s\S])                                    # not yet complete, or no token
    """,
    re.VERBOSE,
)
_CHUNK = 1 << 20
_MAX_TOKEN = 16 << 20
_MAX_DEPTH = 200
_MAX_AXIOM = 1_000_000
_PREFIXES = {"owl:": OWL, "rdf:": RDF, "rdfs:": RDFS}


@dataclass(frozen=True, slots=True)
class _Literal:
    text: str
    language: str | None


@dataclass(frozen=True, slots=True)
class _Expression:
    """`head(arguments)`, such as SubClassOf(obo:CL_0000084 obo:CL_0000542)."""

    head: str
    arguments: list[_Literal | _Expression | str]
    line: int


def read_functional(stream: BinaryIO, path: Path) -> Iterator[Statement]:
    """Statements of an ontology in functional syntax, in its order.

    Annotations of one class that follow each other come as one part of a term.

    Raises:
        MalformedFileError: it is no functional syntax; names the line.
    """
    reader = _Reader()
    for axiom in _axioms(stream, path):
        yield from reader.take(axiom)
    yield from reader.flush()


class _Reader:
    """Prefixes, and the class that the axioms are about at the moment."""

    def __init__(self) -> None:
        self._prefixes = dict(_PREFIXES)
        self._draft: Draft | None = None
        self._others: set[str] = set()

    def take(self, axiom: _Expression) -> Iterator[Statement]:
        try:
            match axiom.head:
                case "AnnotationAssertion":
                    yield from self._annotation(axiom)
                case "SubClassOf":
                    yield from self._subclass(axiom)
                case "Declaration":
                    yield from self._declaration(axiom)
                case "Prefix":
                    name, iri = axiom.arguments
                    self._prefixes[str(name)] = str(iri)[1:-1]
                case "Annotation":
                    # Annotations at this level are the ontology's own.
                    prop, value = (a for a in axiom.arguments if not isinstance(a, _Expression))
                    if self._iri(prop) == VERSION_INFO and isinstance(value, _Literal):
                        yield Version(value.text)
                case "Ontology":
                    # Its IRI, then the version's, if there is one.
                    for iri in axiom.arguments[1:2]:
                        yield Version(self._iri(iri))
                case _:
                    pass
        except (ValueError, IndexError, TypeError) as error:
            yield Fault(f"an axiom that cannot be read ({error}): {axiom.head}", axiom.line)

    def flush(self) -> Iterator[Term]:
        """The part that is complete, if there is one."""
        if self._draft:
            yield self._draft.term()
        self._draft = None

    def _about(self, iri: str) -> Iterator[Term]:
        subject = curie(iri)
        if self._draft is None or self._draft.id != subject:
            yield from self.flush()
            self._draft = Draft(subject)

    def _annotation(self, axiom: _Expression) -> Iterator[Statement]:
        annotations = [a for a in axiom.arguments if isinstance(a, _Expression)]
        prop, subject, value = (a for a in axiom.arguments if not isinstance(a, _Expression))
        short = any(
            self._iri(a.arguments[0]) == SYNONYM_TYPE
            and is_abbreviation_type(self._iri(a.arguments[-1]))
            for a in annotations
        )
        yield from self._about(self._iri(subject))
        if self._draft:
            if isinstance(value, _Literal):
                self._draft.annotate(
                    self._iri(prop), value.text, value.language, abbreviation=short
                )
            else:
                self._draft.annotate(self._iri(prop), self._iri(value))

    def _subclass(self, axiom: _Expression) -> Iterator[Statement]:
        child, parent = (
            a
            for a in axiom.arguments
            if not (isinstance(a, _Expression) and a.head == "Annotation")
        )
        if isinstance(child, _Expression):
            return
        yield from self._about(self._iri(child))
        if self._draft is None:
            return
        if not isinstance(parent, _Expression):
            self._draft.relate(IS_A, self._iri(parent))
        elif parent.head == "ObjectSomeValuesFrom":
            prop, filler = parent.arguments
            if not isinstance(prop, _Expression) and not isinstance(filler, _Expression):
                self._draft.relate(self._iri(prop), self._iri(filler))

    def _declaration(self, axiom: _Expression) -> Iterator[Statement]:
        entity = axiom.arguments[-1]
        if isinstance(entity, _Expression) and entity.head == "Class":
            yield from self.flush()
            yield Term(curie(self._iri(entity.arguments[0])))

    def _iri(self, name: object) -> str:
        """Expand a prefixed name; the text of a literal stands for itself."""
        if isinstance(name, _Literal):
            return name.text
        if not isinstance(name, str):
            raise TypeError("a name was expected")
        if name[0] == "<":
            return name[1:-1]
        prefix, colon, local = name.partition(":")
        if prefix + colon not in self._prefixes:
            raise ValueError(f"prefix {prefix + colon!r} was never declared")
        return self._prefixes[prefix + colon] + local


def _axioms(stream: BinaryIO, path: Path) -> Iterator[_Expression]:
    """Expressions directly inside `Ontology(...)`, prefixes, and the head of the ontology."""
    nesting = _Nesting(path)
    for line, kind, text, language in _tokens(stream, path):
        yield from nesting.take(line, kind, text, language)
    nesting.finish()


class _Nesting:
    """Tokens become expressions; a stack, so that no input can exhaust Python's."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack: list[_Expression] = []
        self._name: str | None = None
        self._inside = False
        self._size = 0

    def take(self, line: int, kind: str, text: str, language: str | None) -> Iterator[_Expression]:
        self._size += 1
        if self._size > _MAX_AXIOM or len(self._stack) > _MAX_DEPTH:
            self._fail("an axiom that never ends or nests too deep.", line)
        if text == "(" and kind == "mark":
            yield from self._open(line)
            return
        if self._name is not None:
            self._argument(self._name)
        self._name = text if kind == "name" else None
        if kind == "iri":
            self._argument(text)
        elif kind == "literal":
            self._argument(_Literal(_unquote(text), language))
        elif text == ")":
            yield from self._close(line)

    def finish(self) -> None:
        if self._stack:
            last = self._stack[-1]
            self._fail(f"{last.head}( is never closed; the file is cut short.", last.line)

    def _fail(self, problem: str, line: int) -> NoReturn:
        raise MalformedFileError.at(self._path, problem, line=line)

    def _argument(self, value: _Literal | _Expression | str) -> None:
        if self._stack:
            self._stack[-1].arguments.append(value)

    def _open(self, line: int) -> Iterator[_Expression]:
        if self._name is None:
            self._fail("a bracket without a name before it.", line)
        if self._inside and len(self._stack) == 1 and self._stack[0].arguments:
            # The first axiom begins, so the ontology's own names are complete.
            head = self._stack[0]
            yield _Expression(head.head, list(head.arguments), head.line)
            head.arguments.clear()
        self._inside = self._inside or (self._name == "Ontology" and not self._stack)
        self._stack.append(_Expression(self._name, [], line))
        self._name = None

    def _close(self, line: int) -> Iterator[_Expression]:
        if not self._stack:
            self._fail("a bracket that was never opened.", line)
        done = self._stack.pop()
        if self._inside and not self._stack:
            self._inside = False
        elif len(self._stack) == self._inside:
            self._size = 0
            yield done
        else:
            self._argument(done)


def _tokens(stream: BinaryIO, path: Path) -> Iterator[tuple[int, str, str, str | None]]:
    """Tokens with their line; a window of the text is in memory."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    window, line, datatype = "", 1, False
    while True:
        piece = stream.read(max(_CHUNK, len(window)))
        try:
            window += decoder.decode(piece, final=not piece)
        except UnicodeDecodeError:
            raise MalformedFileError.at(path, "is not UTF-8.", line=line) from None
        position = 0
        for found in _TOKEN.finditer(window):
            # A token at the very end may go on in the next piece; so may a literal, with ^^ or @.
            if found.lastgroup == "odd" or (piece and found.end() + 2 >= len(window)):
                break
            position = found.end()
            kind = found.lastgroup
            if kind:
                kind = "literal" if kind == "language" else kind
                text = found[kind]
                # The name or IRI after ^^ is a datatype.
                if not datatype:
                    yield line, kind, text, found["language"]
                datatype = kind == "literal" and found[0].endswith("^^")
            line += found[0].count("\n")
        window = window[position:]
        if not piece:
            if window.strip():
                raise MalformedFileError.at(
                    path, f"is no functional syntax: {window[:40]!r}.", line=line
                )
            return
        if len(window) > _MAX_TOKEN:
            problem = f"a text that never ends, or no functional syntax: {window[:40]!r}."
            raise MalformedFileError.at(path, problem, line=line)


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL) if "\\" in text else text[1:-1]
