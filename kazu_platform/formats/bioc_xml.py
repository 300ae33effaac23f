"""BioC as XML.

DTD: http://bioc.sourceforge.net/BioC.dtd. XML has no character for most controls (NUL, form feed):
in texts and names they are written as U+FFFD, one for one, so that offsets stay.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - ships no types

from kazu_platform.errors import MalformedFileError
from kazu_platform.formats.bioc import collection, from_bioc, in_xml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from kazu_platform.documents import Document, Mention

    Json = Mapping[str, Any]

_LISTS = {"passage", "sentence", "annotation"}
_STRINGS = {"id", "offset", "text"}


def to_bioc_xml(annotated: Iterable[tuple[Document, Sequence[Mention]]]) -> str:
    """Documents and their mentions as one collection; ends with a line end.

    >>> to_bioc_xml([]).splitlines()[1]
    '<!DOCTYPE collection SYSTEM "BioC.dtd">'
    """
    whole = collection(annotated)
    root = etree.Element("collection")
    for name in ("source", "date", "key"):
        _add(root, name, whole[name])
    for document in whole["documents"]:
        element = etree.SubElement(root, "document")
        _add(element, "id", document["id"])
        _infons(element, document)
        for passage in document["passages"]:
            _passage(element, passage)
    written = etree.tostring(
        root,
        encoding="UTF-8",
        xml_declaration=True,
        doctype='<!DOCTYPE collection SYSTEM "BioC.dtd">',
    )
    return f"{written.decode()}\n"


def from_bioc_xml(
    content: bytes, *, path: Path | str = "-"
) -> list[tuple[Document, tuple[Mention, ...]]]:
    """The documents of a collection, each with its mentions.

    Raises:
        MalformedFileError: it is no well-formed XML, or no BioC; names the line or the document.
    """
    return list(from_bioc(documents_of_xml(io.BytesIO(content), path), path))


def documents_of_xml(stream: BinaryIO, path: Path | str) -> Iterator[Json]:
    """Each document in the form that JSON gives it; memory does not grow with the file.

    Raises:
        MalformedFileError: it is no well-formed XML; names the line.
    """
    try:
        for _, element in etree.iterparse(
            stream,
            tag="document",
            resolve_entities="internal",
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        ):
            yield _as_json(element)
            element.clear()
            outer = element.getparent()
            if outer is not None:
                outer.remove(element)
    except etree.XMLSyntaxError as error:
        problem = f"is no well-formed XML: {error.msg}."
        raise MalformedFileError.at(path, problem, line=error.lineno) from None


def _as_json(element: etree._Element) -> Json:
    """An element of BioC in XML as its counterpart in JSON.

    >>> _as_json(etree.fromstring("<passage><offset>7</offset><text>TNF</text></passage>"))
    {'offset': '7', 'text': 'TNF'}
    """
    found: dict[str, Any] = {}
    for child in element:
        tag = str(child.tag)
        if tag == "infon":
            found.setdefault("infons", {})[child.get("key")] = child.text or ""
        elif tag == "location":
            place = {key: child.get(key) for key in ("offset", "length")}
            found.setdefault("locations", []).append(place)
        elif tag in _LISTS:
            found.setdefault(f"{tag}s", []).append(_as_json(child))
        elif tag in _STRINGS:
            found[tag] = child.text or ""
    return found


def _passage(document: etree._Element, passage: Json) -> None:
    element = etree.SubElement(document, "passage")
    _infons(element, passage)
    _add(element, "offset", str(passage["offset"]))
    _add(element, "text", passage["text"])
    for annotation in passage["annotations"]:
        inner = etree.SubElement(element, "annotation", id=annotation["id"])
        _infons(inner, annotation)
        for place in annotation["locations"]:
            etree.SubElement(inner, "location", {key: str(value) for key, value in place.items()})
        _add(inner, "text", annotation["text"])


def _infons(element: etree._Element, body: Json) -> None:
    for key, value in body["infons"].items():
        _add(element, "infon", value).set("key", key)


def _add(element: etree._Element, name: str, text: str) -> etree._Element:
    inner = etree.SubElement(element, name)
    inner.text = in_xml(text)
    return inner
