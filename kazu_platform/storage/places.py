"""Where everything is kept, as the settings say: below one folder, or below one prefix of a bucket.

What must be on this machine stays in the home: Dagster's own storage, unfinished work, the copy of
the warehouse that questions open, and the cache of what was fetched.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from kazu_platform.storage.bucket import BucketStore
from kazu_platform.storage.cache import Cache
from kazu_platform.storage.s3 import SCHEME, Place, S3Access

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from kazu_platform.settings import Settings
    from kazu_platform.storage.artifacts import ArtifactStore
    from kazu_platform.storage.lake import Lake
    from kazu_platform.storage.queries import OpenWarehouse
    from kazu_platform.storage.shared_artifacts import SharedArtifacts
    from kazu_platform.storage.shared_downloads import SharedDownloads
    from kazu_platform.storage.shared_files import SharedFiles
    from kazu_platform.storage.warehouse import BuiltWarehouse

WAREHOUSE: Final = "warehouse.duckdb"


@dataclass(frozen=True)
class Bucket:
    """A prefix of a bucket, and where this machine keeps what it fetches.

    Attributes:
        url: `s3://bucket/prefix`.
        access: how it is reached.
        cache: what was fetched.
        home: for what stays on this machine.
    """

    url: str
    access: S3Access
    cache: Cache
    home: Path

    def store(self, area: str) -> BucketStore:
        """The part of it that holds the lake, the models, raw files or the warehouse.

        Raises:
            ConfigurationError: the URL names no place on S3.
        """
        place = Place.of(self.url).below(area)
        return BucketStore(place, self.access, self.cache.root / area, self.cache)

    def lake(self) -> Lake:
        """The lake."""
        from kazu_platform.storage.lake import Lake

        store = self.store("lake")
        return Lake(store.folder, store)

    def artifacts(self) -> SharedArtifacts:
        """Indices and models."""
        from kazu_platform.storage.shared_artifacts import SharedArtifacts

        return SharedArtifacts(self.store("models"), work=self.home / "models")

    def downloads(self) -> SharedDownloads:
        """Raw files."""
        from kazu_platform.storage.shared_downloads import SharedDownloads
        from kazu_platform.storage.shared_files import SharedFiles

        store = self.store("raw")
        return SharedDownloads(SharedFiles(store), store.folder)

    def warehouse(self, path: Path, lake: Lake | None = None) -> WarehouseFile:
        """The warehouse of its lake, and its copy here."""
        from kazu_platform.storage.shared_files import SharedFiles

        return WarehouseFile(path, lake or self.lake(), SharedFiles(self.store("warehouse")))


@dataclass(frozen=True)
class WarehouseFile:
    """The DuckDB file that questions open, and where others find it.

    Attributes:
        path: the file on this machine.
        lake: what it shows.
        shared: where it is published, if that is elsewhere.
    """

    path: Path
    lake: Lake
    shared: SharedFiles | None = None

    def refresh(self) -> None:
        """Have what was published last on this machine."""
        if self.shared is not None:
            self.shared.fetch(WAREHOUSE, self.path)

    def exists(self) -> bool:
        """Whether there is one, here or elsewhere; then it is here."""
        self.refresh()
        return self.path.exists()

    def build(self) -> BuiltWarehouse:
        """Build it of what is live now, and publish it.

        Raises:
            LakeError: a file that a pointer names is missing or damaged; the old warehouse stays.
            LostRaceError: somebody else published one meanwhile; the one here is replaced by it.
        """
        from kazu_platform.storage.warehouse import build_warehouse

        replacing = self.shared.live(WAREHOUSE) if self.shared else None
        built = build_warehouse(self.lake, self.path)
        if self.shared is not None:
            facts = {"lake": self.lake.url, "built_at": built.built_at.isoformat()}
            self.shared.publish(WAREHOUSE, self.path, replacing=replacing, facts=facts)
        return built

    @contextmanager
    def opened(self) -> Generator[OpenWarehouse]:
        """Open it for questions.

        Raises:
            QueryError: there is none, or it shows another lake.
        """
        from kazu_platform.storage.queries import Fetching, open_read_only

        self.refresh()
        if self.shared is None:
            with open_read_only(self.path, self.lake.root) as connection:
                yield connection
            return
        from kazu_platform.storage.warehouse_files import fetch_missing

        with open_read_only(self.path, self.lake.root, lake_url=self.lake.url) as connection:
            yield Fetching(connection, partial(fetch_missing, connection, self.lake))


def bucket_of(settings: Settings) -> Bucket | None:
    """The bucket that the settings name, if they do."""
    url = settings.storage_url or ""
    if not url.startswith(SCHEME):
        return None
    access = S3Access(settings.s3_endpoint_url, settings.s3_region, settings.s3_profile)
    cache = Cache(settings.cache_folder, settings.cache_bytes)
    return Bucket(url, access, cache, settings.home.absolute())


def open_lake(settings: Settings) -> Lake:
    """The lake of the settings."""
    from kazu_platform.storage.lake import Lake

    bucket = bucket_of(settings)
    return bucket.lake() if bucket else Lake(settings.lake)


def open_artifacts(settings: Settings) -> ArtifactStore:
    """The indices and models of the settings."""
    from kazu_platform.storage.artifacts import ArtifactStore

    bucket = bucket_of(settings)
    return bucket.artifacts() if bucket else ArtifactStore(settings.models)


def warehouse_of(settings: Settings) -> WarehouseFile:
    """The warehouse of the settings."""
    from kazu_platform.storage.lake import Lake

    bucket = bucket_of(settings)
    if bucket:
        return bucket.warehouse(settings.warehouse)
    return WarehouseFile(settings.warehouse, Lake(settings.lake))
