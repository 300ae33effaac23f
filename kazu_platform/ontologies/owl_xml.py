"""OWL as RDF/XML, one top-level element at a time.

Mapping of OWL to RDF: https://www.w3.org/TR/owl2-mapping-to-rdf/. Read with lxml's iterparse,
which is as fast here as pyoxigraph's RDF parser and has what a hostile file calls for: a limit of
depth (256), a limit of what entities expand to, no external entities, no network, and line numbers.
(On 100,000 nested elements pyoxigraph took 100 s, and it expands nested entities without a limit.)

The price is that RDF/XML is read as OWL tools write it (OWL API, ROBOT, rdflib, Jena), not in every
form the standard allows. `owl:imports` is never followed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urljoin

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - ships no types

from kazu_platform.errors import MalformedFileError
from kazu_platform.ontologies.curies import curie
from kazu_platform.ontologies.owl import (
    OIO,
    OWL,
    RDF,
    RDFS,
    SYNONYM_SCOPES,
    Draft,
    is_abbreviation_type,
)
from kazu_platform.ontologies.terms import IS_A, Abbreviation, Statement, Version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ABOUT, _ID, _NODE = f"{{{RDF}}}about", f"{{{RDF}}}ID", f"{{{RDF}}}nodeID"
_RESOURCE, _TYPE, _DESCRIPTION = f"{{{RDF}}}resource", f"{{{RDF}}}type", f"{{{RDF}}}Description"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_CLASS, _AXIOM, _ONTOLOGY = f"{{{OWL}}}Class", f"{{{OWL}}}Axiom", f"{{{OWL}}}Ontology"
_RESTRICTION = f"{{{OWL}}}Restriction"
_SUBCLASS = f"{{{RDFS}}}subClassOf"
_ON_PROPERTY, _SOME = f"{{{OWL}}}onProperty", f"{{{OWL}}}someValuesFrom"
_SOURCE, _PROPERTY = f"{{{OWL}}}annotatedSource", f"{{{OWL}}}annotatedProperty"
_TARGET, _SYNONYM_TYPE = f"{{{OWL}}}annotatedTarget", f"{{{OIO}}}hasSynonymType"


def read_owl(stream: BinaryIO, path: Path) -> Iterator[Statement]:
    """Statements of an OWL file in RDF/XML, in its order; memory does not grow with the file.

    Raises:
        MalformedFileError: it is no well-formed RDF/XML, nests too deep, or its entities explode;
            names the line.
    """
    reader = _Reader()
    depth = 0
    try:
        for event, element in etree.iterparse(
            stream,
            events=("start", "end"),
            resolve_entities="internal",
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        ):
            if event == "start":
                depth += 1
                if depth == 1:
                    reader.open(element, path)
                continue
            depth -= 1
            if depth == 1:
                yield from reader.take(element)
                # Elements that are done would otherwise stay in the tree.
                element.clear()
                parent = element.getparent()
                if parent is not None:
                    parent.remove(element)
    except etree.XMLSyntaxError as error:
        problem = f"is no well-formed RDF/XML: {error.msg}."
        raise MalformedFileError.at(path, problem, line=error.lineno) from None
    yield from reader.finish()


class _Reader:
    """What must be remembered from one top-level element to the next."""

    def __init__(self) -> None:
        self._base = ""
        # Restrictions by node id, for files that write every node at the top (rdflib).
        self._restrictions: dict[str, tuple[str, str]] = {}
        self._awaited: list[tuple[str, str]] = []

    def open(self, root: etree._Element, path: Path) -> None:
        if root.tag != f"{{{RDF}}}RDF":
            name = etree.QName(root).localname
            problem = f"is no RDF/XML: its root is <{name}>, not <rdf:RDF>."
            raise MalformedFileError.at(path, problem, line=root.sourceline)
        self._base = root.get(_BASE, "")

    def take(self, element: etree._Element) -> Iterator[Statement]:
        tag = element.tag
        if tag == _AXIOM:
            yield from self._axiom(element)
        elif tag == _ONTOLOGY:
            yield from _ontology(element)
        elif tag in (_CLASS, _DESCRIPTION):
            types = {child.get(_RESOURCE) for child in element.iterchildren(_TYPE)}
            if f"{OWL}Axiom" in types:
                yield from self._axiom(element)
            elif f"{OWL}Ontology" in types:
                yield from _ontology(element)
            elif tag == _CLASS or f"{OWL}Class" in types or not types:
                yield from self._node(element, declared=tag == _CLASS or f"{OWL}Class" in types)
            elif f"{OWL}Restriction" in types:
                self._remember(element)
        elif tag == _RESTRICTION:
            self._remember(element)

    def finish(self) -> Iterator[Statement]:
        """Relations whose restriction stood elsewhere in the file."""
        for subject, node in self._awaited:
            if found := self._restrictions.get(node):
                draft = Draft(subject)
                draft.relate(*found)
                yield draft.term()

    def _iri(self, element: etree._Element) -> str | None:
        about = element.get(_ABOUT)
        if about is None:
            local = element.get(_ID)
            about = None if local is None else f"#{local}"
        return about if about is None or "://" in about else urljoin(self._base, about)

    def _resource(self, element: etree._Element) -> str | None:
        """The IRI that a property points to: an attribute, or the node inside it."""
        resource = element.get(_RESOURCE)
        if resource is not None:
            return resource if "://" in resource else urljoin(self._base, resource)
        return self._iri(element[0]) if len(element) else None

    def _node(self, element: etree._Element, *, declared: bool) -> Iterator[Statement]:
        iri = self._iri(element)
        if iri is None:
            return
        draft = Draft(curie(iri), declared=declared)
        for child in element:
            if child.tag == _SUBCLASS:
                yield from self._parent(draft, child)
            elif isinstance(child.tag, str):
                predicate = child.tag[1:].replace("}", "", 1)
                if child.text and not len(child):
                    draft.annotate(predicate, child.text, child.get(_LANGUAGE))
                elif target := self._resource(child):
                    draft.annotate(predicate, target)
        for name, value in element.attrib.items():
            if isinstance(name, str) and not name.startswith(f"{{{RDF}}}"):
                draft.annotate(name[1:].replace("}", "", 1), str(value))
        yield draft.term()

    def _parent(self, draft: Draft, child: etree._Element) -> Iterator[Statement]:
        """A named parent, an existential restriction, or something that asserts neither."""
        target = self._resource(child)
        if target is not None:
            draft.relate(IS_A, target)
            # Some tools describe the parent right where it is named.
            if len(child) and len(child[0]) and child[0].tag == _CLASS:
                yield from self._node(child[0], declared=True)
        elif node := child.get(_NODE):
            self._awaited.append((draft.id, node))
        elif len(child) and (found := self._restriction(child[0])):
            draft.relate(*found)

    def _restriction(self, element: etree._Element) -> tuple[str, str] | None:
        """Property and class of `property some class`; nothing else is a relation of the class."""
        prop, filler = element.find(_ON_PROPERTY), element.find(_SOME)
        if prop is None or filler is None:
            return None
        predicate, target = self._resource(prop), self._resource(filler)
        return (predicate, target) if predicate and target else None

    def _remember(self, element: etree._Element) -> None:
        node = element.get(_NODE)
        if node and (found := self._restriction(element)):
            self._restrictions[node] = found

    def _axiom(self, element: etree._Element) -> Iterator[Statement]:
        """An annotation of an annotation; only the type of a synonym says something new."""
        kind = element.find(_SYNONYM_TYPE)
        if kind is None:
            return
        source, prop = element.find(_SOURCE), element.find(_PROPERTY)
        target = element.find(_TARGET)
        if source is None or prop is None or target is None or not target.text:
            return
        subject = self._resource(source)
        is_synonym = (self._resource(prop) or "") in SYNONYM_SCOPES
        if subject and is_synonym and is_abbreviation_type(self._resource(kind) or kind.text or ""):
            yield Abbreviation(curie(subject), target.text)


def _ontology(element: etree._Element) -> Iterator[Statement]:
    info = element.findtext(f"{{{OWL}}}versionInfo")
    iri = element.find(f"{{{OWL}}}versionIRI")
    if info and info.strip():
        yield Version(info.strip())
    elif iri is not None and (resource := iri.get(_RESOURCE)):
        yield Version(resource)
