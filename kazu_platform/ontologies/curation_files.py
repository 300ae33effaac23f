"""Curation files as rows of text: YAML (a list of blocks) or CSV (with a header).

Belongs here: bytes, blocks, where each row stands. Does not: what a row may say (`curation_rows`).
Nothing of YAML is interpreted: `NO` is nitric oxide and not false, `1e3` is a cell line. The file
is read as a stream of events, so that nesting, aliases and anchors are refused where they stand
and cannot grow.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import yaml

from kazu_platform.errors import InvalidCurationsError
from kazu_platform.yaml_text import yaml_events

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MAX_BYTES: Final = 16 << 20
"""Size above which a file is refused: some 60,000 decisions."""

MAX_CELL: Final = 2_000
"""Characters above which a value is refused: no name and no reason is longer."""

ENDINGS: Final = (".yaml", ".yml", ".csv")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_NOTHING = ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class Row:
    """One decision as it is written: where, and the text of each key that has a value."""

    place: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong where, and what to do."""

    place: str
    what: str


@dataclass(frozen=True, slots=True)
class Written:
    """The rows of a file, and what could not be read as one."""

    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]

    @classmethod
    def of(cls, rows: list[Row], problems: list[Problem]) -> Self:
        """Those rows without a problem of their own keep their order."""
        return cls(tuple(rows), tuple(problems))


def read_rows(path: Path, called: str = "") -> Written:
    """Read a curation file; rows that cannot be read are problems, the others rows.

    Args:
        path: the file.
        called: what errors call it, if it is a copy of another.

    Raises:
        InvalidCurationsError: the file as a whole cannot be read: missing, too large, not UTF-8,
            not YAML or CSV.
    """
    name, ending = called or str(path), path.suffix.lower()
    if ending not in ENDINGS:
        raise InvalidCurationsError(
            f"{name}: curations are YAML or CSV; name the file .yaml, .yml or .csv."
        )
    text = _text(path, name)
    return _csv_rows(text, name) if ending == ".csv" else _yaml_rows(text, name)


