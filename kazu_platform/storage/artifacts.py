"""Artifacts: indices and models as folders with a manifest, promoted by a pointer.

`<root>/<name>/<version>/` holds `manifest.json` and the files below `content/`. It is filled in
private, committed by one rename and never changed; `<root>/<name>/live.json` says which version
is in use, and moving it back is as easy.
"""

from __future__ import annotations

import json
import secrets
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import file_digest
from typing import TYPE_CHECKING, Any

from kazu_platform.documents import digest
from kazu_platform.errors import ArtifactError, LakeError
from kazu_platform.storage.atomic import (
    TEMPORARY,
    locked,
    make_folder,
    sync,
    write_atomically,
)
from kazu_platform.storage.pointers import POINTER, check_partition

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

MANIFEST = "manifest.json"
CONTENT = "content"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """A file of an artifact."""

    n_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """A committed folder and what its manifest says.

    `inputs` are the versions that it was made from, `metrics` what was measured on it, `files`
    what lies below `content`, by path.
    """

    name: str
    version: str
    folder: Path
    created_at: datetime
    inputs: Mapping[str, str]
    metrics: Mapping[str, float]
    files: Mapping[str, ArtifactFile]

    @property
    def content(self) -> Path:
        """Where its files are."""
        return self.folder / CONTENT

    @property
    def n_bytes(self) -> int:
        """Size of its files together."""
        return sum(each.n_bytes for each in self.files.values())

    def verify(self) -> None:
        """Read every file and compare it with the manifest.

        Raises:
            ArtifactError: names each file that is missing or differs.
        """
        found = _files_in(self.content)
        wrong = sorted(name for name, is_so in self.files.items() if found.get(name) != is_so)
        if wrong:
            raise ArtifactError(
                f"{self.folder}: {', '.join(wrong)} not as the manifest says; delete the folder "
                f"and make {self.name} again."
            )


