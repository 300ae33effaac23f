"""`kazu-platform train-ranker`: a linking model from an encoder and text with marked concepts."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kazu_platform.commands.indices import compiled_linkable, compiled_similar
from kazu_platform.errors import ConfigurationError
from kazu_platform.settings import read_settings
from kazu_platform.storage.places import open_artifacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from kazu_platform.evaluation.identifiers import Identifiers
    from kazu_platform.evaluation.linking import LinkingTask
    from kazu_platform.linking.exact import ExactLinker
    from kazu_platform.linking.ranking import Ranker

LEFT_OUT: Final = {("craft", "species"), ("craft", "disease")}
"""CRAFT marks mice as the genus, and hardly any disease: other corpora say otherwise."""
_ENCODER: Final = ("model.json", "model.onnx", "pieces.txt")


def train_ranker_command(root: Path, out: Path, *, sources: str, encoder: Path | None) -> Ranker:
    """Train a ranker on the train splits of corpora, and set its decisions on their devel splits.

    A document that any corpus holds out is learnt from in none.

    Args:
        root: Folder with a folder for each corpus (`evaluate linking-table`).
        out: Folder to write the model to; it must not be there.
        sources: Catalogue of the vocabularies.
        encoder: Folder of the encoder; by default that of the linking model in use.

    Raises:
        ConfigurationError: there is no corpus, `out` is there, or a setting is wrong.
        MalformedFileError: a corpus is not what its format promises.
        ArtifactError: the encoder is damaged.
    """
    import tempfile

    from kazu_platform.evaluation.identifiers import Identifiers
    from kazu_platform.evaluation.linking_gold import devel_documents
    from kazu_platform.linking.evidence import CLASSES, Witness
    from kazu_platform.linking.exact import ExactLinker
    from kazu_platform.linking.learnt import Learnt, write_learnt
    from kazu_platform.linking.open import LazyEmbedder, linking_model
    from kazu_platform.linking.similar import open_similar_names
    from kazu_platform.training import ranker as training
    from kazu_platform.training.linking_recipe import RankRecipe

    if out.exists():
        raise ConfigurationError(f"{out} is there already; give a folder that is not.")
    settings = read_settings()
    store = open_artifacts(settings)
    catalogue = settings.model_copy(update={"sources": sources}).catalogue()
    source = encoder or linking_model(store)
    with tempfile.TemporaryDirectory(prefix="kazu-ranker-") as folder:
        _say(f"Compiling the vocabularies of {catalogue.name} ...")
        linkable, _ = compiled_linkable(catalogue, Path(folder))
        exact = ExactLinker(linkable.index)
        identifiers = Identifiers.of(
            linkable.index, linkable.concepts, linkable.xrefs, linkable.equivalents
        )
        held_out = devel_documents(root)
        tasks = list(_tasks(root, held_out, identifiers, exact))
        if not tasks:
            raise ConfigurationError(f"{root} holds no corpus whose concepts the catalogue knows.")
        similar = compiled_similar(catalogue, linkable.index, store, CLASSES, encoder=source)
        units = training.units_of(tasks)
        learnt = training.learnt_of(units, exact, _marked(identifiers))
        witness = Witness(
            exact,
            open_similar_names(similar),
            LazyEmbedder(source, threads=2),
            Learnt.of_index(learnt, linkable.index),
        )
        _say(f"Looking at {units.surfaces.num_rows:,} strings ...")
        first, again = (
            training.looked_at(units, tasks, witness, again=each) for each in (False, True)
        )
        ranker = training.train_rankers(units, [first, again], RankRecipe(), _say)
        ranker = training.decided(ranker, units, first, again)
    out.mkdir(parents=True)
    for name in _ENCODER:
        shutil.copyfile(source / name, out / name)
    write_learnt(learnt, out)
    ranker.write(out)
    return ranker


def _tasks(
    root: Path, held_out: frozenset[str], identifiers: Identifiers, exact: ExactLinker
) -> Iterator[LinkingTask]:
    from kazu_platform.evaluation.linking import linking_task
    from kazu_platform.evaluation.linking_gold import documents_of_split, read_linking_gold
    from kazu_platform.evaluation.splits import DEVEL, TRAIN
    from kazu_platform.linking.evidence import CLASSES

    for split in (TRAIN, DEVEL):
        for folder in sorted(each for each in root.iterdir() if each.is_dir()):
            gold = read_linking_gold(folder, split)
            if split == TRAIN:
                names: Sequence[str] = gold.passages["doc_id"].to_pylist()
                gold = documents_of_split(gold, set(names) - held_out)
            for name in CLASSES:
                if name in gold.classes and (gold.corpus, name) not in LEFT_OUT:
                    task = linking_task(gold, name, identifiers, exact)
                    if task.comparable.height:
                        yield task


def _marked(identifiers: Identifiers) -> Callable[[str], str]:
    """The identifier, of those that lead to a concept, that comes first; else the concept's own."""
    import polars as pl

    first = identifiers.known.group_by("concept_id").agg(pl.col("id").min())
    known: dict[str, str] = dict(first.iter_rows())
    return lambda concept_id: known.get(concept_id, concept_id)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
