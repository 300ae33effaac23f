"""Units: what a resample draws, documents or sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kazu_platform.arrow import compute
from kazu_platform.ner.mentions import Spans, sentence_of

if TYPE_CHECKING:
    import pyarrow as pa

    from kazu_platform.evaluation.entities import Entities, Gold, Integers


def draws_documents(gold: Gold) -> bool:
    """Whether there are documents to draw from; one alone would give no interval."""
    return gold.has_documents and gold.passages.num_rows > 1


def n_units(gold: Gold) -> int:
    """How many documents there are to draw from, or sentences."""
    if draws_documents(gold):
        return gold.passages.num_rows
    return int(_n_sentences(gold.passages).sum())


def units_of(gold: Gold, entities: Entities) -> Integers:
    """The document of each entity, or its sentence, counted through all documents."""
    if draws_documents(gold):
        return entities.document
    n_sentences = _n_sentences(gold.passages)
    spans = Spans(entities.document, entities.start, entities.end, np.zeros_like(entities.start))
    within = sentence_of(gold.passages, spans)
    return (np.cumsum(n_sentences) - n_sentences)[entities.document] + within


def _n_sentences(passages: pa.Table) -> Integers:
    return compute.list_value_length(passages["sentences"]).to_numpy().astype(np.int64)
