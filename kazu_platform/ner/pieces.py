"""Word pieces: what a model reads of a word, and the shape of the word that folding loses.

The vocabulary is uncased and without accents, Greek letters are spelled out as the corpora have
them; how a word was written (Abc, ABC, aBC) goes in beside, as the token type of its pieces, since
"CAT" the gene and "cat" the animal differ in nothing else. Distinct words are taken apart once.
"""

from __future__ import annotations

import unicodedata
from enum import IntEnum
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np

from kazu_platform.text.fold import fold
from kazu_platform.text.spellings import GREEK, LETTERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

PIECES_VERSION: Final = "1"
PAD, UNKNOWN, CLASSIFY, SEPARATE, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL: Final = (PAD, UNKNOWN, CLASSIFY, SEPARATE, MASK)
"""The first pieces of every vocabulary, in this order."""
CONTINUES: Final = "##"
_LONGEST_WORD = 100
_CACHED_WORDS = 1_000_000
_SPELLED = {ord(letter): name for letter, name in {**GREEK, **LETTERS}.items()}


class Shape(IntEnum):
    """How the letters of a word are written; the token type of all its pieces."""

    NONE = 0
    LOWER = 1
    CAPITALISED = 2
    UPPER = 3
    LETTER = 4
    MIXED = 5


def shape_of(word: str) -> Shape:
    """The shape of a word; digits and signs count for nothing.

    >>> [shape_of(word).name for word in ("7", "mice", "Mice", "IL2", "T", "mRNA")]
    ['NONE', 'LOWER', 'CAPITALISED', 'UPPER', 'LETTER', 'MIXED']
    """
    if word.islower():
        return Shape.LOWER
    letters = "".join(filter(str.isalpha, word))
    if not letters or letters.lower() == letters.upper():
        return Shape.NONE
    if letters.isupper():
        return Shape.UPPER if len(letters) > 1 else Shape.LETTER
    return Shape.CAPITALISED if letters[1:].islower() else Shape.MIXED


def spelled(word: str) -> str:
    """A word as the vocabulary has it: lower case, no accents, Greek letters by their names.

    >>> [spelled(word) for word in ("TNFα", "Sjögren", "–", "ﬁbrin")]
    ['tnfalpha', 'sjogren', '-', 'fibrin']
    """
    folded = fold(word)
    if folded.isascii():
        return folded
    named = fold(unicodedata.normalize("NFKD", folded)).translate(_SPELLED)
    return "".join(letter for letter in named if not unicodedata.combining(letter))


class WordPieces:
    """Takes words apart with a vocabulary (WordPiece: the longest piece that fits, from the left).

    Args:
        vocabulary: The pieces, SPECIAL first; `##` begins one that continues a word.

    Raises:
        ValueError: the vocabulary does not begin with SPECIAL.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        from tokenizers import Tokenizer
        from tokenizers.models import WordPiece

        if tuple(vocabulary[: len(SPECIAL)]) != SPECIAL:
            raise ValueError(f"a vocabulary of word pieces begins with {', '.join(SPECIAL)}")
        self.vocabulary = tuple(vocabulary)
        rows = {piece: row for row, piece in enumerate(vocabulary)}
        self._tokenizer = Tokenizer(
            WordPiece(rows, unk_token=UNKNOWN, max_input_chars_per_word=_LONGEST_WORD)
        )
        self._known: dict[str, tuple[int, ...]] = {}

    @classmethod
    def read(cls, path: Path) -> WordPieces:
        """Read a vocabulary: a piece on each line."""
        return cls(path.read_text("utf-8").removesuffix("\n").split("\n"))

    def apart(self, words: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Take words apart; each has at least one piece.

        Returns:
            The pieces of all words, and the first piece of each word with the number of pieces
            at the end. Shapes: (n_pieces,), (n_words + 1,).
        """
        known = self._learnt(words)
        pieces = [known[word] for word in words]
        counts = np.fromiter(map(len, pieces), np.int64, len(pieces))
        first = np.concatenate(([0], np.cumsum(counts)))
        flat = np.fromiter(chain.from_iterable(pieces), np.int32, int(first[-1]))
        return flat, first

    def _learnt(self, words: Sequence[str]) -> Mapping[str, tuple[int, ...]]:
        """All that is known of words, these among them."""
        if len(self._known) > _CACHED_WORDS:
            self._known = {}
        new = [word for word in dict.fromkeys(words) if word not in self._known]
        unknown = (SPECIAL.index(UNKNOWN),)
        for word, found in zip(
            new,
            self._tokenizer.encode_batch([spelled(word) for word in new], add_special_tokens=False),
            strict=True,
        ):
            self._known[word] = tuple(found.ids) or unknown
        return self._known


def shapes_of(words: Sequence[str]) -> NDArray[np.int8]:
    """The shape of each word; distinct words are looked at once. Shape: (n_words,)."""
    known = {word: shape_of(word) for word in dict.fromkeys(words)}
    return np.fromiter((known[word] for word in words), np.int8, len(words))
