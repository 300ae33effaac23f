"""Some documents of a gold: what it would be if the others had never been in its file."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kazu_platform.evaluation.entities import Entities, TokenGold, Tokens, places_of
from kazu_platform.evaluation.tags import first_of_entities, gold_tags

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kazu_platform.evaluation.entities import SpanGold


def with_documents(gold: TokenGold | SpanGold, kept: NDArray[np.bool_]) -> TokenGold | SpanGold:
    """The gold of some documents.

    Args:
        gold: Of all.
        kept: Whether each is one of them. Shape: (rows of its passages,).
    """
    if kept.all():
        return gold
    passages = gold.passages.filter(pa.array(kept))
    row = np.cumsum(kept) - 1
    if isinstance(gold, TokenGold):
        return _with_tokens(gold, passages, kept, row)
    of_kept = np.flatnonzero(kept[gold.entities.document])
    entities = gold.entities
    types = tuple(gold.entity_types[place] for place in of_kept.tolist())
    return replace(
        gold,
        passages=passages,
        types=dict(Counter(types)),
        entities=Entities(
            row[entities.document[of_kept]], entities.start[of_kept], entities.end[of_kept]
        ),
        entity_types=types,
    )


def _with_tokens(
    gold: TokenGold, passages: pa.Table, kept: NDArray[np.bool_], row: NDArray[np.int64]
) -> TokenGold:
    of_kept = np.flatnonzero(kept[gold.tokens.document])
    tokens, before = gold.tokens, gold.tokens.document[of_kept]
    document = row[before]
    moved = places_of(passages)[document] - places_of(gold.passages)[before]
    _, sentence = np.unique(tokens.sentence[of_kept], return_inverse=True)
    left = replace(
        gold,
        passages=passages,
        tokens=Tokens(
            tokens.start[of_kept] + moved,
            tokens.end[of_kept] + moved,
            document,
            sentence.astype(np.int64),
            tokens.code[of_kept],
            tokens.kind[of_kept],
        ),
    )
    counted = {
        name: int(first_of_entities(gold_tags(left, name), left.tokens.sentence).sum())
        for name in gold.types  # all of them: tokens know a type by its place among them
    }
    return replace(left, types=counted)
