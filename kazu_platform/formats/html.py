"""An HTML page that shows a document with its mentions, nested ones inside their hosts."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kazu_platform.documents import Document, Mention, Section

COLOURS = {
    "gene": "#cfe8ff",
    "disease": "#ffd6d6",
    "chemical": "#d8f5d0",
    "species": "#fff0c2",
    "cell_line": "#e8d9ff",
    "cell_type": "#d5f4f4",
    "anatomy": "#f3e3d3",
    "phenotype": "#ffe0f0",
    "process": "#e6e6e6",
}
_STYLE = (
    "body{font:16px/1.7 system-ui,sans-serif;max-width:50em;margin:2em auto;padding:0 1em}"
    "mark{border-radius:3px;padding:1px 2px;border:1px solid #0002}"
    + "".join(f"mark.{name}{{background:{colour}}}" for name, colour in COLOURS.items())
)


def to_html(annotated: Iterable[tuple[Document, Sequence[Mention]]]) -> str:
    """A whole page; every text is escaped, and nothing is loaded from elsewhere."""
    body = "".join(_document(document, mentions) for document, mentions in annotated)
    key = " ".join(f'<mark class="{name}">{name}</mark>' for name in COLOURS)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Annotated text</title>'
        f"<style>{_STYLE}</style><p>{key}</p>{body}</html>\n"
    )


def _document(document: Document, mentions: Sequence[Mention]) -> str:
    parts = [f"<h2>{escape(document.doc_id)}</h2>"]
    for index, section in enumerate(document.sections):
        inside = [m for m in mentions if m.section == index]
        parts.append(f"<h3>{escape(section.name)}</h3><p>{_marked(section, inside)}</p>")
    return "".join(parts)


def _marked(section: Section, mentions: Sequence[Mention]) -> str:
    """Nest what nests; where mentions cross, HTML cannot, so the later one is left out."""
    out: list[str] = []
    open_ends: list[int] = []
    at = 0
    for mention in sorted(mentions, key=lambda m: (m.start, -m.end, m.entity_class)):
        while open_ends and open_ends[-1] <= mention.start:
            out.append(escape(section.text[at : open_ends[-1]]) + "</mark>")
            at = open_ends.pop()
        if open_ends and mention.end > open_ends[-1]:
            continue
        out.append(escape(section.text[at : mention.start]) + _opening(mention))
        at = mention.start
        open_ends.append(mention.end)
    while open_ends:
        out.append(escape(section.text[at : open_ends[-1]]) + "</mark>")
        at = open_ends.pop()
    return "".join(out) + escape(section.text[at:])


def _opening(mention: Mention) -> str:
    best = mention.link
    what = f"{best.concept_id} {best.label}" if best else "no concept"
    title = escape(f"{mention.entity_class}: {what}", quote=True)
    return f'<mark class="{escape(mention.entity_class, quote=True)}" title="{title}">'
