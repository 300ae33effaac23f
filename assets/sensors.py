"""Sensors: what happens because of something else. None of them talks to another machine.

`new_files` carries published update files to the warehouse: a run of `pubmed_file` for each, some
at a time, and one of `graph` once none is left. The baseline is 1,500 files and is read when
somebody launches a backfill.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import dagster as dg

from assets.listing import read_listing
from assets.partitions import pubmed_files
from kazu_platform.citations.published import UPDATE, published_now
from kazu_platform.documents import digest
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import MENTIONS
from resources.storage import LakeResource

NIGHTLY = {"kazu/launched_by": "nightly"}
FILE_JOB, GRAPH_JOB = "pubmed_file", "graph"
PARTITION_TAG = "dagster/partition"
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dataclass(frozen=True)
class Progress:
    """How far the night's work is: the cursor of the sensor.

    Attributes:
        asked: update files that need not be asked for (again), as long as they are published.
        waiting: those of them whose mentions the graph has yet to see.
    """

    asked: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()

    @classmethod
    def of(cls, cursor: str | None) -> Self:
        """What a cursor says; nothing was asked for if there is none."""
        found = json.loads(cursor) if cursor else {}
        return cls(tuple(found.get("asked", ())), tuple(found.get("waiting", ())))

    def cursor(self) -> str:
        """The same as text."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Ask:
    """What to do now: files to read, or files that the graph is to be made with."""

    files: tuple[str, ...]
    graph: tuple[str, ...]
    then: Progress
    why_nothing: str


def next_step(  # noqa: PLR0913 - what there is to know
    progress: Progress,
    updates: Sequence[str],
    *,
    is_read: Callable[[str], bool],
    is_busy: Callable[[str], bool],
    under_way: Collection[str],
    graph_under_way: bool,
    at_most: int,
) -> Ask:
    """What the night's work needs next.

    Args:
        progress: what was asked for.
        updates: published update files, in their order.
        is_read: whether a file is annotated.
        is_busy: whether a run that somebody launched is queued or at work for a file.
        under_way: files for which a run that the night asked for is queued or at work.
        graph_under_way: whether such a run makes the graph.
        at_most: so many files may be under way.
    """
    known = set(progress.asked)
    asked = [file for file in updates if file in known]
    files: list[str] = []
    for file in (file for file in updates if file not in known):
        if is_read(file):
            asked.append(file)
        elif len(under_way) + len(files) >= at_most:
            break
        elif not is_busy(file):  # else look again later
            files.append(file)
    waiting = [*progress.waiting, *files]
    done = [file for file in waiting if file not in under_way and is_read(file)]
    batch_is_over = not (files or under_way or graph_under_way)
    graph = tuple(done) if batch_is_over else ()
    then = Progress((*asked, *files), tuple(file for file in waiting if file not in graph))
    return Ask(tuple(files), graph, then, _why_nothing(then, updates, under_way))


def _why_nothing(progress: Progress, updates: Sequence[str], under_way: Collection[str]) -> str:
    if under_way:
        return f"{len(under_way)} files are being read: {', '.join(sorted(under_way))}."
    if progress.waiting:
        return (
            f"{', '.join(progress.waiting)}: asked for and not read. Look at the runs that failed; "
            "when they are launched again, the graph follows."
        )
    if not updates:
        return "No update file is listed; the job register_files lists them."
    return f"Nothing is new: {updates[-1]} is the last of {len(updates)} update files."


def new_files_sensor(
    jobs: Sequence[Any], *, at_most: int, seconds: int, running: bool
) -> dg.SensorDefinition:
    """Asks for what the night needs.

    Args:
        jobs: `pubmed_file` and `graph`.
        at_most: files that may be under way at once.
        seconds: between two looks.
        running: on unless somebody turns it off; else the other way round.
    """

    @dg.sensor(
        name="new_files",
        jobs=jobs,
        minimum_interval_seconds=seconds,
        default_status=(
            dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED
        ),
    )
    def new_files(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult:
        """A run for each published update file that was not read, then one for the graph."""
        tables, instance = lake.open(), context.instance
        ask = next_step(
            Progress.of(context.cursor),
            published_now(read_listing(tables), UPDATE),
            is_read=lambda file: tables.live(MENTIONS, file) is not None,
            is_busy=lambda file: _is_unfinished(instance, FILE_JOB, {PARTITION_TAG: file}),
            under_way=files_under_way(instance),
            graph_under_way=_is_unfinished(instance, GRAPH_JOB, NIGHTLY),
            at_most=at_most,
        )
        unknown = set(ask.files) - set(instance.get_dynamic_partitions(str(pubmed_files.name)))
        requests = [_of_file(file) for file in ask.files]
        requests += [_of_graph(tables, ask.graph)] if ask.graph else []
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else ask.why_nothing,
            cursor=ask.then.cursor(),
            dynamic_partitions_requests=(
                [pubmed_files.build_add_request(sorted(unknown))] if unknown else []
            ),
        )

    return new_files


def files_under_way(instance: dg.DagsterInstance) -> set[str]:
    """Files that the night asked for and that a run is queued or at work for."""
    unfinished = dg.RunsFilter(job_name=FILE_JOB, statuses=UNFINISHED, tags=NIGHTLY)
    return {run.tags.get(PARTITION_TAG, run.run_id) for run in instance.get_runs(unfinished)}


def _is_unfinished(instance: dg.DagsterInstance, job: str, tags: Mapping[str, str]) -> bool:
    runs = dg.RunsFilter(job_name=job, statuses=UNFINISHED, tags=tags)
    return instance.get_runs_count(runs) > 0


def _of_file(file: str) -> dg.RunRequest:
    """A run key is never used twice, so a lost cursor does not have a file read again."""
    return dg.RunRequest(
        run_key=file, job_name=FILE_JOB, partition_key=file, tags={**NIGHTLY, "kazu/file": file}
    )


def _of_graph(tables: Lake, files: Sequence[str]) -> dg.RunRequest:
    made = (f"{file}\t{tables.pointer(MENTIONS, file).generation}" for file in files)
    return dg.RunRequest(
        run_key=f"graph-{digest(*made)}",
        job_name=GRAPH_JOB,
        tags={**NIGHTLY, "kazu/files": f"{files[0]} to {files[-1]}"},
    )
