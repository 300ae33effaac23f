"""What a new vocabulary changes, for the assets that bring their rows up to date with it.

A generation records the index that it was made with. If the store still has that index, only what
differs between it and the present one needs work; if not, everything is made anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from kazu_platform.errors import ArtifactError
from kazu_platform.linking.difference import Touched, touched
from kazu_platform.linking.index import open_linking_index
from kazu_platform.storage.artifacts import Artifact, ArtifactStore
from kazu_platform.storage.lake import Lake, Pointer
from kazu_platform.tables import Table


def made_with(
    lake: Lake, table: Table, partition: str, inputs: Mapping[str, str], *, but: set[str]
) -> Pointer | None:
    """What is live, if it is whole and all its inputs but the named ones are what they are now."""
    live = lake.live(table, partition)
    if live is None or not lake.is_whole(table, live):
        return None
    same = {name: value for name, value in live.inputs.items() if name not in but}
    return live if same == {k: v for k, v in inputs.items() if k not in but} else None


def former(store: ArtifactStore, name: str, live: Pointer) -> Artifact | None:
    """The index that a generation was made with, if the store still has it."""
    try:
        return store.version(name, live.inputs[name])
    except (ArtifactError, KeyError):
        return None


def touched_since(store: ArtifactStore, live: Pointer | None, present: Artifact) -> Touched | None:
    """What differs between the linking index of a generation and the present one, if known."""
    old = former(store, "linking", live) if live else None
    if old is None:
        return None
    try:
        return _touched(old.content, present.content)
    except ArtifactError:  # an index of another version, which this one cannot read
        return None


@lru_cache(maxsize=4)
def _touched(old: Path, new: Path) -> Touched:
    """Compared once for all partitions: content of an artifact never changes."""
    return touched(open_linking_index(old), open_linking_index(new))
