"""Finding and reading gold: a folder with a file for each split, or one file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kazu_platform.errors import ConfigurationError, MalformedFileError
from kazu_platform.evaluation.iob import parse_iob
from kazu_platform.evaluation.pubtator import parse_pubtator
from kazu_platform.formats.pubtator_blocks import TEXT_LINE

if TYPE_CHECKING:
    from pathlib import Path

    from kazu_platform.evaluation.entities import SpanGold, TokenGold

SUFFIXES = (".tsv", ".PubTator")
"""Of the files of a folder, in the order in which they are preferred."""
TRAIN = "train"
_CRAFT = re.compile(r"pmid\tontology\tstart\t")


def read_gold(path: Path, split: str) -> TokenGold | SpanGold:
    """The gold of a split; which format it has is seen from its first line.

    Args:
        path: A folder with `<split>.tsv` (IOB2) or `<split>.PubTator`, or such a file.
        split: Which split of the folder; a file is named after itself.

    Raises:
        ConfigurationError: there is no such folder, file or split, or nothing reads its format.
        MalformedFileError: names the line that is wrong.
    """
    file = find_gold(path, split)
    content = _read(file)
    first = content.lstrip().partition("\n")[0]
    if _CRAFT.match(first):
        raise ConfigurationError(
            f"{file} is a table of concepts as CRAFT's; it can be no gold for mentions yet: give "
            "IOB2 or PubTator."
        )
    parse = parse_pubtator if TEXT_LINE.fullmatch(first.removesuffix("\r")) else parse_iob
    return parse(file, content, corpus=file.absolute().parent.name, split=file.stem)


def find_gold(path: Path, split: str) -> Path:
    """The file of a split.

    Raises:
        ConfigurationError: there is none; says which splits there are.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise ConfigurationError(
            f"There is no gold {path}; give a folder with {split}.tsv or {split}.PubTator, or a "
            "file."
        )
    for suffix in SUFFIXES:
        if (path / f"{split}{suffix}").is_file():
            return path / f"{split}{suffix}"
    splits = sorted({file.stem for file in path.iterdir() if file.suffix in SUFFIXES})
    there_is = f"there is {', '.join(splits)}" if splits else "there is no .tsv and no .PubTator"
    raise ConfigurationError(f"{path} has no split {split!r}; {there_is}.")


def read_train_beside(path: Path, split: str) -> TokenGold | SpanGold | None:
    """The train split of the folder that a gold was read from; None if there is none, or it is it.

    Args:
        path: A folder or a file, as for `read_gold`.
        split: The split that was read.

    Raises:
        ConfigurationError: nothing reads its format.
        MalformedFileError: names the line that is wrong.
    """
    file = find_gold(path, split)
    there_is = any((file.parent / f"{TRAIN}{suffix}").is_file() for suffix in SUFFIXES)
    return read_gold(file.parent, TRAIN) if there_is and file.stem != TRAIN else None


def _read(file: Path) -> str:
    content = file.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"byte {content[error.start]:#04x} is no UTF-8; give plain text, unpacked."
        raise MalformedFileError.at(file, problem, line=line) from None
