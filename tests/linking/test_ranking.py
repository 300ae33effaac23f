"""Probabilities of candidates, and the file of a ranker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from kazu_platform.errors import ArtifactError, OtherVersionError
from kazu_platform.linking.evidence import FEATURES, Evidence
from kazu_platform.linking.ranking import (
    RANKER,
    SAME,
    Decision,
    Ranker,
    Scale,
    probabilities,
    read_ranker,
    rescaled,
)

if TYPE_CHECKING:
    from pathlib import Path

WIDTH = 3


def candidates(surface: list[int]) -> Evidence:
    n = len(surface)
    return Evidence(
        surface=np.array(surface),
        concept=np.arange(n),
        features=np.zeros((n, len(FEATURES)), np.float32),
        method=np.ones(n, np.int64),
        is_preferred=np.zeros(n, np.bool_),
        is_ambiguous=np.zeros(n, np.bool_),
    )


def ranker() -> Ranker:
    rng = np.random.default_rng(3)
    n = len(FEATURES)
    shapes = {
        "a": (n, 2 * WIDTH), "a_bias": (2 * WIDTH,), "b": (2, WIDTH, WIDTH),
        "b_bias": (2 * WIDTH,), "c": (2 * WIDTH,), "straight": (n,), "bias": (),
        "mean": (n,), "spread": (n,),
    }  # fmt: skip
    weights = {name: rng.random(shape, np.float32) + 0.5 for name, shape in shapes.items()}
    gene = Decision(2.0, 0.5, 0.3, 0.8, named=Scale(1.0, float(np.log(3.0))), alike=Scale(2.0, 0.0))
    return Ranker(weights, {"gene": gene})


def test_concepts_of_one_ontology_share_what_is_to_be_had_with_none_of_them():
    scores, one = np.log(np.array([3.0, 4.0])), np.array([1, 1], np.uint64)

    assert probabilities(candidates([0, 0]), scores, one).tolist() == pytest.approx([3 / 8, 4 / 8])


def test_concepts_of_two_ontologies_take_nothing_from_each_other():
    scores, two = np.log(np.array([3.0, 4.0])), np.array([1, 2], np.uint64)

    assert probabilities(candidates([0, 0]), scores, two).tolist() == pytest.approx([3 / 4, 4 / 5])


def test_surfaces_are_judged_apart_and_large_scores_do_no_harm():
    found = probabilities(candidates([0, 2]), np.array([800.0, -800.0]), np.ones(2, np.uint64))

    assert found.tolist() == pytest.approx([1.0, 0.0])


def test_a_score_is_a_probability_by_class_and_by_whether_the_name_is_equal():
    scales = ranker().scales(["gene", "disease"])

    (alike, named), same = scales[0], scales[1]

    assert rescaled(np.array([0.5, 0.8]), *named).tolist() == pytest.approx([3 / 4, 12 / 13])
    assert rescaled(np.array([0.5, 0.8]), *alike).tolist() == pytest.approx([0.5, 16 / 17])
    assert same.tolist() == [list(SAME)] * 2
    assert ranker().scales([]).shape == (0, 2, 2)


def test_scores_do_not_depend_on_how_many_candidates_there_are():
    features = np.random.default_rng(0).random((2_100, len(FEATURES)), np.float32)
    made = ranker()

    some = np.concatenate([made.scores(features[:7]), made.scores(features[7:])])

    assert made.scores(features) == pytest.approx(some, rel=1e-12)
    assert made.scores(features[:0]).shape == (0,)


def test_a_ranker_is_read_as_it_was_written(tmp_path: Path):
    made = ranker()
    made.write(tmp_path)

    read, version = read_ranker(tmp_path / RANKER)

    features = np.random.default_rng(0).random((5, len(FEATURES)), np.float32)
    assert np.array_equal(read.scores(features), made.scores(features))
    assert read.decisions == made.decisions
    assert read.decision("disease") == Decision()
    assert read.tempered(np.array([1.0, 1.0]), ["gene", "disease"]).tolist() == [1.0, 1.0]
    assert version == read_ranker(tmp_path / RANKER)[1]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"\x93NUMPY"])
def test_what_is_no_ranker_is_said_to_be_none(tmp_path: Path, content: bytes):
    (tmp_path / RANKER).write_bytes(content)

    with pytest.raises(ArtifactError, match=RANKER):
        read_ranker(tmp_path / RANKER)


def test_a_ranker_that_is_not_there_is_missed_by_name(tmp_path: Path):
    with pytest.raises(ArtifactError, match="is missing"):
        read_ranker(tmp_path / RANKER)


def test_a_ranker_of_another_version_is_told_from_a_damaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr("kazu_platform.linking.ranking.EVIDENCE_VERSION", "of another time")
        ranker().write(tmp_path)

    with pytest.raises(OtherVersionError, match="evidence_version are of another version"):
        read_ranker(tmp_path / RANKER)
