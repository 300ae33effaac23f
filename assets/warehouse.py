"""The file that analysts open: views over what is live, macros, replaced as a whole."""

from datetime import timedelta

import dagster as dg

from assets.results import OWNERS, RETRY, bad_data_is_final
from kazu_platform.documents import digest
from kazu_platform.reports.released import files_to_keep
from kazu_platform.storage.artifacts import ArtifactStore
from kazu_platform.storage.places import WarehouseFile
from kazu_platform.storage.warehouse import behind, files_named_by
from kazu_platform.tables import TABLES
from resources.storage import ArtifactsResource, LakeResource, WarehouseResource

GARBAGE_AFTER = timedelta(hours=6)
KEPT_ARTIFACTS = 3


@dg.asset(
    deps=[
        "edges",
        "nodes",
        "pair_counts",
        "concept_relations",
        "concept_xrefs",
        "concept_equivalents",
        "sentences",
    ],
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
    tables = lake.open()
    file = warehouse_file.of(tables)
    path = file.path
    file.refresh()
    facts = _rebuilt(file, artifacts.open()) if behind(tables, path) else {}
    versions = {name: tables.version(table) for name, table in TABLES.items()}
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(path)),
            "views": len(TABLES),
            "size": f"{path.stat().st_size:,} bytes",
            "unchanged": not facts,
        }
        | facts,
        data_version=dg.DataVersion(
            digest(*(part for pair in sorted(versions.items()) for part in pair))
        ),
    )


def _rebuilt(file: WarehouseFile, artifacts: ArtifactStore) -> dict[str, float]:
    """Build the warehouse, and collect what neither it nor the one before it needs."""
    tables, former = file.lake, files_named_by(file.path)
    built = file.build()
    now = files_named_by(file.path)
    # Whoever opened the former warehouse goes on reading its files for a while.
    tables.touch(former - now)
    kept = former | now | files_to_keep(tables)
    collected = tables.collect_garbage(older_than=GARBAGE_AFTER, keep=kept)
    forgotten = artifacts.collect_garbage(keep_last=KEPT_ARTIFACTS)
    return {
        "seconds": round(built.seconds, 3),
        "garbage_files": collected.n_files,
        "forgotten_indices": len(forgotten),
    }
