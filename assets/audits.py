"""Audits: checks on what is live, run after an asset or on demand from the UI.

Gates look at rows before they are published; audits look at tables together, once they are.
"""

from datetime import UTC, datetime

import dagster as dg

from kazu_platform.storage.freshness import freshness_of
from kazu_platform.storage.queries import run_query
from resources.storage import LakeResource, WarehouseResource


@dg.asset_check(asset="warehouse", blocking=True)
def annotations_are_unique(
    lake: LakeResource, warehouse_file: WarehouseResource
) -> dg.AssetCheckResult:
    """A mention of a current document stands once in `annotations`."""
    twice = _count(
        lake,
        warehouse_file,
        "SELECT count(*) - count(DISTINCT mention_id) FROM annotations",
    )
    return dg.AssetCheckResult(
        passed=twice == 0,
        description=f"{twice} mentions stand there more than once",
        metadata={"twice": twice},
    )


@dg.asset_check(asset="warehouse")
def every_current_citation_is_read(
    lake: LakeResource, warehouse_file: WarehouseResource
) -> dg.AssetCheckResult:
    """Files whose current citations have sentences also have mentions: nothing lags behind."""
    lagging = _count(
        lake,
        warehouse_file,
        """
        SELECT count(DISTINCT file) FROM current_citations
        WHERE NOT deleted AND file NOT IN (
            SELECT partition FROM warehouse_files WHERE table_name = 'mentions'
        )
        """,
    )
    return dg.AssetCheckResult(
        passed=lagging == 0,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{lagging} files have citations but no mentions yet",
        metadata={"files": lagging},
    )


@dg.asset_check(asset="published_files")
def newest_file_is_annotated(lake: LakeResource) -> dg.AssetCheckResult:
    """Update files are annotated within hours of their listing; a warning if one is not."""
    freshness = freshness_of(lake.open(), now=datetime.now(UTC))
    return dg.AssetCheckResult(
        passed=not freshness.late,
        severity=dg.AssetCheckSeverity.WARN,
        description=str(freshness),
        metadata={"newest": freshness.newest or "none", "late": len(freshness.late)},
    )


NEWEST_FILE_IS_ANNOTATED = dg.AssetCheckKey(
    dg.AssetKey("published_files"), "newest_file_is_annotated"
)
AUDIT_SECONDS = 3600
AUDITS = [annotations_are_unique, every_current_citation_is_read, newest_file_is_annotated]


def _count(lake: LakeResource, warehouse_file: WarehouseResource, sql: str) -> int:
    with warehouse_file.of(lake.open()).opened() as warehouse:
        return int(run_query(warehouse, sql, seconds=AUDIT_SECONDS)[0][0].as_py())
