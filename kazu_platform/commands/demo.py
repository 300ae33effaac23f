"""`kazu-platform demo`: the whole graph of the catalogue, with progress and a summary."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import dagster as dg
from rich.console import Console
from rich.table import Table

from assets.runs import Summary, materialise_everything
from kazu_platform.commands.working import STOPPED, working_graph
from kazu_platform.definitions import build_compute
from kazu_platform.settings import read_settings
from kazu_platform.storage.places import open_lake, warehouse_of
from kazu_platform.storage.queries import run_query
from kazu_platform.tables import DICTIONARY_MENTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kazu_platform.settings import Settings
    from kazu_platform.storage.queries import OpenWarehouse

COUNTS = {
    "citations": "SELECT count(*) FROM current_citations WHERE NOT deleted",
    "mentions": "SELECT count(*) FROM annotations",
    "links": "SELECT count(*) FROM links",
    "nodes": "SELECT count(*) FROM nodes",
    "edges": "SELECT count(*) FROM edges",
    "set aside": "SELECT count(*) FROM quarantine",
}
EXAMPLE = """
SELECT n.id FROM nodes n JOIN edges e ON n.id = e.subject OR n.id = e.object
WHERE n.entity_class = 'disease' AND e.n_documents >= 3 AND e.sentence IS NOT NULL
GROUP BY n.id ORDER BY sum(e.score) DESC, n.id LIMIT 1
"""
NEXT = """\
Ask it something:
  kazu-platform query "FROM top_concepts('disease', n := 5)"
  kazu-platform query "SELECT name, n_documents, npmi, sentence FROM partners('{concept}', n := 5)"
  kazu-platform annotate "Imatinib inhibits BCR-ABL in chronic myeloid leukaemia."
See the graph and run parts of it:
  kazu-platform ui"""


def run_demo() -> int:
    """Materialise everything; exit code 1 if a part failed, 130 if it was stopped."""
    settings = read_settings()
    settings.make_home()
    compute = build_compute(settings)
    if not open_lake(settings).partitions(DICTIONARY_MENTIONS):
        compute.prepare()  # workers are sure to be needed; until then vocabularies are made
    try:
        return _materialise(settings)
    finally:
        compute.close()


def _materialise(settings: Settings) -> int:
    started = time.perf_counter()
    console = Console(stderr=True)
    try:
        with working_graph(settings, console) as (graph, progress):
            summary = materialise_everything(graph, graph.resources["sources"], progress)
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        console.print("Stopped. What is done is kept; run it again to go on.")
        return STOPPED
    seconds = time.perf_counter() - started
    for failed in summary.failed:
        console.print(f"failed: {failed.what}: {failed.why}", markup=False)
    out = Console()
    file = warehouse_of(settings)
    if file.exists():
        with file.opened() as warehouse:
            out.print(_summary_table(summary, _counts(warehouse), seconds))
            sys.stdout.write(NEXT.format(concept=_example(warehouse)) + "\n")
    return 1 if summary.failed else 0


def _counts(warehouse: OpenWarehouse) -> dict[str, int]:
    return {name: run_query(warehouse, sql)[0][0].as_py() for name, sql in COUNTS.items()}


def _example(warehouse: OpenWarehouse) -> str:
    """The disease with most to show: whose pairs of several documents weigh most."""
    rows = run_query(warehouse, EXAMPLE)
    return rows["id"][0].as_py() if rows.num_rows else "MONDO:0005148"


def _summary_table(summary: Summary, counts: Mapping[str, int], seconds: float) -> Table:
    table = Table(title="What was made")
    table.add_column("what")
    table.add_column("how much", justify="right")
    table.add_row("partitions", f"{summary.ontologies} ontologies, {summary.files} PubMed files")
    for name, count in counts.items():
        table.add_row(name, f"{count:,}")
    table.add_row("failed", f"{len(summary.failed)}")
    table.add_row("seconds", f"{seconds:.1f}")
    return table
