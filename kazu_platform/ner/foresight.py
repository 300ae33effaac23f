"""Which documents may hold one of a few names: a look at raw text that is quicker than a scan.

What the scan form keeps of a text in ASCII is its letters and digits in order, without regard to
case; all else separates, or shares bytes with others (see `scan`). So where a name matches, its
letters and digits stand in the text's, one behind the other, whatever lies between. That is only
necessary, so nothing is missed and some documents are read for nothing. A text with a character
that is written as ASCII letters or digits (Greek, superscripts, full width) is always read.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from kazu_platform.ner.scan import FIRST_LOSSY, is_respelled

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

_DOCUMENT = ["doc_id", "content_hash"]
_MOST = 20_000
"""With more names hardly a document would be left out."""


def may_hold(passages: pa.Table, forms: pl.Series) -> NDArray[np.bool_]:
    """Say for each passage if its document may hold a name of one of these scan forms.

    Args:
        passages: PASSAGES.
        forms: Scan forms, as bytes.

    Returns:
        Shape (passages,). False means that a detector finds none of them in the whole document.
    """
    wanted = {_letters_and_digits(form) for form in forms.to_list()}
    if not wanted or "" in wanted or len(wanted) > _MOST:
        return np.full(passages.num_rows, bool(wanted), np.bool_)
    frame = pl.DataFrame(passages.select([*_DOCUMENT, "text"]))
    text = pl.col("text")
    squeezed = text.str.replace_all("[^A-Za-z0-9]+", "")
    may = squeezed.str.contains_any(list(wanted), ascii_case_insensitive=True)
    may |= text.str.contains(_respelled())
    return frame.select(may.any().over(_DOCUMENT)).to_series().to_numpy()


def _letters_and_digits(form: bytes) -> str:
    return "".join(chr(byte) for byte in form if byte < FIRST_LOSSY and chr(byte).isalnum())


@cache
def _respelled() -> str:
    """A pattern for every character that the scan form writes in letters or digits of ASCII."""
    points = np.flatnonzero(is_respelled())
    breaks = np.flatnonzero(np.diff(points) != 1) + 1
    runs = np.split(points, breaks)
    return "[" + "".join(f"\\x{{{run[0]:x}}}-\\x{{{run[-1]:x}}}" for run in runs) + "]"
