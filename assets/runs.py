"""The whole graph in order, in one process: what `demo` and the job `whole_graph` do.

One run for each partition, so that a file that cannot be read fails alone; the graph is then made
of the others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from assets.audits import AUDITS
from assets.layers import (
    CORPUS_LAYER,
    CURATION_LAYER,
    FILE_LAYER,
    INDEX_LAYER,
    MAPPING_LAYER,
    ONTOLOGY_LAYER,
    REPORT_LAYER,
)
from assets.partitions import pubmed_files
from assets.replaying import DICTIONARY, LINKING, Replayed, replay
from assets.sources import list_published
from kazu_platform.citations.files import file_order
from kazu_platform.errors import SourceError
from resources.dagster_home import PROCESS_TAG
from resources.sources import SourcesResource

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
SURFACES_ONLY = dg.AssetSelection.assets("surfaces")

Progress = Callable[[str, int, int], None]
Run = tuple[str, dg.AssetSelection, str | None]


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


def register_pubmed_files(instance: dg.DagsterInstance, sources: SourcesResource) -> list[str]:
    """Make a partition of every published file; return all of them in the order of truth."""
    catalogue = sources.catalogue()
    if catalogue.pubmed is None:
        return []
    files = sorted(list_published(sources, sources.downloader()), key=file_order)
    instance.add_dynamic_partitions(str(pubmed_files.name), files)
    return files


def materialise_everything(
    assets: Sequence[dg.AssetsDefinition],
    resources: Mapping[str, Any],
    instance: dg.DagsterInstance,
    sources: SourcesResource,
    progress: Progress = lambda _what, _done, _total: None,
) -> Summary:
    """Materialise every asset and partition; a failed partition does not stop the others.

    Raises:
        DagsterExecutionInterruptedError: somebody stopped it; what was published stays.
    """
    summary = Summary()
    ontologies = [source.name for source in sources.catalogue().ontologies]
    try:
        files = register_pubmed_files(instance, sources)
    except SourceError as error:
        files = []
        summary.failed.append(Failed("pubmed files", str(error)))
    steps: list[Run] = [
        ("curations", CURATION_LAYER, None),
        *((name, ONTOLOGY_LAYER, name) for name in ontologies),
        *((source.name, MAPPING_LAYER, source.name) for source in sources.catalogue().mappings),
        ("indices", INDEX_LAYER, None),
        *((name, FILE_LAYER, name) for name in files),
        # Reports need the surfaces, and the warehouse shows the reports.
        ("reports", REPORT_LAYER | SURFACES_ONLY, None),
        ("graph", CORPUS_LAYER, None),
    ]
    summary.failed += _run_each(steps, assets, resources, instance, progress)
    failed = {each.what for each in summary.failed}
    summary.ontologies = Tally(len(set(ontologies) - failed), len(ontologies))
    summary.files = Tally(len(set(files) - failed), len(files))
    return summary


def replay_quarantine(
    assets: Sequence[dg.AssetsDefinition],
    resources: Mapping[str, Any],
    instance: dg.DagsterInstance,
    progress: Progress = lambda _what, _done, _total: None,
) -> tuple[list[Replayed], list[Failed]]:
    """Try what was set aside once more, then bring what is made of it up to date.

    Raises:
        DagsterExecutionInterruptedError: somebody stopped it; what was published stays.
    """
    lake, store = resources["lake"].open(), resources["artifacts"].open()
    replayed: list[Replayed] = []
    for each in replay(lake, store, resources["compute"]):
        replayed.append(each)
        progress(f"{each.stage} {each.partition}", len(replayed), len(replayed))
    changed = [each for each in replayed if each.stage == LINKING or each.left < each.tried]
    files = [each.partition for each in changed if each.stage == DICTIONARY]
    instance.add_dynamic_partitions(str(pubmed_files.name), files)
    steps: list[Run] = [(file, dg.AssetSelection.assets("mentions"), file) for file in files]
    steps += [("graph", CORPUS_LAYER, None)] if changed else []
    return replayed, _run_each(steps, assets, resources, instance, progress)


def _run_each(
    steps: Sequence[Run],
    assets: Sequence[dg.AssetsDefinition],
    resources: Mapping[str, Any],
    instance: dg.DagsterInstance,
    progress: Progress,
) -> list[Failed]:
    failed: list[Failed] = []
    for done, (what, layer, partition) in enumerate(steps):
        progress(what, done, len(steps))
        run = dg.materialize(
            [*assets, *AUDITS],  # pyright: ignore[reportArgumentType] - checks are taken too
            selection=layer,
            partition_key=partition,
            instance=instance,
            resources=resources,
            run_config=QUIET,
            raise_on_error=False,
            tags={"kazu/launched_by": "whole_graph", PROCESS_TAG: str(os.getpid())},
        )
        if _was_stopped(run):
            raise dg.DagsterExecutionInterruptedError(f"Stopped at {what}.")
        failed += [Failed(what, why) for why in _failures(run)]
    progress("done", len(steps), len(steps))
    return failed


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
