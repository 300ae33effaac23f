"""Text of an element of JATS without its markup.

The rules are those of `markup`, and:

- A number that cites a reference and is raised ("in mice<sup>12</sup>") is gone, and so are raised
  marks of footnotes: left where they stand they would be part of the word before. A citation on
  the line ("[12]", "Smith et al., 2004") stays; if it is glued to a word, a blank parts them.
- Blocks (lists, boxes, figures, tables) in a paragraph are left out and handed back: they are
  texts of their own.
- Labels, TeX beside MathML, pictures, footnotes and references are no text.

Entities of the JATS DTD, which is not loaded, are those of HTML.
Elements: https://jats.nlm.nih.gov/archiving/tag-library/1.3/
"""

from __future__ import annotations

from html.entities import html5
from typing import TYPE_CHECKING

from kazu_platform.citations.blanks import tidy
from kazu_platform.citations.markup import MATH, MAX_DEPTH
from kazu_platform.citations.mathml import math_text
from kazu_platform.citations.record import MalformedCitationError

if TYPE_CHECKING:
    from kazu_platform.citations.xml import Element

BLOCKS = frozenset(
    {
        "boxed-text",
        "def-list",
        "disp-quote",
        "fig",
        "fig-group",
        "list",
        "media",
        "speech",
        "statement",
        "supplementary-material",
        "table-wrap",
        "table-wrap-group",
    }
)
REFERENCES = frozenset(
    {"citation", "element-citation", "mixed-citation", "nlm-citation", "ref", "ref-list"}
)
_NO_TEXT = REFERENCES | {
    "alt-text",
    "array",
    "attrib",
    "fn",
    "graphic",
    "inline-graphic",
    "label",
    "long-desc",
    "object-id",
    "permissions",
    "private-char",
    "related-article",
    "related-object",
    "table",
    "tex-math",
}
_APART = frozenset({"disp-formula", "disp-formula-group", "chem-struct-wrap", "p", "preformat"})
_NOTE_MARKS = frozenset({"aff", "author-notes", "contrib", "corresp", "fn", "table-fn"})
_CITED = "bibr"


def text_and_blocks(element: Element) -> tuple[str, list[Element]]:
    """The text of an element, and the blocks that it is interrupted by.

    >>> from lxml.etree import fromstring
    >>> text_and_blocks(
    ...     fromstring('<p>p53<sup><xref ref-type="bibr">1</xref></sup> and Ca<sup>2+</sup></p>')
    ... )
    ('p53 and Ca2+', [])

    Raises:
        MalformedCitationError: markup nested deeper than 200, or an entity that is no character.
    """
    reading = _Reading()
    reading.read(element, 0)
    text = tidy("".join(reading.pieces))
    return ("" if text.isspace() else text), reading.blocks


def flat_text(element: Element | None) -> str:
    """The text of an element alone; empty if there is none.

    Raises:
        MalformedCitationError: as for `text_and_blocks`.
    """
    return "" if element is None else text_and_blocks(element)[0]


class _Reading:
    """What was read of an element."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.blocks: list[Element] = []

    def read(self, element: Element, depth: int) -> None:
        """Its text, and that of all that is in it."""
        if depth > MAX_DEPTH:
            raise MalformedCitationError(f"markup is nested deeper than {MAX_DEPTH}")
        self._add(element.text)
        for child in element:
            self._child(child, depth)
            self._add(child.tail)

    def _child(self, child: Element, depth: int) -> None:
        tag = child.tag
        if not isinstance(tag, str):
            self._add(_character(child.text or ""))
        elif tag in MATH:
            self._add(math_text(child))
        elif tag in BLOCKS:
            self.blocks.append(child)
            self._add("\n")
        elif tag == "break":
            self._add("\n")
        elif tag in _APART:
            self._add("\n")
            self.read(child, depth + 1)
            self._add("\n")
        elif tag not in _NO_TEXT and not _is_raised_mark(child):
            if tag == "xref" and child.get("ref-type") == _CITED and self._in_a_word():
                self._add(" ")
            self.read(child, depth + 1)

    def _in_a_word(self) -> bool:
        return bool(self.pieces) and self.pieces[-1][-1].isalnum()

    def _add(self, text: str | None) -> None:
        if text:
            self.pieces.append(text)


def _is_raised_mark(element: Element) -> bool:
    """Whether an element is the number of a reference, or the mark of a note, above the line."""
    if element.tag == "xref":
        kind = element.get("ref-type")
        raised = any(child.tag == "sup" for child in element)
        return kind in _NOTE_MARKS or (kind == _CITED and raised)
    if element.tag == "sup":
        kinds = {child.get("ref-type") for child in element if child.tag == "xref"}
        return not kinds.isdisjoint({_CITED, *_NOTE_MARKS})
    return False


def _character(entity: str) -> str:
    """The character of `&alpha;`."""
    character = html5.get(entity.removeprefix("&"))
    if character is None:
        raise MalformedCitationError(f"nobody declares the entity {entity}")
    return character
