"""Which model reads.

The one that the catalogue names, else the promoted one, else the one that comes with the platform,
else none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kazu_platform.ner.model_files import DESCRIPTION, ModelFiles, read_model_files
from kazu_platform.settings import is_hub_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kazu_platform.ner.checkpoints import Checkpoint, Described, Labelling
    from kazu_platform.ner.model import ModelDetector
    from kazu_platform.ner.steps import CheckpointStep, ModelStep
    from kazu_platform.settings import ModelSource
    from kazu_platform.storage.artifacts import ArtifactStore

ARTIFACT: Final = "ner_model"
"""Name of trained models in the store of artifacts."""
PACKAGED: Final = Path(str(resources.files("kazu_platform"))) / "models" / "ner"
"""Where the model is that comes with the platform."""

_THEIRS: Final = "config.json"
"""File of a folder that holds a checkpoint of Hugging Face."""


@dataclass(frozen=True)
class ModelInUse:
    """A model folder that texts are to be read with.

    Attributes:
        folder: See `model_files`.
        promoted: Its version in the store of artifacts; none if it came from elsewhere.
        named: Its name in the catalogue, if it is read with because that says so.
    """

    folder: Path
    promoted: str | None = None
    named: str | None = None

    @cached_property
    def files(self) -> ModelFiles:
        """Its description and version; the network is hashed, not opened.

        Raises:
            ArtifactError: a file is missing or wrong; names it.
        """
        return read_model_files(self.folder)

    @property
    def version(self) -> str:
        """Hash of what decides what is found."""
        return self.files.version

    @property
    def whence(self) -> str:
        """Where it comes from, in a word: its name, its promoted version, or that it is ours."""
        return self.named or self.promoted or "packaged"

    @property
    def thresholds(self) -> Mapping[str, float]:
        """The classes that it finds, each with its threshold."""
        return self.files.description.thresholds

    def step(
        self, *, candidates: bool = False, device: str = "cpu", name: str = "model"
    ) -> ModelStep:
        """What reads with it in a worker."""
        from kazu_platform.ner.steps import ModelStep

        return ModelStep(str(self.folder), candidates=candidates, device=device, name=name)

    def open(self, threads: int = 1, device: str = "cpu") -> ModelDetector:
        """It, as a detector in this process."""
        from kazu_platform.ner.model import open_model

        return open_model(self.folder, threads, device=device, bf16=device != "cpu")


@dataclass(frozen=True)
class CheckpointInUse:
    """A checkpoint of Hugging Face that texts are to be read with; see `ModelInUse`."""

    checkpoint: Checkpoint
    named: str | None = None

    @cached_property
    def _described(self) -> Described:
        return self.checkpoint.described()

    @cached_property
    def version(self) -> str:
        """Hash of its files, or its commit on the hub, and of how it is read."""
        return self._described.version()

    @property
    def whence(self) -> str:
        """Its name in the catalogue, else where it is."""
        return self.named or self.checkpoint.source

    @property
    def thresholds(self) -> Mapping[str, float]:
        """The classes that it finds, each with its threshold."""
        return self._described.thresholds

    def step(
        self, *, candidates: bool = False, device: str = "cpu", name: str = "model"
    ) -> CheckpointStep:
        """What reads with it in a worker."""
        from kazu_platform.ner.steps import CheckpointStep

        return CheckpointStep(self.checkpoint, candidates=candidates, device=device, name=name)

    def open(self, threads: int = 1, device: str = "cpu") -> ModelDetector:
        """It, as a detector in this process."""
        from kazu_platform.ner.checkpoints import open_checkpoint

        return open_checkpoint(
            self.checkpoint, device=device, bf16=device != "cpu", threads=threads
        )


Reader = ModelInUse | CheckpointInUse


def model_at(
    source: str,
    *,
    types: Mapping[str, str] | None = None,
    labelling: Labelling | None = None,
    named: str | None = None,
) -> Reader:
    """The model of a folder, ours or a checkpoint of Hugging Face, or of an id on the hub.

    Nothing is opened yet, so one that is not there is found when it is used. A folder goes before
    an id.

    Args:
        source: The folder, or owner/name.
        types: See `checkpoints.Checkpoint`; of one of ours they are known.
        labelling: The same.
        named: Its name in the catalogue.
    """
    folder = Path(source)
    is_theirs = (folder / _THEIRS).exists() and not (folder / DESCRIPTION).exists()
    if is_theirs or (not folder.exists() and is_hub_id(source)):
        from kazu_platform.ner.checkpoints import Checkpoint

        return CheckpointInUse(Checkpoint(source, tuple((types or {}).items()), labelling), named)
    return ModelInUse(folder, named=named)


def model_of(source: ModelSource) -> Reader:
    """A model of the catalogue."""
    return model_at(
        source.source, types=source.types, labelling=source.labelling, named=source.name
    )


def packaged_model(folder: Path = PACKAGED) -> Path | None:
    """The folder of the model that comes with the platform, or nothing."""
    return folder if folder.is_dir() else None


def model_in_use(store: ArtifactStore, packaged: Path = PACKAGED) -> ModelInUse | None:
    """The promoted version of `ner_model`, else the packaged model, which is used where it lies.

    Args:
        store: Where models are promoted.
        packaged: Folder of the packaged model; it need not exist.

    Raises:
        ArtifactError: the promoted version is damaged.
    """
    if store.live_version(ARTIFACT) is not None:
        promoted = store.live(ARTIFACT)
        return ModelInUse(promoted.content, promoted.version)
    folder = packaged_model(packaged)
    return ModelInUse(folder) if folder else None


def reader_in_use(
    store: ArtifactStore, chosen: ModelSource | None, packaged: Path = PACKAGED
) -> Reader | None:
    """The model that the catalogue has read texts, else `model_in_use`.

    Raises:
        ArtifactError: the promoted version is damaged.
    """
    return model_of(chosen) if chosen else model_in_use(store, packaged)
