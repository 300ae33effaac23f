"""Garbage: generations that no pointer names and temporary files of writers that died."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kazu_platform.errors import LakeError
from kazu_platform.storage.atomic import TEMPORARY
from kazu_platform.storage.pointers import PARQUET, POINTER, parse_pointer
from kazu_platform.storage.store import STAGING

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import timedelta

    from kazu_platform.storage.store import Entry, Store

_GENERATION = re.compile(r"[^./][^/]*(/[^/]+){1,2}/\d{8}T\d{12}-[0-9a-f]{8}\.parquet")


@dataclass(frozen=True, slots=True)
class Collected:
    """What was removed."""

    n_files: int
    n_bytes: int


def collect(store: Store, *, older_than: timedelta, keep: Collection[str] = ()) -> Collected:
    """Remove what nothing has pointed to for some time.

    Safe beside writers and readers: a file's age begins anew when it is published and when it
    stops being live, and the files are listed before the pointers are read, so that a generation
    published in between is not on the list. A partition with a damaged pointer is left alone.
    Files that are not named as the lake names them are none of its business.
    """
    before = datetime.now(UTC) - older_than
    old = [
        entry
        for entry in store.entries()
        if entry.modified_at < before and (_is_temporary(entry) or _GENERATION.fullmatch(entry.key))
    ]
    kept = frozenset(keep)
    live = {folder: _live_in(store, folder) for folder in {_folder(entry) for entry in old}}
    removed = [
        entry
        for entry in old
        if _is_temporary(entry)
        or not (live[_folder(entry)] in {entry.key, None} or store.uri(entry.key) in kept)
    ]
    for entry in removed:
        store.delete(entry.key)
    return Collected(len(removed), sum(entry.n_bytes for entry in removed))


def _is_temporary(entry: Entry) -> bool:
    return entry.key.startswith(f"{STAGING}/") or entry.key.endswith(TEMPORARY)


def _folder(entry: Entry) -> str:
    return entry.key.rpartition("/")[0]


def _live_in(store: Store, folder: str) -> str | None:
    """Key of the live generation; empty if there is none; None if nobody can tell."""
    blob = store.read(f"{folder}/{POINTER}")
    if blob is None:
        return ""
    try:
        pointer = parse_pointer(blob.body, uri=folder, folder_uri=folder)
    except LakeError:
        return None
    return f"{folder}/{pointer.generation}{PARQUET}"
