"""The ranker of links as an asset, for real: trained on the sample's abstracts, judged, used."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
import pytest
import yaml

from assets.layers import LINKING_MODEL_LAYER
from assets.linking_evaluation import EVALUATION, GATE
from kazu_platform.linking.learnt import FILE, string_key
from kazu_platform.linking.open import (
    ARTIFACT,
    LINKING,
    PACKAGED,
    SIMILAR,
    LinkerParts,
)
from kazu_platform.linking.ranking import RANKER
from kazu_platform.linking.similar import open_similar_names
from kazu_platform.tables import EVALUATIONS, LINKS
from tests.assets.conftest import SAMPLE, Home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kazu_platform.storage.artifacts import Artifact
    from tests.assets.conftest import Report

GOLD = SAMPLE / "training" / "linking"
RECIPE = SAMPLE / "training" / "linking.yaml"
NAMES = dg.AssetSelection.assets("similar_names")
RANKED = dg.AssetSelection.assets(ARTIFACT)
JUDGED = dg.AssetSelection.assets(EVALUATION)
LINKED = dg.AssetSelection.assets("links")


@pytest.fixture(scope="module", autouse=True)
def linked_by_the_model_on_one_thread() -> Iterator[None]:
    """Sums of several threads depend on which is first."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAZU_LINKER", "hybrid")
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Report]:
    """A home in which the sample's ranker was trained, and what was told; nobody changes it."""
    home = Home(sample_home).copied_to(tmp_path_factory.mktemp("trained") / "home")
    assert home.materialise(NAMES).failures == {}
    return home, home.materialise(RANKED)


@pytest.fixture(scope="module")
def judged(
    trained: tuple[Home, Report], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Home, Report]:
    """The same after it was judged, and what was told; nobody changes it."""
    home = trained[0].copied_to(tmp_path_factory.mktemp("judged") / "home")
    return home, home.materialise(JUDGED)


@pytest.fixture
def own(judged: tuple[Home, Report], tmp_path: Path) -> Home:
    """A copy of the home in which the sample's ranker is in use."""
    return judged[0].copied_to(tmp_path / "home")


def use_training(home: Home, **changes: Any) -> None:  # noqa: ANN401
    """Use the same catalogue with other keys of its training block."""
    catalogue = home.catalogue()
    catalogue["training"] |= changes
    home.use_catalogue(catalogue)


def use_recipe(home: Home, **rank: Any) -> None:  # noqa: ANN401
    """Train by the sample's recipe with other keys of its block `rank`."""
    recipe = yaml.safe_load(RECIPE.read_text("utf-8"))
    path = home.path / "linking.yaml"
    path.write_text(yaml.safe_dump(recipe | {"rank": recipe["rank"] | rank}), "utf-8")
    use_training(home, linking_recipe=str(path))


def marked_wrongly(folder: Path) -> Path:
    """The sample's corpora, whose train split calls every disease asthma."""
    shutil.copytree(GOLD, folder)
    train = folder / "sample-links" / "train.PubTator"
    lines = train.read_text("utf-8").splitlines()
    wrong = (
        line.rpartition("\t")[0] + "\tMESH:D001249" if "\tDisease\t" in line else line
        for line in lines
    )
    train.write_text("".join(f"{line}\n" for line in wrong), "utf-8")
    return folder


def in_use(home: Home) -> Artifact:
    return home.artifacts.live(ARTIFACT)


def encoder_of_names(home: Home) -> str:
    return open_similar_names(home.artifacts.live(SIMILAR).content).manifest.encoder_version


def versions_of_links(home: Home) -> set[str]:
    assert home.materialise(LINKED).failures == {}
    return set(home.lake.read(LINKS)["linker_version"].to_pylist())


def test_a_ranker_is_trained_and_not_in_use(trained: tuple[Home, Report]):
    home, report = trained

    assert report.failures == {}
    metadata = report.metadata[ARTIFACT]
    assert (metadata["unchanged"], metadata["in_use"]) == (False, False)
    assert "| loss |" in metadata["curve"]
    assert (metadata["mentions_train"], metadata["mentions_devel"]) == (36, 21)
    assert home.artifacts.live_version(ARTIFACT) is None
    [version] = home.artifacts.versions(ARTIFACT)
    content = home.artifacts.version(ARTIFACT, version).content
    assert {path.name for path in content.iterdir()} == {
        *("model.json", "model.onnx", "pieces.txt", "ranker.npz"),
        *("learnt.parquet", "learnt_strings.parquet"),
        *("MODEL_CARD.md", "curve.jsonl"),
    }


