"""`kazu-platform evaluate linking`: how well links agree with the concepts that people gave."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kazu_platform.commands.detectors import (
    DICTIONARY,
    MODEL,
    both,
    chosen_detector,
    open_chosen_model,
)
from kazu_platform.commands.indices import (
    compiled_linkable,
    compiled_similar,
    live_linkable,
    open_detector,
    open_live,
)
from kazu_platform.errors import UnknownNameError
from kazu_platform.linking.open import SIMILAR
from kazu_platform.settings import read_settings
from kazu_platform.storage.places import open_artifacts
from kazu_platform.tables import ENTITY_CLASSES

if TYPE_CHECKING:
    from collections.abc import Collection, Generator
    from typing import TextIO

    from kazu_platform.commands.indices import Linkable
    from kazu_platform.evaluation.end_to_end import EndToEnd
    from kazu_platform.evaluation.identifiers import Identifiers
    from kazu_platform.evaluation.linkers import EvaluatedLinker
    from kazu_platform.evaluation.linking import LinkingEvaluation
    from kazu_platform.evaluation.linking_gold import LinkingGold
    from kazu_platform.evaluation.scores import Figure
    from kazu_platform.linking.linker import Linker
    from kazu_platform.ner.detector import Detector
    from kazu_platform.ner.dictionary import DictionaryDetector
    from kazu_platform.storage.artifacts import ArtifactStore

PLATFORM: Final = "platform"
LINKERS: Final = (PLATFORM, "names", "exact", "kazu", "scispacy")
"""The linker that links the corpus, the same without a model, and those to beat."""


@dataclass(frozen=True)
class Opened:
    """Linkers over one index, and what identifiers mean in it.

    `linker` is the platform's, which also says what the context of a string is for all others;
    `dictionary` is that of the same vocabularies, None for the live one.
    """

    linker: Linker
    linkers: dict[str, EvaluatedLinker]
    identifiers: Identifiers
    dictionary: DictionaryDetector | None

    def detector(self, name: str | None, model: Path | None) -> Detector:
        """A detector by its name, as a corpus is read; a model alone as it is.

        Raises:
            UnknownNameError: there is no such detector; the nearest one is said.
            ArtifactError: what it needs was not made yet.
        """
        from kazu_platform.ner.documented import Documented

        settings = read_settings()
        chosen = chosen_detector(name, settings, model)
        if chosen == MODEL:
            return open_chosen_model(settings, model)
        dictionary = self.dictionary or open_live(settings, settings.catalogue(), open_detector)
        if chosen == DICTIONARY:
            return Documented(dictionary)
        return Documented(both(open_chosen_model(settings, model), dictionary))


@contextmanager
def opened_linkers(
    sources: str | None, classes: Collection[str] = ENTITY_CLASSES
) -> Generator[Opened]:
    """The live linking index, or the one of another catalogue, compiled for this once.

    Args:
        sources: Another catalogue.
        classes: Those that are evaluated: of others similar names are found by letters alone.

    Raises:
        ConfigurationError: a setting is wrong, or a vocabulary has to be downloaded first.
        ArtifactError: the live index was not made yet; says what to run.
    """
    settings = read_settings()
    store = open_artifacts(settings)
    if sources is None:
        similar = store.live(SIMILAR).content if store.live_version(SIMILAR) else None
        yield _opened(live_linkable(settings), None, store, similar)
        return
    catalogue = settings.model_copy(update={"sources": sources}).catalogue()
    sys.stderr.write(f"Compiling the vocabularies of {catalogue.name} ...\n")
    with tempfile.TemporaryDirectory(prefix="kazu-evaluate-") as folder:
        linkable, dictionary = compiled_linkable(catalogue, Path(folder))
        similar = compiled_similar(catalogue, linkable.index, store, classes)
        yield _opened(linkable, dictionary, store, similar)


def _opened(
    linkable: Linkable,
    dictionary: DictionaryDetector | None,
    store: ArtifactStore,
    similar: Path | None,
) -> Opened:
    from kazu_platform.evaluation.baselines import baselines
    from kazu_platform.evaluation.identifiers import Identifiers
    from kazu_platform.evaluation.linkers import OwnLinker
    from kazu_platform.linking.open import linking_model, open_hybrid, open_linker

    index = linkable.index
    names = open_linker(index.folder)
    threads = len(os.sched_getaffinity(0))
    linker = open_hybrid(names, similar, linking_model(store), threads)
    all_of_them = [
        OwnLinker(linker, PLATFORM),
        OwnLinker(names, "names"),
        *baselines(index),
    ]
    return Opened(
        linker,
        dict(zip(LINKERS, all_of_them, strict=True)),
        Identifiers.of(index, linkable.concepts, linkable.xrefs, linkable.equivalents),
        dictionary,
    )


def evaluate_linking(  # noqa: PLR0913 - the options of a command
    gold: Path,
    split: str,
    entity_class: str,
    *,
    linker: str = PLATFORM,
    sources: str | None = None,
    end_to_end: bool = True,
    detector: str | None = None,
    model: Path | None = None,
) -> tuple[LinkingEvaluation, EndToEnd | None]:
    """Score a linker on one class of a gold: on its mentions, and on its raw text if asked.

    Raises:
        UnknownNameError: there is no such class, linker or detector; the nearest one is said.
        ConfigurationError: there is no such gold or split, or a setting is wrong.
        MalformedFileError: the gold is not what its format promises.
        ArtifactError: the catalogue's indices were not made yet, or there is no model.
    """
    from kazu_platform.evaluation.end_to_end import detected, evaluate_end_to_end
    from kazu_platform.evaluation.linking import evaluate_linker, linking_task
    from kazu_platform.evaluation.linking_gold import read_linking_gold

    if entity_class not in ENTITY_CLASSES:
        raise UnknownNameError.of("entity class", entity_class, ENTITY_CLASSES)
    if linker not in LINKERS:
        raise UnknownNameError.of("linker", linker, LINKERS)
    marked = read_linking_gold(gold, split)
    with opened_linkers(sources, [entity_class]) as opened:
        chosen = opened.linkers[linker]
        task = linking_task(marked, entity_class, opened.identifiers, opened.linker)
        result = evaluate_linker(task, chosen)
        _note_what_is_0(marked, result)
        if not end_to_end:
            return result, None
        reader = opened.detector(detector, model)
        mentions = reader.detect(marked.passages)
        found = detected(marked, mentions, entity_class, opened.linker)
        return result, evaluate_end_to_end(marked, task, found, chosen, detector=reader.name)


def _note_what_is_0(gold: LinkingGold, result: LinkingEvaluation) -> None:
    """Say why figures are missing, where that is so."""
    where, entity_class = f"{gold.corpus} {gold.split}", result.entity_class
    if not result.n_mentions:
        marked = ", ".join(gold.classes) or "nothing"
        sys.stderr.write(f"note: {where} marks no {entity_class}: {marked}.\n")
    elif not result.n_in_vocabulary:
        sys.stderr.write(
            f"note: the vocabularies know no {entity_class} of {where}; give --sources that have "
            "its ids or cross-references to them.\n"
        )


def linking_for_json(result: LinkingEvaluation, both_steps: EndToEnd | None) -> dict[str, Any]:
    """Every figure of an evaluation, null where it would be a share of nothing."""
    names = ("corpus", "split", "entity_class", "linker", "linker_version")
    body: dict[str, Any] = {name: getattr(result, name) for name in names}
    for name, figure in _figures(result).items():
        body |= _named(name, figure)
    counts = ("n_mentions", "n_with_id", "n_in_vocabulary", "n_surfaces", "n_documents")
    body |= {name: getattr(result, name) for name in counts}
    body["reliability"] = [each._asdict() for each in result.calibration.bins]
    if both_steps is None:
        return body
    body["detector"] = both_steps.detector
    for level in ("document", "mention"):
        score = getattr(both_steps, level)
        for name in ("precision", "recall", "f1"):
            body |= _named(f"{level}_{name}", getattr(score, name))
        body |= {
            f"{level}_n_gold": score.n_gold,
            f"{level}_n_predicted": score.n_found,
            f"{level}_n_correct": score.n_correct,
        }
    return body


def _figures(result: LinkingEvaluation) -> dict[str, Figure | None]:
    return result.figures | {"calibration_error": result.calibration.error}


def _named(name: str, figure: Figure | None) -> dict[str, float | None]:
    value, low, high = figure or (None, None, None)
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def print_linking(
    result: LinkingEvaluation, both_steps: EndToEnd | None, out: TextIO, *, as_json: bool
) -> None:
    """Print figures and the reliability plot, or all there is as one JSON object."""
    if as_json:
        json.dump(linking_for_json(result, both_steps), out, ensure_ascii=False)
        out.write("\n")
    else:
        _print_tables(result, both_steps, out)


def _print_tables(result: LinkingEvaluation, both_steps: EndToEnd | None, out: TextIO) -> None:
    from rich.console import Console

    from kazu_platform.evaluation.calibration import reliability_plot

    console = Console(file=out, width=None if out.isatty() else 160)
    out.write(f"{result.corpus} {result.split}, {result.entity_class}, linker {result.linker}\n")
    console.print(_table(_figures(result)))
    out.write(
        f"{result.n_mentions:,} mentions, {result.n_with_id:,} with a concept, "
        f"{result.n_in_vocabulary:,} with one in the vocabulary; {result.n_surfaces:,} distinct; "
        f"95 % intervals over {result.n_documents:,} documents\n"
    )
    out.write("\nShare of right first candidates by score:\n\n")
    out.write(f"{reliability_plot(result.calibration.bins)}\n")
    if both_steps is None:
        return
    out.write(f"\nfrom raw text, detector {both_steps.detector}\n")
    levels = {"document": both_steps.document, "mention": both_steps.mention}
    console.print(
        _table(
            {
                f"{level} {name}": getattr(score, name)
                for level, score in levels.items()
                for name in ("precision", "recall", "f1")
            }
        )
    )
    out.writelines(
        f"{level}: {score.n_gold:,} in the gold, {score.n_found:,} found, "
        f"{score.n_correct:,} correct\n"
        for level, score in levels.items()
    )


def _table(figures: dict[str, Figure | None]) -> Any:  # noqa: ANN401 - rich is imported when needed
    from rich.table import Table

    table = Table("figure", "value", "low", "high")
    for name, figure in figures.items():
        cells = ("-",) * 3 if figure is None else (f"{100 * value:.1f}" for value in figure)
        table.add_row(name.replace("_", " "), *cells)
    return table
