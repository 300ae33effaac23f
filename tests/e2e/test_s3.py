"""Everything in a bucket: made on one machine, asked and gone on with on another."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest
import yaml

import kazu_platform.sample
from assets.partitions import pubmed_files
from assets.reading import dictionary_mentions
from assets.runs import Graph, Summary, materialise_everything
from kazu_platform.definitions import build_assets, build_resources
from kazu_platform.settings import Settings, read_settings
from tests.e2e.conftest import PROGRAM, environment_of

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLE = Path(kazu_platform.sample.__file__).parent
FILE = "pubmed26n0001.xml"


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """One ontology and one file of PubMed."""
    (tmp_path / "baseline").mkdir()
    for name in (FILE, f"{FILE}.md5"):
        shutil.copy(SAMPLE / "pubmed" / "baseline" / name, tmp_path / "baseline" / name)
    mondo = {
        "name": "MONDO",
        "entity_class": "disease",
        "url": str(SAMPLE / "ontologies" / "mondo.obo"),
        "format": "obo",
        "licence": "CC-BY-4.0",
        "homepage": "https://mondo.monarchinitiative.org",
        "id_prefixes": ["MONDO"],
    }
    path = tmp_path / "small.yaml"
    pubmed = {"baseline": str(tmp_path / "baseline")}
    path.write_text(yaml.safe_dump({"name": "small", "ontologies": [mondo], "pubmed": pubmed}))
    return path


@pytest.fixture
def settings(
    catalogue: Path, s3_url: str, s3_server: str, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """The variables that say where everything is; no home yet."""
    given = {
        "KAZU_SOURCES": str(catalogue),
        "KAZU_STORAGE_URL": s3_url,
        "KAZU_S3_ENDPOINT_URL": s3_server,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(name, value)
        patch.setenv("KAZU_HOME", str(tmp_path / "first"))
        yield given


def materialise(settings: Settings) -> Summary:
    resources = build_resources(settings)
    with dg.DagsterInstance.ephemeral() as instance:
        graph = Graph(build_assets(settings.catalogue()), resources, instance)
        return materialise_everything(graph, resources["sources"])


def asked(
    settings: dict[str, str], home: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """The program, in a home that has the settings alone."""
    return subprocess.run(
        [str(PROGRAM), *arguments],
        env=environment_of(home, **settings),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_graph_in_a_bucket_is_asked_from_a_fresh_home(settings: dict[str, str], tmp_path: Path):
    summary = materialise(read_settings())
    assert summary.failed == []
    assert (summary.ontologies.made, summary.files.made) == (1, 1)

    sql = "SELECT label FROM annotations WHERE label IS NOT NULL GROUP BY ALL ORDER BY ALL"
    fresh = tmp_path / "fresh"
    done = asked(settings, fresh, "query", sql, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert {"label": "cancer"} in json.loads(done.stdout)
    assert {path.name for path in fresh.iterdir() if path.name[0] != "."} == {
        "cache",
        "warehouse.duckdb",
    }

    found = asked(settings, fresh, "annotate", "Cancer.", "--format", "jsonl")
    assert found.returncode == 0, found.stderr
    assert "MONDO:0004992" in found.stdout

    # Nothing is fetched from its publisher or made a second time on another machine.
    (tmp_path / "baseline" / FILE).rename(tmp_path / FILE)
    third = read_settings().model_copy(update={"home": tmp_path / "third"})
    resources = build_resources(third)
    archive = resources["sources"].archive("pubmed26n0001")
    assert archive.read_bytes() == (tmp_path / FILE).read_bytes()
    assert archive.is_relative_to(tmp_path / "third" / "cache")
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(pubmed_files.name or "", ["pubmed26n0001"])
        done = dg.materialize(
            [dictionary_mentions],
            partition_key="pubmed26n0001",
            resources=resources,
            instance=instance,
        )
    (made,) = done.asset_materializations_for_node("dictionary_mentions")
    assert made.metadata["unchanged"].value is True
