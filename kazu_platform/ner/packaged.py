"""Which model reads: the promoted one, else the one that comes with the platform, else none."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kazu_platform.ner.model_files import ModelFiles, read_model_files

if TYPE_CHECKING:
    from kazu_platform.storage.artifacts import ArtifactStore

ARTIFACT: Final = "ner_model"
"""Name of trained models in the store of artifacts."""
PACKAGED: Final = Path(str(resources.files("kazu_platform"))) / "models" / "ner"
"""Where the model is that comes with the platform, if it comes with one."""


@dataclass(frozen=True)
class ModelInUse:
    """A model folder that texts are to be read with.

    Attributes:
        folder: See `model_files`.
        promoted: Its version in the store of artifacts; none if it came with the platform.
    """

    folder: Path
    promoted: str | None = None

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
