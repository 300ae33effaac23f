"""Text of an element without its markup.

Sections are what detectors read and what offsets point into, so the rules are few:

- `b`, `i`, `u`, `sub`, `sup` vanish and their text stays where it is, without blanks: CO2, Ca2+,
  10-3. That is how authors without markup write them, and how dictionaries spell them.
- Formulas become a line of text (`mathml`); one that is displayed stands apart by blanks.
- Line breaks, tabs and the blanks around them are how XML was laid out, not text: one blank. All
  other characters stay as stored, double blanks and no-break spaces too; nothing is normalised.
- Blanks at the beginning and the end go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kazu_platform.citations.blanks import tidy
from kazu_platform.citations.mathml import math_text
from kazu_platform.citations.record import MalformedCitationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kazu_platform.citations.xml import Element

MAX_DEPTH = 200
# With its namespace as it should be, or without any.
MATH = frozenset({"{http://www.w3.org/1998/Math/MathML}math", "math"})


def text_of(element: Element) -> str:
    """The text of an element, its markup flattened; empty if it is nothing but blanks.

    >>> from lxml import etree
    >>> text_of(
    ...     etree.fromstring("<AbstractText>Free Ca<sup>2+</sup> and CO<sub>2</sub></AbstractText>")
    ... )
    'Free Ca2+ and CO2'

    Raises:
        MalformedCitationError: markup nested deeper than 200, or an entity that nobody declared,
            whose character is therefore lost.
    """
    plain = len(element) == 0  # nine texts of ten
    text = tidy((element.text or "") if plain else "".join(_pieces(element, 0)))
    return "" if text.isspace() else text


def _pieces(element: Element, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        raise MalformedCitationError(f"markup is nested deeper than {MAX_DEPTH}")
    if element.text:
        yield element.text
    for child in element:
        tag = child.tag
        if not isinstance(tag, str):
            raise MalformedCitationError(f"nobody declares the entity {child.text}")
        if tag in MATH:
            yield math_text(child)
        elif tag == "DispFormula":
            yield "\n"  # tidied with what stands around it: one blank
            yield from _pieces(child, depth + 1)
            yield "\n"
        else:  # also unknown elements: their text is text
            yield from _pieces(child, depth + 1)
        if child.tail:
            yield child.tail
