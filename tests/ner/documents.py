"""Documents as passages, and one with mentions for the tests of what documents name themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kazu_platform.citations.documents import passages_of
from kazu_platform.documents import Document, Section
from kazu_platform.ner.defined import definitions
from kazu_platform.ner.documented import with_names_of_documents
from kazu_platform.ner.mentions import Spans, mention_rows
from kazu_platform.tables import DICTIONARY_MENTIONS, PASSAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa


class Known(NamedTuple):
    """What a detector finds at the first place of a text in a section."""

    text: str
    section: int
    entity_class: str


def passages_in(documents: Sequence[Sequence[str]]) -> pa.Table:
    """Each text is a section and one sentence."""
    return PASSAGES.from_rows(
        [
            {
                "doc_id": f"PMID:{number}",
                "content_hash": "same",
                "section": section,
                "name": "",
                "text": text,
                "sentences": [{"start": 0, "end": len(text)}],
            }
            for number, sections in enumerate(documents)
            for section, text in enumerate(sections)
        ]
    )


def mention(text: str, *, section: int = 0, entity_class: str = "species") -> Known:
    return Known(text, section, entity_class)


def found_in(sections: Sequence[str], known: Sequence[Known] = ()) -> pa.Table:
    """All mentions of a document, those of a detector among them."""
    passages = passages_of([Document("PMID:1", tuple(Section("s", text) for text in sections))])
    mentions = _rows(sections, known, passages) if known else DICTIONARY_MENTIONS.empty()
    return with_names_of_documents(mentions, passages, definitions(passages))


def texts_of(mentions: pa.Table) -> list[str]:
    return mentions["text"].to_pylist()


def _rows(sections: Sequence[str], known: Sequence[Known], passages: pa.Table) -> pa.Table:
    starts = [sections[each.section].index(each.text) for each in known]
    classes = sorted({each.entity_class for each in known})
    spans = Spans(
        np.array([each.section for each in known]),
        np.array(starts),
        np.array([start + len(each.text) for start, each in zip(starts, known, strict=True)]),
        np.array([classes.index(each.entity_class) for each in known]),
    )
    texts = [each.text for each in known]
    return mention_rows(passages, spans, texts, classes, detector="dictionary", version="1")
