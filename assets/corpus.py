"""Files of PubMed and PMC become citations and sentences; all together say what is current."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
import pyarrow as pa

from assets import gates
from assets.growth import growth
from assets.listing import read_listing
from assets.making import Events, Recipe, make, seen
from assets.partitions import pubmed_files
from assets.plots import bars
from assets.results import OWNERS, RETRY, definition_metadata, final_errors
from kazu_platform.citations.current import current_citations as replay
from kazu_platform.citations.parsing import parse_file, parser_version
from kazu_platform.citations.passages import split_into_sentences
from kazu_platform.citations.published import superseded
from kazu_platform.citations.pubmed import PARSER_VERSION
from kazu_platform.storage.downloads import fetched_file
from kazu_platform.storage.lake import Lake, Staged
from kazu_platform.tables import (
    CITATIONS,
    CURRENT_CITATIONS,
    DELETIONS,
    MENTIONS,
    QUARANTINE,
    SENTENCES,
)
from kazu_platform.text.sentences import SPLITTER_VERSION
from resources.sources import SourcesResource
from resources.storage import LakeResource

GROUP = "corpus"
CURRENT_VERSION = "4"
STATE_COLUMNS = ["pmid", "doc_id", "version", "content_hash", "retracted", "file", "position"]


@dg.multi_asset(
    name="citations",
    partitions_def=pubmed_files,
    specs=[
        dg.AssetSpec(
            table.name,
            deps=["pubmed_archives"],
            description=description,
            group_name=GROUP,
            kinds={"xml", "parquet"},
            owners=OWNERS,
            code_version=PARSER_VERSION,
            metadata=definition_metadata(table),
        )
        for table, description in (
            (CITATIONS, "Every version of every citation in a file, with its text in sections."),
            (DELETIONS, "The PMIDs that a file deletes."),
        )
    ],
    check_specs=[
        gates.spec(table, name, text, partitions_def=pubmed_files)
        for table, name, text in (
            (CITATIONS, "few_set_aside", "At most one citation in twenty could not be read."),
            (DELETIONS, "keys_are_unique", "A list deletes a PMID once."),
        )
    ],
    retry_policy=RETRY,
)
@final_errors
def citations(
    context: dg.AssetExecutionContext, sources: SourcesResource, lake: LakeResource
) -> Events:
    """Parse a file of PubMed or PMC; what cannot be read is set aside with its reason."""
    tables, file = lake.open(), context.partition_key
    path = sources.archive(file)
    inputs = {"file": fetched_file(path).sha256, "code": parser_version(path)}
    deletions: list[pa.Table] = [DELETIONS.empty()]
    set_aside: list[pa.Table] = [QUARANTINE.empty()]

    def parsed() -> Iterator[pa.Table]:
        for batch in parse_file(path, file=file):
            deletions.append(batch.deletions)
            set_aside.append(batch.set_aside)
            yield batch.citations

    def deleted() -> pa.Table:
        if len(deletions) == 1:  # the citations were live already; read the file for its lists
            for _ in parsed():
                pass
        return pa.concat_tables(deletions)

    def few_set_aside(staged: Staged) -> dg.AssetCheckResult:
        kept = staged.n_rows + n_rows(deletions)
        return gates.few_set_aside(CITATIONS, kept, n_rows(set_aside))

    def explain() -> None:
        tables.write(QUARANTINE, pa.concat_tables(set_aside), partition=f"citations/{file}")

    def figures() -> dict[str, float]:
        documents = tables.pointer(CITATIONS, file).n_rows
        return {"documents": documents, "set_aside": n_rows(set_aside)}

    def pictures() -> dict[str, dg.MetadataValue]:
        years = tables.read(CITATIONS, file, columns=["pub_year"])["pub_year"].combine_chunks()
        return {"years": bars(years.drop_null().value_counts(), "citations a year")}

    yield from make(
        tables,
        Recipe(
            table=CITATIONS,
            partition=file,
            inputs=inputs,
            rows=parsed,
            gates={"few_set_aside": few_set_aside},
            explain=explain,
            figures=figures,
            pictures=pictures,
        ),
        Recipe(DELETIONS, file, inputs, deleted, {"keys_are_unique": gates.keys_are_unique}),
    )


@dg.asset(
    partitions_def=pubmed_files,
    deps=["citations"],
    group_name=GROUP,
    kinds={"parquet"},
    owners=OWNERS,
    retry_policy=RETRY,
    code_version=SPLITTER_VERSION,
    metadata=definition_metadata(SENTENCES),
    check_specs=[
        gates.spec(
            SENTENCES,
            "keys_are_unique",
            "A sentence of a text stands there once.",
            partitions_def=pubmed_files,
        )
    ],
)
@final_errors
def sentences(context: dg.AssetExecutionContext, lake: LakeResource) -> Events:
    """Borders of the sentences of a file's citations."""
    tables, file = lake.open(), context.partition_key
    source = tables.pointer(CITATIONS, file)

    def split() -> Iterator[pa.Table]:
        columns = ["doc_id", "content_hash", "sections"]
        for batch in tables.read_batches(CITATIONS, file, columns=columns):
            yield split_into_sentences(pa.Table.from_batches([batch]))

    yield from make(
        tables,
        Recipe(
            table=SENTENCES,
            partition=file,
            inputs={"citations": source.data_version, "splitter": SPLITTER_VERSION},
            rows=split,
            gates={"keys_are_unique": gates.keys_are_unique},
            figures=lambda: {"documents": source.n_rows},
        ),
    )


