# ruff: noqa: S608 - the queries are made of our own paths and numbers
"""Where should the corpus's distinct surfaces and their links lie: in buckets, or by first sight?

Question: what a nightly addition of three files and a full re-link cost, and what lies on disk,
in two layouts of `surfaces` and `links` (see docs/decisions/0003-surfaces-in-buckets.md):

- buckets: 16 partitions by the first digit of surface_id, counted from the mentions of all files
  each time. Links are kept by an anti-join, either with the links there are, so that surfaces
  without any are tried again each night, or with the surfaces of the night before.
- first sight: a partition for each file, with the surfaces that no earlier partition holds.
  `n_mentions` counts the file of first sight only and is wrong for the corpus; what it costs to
  make it right is measured as "counted".

Inside the clock: reading the mentions' and the tables' Parquet (zstd), grouping, anti-joins,
linking, writing Parquet; all in DuckDB in this process. Not inside: making the data, fsync,
pointers, normalising strings. Linking is a stand-in that costs next to nothing (arithmetic finds
a quarter of the strings among 500,000 names); a linker adds its own cost for each surface that it
links, and that number is reported.

What would make it lie: mentions here have only the four columns that matter (Parquet reads no
others), drawn from a Zipf law (exponent 1.0 over 2,000,000 strings); everything is in the page
cache; first sight is built with all known ids held in memory, which is in its favour.

    python benchmarks/surfaces.py [--files 200] [--mentions 50000] [--repeats 3]
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from timing import measure, options_of, peak_memory_bytes, report, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

N_STRINGS = 2_000_000
N_NAMES = 500_000
STRING = "surface string "
NIGHTLY = 3
BUCKETS = "0123456789abcdef"


@dataclass
class Bench:
    """The corpus on disk, the names to link with, and the layouts' folders."""

    folder: Path
    files: list[Path]
    nightly: list[Path]
    database: duckdb.DuckDBPyConnection
    n_linked: int = field(default=0)

    def link(self, surfaces: str, target: Path, *, kept: str | None = None) -> None:
        """Write the links of a query of surfaces, after those that are kept."""
        self.n_linked += self.count(surfaces)
        query = f"""
            SELECT surface_id, 'MONDO:' || number // 4 AS concept_id
            FROM (SELECT surface_id, text[{len(STRING) + 1}:]::INTEGER AS number FROM ({surfaces}))
            WHERE number % 4 = 0 AND number // 4 < {N_NAMES}
        """
        if kept is not None:
            query = f"{kept} UNION ALL {query}"
        self.write(f"{query} ORDER BY surface_id", target)

    def write(self, query: str, target: Path) -> int:
        """Write a query's rows as Parquet; the number of them."""
        target.parent.mkdir(parents=True, exist_ok=True)
        self.database.execute(f"COPY ({query}) TO '{target}' (COMPRESSION zstd)")
        return self.database.fetchall()[0][0]

    def count(self, query: str) -> int:
        """The number of rows of a query."""
        return self.database.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0]


def rows_of(paths: Sequence[Path], columns: str = "*") -> str:
    """A query over Parquet files."""
    return f"SELECT {columns} FROM read_parquet({[str(path) for path in paths]})"


def distinct(paths: Sequence[Path]) -> str:
    """A query for the surfaces of mention files."""
    return f"""
        SELECT surface_id, any_value(text) AS text, any_value(entity_class) AS entity_class,
            any_value(context) AS context, count(*) AS n_mentions
        FROM ({rows_of(paths)}) GROUP BY surface_id
    """


class Buckets:
    """Sixteen partitions, counted from all mentions."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.folder = bench, bench.folder / "buckets"

    def path(self, table: str, bucket: str) -> Path:
        """The partition of a table, tonight or the night before."""
        return self.folder / table / f"{bucket}.parquet"

    def update(self, paths: Sequence[Path], *, known: str | None = None) -> None:
        """Count the surfaces of these files, and link all but those of a table of known ones."""
        bench = self.bench
        bench.n_linked = 0
        bench.database.execute(
            f"CREATE OR REPLACE TABLE counted AS {distinct(paths)} ORDER BY surface_id"
        )
        for bucket in BUCKETS:
            surfaces = f"SELECT * FROM counted WHERE starts_with(surface_id, '{bucket}')"
            bench.write(surfaces, self.path("surfaces", bucket))
            links = self.path("links", bucket)
            if known is None:
                bench.link(surfaces, links)
            else:
                fresh = f"FROM ({surfaces}) ANTI JOIN ({rows_of([self.path(known, bucket)])})"
                kept = rows_of([self.path("links-before", bucket)])
                bench.link(f"{fresh} USING (surface_id)", links, kept=kept)

    def relink(self) -> None:
        """Link every surface again, without looking at the mentions."""
        self.bench.n_linked = 0
        for bucket in BUCKETS:
            self.bench.link(rows_of([self.path("surfaces", bucket)]), self.path("links", bucket))

    def end_the_night(self) -> None:
        """Let the tables just made be those of the night before."""
        for table in ("surfaces", "links"):
            (self.folder / table).rename(self.folder / f"{table}-before")


class FirstSight:
    """A partition for each file: the surfaces that no earlier file has."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.folder = bench, bench.folder / "first-sight"

    def path(self, table: str, file: Path) -> Path:
        """The partition of a table."""
        return self.folder / table / file.name

    def build(self) -> None:
        """Take the files in order; all known ids stay in memory."""
        self.bench.database.execute("CREATE OR REPLACE TABLE known (surface_id VARCHAR)")
        self.add(self.bench.files)

    def nightly(self) -> None:
        """Read the ids of all partitions, then add the new files."""
        partitions = [self.path("surfaces", file) for file in self.bench.files]
        self.bench.database.execute(
            f"CREATE OR REPLACE TABLE known AS {rows_of(partitions, 'surface_id')}"
        )
        self.add(self.bench.nightly)

    def add(self, files: Sequence[Path]) -> None:
        """Write the partitions of new files."""
        bench = self.bench
        bench.n_linked = 0
        for file in files:
            bench.database.execute(
                f"CREATE OR REPLACE TABLE fresh AS SELECT * FROM ({distinct([file])})"
                " ANTI JOIN known USING (surface_id) ORDER BY surface_id"
            )
            bench.database.execute("INSERT INTO known SELECT surface_id FROM fresh")
            bench.write("FROM fresh", self.path("surfaces", file))
            bench.link("FROM fresh", self.path("links", file))

    def relink(self) -> None:
        """Link every surface again, a partition at a time."""
        self.bench.n_linked = 0
        for file in self.bench.files:
            self.bench.link(rows_of([self.path("surfaces", file)]), self.path("links", file))

    def count_again(self) -> None:
        """Make n_mentions right: count all mentions, and write every partition again."""
        files = [*self.bench.files, *self.bench.nightly]
        self.bench.n_linked = 0
        self.bench.database.execute(f"CREATE OR REPLACE TABLE counted AS {distinct(files)}")
        for file in files:
            ids = rows_of([self.path("surfaces", file)], "surface_id")
            rows = f"FROM counted SEMI JOIN ({ids}) USING (surface_id) ORDER BY surface_id"
            self.bench.write(rows, self.path("counted", file))


