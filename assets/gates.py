"""Gates: checks that rows pass before they become visible.

If a gate fails, the check is recorded as failed, the step fails without a retry, the pointer stays
where it was, and nothing downstream of this partition runs (see `making.pass_gates`).
"""

from __future__ import annotations

import warnings

import dagster as dg
import duckdb
import polars as pl
import pyarrow as pa

from kazu_platform.graph.network import dangling_edges
from kazu_platform.limits import MAX_SHARE_SET_ASIDE
from kazu_platform.ontologies.size import far_off
from kazu_platform.settings import ExpectedSize
from kazu_platform.storage.lake import Staged
from kazu_platform.tables import Table

MAX_SHRINKAGE = 0.1
FEW = 10

_SLICES = """
SELECT m.doc_id, m.spans, m.text
FROM mentions m LEFT JOIN (
    SELECT DISTINCT doc_id, content_hash, section, text FROM passages
) p USING (doc_id, content_hash, section)
WHERE p.text IS NULL OR m.text <> list_aggregate(
    list_transform(m.spans, lambda s: substring(p.text, s.start + 1, s."end" - s.start)),
    'string_agg', ' ... ')
"""


def keys_are_unique(staged: Staged) -> dg.AssetCheckResult:
    """No key stands there twice."""
    table = staged.table
    keys = pl.DataFrame(staged.read(list(table.key)))
    twice = keys.filter(keys.is_duplicated()).group_by(pl.all()).len("times")
    return dg.AssetCheckResult(
        passed=twice.is_empty(),
        asset_key=table.name,
        check_name="keys_are_unique",
        description=f"{twice.height} keys stand there more than once",
        metadata={"rows": staged.n_rows, "examples": str(twice.head(3).to_dicts())},
    )


def did_not_shrink(table: Table, rows: int, before: int | None) -> dg.AssetCheckResult:
    """A new version of a vocabulary has at least nine tenths of the rows of the former."""
    lost = 0.0 if not before else 1 - rows / before
    return dg.AssetCheckResult(
        passed=lost <= MAX_SHRINKAGE,
        asset_key=table.name,
        check_name="did_not_shrink",
        description=f"{before or 0} rows before, {rows} now ({lost:.0%} lost)",
        metadata={"before": before or 0, "now": rows, "lost": lost},
    )


def size_is_expected(
    table: Table, rows: int, n_bytes: int, expected: ExpectedSize | None
) -> dg.AssetCheckResult:
    """A vocabulary is roughly as large as its entry in the catalogue says; else a warning."""
    wrong = [] if expected is None else far_off({"concepts": rows, "bytes": n_bytes}, expected)
    said = "the catalogue says no size" if expected is None else "as the catalogue says"
    return dg.AssetCheckResult(
        passed=not wrong,
        severity=dg.AssetCheckSeverity.WARN,
        asset_key=table.name,
        check_name="size_is_expected",
        description="; ".join(wrong) or f"{rows:,} concepts in use, {n_bytes:,} bytes: {said}",
        metadata={"concepts": rows, "bytes": n_bytes},
    )


def few_set_aside(
    table: Table, kept: int, set_aside: int, *, max_share: float = MAX_SHARE_SET_ASIDE
) -> dg.AssetCheckResult:
    """At most one in twenty documents could not be processed; a few never hold up a small file."""
    share = set_aside / max(1, kept + set_aside)
    return dg.AssetCheckResult(
        passed=share <= max_share or (kept > 0 and set_aside <= FEW),
        asset_key=table.name,
        check_name="few_set_aside",
        description=f"{set_aside} of {kept + set_aside} set aside ({share:.1%})",
        metadata={"set_aside": set_aside, "kept": kept, "share": share},
    )


def nothing_set_aside(table: Table, partition: str, set_aside: pa.Table) -> dg.AssetCheckResult:
    """A warning as soon as one document could not be processed; says which and why."""
    rows = set_aside.select(["doc_id", "reason", "detail"]).to_pylist()
    named = ", ".join(f"{row['doc_id']} ({row['reason']})" for row in rows[:FEW])
    said = f"{len(rows)} of {partition} set aside: {named}" if rows else "none was set aside"
    return dg.AssetCheckResult(
        passed=not rows,
        severity=dg.AssetCheckSeverity.WARN,
        asset_key=table.name,
        check_name="nothing_set_aside",
        description=said,
        metadata={"set_aside": len(rows), "examples": str(rows[:FEW])},
    )


def offsets_slice_to_the_mention(staged: Staged, passages: pa.Table) -> dg.AssetCheckResult:
    """`text[start:end]` of the section is the mention, for every row.

    DuckDB's `substring` counts code points, as the offsets do. A document that is read in two
    versions has two content hashes, so each mention meets its own text.
    """
    with duckdb.connect() as connection:
        connection.register(
            "mentions", staged.read(["doc_id", "content_hash", "section", "spans", "text"])
        )
        connection.register("passages", passages)
        wrong = connection.execute(_SLICES).fetchall()
    return dg.AssetCheckResult(
        passed=not wrong,
        asset_key=staged.table.name,
        check_name="offsets_slice_to_the_mention",
        description=f"{len(wrong)} mentions are not their own slice of the text",
        metadata={"mentions": staged.n_rows, "examples": str(wrong[:3])},
    )


def spec(
    table: Table,
    name: str,
    description: str,
    *,
    partitions_def: dg.PartitionsDefinition | None = None,
    blocking: bool = True,
) -> dg.AssetCheckSpec:
    """Declare a gate of a table's asset; one that blocks nothing is a warning."""
    with warnings.catch_warnings():
        # Partitioned checks are a preview; they are what the gates of a partition are.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            name,
            asset=table.name,
            description=description,
            blocking=blocking,
            partitions_def=partitions_def,
        )


def no_dangling_edge(nodes: pa.Table, staged: Staged) -> dg.AssetCheckResult:
    """Both ends of every edge are nodes."""
    loose = dangling_edges(nodes, staged.read(["subject", "object"]))
    return dg.AssetCheckResult(
        passed=loose.num_rows == 0,
        asset_key=staged.table.name,
        check_name="no_dangling_edge",
        description=f"{loose.num_rows} edges lead to no node",
        metadata={"edges": staged.n_rows, "examples": str(loose.slice(0, 3).to_pylist())},
    )
