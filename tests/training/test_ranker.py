"""Training the ranker of links, on a few documents made by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import polars as pl
import pytest

from kazu_platform.errors import TrainingError
from kazu_platform.evaluation.linkers import OwnLinker
from kazu_platform.evaluation.linking import judge, linking_task
from kazu_platform.evaluation.linking_gold import Marked, linking_gold
from kazu_platform.linking.evidence import FEATURES, Witness
from kazu_platform.linking.hybrid import HybridLinker
from kazu_platform.linking.learnt import Learnt, Memory, string_key
from kazu_platform.linking.ranking import log_odds
from kazu_platform.linking.similar import open_similar_names
from kazu_platform.linking.similar_compile import build_similar_names
from kazu_platform.linking.surfaces import surfaces_from_strings
from kazu_platform.training.calibrating import calibrated, firsts_of
from kazu_platform.training.linking_recipe import RankRecipe
from kazu_platform.training.ranker import (
    FOLDS,
    HELD,
    decided,
    learnt_of,
    learnt_strings,
    looked_at,
    train_ranker,
    train_rankers,
    units_of,
)
from tests.evaluation.linking_by_hand import Made, gold_of, make

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kazu_platform.evaluation.linking import LinkingTask
    from kazu_platform.training.ranker import Looked, Units

Said = tuple[str, str, tuple[str, ...]]
BREAST: Said = ("growth of the breast", "disease", ("MONDO:1",))
LUNG: Said = ("lung cancers", "disease", ("MONDO:2",))
NOTHING: Said = ("sorrow", "disease", ())
RECIPE = RankRecipe(steps=150, batch=16, width=8, members=2)
QUIET = RankRecipe(steps=2, batch=4, width=4, members=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("vocabulary") / "linking")


@pytest.fixture(scope="module")
def tasks(made: Made) -> list[LinkingTask]:
    train = replace(gold_of(*([BREAST, LUNG, NOTHING] for _ in range(10))), split="train")
    devel = gold_of([BREAST, LUNG, NOTHING], [LUNG])
    return [linking_task(gold, "disease", made.identifiers, made.linker) for gold in (train, devel)]


@pytest.fixture(scope="module")
def units(tasks: list[LinkingTask]) -> Units:
    return units_of(tasks)


@pytest.fixture(scope="module")
def witness(made: Made, units: Units, tmp_path_factory: pytest.TempPathFactory) -> Witness:
    folder = tmp_path_factory.mktemp("similar") / "names"
    build_similar_names(made.index, folder)
    learnt = learnt_of(units, made.linker, lambda concept_id: f"was {concept_id}")
    memory = Learnt.of_index(Memory(learnt), made.index)
    return Witness(made.linker, open_similar_names(folder), None, memory)


@pytest.fixture(scope="module")
def looks(units: Units, tasks: list[LinkingTask], witness: Witness) -> tuple[Looked, Looked]:
    first, again = (looked_at(units, tasks, witness, again=each) for each in (False, True))
    return first, again


def test_a_unit_is_a_string_in_the_documents_of_a_fold(units: Units):
    texts = units.surfaces["text"].to_pylist()
    rows = units.frame.with_columns(text=pl.Series(texts))

    assert rows.filter(pl.col("fold") == HELD)["n"].sum() == 4
    breast = rows.filter((pl.col("text") == BREAST[0]) & (pl.col("fold") < HELD)).sort("fold")
    folds = Counter(crc32(f"{row}".encode()) % FOLDS for row in range(10))
    assert dict(breast.select("fold", "n").iter_rows()) == folds
    assert set(breast["gold"]) == {"MONDO:1"}
    assert set(rows.filter(pl.col("text") == "sorrow")["gold"]) == {""}


def test_a_document_of_two_corpora_is_in_one_fold(tasks: list[LinkingTask]):
    """Else memory would tell what it is asked."""
    train = tasks[0]
    backwards = train.mentions.with_columns(document=9 - pl.col("document"))
    other = replace(train, corpus="other", mentions=backwards)

    rows = units_of([train, other]).frame.sort("task", "fold", "gold", "n")

    one, two = (rows.filter(pl.col("task") == task).drop("task", "unit") for task in (0, 1))
    assert one.equals(two)


def test_memory_counts_by_fold_and_knows_what_was_a_name(units: Units, made: Made):
    learnt = pl.DataFrame(learnt_of(units, made.linker, lambda each: f"was {each}"))

    breast = learnt.filter(pl.col("string") == string_key("growth of the breast", "disease"))
    folds = Counter(crc32(f"{row}".encode()) % FOLDS for row in range(10))
    assert dict(breast.select("part", "times").iter_rows()) == folds
    assert breast["mentions"].equals(breast["times"], check_names=False)
    assert breast["marked_id"].unique().to_list() == ["was MONDO:1"]
    assert not breast["is_name"].any()
    assert learnt.filter(pl.col("concept_id") == "MONDO:2")["is_name"].all()


def test_memory_knows_the_long_forms_of_abbreviations(made: Made):
    text = "Growth of the breast (GB) is rare. GB"
    at = len(text) - 2
    marked = [Marked(row, at, at + 2, "disease", "GB", ("MONDO:1",)) for row in range(2)]
    gold = linking_gold("hand", "train", [(f"{row}", text) for row in range(2)], marked)
    units = units_of([linking_task(gold, "disease", made.identifiers, made.linker)])

    learnt = pl.DataFrame(learnt_of(units, made.linker, str))
    strings = learnt_strings(units, Letters())

    keys = {string_key(each, "disease") for each in ("gb", "growth of the breast")}
    assert set(learnt["string"]) == set(strings["string"].to_pylist()) == keys
    assert learnt["times"].to_list() == [1] * 4  # each string in two folds
    mentions = learnt.group_by("string").agg(pl.col("mentions").sum())
    assert dict(mentions.iter_rows()) == {
        string_key("gb", "disease"): 2,
        string_key("growth of the breast", "disease"): 0,
    }


class Letters:
    """An encoder: how often each of three letters is there."""

    dimensions = 3
    version = "1"

    def embed(self, strings: Sequence[str]) -> NDArray[np.float32]:
        counts = np.array([[each.count(letter) for letter in "bgt"] for each in strings])
        return (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)


def test_strings_are_remembered_that_were_learnt_from_and_have_vectors(units: Units):
    strings = learnt_strings(units, Letters()).to_pylist()

    assert {each["string"] for each in strings} == {
        string_key(BREAST[0], "disease"),
        string_key("lung cancer", "disease"),
    }
    assert {(each["entity_class"], len(each["value"])) for each in strings} == {("disease", 3)}


def test_a_unit_does_not_remember_its_own_documents(units: Units, looks: tuple[Looked, Looked]):
    _, again = looks
    evidence, place = again.evidence, FEATURES.index("times")
    fold = units.folds[evidence.surface]
    texts = np.array(units.surfaces["text"].to_pylist(), object)[evidence.surface]
    right = again.is_right & (texts == BREAST[0])

    times = np.expm1(evidence.features[right, place])

    folds = Counter(crc32(f"{row}".encode()) % FOLDS for row in range(10))
    assert times == pytest.approx([10 - folds[each] for each in fold[right].tolist()])
    assert HELD in fold[right]


def test_the_first_look_is_at_equal_names_and_memory_alone(looks: tuple[Looked, Looked]):
    first, again = looks
    place = FEATURES.index("grams")

    assert not first.evidence.features[:, place].any()
    assert again.evidence.features[:, place].any()
    assert len(first.is_right) < len(again.is_right)


def test_it_learns_to_link_what_people_linked_and_to_leave_the_rest(
    units: Units, looks: tuple[Looked, Looked], witness: Witness
):
    ranker = decided(train_rankers(units, looks, RECIPE, lambda _: None), units, *looks)
    linker = HybridLinker(witness, ranker, "1")
    asked = pl.DataFrame(
        {"text": [BREAST[0], LUNG[0], "sorrow"], "entity_class": "disease", "context": ""}
    )
    surfaces = surfaces_from_strings(asked)

    texts = dict(zip(surfaces["surface_id"].to_pylist(), surfaces["text"].to_pylist(), strict=True))
    links = pl.DataFrame(linker.link(surfaces)).filter(pl.col("rank") == 1)

    found = {
        texts[surface]: concept
        for surface, concept in links.select("surface_id", "concept_id").iter_rows()
    }
    assert found == {BREAST[0]: "MONDO:1", LUNG[0]: "MONDO:2"}
    assert set(ranker.decisions) == {"disease"}


def test_scores_are_calibrated_by_what_was_said_first(
    units: Units, looks: tuple[Looked, Looked], witness: Witness, tasks: list[LinkingTask]
):
    ranker = decided(train_rankers(units, looks, RECIPE, lambda _: None), units, *looks)
    linker, held = HybridLinker(witness, ranker, "1"), tasks[1]

    firsts = firsts_of(linker, held)
    scaled = calibrated(linker, [held])

    judged = judge(held, OwnLinker(linker, "ours"))
    answered = ~np.isnan(judged.score)
    assert firsts.right.tolist() == (judged.rank == 1)[answered].tolist()
    odds = {int(mention): odds for mention, odds in zip(firsts.mention, firsts.odds, strict=True)}
    assert [odds[place] for place in range(len(odds))] == pytest.approx(
        log_odds(judged.score[answered]), abs=1e-4
    )
    texts = dict(pl.DataFrame(held.surfaces).select("surface_id", "text").iter_rows())
    asked = held.mentions.filter(pl.Series(answered))["surface_id"].to_list()
    named = [texts[each] == LUNG[0] for each in asked]
    assert firsts.is_named.tolist() == [named[place] for place in firsts.mention]
    assert scaled.decision("disease").threshold <= 0.5
    before, after = (each.link(held.surfaces) for each in (linker, replace(linker, ranker=scaled)))
    assert before["concept_id"].equals(after["concept_id"])
    assert before["score"].to_pylist() != after["score"].to_pylist()


def test_several_are_the_mean_of_each(units: Units, looks: tuple[Looked, Looked]):
    alone = [
        train_ranker(
            units, looks, QUIET.model_copy(update={"seed": QUIET.seed + n}), lambda _: None
        )
        for n in range(QUIET.members)
    ]

    together = train_rankers(units, looks, QUIET, lambda _: None)

    features = looks[1].evidence.features
    mean = np.mean([each.scores(features) for each in alone], axis=0)
    assert together.scores(features) == pytest.approx(mean, abs=1e-4)


def test_the_same_seed_gives_the_same_weights(units: Units, looks: tuple[Looked, Looked]):
    one, other = (train_rankers(units, looks, QUIET, lambda _: None) for _ in range(2))

    assert all(np.array_equal(one.weights[name], other.weights[name]) for name in one.weights)


def test_without_a_candidate_there_is_nothing_to_learn(made: Made, witness: Witness):
    gold = replace(gold_of([NOTHING]), split="train")
    task = linking_task(gold, "disease", made.identifiers, made.linker)
    units = units_of([task])
    look = looked_at(units, [task], witness, again=True)

    with pytest.raises(TrainingError, match="no marked string has a candidate"):
        train_ranker(units, [look], QUIET, lambda _: None)
