"""What people did with each mention; and their answers as gold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kazu_platform.documents import Document, Section
from kazu_platform.errors import MalformedFileError
from kazu_platform.evaluation.gold import read_gold
from kazu_platform.evaluation.linking_gold import read_linking_gold
from kazu_platform.formats.label_studio_export import Answer, Region, ReviewedTask, ShownRegion
from kazu_platform.formats.verdicts import gold_of, verdicts

if TYPE_CHECKING:
    from pathlib import Path

TITLE, ABSTRACT = "PSA in breast cancer", "Cancer is no PSA."
TEXT = f"{TITLE}\n{ABSTRACT}"
PSA = Region(0, 3, "gene", "HGNC:6364")
CANCER = Region(14, 20, "disease", "MONDO:0004992")
BREAST_CANCER = Region(7, 20, "disease", "MONDO:0007254")
LAST = Region(34, 37, "gene", None)
SHOWN = (PSA, CANCER, LAST)


def reviewed(*answers: tuple[Region, ...], complete: bool = True) -> ReviewedTask:
    """A task with three mentions, and what people answered."""
    assert [TEXT[each.start : each.end] for each in SHOWN] == ["PSA", "cancer", "PSA"]
    return ReviewedTask(
        name="task 1",
        document=Document("PMID:7", (Section("title", TITLE), Section("abstract", ABSTRACT))),
        text=TEXT,
        starts=(0, len(TITLE) + 1),
        complete=complete,
        shown=tuple(ShownRegion(each, TEXT[each.start : each.end], "") for each in SHOWN),
        answers=tuple(Answer(f"user {n}", False, each) for n, each in enumerate(answers, 1)),  # noqa: FBT003
    )


def said(*answers: tuple[Region, ...]) -> list[tuple[str, ...]]:
    columns = ["name", "verdict", "before", "after"]
    return verdicts([reviewed(*answers)]).select(columns).rows()


def test_what_is_left_is_kept():
    assert said(SHOWN) == [
        ("PSA", "kept", "HGNC:6364", "HGNC:6364"),
        ("cancer", "kept", "MONDO:0004992", "MONDO:0004992"),
        ("PSA", "kept", None, None),
    ]


def test_another_concept_or_none_is_relinked_and_nothing_is_removed():
    answer = (replace(PSA, concept_id=None), replace(LAST, concept_id="HGNC:7900"))

    assert said(answer) == [
        ("PSA", "relinked", "HGNC:6364", None),
        ("cancer", "removed", "MONDO:0004992", None),
        ("PSA", "relinked", None, "HGNC:7900"),
    ]


def test_other_borders_say_nothing_about_the_string_that_was_shown():
    assert said((PSA, BREAST_CANCER, LAST))[1:] == [
        ("cancer", "rebounded", "MONDO:0004992", None),
        ("PSA", "kept", None, None),
        ("breast cancer", "added", None, "MONDO:0007254"),
    ]


def test_another_class_removes_the_mention_and_adds_one():
    answer = (PSA, replace(CANCER, entity_class="phenotype", concept_id="HP:0002664"), LAST)

    rows = verdicts([reviewed(answer)])

    assert rows.select("entity_class", "verdict").rows()[1:] == [
        ("disease", "removed"),
        ("gene", "kept"),
        ("phenotype", "added"),
    ]


def test_each_person_has_a_verdict_and_who_did_not_answer_has_none():
    rows = verdicts([reviewed(SHOWN, ()), reviewed()])

    assert rows.group_by("annotator", "verdict").len().sort("annotator").rows() == [
        ("user 1", "kept", 3),
        ("user 2", "removed", 3),
    ]


def test_what_goes_beyond_a_section_is_no_name():
    across = Region(14, 27, "disease", "MONDO:0004992")

    assert said((*SHOWN, across))[3] == (None, "added", None, "MONDO:0004992")


def test_gold_is_what_evaluate_reads(tmp_path: Path):
    file = tmp_path / "test.PubTator"

    file.write_text(gold_of([reviewed((PSA, BREAST_CANCER, LAST)), reviewed()][:1], "x"), "utf-8")

    gold = read_linking_gold(tmp_path, "test")
    assert gold.passages["doc_id"].to_pylist() == ["7"]
    assert list(zip(gold.mentions["text"].to_pylist(), gold.concepts, strict=True)) == [
        ("PSA", ("HGNC:6364",)),
        ("breast cancer", ("MONDO:0007254",)),
        ("PSA", ()),
    ]
    assert read_gold(tmp_path, "test").types == {"gene": 2, "disease": 1}


def test_tasks_without_an_answer_are_no_gold():
    assert gold_of([reviewed()], "x") == ""


def test_of_several_answers_the_ground_truth_counts():
    task = reviewed(SHOWN, (PSA,))
    true = replace(task, answers=(task.answers[0], replace(task.answers[1], ground_truth=True)))

    lines = gold_of([true], "x").splitlines()

    assert [line for line in lines if "\t" in line] == ["7\t0\t3\tPSA\tGene\tHGNC:6364"]
    assert gold_of([reviewed(SHOWN, SHOWN[::-1])], "x") == gold_of([reviewed(SHOWN)], "x")


def test_every_task_that_is_no_gold_is_named():
    tasks = [
        replace(task, name=f"task {number}", document=replace(task.document, doc_id=doc_id))
        for number, (doc_id, task) in enumerate(
            [
                ("a", reviewed(SHOWN, (PSA,))),
                ("b", reviewed(SHOWN, complete=False)),
                ("c", reviewed((Region(14, 27, "disease", None),))),
                ("a", reviewed(SHOWN)),
            ],
            1,
        )
    ]

    with pytest.raises(MalformedFileError) as caught:
        gold_of(tasks, "export.json")

    assert str(caught.value).splitlines() == [
        "export.json, task 1: its 2 answers differ; mark one as ground truth.",
        (
            "export.json, task 2: not all mentions of its document were shown; export documents, "
            "with --doc alone."
        ),
        "export.json, task 3: 'cancer Cancer' goes beyond its section; mark it in one.",
        "export.json, task 4: a is the document of task 1.",
    ]
