"""Work that is killed is gone on with; work on other inputs begins anew."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from kazu_platform.storage.working import WORKING, working_folder

if TYPE_CHECKING:
    from pathlib import Path

INPUTS = {"recipe": "1"}


def work_until_the_disk_is_full(root: Path) -> None:
    with working_folder(root, "teacher", INPUTS) as folder:
        (folder / "checkpoint").write_text("half", "utf-8")
        raise OSError("the disk is full")


def leave_a_file(root: Path) -> None:
    with pytest.raises(OSError, match="full"):
        work_until_the_disk_is_full(root)


def test_what_was_begun_is_there_again_until_it_is_done(tmp_path: Path):
    leave_a_file(tmp_path)

    with working_folder(tmp_path, "teacher", INPUTS) as folder:
        assert (folder / "checkpoint").read_text("utf-8") == "half"

    assert not (tmp_path / WORKING / "teacher").exists()
    with working_folder(tmp_path, "teacher", INPUTS) as folder:
        assert list(folder.iterdir()) == []


def test_nothing_is_left_of_work_on_other_inputs(tmp_path: Path):
    leave_a_file(tmp_path)

    with working_folder(tmp_path, "teacher", {"recipe": "2"}) as folder:
        assert list(folder.iterdir()) == []


def test_a_folder_whose_inputs_are_damaged_begins_anew(tmp_path: Path):
    leave_a_file(tmp_path)
    (tmp_path / WORKING / "teacher" / "inputs.json").write_text("{", "utf-8")

    with working_folder(tmp_path, "teacher", INPUTS) as folder:
        assert list(folder.iterdir()) == []


def test_the_same_work_waits_for_whoever_is_at_it(tmp_path: Path):
    order: list[str] = []

    def second() -> None:
        with working_folder(tmp_path, "teacher", INPUTS):
            order.append("second")

    with working_folder(tmp_path, "teacher", INPUTS):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.2)
        order.append("first")
    waiting.join()

    assert order == ["first", "second"]
