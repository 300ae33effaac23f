"""Formulas as a line of text.

Presentation MathML (https://www.w3.org/TR/MathML3/chapter3.html) is written as it would be read
aloud, without blanks that are not there: `<msup><mi>x</mi><mn>2</mn></msup>` is "x2", exactly as
PubMed's own `x<sup>2</sup>`; a fraction is "a/b", a root "√x". Annotations (TeX, content MathML)
say the same again and are dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kazu_platform.citations.blanks import tidy
from kazu_platform.citations.record import MalformedCitationError

if TYPE_CHECKING:
    from kazu_platform.citations.xml import Element
MAX_DEPTH = 200
TOKENS = frozenset({"mi", "mn", "mo", "mtext", "ms"})
INVISIBLE = frozenset({"annotation", "annotation-xml", "mphantom", "none", "malignmark"})
# Function application is a blank ("sin x"); invisible times, separator and plus are nothing.
_INVISIBLE_OPERATORS = {0x2061: " ", 0x2062: None, 0x2063: None, 0x2064: None}


def math_text(element: Element) -> str:
    """A formula, flattened to readable text.

    >>> from lxml.etree import fromstring
    >>> math_text(fromstring("<math><mi>Ca</mi><msup><mn>10</mn><mn>-3</mn></msup></math>"))
    'Ca10-3'
    >>> math_text(
    ...     fromstring("<mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></mfrac>")
    ... )
    '(a+b)/2'

    Raises:
        MalformedCitationError: nested deeper than 200, or an entity that nobody declared.
    """
    return _flat(element, 0)


def _flat(element: Element, depth: int) -> str:
    if depth > MAX_DEPTH:
        raise MalformedCitationError(f"a formula is nested deeper than {MAX_DEPTH}")
    name = _local_name(element)
    if name in INVISIBLE:
        return ""
    if name in TOKENS:
        return tidy("".join(element.itertext())).translate(_INVISIBLE_OPERATORS)
    if name == "mspace":
        return " "
    if name == "mmultiscripts":
        return _with_scripts(element, depth)
    parts = [_flat(child, depth + 1) + tidy(child.tail or "") for child in element]
    return _laid_out(name, parts, element)


def _laid_out(name: str, parts: list[str], element: Element) -> str:  # noqa: PLR0911 - one for each layout
    match name, parts:
        case "mfrac", [above, below]:
            return f"{_grouped(above)}/{_grouped(below)}"
        case "msqrt", _:
            return f"√{_grouped(''.join(parts))}"
        case "mroot", [base, index]:
            return f"{_grouped(base)}^(1/{index})"
        case "mfenced", _:
            separator = ((element.get("separators") or ",").strip() or " ")[:1]
            return f"{element.get('open', '(')}{separator.join(parts)}{element.get('close', ')')}"
        case "mtr" | "mlabeledtr", _:
            return " ".join(parts)
        case "mtable", _:
            return "; ".join(parts)
        case "semantics" | "maction", [first, *_]:
            return first
        case _:
            return tidy(element.text or "") + "".join(parts)


def _with_scripts(element: Element, depth: int) -> str:
    """Scripts in front, the base, scripts behind: technetium-99m is "99mTc"."""
    before: list[str] = []
    after: list[str] = []
    side = after
    for child in element:
        if _local_name(child) == "mprescripts":
            side = before
        else:
            side.append(_flat(child, depth + 1))
    return "".join(before + after)


def _grouped(text: str) -> str:
    """In brackets if it is more than one number or word."""
    return text if text.isalnum() or len(text) == 1 else f"({text})"


def _local_name(element: Element) -> str:
    """Name without namespace."""
    if not isinstance(element.tag, str):
        raise MalformedCitationError(f"nobody declares the entity {element.text}")
    return element.tag.rpartition("}")[2]
