from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from kazu_platform.citations.pubmed import parse_pubmed
from kazu_platform.documents import content_hash
from kazu_platform.tables import CITATIONS, DELETIONS, QUARANTINE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Parse = Callable[..., Any]
    Make = Callable[..., str]


def test_a_citation_becomes_a_row(parse: Parse, make_article: Make):
    citation = make_article(
        31337,
        version=2,
        inside="<Journal><ISSN>1234-5678</ISSN><JournalIssue><Volume>3</Volume>"
        "<PubDate><Year>2019</Year><Month>Mar</Month><Day>4</Day></PubDate></JournalIssue>"
        "<Title>Annals of Yeast</Title><ISOAbbreviation>Ann Y</ISOAbbreviation></Journal>"
        "<ArticleTitle>Zinc and <i>ZAP1</i>.</ArticleTitle>"
        "<Abstract><AbstractText>Zinc feeds yeast.</AbstractText></Abstract>"
        "<Language>eng</Language><Language>ger</Language>"
        '<PublicationTypeList><PublicationType UI="D016428">Journal Article</PublicationType>'
        "</PublicationTypeList>",
        beside="<DateRevised><Year>2026</Year><Month>01</Month><Day>09</Day></DateRevised>"
        "<MeshHeadingList><MeshHeading>"
        '<DescriptorName UI="D015032" MajorTopicYN="N">Zinc</DescriptorName>'
        '<QualifierName UI="Q000378">metabolism</QualifierName></MeshHeading><MeshHeading>'
        '<DescriptorName UI="D015003">Yeasts</DescriptorName></MeshHeading></MeshHeadingList>',
        data='<ArticleIdList><ArticleId IdType="pubmed">31337</ArticleId>'
        '<ArticleId IdType="doi">10.1/zinc</ArticleId><ArticleId IdType="pmc">PMC42</ArticleId>'
        "</ArticleIdList>",
    )

    [row] = parse(citation).citations

    sections = [("title", "Zinc and ZAP1."), ("abstract", "Zinc feeds yeast.")]
    assert row == {
        "doc_id": "PMID:31337",
        "pmid": 31337,
        "version": 2,
        "title": "Zinc and ZAP1.",
        "sections": [{"name": name, "text": text} for name, text in sections],
        "vernacular_title": None,
        "other_abstracts": [],
        "journal": "Annals of Yeast",
        "pub_year": 2019,
        "pub_date": "2019-03-04",
        "language": ["eng", "ger"],
        "publication_types": ["Journal Article"],
        "mesh": ["MESH:D015032", "MESH:D015003"],
        "doi": "10.1/zinc",
        "pmcid": "PMC42",
        "revised_on": date(2026, 1, 9),
        "retracted": False,
        "content_hash": content_hash(sections),
        "file": "made26n0001",
        "position": 0,
    }


def test_a_structured_abstract_is_a_section_for_each_label(parse: Parse, make_article: Make):
    abstract = (
        '<Abstract><AbstractText Label="AIMS &amp; SCOPE" NlmCategory="OBJECTIVE">To see.'
        '</AbstractText><AbstractText NlmCategory="METHODS">We looked.</AbstractText>'
        '<AbstractText Label="EMPTY"> </AbstractText><AbstractText>We saw.</AbstractText>'
        "<CopyrightInformation>© Nobody</CopyrightInformation></Abstract>"
    )

    [row] = parse(make_article(inside=abstract)).citations

    assert [(s["name"], s["text"]) for s in row["sections"]] == [
        ("title", "Zinc in yeast."),
        ("AIMS & SCOPE", "To see."),
        ("METHODS", "We looked."),
        ("abstract", "We saw."),
    ]


