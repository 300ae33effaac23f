"""Detection as a step that a compute resource can run anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from kazu_platform.ner.dictionary import DictionaryDetector, dictionary_version
from kazu_platform.ner.dictionary_index import open_dictionary_index, read_dictionary_manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa


@dataclass(frozen=True)
class DictionaryStep:
    """Match the names of a compiled dictionary; a worker opens it from its folder."""

    folder: str
    name: str = "dictionary"

    @property
    def version(self) -> str:
        """Version of the names and of the matching rules; reads the manifest alone."""
        return dictionary_version(read_dictionary_manifest(Path(self.folder)))

    def open(self) -> Callable[[pa.Table], pa.Table]:
        """Map the dictionary into memory; the function turns PASSAGES into mentions."""
        return _opened(self.folder).detect


@lru_cache(maxsize=1)
def _opened(folder: str) -> DictionaryDetector:
    """One for all files of a process.

    A compiled dictionary never changes, and the automaton of a million names, which is made when
    much text is read, takes seconds.
    """
    return DictionaryDetector(open_dictionary_index(Path(folder)))