def make_corpus(folder: Path, n_files: int, n_mentions: int) -> Bench:
    """Write mention files whose strings follow a Zipf law, the frequent ones first."""
    database = duckdb.connect()
    database.execute(f"SET temp_directory = '{folder / 'spill'}'")
    database.execute(
        f"CREATE TABLE strings AS SELECT md5(range::VARCHAR)[:24] AS surface_id,"
        f" '{STRING}' || range AS text, ['gene', 'disease', 'chemical'][1 + range % 3]"
        f" AS entity_class, '' AS context, range FROM range({N_STRINGS})"
    )
    strings = database.sql("SELECT * EXCLUDE (range) FROM strings ORDER BY range").to_arrow_table()
    strings = strings.combine_chunks()
    random = np.random.default_rng(20260101)
    cumulated = np.cumsum(1 / np.arange(1, N_STRINGS + 1))
    paths: list[Path] = []
    for number in range(n_files + NIGHTLY):
        drawn = np.searchsorted(cumulated, random.random(n_mentions) * cumulated[-1])
        path = folder / "mentions" / f"pubmed26n{number + 1:04}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(strings.take(pa.array(drawn)), path, compression="zstd")
        paths.append(path)
    database.execute("DROP TABLE strings")
    return Bench(folder, paths[:n_files], paths[n_files:], database)


def mebibytes(*folders: Path) -> float:
    """Size of the files below some folders."""
    sizes = (path.stat().st_size for folder in folders for path in folder.rglob("*.parquet"))
    return round(sum(sizes) / 2**20, 1)


def main() -> None:
    """Make the corpus, build both layouts, measure nights and re-links, report."""
    parser = options_of(__doc__, repeats=3, data=False)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--mentions", type=int, default=50_000, help="in each file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="surfaces-") as name:
        bench = make_corpus(Path(name), options.files, options.mentions)
        result = {"files": options.files, "mentions": options.files * options.mentions}
        report("surfaces", result | run(bench, options.repeats), record=options.record)


def run(bench: Bench, repeats: int) -> dict[str, object]:
    """Every measure of both layouts."""
    buckets, first_sight = Buckets(bench), FirstSight(bench)
    everything = [*bench.files, *bench.nightly]
    measures: dict[str, object] = {}

    def timed(label: str, function: Callable[[], object], times: int) -> None:
        if times:
            seconds = measure(function, repeats=times)
        else:  # a build cannot be warmed up, and is done once
            start = perf_counter()
            function()
            seconds = [perf_counter() - start]
        measures[label] = {
            "seconds": round(median(seconds), 2),
            "spread": round(spread(seconds), 2),
            "surfaces_linked": bench.n_linked,
        }
        print(f"{label:32} {median(seconds):7.2f} s  {bench.n_linked:9,} surfaces linked")

    timed("buckets, build", lambda: buckets.update(bench.files), 0)
    size = mebibytes(buckets.folder)
    timed("buckets, full re-link", buckets.relink, repeats)
    buckets.end_the_night()
    for known in ("links", "surfaces"):
        night = partial(buckets.update, everything, known=f"{known}-before")
        timed(f"buckets, night, known {known}", night, repeats)
    timed("first sight, build", first_sight.build, 0)
    sizes = {"buckets": size, "first sight": mebibytes(first_sight.folder)}
    timed("first sight, full re-link", first_sight.relink, repeats)
    timed("first sight, night", first_sight.nightly, repeats)
    timed("first sight, counted", first_sight.count_again, 0)
    return {
        "surfaces": bench.count(distinct(bench.files)),
        "measures": measures,
        "mebibytes": sizes,
        "peak_memory_bytes": peak_memory_bytes(),
    }


if __name__ == "__main__":
    main()
