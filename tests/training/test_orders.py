"""An order looks at its recipe before it works."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kazu_platform.errors import TrainingError
from kazu_platform.settings import Settings, read_catalogue
from kazu_platform.training.named import check_names
from kazu_platform.training.orders import Order, write_rows
from kazu_platform.training.recipe import Recipe, read_recipe, recipe_path
from tests.training.test_networks import SENTENCES

if TYPE_CHECKING:
    from kazu_platform.settings import Catalogue


def recipe(student: dict[str, Any] | None = None, **changes: Any) -> Recipe:  # noqa: ANN401
    steps = {"steps": 1}
    return Recipe.model_validate({"teacher": steps, **changes, "student": steps | (student or {})})


def problems_of(given: Recipe) -> list[str]:
    with pytest.raises(TrainingError) as caught:
        check_names(given, ["BC5CDR", "linnaeus"])
    return str(caught.value).splitlines()


def test_a_corpus_that_is_not_there_is_named_with_the_nearest_one():
    finish = {"steps": 1, "weights": {"unlabeled": 1}, "alike": ["BC5CDR", "BC2GM"]}
    given = recipe(
        {"gold": {"BC5 disease": 0.5}, "finish": finish, "weak": ["PubTator3"]},
        weights={"BC5CDR-disease": 2},
        empty={"linneus": 0.1, "dictionary": 1},
        teacher={"steps": 1, "own_labels": {"BC5CRD disease": "d", "BC5CRD chemical": "c"}},
    )

    every = "BC5CDR, PubTator3, linnaeus, unlabelled, unlabelled as BC2GM, unlabelled as BC5CDR"
    assert problems_of(given) == [
        f"recipe, {key}: {name!r} is no corpus of the training data; {hint}"
        for key, name, hint in (
            ("weights", "BC5CDR-disease", "did you mean 'BC5CDR'?"),
            ("empty", "linneus", "did you mean 'linnaeus'?"),
            ("empty", "dictionary", f"there is {every}."),
            ("teacher.own_labels", "BC5CRD", "did you mean 'BC5CDR'?"),
            ("student.gold", "BC5", "did you mean 'BC5CDR'?"),
            ("student.finish.weights", "unlabeled", "did you mean 'unlabelled'?"),
            ("student.finish.alike", "BC2GM", "there is BC5CDR, PubTator3, linnaeus."),
        )
    ]


def test_texts_that_nobody_marked_and_detectors_may_be_named():
    finish = {"steps": 1, "weights": {"unlabelled as BC5CDR": 2}, "alike": ["BC5CDR"]}
    given = recipe(
        {"finish": finish, "weak": ["PubTator3"], "gold": {"PubTator3 gene": 0.2}},
        weights={"unlabelled": 0.5, "PubTator3": 0.5},
        empty={"unlabelled": 0.1},
    )

    check_names(given, ["BC5CDR"])


def corpora_of(catalogue: Catalogue) -> list[str]:
    assert catalogue.training is not None
    return [each.corpus for each in catalogue.training.corpora]


def test_built_in_recipes_name_corpora_of_their_catalogues(monkeypatch: pytest.MonkeyPatch):
    for name in ("NER_DATA", "TEXT_DATA"):
        monkeypatch.setenv(name, "/data")
    shipped = recipe_path("shipped")
    of_shipped = read_catalogue(shipped.with_name("shipped_data.yaml"))
    check_names(read_recipe(shipped), corpora_of(of_shipped))

    sample = Settings(sources="sample").catalogue()  # pyright: ignore[reportCallIssue]
    assert sample.training is not None
    check_names(read_recipe(Path(sample.training.recipe)), corpora_of(sample))


@pytest.mark.parametrize("stage", ["encoder", "teacher", "student"])
def test_a_stage_that_learns_from_corpora_does_not_begin_with_a_wrong_name(
    stage: Any,  # noqa: ANN401 - names of stages
    tmp_path: Path,
):
    rows = write_rows(SENTENCES, tmp_path, "train")
    order = Order(stage, recipe(weights={"AA": 2.0}), tmp_path / "work", rows=rows, source=tmp_path)

    with pytest.raises(TrainingError, match="'AA' is no corpus .* did you mean 'A'"):
        order.carry_out(print)
    assert not order.folder.exists()
