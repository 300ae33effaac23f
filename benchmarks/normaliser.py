"""How much faster are names normalised as a column than one by one?

Question: distinct strings per second through `normalise_column`, and through `normalise`, the same
rules in plain Python for one string, for every entity class and in total; and their ratio. One
core.

Inside the clock: the functions, from an Arrow array to an Arrow array for the column, from a list
of strings to a list of strings for the loop. Not inside: imports, reading vocabularies, choosing
strings, building the loop's word lists (once in a process).

What would make it lie: repeated strings (none are: `normalise_column` works on each distinct one
once, and production repeats most of them, which would be counted as speed here); strings of one
kind (they are drawn from every vocabulary of the class); a second core for the column's engine
(all threads are kept on one); a result kept from the run before (neither side keeps any); a loop
slower than it need be (its word lists are Aho-Corasick automata and its patterns compiled, as the
column's are); a burst of other work on one side only (both take turns, the ratio is the median of
pairs, look at the spread). The results are compared before anything is timed.

    python benchmarks/normaliser.py [--data DATA] [--strings 30000]

DATA is the folder of development data; by default $KAZU_TEST_DATA says where it is.
"""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from rich.console import Console
from rich.table import Table
from timing import on_one_core, options_of, report, spread
from vocabulary import read_vocabulary

from kazu_platform.text.normalise import NORMALISER_VERSION, normalise, normalise_column

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SEED = 20_240_229
GOAL = 3.0


def distinct_strings(data: Path, size: int) -> dict[str, list[str]]:
    """So many distinct source names of each class, the same in every run."""
    _, synonyms = read_vocabulary(data)
    names = pl.DataFrame(synonyms).filter(pl.col("source") == "ontology")
    drawn: dict[str, list[str]] = {}
    for entity_class in names["entity_class"].unique().sort():
        of_class = names.filter(pl.col("entity_class") == entity_class)["name"].unique().sort()
        drawn[entity_class] = of_class.sample(
            min(size, len(of_class)), shuffle=True, seed=SEED
        ).to_list()
    return drawn


def bench(strings: list[str], entity_class: str, repeats: int) -> dict[str, Any]:
    """Column and loop in turns."""
    column = pa.array(strings)
    assert normalise_column(column, entity_class).to_pylist() == [
        normalise(string, entity_class) for string in strings
    ]
    pairs: list[tuple[float, float]] = []
    for _ in range(repeats):
        start = perf_counter()
        normalise_column(column, entity_class)
        between = perf_counter()
        for string in strings:
            normalise(string, entity_class)
        pairs.append((between - start, perf_counter() - between))
    return {
        "strings": len(strings),
        "column_seconds": round(median(seconds for seconds, _ in pairs), 4),
        "loop_seconds": round(median(seconds for _, seconds in pairs), 4),
        **_speeds(
            len(strings), median(one for one, _ in pairs), median(other for _, other in pairs)
        ),
        "ratio": round(median(loop / column for column, loop in pairs), 2),
        "spread": round(spread([loop / column for column, loop in pairs]), 3),
    }


def _speeds(strings: int, column: float, loop: float) -> dict[str, int]:
    return {
        "column_strings_per_second": round(strings / column),
        "loop_strings_per_second": round(strings / loop),
    }


def total_of(classes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """All classes as one."""
    strings, column, loop = (
        sum(each[name] for each in classes.values())
        for name in ("strings", "column_seconds", "loop_seconds")
    )
    return {
        "strings": strings,
        "column_seconds": round(column, 4),
        "loop_seconds": round(loop, 4),
        **_speeds(strings, column, loop),
        "ratio": round(loop / column, 2),
        "spread": max(each["spread"] for each in classes.values()),
    }


def print_table(rows: Mapping[str, Mapping[str, Any]]) -> None:
    """A line for each class."""
    table = Table(title="Distinct strings normalised, one core")
    for heading in ("class", "strings", "column / s", "loop / s", "ratio", "spread"):
        table.add_column(heading, justify="left" if heading == "class" else "right")
    for name, each in rows.items():
        table.add_row(
            name,
            f"{each['strings']:,}",
            f"{each['column_strings_per_second']:,}",
            f"{each['loop_strings_per_second']:,}",
            f"{each['ratio']:.2f}" + (" below the goal" if each["ratio"] < GOAL else ""),
            f"{each['spread']:.1%}",
        )
    Console().print(table)


def main() -> None:
    """Measure every class and print."""
    parser = options_of(__doc__, repeats=7)
    parser.add_argument("--strings", type=int, default=30_000, help="of each class")
    given = parser.parse_args()
    strings = distinct_strings(given.data, given.strings)
    with on_one_core():
        classes = {name: bench(each, name, given.repeats) for name, each in strings.items()}
    total = total_of(classes)
    print_table({**classes, "total": total})
    report(
        "normaliser",
        {"normaliser_version": NORMALISER_VERSION, "classes": classes, "total": total},
        record=given.record,
    )


if __name__ == "__main__":
    main()
