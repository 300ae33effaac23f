"""Runs in order, in one process: what `demo`, the job `whole_graph` and `curate apply` do.

One run for each partition, so that a file that cannot be read fails alone; the graph is then made
of the others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import dagster as dg

from assets.audits import AUDITS
from assets.layers import (
    CORPUS_LAYER,
    CORPUS_OF_LABELS_LAYER,
    CURATION_LAYER,
    FILE_LAYER,
    INDEX_LAYER,
    LINK_LAYER,
    LISTING_LAYER,
    MAPPING_LAYER,
    MENTION_LAYER,
    MODEL_LAYER,
    ONTOLOGY_LAYER,
    REPORT_LAYER,
    VECTORS_ONLY,
)
from assets.learning import corpora_of
from assets.listing import read_listing
from assets.partitions import pubmed_files
from assets.replaying import LINKING, Replayed, replay, set_aside_in
from assets.vocabularies import curated_otherwise
from kazu_platform.citations.files import file_order
from kazu_platform.citations.published import published_now
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import DICTIONARY_MENTIONS
from resources.dagster_home import PROCESS_TAG
from resources.sources import SourcesResource

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
MENTIONS_ONLY = dg.AssetSelection.assets("mentions")
CURATIONS_ONLY = dg.AssetSelection.assets("curations")
SIMILAR_ONLY = dg.AssetSelection.assets("similar_names")
WAREHOUSE_ONLY = dg.AssetSelection.assets("warehouse").without_checks()
NAMES_ONLY = dg.AssetSelection.assets("concepts", "synonyms", "concept_relations", "concept_xrefs")

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Failed:
    """A run that did not succeed, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class Tally:
    """How many were made, of how many."""

    made: int
    wanted: int

    def __str__(self) -> str:
        return f"{self.made}" if self.made == self.wanted else f"{self.made} of {self.wanted}"


@dataclass
class Summary:
    """What became of all runs."""

    ontologies: Tally = field(default_factory=lambda: Tally(0, 0))
    files: Tally = field(default_factory=lambda: Tally(0, 0))
    failed: list[Failed] = field(default_factory=list[Failed])


@dataclass(frozen=True)
class Graph:
    """The assets, and where a run of them happens."""

    assets: Sequence[dg.AssetsDefinition]
    resources: Mapping[str, Any]
    instance: dg.DagsterInstance


def materialise_everything(
    graph: Graph,
    sources: SourcesResource,
    progress: Progress = lambda _what, _done, _total: None,
) -> Summary:
    """Materialise every asset and partition; a failed partition does not stop the others.

    Raises:
        DagsterExecutionInterruptedError: somebody stopped it; what was published stays.
    """
    catalogue = sources.catalogue()
    ontologies = [source.name for source in catalogue.ontologies]
    unlisted = list(
        _take([Step("published files", LISTING_LAYER)], graph, progress, by="whole_graph")
    )
    tables: Lake = graph.resources["lake"].open()
    files = [] if unlisted else published_now(read_listing(tables))
    steps = [
        Step("curations", CURATION_LAYER),
        *(Step(name, ONTOLOGY_LAYER, name) for name in ontologies),
        *(Step(source.name, MAPPING_LAYER, source.name) for source in catalogue.mappings),
        Step("indices", INDEX_LAYER),
        *(Step(name, FILE_LAYER, name) for name in files),
        # Reports need the links, and the warehouse shows the reports.
        Step("links", LINK_LAYER),
        Step("reports", REPORT_LAYER),
        Step("graph", CORPUS_LAYER - LINK_LAYER),
    ]
    failed = [*unlisted, *_take(steps, graph, progress, by="whole_graph")]
    return _summary(ontologies, files, failed)


def train_everything(
    graph: Graph,
    sources: SourcesResource,
    progress: Progress = lambda _what, _done, _total: None,
) -> list[Failed]:
    """Read every corpus of the catalogue, then make each stage of the model, and judge it.

    A stage whose inputs are what they were is not trained again. Without every corpus nothing is
    trained: the model would be another one than the catalogue says.

    Raises:
        DagsterExecutionInterruptedError: somebody stopped it; what was begun is gone on with.
    """
    steps = [Step(name, CORPUS_OF_LABELS_LAYER, name) for name in corpora_of(sources)]
    failed = list(_take(steps, graph, progress, by="train_ner"))
    if not failed:
        failed = list(_take([Step("model", MODEL_LAYER)], graph, progress, by="train_ner"))
    return failed


