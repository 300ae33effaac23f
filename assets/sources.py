"""Raw files: ontologies and PubMed archives, as published, checked and fetched once."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import dagster as dg

from assets.partitions import pubmed_files
from assets.results import OWNERS, RETRY, bad_data_is_final
from kazu_platform.citations.files import (
    PMC_ENDINGS,
    PUBMED_ENDINGS,
    holds_full_texts,
    partition_name,
)
from kazu_platform.citations.md5 import published_md5
from kazu_platform.errors import UnknownNameError
from kazu_platform.settings import PmcSource, PubMedSource
from kazu_platform.storage.atomic import make_folder, write_atomically
from kazu_platform.storage.downloads import Downloader, Fetched
from resources.sources import SourcesResource

DOWNLOADS = "downloads"
SMALLEST_REPORT = 10_000_000
UNKNOWN_REPORT = 100_000_000


def ontology_files_asset(ontologies: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The asset that fetches the ontologies of the catalogue."""

    @dg.asset(
        partitions_def=ontologies,
        group_name="sources",
        kinds={"https"},
        owners=OWNERS,
        retry_policy=RETRY,
        pool=DOWNLOADS,
        code_version="1",
    )
    def ontology_files(
        context: dg.AssetExecutionContext, sources: SourcesResource
    ) -> dg.MaterializeResult:
        """An ontology in its native format, as published; not fetched again while unchanged."""
        source = sources.catalogue().ontology(context.partition_key)
        with bad_data_is_final():
            fetched = sources.downloader().fetch(
                source.url,
                sources.ontology_file(source),
                md5=source.md5,
                progress=progress_of(source.url, context.log),
            )
        return _fetched(fetched, url=source.url, licence=source.licence, homepage=source.homepage)

    return ontology_files


def mapping_files_asset(mapping_sets: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The asset that fetches the mapping sets of the catalogue."""

    @dg.asset(
        partitions_def=mapping_sets,
        group_name="sources",
        kinds={"https"},
        owners=OWNERS,
        retry_policy=RETRY,
        pool=DOWNLOADS,
        code_version="1",
    )
    def mapping_files(
        context: dg.AssetExecutionContext, sources: SourcesResource
    ) -> dg.MaterializeResult:
        """Which concepts of two vocabularies are the same, as published."""
        source = sources.catalogue().mapping(context.partition_key)
        with bad_data_is_final():
            fetched = sources.downloader().fetch(
                source.url,
                sources.mapping_file(source),
                md5=source.md5,
                progress=progress_of(source.url, context.log),
            )
        return _fetched(fetched, url=source.url, licence=source.licence, homepage=source.homepage)

    return mapping_files


@dg.asset(
    partitions_def=pubmed_files,
    group_name="sources",
    kinds={"https", "xml"},
    owners=OWNERS,
    retry_policy=RETRY,
    pool=DOWNLOADS,
    code_version="1",
)
def pubmed_archives(
    context: dg.AssetExecutionContext, sources: SourcesResource
) -> dg.MaterializeResult:
    """A file of NLM's bulk sites; one of PubMed is checked against the md5 published beside it."""
    with bad_data_is_final():
        downloader = sources.downloader()
        url = url_of(context.partition_key, sources, downloader)
        destination = sources.archive_destination(Path(url).name)
        md5 = None
        if not holds_full_texts(destination.name):  # beside files of PMC none is published
            side_file = destination.with_name(f"{destination.name}.md5")
            downloader.fetch(f"{url}.md5", side_file)
            md5 = published_md5(side_file, destination.name)
        fetched = downloader.fetch(
            url, destination, md5=md5, progress=progress_of(url, context.log)
        )
    return _fetched(fetched, url=url)


def url_of(file: str, sources: SourcesResource, downloader: Downloader) -> str:
    """Where a file is published, from the last listing of the site; listed anew if it is not there.

    A backfill of the baseline is 1,500 partitions: each must not list the site.

    Raises:
        UnknownNameError: no folder of the catalogue holds it.
    """
    path = sources.archive_destination("published.json")
    known = json.loads(path.read_bytes()) if path.exists() else {}
    files: dict[str, str] = known.get(_listing_of(*sources.published()), {})
    if file not in files:
        files = list_published(sources, downloader)
    if file not in files:
        raise UnknownNameError.of("published file", file, files)
    return files[file]


def list_published(sources: SourcesResource, downloader: Downloader) -> dict[str, str]:
    """List the site and keep the listing beside the archives, for `url_of`."""
    pubmed, pmc = sources.published()
    files = published_files(downloader, pubmed, pmc)
    path = sources.archive_destination("published.json")
    make_folder(path.parent)
    write_atomically(path, json.dumps({_listing_of(pubmed, pmc): files}).encode())
    return files


def _listing_of(pubmed: PubMedSource | None, pmc: PmcSource | None) -> str:
    """What was listed; files listed in other folders are others."""
    return json.dumps([source.model_dump() if source else None for source in (pubmed, pmc)])


def progress_of(url: str, log: logging.Logger) -> Callable[[int, int | None], None]:
    """A callback that logs each further tenth of a download, or each 100 MB of unknown length."""
    next_report = SMALLEST_REPORT

    def report(done: int, total: int | None) -> None:
        nonlocal next_report
        if done >= next_report:
            next_report = done + max(SMALLEST_REPORT, (total or 10 * UNKNOWN_REPORT) // 10)
            of = f" of {total / 1e6:,.0f}" if total else ""
            log.info("%s: %.0f%s MB", url, done / 1e6, of)

    return report


def published_files(
    downloader: Downloader, pubmed: PubMedSource | None, pmc: PmcSource | None = None
) -> dict[str, str]:
    """Partition names and URLs of all files now published: PubMed's baseline first, PMC's last."""
    folders = [pubmed.baseline, pubmed.updates] if pubmed else []
    listed = [(folder, PUBMED_ENDINGS) for folder in folders if folder]
    listed += [(folder, PMC_ENDINGS) for folder in (pmc.folders if pmc else ())]
    return {
        partition_name(name): f"{folder.rstrip('/')}/{name}"
        for folder, endings in listed
        for name in downloader.list_folder(folder)
        if name.endswith(endings)
    }


def _fetched(fetched: Fetched, **facts: str) -> dg.MaterializeResult:
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(fetched.path)),
            "size": f"{fetched.n_bytes:,} bytes",
            "sha256": fetched.sha256,
            "unchanged": not fetched.changed,
        }
        | facts,
        data_version=dg.DataVersion(fetched.sha256),
    )
