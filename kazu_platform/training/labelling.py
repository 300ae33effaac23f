"""From marked texts to labelled sentences: words, and mentions that begin and end with a word.

A mention whose border falls inside a word is widened to the word, and a sentence border inside a
mention is none. A class is only kept if its corpus has it everywhere: an O says nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
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

    from kazu_platform.evaluation.entities import Entities, SpanGold

    Integers = NDArray[np.int64]

LABELLING_VERSION: Final = "2"
"""Changes with what a reader or a rule here makes of the same text."""
GOLD: Final = "gold"
WEAK: Final = "weak"


@dataclass(frozen=True, slots=True)
class About:
    """What all labelled sentences of one reading have in common.

    `classes` are those that were marked wherever they were seen.
    """

    corpus: str
    split: str
    classes: tuple[str, ...]
    origin: str = GOLD


@dataclass(frozen=True, slots=True)
class Marks:
    """Marked stretches of passages as parallel arrays.

    `passage` is the row of a passage, `start` and `end` count its code points, `kind` is an index
    into the classes, `probability` is 1 for what people marked.
    """

    passage: Integers
    start: Integers
    end: Integers
    kind: Integers
    probability: NDArray[np.float32]

    @classmethod
    def none(cls) -> Marks:
        """Nothing."""
        empty = np.empty(0, np.int64)
        return cls(empty, empty, empty, empty, np.empty(0, np.float32))


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
    about = About(gold.corpus, gold.split, tuple(classes))
    return labelled_passages(
        gold.passages, document_ids(gold), marks_of(gold, about.classes, types or {}), about
    )


def labelled_passages(passages: pa.Table, ids: pa.Array, marks: Marks, about: About) -> pa.Table:
    """The sentences of passages as rows of LABELLED_SENTENCES, numbered through all of them.

    Args:
        passages: PASSAGES.
        ids: Name of the document of each passage, or null.
        marks: What is marked in them.
        about: The rest.
    """
    at, begins, ends = _sentences(passages, marks)
    texts = passages["text"].to_pylist()
    places = zip(at.tolist(), begins.tolist(), ends.tolist(), strict=True)
    words = split_words([texts[row][begin:end] for row, begin, end in places])
    # All passages lie on one axis, so that one search finds the words of every mark.
    size = max(map(len, texts), default=0) + 1
    sentence = np.repeat(np.arange(len(at)), np.diff(words.first))
    begin = (at * size + begins)[sentence]
    first = np.searchsorted(begin + words.end, marks.passage * size + marks.start, side="right")
    last = np.searchsorted(begin + words.start, marks.passage * size + marks.end, side="left")
    has_word = np.flatnonzero(first < last)
    row = sentence[first[has_word]]
    found = pl.DataFrame(
        {
            "row": row,
            "first": (first[has_word] - words.first[row]).astype(np.int32),
            "last": (last[has_word] - words.first[row]).astype(np.int32),
            "kind": marks.kind[has_word],
            "probability": marks.probability[has_word],
        }
    )
    n = len(at)
    strings = pa.array(words.strings, pa.string())
    return LABELLED_SENTENCES.from_columns(
        {
            "corpus": pa.repeat(about.corpus, n),
            "split": pa.repeat(about.split, n),
            "doc_id": ids.take(pa.array(at)),
            "sentence": pa.array(np.arange(n), pa.int32()),
            "words": pa.ListArray.from_arrays(pa.array(words.first, pa.int32()), strings),
            "mentions": _lists(found, n, about.classes),
            "classes": pa.array([about.classes], pa.list_(pa.string())).take(
                pa.array(np.zeros(n, np.int64))
            ),
            "origin": pa.repeat(about.origin, n),
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
        pl.DataFrame(part).with_columns(part=pl.lit(number)) for number, part in enumerate(parts)
    )
    text = pl.concat_str(
        pl.col("doc_id").fill_null(""), pl.col("words").list.join(" "), separator="\n"
    )
    # "Abstract" stands often in a document: the second is not joined with the first.
    again = pl.int_range(pl.len()).over("part", "text")
    together = (
        rows.with_columns(text=text)
        .with_columns(again=again)
        .group_by("text", "again", maintain_order=True)
        .agg(
            pl.col("split", "doc_id", "words", "origin").first(),
            _flat("mentions").sort(),
            _flat("classes").unique(maintain_order=True),
        )
        .with_columns(corpus=pl.lit(corpus), sentence=pl.int_range(pl.len(), dtype=pl.Int32))
        .select(LABELLED_SENTENCES.schema.names)
    )
    return LABELLED_SENTENCES.check(together.to_arrow().cast(LABELLED_SENTENCES.schema))


def _flat(column: str) -> pl.Expr:
    return pl.col(column).list.explode(keep_nulls=False, empty_as_null=False)


def marks_of(gold: TokenGold | SpanGold, classes: Sequence[str], types: Mapping[str, str]) -> Marks:
    """What a gold marks of some classes, given which class a type is."""
    kinds = [types.get(name, name) for name in gold.types]
    found: list[tuple[Entities, int]] = []
    for name, kind in zip(gold.types, kinds, strict=True):
        if kind in classes:
            found.append((_entities(gold, name), classes.index(kind)))
    document, start, end = (
        np.concatenate([np.empty(0, np.int64), *(getattr(each, name) for each, _ in found)])
        for name in ("document", "start", "end")
    )
    kind = np.repeat([row for _, row in found], [len(each) for each, _ in found]).astype(np.int64)
    return Marks(document, start, end, kind, np.ones(len(kind), np.float32))


def _entities(gold: TokenGold | SpanGold, name: str) -> Entities:
    """The entities of one type."""
    if isinstance(gold, TokenGold):
        return entities_of(gold, gold_tags(gold, name))
    rows = np.flatnonzero(np.array(gold.entity_types, object) == name)
    every = gold.entities
    return every.distinct(every.document[rows], every.start[rows], every.end[rows])


def _sentences(passages: pa.Table, marks: Marks) -> tuple[Integers, Integers, Integers]:
    """Passage, start and end of each sentence; no border is inside a mark."""
    spans = passages["sentences"].combine_chunks()
    at = compute.list_parent_indices(spans).to_numpy().astype(np.int64)
    flat = compute.list_flatten(spans)
    begins, ends = (
        compute.struct_field(flat, name).to_numpy(zero_copy_only=False).astype(np.int64)
        for name in ("start", "end")
    )
    size = max(ends.max(initial=0), marks.end.max(initial=0)) + 1
    # The first and the last sentence of which a mark holds a character: blanks are in none.
    first = np.searchsorted(at * size + ends, marks.passage * size + marks.start, side="right")
    last = np.searchsorted(at * size + begins, marks.passage * size + marks.end, side="left") - 1
    # A border is inside a mark where more of them began before it than ended.
    crosses = np.flatnonzero(first < last)
    began = np.bincount(first[crosses] + 1, minlength=len(at) + 1)
    ended = np.bincount(last[crosses] + 1, minlength=len(at) + 1)
    kept = np.flatnonzero(np.cumsum(began - ended)[: len(at)] == 0)
    final = np.append(kept[1:], len(at))[: len(kept)] - 1
    return at[kept], begins[kept], ends[final]


def document_ids(gold: TokenGold | SpanGold) -> pa.Array:
    """Documents as the corpus names them; null where it does not know."""
    ids = compute.replace_substring_regex(gold.passages["doc_id"], r"#\d+$", "").combine_chunks()
    unknown = compute.equal(ids, UNKNOWN_ID)
    return compute.if_else(unknown, pa.scalar(None, pa.string()), ids)


def _lists(found: pl.DataFrame, n: int, classes: Sequence[str]) -> pa.ListArray:
    """The mentions of `n` sentences, each once, in order, as probable as it is at most."""
    key = ["row", "first", "last", "kind"]
    marked = found.group_by(key).agg(pl.col("probability").max()).sort(key)
    names = pa.array(list(classes), pa.string())
    structs = pa.StructArray.from_arrays(
        [
            pa.array(marked["first"].to_numpy(), pa.int32()),
            pa.array(marked["last"].to_numpy(), pa.int32()),
            names.take(pa.array(marked["kind"].to_numpy(), pa.int64())),
            pa.array(marked["probability"].to_numpy(), pa.float32()),
        ],
        fields=list(LABELLED_MENTION),
    )
    counts = np.bincount(marked["row"].to_numpy(), minlength=n)
    offsets = pa.array(np.concatenate(([0], np.cumsum(counts))), pa.int32())
    return pa.ListArray.from_arrays(offsets, structs)
