"""Stages in their folders: several teachers, an end of stage 2, and what a kill leaves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
import torch

from kazu_platform.ner.pieces import WordPieces
from kazu_platform.training.adapt import load_rows, read_rows, save_rows
from kazu_platform.training.alike import as_of
from kazu_platform.training.loop import CHECKPOINT
from kazu_platform.training.orders import copy_made
from kazu_platform.training.recipe import Recipe, read_recipe
from kazu_platform.training.stages import (
    FIRST,
    OUTPUTS,
    PREPARED,
    RECORD,
    Stage,
    make_encoder,
    make_student,
    make_teacher,
    read_teachers,
)
from kazu_platform.training.texts import UNLABELLED
from tests.training.test_networks import PIECES, SENTENCES, VOCABULARY, network

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RECIPE = Path(__file__).parents[2] / "kazu_platform" / "sample" / "training" / "recipe.yaml"
TEXTS = ["mice have abc. rats have xyz."] * 60


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    """The sample's, with a few steps for each stage and a batch of a few sentences."""
    found = read_recipe(RECIPE)
    few = {"steps": 6, "batch_pieces": 64}
    assert found.adapt is not None
    assert found.student.finish is not None
    finish = found.student.finish.model_copy(update=few)
    return found.model_copy(
        update={
            "classes": ("gene", "species"),
            "adapt": found.adapt.model_copy(update=few | {"row": 16}),
            "teacher": found.teacher.model_copy(update=few | {"own_labels": {"B species": "b"}}),
            "student": found.student.model_copy(update=few | {"merge": {}, "finish": finish}),
        }
    )


