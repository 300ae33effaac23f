"""Abbreviations that a text defines itself: "tumour necrosis factor (TNF)".

The algorithm is that of Schwartz and Hearst (A simple algorithm for identifying abbreviation
definitions in biomedical text, Pacific Symposium on Biocomputing 2003): a short form stands in
brackets after its long form, or before a long form in brackets; its characters are looked for in
the long form from right to left, and its first one must begin a word. Beyond the paper, a long
form does not reach across a sentence, a semicolon or the bracket that it stands in itself, and a
Greek letter is read as the first letter of its name (TNF-α, tumour necrosis factor alpha).

Pairs are reported and nothing else: what to do with mentions of a short form is for the linker.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kazu_platform.documents import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_BRACKET: Final = re.compile(r"[()\[\]]")
_SEPARATOR: Final = re.compile(r"[;,]")
_WORD: Final = re.compile(r"\S+")
_TOKEN: Final = re.compile(r"[^\W_]+")
# Ends of what comes before a long form: a sentence, a member of a list.
_BREAK: Final = re.compile(r"[^\s.][\w)\]][.?!]\s+(?=[A-Z0-9(\[])|[;:?]\s")
# "(80 nmol)", "(2 mg/kg)" and "(n = 12)" define nothing.
_QUANTITY: Final = re.compile(r"[\d.]+ |.* [\d.]+$|.*=")
_NO_SHORT_FORMS: Final = frozenset({"e.g", "e.g.", "i.e", "i.e.", "s.d.", "s.e.", "s.e.m.", "OH"})

# "factor (TNF) and interferon" holds a definition of its own; "poly(A) tail" is a rare loss.
_CLOSED_WITHIN: Final = re.compile(r"[)\]][\s,]")

_SHORTEST: Final = 2
_LONGEST: Final = 10
# A longer bracket holds no long form, a longer stretch no window of words; both keep time linear.
_LONGEST_BRACKET: Final = 200
_WINDOW: Final = 250

_GREEK_INITIALS: Final = dict(
    zip("αβγδεζηθικλμνξπρστυφχψω", "abgdezetiklmnxprstupcpo", strict=True)
)


@dataclass(frozen=True, slots=True)
class Abbreviation:
    """A short form and the long form that it stands for: spans of the same text."""

    short: Span
    long: Span


def abbreviations(text: str) -> list[Abbreviation]:
    """Find the pairs that a text defines, in the order in which their brackets close.

    >>> text = "Tumour necrosis factor alpha (TNF-α; p < 0.05) and IL-6 (interleukin 6) rose."
    >>> for pair in abbreviations(text):
    ...     print(
    ...         text[pair.short.start : pair.short.end], "=", text[pair.long.start : pair.long.end]
    ...     )
    TNF-α = Tumour necrosis factor alpha
    IL-6 = interleukin 6
    """
    found: list[Abbreviation] = []
    for outer, start, end in _groups(text):
        pair = _short_form_inside(text, outer, start, end) or _long_form_inside(text, start, end)
        if pair:
            found.append(pair)
    return found


def _groups(text: str) -> Iterator[tuple[int, int, int]]:
    """Stretches between brackets, each after the start of the bracket that encloses it."""
    stack: list[int] = []
    for match in _BRACKET.finditer(text):
        if match[0] in "([":
            stack.append(match.end())
        elif stack:
            start = stack.pop()
            if _SHORTEST <= match.start() - start <= _LONGEST_BRACKET:
                yield (stack[-1] if stack else 0), start, match.start()


def _short_form_inside(text: str, outer: int, start: int, end: int) -> Abbreviation | None:
    short_start, short_end = _trim(text, start, _before_separator(text, start, end))
    short = text[short_start:short_end]
    if not _is_short_form(short):
        return None
    low, high = _trim(text, max(outer, start - 1 - _WINDOW), start - 1)
    for stop in _BREAK.finditer(text, low, high):
        low = stop.end()
    starts = _word_starts(text, low, high)[-min(len(short) + 5, 2 * len(short)) :]
    begin = _match(short, text, starts, high)
    if begin is None or not _is_long_form(short, text[begin:high]):
        return None
    return Abbreviation(Span(short_start, short_end), Span(begin, high))


def _long_form_inside(text: str, start: int, end: int) -> Abbreviation | None:
    low, high = _trim(text, max(0, start - 2 - _LONGEST), start - 1)
    word = text[low:high].rsplit(None, 1)[-1:]
    if not word or (high - len(word[0]) > 0 and not text[high - len(word[0]) - 1].isspace()):
        return None
    short = word[0]
    if not _is_short_form(short) or short.islower():
        return None
    long_start, long_end = _trim(text, start, _before_separator(text, start, end))
    begin = _match(short, text, _word_starts(text, long_start, long_end), long_end)
    if begin is None or not _is_long_form(short, text[begin:long_end]):
        return None
    return Abbreviation(Span(high - len(short), high), Span(begin, long_end))


def _before_separator(text: str, start: int, end: int) -> int:
    separator = _SEPARATOR.search(text, start, end)
    return separator.start() if separator else end


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _is_short_form(short: str) -> bool:
    return (
        _SHORTEST <= len(short) <= _LONGEST
        and short[0].isalnum()
        and any(character.isalpha() for character in short)
        and len(short.split()) <= _SHORTEST
        and not _QUANTITY.match(short)
        and short not in _NO_SHORT_FORMS
    )


def _is_long_form(short: str, long: str) -> bool:
    """It is longer than the short form, does not use it, and its brackets are parts of words."""
    return (
        len(long) > len(short)
        and short.lower() not in (word.lower() for word in _TOKEN.findall(long))
        and _holds_no_definition(long)
    )


def _holds_no_definition(text: str) -> bool:
    """Brackets are closed and stand within a word: "poly-(deoxythymidylic acid)"."""
    depth = 0
    for match in _BRACKET.finditer(text):
        depth += 1 if match[0] in "([" else -1
        if depth < 0:
            return False
    return depth == 0 and not _CLOSED_WITHIN.search(text)


def _word_starts(text: str, low: int, high: int) -> list[int]:
    return [word.start() for word in _WORD.finditer(text, low, high)]


def _match(short: str, text: str, starts: list[int], high: int) -> int | None:
    """Which of the words that start at `starts` begins the shortest long form up to `high`."""
    low = starts[0] if starts else high
    at = high
    for index in range(len(short) - 1, -1, -1):
        if not short[index].isalnum():
            continue
        wanted = _letter(short[index])
        at -= 1
        while at >= low and (
            _letter(text[at]) != wanted or (index == 0 and at > low and text[at - 1].isalnum())
        ):
            at -= 1
        if at < low:
            return None
    return starts[bisect_right(starts, at) - 1]


def _letter(character: str) -> str:
    lower = character.lower()
    return _GREEK_INITIALS.get(lower, lower)
