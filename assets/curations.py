"""What people decided about names: the file, and what each decision does."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import dagster as dg
import polars as pl
import pyarrow as pa

from assets import gates
from assets.making import Events, Recipe, make
from assets.partitions import live_ontologies
from assets.results import (
    OWNERS,
    RETRY,
    bad_data_is_final,
    definition_metadata,
    final_errors,
    markdown,
)
from kazu_platform.arrow import compute
from kazu_platform.documents import digest
from kazu_platform.errors import ConfigurationError
from kazu_platform.ontologies.curation_effects import (
    CONCEPT_COLUMNS,
    EFFECTS_VERSION,
    NAME_COLUMNS,
    idle,
    with_effects,
)
from kazu_platform.ontologies.curations import CURATION_VERSION, EXPIRED, read_curations
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import CONCEPTS, CURATIONS, SYNONYMS
from resources.sources import SourcesResource
from resources.storage import LakeResource

GROUP = "vocabularies"
CODE = f"{CURATION_VERSION}-{EFFECTS_VERSION}"
SHOWN = ["place", "action", "name", "concept_id", "author", "expires_on", "effect", "detail"]
WARNINGS = {
    "no_curation_has_expired": "Nothing that was decided has run out unnoticed.",
    "every_curation_in_force_changes_something": "Each finds its concept and its name.",
}


@dg.asset(
    group_name="sources",
    kinds={"https", "yaml"},
    owners=OWNERS,
    retry_policy=RETRY,
    pool="downloads",
    code_version="1",
)
@bad_data_is_final()
def curation_file(sources: SourcesResource) -> dg.MaterializeResult:
    """The catalogue's file of curations, fetched and looked through; a wrong row is an error."""
    url, path = sources.catalogue().curations, sources.curation_file()
    if url is None or path is None:
        return dg.MaterializeResult(
            metadata={"rows": 0, "file": "the catalogue names none"},
            data_version=dg.DataVersion("none"),
        )
    fetched = sources.downloader().fetch(url, path)
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(path)),
            "url": url,
            "rows": written_curations(sources).num_rows,
            "unchanged": not fetched.changed,
        },
        data_version=dg.DataVersion(fetched.sha256),
    )


@dg.asset(
    deps=["curation_file", "concepts", "synonyms"],
    group_name=GROUP,
    kinds={"polars", "parquet"},
    owners=OWNERS,
    retry_policy=RETRY,
    code_version=CODE,
    metadata=definition_metadata(CURATIONS),
    check_specs=[
        gates.spec(CURATIONS, "keys_are_unique", "A decision stands there once."),
        *(
            dg.AssetCheckSpec(name, asset="curations", description=text)
            for name, text in WARNINGS.items()
        ),
    ],
)
@final_errors
def curations(lake: LakeResource, sources: SourcesResource) -> Events:
    """Every decision with its author, reason and dates, and what it does to the names today."""
    tables, written = lake.open(), written_curations(sources)
    ontologies = live_ontologies(tables, SYNONYMS, sources.catalogue())

    def rows() -> pa.Table:
        names = tables.read(SYNONYMS, ontologies, list(NAME_COLUMNS))
        return with_effects(
            written, names, tables.read(CONCEPTS, ontologies, list(CONCEPT_COLUMNS))
        )

    yield from make(
        tables,
        Recipe(
            table=CURATIONS,
            partition="all",
            inputs={
                "written": digest(*map(repr, written.to_pylist())),
                "synonyms": tables.version(SYNONYMS, ontologies),
                "concepts": tables.version(CONCEPTS, ontologies),
                "code": CODE,
            },
            rows=rows,
            gates={"keys_are_unique": gates.keys_are_unique},
        ),
    )
    yield from _warnings(tables)


def written_curations(sources: SourcesResource, today: date | None = None) -> pa.Table:
    """What the fetched file says, judged as of today (UTC); nothing if the catalogue names none.

    Raises:
        ConfigurationError: it was not fetched.
        InvalidCurationsError: it holds rows that are wrong.
    """
    catalogue, path = sources.catalogue(), sources.curation_file()
    if catalogue.curations is None or path is None:
        return CURATIONS.empty()
    if not path.exists():
        raise ConfigurationError(
            f"{catalogue.curations} was not fetched; materialise `curation_file`."
        )
    return read_curations(
        path,
        today=today or datetime.now(UTC).date(),
        ontologies=catalogue.ontologies,
        called=catalogue.curations,
    )


def _warnings(tables: Lake) -> Iterator[dg.AssetCheckResult]:
    """What a curator should look at, and how many there are of each effect."""
    live = tables.read(CURATIONS, "all")
    effects = pl.DataFrame(live).group_by("effect").len().sort("effect")
    counts = {f"n_{effect}": n for effect, n in effects.rows()}
    expired = live.filter(compute.equal(live["effect"], EXPIRED))
    for name, rows in zip(WARNINGS, (expired, idle(live)), strict=True):
        yield dg.AssetCheckResult(
            passed=rows.num_rows == 0,
            asset_key="curations",
            check_name=name,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{rows.num_rows} of {live.num_rows} curations",
            metadata=counts | {"rows": dg.MetadataValue.md(markdown(rows.select(SHOWN)))},
        )
