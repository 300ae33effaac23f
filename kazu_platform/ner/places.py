"""Places that the document itself makes mentions, and their rows.

Belongs here: what the rules on whole documents (`defined`, `scientific`, `glossed`) share. A place
is a row of a frame: `passage` (its row in PASSAGES), `start`, `end`, `entity_class`.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pyarrow as pa
from ahocorasick_rs import AhoCorasick

from kazu_platform.ner.mentions import Spans, in_text_order, mention_rows
from kazu_platform.tables import DICTIONARY_MENTIONS
from kazu_platform.text.fold import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

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
    texts = (
        pl.DataFrame(passages.select([*DOCUMENT, "text"]))
        .with_row_index("passage")
        .group_by(DOCUMENT)
        .agg("passage", "text")
    )
    grouped = names.group_by(DOCUMENT, maintain_order=True).agg("name", "entity_class")
    documents = grouped.join(texts, on=DOCUMENT, maintain_order="left")
    rows: list[tuple[int, int, int, str]] = []
    for own, classes, numbers, own_texts in documents.select(
        "name", "entity_class", "passage", "text"
    ).iter_rows():
        search = NameSearch(own)
        for passage, text in zip(numbers, own_texts, strict=True):
            rows += [(passage, start, end, classes[name]) for name, start, end in search.in_(text)]
    return places(rows)


class NameSearch:
    """Some names, found in one walk over a text however many there are."""

    def __init__(self, names: Sequence[str]) -> None:
        spelled = [" ".join(name.split()) for name in names]
        self._caseless = [name.casefold() for name in spelled]
        self._symbols = [place for place, name in enumerate(spelled) if " " not in name]
        self._phrases = [place for place, name in enumerate(spelled) if " " in name]
        self._of_symbols = AhoCorasick([spelled[place] for place in self._symbols])
        self._of_phrases = AhoCorasick(
            [_single_blanks(fold(spelled[place]))[0] for place in self._phrases]
        )

    def in_(self, text: str) -> Iterator[tuple[int, int, int]]:
        """Row of the name, start and end of each place; places of one name do not overlap."""
        reached: dict[int, int] = {}
        for name, start, end in chain(self._symbols_in(text), self._phrases_in(text)):
            if start >= reached.get(name, 0) and _is_word(text, start, end):
                reached[name] = end
                yield name, start, end

    def _symbols_in(self, text: str) -> Iterator[tuple[int, int, int]]:
        found = self._of_symbols.find_matches_as_indexes(text, overlapping=True)
        return ((self._symbols[place], start, end) for place, start, end in found)

    def _phrases_in(self, text: str) -> Iterator[tuple[int, int, int]]:
        if not self._phrases:
            return
        form, offsets = _single_blanks(fold(text))
        for place, first, last in self._of_phrases.find_matches_as_indexes(form, overlapping=True):
            name = self._phrases[place]
            start, end = int(offsets[first]), int(offsets[last - 1]) + 1
            # Folding holds dashes and quotes for equal, too.
            if " ".join(text[start:end].split()).casefold() == self._caseless[name]:
                yield name, start, end


def _single_blanks(form: str) -> tuple[str, Sequence[int] | NDArray[np.int64]]:
    """A folded text with one blank for each run of them, and where each character was."""
    if "  " not in form:
        return form, range(len(form))
    points = np.frombuffer(form.encode("utf-32-le", "surrogatepass"), np.uint32)
    blank = points == ord(" ")
    kept = np.flatnonzero(~(blank & np.append(False, blank[:-1])))
    return points[kept].tobytes().decode("utf-32-le", "surrogatepass"), kept


def _is_word(text: str, start: int, end: int) -> bool:
    return not (_in_word(text[start - 1 : start]) or _in_word(text[end : end + 1]))


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


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
    # Once for all places of a passage: a long one may have thousands.
    distinct = found["passage"].unique().to_list()
    texts = dict(zip(distinct, passages["text"].take(pa.array(distinct)).to_pylist(), strict=True))
    return mention_rows(
        passages,
        spans,
        [
            texts[passage][start:end]
            for passage, start, end in found.select("passage", "start", "end").iter_rows()
        ],
        classes,
        detector=detector,
        version=version,
    )
