"""Compiled folders: Arrow files to be mapped into memory, and a manifest that says what they are.

A compiled folder is written beside its place and renamed, so that it is there whole or not at
all. It is never changed afterwards: readers map its files.
"""

from __future__ import annotations

import json
import shutil
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from kazu_platform.arrow import compute
from kazu_platform.errors import ArtifactError
from kazu_platform.storage.atomic import make_folder, sync, temporary_beside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MANIFEST = "manifest.json"


def write_compiled(
    folder: Path, tables: Mapping[str, pa.Table], manifest: Mapping[str, object]
) -> None:
    """Write tables as `<name>.arrow` and the manifest; an older folder there is replaced."""
    make_folder(folder.parent)
    temporary = temporary_beside(folder)
    temporary.mkdir()
    try:
        for name, table in tables.items():
            path = temporary / f"{name}.arrow"
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table.combine_chunks())
            sync(path)
        path = temporary / MANIFEST
        path.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n", "utf-8")
        sync(path)
        sync(temporary)
        _replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_manifest(folder: Path, *, kind: str, required: Mapping[str, object]) -> dict[str, Any]:
    """Read the manifest of a compiled folder that must have some properties.

    Args:
        folder: The folder.
        kind: What it is, for messages: "dictionary index".
        required: Entries that must be just so, such as the version of the format.

    Raises:
        ArtifactError: it is not there, is no such folder, or was made by another version.
    """
    path = folder / MANIFEST
    remake = f"make the {kind} again from the vocabularies"
    try:
        manifest: dict[str, Any] = dict(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise ArtifactError(f"{folder}: there is no {kind} here ({MANIFEST}); {remake}.") from None
    except (OSError, TypeError, ValueError) as error:
        raise ArtifactError(f"{path}: cannot be read: {error}; {remake}.") from None
    for key, wanted in required.items():
        if manifest.get(key) != wanted:
            raise ArtifactError(
                f"{path}: {key} is {manifest.get(key)!r}, this version needs {wanted!r}; {remake}."
            )
    return manifest


def map_table(folder: Path, name: str) -> pa.Table:
    """Map a table of a compiled folder into memory; its pages are read when touched.

    Raises:
        ArtifactError: the file is missing or broken.
    """
    path = folder / f"{name}.arrow"
    try:
        with pa.memory_map(str(path)) as source:
            return pa.ipc.open_file(source).read_all()
    except (OSError, pa.ArrowInvalid) as error:
        raise ArtifactError(f"{path}: cannot be read: {error}; make the index again.") from None


def hash_columns(columns: Iterable[pa.Array | pa.ChunkedArray]) -> str:
    """Hash what stands in columns without nulls, however they are laid out: 24 digits.

    >>> hash_columns([pa.array(["a", "bc"])]) == hash_columns([pa.chunked_array([["a"], ["bc"]])])
    True
    """
    hasher = blake2b(digest_size=12)
    for column in columns:
        chunked = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
        hasher.update(len(chunked).to_bytes(8, "little"))
        if pa.types.is_primitive(chunked.type):
            hasher.update(chunked.to_numpy().tobytes())
            continue
        values = chunked.cast(pa.large_binary())
        for chunk in values.chunks:
            hasher.update(compute.binary_length(chunk).to_numpy().astype("<i8").tobytes())
        for chunk in values.chunks:
            _, offsets, data = chunk.buffers()
            if data is not None and len(chunk):
                borders = np.frombuffer(offsets, "<i8")[
                    chunk.offset : chunk.offset + len(chunk) + 1
                ]
                hasher.update(memoryview(data)[int(borders[0]) : int(borders[-1])])
    return hasher.hexdigest()


def _replace(temporary: Path, folder: Path) -> None:
    """Rename a folder to its place; one that is there steps aside first."""
    old = temporary_beside(folder)
    if folder.exists():
        folder.rename(old)
    temporary.rename(folder)
    sync(folder.parent)
    shutil.rmtree(old, ignore_errors=True)
