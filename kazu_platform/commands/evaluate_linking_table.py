"""`kazu-platform evaluate linking-table`: every corpus and class, ours beside those to beat."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kazu_platform.commands.evaluate_linking import linking_for_json, opened_linkers
from kazu_platform.errors import ConfigurationError
from kazu_platform.tables import ENTITY_CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

    import pyarrow as pa

    from kazu_platform.commands.evaluate_linking import Opened
    from kazu_platform.evaluation.end_to_end import EndToEnd
    from kazu_platform.evaluation.linking import LinkingEvaluation
    from kazu_platform.evaluation.linking_gold import LinkingGold
    from kazu_platform.evaluation.scores import Figure

COLUMNS = (
    *("corpus", "class", "mentions", "in vocab.", "linker", "acc@1 in vocab.", "low", "high"),
    *("acc@1 all", "R@5 in vocab.", "R@20 in vocab.", "acc with NIL", "NIL P", "NIL R", "ECE"),
)
END_TO_END_COLUMNS = ("document F1", "mention F1")


@dataclass(frozen=True)
class LinkingRow:
    """A linker on a class of a corpus."""

    result: LinkingEvaluation
    both_steps: EndToEnd | None


@dataclass(frozen=True)
class LinkingTable:
    """Rows by corpus, class and linker; classes of which the vocabularies know nothing."""

    split: str
    rows: tuple[LinkingRow, ...]
    unknown: tuple[str, ...]


def evaluate_linking_table(  # noqa: PLR0913 - the options of a command
    root: Path,
    split: str,
    *,
    sources: str | None = None,
    end_to_end: bool = False,
    detector: str | None = None,
    model: Path | None = None,
) -> LinkingTable:
    """Evaluate every linker on every class of every corpus in a folder.

    Raises:
        ConfigurationError: the folder has no corpus with the split, or a setting is wrong.
        MalformedFileError: a gold is not what its format promises.
        UnknownNameError: there is no such detector; the nearest one is said.
        ArtifactError: the catalogue's indices were not made yet, or there is no model.
    """
    golds = list(_golds(root, split))
    if not golds:
        raise ConfigurationError(
            f"{root} holds no corpus with a split {split!r}; give a folder with a folder for each "
            f"corpus, and {split}.PubTator, train.PubTator or concepts.tsv in it."
        )
    rows: list[LinkingRow] = []
    unknown: list[str] = []
    with opened_linkers(sources) as opened:
        reader = opened.detector(detector, model) if end_to_end else None
        for gold in golds:
            read = None if reader is None else (reader.name, reader.detect(gold.passages))
            for entity_class in ENTITY_CLASSES:
                if entity_class not in gold.classes:
                    continue
                sys.stderr.write(f"{gold.corpus} {entity_class} ...\n")
                found = _rows(gold, entity_class, opened, read)
                if found[0].result.n_in_vocabulary:
                    rows += found
                else:
                    unknown.append(f"{gold.corpus} {entity_class}")
    return LinkingTable(split, tuple(rows), tuple(unknown))


def _golds(root: Path, split: str) -> Iterator[LinkingGold]:
    from kazu_platform.evaluation.linking_gold import read_linking_gold

    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        if folder.is_dir():
            try:
                yield read_linking_gold(folder, split)
            except ConfigurationError as error:
                sys.stderr.write(f"note: {error}\n")


def _rows(
    gold: LinkingGold, entity_class: str, opened: Opened, read: tuple[str, pa.Table] | None
) -> list[LinkingRow]:
    """A row for each linker; `read` is a detector's name and what it found, for both steps."""
    from kazu_platform.evaluation.end_to_end import detected, evaluate_end_to_end
    from kazu_platform.evaluation.linking import evaluate_linker, linking_task

    task = linking_task(gold, entity_class, opened.identifiers, opened.linker)
    results = [(linker, evaluate_linker(task, linker)) for linker in opened.linkers.values()]
    if read is None:
        return [LinkingRow(result, None) for _, result in results]
    name, mentions = read
    found = detected(gold, mentions, entity_class, opened.linker)
    return [
        LinkingRow(result, evaluate_end_to_end(gold, task, found, linker, detector=name))
        for linker, result in results
    ]


def print_linking_table(table: LinkingTable, out: TextIO, *, as_json: bool) -> None:
    """Print a table for people, or all there is as one JSON object."""
    if as_json:
        body: dict[str, Any] = {
            "split": table.split,
            "rows": [linking_for_json(row.result, row.both_steps) for row in table.rows],
            "unknown": list(table.unknown),
        }
        json.dump(body, out, ensure_ascii=False)
        out.write("\n")
    else:
        _print(table, out)


def _print(table: LinkingTable, out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(file=out, width=None if out.isatty() else 220)
    has_both = any(row.both_steps for row in table.rows)
    printed = Table(*COLUMNS, *(END_TO_END_COLUMNS if has_both else ()))
    before = None
    for row in table.rows:
        what = row.result.corpus, row.result.entity_class
        if before not in {None, what}:
            printed.add_section()
        printed.add_row(*_cells(row, is_first=what != before))
        before = what
    out.write(f"{table.split}; linkers see the same strings, ours their context too\n")
    console.print(printed)
    if table.unknown:
        out.write(f"the vocabularies know none of: {', '.join(table.unknown)}\n")


def _cells(row: LinkingRow, *, is_first: bool) -> list[str]:
    result, figures = row.result, row.result.figures
    about = (
        result.corpus,
        result.entity_class,
        f"{result.n_mentions:,}",
        f"{result.n_in_vocabulary:,}",
    )
    accuracy = figures["accuracy_at_1_in_vocabulary"]
    names = (
        *("accuracy_at_1", "recall_at_5_in_vocabulary", "recall_at_20_in_vocabulary"),
        *("accuracy_with_nil", "nil_precision", "nil_recall"),
    )
    both_steps = row.both_steps
    return [
        *(about if is_first else ("",) * len(about)),
        result.linker,
        *(("-",) * 3 if accuracy is None else (_percent(value) for value in accuracy)),
        *(_value(figures[name]) for name in names),
        _value(result.calibration.error),
        *((_value(both_steps.document.f1), _value(both_steps.mention.f1)) if both_steps else ()),
    ]


def _value(figure: Figure | None) -> str:
    return "-" if figure is None else _percent(figure.value)


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"
