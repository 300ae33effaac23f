"""Orders: a stage of a recipe with all that it needs, for any process to carry out.

An order names files and holds no data, so that it can be sent to the processes of a team, each of
which reads for itself: folders must mean the same to all of them. What is finished is not done
again, and what was begun is gone on with.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from pyarrow import parquet

from kazu_platform.storage.atomic import TEMPORARY
from kazu_platform.training.loop import CHECKPOINT, SAVE_EVERY
from kazu_platform.training.named import check_names
from kazu_platform.training.stages import (
    PREPARED,
    RECORD,
    Stage,
    make_encoder,
    make_general_student,
    make_student,
    make_teacher,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from kazu_platform.training.recipe import Recipe, StageName

TEXTS: Final = "texts.parquet"
MADE: Final = "made"


@dataclass(frozen=True, slots=True)
class Order:
    """A stage to make.

    Attributes:
        stage: Which.
        recipe: How.
        folder: Where to work; `made` in it holds the network when it is done.
        rows: File of labelled sentences, where the stage learns from some.
        texts: File of texts, where it reads some.
        source: Folder of the network that it begins with: an encoder or a teacher.
        general: Folder of a student of stage 1, for a student of stage 2.
        devel: File of labelled sentences that it is measured on while it trains.
    """

    stage: StageName
    recipe: Recipe
    folder: Path
    rows: Path | None = None
    texts: Path | None = None
    source: Path | None = None
    general: Path | None = None
    devel: Path | None = None

    @property
    def made(self) -> Path:
        """Where the network will be."""
        return self.folder / MADE

    def carry_out(
        self, says: Callable[[str], None], *, device: str = "cpu", save_every: float = SAVE_EVERY
    ) -> None:
        """Make the stage in this process, or its part where processes train together.

        Args:
            says: Told how it goes.
            device: cpu or cuda.
            save_every: Seconds between checkpoints.

        Raises:
            TrainingError: there is nothing to train on, the recipe names a corpus that the rows do
                not have, or a loss is no number.
        """
        if (self.made / RECORD).exists():
            return
        devel = parquet.read_table(self.devel) if self.devel else None
        stage = Stage(self.made, says, device, save_every, devel)
        if self.stage == "encoder":
            make_encoder(self.recipe, self._texts, self._rows(), stage)
        elif self.stage == "teacher":
            make_teacher(self.recipe, self._rows(), _given(self.source), stage)
        elif self.stage == "general":
            make_general_student(self.recipe, self._texts, _given(self.source), stage)
        else:
            make_student(self.recipe, self._rows(), _given(self.source), self.general, stage)

    def _rows(self) -> pa.Table:
        """The sentences; a wrong name of a corpus is found before a stage works for hours."""
        rows = parquet.read_table(_given(self.rows))
        check_names(self.recipe, rows["corpus"].unique().to_pylist())
        return rows

    def _texts(self) -> list[str]:
        return read_texts_file(_given(self.texts))


def write_rows(rows: pa.Table, folder: Path, split: str) -> Path:
    """Write labelled sentences of a split for an order."""
    path = folder / f"{split}.parquet"
    parquet.write_table(rows, path)
    return path


def texts_file(folder: Path) -> Path:
    """Where the texts are that `write_texts_file` wrote to a folder."""
    return folder / TEXTS


def write_texts_file(texts: pa.Table, folder: Path) -> Path:
    """Write texts for an order: a table with the column `text`."""
    path = texts_file(folder)
    parquet.write_table(texts, path, compression="zstd")
    return path


def read_texts_file(path: Path) -> list[str]:
    """The texts that `write_texts_file` wrote."""
    return parquet.read_table(path, columns=["text"])["text"].to_pylist()


def copy_made(made: Path, target: Path) -> None:
    """Copy what a stage made into the folder of an artifact, without what a kill left over."""
    left_over = shutil.ignore_patterns(f"{Path(CHECKPOINT).stem}.*", PREPARED, f"*{TEMPORARY}")
    shutil.copytree(made, target, dirs_exist_ok=True, ignore=left_over)


def _given(path: Path | None) -> Path:
    if path is None:
        raise ValueError("the order lacks a file or a folder that its stage needs")
    return path
