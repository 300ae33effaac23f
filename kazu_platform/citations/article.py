"""`<PubmedArticle>`: a citation of a journal article.

DTD: https://dtd.nlm.nih.gov/ncbi/pubmed/doc/out/250101/el-PubmedArticle.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kazu_platform.citations import fields
from kazu_platform.citations.markup import text_of
from kazu_platform.citations.record import Citation, MalformedCitationError

if TYPE_CHECKING:
    from kazu_platform.citations.fields import Readers
    from kazu_platform.citations.xml import Element


_PMID = re.compile("[1-9][0-9]{0,18}")
_RETRACTS = {"RetractionIn", "RetractedandRepublishedIn"}
_CORRECTS = {"ErratumIn", "CorrectedandRepublishedIn", "PartialRetractionIn"}
_NOTICES = (
    _RETRACTS
    | _CORRECTS
    | {"ExpressionOfConcernIn"}
    | {"RetractionOf", "PartialRetractionOf", "ErratumFor", "ExpressionOfConcernFor"}
    | {"CorrectedandRepublishedFrom", "RetractedandRepublishedFrom"}
)


def read_article(element: Element) -> Citation:
    """The citation that a `<PubmedArticle>` holds.

    Raises:
        MalformedCitationError: it has no usable PMID, or no article.
    """
    citation = Citation()
    fields.fill(citation, element, _PARTS)
    if citation.pmid is None:
        raise MalformedCitationError("no PMID: <MedlineCitation> or its <PMID> is missing")
    return citation


def _read_medline(element: Element, citation: Citation) -> None:
    fields.fill(citation, element, _MEDLINE)
    if element.find("Article") is None:
        raise MalformedCitationError("<MedlineCitation> has no <Article>")


def _read_article(element: Element, citation: Citation) -> None:
    fields.fill(citation, element, _ARTICLE)


def _read_journal(element: Element, citation: Citation) -> None:
    for child in element:
        if child.tag == "Title":
            citation.journal = text_of(child) or None
        elif child.tag == "JournalIssue":
            for part in child:
                if part.tag == "PubDate":
                    citation.published = fields.publication_date(part)


def _read_article_date(element: Element, citation: Citation) -> None:
    """The electronic publication, for when the journal issue has no date."""
    citation.published_otherwise = citation.published_otherwise or fields.publication_date(element)


def _read_publication_types(element: Element, citation: Citation) -> None:
    for child in element:
        fields.read_publication_type(child, citation)


def _read_mesh(element: Element, citation: Citation) -> None:
    for heading in element:
        for name in heading:
            if name.tag == "DescriptorName":
                identifier = name.get("UI")
                if identifier:
                    citation.mesh.append(f"MESH:{identifier}")
                break


def _read_corrections(element: Element, citation: Citation) -> None:
    """Notices that bear on whether the article holds; comments and updates do not."""
    for correction in element:
        kind = correction.get("RefType") or ""
        if kind in _NOTICES:
            citation.retracted = citation.retracted or kind in _RETRACTS
            citation.corrected = citation.corrected or kind in _CORRECTS
            pmid = _PMID.fullmatch((correction.findtext("PMID") or "").strip())
            citation.notices.append(f"{kind} PMID:{pmid[0]}" if pmid else kind)


def _read_pubmed_data(element: Element, citation: Citation) -> None:
    fields.fill(citation, element, _PUBMED_DATA)


_PARTS: Readers = {"MedlineCitation": _read_medline, "PubmedData": _read_pubmed_data}
_MEDLINE: Readers = {
    "PMID": fields.read_pmid,
    "DateRevised": fields.read_revised_on,
    "Article": _read_article,
    "CommentsCorrectionsList": _read_corrections,
    "MeshHeadingList": _read_mesh,
    "OtherAbstract": fields.read_other_abstract,
}
_ARTICLE: Readers = {
    "Journal": _read_journal,
    "ArticleTitle": fields.read_title,
    "ELocationID": fields.read_electronic_location,
    "Abstract": fields.read_abstract,
    "Language": fields.read_language,
    "PublicationTypeList": _read_publication_types,
    "VernacularTitle": fields.read_vernacular_title,
    "ArticleDate": _read_article_date,
}
_PUBMED_DATA: Readers = {"ArticleIdList": fields.read_article_ids}