def test_the_card_tells_corpora_vocabularies_recipe_and_seeds(trained: tuple[Home, Report]):
    home, report = trained
    card = report.metadata[ARTIFACT]["card"]

    assert "| sample-links | disease | train | 8 | 20 | 19 |" in card
    assert "| MONDO | disease | kazu-sample-1 | CC-BY-4.0 | https://mondo" in card
    assert '"steps": 150' in card
    assert "seeds 13, 14" in card
    assert f"| linking | {report.metadata[ARTIFACT]['inputs']['linking']} |" in card
    assert home.artifacts.versions(ARTIFACT)[0] not in card  # it is a hash of the card, too


def test_a_test_document_is_not_learnt_from(trained: tuple[Home, Report]):
    home, _ = trained
    [version] = home.artifacts.versions(ARTIFACT)
    learnt = pl.read_parquet(home.artifacts.version(ARTIFACT, version).content / FILE)

    strings = set(learnt["string"])

    assert string_key("ague", "disease") in strings
    assert "grocer's itch" in (GOLD / "sample-links" / "train.PubTator").read_text("utf-8")
    assert {string_key(each, "disease") for each in ("grocer s itch", "grocer's itch")}.isdisjoint(
        strings
    )


def test_what_loses_nothing_is_used_with_the_names_of_its_encoder(judged: tuple[Home, Report]):
    home, report = judged

    assert report.failures == {}
    assert report.checks == {(EVALUATION, GATE): True}
    metadata = report.metadata[EVALUATION]
    assert metadata["verdict"] == "no accuracy at 1 lost beyond the paired interval on 4 rows"
    assert "| sample-links | disease | 100.0 |" in metadata["comparison"]
    assert "| sample-links | gene | 2 | 2 | 100.0 |" in metadata["figures"]
    assert metadata["mistakes"] == "no mistakes"
    candidate = in_use(home)
    assert encoder_of_names(home) == candidate.inputs["encoder"]
    figures = home.lake.read(EVALUATIONS, ARTIFACT).to_pylist()
    versions = {row["detector_version"] for row in figures}
    own = LinkerParts.live(home.artifacts, "hybrid").open().version
    assert own in versions
    assert len(versions) == 2
    assert {row["n"] for row in figures if row["metric"] == "accuracy_at_1_in_vocabulary"} == {
        *(1, 2, 6, 12)
    }


def test_links_are_made_by_what_is_in_use_and_the_way_back_embeds_nothing(own: Home):
    """A new encoder, its ranker and its names come into use together, and leave together."""
    first, encoder = in_use(own), encoder_of_names(own)
    before = LinkerParts.live(own.artifacts, "hybrid").open().version
    assert versions_of_links(own) == {before}

    report = own.materialise(LINKING_MODEL_LAYER)

    assert report.failures == {}
    assert in_use(own).version != first.version
    assert encoder_of_names(own) == in_use(own).inputs["encoder"] != encoder
    now = LinkerParts.live(own.artifacts, "hybrid").open().version
    assert versions_of_links(own) == {now}
    assert now != before

    own.artifacts.promote(ARTIFACT, first.version)
    report = own.materialise(NAMES)

    assert "embedded" not in report.metadata["similar_names"]
    assert encoder_of_names(own) == encoder
    assert versions_of_links(own) == {before}


def test_a_worse_model_is_refused_and_the_one_in_use_stays(own: Home, tmp_path: Path):
    before, names = in_use(own).version, own.artifacts.live_version(SIMILAR)
    use_training(own, linking_gold=str(marked_wrongly(tmp_path / "wrong")))

    report = own.materialise(RANKED | JUDGED)

    assert report.checks == {(EVALUATION, GATE): False}
    assert (
        "accuracy at 1 lost beyond the paired interval: sample-links disease (-"
        in (report.failures[EVALUATION])
    )
    assert report.retried == set()
    assert in_use(own).version == before
    assert own.artifacts.live_version(SIMILAR) == names
    assert len(own.artifacts.versions(ARTIFACT)) == 2
    figures = own.lake.read(EVALUATIONS, ARTIFACT)
    assert len(set(figures["detector_version"].to_pylist())) == 2


