"""Schedules: what happens by the clock. What happens because of it is in `sensors`."""

from __future__ import annotations

from typing import Any

import dagster as dg

CRON = "0 2 * * *"


def nightly_schedule(job: Any, *, time_zone: str, running: bool) -> dg.ScheduleDefinition:  # noqa: ANN401 - a job that Dagster resolves has no public type
    """List what is published, at two in the morning.

    Args:
        job: lists the folders and registers new files.
        time_zone: in whose two o'clock.
        running: on unless somebody turns it off; else the other way round.
    """
    status = dg.DefaultScheduleStatus
    return dg.ScheduleDefinition(
        name="nightly",
        job=job,
        cron_schedule=CRON,
        execution_timezone=time_zone,
        default_status=status.RUNNING if running else status.STOPPED,
        tags={"kazu/launched_by": "nightly"},
        description="Lists the PubMed and PMC folders; `new_files` asks for what is new.",
    )
