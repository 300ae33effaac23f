"""`kazu-platform train-ranker`: a linking model from an encoder and text with marked concepts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kazu_platform.commands.indices import compiled_linkable, compiled_similar
from kazu_platform.errors import ConfigurationError
from kazu_platform.settings import read_settings
from kazu_platform.storage.places import open_artifacts

if TYPE_CHECKING:
    from kazu_platform.linking.ranking import Ranker


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
    from kazu_platform.evaluation.splits import DEVEL, TRAIN
    from kazu_platform.linking.evidence import CLASSES
    from kazu_platform.linking.exact import ExactLinker
    from kazu_platform.linking.open import linking_model
    from kazu_platform.training.linking_recipe import RankRecipe
    from kazu_platform.training.ranking_model import ranking_tasks, train_ranking_model

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
        model = train_ranking_model(
            ranking_tasks(root, (TRAIN, DEVEL), identifiers, exact),
            identifiers,
            exact,
            similar=compiled_similar(catalogue, linkable.index, store, CLASSES, encoder=source),
            encoder=source,
            how=RankRecipe(),
            says=_say,
        )
    model.write(out)
    return model.ranker


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
