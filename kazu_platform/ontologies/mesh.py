"""MeSH as NLM publishes it: descriptors (`desc2026`) and supplementary records (`supp2026`), XML.

Elements: https://www.nlm.nih.gov/mesh/xml_data_elements.html. Read like OWL, one record at a time
and with the same limits (depth, entities, no network). MeSH covers every class, so an entry of the
catalogue says which records it wants; a file says no version of its own.

What MeSH calls a record is a concept here. A record holds MeSH concepts: the terms of the preferred
one are exact synonyms, those of the others narrower, broader or related, as the record says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - ships no types

from kazu_platform.errors import MalformedFileError
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
    Term,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kazu_platform.settings import MeshRecords

MAPPED_TO = "mapped_to"
"""From a supplementary record to the descriptors that indexers use in its place."""

_ROOTS = ("DescriptorRecordSet", "SupplementalRecordSet")
_KINDS = {"DescriptorRecord": "Descriptor", "SupplementalRecord": "SupplementalRecord"}
# Of the second concept of a relation, seen from the first; and the other way round.
_SECOND = {"NRW": NARROW, "BRD": BROAD, "REL": RELATED}
_FIRST = {"NRW": BROAD, "BRD": NARROW, "REL": RELATED}
_ABBREVIATION_TAGS = ("ABB", "ACR")
_REGISTRIES = (
    (re.compile(r"\d{2,7}-\d\d-\d"), "CAS:{}"),
    (re.compile(r"[0-9A-Z]{10}"), "UNII:{}"),
    (re.compile(r"EC ([\d.]+)"), "EC:{}"),
    (re.compile(r"txid(\d+)"), "NCBITaxon:{}"),
)


def read_mesh(
    stream: BinaryIO, path: Path, wanted: MeshRecords | None = None
) -> Iterator[Statement]:
    """Statements of a MeSH file: descriptors or supplementary records, in its order.

    A descriptor is_a those one step up in the trees that are wanted; what MeSH calls broader is
    mostly that, and PubMed's own search treats it so.

    Args:
        stream: the decompressed file.
        path: where it lies, for errors.
        wanted: branches of descriptors and classes of supplementary records; without it, all.

    Raises:
        MalformedFileError: it is no well-formed MeSH XML, nests too deep, or its entities explode;
            names the line.
    """
    reader = _Reader(wanted)
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
                if depth == 1 and element.tag not in _ROOTS:
                    name = etree.QName(element).localname
                    problem = f"is no MeSH XML: its root is <{name}>, not <{_ROOTS[0]}>."
                    raise MalformedFileError.at(path, problem, line=element.sourceline)
                continue
            depth -= 1
            if depth == 1:
                yield from reader.take(element)
                # Records that are done would otherwise stay in the tree.
                element.clear()
                parent = element.getparent()
                if parent is not None:
                    parent.remove(element)
    except etree.XMLSyntaxError as error:
        problem = f"is no well-formed MeSH XML: {error.msg}."
        raise MalformedFileError.at(path, problem, line=error.lineno) from None
    yield from reader.finish()


class _Reader:
    """What must be remembered from one record to the next: which record has which tree number."""

    def __init__(self, wanted: MeshRecords | None) -> None:
        self._wanted = wanted
        self._trees: dict[str, str] = {}

    def take(self, element: etree._Element) -> Iterator[Statement]:
        kind = _KINDS.get(str(element.tag))
        if kind is None:
            return
        identifier, name = _text(element, f"{kind}UI"), _text(element, f"{kind}Name/String")
        if not identifier:
            yield Fault(f"a record without {kind}UI", element.sourceline)
            return
        trees = self._trees_of(element)
        if not (trees or self._wants_all_of(element)):
            return
        curie = f"MESH:{identifier}"
        self._trees.update(dict.fromkeys(trees, curie))
        yield _record(curie, name, element)

    def finish(self) -> Iterator[Statement]:
        """Hierarchy: tree number C10.228 stands below C10."""
        for tree, curie in self._trees.items():
            parent = self._trees.get(tree.rpartition(".")[0])
            if parent and parent != curie:
                yield Term(curie, relations=[(IS_A, parent)], declared=False)

    def _trees_of(self, element: etree._Element) -> list[str]:
        """Tree numbers of a descriptor in a branch that is wanted."""
        trees = [
            node.text.strip() for node in element.iterfind("TreeNumberList/TreeNumber") if node.text
        ]
        if self._wanted is None or not self._wanted.branches:
            return trees
        return [tree for tree in trees if any(_below(tree, b) for b in self._wanted.branches)]

    def _wants_all_of(self, element: etree._Element) -> bool:
        """Whether a record counts though no tree number says so."""
        if self._wanted is None:
            return True
        if element.tag == "SupplementalRecord":
            classes = self._wanted.supplementary
            return not classes or element.get("SCRClass") in classes
        return not self._wanted.branches


def _below(tree: str, branch: str) -> bool:
    """Whether a tree number stands in a branch: a letter, or a tree number itself.

    >>> _below("C04.588", "C"), _below("C04.588", "C04"), _below("F03", "F03"), _below("F0", "F03")
    (True, True, True, False)
    """
    return tree.startswith(branch if len(branch) == 1 else f"{branch}.") or tree == branch


def _record(curie: str, name: str | None, element: etree._Element) -> Term:
    concepts = element.findall("ConceptList/Concept")
    preferred = next((c for c in concepts if c.get("PreferredConceptYN") == "Y"), None)
    scopes = _scopes(concepts, preferred)
    note = _text(element, "Note") if preferred is None else _text(preferred, "ScopeNote")
    return Term(
        id=curie,
        label=name,
        definition=note or _text(element, "Note"),
        synonyms=[pair for each in concepts for pair in _names(each, scopes)],
        relations=[(MAPPED_TO, other) for other in _mapped_to(element)],
        xrefs=[(XREF, other) for other in _registered(preferred)],
    )


def _scopes(
    concepts: list[etree._Element], preferred: etree._Element | None
) -> dict[str | None, str]:
    """MeSH concept to the scope of its terms, seen from the preferred concept of the record."""
    if preferred is None:
        return {}
    own = _text(preferred, "ConceptUI")
    found: dict[str | None, str] = {own: EXACT}
    for concept in concepts:
        for relation in concept.iterfind("ConceptRelationList/ConceptRelation"):
            name = relation.get("RelationName", "REL")
            first, second = _text(relation, "Concept1UI"), _text(relation, "Concept2UI")
            if first == own:
                found.setdefault(second, _SECOND.get(name, RELATED))
            elif second == own:
                found.setdefault(first, _FIRST.get(name, RELATED))
    return found


def _names(concept: etree._Element, scopes: dict[str | None, str]) -> Iterator[tuple[str, str]]:
    """Terms of a MeSH concept.

    NLM turns terms round by machine. Those with a comma ("House, Slaughter") stand in no text;
    those without are a term in its natural order.
    """
    scope = scopes.get(_text(concept, "ConceptUI"), RELATED)
    for term in concept.iterfind("TermList/Term"):
        name = _text(term, "String")
        if not name or (term.get("IsPermutedTermYN") == "Y" and ", " in name):
            continue
        short = scope == EXACT and term.get("LexicalTag") in _ABBREVIATION_TAGS
        yield name, ABBREVIATION if short else scope


def _mapped_to(element: etree._Element) -> Iterator[str]:
    """Descriptors; a star marks the main ones."""
    path = "HeadingMappedToList/HeadingMappedTo/DescriptorReferredTo/DescriptorUI"
    for node in element.iterfind(path):
        if node.text and (identifier := node.text.strip().lstrip("*")):
            yield f"MESH:{identifier}"


def _registered(preferred: etree._Element | None) -> Iterator[str]:
    """CAS numbers, UNII, enzyme numbers and taxa of the preferred concept."""
    if preferred is None:
        return
    numbers = [
        *preferred.iterfind("RegistryNumber"),
        *preferred.iterfind("RegistryNumberList/RegistryNumber"),
    ]
    for number in numbers:
        for pattern, curie in _REGISTRIES:
            if found := pattern.fullmatch((number.text or "").strip()):
                yield curie.format(found[found.lastindex or 0])
                break


def _text(element: etree._Element, path: str) -> str | None:
    """Text of the first element of that path, on one line; null if there is none."""
    text = element.findtext(path)
    return " ".join(text.split()) or None if text else None
