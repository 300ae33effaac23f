"""Tasks for Label Studio: regions, the concept of each, and what was shown."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from kazu_platform.documents import Document, Link, Mention, Section, Span
from kazu_platform.formats.label_studio import (
    NO_CONCEPT,
    Shown,
    concept_of_choice,
    labelling_config,
    to_task,
)

DOCUMENT = Document("PMID:7", (Section("title", "𝒳 and PSA."), Section("", "PSA\x00rose.")))
KLK3 = Link("HGNC:6364", "HGNC", "KLK3", 1, 0.55, "normalised")
NPEPPS = Link("HGNC:7900", "HGNC", "NPEPPS", 2, 0.5, "normalised")


def psa(section: int, start: int, *links: Link) -> Mention:
    span = Span(start, start + 3)
    return Mention("PMID:7", section, 0, (span,), "PSA", "gene", "dictionary", links=links)


def test_a_mention_is_a_region_and_a_choice_of_its_concept():
    shown = [Shown(psa(0, 6, KLK3, NPEPPS)), Shown(psa(1, 0), "long:x")]

    task = to_task(DOCUMENT, shown, complete=True)

    assert task["data"] == {
        "kazu_format": 1,
        "text": "𝒳 and PSA.\nPSA rose.",
        "doc_id": "PMID:7",
        "content_hash": DOCUMENT.content_hash,
        "complete": True,
        "sections": [
            {"name": "title", "start": 0, "end": 10},
            {"name": "", "start": 11, "end": 20},
        ],
        "concepts": [
            {"value": "HGNC:6364 KLK3"},
            {"value": "HGNC:7900 NPEPPS"},
            {"value": NO_CONCEPT},
        ],
        "mentions": [
            {"start": 6, "end": 9, "entity_class": "gene", "name": "PSA"}
            | {"concept_id": "HGNC:6364", "context": ""},
            {"start": 11, "end": 14, "entity_class": "gene", "name": "PSA"}
            | {"concept_id": None, "context": "long:x"},
        ],
    }
    [prediction] = task["predictions"]
    where = {"start": 6, "end": 9, "text": "PSA"}
    same = {"id": psa(0, 6).mention_id, "to_name": "text"}
    assert prediction["score"] == 0.55
    assert prediction["result"][:2] == [
        same
        | {"from_name": "entity_class", "type": "labels", "value": where | {"labels": ["gene"]}},
        same
        | {"from_name": "concept", "type": "choices"}
        | {"value": where | {"choices": ["HGNC:6364 KLK3"]}},
    ]
    assert [each["type"] for each in prediction["result"][2:]] == ["labels"]


def test_a_discontinuous_mention_is_shown_by_its_outer_span_and_is_no_name():
    spans = (Span(0, 1), Span(6, 9))
    mention = Mention("PMID:7", 0, 0, spans, "𝒳 ... PSA", "gene", "model")

    task = to_task(DOCUMENT, [Shown(mention)], complete=False)

    [kept] = task["data"]["mentions"]
    assert (kept["start"], kept["end"], kept["name"]) == (0, 9, None)
    assert task["predictions"][0]["result"][0]["value"]["text"] == "𝒳 and PSA"


def test_of_two_mentions_of_a_class_at_one_place_the_first_is_shown():
    task = to_task(DOCUMENT, [Shown(psa(0, 6, KLK3)), Shown(psa(0, 6, NPEPPS))], complete=True)

    assert [each["concept_id"] for each in task["data"]["mentions"]] == ["HGNC:6364"]


def test_the_interface_has_the_tags_and_the_data_that_a_task_is_about():
    config = labelling_config(["pathway & <more>"])
    tags = list(ET.fromstring(config).iter())  # noqa: S314 - our own XML

    task = to_task(DOCUMENT, [Shown(psa(0, 6, KLK3))], complete=True)

    names = {each.get("name") for each in tags}
    values = [each.get("value", "") for each in tags]
    per_region = {each.tag for each in tags if each.get("perRegion") == "true"}
    assert {each["from_name"] for each in task["predictions"][0]["result"]} < names
    assert {value[1:] for value in values if value.startswith("$")} == {"text", "concepts"}
    assert {"text", "concepts"} < set(task["data"])
    assert {"gene", "process", "pathway & <more>"} <= set(values)
    assert per_region == {"Choices", "TextArea"}


def test_a_typed_concept_may_have_words_after_it():
    assert concept_of_choice(" MONDO:0005148 diabetes ") == "MONDO:0005148"
