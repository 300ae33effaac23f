"""`kazu-platform curate`: what people decided about names, and whether it still holds."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kazu_platform.errors import ConfigurationError, MissingPartitionError
from kazu_platform.settings import read_settings

if TYPE_CHECKING:
    from typing import TextIO

    import polars as pl
    import pyarrow as pa

    from kazu_platform.settings import Catalogue, Settings
    from kazu_platform.storage.artifacts import ArtifactStore
    from kazu_platform.storage.lake import Lake

SHOWN: Final = ("place", "action", "name", "concept_id", "entity_class", "author", "expires_on")
_COLOURS: Final = {
    "in_force": "green",
    "proposed": "cyan",
    "withdrawn": "cyan",
    "expired": "yellow",
}


def check_curations(file: Path | None) -> pa.Table:
    """CURATIONS of a file, or of the catalogue, as of today and of the vocabularies that are live.

    Raises:
        ConfigurationError: no file is given and the catalogue names none.
        InvalidCurationsError: lists every row that is wrong.
    """
    from kazu_platform.ontologies.curations import read_curations

    settings = read_settings()
    catalogue = settings.catalogue()
    path, called = (file, str(file)) if file else of_catalogue(settings, catalogue)
    curations = read_curations(
        path,
        today=datetime.now(UTC).date(),
        ontologies=catalogue.ontologies,
        called=called,
    )
    return _compared(curations, settings, catalogue)


def print_curations(curations: pa.Table, out: TextIO, *, as_json: bool) -> None:
    """Print curations with their effect, as a table with a count below, or as one JSON object."""
    rows = [_plain(row) for row in curations.to_pylist()]
    rows.sort(key=lambda row: [int(part) for part in row["place"].split() if part.isdigit()])
    counts = Counter(row["effect"] for row in rows)
    if as_json:
        json.dump({"counts": dict(sorted(counts.items())), "curations": rows}, out)
        out.write("\n")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*SHOWN, "effect", "names", "detail")
    for row in rows:
        effect = Text(row["effect"], style=_COLOURS.get(row["effect"], "red"))
        cells = [Text("" if row[name] is None else str(row[name])) for name in SHOWN]
        changed = "" if row["n_changed"] is None else str(row["n_changed"])
        table.add_row(*cells, effect, Text(changed), Text(row["detail"] or ""))
    Console(file=out, width=None if out.isatty() else 160).print(table)
    said = ", ".join(f"{n} {effect}" for effect, n in sorted(counts.items()))
    out.write(f"{len(rows)} curations: {said or 'none'}\n")


def of_catalogue(settings: Settings, catalogue: Catalogue) -> tuple[Path, str]:
    """The catalogue's file, fetched if it lies elsewhere, and what its owner calls it."""
    from urllib.parse import urlsplit

    from kazu_platform.storage.downloads import Downloader

    url = catalogue.curations
    if url is None:
        raise ConfigurationError(
            f"The catalogue {catalogue.name!r} names no file of curations; give one, or add "
            "`curations: FILE` to it."
        )
    if "://" not in url:
        return Path(url), url
    name = Path(urlsplit(url).path).name
    return Downloader().fetch(url, settings.raw / "curations" / name).path, url


