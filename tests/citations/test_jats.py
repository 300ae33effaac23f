"""Articles in JATS, written by us, as the full texts that are read of them."""

from __future__ import annotations

import pytest

from kazu_platform.citations.jats import FullText, named_in, parse_jats
from kazu_platform.citations.record import MalformedCitationError

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE article PUBLIC "-//NLM//DTD JATS (Z39.96) Journal Archiving DTD v1.3 20210610//EN" '
    '"http://jats.nlm.nih.gov/archiving/1.3/JATS-archivearticle1.dtd">\n'
)
IDS = (
    '<article-id pub-id-type="pmid">29127256</article-id>'
    '<article-id pub-id-type="pmc">123456</article-id>'
    '<article-id pub-id-type="doi">10.1000/zinc.7</article-id>'
)
SQUARE = "<mml:math><mml:msup><mml:mi>x</mml:mi><mml:mn>2</mml:mn></mml:msup></mml:math>"
TITLE = "<title-group><article-title>Zinc in <italic>yeast</italic></article-title></title-group>"


def jats(
    *, meta: str = IDS + TITLE, journal: str = "", body: str = "", more: str = "", **attributes: str
) -> bytes:
    """An article of these parts."""
    with_attributes = "".join(f' {k.replace("_", "-")}="{v}"' for k, v in attributes.items())
    return (
        f'{HEAD}<article xmlns:mml="http://www.w3.org/1998/Math/MathML"{with_attributes}>'
        f"<front><journal-meta>{journal}</journal-meta><article-meta>{meta}</article-meta></front>"
        f"<body>{body}</body>{more}</article>"
    ).encode()


def read(name: str = "a/PMC123456.nxml", **parts: str) -> FullText:
    return parse_jats(jats(**parts), name)


def body_of(body: str) -> list[tuple[str, str]]:
    return read(body=body).body


def problem_of(content: bytes, name: str = "a.nxml") -> str:
    with pytest.raises(MalformedCitationError) as caught:
        parse_jats(content, name)
    return str(caught.value)


def test_an_article_is_named_by_its_pmcid_and_knows_its_pmid():
    article = read()

    assert (article.doc_id, article.pmcid) == ("PMC:PMC123456", "PMC123456")
    assert (article.pmid, article.doi) == (29127256, "10.1000/zinc.7")
    assert article.sections == [("title", "Zinc in yeast")]


@pytest.mark.parametrize("kind", ["pmc", "pmcid"])
@pytest.mark.parametrize("written", ["PMC123456", "123456", " PMC123456.2 ", "0123456"])
def test_a_pmcid_is_read_in_each_of_its_forms(kind: str, written: str):
    meta = f'<article-id pub-id-type="{kind}">{written}</article-id>{TITLE}'

    assert read("a.nxml", meta=meta).doc_id == "PMC:PMC123456"


def test_without_a_pmcid_an_article_goes_by_its_file_its_doi_or_its_name():
    doi = f'<article-id pub-id-type="doi">10.1000/zinc.7</article-id>{TITLE}'

    assert read("x/PMC77.xml", meta=doi).doc_id == "PMC:PMC77"
    assert read("zinc.nxml.gz", meta=doi).doc_id == "DOI:10.1000/zinc.7"
    assert read("zinc.nxml.gz", meta=TITLE).doc_id == "zinc"


def test_a_pmid_that_is_none_costs_the_bond_and_not_the_article():
    meta = f'<article-id pub-id-type="pmid">n/a</article-id>{TITLE}'

    assert read(meta=meta).pmid is None


