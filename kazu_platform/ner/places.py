"""Places that the document itself makes mentions, and their rows.

Belongs here: what the rules on whole documents (`defined`, `scientific`, `glossed`) share. A place
is a row of a frame: `passage` (its row in PASSAGES), `start`, `end`, `entity_class`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.ner.mentions import Spans, in_text_order, mention_rows
from kazu_platform.tables import DICTIONARY_MENTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

DOCUMENT: Final = ["doc_id", "content_hash"]
PLACE: Final = ["passage", "start", "end", "entity_class"]
_SCHEMA: Final = {
    "passage": pl.Int64,
    "start": pl.Int64,
    "end": pl.Int64,
    "entity_class": pl.String,
}
_SECTION: Final = [*DOCUMENT, "section"]


def places(rows: Iterable[tuple[int, int, int, str]]) -> pl.DataFrame:
    """A frame of places."""
    return pl.DataFrame(list(rows), _SCHEMA, orient="row")


def places_of(mentions: pa.Table, passages: pa.Table) -> pl.DataFrame:
    """The places of mentions, with `text` and the columns of their documents."""
    numbered = pl.DataFrame(passages.select(_SECTION)).with_row_index("passage")
    columns = [*_SECTION, "start", "end", "entity_class", "text"]
    return (
        pl.DataFrame(mentions.select(columns))
        .join(numbered, on=_SECTION)
        .select(pl.col("passage", "start", "end").cast(pl.Int64), "entity_class", "text", *DOCUMENT)
    )


def names_in(names: pl.DataFrame, passages: pa.Table) -> pl.DataFrame:
    """Where names stand as words, in every passage of their documents.

    A name of several words may have another case and other blanks; one of a single word is a symbol
    and stands there as it is.

    Args:
        names: The columns of documents, `name` and `entity_class`.
        passages: PASSAGES of whole documents.
    """
    grouped = names.group_by(DOCUMENT, maintain_order=True).agg("name", "entity_class")
    texts = pl.DataFrame(passages.select([*DOCUMENT, "text"])).with_row_index("passage")
    rows: list[tuple[int, int, int, str]] = []
    for passage, text, own, classes in (
        texts.join(grouped, on=DOCUMENT, maintain_order="left")
        .select("passage", "text", "name", "entity_class")
        .iter_rows()
    ):
        for name, entity_class in zip(own, classes, strict=True):
            if " " not in name and name not in text:
                continue
            rows += [
                (passage, match.start(), match.end(), entity_class)
                for match in _as_word(name).finditer(text)
            ]
    return places(rows)


def with_places(
    mentions: pa.Table, passages: pa.Table, found: pl.DataFrame, *, detector: str, version: str
) -> pa.Table:
    """Add mentions at places that have none of their class yet; all in the order of the text."""
    taken = places_of(mentions, passages)
    fresh = found.select(PLACE).unique().join(taken, on=PLACE, how="anti")
    rows = _rows(fresh, passages, detector, version)
    return in_text_order(pa.concat_tables([mentions, rows]), passages)


def not_within(found: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """The places that do not lie within another one, equal ones included."""
    if found.is_empty() or others.is_empty():
        return found
    # Passages lie one behind the other on one axis, so that a single search serves all of them.
    size = int(pl.concat([found["end"], others["end"]]).to_numpy().max()) + 1
    ordered = others.sort("passage", "start")
    starts, reached = (
        (ordered["passage"] * size + ordered[border]).to_numpy() for border in ("start", "end")
    )
    before = np.searchsorted(starts, (found["passage"] * size + found["start"]).to_numpy(), "right")
    furthest = np.concatenate(([-1], np.maximum.accumulate(reached)))[before]
    return found.filter(furthest < (found["passage"] * size + found["end"]).to_numpy())


def _as_word(name: str) -> re.Pattern[str]:
    words = name.split()
    flags = re.IGNORECASE if len(words) > 1 else re.NOFLAG
    spelled = r"\s+".join(map(re.escape, words))
    return re.compile(rf"(?<!\w){spelled}(?!\w)", flags)


def _rows(found: pl.DataFrame, passages: pa.Table, detector: str, version: str) -> pa.Table:
    if found.is_empty():
        return DICTIONARY_MENTIONS.empty()
    found = found.sort(PLACE)
    classes = sorted(found["entity_class"].unique().to_list())
    number = found["entity_class"].replace_strict(
        classes, np.arange(len(classes)), return_dtype=pl.Int64
    )
    spans = Spans(
        found["passage"].to_numpy(),
        found["start"].to_numpy(),
        found["end"].to_numpy(),
        number.to_numpy(),
    )
    texts = passages["text"].take(pa.array(spans.passage)).to_pylist()
    where = zip(texts, spans.start.tolist(), spans.end.tolist(), strict=True)
    return mention_rows(
        passages,
        spans,
        [text[start:end] for text, start, end in where],
        classes,
        detector=detector,
        version=version,
    )
