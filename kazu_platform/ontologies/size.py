"""Whether a vocabulary is about as large as the catalogue expects.

A publisher's error page, a truncated file or a file of another scope parses well and has the wrong
size. The bounds are wide: ontologies grow, and the figures of a catalogue grow old.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kazu_platform.settings import ExpectedSize

FEWER, MORE = 0.5, 3.0


def far_off(found: Mapping[str, int], expected: ExpectedSize) -> list[str]:
    """Figures outside half to three times what is expected, in words.

    >>> from kazu_platform.settings import ExpectedSize
    >>> far_off({"concepts": 512, "bytes": 50_000_000}, ExpectedSize(concepts=30_000))
    ['512 concepts, expected about 30,000']
    """
    figures = {"concepts": expected.concepts, "bytes": expected.bytes}
    return [
        f"{found[name]:,} {name}, expected about {about:,}"
        for name, about in figures.items()
        if about is not None and not FEWER * about <= found[name] <= MORE * about
    ]
