"""Verdicts: what people did with each mention that they were shown, and what they marked besides.

Belongs here: comparing what was shown with what came back, and answers as gold. Does not: what
follows from verdicts (`ontologies.proposals`), how an export is read (`label_studio_export`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from kazu_platform.documents import Document, Link, Mention, Span
from kazu_platform.errors import MalformedFileError
from kazu_platform.formats.pubtator import to_pubtator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kazu_platform.formats.label_studio_export import Answer, Region, ReviewedTask

KEPT, RELINKED, REMOVED, REBOUNDED, ADDED = (
    "kept",
    "relinked",
    "removed",
    "rebounded",
    "added",
)
SCHEMA: Final = {
    "doc_id": pl.String,
    "annotator": pl.String,
    "name": pl.String,
    "entity_class": pl.String,
    "context": pl.String,
    "verdict": pl.String,
    "before": pl.String,
    "after": pl.String,
}


def verdicts(tasks: Sequence[ReviewedTask]) -> pl.DataFrame:
    """A row for each mention that a person was shown or marked, in the order of the export.

    Returns:
        doc_id, annotator, name (the string; null of a mention that is no name because it is
        discontinuous or goes beyond a section), entity_class, context (of its surface), verdict,
        `before` and `after` (the concept; null if there is none). Verdicts are `kept`, `relinked`
        (means something else, or nothing), `removed`, `rebounded` (removed, and something that
        overlaps it marked instead in the same class) and `added`.
    """
    rows = [
        (task.document.doc_id, answer.annotator, *row)
        for task in tasks
        for answer in task.answers
        for row in _of_answer(task, answer)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def gold_of(tasks: Sequence[ReviewedTask], path: Path | str) -> str:
    """The answers as PubTator: gold that `evaluate ner` and `evaluate linking` read.

    Of several answers to a task the one that is marked as ground truth counts.

    Args:
        tasks: those without an answer are left out.
        path: what errors call the export.

    Raises:
        MalformedFileError: names every task that is no gold: not all mentions of its document were
            shown, its answers differ, its document stands in another task, or a region goes beyond
            a section.
    """
    blocks: list[str] = []
    problems: list[str] = []
    seen: dict[str, str] = {}
    for task in tasks:
        if not task.answers:
            continue
        doc_id = task.document.doc_id
        if doc_id in seen:
            problems.append(f"{path}, {task.name}: {doc_id} is the document of {seen[doc_id]}.")
            continue
        seen[doc_id] = task.name
        try:
            blocks.append(to_pubtator(task.document, _mentions(task)))
        except ValueError as problem:
            problems.append(f"{path}, {task.name}: {problem}")
    if problems:
        raise MalformedFileError("\n".join(problems))
    return "".join(blocks)


Row = tuple[str | None, str, str, str, str | None, str | None]


def _of_answer(task: ReviewedTask, answer: Answer) -> Iterator[Row]:
    marked = {region.key: region for region in answer.regions}
    shown = {each.region.key: each for each in task.shown}
    added = [region for key, region in marked.items() if key not in shown]
    for key, each in shown.items():
        found = marked.get(key)
        before = each.region.concept_id
        about = each.name, each.region.entity_class, each.context
        if found is not None:
            verdict = KEPT if found.concept_id == before else RELINKED
            yield *about, verdict, before, found.concept_id
        else:
            again = any(_overlap(each.region, region) for region in added)
            yield *about, REBOUNDED if again else REMOVED, before, None
    for region in added:
        name = None if task.section_of(region) is None else task.name_at(region)
        yield name, region.entity_class, "", ADDED, None, region.concept_id


def _overlap(one: Region, other: Region) -> bool:
    """Whether two regions of one class share a character."""
    same_class = one.entity_class == other.entity_class
    return same_class and one.start < other.end and other.start < one.end


def _mentions(task: ReviewedTask) -> list[Mention]:
    if not task.complete:
        raise ValueError(
            "not all mentions of its document were shown; export documents, with --doc alone."
        )
    answers = [each for each in task.answers if each.ground_truth] or list(task.answers)
    if len({frozenset(each.regions) for each in answers}) > 1:
        raise ValueError(f"its {len(answers)} answers differ; mark one as ground truth.")
    return [_mention(task, region) for region in answers[0].regions]


def _mention(task: ReviewedTask, region: Region) -> Mention:
    section = task.section_of(region)
    if section is None:
        raise ValueError(f"{task.name_at(region)!r} goes beyond its section; mark it in one.")
    start = region.start - task.starts[section]
    span = Span(start, start + region.end - region.start)
    document: Document = task.document
    concept = region.concept_id
    return Mention(
        doc_id=document.doc_id,
        section=section,
        sentence=0,
        spans=(span,),
        text=document.sections[section].text[span.start : span.end],
        entity_class=region.entity_class,
        detector="gold",
        links=(Link(concept, concept.partition(":")[0], "", 1, 1.0, "gold"),) if concept else (),
    )
