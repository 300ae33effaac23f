"""What the stages of training have in common: skip, go on after a kill, keep, tell.

A stage works in a folder that outlives its process and becomes an artifact when it is done. Its
inputs are recorded with it; where a version of these inputs is kept, it is used and nothing is
trained, so that a recipe that was tried before costs nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from assets.plots import curves
from kazu_platform.documents import digest
from kazu_platform.ner.pieces import PIECES_VERSION
from kazu_platform.ner.words import WORDS_VERSION
from kazu_platform.storage.artifacts import Artifact, ArtifactStore
from kazu_platform.storage.lake import Lake
from kazu_platform.storage.working import working_folder
from kazu_platform.tables import CITATIONS, LABELLED_SENTENCES, WEAK_LABELS
from kazu_platform.training.filters import TRAIN
from kazu_platform.training.recipe import RECIPE_VERSION, Recipe, read_recipe, recipe_path
from resources.sources import SourcesResource

CODE_VERSION = f"{RECIPE_VERSION}-{WORDS_VERSION}-{PIECES_VERSION}"
TEXTS, ENCODER, TEACHER = "training_texts", "ner_encoder", "ner_teacher"
GENERAL, MODEL = "ner_general_student", "ner_model"
LINKING_MODEL = "linking_model"
LOSSES = ("loss", "embeddings", "hidden", "attention", "f1", "at_1", "at_20")
_CURVE, _RECORD = "curve.jsonl", "record.json"
_TELLS_NOTHING = {_CURVE, _RECORD, "MODEL_CARD.md", "retrieval.json"}
"""Files that differ where the same was made: they have times in them."""

Inputs = Mapping[str, str]
Metadata = dict[str, Any]


@dataclass(frozen=True)
class Kept:
    """A version of an artifact, and whether it was made just now."""

    artifact: Artifact
    is_new: bool


def version_with(store: ArtifactStore, name: str, inputs: Inputs) -> Artifact | None:
    """The newest version that was made from these inputs."""
    for version in reversed(store.versions(name)):
        found = store.version(name, version)
        if dict(found.inputs) == dict(inputs):
            return found
    return None


def keep(
    store: ArtifactStore,
    name: str,
    inputs: Inputs,
    make: Callable[[Path], Path],
    *,
    promote: bool = True,
) -> Kept:
    """The version of these inputs: one that there is, or a new one.

    Args:
        store: Where artifacts are.
        name: Of the artifact.
        inputs: Versions of all that it depends on.
        make: Works in a folder, which may hold what it left when it was killed; returns the folder
            to keep.
        promote: Whether to use it at once.
    """
    found = version_with(store, name, inputs)
    if found is not None:
        if promote and store.live_version(name) != found.version:
            store.promote(name, found.version)
        return Kept(found, is_new=False)
    from kazu_platform.training.orders import copy_made

    with working_folder(store.work, name, inputs) as folder:
        made = make(folder)
        with store.stage(name) as staged:
            copy_made(made, staged.content)
            artifact = staged.commit(inputs=inputs, metrics=_metrics(made), promote=promote)
    return Kept(artifact, is_new=True)


def recipe_of(sources: SourcesResource) -> Recipe:
    """The recipe of the catalogue, with the weights that the catalogue gives to corpora."""
    training = sources.training()
    weights = {
        each.corpus: each.weight
        for each in training.corpora
        if each.weight != 1 and TRAIN in each.files
    }
    return read_recipe(recipe_path(training.recipe)).weighing(weights)


def corpora_of(sources: SourcesResource) -> list[str]:
    """Names of the corpora of the catalogue."""
    return list(dict.fromkeys(each.corpus for each in sources.training().corpora))


def weak_partitions(lake: Lake, detectors: Iterable[str]) -> list[str]:
    """Partitions of weak labels that some detectors gave."""
    # A name may begin with another: PubTator3-2024 is not PubTator3.
    wanted = {f"{name}-{file}" for name in detectors for file in lake.partitions(CITATIONS)}
    return [name for name in lake.partitions(WEAK_LABELS) if name in wanted]


def data_versions(lake: Lake, corpora: Iterable[str], weak: Iterable[str] = ()) -> dict[str, str]:
    """Versions of labelled sentences, as inputs.

    Raises:
        MissingPartitionError: a corpus was not read; says what to materialise.
    """
    of_corpora = {f"data/{n}": lake.pointer(LABELLED_SENTENCES, n).data_version for n in corpora}
    return of_corpora | {f"weak/{n}": lake.pointer(WEAK_LABELS, n).data_version for n in weak}


def version_of(artifact: Artifact) -> str:
    """Says what an artifact holds: the same network made twice is the same."""
    files = sorted(artifact.files.items())
    return digest(
        *(f"{path}\t{f.sha256}" for path, f in files if Path(path).name not in _TELLS_NOTHING)
    )


def told(kept: Kept, facts: Mapping[str, Any]) -> dg.MaterializeResult:
    """What Dagster shows of a stage."""
    artifact = kept.artifact
    record = artifact.content / _RECORD
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(artifact.folder)),
            "size": f"{artifact.n_bytes:,} bytes",
            "unchanged": not kept.is_new,
            "inputs": dg.MetadataValue.json(dict(artifact.inputs)),
            **({"record": dg.MetadataValue.json(read_json(record))} if record.exists() else {}),
            **_curve(artifact.content),
            **dict(artifact.metrics),
            **facts,
        },
        data_version=dg.DataVersion(version_of(artifact)),
    )


def read_json(path: Path) -> dict[str, Any]:
    """What a file holds."""
    return json.loads(path.read_bytes())


def _curve(folder: Path) -> Metadata:
    points = _points(folder)
    return {"curve": curves(points, "step", LOSSES)} if points else {}


def _points(folder: Path) -> Sequence[Mapping[str, float]]:
    path = folder / _CURVE
    return (
        [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    )


def _metrics(folder: Path) -> dict[str, float]:
    """The last point of the curve."""
    points = _points(folder)
    found = {k: float(v) for k, v in points[-1].items() if k in LOSSES} if points else {}
    return {name: value for name, value in found.items() if math.isfinite(value)}
