"""Labelled sentences for people to look at: a few of them, and figures of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

EXAMPLES = 8


def example_sentences(rows: pa.Table, n: int = EXAMPLES) -> list[str]:
    """Sentences with many classes first, one a document where there are several; mentions in bold.

    Args:
        rows: LABELLED_SENTENCES or WEAK_LABELS.
        n: How many at most.
    """
    classes = pl.col("mentions").list.eval(pl.element().struct.field("entity_class"))
    chosen = (
        pl.DataFrame(rows.select(["doc_id", "words", "mentions"]))
        .filter(pl.col("mentions").list.len() > 0)
        .with_row_index("row")
        .with_columns(
            n_classes=classes.list.n_unique(),
            document=pl.col("doc_id").fill_null(pl.col("row").cast(pl.String)),
        )
        .sort("n_classes", descending=True, maintain_order=True)
        .unique("document", keep="first", maintain_order=True)
        .head(n)
    )
    return [marked(row["words"], row["mentions"]) for row in chosen.to_dicts()]


def marked(words: Sequence[str], mentions: Sequence[Mapping[str, Any]]) -> str:
    """A sentence in Markdown, its outermost mentions in bold with their classes.

    >>> marked(["IL", "-", "2", "rose"], [{"first": 0, "last": 3, "entity_class": "gene"}])
    '**IL - 2** (gene) rose'
    """
    pieces: list[str] = []
    at = 0
    for mention in sorted(mentions, key=lambda each: (each["first"], -each["last"])):
        first, last = mention["first"], mention["last"]
        if first >= at:
            pieces += [*words[at:first], f"**{' '.join(words[first:last])}**"]
            pieces.append(f"({mention['entity_class']})")
            at = last
    return " ".join([*pieces, *words[at:]])


def entity_classes(rows: pa.Table) -> pa.Array:
    """The class of every mention, one after the other."""
    mentions = pl.DataFrame(rows.select(["mentions"]))["mentions"]
    flat = mentions.list.explode(keep_nulls=False, empty_as_null=False)
    return flat.struct.field("entity_class").to_arrow()