@dataclass
class StagedArtifact:
    """A private folder; fill `content`, then `commit` makes a version of it."""

    name: str
    folder: Path
    root: Path
    committed: Artifact | None = field(default=None, init=False)

    @property
    def content(self) -> Path:
        """The folder to fill; empty at first."""
        return self.folder / CONTENT

    def commit(
        self,
        *,
        inputs: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        version: str | None = None,
        promote: bool = True,
    ) -> Artifact:
        """Add the manifest and make the folder a version, in use at once unless told otherwise.

        Without a version of its own it gets a hash of its files and inputs: the same content made
        twice is one version, and the first one stays.

        Raises:
            ArtifactError: the folder is empty, was committed before, or the version exists with
                other files.
        """
        files = _files_in(self.content) if self.committed is None else {}
        if not files:
            raise ArtifactError(f"{self.name}: {self.content} holds nothing new to commit.")
        made_of = dict(inputs or {})
        name_of_version = _plain(version or _version_of(files, made_of))
        target = self.root / self.name / name_of_version
        manifest = {
            "name": self.name,
            "version": name_of_version,
            "format_version": FORMAT_VERSION,
            "created_at": datetime.now(UTC).isoformat(),
            "inputs": made_of,
            "metrics": dict(metrics or {}),
            "files": {
                path: {"n_bytes": each.n_bytes, "sha256": each.sha256}
                for path, each in files.items()
            },
        }
        write_atomically(
            self.folder / MANIFEST, (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode()
        )
        with locked(self.root / self.name / POINTER):
            if target.exists():
                self._must_equal(target, files)
            else:
                _sync_all(self.folder)
                self.folder.rename(target)
                sync(target.parent)
        store = ArtifactStore(self.root)
        if promote:
            store.promote(self.name, name_of_version)
        self.committed = store.version(self.name, name_of_version)
        return self.committed

    def _must_equal(self, target: Path, files: Mapping[str, ArtifactFile]) -> None:
        if dict(_read_manifest(target).files) != dict(files):
            raise ArtifactError(f"{target} exists already with other files; give a new version.")


class ArtifactStore:
    """Indices and models under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @contextmanager
    def stage(self, name: str) -> Generator[StagedArtifact]:
        """A temporary folder to fill; what is not committed is removed at the end.

        Raises:
            ArtifactError: the name cannot be a folder's.
        """
        _plain(name)
        folder = self.root / name / f".{secrets.token_hex(6)}{TEMPORARY}"
        make_folder(folder / CONTENT)
        try:
            yield StagedArtifact(name, folder, self.root)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def live(self, name: str) -> Artifact:
        """The version in use.

        Raises:
            ArtifactError: there is none, or it is damaged; says what to run.
        """
        version = self.live_version(name)
        if version is None:
            raise ArtifactError(
                f"There is no {name} in {self.root}; make one: kazu-platform demo, or materialise "
                f"{name}."
            )
        return self.version(name, version)

    def live_version(self, name: str) -> str | None:
        """Name of the version in use, or nothing.

        Raises:
            ArtifactError: the pointer is damaged.
        """
        path = self.root / _plain(name) / POINTER
        try:
            return _plain(json.loads(path.read_bytes())["version"])
        except FileNotFoundError:
            return None
        except (ArtifactError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArtifactError(
                f"{path} is no pointer ({error!r}); delete it and promote a version."
            ) from error

    def version(self, name: str, version: str) -> Artifact:
        """A version, in use or not.

        Raises:
            ArtifactError: there is none; says which there are.
        """
        folder = self.root / _plain(name) / _plain(version)
        if not folder.is_dir():
            there = ", ".join(self.versions(name)) or "none"
            raise ArtifactError(
                f"{name} has no version {version!r} in {self.root}; it has {there}."
            )
        return _read_manifest(folder)

    def versions(self, name: str) -> list[str]:
        """Committed versions, oldest first."""
        folder = self.root / _plain(name)
        manifests = [_read_manifest(path.parent) for path in folder.glob(f"[!.]*/{MANIFEST}")]
        return [each.version for each in sorted(manifests, key=lambda a: (a.created_at, a.version))]

    def promote(self, name: str, version: str) -> None:
        """Use a version from now on; an older one too, which is the way back.

        Raises:
            ArtifactError: there is no such version.
        """
        promoted = self.version(name, version)
        body = {"version": promoted.version, "promoted_at": datetime.now(UTC).isoformat()}
        with locked(self.root / name / POINTER):
            write_atomically(self.root / name / POINTER, (json.dumps(body) + "\n").encode())

    def collect_garbage(self, *, keep_last: int = 2) -> list[str]:
        """Remove all versions but the one in use and the newest ones; returns `name/version`."""
        removed: list[str] = []
        for folder in sorted(path for path in self.root.glob("[!.]*") if path.is_dir()):
            name = folder.name
            with locked(folder / POINTER):
                versions = self.versions(name)
                kept = {self.live_version(name), *versions[max(0, len(versions) - keep_last) :]}
                for version in versions:
                    if version not in kept:
                        shutil.rmtree(folder / version)
                        removed.append(f"{name}/{version}")
        return removed


def _plain(name: str) -> str:
    """Return a name if it may become that of a folder within another."""
    try:
        if "/" not in check_partition(name):
            return name
    except LakeError:
        pass
    raise ArtifactError(
        f"{name!r} cannot name an artifact or a version: use ASCII letters, digits and . _ + -, "
        "beginning with a letter or digit."
    )


def _read_manifest(folder: Path) -> Artifact:
    path = folder / MANIFEST
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        if found["format_version"] != FORMAT_VERSION:
            raise ArtifactError(
                f"{path} has format {found['format_version']}, this version reads "
                f"{FORMAT_VERSION}; make {folder.parent.name} again."
            )
        return Artifact(
            name=str(found["name"]),
            version=str(found["version"]),
            folder=folder,
            created_at=datetime.fromisoformat(found["created_at"]),
            inputs={str(key): str(value) for key, value in found["inputs"].items()},
            metrics={str(key): float(value) for key, value in found["metrics"].items()},
            files={
                str(name): ArtifactFile(int(each["n_bytes"]), str(each["sha256"]))
                for name, each in found["files"].items()
            },
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(
            f"{path} is no manifest ({error!r}); delete {folder} and make {folder.parent.name} "
            "again."
        ) from error


def _files_in(folder: Path) -> dict[str, ArtifactFile]:
    found: dict[str, ArtifactFile] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            with path.open("rb") as file:
                hashed = file_digest(file, "sha256").hexdigest()
            found[name] = ArtifactFile(path.stat().st_size, hashed)
    return found


def _version_of(files: Mapping[str, ArtifactFile], inputs: Mapping[str, str]) -> str:
    parts = [f"{name}\t{each.sha256}" for name, each in files.items()]
    return digest(*parts, *(f"{key}\t{value}" for key, value in sorted(inputs.items())))


def _sync_all(folder: Path) -> None:
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)
