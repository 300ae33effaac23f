"""PubTator as it stands in a file: a block for each document.

A block is a title (`ID|t|...`), an abstract (`ID|a|...`), a tab-separated line for each mention and
a blank line. Offsets count the code points of title, a blank, abstract. Lines of relations, which
have no offsets, are passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from kazu_platform.errors import MalformedFileError

if TYPE_CHECKING:
    from pathlib import Path

TEXT_LINE = re.compile(r"([^|\t\n]+)\|([ta])\|(.*)")
NO_CONCEPT = "-"
_COLUMNS = 5
_NUMBER = re.compile(r"\d+")


class Line(NamedTuple):
    """A mention as its line has it; `number` is that of the line in the file."""

    start: int
    end: int
    text: str
    kind: str
    concept: str
    number: int


@dataclass
class Block:
    """A document of a file."""

    name: str
    title: str
    abstract: str = ""
    mentions: list[Line] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What the offsets count."""
        return f"{self.title} {self.abstract}"


def parse_blocks(path: Path | str, content: str) -> list[Block]:
    """The blocks of a file.

    Raises:
        MalformedFileError: names the line that is neither text nor mention nor relation, or whose
            offsets are not in the text.
    """
    blocks: list[Block] = []
    for number, line in enumerate(content.split("\n"), 1):
        try:
            _read_line(line.removesuffix("\r"), number, blocks)
        except ValueError as problem:
            raise MalformedFileError.at(path, str(problem), line=number) from None
    return blocks


def _read_line(line: str, number: int, blocks: list[Block]) -> None:
    if not line.strip():
        return
    match = TEXT_LINE.fullmatch(line)
    if match and match[2] == "t":
        blocks.append(Block(match[1], match[3]))
        return
    if not blocks:
        raise ValueError("a title (ID|t|...) should come first.")
    block = blocks[-1]
    if match:
        if match[1] != block.name:
            raise ValueError(f"an abstract of {match[1]} below the title of {block.name}.")
        block.abstract = match[3]
        return
    columns = line.split("\t")
    if len(columns) == 1:
        raise ValueError(f"neither a title, an abstract nor a mention: {line[:60]!r}.")
    if _NUMBER.fullmatch(columns[1]):
        block.mentions.append(_mention(columns, number, block))


def _mention(columns: list[str], number: int, block: Block) -> Line:
    if len(columns) < _COLUMNS or not _NUMBER.fullmatch(columns[2]):
        raise ValueError("a mention needs an id, a start, an end, its text and its type.")
    start, end = int(columns[1]), int(columns[2])
    if columns[0] != block.name:
        raise ValueError(f"a mention of {columns[0]} below the title of {block.name}.")
    if not 0 <= start < end <= len(block.text):
        raise ValueError(
            f"{start} to {end} is no stretch of the {len(block.text)} characters of {block.name}."
        )
    concept = columns[_COLUMNS] if len(columns) > _COLUMNS else ""
    return Line(start, end, columns[3], columns[4], concept or NO_CONCEPT, number)
