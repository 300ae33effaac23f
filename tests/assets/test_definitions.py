"""The graph as Dagster loads it: whole, described, checked, and as the snapshot has it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets import layers
from kazu_platform.definitions import build_definitions
from kazu_platform.settings import Settings
from kazu_platform.tables import TABLES

SNAPSHOT = Path(__file__).with_name("graph.json")
WRITTEN_BY_STAGES = {"quarantine", "partition_metrics", "evaluations", "releases"}
LAYERS = {
    "vocabulary": layers.VOCABULARY_LAYER,
    "mapping_set": layers.MAPPING_LAYER,
    "indices": layers.INDEX_LAYER,
    "register_files": layers.LISTING_LAYER,
    "pubmed_file": layers.FILE_LAYER,
    "graph": layers.CORPUS_LAYER,
    "reports": layers.REPORT_LAYER,
    "training_corpus": layers.CORPUS_OF_LABELS_LAYER,
    "weak_labels_file": layers.WEAK_LABELS_LAYER,
    "model": layers.MODEL_LAYER,
    "train_linking": layers.LINKING_MODEL_LAYER,
}


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    home = tmp_path_factory.mktemp("home")
    return build_definitions(Settings(home=home, sources="sample"))  # pyright: ignore[reportCallIssue]


@pytest.fixture(scope="module")
def graph(definitions: dg.Definitions) -> dg.BaseAssetGraph[Any]:
    return definitions.resolve_asset_graph()


def described(graph: dg.BaseAssetGraph[Any]) -> dict[str, Any]:
    """What the snapshot holds of each asset."""
    found: dict[str, Any] = {}
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        partitions = node.partitions_def
        found[key.to_user_string()] = {
            "group": node.group_name,
            "needs": sorted(parent.to_user_string() for parent in node.parent_keys),
            "partitions": type(partitions).__name__ if partitions else None,
            "pools": sorted(node.pools or ()),
            "checks": sorted(check.name for check in node.check_keys),
            "kinds": sorted(node.kinds),
        }
    return found


def test_the_code_location_is_valid(definitions: dg.Definitions):
    dg.Definitions.validate_loadable(definitions)


def test_the_graph_is_as_the_snapshot_has_it(graph: dg.BaseAssetGraph[Any]):
    """A change is looked at and then meant; running this file writes the snapshot anew."""
    found = described(graph)

    assert found == json.loads(SNAPSHOT.read_text("utf-8")), (
        "The asset graph changed. If that is meant: python tests/assets/test_definitions.py"
    )


def test_every_asset_says_what_it_is_and_whose(graph: dg.BaseAssetGraph[Any]):
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        lacks = {
            what
            for what, value in {
                "owners": node.owners,
                "description": node.description,
                "group": node.group_name not in {None, "default"},
                "kinds": node.kinds,
                "code version": node.code_version,
            }.items()
            if not value
        }
        assert lacks == set(), key.to_user_string()


def test_every_table_has_one_asset_that_writes_it(graph: dg.BaseAssetGraph[Any]):
    stored = {name for name, table in TABLES.items() if table.stored} - WRITTEN_BY_STAGES
    writers = Counter(
        row
        for key in graph.get_all_asset_keys()
        if (row := graph.get(key).metadata.get("row")) is not None
    )

    assert {key.to_user_string() for key in graph.get_all_asset_keys()} >= stored
    assert writers == Counter(TABLES[name].row for name in stored)


def test_every_table_has_a_gate(graph: dg.BaseAssetGraph[Any]):
    tables = {name for name, table in TABLES.items() if table.stored} - WRITTEN_BY_STAGES
    gates = {
        check.asset_key.to_user_string()
        for check in graph.asset_check_keys
        if graph.get_check_spec(check).blocking
    }

    assert tables - gates == set()


def test_every_asset_belongs_to_one_layer(graph: dg.BaseAssetGraph[Any]):
    """What is in no layer would be in no job and never be made."""
    places = Counter(
        key for layer in LAYERS.values() for key in layer.resolve(graph, allow_missing=False)
    )

    assert places == Counter(graph.get_all_asset_keys())


@pytest.mark.parametrize("job", LAYERS)
def test_a_job_makes_its_layer(
    definitions: dg.Definitions, graph: dg.BaseAssetGraph[Any], job: str
):
    resolved = definitions.resolve_job_def(job)

    assert set(resolved.asset_layer.selected_asset_keys) == LAYERS[job].resolve(graph)


def test_the_other_jobs_resolve(definitions: dg.Definitions):
    ops = {
        job: [node.name for node in definitions.resolve_job_def(job).nodes]
        for job in ("whole_graph", "train_ner")
    }

    assert ops == {
        "whole_graph": ["materialise_all"],
        "train_ner": ["train_all"],
    }


def test_a_catalogue_without_pubmed_loads(tmp_path: Path):
    (tmp_path / "empty.yaml").write_text("name: empty\n", "utf-8")
    settings = Settings(home=tmp_path, sources=str(tmp_path / "empty.yaml"))  # pyright: ignore[reportCallIssue]

    dg.Definitions.validate_loadable(build_definitions(settings))


def test_a_resource_can_be_replaced(tmp_path: Path):
    settings = Settings(home=tmp_path, sources="sample")  # pyright: ignore[reportCallIssue]

    definitions = build_definitions(settings, {"compute": "another"})

    assert (definitions.resources or {})["compute"] == "another"


if __name__ == "__main__":
    sample = Settings(home=Path("unused"), sources="sample")  # pyright: ignore[reportCallIssue]
    now = described(build_definitions(sample).resolve_asset_graph())
    SNAPSHOT.write_text(json.dumps(now, indent=1) + "\n", "utf-8")
