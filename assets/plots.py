"""Small pictures in an asset's metadata, where a picture says more than a row count."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

import dagster as dg
import pyarrow as pa

MAX_BARS = 40


def bars(counts: pa.StructArray, title: str, *, horizontal: bool = False) -> dg.MetadataValue:
    """A bar chart of Arrow's `value_counts()`, ordered by value, as Markdown with a PNG inside."""
    from matplotlib.figure import Figure  # 0.3 s: only where a picture is made

    pairs = sorted((c["values"], c["counts"]) for c in counts.to_pylist())[-MAX_BARS:]
    figure = Figure(figsize=(6, 2.4 if not horizontal else max(1.5, 0.25 * len(pairs))))
    axes = figure.add_subplot()
    labels, heights = [str(value) for value, _ in pairs], [count for _, count in pairs]
    if horizontal:
        axes.barh(labels, heights)
    else:
        axes.bar(labels, heights)
        axes.tick_params(axis="x", rotation=90, labelsize=6)
    axes.set_title(title, fontsize=9)
    figure.tight_layout()
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    picture = b64encode(buffer.getvalue()).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{picture})")