def test_other_titles_and_abstracts_are_kept_apart(parse: Parse, make_article: Make):
    citation = make_article(
        inside="<ArticleTitle>[Zinc in bread].</ArticleTitle>"
        "<VernacularTitle>Zink im Brot.</VernacularTitle>",
        beside='<OtherAbstract Type="Publisher" Language="ger"><AbstractText>Brot hat Zink.'
        '</AbstractText><AbstractText Label="ZIEL">Mehr Zink.</AbstractText></OtherAbstract>'
        '<OtherAbstract Type="plain-language-summary"><AbstractText>Bread is good.</AbstractText>'
        "</OtherAbstract>",
    )

    [row] = parse(citation).citations

    assert row["title"] == "[Zinc in bread]."
    assert row["vernacular_title"] == "Zink im Brot."
    assert row["sections"] == [{"name": "title", "text": "[Zinc in bread]."}]
    assert row["other_abstracts"] == [
        {"name": "Publisher/ger", "text": "Brot hat Zink."},
        {"name": "Publisher/ger/ZIEL", "text": "Mehr Zink."},
        {"name": "plain-language-summary/eng", "text": "Bread is good."},
    ]


def test_an_empty_title_is_no_section(parse: Parse, make_article: Make):
    [row] = parse(make_article(inside="<ArticleTitle>\xa0 \n</ArticleTitle>")).citations

    assert (row["title"], row["sections"]) == ("", [])


CHAPTER = (
    "<PubmedBookArticle><BookDocument><PMID Version='1'>20301577</PMID>"
    "<ArticleIdList><ArticleId IdType='bookaccession'>NBK1</ArticleId></ArticleIdList>"
    "<Book><Publisher/><BookTitle>Bread<sup>®</sup></BookTitle><PubDate><Year>1993</Year></PubDate>"
    "<ELocationID EIdType='doi'>10.1/book</ELocationID></Book>{title}"
    "<Language>eng</Language><PublicationType UI='D016454'>Review</PublicationType>"
    "<Abstract><AbstractText Label='SUMMARY'>It rises.</AbstractText></Abstract>"
    "<Sections><Section><SectionTitle>Diagnosis</SectionTitle></Section></Sections>{date}"
    "</BookDocument><PubmedBookData><ArticleIdList><ArticleId IdType='pubmed'>20301577"
    "</ArticleId></ArticleIdList></PubmedBookData></PubmedBookArticle>"
)


def test_a_chapter_of_a_book_has_its_own_title_and_date(parse: Parse):
    date_of_chapter = "<ContributionDate><Year>2006</Year><Month>2</Month></ContributionDate>"
    chapter = CHAPTER.format(title="<ArticleTitle>Dough</ArticleTitle>", date=date_of_chapter)

    [row] = parse(chapter).citations

    assert row["sections"] == [
        {"name": "title", "text": "Dough"},
        {"name": "SUMMARY", "text": "It rises."},
    ]
    assert (row["journal"], row["pub_date"], row["doi"]) == ("Bread®", "2006-02", None)
    assert (row["language"], row["publication_types"]) == (["eng"], ["Review"])


def test_a_whole_book_has_the_title_and_date_of_the_book(parse: Parse):
    [row] = parse(CHAPTER.format(title="", date="")).citations

    assert (row["title"], row["pub_date"], row["doi"]) == ("Bread®", "1993", "10.1/book")


@pytest.mark.parametrize(
    ("pub_date", "expected"),
    [
        ("<Year>2004</Year><Month>02</Month><Day>29</Day>", "2004-02-29"),
        ("<Year>2005</Year><Month>02</Month><Day>29</Day>", "2005-02"),
        ("<Year>2005</Year><Month>Smarch</Month><Day>13</Day>", "2005"),
        ("<Year>1998</Year><Season>Spring</Season>", "1998"),
        ("<Year>2009</Year><Season>Apr-Jun</Season>", "2009-04"),
        ("<MedlineDate>1998 Dec-1999 Jan</MedlineDate>", "1998-12"),
        ("<MedlineDate>2000 Spring</MedlineDate>", "2000"),
        ("<MedlineDate>no idea</MedlineDate>", None),
        ("", None),
    ],
)
def test_dates_are_as_precise_as_the_source(
    parse: Parse, make_article: Make, pub_date: str, expected: str | None
):
    journal = f"<Journal><JournalIssue><PubDate>{pub_date}</PubDate></JournalIssue></Journal>"

    [row] = parse(make_article(inside=journal)).citations

    assert row["pub_date"] == expected
    assert row["pub_year"] == (int(expected[:4]) if expected else None)


