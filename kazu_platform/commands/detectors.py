"""Detectors by their names: the dictionary, a model, or both joined."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from kazu_platform.errors import ArtifactError, ConfigurationError, UnknownNameError

if TYPE_CHECKING:
    from pathlib import Path

    from kazu_platform.ner.detector import Detector
    from kazu_platform.ner.model import ModelDetector
    from kazu_platform.ner.packaged import ModelInUse
    from kazu_platform.settings import Settings

DICTIONARY: Final = "dictionary"
MODEL: Final = "model"
BOTH: Final = "model+dictionary"
DETECTORS: Final = (DICTIONARY, MODEL, BOTH)


def chosen_detector(name: str | None, settings: Settings, model: Path | None = None) -> str:
    """The detector that is meant; by default what reads the corpus.

    Args:
        name: One of DETECTORS, or nothing.
        settings: Say whether a model is wanted, and where promoted ones are.
        model: A model's folder, if one was given.

    Raises:
        UnknownNameError: there is no such detector; the nearest one is said.
        ConfigurationError: a model was given for a detector that has none.
    """
    if name is None:
        wanted = settings.detector == BOTH and _in_use(settings) is not None
        return BOTH if model is not None or wanted else DICTIONARY
    if name not in DETECTORS:
        raise UnknownNameError.of("detector", name, DETECTORS)
    if name == DICTIONARY and model is not None:
        raise ConfigurationError("The detector dictionary reads without a model; leave one out.")
    return name


def open_chosen_model(
    settings: Settings, folder: Path | None = None, *, threads: int = 0
) -> ModelDetector:
    """A model as a detector: that of a folder, or the one in use.

    Args:
        settings: Say where promoted models are.
        folder: Of a model, or of a checkpoint of Hugging Face.
        threads: On a processor; 0: one for each core that this process may use.

    Raises:
        ArtifactError: there is no model, or it is damaged; says what to do.
    """
    from kazu_platform.ner.model import open_model

    threads = threads or n_cores()
    if folder is not None and is_checkpoint(folder):
        from kazu_platform.ner.checkpoints import open_checkpoint

        return open_checkpoint(str(folder), threads=threads)
    return open_model(folder or model_folder(settings), threads)


def model_folder(settings: Settings) -> Path:
    """Folder of the model in use.

    Raises:
        ArtifactError: there is none.
    """
    model = _in_use(settings)
    if model is None:
        raise ArtifactError(
            f"No model was promoted in {settings.models}, and none comes with the platform; give "
            "--model FOLDER, or read with --detector dictionary."
        )
    return model.folder


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder holds a checkpoint of Hugging Face, not a model of ours."""
    from kazu_platform.ner.model_files import DESCRIPTION

    return not (folder / DESCRIPTION).exists() and (folder / "config.json").exists()


def both(model: ModelDetector, dictionary: Detector) -> Detector:
    """A model and a dictionary as one detector."""
    from kazu_platform.ner.joining import joined

    return joined(model, dictionary)


def n_cores() -> int:
    """Cores that this process may use; where that is not said, as on macOS, all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _in_use(settings: Settings) -> ModelInUse | None:
    from kazu_platform.ner.packaged import model_in_use
    from kazu_platform.storage.artifacts import ArtifactStore

    return model_in_use(ArtifactStore(settings.models))
