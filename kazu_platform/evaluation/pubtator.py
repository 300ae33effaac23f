"""PubTator as gold: title and abstract are one text.

How a file is read is written in `formats.pubtator_blocks`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from kazu_platform.evaluation.entities import (
    Entities,
    SpanGold,
    distinct_ids,
    entity_class_of,
    passages_of_texts,
)
from kazu_platform.formats.pubtator_blocks import Block, parse_blocks
from kazu_platform.text.sentences import sentence_spans

if TYPE_CHECKING:
    from pathlib import Path


def parse_pubtator(path: Path, content: str, *, corpus: str, split: str) -> SpanGold:
    """The gold of a file.

    Raises:
        MalformedFileError: names the line that is neither text nor mention nor relation, or whose
            offsets are not in the text.
    """
    return _gold(parse_blocks(path, content), corpus=corpus, split=split)


def _sentences(block: Block) -> list[tuple[int, int]]:
    """A title is a sentence for itself, whatever it ends with."""
    begin = len(block.title) + 1
    of_abstract = ((begin + start, begin + end) for start, end in sentence_spans(block.abstract))
    return [*sentence_spans(block.title), *of_abstract]


def _gold(blocks: list[Block], *, corpus: str, split: str) -> SpanGold:
    sentences = [_sentences(block) for block in blocks]
    borders = np.array([each for those in sentences for each in those], np.int64).reshape(-1, 2)
    # A mention given twice, with several concepts say, is one entity.
    marked = sorted(
        {
            (row, mention.start, mention.end, entity_class_of(mention.kind))
            for row, block in enumerate(blocks)
            for mention in block.mentions
        }
    )
    where = np.array([each[:3] for each in marked], np.int64).reshape(-1, 3)
    types = tuple(each[3] for each in marked)
    return SpanGold(
        corpus=corpus,
        split=split,
        passages=passages_of_texts(
            distinct_ids([block.name for block in blocks]),
            [block.text for block in blocks],
            borders[:, 0],
            borders[:, 1],
            np.array([len(those) for those in sentences], np.int64),
        ),
        types=dict(Counter(types)),
        has_documents=True,
        entities=Entities(where[:, 0], where[:, 1], where[:, 2]),
        entity_types=types,
    )
