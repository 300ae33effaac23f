"""What a preview names is what the change does, mention for mention."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from kazu_platform.commands.curate import preview
from kazu_platform.errors import ConfigurationError
from kazu_platform.linking.open import LinkerParts
from kazu_platform.ontologies.curations import read_curations
from kazu_platform.reports.preview import Indices, preview_curations, summary
from kazu_platform.tables import (
    CITATIONS,
    CONCEPTS,
    DICTIONARY_MENTIONS,
    LINKS,
    MENTIONS,
    SENTENCES,
    SYNONYMS,
)

if TYPE_CHECKING:
    import polars as pl

    from tests.assets.conftest import Home

ALWAYS = {
    "author": "curation team",
    "reason": "because",
    "decided_on": "2026-01-01",
    "state": "approved",
}
FILE = "pubmed26n0002"
DECISIONS: list[dict[str, Any]] = [
    {"action": "ignore", "name": "Imatinib", "entity_class": "chemical"},
    {"action": "add", "name": "patients", "concept_id": "MONDO:0000001"},
    {"action": "drop", "name": "breast cancer", "entity_class": "disease"},
    {
        "action": "prefer",
        "name": "metformin",
        "entity_class": "chemical",
        "concept_id": "CHEBI:45783",
    },
]
Change = tuple[str, str, str | None, str | None]


def decided(home: Home) -> list[dict[str, Any]]:
    """The decisions in effect: what is decided beside them concerns few ontologies."""
    return yaml.safe_load(Path(str(home.settings.catalogue().curations)).read_text("utf-8"))


def first_concepts(home: Home) -> dict[str, str | None]:
    """Each mention of the file with its first concept."""
    best = {
        row["surface_id"]: row["concept_id"]
        for row in home.lake.read(LINKS).to_pylist()
        if row["rank"] == 1
    }
    rows = home.lake.read(MENTIONS, FILE).to_pylist()
    return {
        f"{row['mention_id']} {row['content_hash']}": best.get(row["surface_id"]) for row in rows
    }


def changed(before: dict[str, str | None], after: dict[str, str | None]) -> set[Change]:
    lost = {("lost", key, before[key], None) for key in before.keys() - after.keys()}
    gained = {("gained", key, None, after[key]) for key in after.keys() - before.keys()}
    both = {key for key in before.keys() & after.keys() if before[key] != after[key]}
    return lost | gained | {("relinked", key, before[key], after[key]) for key in both}


def previewed(home: Home, path: Path, folder: Path) -> pl.DataFrame:
    catalogue = home.settings.catalogue()
    store = home.artifacts
    return preview_curations(
        home.lake,
        Indices(store.live("dictionary").content, LinkerParts.live(store, home.settings.linker)),
        read_curations(path, today=date(2026, 6, 1), ontologies=catalogue.ontologies),
        [catalogue.ontology(name) for name in catalogue.by_preference()],
        folder,
    )


def test_the_preview_and_the_change_name_the_same_mentions(home: Home, tmp_path: Path):
    path = tmp_path / "curations.yaml"
    path.write_text(yaml.safe_dump([ALWAYS | row for row in DECISIONS]), "utf-8")
    catalogue, generations = home.catalogue(), home.generations(MENTIONS)
    before = first_concepts(home)

    foreseen = previewed(home, path, tmp_path / "preview")

    assert home.generations(MENTIONS) == generations
    home.use_catalogue(catalogue | {"curations": str(path)})
    assert home.curate().failed == []
    done = changed(before, first_concepts(home))
    rows = foreseen.to_dicts()
    named = {
        (row["change"], f"{row['mention_id']} {row['content_hash']}", row["before"], row["after"])
        for row in rows
        if row["file"] == FILE
    }
    assert {change for change, *_ in done} == {"lost", "gained", "relinked"}
    assert named == done
    for row in rows:
        assert row["text"] in row["passage"]


def test_a_preview_of_what_is_in_force_already_changes_nothing(home: Home, tmp_path: Path):
    path = Path(str(home.settings.catalogue().curations))

    foreseen = previewed(home, path, tmp_path / "preview")

    assert foreseen.height == 0
    assert summary(foreseen).height == 0


def test_only_what_a_decision_concerns_is_made_again(home: Home, tmp_path: Path):
    path = tmp_path / "curations.yaml"
    new = ALWAYS | {"action": "add", "name": "women", "concept_id": "NCBITaxon:9606"}
    path.write_text(yaml.safe_dump([*decided(home), new]), "utf-8")
    home.use_catalogue(home.catalogue() | {"curations": str(path)})
    tables = (SYNONYMS, CONCEPTS, CITATIONS)
    before = {table: home.generations(table) for table in tables}

    done = home.curate()

    after = {table: home.generations(table) for table in tables}
    again = {name for name, live in after[SYNONYMS].items() if live != before[SYNONYMS][name]}
    assert (str(done.ontologies), done.failed, again) == ("1", [], {"NCBITaxon"})
    assert (after[CONCEPTS], after[CITATIONS]) == (before[CONCEPTS], before[CITATIONS])
    found = {row["text"] for row in home.lake.read(MENTIONS).to_pylist()}
    assert {"women", "Women"} & found


def test_a_wrong_file_of_curations_changes_nothing(home: Home, tmp_path: Path):
    path = tmp_path / "curations.yaml"
    path.write_text("- action: drop\n", "utf-8")
    home.use_catalogue(home.catalogue() | {"curations": str(path)})
    before = home.generations(SYNONYMS)

    done = home.curate()

    assert [failed.what for failed in done.failed] == ["curations"]
    assert "item 1 (line 1)" in done.failed[0].why
    assert home.generations(SYNONYMS) == before


def test_a_decision_is_not_in_effect_where_a_file_could_not_be_read(home: Home, tmp_path: Path):
    path = tmp_path / "curations.yaml"
    path.write_text(yaml.safe_dump([*decided(home), ALWAYS | DECISIONS[0]]), "utf-8")
    usual = home.catalogue()
    home.use_catalogue(usual | {"curations": str(path)})
    told: list[str] = []
    assert home.curate(in_effect=lambda: told.append("whole")).failed == []
    home.use_catalogue(usual)
    file = home.lake.partitions(DICTIONARY_MENTIONS)[0]
    # It is there and is no Parquet: one that is missing may come back, and is waited for.
    Path(home.lake.pointer(SENTENCES, file).path).write_bytes(b"spoilt")

    done = home.curate(in_effect=lambda: told.append("in part"))

    assert file in {failed.what for failed in done.failed}
    assert told == ["whole"]


def test_a_lake_that_was_left_half_way_is_not_compared_with(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "curations.yaml"
    path.write_text(yaml.safe_dump([*decided(home), ALWAYS | DECISIONS[0]]), "utf-8")
    home.use_catalogue(home.catalogue() | {"curations": str(path)})
    assert home.vocabulary("CHEBI").failures == {}
    assert home.indices().failures == {}
    monkeypatch.setenv("KAZU_HOME", str(home.path))
    monkeypatch.setenv("KAZU_SOURCES", home.sources)

    with pytest.raises(ConfigurationError, match="run kazu-platform curate apply first"):
        preview(None, proposed=True)

    assert home.curate().failed == []
    assert preview(None, proposed=True).height == 0
