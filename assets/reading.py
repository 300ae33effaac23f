"""Citations become mentions: each detector reads on its own, then their findings are combined.

What a mention means is decided later: a new vocabulary re-links without reading again.
"""

from collections.abc import Iterator
from functools import cache, partial

import dagster as dg
import pyarrow as pa

from assets import gates
from assets.corpus import n_rows
from assets.deltas import made_with, touched_since
from assets.making import Events, Recipe, make
from assets.partitions import pubmed_files
from assets.plots import bars
from assets.rematching import Rematching
from assets.results import OWNERS, RETRY, definition_metadata, final_errors
from kazu_platform.citations.passages import passages
from kazu_platform.execution.ledger import Account
from kazu_platform.linking.context import CONTEXT_VERSION, update_context, with_context
from kazu_platform.linking.open import open_linker
from kazu_platform.ner.combination import combine
from kazu_platform.ner.defined import definitions
from kazu_platform.ner.dictionary import RULES_VERSION
from kazu_platform.ner.documented import with_names_of_documents
from kazu_platform.ner.steps import DictionaryStep
from kazu_platform.storage.artifacts import ArtifactStore
from kazu_platform.storage.lake import Lake, Staged
from kazu_platform.tables import CITATIONS, DICTIONARY_MENTIONS, MENTIONS, QUARANTINE, SENTENCES
from resources.compute import ComputeResource
from resources.storage import ArtifactsResource, LakeResource

GROUP = "reading"
TEXT_COLUMNS = ["doc_id", "content_hash", "sections"]


def read_passages(lake: Lake, file: str) -> pa.Table:
    """The text of a file's citations with the borders of its sentences."""
    texts = lake.read(CITATIONS, file, columns=TEXT_COLUMNS)
    return passages(texts, lake.read(SENTENCES, file))


@dg.asset(
    partitions_def=pubmed_files,
    deps=["citations", "sentences", "dictionary_index"],
    group_name=GROUP,
    kinds={"parquet"},
    owners=OWNERS,
    retry_policy=RETRY,
    code_version=RULES_VERSION,
    metadata=definition_metadata(DICTIONARY_MENTIONS),
    check_specs=[
        gates.spec(
            DICTIONARY_MENTIONS,
            "few_set_aside",
            "At most one document in twenty could not be read.",
            partitions_def=pubmed_files,
        ),
        gates.spec(
            DICTIONARY_MENTIONS,
            "nothing_set_aside",
            "Every document could be read.",
            partitions_def=pubmed_files,
            blocking=False,
        ),
    ],
)
@final_errors
def dictionary_mentions(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    compute: ComputeResource,
    artifacts: ArtifactsResource,
) -> Events:
    """What the names of the vocabularies match in a file, nested and overlapping.

    Where only the vocabularies changed, what differs is matched again and the rest is kept. A file
    in which nothing comes or goes keeps its rows, and nothing behind it runs.
    """
    tables, file = lake.open(), context.partition_key
    store = artifacts.open()
    index = store.live("dictionary")
    step = DictionaryStep(str(index.content))
    source = tables.pointer(CITATIONS, file)
    inputs = {
        "citations": source.data_version,
        "sentences": tables.pointer(SENTENCES, file).data_version,
        "step": step.version,
    }
    texts = cache(partial(read_passages, tables, file))
    again = Rematching(tables, store, compute, index, file, inputs, texts)
    set_aside: list[pa.Table] = [QUARANTINE.empty()]
    done: dict[str, int | str] = {"documents_detected": 0}
    n_read = 0

    def report(documents: int) -> None:
        nonlocal n_read
        n_read += documents
        context.log.info("%d of %d documents read", n_read, source.n_rows)

    def read() -> Iterator[pa.Table]:
        if (rematched := again.mentions()) is not None:
            yield rematched
            return
        work = compute.run(step, [texts()], file=file, progress=report)
        for outcome in work:
            set_aside.append(outcome.set_aside)
            yield outcome.rows
        done.update(figures_of(work.account))

    def few_set_aside(_staged: Staged) -> dg.AssetCheckResult:
        aside = n_rows(set_aside)
        result = gates.few_set_aside(
            DICTIONARY_MENTIONS, source.n_rows - aside, aside, max_share=compute.max_share
        )
        if not result.passed:  # whoever mends what failed has the file read anew
            compute.published(step, file=file)
        return result

    def explain() -> None:
        tables.write(QUARANTINE, pa.concat_tables(set_aside), partition=f"{step.name}/{file}")

    yield from make(
        tables,
        Recipe(
            table=DICTIONARY_MENTIONS,
            partition=file,
            inputs=inputs,
            rows=read,
            same=again.changes_nothing,
            gates={"few_set_aside": few_set_aside},
            explain=explain,
            figures=lambda: {"documents": source.n_rows, "set_aside": n_rows(set_aside)},
            pictures=again.facts,
            report=lambda: done,
            after=lambda: compute.published(step, file=file),
            expected=again.live.generation if again.live else None,
        ),
    )
    aside = tables.read(QUARANTINE, f"{step.name}/{file}")
    yield gates.nothing_set_aside(DICTIONARY_MENTIONS, file, aside)


