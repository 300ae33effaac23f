"""Errors that a caller may catch or a user can put right.

    KazuPlatformError
    ├── ConfigurationError        a setting or the catalogue is wrong
    │   └── UnknownNameError      a name that does not exist; says the nearest one that does
    ├── SourceError               a file that came from outside cannot be used
    │   ├── DownloadError         it could not be fetched
    │   │   ├── UnreachableError  its server did not answer; later it may
    │   │   └── BusyError         its server asks us to stay away for long
    │   ├── ChecksumError         it is not the file that was published
    │   ├── MalformedFileError    it is not what its format promises
    │   └── InvalidCurationsError a file of curations holds rows that are wrong; lists every one
    ├── SchemaError               rows do not fit their table
    ├── LakeError                 the lake cannot answer
    │   ├── MissingPartitionError nothing was ever written there
    │   ├── OldSchemaError        it was written by an older version
    │   └── LostRaceError         another writer was faster; compute again
    ├── StorageError              the object storage refuses what is asked of it
    │   └── StorageUnreachableError  it did not answer; later it may
    ├── ComputeError              a step cannot be run: its workers, not its documents, fail
    │   ├── NoClusterError        there is no Ray: none started here, or none lets us in
    │   ├── LostClusterError      the cluster went away; later there may be one
    │   └── NoWorkerError         no worker came in time; later one may be free
    ├── ArtifactError             an index or a model folder is missing or does not fit
    │   └── OtherVersionError     it is whole, and another version of the platform made it
    ├── TrainingError             a model cannot be trained with what was given
    ├── DeliveryError             an alert could not be delivered
    └── QueryError                a query was refused or failed

Every message says what, where and what to do. The message is the only argument, so an error
survives the trip from a worker process (pickling calls the class with `args`).
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


RAY_CLIENT = "ray://"


class KazuPlatformError(Exception):
    """Anything that this platform raises on purpose."""


class ConfigurationError(KazuPlatformError):
    """A setting, or the catalogue, is wrong."""

    @classmethod
    def of_ray_client(cls, address: str) -> Self:
        """Refuse to go through a Ray client, which knows nothing of the cluster behind it.

        >>> str(ConfigurationError.of_ray_client("ray://h:10001"))
        'KAZU_RAY_ADDRESS: ray://h:10001 is a Ray client; give the head node, such as h:6379.'
        """
        host = address.removeprefix(RAY_CLIENT).partition(":")[0]
        return cls(
            f"KAZU_RAY_ADDRESS: {address} is a Ray client; give the head node, such as {host}:6379."
        )


class UnknownNameError(ConfigurationError):
    """A name was asked for that does not exist."""

    @classmethod
    def of(cls, kind: str, name: str, known: Collection[str]) -> Self:
        """Say which name was asked for and the nearest one there is.

        >>> str(UnknownNameError.of("ontology", "MONDOO", ["MONDO", "CL"]))
        "There is no ontology 'MONDOO'; did you mean 'MONDO'?"
        """
        near = get_close_matches(name, list(known), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(sorted(known))}."
        return cls(f"There is no {kind} {name!r}; {hint}")


class SourceError(KazuPlatformError):
    """A file that came from outside cannot be used."""


class DownloadError(SourceError):
    """A file could not be fetched."""


class UnreachableError(DownloadError):
    """A server did not answer, or not with a file; later it may."""


class BusyError(DownloadError):
    """A server asked to be left alone for longer than anybody waits; trying again is impolite."""


class ChecksumError(SourceError):
    """A file is not the one that was published."""


class MalformedFileError(SourceError):
    """A file is not what its format promises."""

    @classmethod
    def at(cls, path: Path | str, problem: str, *, line: int | None = None) -> Self:
        """Name the file, the line where there is one, and the problem.

        >>> str(MalformedFileError.at("cl.obo", "a stanza without an id", line=7))
        'cl.obo, line 7: a stanza without an id'
        """
        where = f"{path}, line {line}" if line else f"{path}"
        return cls(f"{where}: {problem}")


class InvalidCurationsError(SourceError):
    """A file of curations cannot be applied; everything that is wrong is listed."""


class SchemaError(KazuPlatformError):
    """Rows do not fit their table; every discrepancy is listed."""


class LakeError(KazuPlatformError):
    """The lake cannot answer."""


class MissingPartitionError(LakeError):
    """Nothing was ever written to that partition."""


class OldSchemaError(LakeError):
    """A partition was written by an older version of the platform."""


class LostRaceError(LakeError):
    """Another writer replaced what this one had read; compute again."""


class StorageError(KazuPlatformError):
    """The object storage refuses: no such bucket, no access, not what the platform needs."""


class StorageUnreachableError(StorageError):
    """The object storage did not answer, or not in time; later it may."""


class ComputeError(KazuPlatformError):
    """A step cannot be run: its workers fail, or no worker can be had."""


class NoClusterError(ComputeError):
    """There is no Ray: none started here, or none at the address lets us in."""


class LostClusterError(ComputeError):
    """The cluster that a step ran on went away; what was finished is kept."""


class NoWorkerError(ComputeError):
    """No worker came in time, others may have them; what was finished is kept."""


class ArtifactError(KazuPlatformError):
    """An index or a model folder is missing or does not fit."""


class OtherVersionError(ArtifactError):
    """A model folder is whole, and was made by another version of the platform."""


class TrainingError(KazuPlatformError):
    """A model cannot be trained with what was given."""


class DeliveryError(KazuPlatformError):
    """An alert could not be delivered; the address it was for is not said."""


class QueryError(KazuPlatformError):
    """A query was refused or failed."""
