"""PubTator, the text format of NCBI: title, abstract, one tab-separated line a mention.

Format: https://www.ncbi.nlm.nih.gov/research/pubtator3/api. Offsets count code points of title, a
blank, abstract. It cannot hold discontinuous mentions: those get their outer span, and a warning.
Of links it holds the best one's identifier.
"""

from __future__ import annotations

import warnings
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from kazu_platform.documents import Document, Link, Mention, Section, Span
from kazu_platform.errors import MalformedFileError
from kazu_platform.formats.pubtator_blocks import NO_CONCEPT, parse_blocks
from kazu_platform.text.sentences import sentence_spans

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kazu_platform.formats.pubtator_blocks import Block, Line

TYPES = {
    "gene": "Gene",
    "disease": "Disease",
    "chemical": "Chemical",
    "species": "Species",
    "cell_line": "CellLine",
    "cell_type": "CellType",
}
DETECTOR = "pubtator"
"""What mentions of a file have as their detector and as the method of their links."""
CLASSES = {kind.casefold(): name for name, kind in TYPES.items()}
"""Which class a type is, written in small letters."""


def to_pubtator(document: Document, mentions: Sequence[Mention]) -> str:
    r"""A document and its mentions; ends with the blank line that separates documents.

    The first section is the title and the others, joined by blanks, the abstract. Line breaks and
    tabs, which the format cannot hold, become blanks, in an identifier too, and so does a bar in
    that of the document: offsets stay.

    >>> from kazu_platform.documents import Document, Section
    >>> to_pubtator(Document("PMID:7", (Section("title", "TNF"),)), ())
    '7|t|TNF\n7|a|\n\n'
    """
    number = _plain(document.doc_id.removeprefix("PMID:")).replace("|", " ")
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
        concept = (_plain(mention.link.concept_id) if mention.link else "") or NO_CONCEPT
        lines.append("\t".join((number, str(start), str(end), whole[start:end], kind, concept)))
    return "\n".join(lines) + "\n\n"


def from_pubtator(
    content: str, *, path: Path | str = "-", by_offsets: bool = False
) -> list[tuple[Document, tuple[Mention, ...]]]:
    r"""The documents of a file, each with its mentions in the order of the file.

    A document has the sections `title` and, if there is one, `abstract`; its number becomes a PMID.
    A type that is not one of ours stays as it is. A link knows its concept alone: the format has
    neither its name nor a score.

    >>> [(document, (mention,))] = from_pubtator("7|t|TNF rose\n7|a|\n7\t0\t3\tTNF\tGene\t7124\n")
    >>> document.doc_id, mention.text, mention.entity_class, mention.links[0].concept_id
    ('PMID:7', 'TNF', 'gene', '7124')

    Args:
        content: What the file holds.
        path: What errors call it.
        by_offsets: Take what stands at the offsets of a mention, whatever text its line says:
            published files have a few lines that differ. Otherwise such a line is an error, since
            offsets that count something else make every mention wrong.

    Raises:
        MalformedFileError: names the file and the line that is neither text nor mention nor
            relation, or the mention that is not its own slice of title or abstract.
    """
    blocks = parse_blocks(path, content)
    return [_annotated(block, path, by_offsets=by_offsets) for block in blocks]


def _annotated(
    block: Block, path: Path | str, *, by_offsets: bool
) -> tuple[Document, tuple[Mention, ...]]:
    doc_id = f"PMID:{block.name}" if block.name.isdecimal() else block.name
    sections = [Section("title", block.title), Section("abstract", block.abstract)]
    document = Document(doc_id, tuple(sections if block.abstract else sections[:1]))
    begins = [[start for start, _ in sentence_spans(s.text)] for s in document.sections]
    mentions: list[Mention] = []
    for line in block.mentions:
        try:
            mentions.append(_mention(document, begins, line, by_offsets=by_offsets))
        except ValueError as problem:
            raise MalformedFileError.at(path, str(problem), line=line.number) from None
    return document, tuple(mentions)


def _mention(
    document: Document, begins: list[list[int]], line: Line, *, by_offsets: bool
) -> Mention:
    border = len(document.sections[0].text)
    section = int(line.start > border)
    offset = section * (border + 1)
    if line.start <= border < line.end:
        raise ValueError(f"{line.text!r} crosses the end of the title of {document.doc_id}.")
    start, end = line.start - offset, line.end - offset
    text = document.sections[section].text[start:end]
    if text != line.text and not by_offsets:
        raise ValueError(f"{line.text!r} stands where {document.doc_id} has {text!r}.")
    return Mention(
        doc_id=document.doc_id,
        section=section,
        sentence=max(0, bisect_right(begins[section], start) - 1),
        spans=(Span(start, end),),
        text=text,
        entity_class=CLASSES.get(line.kind.casefold(), line.kind),
        detector=DETECTOR,
        links=() if line.concept == NO_CONCEPT else (_link(line.concept),),
    )


def _link(concept: str) -> Link:
    prefix, colon, _ = concept.partition(":")
    return Link(concept, prefix if colon else "", "", 1, 1.0, DETECTOR)


def _plain(text: str) -> str:
    return text.translate({ord(c): " " for c in "\n\r\t\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"})