def test_an_electronic_date_stands_in_for_a_missing_one(parse: Parse, make_article: Make):
    dates = (
        "<Journal><JournalIssue><PubDate/></JournalIssue></Journal>"
        '<ArticleDate DateType="Electronic"><Year>2021</Year><Month>05</Month><Day>06</Day>'
        "</ArticleDate>"
    )

    [row] = parse(make_article(inside=dates)).citations

    assert row["pub_date"] == "2021-05-06"


def test_identifiers_of_references_are_not_those_of_the_article(parse: Parse, make_article: Make):
    references = (
        "<ArticleIdList/><ReferenceList><Reference><Citation>Other.</Citation><ArticleIdList>"
        '<ArticleId IdType="doi">10.1/other</ArticleId><ArticleId IdType="pmc">PMC9</ArticleId>'
        "</ArticleIdList></Reference></ReferenceList>"
    )
    location = '<ELocationID EIdType="doi" ValidYN="{}">10.1/own</ELocationID>'

    parsed = parse(
        make_article(1, data=references),
        make_article(2, data=references, inside=location.format("Y")),
        make_article(3, data=references, inside=location.format("N")),
    )

    assert [row["doi"] for row in parsed.citations] == [None, "10.1/own", None]
    assert [row["pmcid"] for row in parsed.citations] == [None, None, None]


def test_a_retraction_is_seen_in_types_and_in_corrections(parse: Parse, make_article: Make):
    retracted_type = (
        '<PublicationTypeList><PublicationType UI="D016441">Retracted Publication'
        "</PublicationType></PublicationTypeList>"
    )
    correction = (
        '<CommentsCorrectionsList><CommentsCorrections RefType="{}"/></CommentsCorrectionsList>'
    )

    parsed = parse(
        make_article(1, inside=retracted_type),
        make_article(2, beside=correction.format("RetractionIn")),
        make_article(3, beside=correction.format("RetractionOf")),
    )

    assert [row["retracted"] for row in parsed.citations] == [True, True, False]


def test_errata_and_other_notices_are_kept_and_comments_are_not(parse: Parse, make_article: Make):
    def notices(*kinds: str) -> str:
        each = (
            f'<CommentsCorrections RefType="{kind}"><RefSource>J</RefSource>'
            f"<PMID>{pmid}</PMID></CommentsCorrections>"
            for pmid, kind in enumerate(kinds, start=90)
        )
        return f"<CommentsCorrectionsList>{''.join(each)}</CommentsCorrectionsList>"

    parsed = parse(
        make_article(1, beside=notices("CommentIn", "ErratumIn", "Cites", "RetractionIn")),
        make_article(2, beside=notices("ErratumFor", "ExpressionOfConcernIn")),
        make_article(3, beside=notices("RetractedandRepublishedIn")),
        make_article(4),
    )

    assert [(row["corrected"], row["retracted"], row["notices"]) for row in parsed.citations] == [
        (True, True, ["ErratumIn PMID:91", "RetractionIn PMID:93"]),
        (False, False, ["ErratumFor PMID:90", "ExpressionOfConcernIn PMID:91"]),
        (False, True, ["RetractedandRepublishedIn PMID:90"]),
        (False, False, []),
    ]


