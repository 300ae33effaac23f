"""Annotating own texts: the code that reads the corpus, for a few documents at a time."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

from kazu_platform.citations.documents import passages_of
from kazu_platform.documents import Link, Mention
from kazu_platform.linking.context import with_context
from kazu_platform.linking.linker import Linker
from kazu_platform.linking.surfaces import surfaces_of
from kazu_platform.linking.taxa import taxa_of
from kazu_platform.ner.combination import combine
from kazu_platform.ner.defined import definitions
from kazu_platform.ner.documented import with_names_of_documents

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from kazu_platform.documents import Document, Span
    from kazu_platform.ner.detector import Detector


class LabellingLinker(Linker, Protocol):
    """A linker that knows the preferred names of what it links to."""

    def labels_of(self, links: pa.Table) -> list[str]:
        """Preferred name of the concept of each row of LINKS."""
        ...


def annotate(
    documents: Sequence[Document], detectors: Sequence[Detector], linker: LabellingLinker
) -> list[tuple[Mention, ...]]:
    """Find and link the mentions of documents.

    Returns:
        For each document its mentions, by section, start, end and class, each with its links,
        best first; a mention that nothing fits has none.
    """
    passages = passages_of(documents)
    defined = definitions(passages)
    found = combine([detector.detect(passages) for detector in detectors])
    named = with_names_of_documents(found, passages, defined)
    mentions = with_context(named, defined, linker, taxa_of(passages))
    links = _links(linker.link(surfaces_of(mentions)), linker)
    read: dict[tuple[str, str], list[Mention]] = defaultdict(list)
    for row in mentions.to_pylist():
        read[row["doc_id"], row["content_hash"]].append(
            Mention.from_row(row, links.get(row["surface_id"], ()))
        )
    return [
        tuple(sorted(read[document.doc_id, document.content_hash], key=_place))
        for document in documents
    ]


def _links(links: pa.Table, linker: LabellingLinker) -> dict[str, list[Link]]:
    """Links by surface, best first."""
    by_surface: dict[str, list[Link]] = defaultdict(list)
    for row, label in zip(links.to_pylist(), linker.labels_of(links), strict=True):
        by_surface[row["surface_id"]].append(
            Link(
                concept_id=row["concept_id"],
                ontology=row["ontology"],
                label=label,
                rank=row["rank"],
                score=row["score"],
                method=row["method"],
            )
        )
    return by_surface


def _place(mention: Mention) -> tuple[int, tuple[Span, ...], str]:
    return mention.section, mention.spans, mention.entity_class