def test_journal_year_language_and_type_are_those_of_pubmed():
    dates = (
        '<pub-date pub-type="pmc-release"><year>2026</year></pub-date>'
        '<pub-date pub-type="epub"><day>3</day><month>11</month><year>2024</year></pub-date>'
        '<pub-date pub-type="ppub"><month>Jan</month><year>2025</year></pub-date>'
    )
    article = parse_jats(
        jats(
            meta=IDS + TITLE + dates,
            journal="<journal-title-group><journal-title>Zinc</journal-title></journal-title-group>",
            article_type="review-article",
        ).replace(b"<article ", b'<article xml:lang="fr-CA" '),
        "a.nxml",
    )

    assert (article.journal, article.published) == ("Zinc", "2025-01")
    assert (article.language, article.publication_types) == (["fre"], ["Review"])
    assert not article.retracted


def test_an_article_that_points_to_its_retraction_is_retracted():
    """A notice points the other way: `retracted-article`."""
    pointer = '<related-article related-article-type="{}"/>'

    assert read(meta=IDS + TITLE + pointer.format("retraction-forward")).retracted
    assert not read(meta=IDS + TITLE + pointer.format("retracted-article")).retracted


def test_abstracts_go_by_their_headings_and_teasers_are_left_out():
    meta = (
        f"{IDS}{TITLE}<abstract><sec><title>METHODS:</title><p>We fed yeast.</p></sec>"
        "<sec><title>Results</title><p>It grew.</p><p>And grew.</p></sec></abstract>"
        '<abstract abstract-type="toc"><p>Yeast eats zinc.</p></abstract>'
        '<abstract abstract-type="summary"><title>For all</title><p>Zinc feeds.</p></abstract>'
        '<trans-abstract xml:lang="es"><p>La levadura.</p></trans-abstract>'
    )
    article = read(meta=meta)

    assert article.abstract == [
        ("METHODS", "We fed yeast."),
        ("Results", "It grew."),
        ("Results", "And grew."),
        ("For all", "Zinc feeds."),
    ]
    assert article.other_abstracts == [("Publisher/es", "La levadura.")]


def test_sections_are_named_by_the_headings_above_them():
    assert body_of(
        "<p>Before any heading.</p><sec><label>1</label><title>Results</title><p>One.</p>"
        "<sec><title>Growth of <italic>S. pombe</italic>.</title><p>Two.</p></sec></sec>"
    ) == [
        ("body", "Before any heading."),
        ("Results", "Results"),
        ("Results", "One."),
        ("Results > Growth of S. pombe", "Growth of S. pombe."),
        ("Results > Growth of S. pombe", "Two."),
    ]


def test_captions_are_read_and_cells_of_tables_are_not():
    assert body_of(
        "<sec><title>Results</title><p>Zinc rose <fig><label>Figure 1.</label><caption>"
        "<title>Growth.</title><p>Means of <sub>3</sub>.</p></caption><graphic/></fig> by half.</p>"
        "<table-wrap><label>Table 2</label><caption><p>Doses.</p></caption><table><tr><td>5 mg</td>"
        "</tr></table><table-wrap-foot><fn><p>n.d.</p></fn></table-wrap-foot></table-wrap>"
        "<fig><caption><p>No label.</p></caption></fig></sec>"
    ) == [
        ("Results", "Results"),
        ("Results", "Zinc rose by half."),
        ("Figure 1", "Growth."),
        ("Figure 1", "Means of 3."),
        ("Table 2", "Doses."),
        ("figure", "No label."),
    ]


def test_floats_appendices_and_abbreviations_are_read_and_the_rest_of_the_back_is_not():
    article = read(
        body="<p>Text.</p>",
        more="<floats-group><fig><label>Fig. 9</label><caption><p>Late.</p></caption></fig>"
        "</floats-group><back><ack><p>We thank.</p></ack><app-group><app><title>Appendix</title>"
        "<p>More.</p></app></app-group><glossary><def-list><def-item><term>CML</term><def><p>"
        "chronic myeloid leukaemia</p></def></def-item></def-list></glossary>"
        "<fn-group><fn><p>Note.</p></fn></fn-group><ref-list><ref><mixed-citation>Smith J. Zinc."
        "</mixed-citation></ref></ref-list></back>"
        "<sub-article><body><p>Decision letter.</p></body></sub-article>",
    )

    assert article.body == [
        ("body", "Text."),
        ("Fig. 9", "Late."),
        ("Appendix", "Appendix"),
        ("Appendix", "More."),
        ("body", "CML: chronic myeloid leukaemia"),
    ]