@pytest.fixture(scope="module")
def trained(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an encoder, teachers and a student."""
    folder = tmp_path_factory.mktemp("stages")
    make_encoder(recipe, lambda: TEXTS, SENTENCES, quiet(folder / "encoder"))
    make_teacher(recipe, SENTENCES, folder / "encoder", quiet(folder / "teacher"))
    make_student(recipe, SENTENCES, folder / "teacher", None, quiet(folder / "student"))
    return folder


def quiet(folder: Path) -> Stage:
    return Stage(folder, lambda _: None)


def weights_of(folder: Path) -> str:
    return json.loads((folder / RECORD).read_bytes())["weights_sha256"]


def test_the_members_of_a_teacher_differ_and_only_the_missing_ones_are_made_again(
    recipe: Recipe, trained: Path, tmp_path: Path
):
    teacher = trained / "teacher"
    first, second = read_teachers(teacher)
    assert first.outputs == second.outputs
    assert weights_of(teacher) != weights_of(teacher / "1")

    stage = quiet(tmp_path / "again")
    (stage.folder / "1").mkdir(parents=True)
    for file in (teacher / "1").iterdir():
        (stage.folder / "1" / file.name).write_bytes(file.read_bytes())
    kept = (stage.folder / "1" / RECORD).stat().st_mtime_ns
    make_teacher(recipe, SENTENCES, trained / "encoder", stage)

    assert weights_of(stage.folder) == weights_of(teacher)
    assert (stage.folder / "1" / RECORD).stat().st_mtime_ns == kept


def test_a_student_goes_on_from_before_its_end(recipe: Recipe, trained: Path, tmp_path: Path):
    student = trained / "student"
    assert weights_of(student) != weights_of(student / FIRST)

    stage = quiet(tmp_path / "again")
    (stage.folder / FIRST).mkdir(parents=True)
    for file in (student / FIRST).iterdir():
        (stage.folder / FIRST / file.name).write_bytes(file.read_bytes())
    # Stage 2 needs its teachers, of which the end has none: other ones would change the beginning.
    make_student(recipe, SENTENCES, trained / "teacher", None, stage)

    assert weights_of(stage.folder) == weights_of(student)


def test_gold_of_other_labels_is_silent_at_the_end(recipe: Recipe, trained: Path, tmp_path: Path):
    """B's species have a label of their own without a weight: at the end nothing is learnt of B."""
    alone = recipe.model_copy(update={"weights": {"A": 0.0, "C": 0.0}})
    stage = quiet(tmp_path / "silent")
    (stage.folder / FIRST).mkdir(parents=True)
    for file in (trained / "student" / FIRST).iterdir():
        (stage.folder / FIRST / file.name).write_bytes(file.read_bytes())

    make_student(alone, SENTENCES, trained / "teacher", None, stage)

    curve = [json.loads(line) for line in (stage.folder / "curve.jsonl").read_text().splitlines()]
    assert {point["loss"] for point in curve} == {0.0}


def test_at_the_end_unmarked_sentences_may_be_taken_for_those_of_a_corpus(
    recipe: Recipe, trained: Path, tmp_path: Path
):
    """Nothing but them is read, and only they: a loss is there only if they were taken for A's."""
    rows = SENTENCES.append_column("origin", pa.array(["gold"] * 3 + [UNLABELLED] * 2))
    assert recipe.student.finish is not None
    finish = recipe.student.finish.model_copy(
        update={
            "members": 1,
            "names_of": ("species",),
            "alike": ("A", "B"),
            "weights": {"A": 0.0, "B": 0.0, "C": 0.0},
        }
    )
    student = recipe.student.model_copy(update={"finish": finish})
    alone = recipe.model_copy(update={"student": student, "weights": {UNLABELLED: 1.0}})
    mixture, _ = alone.finishing()
    assert mixture.weights == {as_of("A"): 1, as_of("B"): 1, UNLABELLED: 1, "A": 0, "B": 0, "C": 0}
    stage = quiet(tmp_path / "alike")
    (stage.folder / FIRST).mkdir(parents=True)
    for file in (trained / "student" / FIRST).iterdir():
        (stage.folder / FIRST / file.name).write_bytes(file.read_bytes())

    make_student(alone, rows, trained / "teacher", None, stage)

    assert weights_of(stage.folder) != weights_of(stage.folder / FIRST)


def test_a_stage_that_was_killed_does_not_take_its_texts_apart_again(
    recipe: Recipe, trained: Path, tmp_path: Path
):
    stage = quiet(tmp_path / "encoder")

    class Killed(BaseException):
        """The process ends."""

    def end(_: str) -> None:
        raise Killed

    with pytest.raises(Killed):
        make_encoder(recipe, lambda: TEXTS, SENTENCES, Stage(stage.folder, end))
    assert (stage.folder / PREPARED).is_dir()

    def no_texts() -> Sequence[str]:
        raise AssertionError("the texts are prepared")

    make_encoder(recipe, no_texts, SENTENCES, stage)

    assert weights_of(stage.folder) == weights_of(trained / "encoder")
    assert not (stage.folder / PREPARED).exists()


def test_a_record_is_there_as_a_whole_or_not_at_all(tmp_path: Path):
    """A file that is written in place is written in whatever else has a name for it."""
    stage = quiet(tmp_path / "made")
    stage.finish(network(0), VOCABULARY, (), {"number": 1})
    written = (stage.folder / RECORD).read_bytes()
    (tmp_path / "kept").hardlink_to(stage.folder / RECORD)

    stage.finish(network(0), VOCABULARY, (), {"number": 2})

    assert (tmp_path / "kept").read_bytes() == written
    assert json.loads((stage.folder / RECORD).read_bytes())["number"] == 2


def test_what_a_stage_prepares_is_recorded_as_a_whole_or_not_at_all(recipe: Recipe, tmp_path: Path):
    stage = quiet(tmp_path / "encoder")
    (stage.folder / PREPARED).mkdir(parents=True)
    (stage.folder / PREPARED / RECORD).symlink_to(tmp_path / "in place")

    make_encoder(recipe, lambda: TEXTS, SENTENCES, stage)

    assert not (tmp_path / "in place").exists()


def test_what_a_kill_left_behind_the_record_is_no_part_of_the_artifact(
    trained: Path, tmp_path: Path
):
    made = shutil.copytree(trained / "teacher", tmp_path / "made")
    for folder in (made, made / "1"):
        (folder / PREPARED).mkdir()
        (folder / PREPARED / "rows.npz").touch()
        for name in (CHECKPOINT, "checkpoint.part", f".{RECORD}.1234.tmp"):
            (folder / name).touch()

    copy_made(made, tmp_path / "artifact")

    names = {path.relative_to(trained) for path in (trained / "teacher").rglob("*")}
    left = {
        Path("teacher") / path.relative_to(tmp_path / "artifact")
        for path in (tmp_path / "artifact").rglob("*")
    }
    assert left == names
    assert Path("teacher", OUTPUTS) in left


def test_rows_are_read_as_they_were_written(tmp_path: Path):
    written = read_rows(TEXTS, WordPieces(PIECES.vocabulary), 16)
    save_rows(written, tmp_path / "rows.npz")
    found = load_rows(tmp_path / "rows.npz")
    for name in ("ids", "shapes", "word"):
        np.testing.assert_array_equal(getattr(found, name), getattr(written, name))
    assert [path.name for path in tmp_path.iterdir()] == ["rows.npz"]
