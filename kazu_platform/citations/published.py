"""What the catalogue's folders publish, what they published before, and which year counts.

NLM numbers the files of a year in one sequence: a baseline, which holds everything, then updates.
Each December a new baseline appears under a new year and the files of the old one are taken away.
The new year takes the place of the old one as a whole, once all of its baseline has been read;
until then the files of both count, each at its place. So there is never a time without an answer.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from kazu_platform.citations.files import file_order
from kazu_platform.tables import PUBLISHED_FILES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    import pyarrow as pa

Kind = Literal["baseline", "update", "full_text"]
BASELINE: Final = "baseline"
UPDATE: Final = "update"
FULL_TEXT: Final = "full_text"
SETTLED = timedelta(days=1)
"""A baseline that has had no new file for so long is published in full."""
_NUMBERED = re.compile(r"([A-Za-z]+)(\d\d)n(\d+)")


class Listed(NamedTuple):
    """A file as a folder lists it."""

    file: str
    kind: Kind
    url: str


class Numbered(NamedTuple):
    """The name of a PubMed file in its parts.

    >>> numbered("pubmed26n0001")
    Numbered(series='pubmed', year=26, number=1)
    """

    series: str
    year: int
    number: int


def numbered(file: str) -> Numbered | None:
    """The parts of a name in NLM's form; nothing of another one."""
    parts = _NUMBERED.fullmatch(file)
    return Numbered(parts[1], int(parts[2]), int(parts[3])) if parts else None


def with_former(listed: Sequence[Listed], former: pa.Table, *, now: datetime) -> pa.Table:
    """Rows of PUBLISHED_FILES: what is listed now, and what was before.

    Args:
        listed: what the folders list now.
        former: the rows before; a file that is no longer listed stays as not published.
        now: when it was listed.
    """
    rows = {
        row["file"]: row | {"published": False}
        for row in former.to_pylist()
        if row["file"] not in {each.file for each in listed}
    }
    since = {(row["file"], row["url"]): row["first_listed_at"] for row in former.to_pylist()}
    for each in listed:
        rows[each.file] = {
            "file": each.file,
            "kind": each.kind,
            "url": each.url,
            "published": True,
            "first_listed_at": since.get((each.file, each.url), now),
        }
    ordered = sorted(rows.values(), key=lambda row: (file_order(row["file"]), row["file"]))
    return PUBLISHED_FILES.from_rows(
        [row | {"position": place} for place, row in enumerate(ordered)]
    )


def published_now(table: pa.Table, kind: Kind | None = None) -> list[str]:
    """Files that the last listing had, of one kind or of all, in the order in which they count."""
    rows = sorted(table.to_pylist(), key=lambda row: row["position"])
    return [row["file"] for row in rows if row["published"] and kind in {None, row["kind"]}]


def superseded(
    published: pa.Table, files: Iterable[str], read: Collection[str], *, now: datetime
) -> list[str]:
    """Those of the files whose year has been replaced by a later baseline, read as a whole.

    Args:
        published: rows of PUBLISHED_FILES.
        files: names to choose from.
        read: files that are annotated.
        now: the time of asking.

    Returns:
        Names in the order of `files`. What is not named as NLM does is never superseded.
    """
    newest: dict[str, int] = {}
    for (series, year), baseline in _baselines(published).items():
        if year > newest.get(series, -1) and _is_whole(baseline, read, now):
            newest[series] = year
    return [
        file
        for file in files
        if (parts := numbered(file)) and parts.year < newest.get(parts.series, -1)
    ]


class _Baseline(NamedTuple):
    numbers: dict[int, Mapping[str, Any]]
    updates: set[int]


def _baselines(published: pa.Table) -> dict[tuple[str, int], _Baseline]:
    """What was ever listed of each year."""
    found: dict[tuple[str, int], _Baseline] = {}
    for row in published.to_pylist():
        if parts := numbered(row["file"]):
            year = found.setdefault((parts.series, parts.year), _Baseline({}, set()))
            if row["kind"] == BASELINE:
                year.numbers[parts.number] = row
            elif row["kind"] == UPDATE:
                year.updates.add(parts.number)
    return found


def _is_whole(baseline: _Baseline, read: Collection[str], now: datetime) -> bool:
    """Whether a baseline was listed from its first file to its last, and all of it read.

    NLM puts a new baseline up over hours; a listing in between must not pass for all of it. It is
    all there once the first update follows its last file, or if for a day no file was added.
    """
    n = len(baseline.numbers)
    if not n or set(baseline.numbers) != set(range(1, n + 1)):
        return False
    settled = all(now - row["first_listed_at"] >= SETTLED for row in baseline.numbers.values())
    if not (settled or n + 1 in baseline.updates):
        return False
    return all(row["file"] in read for row in baseline.numbers.values())
