"""The detector `model+dictionary`: what a model finds and what the dictionary finds, weighed.

A model gives candidates down to a low probability, the dictionary gives matches that say nothing
of how sure they are. Within a class and a passage:

1. A candidate stays from `accept` on, which is the model's own threshold if nothing else is said;
   from `support` on if a match of its class overlaps it.
2. A match stays as a rule; with `alone="never"` only if a candidate of its class overlaps it
   whose probability is at least `doubted`.
3. Of what is left, `borders` says who is right where a candidate and a match overlap and differ:
   the other one goes, unless somebody else found it with just these borders.

Who else found a mention is recorded as `combine` does. Classes that the model does not know are the
dictionary's. Nothing else is resolved: mentions of different classes may contradict each other,
matches of one class nest.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.arrow import compute
from kazu_platform.documents import digest
from kazu_platform.ner.combination import combine
from kazu_platform.ner.dictionary_index import ranges
from kazu_platform.ner.mentions import PASSAGE_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from kazu_platform.ner.detector import Detector
    from kazu_platform.ner.model import ModelDetector

NAME: Final = "model+dictionary"
JOINING_RULES_VERSION: Final = "2"
_GROUP = (*PASSAGE_KEY, "entity_class")


@dataclass(frozen=True, slots=True)
class JoinRule:
    """How a class is joined. No probability reaches a value above 1.

    Attributes:
        accept: Least probability of a candidate that nothing supports; None: the threshold of its
            class, so that just what the model finds is accepted.
        support: Least probability of one that a match overlaps.
        alone: Whether a match stays that no candidate confirms.
        doubted: Least probability of an overlapping candidate that confirms a match, where it does
            not stay alone.
        borders: Whose borders win where they differ; both: both mentions stay.
    """

    accept: float | None = None
    support: float = 0.3
    alone: Literal["always", "never"] = "always"
    doubted: float = 0.3
    borders: Literal["model", "dictionary", "both"] = "model"


DEFAULT_RULE: Final = JoinRule()
_NEVER: Final = 2.0
"""No probability reaches it."""
_CONFIRMED: Final = JoinRule(alone="never", borders="both")
RULES: Final[Mapping[str, JoinRule]] = {
    "gene": _CONFIRMED,
    "disease": _CONFIRMED,
    "chemical": _CONFIRMED,
    # Names of species are a closed list: the model adds what it is sure of.
    "species": JoinRule(accept=0.9, support=_NEVER, borders="dictionary"),
    # "HeLa cells" to the model is HeLa to the dictionary, and both are right.
    "cell_line": JoinRule(accept=0.8, borders="both"),
    # Phrases rather than names: the dictionary's are parts of them.
    "cell_type": JoinRule(support=0.1, alone="never", doubted=0.1, borders="both"),
}
"""By class; another one is joined by DEFAULT_RULE. Chosen on devel by `benchmarks/joining.py`."""


def joining_version(rules: Mapping[str, JoinRule] = RULES) -> str:
    """Changes when the same candidates and matches may be joined to other mentions."""
    values = (f"{name}\t{astuple(rule)}" for name, rule in sorted(rules.items()))
    return digest(JOINING_RULES_VERSION, str(astuple(DEFAULT_RULE)), *values)


@dataclass(frozen=True)
class JoinedDetector:
    """A model and a dictionary as one detector; see `joined`.

    Attributes:
        model: Gives candidates.
        dictionary: Gives matches; any detector.
        rules: How each class is joined.
        name: Of both together; in column `detector` stands who found a mention.
    """

    model: ModelDetector
    dictionary: Detector
    rules: Mapping[str, JoinRule]
    name: str = NAME

    @property
    def version(self) -> str:
        """Changes with either of them and with the rules."""
        return digest(self.model.version, self.dictionary.version, joining_version(self.rules))

    def detect(self, passages: pa.Table) -> pa.Table:
        """What both find, weighed: rows of DICTIONARY_MENTIONS."""
        candidates, matches = self.model.detect(passages), self.dictionary.detect(passages)
        thresholds = dict(zip(self.model.classes, self.model.thresholds, strict=True))
        return join(candidates, matches, thresholds, self.rules)


def joined(
    model: ModelDetector, dictionary: Detector, rules: Mapping[str, JoinRule] = RULES
) -> JoinedDetector:
    """The detector `model+dictionary` of a model and a dictionary."""
    return JoinedDetector(model.giving_candidates(), dictionary, rules)


def join(
    candidates: pa.Table,
    matches: pa.Table,
    thresholds: Mapping[str, float],
    rules: Mapping[str, JoinRule] = RULES,
) -> pa.Table:
    """Weigh what a model and what a dictionary found in the same passages.

    What becomes of a mention depends on the mentions of its class in its passage alone.

    Args:
        candidates: Rows of DICTIONARY_MENTIONS, each with a confidence.
        matches: Rows of DICTIONARY_MENTIONS.
        thresholds: Of the classes that the model knows; matches of others stay as they are.
        rules: By class.
    """
    place, number = _on_one_axis(candidates, matches)
    model = _Side.of(candidates, place[0], number[0])
    dictionary = _Side.of(matches, place[1], number[1])
    rule = _Rules.of(_classes(candidates, matches), thresholds, rules)
    candidate, match = _overlapping(model, dictionary)
    confidence = candidates["confidence"].to_numpy()

    supported = np.zeros(candidates.num_rows, np.bool_)
    supported[candidate] = True
    accepted = (confidence >= rule.accept[model.number]) | (
        supported & (confidence >= rule.support[model.number])
    )
    best = np.full(matches.num_rows, -1.0)
    np.maximum.at(best, match, confidence[candidate])
    stays = rule.alone[dictionary.number] | (best >= rule.doubted[dictionary.number])

    # Of overlapping pairs of which both are left: equal borders confirm, others compete.
    both = accepted[candidate] & stays[match]
    candidate, match = candidate[both], match[both]
    same = (model.start[candidate] == dictionary.start[match]) & (
        model.end[candidate] == dictionary.end[match]
    )
    wins = rule.model_wins[model.number[candidate]], rule.dictionary_wins[model.number[candidate]]
    stays &= ~_marked(matches.num_rows, match, ~same & wins[0]) | _marked(
        matches.num_rows, match, same
    )
    accepted &= ~_marked(candidates.num_rows, candidate, ~same & wins[1]) | _marked(
        candidates.num_rows, candidate, same
    )
    known = compute.is_in(matches["entity_class"], value_set=pa.array(thresholds, pa.string()))
    stays |= ~known.to_numpy()
    return combine([matches.filter(pa.array(stays)), candidates.filter(pa.array(accepted))])


@dataclass(frozen=True, slots=True)
class _Rules:
    """Rules as columns, by number of the class."""

    accept: NDArray[np.float64]
    support: NDArray[np.float64]
    alone: NDArray[np.bool_]
    doubted: NDArray[np.float64]
    model_wins: NDArray[np.bool_]
    dictionary_wins: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        thresholds: Mapping[str, float],
        rules: Mapping[str, JoinRule],
    ) -> _Rules:
        each = [rules.get(name, DEFAULT_RULE) for name in names]
        # The confidence is a float of 32 bits, and 0.3 is to be the least that counts as 0.3.
        accept, support, doubted = (
            np.array(values, np.float32).astype(np.float64)
            for values in (
                # What is not of the model's classes has no candidates.
                [
                    thresholds.get(name, 1) if rule.accept is None else rule.accept
                    for name, rule in zip(names, each, strict=True)
                ],
                [rule.support for rule in each],
                [rule.doubted for rule in each],
            )
        )
        alone, model_wins, dictionary_wins = (
            np.array(values, np.bool_)
            for values in (
                [rule.alone == "always" for rule in each],
                [rule.borders == "model" for rule in each],
                [rule.borders == "dictionary" for rule in each],
            )
        )
        return cls(accept, support, alone, doubted, model_wins, dictionary_wins)


@dataclass(frozen=True, slots=True)
class _Side:
    """The spans of one detector on the axis of both, and the numbers of their classes."""

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    number: NDArray[np.int64]

    @classmethod
    def of(cls, rows: pa.Table, place: NDArray[np.int64], number: NDArray[np.int64]) -> _Side:
        start, end = (rows[name].to_numpy().astype(np.int64) + place for name in ("start", "end"))
        return cls(start, end, number)


def _classes(*tables: pa.Table) -> list[str]:
    return sorted({name for rows in tables for name in rows["entity_class"].unique().to_pylist()})


def _on_one_axis(
    *tables: pa.Table,
) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]]:
    """Where the class of each mention begins in its passage, if all lie one behind the other.

    Returns:
        For each table these places, and the numbers of the classes in the order of their names.
    """
    rows = pl.concat([pl.DataFrame(table.select([*_GROUP, "end"])) for table in tables])
    groups = rows.select(_GROUP).unique(maintain_order=True).with_row_index("group")
    found = rows.join(groups, on=_GROUP, how="left", maintain_order="left")
    size = int(rows["end"].to_numpy().max(initial=0)) + 1
    place = found["group"].to_numpy().astype(np.int64) * size
    number = rows["entity_class"].cast(pl.Enum(_classes(*tables))).to_physical().to_numpy()
    borders = np.cumsum([table.num_rows for table in tables])[:-1]
    return np.split(place, borders), np.split(number.astype(np.int64), borders)


def _overlapping(one: _Side, other: _Side) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs that share a character: rows of the one, and of the other."""
    order = np.argsort(one.start, kind="stable")
    start, end = one.start[order], one.end[order]
    # Those before the first that reaches so far end too early, those from `stop` on begin too late.
    first = np.searchsorted(np.maximum.accumulate(end), other.start, side="right")
    stop = np.searchsorted(start, other.end, side="left")
    counts = np.maximum(stop - first, 0)
    rows, others = ranges(first, counts), np.repeat(np.arange(len(counts)), counts)
    near = end[rows] > other.start[others]
    return order[rows[near]], others[near]


def _marked(n_rows: int, rows: NDArray[np.int64], which: NDArray[np.bool_]) -> NDArray[np.bool_]:
    marked = np.zeros(n_rows, np.bool_)
    marked[rows[which]] = True
    return marked
