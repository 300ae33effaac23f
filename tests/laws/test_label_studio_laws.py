"""What people are shown and leave as it is says nothing; offsets survive both ways of counting."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import category
from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.documents import Document, Link, Mention, Span
from kazu_platform.formats.label_studio import Shown, labelling_config, to_task
from kazu_platform.formats.label_studio_export import read_export
from kazu_platform.formats.pubtator import from_pubtator
from kazu_platform.formats.verdicts import gold_of, verdicts
from kazu_platform.ontologies.proposals import Proposals, proposals_of
from kazu_platform.tables import ENTITY_CLASSES
from kazu_platform.text.utf16 import code_point_offset, utf16_offsets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kazu_platform.formats.label_studio_export import ReviewedTask

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
LINKS = st.builds(
    Link,
    st.sampled_from(["HGNC:6364", "HGNC:7900", "MONDO:0005148", "CHEBI:1", "X.y-z:a"]),
    st.just("x"),
    TEXTS,
    st.just(1),
    st.floats(0, 1),
    st.just("exact"),
)


@st.composite
def reviews(draw: st.DrawFn) -> tuple[Document, list[Shown]]:
    """A document and mentions of it, which begin and end with no blank."""
    document = draw(st.from_type(Document))
    shown: list[Shown] = []
    for _ in range(draw(st.integers(0, 5))):
        section = draw(st.integers(0, len(document.sections) - 1))
        text = document.sections[section].text
        first, last = sorted([draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))])
        # Control characters are shown as blanks.
        part = "".join(" " if category(each) == "Cc" else each for each in text[first:last])
        start, end = first + len(part) - len(part.lstrip()), last - len(part) + len(part.rstrip())
        if start < end:
            mention = Mention(
                document.doc_id,
                section,
                0,
                (Span(start, end),),
                text[start:end],
                draw(st.sampled_from(ENTITY_CLASSES)),
                "dictionary",
                links=tuple(draw(st.lists(LINKS, max_size=2))),
            )
            shown.append(Shown(mention, draw(st.sampled_from(["", "long:x"]))))
    return document, shown


def answered(task: dict[str, Any], result: list[dict[str, Any]], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """The task as it is exported once somebody submitted it."""
    return {"id": 1, "data": task["data"], "annotations": [{"result": result} | more]}


def read(tasks: Sequence[dict[str, Any]]) -> list[ReviewedTask]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.json"
        path.write_text(json.dumps(tasks), "utf-8")
        return read_export(path)


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_offsets_in_code_units_are_those_of_utf_16_and_lead_back(text: str):
    offsets = utf16_offsets(text)

    by_hand = [len(text[:at].encode("utf-16-le")) // 2 for at in range(len(text) + 1)]
    assert offsets.tolist() == by_hand
    for unit in range(by_hand[-1] + 2):
        found = code_point_offset(offsets, unit)
        assert found == (by_hand.index(unit) if unit in by_hand else None)


@settings(max_examples=200, deadline=None)
@given(review=reviews())
def test_what_is_submitted_unchanged_proposes_nothing(review: tuple[Document, list[Shown]]):
    document, shown = review
    task = to_task(document, shown, complete=True)

    [back] = read([answered(task, task["predictions"][0]["result"])])

    assert [each.region for each in back.shown] == list(back.answers[0].regions)
    assert set(verdicts([back])["verdict"].to_list()) <= {"kept"}
    assert proposals_of(verdicts([back])) == Proposals((), ())
    for each, mention in zip(back.shown, task["data"]["mentions"], strict=True):
        assert (each.region.start, each.region.end) == (mention["start"], mention["end"])


@settings(max_examples=200, deadline=None)
@given(review=reviews())
def test_regions_in_utf_16_units_are_found_by_their_own_text(
    review: tuple[Document, list[Shown]],
):
    document, shown = review
    task = to_task(document, shown, complete=True)
    units = utf16_offsets(task["data"]["text"])
    result = json.loads(json.dumps(task["predictions"][0]["result"]))
    for each in result:
        for end in ("start", "end"):
            each["value"][end] = int(units[each["value"][end]])

    [back] = read([answered(task, result)])

    text = task["data"]["text"]
    wanted = {" ".join(text[m["start"] : m["end"]].split()) for m in task["data"]["mentions"]}
    assert {back.name_at(region) for region in back.answers[0].regions} == wanted


@settings(max_examples=100, deadline=None)
@given(review=reviews())
def test_gold_of_what_is_submitted_unchanged_is_what_was_shown(
    review: tuple[Document, list[Shown]],
):
    document, shown = review
    document = Document("PMID:7", document.sections[:2])
    shown = [each for each in shown if each.mention.section < len(document.sections)]
    task = to_task(document, shown, complete=True)

    gold = gold_of(read([answered(task, task["predictions"][0]["result"])]), "export.json")

    [(_, mentions)] = from_pubtator(gold)
    starts = [section["start"] for section in task["data"]["sections"]]
    assert {
        (starts[m.section] + m.start, m.entity_class, m.link.concept_id if m.link else None)
        for m in mentions
    } == {(m["start"], m["entity_class"], m["concept_id"]) for m in task["data"]["mentions"]}


@given(classes=st.lists(TEXTS, max_size=3))
def test_the_labelling_interface_names_any_class(classes: list[str]):
    clean = [name for name in classes if name.isprintable()]

    root = ET.fromstring(labelling_config(clean))  # noqa: S314 - our own XML

    assert set(clean) <= {label.get("value") for label in root.iter("Label")}
