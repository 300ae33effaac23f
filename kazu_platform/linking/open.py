"""The linker in use: the one place that says which it is and what it is opened from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kazu_platform.linking.exact import ExactLinker
from kazu_platform.linking.index import open_linking_index

if TYPE_CHECKING:
    from pathlib import Path


def open_linker(folder: Path) -> ExactLinker:
    """Open a compiled linking index for linking.

    Raises:
        ArtifactError: there is none, or another version made it.
    """
    return ExactLinker(open_linking_index(folder))
