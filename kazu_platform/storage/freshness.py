"""Whether what is published has been annotated: of the files of updates, the newest above all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from kazu_platform.tables import MENTIONS, PUBLISHED_FILES

if TYPE_CHECKING:
    from datetime import datetime

    from kazu_platform.storage.lake import Lake

GRACE = timedelta(hours=6)
"""So long after it was first listed a file may be on its way."""
_UPDATE = "update"
_SHOWN = 5


@dataclass(frozen=True)
class Freshness:
    """What became of the update files that are published.

    Attributes:
        newest: the one that counts last; None if none is published, or none was ever listed.
        unread: those that are not annotated, the newest last.
        late: those of them that were first listed longer ago than they may take.
    """

    newest: str | None
    unread: tuple[str, ...]
    late: tuple[str, ...]

    def __str__(self) -> str:
        if self.newest is None:
            return "no update file is listed"
        if not self.unread:
            return f"the newest published file, {self.newest}, is annotated"
        state = "not annotated" if self.newest in self.unread else "annotated"
        waiting = f"{len(self.unread)} wait, {len(self.late)} of them too long"
        names = ", ".join((self.late or self.unread)[-_SHOWN:])
        return f"the newest published file, {self.newest}, is {state}; {waiting}: {names}"


def freshness_of(lake: Lake, *, now: datetime, grace: timedelta = GRACE) -> Freshness:
    """Compare what was last listed with what has mentions.

    Args:
        lake: the tables.
        now: the time of asking.
        grace: how long a file may take from its first listing on.
    """
    if lake.live(PUBLISHED_FILES, "all") is None:
        return Freshness(None, (), ())
    rows = [
        row
        for row in lake.read(PUBLISHED_FILES, "all").to_pylist()
        if row["published"] and row["kind"] == _UPDATE
    ]
    unread = [row for row in rows if lake.live(MENTIONS, row["file"]) is None]
    late = [row["file"] for row in unread if now - row["first_listed_at"] > grace]
    newest = rows[-1]["file"] if rows else None
    return Freshness(newest, tuple(row["file"] for row in unread), tuple(late))
