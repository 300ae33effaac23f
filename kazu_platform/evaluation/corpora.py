"""All corpora of a folder at once: the rows of the paper, and what further corpora there are.

Corpora overlap: some are the same sentences with another class marked. A detector reads each
distinct document once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING, Literal

import polars as pl
import pyarrow as pa

from kazu_platform.errors import ConfigurationError
from kazu_platform.evaluation.gold import SUFFIXES, read_gold, read_train_beside
from kazu_platform.evaluation.ner import Evaluation, evaluate_mentions
from kazu_platform.evaluation.paper import PAPER, PAPER_CLASSES, PaperRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kazu_platform.evaluation.entities import Gold, SpanGold, TokenGold
    from kazu_platform.ner.detector import Detector

Group = Literal["in_domain", "cross_corpus", "further"]
GROUPS: tuple[Group, ...] = ("in_domain", "cross_corpus", "further")
_DOCUMENT = ["doc_id", "content_hash"]


@dataclass(frozen=True, slots=True)
class CorpusRow:
    """One class of a corpus that is to be evaluated, with its row of the paper if it has one."""

    folder: Path
    entity_class: str
    paper: PaperRow | None

    @property
    def group(self) -> Group:
        """Rows of the paper on corpora that are learnt from, or only reported; or no such row."""
        if self.paper is None:
            return "further"
        return "cross_corpus" if self.paper.cross_corpus else "in_domain"


@dataclass(frozen=True, slots=True)
class Macro:
    """Means over rows of the paper, between 0 and 1: of ours, and of the paper's on these rows."""

    n_rows: int
    f1: float
    bern2: float
    tinybern2: float


def rows_of(root: Path, split: str) -> list[CorpusRow]:
    """What there is to evaluate: rows of the paper in its order, then further corpora by name.

    A folder belongs to a row of the paper if it has its name, but for case, dashes and blanks. Of
    other folders each of the paper's classes is a row that the split marks.

    Raises:
        ConfigurationError: no folder has the split.
        MalformedFileError: names the line of a further corpus that is wrong.
    """
    folders = {
        _plain(folder.name): folder
        for folder in (sorted(root.iterdir()) if root.is_dir() else ())
        if any((folder / f"{split}{suffix}").is_file() for suffix in SUFFIXES)
    }
    if not folders:
        raise ConfigurationError(
            f"{root} holds no corpus with a split {split!r}; give a folder with a folder for each "
            f"corpus, and {split}.tsv or {split}.PubTator in it."
        )
    rows = [
        CorpusRow(folders[_plain(row.corpus)], row.entity_class, row)
        for row in PAPER
        if _plain(row.corpus) in folders
    ]
    known = {_plain(row.corpus) for row in PAPER}
    further = [folder for name, folder in folders.items() if name not in known]
    marked = [(folder, read_gold(folder, split).types) for folder in further]
    return rows + [
        CorpusRow(folder, entity_class, None)
        for folder, types in marked
        for entity_class in PAPER_CLASSES
        if types.get(entity_class)
    ]


def missing(rows: Sequence[CorpusRow]) -> list[PaperRow]:
    """Rows of the paper that are not among some rows."""
    there = {row.paper for row in rows}
    return [row for row in PAPER if row not in there]


def evaluate_corpora(
    rows: Sequence[CorpusRow], split: str, detector: Detector, *, seen: bool = True
) -> list[Evaluation]:
    """Evaluate a detector on each row; it reads every distinct document once.

    Args:
        rows: `rows_of` a folder.
        split: The split.
        detector: Who reads.
        seen: Whether to tell strings that a train split beside the gold has from others.

    Raises:
        ConfigurationError: nothing reads the format of a corpus.
        MalformedFileError: names the line that is wrong.
    """
    folders = list(dict.fromkeys(row.folder for row in rows))
    golds = [read_gold(folder, split) for folder in folders]
    found = dict(zip(folders, detect_once(golds, detector), strict=True))
    results: list[Evaluation] = []
    for folder, gold in zip(folders, golds, strict=True):
        train = read_train_beside(folder, split) if seen else None
        results += [
            evaluate_mentions(gold, found[folder], row.entity_class, of=detector, train=train)
            for row in rows
            if row.folder == folder
        ]
    in_order = {(each.corpus, each.entity_class): each for each in results}
    return [in_order[row.folder.name, row.entity_class] for row in rows]


def detect_once(golds: Sequence[TokenGold | SpanGold], detector: Detector) -> list[pa.Table]:
    """The mentions in each gold, while a document that several golds have is read once."""
    found = detector.detect(distinct_passages(golds))
    return [mentions_in(gold, found) for gold in golds]


def distinct_passages(golds: Sequence[Gold]) -> pa.Table:
    """The passages of some golds, a document that several golds have once."""
    passages = pa.concat_tables([gold.passages for gold in golds])
    first = _documents(passages).unique(_DOCUMENT, keep="first", maintain_order=True)["row"]
    return passages.take(first.to_arrow()).combine_chunks()


def mentions_in(gold: Gold, found: pa.Table) -> pa.Table:
    """Those of some mentions that are in documents of a gold."""
    documents = _documents(gold.passages)
    rows = _documents(found).join(documents, on=_DOCUMENT, how="semi", maintain_order="left")["row"]
    return found.take(rows.to_arrow())


def macro(rows: Sequence[CorpusRow], evaluations: Sequence[Evaluation]) -> Macro | None:
    """Means over those rows that the paper has; None if there are none."""
    both = [
        (evaluation.score.f1.value, row.paper)
        for row, evaluation in zip(rows, evaluations, strict=True)
        if row.paper is not None
    ]
    if not both:
        return None
    return Macro(
        n_rows=len(both),
        f1=mean(f1 for f1, _ in both),
        bern2=mean(paper.bern2 for _, paper in both) / 100,
        tinybern2=mean(paper.tinybern2 for _, paper in both) / 100,
    )


def _documents(rows: pa.Table) -> pl.DataFrame:
    return pl.DataFrame(rows.select(_DOCUMENT)).with_row_index("row")


def _plain(name: str) -> str:
    return re.sub(r"[-_ ]", "", name).casefold()
