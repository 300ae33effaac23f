"""The lake, the warehouse and the store of indices and models, as Dagster resources."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from pydantic import Field

from kazu_platform.ner.packaged import ModelInUse, Reader, model_in_use, model_of
from kazu_platform.settings import ModelSource
from kazu_platform.storage.artifacts import ArtifactStore
from kazu_platform.storage.lake import Lake
from kazu_platform.storage.places import WarehouseFile


class LakeResource(dg.ConfigurableResource):
    """Every table, as immutable Parquet generations behind small pointer files.

    The pointer moves last: a reader sees the old table or the new one, never half of either,
    and a writer that is killed leaves a file nobody points to.
    """

    root: str = Field(description="Folder that holds the tables.")

    def open(self) -> Lake:
        """The lake; opening it costs nothing."""
        return Lake(Path(self.root))


class WarehouseResource(dg.ConfigurableResource):
    """The DuckDB file that analysts open; replaced as a whole, never changed in place."""

    path: str = Field(description="The DuckDB file.")
    exports: str = Field(description="Folder for exports such as KGX.")

    def of(self, lake: Lake) -> WarehouseFile:
        """The warehouse of a lake."""
        return WarehouseFile(Path(self.path), lake)


class ArtifactsResource(dg.ConfigurableResource):
    """Indices and models: folders with a manifest, and a pointer to the one in use."""

    root: str = Field(description="Folder that holds the artifacts.")
    use_model: bool = Field(default=True, description="Read with a model, where there is one.")
    linker: str = Field(default="hybrid", description="Who links: hybrid or names.")
    threads: int = Field(default=1, description="Batches that an encoder computes at once.")

    def open(self) -> ArtifactStore:
        """The store; opening it costs nothing."""
        return ArtifactStore(Path(self.root))

    def model_in_use(self) -> ModelInUse | None:
        """The model of our own that is promoted, or came along, if one is wanted.

        Raises:
            ArtifactError: it was promoted and is damaged.
        """
        return model_in_use(self.open()) if self.use_model else None

    def reader_in_use(self, chosen: ModelSource | None) -> Reader | None:
        """The model that texts are to be read with, if there is one and it is wanted.

        Args:
            chosen: The one that the catalogue names, if it does.

        Raises:
            ArtifactError: another one was promoted and is damaged.
        """
        return model_of(chosen) if chosen and self.use_model else self.model_in_use()
