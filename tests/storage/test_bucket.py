"""A bucket as a store: conditions hold, what is fetched is whole, and errors say what to do."""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from kazu_platform.errors import (
    ConfigurationError,
    LakeError,
    LostRaceError,
    StorageError,
    StorageUnreachableError,
)
from kazu_platform.storage.bucket import BucketStore
from kazu_platform.storage.cache import Cache
from kazu_platform.storage.s3 import Place, S3Access
from kazu_platform.storage.store import Wanted
from kazu_platform.tables import CITATIONS, DELETIONS
from tests.s3_server import application, served
from tests.storage.conftest import bucket_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

    import pyarrow as pa

    from kazu_platform.storage.lake import Lake
    from kazu_platform.storage.places import Bucket


def deletions(pmid: int) -> pa.Table:
    return DELETIONS.from_rows([{"pmid": pmid, "version": None, "file": "f", "position": 0}])


def client(server: str) -> Any:  # noqa: ANN401 - boto3 makes its classes up as it goes
    return boto3.client("s3", endpoint_url=server, region_name="us-east-1")


def key_of(lake: Lake, partition: str = "a") -> str:
    return f"deletions/{partition}/{lake.pointer(DELETIONS, partition).generation}.parquet"


def test_of_two_who_read_the_same_one_writes(bucket: Bucket):
    store = bucket.store("lake")
    store.replace("a/live.json", b"1", expected=None)
    with pytest.raises(LostRaceError, match="another writer was faster"):
        store.replace("a/live.json", b"2", expected=None)
    seen = store.read("a/live.json")
    assert seen is not None

    store.replace("a/live.json", b"3", expected=seen.etag)

    for change in (
        lambda: store.replace("a/live.json", b"4", expected=seen.etag),
        lambda: store.remove("a/live.json", expected=seen.etag),
    ):
        with pytest.raises(LostRaceError):
            change()
    now = store.read("a/live.json")
    assert now is not None
    assert now.body == b"3"


def test_what_was_removed_can_be_written_once_again(bucket: Bucket):
    store = bucket.store("lake")
    store.replace("a/live.json", b"1", expected=None)
    seen = store.read("a/live.json")
    assert seen is not None

    store.remove("a/live.json", expected=seen.etag)
    assert store.read("a/live.json") is None

    store.replace("a/live.json", b"2", expected=None)
    with pytest.raises(LostRaceError):
        store.replace("a/live.json", b"3", expected=None)


def test_a_write_whose_answer_was_lost_counts(s3_url: str, tmp_path: Path):
    """The client asks again, and finds that the condition no longer holds: by its own doing."""
    inner, lost = application(), []

    def forgetful(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = inner(environ, start_response)
        if environ["REQUEST_METHOD"] == "PUT" and "live" in environ["PATH_INFO"] and not lost:
            lost.append(environ["PATH_INFO"])
            start_response("503 Slow Down", [("Content-Length", "0")])
            return []
        return answer

    with served(forgetful) as server:
        store = bucket_at(s3_url, server, tmp_path).store("lake")
        store.replace("a/live.json", b"1", expected=None)

        assert lost
        found = store.read("a/live.json")
        assert found is not None
        assert found.body == b"1"


def test_a_store_that_ignores_conditions_is_refused(s3_url: str, tmp_path: Path):
    inner = application()

    def careless(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ.pop("HTTP_IF_MATCH", None)
        environ.pop("HTTP_IF_NONE_MATCH", None)
        return inner(environ, start_response)

    with served(careless) as server:
        lake = bucket_at(s3_url, server, tmp_path).lake()

        with pytest.raises(StorageError, match="does not honour If-Match and If-None-Match"):
            lake.write(DELETIONS, deletions(1), partition="a")
        assert lake.live(DELETIONS, "a") is None


def test_a_store_that_says_it_has_no_conditions_is_refused(s3_url: str, tmp_path: Path):
    inner = application()

    def honest(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "PUT":
            body = b"<Error><Code>NotImplemented</Code></Error>"
            start_response("501 Not Implemented", [("Content-Length", str(len(body)))])
            return [body]
        return inner(environ, start_response)

    with served(honest) as server:
        store = bucket_at(s3_url, server, tmp_path).store("lake")

        with pytest.raises(StorageError, match="does not honour If-Match"):
            store.replace("a/live.json", b"1", expected=None)


def test_a_missing_bucket_is_named(s3_server: str, tmp_path: Path):
    store = bucket_at("s3://no-such-bucket/kazu", s3_server, tmp_path).store("lake")

    asked: tuple[Callable[[], object], ...] = (
        lambda: store.read("a/live.json"),
        lambda: list(store.entries()),
        lambda: store.replace("a/live.json", b"1", expected=None),
    )
    for ask in asked:
        with pytest.raises(StorageError, match=r"s3://no-such-bucket/.*there is no such bucket"):
            ask()


def test_access_that_is_denied_says_so_and_tells_no_key(
    s3_url: str, s3_server: str, tmp_path: Path
):
    name = Place.of(s3_url).bucket
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": ["s3:PutObject", "s3:GetObject"],
                "Resource": f"arn:aws:s3:::{name}/*",
            }
        ],
    }
    client(s3_server).put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    store = bucket_at(s3_url, s3_server, tmp_path).store("lake")

    with pytest.raises(StorageError, match="access denied"):
        store.read("a/live.json")


