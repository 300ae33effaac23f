"""Alerts: what failed for good is told to people, a line for each, in few messages.

Belongs here: the sensor, and what counts as trouble: a run that failed and is not tried again, and
a failed check of severity ERROR that no run failed for. Does not: how a text is delivered
(`resources.webhook`), what is checked (`gates`, `audits`).

What fails soon after a message is collected for the next one, and what fails in many partitions is
one line, so that a broken server is one message and not a thousand. Nothing is lost on the way: the
cursor moves when a message was taken.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord

from resources.webhook import Webhook

QUIET_SECONDS = 600.0
MAX_LINES = 5
MAX_READ = 500
MAX_CHARACTERS = 300
_UNDECIDED_SECONDS = 120.0  # Dagster decides and begins in some 10; later it failed to
_NAMED_ASSETS = 2
_WILL_RETRY = "dagster/will_retry"
_RETRIED_BY = "dagster/auto_retry_run_id"
_PARTITION = "dagster/partition"
_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
_UNNAMED = "__"  # begins the names of jobs that Dagster makes for chosen assets


@dataclass(frozen=True)
class Trouble:
    """Something that a person should look at.

    Attributes:
        what: the job, the assets or the check.
        partition: empty where there is none.
        why: one line.
        link: page of the run.
    """

    what: str
    partition: str
    why: str
    link: str


@dataclass(frozen=True)
class _Cursor:
    """What was told.

    Attributes:
        runs: the last failure of a run that was looked at.
        checks: failed checks, with the execution that failed.
        sent: when the last message was, in seconds since 1970.
    """

    runs: int
    checks: dict[str, int] = field(default_factory=dict[str, int])
    sent: float = 0.0


def alert_sensors(
    webhook: Webhook | None,
    ui_url: str,
    *,
    seconds: int = 60,
    now: Callable[[], float] = time.time,
) -> list[dg.SensorDefinition]:
    """The sensor that posts what failed, if there is a webhook.

    Args:
        webhook: where to.
        ui_url: of Dagster's pages, for links.
        seconds: between two looks.
        now: seconds since 1970.
    """
    if webhook is None:
        return []

    @dg.sensor(
        minimum_interval_seconds=seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Posts runs that failed for good, and failed checks, to KAZU_ALERT_WEBHOOK.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        instance, checks = context.instance, _checks_of(context)
        if context.cursor is None:
            return _moved(_now_of(instance, checks), "what failed before is not told")
        before = _Cursor(**json.loads(context.cursor))
        troubles, after = _news(instance, checks, before, ui_url.rstrip("/"), now())
        if not troubles:
            return _moved(after, "nothing failed")
        wait = before.sent + QUIET_SECONDS - now()
        if wait > 0:
            return _moved(before, f"{len(troubles)} failures are told in {wait:.0f} s")
        webhook.post(message_of(troubles))
        return _moved(replace(after, sent=now()), f"{len(troubles)} failures were told")

    return [alerts]


def message_of(troubles: Sequence[Trouble]) -> str:
    """A line for each, or, of more than a few, a line for each kind.

    >>> print(message_of([Trouble("graph", "", "OSError: disk full", "http://ui/runs/1")]))
    graph failed: OSError: disk full http://ui/runs/1
    """
    if len(troubles) <= MAX_LINES:
        return "\n".join(_line(each) for each in troubles)
    kinds: dict[str, list[Trouble]] = defaultdict(list)
    for each in troubles:
        kinds[each.what].append(each)
    most = sorted(kinds.values(), key=len, reverse=True)
    lines = [_line_of_many(each) for each in most[:MAX_LINES]]
    rest = sum(len(each) for each in most[MAX_LINES:])
    more = [f"and {rest} of {len(most) - MAX_LINES} other kinds"] if rest else []
    return "\n".join([f"{len(troubles)} failures", *lines, *more])


def _line(trouble: Trouble) -> str:
    partition = f" of {trouble.partition}" if trouble.partition else ""
    return f"{trouble.what}{partition} failed: {trouble.why} {trouble.link}"


def _line_of_many(troubles: Sequence[Trouble]) -> str:
    last = troubles[-1]
    if len(troubles) == 1:
        return _line(last)
    names = sorted({each.partition for each in troubles} - {""})
    between = f" ({names[0]} to {names[-1]})" if len(names) > 1 else ""
    return f"{last.what} failed {len(troubles)} times{between}, last: {last.why} {last.link}"


def _news(
    instance: dg.DagsterInstance,
    checks: Sequence[dg.AssetCheckKey],
    before: _Cursor,
    ui_url: str,
    now: float,
) -> tuple[list[Trouble], _Cursor]:
    """What failed since, oldest first, and how far was looked."""
    troubles, seen = list[Trouble](), before.runs
    for record in _failures(instance, before.runs):
        run = instance.get_run_by_id(record.run_id)
        if run is not None and _is_undecided(instance, run, now - record.timestamp):
            break
        seen = record.storage_id
        if run is not None and _RETRIED_BY not in run.tags:
            troubles.append(_trouble_of(instance, run, record, ui_url))
    failed = _failed_checks(instance, checks)
    new = [each for name, each in failed.items() if before.checks.get(name) != each.id]
    troubles += [_trouble_of_check(each, ui_url) for each in new]
    return troubles, replace(before, runs=seen, checks=_ids(failed))


def _failures(instance: dg.DagsterInstance, after: int) -> Sequence[dg.EventLogRecord]:
    since = dg.RunStatusChangeRecordsFilter(dg.DagsterEventType.RUN_FAILURE, after_storage_id=after)
    return instance.fetch_run_status_changes(since, limit=MAX_READ, ascending=True).records


def _is_undecided(instance: dg.DagsterInstance, run: dg.DagsterRun, age: float) -> bool:
    """Whether it may yet turn out that the run is tried again."""
    said = run.tags.get(_WILL_RETRY)
    expected = instance.run_retries_enabled if said is None else said == "true"
    return expected and _RETRIED_BY not in run.tags and age < _UNDECIDED_SECONDS


def _trouble_of(
    instance: dg.DagsterInstance, run: dg.DagsterRun, record: dg.EventLogRecord, ui_url: str
) -> Trouble:
    steps = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    reasons = [why for each in steps if (why := _reason(each))]
    why = (
        reasons[0]
        if reasons
        else record.event_log_entry.get_dagster_event().message or "no reason given"
    )
    name = _name_of(run, [each.step_key for each in steps if each.step_key])
    return Trouble(name, _partition_of(run), _one_line(why), f"{ui_url}/runs/{run.run_id}")


def _reason(entry: dg.EventLogEntry) -> str:
    """Why a step failed: what it said, or the error at the bottom of the chain."""
    data = entry.get_dagster_event().step_failure_data
    error = data.error
    while error and error.cause:  # the outermost only says that retries are used up
        error = error.cause
    said = data.user_failure_data.description if data.user_failure_data else None
    return said or (error.message if error else "")


def _name_of(run: dg.DagsterRun, steps: Sequence[str]) -> str:
    """The job; in a run of chosen assets, what failed of them, or else these."""
    if not run.job_name.startswith(_UNNAMED):
        return run.job_name
    names = steps or sorted(key.to_user_string() for key in run.asset_selection or ())
    more = len(names) - _NAMED_ASSETS
    return ", ".join(names[:_NAMED_ASSETS]) + (f" and {more} more" if more > 0 else "")


def _partition_of(run: dg.DagsterRun) -> str:
    first, last = (run.tags.get(tag, "") for tag in _RANGE)
    return run.tags.get(_PARTITION) or (f"{first} to {last}" if first != last else first)


def _failed_checks(
    instance: dg.DagsterInstance, keys: Sequence[dg.AssetCheckKey]
) -> dict[str, AssetCheckExecutionRecord]:
    """Checks of severity ERROR whose last evaluation failed, by name.

    A blocking check fails its run, which is told as such.
    """
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    return {
        key.to_user_string(): record
        for key, record in sorted(latest.items())
        if isinstance(found := record.evaluation, dg.AssetCheckEvaluation)
        and not (found.passed or found.blocking)
        and found.severity is dg.AssetCheckSeverity.ERROR
    }


def _trouble_of_check(record: AssetCheckExecutionRecord, ui_url: str) -> Trouble:
    found = record.evaluation
    why = (found.description if found else None) or "it did not pass"
    name = f"check {record.key.name} of {record.key.asset_key.to_user_string()}"
    return Trouble(name, record.partition or "", _one_line(why), f"{ui_url}/runs/{record.run_id}")


def _ids(failed: Mapping[str, AssetCheckExecutionRecord]) -> dict[str, int]:
    return {name: record.id for name, record in failed.items()}


def _checks_of(context: dg.SensorEvaluationContext) -> list[dg.AssetCheckKey]:
    repository = context.repository_def
    return [] if repository is None else sorted(repository.asset_graph.asset_check_keys)


def _now_of(instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey]) -> _Cursor:
    """Where the logs end today."""
    newest = instance.fetch_run_status_changes(dg.DagsterEventType.RUN_FAILURE, limit=1).records
    return _Cursor(
        runs=max((record.storage_id for record in newest), default=-1),
        checks=_ids(_failed_checks(instance, checks)),
    )


def _moved(cursor: _Cursor, why: str) -> dg.SensorResult:
    return dg.SensorResult(cursor=json.dumps(asdict(cursor)), skip_reason=dg.SkipReason(why))


def _one_line(text: str) -> str:
    r"""A text that can do nothing but be read.

    Errors quote what came from outside, and chat programs take what stands in angle brackets for a
    link or for a call to everybody.

    >>> _one_line("OSError:\n  <!channel> no")
    'OSError: ‹!channel› no'
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    short = line if len(line) <= MAX_CHARACTERS else f"{line[: MAX_CHARACTERS - 1]}…"
    return short.replace("<", "‹").replace(">", "›")
