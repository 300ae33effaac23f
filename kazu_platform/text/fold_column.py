"""Names folded by the column: what `text.fold.fold_name` does to one, for millions."""

from __future__ import annotations

import numpy as np
import polars as pl

from kazu_platform.text.fold import code_points, fold_code_points

AT_ONCE = 500_000
"""Names folded at a time: what bounds the memory."""

_PLAIN = r"\A[!#-_a-~]+(?: [!#-_a-~]+)*\z"
"""ASCII without quotes or blanks to collapse: of these only the case changes."""


def fold_names(names: pl.Series, *, keep_case: bool = False, at_once: int = AT_ONCE) -> pl.Series:
    """Fold a column of names as `fold_name` does each; there are no nulls.

    >>> fold_names(pl.Series(["TNF‑α", " Breast  Cancer "])).to_list()
    ['tnf-α', 'breast cancer']
    >>> fold_names(pl.Series(["COX\u20112"]), keep_case=True).to_list()
    ['COX-2']
    """
    plain = names.str.contains(_PLAIN)
    folded = names if keep_case else names.str.to_lowercase()
    at = (~plain).arg_true()
    if len(at):
        folded = folded.scatter(at, _any_names(names.gather(at), at_once, keep_case=keep_case))
    return folded.alias("folded")


def _any_names(names: pl.Series, at_once: int, *, keep_case: bool) -> pl.Series:
    starts = range(0, len(names), at_once)
    parts = [_characters(names.slice(start, at_once), keep_case=keep_case) for start in starts]
    return pl.concat(parts).str.replace_all(" +", " ").str.strip_chars(" ")


def _characters(names: pl.Series, *, keep_case: bool) -> pl.Series:
    """Each character folded to one; lengths stay, so that one string can be cut again."""
    text = "".join(names)
    if not text:
        return names
    points = fold_code_points(code_points(text), keep_case=keep_case)
    folded = points.tobytes().decode("utf-32-le", "surrogatepass")
    ends = np.cumsum(names.str.len_chars().to_numpy()).tolist()
    pieces = [folded[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    return pl.Series(pieces, dtype=pl.String)
