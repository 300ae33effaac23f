"""Examples of mistakes: the most frequent wrong strings, each in a sentence where it went wrong."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from kazu_platform.evaluation.entities import Entities
from kazu_platform.evaluation.scores import is_in
from kazu_platform.ner.mentions import Spans, sentence_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kazu_platform.evaluation.entities import Gold
    from kazu_platform.evaluation.ner import Match

AROUND = 120
"""Characters of a sentence that are shown on either side of a string."""
_MARKS = re.compile(r"([\\`*_|<>\[\]~#&])")


@dataclass(frozen=True, slots=True)
class Example:
    """A string that often went wrong, in the first sentence where it did.

    `kind` says how: found where the gold has nothing with these borders, or missed. `start` and
    `end` are those of the string within `sentence`.
    """

    kind: Literal["found wrongly", "missed"]
    string: str
    times: int
    doc_id: str
    sentence: str
    start: int
    end: int


def examples(gold: Gold, match: Match, *, most: int) -> list[Example]:
    """The most frequent strings that were found wrongly, then those missed, so many of each.

    Look at those of a train split: rules made from what a devel or a test split shows spoil its
    figures. Of devel they may be shown, to see what a figure is made of, and nothing may follow
    from them.
    """
    wrong, missed = ~is_in(match.found, match.gold), ~is_in(match.gold, match.found)
    return [
        *_examples(gold, _only(match.found, wrong), "found wrongly", most),
        *_examples(gold, _only(match.gold, missed), "missed", most),
    ]


def to_markdown(shown: Sequence[Example]) -> str:
    r"""A table of examples; the string is bold in its sentence.

    >>> print(to_markdown([Example("missed", "TNF", 3, "PMID:7", "Then TNF rose.", 5, 8)]))
    | mistake | string | times | document | sentence |
    |---|---|---|---|---|
    | missed | TNF | 3 | PMID:7 | Then **TNF** rose. |
    """
    rows = [
        f"| {each.kind} | {plain(each.string)} | {each.times:,} | {plain(each.doc_id)} "
        f"| {_shown(each)} |"
        for each in shown
    ]
    head = "| mistake | string | times | document | sentence |\n|---|---|---|---|---|"
    return "\n".join([head, *rows])


def _only(entities: Entities, these: NDArray[np.bool_]) -> Entities:
    return Entities(entities.document[these], entities.start[these], entities.end[these])


def _examples(
    gold: Gold, wrong: Entities, kind: Literal["found wrongly", "missed"], most: int
) -> list[Example]:
    strings = wrong.texts(gold.passages)
    frequent = sorted(Counter(strings).items(), key=lambda item: (-item[1], item[0]))[:most]
    rows = np.array([strings.index(string) for string, _ in frequent], np.int64)
    document, start, end = wrong.document[rows], wrong.start[rows], wrong.end[rows]
    within = sentence_of(gold.passages, Spans(document, start, end, np.zeros_like(document)))
    found: list[Example] = []
    for at, (string, times) in enumerate(frequent):
        passage = gold.passages.slice(int(document[at]), 1).to_pylist()[0]
        sentence = passage["sentences"][int(within[at])]
        # What crosses the end of a sentence is shown whole.
        last = max(sentence["end"], int(end[at]))
        first = min(sentence["start"], int(start[at]))
        found.append(
            Example(
                kind,
                string,
                times,
                passage["doc_id"],
                passage["text"][first:last],
                int(start[at]) - first,
                int(end[at]) - first,
            )
        )
    return found


def _shown(each: Example) -> str:
    before, after = each.sentence[: each.start], each.sentence[each.end :]
    if len(before) > AROUND:
        before = "… " + before[-AROUND:]
    if len(after) > AROUND:
        after = after[:AROUND] + " …"
    return f"{plain(before)}**{plain(each.string)}**{plain(after)}"


def plain(text: str) -> str:
    """Text that Markdown leaves as it is, on one line."""
    return _MARKS.sub(r"\\\1", re.sub(r"[\n\r\t\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", " ", text))
