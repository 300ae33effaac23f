"""Corpora of the catalogue: their files and their sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kazu_platform.errors import MalformedFileError
from kazu_platform.evaluation.iob import parse_iob
from kazu_platform.evaluation.pubtator import parse_pubtator
from kazu_platform.ontologies.files import open_source
from kazu_platform.training.bioc import read_bioc_json, read_bioc_xml
from kazu_platform.training.labelling import joined, labelled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

    from kazu_platform.evaluation.entities import SpanGold, TokenGold
    from kazu_platform.settings import CorpusSource


def read_corpus(parts: Sequence[tuple[CorpusSource, Path]], split: str) -> pa.Table:
    """The labelled sentences of one split of a corpus of the catalogue.

    Args:
        parts: The sources that are joined into it, each with its file of the split.
        split: train or devel.

    Returns:
        LABELLED_SENTENCES.

    Raises:
        MalformedFileError: a file is not what its format promises; names the line.
    """
    corpus = parts[0][0].corpus
    tables = [
        labelled(read_marked(path, source.format, corpus, split), source.classes, source.types)
        for source, path in parts
    ]
    return tables[0] if len(tables) == 1 else joined(tables, corpus)


def read_marked(path: Path, form: str, corpus: str, split: str) -> TokenGold | SpanGold:
    """What people marked in a file, plain or gzipped.

    Args:
        path: The file.
        form: iob2, pubtator, bioc_xml or bioc_json.
        corpus: What the corpus is called.
        split: What the split is called.

    Raises:
        MalformedFileError: it is not what its format promises; names the line.
    """
    if form == "bioc_xml":
        return read_bioc_xml(path, corpus=corpus, split=split)
    if form == "bioc_json":
        return read_bioc_json(path, corpus=corpus, split=split)
    parse = parse_iob if form == "iob2" else parse_pubtator
    return parse(path, read_text(path), corpus=corpus, split=split)


def read_text(path: Path) -> str:
    """The text of a file, plain or gzipped.

    Raises:
        SourceError: it cannot be opened.
        MalformedFileError: it is no UTF-8; names the line.
    """
    with open_source(path) as stream:
        content = stream.read()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"byte {content[error.start]:#04x} is no UTF-8."
        raise MalformedFileError.at(path, problem, line=line) from None
