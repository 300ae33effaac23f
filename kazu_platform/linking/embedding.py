"""The linking encoder at work: strings in, unit vectors out.

Distinct strings are read once, those of like length together, each batch on one thread and several
at once. A string has the same vector in any company, so what was embedded once can be kept. Loads
neither torch nor transformers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from kazu_platform.linking.encoder_files import read_encoder_files
from kazu_platform.ner.engine import OWN_FRAME, Engine, pieced
from kazu_platform.ner.pieces import WordPieces
from kazu_platform.ner.runtimes import OnnxRuntime
from kazu_platform.ner.words import split_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from kazu_platform.ner.engine import Runtime

VECTORS: Final = "vectors"
"""Name of the network's output."""
_LARGEST: Final = 127
_AT_ONCE: Final = 32_768
"""Distinct strings that are taken apart together: more need more memory and are no faster."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """Vectors as bytes, each with a scale of its own.

    Attributes:
        values: Shape: (n, dimensions).
        scale: What the bytes of each are times. Shape: (n,).
    """

    values: NDArray[np.int8]
    scale: NDArray[np.float32]

    def vectors(self) -> NDArray[np.float32]:
        """The vectors, as far as bytes tell: no value is off by more than half its scale."""
        return self.values * self.scale[:, None]


def as_bytes(vectors: NDArray[np.floating]) -> Bytes:
    """Vectors as bytes: a quarter of the size, and a cosine off by a thousandth or so.

    >>> found = as_bytes(np.array([[0.6, -0.8], [0.0, 0.0]], np.float32))
    >>> found.values.tolist()
    [[95, -127], [0, 0]]
    """
    largest = np.abs(vectors).max(axis=1, initial=0)
    scale = (largest / _LARGEST).astype(np.float32)
    values = np.rint(vectors / np.where(scale, scale, 1)[:, None]).astype(np.int8)
    return Bytes(values, scale)


class Embedder:
    """Embeds strings with an encoder.

    Args:
        runtime: What computes the network; its output is a row for each string.
        pieces: The vocabulary.
        dimensions: Of a vector.
        max_pieces: Pieces of a string that are read, frame included; of longer ones the first.
        version: Of the encoder; vectors of another version are not comparable.
    """

    def __init__(
        self,
        runtime: Runtime,
        pieces: WordPieces,
        *,
        dimensions: int,
        max_pieces: int,
        version: str,
    ) -> None:
        self._engine = Engine(runtime, OWN_FRAME, max_pieces)
        self._pieces = pieces
        self.dimensions = dimensions
        self.version = version

    def embed(self, strings: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of strings; of one without a word, such as a blank, zeros.

        Returns:
            Shape: (n_strings, dimensions).
        """
        encoded = pa.array(strings, pa.string()).dictionary_encode()
        distinct = encoded.dictionary.to_pylist()
        found = np.zeros((len(distinct), self.dimensions), np.float32)
        # Strings of like length together, so that no portion is left with a long one of its own.
        order = np.argsort([len(each) for each in distinct], kind="stable")
        for start in range(0, len(order), _AT_ONCE):
            part = order[start : start + _AT_ONCE]
            found[part] = self._distinct([distinct[place] for place in part.tolist()])
        return found[encoded.indices.to_numpy()]

    def _distinct(self, strings: Sequence[str]) -> NDArray[np.float32]:
        words = split_words(strings)
        found = np.zeros((len(strings), self.dimensions), np.float32)
        has_word = np.diff(words.first) > 0
        if has_word.any():
            found[has_word] = self._engine.wholes(pieced(words, self._pieces))
        return found


def open_embedder(folder: Path, *, threads: int = 1) -> Embedder:
    """Open the folder of an encoder.

    Args:
        folder: As `encoder_files` describes it.
        threads: Batches to compute at once.

    Raises:
        ArtifactError: a file is missing or not as it should be.
    """
    files = read_encoder_files(folder)
    description = files.description
    return Embedder(
        OnnxRuntime(files.network, threads, output=VECTORS),
        WordPieces.read(files.vocabulary),
        dimensions=description.dimensions,
        max_pieces=description.max_pieces,
        version=files.version,
    )
