"""Garbage collection: what nobody needs goes, and nothing else."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import LakeError
from kazu_platform.tables import DELETIONS

if TYPE_CHECKING:
    import pyarrow as pa

    from kazu_platform.storage.lake import Lake

HOUR = timedelta(hours=1)


def deletions(pmid: int) -> pa.Table:
    return DELETIONS.from_rows([{"pmid": pmid, "version": None, "file": "f", "position": 0}])


def age(*paths: Path | str, hours: float = 2) -> None:
    then = time.time() - hours * 3600
    for path in paths:
        os.utime(path, (then, then))


def test_a_replaced_generation_goes_when_nothing_has_named_it_for_some_time(lake: Lake):
    old = lake.write(DELETIONS, deletions(1), partition="a").path
    age(old)
    new = lake.write(DELETIONS, deletions(2), partition="a").path

    # It is old, but was live a moment ago: somebody may be reading it.
    assert lake.collect_garbage(older_than=HOUR).n_files == 0
    age(old, new)
    collected = lake.collect_garbage(older_than=HOUR)

    assert collected.n_files == 1
    assert collected.n_bytes > 0
    assert not Path(old).exists()
    assert lake.read(DELETIONS, "a")["pmid"].to_pylist() == [2]


def test_what_the_warehouse_names_is_kept(lake: Lake):
    old = lake.write(DELETIONS, deletions(1), partition="dictionary/a").path
    lake.write(DELETIONS, deletions(2), partition="dictionary/a")
    age(old)

    assert lake.collect_garbage(older_than=HOUR, keep={old}).n_files == 0
    assert lake.collect_garbage(older_than=HOUR).n_files == 1


def test_a_dropped_partition_goes(lake: Lake):
    path = lake.write(DELETIONS, deletions(1), partition="a").path
    lake.drop(DELETIONS, "a")

    assert lake.collect_garbage(older_than=HOUR).n_files == 0
    age(path)
    assert lake.collect_garbage(older_than=HOUR).n_files == 1


def test_what_a_running_writer_has_staged_is_safe(lake: Lake):
    with lake.stage(DELETIONS, deletions(1), partition="a") as staged:
        assert lake.collect_garbage(older_than=HOUR).n_files == 0

        staged.publish()

    assert lake.read(DELETIONS, "a").num_rows == 1


def test_a_published_file_is_young_however_long_its_gate_took(lake: Lake):
    with lake.stage(DELETIONS, deletions(1), partition="a") as staged:
        age(staged.path, hours=0.9)
        path = staged.publish().path

    assert time.time() - Path(path).stat().st_mtime < 60


def test_what_a_dead_writer_left_goes(lake: Lake):
    staged = lake.stage(DELETIONS, deletions(1), partition="a")
    beside = lake.root / "deletions" / "a" / ".live.json.0123456789ab.tmp"
    beside.parent.mkdir(parents=True)
    beside.touch()
    age(staged.path, beside)

    assert lake.collect_garbage(older_than=HOUR).n_files == 2
    with pytest.raises(LakeError, match="published, discarded or collected"):
        staged.publish()


def test_files_that_are_not_the_lake_s_are_left_alone(lake: Lake):
    path = Path(lake.write(DELETIONS, deletions(1), partition="a").path)
    others = [path.with_name("mine.parquet"), lake.root / "README.md", path.with_name("notes.txt")]
    for other in others:
        other.touch()
    age(*others)

    assert lake.collect_garbage(older_than=HOUR).n_files == 0


def test_a_partition_with_a_damaged_pointer_is_left_alone(lake: Lake):
    path = lake.write(DELETIONS, deletions(1), partition="a").path
    (lake.root / "deletions" / "a" / "live.json").write_text("{")
    age(path)

    assert lake.collect_garbage(older_than=HOUR).n_files == 0
