"""Matching again only what a changed vocabulary touches.

This is exact, because forms do not depend on each other: whether a form of a class matches at a
place is decided by the text of the document and the names of that form and class alone. Mentions
of forms that are not touched are what they were; those of the others are found by a detector that
knows nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from kazu_platform.ner.dictionary import DictionaryDetector, dictionary_version
from kazu_platform.ner.dictionary_index import (
    DictionaryIndex,
    open_dictionary_index,
    read_dictionary_manifest,
)
from kazu_platform.ner.difference import FORM, Touched, index_of, touched_names
from kazu_platform.ner.names import binary, scan_column
from kazu_platform.tables import DICTIONARY_MENTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

_PASSAGE = ["doc_id", "content_hash", "section"]
_KEY = ["mention_id", "content_hash"]
_PAIRS = 4
"""Differences remembered; a lake seldom holds mentions of more than two or three dictionaries."""


@dataclass(frozen=True, slots=True)
class Rematched:
    """Mentions after a change, and how many were lost and gained and stayed."""

    mentions: pa.Table
    n_lost: int
    n_gained: int

    @property
    def n_kept(self) -> int:
        """Mentions that were there before."""
        return self.mentions.num_rows - self.n_gained

    @property
    def is_changed(self) -> bool:
        """Whether there is a difference at all."""
        return self.n_lost + self.n_gained > 0


@dataclass(frozen=True)
class RematchStep:
    """Find the mentions of what differs between two compiled dictionaries; a step for a worker."""

    old: str
    new: str
    name: str = "dictionary"

    @property
    def version(self) -> str:
        """Version of the new dictionary; reads the manifest alone."""
        return dictionary_version(read_dictionary_manifest(Path(self.new)))

    @property
    def touched(self) -> Touched:
        """What differs; computed once in a process."""
        return _difference(self.old, self.new)[0]

    def open(self) -> Callable[[pa.Table], pa.Table]:
        """Compare the two; the function turns PASSAGES into mentions of what is touched."""
        return _difference(self.old, self.new)[1].detect


def rematch(
    mentions: pa.Table, passages: pa.Table, touched: Touched, index: DictionaryIndex
) -> Rematched:
    """Make the mentions of a dictionary those of another, as if it had read the passages.

    Args:
        mentions: What the old dictionary found in these passages.
        passages: PASSAGES, the same as then.
        touched: What differs between the two.
        index: The new dictionary.
    """
    found = DictionaryDetector(index_of(touched, index)).detect(passages)
    return exchanged(mentions, passages, touched, found)


def exchanged(
    mentions: pa.Table, passages: pa.Table, touched: Touched, found: pa.Table
) -> Rematched:
    """Replace the mentions of what is touched by those that were found now.

    A mention that is found again keeps its row and the version under which it was found first. If
    nothing is lost or gained, the table is the one that was given.

    Args:
        mentions: What the old dictionary found in these passages.
        passages: The same passages as then.
        touched: What differs between the two.
        found: What the new one finds of it.
    """
    before = pl.DataFrame(mentions.select(_KEY)).with_row_index("row")
    doubtful = before.filter(_is_touched(mentions, touched))
    now = pl.DataFrame(found.select(_KEY)).with_row_index("row")
    lost = doubtful.join(now, on=_KEY, how="anti")["row"]
    gained = now.join(doubtful, on=_KEY, how="anti")["row"]
    if not len(lost) and not len(gained):
        return Rematched(mentions, 0, 0)
    stays = before.select(~pl.col("row").is_in(lost.implode())).to_series()
    after = mentions.filter(stays.to_arrow())
    if len(gained):
        new = found.take(gained.sort().to_arrow())
        after = _in_order(pa.concat_tables([after, new]), passages)
    return Rematched(DICTIONARY_MENTIONS.check(after), len(lost), len(gained))


def _is_touched(mentions: pa.Table, touched: Touched) -> pl.Series:
    """Whether the class and form of each mention are touched."""
    rows = pl.DataFrame(mentions.select(["entity_class", "text"]))
    texts = rows.unique()
    form, _, borders = scan_column(texts["text"].to_list())
    forms = texts.with_columns(form=pl.Series(binary(form, borders), dtype=pl.Binary))
    those = forms.join(touched.forms, on=FORM, how="semi").drop("form")
    known = rows.join(
        those.with_columns(touched=True), on=["entity_class", "text"], how="left",
        maintain_order="left",
    )  # fmt: skip
    return known["touched"].fill_null(value=False)


def _in_order(mentions: pa.Table, passages: pa.Table) -> pa.Table:
    """Order by passage, start, end and class, as a detector does."""
    places = pl.DataFrame(passages.select(_PASSAGE)).with_row_index("passage")
    rows = pl.DataFrame(mentions.select([*_PASSAGE, "start", "end", "entity_class"]))
    order = (
        rows.with_row_index("row")
        .join(places, on=_PASSAGE, how="left")
        .sort("passage", "start", "end", "entity_class")["row"]
    )
    return mentions.take(order.to_arrow()).combine_chunks()


@lru_cache(maxsize=_PAIRS)
def _difference(old: str, new: str) -> tuple[Touched, DictionaryDetector]:
    before, after = (open_dictionary_index(Path(folder)) for folder in (old, new))
    touched = touched_names(before, after)
    return touched, DictionaryDetector(index_of(touched, after))
