"""The file that analysts open: views over what is live, macros, replaced as a whole."""

from datetime import timedelta
from pathlib import Path

import dagster as dg

from assets.results import OWNERS, RETRY, bad_data_is_final
from kazu_platform.documents import digest
from kazu_platform.storage.warehouse import build_warehouse, files_named_by
from kazu_platform.tables import TABLES
from resources.storage import ArtifactsResource, LakeResource, WarehouseResource

GARBAGE_AFTER = timedelta(hours=6)
KEPT_ARTIFACTS = 3


@dg.asset(
    deps=["edges", "nodes", "pair_counts", "concept_relations", "concept_xrefs", "sentences"],
    group_name="warehouse",
    kinds={"duckdb"},
    owners=OWNERS,
    retry_policy=RETRY,
    pool="corpus",
    code_version="1",
)
@bad_data_is_final()
def warehouse(
    lake: LakeResource, warehouse_file: WarehouseResource, artifacts: ArtifactsResource
) -> dg.MaterializeResult:
    """One DuckDB file with a view for each table, joins made ready, and macros to ask first."""
    tables, path = lake.open(), Path(warehouse_file.path)
    former = files_named_by(path)
    built = build_warehouse(tables, path)
    now = files_named_by(path)
    # Whoever opened the former warehouse goes on reading its files for a while.
    tables.touch(former - now)
    collected = tables.collect_garbage(older_than=GARBAGE_AFTER, keep=former | now)
    forgotten = artifacts.open().collect_garbage(keep_last=KEPT_ARTIFACTS)
    versions = {name: tables.version(table) for name, table in TABLES.items()}
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(path)),
            "views": len(TABLES),
            "size": f"{path.stat().st_size:,} bytes",
            "seconds": round(built.seconds, 3),
            "garbage_files": collected.n_files,
            "forgotten_indices": len(forgotten),
        },
        data_version=dg.DataVersion(
            digest(*(part for pair in sorted(versions.items()) for part in pair))
        ),
    )
