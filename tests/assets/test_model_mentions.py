"""A model reads every file once; what it finds and what the dictionary finds become mentions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from assets.reading import read_passages
from assets.runs import Graph, replay_quarantine
from kazu_platform.definitions import build_assets, build_resources
from kazu_platform.ner.found import found_in
from kazu_platform.ner.packaged import ARTIFACT, model_at
from kazu_platform.ner.steps import ModelStep
from kazu_platform.tables import (
    CITATIONS,
    DICTIONARY_MENTIONS,
    MENTIONS,
    MODEL_MENTIONS,
    QUARANTINE,
)
from tests.assets.test_changed_names import with_name
from tests.assets.test_preview import ALWAYS, DECISIONS, changed, first_concepts, previewed
from tests.ner.models import CLASSES, model_folder
from tests.ner.test_checkpoints import MULTI, checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.assets.conftest import Home, Report

FILE = "pubmed26n0002"


@pytest.fixture(autouse=True)
def a_model_reads_where_there_is_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KAZU_DETECTOR", "model+dictionary")


def promote(home: Home, seed: int = 0) -> ModelStep:
    """Promote a model of random weights; the step that reads with it."""
    with home.artifacts.stage(ARTIFACT) as staged:
        model_folder(staged.content, seed)
        return ModelStep(str(staged.commit().content), candidates=True)


def read(home: Home) -> dict[str, Any]:
    """Read the file; what is said of what the model found in it."""
    report = home.file(FILE)
    assert report.failures == {}
    return report.metadata["model_mentions"]


@pytest.fixture(scope="module")
def promoted(
    sample_home: Path, home_at: Callable[[Path], Home], tmp_path_factory: pytest.TempPathFactory
) -> Home:
    """The sample with a model; one of its files was read with it."""
    home = home_at(sample_home).copied_to(tmp_path_factory.mktemp("promoted") / "home")
    promote(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAZU_DETECTOR", "model+dictionary")
        read(home)
    return home


@pytest.fixture
def with_model(promoted: Home, tmp_path: Path) -> Home:
    """A copy of it, to do with as a test likes."""
    return promoted.copied_to(tmp_path / "with_model")


def rows_of_all(home: Home) -> dict[str, str]:
    """The hashes of the rows of the file."""
    tables = (DICTIONARY_MENTIONS, MODEL_MENTIONS, MENTIONS)
    return {table.name: home.lake.pointer(table, FILE).data_version for table in tables}


def made_anew(home: Home) -> dict[str, str]:
    """The same if no former generation is there to be brought up to date."""
    for table in (MODEL_MENTIONS, MENTIONS):
        home.lake.drop(table, FILE)
    read(home)
    return rows_of_all(home)


def test_a_model_that_was_promoted_reads(with_model: Home):
    step = ModelStep(str(with_model.artifacts.live(ARTIFACT).content), candidates=True)
    live = with_model.lake.pointer(MODEL_MENTIONS, FILE)

    found = with_model.lake.read(MODEL_MENTIONS, FILE)

    assert found.equals(step.open()(read_passages(with_model.lake, FILE)))
    assert min(found["confidence"].to_pylist()) < 0.3
    assert live.inputs == {
        "citations": with_model.lake.pointer(CITATIONS, FILE).data_version,
        "sentences": live.inputs["sentences"],
        "model": step.version,
        "thresholds": json.dumps(dict.fromkeys(CLASSES, 0.5)),
    }


def test_mentions_are_those_of_both_joined(with_model: Home):
    found = with_model.lake.read(MENTIONS, FILE)

    detectors = set(found["detector"].to_pylist())
    joined = found_in(with_model.lake, FILE)
    assert {"dictionary", "model", "dictionary+model"} <= detectors
    assert set(joined["mention_id"].to_pylist()) <= set(found["mention_id"].to_pylist())
    assert joined.num_rows < with_model.lake.read(MODEL_MENTIONS, FILE).num_rows + (
        with_model.lake.read(DICTIONARY_MENTIONS, FILE).num_rows
    )


def test_what_is_said_of_a_reading(with_model: Home):
    with_model.lake.drop(MODEL_MENTIONS, FILE)
    report = with_model.file(FILE)
    again = with_model.file(FILE)

    said = report.metadata["model_mentions"]
    n_documents = with_model.lake.pointer(CITATIONS, FILE).n_rows
    assert (said["documents"], said["documents_detected"], said["set_aside"]) == (
        *(n_documents, n_documents),
        0,
    )
    assert said["promoted"] == with_model.artifacts.live_version(ARTIFACT)
    assert said["compute"] == "inline"
    assert again.metadata["model_mentions"]["documents_detected"] == 0
    for each in (report, again):
        assert each.checks["model_mentions", "few_set_aside"] is True
        assert each.checks["model_mentions", "nothing_set_aside"] is True


def test_what_did_not_change_is_not_read_again(with_model: Home):
    tables = (DICTIONARY_MENTIONS, MODEL_MENTIONS, MENTIONS)
    before = {table.name: with_model.generations(table) for table in tables}

    said = read(with_model)

    assert said["unchanged"] is True
    assert {table.name: with_model.generations(table) for table in tables} == before


def test_a_changed_vocabulary_has_no_model_read_again(with_model: Home, own_sample: Path):
    """What only the model found, the dictionary now finds too; only its documents are remade."""
    mondo = own_sample / "ontologies" / "mondo.obo"
    before, found = with_model.generations(MODEL_MENTIONS), with_model.lake.read(MENTIONS, FILE)
    name = max(
        (
            row["text"]
            for row in found.to_pylist()
            if (row["detector"], row["entity_class"]) == ("model", "disease")
            and row["text"].replace(" ", "").isalpha()
        ),
        key=len,
    )
    with_name(mondo, name)
    with_model.use_ontology_file("MONDO", mondo)
    assert with_model.vocabulary("MONDO").failures == {}
    assert with_model.indices().failures == {}

    report = with_model.file(FILE)

    after = rows_of_all(with_model)
    n_documents = with_model.lake.pointer(CITATIONS, FILE).n_rows
    assert report.failures == {}
    assert with_model.generations(MODEL_MENTIONS) == before
    assert report.metadata["dictionary_mentions"]["gained"] >= 1
    assert 0 < report.metadata["mentions"]["documents_remade"] < n_documents
    agreed = with_model.lake.read(MENTIONS, FILE).to_pylist()
    assert {row["detector"] for row in agreed if row["text"] == name} == {"dictionary+model"}
    assert made_anew(with_model) == after


def test_another_model_reads_again_and_the_dictionary_does_not(with_model: Home):
    before = with_model.generations(DICTIONARY_MENTIONS)
    rows = rows_of_all(with_model)
    step = promote(with_model, seed=1)

    said = read(with_model)

    after = rows_of_all(with_model)
    assert said["documents_detected"] == with_model.lake.pointer(CITATIONS, FILE).n_rows
    assert with_model.generations(DICTIONARY_MENTIONS) == before
    assert {name for name in rows if rows[name] != after[name]} == {"model_mentions", "mentions"}
    versions = with_model.lake.read(MODEL_MENTIONS, FILE)["detector_version"].unique()
    assert versions.to_pylist() == [step.version]
    assert made_anew(with_model) == after


def test_without_a_model_the_dictionary_reads_alone(
    with_model: Home, home: Home, monkeypatch: pytest.MonkeyPatch
):
    """As if there had never been one."""
    monkeypatch.setenv("KAZU_DETECTOR", "dictionary")
    home.lake.drop(MENTIONS, FILE)

    said, never = read(with_model), read(home)

    for each in (said, never):
        assert (each["model"], each["documents_detected"], each["dagster/row_count"]) == (
            "none",
            0,
            0,
        )
    assert home.lake.pointer(MODEL_MENTIONS, FILE).inputs == {"model": "none"}
    assert rows_of_all(with_model) == rows_of_all(home)
    inputs = home.lake.pointer(MENTIONS, FILE).inputs
    assert not {"model", "model_mentions", "joining"} & set(inputs)


def test_a_model_reads_on_ray_as_it_reads_here(with_model: Home, monkeypatch: pytest.MonkeyPatch):
    rows = rows_of_all(with_model)
    with_model.lake.drop(MODEL_MENTIONS, FILE)
    monkeypatch.setenv("KAZU_COMPUTE", "local")
    monkeypatch.setenv("KAZU_WORKERS", "1")

    try:
        said = read(with_model)
    finally:
        build_resources(with_model.settings)["compute"].close()

    assert (said["compute"], said["workers_started"]) == ("local", 1)
    assert rows_of_all(with_model) == rows


@pytest.mark.parametrize("kind", ["folder", "checkpoint"])
def test_the_model_that_the_catalogue_names_reads(with_model: Home, tmp_path: Path, kind: str):
    """In place of the one that was promoted, until the catalogue names it no more."""
    rows = rows_of_all(with_model)
    source = (
        checkpoint(tmp_path / "theirs", problem=MULTI)
        if kind == "checkpoint"
        else str(model_folder(tmp_path / "own", seed=1).folder)
    )
    before = with_model.sources
    entry = {"name": "another", "source": source, "licence": "MIT"}
    with_model.use_catalogue(with_model.catalogue() | {"models": [entry], "read_with": "another"})

    said = read(with_model)

    step = model_at(source).step(candidates=True)
    found = with_model.lake.read(MODEL_MENTIONS, FILE)
    assert said["promoted"] == "another"
    assert found.num_rows
    assert found.equals(step.open()(read_passages(with_model.lake, FILE)))
    assert with_model.lake.pointer(MODEL_MENTIONS, FILE).inputs["model"] == step.version
    assert "model" in with_model.lake.read(MENTIONS, FILE)["detector"].to_pylist()
    with_model.sources = before
    read(with_model)
    assert rows_of_all(with_model) == rows


def test_a_worker_with_a_gpu_that_is_not_there_says_so(
    with_model: Home, monkeypatch: pytest.MonkeyPatch
):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    monkeypatch.setenv("KAZU_WORKER_GPUS", "1")

    report = with_model.file(FILE)

    assert "A model is to read on cuda, and PyTorch" in report.failures["model_mentions"]
    assert "KAZU_WORKER_GPUS=0" in report.failures["model_mentions"]
    assert report.retried == set()


def longest_of(home: Home) -> tuple[str, int]:
    rows: list[dict[str, Any]] = home.lake.read(CITATIONS, FILE).to_pylist()
    sizes = {row["doc_id"]: sum(len(s["text"]) for s in row["sections"]) for row in rows}
    longest = max(sizes, key=lambda doc_id: sizes[doc_id])
    return longest, sizes[longest]


def replayed(home: Home) -> list[tuple[str, int, int]]:
    settings = home.settings
    assets, resources = build_assets(settings.catalogue()), build_resources(settings)
    done, failed = replay_quarantine(Graph(assets, resources, home.instance))
    assert failed == []
    return [(each.stage, each.tried, each.left) for each in done]


@pytest.fixture
def set_aside(with_model: Home, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Report]:
    """One document was too long for the model under the limit of then."""
    doc_id, length = longest_of(with_model)
    with_model.lake.drop(MODEL_MENTIONS, FILE)
    with monkeypatch.context() as patch:
        patch.setenv("KAZU_MAX_DOCUMENT_CHARACTERS", str(length - 1))
        report = with_model.file(FILE)
    return doc_id, report


def test_a_document_that_the_model_cannot_read_is_set_aside_and_replayed(
    with_model: Home, promoted: Home, set_aside: tuple[str, Report]
):
    doc_id, report = set_aside
    assert report.failures == {}
    assert report.checks["model_mentions", "nothing_set_aside"] is False
    (row,) = with_model.lake.read(QUARANTINE, f"model/{FILE}").to_pylist()
    assert (row["doc_id"], row["stage"], row["reason"]) == (doc_id, "model", "too_long")
    without = with_model.lake.read(MODEL_MENTIONS, FILE)["doc_id"].to_pylist()
    assert doc_id not in without

    assert replayed(with_model) == [("model", 1, 0)]

    assert with_model.lake.read(QUARANTINE, f"model/{FILE}").num_rows == 0
    assert rows_of_all(with_model) == rows_of_all(promoted)


def test_what_a_former_model_set_aside_is_left_to_the_next_reading(
    with_model: Home, set_aside: tuple[str, Report]
):
    assert set_aside[1].failures == {}
    promote(with_model, seed=1)

    assert replayed(with_model) == [("model", 1, 1)]
    read(with_model)
    assert with_model.lake.read(QUARANTINE, f"model/{FILE}").num_rows == 0


def test_nothing_is_set_aside_by_a_model_that_is_not_used(
    with_model: Home, set_aside: tuple[str, Report], monkeypatch: pytest.MonkeyPatch
):
    assert set_aside[1].failures == {}
    monkeypatch.setenv("KAZU_DETECTOR", "dictionary")

    assert replayed(with_model) == [("model", 1, 1)]
    read(with_model)
    assert with_model.lake.read(QUARANTINE, f"model/{FILE}").num_rows == 0


def test_a_preview_names_what_a_decision_does_with_a_model_too(with_model: Home, tmp_path: Path):
    path = tmp_path / "curations.yaml"
    path.write_text(yaml.safe_dump([ALWAYS | row for row in DECISIONS]), "utf-8")
    assert with_model.graph().failures == {}
    before, read_by_model = first_concepts(with_model), with_model.generations(MODEL_MENTIONS)

    foreseen = previewed(with_model, path, tmp_path / "preview")

    with_model.use_catalogue(with_model.catalogue() | {"curations": str(path)})
    assert with_model.curate().failed == []
    named = {
        (row["change"], f"{row['mention_id']} {row['content_hash']}", row["before"], row["after"])
        for row in foreseen.to_dicts()
        if row["file"] == FILE
    }
    done = changed(before, first_concepts(with_model))
    assert named == done
    assert done
    assert with_model.generations(MODEL_MENTIONS) == read_by_model


def test_a_model_that_is_damaged_fails_the_file_and_says_so(with_model: Home):
    with_model.lake.drop(MODEL_MENTIONS, FILE)
    (with_model.artifacts.live(ARTIFACT).content / "pieces.txt").unlink()

    report = with_model.file(FILE)

    assert "pieces.txt is missing" in report.failures["model_mentions"]
    assert report.retried == set()
