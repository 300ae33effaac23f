"""Whether a new model may take the place of the one in use: it may lose on no corpus.

A loss counts if the whole interval of the paired difference lies below 0: if more than the choice
of texts explains it. What is compared is F1; where each of the gold got one answer it is the share
of right answers, the accuracy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kazu_platform.evaluation.paper import CROSS_CORPUS
from kazu_platform.evaluation.scores import paired_difference, score

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from kazu_platform.evaluation.scores import Counts, Figure

    Key = tuple[str, str]
    OfCorpora = Mapping[Key, Counts]

F1: Final = "F1"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How good a candidate is on one class of a corpus, beside the model in use.

    `value_in_use` and `difference` are None where there is nothing to compare with. `counts` is
    false for what is only reported: what is lost there stops nothing.
    """

    corpus: str
    entity_class: str
    value: float
    value_in_use: float | None
    difference: Figure | None
    counts: bool

    @property
    def lost(self) -> bool:
        """Whether it is worse, and by more than chance."""
        return self.difference is not None and self.difference.high < 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a candidate may be promoted, and what it was compared on, corpus by corpus.

    `measure` is what the values are called.
    """

    comparisons: tuple[Comparison, ...]
    measure: str = F1

    @property
    def passed(self) -> bool:
        """Whether it lost on no corpus that counts."""
        return not any(each.lost and each.counts for each in self.comparisons)

    @property
    def description(self) -> str:
        """The verdict in a sentence."""
        compared = [each for each in self.comparisons if each.difference is not None]
        if not compared:
            return "there is no model in use to compare with"
        lost = [
            f"{each.corpus} {each.entity_class} ({100 * each.difference.value:+.1f})"
            for each in compared
            if each.lost and each.counts and each.difference is not None
        ]
        if lost:
            return f"{self.measure} lost beyond the paired interval: {', '.join(lost)}"
        return f"no {self.measure} lost beyond the paired interval on {len(compared)} rows"

    def to_markdown(self) -> str:
        """A table of the comparisons, values in percent."""
        names = f"| corpus | class | {self.measure} | in use | difference | low | high | |"
        head = f"{names}\n{'|---' * 8}|"
        return "\n".join([head, *(_row(each) for each in self.comparisons)])


def compare(
    candidate: OfCorpora,
    in_use: OfCorpora | None,
    *,
    measure: str = F1,
    only_reported: Collection[str | Key] = CROSS_CORPUS,
) -> Verdict:
    """Compare a candidate with the model in use.

    Args:
        candidate: Counts of the units of each corpus and class.
        in_use: The same of the model in use, on the same gold; None if there is none. What only the
            candidate was measured on is compared with nothing.
        measure: What F1 of these counts is called.
        only_reported: Corpora, or classes of them, by which nothing may be chosen.

    Raises:
        ValueError: the candidate was not measured on all that the model in use was, or not on the
            same gold.
    """
    before = in_use or {}
    unmeasured = sorted(before.keys() - candidate.keys())
    if unmeasured:
        named = ", ".join(" ".join(key) for key in unmeasured)
        raise ValueError(f"the candidate was not measured on {named}, the model in use was")
    return Verdict(
        tuple(
            _compared(
                key, counts, before.get(key), counts_for={key, key[0]}.isdisjoint(only_reported)
            )
            for key, counts in candidate.items()
        ),
        measure,
    )


def _compared(
    key: Key, candidate: Counts, in_use: Counts | None, *, counts_for: bool
) -> Comparison:
    corpus, entity_class = key
    value = score(candidate).f1.value
    if in_use is None:
        return Comparison(corpus, entity_class, value, None, None, counts_for)
    try:
        difference = paired_difference(candidate, in_use)
    except ValueError as error:
        raise ValueError(f"{corpus} {entity_class}: {error}") from None
    before = score(in_use).f1.value
    return Comparison(corpus, entity_class, value, before, difference, counts_for)


def _row(each: Comparison) -> str:
    said = ("lost" if each.lost else "") + ("" if each.counts else " (only reported)")
    figures = [each.value, each.value_in_use, *(each.difference or (None, None, None))]
    cells = ["–" if value is None else f"{100 * value:.1f}" for value in figures]
    return f"| {' | '.join([each.corpus, each.entity_class, *cells, said.strip()])} |"
