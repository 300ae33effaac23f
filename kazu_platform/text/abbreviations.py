"""Abbreviations that a text defines itself: "tumour necrosis factor (TNF)".

The algorithm is that of Schwartz and Hearst (A simple algorithm for identifying abbreviation
definitions in biomedical text, Pacific Symposium on Biocomputing 2003).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kazu_platform.documents import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_BRACKET = re.compile(r"[()\[\]]")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Abbreviation:
    """A short form and the long form that it stands for: spans of the same text."""

    short: Span
    long: Span


def abbreviations(text: str) -> list[Abbreviation]:
    """Find the pairs that a text defines, in the order of the brackets."""
    found: list[Abbreviation] = []
    for start, end in _groups(text):
        pair = _short_inside(text, start, end) or _long_inside(text, start, end)
        if pair:
            found.append(pair)
    return found


def _groups(text: str) -> Iterator[tuple[int, int]]:
    stack: list[int] = []
    for match in _BRACKET.finditer(text):
        if match[0] in "([":
            stack.append(match.end())
        elif stack:
            start = stack.pop()
            if 2 <= match.start() - start <= 200:
                yield start, match.start()


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _is_short_form(short: str) -> bool:
    return (
        2 <= len(short) <= 10
        and short[0].isalnum()
        and any(c.isalpha() for c in short)
        and len(short.split()) <= 2
    )


def _short_inside(text: str, start: int, end: int) -> Abbreviation | None:
    cut = re.compile(r"[;,]").search(text, start, end)
    a, b = _trim(text, start, cut.start() if cut else end)
    short = text[a:b]
    if not _is_short_form(short):
        return None
    low, high = _trim(text, max(0, start - 1 - 400), start - 1)
    words = [m.start() for m in _WORD.finditer(text, low, high)]
    n = min(len(short) + 5, 2 * len(short))
    if not words:
        return None
    low = words[-n:][0]
    begin = _match(short, text, low, high)
    return Abbreviation(Span(a, b), Span(begin, high)) if begin is not None else None


def _long_inside(text: str, start: int, end: int) -> Abbreviation | None:
    low, high = _trim(text, max(0, start - 12), start - 1)
    words = [m.start() for m in _WORD.finditer(text, low, high)]
    if not words or (words[-1] and not text[words[-1] - 1].isspace()):
        return None
    short = text[words[-1] : high]
    if not _is_short_form(short):
        return None
    cut = re.compile(r"[;,]").search(text, start, end)
    a, b = _trim(text, start, cut.start() if cut else end)
    begin = _match(short, text, a, b)
    return Abbreviation(Span(words[-1], high), Span(begin, b)) if begin is not None else None


def _match(short: str, text: str, low: int, high: int) -> int | None:
    at = high
    for index in range(len(short) - 1, -1, -1):
        wanted = short[index].lower()
        if not wanted.isalnum():
            continue
        at -= 1
        while at >= low and (
            text[at].lower() != wanted or (index == 0 and at > low and text[at - 1].isalnum())
        ):
            at -= 1
        if at < low:
            return None
    while at > low and not text[at - 1].isspace():
        at -= 1
    return at if high - at > len(short) else None
