"""The stages of a recipe: each reads folders and tables and fills a folder.

A stage's folder has the network (`network.json`, `model.safetensors`, `pieces.txt`), what its
outputs mean (`outputs.json`), the curve (`curve.jsonl`) and a record of how it was made
(`record.json`). Killed, it goes on from its checkpoint when it is called again with the same.
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass, replace
from hashlib import file_digest
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import torch

from kazu_platform.arrow import compute
from kazu_platform.ner.pieces import WordPieces
from kazu_platform.training.adapt import adapt, read_rows
from kazu_platform.training.distil import Merge, distil_general, distil_task
from kazu_platform.training.loop import CHECKPOINT, CURVE
from kazu_platform.training.network import (
    PIECES,
    WEIGHTS,
    load_network,
    save_network,
    shallow,
    starting_network,
    with_outputs,
)
from kazu_platform.training.tagging import fine_tune
from kazu_platform.training.targets import Outputs, label_of, labelled_sentences
from kazu_platform.training.vocabulary import choose_vocabulary, count_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from kazu_platform.training.network import Network
    from kazu_platform.training.recipe import Recipe, StageRecipe

OUTPUTS: Final = "outputs.json"
RECORD: Final = "record.json"
Says = "Callable[[str], None]"


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a stage works and what it tells.

    Attributes:
        folder: What it fills.
        says: Told how it goes.
        device: cpu or cuda.
    """

    folder: Path
    says: Callable[[str], None] = print
    device: str = "cpu"


