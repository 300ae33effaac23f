"""Raw files: ontologies and PubMed archives, as published, checked and fetched once."""

import logging
from collections.abc import Callable
from pathlib import Path

import dagster as dg

from assets.listing import DOWNLOADS, url_of
from assets.partitions import pubmed_files
from assets.results import OWNERS, RETRY, bad_data_is_final
from kazu_platform.citations.files import holds_full_texts
from kazu_platform.citations.md5 import published_md5
from kazu_platform.storage.downloads import Fetched
from resources.sources import SourcesResource
from resources.storage import LakeResource

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
                trouble=context.log.warning,
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
                trouble=context.log.warning,
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
    context: dg.AssetExecutionContext, sources: SourcesResource, lake: LakeResource
) -> dg.MaterializeResult:
    """A file of NLM's bulk sites; one of PubMed is checked against the md5 published beside it."""
    with bad_data_is_final():
        downloader = sources.downloader()
        url = url_of(context.partition_key, lake.open(), sources)
        destination = sources.archive_destination(Path(url).name)
        md5 = None
        if not holds_full_texts(destination.name):  # beside files of PMC none is published
            side_file = destination.with_name(f"{destination.name}.md5")
            downloader.fetch(f"{url}.md5", side_file, trouble=context.log.warning)
            md5 = published_md5(side_file, destination.name)
        fetched = downloader.fetch(
            url,
            destination,
            md5=md5,
            progress=progress_of(url, context.log),
            trouble=context.log.warning,
        )
    return _fetched(fetched, url=url)


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
