"""The file that analysts open: views over what is live, macros, replaced as a whole."""

from datetime import timedelta
from pathlib import Path

import dagster as dg

from assets.results import OWNERS, RETRY, bad_data_is_final
from kazu_platform.documents import digest
from kazu_platform.storage.warehouse import build_warehouse, files_named_by
from kazu_platform.tables import TABLES
from resources.storage import LakeResource, WarehouseResource

GARBAGE_AFTER = timedelta(hours=6)


@dg.asset(
    deps=["edges", "nodes", "pair_counts", "concept_relations", "concept_xrefs", "sentences"],
    group_name="warehouse",
    kinds={"duckdb"},
    owners=OWNERS,
    retry_policy=RETRY,
    pool="corpus",
    code_version="1",
)
def warehouse(lake: LakeResource, warehouse_file: WarehouseResource) -> dg.MaterializeResult:
    """One DuckDB file with a view for each table, joins made ready, and macros to ask first."""
    tables, path = lake.open(), Path(warehouse_file.path)
    with bad_data_is_final():
        built = build_warehouse(tables, path)
    collected = tables.collect_garbage(older_than=GARBAGE_AFTER, keep=files_named_by(path))
    versions = {name: tables.version(table) for name, table in TABLES.items()}
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(path)),
            "views": len(TABLES),
            "size": f"{path.stat().st_size:,} bytes",
            "garbage_files": collected.n_files,
            "built": str(built),
        },
        data_version=dg.DataVersion(
            digest(*(part for pair in sorted(versions.items()) for part in pair))
        ),
    )
