"""A person's decision takes effect where it should and rewrites nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

import kazu_platform.sample
from kazu_platform.tables import (
    CONCEPTS,
    CURATIONS,
    LINKS,
    MENTIONS,
    SURFACES,
    SYNONYMS,
)

if TYPE_CHECKING:
    from tests.assets.conftest import Home

ALWAYS = {
    "author": "curation team",
    "reason": "because",
    "decided_on": "2026-01-01",
    "state": "approved",
}
SAMPLE = Path(str(kazu_platform.sample.__file__)).parent
FILE = "pubmed26n0002"
CHECKS = ("no_curation_has_expired", "every_curation_in_force_changes_something")


def decide(home: Home, *rows: dict[str, Any]) -> None:
    """Use the same catalogue with these decisions and no other."""
    path = home.path / "curations.yaml"
    path.write_text(yaml.safe_dump([ALWAYS | row for row in rows]), "utf-8")
    home.use_catalogue(home.catalogue() | {"curations": str(path)})


def apply(home: Home, *ontologies: str) -> None:
    """Make everything that decisions may change; files other than one stay as they were."""
    runs = [home.vocabulary(name) for name in ontologies]
    runs += [home.indices(), home.file(FILE), home.graph()]
    assert [run.failures for run in runs] == [{}] * len(runs)


def mentioned(home: Home, text: str, entity_class: str) -> int:
    rows = home.lake.read(MENTIONS, FILE).to_pylist()
    return sum((row["text"], row["entity_class"]) == (text, entity_class) for row in rows)


def linked(home: Home, text: str, entity_class: str) -> set[tuple[str, str]]:
    """Best concept and method of a string without context."""
    surfaces = {
        row["surface_id"]
        for row in home.lake.read(SURFACES).to_pylist()
        if (row["text"], row["entity_class"], row["context"]) == (text, entity_class, "")
    }
    return {
        (row["concept_id"], row["method"])
        for row in home.lake.read(LINKS).to_pylist()
        if row["surface_id"] in surfaces and row["rank"] == 1
    }


def test_a_decision_changes_what_is_matched_and_linked_and_can_be_taken_back(home: Home):
    before = home.data_versions(SYNONYMS)
    imatinib, metformin = (
        mentioned(home, "imatinib", "chemical"),
        linked(home, "metformin", "chemical"),
    )
    assert imatinib > 0
    assert metformin == {("CHEBI:6801", "exact")}

    decide(
        home,
        {"action": "ignore", "name": "Imatinib", "entity_class": "chemical"},
        {"action": "add", "name": "patients", "concept_id": "MONDO:0000001"},
        {
            "action": "prefer",
            "name": "metformin",
            "entity_class": "chemical",
            "concept_id": "DRUGBANK:DB00331",
        },
    )
    apply(home, "MONDO", "CHEBI", "DrugBank", "ChEMBL")

    assert mentioned(home, "imatinib", "chemical") == 0
    assert mentioned(home, "patients", "disease") > 0
    assert linked(home, "patients", "disease") == {("MONDO:0000001", "exact")}
    # The preferred concept goes by its leader.
    assert linked(home, "metformin", "chemical") == {("CHEBI:6801", "curated")}

    home.sources = "sample"
    apply(home, "MONDO", "CHEBI", "DrugBank", "ChEMBL")

    assert mentioned(home, "imatinib", "chemical") == imatinib
    assert mentioned(home, "patients", "disease") == 0
    assert linked(home, "metformin", "chemical") == metformin
    assert home.data_versions(SYNONYMS) == before


def test_only_the_ontology_that_is_touched_is_written_again(home: Home):
    sample = [
        {key: str(value) for key, value in row.items()}
        for row in yaml.safe_load((SAMPLE / "curations.yaml").read_text("utf-8"))
    ]
    generations = home.generations(SYNONYMS)

    decide(home, *sample, {"action": "drop", "name": "KIT", "concept_id": "HGNC:6342"})
    runs = [home.vocabulary(name) for name in generations]

    assert [run.failures for run in runs] == [{}] * 17
    now = home.generations(SYNONYMS)
    assert {name for name in now if now[name] != generations[name]} == {"HGNC"}


def test_names_are_curated_anew_without_reading_the_ontology(home: Home):
    """What would be parsed is gone; the other tables are not looked at either."""
    raw = home.path / "raw" / "ontologies" / "HGNC" / "hgnc.tsv"
    concepts = home.generations(CONCEPTS)
    size, times = raw.stat().st_size, raw.stat()
    raw.write_bytes(b"x" * size)
    os.utime(raw, ns=(times.st_atime_ns, times.st_mtime_ns))

    decide(home, {"action": "drop", "name": "KIT", "concept_id": "HGNC:6342"})
    curated = home.vocabulary("HGNC")

    assert curated.failures == {}
    assert curated.metadata["synonyms"]["unchanged"] is False
    assert home.generations(CONCEPTS) == concepts
    [kit] = [row for row in home.lake.read(SYNONYMS, "HGNC").to_pylist() if row["name"] == "KIT"]
    assert (kit["active"], kit["linkable"]) == (False, False)


def test_the_table_says_what_each_decision_does(home: Home):
    decide(
        home,
        {"action": "drop", "name": "KIT", "concept_id": "HGNC:6342"},
        {"action": "drop", "name": "KITT", "concept_id": "HGNC:6342"},
        {"action": "add", "name": "x1", "concept_id": "HGNC:1"},
        {"action": "drop", "name": "MET", "expires_on": "2026-01-02"},
        {"action": "drop", "name": "MYC", "state": "proposed"},
    )

    home.vocabulary("HGNC")
    report = home.indices()

    effects = {
        row["name"]: (row["effect"], row["n_changed"])
        for row in home.lake.read(CURATIONS).to_pylist()
    }
    assert effects == {
        "KIT": ("in_force", 1),
        "KITT": ("no_such_name", 0),
        "x1": ("unknown_concept", 0),
        "MET": ("expired", 0),
        "MYC": ("proposed", 0),
    }
    assert report.failures == {}
    assert [report.checks[("curations", name)] for name in CHECKS] == [False, False]
    [expired] = [
        str(check.metadata["rows"].value)
        for check in report.run.get_asset_check_evaluations()
        if check.check_name == CHECKS[0]
    ]
    assert "| curation team | 2026-01-02 | expired |" in expired


def test_decisions_that_all_do_something_pass(home: Home):
    decide(home, {"action": "drop", "name": "KIT", "concept_id": "HGNC:6342"})

    home.vocabulary("HGNC")
    report = home.indices()

    assert [report.checks[("curations", name)] for name in CHECKS] == [True, True]
    assert home.indices().metadata["curations"]["unchanged"] is True


def test_a_wrong_row_fails_at_once_and_changes_nothing(home: Home):
    generations = home.generations(SYNONYMS)
    decide(home, {"action": "dorp", "name": "KIT", "concept_id": "HGNC:6342"})

    refused = home.vocabulary("HGNC")

    assert home.generations(SYNONYMS) == generations
    assert refused.retried == set()
    assert refused.failures["curation_file"] == (
        f"{home.path}/curations.yaml, item 1 (line 1): action: there is no 'dorp'; did you mean "
        "'drop'?"
    )


def test_a_catalogue_without_curations_has_an_empty_table(home: Home):
    home.use_catalogue(home.catalogue() | {"curations": None})

    home.vocabulary("HGNC")
    report = home.indices()

    assert home.lake.read(CURATIONS).num_rows == 0
    assert [report.checks[("curations", name)] for name in CHECKS] == [True, True]