def test_deletions_and_repeated_pmids_keep_their_places(parse: Parse, make_article: Make):
    parsed = parse(
        make_article(5),
        make_article(5, version=2),
        '<DeleteCitation><PMID Version="1">5</PMID><PMID>6</PMID></DeleteCitation>',
        make_article(5),
        "<DeleteDocument><PMID>7</PMID></DeleteDocument>",
        batch_size=1,
    )

    assert [(r["pmid"], r["version"], r["position"]) for r in parsed.citations] == [
        (5, 1, 0),
        (5, 2, 1),
        (5, 1, 3),
    ]
    assert [(r["pmid"], r["version"], r["position"]) for r in parsed.deletions] == [
        (5, 1, 2),
        (6, None, 2),
        (7, None, 4),
    ]


@pytest.mark.parametrize(
    ("element", "doc_id", "problem"),
    [
        (
            "<PubmedArticle/>",
            "made26n0001#1",
            "no PMID: <MedlineCitation> or its <PMID> is missing",
        ),
        (
            "<PubmedArticle><MedlineCitation><PMID/><Article/></MedlineCitation></PubmedArticle>",
            "made26n0001#1",
            "no PMID: <PMID> is empty",
        ),
        (
            "<PubmedArticle><MedlineCitation><PMID>12x</PMID></MedlineCitation></PubmedArticle>",
            "made26n0001#1",
            "the PMID '12x' is no number",
        ),
        (
            (
                "<PubmedArticle><MedlineCitation><PMID>9223372036854775808</PMID></MedlineCitation>"
                "</PubmedArticle>"
            ),
            "made26n0001#1",
            "the PMID '9223372036854775808' is outside 1 to 9223372036854775807",
        ),
        (
            (
                '<PubmedArticle><MedlineCitation><PMID Version="one">9</PMID></MedlineCitation>'
                "</PubmedArticle>"
            ),
            "PMID:9",
            "the version 'one' of the PMID is no version",
        ),
        (
            "<PubmedArticle><MedlineCitation><PMID>9</PMID></MedlineCitation></PubmedArticle>",
            "PMID:9",
            "<MedlineCitation> has no <Article>",
        ),
        (
            (
                "<PubmedArticle><MedlineCitation><PMID>9</PMID><Article><ArticleTitle>&alpha;-tubulin"
                "</ArticleTitle></Article></MedlineCitation></PubmedArticle>"
            ),
            "PMID:9",
            "nobody declares the entity &alpha;",
        ),
        (
            (
                "<PubmedArticle><MedlineCitation><PMID>9</PMID><Article><ArticleTitle>"
                f"{'<i>' * 300}{'</i>' * 300}</ArticleTitle></Article></MedlineCitation>"
                "</PubmedArticle>"
            ),
            "PMID:9",
            "markup is nested deeper than 200",
        ),
        (
            "<PubmedArticle><PubmedArticle/></PubmedArticle>",
            "made26n0001#1",
            "it holds another citation or list of deletions",
        ),
        (
            (
                "<PubmedArticle><MedlineCitation><PMID>1<b>2</b></PMID></MedlineCitation>"
                "</PubmedArticle>"
            ),
            "made26n0001#1",
            "<PMID> holds more than a number",
        ),
        ("<Preprint/>", "made26n0001#1", "<Preprint> is no element of a PubMed file"),
        (
            "<DeleteCitation><PMID>x</PMID></DeleteCitation>",
            "made26n0001#1",
            "of <DeleteCitation>: the PMID 'x' is no number",
        ),
    ],
)
def test_a_bad_element_is_set_aside_and_the_file_goes_on(
    parse: Parse, make_article: Make, element: str, doc_id: str, problem: str
):
    parsed = parse(make_article(1), element, "\n", make_article(3))

    assert [(r["pmid"], r["position"]) for r in parsed.citations] == [(1, 0), (3, 2)]
    [row] = parsed.set_aside
    assert row.pop("at") is not None
    assert row == {
        "doc_id": doc_id,
        "stage": "citations",
        "reason": "malformed",
        "detail": f"made26n0001, element 1: {problem} (line 5)",
        "attempts": 1,
        "content_hash": None,
        "file": "made26n0001",
        "position": 1,
    }


