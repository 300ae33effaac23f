"""Make one partition of one table: skip it if its inputs are what they were, gate it, publish it.

Every asset that writes a table goes this way: rows are staged where no reader sees them, gates
look at them, and only then the pointer moves. Inputs are recorded with the generation, so that a
run over unchanged input costs a few file reads.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pyarrow as pa

from assets.results import preview, result
from kazu_platform.storage.lake import ANY, NO_INPUTS, Expected, Lake, Pointer, Staged
from kazu_platform.tables import PARTITION_METRICS, Table
from resources.memory import forget_peak_memory, peak_memory_bytes

Rows = pa.Table | Iterable[pa.Table]
Events = Iterator[dg.MaterializeResult | dg.AssetCheckResult]
Gate = Callable[[Staged], dg.AssetCheckResult]
GATES_OF_ALL = ("keys_are_unique",)


@dataclass(frozen=True)
class Recipe:
    """How a partition of a table is made.

    Attributes:
        table: the table written.
        partition: the lake partition written.
        inputs: versions of everything the rows depend on, code among them.
        rows: makes the rows; called only if an input changed.
        gates: checks by name that see the staged rows before anybody else does.
        explain: writes what says why rows are missing, before the gates judge: the quarantine.
        figures: numbers to record once the rows are live, such as how many documents.
        pictures: further metadata, made from the live rows.
        report: metadata that belongs to every materialisation, also where nothing was made.
        expected: the generation that the rows replace, seen before anything was read for them;
            if another writer was faster, nothing is published. Anything, where nobody else writes.
        after: told once the rows are live: what was kept for the case of a kill can go.
        same: whether what is live is what `rows` would make, where that can be told for less; then
            only the inputs are recorded, and nothing behind the table runs.
    """

    table: Table
    partition: str
    inputs: Mapping[str, str]
    rows: Callable[[], Rows]
    gates: Mapping[str, Gate] = field(default_factory=dict[str, Gate])
    explain: Callable[[], None] | None = None
    figures: Callable[[], Mapping[str, float]] | None = None
    pictures: Callable[[], Mapping[str, Any]] | None = None
    report: Callable[[], Mapping[str, Any]] = dict
    expected: Expected = ANY
    after: Callable[[], None] | None = None
    same: Callable[[], bool] | None = None


def make(lake: Lake, *recipes: Recipe) -> Events:
    """Yield what Dagster should know of some partitions: checks, then materialisations.

    All are staged and judged before the first is published, so that tables that belong together,
    such as nodes and edges, become visible one right after the other or not at all.
    """
    mades = [Made(lake, recipe) for recipe in recipes]
    with ExitStack() as staged:
        for made in mades:
            yield from made.prepare(staged)
        for made in mades:
            made.publish()
    for made in mades:
        yield result(
            lake,
            made.recipe.table,
            made.pointer,
            partition=made.recipe.partition,
            metadata=made.metadata | dict(made.recipe.report()),
            skipped=made.skipped,
        )


def make_all(
    lake: Lake,
    table: Table,
    recipes: Sequence[Recipe],
    *,
    facts: Callable[[], Mapping[str, Any]] = dict,
) -> Events:
    """Make every lake partition of a table that is one asset, and report them as one.

    The gates must be the same for all. Each is reported once: failed as soon as it fails for one
    partition, which ends the run there with the partitions before it published.
    """
    remade, started = 0, time.perf_counter()
    for recipe in recipes:
        made = Made(lake, recipe)
        with ExitStack() as staged:
            yield from (check for check in made.prepare(staged) if not check.passed)
            made.publish()
        remade += not made.skipped
    why = f"passed in {len(recipes)} partitions"
    yield from passed_before(table, recipes[0].gates if recipes else GATES_OF_ALL, why=why)
    pointers = lake.pointers(table)
    shown = preview(lake, table, next(iter(pointers))) if pointers else "no rows"
    yield dg.MaterializeResult(
        asset_key=table.name,
        metadata={
            "dagster/row_count": sum(pointer.n_rows for pointer in pointers.values()),
            "size": f"{sum(pointer.n_bytes for pointer in pointers.values()):,} bytes",
            "partitions": len(pointers),
            "remade": remade,
            "unchanged": remade == 0,
            "preview": dg.MetadataValue.md(shown),
            "seconds": round(time.perf_counter() - started, 3),
        }
        | dict(facts()),
        data_version=dg.DataVersion(lake.version(table)),
    )


def seen(lake: Lake, table: Table) -> Callable[[str], str | None]:
    """What is live in each partition now: call it before reading what the rows are made of."""
    generations = {name: pointer.generation for name, pointer in lake.pointers(table).items()}
    return generations.get


def is_made(lake: Lake, recipe: Recipe) -> bool:
    """Whether what is live is whole and was made from these very inputs."""
    live = lake.live(recipe.table, recipe.partition)
    return (
        live is not None
        and dict(live.inputs) == dict(recipe.inputs)
        and lake.is_whole(recipe.table, live)
    )


class Made:
    """One recipe being carried out: `prepare`, then `publish`, then the rest is known."""

    def __init__(self, lake: Lake, recipe: Recipe) -> None:
        self.recipe = recipe
        self.metadata: dict[str, Any] = {}
        self._lake = lake
        self._staged: Staged | None = None
        self._started = time.perf_counter()

    @property
    def pointer(self) -> Pointer:
        """What is live now."""
        return self._lake.pointer(self.recipe.table, self.recipe.partition)

    @property
    def skipped(self) -> bool:
        """Whether there was nothing to do."""
        return self._staged is None

    def prepare(self, staged: ExitStack) -> Iterator[dg.AssetCheckResult]:
        """Skip, or stage and judge; `staged` discards what is not published.

        Raises:
            dg.Failure: a gate did not pass; nothing was published.
        """
        recipe, lake = self.recipe, self._lake
        if is_made(lake, recipe):
            yield from passed_before(recipe.table, recipe.gates)
            return
        self._started = time.perf_counter()
        forget_peak_memory()
        if recipe.same and recipe.same():
            lake.confirm(recipe.table, self.pointer, recipe.inputs)
            if recipe.after:
                recipe.after()
            self.metadata |= recipe.pictures() if recipe.pictures else {}
            yield from passed_before(recipe.table, recipe.gates)
            return
        self._staged = staged.enter_context(
            lake.stage(
                recipe.table,
                recipe.rows(),
                partition=recipe.partition,
                inputs=recipe.inputs,
                expected=recipe.expected,
            )
        )
        if recipe.explain:
            recipe.explain()
        yield from pass_gates([gate(self._staged) for gate in recipe.gates.values()])

    def publish(self) -> None:
        """Make the staged rows live and measure."""
        if self._staged is None:
            return
        recipe, written = self.recipe, self._staged.publish()
        if recipe.after:
            recipe.after()
        figures = dict(recipe.figures() if recipe.figures else {}) | {"rows": written.n_rows}
        name = recipe.table.name
        figures["peak_memory_bytes"] = max(
            peak_memory_bytes(), figures.get("peak_memory_bytes", 0.0)
        )
        self.metadata |= record(
            self._lake,
            name,
            recipe.partition,
            self._started,
            figures,
            written.data_version,
            recipe.inputs,
        )
        self.metadata |= recipe.pictures() if recipe.pictures else {}


def pass_gates(results: Iterable[dg.AssetCheckResult]) -> Iterator[dg.AssetCheckResult]:
    """Yield every result, then fail if one of them did not pass.

    Raises:
        dg.Failure: names the checks that failed and why; not retried.
    """
    failed: list[str] = []
    for each in results:
        yield each
        if not each.passed and each.severity is dg.AssetCheckSeverity.ERROR:
            failed.append(f"{each.check_name}: {each.description}")
    if failed:
        raise dg.Failure(f"{'; '.join(failed)}. Nothing was published.", allow_retries=False)


def passed_before(
    table: Table, names: Iterable[str], *, why: str = "unchanged since it passed"
) -> Iterator[dg.AssetCheckResult]:
    """The rows that are live passed these gates when they were published."""
    for name in names:
        yield dg.AssetCheckResult(
            passed=True,
            asset_key=table.name,
            check_name=name,
            description=why,
        )


def record(  # noqa: PLR0913, PLR0917 - the facts of one measurement
    lake: Lake,
    stage: str,
    partition: str,
    started: float,
    figures: Mapping[str, float],
    version: str,
    inputs: Mapping[str, str] = NO_INPUTS,
) -> dict[str, float]:
    """Keep the figures of a stage in `partition_metrics`; return them with the seconds."""
    seconds = time.perf_counter() - started
    documents = figures.get("documents", 0.0)
    rates = {"documents_per_second": documents / seconds} if documents else {}
    values = {"seconds": seconds, **figures, **rates}
    now = datetime.now(UTC)
    rows = [
        {
            "stage": stage,
            "partition": partition,
            "metric": name,
            "value": float(value),
            "version": version,
            "inputs": json.dumps(dict(sorted(inputs.items()))),
            "at": now,
        }
        for name, value in values.items()
    ]
    lake.write(
        PARTITION_METRICS,
        PARTITION_METRICS.from_rows(rows),
        partition=f"{stage}/{partition}",
    )
    return {name: round(float(value), 3) for name, value in values.items()}
