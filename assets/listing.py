"""What the catalogue's folders publish: listed by a job, and a partition made of each new file.

Listing a site takes as long as the site takes, so it is done in a run. Whoever wants to know what
is published, such as a sensor, reads the table.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg
import pyarrow as pa

from assets import gates
from assets.making import Events, Recipe, make, seen
from assets.partitions import pubmed_files
from assets.results import OWNERS, RETRY, definition_metadata, final_errors
from kazu_platform.citations.files import PMC_ENDINGS, PUBMED_ENDINGS, partition_name
from kazu_platform.citations.published import (
    BASELINE,
    FULL_TEXT,
    UPDATE,
    Kind,
    Listed,
    published_now,
    with_former,
)
from kazu_platform.documents import digest
from kazu_platform.errors import UnknownNameError
from kazu_platform.settings import Catalogue
from kazu_platform.storage.downloads import Downloader
from kazu_platform.storage.lake import Lake, Staged
from kazu_platform.tables import PUBLISHED_FILES
from resources.sources import SourcesResource
from resources.storage import LakeResource

DOWNLOADS = "downloads"
ALL = "all"
SHOWN = 20


@dg.asset(
    group_name="sources",
    kinds={"https"},
    owners=OWNERS,
    retry_policy=RETRY,
    pool=DOWNLOADS,
    code_version="1",
    metadata=definition_metadata(PUBLISHED_FILES),
    check_specs=[
        gates.spec(PUBLISHED_FILES, "keys_are_unique", "A file is in one folder."),
        gates.spec(
            PUBLISHED_FILES, "baseline_is_there", "A baseline that was published has not vanished."
        ),
    ],
)
@final_errors
def published_files(
    context: dg.AssetExecutionContext, lake: LakeResource, sources: SourcesResource
) -> Events:
    """Every file of the PubMed and PMC folders, as listed now and before; each is a partition."""
    listed = list_folders(sources.catalogue(), sources.downloader())
    new = register(context.instance, [each.file for each in listed])
    if new:
        context.log.info("%d new files: %s", len(new), _named(new))
    facts = {"published": len(listed), "new": len(new), "new_files": _named(new)}
    yield from make(lake.open(), listing_recipe(lake.open(), listed, facts))


def listing_recipe(tables: Lake, listed: Sequence[Listed], facts: Mapping[str, object]) -> Recipe:
    """How the table follows from what was listed."""
    before = seen(tables, PUBLISHED_FILES)
    former = read_listing(tables)

    def baseline_is_there(staged: Staged) -> dg.AssetCheckResult:
        had = len(published_now(former, BASELINE))
        has = len(published_now(staged.read(PUBLISHED_FILES.schema.names), BASELINE))
        return dg.AssetCheckResult(
            passed=has > 0 or had == 0,
            asset_key=PUBLISHED_FILES.name,
            check_name="baseline_is_there",
            description=f"{has} files of a baseline are listed, {had} were before",
            metadata={"files": has, "before": had},
        )

    return Recipe(
        table=PUBLISHED_FILES,
        partition=ALL,
        inputs={"listing": digest(*(part for each in listed for part in each))},
        rows=lambda: with_former(listed, former, now=datetime.now(UTC)),
        gates={"keys_are_unique": gates.keys_are_unique, "baseline_is_there": baseline_is_there},
        report=lambda: facts,
        expected=before(ALL),
    )


def read_listing(tables: Lake) -> pa.Table:
    """Rows of PUBLISHED_FILES; none if nothing was listed yet."""
    live = tables.live(PUBLISHED_FILES, ALL)
    return tables.read(PUBLISHED_FILES, ALL) if live else PUBLISHED_FILES.empty()


def list_folders(catalogue: Catalogue, downloader: Downloader) -> list[Listed]:
    """All files now published: PubMed's baseline first, PMC's last; of one name the last counts.

    Raises:
        SourceError: a folder cannot be listed.
    """
    listed: dict[str, Listed] = {}
    for folder, kind in folders_of(catalogue):
        endings = PMC_ENDINGS if kind == FULL_TEXT else PUBMED_ENDINGS
        for name in downloader.list_folder(folder):
            if name.endswith(endings):
                file = partition_name(name)
                listed[file] = Listed(file, kind, f"{folder}/{name}")
    return list(listed.values())


def folders_of(catalogue: Catalogue) -> list[tuple[str, Kind]]:
    """The folders of a catalogue, and what each holds."""
    folders: list[tuple[str, Kind]] = []
    if catalogue.pubmed:
        folders.append((catalogue.pubmed.baseline.rstrip("/"), BASELINE))
        if catalogue.pubmed.updates:
            folders.append((catalogue.pubmed.updates.rstrip("/"), UPDATE))
    if catalogue.pmc:
        folders.extend((folder.rstrip("/"), FULL_TEXT) for folder in catalogue.pmc.folders)
    return folders


def register(instance: dg.DagsterInstance, files: Sequence[str]) -> list[str]:
    """Make a partition of each file that is none yet; say which."""
    name = str(pubmed_files.name)
    known = set(instance.get_dynamic_partitions(name))
    new = [file for file in files if file not in known]
    if new:
        instance.add_dynamic_partitions(name, new)
    return new


def url_of(file: str, tables: Lake, sources: SourcesResource) -> str:
    """Where a file is published, from the last listing; listed anew if it is not there.

    A backfill of the baseline is 1,500 partitions: each must not list the site.

    Raises:
        ConfigurationError: the catalogue has no such folders.
        UnknownNameError: no folder of the catalogue holds it.
    """
    sources.published()
    catalogue = sources.catalogue()
    folders = {folder for folder, _ in folders_of(catalogue)}
    known = {
        row["file"]: row["url"]
        for row in read_listing(tables).to_pylist()
        if row["published"] and row["url"].rpartition("/")[0] in folders
    }
    if file not in known:
        known = {each.file: each.url for each in list_folders(catalogue, sources.downloader())}
    if file not in known:
        raise UnknownNameError.of("published file", file, known)
    return known[file]


def _named(files: Sequence[str]) -> str:
    more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    return ", ".join(files[:SHOWN]) + more if files else "none"
