"""`kazu-platform evaluate`: how well what is found agrees with what people marked."""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kazu_platform.commands.detectors import (
    BOTH,
    MODEL,
    both,
    chosen_detector,
    open_chosen_model,
)
from kazu_platform.commands.indices import compiled_detector, open_detector, open_live
from kazu_platform.errors import ConfigurationError, KazuPlatformError, UnknownNameError
from kazu_platform.settings import read_settings
from kazu_platform.tables import ENTITY_CLASSES

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator
    from typing import TextIO

    from kazu_platform.evaluation.entities import Gold, SpanGold, TokenGold
    from kazu_platform.evaluation.ner import Evaluation, Mistakes
    from kazu_platform.ner.detector import Detector
    from kazu_platform.ner.dictionary import DictionaryDetector


def evaluate_ner(  # noqa: PLR0913 - the options of a command
    gold: Path,
    split: str,
    entity_class: str,
    *,
    detector: str | None = None,
    model: Path | None = None,
    sources: str | None = None,
    errors: int = 0,
) -> tuple[Evaluation, Mistakes | None]:
    """Score a detector on one class of a gold, with its most frequent mistakes if asked.

    Raises:
        UnknownNameError: there is no such class or detector; the nearest one is said.
        ConfigurationError: there is no such gold or split, or a setting is wrong.
        MalformedFileError: the gold is not what its format promises.
        ArtifactError: the catalogue's dictionary was not made yet, or there is no model.
    """
    from kazu_platform.evaluation.gold import read_gold
    from kazu_platform.evaluation.ner import evaluate, mistakes

    if entity_class not in ENTITY_CLASSES:
        raise UnknownNameError.of("entity class", entity_class, ENTITY_CLASSES)
    marked = read_gold(gold, split)
    with opened(detector, sources, model) as reader:
        _note_what_is_0(marked, reader, entity_class)
        result = evaluate(marked, reader, entity_class, train=_train_beside(gold, split))
    return result, mistakes(marked, result.match, most=errors) if errors else None


@contextmanager
def opened(
    detector: str | None, sources: str | None, model: Path | None = None
) -> Generator[Detector]:
    """A detector by its name, as a corpus is read; a model alone as it is.

    Args:
        detector: dictionary, model or model+dictionary; by default who reads the corpus.
        sources: A catalogue whose dictionary is to be compiled for this once.
        model: Folder of a model, or of a checkpoint of Hugging Face, or its id on the hub; by
            default the one in use.

    Raises:
        UnknownNameError: there is no such detector; the nearest one is said.
        ConfigurationError: a setting is wrong, what is given does not fit the detector, or a
            vocabulary has to be downloaded first.
        ArtifactError: what the detector needs was not made yet.
    """
    from kazu_platform.ner.documented import Documented

    settings = read_settings()
    name = chosen_detector(detector, settings, model)
    if name == MODEL:
        if sources is not None:
            raise ConfigurationError("The detector model reads without vocabularies: no --sources.")
        yield open_chosen_model(settings, model)
        return
    opened_model = open_chosen_model(settings, model) if name == BOTH else None
    with _dictionary(sources) as dictionary:
        yield Documented(both(opened_model, dictionary) if opened_model else dictionary)


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


def _train_beside(path: Path, split: str) -> TokenGold | SpanGold | None:
    """The train split beside a gold; one that cannot be read costs two figures and no more."""
    from kazu_platform.evaluation.gold import read_train_beside

    try:
        return read_train_beside(path, split)
    except KazuPlatformError as error:
        sys.stderr.write(f"note: no recall on seen and unseen strings: {error}\n")
        return None


def _note_what_is_0(gold: Gold, reader: Detector, entity_class: str) -> None:
    """Say why a figure will be 0, where that is known before."""
    if not gold.types.get(entity_class):
        marked = ", ".join(sorted(gold.types)) or "nothing"
        sys.stderr.write(f"note: {gold.corpus} {gold.split} marks no {entity_class}: {marked}.\n")
    if not any(entity_class in classes for classes in _classes_of(reader)):
        sys.stderr.write(f"note: the {reader.name} knows nothing of class {entity_class}.\n")


def _classes_of(reader: Detector) -> Iterator[Collection[str]]:
    """The classes that each part of a detector knows."""
    from kazu_platform.ner.dictionary import DictionaryDetector
    from kazu_platform.ner.documented import Documented
    from kazu_platform.ner.joining import JoinedDetector
    from kazu_platform.ner.model import ModelDetector

    if isinstance(reader, Documented):
        yield from _classes_of(reader.detector)
    elif isinstance(reader, JoinedDetector):
        yield from _classes_of(reader.model)
        yield from _classes_of(reader.dictionary)
    elif isinstance(reader, DictionaryDetector):
        yield reader.index.manifest.classes
    elif isinstance(reader, ModelDetector):
        yield reader.classes


def print_evaluation(
    result: Evaluation, wrong: Mistakes | None, out: TextIO, *, as_json: bool
) -> None:
    """Print figures as a table, or all there is as one JSON object."""
    if as_json:
        body = for_json(result) | ({} if wrong is None else asdict(wrong))
        json.dump(body, out, ensure_ascii=False)
        out.write("\n")
    else:
        _print_tables(result, wrong, out)


def for_json(result: Evaluation) -> dict[str, Any]:
    """Every figure of an evaluation, null where it would be a share of nothing."""
    from kazu_platform.evaluation.figures import figures_of

    score, relaxed, seen = result.score, result.relaxed, result.seen
    body: dict[str, Any] = {
        name: getattr(result, name)
        for name in ("corpus", "split", "entity_class", "detector", "detector_version")
    }
    for name, (figure, _) in figures_of(result).items():
        value, low, high = figure or (None, None, None)
        body |= {name: value, f"{name}_low": low, f"{name}_high": high}
    body |= {
        "n_gold": score.n_gold,
        "n_predicted": score.n_found,
        "n_correct": score.n_correct,
        "n_characters_predicted": result.characters.n_found,
        "n_characters_correct": result.characters.n_correct,
        "n_relaxed_right": relaxed.n_right,
        "n_relaxed_reached": relaxed.n_reached,
        "interval_over": result.interval_over,
        f"n_{result.interval_over}": score.n_units,
    }
    return body if seen is None else body | {"n_seen": seen.n_seen, "n_unseen": seen.n_unseen}


def _print_tables(result: Evaluation, wrong: Mistakes | None, out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table

    from kazu_platform.evaluation.figures import figures_of

    console = Console(file=out, width=None if out.isatty() else 160)
    score = result.score
    where = f"{result.corpus} {result.split}, {result.entity_class}, detector {result.detector}"
    figures = Table("figure", "value", "low", "high")
    for name, (figure, _) in figures_of(result).items():
        cells = ("-",) * 3 if figure is None else (f"{100 * value:.1f}" for value in figure)
        figures.add_row(name.replace("_", " "), *cells)
    out.write(f"{where}\n")
    console.print(figures)
    out.write(
        f"{score.n_gold:,} in the gold, {score.n_found:,} found, {score.n_correct:,} correct; "
        f"95 % intervals over {score.n_units:,} {result.interval_over}\n"
    )
    if result.seen is not None:
        seen = result.seen
        out.write(
            f"{seen.n_seen:,} of the gold are strings of the train split, {seen.n_unseen:,} "
            "are not\n"
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