def test_lists_quotes_and_boxes_in_a_paragraph_are_texts_of_their_own():
    assert body_of(
        "<p>We used: <list><list-item><label>1</label><p>zinc;</p></list-item><list-item>"
        "<p>iron.</p></list-item></list> Then <disp-quote><p>It grew.</p></disp-quote> we ate.</p>"
        "<boxed-text><caption><title>Box 1</title></caption><p>In a box.</p></boxed-text>"
    ) == [
        ("body", "We used: Then we ate."),
        ("body", "zinc;"),
        ("body", "iron."),
        ("body", "It grew."),
        ("Box 1", "Box 1"),
        ("Box 1", "In a box."),
    ]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (
            'p53<sup><xref ref-type="bibr">1</xref>,<xref ref-type="bibr">2</xref></sup> rose',
            "p53 rose",
        ),
        ('p53<xref ref-type="bibr"><sup>12</sup></xref>.', "p53."),
        ('p53<xref ref-type="bibr">12</xref>.', "p53 12."),
        ('p53 [<xref ref-type="bibr">12</xref>].', "p53 [12]."),
        ('Ann<xref ref-type="fn">*</xref> of <xref ref-type="fig">Fig. 2</xref>', "Ann of Fig. 2"),
        ("Ca<sup>2+</sup> and CO<sub>2</sub>", "Ca2+ and CO2"),
        (
            f"a <alternatives><tex-math>x</tex-math>{SQUARE}</alternatives> b",
            "a x2 b",
        ),
        (
            "a<disp-formula><label>(1)</label><mml:math><mml:mi>y</mml:mi></mml:math></disp-formula>b",
            "a y b",
        ),
        ("TNF-&alpha; &#945;", "TNF-α α"),
        ("one<break/>two<fn><p>note</p></fn>", "one two"),
        ("  laid\n   out\n", "laid out"),
    ],
)
def test_markup_becomes_text(written: str, text: str):
    assert body_of(f"<p>{written}</p>") == [("body", text)]


def test_what_is_no_article_says_what_it_is():
    assert problem_of(b"<article><front/></article>") == (
        "<article> has no <front> with <article-meta>"
    )
    assert problem_of(b"<html/>") == "its root element is <html>, not <article>"
    assert problem_of(jats(meta=IDS)) == "<article> has neither a title, an abstract nor a body"
    assert problem_of(jats()[:-20]).startswith("it is not well-formed XML: ")
    assert problem_of(b"").startswith("it is not well-formed XML: ")
    assert problem_of(jats(body="<p>&nothing;</p>")) == "nobody declares the entity &nothing;"


def test_entities_of_its_own_are_refused():
    bomb = b'<!DOCTYPE article [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><article>&b;</article>'

    assert problem_of(bomb) == "it declares the entity 'a'; PMC declares none"


def test_markup_deeper_than_any_article_is_refused():
    deep = f"<p>{'<italic>' * 240}x{'</italic>' * 240}</p>"
    sections = f"{'<sec>' * 240}<p>x</p>{'</sec>' * 240}"

    assert problem_of(jats(body=deep)) == "markup is nested deeper than 200"
    assert problem_of(jats(body=sections)) == "sections are nested deeper than 200"
    assert "Excessive depth" in problem_of(jats(body=f"{'<sec>' * 9999}"))


def test_what_cannot_be_read_is_called_by_its_file():
    assert named_in("PMC000xxxxxx/PMC13901.xml") == "PMC:PMC13901"
    assert named_in("odd/zinc.nxml") == "odd/zinc.nxml"
