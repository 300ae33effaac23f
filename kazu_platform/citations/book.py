"""`<PubmedBookArticle>`: a citation of a book or of a chapter of one.

A chapter's title and date are its own; the book's are used where it is the book that is cited.
`<Sections>` is a table of contents without text and is not read.
DTD: https://dtd.nlm.nih.gov/ncbi/pubmed/doc/out/250101/el-PubmedBookArticle.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kazu_platform.citations import fields
from kazu_platform.citations.markup import text_of
from kazu_platform.citations.record import Citation, MalformedCitationError

if TYPE_CHECKING:
    from kazu_platform.citations.fields import Readers
    from kazu_platform.citations.xml import Element


def read_book(element: Element) -> Citation:
    """The citation that a `<PubmedBookArticle>` holds.

    Raises:
        MalformedCitationError: it has no usable PMID.
    """
    citation = Citation()
    fields.fill(citation, element, _PARTS)
    if citation.pmid is None:
        raise MalformedCitationError("no PMID: <BookDocument> or its <PMID> is missing")
    if citation.title:
        citation.doi_otherwise = None  # a book's DOI is not that of its chapter
    else:
        citation.title = citation.journal or ""
    return citation


def _read_document(element: Element, citation: Citation) -> None:
    fields.fill(citation, element, _DOCUMENT)


def _read_book(element: Element, citation: Citation) -> None:
    fields.fill(citation, element, _BOOK)


def _read_book_title(element: Element, citation: Citation) -> None:
    citation.journal = text_of(element) or None


def _read_book_date(element: Element, citation: Citation) -> None:
    citation.published_otherwise = fields.publication_date(element)


def _read_contribution_date(element: Element, citation: Citation) -> None:
    citation.published = fields.publication_date(element)


def _read_book_data(element: Element, citation: Citation) -> None:
    fields.fill(citation, element, _BOOK_DATA)


_PARTS: Readers = {"BookDocument": _read_document, "PubmedBookData": _read_book_data}
_DOCUMENT: Readers = {
    "PMID": fields.read_pmid,
    "ArticleIdList": fields.read_article_ids,
    "Book": _read_book,
    "ArticleTitle": fields.read_title,
    "VernacularTitle": fields.read_vernacular_title,
    "Language": fields.read_language,
    "PublicationType": fields.read_publication_type,
    "Abstract": fields.read_abstract,
    "ContributionDate": _read_contribution_date,
    "DateRevised": fields.read_revised_on,
}
_BOOK: Readers = {
    "BookTitle": _read_book_title,
    "PubDate": _read_book_date,
    "ELocationID": fields.read_electronic_location,
}
_BOOK_DATA: Readers = {"ArticleIdList": fields.read_article_ids}
