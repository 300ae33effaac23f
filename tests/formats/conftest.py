"""An annotated text that no format likes: nested, crossing and discontinuous mentions."""

from __future__ import annotations

import pytest

from kazu_platform.documents import Document, Link, Mention, Section, Span

TITLE = "BRCA1 <b>& breast"
ABSTRACT = "Breast and ovarian cancer:\n\tİ TNF-α."
CANCER = Link("MONDO:0007254", "MONDO", "breast cancer", 1, 0.95, "exact")
OTHER = Link("DOID:1612", "DOID", "breast cancer", 2, 0.5, "normalised")


def _mention(section: int, entity_class: str, *spans: tuple[int, int], **more: object) -> Mention:
    text = (TITLE, ABSTRACT)[section]
    return Mention(
        doc_id="PMID:7",
        section=section,
        sentence=0,
        spans=tuple(Span(start, end) for start, end in spans),
        text=" ... ".join(text[start:end] for start, end in spans),
        entity_class=entity_class,
        detector="dictionary",
        **more,  # pyright: ignore[reportArgumentType]
    )


@pytest.fixture
def document() -> Document:
    return Document("PMID:7", (Section("title", TITLE), Section("ABSTRACT", ABSTRACT)))


@pytest.fixture
def mentions() -> tuple[Mention, ...]:
    gene = Link("HGNC:1100", "HGNC", 'BRCA1 "DNA repair"', 1, 1.0, "exact")
    return (
        _mention(0, "gene", (0, 5), links=(gene,), confidence=0.5),
        _mention(1, "disease", (0, 6), (19, 25), links=(CANCER, OTHER)),
        _mention(1, "disease", (11, 25)),
        _mention(1, "anatomy", (11, 18)),
        _mention(1, "disease", (19, 25)),
        _mention(1, "gene", (30, 35)),
    )
