"""How far a run is: bars in a terminal, a line for each run anywhere else."""

from __future__ import annotations

import os
import pty
import re
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console

from kazu_platform.commands.working import shown_bars

if TYPE_CHECKING:
    import pytest

ESCAPES = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


def shown_in(console: Console) -> None:
    """Two runs: a step over 40 documents, then one over nobody knows how many."""
    with shown_bars(console) as bars:
        bars.show_run("pubmed26n0001", 0, 2)
        bars.show_documents("dictionary", "pubmed26n0001", 7, 40)
        bars.show_run("graph", 1, 2)
        bars.show_documents("linking", "a7", 3, None)
        bars.show_documents("linking", "a7", 9, None)


def test_in_a_terminal_there_is_a_bar_of_the_runs_and_one_of_the_documents():
    written = StringIO()

    shown_in(Console(file=written, force_terminal=True, width=100, _environ={}))

    *earlier, runs, documents = ESCAPES.sub("", written.getvalue()).splitlines()
    assert any(re.match(r"pubmed26n0001 .* 0/2 ", line) for line in earlier)
    assert any(re.match(r"dictionary pubmed26n0001 .* 7/40 ", line) for line in earlier)
    assert re.match(r"graph .* 1/2 ", runs)
    assert re.match(r"linking a7 .* 9/\? ", documents)


def test_a_terminal_is_known_by_itself(monkeypatch: pytest.MonkeyPatch):
    for name in ("TTY_COMPATIBLE", "FORCE_COLOR", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()
    try:
        with os.fdopen(theirs, "w") as terminal:
            shown_in(Console(file=terminal, width=60))
            written = os.read(ours, 100_000).decode()
    finally:
        os.close(ours)

    assert re.search(r"dictionary pubmed26n0001 .* 7/40 ", ESCAPES.sub("", written))


def test_where_there_is_no_terminal_there_is_a_line_for_each_run():
    written = StringIO()

    shown_in(Console(file=written, _environ={}))

    assert written.getvalue() == "1/2 pubmed26n0001\n2/2 graph\n"
