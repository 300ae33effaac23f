"""An article in JATS, the XML of PubMed Central: `.nxml`.

Tag set: https://jats.nlm.nih.gov/archiving/tag-library/1.3/; how PMC uses it:
https://www.ncbi.nlm.nih.gov/pmc/pmcdoc/tagging-guidelines/article/style.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - ships no types

from kazu_platform.citations.bundles import stem
from kazu_platform.citations.dates import iso_date, medline_date
from kazu_platform.citations.elements import guarded_parser
from kazu_platform.citations.fields import date_parts
from kazu_platform.citations.jats_body import abstract_texts, body_texts, translated_abstracts
from kazu_platform.citations.jats_text import flat_text
from kazu_platform.citations.record import Citation, MalformedCitationError, parse_pmid

if TYPE_CHECKING:
    from kazu_platform.citations.xml import Element

ROOT = "article"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
# Two letters to what MEDLINE writes; others are left out.
_LANGUAGES = {
    "de": "ger",
    "en": "eng",
    "es": "spa",
    "fr": "fre",
    "it": "ita",
    "ja": "jpn",
    "pt": "por",
    "ru": "rus",
    "zh": "chi",
}
# Names of PubMed, where it has the same thing.
_TYPES = {
    "case-report": "Case Reports",
    "correction": "Published Erratum",
    "editorial": "Editorial",
    "letter": "Letter",
    "research-article": "Journal Article",
    "retraction": "Retraction of Publication",
    "review-article": "Review",
    "systematic-review": "Systematic Review",
}
# The journal's issue first, as in PubMed; never the day on which PMC put it up.
_DATES = ("ppub", "epub-ppub", "pub", "epub", "collection", "preprint", "epreprint", "")
_PMCID = re.compile(r"(?:PMC)?0*([1-9][0-9]{0,17})(?:\.[0-9]+)?")
_PMCID_IN_NAME = re.compile(r"PMC[1-9][0-9]{0,17}(?![0-9])")


@dataclass(slots=True)
class FullText(Citation):
    """An article with its body; `name` is what its file is called."""

    name: str = ""
    body: list[tuple[str, str]] = field(default_factory=list)

    @property
    def doc_id(self) -> str:
        """`PMC:PMC123`; without a PMCID `DOI:10.1371/...`, without that the name of the file."""
        if self.pmcid:
            return f"PMC:{self.pmcid}"
        return f"DOI:{self.doi}" if self.doi else self.name

    @property
    def sections(self) -> list[tuple[str, str]]:
        """Names and texts of what is read: title, abstract, body."""
        title = [("title", self.title)] if self.title else []
        return [*title, *self.abstract, *self.body]


def parse_jats(content: bytes, name: str) -> FullText:
    """An article from its XML.

    Args:
        content: the XML.
        name: of its file or member: a PMCID is taken from there if the article does not say it.

    Raises:
        MalformedCitationError: says what is wrong: no well-formed XML, an entity declaration,
            another root element, no metadata, no text.
    """
    article = _root(content)
    meta = article.find("front/article-meta")
    if meta is None:
        raise MalformedCitationError("<article> has no <front> with <article-meta>")
    text = FullText(name=stem(name))
    _read_ids(meta, text)
    _read_facts(article, meta, text)
    text.title = _title(meta)
    text.abstract = list(abstract_texts(meta))
    text.other_abstracts = list(translated_abstracts(meta, LANGUAGE))
    text.body = list(body_texts(article))
    if not text.sections:
        raise MalformedCitationError("<article> has neither a title, an abstract nor a body")
    return text


def named_in(name: str) -> str:
    """What an article that cannot be read is called by its file: its PMCID, or the name.

    >>> named_in("PMC000xxxxxx/PMC13901.xml")
    'PMC:PMC13901'
    """
    found = _PMCID_IN_NAME.search(stem(name))
    return f"PMC:{found[0]}" if found else name


def _root(content: bytes) -> Element:
    parser = guarded_parser(events=(), tags=None, huge=False)
    try:
        parser.feed(content)
        root = parser.close()
    except etree.XMLSyntaxError as error:
        reason, _, _ = str(error.msg).partition(", line ")
        where = f" (line {error.lineno})" if error.lineno else ""
        raise MalformedCitationError(f"it is not well-formed XML: {reason}{where}") from None
    declared = root.getroottree().docinfo.internalDTD
    entity = next(declared.iterentities(), None) if declared is not None else None
    if entity is not None:
        raise MalformedCitationError(f"it declares the entity {entity.name!r}; PMC declares none")
    if root.tag != ROOT:
        raise MalformedCitationError(f"its root element is <{root.tag}>, not <{ROOT}>")
    return root


def _read_ids(meta: Element, text: FullText) -> None:
    in_name = _PMCID_IN_NAME.search(text.name)
    for child in meta:
        if child.tag != "article-id":
            continue
        kind, value = child.get("pub-id-type"), flat_text(child).strip()
        if kind == "doi":
            text.doi = text.doi or value or None
        elif kind in {"pmc", "pmcid"}:
            found = _PMCID.fullmatch(value)
            text.pmcid = f"PMC{found[1]}" if found else text.pmcid
        elif kind == "pmid":
            text.pmid = _pmid(value)
    text.pmcid = text.pmcid or (in_name[0] if in_name else None)


def _pmid(value: str) -> int | None:
    """Its PMID: one that is none costs the bond to PubMed, not the article."""
    try:
        return parse_pmid(value)
    except MalformedCitationError:
        return None


def _read_facts(article: Element, meta: Element, text: FullText) -> None:
    language = (article.get(LANGUAGE) or "en").lower().partition("-")[0]
    text.language = [_LANGUAGES[language]] if language in _LANGUAGES else []
    kind = article.get("article-type") or ""
    text.publication_types = [_TYPES[kind]] if kind in _TYPES else []
    for place in ("journal-title-group/journal-title", "journal-title"):
        text.journal = (
            text.journal or flat_text(article.find(f"front/journal-meta/{place}")) or None
        )
    dates: dict[str, str] = {}
    for child in meta:
        if child.tag == "pub-date":
            day = _day(child)
            if day:
                dates.setdefault(child.get("pub-type") or child.get("date-type") or "", day)
        elif child.tag == "related-article":
            relation = child.get("related-article-type")
            text.retracted = text.retracted or relation == "retraction-forward"
            text.corrected = text.corrected or relation == "correction-forward"
    text.published = next((dates[kind] for kind in _DATES if kind in dates), None)


def _day(element: Element) -> str | None:
    """A date of publication; the season of a journal may be "Apr-Jun"."""
    parts = date_parts(element)
    day = iso_date(parts.get("year"), parts.get("month") or parts.get("season"), parts.get("day"))
    return day or medline_date(parts.get("string-date"))


def _title(meta: Element) -> str:
    """Title and subtitle as PubMed joins them."""
    parts = [flat_text(meta.find(f"title-group/{tag}")) for tag in ("article-title", "subtitle")]
    title, subtitle = parts
    if title and subtitle:
        return f"{title} {subtitle}" if title[-1] in ".:?!" else f"{title}: {subtitle}"
    return title or subtitle
