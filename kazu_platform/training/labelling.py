"""From gold to labelled sentences: words, and mentions that begin and end with a word.

A mention whose border falls inside a word is widened to the word, and a sentence border inside a
mention is none. A class is only kept if its corpus has it everywhere: an O says nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.arrow import compute
from kazu_platform.evaluation.entities import UNKNOWN_ID, TokenGold
from kazu_platform.evaluation.tags import entities_of, gold_tags
from kazu_platform.ner.words import split_words
from kazu_platform.tables import LABELLED_MENTION, LABELLED_SENTENCES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from kazu_platform.evaluation.entities import SpanGold

    Integers = NDArray[np.int64]

GOLD: Final = "gold"
WEAK: Final = "weak"


def labelled(
    gold: TokenGold | SpanGold, classes: Sequence[str], types: Mapping[str, str] | None = None
) -> pa.Table:
    """The sentences of a gold as rows of LABELLED_SENTENCES, numbered through its split.

    Args:
        gold: What people marked.
        classes: The classes that they marked wherever they saw them; mentions of others are
            left out.
        types: Which class a type of the corpus is, where its name does not say so.
    """
    document, start, end, kind = _entities(gold, classes, types or {})
    at, begins, ends = _sentences(gold, document, start, end)
    texts = gold.passages["text"].to_pylist()
    places = zip(at.tolist(), begins.tolist(), ends.tolist(), strict=True)
    words = split_words([texts[row][begin:finish] for row, begin, finish in places])
    # One axis for all documents, so that one search finds the sentence, then the word, of each.
    size = max(map(len, texts), default=0) + 1
    of_word = np.repeat(np.arange(len(at)), np.diff(words.first))
    word_start = (at * size + begins)[of_word] + words.start
    word_end = (at * size + begins)[of_word] + words.end
    first = np.searchsorted(word_end, document * size + start, side="right")
    last = np.searchsorted(word_start, document * size + end, side="left")
    marks = np.flatnonzero(first < last)  # a mention of blanks alone has no word
    row = of_word[first[marks]]
    return rows_of(
        gold.corpus,
        gold.split,
        _ids(gold).take(pa.array(at)),
        pa.ListArray.from_arrays(
            pa.array(words.first, pa.int32()), pa.array(words.strings, pa.string())
        ),
        _lists(
            len(at),
            row,
            first[marks] - words.first[row],
            last[marks] - words.first[row],
            kind[marks],
            classes,
        ),
        classes,
    )


def rows_of(
    corpus: str,
    split: str,
    doc_ids: pa.Array,
    words: pa.ListArray,
    mentions: pa.ListArray,
    classes: Sequence[str],
    *,
    origin: str = GOLD,
) -> pa.Table:
    """Rows of LABELLED_SENTENCES of one split, numbered from 0."""
    n = len(words)
    return LABELLED_SENTENCES.from_columns(
        {
            "corpus": pa.repeat(corpus, n),
            "split": pa.repeat(split, n),
            "doc_id": doc_ids,
            "sentence": pa.array(np.arange(n), pa.int32()),
            "words": words,
            "mentions": mentions,
            "classes": pa.ListArray.from_arrays(
                pa.array(np.arange(n + 1) * len(classes), pa.int32()),
                pa.array(list(classes) * n, pa.string()),
            ),
            "origin": pa.repeat(origin, n),
        }
    )


def joined(parts: Sequence[pa.Table], corpus: str) -> pa.Table:
    """One corpus of several that mark the same sentences for other classes.

    A sentence that only some of them have, or have in other words, is labelled for their classes
    alone. Rows are in the order in which a sentence is first seen.

    Args:
        parts: Rows of LABELLED_SENTENCES, all of one split.
        corpus: What to call it.
    """
    rows = pl.concat(
        [
            pl.DataFrame(pl.from_arrow(part)).with_columns(part=pl.lit(i))
            for i, part in enumerate(parts)
        ]
    )
    text = pl.col("words").list.join(" ")
    rows = rows.with_columns(
        key=pl.concat_str(pl.col("doc_id").fill_null(""), text, separator="\n")
    )
    rows = rows.with_columns(again=pl.int_range(pl.len()).over("part", "key"))
    together = (
        rows.group_by("key", "again", maintain_order=True)
        .agg(
            pl.col("split", "doc_id", "words", "origin").first(),
            pl.col("mentions").list.explode(keep_nulls=False, empty_as_null=False).sort(),
            pl.col("classes")
            .list.explode(keep_nulls=False, empty_as_null=False)
            .unique(maintain_order=True),
        )
        .with_columns(
            pl.lit(corpus).alias("corpus"), pl.int_range(pl.len(), dtype=pl.Int32).alias("sentence")
        )
    )
    found = together.select(LABELLED_SENTENCES.schema.names).to_arrow()
    return LABELLED_SENTENCES.check(found.cast(LABELLED_SENTENCES.schema))


def _entities(
    gold: TokenGold | SpanGold, classes: Sequence[str], types: Mapping[str, str]
) -> tuple[Integers, Integers, Integers, Integers]:
    """Document, start, end and class (index) of what is marked, each once and in order."""
    found: list[Integers] = []
    for name in gold.types:
        entity_class = types.get(name, name)
        if entity_class not in classes:
            continue
        if isinstance(gold, TokenGold):
            entities = entities_of(gold, gold_tags(gold, name))
            where = np.stack([entities.document, entities.start, entities.end])
        else:
            rows = np.flatnonzero(np.array(gold.entity_types, object) == name)
            every = gold.entities
            where = np.stack([every.document[rows], every.start[rows], every.end[rows]])
        kind = np.full(where.shape[1], list(classes).index(entity_class))
        found.append(np.vstack([where, kind]))
    if not found:
        nothing = np.empty(0, np.int64)
        return nothing, nothing, nothing, nothing
    marked = np.unique(np.hstack(found), axis=1)
    return marked[0], marked[1], marked[2], marked[3]


def _sentences(
    gold: TokenGold | SpanGold, document: Integers, start: Integers, end: Integers
) -> tuple[Integers, Integers, Integers]:
    """Document, start and end of each sentence; no border is inside an entity."""
    spans = gold.passages["sentences"].combine_chunks()
    at = compute.list_parent_indices(spans).to_numpy().astype(np.int64)
    flat = compute.list_flatten(spans)
    begins, ends = (
        compute.struct_field(flat, name).to_numpy(zero_copy_only=False).astype(np.int64)
        for name in ("start", "end")
    )
    size = int(ends.max(initial=0)) + int(end.max(initial=0)) + 1
    place = at * size + begins
    first = np.searchsorted(place, document * size + start, side="right") - 1
    last = np.searchsorted(place, document * size + end, side="left") - 1
    # A border is inside an entity where more entities began before it than ended.
    crosses = first < last
    open_ = np.bincount(first[crosses] + 1, minlength=len(at) + 1) - np.bincount(
        last[crosses] + 1, minlength=len(at) + 1
    )
    begins_one = np.cumsum(open_)[: len(at)] == 0
    kept = np.flatnonzero(begins_one)
    final = np.append(kept[1:], [len(at)])[: len(kept)] - 1
    return at[kept], begins[kept], ends[final]


def _ids(gold: TokenGold | SpanGold) -> pa.Array:
    """Documents as the corpus names them; null where it does not know."""
    ids = compute.replace_substring_regex(gold.passages["doc_id"], r"#\d+$", "")
    unknown = compute.equal(ids, UNKNOWN_ID)
    return compute.if_else(unknown, pa.scalar(None, pa.string()), ids).combine_chunks()


def _lists(
    n: int,
    row: Integers,
    first: Integers,
    last: Integers,
    kind: Integers,
    classes: Sequence[str],
) -> pa.ListArray:
    """The mentions of `n` sentences, each once, in order, certain."""
    marked = np.unique(np.stack([row, first, last, kind], axis=1), axis=0)
    names = pa.array(list(classes), pa.string())
    structs = pa.StructArray.from_arrays(
        [
            pa.array(marked[:, 1], pa.int32()),
            pa.array(marked[:, 2], pa.int32()),
            names.take(pa.array(marked[:, 3], pa.int64())),
            pa.array(np.ones(len(marked)), pa.float32()),
        ],
        fields=list(LABELLED_MENTION),
    )
    counts = np.bincount(marked[:, 0], minlength=n)
    return pa.ListArray.from_arrays(
        pa.array(np.concatenate(([0], np.cumsum(counts))), pa.int32()), structs
    )
