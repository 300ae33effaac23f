"""A linking model: an encoder, the ranker that weighs what speaks for concepts, and its memory.

What it learns from are corpora whose mentions people linked: a folder with a folder for each. Train
splits are learnt from, on devel splits decisions are set. A document that any corpus holds out is
learnt from in none.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from hashlib import file_digest
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from kazu_platform.documents import digest
from kazu_platform.errors import ConfigurationError, TrainingError
from kazu_platform.evaluation.linking import linking_task
from kazu_platform.evaluation.linking_gold import (
    devel_documents,
    documents_of_split,
    read_linking_gold,
)
from kazu_platform.evaluation.splits import TRAIN, devel_set_of_mentions
from kazu_platform.linking.encoder_files import DESCRIPTION, NETWORK, VOCABULARY
from kazu_platform.linking.evidence import CLASSES, Witness
from kazu_platform.linking.hybrid import HybridLinker
from kazu_platform.linking.learnt import Learnt, Memory
from kazu_platform.linking.open import LazyEmbedder
from kazu_platform.linking.similar import open_similar_names
from kazu_platform.linking.vectors import KnownVectors
from kazu_platform.tables import SURFACE_VECTORS
from kazu_platform.training import ranker as training
from kazu_platform.training.calibrating import calibrated
from kazu_platform.training.filters import of_test_documents

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from kazu_platform.evaluation.identifiers import Identifiers
    from kazu_platform.evaluation.linking import LinkingTask
    from kazu_platform.evaluation.linking_gold import LinkingGold
    from kazu_platform.linking.exact import ExactLinker
    from kazu_platform.linking.ranking import Ranker
    from kazu_platform.training.linking_recipe import RankRecipe

RANKING_MODEL_VERSION: Final = "4"
"""Changes when the same corpora, index and recipe give another model."""
LEFT_OUT: Final = frozenset({("craft", "species"), ("craft", "disease")})
"""CRAFT marks mice as the genus, and hardly any disease: other corpora say otherwise."""
CURVE: Final = "curve.jsonl"
POINTS: Final = 100
"""Of a curve, at most."""


@dataclass(frozen=True)
class RankingModel:
    """A trained ranker and its memory, beside the encoder whose vectors it weighs.

    Attributes:
        encoder: Folder of the encoder.
        ranker: Weights and decisions.
        memory: What people linked strings to.
        curve: The mean loss of all members up to some steps: `step`, `loss`.
    """

    encoder: Path
    ranker: Ranker
    memory: Memory
    curve: tuple[dict[str, float], ...]

    def write(self, folder: Path) -> None:
        """Write a linking model, as `open_hybrid` reads it."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in (DESCRIPTION, NETWORK, VOCABULARY):
            shutil.copyfile(self.encoder / name, folder / name)
        self.memory.write(folder)
        self.ranker.write(folder)

    def write_curve(self, folder: Path) -> None:
        """Write `curve.jsonl`, a line a point."""
        lines = (json.dumps(point, sort_keys=True) for point in self.curve)
        (folder / CURVE).write_text("".join(f"{line}\n" for line in lines), "utf-8")


def ranking_tasks(  # noqa: PLR0913 - what is read, and what of it is passed over
    root: Path,
    splits: Collection[str],
    identifiers: Identifiers,
    exact: ExactLinker,
    *,
    left_out: Collection[tuple[str, str]] = LEFT_OUT,
    test_pmids: frozenset[str] = frozenset(),
) -> list[LinkingTask]:
    """What there is to link in splits of the corpora of a folder, in classes that are ranked.

    Args:
        root: Folder with a folder for each corpus.
        splits: train, devel, or both, in order.
        identifiers: What the identifiers of corpora mean.
        exact: A linker over the index.
        left_out: Corpora and classes that are passed over.
        test_pmids: Documents that are passed over.

    Raises:
        ConfigurationError: the folder has no corpus that the vocabularies know any concept of, or
            a corpus has no such split.
        MalformedFileError: a corpus is not what its format promises.
    """
    if not root.is_dir():
        raise ConfigurationError(f"There is no folder {root}; give one with a folder for a corpus.")
    held_out = devel_documents(root)
    tasks = [
        task
        for split in splits
        for gold in _golds(root, split, held_out, test_pmids)
        for name in CLASSES
        if name in gold.classes and (gold.corpus, name) not in left_out
        if (task := linking_task(gold, name, identifiers, exact)).comparable.height
    ]
    if not tasks:
        raise ConfigurationError(f"{root} holds no corpus whose concepts the catalogue knows.")
    return tasks


