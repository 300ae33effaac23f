"""The graph on this machine, with a bar that shows how far it is and an ear for Ctrl-C."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from assets.runs import Graph
from kazu_platform.commands.interrupts import noticed_interrupts
from kazu_platform.definitions import build_assets, build_resources
from resources.dagster_home import open_instance

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from rich.console import Console

    from kazu_platform.settings import Settings

STOPPED = 130  # as shells count: 128 and the number of SIGINT


@contextmanager
def working_graph(
    settings: Settings, console: Console
) -> Generator[tuple[Graph, Callable[[str, int, int], None]]]:
    """The graph of the catalogue in use, and what to call with each step.

    Raises:
        KeyboardInterrupt: out of the call, if somebody pressed Ctrl-C since the last one.
    """
    resources = build_resources(settings)
    assets = build_assets(settings.catalogue())
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with (
        open_instance(settings.dagster_home) as instance,
        Progress(*columns, console=console) as bar,
        noticed_interrupts() as interrupted,
    ):
        task = bar.add_task("starting", total=None)

        def show(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)
            if interrupted():
                raise KeyboardInterrupt

        yield Graph(assets, resources, instance), show
