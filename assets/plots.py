"""Small charts in an asset's metadata, where a picture says more than a row count."""

from __future__ import annotations

import dagster as dg
import pyarrow as pa

MAX_BARS = 40
WIDTH = 30
EIGHTHS = " ▏▎▍▌▋▊▉"


def bars(counts: pa.StructArray, title: str) -> dg.MetadataValue:
    """A bar chart of Arrow's `value_counts()` in order of value: the last MAX_BARS, as Markdown.

    Bars are block characters, to an eighth of one: a plotting library takes over a second to load,
    more than most of what is charted.
    """
    pairs = sorted((each["values"], each["counts"]) for each in counts.to_pylist())[-MAX_BARS:]
    most = max((count for _, count in pairs), default=0)
    lines = [f"| {title} | | |", "| :-- | --: | :-- |"]
    lines += [f"| {value} | {count:,} | {_bar(count, most)} |" for value, count in pairs]
    return dg.MetadataValue.md("\n".join(lines))


def _bar(count: int, most: int) -> str:
    whole, eighths = divmod(round(8 * WIDTH * count / most) if most else 0, 8)
    return "█" * whole + EIGHTHS[eighths].strip()
