"""Lists of words as the modules that use them write them down."""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """The words of a text that blanks and line breaks separate.

    >>> sorted(word_set("pp ref vol"))
    ['pp', 'ref', 'vol']
    """
    return frozenset(text.split())
