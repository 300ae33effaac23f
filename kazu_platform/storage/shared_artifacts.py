"""Artifacts in a bucket: each upload under a name of its own, and one index that says which count.

`<name>/<upload>/` holds `manifest.json` and the files below `content/`, written once. The index,
`<name>/index.json`, says which upload is which version and which version is in use; it is replaced
on the condition that it is what its writer had read, so that committing, promoting and removing
cannot get in each other's way. A machine fetches the files of a version when they are first asked
for, and reads, maps and keeps them in a folder like that of `artifacts.py`.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from kazu_platform.errors import ArtifactError, LostRaceError
from kazu_platform.storage.artifacts import (
    CONTENT,
    MANIFEST,
    Artifact,
    ArtifactStore,
    InUse,
    files_in,
    parse_manifest,
    plain,
    sync_all,
)
from kazu_platform.storage.atomic import locked, make_folder, sync, temporary_beside
from kazu_platform.storage.bucket import at_once

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from kazu_platform.storage.bucket import BucketStore

T = TypeVar("T")

INDEX: Final = "index.json"
_FORMAT: Final = 1
_UNFINISHED_UPLOAD: Final = timedelta(days=1)
"""An upload that no index names is one that died, if it is so old."""

_Versions = dict[str, dict[str, str]]


class SharedArtifacts(ArtifactStore):
    """Indices and models below a prefix of a bucket.

    Attributes:
        store: the bucket; its folder on this machine is `root`.
    """

    def __init__(self, store: BucketStore, *, work: Path) -> None:
        super().__init__(store.folder, work=work)
        self.store = store

    def keep(self, staged: Artifact) -> None:
        """Upload a staged folder as a version, unless there is one of the same files.

        Raises:
            ArtifactError: there is one of other files.
        """
        upload = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        entry = {"upload": upload, "created_at": staged.created_at.isoformat()}
        if self._is_there(staged):
            return
        self._upload(staged, f"{staged.name}/{upload}")

        def add(index: dict[str, Any]) -> bool:
            return index["versions"].setdefault(staged.version, entry) is entry

        if self._change(staged.name, add):
            sync_all(staged.folder)
            staged.folder.rename(self.root / staged.name / upload)
            sync(self.root / staged.name)
            self.store.cache.tidy()
        else:  # somebody else made it meanwhile
            self._forget(staged.name, upload)
            self._is_there(staged)

    def live_version(self, name: str) -> str | None:
        """Name of the version in use, or nothing.

        Raises:
            ArtifactError: the index is damaged.
        """
        return self.in_use(name).live

    def in_use(self, name: str) -> InUse:
        """Which version is in use, and which was before.

        Raises:
            ArtifactError: the index is damaged.
        """
        return _in_use(self._index(name)[0])

    def version(self, name: str, version: str) -> Artifact:
        """A version, in use or not; its files are fetched when they are asked for.

        Raises:
            ArtifactError: there is none; says which there are.
        """
        found = self._versions(name).get(plain(version))
        if found is None:
            there = ", ".join(self.versions(name)) or "none"
            raise ArtifactError(
                f"{name} has no version {version!r} in {self.store.place.url}; it has {there}."
            )
        return self._artifact(name, found["upload"])

    def versions(self, name: str) -> list[str]:
        """Committed versions, oldest first."""
        found = self._versions(name)
        return sorted(found, key=lambda version: (found[version]["created_at"], version))

    def promote(self, name: str, version: str) -> None:
        """Use a version from now on; an older one too, which is the way back.

        Raises:
            ArtifactError: there is no such version.
        """

        def use(index: dict[str, Any]) -> None:
            if version not in index["versions"]:
                self.version(name, version)
            _point(index, _in_use(index).promoted(version))

        self._change(name, use)

    def take_back(self, name: str) -> InUse:
        """Use the version from now on that was in use before this one.

        Raises:
            ArtifactError: there is none, or it is no longer there.
        """

        def back(index: dict[str, Any]) -> InUse:
            after = _in_use(index).back(name)
            if after.live not in index["versions"]:
                self.version(name, after.live or "")
            _point(index, after)
            return after

        return self._change(name, back)

    def collect_garbage(self, *, keep_last: int = 2) -> list[str]:
        """Remove all versions but the one in use, that before it, and the newest ones.

        Uploads that were never finished go too, when they are a day old.
        """
        uploads: dict[str, dict[str, datetime]] = defaultdict(dict)
        for entry in self.store.entries():
            name, _, rest = entry.key.partition("/")
            upload, _, file = rest.partition("/")
            if file:
                newest = uploads[name].get(upload, entry.modified_at)
                uploads[name][upload] = max(newest, entry.modified_at)
        return [
            gone for name in sorted(uploads) for gone in self._tidy(name, uploads[name], keep_last)
        ]

    def fetch(self, folder: Path) -> None:
        """Have the files of a version on this machine, given the folder that they belong in.

        A worker elsewhere knows no more than this.

        Raises:
            ArtifactError: the folder is none of a version, or what came is not what was uploaded.
        """
        name, upload, *_ = folder.relative_to(self.root).parts
        if (self.root / name / upload).is_dir():
            self._use(self.root / name / upload)
        else:
            self._bring(self._artifact(name, upload))

    def _tidy(self, name: str, uploads: Mapping[str, datetime], keep_last: int) -> list[str]:
        order = self.versions(name)
        gone: _Versions = {}

        def forget(index: dict[str, Any]) -> None:
            gone.clear()
            use = _in_use(index)
            kept = {use.live, use.former, *order[max(0, len(order) - keep_last) :]}
            for version in order:
                if version in index["versions"] and version not in kept:
                    gone[version] = index["versions"].pop(version)

        self._change(name, forget)
        for each in gone.values():
            self._forget(name, each["upload"])
        named = {each["upload"] for each in self._versions(name).values()}
        before = datetime.now(UTC) - _UNFINISHED_UPLOAD
        for upload, modified_at in uploads.items():
            if upload not in named and modified_at < before:
                self._forget(name, upload)
        return [f"{name}/{version}" for version in gone]

    def _forget(self, name: str, upload: str) -> None:
        self.store.delete_all([entry.key for entry in self.store.entries(f"{name}/{upload}")])
        shutil.rmtree(self.root / name / upload, ignore_errors=True)

    def _is_there(self, staged: Artifact) -> bool:
        """Whether the version of a staged folder was committed before.

        Raises:
            ArtifactError: with other files.
        """
        found = self._versions(staged.name).get(staged.version)
        if found is None:
            return False
        if dict(self._artifact(staged.name, found["upload"]).files) != dict(staged.files):
            raise ArtifactError(
                f"{self.store.uri(staged.name)}: version {staged.version} exists already with "
                "other files; give a new version."
            )
        return True

    def _upload(self, staged: Artifact, prefix: str) -> None:
        """The manifest last."""
        files = [f"{CONTENT}/{name}" for name in staged.files]
        at_once(lambda name: self.store.upload(f"{prefix}/{name}", staged.folder / name), files)
        self.store.upload(f"{prefix}/{MANIFEST}", staged.folder / MANIFEST)

    def _artifact(self, name: str, upload: str) -> Artifact:
        """What a manifest says: the one here, if the files were fetched, or the bucket's."""
        folder, key = self.root / name / upload, f"{name}/{upload}/{MANIFEST}"

        def read() -> bytes:
            if folder.is_dir():
                return (folder / MANIFEST).read_bytes()
            blob = self.store.read(key)
            if blob is None:
                raise FileNotFoundError(key)
            return blob.body

        return parse_manifest(read, folder, path=self.store.uri(key), fetch=self._bring)

    def _bring(self, artifact: Artifact) -> None:
        """Fetch the files of a version, once for all processes of this machine."""
        if artifact.folder.is_dir():
            self._use(artifact.folder)
            return
        make_folder(artifact.folder.parent)
        with locked(artifact.folder.parent / "fetch"):
            if artifact.folder.is_dir():
                return
            temporary = temporary_beside(artifact.folder)
            try:
                self._download(artifact, temporary)
                sync_all(temporary)
                temporary.rename(artifact.folder)
                sync(artifact.folder.parent)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        self.store.cache.tidy()

    def _download(self, artifact: Artifact, folder: Path) -> None:
        prefix = f"{artifact.name}/{artifact.folder.name}"
        names = [MANIFEST, *(f"{CONTENT}/{name}" for name in artifact.files)]
        for name in names:
            make_folder((folder / name).parent)
        try:
            at_once(lambda name: self.store.download(f"{prefix}/{name}", folder / name), names)
        except FileNotFoundError as error:
            raise ArtifactError(f"{error} Make {artifact.name} again.") from None
        if files_in(folder / CONTENT) != dict(artifact.files):
            raise ArtifactError(
                f"{self.store.uri(prefix)}: what came is not as the manifest says; try again, or "
                f"make {artifact.name} again."
            )

    def _use(self, folder: Path) -> None:
        self.store.cache.use(folder / MANIFEST)

    def _versions(self, name: str) -> _Versions:
        return self._index(name)[0]["versions"]

    def _change(self, name: str, change: Callable[[dict[str, Any]], T]) -> T:
        """Replace the index by what `change` makes of it; of two that do, one reads it again."""
        while True:
            index, etag = self._index(name)
            before = json.dumps(index, sort_keys=True)
            done = change(index)
            body = json.dumps(index, sort_keys=True)
            if body == before:
                return done
            try:
                self.store.replace(f"{name}/{INDEX}", body.encode(), expected=etag)
            except LostRaceError:
                continue
            return done

    def _index(self, name: str) -> tuple[dict[str, Any], str | None]:
        """The index and its tag.

        Raises:
            ArtifactError: it is damaged.
        """
        key = f"{plain(name)}/{INDEX}"
        blob = self.store.read(key)
        if blob is None:
            return {"format": _FORMAT, "live": None, "versions": {}}, None
        try:
            return _checked(json.loads(blob.body)), blob.etag
        except (ArtifactError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArtifactError(
                f"{self.store.uri(key)} is no index ({error!r}); delete it and make {name} again."
            ) from error


def _in_use(index: Mapping[str, Any]) -> InUse:
    return InUse(index["live"], index.get("former"), tuple(index.get("taken_back", ())))


def _point(index: dict[str, Any], use: InUse) -> None:
    index |= {
        "live": use.live,
        "former": use.former,
        "taken_back": list(use.taken_back),
        "promoted_at": datetime.now(UTC).isoformat(),
    }


def _checked(index: dict[str, Any]) -> dict[str, Any]:
    """An index, if that is what it is: it names folders, and comes from outside."""
    if index["format"] != _FORMAT:
        raise ValueError(f"format {index['format']}, this version reads {_FORMAT}")
    for version, each in index["versions"].items():
        for name in (version, each["upload"]):
            plain(name)
        datetime.fromisoformat(each["created_at"])
    if index["live"] is not None and index["live"] not in index["versions"]:
        raise ValueError(f"version {index['live']} is in use and is not there")
    return index
