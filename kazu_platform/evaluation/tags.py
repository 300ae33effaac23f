"""Tags: from mentions to IOB2 over the tokens of a gold, and from tags to entities.

A token that a span touches belongs to it. Tags cannot nest: of spans that share a token the
longest wins, then the leftmost. A span that reaches across the end of a sentence is left out. What
entities a row of tags holds is as seqeval's default mode has it: an I that follows nothing begins
one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kazu_platform.arrow import compute
from kazu_platform.errors import SchemaError
from kazu_platform.evaluation.entities import Entities, places_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from kazu_platform.evaluation.entities import Gold, Integers, TokenGold

    Codes = NDArray[np.int8]

OUTSIDE, BEGIN, INSIDE = 0, 1, 2


def gold_tags(gold: TokenGold, entity_class: str) -> Codes:
    """The gold's tags of one class; every other type is outside."""
    kinds = list(gold.types)
    if entity_class not in kinds:
        return np.zeros(len(gold.tokens.code), np.int8)
    is_class = gold.tokens.kind == kinds.index(entity_class)
    return np.where(is_class, gold.tokens.code, OUTSIDE).astype(np.int8)


def found_tags(gold: TokenGold, mentions: pa.Table, entity_class: str) -> Codes:
    """Tags of the mentions of one class that were found in a gold's passages.

    Each stretch of a mention that is not contiguous counts on its own.

    Args:
        gold: Whose tokens to tag.
        mentions: DICTIONARY_MENTIONS, or any table with its columns doc_id, entity_class, spans.
        entity_class: The class.
    """
    tokens = gold.tokens
    document, start, end = _stretches(gold, mentions, entity_class)
    place = places_of(gold.passages)[document]
    # Of two that are as long and begin in one token the leftmost wins: it comes first.
    order = np.argsort(place + start, kind="stable")
    place, start, end = place[order], start[order], end[order]
    first = np.searchsorted(tokens.end, place + start, side="right")
    last = np.searchsorted(tokens.start, place + end, side="left") - 1
    touches = np.flatnonzero(first <= last)
    first, last = first[touches], last[touches]
    within = tokens.sentence[first] == tokens.sentence[last]
    first, last = first[within], last[within]
    length = (end - start)[touches][within]
    kept = without_overlaps(first, last + 1, length, len(tokens.start))
    tags = np.zeros(len(tokens.start), np.int8)
    # What is kept is disjoint, so its tokens are where more entities began than ended.
    began = np.bincount(first[kept], minlength=len(tags) + 1)
    ended = np.bincount(last[kept] + 1, minlength=len(tags) + 1)
    tags[np.cumsum(began - ended)[:-1] > 0] = INSIDE
    tags[first[kept]] = BEGIN
    return tags


def first_of_entities(tags: Codes, sentence: Integers) -> NDArray[np.bool_]:
    """Whether each token begins an entity."""
    new = np.diff(sentence, prepend=-1) != 0
    before = np.concatenate(([OUTSIDE], tags[:-1])) if len(tags) else tags
    return (tags == BEGIN) | ((tags == INSIDE) & ((before == OUTSIDE) | new))


def entities_of(gold: TokenGold, tags: Codes) -> Entities:
    """The entities that tags over a gold's tokens hold."""
    tokens = gold.tokens
    begins = first_of_entities(tags, tokens.sentence)
    goes_on = (tags == INSIDE) & ~begins
    first = np.flatnonzero(begins)
    last = np.flatnonzero((tags != OUTSIDE) & ~np.append(goes_on[1:], [False])[: len(tags)])
    document = tokens.document[first]
    place = places_of(gold.passages)[document]
    return Entities(document, tokens.start[first] - place, tokens.end[last] - place)


def labels(gold: TokenGold, tags: Codes, entity_class: str) -> list[list[str]]:
    """Tags as strings, a list for each sentence: what seqeval reads."""
    names = np.array(["O", f"B-{entity_class}", f"I-{entity_class}"], dtype=object)
    borders = np.flatnonzero(np.diff(gold.tokens.sentence)) + 1
    return [list(each) for each in np.split(names[tags], borders)] if len(tags) else []


def found_spans(gold: Gold, mentions: pa.Table, entity_class: str) -> Entities:
    """The mentions of one class as entities; a mention that is not contiguous by its outer span.

    Of overlapping ones the longest stays, then the leftmost, as with tags.
    """
    of_class = _of_class(mentions, entity_class)
    document = _documents(gold, of_class)
    start, end = (of_class[name].to_numpy().astype(np.int64) for name in ("start", "end"))
    places = places_of(gold.passages)
    size = sum(compute.utf8_length(gold.passages["text"]).to_pylist()) + len(places)
    begin = places[document] + start
    kept = without_overlaps(begin, begin + end - start, end - start, size)
    return Entities.distinct(document[kept], start[kept], end[kept])


def without_overlaps(start: Integers, end: Integers, length: Integers, size: int) -> Integers:
    """Rows that stay when no two may share a place: the longest first, then the leftmost.

    >>> start, end = np.array([0, 7, 4]), np.array([6, 9, 8])
    >>> without_overlaps(start, end, end - start, 9).tolist()
    [0, 1]

    Args:
        start: First place of each stretch.
        end: One past its last.
        length: How long each counts as.
        size: Number of places.
    """
    taken = bytearray(size)
    kept: list[int] = []
    for row in np.lexsort((start, -length)).tolist():
        first, last = int(start[row]), int(end[row])
        if taken.find(1, first, last) < 0:
            taken[first:last] = b"\x01" * (last - first)
            kept.append(row)
    return np.sort(np.array(kept, np.int64))


def _stretches(
    gold: Gold, mentions: pa.Table, entity_class: str
) -> tuple[Integers, Integers, Integers]:
    """Document, start and end of every stretch of the mentions of a class."""
    of_class = _of_class(mentions, entity_class)
    spans = of_class["spans"].combine_chunks()
    which = compute.list_parent_indices(spans).to_numpy().astype(np.int64)
    flat = compute.list_flatten(spans)
    start, end = (
        compute.struct_field(flat, name).to_numpy(zero_copy_only=False).astype(np.int64)
        for name in ("start", "end")
    )
    return _documents(gold, of_class)[which], start, end


def _of_class(mentions: pa.Table, entity_class: str) -> pa.Table:
    return mentions.filter(compute.equal(mentions["entity_class"], entity_class))


def _documents(gold: Gold, mentions: pa.Table) -> Integers:
    """Row of the document of each mention."""
    ids = gold.passages["doc_id"].combine_chunks()
    found = compute.index_in(mentions["doc_id"], value_set=ids)
    if found.null_count:
        unknown: Sequence[str] = mentions.filter(compute.is_null(found))["doc_id"].to_pylist()
        raise SchemaError(f"mentions of {unknown[0]}, which is no document of {gold.corpus}.")
    return found.to_numpy().astype(np.int64)
