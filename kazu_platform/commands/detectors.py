"""Detectors by their names: the dictionary, a model, or both joined."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from kazu_platform.errors import ArtifactError, ConfigurationError, UnknownNameError

if TYPE_CHECKING:
    from pathlib import Path

    from kazu_platform.ner.detector import Detector
    from kazu_platform.ner.model import ModelDetector
    from kazu_platform.ner.packaged import Reader
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
        model: A model's folder or id, if one was given.

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
    settings: Settings, given: Path | None = None, *, threads: int = 0, device: str = "cpu"
) -> ModelDetector:
    """A model as a detector: the one given, or the one in use.

    Args:
        settings: Say what the catalogue names, and where promoted models are.
        given: Folder of a model, or of a checkpoint of Hugging Face; or its id on the hub.
        threads: On a processor; 0: one for each core that this process may use.
        device: cpu or cuda.

    Raises:
        ArtifactError: there is no model, or it is damaged; says what to do.
        ConfigurationError: there is no such device.
    """
    from kazu_platform.ner.packaged import model_at

    model = _in_use(settings) if given is None else model_at(str(given))
    if model is None:
        raise ArtifactError(
            f"No model was promoted in {settings.models}, and none comes with the platform; give "
            "--model FOLDER, or read with --detector dictionary."
        )
    return model.open(threads or n_cores(), device)


def both(model: ModelDetector, dictionary: Detector) -> Detector:
    """A model and a dictionary as one detector."""
    from kazu_platform.ner.joining import joined

    return joined(model, dictionary)


def n_cores() -> int:
    """Cores that this process may use; where that is not said, as on macOS, all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _in_use(settings: Settings) -> Reader | None:
    from kazu_platform.ner.packaged import reader_in_use
    from kazu_platform.storage.places import open_artifacts

    return reader_in_use(open_artifacts(settings), settings.catalogue().reader)
