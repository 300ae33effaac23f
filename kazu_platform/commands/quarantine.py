"""`kazu-platform quarantine`: what was set aside and why, and another try after a fix."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from kazu_platform.errors import KazuPlatformError
from kazu_platform.settings import read_settings
from kazu_platform.storage.places import open_lake
from kazu_platform.tables import QUARANTINE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from assets.replaying import Replayed

SHOWN = ("doc_id", "stage", "reason", "attempts", "file", "detail")


def read_quarantine(
    stage: str | None, reason: str | None, file: str | None
) -> list[dict[str, Any]]:
    """What was set aside, the latest first.

    Raises:
        LakeError: a file of the lake is damaged.
    """
    wanted = {"stage": stage, "reason": reason, "file": file}
    rows = open_lake(read_settings()).read(QUARANTINE).to_pylist()
    kept = [
        row
        for row in rows
        if all(value is None or row[name] == value for name, value in wanted.items())
    ]
    return sorted(kept, key=lambda row: row["at"], reverse=True)


def print_quarantine(rows: Sequence[dict[str, Any]], out: TextIO, *, as_json: bool) -> None:
    """Print it as a table with counts below, or as one JSON object."""
    counts = Counter(f"{row['stage']}: {row['reason']}" for row in rows)
    if as_json:
        plain = [row | {"at": row["at"].isoformat()} for row in rows]
        json.dump({"counts": dict(sorted(counts.items())), "documents": plain}, out)
        out.write("\n")
        return
    if not rows:
        out.write("Nothing is set aside.\n")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*SHOWN)
    for row in rows:
        table.add_row(*(Text(str(row[name])) for name in SHOWN))
    Console(file=out, width=None if out.isatty() else 160).print(table)
    out.write("".join(f"{count:,} {what}\n" for what, count in sorted(counts.items())))


def replay_everything() -> list[Replayed]:
    """Try it again, and bring what is made of it up to date.

    Raises:
        KazuPlatformError: something behind it failed; what was replayed is published.
    """
    import dagster as dg
    from rich.console import Console

    from assets.runs import Graph, replay_quarantine
    from kazu_platform.commands.working import shown_bars
    from kazu_platform.definitions import build_assets, build_resources
    from resources.dagster_home import open_instance

    settings = read_settings()
    settings.make_home()
    try:
        # Between the runs Ctrl-C is left to Python: a document that hangs in this process would
        # never let an ear for it be asked.
        with (
            open_instance(settings.dagster_home) as instance,
            shown_bars(Console(stderr=True)) as bars,
        ):
            assets, resources = build_assets(settings.catalogue()), build_resources(settings)
            graph = Graph(assets, resources, instance)
            replayed, failed = replay_quarantine(graph, bars.show_run)
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        raise KazuPlatformError("Stopped. What was replayed is kept.") from None
    if failed:
        raise KazuPlatformError("; ".join(f"{each.what}: {each.why}" for each in failed))
    return replayed


def print_replayed(replayed: Sequence[Replayed], out: TextIO, *, as_json: bool) -> None:
    """Print what became of each partition, as lines or as one JSON object."""
    if as_json:
        json.dump({"replayed": [vars(each) for each in replayed]}, out)
        out.write("\n")
        return
    out.writelines(
        f"{each.stage} {each.partition}: {each.tried} tried, {each.left} still set aside\n"
        for each in replayed
    )
    if not replayed:
        out.write("Nothing to replay: what other stages set aside is put right in its source.\n")
