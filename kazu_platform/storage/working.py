"""A folder to work in that outlives a kill: long work goes on where it was."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kazu_platform.storage.atomic import locked, make_folder, write_atomically

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

WORKING = ".working"
INPUTS = "inputs.json"


@contextmanager
def working_folder(root: Path, name: str, inputs: Mapping[str, str]) -> Generator[Path]:
    """The folder of one piece of work, held against others who would do the same.

    It holds what the same work on the same inputs left when it died, or nothing. It is removed when
    the work is done: when the `with` block is left without an error.

    Args:
        root: Where such folders are.
        name: Of the work.
        inputs: Versions of all that it depends on.
    """
    place = root / WORKING / name
    with locked(place):
        if _inputs_of(place) != dict(inputs):
            shutil.rmtree(place, ignore_errors=True)
            make_folder(place)
            write_atomically(place / INPUTS, (json.dumps(dict(inputs), indent=1) + "\n").encode())
        folder = place / "content"
        make_folder(folder)
        yield folder
        shutil.rmtree(place, ignore_errors=True)


def _inputs_of(place: Path) -> dict[str, str] | None:
    """The inputs that a folder's content was made from; nothing if that is not known."""
    try:
        return json.loads((place / INPUTS).read_bytes())
    except (OSError, ValueError):
        return None
