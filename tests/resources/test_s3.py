"""Resources on S3: reached as dagster-aws says, no secret in them, opened by workers elsewhere."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from dagster_aws.s3 import S3Resource

from kazu_platform.definitions import build_resources
from kazu_platform.settings import read_settings
from kazu_platform.tables import PASSAGES
from resources.s3 import ComputeOnS3, LakeOnS3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kazu_platform.settings import Settings


@dataclass(frozen=True)
class Parts:
    """Folders of a step, as a linker has them."""

    index: Path
    model: Path | None = None


@dataclass(frozen=True)
class ReadingStep:
    """Opens a file of an artifact."""

    parts: Parts
    name: str = "reading"
    version: str = "1"

    def open(self) -> Callable[[pa.Table], pa.Table]:
        body = (self.parts.index / "names.txt").read_text("utf-8")
        return lambda table: pa.table({"doc_id": table["doc_id"], "body": [body] * len(table)})


@pytest.fixture
def settings(s3_url: str, s3_server: str, tmp_path: Path) -> Iterator[Settings]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAZU_HOME", str(tmp_path / "home"))
        patch.setenv("KAZU_STORAGE_URL", s3_url)
        patch.setenv("KAZU_S3_ENDPOINT_URL", s3_server)
        patch.setenv("KAZU_S3_REGION", "us-east-1")
        yield read_settings()


def test_the_bucket_is_reached_as_dagster_aws_says(settings: Settings):
    resources = build_resources(settings)

    access = resources["s3"]
    assert isinstance(access, S3Resource)
    assert access.endpoint_url == settings.s3_endpoint_url
    buckets = [each["Name"] for each in access.get_client().list_buckets()["Buckets"]]
    lake = resources["lake"]
    assert isinstance(lake, LakeOnS3)
    assert lake.open().url == f"{settings.storage_url}/lake"
    assert (settings.storage_url or "").split("/")[2] in buckets


def test_no_resource_holds_a_secret(settings: Settings):
    assert "of-tests" not in repr(build_resources(settings))


def test_a_worker_that_has_nothing_fetches_what_its_step_opens(settings: Settings):
    resources = build_resources(settings)
    compute, store = resources["compute"], resources["artifacts"].open()
    with store.stage("dictionary") as staged:
        (staged.content / "names.txt").write_text("insulin", "utf-8")
        folder = staged.commit().content
    shutil.rmtree(settings.cache_folder)
    text = {"content_hash": "a", "section": 0, "name": "title", "text": "Aspirin.", "sentences": []}
    passages = PASSAGES.from_rows([{"doc_id": doc_id, **text} for doc_id in ("a", "b")])
    assert isinstance(compute, ComputeOnS3)

    outcomes = list(compute.run(ReadingStep(Parts(folder)), [passages], file="f"))

    assert [row for each in outcomes for row in each.rows["body"].to_pylist()] == ["insulin"] * 2
