"""Mentions by definition: what a document calls its own short forms.

"Human cytomegalovirus (HCMV) ... HCMV ...": no vocabulary need know HCMV, the document says what
it is. Where the long form of a definition is a mention, every place of the short form in the
document is one of the same class. Nothing is taken away: a short form whose long form nobody
found stays what the detectors made of it.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.documents import digest
from kazu_platform.ner.mentions import Spans, in_text_order, mention_rows
from kazu_platform.tables import DICTIONARY_MENTIONS
from kazu_platform.text.abbreviations import abbreviations

DETECTOR: Final = "abbreviation"
DEFINITIONS_VERSION: Final = "1"
"""Changes when the same mentions and texts may give other ones."""

_DOCUMENT: Final = ["doc_id", "content_hash"]
_MIN_LETTERS: Final = 2


def definitions(passages: pa.Table) -> pl.DataFrame:
    """Abbreviations that documents define, the first definition of a short form only.

    Args:
        passages: PASSAGES of whole documents.

    Returns:
        `doc_id`, `content_hash`, `section`, `short`, `long`, and `start` and `end` of the long form
        in its section.
    """
    rows: list[tuple[str, str, int, str, str, int, int]] = []
    for doc_id, content_hash, section, text in zip(
        *(passages[name].to_pylist() for name in (*_DOCUMENT, "section", "text")), strict=True
    ):
        rows += [
            (
                doc_id,
                content_hash,
                section,
                text[pair.short.start : pair.short.end],
                " ".join(text[pair.long.start : pair.long.end].split()),
                pair.long.start,
                pair.long.end,
            )
            for pair in abbreviations(text)
        ]
    schema = {
        "doc_id": pl.String,
        "content_hash": pl.String,
        "section": pl.Int32,
        "short": pl.String,
        "long": pl.String,
        "start": pl.Int32,
        "end": pl.Int32,
    }
    return pl.DataFrame(rows, schema, orient="row").unique(
        [*_DOCUMENT, "short"], keep="first", maintain_order=True
    )


def with_defined(mentions: pa.Table, passages: pa.Table, defined: pl.DataFrame) -> pa.Table:
    """Add the mentions that follow from definitions; all in the order of the text.

    Args:
        mentions: DICTIONARY_MENTIONS, or any detectors' with those columns.
        passages: PASSAGES of the same documents.
        defined: their `definitions`.
    """
    found = pl.DataFrame(mentions.select([*_DOCUMENT, "section", "start", "end", "entity_class"]))
    wanted = (
        defined.join(found, on=[*_DOCUMENT, "section", "end"])
        .filter(pl.col("start_right") <= pl.col("start"))
        .select(*_DOCUMENT, "short", "entity_class")
        .unique(maintain_order=True)
        .filter(pl.col("short").str.count_matches(r"\p{L}") >= _MIN_LETTERS)
    )
    if wanted.is_empty():
        return in_text_order(mentions, passages)
    places = _places(wanted, passages)
    numbered = pl.DataFrame(passages.select([*_DOCUMENT, "section"])).with_row_index("passage")
    taken = found.join(numbered, on=[*_DOCUMENT, "section"]).select(
        pl.col("passage").cast(pl.Int64),
        pl.col("start", "end").cast(pl.Int64),
        "entity_class",
    )
    fresh = places.join(taken, on=["passage", "start", "end", "entity_class"], how="anti")
    return in_text_order(pa.concat_tables([mentions, _rows(fresh, passages)]), passages)


def _places(wanted: pl.DataFrame, passages: pa.Table) -> pl.DataFrame:
    """Where the short forms stand as words, in every passage of their documents."""
    short_forms = wanted.group_by(_DOCUMENT, maintain_order=True).agg("short", "entity_class")
    texts = pl.DataFrame(passages.select([*_DOCUMENT, "text"])).with_row_index("passage")
    rows: list[tuple[int, int, int, str]] = []
    for passage, text, shorts, classes in (
        texts.join(short_forms, on=_DOCUMENT, maintain_order="left")
        .select("passage", "text", "short", "entity_class")
        .iter_rows()
    ):
        for short, entity_class in zip(shorts, classes, strict=True):
            if short in text:
                rows += [
                    (passage, match.start(), match.end(), entity_class)
                    for match in re.finditer(rf"(?<!\w){re.escape(short)}(?!\w)", text)
                ]
    schema = {"passage": pl.Int64, "start": pl.Int64, "end": pl.Int64, "entity_class": pl.String}
    return pl.DataFrame(rows, schema, orient="row")


def _rows(places: pl.DataFrame, passages: pa.Table) -> pa.Table:
    if places.is_empty():
        return DICTIONARY_MENTIONS.empty()
    places = places.sort("passage", "start", "end", "entity_class")
    classes = sorted(places["entity_class"].unique().to_list())
    number = places["entity_class"].replace_strict(
        classes, np.arange(len(classes)), return_dtype=pl.Int64
    )
    spans = Spans(
        places["passage"].to_numpy(),
        places["start"].to_numpy(),
        places["end"].to_numpy(),
        number.to_numpy(),
    )
    texts = passages["text"].take(pa.array(spans.passage)).to_pylist()
    return mention_rows(
        passages,
        spans,
        [
            text[start:end]
            for text, start, end in zip(
                texts, spans.start.tolist(), spans.end.tolist(), strict=True
            )
        ],
        classes,
        detector=DETECTOR,
        version=digest(DETECTOR, DEFINITIONS_VERSION),
    )
