"""How fast do vocabulary files become tables, and what do rules over columns gain over loops?

Questions: source names per second from a vocabulary file to its four tables in a lake, for every
file of the development data, and in total; and for each entity class how long generating,
curating and normalising take over columns, compared with the same rules in plain Python, a name
at a time (`plain_rules`, and `normalise` for one string).

Inside the clock of a file: decompressing and parsing it, generating names, curating, normalising,
sorting, and writing `concepts`, `synonyms`, `concept_relations` and `concept_xrefs` as Parquet
with checksums and pointers. Names that rules make are worked on, and not counted. Not inside:
imports; the list of English frequencies, which a process loads once (a small file is built before
the clock starts); counting conflicts. All cores that this process may use; the comparison is made
on one.

What would make it lie: repeats that find the page cache warm (the files are small: reading them is
no part of the question); files that are all synonyms or all relations (so each has its line); the
folder lying in memory (the default for temporary files on some machines); one long file that
hides the others in the total; other work on the machine. In the comparison both sides get the same
names with their concepts, and both results are compared before they are timed, name by name; the
plain side has its patterns compiled and its word lists ready, and keeps no results; it
normalises every row, as rows come, where the columns do each distinct name once.

    python benchmarks/vocabulary_building.py [--data DATA] [--files DOID HGNC] [--sample 30000]

*held back* counts names that automatic curation keeps out of texts, those of withdrawn concepts
aside; *conflicts* the names, case and dashes aside, that two or more concepts of a file share.
DATA is the folder of development data; by default $KAZU_TEST_DATA says where it is.
"""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import plain_rules
import polars as pl
from plain_rules import Made
from rich.console import Console
from rich.table import Table
from timing import on_one_core, options_of, report, spread

from kazu_platform.ontologies.autocuration import curate
from kazu_platform.ontologies.generation import generate
from kazu_platform.ontologies.vocabulary import parse_vocabulary
from kazu_platform.settings import read_catalogue
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import CONCEPT_RELATIONS, CONCEPT_XREFS, CONCEPTS, SYNONYMS
from kazu_platform.text.fold import fold_name
from kazu_platform.text.normalise import normalise, normalise_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kazu_platform.ontologies.vocabulary import Vocabulary
    from kazu_platform.settings import OntologySource

CATALOGUE = Path(__file__).parent.parent / "tests" / "catalogues" / "everything.yaml"
SMALL = "CL-upper"
GIVEN = ["id", "name", "scope", "obsolete"]
SEED = 20_240_229


@dataclass(frozen=True, slots=True)
class Built:
    """One file: what became of it, and how fast."""

    entity_class: str
    concepts: int
    source_names: int
    generated_names: int
    held_back: int
    conflicts: int
    seconds: float
    source_names_per_second: int
    spread: float


def build(source: OntologySource, folder: Path) -> Vocabulary:
    """From the file to its tables in a new lake."""
    vocabulary = parse_vocabulary(source, Path(source.url))
    lake = Lake(folder)
    for table, rows in (
        (CONCEPTS, vocabulary.concepts),
        (SYNONYMS, vocabulary.synonyms),
        (CONCEPT_RELATIONS, vocabulary.relations),
        (CONCEPT_XREFS, vocabulary.xrefs),
    ):
        lake.write(table, rows, partition=source.name)
    return vocabulary


def bench_file(source: OntologySource, repeats: int) -> tuple[Built, pl.DataFrame]:
    """Build a file some times, each in its own folder, and count; its names beside."""
    seconds: list[float] = []
    vocabulary: Vocabulary | None = None
    for _ in range(repeats):
        with tempfile.TemporaryDirectory(prefix="vocabulary-") as folder:
            start = perf_counter()
            vocabulary = build(source, Path(folder))
            seconds.append(perf_counter() - start)
    assert vocabulary is not None
    names = pl.DataFrame(vocabulary.synonyms)
    n_source = names.filter(pl.col("source") == "ontology").height
    held_back = pl.col("held_back_by").is_not_null() & (pl.col("held_back_by") != "obsolete")
    built = Built(
        entity_class=source.entity_class,
        concepts=vocabulary.concepts.num_rows,
        source_names=n_source,
        generated_names=names.height - n_source,
        held_back=names.filter(held_back).height,
        conflicts=conflicts(names),
        seconds=round(median(seconds), 3),
        source_names_per_second=round(n_source / median(seconds)),
        spread=round(spread(seconds), 3),
    )
    return built, names


def conflicts(names: pl.DataFrame) -> int:
    """How many names, folded, several concepts share; names of withdrawn concepts aside."""
    concepts_of: dict[str, set[str]] = defaultdict(set)
    linkable = names.filter("linkable")
    for name, concept in zip(linkable["name"], linkable["concept_id"], strict=True):
        concepts_of[fold_name(name)].add(concept)
    return sum(len(concepts) > 1 for concepts in concepts_of.values())


def total_of(built: Sequence[Built]) -> Built:
    """All files as one."""
    seconds = sum(each.seconds for each in built)
    n_source = sum(each.source_names for each in built)
    return Built(
        entity_class="",
        concepts=sum(each.concepts for each in built),
        source_names=n_source,
        generated_names=sum(each.generated_names for each in built),
        held_back=sum(each.held_back for each in built),
        conflicts=sum(each.conflicts for each in built),
        seconds=round(seconds, 3),
        source_names_per_second=round(n_source / seconds),
        spread=max(each.spread for each in built),
    )