def test_an_entity_between_citations_is_set_aside(parse: Parse, make_article: Make):
    parsed = parse("&alpha;", make_article(1))

    assert [row["pmid"] for row in parsed.citations] == [1]
    assert parsed.set_aside[0]["detail"].startswith(
        "made26n0001, element 0: an entity that nobody declares is no element of a PubMed file"
    )


def test_unknown_elements_at_the_end_are_set_aside(parse: Parse, make_article: Make):
    parsed = parse(make_article(1), "<Preprint/>", "<Preprint/>")

    assert [row["position"] for row in parsed.set_aside] == [1, 2]


def test_a_pmid_that_a_list_names_twice_is_deleted_once(parse: Parse):
    listed = '<PMID Version="1">5</PMID><PMID>6</PMID><PMID Version="1">5</PMID>'

    parsed = parse(f"<DeleteCitation>{listed}</DeleteCitation>")

    assert [(row["pmid"], row["version"]) for row in parsed.deletions] == [(5, 1), (6, None)]


def test_the_good_pmids_of_a_bad_list_of_deletions_count(parse: Parse):
    listed = "".join(f"<PMID>{pmid}</PMID>" for pmid in ("8", *["x"] * 7))

    parsed = parse(f"<DeleteCitation>{listed}</DeleteCitation>")

    assert [row["pmid"] for row in parsed.deletions] == [8]
    assert parsed.set_aside[0]["detail"].endswith("; 2 more (line 4)")


def test_an_empty_set_is_one_empty_batch(tmp_path: Path, make_set: Make):
    path = tmp_path / "none.xml"
    path.write_text(make_set())

    [batch] = parse_pubmed(path, file="none")

    assert batch.citations.equals(CITATIONS.empty())
    assert batch.deletions.equals(DELETIONS.empty())
    assert batch.set_aside.equals(QUARANTINE.empty())


def test_batches_are_as_large_as_asked_for(tmp_path: Path, make_set: Make, make_article: Make):
    path = tmp_path / "five.xml"
    path.write_text(make_set(*map(make_article, range(1, 6))))

    batches = list(parse_pubmed(path, file="five", batch_size=2))

    assert [len(batch.citations) for batch in batches] == [2, 2, 1]


def test_an_abstract_of_five_megabytes_is_kept_whole(parse: Parse, make_article: Make):
    long = "αβγδε ζηθικ " * 450_000
    abstract = f"<Abstract><AbstractText>{long}</AbstractText></Abstract>"

    [row] = parse(make_article(inside=abstract)).citations

    assert row["sections"][1]["text"] == long.strip()


def test_every_file_of_the_mirror_has_the_citations_it_should(test_data: Path):
    folder = test_data / "pubmed"
    expected = json.loads((folder / "expected.json").read_text("utf-8"))
    files = [("baseline", each) for each in expected["baseline"]]
    files += [("updatefiles", each) for each in expected["updates"]]

    for where, each in files:
        batches = list(parse_pubmed(folder / where / each["file"], file=each["file"][:13]))

        assert sum(len(batch.citations) for batch in batches) == each["citations"]
        assert sum(len(batch.deletions) for batch in batches) == len(each.get("deleted", ()))
        assert sum(len(batch.set_aside) for batch in batches) == 0


def test_odd_files_are_read_but_for_the_citations_without_pmid(test_data: Path):
    found = {}
    for path in sorted((test_data / "pubmed" / "odd").glob("*.xml")):
        batches = list(parse_pubmed(path, file=path.stem))
        citations = pa.concat_tables([batch.citations for batch in batches])
        found[path.stem] = (len(citations), sum(len(batch.set_aside) for batch in batches))
        for sections in citations["sections"].to_pylist():
            for section in sections:
                assert section["text"] == section["text"].strip(" \t\r\n")
                assert not set(section["text"]) & set("\t\r\n")

    assert len(found) == 16
    assert found.pop("nikhilfeb95_pubmed") == (0, 12)
    assert {set_aside for _, set_aside in found.values()} == {0}
    assert sum(citations for citations, _ in found.values()) == 77
