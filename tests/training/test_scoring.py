"""Scores by words are those of counting one entity after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from kazu_platform.training.loop import Plan, Run
from kazu_platform.training.scoring import label_scores, micro_f1, to_markdown
from kazu_platform.training.tagging import Tagger, fine_tune
from kazu_platform.training.targets import Outputs, labelled_sentences
from tests.training.test_networks import (
    CLASSES,
    PIECES,
    SENTENCES,
    material,
    network,
    plan,
    rows,
    sentence,
    weights,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@pytest.fixture(scope="module", params=["BIO", "IO"])
def taught(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    """A tagger that knows its sentences by heart."""
    outputs = Outputs(CLASSES, request.param)
    tagger = Tagger(network(outputs.n), outputs)
    folder = tmp_path_factory.mktemp("taught")
    fine_tune(tagger, material(outputs=outputs), Run(plan(150), folder, lambda _line: None))
    return tagger


def test_what_was_learnt_is_found_and_what_is_wrong_counts(taught: Tagger):
    told = rows(
        sentence("A", "mice have abc", [(0, 1, "species", 1), (2, 3, "gene", 1)]),
        sentence("A", "rats have xyz abc", [(0, 1, "species", 1), (2, 3, "gene", 1)]),
        sentence("B", "the mice", [(1, 2, "species", 1)], ("species",)),
        sentence("B", "mice have abc", [], ("species",)),
    )
    labelled = labelled_sentences(told, PIECES, taught.outputs, {})

    scores = {(each.corpus, each.label): each.score for each in label_scores(taught, labelled)}

    assert set(scores) == {("A", "gene"), ("A", "species"), ("B", "species")}
    of_gene = scores["A", "gene"]  # xyz abc is found as one
    assert (of_gene.n_correct, of_gene.n_found, of_gene.n_gold) == (1, 2, 2)
    assert scores["A", "species"].f1.value == 1
    assert (scores["B", "species"].n_correct, scores["B", "species"].n_found) == (1, 2)
    assert scores["B", "species"].n_units == 2
    assert micro_f1(taught, labelled) == pytest.approx(2 * 4 / (6 + 5))
    assert "| A | gene | 50.0 |" in to_markdown(label_scores(taught, labelled))


def test_watching_a_run_changes_nothing_but_its_curve(tmp_path: Path):
    def run(name: str, *, watched: bool) -> tuple[bytes, list[Mapping[str, float]]]:
        tagger = Tagger(network(dropout=0.1), Outputs(CLASSES))
        labelled = labelled_sentences(SENTENCES, PIECES, tagger.outputs, {})
        how = Run(
            Plan(steps=20, log_every=1),
            tmp_path / name,
            lambda _line: None,
            watch=(lambda: {"f1": micro_f1(tagger, labelled)}) if watched else None,
        )
        curve = list(fine_tune(tagger, material(), how))
        return weights(tagger.network), curve

    torch.set_num_threads(1)
    alone, plain = run("alone", watched=False)
    watched, curve = run("watched", watched=True)

    assert watched == alone
    assert [point["loss"] for point in curve] == [point["loss"] for point in plain]
    assert [point["step"] for point in curve if "f1" in point] == list(np.arange(2, 21, 2))