def test_again_nothing_is_trained_or_measured(own: Home):
    evaluated = own.generations(EVALUATIONS)

    report = own.materialise(RANKED | JUDGED)

    assert report.failures == {}
    assert report.metadata[ARTIFACT]["unchanged"] is True
    assert report.metadata[EVALUATION]["unchanged"] is True
    assert len(own.artifacts.versions(ARTIFACT)) == 1
    assert own.generations(EVALUATIONS) == evaluated


def test_the_same_corpora_and_recipe_give_the_same_version(own: Home):
    version = in_use(own).version
    shutil.rmtree(own.artifacts.root / ARTIFACT)

    assert own.materialise(RANKED).failures == {}

    assert own.artifacts.versions(ARTIFACT) == [version]


def test_another_vocabulary_asks_for_another_training(own: Home, own_sample: Path):
    file = own_sample / "ontologies" / "uberon.obo"
    text = file.read_text("utf-8")
    file.write_text(
        text.replace("name: liver\n", 'name: liver\nsynonym: "jecur" EXACT []\n'), "utf-8"
    )
    own.use_ontology_file("UBERON", file)
    assert own.vocabulary("UBERON").failures == {}
    assert own.materialise(dg.AssetSelection.assets("linking_index")).failures == {}

    report = own.materialise(JUDGED)

    assert (
        "There is no linking_ranker of corpora, recipe, encoder and vocabularies as they are now "
        "(since the newest was trained these have changed: linking); materialise linking_ranker."
    ) in report.failures[EVALUATION]
    report = own.materialise(RANKED | JUDGED)
    assert report.failures == {}
    assert in_use(own).version == own.artifacts.versions(ARTIFACT)[1]
    assert in_use(own).inputs["linking"] != own.artifacts.live(LINKING).version


def test_a_damaged_model_in_use_stops_the_gate(own: Home):
    """Nobody knows what would be lost, so nothing takes its place unseen."""
    use_recipe(own, seed=15)
    version = in_use(own).version
    with (in_use(own).content / RANKER).open("ab") as file:
        file.write(b"x")

    report = own.materialise(RANKED | JUDGED)

    why = report.failures[EVALUATION]
    assert "The model in use is damaged, so none can be compared with it" in why
    assert "promote another version of linking_ranker, or delete its live.json" in why
    assert own.artifacts.live_version(ARTIFACT) == version


def test_where_another_version_of_the_platform_made_what_is_in_use_the_packaged_one_counts(
    own: Home,
):
    candidate = in_use(own)
    with own.artifacts.stage(ARTIFACT) as staged:
        shutil.copytree(candidate.content, staged.content, dirs_exist_ok=True)
        description = staged.content / "model.json"
        body = json.loads(description.read_bytes()) | {"words_version": "of another time"}
        description.write_text(json.dumps(body), "utf-8")
        staged.commit()
    # The encoder of what is in use cannot be read either, so one must have been trained.
    with own.artifacts.stage("linking_model") as staged:
        shutil.copytree(PACKAGED, staged.content, dirs_exist_ok=True)
        staged.commit()

    report = own.materialise(JUDGED)

    assert report.failures == {}
    assert report.metadata[EVALUATION]["verdict"].endswith("on 4 rows")
    assert "| sample-links | gene | 100.0 | 100.0 |" in report.metadata[EVALUATION]["comparison"]
    assert in_use(own).version == candidate.version


def test_a_training_that_goes_astray_is_an_error(own: Home):
    use_recipe(own, rate=1e30)

    report = own.materialise(RANKED)

    assert "are no numbers; give `rank` of the recipe a lower rate" in report.failures[ARTIFACT]
    assert report.retried == set()


def test_without_corpora_it_says_what_to_set(own: Home, tmp_path: Path):
    use_training(own, linking_gold=None)
    version = in_use(own).version

    report = own.materialise(RANKED | JUDGED)

    assert report.failures == {}
    for name in (ARTIFACT, EVALUATION):
        assert "name their folder in `training.linking_gold`" in report.metadata[name]["skipped"]
    assert report.checks == {(EVALUATION, GATE): True}
    assert in_use(own).version == version

    use_training(own, linking_gold=str(tmp_path / "nowhere"))
    report = own.materialise(RANKED)
    assert f"There is no folder {tmp_path / 'nowhere'}" in report.failures[ARTIFACT]