def figures_of(account: Account) -> dict[str, int | str]:
    """What a run over a partition did and where, as its asset reports it."""
    return {
        "compute": account.mode,
        "documents_detected": account.documents - account.documents_reused,
        "documents_kept_from_a_run_that_died": account.documents_reused,
        "micro_batches": account.batches,
        "workers_started": account.workers_started,
        "workers_lost": account.deaths,
        "timeouts": account.timeouts,
    }


@dg.asset(
    partitions_def=pubmed_files,
    deps=["citations", "sentences", "dictionary_mentions", "linking_index"],
    group_name=GROUP,
    kinds={"polars", "parquet"},
    owners=OWNERS,
    retry_policy=RETRY,
    code_version=CONTEXT_VERSION,
    metadata=definition_metadata(MENTIONS),
    check_specs=[
        gates.spec(MENTIONS, name, text, partitions_def=pubmed_files)
        for name, text in (
            ("keys_are_unique", "A mention of a text stands there once."),
            ("offsets_slice_to_the_mention", "`text[start:end]` is the mention."),
        )
    ],
)
@final_errors
def mentions(
    context: dg.AssetExecutionContext, lake: LakeResource, artifacts: ArtifactsResource
) -> Events:
    """Mentions in a file, whoever found them, with the context that their meaning depends on."""
    tables, store, file = lake.open(), artifacts.open(), context.partition_key
    yield from make(tables, mentions_recipe(tables, store, file))


def mentions_recipe(tables: Lake, store: ArtifactStore, file: str) -> Recipe:
    """How the mentions of a file are made, or brought up to date if only the vocabulary changed."""
    index = store.live("linking")
    linker = open_linker(index.content)
    source = tables.pointer(CITATIONS, file)
    inputs = {
        "citations": source.data_version,
        "sentences": tables.pointer(SENTENCES, file).data_version,
        "dictionary_mentions": tables.pointer(DICTIONARY_MENTIONS, file).data_version,
        "linking": index.version,
        "linker": linker.version,
        "context": CONTEXT_VERSION,
    }
    remade = {"documents_remade": source.n_rows}
    texts = cache(partial(read_passages, tables, file))

    def rows() -> pa.Table:
        found = combine([tables.read(DICTIONARY_MENTIONS, file)])
        live = made_with(tables, MENTIONS, file, inputs, but={"dictionary_mentions", "linking"})
        touched = touched_since(store, live, index)
        if touched is not None:
            updated = update_context(
                tables.read(MENTIONS, file),
                found,
                texts,
                touched,
                linker,
            )
            remade["documents_remade"] = updated.n_documents
            return updated.mentions
        defined = definitions(texts())
        named = with_names_of_documents(found, texts(), defined)
        return with_context(named, defined, linker)

    def offsets_slice_to_the_mention(staged: Staged) -> dg.AssetCheckResult:
        return gates.offsets_slice_to_the_mention(staged, texts())

    def pictures() -> dict[str, dg.MetadataValue]:
        columns = tables.read(MENTIONS, file, columns=["entity_class"])
        classes = columns["entity_class"].combine_chunks().value_counts()
        return {"classes": bars(classes, "mentions")}

    return Recipe(
        table=MENTIONS,
        partition=file,
        inputs=inputs,
        rows=rows,
        gates={
            "keys_are_unique": gates.keys_are_unique,
            "offsets_slice_to_the_mention": offsets_slice_to_the_mention,
        },
        figures=lambda: {"documents": source.n_rows, **remade},
        pictures=pictures,
    )
