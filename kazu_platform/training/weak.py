"""Weak labels: what a detector finds, as sentences to learn from, with its probabilities.

Any detector serves: the dictionary, a model, or what somebody else's found (PubTator).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.arrow import compute
from kazu_platform.evaluation.pubtator import parse_pubtator
from kazu_platform.ner.mentions import (
    PASSAGE_KEY,
    Spans,
    in_text_order,
    mention_rows,
    places_among,
)
from kazu_platform.ontologies.files import file_version
from kazu_platform.training.corpora import read_text
from kazu_platform.training.labelling import WEAK, About, Marks, labelled_passages, marks_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kazu_platform.settings import PredictionSource

TRAIN: Final = "train"
_DOCUMENT: Final = ("doc_id", "content_hash")


def weak_labels(
    passages: pa.Table,
    mentions: pa.Table,
    *,
    corpus: str,
    classes: Sequence[str],
    probability: float = 1.0,
) -> pa.Table:
    """Sentences of passages, labelled by the mentions that a detector found in them.

    Args:
        passages: PASSAGES that the detector read.
        mentions: Rows with the columns of DICTIONARY_MENTIONS, all of them in these passages; a
            mention that is not contiguous counts from its start to its end.
        corpus: What to call it.
        classes: The classes that the detector looks for everywhere; others are left out.
        probability: Of a mention whose detector said none.

    Returns:
        LABELLED_SENTENCES of the split `train`.
    """
    wanted = mentions.filter(compute.is_in(mentions["entity_class"], pa.array(classes)))
    kind = compute.index_in(wanted["entity_class"], pa.array(classes)).to_numpy()
    confidence = compute.fill_null(wanted["confidence"], pa.scalar(probability, pa.float32()))
    marks = Marks(
        places_among(wanted, passages, PASSAGE_KEY).astype(np.int64),
        wanted["start"].to_numpy().astype(np.int64),
        wanted["end"].to_numpy().astype(np.int64),
        kind.astype(np.int64),
        confidence.to_numpy().astype(np.float32),
    )
    ids = passages["doc_id"].combine_chunks()
    return labelled_passages(passages, ids, marks, About(corpus, TRAIN, tuple(classes), WEAK))


class PubTatorPredictions:
    """A detector that only knows what is written in a file of PubTator.

    It says nothing about documents that are not in it, or that have another text there: title
    and abstract, joined by blanks. Mentions across two sections are left out.

    Args:
        source: What the file is.
        path: The file.

    Raises:
        MalformedFileError: it is no PubTator; names the line.
    """

    def __init__(self, source: PredictionSource, path: Path) -> None:
        self.name = source.name
        self.classes = source.classes
        self.version = file_version(path)
        gold = parse_pubtator(path, read_text(path), corpus=source.name, split=TRAIN)
        ids = compute.replace_substring_regex(gold.passages["doc_id"], r"^(\d+)$", r"PMID:\1")
        joined = pl.DataFrame({"doc_id": ids, "joined": gold.passages["text"]})
        self._texts = joined.with_columns(_without_end("joined")).with_row_index("document")
        self._marks = marks_of(gold, source.classes, source.types)

    def known(self, passages: pa.Table) -> pa.Table:
        """The passages (PASSAGES) of the documents that it knows in the same text."""
        return passages.take(pa.array(self._placed(passages)["row"].sort().to_numpy()))

    def detect(self, passages: pa.Table) -> pa.Table:
        """Its mentions in the passages that it knows, as rows of DICTIONARY_MENTIONS."""
        placed, marks = self._placed(passages), self._marks
        document, begin, end, row = (
            placed[name].to_numpy().astype(np.int64) for name in ("document", "begin", "end", "row")
        )
        # All documents lie on one axis; before the first passage there is an empty one.
        size = int(max(marks.end.max(initial=0), end.max(initial=0))) + 1
        begins = np.concatenate(([-1], document * size + begin))
        ends = np.concatenate(([-1], document * size + end))
        start = marks.passage * size + marks.start
        at = np.searchsorted(begins, start, side="right") - 1
        inside = np.flatnonzero(marks.passage * size + marks.end <= ends[at])
        at, length = at[inside], (marks.end - marks.start)[inside]
        first = start[inside] - begins[at]
        spans = Spans(row[at - 1], first, first + length, marks.kind[inside])
        texts = passages["text"].to_pylist()
        where = zip(spans.passage.tolist(), first.tolist(), (first + length).tolist(), strict=True)
        found = mention_rows(
            passages,
            spans,
            [texts[passage][begin:end] for passage, begin, end in where],
            self.classes,
            detector=self.name,
            version=self.version,
        )
        return in_text_order(found, passages)

    def _placed(self, passages: pa.Table) -> pl.DataFrame:
        """Row of each passage that is known, with its document and where it is in its text."""
        length = pl.col("text").str.len_chars() + 1
        sections = (
            pl.DataFrame(passages.select([*_DOCUMENT, "text"]))
            .with_row_index("row")
            .with_columns(end=length.cum_sum().over(_DOCUMENT) - 1)
            .with_columns(begin=pl.col("end") + 1 - length)
        )
        documents = (
            sections.group_by(_DOCUMENT, maintain_order=True)
            .agg(joined=pl.col("text").str.join(" "))
            .with_columns(_without_end("joined"))
        )
        return (
            documents.join(self._texts, on=["doc_id", "joined"])
            .unique("document", keep="first", maintain_order=True)
            .join(sections, on=_DOCUMENT)
            .select("document", "begin", "end", "row")
            .sort("document", "begin")
        )


def _without_end(column: str) -> pl.Expr:
    """A text without the blanks behind it: PubTator has one where there is no abstract."""
    return pl.col(column).str.strip_chars_end()
