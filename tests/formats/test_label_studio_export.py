"""Exports of Label Studio: a real one, answers of every kind, and files that believe in nothing.

`label_studio_export.json` is what Label Studio 1.23.2 exported after a person had opened a task in
a browser, marked "bold", "ende" and "double" as diseases and submitted it. Its text has double
blanks, a tab, markup, a character of the second plane and a joined one before what was marked.
"""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kazu_platform.errors import MalformedFileError
from kazu_platform.formats import label_studio_export
from kazu_platform.formats.label_studio_export import Region, read_export

if TYPE_CHECKING:
    from collections.abc import Callable

REAL = Path(__file__).with_name("label_studio_export.json")
TEXT = "𝒳 and PSA.\nPSA rose."
WHERE = {"start": 6, "end": 9, "text": "PSA"}
KLK3 = Region(6, 9, "gene", "HGNC:6364")


def marked(region: str, value: dict[str, Any], *concept: str, typed: Any = None) -> list[Any]:  # noqa: ANN401 - JSON
    """The results of one region."""
    same = {"id": region, "to_name": "text"}
    found: list[Any] = [
        same
        | {"from_name": "entity_class", "type": "labels"}
        | {"value": {"labels": ["gene"]} | value}
    ]
    if concept:
        value = value | {"choices": list(concept)}
        found.append(same | {"from_name": "concept", "type": "choices", "value": value})
    if typed is not None:
        value = value | {"text": typed}
        found.append(same | {"from_name": "other_concept", "type": "textarea", "value": value})
    return found


def task(*result: Any, **annotation: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """A task with one answer."""
    return {
        "id": 12,
        "annotations": [{"id": 3, "completed_by": 1, "result": list(result)} | annotation],
        "data": {
            "kazu_format": 1,
            "text": TEXT,
            "doc_id": "PMID:7",
            "complete": True,
            "sections": [
                {"name": "title", "start": 0, "end": 10},
                {"name": "abstract", "start": 11, "end": 20},
            ],
            "mentions": [
                {"start": 6, "end": 9, "entity_class": "gene", "name": "PSA"}
                | {"concept_id": "HGNC:6364", "context": ""}
            ],
        },
    }


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Any], Path]:
    """Write an export."""

    def write(content: Any) -> Path:  # noqa: ANN401 - JSON
        path = tmp_path / "export.json"
        path.write_text(json.dumps(content), "utf-8")
        return path

    return write


def regions(path: Path) -> list[Region]:
    [reviewed] = read_export(path)
    [answer] = reviewed.answers
    return list(answer.regions)


def test_a_real_export_is_read_by_code_points():
    [reviewed] = read_export(REAL)

    [answer] = reviewed.answers
    named = {reviewed.name_at(region): region for region in answer.regions}
    assert {name: (each.entity_class, each.concept_id) for name, each in named.items()} == {
        "PSA": ("gene", "HGNC:6364"),
        "here": ("gene", "HGNC:6364"),
        "bold": ("disease", None),
        "ende": ("disease", None),
        "double": ("disease", None),
    }
    assert (reviewed.document.doc_id, answer.annotator) == ("PMID:1", "Label Studio user 1")
    assert [reviewed.section_of(named[name]) for name in ("double", "ende")] == [0, 1]


def test_offsets_of_old_versions_are_code_units(written: Callable[[Any], Path]):
    old = {"start": 7, "end": 10, "text": "PSA"}

    assert regions(written([task(*marked("a", old, "HGNC:6364 KLK3"))])) == [KLK3]


def test_without_its_text_a_region_is_where_it_says(written: Callable[[Any], Path]):
    value = {"start": 7, "end": 9}

    assert regions(written([task(*marked("a", value))])) == [Region(7, 9, "gene", None)]


def test_blanks_that_were_marked_along_are_left_out(written: Callable[[Any], Path]):
    value = {"start": 5, "end": 11, "text": " PSA.\\n"}

    assert regions(written([task(*marked("a", value))])) == [Region(6, 10, "gene", None)]


@pytest.mark.parametrize("typed", [["HGNC:7900 NPEPPS"], "HGNC:7900", [" HGNC:7900 "]])
def test_what_was_typed_counts_instead_of_the_choice(
    written: Callable[[Any], Path], typed: str | list[str]
):
    result = marked("a", WHERE, "HGNC:6364 KLK3", typed=typed)

    assert regions(written([task(*result)])) == [Region(6, 9, "gene", "HGNC:7900")]


@pytest.mark.parametrize("choice", [(), ("none of these",)])
def test_no_choice_and_none_of_these_are_no_concept(
    written: Callable[[Any], Path], choice: tuple[str, ...]
):
    result = marked("a", WHERE, *choice, typed=[])

    assert regions(written([task(*result)])) == [Region(6, 9, "gene", None)]


@pytest.mark.parametrize("turned", [False, True])
def test_a_mention_that_was_marked_twice_is_one(written: Callable[[Any], Path], turned: bool):  # noqa: FBT001
    both = [marked("a", WHERE), marked("b", WHERE, "HGNC:6364 KLK3")]
    first, second = reversed(both) if turned else both

    assert regions(written([task(*first, *second)])) == [KLK3]


