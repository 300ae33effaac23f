"""Whether the newest published file is annotated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from kazu_platform.storage.freshness import GRACE, freshness_of
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import MENTIONS, PUBLISHED_FILES

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
LONG_AGO = NOW - GRACE - timedelta(minutes=1)


def lake_of(folder: Path, listed: dict[str, datetime], read: list[str]) -> Lake:
    lake = Lake(folder)
    rows = [
        {"file": file, "kind": kind, "url": f"https://example.org/{file}", "position": place}
        | {"published": True, "first_listed_at": listed.get(file, LONG_AGO)}
        for place, (file, kind) in enumerate(
            [("b1", "baseline"), *((file, "update") for file in listed), ("p", "full_text")]
        )
    ]
    lake.write(PUBLISHED_FILES, PUBLISHED_FILES.from_rows(rows), partition="all")
    for file in read:
        lake.write(MENTIONS, MENTIONS.empty(), partition=file)
    return lake


def test_all_is_well_if_the_newest_file_is_annotated(tmp_path: Path):
    """The baseline is read when somebody says so: it is never late."""
    fresh = freshness_of(lake_of(tmp_path, {"u1": LONG_AGO}, ["u1"]), now=NOW)

    assert (fresh.newest, fresh.unread, fresh.late) == ("u1", (), ())
    assert str(fresh) == "the newest published file, u1, is annotated"


def test_a_file_has_some_hours(tmp_path: Path):
    fresh = freshness_of(lake_of(tmp_path, {"u1": LONG_AGO, "u2": NOW}, ["u1"]), now=NOW)

    assert (fresh.unread, fresh.late) == (("u2",), ())
    assert "u2, is not annotated; 1 wait, 0 of them too long: u2" in str(fresh)


def test_a_late_file_is_named_also_behind_a_newer_one(tmp_path: Path):
    lake = lake_of(tmp_path, {"u1": LONG_AGO, "u2": LONG_AGO}, ["u2"])

    fresh = freshness_of(lake, now=NOW)

    assert fresh.late == ("u1",)
    assert "u2, is annotated; 1 wait, 1 of them too long: u1" in str(fresh)


def test_where_nothing_was_listed_nothing_is_late(tmp_path: Path):
    assert freshness_of(Lake(tmp_path), now=NOW).late == ()
