"""OBO graphs in JSON.

Schema: https://github.com/geneontology/obographs. A graph is read node by node and edge by edge
(`json_stream`), so that memory does not grow with the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from kazu_platform.errors import MalformedFileError
from kazu_platform.ontologies.curies import curie
from kazu_platform.ontologies.json_stream import elements
from kazu_platform.ontologies.owl import (
    SYNONYM_SCOPES,
    TAXON_RELATIONS,
    VERSION_INFO,
    Draft,
    is_abbreviation_type,
)
from kazu_platform.ontologies.terms import (
    ABBREVIATION,
    RELATED,
    XREF,
    Fault,
    Statement,
    Term,
    Version,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Edges between properties say nothing about classes.
_NO_RELATIONS = frozenset({"subPropertyOf", "inverseOf", "type"})
_NO_CLASSES = frozenset({"PROPERTY", "INDIVIDUAL"})


def read_obograph(stream: BinaryIO, path: Path) -> Iterator[Statement]:
    """Statements of an OBO graph document; of several graphs (imports) the first has the version.

    Raises:
        MalformedFileError: it is no JSON, or no OBO graph.
    """
    graphs = 0
    for place, value in elements(stream, path, within=("graphs", "*")):
        graphs += 1
        match place:
            case "nodes":
                yield from _faultless(_node, value)
            case "edges":
                yield from _faultless(_edge, value)
            case "meta":
                yield from _faultless(_version, value)
            case _:
                pass
    if not graphs:
        raise MalformedFileError.at(path, "is no OBO graph: it has no `graphs`.")


def _faultless(parse: Any, value: Any) -> Iterator[Statement]:  # noqa: ANN401 - JSON is anything
    """Statements of one element; one of another shape than the schema says is set aside."""
    try:
        yield from parse(value)
    except (KeyError, TypeError, AttributeError) as error:
        yield Fault(f"an element that is not as the schema says ({error!r}): {str(value)[:80]}")


def _version(meta: dict[str, Any]) -> Iterator[Statement]:
    infos = [
        said["val"] for said in meta.get("basicPropertyValues", ()) if said["pred"] == VERSION_INFO
    ]
    if version := infos[0] if infos else meta.get("version"):
        yield Version(str(version))


def _node(node: dict[str, Any]) -> Iterator[Statement]:
    if node.get("type") in _NO_CLASSES:
        return
    draft = Draft(curie(node["id"]), declared=True)
    if label := node.get("lbl"):
        draft.labels.append(str(label))
    meta: dict[str, Any] = node.get("meta") or {}
    if definition := (meta.get("definition") or {}).get("val"):
        draft.definition = str(definition)
    draft.obsolete = meta.get("deprecated") is True
    for synonym in meta.get("synonyms", ()):
        kind = synonym.get("synonymType")
        scope = SYNONYM_SCOPES.get(synonym["pred"], RELATED)
        is_short = kind is not None and is_abbreviation_type(kind)
        draft.synonyms.append((str(synonym["val"]), ABBREVIATION if is_short else scope))
    draft.xrefs.extend((XREF, curie(xref["val"])) for xref in meta.get("xrefs", ()))
    for said in meta.get("basicPropertyValues", ()):
        draft.annotate(said["pred"], str(said["val"]), said.get("lang"))
    yield draft.term()


def _edge(edge: dict[str, Any]) -> Iterator[Statement]:
    if edge["pred"] in _NO_RELATIONS:
        return
    subject, relation, other = curie(edge["sub"]), curie(edge["pred"]), curie(edge["obj"])
    of_taxon = relation in TAXON_RELATIONS and other != subject
    yield Term(
        subject,
        relations=[(relation, other)],
        taxon=other if of_taxon else None,
        declared=False,
    )
