"""The graph on this machine, with bars that show how far it is and an ear for Ctrl-C.

In a terminal there is a bar for the runs, and one for the documents of the step at work; anywhere
else a line for each run.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from assets.runs import Graph
from kazu_platform.commands.interrupts import noticed_interrupts
from kazu_platform.definitions import build_assets, build_resources
from resources.compute import watched
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
        Progress(*columns, console=console, disable=not console.is_terminal) as bars,
        noticed_interrupts() as interrupted,
    ):
        runs = bars.add_task("starting", total=None)
        documents = bars.add_task("documents", total=None, visible=False)

        def show(what: str, done: int, total: int) -> None:
            bars.update(runs, description=what, completed=done, total=total)
            bars.update(documents, visible=False)
            if not console.is_terminal and done < total:
                console.print(f"{done + 1}/{total} {what}", markup=False, highlight=False)
            if interrupted():
                raise KeyboardInterrupt

        def show_documents(step: str, file: str, done: int, total: int) -> None:
            what = f"{step} {file}"
            bars.update(documents, description=what, completed=done, total=total, visible=True)

        with watched(show_documents):
            yield Graph(assets, resources, instance), show
