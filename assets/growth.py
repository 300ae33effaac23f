"""How the corpus grew and how fast its files were read, as charts in an asset's metadata."""

from __future__ import annotations

from itertools import accumulate

import dagster as dg

from assets.plots import COLUMNS, curves
from kazu_platform.citations.files import file_order
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import (
    CITATIONS,
    CURRENT_CITATIONS,
    DICTIONARY_MENTIONS,
    MENTIONS,
    MODEL_MENTIONS,
    PARTITION_METRICS,
)

STAGES = (CITATIONS.name, DICTIONARY_MENTIONS.name, MODEL_MENTIONS.name, MENTIONS.name)
MIB = 2**20


def growth(tables: Lake) -> dict[str, dg.MetadataValue]:
    """Current citations after each file, and the throughput of the last files by stage."""
    files = sorted(tables.partitions(CITATIONS), key=file_order)
    current = tables.scan(CURRENT_CITATIONS, columns=["file", "deleted"]).collect()
    counts = dict(current.filter(~current["deleted"]).group_by("file").len().iter_rows())
    sums = accumulate(counts.get(file, 0) for file in files)
    points = [
        {"file": n, "current citations": total, "of the file": counts.get(file, 0)}
        for n, (file, total) in enumerate(zip(files, sums, strict=True), start=1)
    ]
    return {
        "growth": curves(
            points, "file", ["current citations", "of the file"], nothing="no file was read"
        ),
        "throughput": curves(
            _speeds(tables, files[-COLUMNS:], len(files)),
            "file",
            [f"{stage}, {unit}" for stage in STAGES for unit in ("documents/s", "peak MiB")],
            nothing="no file was read",
        ),
    }


def _speeds(tables: Lake, files: list[str], n_files: int) -> list[dict[str, float]]:
    """Documents per second and peak memory of each stage, for the last files that were made."""
    wanted = {f"{stage}/{file}": (stage, file) for file in files for stage in STAGES}
    there = [name for name in wanted if tables.live(PARTITION_METRICS, name)]
    first = n_files - len(files) + 1
    points = {file: {"file": float(n)} for n, file in enumerate(files, start=first)}
    for row in tables.read(PARTITION_METRICS, there).to_pylist() if there else []:
        point = points[row["partition"]]
        if row["metric"] == "documents_per_second":
            point[f"{row['stage']}, documents/s"] = row["value"]
        elif row["metric"] == "peak_memory_bytes":
            point[f"{row['stage']}, peak MiB"] = row["value"] / MIB
    return list(points.values())