def test_an_unknown_key_is_not_repeated(s3_url: str, tmp_path: Path):
    def strict(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = (
            b"<Error><Code>InvalidAccessKeyId</Code><Message>No such key.</Message>"
            b"<AWSAccessKeyId>of-tests</AWSAccessKeyId></Error>"
        )
        start_response("403 Forbidden", [("Content-Length", str(len(body)))])
        return [body]

    with served(strict) as server:
        store = bucket_at(s3_url, server, tmp_path).store("lake")

        with pytest.raises(StorageError, match=r"access denied \(InvalidAccessKeyId\)") as caught:
            store.read("a/live.json")
    assert "of-tests" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_server_that_does_not_answer_may_do_so_later(s3_url: str, tmp_path: Path):
    store = bucket_at(s3_url, "http://127.0.0.1:9", tmp_path).store("lake")

    with pytest.raises(StorageUnreachableError, match="does not answer; check KAZU_S3_ENDPOINT"):
        store.read("a/live.json")


@pytest.mark.parametrize(
    "url", ["s3://", "s3://b", "s3://Bucket/x", "s3://bucket/../x", "s3://bucket/a b", "s3:/bucket"]
)
def test_a_url_that_is_no_place_is_refused(url: str, tmp_path: Path):
    with pytest.raises(ConfigurationError, match="is no place on S3"):
        bucket_at(url, "", tmp_path).store("lake")


def test_a_profile_that_does_not_exist_is_named(s3_url: str, tmp_path: Path):
    place = Place.of(s3_url)
    store = BucketStore(place, S3Access(profile="nobody"), tmp_path, Cache(tmp_path))

    with pytest.raises(ConfigurationError, match=r"KAZU_S3_PROFILE: .*\(nobody\)"):
        store.read("a/live.json")


def test_another_machine_reads_what_was_written(
    bucket: Bucket, s3_url: str, s3_server: str, tmp_path: Path
):
    for number in range(30):
        bucket.lake().write(DELETIONS, deletions(number), partition=f"p{number}")

    other = bucket_at(s3_url, s3_server, tmp_path / "other").lake()

    assert other.read(DELETIONS)["pmid"].to_pylist() == list(range(30))
    assert len(list(other.root.rglob("*.parquet"))) == 30
    assert other.scan(DELETIONS).collect().height == 30


def test_a_machine_fetches_a_file_once(s3_url: str, s3_server: str, tmp_path: Path):
    bucket_at(s3_url, s3_server, tmp_path / "writer").lake().write(
        DELETIONS, deletions(7), partition="a"
    )
    inner, asked = application(), []

    def counting(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].endswith(".parquet"):
            asked.append(environ["REQUEST_METHOD"])
        return inner(environ, start_response)

    with served(counting) as server:
        readers = [bucket_at(s3_url, server, tmp_path / "reader").lake() for _ in range(4)]
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(lambda lake: lake.read(DELETIONS, "a").num_rows, readers))

    assert found == [1, 1, 1, 1]
    assert asked == ["GET"]


def test_an_object_that_is_not_what_its_pointer_says_is_refused(
    bucket: Bucket, s3_url: str, s3_server: str, tmp_path: Path
):
    """Bytes of the same number: the hash of the rows tells."""
    lake = bucket.lake()
    lake.write(DELETIONS, deletions(7), partition="a")
    key, place = key_of(lake), Place.of(s3_url)
    body = bytearray((lake.root / key).read_bytes())
    body[40] ^= 0x10
    client(s3_server).put_object(Bucket=place.bucket, Key=f"{place.prefix}/lake/{key}", Body=body)
    other = bucket_at(s3_url, s3_server, tmp_path / "other").lake()

    with pytest.raises(LakeError, match="is not the file of"):
        other.read(DELETIONS, "a")
    assert not list(other.root.rglob("*.parquet"))
    assert lake.read(DELETIONS, "a").num_rows == 1


