"""`kazu-platform doctor`."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
Findings = dict[str, tuple[str, str]]


def findings(done: Done) -> Findings:
    """What was looked at, with its level and what was found; the output is one JSON object."""
    body = json.loads(done.stdout)
    assert list(body) == ["findings"]
    assert done.stderr == ""
    return {each["what"]: (each["level"], each["detail"]) for each in body["findings"]}


def levels(found: Findings, level: str) -> list[str]:
    return [what for what, (its_level, _) in found.items() if its_level == level]


def test_a_fresh_home_is_no_error_and_says_what_to_run(kazu: Run, tmp_path: Path):
    done = kazu("doctor", "--json", home=tmp_path / "home")

    found = findings(done)
    assert done.returncode == 0
    assert levels(found, "error") == []
    assert levels(found, "warning") == ["lake", "dictionary index", "linking index", "warehouse"]
    assert found["lake"][1] == "nothing was made yet; run: kazu-platform demo"
    assert found["warehouse"][1] == "not built yet; run: kazu-platform demo"
    assert found["catalogue"] == ("ok", "sample: 17 ontologies")
    assert not (tmp_path / "home").exists()


def test_a_materialised_home_is_well(kazu: Run, sample_home: Path):
    done = kazu("doctor", "--json", home=sample_home)

    found = findings(done)
    assert done.returncode == 0
    assert (levels(found, "error"), levels(found, "warning")) == ([], [])
    assert found["warehouse"][1] == f"shows what is live: {sample_home}/warehouse.duckdb"
    rows, partitions = re.findall(r"[\d,]+", found["lake"][1])[:2]
    assert int(rows.replace(",", "")) > 10_000
    assert int(partitions) > 100


def test_people_get_a_table(kazu: Run, cells: Callable[[str], list[list[str]]], tmp_path: Path):
    header, *rows = cells(kazu("doctor", home=tmp_path / "home").stdout)

    assert header == ["", "what", "finding"]
    assert ["ok", "catalogue", "sample: 17 ontologies"] in rows


def test_a_setting_that_does_not_exist_names_the_nearest(kazu: Run, tmp_path: Path):
    done = kazu("doctor", "--json", home=tmp_path, KAZU_HOEM="elsewhere")

    assert done.returncode == 1
    assert findings(done) == {
        "settings": ("error", "KAZU_HOEM is no setting; did you mean KAZU_HOME?")
    }


def test_a_catalogue_that_does_not_exist_names_the_nearest(kazu: Run, tmp_path: Path):
    done = kazu("doctor", "--json", home=tmp_path, KAZU_SOURCES="sampel")

    assert done.returncode == 1
    assert findings(done)["catalogue"] == (
        "error",
        "KAZU_SOURCES: there is no file 'sampel'; did you mean 'sample'?",
    )


def test_it_says_which_model_the_catalogue_has_read(kazu: Run, tmp_path: Path):
    """Without looking for it: that would take the network."""
    path = tmp_path / "own.yaml"
    entry = "{name: theirs, source: of-us/made-here, licence: MIT}"
    path.write_text(f"name: own\nmodels: [{entry}]\nread_with: theirs\n", "utf-8")
    settings = {"KAZU_SOURCES": str(path), "KAZU_DETECTOR": "model+dictionary"}

    found = findings(kazu("doctor", "--json", home=tmp_path / "home", **settings))

    assert found["model"] == ("ok", "theirs of the catalogue: the checkpoint of-us/made-here")


def test_a_file_of_curations_that_is_missing_is_named(kazu: Run, tmp_path: Path):
    catalogue = tmp_path / "own.yaml"
    catalogue.write_text("name: own\ncurations: curations.yaml\n", "utf-8")

    done = kazu("doctor", "--json", home=tmp_path / "home", KAZU_SOURCES=str(catalogue))

    missing = ("error", f"there is no file {tmp_path}/curations.yaml")
    assert findings(done)["curations"] == missing


def test_an_ontology_file_that_is_missing_is_named(kazu: Run, tmp_path: Path):
    catalogue = tmp_path / "own.yaml"
    catalogue.write_text(
        "name: own\nontologies:\n"
        "  - {name: CL, entity_class: cell_type, url: cl.obo, format: obo, licence: CC0-1.0,"
        " homepage: https://example.org}\n",
        "utf-8",
    )

    done = kazu("doctor", "--json", home=tmp_path / "home", KAZU_SOURCES=str(catalogue))

    found = findings(done)
    assert done.returncode == 1
    assert found["ontology CL"] == ("error", f"there is no file {tmp_path}/cl.obo")
    assert found["pubmed"] == ("warning", "the catalogue has no PubMed folders: no corpus")


def the_file(home: Path, table: str, partition: str) -> Path:
    [path] = (home / "lake" / table / partition).glob("*.parquet")
    return path


@pytest.fixture
def damaged(own_home: Path) -> Path:
    """A lake with a lost file, one cut short and a broken pointer."""
    the_file(own_home, "links", "00").unlink()
    short = the_file(own_home, "mentions", "pubmed26n0001")
    short.write_bytes(short.read_bytes()[:100])
    (own_home / "lake" / "concepts" / "MONDO" / "live.json").write_text("{", "utf-8")
    return own_home


def test_every_damage_of_the_lake_is_named(kazu: Run, damaged: Path):
    lost = json.loads((damaged / "lake" / "links" / "00" / "live.json").read_text("utf-8"))

    done = kazu("doctor", "--json", home=damaged)

    found = findings(done)
    assert done.returncode == 1
    assert levels(found, "error") == [
        "lake concepts",
        "lake mentions pubmed26n0001",
        "lake links 00",
        "warehouse",
    ]
    assert f"{damaged}/lake/concepts/MONDO/live.json is no pointer" in found["lake concepts"][1]
    assert found["lake links 00"][1].startswith(
        f"{damaged}/lake/links/00/{lost['generation']}.parquet is missing"
    )
    assert str(the_file(damaged, "mentions", "pubmed26n0001")) in str(found)


def test_a_warehouse_that_is_behind_the_lake_is_a_warning(kazu: Run, own_home: Path):
    from kazu_platform.storage.lake import Lake
    from kazu_platform.tables import LINKS

    lake = Lake(own_home / "lake")
    rows = lake.read(LINKS, "00")
    lake.write(LINKS, rows.slice(1), partition="00")

    done = kazu("doctor", "--json", home=own_home)

    assert done.returncode == 0
    assert findings(done)["warehouse"] == (
        "warning",
        "does not show 1 parts as they are (links 00); materialise `warehouse`",
    )
