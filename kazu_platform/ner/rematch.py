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

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.ner.dictionary import DictionaryDetector, dictionary_version
from kazu_platform.ner.dictionary_index import (
    DictionaryIndex,
    open_dictionary_index,
    read_dictionary_manifest,
)
from kazu_platform.ner.difference import FORM, Touched, index_of, touched_names
from kazu_platform.ner.foresight import may_hold
from kazu_platform.ner.mentions import in_text_order
from kazu_platform.ner.names import binary, scan_column
from kazu_platform.tables import DICTIONARY_MENTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_KEY = ["mention_id", "content_hash"]
EXCHANGE_COLUMNS = (*_KEY, "entity_class", "text")
"""What of a mention says whether it is touched."""

_PAIRS = 4
"""Differences remembered; a lake seldom holds mentions of more than two or three dictionaries."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What becomes of some mentions: which rows are lost, and the new ones (`gained`)."""

    n_before: int
    lost: NDArray[np.int64]
    gained: pa.Table

    @classmethod
    def nothing(cls, n_mentions: int) -> Exchange:
        """All stay as they are."""
        return cls(n_mentions, np.empty(0, np.int64), DICTIONARY_MENTIONS.empty())

    @property
    def n_lost(self) -> int:
        """Mentions that are there no longer."""
        return len(self.lost)

    @property
    def n_gained(self) -> int:
        """Mentions that were not there before."""
        return self.gained.num_rows

    @property
    def n_kept(self) -> int:
        """Mentions that stay."""
        return self.n_before - self.n_lost

    @property
    def is_nothing(self) -> bool:
        """Whether all stays as it is."""
        return self.n_lost + self.n_gained == 0

    def of(self, mentions: pa.Table, passages: Callable[[], pa.Table]) -> pa.Table:
        """The mentions after it, in the order of a detector; the very table if nothing changes.

        Args:
            mentions: as they were.
            passages: reads their text; called only if there are new ones to be put in order.
        """
        if self.is_nothing:
            return mentions
        stays = np.ones(mentions.num_rows, np.bool_)
        stays[self.lost] = False
        kept = mentions.filter(pa.array(stays))
        if self.n_gained:
            kept = in_text_order(pa.concat_tables([kept, self.gained]), passages())
        return DICTIONARY_MENTIONS.check(kept.combine_chunks())


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

    @property
    def finds_nothing(self) -> bool:
        """Whether names are only gone: then nothing need be read to know what is left."""
        return not _difference(self.old, self.new)[1].index.names.num_rows

    def open(self) -> Callable[[pa.Table], pa.Table]:
        """Compare the two; the function turns PASSAGES into mentions of what is touched."""
        _, detector = _difference(self.old, self.new)
        return lambda passages: _detect(detector, passages)


def rematch(
    mentions: pa.Table, passages: pa.Table, touched: Touched, index: DictionaryIndex
) -> pa.Table:
    """Make the mentions of a dictionary those of another, as if it had read the passages.

    Args:
        mentions: What the old dictionary found in these passages.
        passages: PASSAGES, the same as then.
        touched: What differs between the two.
        index: The new dictionary.
    """
    found = _detect(DictionaryDetector(index_of(touched, index)), passages)
    return exchange(mentions, touched, found).of(mentions, lambda: passages)


def _detect(detector: DictionaryDetector, passages: pa.Table) -> pa.Table:
    """Find a few names, in the documents that may hold one."""
    some = may_hold(passages, pl.Series(detector.index.forms, dtype=pl.Binary))
    return detector.detect(passages.filter(pa.array(some)))


def exchange(mentions: pa.Table, touched: Touched, found: pa.Table) -> Exchange:
    """Replace the mentions of what is touched by those that were found now.

    A mention that is found again stays as it is, with the version under which it was found first.

    Args:
        mentions: What the old dictionary found; of the columns, EXCHANGE_COLUMNS are read.
        touched: What differs between the two.
        found: What the new one finds of it in the same passages.
    """
    doubtful = _touched_rows(mentions, touched)
    now = pl.DataFrame(found.select(_KEY)).with_row_index("row")
    lost = doubtful.join(now, on=_KEY, how="anti")["row"].to_numpy()
    gained = now.join(doubtful, on=_KEY, how="anti")["row"].sort().to_numpy()
    return Exchange(mentions.num_rows, lost.astype(np.int64), found.take(pa.array(gained)))


def _touched_rows(mentions: pa.Table, touched: Touched) -> pl.DataFrame:
    """Row and key of the mentions whose class and form are touched."""
    classes = touched.forms["entity_class"].unique()
    rows = (
        pl.DataFrame(mentions.select(list(EXCHANGE_COLUMNS)))
        .with_row_index("row")
        .filter(pl.col("entity_class").is_in(classes.implode()))
    )
    texts = rows.select("entity_class", "text").unique()
    form, _, borders = scan_column(texts["text"].to_list())
    forms = texts.with_columns(form=pl.Series(binary(form, borders), dtype=pl.Binary))
    those = forms.join(touched.forms, on=FORM, how="semi")
    return rows.join(those, on=["entity_class", "text"], how="semi").select("row", *_KEY)


@lru_cache(maxsize=_PAIRS)
def _difference(old: str, new: str) -> tuple[Touched, DictionaryDetector]:
    before, after = (open_dictionary_index(Path(folder)) for folder in (old, new))
    touched = touched_names(before, after)
    return touched, DictionaryDetector(index_of(touched, after))
