"""Offsets in UTF-16 code units, as JavaScript and Java count, and in code points, as we count.

A character outside the first plane (𝒳, 👩) is one code point and two code units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LAST_OF_FIRST_PLANE = 0xFFFF


def utf16_offsets(text: str) -> NDArray[np.int64]:
    """Where each code point begins in UTF-16 code units, and where the text ends.

    >>> utf16_offsets("a𝒳b").tolist()
    [0, 1, 3, 4]
    """
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    widths = np.where(points > _LAST_OF_FIRST_PLANE, 2, 1)
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(widths)])


def code_point_offset(offsets: NDArray[np.int64], unit: int) -> int | None:
    """The code point that begins at a code unit; None if none does.

    Args:
        offsets: of the text, from `utf16_offsets`.
        unit: an offset in code units.

    >>> offsets = utf16_offsets("a𝒳b")
    >>> [code_point_offset(offsets, unit) for unit in range(6)]
    [0, 1, None, 2, 3, None]
    """
    if not 0 <= unit <= offsets[-1]:
        return None
    found = int(np.searchsorted(offsets, unit))
    return found if offsets[found] == unit else None
