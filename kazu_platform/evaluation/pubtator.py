"""Reading PubTator: title, abstract, a tab-separated line for each mention, a blank line.

Offsets count the characters of title, a blank, abstract, which here are one text. Lines of
relations, which have no offsets, are passed over.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from kazu_platform.errors import MalformedFileError
from kazu_platform.evaluation.entities import (
    Entities,
    SpanGold,
    distinct_ids,
    entity_class_of,
    passages_of_texts,
)
from kazu_platform.text.sentences import sentence_spans

if TYPE_CHECKING:
    from pathlib import Path

TEXT_LINE = re.compile(r"([^|\t\n]+)\|([ta])\|(.*)")
_MENTION_COLUMNS = 5
_NUMBER = re.compile(r"\d+")


@dataclass
class _Block:
    """A document as it is read."""

    name: str
    title: str
    abstract: str = ""
    mentions: list[tuple[int, int, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return f"{self.title} {self.abstract}"

    def sentences(self) -> list[tuple[int, int]]:
        """A title is a sentence for itself, whatever it ends with."""
        begin = len(self.title) + 1
        of_abstract = ((begin + start, begin + end) for start, end in sentence_spans(self.abstract))
        return [*sentence_spans(self.title), *of_abstract]


def parse_pubtator(path: Path, content: str, *, corpus: str, split: str) -> SpanGold:
    """The gold of a file.

    Raises:
        MalformedFileError: names the line that is neither text nor mention nor relation, or whose
            offsets are not in the text.
    """
    blocks: list[_Block] = []
    for number, line in enumerate(content.split("\n"), 1):
        try:
            _read_line(line.removesuffix("\r"), blocks)
        except ValueError as problem:
            raise MalformedFileError.at(path, str(problem), line=number) from None
    return _gold(blocks, corpus=corpus, split=split)


def _read_line(line: str, blocks: list[_Block]) -> None:
    if not line.strip():
        return
    match = TEXT_LINE.fullmatch(line)
    if match and match[2] == "t":
        blocks.append(_Block(match[1], match[3]))
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
        block.mentions.append(_mention(columns, block))


def _mention(columns: list[str], block: _Block) -> tuple[int, int, str]:
    if len(columns) < _MENTION_COLUMNS or not _NUMBER.fullmatch(columns[2]):
        raise ValueError("a mention needs an id, a start, an end, its text and its type.")
    start, end = int(columns[1]), int(columns[2])
    if columns[0] != block.name:
        raise ValueError(f"a mention of {columns[0]} below the title of {block.name}.")
    if not 0 <= start < end <= len(block.text):
        raise ValueError(
            f"{start} to {end} is no stretch of the {len(block.text)} characters of {block.name}."
        )
    return start, end, entity_class_of(columns[4])


def _gold(blocks: list[_Block], *, corpus: str, split: str) -> SpanGold:
    sentences = [block.sentences() for block in blocks]
    borders = np.array([each for those in sentences for each in those], np.int64).reshape(-1, 2)
    # A mention given twice, with several concepts say, is one entity.
    marked = sorted(
        {(row, *mention) for row, block in enumerate(blocks) for mention in block.mentions}
    )
    where = np.array([each[:3] for each in marked], np.int64).reshape(-1, 3)
    types = tuple(each[3] for each in marked)
    return SpanGold(
        corpus=corpus,
        split=split,
        passages=passages_of_texts(
            distinct_ids([block.name for block in blocks]),
            [block.text for block in blocks],
            borders[:, 0],
            borders[:, 1],
            np.array([len(those) for those in sentences], np.int64),
        ),
        types=dict(Counter(types)),
        has_documents=True,
        entities=Entities(where[:, 0], where[:, 1], where[:, 2]),
        entity_types=types,
    )
