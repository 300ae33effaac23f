"""Reports as assets: what a curator reads in the UI, and what an analyst asks for."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from assets.layers import LINK_LAYER, REPORT_LAYER
from kazu_platform.storage.queries import open_read_only
from kazu_platform.tables import (
    CITATIONS,
    CONFLICTS,
    HOMONYMS,
    LINKS,
    SURFACES,
    VOCABULARY_CHANGES,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.assets.conftest import Home, Report

CML = "MONDO:0011996"


def rows_of(page: str) -> list[list[str]]:
    """Cells of a Markdown table, without its header."""
    return [[cell.strip() for cell in line.split(" | ")] for line in page.splitlines()[2:]]


@pytest.fixture(scope="module")
def made(
    sample_home: Path, home_at: Callable[[Path], Home], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Home, Report]:
    """The two reports on the lake, made anew."""
    home = home_at(sample_home).copied_to(tmp_path_factory.mktemp("reports") / "home")
    home.lake.drop(CONFLICTS, "all")
    home.lake.drop(HOMONYMS, "all")
    report = home.materialise(REPORT_LAYER)
    assert report.failures == {}
    return home, report


def test_the_worst_conflicts_are_shown_with_real_sentences(made: tuple[Home, Report]):
    home, report = made
    facts = report.metadata["conflicts"]
    texts = [
        part["text"]
        for sections in home.lake.read(CITATIONS, columns=["sections"])["sections"].to_pylist()
        for part in sections
    ]

    worst = rows_of(facts["worst"])

    assert len(worst) == 10
    mentions = [int(row[4]) for row in worst]
    assert mentions == sorted(mentions, reverse=True)
    for row in worst:
        sentence = row[-1].removesuffix("|").strip().rpartition(" (PMID:")[0]
        assert any(sentence in text for text in texts)
    assert {row[0].removeprefix("| ") for row in rows_of(facts["kinds"])} == {
        "within_ontology",
        "across_ontologies",
        "across_classes",
    }
    assert facts["affected"].startswith("| mentions affected |")


def test_insulin_is_a_gene_and_a_chemical(made: tuple[Home, Report]):
    home, _ = made

    rows = [row for row in home.lake.read(CONFLICTS).to_pylist() if row["string"] == "insulin"]

    assert [(row["kind"], row["entity_classes"]) for row in rows] == [
        ("across_classes", ["chemical", "gene"])
    ]
    assert "insulin" in rows[0]["sentence"].lower()


def test_the_reports_say_what_the_linker_makes_of_each_string(made: tuple[Home, Report]):
    home, report = made
    best = {
        row["surface_id"]: row["concept_id"]
        for row in home.lake.read(LINKS).to_pylist()
        if row["rank"] == 1
    }
    counts: Counter[str] = Counter()
    for row in home.lake.read(SURFACES).to_pylist():
        if (row["text"].lower(), row["entity_class"]) == ("was", "gene"):
            counts[best[row["surface_id"]]] += row["n_mentions"]

    [was] = [
        row
        for row in home.lake.read(HOMONYMS).to_pylist()
        if (row["word"], row["entity_class"]) == ("was", "gene")
    ]

    assert [(was["first_concept_id"], was["n_decided"])] == counts.most_common(1)
    assert 0 < was["first_score"] <= 1
    for asset in ("conflicts", "homonyms"):
        assert "linked to" in report.metadata[asset]["worst"].splitlines()[0]
    linked = home.lake.read(CONFLICTS)["n_decided"]
    assert 0 < linked.null_count < len(linked)


def test_was_is_reported_but_no_flood_as_it_matches_only_in_its_case(made: tuple[Home, Report]):
    home, report = made

    found = {
        (row["word"], row["entity_class"]): row for row in home.lake.read(HOMONYMS).to_pylist()
    }

    was = found["was", "gene"]
    assert (was["concept_ids"], was["any_case"]) == (["HGNC:12731"], False)
    assert (was["n_mentions"] > 0, was["word_case_share"]) == (True, 0.0)
    assert report.checks["homonyms", "no_flood"] is True


def test_a_report_that_is_made_already_still_shows_its_page(made: tuple[Home, Report]):
    home, first = made

    again = home.materialise(REPORT_LAYER)

    for asset in ("conflicts", "homonyms"):
        assert again.metadata[asset]["unchanged"] is True
        assert again.metadata[asset]["worst"] == first.metadata[asset]["worst"]
    assert again.checks == first.checks


def test_a_word_that_floods_is_warned_of_and_holds_nothing_up(home: Home, own_sample: Path):
    decision = {
        "action": "add",
        "name": "patients",
        "concept_id": "HGNC:12731",
        "author": "curation team",
        "reason": "a mistake",
        "decided_on": "2026-01-01",
        "state": "approved",
    }
    path = own_sample / "curations.json"
    path.write_text(json.dumps([decision]), "utf-8")
    path = path.rename(path.with_suffix(".yaml"))
    home.use_catalogue(home.catalogue() | {"curations": str(path)})

    summary = home.everything()

    assert summary.failed == []
    report = home.materialise(REPORT_LAYER)
    assert report.failures == {}
    assert report.checks["homonyms", "no_flood"] is False
    assert "| patients | gene |" in report.metadata["homonyms"]["worst"]


def test_the_first_version_of_a_vocabulary_is_compared_with_nothing(home: Home):
    facts = home.vocabulary("HP").metadata["vocabulary_changes"]

    assert facts["dagster/row_count"] == 0
    assert facts["changes"] == "The first version: there is nothing to compare it with."


def test_a_new_version_is_compared_before_it_is_matched(home: Home, own_sample: Path):
    """What is lost is counted in the lake as it stands, what is gained in its texts."""
    mondo = own_sample / "ontologies" / "mondo.obo"
    text = mondo.read_text("utf-8")
    stanza = f"id: {CML}\nname: chronic myeloid leukemia\n"
    assert stanza in text
    assert text.count('synonym: "CML" EXACT') == 1
    text = text.replace('synonym: "CML" EXACT', 'synonym: "first choice" EXACT')
    mondo.write_text(text, "utf-8")
    home.use_ontology_file("MONDO", mondo)

    report = home.vocabulary("MONDO")

    assert report.failures == {}
    rows: dict[str, Any] = {
        row["change"]: row
        for row in home.lake.read(VOCABULARY_CHANGES, "MONDO").to_pylist()
        if row["name"] in {"CML", "first choice"}
    }
    assert set(rows) == {"name_added", "name_removed"}
    lost, gained = rows["name_removed"], rows["name_added"]
    assert (lost["name"], lost["concept_id"], lost["effect"]) == ("CML", CML, "lost")
    assert (gained["name"], gained["concept_id"], gained["effect"]) == (
        "first choice",
        CML,
        "gained",
    )
    assert lost["n_mentions"] > 5
    assert gained["n_mentions"] > 0
    assert report.metadata["vocabulary_changes"]["documents_searched"] > 100
    assert (
        "| name_removed | MONDO:0011996 | CML |"
        in (report.metadata["vocabulary_changes"]["foremost"])
    )
    assert report.checks["vocabulary_changes", "few_mentions_lost"] is False

    runs = [home.indices(), *map(home.file, home.register())]
    runs += [home.materialise(REPORT_LAYER | LINK_LAYER), home.graph()]
    assert [run.failures for run in runs] == [{}] * 9
    found = asked(home, "SELECT count(*) FROM mentions WHERE text ILIKE 'first choice'")
    assert found == [(gained["n_mentions"],)]
    assert asked(
        home,
        "SELECT name, n_mentions FROM vocabulary_changes WHERE name IN ('CML', 'first choice') "
        "ORDER BY name",
    ) == [
        ("CML", lost["n_mentions"]),
        ("first choice", gained["n_mentions"]),
    ]
    assert asked(home, "SELECT count(*) FROM conflicts")[0][0] > 50


def asked(home: Home, sql: str) -> list[tuple[Any, ...]]:
    with open_read_only(home.settings.warehouse, home.settings.lake) as connection:
        return connection.sql(sql).fetchall()