def _compared(curations: pa.Table, settings: Settings, catalogue: Catalogue) -> pa.Table:
    """Curations with what they would do to the live vocabularies, if there are any."""
    from kazu_platform.ontologies.curating import apply_curations
    from kazu_platform.ontologies.curation_effects import (
        CONCEPT_COLUMNS,
        NAME_COLUMNS,
        with_effects,
    )
    from kazu_platform.ontologies.curations import touching
    from kazu_platform.storage.places import open_lake
    from kazu_platform.tables import CONCEPTS, SYNONYMS

    lake = open_lake(settings)
    live = set(lake.partitions(SYNONYMS)) & set(lake.partitions(CONCEPTS))
    sources = [source for source in catalogue.ontologies if source.name in live]
    if not sources:
        sys.stderr.write("No vocabulary was made yet: concepts and names are not looked up.\n")
        return curations
    concepts = lake.read(CONCEPTS, [source.name for source in sources])
    names = [
        apply_curations(
            lake.read(SYNONYMS, source.name),
            touching(curations, source),
            lake.read(CONCEPTS, source.name),
        ).select(list(NAME_COLUMNS))
        for source in sources
    ]
    import pyarrow as pa

    return with_effects(curations, pa.concat_tables(names), concepts.select(list(CONCEPT_COLUMNS)))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON can say it: days in ISO form."""
    days = {key: row[key].isoformat() for key in ("decided_on", "expires_on") if row[key]}
    return row | days


def preview(file: Path | None, *, proposed: bool) -> pl.DataFrame:
    """What a file of curations would change in the lake; see `reports.preview`.

    Args:
        file: the file; the catalogue's if none is given.
        proposed: count what is proposed as if it were approved.

    Raises:
        ConfigurationError: no file is given and the catalogue names none, or mentions in the lake
            were made with other vocabularies than those in use.
        InvalidCurationsError: lists every row that is wrong.
        MissingPartitionError: the catalogue was not materialised yet.
    """
    import tempfile

    import pyarrow as pa

    from kazu_platform.linking.open import LinkerParts
    from kazu_platform.ontologies.curations import read_curations
    from kazu_platform.reports.preview import Indices, preview_curations
    from kazu_platform.storage.places import open_artifacts, open_lake
    from kazu_platform.tables import CURATIONS

    settings = read_settings()
    catalogue = settings.catalogue()
    path, called = (file, str(file)) if file else of_catalogue(settings, catalogue)
    curations = read_curations(
        path, today=datetime.now(UTC).date(), ontologies=catalogue.ontologies, called=called
    )
    if proposed:
        effects = ["in_force" if e == "proposed" else e for e in curations["effect"].to_pylist()]
        place = CURATIONS.schema.get_field_index("effect")
        curations = curations.set_column(place, CURATIONS.schema.field(place), pa.array(effects))
    store = open_artifacts(settings)
    _must_be_up_to_date(open_lake(settings), store)
    live = Indices(store.live("dictionary").content, LinkerParts.live(store, settings.linker))
    ontologies = [catalogue.ontology(name) for name in catalogue.by_preference()]
    settings.make_home()
    with tempfile.TemporaryDirectory(dir=settings.home, prefix=".preview-") as folder:
        return preview_curations(open_lake(settings), live, curations, ontologies, Path(folder))


def apply() -> int:
    """Bring the catalogue's curations into effect; exit code 1 if a part failed, 130 if stopped.

    Raises:
        ConfigurationError: the catalogue names no file of curations.
        MissingPartitionError: it was not materialised yet.
    """
    import time

    import dagster as dg
    from rich.console import Console

    from assets.runs import put_curations_into_effect
    from kazu_platform.commands.working import STOPPED, working_graph
    from kazu_platform.storage.places import open_lake
    from kazu_platform.tables import LINKS

    settings, started = read_settings(), time.perf_counter()
    effective: list[float] = []
    settings.make_home()
    of_catalogue(settings, settings.catalogue())
    console, lake = Console(stderr=True), open_lake(settings)
    if not lake.partitions(LINKS):
        raise MissingPartitionError(
            "Nothing was linked yet; materialise the catalogue first: kazu-platform demo, or the "
            "job whole_graph."
        )
    if settings.compute is None and not settings.ray_address and not _has_set_aside(lake):
        # What a decision touches is read in less time than a Ray of our own takes to start. Not
        # so where a document was set aside: its file is read in full, and it may crash again.
        settings = settings.model_copy(update={"compute": "inline"})
    try:
        with working_graph(settings, console) as (graph, progress):
            sources = graph.resources["sources"]
            done = put_curations_into_effect(
                graph, sources, lake, progress, lambda: effective.append(time.perf_counter())
            )
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        console.print("Stopped. What is done is kept; run it again to go on.")
        return STOPPED
    for failed in done.failed:
        console.print(f"failed: {failed.what}: {failed.why}", markup=False)
    if not effective:
        console.print("Not all mentions and links are up to date; mend what failed, run it again.")
    for moment in effective:
        sys.stdout.write(
            f"Names of {done.ontologies} ontologies curated anew; mentions and links of "
            f"{done.files} files up to date after {moment - started:.1f} seconds, reports and "
            f"graph after {time.perf_counter() - started:.1f}.\n"
        )
    return 1 if done.failed else 0


def _has_set_aside(lake: Lake) -> bool:
    """Whether a detector or the linker set something aside."""
    from assets.replaying import DICTIONARY, LINKING, set_aside_in

    return any(set_aside_in(lake, stage) for stage in (DICTIONARY, LINKING))


def _must_be_up_to_date(lake: Lake, store: ArtifactStore) -> None:
    """A preview compares with the lake as it is; so that must be what its indices make.

    Raises:
        ConfigurationError: a run was stopped half way, or something is yet to be made.
    """
    from kazu_platform.reports.up_to_date import files_behind

    behind = files_behind(lake, store)
    if behind:
        raise ConfigurationError(
            f"{behind[0]}{f' and {len(behind) - 1} more' if len(behind) > 1 else ''}: "
            "was read with other vocabularies or rules than those in use; run kazu-platform curate "
            "apply first."
        )


def print_preview(changes: pl.DataFrame, out: TextIO, *, as_json: bool) -> None:
    """Print what would change: counts, then each string with an example; or one JSON object."""
    from kazu_platform.reports.preview import summary

    counts = Counter(changes["change"].to_list())
    if as_json:
        json.dump({"counts": dict(sorted(counts.items())), "mentions": changes.to_dicts()}, out)
        out.write("\n")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    columns = ("change", "text", "entity_class", "before", "after", "n_mentions", "doc_id")
    table = Table(*columns, "example")
    for row in summary(changes).to_dicts():
        cells = ["" if row[name] is None else str(row[name]) for name in columns]
        table.add_row(*map(Text, cells), Text(" ".join(row["passage"].split())))
    Console(file=out, width=None if out.isatty() else 160).print(table)
    said = ", ".join(f"{n} {change}" for change, n in sorted(counts.items()))
    out.write(f"{said or 'No mention would change'}. Nothing was changed.\n")
