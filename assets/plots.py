"""Small charts in an asset's metadata, where a picture says more than a row count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg
import pyarrow as pa

MAX_BARS = 40
WIDTH = 30
EIGHTHS = " ▏▎▍▌▋▊▉"
LEVELS = "▁▂▃▄▅▆▇█"
COLUMNS = 60


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


def curves(
    points: Sequence[Mapping[str, float]],
    at: str,
    names: Sequence[str],
    *,
    nothing: str = "nothing was trained",
) -> dg.MetadataValue:
    """Values along a run as lines of block characters, each between its least and its largest.

    Of many points those at the end of COLUMNS equal stretches are shown.

    Args:
        points: In order; not every point has every value.
        at: Name of what they are ordered by.
        names: The values to show; those that no point has are left out.
        nothing: What to say if there is no point.
    """
    lines = [
        "| | first | | last | least | largest | of points |",
        "| :-- | --: | :-- |" + " --: |" * 4,
    ]
    for name in names:
        values = [point[name] for point in points if name in point]
        if values:
            numbers = [f"{each:.4g}" for each in (values[0], values[-1], min(values), max(values))]
            lines.append(
                f"| {name} | {numbers[0]} | {_line(values)} | {' | '.join(numbers[1:])} "
                f"| {len(values):,} |"
            )
    last = f"{at} {points[0][at]:,.0f} to {points[-1][at]:,.0f}" if points else nothing
    return dg.MetadataValue.md("\n".join([*lines, "", last]))


def _line(values: Sequence[float]) -> str:
    n = min(len(values), COLUMNS)
    shown = [values[len(values) * (place + 1) // n - 1] for place in range(n)]
    least, room = min(values), max(values) - min(values)
    highest = len(LEVELS) - 1
    return "".join(LEVELS[round(highest * (each - least) / room) if room else 0] for each in shown)
