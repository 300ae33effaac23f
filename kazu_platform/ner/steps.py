"""Detection as a step that a compute resource can run anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from kazu_platform.ner.dictionary import DictionaryDetector, dictionary_version
from kazu_platform.ner.dictionary_index import open_dictionary_index, read_dictionary_manifest
from kazu_platform.ner.model import (
    ModelDetector,
    candidates_version,
    model_version,
    open_model,
)
from kazu_platform.ner.model_files import read_model_files

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from kazu_platform.ner.checkpoints import Checkpoint


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


@dataclass(frozen=True)
class ModelStep:
    """Read with a model; a worker opens it from its folder.

    Attributes:
        folder: The model's folder.
        threads: Batches computed at once in a worker.
        candidates: Give what it doubts, too (`ModelDetector.giving_candidates`).
        device: cpu, or cuda, where it is computed in bfloat16.
        name: As quarantine names it.
    """

    folder: str
    threads: int = 1
    candidates: bool = False
    device: str = "cpu"
    name: str = "model"

    @property
    def version(self) -> str:
        """Version of the network and of the rules; hashes the network, does not open it."""
        files = read_model_files(Path(self.folder))
        version = model_version(files, self.device, bf16=_is_bf16(self.device))
        return candidates_version(version) if self.candidates else version

    def open(self) -> Callable[[pa.Table], pa.Table]:
        """Open the network; the function turns PASSAGES into mentions."""
        detector = _opened_model(self.folder, self.threads, self.device)
        return (detector.giving_candidates() if self.candidates else detector).detect


@dataclass(frozen=True)
class CheckpointStep:
    """Read with a checkpoint of Hugging Face; a worker loads it from its folder or from the hub.

    Attributes:
        checkpoint: Which, and what is said of it.
        candidates: See `ModelStep`.
        device: The same.
        name: The same.
    """

    checkpoint: Checkpoint
    candidates: bool = False
    device: str = "cpu"
    name: str = "model"

    @property
    def version(self) -> str:
        """Version of its files and of the rules; its weights are hashed at most."""
        version = self.checkpoint.described().version(bf16=_is_bf16(self.device))
        return candidates_version(version) if self.candidates else version

    def open(self) -> Callable[[pa.Table], pa.Table]:
        """Load the network; the function turns PASSAGES into mentions."""
        detector = _opened_checkpoint(self.checkpoint, self.device)
        return (detector.giving_candidates() if self.candidates else detector).detect


@lru_cache(maxsize=1)
def _opened_checkpoint(checkpoint: Checkpoint, device: str) -> ModelDetector:
    """One for all files of a process."""
    from kazu_platform.ner.checkpoints import open_checkpoint

    return open_checkpoint(checkpoint, device=device, bf16=_is_bf16(device))


@lru_cache(maxsize=1)
def _opened_model(folder: str, threads: int, device: str) -> ModelDetector:
    """One for all files of a process: a model folder never changes."""
    return open_model(Path(folder), threads, device=device, bf16=_is_bf16(device))


def _is_bf16(device: str) -> bool:
    """A GPU computes in bfloat16."""
    return device != "cpu"
