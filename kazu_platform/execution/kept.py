"""Finished micro-batches on disk, so that a run that died half way does not do them again.

A batch is found again by its content (ids, hashes, text, sentences), the step and the step's
version; they are removed when the partition is published. A file that was not written to its end
is as if it were not there.
"""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kazu_platform.execution.steps import Outcome

if TYPE_CHECKING:
    from kazu_platform.execution.steps import Step

FORMAT = b"kept-1"
_DIGEST_BYTES = 16


class Kept:
    """What a step finished of one partition.

    Two runs of a partition may share it. It holds no more than the partition's rows.

    Args:
        root: folder of all that is unfinished.
        step: its name and version are part of what a batch is found by.
        file: the partition.
        limits: what documents were set aside by; under others everything is tried again.
    """

    def __init__(self, root: Path, step: Step, *, file: str, limits: str = "") -> None:
        self.folder = root / step.name / file
        # Two steps of one name and version may look for different things: all of a step counts.
        self._identity = f"{step.name}\x1f{step.version}\x1f{limits}\x1f".encode()
        self._identity += pickle.dumps(step)

    def key(self, passages: pa.Table) -> str:
        """Name a micro-batch by its content."""
        content = blake2b(FORMAT, digest_size=_DIGEST_BYTES, key=_key_of(self._identity))
        # A slice is written with what lies beside it, a copy is not.
        copy = passages.take(pa.array(np.arange(passages.num_rows))).combine_chunks()
        content.update(to_bytes(copy))
        return content.hexdigest()

    def get(self, key: str) -> Outcome | None:
        """What became of a batch; nothing if it was not finished."""
        try:
            body = (self.folder / key).read_bytes()
        except FileNotFoundError:
            return None
        digest, body = body[:_DIGEST_BYTES], body[_DIGEST_BYTES:]
        if digest != blake2b(body, digest_size=_DIGEST_BYTES).digest():
            return None
        return outcome_of(body)

    def put(self, key: str, outcome: Outcome) -> None:
        """Keep what became of a batch; a reader sees all of it or nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        body = outcome_bytes(outcome)
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=".")
        with os.fdopen(handle, "wb") as file:
            file.write(blake2b(body, digest_size=_DIGEST_BYTES).digest())
            file.write(body)
        Path(name).replace(self.folder / key)

    def clear(self) -> None:
        """Forget everything: the partition is published."""
        shutil.rmtree(self.folder, ignore_errors=True)


def to_bytes(table: pa.Table) -> bytes:
    """A table as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def from_bytes(body: bytes) -> pa.Table:
    """The table of an Arrow stream."""
    with pa.ipc.open_stream(body) as reader:
        return reader.read_all()


def outcome_bytes(outcome: Outcome) -> bytes:
    """An outcome as bytes, to be kept or to travel."""
    rows = to_bytes(outcome.rows)
    return len(rows).to_bytes(8, "big") + rows + to_bytes(outcome.set_aside)


def outcome_of(body: bytes) -> Outcome:
    """The outcome that was made bytes of."""
    size = 8 + int.from_bytes(body[:8], "big")
    return Outcome(from_bytes(body[8:size]), from_bytes(body[size:]))


def _key_of(identity: bytes) -> bytes:
    return blake2b(identity, digest_size=32).digest()
