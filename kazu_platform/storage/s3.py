"""Objects of S3, or of a store that speaks its language: read, written on a condition, listed.

Credentials are found where AWS's tools look for them (environment variables, a profile, the role of
the machine) and stay there: nothing here holds, prints or sends them elsewhere.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from kazu_platform.errors import (
    ConfigurationError,
    LostRaceError,
    StorageError,
    StorageUnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from obstore.store import ClientConfig, RetryConfig, S3Store

SCHEME: Final = "s3://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9._=+-]+(/[A-Za-z0-9._=+-]+)*")
_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_NO_CONDITIONS = {"NotImplemented", "MethodNotAllowed"}
_CLIENT: Final[ClientConfig] = {"connect_timeout": "5s", "timeout": "10m"}
_RETRY: Final[RetryConfig] = {"max_retries": 4}


@dataclass(frozen=True)
class S3Access:
    """How a store is reached; it pickles, and holds no secret.

    Attributes:
        endpoint_url: of MinIO, Ceph or another store; empty: AWS_ENDPOINT_URL, else AWS.
        region: empty: that of the environment or the profile, else us-east-1.
        profile: of AWS's configuration files, for credentials and region.
    """

    endpoint_url: str = ""
    region: str = ""
    profile: str = ""


@dataclass(frozen=True)
class Place:
    """A prefix of a bucket."""

    bucket: str
    prefix: str

    @classmethod
    def of(cls, url: str) -> Place:
        """The place of a URL.

        >>> Place.of("s3://papers/kazu/")
        Place(bucket='papers', prefix='kazu')

        Raises:
            ConfigurationError: it is none.
        """
        bucket, _, prefix = url.removeprefix(SCHEME).partition("/")
        prefix = prefix.strip("/")
        is_wrong = prefix and (not _PREFIX.fullmatch(prefix) or ".." in prefix.split("/"))
        if not url.startswith(SCHEME) or not _BUCKET.fullmatch(bucket) or is_wrong:
            raise ConfigurationError(
                f"KAZU_STORAGE_URL: {url!r} is no place on S3; give s3://bucket/prefix, of ASCII "
                "letters, digits and . _ = + -"
            )
        return cls(bucket, prefix)

    @property
    def url(self) -> str:
        """As people write it."""
        return f"{SCHEME}{self.bucket}/{self.prefix}".rstrip("/")

    def below(self, name: str) -> Place:
        """A place within."""
        return Place(self.bucket, f"{self.prefix}/{name}".lstrip("/"))


def connect(place: Place, access: S3Access) -> S3Store:
    """A client; the same one for all who ask for the same place in a process.

    Raises:
        ConfigurationError: there are no credentials, or no such profile.
    """
    endpoint = access.endpoint_url or _endpoint_of_environment()
    return _connected(place, endpoint, access.region, access.profile)


def _endpoint_of_environment() -> str:
    return os.environ.get("AWS_ENDPOINT_URL_S3", "") or os.environ.get("AWS_ENDPOINT_URL", "")


@lru_cache(maxsize=32)
def _connected(place: Place, endpoint: str, region: str, profile: str) -> S3Store:
    from obstore.store import S3Store

    credentials, found_region = _credentials(profile)
    given: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
    return S3Store(
        place.bucket,
        prefix=place.prefix or None,
        region=region or found_region or "us-east-1",
        credential_provider=credentials,
        client_options={**_CLIENT, "allow_http": endpoint.startswith("http://")},
        retry_config=_RETRY,
        **given,
    )


@lru_cache(maxsize=8)
def _credentials(profile: str) -> tuple[Any, str]:
    """What gives credentials whenever they are asked for, and the region that goes with them."""
    import boto3
    from botocore.exceptions import BotoCoreError
    from obstore.auth.boto3 import Boto3CredentialProvider

    try:
        session = boto3.Session(profile_name=profile or None)
        if session.get_credentials() is None:
            raise ConfigurationError(
                "There are no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                "name a profile in KAZU_S3_PROFILE, or give the machine a role."
            )
        return Boto3CredentialProvider(session), session.region_name or ""
    except BotoCoreError as error:
        raise ConfigurationError(f"KAZU_S3_PROFILE: {error}") from None


@contextmanager
def explained(what: str) -> Generator[None]:
    """Turn what a store says into an error that names the place and what to do.

    What the server sent is not passed on: it may repeat the key of whoever asked.

    Raises:
        FileNotFoundError: there is no such object, in a bucket that is there.
        LostRaceError: a condition does not hold.
        StorageUnreachableError: nobody answered.
        StorageError: anything else.
    """
    from obstore import exceptions as said

    try:
        yield
    except (said.AlreadyExistsError, said.PreconditionError):
        raise LostRaceError(f"{what}: another writer was faster; compute again.") from None
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            raise _no_bucket(what) from None
        raise FileNotFoundError(f"{what} is not there.") from None
    except (said.PermissionDeniedError, said.UnauthenticatedError) as error:
        raise StorageError(
            f"{what}: access denied ({_code_of(str(error))}); check the credentials (AWS_* "
            "variables, KAZU_S3_PROFILE, or the role of this machine) and that they may get, put, "
            "delete and list there: docs/storage.md."
        ) from None
    except said.BaseError as error:
        raise _other(what, str(error)) from None


def _no_bucket(what: str) -> StorageError:
    return StorageError(
        f"{what}: there is no such bucket; make it, or correct KAZU_STORAGE_URL "
        "(and KAZU_S3_ENDPOINT_URL, if it is not at AWS)."
    )


def _other(what: str, text: str) -> StorageError:
    code, status = _code_of(text), _STATUS.search(text)
    if code == "NoSuchBucket":
        return _no_bucket(what)
    if code in _NO_CONDITIONS or (status and status[1] == "501"):
        return no_conditions(what)
    if "incorrectly configured region" in text:
        return StorageError(f"{what}: the bucket is in another region; set KAZU_S3_REGION.")
    if status is None or status[1].startswith("5") or status[1] == "429":
        why = f"answers {status[1]} {code}" if status else "does not answer"
        return StorageUnreachableError(
            f"{what}: the storage {why}; check KAZU_S3_ENDPOINT_URL, KAZU_S3_REGION and the "
            "network, or try again later."
        )
    return StorageError(f"{what}: the storage refuses with {status[1]} {code}.")


def no_conditions(what: str) -> StorageError:
    """The error of a store that cannot keep two writers apart."""
    return StorageError(
        f"{what}: this storage does not honour If-Match and If-None-Match of a PUT, so that two "
        "writers could overwrite each other; use one that does: AWS S3, MinIO or Ceph of a recent "
        "version."
    )


def _code_of(text: str) -> str:
    found = _CODE.search(text)
    return found[1] if found else "no reason given"
