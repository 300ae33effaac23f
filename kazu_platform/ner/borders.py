"""Borders of what a model marked: punctuation and brackets that are no part of a name fall away."""

from __future__ import annotations

from typing import Final

BORDERS_VERSION: Final = "1"
_BEFORE: Final = ".,;:/-–"
_AFTER: Final = ",;:/"
_OPENS: Final = {"(": ")", "[": "]", "{": "}"}
_CLOSES: Final = {close: open_ for open_, close in _OPENS.items()}


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Move the borders of a mention inwards past what does not belong to it.

    A bracket at a border stays if the mention holds its partner; a full stop may end a name
    ("Streptomyces sp."), and signs of charge too ("Ca2+"). Nothing is left of a mention without
    a letter or digit.

    >>> [text[slice(*trimmed(text, 0, len(text)))] for text in ("(TNF", "IL-2)", "(S)-warfarin")]
    ['TNF', 'IL-2', '(S)-warfarin']
    """
    while start < end:
        first, last = text[start], text[end - 1]
        if first in _BEFORE or first.isspace() or first in _CLOSES:
            start += 1
        elif last in _AFTER or last.isspace() or last in _OPENS:
            end -= 1
        elif first in _OPENS and _unmatched(text[start:end], first, _OPENS[first]):
            start += 1
        elif last in _CLOSES and _unmatched(text[start:end], _CLOSES[last], last):
            end -= 1
        else:
            break
    return (start, end) if any(map(str.isalnum, text[start:end])) else (start, start)


def _unmatched(mention: str, opening: str, closing: str) -> bool:
    """Whether the brackets of a kind do not pair up."""
    depth = 0
    for character in mention:
        depth += (character == opening) - (character == closing)
        if depth < 0:
            return True
    return depth != 0
