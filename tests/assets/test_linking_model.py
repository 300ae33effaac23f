"""The linking encoder as an asset, for real: trained on the sample's vocabularies, in seconds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
import pytest
import yaml

import kazu_platform.sample
from assets.learning import LINKING_MODEL
from kazu_platform.linking.embedding import open_embedder
from kazu_platform.storage.working import WORKING
from kazu_platform.tables import SYNONYMS
from tests.assets.conftest import Home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.assets.conftest import Report

RECIPE = Path(str(kazu_platform.sample.__file__)).parent / "training" / "linking.yaml"
FILES = ("model.onnx", "model.json", "pieces.txt")
ENCODER_ONLY = dg.AssetSelection.assets(LINKING_MODEL)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums of several threads depend on which is first."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def first(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Report]:
    """A home in which the sample's encoder was trained, and what was told; nobody changes it."""
    home = Home(sample_home).copied_to(tmp_path_factory.mktemp("first") / "home")
    return home, home.materialise(ENCODER_ONLY)


@pytest.fixture
def trained(first: tuple[Home, Report], tmp_path: Path) -> Home:
    """A copy of that home."""
    return first[0].copied_to(tmp_path / "trained")


def use_recipe(home: Home, **changes: Any) -> None:  # noqa: ANN401
    """Train by the sample's recipe with other keys."""
    recipe = yaml.safe_load(RECIPE.read_text("utf-8"))
    for name, change in changes.items():
        recipe[name] = recipe[name] | change if isinstance(change, dict) else change
    path = home.path / "linking.yaml"
    path.write_text(yaml.safe_dump(recipe), "utf-8")
    catalogue = home.catalogue()
    catalogue["training"]["linking_recipe"] = str(path)
    home.use_catalogue(catalogue)


def test_an_encoder_is_made_and_tells_how_it_went(first: tuple[Home, Report]):
    home, report = first

    assert report.failures == {}
    metadata = report.metadata[LINKING_MODEL]
    assert metadata["unchanged"] is False
    assert "| loss |" in metadata["curve"]
    assert "| at_1 |" in metadata["curve"]
    assert "| gene |" in metadata["figures"]
    assert metadata["names"] > 300
    content = home.artifacts.live(LINKING_MODEL).content
    figures = json.loads((content / "retrieval.json").read_bytes())
    assert figures["after"]["all"]["at_20"] > figures["before"]["all"]["at_20"]
    assert not list((home.settings.models / WORKING).glob("*/"))


def test_names_are_embedded_with_it(first: tuple[Home, Report]):
    home, _ = first
    embedder = open_embedder(home.artifacts.live(LINKING_MODEL).content)

    found = embedder.embed(home.lake.read(SYNONYMS, "MONDO")["name"].to_pylist())

    assert found.shape[1] == embedder.dimensions == 48
    assert np.abs(np.linalg.norm(found, axis=1) - 1).max() < 1e-5


def test_the_card_tells_how_it_was_made(first: tuple[Home, Report]):
    home, report = first
    content = home.artifacts.live(LINKING_MODEL).content
    card = (content / "MODEL_CARD.md").read_text("utf-8")

    assert card == report.metadata[LINKING_MODEL]["card"]
    assert "starts from chance" in card
    assert "| class | held out | among | before, 1 |" in card
    assert "as shipped, 20" in card
    assert "| MONDO | disease |" in card
    assert json.loads((content / "record.json").read_bytes())["weights_sha256"] in card


def test_again_nothing_is_trained(trained: Home):
    report = trained.materialise(ENCODER_ONLY)

    assert report.failures == {}
    assert report.metadata[LINKING_MODEL]["unchanged"] is True
    assert len(trained.artifacts.versions(LINKING_MODEL)) == 1


def test_the_same_names_and_recipe_give_the_same_files(first: tuple[Home, Report], trained: Home):
    shutil.rmtree(trained.artifacts.root / LINKING_MODEL)

    assert trained.materialise(ENCODER_ONLY).failures == {}

    for name in FILES:
        mine, theirs = (h.artifacts.live(LINKING_MODEL).content / name for h in (trained, first[0]))
        assert mine.read_bytes() == theirs.read_bytes(), name


def test_another_recipe_is_another_version_and_the_way_back_costs_nothing(trained: Home):
    before = trained.artifacts.live_version(LINKING_MODEL)
    usual = trained.sources
    use_recipe(trained, align={"steps": 4, "dimensions": 16})

    report = trained.materialise(ENCODER_ONLY)

    assert report.failures == {}
    live = trained.artifacts.live(LINKING_MODEL)
    assert open_embedder(live.content).embed(["EGFR"]).shape == (1, 16)
    trained.sources = usual
    assert trained.materialise(ENCODER_ONLY).metadata[LINKING_MODEL]["unchanged"] is True
    assert trained.artifacts.live_version(LINKING_MODEL) == before


def test_what_is_needed_and_not_there_is_named(trained: Home, home_at: Callable[[Path], Home]):
    use_recipe(trained, encoder="ner_encoder")
    report = trained.materialise(ENCODER_ONLY)
    assert "ner_encoder" in report.failures[LINKING_MODEL]
    assert report.retried == set()

    empty = home_at(trained.path / "empty")
    empty.path.mkdir()
    report = empty.materialise(ENCODER_ONLY)
    assert "materialise synonyms for some ontologies" in report.failures[LINKING_MODEL]


def test_a_wrong_recipe_is_an_error_that_names_the_key(trained: Home):
    use_recipe(trained, align={"step": 3})

    report = trained.materialise(ENCODER_ONLY)

    assert (
        "linking.yaml: align.step: Extra inputs are not permitted; did you mean 'steps'?"
        in (report.failures[LINKING_MODEL])
    )
