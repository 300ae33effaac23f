"""`kazu-platform evaluate ner-table`: every corpus there is, beside the paper."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from kazu_platform.commands.evaluate import for_json, opened

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

    from kazu_platform.evaluation.corpora import CorpusRow, Macro
    from kazu_platform.evaluation.ner import Evaluation
    from kazu_platform.evaluation.paper import PaperRow
    from kazu_platform.evaluation.scores import Figure

COLUMNS = (
    *("corpus", "class", "P", "R", "F1", "low", "high"),
    *("TinyBERN2", "BERN2", "over TinyBERN2", "relaxed F1", "seen R", "unseen R"),
)
TITLES = {
    "in_domain": "rows of the paper, learnt from",
    "cross_corpus": "rows of the paper, only reported",
    "further": "further corpora",
}


@dataclass(frozen=True)
class EvaluationTable:
    """Rows with their evaluations; what of the paper is not there."""

    split: str
    detector: str
    detector_version: str
    rows: tuple[tuple[CorpusRow, Evaluation], ...]
    missing: tuple[PaperRow, ...]

    def of_group(self, group: str) -> list[tuple[CorpusRow, Evaluation]]:
        """The rows of a group."""
        return [each for each in self.rows if each[0].group == group]

    def macros(self) -> dict[str, Macro | None]:
        """Means over all rows of the paper, those learnt from and those only reported."""
        from kazu_platform.evaluation.corpora import macro

        chosen = {
            "all": self.rows,
            "in_domain": self.of_group("in_domain"),
            "cross_corpus": self.of_group("cross_corpus"),
        }
        return {
            name: macro([row for row, _ in rows], [result for _, result in rows])
            for name, rows in chosen.items()
        }


def evaluate_table(
    root: Path,
    split: str,
    *,
    detector: str | None = None,
    sources: str | None = None,
    model: Path | None = None,
) -> EvaluationTable:
    """Evaluate a detector on every corpus in a folder.

    Raises:
        UnknownNameError: there is no such detector; the nearest one is said.
        ConfigurationError: the folder has no corpus with the split, or a setting is wrong.
        MalformedFileError: a gold is not what its format promises.
        ArtifactError: what the detector needs was not made yet.
    """
    from kazu_platform.evaluation.corpora import evaluate_corpora, missing, rows_of

    rows = rows_of(root, split)
    with opened(detector, sources, model) as reader:
        corpora = len({row.folder for row in rows})
        sys.stderr.write(f"Reading {split} of {corpora} corpora with {reader.name} ...\n")
        results = evaluate_corpora(rows, split, reader)
        return EvaluationTable(
            split=split,
            detector=reader.name,
            detector_version=reader.version,
            rows=tuple(zip(rows, results, strict=True)),
            missing=tuple(missing(rows)),
        )


def print_table(table: EvaluationTable, out: TextIO, *, as_json: bool) -> None:
    """Print a table for people, or all there is as one JSON object."""
    if as_json:
        json.dump(_for_json(table), out, ensure_ascii=False)
        out.write("\n")
    else:
        _print(table, out)


def _for_json(table: EvaluationTable) -> dict[str, Any]:
    """F1 of the paper lies between 0 and 1, as ours does."""
    return {
        "split": table.split,
        "detector": table.detector,
        "detector_version": table.detector_version,
        "rows": [
            {"group": row.group} | _paper_for_json(row.paper) | for_json(result)
            for row, result in table.rows
        ],
        "macro": {
            name: None if macro is None else asdict(macro) for name, macro in table.macros().items()
        },
        "missing": [f"{row.corpus} {row.entity_class}" for row in table.missing],
    }


def _paper_for_json(paper: PaperRow | None) -> dict[str, float | None]:
    return {
        "paper_bern2_f1": None if paper is None else round(paper.bern2 / 100, 4),
        "paper_tinybern2_f1": None if paper is None else round(paper.tinybern2 / 100, 4),
    }


def _print(table: EvaluationTable, out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(file=out, width=None if out.isatty() else 160)
    macros = table.macros()
    out.write(f"{table.split}, detector {table.detector}\n")
    for group, title in TITLES.items():
        rows = table.of_group(group)
        if not rows:
            continue
        printed = Table(*COLUMNS)
        for row, result in rows:
            printed.add_row(*_cells(row, result))
        _add_macro(printed, macros.get(group))
        out.write(f"\n{title}\n")
        console.print(printed)
    over = macros["all"]
    if over is not None:
        out.write(
            f"\nmacro F1 of {over.n_rows} rows: {100 * over.f1:.1f}; in the paper, on test: "
            f"TinyBERN2 {100 * over.tinybern2:.1f}, BERN2 {100 * over.bern2:.1f}\n"
        )
    if table.missing:
        names = ", ".join(f"{row.corpus} {row.entity_class}" for row in table.missing)
        out.write(f"not there: {names}\n")


def _cells(row: CorpusRow, result: Evaluation) -> list[str]:
    score, seen, paper = result.score, result.seen, row.paper
    f1 = score.f1
    figures = (score.precision.value, score.recall.value, *f1)
    beside = ("",) * 3
    if paper is not None:
        over = f"{100 * f1.value - paper.tinybern2:+.1f}"
        beside = (f"{paper.tinybern2:.1f}", f"{paper.bern2:.1f}", over)
    return [
        result.corpus,
        result.entity_class,
        *(_percent(value) for value in figures),
        *beside,
        _percent(result.relaxed.f1.value),
        _share(seen and seen.seen),
        _share(seen and seen.unseen),
    ]


def _add_macro(printed: Any, macro: Macro | None) -> None:  # noqa: ANN401 - rich is imported late
    if macro is None:
        return
    over = f"{100 * (macro.f1 - macro.tinybern2):+.1f}"
    beside = (_percent(macro.tinybern2), _percent(macro.bern2), over)
    printed.add_section()
    printed.add_row("macro", f"{macro.n_rows} rows", "", "", _percent(macro.f1), "", "", *beside)


def _share(figure: Figure | None) -> str:
    return "" if figure is None else _percent(figure.value)


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"
