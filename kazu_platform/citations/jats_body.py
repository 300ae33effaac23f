"""What is read of an article beside its metadata: abstract, body, captions, appendices, glossary.

A section of ours is a paragraph, a heading, a caption or an item of a list; its name says where it
stands: "Results > Growth of the tumours", "Figure 2". References, acknowledgements, footnotes, the
cells of tables, letters and decisions (sub-articles) are not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kazu_platform.citations.jats_text import BLOCKS, flat_text, text_and_blocks
from kazu_platform.citations.markup import MAX_DEPTH
from kazu_platform.citations.record import MalformedCitationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kazu_platform.citations.xml import Element

    Text = tuple[str, str]

BODY = "body"
ABSTRACT = "abstract"
BETWEEN_HEADINGS = " > "
# Abstracts that say in other words what the first one says, for a table of contents or the web.
_TEASERS = frozenset({"graphical", "precis", "short", "teaser", "toc", "video", "web-summary"})
_FLOATS = {
    "fig": "figure",
    "media": "media",
    "supplementary-material": "supplement",
    "table-wrap": "table",
}
_CONTAINERS = (BLOCKS - set(_FLOATS)) | {
    "app",
    "app-group",
    "def",
    "def-item",
    "glossary",
    "list-item",
    "sec",
}
_READ_IN_BACK = frozenset({"app", "app-group", "glossary"})
_TITLED = frozenset({"app", "boxed-text", "glossary", "sec"})
_NAMES_END = " .:"


def abstract_texts(meta: Element) -> Iterator[Text]:
    """Names and texts of the abstracts of an `<article-meta>`; a part goes by its title.

    Raises:
        MalformedCitationError: markup is too deep, or an entity is no character.
    """
    for child in meta:
        if child.tag == "abstract" and child.get("abstract-type") not in _TEASERS:
            title = flat_text(child.find("title")).rstrip(_NAMES_END)
            yield from _abstract(child, title or child.get("abstract-type") or ABSTRACT)


def translated_abstracts(meta: Element, language: str) -> Iterator[Text]:
    """Names ("Publisher/spa") and texts of abstracts in other languages.

    Args:
        meta: an `<article-meta>`.
        language: attribute that says the language.

    Raises:
        MalformedCitationError: as for `abstract_texts`.
    """
    for child in meta:
        if child.tag == "trans-abstract":
            name = f"Publisher/{child.get(language) or 'und'}"
            for part, text in _abstract(child, ""):
                yield (f"{name}/{part}" if part else name), text


def body_texts(article: Element) -> Iterator[Text]:
    """Names and texts of all that stands behind the abstract, in the order of the file.

    Raises:
        MalformedCitationError: as for `abstract_texts`.
    """
    for part in article:
        if part.tag in {"body", "floats-group"}:
            yield from _texts(part, (), 0)
        elif part.tag == "back":
            for child in part:
                if child.tag in _READ_IN_BACK:
                    yield from _contained(child, (), 0)


def _abstract(abstract: Element, name: str) -> Iterator[Text]:
    """Its paragraphs under its name, those of its parts under theirs."""
    for child in abstract:
        if child.tag == "sec":
            title = flat_text(child.find("title")).rstrip(_NAMES_END)
            yield from _abstract(child, title or name)
        elif child.tag == "p":
            yield from _paragraph(child, name, (name,), 0)


def _texts(element: Element, path: tuple[str, ...], depth: int) -> Iterator[Text]:
    """What is in a container; the path is the headings above it."""
    if depth > MAX_DEPTH:
        raise MalformedCitationError(f"sections are nested deeper than {MAX_DEPTH}")
    name = BETWEEN_HEADINGS.join(path) or BODY
    for child in element:
        if child.tag in {"p", "term", "title"} and not _is_heading(element, child):
            yield from _paragraph(child, name, path, depth)
        elif child.tag in _FLOATS:
            yield from _captions(child, path, depth)
        elif child.tag in _CONTAINERS:
            yield from _contained(child, path, depth)


def _contained(element: Element, path: tuple[str, ...], depth: int) -> Iterator[Text]:
    """A container: its heading is a text too, and part of the names below it."""
    heading = flat_text(_heading_of(element))
    if heading:
        path = (*path, heading.rstrip(_NAMES_END) or heading)
        yield BETWEEN_HEADINGS.join(path), heading
    if element.tag == "def-item":
        yield from _defined(element, path, depth)
    else:
        yield from _texts(element, path, depth + 1)


def _heading_of(element: Element) -> Element | None:
    if element.tag not in _TITLED:
        return None
    title = element.find("title")
    return element.find("caption/title") if title is None else title


def _is_heading(element: Element, child: Element) -> bool:
    return child.tag == "title" and element.tag in _TITLED


def _defined(item: Element, path: tuple[str, ...], depth: int) -> Iterator[Text]:
    """A term and its definition as one line: "CML: chronic myeloid leukaemia"."""
    term, definition = flat_text(item.find("term")), item.find("def")
    meaning, blocks = ("", []) if definition is None else text_and_blocks(definition)
    text = ": ".join(part for part in (term, meaning) if part)
    if text:
        yield BETWEEN_HEADINGS.join(path) or BODY, text
    yield from _blocks(blocks, path, depth)


def _paragraph(element: Element, name: str, path: tuple[str, ...], depth: int) -> Iterator[Text]:
    text, blocks = text_and_blocks(element)
    if text:
        yield name, text
    yield from _blocks(blocks, path, depth)


def _blocks(blocks: list[Element], path: tuple[str, ...], depth: int) -> Iterator[Text]:
    for block in blocks:
        if block.tag in _FLOATS:
            yield from _captions(block, path, depth + 1)
        else:
            yield from _contained(block, path, depth + 1)


def _captions(element: Element, path: tuple[str, ...], depth: int) -> Iterator[Text]:
    """Title and paragraphs of a caption, named by its label."""
    if depth > MAX_DEPTH:
        raise MalformedCitationError(f"sections are nested deeper than {MAX_DEPTH}")
    name = flat_text(element.find("label")).rstrip(_NAMES_END) or _FLOATS[str(element.tag)]
    for child in element:
        if child.tag == "caption":
            for part in child:
                if part.tag in {"p", "title"}:
                    yield from _paragraph(part, name, path, depth)
        elif child.tag in _FLOATS:  # a supplement of a figure lies in it
            yield from _captions(child, path, depth + 1)
