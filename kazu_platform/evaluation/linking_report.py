"""Evaluations of linkers as rows of a table and for people: figures, and frequent mistakes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from kazu_platform.evaluation.examples import plain
from kazu_platform.tables import EVALUATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from kazu_platform.evaluation.linking import LinkingEvaluation, LinkingTask
    from kazu_platform.evaluation.scores import Figure

ACCURACY = "accuracy_at_1_in_vocabulary"
_SHOWN = (ACCURACY, "recall_at_20_in_vocabulary", "accuracy_with_nil")


def linking_rows(evaluations: Sequence[LinkingEvaluation], *, stage: str) -> pa.Table:
    """Rows of EVALUATIONS, in the order of that table.

    Args:
        evaluations: Of different corpora, classes or linkers.
        stage: Whose output was evaluated, which is the partition that the rows belong to.
    """
    rows = [
        {
            "stage": stage,
            "detector": each.linker,
            "detector_version": each.linker_version,
            "corpus": each.corpus,
            "split": each.split,
            "entity_class": each.entity_class,
            "metric": metric,
            **figure._asdict(),
            "n": _n_of(each, metric),
        }
        for each in evaluations
        for metric, figure in _figures(each)
    ]
    return EVALUATIONS.sort(EVALUATIONS.from_rows(rows))


def _figures(each: LinkingEvaluation) -> Iterator[tuple[str, Figure]]:
    figures = each.figures | {"calibration_error": each.calibration.error}
    return ((name, figure) for name, figure in figures.items() if figure is not None)


def _n_of(each: LinkingEvaluation, metric: str) -> int:
    """How many mentions a figure is a share of."""
    judged = each.judged
    if metric.endswith("_in_vocabulary"):
        return each.n_in_vocabulary
    of: dict[str, Any] = {
        "accuracy_with_nil": np.ones_like(judged.known),
        "nil_precision": ~judged.linked,
        "nil_recall": ~judged.known,
        "calibration_error": ~np.isnan(judged.score),
    }
    return int(of[metric].sum()) if metric in of else each.n_with_id


def linking_to_markdown(evaluations: Sequence[LinkingEvaluation]) -> str:
    """A table of figures in percent."""
    names = (
        *("corpus", "class", "mentions", "in the vocabulary", "accuracy at 1", "low", "high"),
        *("recall at 20", "accuracy with NIL", "calibration error"),
    )
    head = f"| {' | '.join(names)} |\n{'|---' * len(names)}|"
    return "\n".join([head, *(_row(each) for each in evaluations)])


def _row(each: LinkingEvaluation) -> str:
    accuracy, *others = (each.figures[name] for name in _SHOWN)
    values = [
        *(accuracy or (None, None, None)),
        *(None if figure is None else figure.value for figure in others),
        None if each.calibration.error is None else each.calibration.error.value,
    ]
    cells = ["–" if value is None else f"{100 * value:.1f}" for value in values]
    about = (each.corpus, each.entity_class, f"{each.n_mentions:,}", f"{each.n_in_vocabulary:,}")
    return f"| {' | '.join([*about, *cells])} |"


def mistakes_to_markdown(
    pairs: Sequence[tuple[LinkingTask, LinkingEvaluation]],
    concepts: pa.Table,
    *,
    most: int,
) -> str:
    """The strings of each corpus and class that are answered wrongly most often, so many of each.

    Args:
        pairs: Tasks, and how a linker did on them.
        concepts: concept_id and label of all that can be linked to.
        most: Of each task.
    """
    wrong = [(each, _wrong(*each)[:most]) for each in pairs]
    shown = {
        concept
        for _, rows in wrong
        for (_, meant, answer), _ in rows
        for concept in (*meant, *answer)
    }
    labels = _labels(concepts, shown)

    def said(concepts: Sequence[str]) -> str:
        return ", ".join(f"{plain(labels[each])} ({each})" for each in concepts) or "nothing"

    parts: list[str] = []
    for (task, _), rows in wrong:
        lines = [
            f"| {plain(string)} | {said(meant)} | {said(answer)} | {times:,} |"
            for (string, meant, answer), times in rows
        ]
        if lines:
            head = "| string | means | was linked to | times |\n|---|---|---|---|"
            title = f"**{task.corpus}, {task.entity_class}**"
            parts.append("\n".join([f"{title}\n", head, *lines]))
    return "\n\n".join(parts) or "no mistakes"


def _labels(concepts: pa.Table, wanted: set[str]) -> dict[str, str]:
    kept = pl.col("concept_id").is_in(sorted(wanted))
    columns = pl.DataFrame(concepts.select(["concept_id", "label"])).cast(pl.String)
    return dict(columns.filter(kept).iter_rows())


Wrong = tuple[str, tuple[str, ...], tuple[str, ...]]


def _wrong(task: LinkingTask, evaluation: LinkingEvaluation) -> list[tuple[Wrong, int]]:
    """Strings, what they mean and what was said, with how often; the most frequent first."""
    judged = evaluation.judged
    texts = dict(zip(*(task.surfaces[n].to_pylist() for n in ("surface_id", "text")), strict=True))
    strings = [texts[surface] for surface in task.mentions["surface_id"].to_list()]
    meant = task.meant.group_by("mention").agg(pl.col("concept_id").unique().sort())
    concepts: dict[int, list[str]] = dict(meant.iter_rows())
    counted = Counter(
        (
            strings[row],
            tuple(concepts[row]),
            (judged.concept[row],) if judged.concept[row] else (),
        )
        for row in np.flatnonzero(judged.known & (judged.rank != 1)).tolist()
    )
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))