def test_skipped_tasks_and_other_tags_say_nothing(written: Callable[[Any], Path]):
    skipped = task(*marked("a", WHERE), was_cancelled=True)
    relation = {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right"}
    other = {"id": "c", "from_name": "rating", "type": "rating", "value": {"rating": 3}}

    one, two = read_export(written([skipped, task(relation, other) | {"id": 13}]))

    assert one.answers == ()
    assert [each.regions for each in two.answers] == [()]


def test_an_annotator_may_be_a_person_with_an_address(written: Callable[[Any], Path]):
    by = {"id": 4, "email": "curator@example.org"}

    [reviewed] = read_export(written([task(completed_by=by, ground_truth=True)]))

    assert reviewed.answers[0].annotator == "Label Studio user curator@example.org"
    assert reviewed.answers[0].ground_truth


def changed(*path: str | int, to: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """The task with one value put in the place of another, or taken out."""
    whole = deepcopy(task(*marked("a", WHERE, "HGNC:6364 KLK3", typed=["HGNC:7900"])))
    part: Any = whole
    for key in path[:-1]:
        part = part[key]
    if to is KeyError:
        del part[path[-1]]
    else:
        part[path[-1]] = to
    return whole


RESULT = ("annotations", 0, "result")
LABELS, TYPED = (*RESULT, 0, "value"), (*RESULT, 2, "value")
WRONG: list[tuple[Any, str]] = [
    ({}, "export.json: holds an object, should be a list of tasks; export as JSON."),
    ([7], "task at place 1: is a whole number, should be an object."),
    (changed("data", to=KeyError), "task 12, data: is missing."),
    (changed("annotations", to=KeyError), "task 12, annotations: is missing."),
    (changed("annotations", to={}), "task 12, annotations: is an object, should be a list."),
    (changed("data", "kazu_format", to=KeyError), "task 12, data.kazu_format: is missing."),
    (changed("data", "kazu_format", to=2), "data.kazu_format: is 2, should be 1; export the task"),
    (changed("data", "text", to=None), "task 12, data.text: is null, should be text."),
    (changed("data", "text", to="\ud800"), "data.text: holds half a character (a lone surrogate)."),
    (changed("data", "text", to="PSA"), "data.sections[0]: 0 to 10 does not follow the section"),
    (changed("data", "sections", to=[]), "data.sections: the sections are not the whole text."),
    (changed("data", "sections", 1, "start", to=True), "data.sections[1].start: is true or false,"),
    (changed("data", "complete", to=1), "data.complete: is a whole number, should be true or"),
    (changed("data", "mentions", 0, "end", to=99), "data.mentions[0]: 6 to 99 is no stretch of 20"),
    (changed("data", "mentions", 0, "end", to=1e9), "mentions[0].end: is a number, should be a"),
    (changed("annotations", 0, "result", to=None), "annotations[0].result: is null, should be a"),
    (changed(*RESULT, 0, "id", to=KeyError), "annotations[0].result[0].id: is missing."),
    (changed(*RESULT, 0, "id", to="z"), "annotations[0].result[1]: is about a region that is not"),
    (changed(*RESULT, 1, "from_name", to="entity_class"), "result[1]: region 'a' has entity_class"),
    (changed(*LABELS, "start", to=-3), "result[0].value: -3 to 9 is no stretch of 20 characters."),
    (changed(*LABELS, "start", to=10**400), "result[0].value: 1000"),
    (
        changed(*LABELS, "start", to=4),
        "result[0].value: its text is PSA, but 'd PSA' stands there.",
    ),
    (
        changed(*LABELS, "labels", to=["gene", "disease"]),
        "value.labels: has 2 classes, should have",
    ),
    (changed(*LABELS, "labels", to=[]), "result[0].value.labels: has 0 classes, should have one."),
    (changed(*TYPED, "text", to=["klk3"]), "value.text[0]: 'klk3' is no concept; write its id as"),
    (changed(*TYPED, "text", to=["A:1", "A:2"]), "result[2].value.text: has 2 concepts, should"),
    (
        changed("annotations", 0, "completed_by", to="me"),
        "completed_by: is text, should be a whole",
    ),
    (changed("annotations", 0, "was_cancelled", to="no"), "was_cancelled: is text, should be true"),
]


@pytest.mark.parametrize(("content", "said"), WRONG, ids=lambda each: str(each)[:40])
def test_what_is_wrong_is_named_by_task_and_field(
    written: Callable[[Any], Path],
    content: Any,  # noqa: ANN401 - JSON
    said: str,
):
    path = written([content] if isinstance(content, dict) and content else content)

    with pytest.raises(MalformedFileError) as caught:
        read_export(path)

    assert said in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_every_wrong_task_is_named_but_not_a_thousand(written: Callable[[Any], Path]):
    path = written([{"id": number} for number in range(25)])

    with pytest.raises(MalformedFileError) as caught:
        read_export(path)

    lines = str(caught.value).splitlines()
    assert lines[0] == f"{path}, task 0, data: is missing."
    assert (len(lines), lines[-1]) == (21, f"{path}, and 5 more tasks.")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no JSON: Expecting value: line 1 column 1 (char 0)."),
        (b"[1,", "is no JSON: "),
        (b"[NaN]", "is no JSON: NaN is no number of JSON."),
        (b"[" + b"9" * 5000 + b"]", "is no JSON: "),
        (b"[\n\xff]", "line 2: byte 0xff is no UTF-8."),
        (b"[" * 100_000, "is nested too deeply; that is no export."),
    ],
)
def test_what_is_no_json_is_named(tmp_path: Path, content: bytes, said: str):
    path = tmp_path / "export.json"
    path.write_bytes(content)

    with pytest.raises(MalformedFileError) as caught:
        read_export(path)

    assert said in str(caught.value)


def test_a_file_that_is_too_large_is_not_read_to_its_end(
    written: Callable[[Any], Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(label_studio_export, "MAX_BYTES", 10)

    with pytest.raises(MalformedFileError, match="export in parts"):
        read_export(written([task()]))