def compare(names: pl.DataFrame, entity_class: str, repeats: int) -> dict[str, Any]:
    """Columns against loops over the same names, on one core, taking turns."""
    rows = [Made(*row) for row in names.rows()]
    by_column, by_loop = columns(names, entity_class), loops(rows, entity_class)
    differ = set(by_column.iter_rows()) ^ set(by_loop)
    assert not differ, f"{entity_class}: {sorted(differ, key=str)[:4]}"
    assert len(by_column) == len(by_loop)
    pairs: list[tuple[float, float]] = []
    with on_one_core():
        for _ in range(repeats):
            start = perf_counter()
            columns(names, entity_class)
            between = perf_counter()
            loops(rows, entity_class)
            pairs.append((between - start, perf_counter() - between))
    ratios = [loop / column for column, loop in pairs]
    return {
        "source_names": len(rows),
        "names": len(by_loop),
        "column_names_per_second": round(len(rows) / median(column for column, _ in pairs)),
        "loop_names_per_second": round(len(rows) / median(loop for _, loop in pairs)),
        "ratio": round(median(ratios), 2),
        "spread": round(spread(ratios), 3),
    }


def columns(names: pl.DataFrame, entity_class: str) -> pl.DataFrame:
    """Names given and made, judged and normalised, as production does it."""
    none = pl.lit(None, pl.String)
    made = generate(names.filter(~pl.col("obsolete")), entity_class)
    rows = curate(pl.concat([names.with_columns(origin=none, rule=none), made]), entity_class)
    normalised = pl.Series("normalised", normalise_column(rows["name"], entity_class))
    return rows.select(
        *GIVEN, "origin", "rule", "case_sensitive", "in_context", "held_back_by", normalised
    )


def loops(names: Sequence[Made], entity_class: str) -> list[tuple[Any, ...]]:
    """The same a name at a time."""
    made = plain_rules.generate([each for each in names if not each.obsolete], entity_class)
    return [
        (
            *each,
            *plain_rules.curate(each.name, entity_class, obsolete=each.obsolete),
            normalise(each.name, entity_class),
        )
        for each in (*names, *made)
    ]


def sampled(tables: Sequence[pl.DataFrame], size: int) -> pl.DataFrame:
    """Rows of so many distinct source names of a class, the same in every run."""
    given = (
        pl.concat(tables)
        .filter(pl.col("source") == "ontology")
        .select(
            pl.col("concept_id").alias("id"),
            "name",
            "scope",
            (~pl.col("linkable")).alias("obsolete"),
        )
        .sort(GIVEN)
        .unique(["id", "name"], keep="first", maintain_order=True)
    )
    distinct = given["name"].unique().sort()
    chosen = distinct.sample(min(size, len(distinct)), shuffle=True, seed=SEED)
    return given.filter(pl.col("name").is_in(chosen.implode()))


def print_files(built: dict[str, Built]) -> None:
    """A line for each file."""
    headings = (
        "file", "class", "concepts", "source names", "generated", "held back", "conflicts",
        "seconds", "source names / s",
    )  # fmt: skip
    table = Table(title="From vocabulary files to tables")
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place < len(("file", "class")) else "right")
    for name, each in built.items():
        if name == "total":
            table.add_section()
        table.add_row(
            name,
            each.entity_class,
            f"{each.concepts:,}",
            f"{each.source_names:,}",
            f"{each.generated_names:,}",
            f"{each.held_back:,}",
            f"{each.conflicts:,}",
            f"{each.seconds:.2f}",
            f"{each.source_names_per_second:,}",
        )
    Console(width=140).print(table)


def print_comparison(compared: dict[str, dict[str, Any]]) -> None:
    """A line for each class."""
    table = Table(title="Generate, curate and normalise: columns against loops, one core")
    for heading in ("class", "source names", "columns / s", "loops / s", "ratio", "spread"):
        table.add_column(heading, justify="left" if heading == "class" else "right")
    for entity_class, each in compared.items():
        table.add_row(
            entity_class,
            f"{each['source_names']:,}",
            f"{each['column_names_per_second']:,}",
            f"{each['loop_names_per_second']:,}",
            f"{each['ratio']:.2f}",
            f"{each['spread']:.1%}",
        )
    Console().print(table)


def main() -> None:
    """Build every file, compare on every class, report."""
    parser = options_of(__doc__, repeats=1)
    parser.add_argument("--files", nargs="+", help="names in the catalogue (default: all)")
    parser.add_argument(
        "--sample", type=int, default=30_000, help="names of each class to compare on; 0: none"
    )
    given = parser.parse_args()
    os.environ["KAZU_TEST_DATA"] = str(given.data)
    catalogue = read_catalogue(CATALOGUE)
    with tempfile.TemporaryDirectory(prefix="vocabulary-") as folder:
        build(catalogue.ontology(SMALL), Path(folder))
    built: dict[str, Built] = {}
    names: dict[str, list[pl.DataFrame]] = defaultdict(list)
    sources = [catalogue.ontology(name) for name in given.files] if given.files else None
    for source in sources or catalogue.ontologies:
        built[source.name], rows = bench_file(source, given.repeats)
        names[source.entity_class].append(rows)
    total = total_of(list(built.values()))
    print_files({**built, "total": total})
    compared = {
        entity_class: compare(sampled(tables, given.sample), entity_class, max(given.repeats, 3))
        for entity_class, tables in names.items()
        if given.sample
    }
    print_comparison(compared)
    report(
        "vocabulary_building",
        {
            "files": {name: asdict(each) for name, each in built.items()},
            "total": asdict(total),
            "compared": compared,
        },
        record=given.record,
    )


if __name__ == "__main__":
    main()
