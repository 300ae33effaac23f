"""PubTator, the text format of NCBI: title, abstract, one tab-separated line a mention.

Format: https://www.ncbi.nlm.nih.gov/research/pubtator3/api. Offsets count code points of title, a
blank, abstract. It cannot hold discontinuous mentions: those get their outer span, and a warning.
"""

from __future__ import annotations

import warnings
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kazu_platform.documents import Document, Mention

TYPES = {
    "gene": "Gene",
    "disease": "Disease",
    "chemical": "Chemical",
    "species": "Species",
    "cell_line": "CellLine",
    "cell_type": "CellType",
}


def to_pubtator(document: Document, mentions: Sequence[Mention]) -> str:
    r"""A document and its mentions; ends with the blank line that separates documents.

    The first section is the title and the others, joined by blanks, the abstract. Line breaks and
    tabs, which the format cannot hold, become blanks, in an identifier too: offsets stay.

    >>> from kazu_platform.documents import Document, Section
    >>> to_pubtator(Document("PMID:7", (Section("title", "TNF"),)), ())
    '7|t|TNF\n7|a|\n\n'
    """
    number = _plain(document.doc_id.removeprefix("PMID:"))
    texts = [_plain(section.text) for section in document.sections] or [""]
    starts = [0, *accumulate(len(text) + 1 for text in texts)]
    whole = " ".join(texts)
    lines = [f"{number}|t|{texts[0]}", f"{number}|a|{' '.join(texts[1:])}"]
    for mention in sorted(mentions, key=lambda m: (m.section, m.start, -m.end, m.entity_class)):
        if len(mention.spans) > 1:
            warnings.warn(
                f"{document.doc_id}: PubTator cannot hold the discontinuous mention "
                f"{mention.text!r}; its outer span was written.",
                stacklevel=2,
            )
        start, end = starts[mention.section] + mention.start, starts[mention.section] + mention.end
        kind = TYPES.get(mention.entity_class, mention.entity_class)
        concept = mention.links[0].concept_id if mention.links else "-"
        lines.append("\t".join((number, str(start), str(end), whole[start:end], kind, concept)))
    return "\n".join(lines) + "\n\n"


def _plain(text: str) -> str:
    return text.translate({ord(c): " " for c in "\n\r\t\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"})
