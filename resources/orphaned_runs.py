"""Runs whose code server is gone.

Dagster's default launcher makes runs processes of the code server, and knows nothing of them when
it dies with them: they would be called running for ever and keep their places in pools. Where one
container holds that server, nothing of it is alive when the next one begins:

    python -m resources.orphaned_runs        before the server begins: ids of the runs
    python -m resources.orphaned_runs ID...  while it answers: end them, and run retries begin them
                                             again, which needs the server

Launchers that see to their runs themselves, such as that of Kubernetes, are left alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import dagster as dg
from dagster._core.launcher import DefaultRunLauncher

from resources.dagster_home import PROCESS_TAG

_UNDER_WAY = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_WHY = "The code server that it ran in is gone."


def orphaned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Ids of runs that are called running. Ask while no code server is up."""
    if not isinstance(instance.run_launcher, DefaultRunLauncher):
        return []
    runs = instance.get_runs(dg.RunsFilter(statuses=_UNDER_WAY))
    # What nobody began is still to be queued, unless it was a run inside a process.
    new = dg.DagsterRunStatus.NOT_STARTED
    return [run.run_id for run in runs if run.status is not new or PROCESS_TAG in run.tags]


def bury(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    """Report runs as ended, if nobody did, and free their places in pools."""
    for run_id in run_ids:
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            # What a run did in runs of its own, it does again when it is begun again itself.
            is_part = PROCESS_TAG in run.tags
            if is_part or run.status is dg.DagsterRunStatus.CANCELING:
                instance.report_run_canceled(run, message=_WHY)
            else:
                instance.report_run_failed(run, message=_WHY)
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)


if __name__ == "__main__":
    with dg.DagsterInstance.from_config(os.environ["DAGSTER_HOME"]) as here:
        if given := sys.argv[1:]:
            bury(here, given)
        else:
            sys.stdout.writelines(f"{run_id}\n" for run_id in orphaned_runs(here))
