"""Words: what a model decides on. Runs of letters and digits, and every other character alone.

Blanks only separate, so "TNF-alpha" and "TNF - alpha" are the same words, as a gold of tokens
joined by blanks and the text that it was made from must be. The same rule splits training data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WORDS_VERSION: Final = "1"
_WORD = re.compile(r"(?:[^\W_][\u0300-\u036f]*)+|\S")  # letters keep their accents


@dataclass(frozen=True, slots=True)
class Words:
    """The words of some texts, those of a text together, in order.

    Attributes:
        strings: Each word as it stands. Length: n_words.
        start: First code point of each within its text. Shape: (n_words,).
        end: One past its last. Shape: (n_words,).
        first: The first word of each text, and the number of words. Shape: (n_texts + 1,).
    """

    strings: list[str]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    first: NDArray[np.int64]


def split_words(texts: Sequence[str]) -> Words:
    """Split texts into words.

    >>> split_words(["IL-2 rose.", "", "TNFα"]).strings
    ['IL', '-', '2', 'rose', '.', 'TNFα']
    >>> split_words(["IL-2 rose.", "", "TNFα"]).first.tolist()
    [0, 5, 5, 6]
    """
    strings: list[str] = []
    starts: list[int] = []
    first = [0]
    for text in texts:
        for match in _WORD.finditer(text):
            strings.append(match[0])
            starts.append(match.start())
        first.append(len(strings))
    start = np.array(starts, np.int64)
    lengths = np.fromiter(map(len, strings), np.int64, len(strings))
    return Words(strings, start, start + lengths, np.array(first, np.int64))
