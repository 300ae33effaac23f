"""`kazu-platform evaluate`: how well what is found agrees with what people marked."""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kazu_platform.commands.indices import compiled_detector, open_detector, open_live
from kazu_platform.errors import UnknownNameError
from kazu_platform.settings import read_settings
from kazu_platform.tables import ENTITY_CLASSES

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import TextIO

    from kazu_platform.evaluation.entities import Gold
    from kazu_platform.evaluation.ner import Evaluation, Mistakes
    from kazu_platform.evaluation.scores import Figure
    from kazu_platform.ner.dictionary import DictionaryDetector

DETECTORS = ("dictionary",)
FIGURES = ("precision", "recall", "f1")


def evaluate_ner(  # noqa: PLR0913 - the options of a command
    gold: Path,
    split: str,
    entity_class: str,
    *,
    detector: str = "dictionary",
    sources: str | None = None,
    errors: int = 0,
) -> tuple[Evaluation, Mistakes | None]:
    """Score a detector on one class of a gold, with its most frequent mistakes if asked.

    Raises:
        UnknownNameError: there is no such class or detector; the nearest one is said.
        ConfigurationError: there is no such gold or split, or a setting is wrong.
        MalformedFileError: the gold is not what its format promises.
        ArtifactError: the catalogue's dictionary was not made yet.
    """
    from kazu_platform.evaluation.gold import read_gold
    from kazu_platform.evaluation.ner import evaluate, mistakes
    from kazu_platform.ner.documented import Documented

    if entity_class not in ENTITY_CLASSES:
        raise UnknownNameError.of("entity class", entity_class, ENTITY_CLASSES)
    if detector not in DETECTORS:
        raise UnknownNameError.of("detector", detector, DETECTORS)
    marked = read_gold(gold, split)
    with _dictionary(sources) as dictionary:
        _warn(marked, dictionary, entity_class)
        result = evaluate(marked, Documented(dictionary), entity_class)
    return result, mistakes(marked, result.match, most=errors) if errors else None


@contextmanager
def _dictionary(sources: str | None) -> Generator[DictionaryDetector]:
    """The live dictionary, or the one of another catalogue, compiled for this once."""
    settings = read_settings()
    if sources is None:
        yield open_live(settings, settings.catalogue(), open_detector)
        return
    catalogue = settings.model_copy(update={"sources": sources}).catalogue()
    sys.stderr.write(f"Compiling the vocabularies of {catalogue.name} ...\n")
    with tempfile.TemporaryDirectory(prefix="kazu-evaluate-") as folder:
        yield compiled_detector(catalogue, Path(folder))


def _warn(gold: Gold, dictionary: DictionaryDetector, entity_class: str) -> None:
    """Say why a figure will be 0, where that is known before."""
    if not gold.types.get(entity_class):
        marked = ", ".join(sorted(gold.types)) or "nothing"
        sys.stderr.write(f"note: {gold.corpus} {gold.split} marks no {entity_class}: {marked}.\n")
    if entity_class not in dictionary.index.manifest.classes:
        sys.stderr.write(f"note: the dictionary has no names of class {entity_class}.\n")


def print_evaluation(
    result: Evaluation, wrong: Mistakes | None, out: TextIO, *, as_json: bool
) -> None:
    """Print figures as a table, or all there is as one JSON object."""
    if as_json:
        json.dump(_for_json(result, wrong), out, ensure_ascii=False)
        out.write("\n")
    else:
        _print_tables(result, wrong, out)


def _for_json(result: Evaluation, wrong: Mistakes | None) -> dict[str, Any]:
    score = result.score
    body: dict[str, Any] = {
        name: getattr(result, name)
        for name in ("corpus", "split", "entity_class", "detector", "detector_version")
    }
    for name in FIGURES:
        figure: Figure = getattr(score, name)
        body |= {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}
    body |= {
        "n_gold": score.n_gold,
        "n_predicted": score.n_found,
        "n_correct": score.n_correct,
        "interval_over": result.interval_over,
        f"n_{result.interval_over}": score.n_units,
    }
    return body if wrong is None else body | asdict(wrong)


def _print_tables(result: Evaluation, wrong: Mistakes | None, out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(file=out, width=None if out.isatty() else 160)
    score = result.score
    where = f"{result.corpus} {result.split}, {result.entity_class}, detector {result.detector}"
    figures = Table("figure", "value", "low", "high")
    for name in FIGURES:
        figure: Figure = getattr(score, name)
        figures.add_row(name, *(f"{100 * value:.1f}" for value in figure))
    out.write(f"{where}\n")
    console.print(figures)
    out.write(
        f"{score.n_gold:,} in the gold, {score.n_found:,} found, {score.n_correct:,} correct; "
        f"95 % intervals over {score.n_units:,} {result.interval_over}\n"
    )
    if wrong is not None:
        console.print(_wrong_strings(wrong))


def _wrong_strings(wrong: Mistakes) -> Any:  # noqa: ANN401 - rich is imported when it is needed
    from rich.table import Table
    from rich.text import Text

    table = Table("mistake", "string", "times")
    for kind, strings in (
        ("found wrongly", wrong.false_positives),
        ("missed", wrong.false_negatives),
    ):
        for string, times in strings.items():
            table.add_row(kind, Text(" ".join(string.split())), f"{times:,}")
    return table
