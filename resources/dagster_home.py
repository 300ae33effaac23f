"""Dagster's own folder: where runs, events and schedules are kept on one machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

import dagster as dg

from kazu_platform.errors import ConfigurationError

# One writer for tables of the whole corpus; two polite connections to a download site.
POOLS = {"corpus": 1, "downloads": 2, "training": 1}
PROCESS_TAG = "kazu/process"

_EVENT_LOG = """\
event_log_storage:
  module: resources.event_log
  class: KeptSqliteEventLogStorage
  config: {}
"""
_CONFIG = """\
nux:
  enabled: false
telemetry:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 2
  pools:
    granularity: op
run_monitoring:
  enabled: true
  free_slots_after_run_end_seconds: 60
run_retries:
  enabled: true
  max_retries: 2
  retry_on_asset_or_op_failure: false
"""


def open_instance(home: Path) -> dg.DagsterInstance:
    """The Dagster instance of that folder, made if it is new, with our pools' limits set.

    Raises:
        ConfigurationError: Dagster cannot keep its database in a folder of that name.
    """
    if {"?", "%"} & set(str(home)):
        raise ConfigurationError(
            f"{home}: Dagster takes ? and % in a path for parts of a URL; set KAZU_HOME to another."
        )
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    if not config.exists():
        config.write_text(_CONFIG + _EVENT_LOG, "utf-8")
    elif not re.search(r"(?m)^(event_log_)?storage:", written := config.read_text("utf-8")):
        # A home of before; its events stay where they are.
        config.write_text(f"{written.rstrip()}\n{_EVENT_LOG}", "utf-8")
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    instance = dg.DagsterInstance.from_config(str(home))
    for pool, limit in POOLS.items():
        instance.event_log_storage.set_concurrency_slots(pool, limit)
    bury_dead_runs(instance)
    return instance


def bury_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Give back the pool slots of runs that ended, or whose process was killed.

    The daemon does this for runs that it launched. A run inside a process of ours says which in
    its tags; if that process is gone the run would hold its slots for ever, and the next one wait.

    Returns:
        Ids of the runs that held slots.
    """
    storage = instance.event_log_storage
    buried: list[str] = []
    for run_id in sorted(storage.get_concurrency_run_ids()):
        run = instance.get_run_by_id(run_id)
        pid = run.tags.get(PROCESS_TAG) if run else None
        killed = pid is not None and not _is_alive(int(pid))
        if run is None or run.is_finished or killed:
            if run and not run.is_finished:
                instance.report_run_failed(run, message=f"Its process {pid} was killed.")
            storage.free_concurrency_slots_for_run(run_id)
            buried.append(run_id)
    return buried


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