def put_curations_into_effect(
    graph: Graph,
    sources: SourcesResource,
    lake: Lake,
    progress: Progress = lambda _what, _done, _total: None,
    in_effect: Callable[[], None] = lambda: None,
) -> Summary:
    """Bring the curations of the catalogue into effect, and nothing else up to date.

    Only ontologies that a changed curation concerns are made again, and of each file only what
    its names touch. Queries for mentions and links see it before the reports and the graph follow.

    Args:
        graph: the assets.
        sources: of the catalogue.
        lake: where the tables are.
        progress: told what is made, how many steps are done, and of how many.
        in_effect: called once queries for mentions and links see the decisions.

    Raises:
        DagsterExecutionInterruptedError: somebody stopped it; what was published stays.
    """
    by = "curate apply"
    failed = list(_take([Step("curations", CURATION_LAYER)], graph, progress, by=by))
    if failed:
        return _summary([], [], failed)
    ontologies = curated_otherwise(lake, sources)
    files = sorted(lake.partitions(DICTIONARY_MENTIONS), key=file_order)
    # A lake may be older than the records of the runs that filled it.
    graph.instance.add_dynamic_partitions(str(pubmed_files.name), files)
    steps = [
        *(Step(name, NAMES_ONLY, name) for name in ontologies),
        # A decision does not wait for vectors: the linking index says which names count.
        Step("indices", INDEX_LAYER - CURATIONS_ONLY - SIMILAR_ONLY),
        *(Step(name, MENTION_LAYER, name) for name in files),
        Step("links", LINK_LAYER - VECTORS_ONLY),
        Step("warehouse", WAREHOUSE_ONLY, done=in_effect),
        Step("reports", REPORT_LAYER | CURATIONS_ONLY),
        Step("graph", CORPUS_LAYER - LINK_LAYER),
    ]
    return _summary(ontologies, files, list(_take(steps, graph, progress, by=by)))


def replay_quarantine(
    graph: Graph, progress: Progress = lambda _what, _done, _total: None
) -> tuple[list[Replayed], list[Failed]]:
    """Try what was set aside once more, then bring what is made of it up to date.

    Raises:
        DagsterExecutionInterruptedError: somebody stopped it; what was published stays.
    """
    lake, store = graph.resources["lake"].open(), graph.resources["artifacts"].open()
    chosen = graph.resources["sources"].catalogue().reader
    model = graph.resources["artifacts"].reader_in_use(chosen)
    replayed = list(replay(lake, store, graph.resources["compute"], progress, model=model))
    changed = [each for each in replayed if each.stage == LINKING or each.left < each.tried]
    files = list(dict.fromkeys(each.partition for each in changed if each.stage != LINKING))
    graph.instance.add_dynamic_partitions(str(pubmed_files.name), files)
    steps = [Step(file, MENTIONS_ONLY, file) for file in files]
    steps += [Step("graph", CORPUS_LAYER)] if changed else []
    failed = list(_take(steps, graph, progress, by="replay_quarantine"))
    still = set_aside_in(lake, LINKING)  # surfaces were tried by the run of the graph
    replayed = [
        replace(each, left=still.get(each.partition, 0)) if each.stage == LINKING else each
        for each in replayed
    ]
    return replayed, failed


@dataclass(frozen=True)
class Step:
    """A run: what it is called, what it makes, of which partition; whom to tell, if all is well."""

    what: str
    layer: dg.AssetSelection
    partition: str | None = None
    done: Callable[[], None] = lambda: None


def _take(steps: Sequence[Step], graph: Graph, progress: Progress, *, by: str) -> Iterator[Failed]:
    """Make a run of each step, tagged with who launched it; yield what failed."""
    all_well = True
    for done, step in enumerate(steps):
        progress(step.what, done, len(steps))
        run = dg.materialize(
            [*graph.assets, *AUDITS],  # pyright: ignore[reportArgumentType] - checks are taken too
            selection=step.layer,
            partition_key=step.partition,
            instance=graph.instance,
            resources=graph.resources,
            run_config=QUIET,
            raise_on_error=False,
            tags={"kazu/launched_by": by, PROCESS_TAG: str(os.getpid())},
        )
        if _was_stopped(run):
            raise dg.DagsterExecutionInterruptedError(f"Stopped at {step.what}.")
        failures = [Failed(step.what, why) for why in _failures(run)]
        yield from failures
        all_well = all_well and not failures
        if all_well:
            step.done()
    progress("done", len(steps), len(steps))


def _summary(
    ontologies: Sequence[str], files: Sequence[str], failures: Sequence[Failed]
) -> Summary:
    failed = {each.what for each in failures}
    return Summary(
        Tally(len(set(ontologies) - failed), len(ontologies)),
        Tally(len(set(files) - failed), len(files)),
        list(failures),
    )


def _was_stopped(run: dg.ExecuteInProcessResult) -> bool:
    """Whether a run was interrupted; Dagster reports that as the failure of its step."""
    errors = (e.step_failure_data.error for e in run.all_events if e.is_step_failure)
    return any(e and e.cls_name == dg.DagsterExecutionInterruptedError.__name__ for e in errors)


def _failures(run: dg.ExecuteInProcessResult) -> Iterator[str]:
    for event in run.all_events:
        if event.is_step_failure:
            user = event.step_failure_data.user_failure_data
            error = event.step_failure_data.error
            while error and error.cause:  # the outermost only says that retries are used up
                error = error.cause
            cause = (user.description if user else None) or (error.message if error else "")
            yield f"{event.step_key}: {cause.strip()}"