def _text(path: Path, name: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidCurationsError(f"{name}: cannot be opened: {error.strerror}.") from None
    if len(content) > MAX_BYTES:
        raise InvalidCurationsError(
            f"{name}: is larger than {MAX_BYTES >> 20} MiB; that is no list of decisions."
        )
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidCurationsError(
            f"{name}, line {line}: is not UTF-8 (byte {content[error.start]:#04x}); "
            "save the file as UTF-8."
        ) from None


def _csv_rows(text: str, name: str) -> Written:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    problems: list[Problem] = []
    header: list[str] | None = None
    before = 0
    try:
        for cells in reader:
            place, before = f"line {before + 1}", reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [cell.strip() for cell in cells]
                problems += _header_problems(header, place)
            elif len(cells) > len(header):
                what = f"has {len(cells)} cells, the header {len(header)}; quote cells with commas."
                problems.append(Problem(place, what))
            else:
                _take(zip(header, cells, strict=False), place, rows, problems)
    except csv.Error as error:
        raise InvalidCurationsError(f"{name}, line {before + 1}: is no CSV: {error}.") from None
    return Written.of(rows, problems)


def _header_problems(header: list[str], place: str) -> Iterator[Problem]:
    for name in sorted({name for name in header if name and header.count(name) > 1}):
        yield Problem(place, f"the column {name} stands there twice.")
    if len(header) == 1 and ";" in header[0]:
        yield Problem(place, "cells are separated by semicolons; export with commas.")


def _yaml_rows(text: str, name: str) -> Written:
    rows: list[Row] = []
    problems: list[Problem] = []
    try:
        events = yaml_events(text)
        for event in events:
            if isinstance(event, yaml.SequenceStartEvent):
                _items(events, rows, problems)
            elif isinstance(event, yaml.DocumentStartEvent) and (rows or problems):
                problems.append(Problem(_line(event), "a second document; keep one list."))
            elif isinstance(event, (yaml.ScalarEvent, yaml.MappingStartEvent)) and not (
                isinstance(event, yaml.ScalarEvent) and _plain(event) in _NOTHING
            ):
                raise InvalidCurationsError(
                    f"{name}: is no list; begin each decision with `- action:`."
                )
    except yaml.YAMLError as error:
        raise InvalidCurationsError(f"{name}: is no YAML: {_said(error)}") from None
    return Written.of(rows, problems)


def _items(events: Iterator[yaml.Event], rows: list[Row], problems: list[Problem]) -> None:
    """The blocks of the list, to its end."""
    for number, event in enumerate(events, 1):
        if isinstance(event, yaml.SequenceEndEvent):
            return
        place = f"item {number} ({_line(event)})"
        if isinstance(event, yaml.MappingStartEvent):
            pairs, wrong = _pairs(events, place)
            problems += wrong
            if not wrong:
                _take(pairs, place, rows, problems)
        else:
            what = "is an alias" if isinstance(event, yaml.AliasEvent) else "is no block of keys"
            problems.append(Problem(place, f"{what}; write every decision out, `- action: ...`."))
            _skip(event, events)


def _pairs(events: Iterator[yaml.Event], place: str) -> tuple[list[tuple[str, str]], list[Problem]]:
    """Keys and texts of one block; nested values, aliases and repeated keys are problems."""
    pairs: list[tuple[str, str]] = []
    problems: list[Problem] = []
    key: str | None = None
    for event in events:
        if isinstance(event, yaml.MappingEndEvent):
            return pairs, problems
        if not isinstance(event, yaml.ScalarEvent):
            kind = "an alias" if isinstance(event, yaml.AliasEvent) else "a list or block"
            what = f"{key or 'a key'} is {kind}, should be one text; write it out."
            problems.append(Problem(place, what))
            _skip(event, events)
            key = None if key is not None else ""
        elif key is None:
            key = event.value
            if key in dict(pairs):
                problems.append(Problem(place, f"{key} stands there twice; keep one."))
        else:
            pairs.append((key, _plain(event)))
            key = None
    return pairs, problems


def _skip(event: yaml.Event, events: Iterator[yaml.Event]) -> None:
    """Go to the end of a nested list or block."""
    depth = isinstance(event, yaml.CollectionStartEvent)
    while depth:
        inner = next(events)
        depth += isinstance(inner, yaml.CollectionStartEvent)
        depth -= isinstance(inner, yaml.CollectionEndEvent)


def _plain(event: yaml.ScalarEvent) -> str:
    """The text of a value; null, as YAML writes it without quotes, is none."""
    unquoted = bool(event.implicit and event.implicit[0])
    return "" if unquoted and event.value in _NOTHING else event.value


def _take(
    pairs: Iterator[tuple[str, str]] | zip[tuple[str, str]] | list[tuple[str, str]],
    place: str,
    rows: list[Row],
    problems: list[Problem],
) -> None:
    """Keep a row, with its blanks folded, or say what no value may hold."""
    values: dict[str, str] = {}
    wrong: list[Problem] = []
    for key, value in pairs:
        if _CONTROL.search(value) or _CONTROL.search(key):
            wrong.append(Problem(place, f"{key!r} holds a control character; remove it."))
        elif len(value) > MAX_CELL:
            wrong.append(Problem(place, f"{key} has more than {MAX_CELL:,} characters."))
        elif folded := " ".join(value.split()):
            values[key] = folded
    problems += wrong
    if not wrong:
        rows.append(Row(place, values))


def _line(event: yaml.Event) -> str:
    return f"line {event.start_mark.line + 1}"


def _said(error: yaml.YAMLError) -> str:
    """YAML's error on one line, with a line number that counts from 1."""
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark else ""
    problem = getattr(error, "problem", None) or " ".join(str(error).split())
    return f"{where}{problem}."
