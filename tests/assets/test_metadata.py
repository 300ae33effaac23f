"""What a person sees in the UI of what was made: counts, columns, a preview, pictures, checks."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from assets.plots import WIDTH
from kazu_platform.definitions import build_definitions
from kazu_platform.settings import Settings
from kazu_platform.tables import CITATIONS, MENTIONS, PARTITION_METRICS, TABLES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.assets.conftest import Home, Report

FILE = "pubmed26n0003"
TABLES_OF_FILES = [
    *("citations", "deletions", "sentences"),
    *("dictionary_mentions", "model_mentions", "mentions"),
]
TABLES_OF_THE_CORPUS = ["current_citations", "surfaces", "links", "pair_counts", "nodes", "edges"]


@pytest.fixture(scope="module")
def made(
    sample_home: Path, home_at: Callable[[Path], Home], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Home, dict[str, dict[str, Any]]]:
    """A file and the graph made anew, and the metadata of every asset in it."""
    home = home_at(sample_home).copied_to(tmp_path_factory.mktemp("made") / "home")
    for name in TABLES_OF_FILES:
        home.lake.drop(TABLES[name], FILE)
    reports: list[Report] = [home.file(FILE), home.graph(), home.vocabulary("HP"), home.indices()]
    assert [report.failures for report in reports] == [{}] * 4
    return home, {name: facts for report in reports for name, facts in report.metadata.items()}


@pytest.mark.parametrize("table", TABLES_OF_FILES)
def test_a_table_of_a_file_shows_its_rows(made: tuple[Home, dict[str, dict[str, Any]]], table: str):
    home, metadata = made
    pointer = home.lake.pointer(TABLES[table], FILE)

    assert metadata[table]["dagster/row_count"] == pointer.n_rows
    assert metadata[table]["generation"] == pointer.generation
    assert metadata[table]["size"] == f"{pointer.n_bytes:,} bytes"
    assert metadata[table]["unchanged"] is False
    assert metadata[table]["seconds"] > 0


@pytest.mark.parametrize("table", TABLES_OF_THE_CORPUS)
def test_a_table_of_the_corpus_shows_the_rows_of_all_its_partitions(
    made: tuple[Home, dict[str, dict[str, Any]]], table: str
):
    home, metadata = made

    rows = home.lake.read(TABLES[table], columns=[TABLES[table].key[0]]).num_rows
    assert rows > 100
    assert metadata[table]["dagster/row_count"] == rows


@pytest.mark.parametrize("table", [*TABLES_OF_FILES, *TABLES_OF_THE_CORPUS, "concepts", "synonyms"])
def test_a_preview_shows_the_columns_and_at_most_five_rows(
    made: tuple[Home, dict[str, dict[str, Any]]], table: str
):
    preview: str = made[1][table]["preview"]

    if metadata_rows(made[1][table]) == 0:
        assert preview == "no rows"
        return
    header, rule, *rows = preview.splitlines()
    assert header == f"| {' | '.join(TABLES[table].schema.names)} |"
    assert set(rule) <= set("|- ")
    assert 1 <= len(rows) <= 5


def metadata_rows(facts: dict[str, Any]) -> int:
    return int(facts["dagster/row_count"])


def test_charts_have_a_bar_for_each_count(made: tuple[Home, dict[str, dict[str, Any]]]):
    home, metadata = made
    for table, name, column in (
        (CITATIONS, "years", "pub_year"),
        (MENTIONS, "classes", "entity_class"),
    ):
        counts = Counter(home.lake.read(table, FILE, [column])[column].drop_null().to_pylist())
        _, _, *bars = metadata[table.name][name].splitlines()
        cells = [
            [cell.strip().replace(",", "") for cell in bar.strip("|").split("|")] for bar in bars
        ]
        assert {value: int(count) for value, count, _ in cells} == {
            str(value): count for value, count in counts.items()
        }
        longest = max(cells, key=lambda each: int(each[1]))
        assert longest[2] == "█" * WIDTH


def test_a_citation_set_aside_is_counted(made: tuple[Home, dict[str, dict[str, Any]]]):
    home, metadata = made
    figures = {
        row["metric"]: row["value"]
        for row in home.lake.read(PARTITION_METRICS, f"citations/{FILE}").to_pylist()
    }

    assert metadata["citations"]["set_aside"] == figures["set_aside"] == 1
    assert figures["rows"] == home.lake.pointer(CITATIONS, FILE).n_rows
    assert figures["seconds"] > 0


@pytest.mark.parametrize("table", TABLES_OF_FILES)
def test_the_figures_of_a_file_say_what_they_are_of(
    made: tuple[Home, dict[str, dict[str, Any]]], table: str
):
    home, _ = made
    rows = home.lake.read(PARTITION_METRICS, f"{table}/{FILE}").to_pylist()
    live = home.lake.pointer(TABLES[table], FILE)

    assert {row["metric"] for row in rows} >= {"seconds", "rows", "peak_memory_bytes"}
    assert {row["version"] for row in rows} == {live.data_version}
    assert [json.loads(row["inputs"]) for row in rows] == [dict(live.inputs)] * len(rows)
    [peak] = [row["value"] for row in rows if row["metric"] == "peak_memory_bytes"]
    assert 10 * 2**20 < peak < 100 * 2**30


def test_the_data_version_is_that_of_the_rows(made: tuple[Home, dict[str, dict[str, Any]]]):
    """So Dagster knows that a partition which came out the same changes nothing behind it."""
    home, _ = made
    event = home.instance.get_latest_data_version_record(
        dg.AssetKey("citations"), partition_key=FILE
    )

    assert event is not None
    tags = event.asset_materialization.tags if event.asset_materialization else None
    assert (tags or {})["dagster/data_version"] == home.data_versions(CITATIONS)[FILE]


def test_every_column_is_explained_before_a_row_is_there(tmp_path: Path):
    settings = Settings(home=tmp_path, sources="sample")  # pyright: ignore[reportCallIssue]
    graph = build_definitions(settings).resolve_asset_graph()

    for name in [*TABLES_OF_FILES, *TABLES_OF_THE_CORPUS, "concepts", "concept_xrefs"]:
        schema: dg.TableSchema = graph.get(dg.AssetKey(name)).metadata["dagster/column_schema"]
        assert [column.name for column in schema.columns] == TABLES[name].schema.names
        assert [column.name for column in schema.columns if not column.description] == []


def test_audits_pass_on_the_sample(home: Home):
    """They run on demand from the UI, on what is live."""
    from assets.audits import AUDITS
    from kazu_platform.definitions import build_resources

    result = dg.materialize(
        [*AUDITS, dg.AssetSpec("warehouse")],
        instance=home.instance,
        resources=build_resources(home.settings),
        selection=dg.AssetSelection.checks(*AUDITS),
    )

    checks = {each.check_name: each.passed for each in result.get_asset_check_evaluations()}
    assert checks == {
        "annotations_are_unique": True,
        "every_current_citation_is_read": True,
        "newest_file_is_annotated": True,
    }
