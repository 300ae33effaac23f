"""Corpora: which there are in the catalogue or in a folder, and their sentences."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from kazu_platform.errors import ConfigurationError, MalformedFileError
from kazu_platform.evaluation.gold import read_gold
from kazu_platform.evaluation.iob import parse_iob
from kazu_platform.evaluation.pubtator import parse_pubtator
from kazu_platform.ontologies.files import open_source
from kazu_platform.tables import LABELLED_SENTENCES
from kazu_platform.training.bioc import read_bioc_json, read_bioc_xml
from kazu_platform.training.labelling import joined, labelled
from kazu_platform.yaml_text import yaml_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from kazu_platform.evaluation.entities import SpanGold, TokenGold
    from kazu_platform.settings import CorpusSource

INDEX: Final = "corpora.yaml"
CROSS_CORPUS: Final = ("cellfinder", "gellus")
"""Corpora that a model is only measured on: nothing may learn from them, or be chosen by them."""
_SAME_SENTENCES: Final = ("BC5CDR", "CRAFT", "cellfinder")


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


@dataclass(frozen=True)
class _Part:
    """A folder of a corpus, with what it marks wherever it stands."""

    name: str
    path: Path
    classes: tuple[str, ...]


def read_corpora(root: Path, split: str, *, leave_out: Sequence[str] = CROSS_CORPUS) -> pa.Table:
    """The labelled sentences of all corpora of a folder.

    Corpora of the same sentences (`BC5CDR-chem` and `BC5CDR-disease`) are one, named after what
    stands before the dash. A corpus with none of our classes has no rows.

    Args:
        root: Folder of folders with `<split>.tsv` (IOB2) or `<split>.PubTator`, and a file
            `corpora.yaml` that says of each which `classes` it marks.
        split: train or devel.
        leave_out: Beginnings of names of corpora that are not read.

    Returns:
        LABELLED_SENTENCES, corpus by corpus.

    Raises:
        ConfigurationError: the folder has no such file, or a corpus has no such split.
    """
    corpora: dict[str, list[_Part]] = {}
    for part in _parts(root):
        if part.classes and not part.name.startswith(tuple(leave_out)):
            family = part.name.partition("-")[0]
            name = family if family in _SAME_SENTENCES else part.name
            corpora.setdefault(name, []).append(part)
    tables: list[pa.Table] = []
    for name, parts in corpora.items():
        read = [
            labelled(replace(read_gold(part.path, split), corpus=name, split=split), part.classes)
            for part in parts
        ]
        tables.append(read[0] if len(read) == 1 else joined(read, name))
    return pa.concat_tables(tables) if tables else LABELLED_SENTENCES.empty()


def _parts(root: Path) -> list[_Part]:
    index = root / INDEX
    if not index.is_file():
        raise ConfigurationError(f"{root} has no {INDEX}, which says what its corpora mark.")
    described: Mapping[str, Mapping[str, list[str]]] = yaml_value(index.read_text("utf-8"))
    return [
        _Part(name, root / name, tuple(about.get("classes", ())))
        for name, about in described.items()
    ]