def make_encoder(
    recipe: Recipe, texts: Sequence[str], labelled: pa.Table, start: Path, stage: Stage
) -> None:
    """Make an encoder of general weights: a vocabulary of its own, then masked language modelling.

    Args:
        recipe: Vocabulary and how to adapt.
        texts: Unlabelled texts.
        labelled: LABELLED_SENTENCES of train splits, whose words count too.
        start: Folder with `vocab.txt`, `config.json` and `model.safetensors`.
        stage: Where to work.
    """
    counts = count_words(texts)
    for words, times in count_words(sentences_as_text(labelled)).items():
        counts[words] += recipe.vocabulary.labelled_times * times
    given = (start / "vocab.txt").read_text("utf-8").split()
    vocabulary = choose_vocabulary(
        counts, given, n_pieces=recipe.vocabulary.pieces, n_words=recipe.vocabulary.words
    )
    network = starting_network(start, vocabulary, seed=recipe.seed)
    curve: Sequence[Mapping[str, float]] = ()
    if recipe.adapt is not None:
        plan = recipe.adapt
        network = _copy(network, plan.layers, 0, plan, recipe.seed).to(stage.device)
        rows = read_rows(texts, WordPieces(vocabulary.pieces), plan.row)
        curve = adapt(
            network,
            rows,
            plan.plan(recipe, precision_of(recipe, stage.device)),
            stage.folder,
            batch=max(1, plan.batch_pieces // plan.row),
            says=stage.says,
        )
    _finish(network, vocabulary.pieces, stage, {"n_texts": len(texts)}, curve)


def make_teacher(recipe: Recipe, rows: pa.Table, encoder: Path, stage: Stage) -> None:
    """Teach an encoder to tag, with the labels that the recipe gives to corpora.

    Args:
        recipe: How.
        rows: LABELLED_SENTENCES of train splits.
        encoder: Folder of an encoder.
        stage: Where to work.
    """
    outputs = Outputs(labels_of(recipe, rows), recipe.scheme)
    pieces = WordPieces.read(encoder / PIECES)
    plan = recipe.teacher
    start = load_network(encoder)
    network = _copy(start, range(start.sizes.layers), outputs.n, plan, recipe.seed)
    curve = fine_tune(
        network.to(stage.device),
        labelled_sentences(rows, pieces, outputs, plan.own_labels),
        outputs,
        recipe.mixture(),
        plan.plan(recipe, precision_of(recipe, stage.device)),
        stage.folder,
        pieces=plan.batch_pieces,
        says=stage.says,
    )
    _finish(network, pieces.vocabulary, stage, {"n_sentences": rows.num_rows}, curve, outputs)


def make_general_student(
    recipe: Recipe, texts: Sequence[str], encoder: Path, stage: Stage
) -> None:
    """Stage 1 of distillation: a shallow encoder that sees text as a deep one does.

    Args:
        recipe: How; without `general` the layers are taken as they are.
        texts: Unlabelled texts.
        encoder: Folder of the deep encoder.
        stage: Where to work.
    """
    deep = load_network(encoder)
    pieces = WordPieces.read(encoder / PIECES)
    curve: Sequence[Mapping[str, float]] = ()
    layers = recipe.student.layers
    network = shallow(deep, layers, outputs=0, seed=recipe.seed)
    if recipe.general is not None:
        curve = distil_general(
            network.to(stage.device),
            deep.to(stage.device),
            layers,
            read_rows(texts, pieces, recipe.general.row),
            recipe.general.plan(recipe, precision_of(recipe, stage.device)),
            stage.folder,
            batch=max(1, recipe.general.batch_pieces // recipe.general.row),
            says=stage.says,
        )
    _finish(network, pieces.vocabulary, stage, {"n_texts": len(texts)}, curve)


def make_student(
    recipe: Recipe, rows: pa.Table, teacher: Path, general: Path | None, stage: Stage
) -> None:
    """Stage 2 of distillation: the student that is shipped, still in 32 bits.

    Args:
        recipe: How.
        rows: LABELLED_SENTENCES of train splits, gold and weak.
        teacher: Folder of the teacher.
        general: Folder of a student of stage 1; without one it starts as the teacher's layers.
        stage: Where to work.
    """
    plan = recipe.student
    outputs = Outputs(recipe.classes, recipe.scheme)
    told = read_outputs(teacher)
    network = load_network(teacher)
    if general is None:
        student = _copy(network, plan.layers, outputs.n, plan, recipe.seed)
    else:
        start = load_network(general)
        student = _copy(start, range(start.sizes.layers), outputs.n, plan, recipe.seed)
    pieces = WordPieces.read(teacher / PIECES)
    curve = distil_task(
        student.to(stage.device),
        network.to(stage.device),
        labelled_sentences(rows, pieces, outputs, {}),
        (told, outputs),
        Merge(plan.merge, recipe.teacher.own_labels, plan.gold),
        recipe.mixture(),
        plan.plan(recipe, precision_of(recipe, stage.device)),
        stage.folder,
        pieces=plan.batch_pieces,
        says=stage.says,
    )
    _finish(student, pieces.vocabulary, stage, {"n_sentences": rows.num_rows}, curve, outputs)


def labels_of(recipe: Recipe, rows: pa.Table) -> tuple[str, ...]:
    """Labels of a teacher: those of the classes that corpora mark, in the order of the classes."""
    marked = {
        (corpus, entity_class)
        for corpus, classes in zip(
            rows["corpus"].to_pylist(), rows["classes"].to_pylist(), strict=True
        )
        for entity_class in classes
    }
    found = {
        (recipe.classes.index(entity_class), label_of(corpus, entity_class, recipe.teacher.own_labels))
        for corpus, entity_class in marked
        if entity_class in recipe.classes
    }
    return tuple(label for _, label in sorted(found))


def sentences_as_text(rows: pa.Table) -> list[str]:
    """The words of labelled sentences, with blanks between them."""
    words = rows["words"].combine_chunks().cast(pa.large_list(pa.large_string()))
    return compute.binary_join(words, " ").to_pylist()


def precision_of(recipe: Recipe, device: str) -> str:
    """bf16 where it is asked for, or where it is automatic and the processor multiplies in it.

    Without instructions for it, PyTorch does with bf16 on a CPU what takes fifty times as long.
    """
    if recipe.precision != "auto":
        return recipe.precision
    if device != "cpu":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return "bf16" if supported() else "fp32"


def read_outputs(folder: Path) -> Outputs:
    """What the outputs of a stage's network mean."""
    found = json.loads((folder / OUTPUTS).read_text("utf-8"))
    return Outputs(tuple(found["labels"]), found["scheme"])


def _copy(
    network: Network, layers: Sequence[int], outputs: int, plan: StageRecipe, seed: int
) -> Network:
    chosen = layers or range(network.sizes.layers)
    network.sizes = replace(network.sizes, dropout=plan.dropout)
    if outputs:
        return shallow(with_outputs(network, 0, seed=seed), chosen, outputs=outputs, seed=seed)
    return shallow(network, chosen, outputs=0, seed=seed)


def _finish(  # noqa: PLR0913 - what a record says
    network: Network,
    pieces: Sequence[str],
    stage: Stage,
    facts: Mapping[str, Any],
    curve: Sequence[Mapping[str, float]],
    outputs: Outputs | None = None,
) -> None:
    """Write what a stage made, with a record; the checkpoint is done with."""
    save_network(network.cpu(), pieces, stage.folder)
    if outputs is not None:
        named = {"labels": list(outputs.labels), "scheme": outputs.scheme}
        (stage.folder / OUTPUTS).write_text(json.dumps(named, indent=1) + "\n", "utf-8")
    record = {
        **facts,
        "seconds": curve[-1]["seconds"] if curve else 0.0,
        "last": dict(curve[-1]) if curve else {},
        "weights_sha256": _sha256(stage.folder / WEIGHTS),
        "n_parameters": sum(each.numel() for each in network.parameters()),
        "torch": version("torch"),
        "transformers": version("transformers"),
        "python": platform.python_version(),
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
    }
    (stage.folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    (stage.folder / CHECKPOINT).unlink(missing_ok=True)
    if not curve:
        (stage.folder / CURVE).write_text("", "utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
