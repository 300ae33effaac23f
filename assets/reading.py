"""Citations become mentions: each detector reads on its own, then their findings are combined.

What a mention means is decided later: a new vocabulary re-links without reading again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial

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
from kazu_platform.execution.steps import Step
from kazu_platform.linking.context import CONTEXT_VERSION, update_context, with_context
from kazu_platform.linking.open import open_linker
from kazu_platform.linking.taxa import taxa_of
from kazu_platform.ner.defined import definitions
from kazu_platform.ner.dictionary import RULES_VERSION
from kazu_platform.ner.documented import with_names_of_documents
from kazu_platform.ner.found import NO_MODEL, found_in, inputs_of_model, joining_inputs
from kazu_platform.ner.model import CANDIDATES_VERSION, MODEL_VERSION
from kazu_platform.ner.steps import DictionaryStep, ModelStep
from kazu_platform.storage.artifacts import ArtifactStore
from kazu_platform.storage.lake import Lake, Staged
from kazu_platform.tables import (
    CITATIONS,
    DICTIONARY_MENTIONS,
    MENTIONS,
    MODEL_MENTIONS,
    QUARANTINE,
    SENTENCES,
    Table,
)
from resources.compute import ComputeResource
from resources.sources import SourcesResource
from resources.storage import ArtifactsResource, LakeResource

GROUP = "reading"
TEXT_COLUMNS = ["doc_id", "content_hash", "sections"]


def read_passages(lake: Lake, file: str) -> pa.Table:
    """The text of a file's citations with the borders of its sentences."""
    texts = lake.read(CITATIONS, file, columns=TEXT_COLUMNS)
    return passages(texts, lake.read(SENTENCES, file))


@dataclass
class Reading:
    """A file that a step reads: what it could not read, and where it was done.

    Attributes:
        tables: the lake.
        compute: where the step runs.
        step: finds mentions.
        table: where they go.
        file: the partition.
        texts: reads the passages of the file.
        log: told how far it is.
    """

    tables: Lake
    compute: ComputeResource
    step: Step
    table: Table
    file: str
    texts: Callable[[], pa.Table]
    log: Callable[[str], None]
    set_aside: list[pa.Table] = field(default_factory=lambda: [QUARANTINE.empty()])
    done: dict[str, int | str] = field(default_factory=lambda: {"documents_detected": 0})
    peak_memory_bytes: int = 0

    @cached_property
    def n_documents(self) -> int:
        """Texts in the file."""
        return self.tables.pointer(CITATIONS, self.file).n_rows

    def rows(self) -> Iterator[pa.Table]:
        """Read everything."""
        n_read = 0

        def report(documents: int) -> None:
            nonlocal n_read
            n_read += documents
            self.log(f"{n_read} of {self.n_documents} documents read")

        work = self.compute.run(self.step, [self.texts()], file=self.file, progress=report)
        for outcome in work:
            self.set_aside.append(outcome.set_aside)
            yield outcome.rows
        self.done.update(figures_of(work.account))
        self.peak_memory_bytes = work.account.peak_memory_bytes

    def recipe(self, inputs: Mapping[str, str]) -> Recipe:
        """How the mentions of the file are made by reading all of it.

        Args:
            inputs: what they depend on.
        """
        live = self.tables.live(self.table, self.file)
        return Recipe(
            table=self.table,
            partition=self.file,
            inputs=inputs,
            rows=self.rows,
            gates={"few_set_aside": self._few_set_aside},
            explain=lambda: _set_aside(
                self.tables, self.step.name, self.file, pa.concat_tables(self.set_aside)
            ),
            figures=lambda: {
                "documents": self.n_documents,
                "set_aside": n_rows(self.set_aside),
                "peak_memory_bytes": self.peak_memory_bytes,
            },
            report=lambda: self.done,
            after=lambda: self.compute.published(self.step, file=self.file),
            expected=live.generation if live else None,
        )

    def _few_set_aside(self, _staged: Staged) -> dg.AssetCheckResult:
        aside = n_rows(self.set_aside)
        result = gates.few_set_aside(
            self.table, self.n_documents - aside, aside, max_share=self.compute.max_share
        )
        if not result.passed:  # whoever mends what failed has the file read anew
            self.compute.published(self.step, file=self.file)
        return result


def _set_aside(tables: Lake, stage: str, file: str, rows: pa.Table) -> None:
    tables.write(QUARANTINE, rows, partition=f"{stage}/{file}")


def reading_checks(table: Table) -> list[dg.AssetCheckSpec]:
    """The gates of mentions that a step finds."""
    return [
        gates.spec(
            table,
            "few_set_aside",
            "At most one document in twenty could not be read.",
            partitions_def=pubmed_files,
        ),
        gates.spec(
            table,
            "nothing_set_aside",
            "Every document could be read.",
            partitions_def=pubmed_files,
            blocking=False,
        ),
    ]


