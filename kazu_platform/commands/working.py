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
    from rich.progress import TaskID

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
    with (
        open_instance(settings.dagster_home) as instance,
        shown_bars(console) as bars,
        noticed_interrupts() as interrupted,
    ):

        def show(what: str, done: int, total: int) -> None:
            bars.show_run(what, done, total)
            if interrupted():
                raise KeyboardInterrupt

        yield Graph(assets, resources, instance), show


@contextmanager
def shown_bars(console: Console) -> Generator[Bars]:
    """Bars that hear of the documents of every step in this process by themselves."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bars = Bars(progress)
        with watched(bars.show_documents):
            yield bars


class Bars:
    """A bar for the runs and, while a step is at work, one for its documents."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._runs = progress.add_task("starting", total=None)
        self._documents: TaskID | None = None
        self._step = ("", "")

    def show_run(self, what: str, done: int, total: int) -> None:
        """So many runs are done, and this one begins; a line of it where there is no terminal."""
        self._begin_step("", "")
        self._progress.update(self._runs, description=what, completed=done, total=total)
        console = self._progress.console
        if not console.is_terminal and done < total:
            console.print(f"{done + 1}/{total} {what}", markup=False, highlight=False)

    def show_documents(self, step: str, file: str, done: int, total: int | None) -> None:
        """So many documents of a partition are done, of how many if that is known."""
        if self._documents is None or (step, file) != self._step:
            self._begin_step(step, file)
            # A bar of its own for each: rich has no way back from a known total to an unknown one.
            what = f"{step} {file}"
            self._documents = self._progress.add_task(what, total=total, completed=done)
        else:
            self._progress.update(self._documents, completed=done)

    def _begin_step(self, step: str, file: str) -> None:
        if self._documents is not None:
            self._progress.remove_task(self._documents)
            self._documents = None
        self._step = (step, file)
