"""BioC in XML and in JSON, ours and that of others."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - ships no types

from kazu_platform.documents import Document, Link, Mention, Section
from kazu_platform.errors import MalformedFileError
from kazu_platform.formats.bioc_json import from_bioc_json, to_bioc_json
from kazu_platform.formats.bioc_xml import from_bioc_xml, to_bioc_xml

if TYPE_CHECKING:
    from pathlib import Path

Case = tuple[Document, tuple[Mention, ...]]


@pytest.fixture
def case(document: Document, mentions: tuple[Mention, ...]) -> Case:
    return document, mentions


def passage(text: str, offset: int = 0, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"offset": offset, "infons": {"type": "title"}, "text": text, **more}


def mark(start: int, length: int, text: str, **infons: str) -> dict[str, Any]:
    return {
        "id": "1",
        "text": text,
        "infons": {"type": "Gene", **infons},
        "locations": [{"offset": start, "length": length}],
    }


def read(*passages: dict[str, Any], **document: Any) -> Case:  # noqa: ANN401 - JSON
    body = {"documents": [{"id": "7", "passages": passages, **document}]}
    [annotated] = from_bioc_json(json.dumps(body))
    return annotated


def problem_of(*passages: dict[str, Any]) -> str:
    with pytest.raises(MalformedFileError) as caught:
        read(*passages)
    return str(caught.value)


def test_nothing_is_lost_in_json(case: Case):
    assert from_bioc_json(to_bioc_json([case])) == [case]


def test_nothing_is_lost_in_xml(case: Case):
    other = (Document("own 1", (Section("", " \r\n"), Section("a", "b"))), ())

    assert from_bioc_xml(to_bioc_xml([case, other]).encode()) == [case, other]


def test_xml_follows_its_document_type(case: Case, tmp_path: Path):
    """The order of elements is part of it: infons before text, a place before what stands there."""
    dtd = tmp_path / "BioC.dtd"
    dtd.write_text(DTD, "utf-8")
    tree = etree.fromstring(to_bioc_xml([case]).encode())

    assert etree.DTD(str(dtd)).validate(tree)


def test_offsets_run_through_the_document_in_characters(case: Case):
    body = json.loads(to_bioc_json([case]))["documents"][0]
    title, abstract = body["passages"]
    whole = f"{title['text']}\n{abstract['text']}"

    assert (body["id"], abstract["offset"]) == ("7", len(title["text"]) + 1)
    [one] = [a for a in abstract["annotations"] if len(a["locations"]) > 1]
    assert [whole[p["offset"] : p["offset"] + p["length"]] for p in one["locations"]] == [
        "Breast",
        "cancer",
    ]
    assert one["infons"]["type"] == "Disease"
    assert one["infons"]["identifier"] == "MONDO:0007254"


def test_a_number_is_a_pmid_and_a_pmcid_a_full_text():
    ids = ["29127256", " 7 ", "PMC123", "note 7"]
    content = json.dumps([{"id": each, "passages": []} for each in ids])

    assert [document.doc_id for document, _ in from_bioc_json(content)] == [
        "PMID:29127256",
        "PMID:7",
        "PMC:PMC123",
        "note 7",
    ]


def test_what_others_annotate_is_read():
    """No detector, no sentence, no links: as PubTator gives it."""
    text = "It rose. Then TNF-α fell."
    document, [found] = read(
        passage(text, annotations=[mark(14, 5, "TNF-α", identifier="7124")]),
        relations=[{"id": "R1", "infons": {"type": "Association"}}],
    )

    assert document == Document("PMID:7", (Section("title", text),))
    assert (found.text, found.entity_class, found.sentence) == ("TNF-α", "gene", 1)
    assert found.links == (Link("7124", "", "", 1, 1.0, "bioc"),)
    assert (found.detector, found.confidence) == ("bioc", None)


def test_the_list_that_pubtator_sends_is_read():
    content = json.dumps({"PubTator3": [{"id": "7", "passages": [passage("TNF")]}]})

    [(document, _)] = from_bioc_json(content)

    assert document.sections == (Section("title", "TNF"),)


def test_sentences_make_the_text_of_their_passage():
    sentences = [
        {"offset": 10, "text": "It rose.", "annotations": []},
        {"offset": 20, "text": "TNF fell.", "annotations": [mark(20, 3, "TNF")]},
    ]

    document, [found] = read(passage("", 10, sentences=sentences))

    assert document.sections == (Section("title", "It rose.  TNF fell."),)
    assert (found.start, found.end) == (10, 13)


def test_an_annotation_that_says_no_place_is_passed_over():
    nowhere = mark(0, 3, "TNF") | {"locations": []}

    assert read(passage("TNF", annotations=[nowhere]))[1] == ()


def test_an_annotation_of_the_document_finds_its_passage():
    _, [found] = read(
        passage("One.", 0), passage("TNF", 100), annotations=[mark(100, 3, "TNF", identifier="-")]
    )

    assert (found.section, found.start, found.links) == (1, 0, ())


def test_an_identifier_that_somebody_changed_wins(case: Case):
    body = json.loads(to_bioc_json([case]))
    edited = body["documents"][0]["passages"][0]["annotations"][0]
    edited["infons"]["identifier"] = "HGNC:1101"

    [(_, mentions)] = from_bioc_json(json.dumps(body))

    assert mentions[0].links == (Link("HGNC:1101", "HGNC", "", 1, 1.0, "bioc"),)
    assert mentions[1:] == case[1][1:]


def test_what_xml_cannot_hold_is_replaced_one_for_one():
    document = Document("a", (Section("t", "x\x00\x0c\ufffey"),))

    [(read_back, _)] = from_bioc_xml(to_bioc_xml([(document, ())]).encode())

    assert read_back == replace(document, sections=(Section("t", "x\ufffd\ufffd\ufffdy"),))


@pytest.mark.parametrize(
    ("passages", "problem"),
    [
        (
            [passage("TNF rose", annotations=[mark(1, 3, "TNF")])],
            "ValueError: 'TNF' stands where the text has 'NF '; do offsets count bytes?",
        ),
        (
            [passage("TNF", annotations=[mark(2, 9, "TNF")])],
            "ValueError: 2 to 11 is no stretch of one passage",
        ),
        (
            [passage("TNF", annotations=[mark(1, 0, "")])],
            "ValueError: a span needs 0 <= start < end, got 1 and 1",
        ),
        ([passage("TNF", -1)], "ValueError: -1 is no whole number from 0 on"),
        ([{"text": "TNF"}], "KeyError: 'offset'"),
        (
            [passage("", sentences=[{"offset": 10**12, "text": "x"}])],
            "ValueError: a sentence of the passage at 0 begins 1000000000000 characters on",
        ),
        (
            [passage("TNF", annotations=[mark(0, 3, "TNF", confidence="nan")])],
            "ValueError: 'nan' is no probability",
        ),
    ],
)
def test_what_does_not_fit_names_the_document(passages: list[dict[str, Any]], problem: str):
    assert problem_of(*passages) == f"-: document 1 (7) is no BioC ({problem})"


def test_overlapping_locations_are_refused():
    twice = mark(0, 3, "TNF") | {
        "locations": [{"offset": 0, "length": 2}, {"offset": 1, "length": 2}]
    }

    assert "the locations of 'TNF' overlap" in problem_of(passage("TNF", annotations=[twice]))


def test_what_is_no_file_of_bioc_is_named():
    for content in ("{", "[" * 100_000, "[]", "3", '{"id": 7}'):
        with pytest.raises(MalformedFileError, match=r"^own\.json[,:]"):
            list(from_bioc_json(content, path="own.json"))
    for xml in (b"", b"<collection>", b"<collection/>", b"<document/>"):
        with pytest.raises(MalformedFileError, match=r"^own\.xml[,:]"):
            list(from_bioc_xml(xml, path="own.xml"))


def test_an_xml_bomb_is_refused():
    lines = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE collection [<!ENTITY a0 "haha">{lines}]><document>&a11;</document>'

    with pytest.raises(MalformedFileError):
        from_bioc_xml(bomb.encode())


def test_a_document_type_is_not_opened(tmp_path: Path, case: Case):
    dtd = tmp_path / "BioC.dtd"
    dtd.write_text("what would be an error")
    written = to_bioc_xml([case]).replace("BioC.dtd", str(dtd))

    assert from_bioc_xml(written.encode()) == [case]


DTD = """\
<!ELEMENT collection (source, date, key, infon*, document+)>
<!ELEMENT source (#PCDATA)>
<!ELEMENT date (#PCDATA)>
<!ELEMENT key (#PCDATA)>
<!ELEMENT infon (#PCDATA)>
<!ATTLIST infon key CDATA #REQUIRED>
<!ELEMENT document (id, infon*, passage+, relation*)>
<!ELEMENT id (#PCDATA)>
<!ELEMENT passage (infon*, offset, ((text?, annotation*) | sentence*), relation*)>
<!ELEMENT offset (#PCDATA)>
<!ELEMENT text (#PCDATA)>
<!ELEMENT sentence (infon*, offset, text?, annotation*, relation*)>
<!ELEMENT annotation (infon*, location*, text)>
<!ATTLIST annotation id CDATA #IMPLIED>
<!ELEMENT location EMPTY>
<!ATTLIST location offset CDATA #REQUIRED length CDATA #REQUIRED>
<!ELEMENT relation (infon*, node*)>
<!ATTLIST relation id CDATA #IMPLIED>
<!ELEMENT node EMPTY>
<!ATTLIST node refid CDATA #REQUIRED role CDATA "">
"""