@dg.asset(
    deps=["citations", "deletions", "mentions", "published_files"],
    group_name=GROUP,
    kinds={"duckdb"},
    owners=OWNERS,
    retry_policy=RETRY,
    pool="corpus",
    code_version=CURRENT_VERSION,
    metadata=definition_metadata(CURRENT_CITATIONS),
    check_specs=[
        gates.spec(
            CURRENT_CITATIONS, "keys_are_unique", "An article stands once in what is current."
        )
    ],
)
@final_errors
def current_citations(lake: LakeResource) -> Events:
    """Each article as it stands after all files in their order, whatever order they arrived in.

    A file's texts count once it has been read, so that none takes the place of one that is
    annotated before it is annotated itself; what a file deletes counts at once. Files of a year
    that a later baseline has replaced do not count.
    """
    tables = lake.open()
    before = seen(tables, CURRENT_CITATIONS)
    counted = files_that_count(tables, now=datetime.now(UTC))
    yield from make(
        tables,
        Recipe(
            table=CURRENT_CITATIONS,
            partition="all",
            inputs={
                "citations": tables.version(CITATIONS, counted.texts),
                "deletions": tables.version(DELETIONS, counted.deletions),
                "code": CURRENT_VERSION,
            },
            rows=lambda: replay(
                tables.read(CITATIONS, counted.texts, columns=STATE_COLUMNS),
                tables.read(DELETIONS, counted.deletions),
            ),
            gates={"keys_are_unique": gates.keys_are_unique},
            expected=before("all"),
            report=lambda: {
                "files": len(counted.texts),
                "not_yet_read": len(counted.unread),
                "superseded": len(counted.superseded),
                **growth(tables),
            },
        ),
    )


@dataclass(frozen=True)
class Counted:
    """Files whose citations and deletions count, and those whose citations do not, and why."""

    texts: list[str]
    deletions: list[str]
    unread: list[str]
    superseded: list[str]


def files_that_count(tables: Lake, *, now: datetime) -> Counted:
    """Which files of the lake say what is current."""
    files, read = tables.partitions(CITATIONS), set(tables.partitions(MENTIONS))
    former = set(superseded(read_listing(tables), files, read, now=now))
    return Counted(
        texts=[file for file in files if file in read and file not in former],
        deletions=[file for file in tables.partitions(DELETIONS) if file not in former],
        unread=[file for file in files if file not in read and file not in former],
        superseded=[file for file in files if file in former],
    )


def n_rows(tables: list[pa.Table]) -> int:
    """Rows of several tables together."""
    return sum(table.num_rows for table in tables)
