"""Reading IOB2: a token and its tag on a line, a blank line after each sentence.

A line `-DOCSTART- <id>` opens a document; `?` is an id that nobody knows. A sentence before the
first such line is a document of its own. The text of a sentence is its tokens joined by single
spaces, that of a document its sentences joined by line ends.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from kazu_platform.errors import MalformedFileError
from kazu_platform.evaluation.entities import (
    UNKNOWN_ID,
    TokenGold,
    Tokens,
    distinct_ids,
    entity_class_of,
    passages_of_texts,
)
from kazu_platform.evaluation.tags import BEGIN, INSIDE, OUTSIDE, first_of_entities

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

DOCUMENT = "-DOCSTART-"
_TAG = re.compile(r"O|([BI])-(\S+)")


@dataclass
class _Reading:
    """What was read so far."""

    tokens: list[str] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    """Tokens read when each sentence ended."""
    document_of: list[int] = field(default_factory=list)
    """Document of each sentence."""
    ids: list[str] = field(default_factory=list)
    opened: str | None = None
    begun: bool = False

    def open_document(self, name: str) -> None:
        self.close_sentence()
        self.opened, self.begun = name or UNKNOWN_ID, False

    def close_sentence(self) -> None:
        if len(self.tokens) == (self.ends[-1] if self.ends else 0):
            return
        if self.opened is None:
            self.ids.append(UNKNOWN_ID)
        elif not self.begun:
            self.ids.append(self.opened)
        self.begun = True
        self.ends.append(len(self.tokens))
        self.document_of.append(len(self.ids) - 1)


@dataclass
class _Tags:
    """The distinct tags of a file: code and type of each."""

    rows: dict[str, int] = field(default_factory=dict)
    codes: list[int] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    types: list[str] = field(default_factory=list)

    def add(self, tag: str) -> int | None:
        """Row of a new tag; None if it is none."""
        match = _TAG.fullmatch(tag)
        if match is None:
            return None
        code = {None: OUTSIDE, "B": BEGIN, "I": INSIDE}[match[1]]
        kind = -1
        if code != OUTSIDE:
            name = entity_class_of(match[2])
            if name not in self.types:
                self.types.append(name)
            kind = self.types.index(name)
        self.codes.append(code)
        self.kinds.append(kind)
        self.rows[tag] = len(self.codes) - 1
        return self.rows[tag]


def parse_iob(path: Path, content: str, *, corpus: str, split: str) -> TokenGold:
    """The gold of a file.

    Raises:
        MalformedFileError: names the line that is no token with its tag.
    """
    read, tags = _Reading(), _Tags()
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            read.close_sentence()
        elif line.startswith(DOCUMENT):
            read.open_document(line.partition("\t")[0].removeprefix(DOCUMENT).strip())
        else:
            token, _, tag = line.removesuffix("\r").partition("\t")
            row = tags.rows.get(tag)
            if row is None:
                row = tags.add(tag)
            if row is None or not token:
                problem = f"expected a token, a tab and O, B-type or I-type, found {line[:60]!r}."
                raise MalformedFileError.at(path, problem, line=number)
            read.tokens.append(token)
            read.tags.append(row)
    read.close_sentence()
    return _gold(read, tags, corpus=corpus, split=split)


def _gold(read: _Reading, tags: _Tags, *, corpus: str, split: str) -> TokenGold:
    sizes = np.fromiter(map(len, read.tokens), np.int64, len(read.tokens))
    end = np.cumsum(sizes + 1) - 1
    start = end - sizes
    lasts = np.array(read.ends, np.int64)
    firsts = np.concatenate(([0], lasts[:-1])) if len(lasts) else lasts
    document_of = np.array(read.document_of, np.int64)
    sentence = np.repeat(np.arange(len(lasts)), lasts - firsts)
    counts = np.bincount(document_of, minlength=len(read.ids))
    places = start[firsts[np.cumsum(counts) - counts]]
    kind = np.array(tags.kinds, np.int64)[read.tags] if read.tags else np.empty(0, np.int64)
    code = np.array(tags.codes, np.int8)[read.tags] if read.tags else np.empty(0, np.int8)
    tokens = Tokens(start, end, document_of[sentence], sentence, code, kind)
    return TokenGold(
        corpus=corpus,
        split=split,
        passages=passages_of_texts(
            distinct_ids(read.ids),
            _texts(read),
            start[firsts] - places[document_of],
            end[lasts - 1] - places[document_of],
            counts,
        ),
        types=_counted(tokens, tags.types),
        has_documents=read.opened is not None,
        tokens=tokens,
    )


def _texts(read: _Reading) -> list[str]:
    sentences: list[list[str]] = [[] for _ in read.ids]
    first = 0
    for document, last in zip(read.document_of, read.ends, strict=True):
        sentences[document].append(" ".join(read.tokens[first:last]))
        first = last
    return ["\n".join(each) for each in sentences]


def _counted(tokens: Tokens, types: list[str]) -> dict[str, int]:
    """How many entities of each type there are."""
    counted: Counter[str] = Counter()
    for row, name in enumerate(types):
        codes: NDArray[np.int8] = np.where(tokens.kind == row, tokens.code, OUTSIDE).astype(np.int8)
        counted[name] = int(first_of_entities(codes, tokens.sentence).sum())
    return dict(counted)
