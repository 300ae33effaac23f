"""Label Studio, tasks out: a document a task, its mentions as predictions that people correct.

Format: https://labelstud.io/guide/tasks and https://labelstud.io/guide/predictions. A mention is a
region of `Labels`; its concept is a choice for that region, of the alternatives that the task lists
in its data (`Choices` with `perRegion` and a dynamic `value`); a concept that is not listed may be
typed (`TextArea`). Offsets are code points, which Label Studio counts too, since 2021.

What was shown is kept in the data of the task: an export of Label Studio has that in full, and of
predictions often no more than their number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import quoteattr

from kazu_platform.tables import ENTITY_CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kazu_platform.documents import Document, Link, Mention

FORMAT_VERSION: Final = 1
"""Of the data of a task; a reader knows by it what to expect."""

CLASSES, TEXT, CONCEPT, OTHER = "entity_class", "text", "concept", "other_concept"
"""Names of the tags of the labelling configuration."""

NO_CONCEPT: Final = "none of these"
"""The choice of a mention whose concept is not listed and not known."""

BETWEEN_SECTIONS: Final = "\n"
_CURIE = re.compile(r"[A-Za-z][\w.-]*:[^\s/]\S*")
_CONTROL = {ord(c): " " for c in map(chr, [*range(0x20), *range(0x7F, 0xA0)]) if c not in "\t\n"}
_HINT = (
    "Delete a mention that is none, mark what is missing, and say what each means. If the concept "
    "is not listed, type its id, such as MONDO:0005148; it counts instead of the choice."
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A mention that people are asked about; of its links the first is what it is linked to now.

    `context` is that of its surface: what the document itself says that the string means.
    """

    mention: Mention
    context: str = ""


def to_task(document: Document, shown: Sequence[Shown], *, complete: bool) -> dict[str, Any]:
    """A document and its mentions as a task with one prediction.

    Sections are joined by line breaks. Control characters become blanks, one for one. Label Studio
    has no discontinuous regions: a mention of several stretches is shown by its outer span.

    Args:
        document: what people read.
        shown: mentions of it; of two of one class at the same place the first is shown.
        complete: whether these are all its mentions (of the classes asked for), so that what
            people leave is the whole truth of the document.
    """
    texts = [section.text.translate(_CONTROL) for section in document.sections]
    starts = [0, *accumulate(len(text) + len(BETWEEN_SECTIONS) for text in texts)]
    whole = BETWEEN_SECTIONS.join(texts)
    regions: dict[tuple[int, int, str], dict[str, Any]] = {}
    result: list[dict[str, Any]] = []
    for each in shown:
        found = each.mention
        start, end = starts[found.section] + found.start, starts[found.section] + found.end
        key = (start, end, found.entity_class)
        if key not in regions:
            regions[key] = _kept(each, start, end)
            result += _region(found, {"start": start, "end": end, "text": whole[start:end]})
    scores = [link.score for each in shown for link in each.mention.links[:1]]
    return {
        "data": {
            "kazu_format": FORMAT_VERSION,
            TEXT: whole,
            "doc_id": document.doc_id,
            "content_hash": document.content_hash,
            "complete": complete,
            "sections": [
                {"name": section.name, "start": start, "end": start + len(text)}
                for section, start, text in zip(document.sections, starts, texts, strict=False)
            ],
            "concepts": _choices(link for each in shown for link in each.mention.links),
            "mentions": list(regions.values()),
        },
        "predictions": [
            {
                "model_version": "kazu-platform",
                "score": float(min(scores, default=0.0)),
                "result": result,
            }
        ],
    }


def labelling_config(classes: Iterable[str]) -> str:
    """The labelling configuration (XML) that the tasks are made for.

    Args:
        classes: of the mentions that are shown; ours are in it anyway.
    """
    every = dict.fromkeys([*ENTITY_CLASSES, *sorted(set(classes))])
    labels = "\n".join(f"    <Label value={quoteattr(name)}/>" for name in every)
    return f"""<View>
  <Style>.htx-text, .lsf-htx-richtext {{ white-space: pre-wrap; }}</Style>
  <Header value={quoteattr(_HINT)} size="6"/>
  <Labels name="{CLASSES}" toName="{TEXT}">
{labels}
  </Labels>
  <Text name="{TEXT}" value="${TEXT}" saveTextResult="yes"/>
  <View visibleWhen="region-selected">
    <Choices name="{CONCEPT}" toName="{TEXT}" perRegion="true" choice="single" value="$concepts"/>
    <TextArea name="{OTHER}" toName="{TEXT}" perRegion="true" maxSubmissions="1" rows="1"
              editable="true" placeholder="MONDO:0005148"/>
  </View>
</View>
"""


def concept_of_choice(choice: str) -> str | None:
    """The concept that a choice, or what a person typed, begins with; None for none of these.

    Raises:
        ValueError: it is neither.

    >>> concept_of_choice("HGNC:9606 PTK2B"), concept_of_choice("none of these")
    ('HGNC:9606', None)
    """
    if choice.strip() == NO_CONCEPT:
        return None
    first = (choice.split() or [""])[0]
    if not _CURIE.fullmatch(first):
        raise ValueError(f"{choice[:60]!r} is no concept; write its id as MONDO:0005148")
    return first


def _kept(each: Shown, start: int, end: int) -> dict[str, Any]:
    """What a reader has to know of a mention that was shown."""
    found = each.mention
    return {
        "start": start,
        "end": end,
        "entity_class": found.entity_class,
        "name": " ".join(found.text.split()) if len(found.spans) == 1 else None,
        "concept_id": found.link.concept_id if found.link else None,
        "context": each.context,
    }


def _region(found: Mention, where: dict[str, Any]) -> list[dict[str, Any]]:
    """A region and, with the same id, the choice of its concept."""
    same = {"id": found.mention_id, "to_name": TEXT}
    labels = same | {"from_name": CLASSES, "type": "labels"}
    choices = same | {"from_name": CONCEPT, "type": "choices"}
    result = [labels | {"value": where | {"labels": [found.entity_class]}}]
    if found.link:
        result.append(choices | {"value": where | {"choices": [_choice(found.link)]}})
    return result


def _choices(links: Iterable[Link]) -> list[dict[str, str]]:
    """Each concept once, in the order of the mentions and their ranks."""
    named: dict[str, str] = {}
    for link in links:
        named.setdefault(link.concept_id, _choice(link))
    return [{"value": value} for value in (*named.values(), NO_CONCEPT)]


def _choice(link: Link) -> str:
    return " ".join([link.concept_id, *link.label.translate(_CONTROL).split()])