@dg.asset(
    partitions_def=pubmed_files,
    deps=["citations", "sentences", "dictionary_index"],
    group_name=GROUP,
    kinds={"parquet"},
    owners=OWNERS,
    retry_policy=RETRY,
    code_version=RULES_VERSION,
    metadata=definition_metadata(DICTIONARY_MENTIONS),
    check_specs=reading_checks(DICTIONARY_MENTIONS),
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
    inputs = {**_inputs_of_texts(tables, file), "step": step.version}
    texts = cache(partial(read_passages, tables, file))
    again = Rematching(tables, store, compute, index, file, inputs, texts)
    reading = Reading(tables, compute, step, DICTIONARY_MENTIONS, file, texts, context.log.info)

    def rows() -> Iterator[pa.Table]:
        if (rematched := again.mentions()) is not None:
            yield rematched
        else:
            yield from reading.rows()

    recipe = replace(
        reading.recipe(inputs), rows=rows, same=again.changes_nothing, pictures=again.facts
    )
    yield from make(tables, recipe)
    aside = tables.read(QUARANTINE, f"{step.name}/{file}")
    yield gates.nothing_set_aside(DICTIONARY_MENTIONS, file, aside)


@dg.asset(
    partitions_def=pubmed_files,
    deps=["citations", "sentences"],
    group_name=GROUP,
    kinds={"onnx", "parquet"},
    owners=OWNERS,
    retry_policy=RETRY,
    code_version=f"{MODEL_VERSION}-{CANDIDATES_VERSION}",
    metadata=definition_metadata(MODEL_MENTIONS),
    check_specs=reading_checks(MODEL_MENTIONS),
)
@final_errors
def model_mentions(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    compute: ComputeResource,
    artifacts: ArtifactsResource,
    sources: SourcesResource,
) -> Events:
    """What the model in use finds in a file, down to a low probability; nothing without a model.

    A changed vocabulary does not concern it: only another text or another model is read again.
    """
    tables, file = lake.open(), context.partition_key
    model = artifacts.reader_in_use(sources.catalogue().reader)
    stage = f"{ModelStep.name}/{file}"
    if model is None:
        yield from make(tables, _without_model(tables, file))
        yield gates.nothing_set_aside(MODEL_MENTIONS, file, QUARANTINE.empty())
        return
    step = model.step(candidates=True, device=compute.device)
    read_by = inputs_of_model(step.version, model.thresholds)
    texts = cache(partial(read_passages, tables, file))
    reading = Reading(tables, compute, step, MODEL_MENTIONS, file, texts, context.log.info)
    reading.done |= {"model": model.version, "promoted": model.whence}
    yield from make(tables, reading.recipe(_inputs_of_texts(tables, file) | read_by))
    yield gates.nothing_set_aside(MODEL_MENTIONS, file, tables.read(QUARANTINE, stage))


def _without_model(tables: Lake, file: str) -> Recipe:
    """No mentions, and nothing that a former model set aside."""
    stage = ModelStep.name

    def explain() -> None:
        if tables.live(QUARANTINE, f"{stage}/{file}"):
            _set_aside(tables, stage, file, QUARANTINE.empty())

    return Recipe(
        table=MODEL_MENTIONS,
        partition=file,
        inputs={"model": NO_MODEL},
        rows=MODEL_MENTIONS.empty,
        gates={"few_set_aside": lambda _: gates.few_set_aside(MODEL_MENTIONS, 0, 0)},
        explain=explain,
        report=lambda: {"model": NO_MODEL, "documents_detected": 0},
    )


def _inputs_of_texts(tables: Lake, file: str) -> dict[str, str]:
    return {
        table.name: tables.pointer(table, file).data_version for table in (CITATIONS, SENTENCES)
    }


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
    deps=["citations", "sentences", "dictionary_mentions", "model_mentions", "linking_index"],
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
        **_inputs_of_texts(tables, file),
        "dictionary_mentions": tables.pointer(DICTIONARY_MENTIONS, file).data_version,
        "linking": index.version,
        "linker": linker.version,
        "context": CONTEXT_VERSION,
        **joining_inputs(tables, file),
    }
    may_differ = {"dictionary_mentions", "model_mentions", "linking"}
    remade = {"documents_remade": source.n_rows}
    texts = cache(partial(read_passages, tables, file))

    def rows() -> pa.Table:
        found = found_in(tables, file)
        live = made_with(tables, MENTIONS, file, inputs, but=may_differ)
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
        return with_context(named, defined, linker, taxa_of(texts()))

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