def _golds(
    root: Path, split: str, held_out: frozenset[str], test_pmids: frozenset[str]
) -> Iterator[LinkingGold]:
    for folder in _corpora(root):
        gold = read_linking_gold(folder, split)
        ids = gold.passages["doc_id"]
        out = set(ids.filter(of_test_documents(ids, test_pmids)).to_pylist())
        if split == TRAIN:
            out |= held_out
        names: set[str] = set(ids.to_pylist())
        yield documents_of_split(gold, names - out) if names & out else gold


def _corpora(root: Path) -> list[Path]:
    return sorted(each for each in root.iterdir() if each.is_dir())


def gold_version(root: Path) -> str:
    """Changes with what `ranking_tasks` reads of a folder.

    Raises:
        ConfigurationError: there is no such folder.
    """
    if not root.is_dir():
        raise ConfigurationError(f"There is no folder {root}; give one with a folder for a corpus.")
    parts: list[str] = []
    for folder in _corpora(root):
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            with path.open("rb") as file:
                hashed = file_digest(file, "sha256").hexdigest()
            parts.append(f"{path.relative_to(root).as_posix()}\t{hashed}")
        held_out = devel_set_of_mentions(folder)
        parts += [f"{folder.name}\t{'?' if held_out is None else ' '.join(sorted(held_out))}"]
    return digest(*parts)


def train_ranking_model(  # noqa: PLR0913 - what a model is made of
    tasks: Sequence[LinkingTask],
    identifiers: Identifiers,
    exact: ExactLinker,
    *,
    similar: Path,
    encoder: Path,
    how: RankRecipe,
    says: Callable[[str], None],
    threads: int = 2,
) -> RankingModel:
    """Train a ranker on tasks of train splits, and set its decisions on those of devel splits.

    Args:
        tasks: Of both splits.
        identifiers: What the identifiers of corpora mean.
        exact: A linker over the index that the tasks were made with.
        similar: Folder of the similar names of that index, with vectors of the encoder.
        encoder: Folder of the encoder.
        how: The recipe.
        says: Told how it goes.
        threads: Of the encoder.

    Raises:
        TrainingError: no marked string has a candidate, or what came out are no numbers.
        ArtifactError: the encoder or the similar names are damaged.
    """
    units = training.units_of(tasks)
    embedder = LazyEmbedder(encoder, threads=threads)
    memory = Memory(
        training.learnt_of(units, exact, _marked(identifiers)),
        training.learnt_strings(units, embedder),
    )
    names, learnt = open_similar_names(similar), Learnt.of_index(memory, exact.index)
    witness = Witness(exact, names, KnownVectors(embedder, SURFACE_VECTORS.empty()), learnt)
    says(f"Looking at {units.surfaces.num_rows:,} strings ...")
    first, again = (training.looked_at(units, tasks, witness, again=each) for each in (False, True))
    curve = _Curve(how.steps)
    ranker = training.train_rankers(units, [first, again], how, says, curve.add)
    decided = training.decided(ranker, units, first, again)
    _must_be_numbers(decided)
    held = [task for task in tasks if task.split != TRAIN]
    scaled = calibrated(HybridLinker(witness, decided, "being trained"), held)
    _must_be_numbers(scaled)
    return RankingModel(encoder, scaled, memory, curve.points())


def _must_be_numbers(ranker: Ranker) -> None:
    decided = [
        value
        for each in ranker.decisions.values()
        for value in (
            *(each.temper, each.shift, each.threshold, each.enough),
            *(*each.named, *each.alike),
        )
    ]
    if not all(np.isfinite(each).all() for each in (*ranker.weights.values(), decided)):
        raise TrainingError(
            "The ranker's weights or what it decides by are no numbers; give `rank` of the recipe "
            "a lower rate, or more steps."
        )


class _Curve:
    """The mean loss of stretches of a training, over all that train one after the other."""

    def __init__(self, steps: int) -> None:
        self._steps, n = steps, min(steps, POINTS)
        self._losses, self._times = np.zeros(n), np.zeros(n)

    def add(self, step: int, loss: float) -> None:
        place = step * len(self._losses) // self._steps
        self._losses[place] += loss
        self._times[place] += 1

    def points(self) -> tuple[dict[str, float], ...]:
        n = len(self._losses)
        means: list[float] = (self._losses / self._times).tolist()
        # The last step of each stretch.
        ends = (-(-self._steps * (place + 1) // n) for place in range(n))
        return tuple({"step": end, "loss": mean} for end, mean in zip(ends, means, strict=True))


def _marked(identifiers: Identifiers) -> Callable[[str], str]:
    """The identifier, of those that lead to a concept, that comes first; else the concept's own."""
    first = identifiers.known.group_by("concept_id").agg(pl.col("id").min())
    known: dict[str, str] = dict(first.iter_rows())
    return lambda concept_id: known.get(concept_id, concept_id)
