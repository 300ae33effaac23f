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
    from collections.abc import Callable, Generator, Mapping
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
    what lies below `content`, by path. `fetch` has the files brought to this machine, if they are
    kept elsewhere.
    """

    name: str
    version: str
    folder: Path
    created_at: datetime
    inputs: Mapping[str, str]
    metrics: Mapping[str, float]
    files: Mapping[str, ArtifactFile]
    fetch: Callable[[Artifact], None] | None = field(default=None, compare=False, repr=False)

    @property
    def content(self) -> Path:
        """Where its files are on this machine.

        Raises:
            ArtifactError: they are kept elsewhere, and are not as the manifest says there.
        """
        if self.fetch is not None:
            self.fetch(self)
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
        found = files_in(self.content)
        wrong = sorted(name for name, is_so in self.files.items() if found.get(name) != is_so)
        if wrong:
            raise ArtifactError(
                f"{self.folder}: {', '.join(wrong)} not as the manifest says; delete the folder "
                f"and make {self.name} again."
            )


@dataclass(frozen=True, slots=True)
class InUse:
    """Which version of an artifact is in use, which was before, and which were taken back."""

    live: str | None = None
    former: str | None = None
    taken_back: tuple[str, ...] = ()

    def promoted(self, version: str) -> InUse:
        """The same with another version in use; one that was taken back is so no longer."""
        former = self.former if version == self.live else self.live
        left = tuple(each for each in self.taken_back if each != version)
        return InUse(version, former, left)

    def back(self, name: str) -> InUse:
        """The same with the former version in use.

        Raises:
            ArtifactError: there is none.
        """
        if self.live is None:
            raise ArtifactError(f"No {name} was promoted yet; there is nothing to go back to.")
        if self.former is None:
            raise ArtifactError(
                f"No {name} was in use before version {self.live}; there is nothing to go back to."
            )
        return InUse(self.former, None, (*self.taken_back, self.live))


@dataclass
class StagedArtifact:
    """A private folder; fill `content`, then `commit` makes a version of it."""

    name: str
    folder: Path
    store: ArtifactStore
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
        files = files_in(self.content) if self.committed is None else {}
        if not files:
            raise ArtifactError(f"{self.name}: {self.content} holds nothing new to commit.")
        made_of = dict(inputs or {})
        name_of_version = plain(version or _version_of(files, made_of))
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
        self.store.keep(read_manifest(self.folder))
        if promote:
            self.store.promote(self.name, name_of_version)
        self.committed = self.store.version(self.name, name_of_version)
        return self.committed


class ArtifactStore:
    """Indices and models under one folder.

    Attributes:
        root: the folder.
        work: where unfinished ones lie, which are nobody else's business.
    """

    def __init__(self, root: Path, *, work: Path | None = None) -> None:
        self.root = root.absolute()
        self.work = (work or root).absolute()

    @contextmanager
    def stage(self, name: str) -> Generator[StagedArtifact]:
        """A temporary folder to fill; what is not committed is removed at the end.

        Raises:
            ArtifactError: the name cannot be a folder's.
        """
        plain(name)
        folder = self.root / name / f".{secrets.token_hex(6)}{TEMPORARY}"
        make_folder(folder / CONTENT)
        try:
            yield StagedArtifact(name, folder, self)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def keep(self, staged: Artifact) -> None:
        """Make a version of a staged folder, unless there is one of the same files.

        Raises:
            ArtifactError: there is one of other files.
        """
        target = self.root / staged.name / staged.version
        with locked(self.root / staged.name / POINTER):
            if target.exists():
                if dict(read_manifest(target).files) != dict(staged.files):
                    raise ArtifactError(
                        f"{target} exists already with other files; give a new version."
                    )
            else:
                sync_all(staged.folder)
                staged.folder.rename(target)
                sync(target.parent)

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
        return self.in_use(name).live

    def in_use(self, name: str) -> InUse:
        """Which version is in use, and which was before.

        Raises:
            ArtifactError: the pointer is damaged.
        """
        path = self.root / plain(name) / POINTER
        try:
            found = json.loads(path.read_bytes())
            former = found.get("former")
            return InUse(
                plain(found["version"]),
                None if former is None else plain(former),
                tuple(plain(each) for each in found.get("taken_back", [])),
            )
        except FileNotFoundError:
            return InUse()
        except (ArtifactError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArtifactError(
                f"{path} is no pointer ({error!r}); delete it and promote a version."
            ) from error

    def version(self, name: str, version: str) -> Artifact:
        """A version, in use or not.

        Raises:
            ArtifactError: there is none; says which there are.
        """
        folder = self.root / plain(name) / plain(version)
        if not folder.is_dir():
            there = ", ".join(self.versions(name)) or "none"
            raise ArtifactError(
                f"{name} has no version {version!r} in {self.root}; it has {there}."
            )
        return read_manifest(folder)

    def versions(self, name: str) -> list[str]:
        """Committed versions, oldest first."""
        folder = self.root / plain(name)
        manifests = [read_manifest(path.parent) for path in folder.glob(f"[!.]*/{MANIFEST}")]
        return [each.version for each in sorted(manifests, key=lambda a: (a.created_at, a.version))]

    def promote(self, name: str, version: str) -> None:
        """Use a version from now on; an older one too, which is the way back.

        Raises:
            ArtifactError: there is no such version.
        """
        promoted = self.version(name, version)
        with locked(self.root / name / POINTER):
            self._point(name, self.in_use(name).promoted(promoted.version))

    def take_back(self, name: str) -> InUse:
        """Use the version from now on that was in use before this one.

        Raises:
            ArtifactError: there is none, or it is no longer there.
        """
        if not (self.root / plain(name)).is_dir():
            return InUse().back(name)
        with locked(self.root / name / POINTER):
            after = self.in_use(name).back(name)
            self.version(name, after.live or "")
            self._point(name, after)
        return after

    def _point(self, name: str, use: InUse) -> None:
        body = {
            "version": use.live,
            "former": use.former,
            "taken_back": list(use.taken_back),
            "promoted_at": datetime.now(UTC).isoformat(),
        }
        write_atomically(self.root / name / POINTER, (json.dumps(body) + "\n").encode())

    def collect_garbage(self, *, keep_last: int = 2) -> list[str]:
        """Remove all versions but the one in use, that before it, and the newest ones.

        Returns:
            Each that was removed, as `name/version`.
        """
        removed: list[str] = []
        for folder in sorted(path for path in self.root.glob("[!.]*") if path.is_dir()):
            name = folder.name
            with locked(folder / POINTER):
                versions = self.versions(name)
                use = self.in_use(name)
                kept = {use.live, use.former, *versions[max(0, len(versions) - keep_last) :]}
                for version in versions:
                    if version not in kept:
                        shutil.rmtree(folder / version)
                        removed.append(f"{name}/{version}")
        return removed


def plain(name: str) -> str:
    """Return a name if it may become that of a folder within another.

    Raises:
        ArtifactError: it may not.
    """
    try:
        if "/" not in check_partition(name):
            return name
    except LakeError:
        pass
    raise ArtifactError(
        f"{name!r} cannot name an artifact or a version: use ASCII letters, digits and . _ + -, "
        "beginning with a letter or digit."
    )


def read_manifest(folder: Path) -> Artifact:
    """What a folder's manifest says.

    Raises:
        ArtifactError: there is none, or it is damaged.
    """
    return parse_manifest((folder / MANIFEST).read_bytes, folder)


def parse_manifest(
    read: Callable[[], bytes],
    folder: Path,
    *,
    path: str = "",
    fetch: Callable[[Artifact], None] | None = None,
) -> Artifact:
    """What a manifest says, wherever it is read from.

    Args:
        read: gives its bytes.
        folder: where the files are, or are to be.
        path: what to call it in messages, if it does not lie in the folder.
        fetch: see `Artifact`.

    Raises:
        ArtifactError: there is none, or it is damaged.
    """
    path = path or str(folder / MANIFEST)
    try:
        found: dict[str, Any] = json.loads(read())
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
                _within(name): ArtifactFile(int(each["n_bytes"]), str(each["sha256"]))
                for name, each in found["files"].items()
            },
            fetch=fetch,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(
            f"{path} is no manifest ({error!r}); delete {folder} and make {folder.parent.name} "
            "again."
        ) from error


def _within(name: str) -> str:
    """Return the name of a file if it leads nowhere else."""
    if not name or name.startswith("/") or ".." in name.split("/") or "\0" in name:
        raise ValueError(f"file {name!r}")
    return name


def files_in(folder: Path) -> dict[str, ArtifactFile]:
    """Files below a folder, hashed, by path."""
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


def sync_all(folder: Path) -> None:
    """Wait until all files of a folder are on disk."""
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)
