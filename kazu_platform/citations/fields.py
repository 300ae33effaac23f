"""Fields that articles and books of PubMed share, each read from its element.

A reader is a function of an element and the citation it fills in; `fill` visits the children of
an element and calls the reader of each. Children without a reader (authors, references, grants:
most of a file) are never looked into. That is why it is fast.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from kazu_platform.citations.dates import exact_date, iso_date, medline_date
from kazu_platform.citations.markup import text_of
from kazu_platform.citations.record import (
    Citation,
    MalformedCitationError,
    parse_pmid,
    parse_version,
)
from kazu_platform.citations.xml import Element

Reader: TypeAlias = Callable[[Element, Citation], None]
Readers: TypeAlias = Mapping[object, Reader]

_PMCID = re.compile("PMC[0-9]+")


def fill(citation: Citation, element: Element, readers: Readers) -> None:
    """Let the reader of each child fill in the citation."""
    for child in element:
        reader = readers.get(child.tag)
        if reader is not None:
            reader(child, citation)


def read_pmid(element: Element, citation: Citation) -> None:
    """`<PMID Version="1">123</PMID>`; a second one is ignored."""
    if citation.pmid is None:
        citation.pmid, version = pmid_and_version(element)
        citation.version = 1 if version is None else version


def pmid_and_version(element: Element) -> tuple[int, int | None]:
    """The number and the version of a `<PMID>`.

    Raises:
        MalformedCitationError: it is no number, or it holds more than text.
    """
    if len(element):
        raise MalformedCitationError("<PMID> holds more than a number")
    return parse_pmid(element.text), parse_version(element.get("Version"))


def read_title(element: Element, citation: Citation) -> None:
    """`<ArticleTitle>`; the square brackets of a translated one stay."""
    citation.title = text_of(element)


def read_vernacular_title(element: Element, citation: Citation) -> None:
    """`<VernacularTitle>`: the title in the language of the article."""
    citation.vernacular_title = text_of(element) or None


def read_abstract(element: Element, citation: Citation) -> None:
    """`<Abstract>`: one section for each part; its copyright is no text."""
    for part in element:
        if part.tag == "AbstractText":
            text = text_of(part)
            if text:
                citation.abstract.append((_section_name(part), text))


def read_other_abstract(element: Element, citation: Citation) -> None:
    """`<OtherAbstract Type="Publisher" Language="spa">`: "Publisher/spa", then its label if any."""
    kind = f"{element.get('Type') or 'unknown'}/{element.get('Language') or 'eng'}"
    for part in element:
        if part.tag == "AbstractText":
            text = text_of(part)
            if text:
                label = (part.get("Label") or "").strip()
                citation.other_abstracts.append((f"{kind}/{label}" if label else kind, text))


def read_language(element: Element, citation: Citation) -> None:
    """`<Language>eng</Language>`."""
    _append_text(element, citation.language)


def read_publication_type(element: Element, citation: Citation) -> None:
    """`<PublicationType>`; one of them says that the article was retracted."""
    _append_text(element, citation.publication_types)
    if element.text == "Retracted Publication":
        citation.retracted = True


def read_revised_on(element: Element, citation: Citation) -> None:
    """`<DateRevised>`: null unless it is a whole date."""
    parts = date_parts(element)
    citation.revised_on = exact_date(parts.get("Year"), parts.get("Month"), parts.get("Day"))


def read_article_ids(element: Element, citation: Citation) -> None:
    """`<ArticleIdList>` of the citation itself; those of its references lie elsewhere."""
    for identifier in element:
        kind = identifier.get("IdType")
        if kind == "doi":
            citation.doi = citation.doi or _stripped(identifier)
        elif kind in {"pmc", "pmcid"} and citation.pmcid is None:
            found = _PMCID.search(identifier.text or "")
            citation.pmcid = found[0] if found else None


def read_electronic_location(element: Element, citation: Citation) -> None:
    """`<ELocationID EIdType="doi">`: the DOI where the list of identifiers has none."""
    if element.get("EIdType") == "doi" and element.get("ValidYN") != "N":
        citation.doi_otherwise = citation.doi_otherwise or _stripped(element)


def publication_date(element: Element) -> str | None:
    """A date of publication in any of its forms, as an ISO date."""
    parts = date_parts(element)
    month = parts.get("Month") or parts.get("Season")  # a season may be "Apr-Jun"
    exact = iso_date(parts.get("Year"), month, parts.get("Day"))
    return exact or medline_date(parts.get("MedlineDate"))


def date_parts(element: Element) -> dict[str, str | None]:
    """Year, Month, Day, Season or MedlineDate of an element, as text."""
    return {str(part.tag): part.text for part in element}


def _section_name(part: Element) -> str:
    label = part.get("Label")
    if label and (label := label.strip()):
        return label
    return (part.get("NlmCategory") or "").strip() or "abstract"


def _append_text(element: Element, values: list[str]) -> None:
    text = _stripped(element)
    if text:
        values.append(text)


def _stripped(element: Element) -> str | None:
    return text_of(element).strip() or None
