"""Storage in a bucket, as Dagster resources: the same ones, kept elsewhere.

How S3 is reached is said by dagster-aws's `S3Resource`, which assets of one's own can use as well;
objects go through the platform's own store, which writes on conditions.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
from dagster_aws.s3 import S3Resource
from pydantic import Field

from kazu_platform.execution.pool import Pool
from kazu_platform.execution.steps import Step
from kazu_platform.storage.artifacts import ArtifactStore
from kazu_platform.storage.cache import Cache
from kazu_platform.storage.downloads import Downloader
from kazu_platform.storage.lake import Lake
from kazu_platform.storage.places import Bucket, WarehouseFile
from kazu_platform.storage.s3 import S3Access
from kazu_platform.storage.shared_downloads import SharedDownloader
from resources.compute import ComputeResource, Mode
from resources.sources import SourcesResource
from resources.storage import ArtifactsResource, LakeResource, WarehouseResource


class BucketResource(dg.ConfigurableResource):
    """A prefix of a bucket that holds everything which machines share."""

    s3: dg.ResourceDependency[S3Resource]
    url: str = Field(description="s3://bucket/prefix.")
    home: str = Field(description="Folder for what stays on this machine.")
    cache: str = Field(description="Folder for what is fetched; the same path on every machine.")
    cache_bytes: int = Field(default=0, description="Size that it is kept below; 0: any size.")

    def open(self) -> Bucket:
        """The bucket; opening it costs nothing."""
        access = S3Access(
            endpoint_url=self.s3.endpoint_url or "",
            region=self.s3.region_name or "",
            profile=self.s3.profile_name or "",
        )
        return Bucket(self.url, access, Cache(Path(self.cache), self.cache_bytes), Path(self.home))


class LakeOnS3(LakeResource):
    """The tables, in a bucket."""

    bucket: dg.ResourceDependency[BucketResource]

    def open(self) -> Lake:
        """The lake; opening it costs nothing."""
        return self.bucket.open().lake()


class WarehouseOnS3(WarehouseResource):
    """The DuckDB file, published in a bucket; `path` is the copy on this machine."""

    bucket: dg.ResourceDependency[BucketResource]

    def of(self, lake: Lake) -> WarehouseFile:
        """The warehouse of a lake."""
        return self.bucket.open().warehouse(Path(self.path), lake)


class ArtifactsOnS3(ArtifactsResource):
    """Indices and models, in a bucket."""

    bucket: dg.ResourceDependency[BucketResource]

    def open(self) -> ArtifactStore:
        """The store; opening it costs nothing."""
        return self.bucket.open().artifacts()


class SourcesOnS3(SourcesResource):
    """Raw files, in a bucket; `raw` holds the copies on this machine."""

    bucket: dg.ResourceDependency[BucketResource]

    def downloader(self) -> Downloader:
        """What fetches files for this machine and for the bucket."""
        return SharedDownloader(self.bucket.open().downloads())

    def kept(self, path: Path) -> Path:
        """A raw file at its place here, as the bucket has it, if it has it."""
        self.bucket.open().downloads().bring(path)
        return path


class ComputeOnS3(ComputeResource):
    """Compute whose workers fetch the indices and models that a step opens."""

    bucket: dg.ResourceDependency[BucketResource]

    @contextmanager
    def _pool(self, step: Step, file: str, mode: Mode) -> Generator[Pool]:
        with super()._pool(FetchingStep(step, self.bucket.open()), file, mode) as pool:
            yield pool


@dataclass(frozen=True)
class FetchingStep:
    """A step whose folders are fetched, where it is opened, to the places that it knows them at."""

    step: Step
    bucket: Bucket

    @property
    def name(self) -> str:
        """That of the step."""
        return self.step.name

    @property
    def version(self) -> str:
        """That of the step."""
        return self.step.version

    def open(self) -> Callable[[pa.Table], pa.Table]:
        """Have its folders here, once for all workers of a machine, and open it."""
        artifacts = self.bucket.artifacts()
        for path in _paths_in(self.step):
            if path.is_relative_to(artifacts.root):
                artifacts.fetch(path)
        return self.step.open()


def _paths_in(value: Any) -> Iterator[Path]:  # noqa: ANN401 - fields of a step, and of what is in it
    """Paths among the fields of a dataclass, and of those that these are."""
    if isinstance(value, str | Path):
        yield Path(value)
    elif is_dataclass(value):
        for each in fields(value):
            yield from _paths_in(getattr(value, each.name))
