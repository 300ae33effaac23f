"""Gold for linking: mentions that people marked, each with the concepts that it means.

PubTator files and CRAFT's table with its texts are read. Which split a document belongs to, where a
corpus has one file for all, is written in `splits`; what an identifier is, in `concept_ids`.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from kazu_platform.errors import ConfigurationError, MalformedFileError
from kazu_platform.evaluation.concept_ids import concept_ids
from kazu_platform.evaluation.entities import distinct_ids, entity_class_of, passages_of_texts
from kazu_platform.evaluation.splits import DEVEL, TRAIN, devel_set_of_mentions, split_of
from kazu_platform.formats.pubtator_blocks import parse_blocks
from kazu_platform.ner.mentions import Spans, mention_rows
from kazu_platform.text.sentences import sentence_spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

CRAFT_TABLE = "concepts.tsv"
EVERYTHING = "all"
"""The split of a folder that holds all its documents."""
_PACKED = ("", ".gz")
_COLUMNS = ("pmid", "ontology", "start", "end", "spans", "text", "id")
_DISCONTINUOUS = " ... "
_CLASS_OF_ONTOLOGY = {
    "CHEBI": "chemical",
    "CL": "cell_type",
    "GO_BP": "process",
    "MONDO": "disease",
    "NCBITaxon": "species",
    "PR": "gene",
    "UBERON": "anatomy",
}
"""Of CRAFT; what the others annotate is of no class of ours and keeps their name."""


@dataclass(frozen=True)
class LinkingGold:
    """A split of a corpus whose mentions have concepts.

    `passages` (PASSAGES) has one row for each document. `mentions` (DICTIONARY_MENTIONS) stand in
    the order of the text; `text` is what the corpus says it is, which in a few dozen mentions of
    corpora with shifted offsets is not what stands there. `concepts` are the CURIEs of each, none
    where people found none.
    """

    corpus: str
    split: str
    passages: pa.Table
    mentions: pa.Table
    concepts: tuple[tuple[str, ...], ...]

    @property
    def classes(self) -> list[str]:
        """Classes and other types of its mentions, in order of name."""
        return sorted(set(self.mentions["entity_class"].to_pylist()))

    def of_class(self, entity_class: str) -> LinkingGold:
        """The same documents with the mentions of one class."""
        marked = self.mentions["entity_class"].to_pylist()
        kept = [row for row, name in enumerate(marked) if name == entity_class]
        return replace(
            self,
            mentions=self.mentions.take(pa.array(kept, pa.int64())),
            concepts=tuple(self.concepts[row] for row in kept),
        )


class Marked(NamedTuple):
    """A mention of a document, by its row; `text` is a name, on one line."""

    document: int
    start: int
    end: int
    entity_class: str
    text: str
    concepts: tuple[str, ...]


def read_linking_gold(path: Path, split: str) -> LinkingGold:
    """Read the gold of a split.

    Args:
        path: A folder with `<split>.PubTator`; with `train.PubTator` alone, of which devel is held
            out; or with CRAFT's `concepts.tsv` and `txt/`. Or such a file, which is read whole.
            Files may be packed (`.gz`).
        split: Which split; `all` of a folder with one file is the whole of it.

    Raises:
        ConfigurationError: there is no such folder, file or split.
        MalformedFileError: names the line that is wrong, or the text that is missing.
    """
    if path.is_file():
        name = path.name.removesuffix(".gz").rpartition(".")[0]
        is_table = path.name.removesuffix(".gz").endswith(".tsv")
        corpus = path.absolute().parent.name
        return _craft(path, corpus, name) if is_table else _pubtator(path, corpus, name)
    if not path.is_dir():
        raise ConfigurationError(
            f"There is no gold {path}; give a folder with {split}.PubTator or {CRAFT_TABLE}, or a "
            "file."
        )
    corpus = path.absolute().name
    if own := _file(path, f"{split}.PubTator"):
        gold = _pubtator(own, corpus, split)
        devel = _file(path, f"{DEVEL}.PubTator")
        return _of_split(gold, path) if split == TRAIN and devel is None else gold
    table, train = _file(path, CRAFT_TABLE), _file(path, f"{TRAIN}.PubTator")
    if split in {TRAIN, DEVEL, EVERYTHING} and (table or train):
        whole = _craft(table, corpus, split) if table else _pubtator(train or path, corpus, split)
        return whole if split == EVERYTHING else _of_split(whole, path)
    raise ConfigurationError(f"{path} has no split {split!r}; {_what_there_is(path)}.")


def devel_documents(root: Path) -> frozenset[str]:
    """Documents that are held out in any of the corpora of a folder.

    Corpora share documents: some that one has for training are another's devel. Whoever trains on
    several leaves these out of all.

    Args:
        root: Holds a folder for each corpus.
    """
    folders = [folder for folder in sorted(root.iterdir()) if folder.is_dir()]
    return frozenset(
        name
        for folder in folders
        for name in read_linking_gold(folder, DEVEL).passages["doc_id"].to_pylist()
    )


def documents_of_split(gold: LinkingGold, doc_ids: Iterable[str]) -> LinkingGold:
    """The part of a gold that is about some documents."""
    wanted = frozenset(doc_ids)
    kept = [name in wanted for name in gold.passages["doc_id"].to_pylist()]
    mentions = [name in wanted for name in gold.mentions["doc_id"].to_pylist()]
    return replace(
        gold,
        passages=gold.passages.filter(pa.array(kept, pa.bool_())),
        mentions=gold.mentions.filter(pa.array(mentions, pa.bool_())),
        concepts=tuple(
            each for each, is_kept in zip(gold.concepts, mentions, strict=True) if is_kept
        ),
    )


def linking_gold(
    corpus: str, split: str, documents: Sequence[tuple[str, str]], marked: Iterable[Marked]
) -> LinkingGold:
    """Make a gold of documents (identifier, text) and their mentions.

    Of a mention that is given twice, with different concepts say, the concepts are joined.
    """
    texts = [text for _, text in documents]
    sentences = [sentence_spans(text) for text in texts]
    borders = np.array([each for those in sentences for each in those], np.int64).reshape(-1, 2)
    passages = passages_of_texts(
        distinct_ids([doc_id for doc_id, _ in documents]),
        texts,
        borders[:, 0],
        borders[:, 1],
        np.array([len(those) for those in sentences], np.int64),
    )
    distinct: dict[tuple[int, int, int, str], tuple[str, tuple[str, ...]]] = {}
    for document, start, end, entity_class, text, concepts in marked:
        key = (document, start, end, entity_class)
        first, known = distinct.get(key, (text, ()))
        distinct[key] = first, tuple(dict.fromkeys((*known, *concepts)))
    keys = sorted(distinct)
    classes = sorted({entity_class for *_, entity_class in keys})
    number = {name: place for place, name in enumerate(classes)}
    where = np.array([key[:3] for key in keys], np.int64).reshape(-1, 3)
    of_class = np.array([number[key[3]] for key in keys], np.int64)
    return LinkingGold(
        corpus=corpus,
        split=split,
        passages=passages,
        mentions=mention_rows(
            passages,
            Spans(where[:, 0], where[:, 1], where[:, 2], of_class),
            [distinct[key][0] for key in keys],
            classes,
            detector="gold",
            version="",
        ),
        concepts=tuple(distinct[key][1] for key in keys),
    )


def _of_split(gold: LinkingGold, folder: Path) -> LinkingGold:
    held_out = devel_set_of_mentions(folder)
    ids = gold.passages["doc_id"].to_pylist()
    return documents_of_split(
        gold, [name for name in ids if split_of(name, held_out) == gold.split]
    )


def _pubtator(path: Path, corpus: str, split: str) -> LinkingGold:
    blocks = parse_blocks(path, _text(path))
    marked = (
        _marked(row, (line.start, line.end), entity_class_of(line.kind), line.text, line.concept)
        for row, block in enumerate(blocks)
        for line in block.mentions
    )
    return linking_gold(corpus, split, [(block.name, block.text) for block in blocks], marked)


def _marked(
    document: int, span: tuple[int, int], entity_class: str, text: str, concept: str
) -> Marked:
    name = " ".join(text.split())
    return Marked(document, *span, entity_class, name, concept_ids(concept, entity_class))


def _craft(path: Path, corpus: str, split: str) -> LinkingGold:
    lines = io.StringIO(_text(path), newline="")
    reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    if tuple(next(reader, ())) != _COLUMNS:
        problem = f"the first line should name the columns {', '.join(_COLUMNS)}."
        raise MalformedFileError.at(path, problem, line=1)
    documents: dict[str, tuple[int, str]] = {}
    for file in sorted((path.parent / "txt").glob("*.txt")):
        documents[file.stem] = len(documents), file.read_bytes().decode("utf-8")
    marked = [_row(path, number, row, documents) for number, row in enumerate(reader, 2)]
    texts = [(name, text) for name, (_, text) in documents.items()]
    return linking_gold(corpus, split, texts, marked)


def _row(path: Path, number: int, row: list[str], documents: dict[str, tuple[int, str]]) -> Marked:
    try:
        pmid, ontology, start, end, _, text, concept = row
        span = int(start), int(end)
    except ValueError:
        problem = f"it should have {len(_COLUMNS)} columns, with numbers for start and end."
        raise MalformedFileError.at(path, problem, line=number) from None
    if pmid not in documents:
        raise MalformedFileError.at(path, f"there is no text txt/{pmid}.txt.", line=number)
    document, whole = documents[pmid]
    if not 0 <= span[0] < span[1] <= len(whole):
        problem = f"{start} to {end} is no stretch of the {len(whole)} characters of {pmid}."
        raise MalformedFileError.at(path, problem, line=number)
    name = text.replace(_DISCONTINUOUS, " ")
    return _marked(document, span, _CLASS_OF_ONTOLOGY.get(ontology, ontology), name, concept)


def _file(folder: Path, name: str) -> Path | None:
    return next(
        (folder / (name + end) for end in _PACKED if (folder / (name + end)).is_file()), None
    )


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        return content.decode("utf-8-sig")
    except (OSError, EOFError):
        raise MalformedFileError.at(path, "it is no gzip file, or it is cut off.") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"byte {content[error.start]:#04x} is no UTF-8."
        raise MalformedFileError.at(path, problem, line=line) from None


def _what_there_is(folder: Path) -> str:
    files = (re.fullmatch(r"(.+)\.PubTator(?:\.gz)?", file.name) for file in folder.iterdir())
    splits = sorted({match[1] for match in files if match})
    if _file(folder, CRAFT_TABLE):
        splits += [TRAIN, DEVEL, EVERYTHING]
    return f"there is {', '.join(splits)}" if splits else f"no .PubTator and no {CRAFT_TABLE} there"
