"""Downloads that are kept in a bucket, so that of several machines one fetches a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kazu_platform.storage.downloads import (
    Downloader,
    Fetched,
    Progress,
    Trouble,
    facts_of,
    record_facts,
)

if TYPE_CHECKING:
    from pathlib import Path

    from kazu_platform.storage.shared_files import SharedFiles, Upload


class SharedDownloads:
    """Raw files: a folder of this machine, and the bucket that it is a copy of."""

    def __init__(self, files: SharedFiles, folder: Path) -> None:
        self._files = files
        self._folder = folder

    def bring(self, path: Path) -> Upload | None:
        """Have a file here as the bucket has it, if it has it.

        Raises:
            StorageError: what came is not what was uploaded.
        """
        upload = self._files.fetch(self._name_of(path), path)
        if upload is not None:
            if facts_of(path) is None:  # fetched just now, or changed here since
                record_facts(path, dict(upload.facts))
            self._files.store.cache.use(path)
        return upload

    def share(self, path: Path, replacing: Upload | None) -> None:
        """Have the bucket hold a file as it is here.

        Raises:
            LostRaceError: another machine was faster.
        """
        facts = facts_of(path) or {}
        self._files.publish(self._name_of(path), path, replacing=replacing, facts=facts)
        self._files.store.cache.tidy()

    def _name_of(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()


class SharedDownloader(Downloader):
    """Fetches what the bucket does not have, or what has changed since."""

    def __init__(self, shared: SharedDownloads) -> None:
        super().__init__()
        self._shared = shared

    def fetch(  # noqa: PLR0913 - the facts of one download
        self,
        url: str,
        destination: Path,
        *,
        md5: str | None = None,
        max_bytes: int | None = None,
        progress: Progress | None = None,
        trouble: Trouble | None = None,
    ) -> Fetched:
        """Put the file of a URL in place here and in the bucket; see `Downloader.fetch`."""
        there = self._shared.bring(destination)
        fetched = super().fetch(
            url, destination, md5=md5, max_bytes=max_bytes, progress=progress, trouble=trouble
        )
        if there is None or there.sha256 != fetched.sha256:
            self._shared.share(destination, there)
        return fetched
