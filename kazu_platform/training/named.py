"""Corpora that a recipe names: what it says of one that the data do not have would not be done."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from kazu_platform.errors import TrainingError
from kazu_platform.training.alike import as_of
from kazu_platform.training.texts import UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from kazu_platform.training.recipe import Recipe


def check_names(recipe: Recipe, corpora: Collection[str]) -> None:
    """See that the corpora that a recipe names are there.

    Sentences that nobody marked (`unlabelled`, and `unlabelled as` one of `student.finish.alike`)
    and detectors of weak labels may be named, too.

    Args:
        recipe: Whose names.
        corpora: Those of the data.

    Raises:
        TrainingError: lists each name that is none, with the key and the nearest one that is.
    """
    marked = {*corpora, *recipe.student.weak}
    finish = recipe.student.finish
    alike = finish.alike if finish else ()
    every = {*marked, UNLABELLED, *map(as_of, alike)}
    problems = [
        *_strangers("weights", recipe.weights, every),
        *_strangers("empty", recipe.empty, every),
        *_strangers("teacher.own_labels", map(_corpus_of, recipe.teacher.own_labels), marked),
        *_strangers("student.gold", map(_corpus_of, recipe.student.gold), every),
        *_strangers("student.finish.weights", finish.weights if finish else (), every),
        *_strangers("student.finish.alike", alike, marked),
    ]
    if problems:
        raise TrainingError("\n".join(problems))


def _strangers(key: str, names: Iterable[str], known: Collection[str]) -> Iterator[str]:
    for name in dict.fromkeys(names):
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(sorted(known))}."
            yield f"recipe, {key}: {name!r} is no corpus of the training data; {hint}"


def _corpus_of(key: str) -> str:
    """The corpus of "corpus class"."""
    return key.rpartition(" ")[0]