def test_an_object_that_is_gone_is_named(
    bucket: Bucket, s3_url: str, s3_server: str, tmp_path: Path
):
    lake = bucket.lake()
    lake.write(DELETIONS, deletions(7), partition="a")
    lake.store.delete(key_of(lake))

    with pytest.raises(LakeError, match=r"s3://.* is named by a pointer and is not there"):
        bucket_at(s3_url, s3_server, tmp_path / "other").lake().read(DELETIONS, "a")


def test_a_damaged_pointer_is_named(bucket: Bucket):
    lake = bucket.lake()
    lake.write(DELETIONS, deletions(7), partition="a")
    seen = lake.store.read("deletions/a/live.json")
    assert seen is not None
    lake.store.replace("deletions/a/live.json", b"{", expected=seen.etag)

    with pytest.raises(LakeError, match=r"s3://.*/deletions/a/live\.json is no pointer"):
        lake.read(DELETIONS, "a")


def test_garbage_is_what_nobody_names_and_has_been_so_for_long(bucket: Bucket):
    lake = bucket.lake()
    old = lake.write(DELETIONS, deletions(1), partition="a").path
    new = lake.write(DELETIONS, deletions(2), partition="a").path
    ages = {lake.store.uri(entry.key): entry.modified_at for entry in lake.store.entries()}

    assert ages[old] >= ages[new] - timedelta(seconds=1)  # it was live a moment ago
    assert lake.collect_garbage(older_than=timedelta(hours=1)).n_files == 0
    in_an_hour = timedelta(hours=-1)  # as if it were then
    assert lake.collect_garbage(older_than=in_an_hour, keep={old}).n_files == 0
    assert lake.collect_garbage(older_than=in_an_hour).n_files == 1
    assert lake.read(DELETIONS, "a")["pmid"].to_pylist() == [2]
    left = [entry.key for entry in lake.store.entries("deletions")]
    assert sorted(left) == sorted(["deletions/a/live.json", key_of(lake)])


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/etc/passwd", "", "a\0b"])
def test_a_key_cannot_lead_out_of_the_cache(bucket: Bucket, key: str):
    with pytest.raises(LakeError, match="is no key of a store"):
        bucket.store("lake").here([Wanted(key, 1, lambda _: True)])


def test_the_cache_is_looked_through_now_and_then(bucket: Bucket):
    lake = bucket.lake()
    small = Cache(bucket.cache.root, limit_bytes=1)
    paths: list[Path] = []
    for name in ("a", "b"):
        lake.write(DELETIONS, deletions(1), partition=name)
        paths.append(lake.root / key_of(lake, name))
        os.utime(paths[-1], (1, 1))
        small.tidy()

    assert [path.exists() for path in paths] == [False, True]


def test_what_was_not_used_for_longest_leaves_the_cache(bucket: Bucket):
    lake = bucket.lake()
    for name in ("a", "b", "c"):
        lake.write(DELETIONS, deletions(1), partition=name)
    paths = {name: lake.root / key_of(lake, name) for name in ("a", "b", "c")}
    for hours, name in ((5, "b"), (4, "a"), (0, "c")):
        then = time.time() - hours * 3600
        os.utime(paths[name], (then, paths[name].stat().st_mtime))
    folder = bucket.cache.root / "models" / "ner" / "upload"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_bytes(b"x")
    os.utime(folder / "manifest.json", (1, 1))
    size = paths["a"].stat().st_size

    gone = Cache(bucket.cache.root, limit_bytes=2 * size).trim()

    assert gone == size + 1
    assert not folder.exists()
    assert [name for name, path in paths.items() if path.exists()] == ["a", "c"]
    assert Cache(bucket.cache.root, limit_bytes=1).trim() == size  # what was just used stays
    assert lake.read(DELETIONS, "b").num_rows == 1


def test_a_lake_can_be_copied_to_a_bucket(corpus: Lake, bucket: Bucket):
    store = bucket.store("lake")
    for path in corpus.root.rglob("*"):
        if path.is_file() and path.suffix in {".json", ".parquet"}:
            store.upload(path.relative_to(corpus.root).as_posix(), path)

    copy = bucket.lake()

    assert copy.read(CITATIONS) == corpus.read(CITATIONS)
    copy.write(DELETIONS, deletions(7), partition="a")
    assert copy.partitions(DELETIONS) == ["a", "pubmed26n0002"]
