"""Make one partition of one table: skip it if its inputs are what they were, gate it, publish it.

Every asset that writes a table goes this way: rows are staged where no reader sees them, gates
look at them, and only then the pointer moves. Inputs are recorded with the generation, so that a
run over unchanged input costs a few file reads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pyarrow as pa

from assets.results import preview, result
from kazu_platform.storage.lake import ANY, Lake, Pointer, Staged
from kazu_platform.tables import PARTITION_METRICS, Table

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
        publish_first: writes what must be visible before the rows are, such as the quarantine.
        figures: numbers to record once the rows are live, such as how many documents.
        pictures: further metadata, made from the live rows.
        guarded: refuse to replace a generation that this run did not see when it began.
    """

    table: Table
    partition: str
    inputs: Mapping[str, str]
    rows: Callable[[], Rows]
    gates: Mapping[str, Gate] = field(default_factory=dict[str, Gate])
    publish_first: Callable[[], None] | None = None
    figures: Callable[[], Mapping[str, float]] | None = None
    pictures: Callable[[], Mapping[str, Any]] | None = None
    guarded: bool = False


def make(lake: Lake, recipe: Recipe) -> Events:
    """Yield what Dagster should know of one partition: its checks, then its materialisation."""
    made = Made(lake, recipe)
    yield from made.run()
    yield result(
        lake,
        recipe.table,
        made.pointer,
        partition=recipe.partition,
        metadata=made.metadata,
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
        yield from (check for check in made.run() if not check.passed)
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


def is_made(lake: Lake, recipe: Recipe) -> bool:
    """Whether what is live was made from these very inputs."""
    live = lake.live(recipe.table, recipe.partition)
    return live is not None and dict(live.inputs) == dict(recipe.inputs)


class Made:
    """One recipe being carried out; `run` yields its checks, then the rest is known."""

    def __init__(self, lake: Lake, recipe: Recipe) -> None:
        self._lake = lake
        self._recipe = recipe
        self.skipped = False
        self.metadata: dict[str, Any] = {}

    @property
    def pointer(self) -> Pointer:
        """What is live now."""
        return self._lake.pointer(self._recipe.table, self._recipe.partition)

    def run(self) -> Iterator[dg.AssetCheckResult]:
        """Skip, or stage, judge and publish.

        Raises:
            dg.Failure: a gate did not pass; nothing was published.
        """
        recipe, lake = self._recipe, self._lake
        if is_made(lake, recipe):
            self.skipped = True
            yield from passed_before(recipe.table, recipe.gates)
            return
        live = lake.live(recipe.table, recipe.partition)
        expected = (live.generation if live else None) if recipe.guarded else ANY
        started = time.perf_counter()
        with lake.stage(
            recipe.table,
            recipe.rows(),
            partition=recipe.partition,
            inputs=recipe.inputs,
            expected=expected,
        ) as staged:
            yield from pass_gates([gate(staged) for gate in recipe.gates.values()])
            if recipe.publish_first:
                recipe.publish_first()
            written = staged.publish()
            figures = dict(recipe.figures() if recipe.figures else {}) | {"rows": written.n_rows}
            measured = record(lake, recipe.table.name, recipe.partition, started, figures)
            pictures = recipe.pictures() if recipe.pictures else {}
        self.metadata = measured | dict(pictures)


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


def record(
    lake: Lake, stage: str, partition: str, started: float, figures: Mapping[str, float]
) -> dict[str, float]:
    """Keep the figures of a stage in `partition_metrics`; return them with the seconds."""
    seconds = time.perf_counter() - started
    documents = figures.get("documents", 0.0)
    rates = {"documents_per_second": documents / seconds} if documents else {}
    values = {"seconds": seconds, **figures, **rates}
    now = datetime.now(UTC)
    rows = [
        {"stage": stage, "partition": partition, "metric": name, "value": float(value), "at": now}
        for name, value in values.items()
    ]
    lake.write(
        PARTITION_METRICS,
        PARTITION_METRICS.from_rows(rows),
        partition=f"{stage}/{partition}",
    )
    return {name: round(float(value), 3) for name, value in values.items()}
