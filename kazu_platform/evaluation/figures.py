"""Every figure of an evaluation by its name, and evaluations as rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kazu_platform.tables import EVALUATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from kazu_platform.evaluation.ner import Evaluation
    from kazu_platform.evaluation.scores import Figure, LooseScore, Score


class Named(NamedTuple):
    """A figure, None if it would be a share of nothing, and how many entities it is a share of."""

    figure: Figure | None
    n: int


def figures_of(evaluation: Evaluation) -> dict[str, Named]:
    """The figures of an evaluation: precision, recall, f1, characters_f1, relaxed_f1, ..."""
    figures = {
        prefix + name: named
        for prefix, score in (
            ("", evaluation.score),
            ("characters_", evaluation.characters),
            ("relaxed_", evaluation.relaxed),
        )
        for name, named in _of_score(score).items()
    }
    seen = evaluation.seen
    if seen is not None:
        figures["seen_recall"] = Named(seen.seen, seen.n_seen)
        figures["unseen_recall"] = Named(seen.unseen, seen.n_unseen)
    return figures


def evaluation_rows(evaluations: Sequence[Evaluation], *, stage: str) -> pa.Table:
    """Rows of EVALUATIONS, in the order of that table.

    Args:
        evaluations: Of different corpora or classes.
        stage: Whose output was evaluated, which is the partition that the rows belong to.
    """
    rows = [
        {
            "stage": stage,
            "detector": each.detector,
            "detector_version": each.detector_version,
            "corpus": each.corpus,
            "split": each.split,
            "entity_class": each.entity_class,
            "metric": metric,
            "value": named.figure.value,
            "low": named.figure.low,
            "high": named.figure.high,
            "n": named.n,
        }
        for each in evaluations
        for metric, named in figures_of(each).items()
        if named.figure is not None
    ]
    return EVALUATIONS.sort(EVALUATIONS.from_rows(rows))


def _of_score(score: Score | LooseScore) -> dict[str, Named]:
    return {
        "precision": Named(score.precision, score.n_found),
        "recall": Named(score.recall, score.n_gold),
        "f1": Named(score.f1, score.n_gold),
    }
