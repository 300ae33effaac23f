"""Fixtures that several rooms share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def steps_run_inline_and_no_model_reads() -> Iterator[None]:
    """Ray takes seconds to start, and a model finds what it learnt; what is about them says so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAZU_COMPUTE", os.environ.get("KAZU_COMPUTE", "inline"))
        patch.setenv("KAZU_DETECTOR", "dictionary")
        yield


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real development data; absent on a user's machine."""
    folder = os.environ.get("KAZU_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("KAZU_TEST_DATA names no folder of development data")
    return Path(folder)


@pytest.fixture(scope="session")
def sample_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A KAZU_HOME with the embedded sample, all of it materialised once; nobody may change it.

    Dagster's own records of the runs are not in it: they were kept in memory.
    """
    import dagster as dg

    from assets.runs import Graph, materialise_everything
    from kazu_platform.definitions import build_assets, build_resources
    from kazu_platform.settings import Settings

    settings = Settings(home=tmp_path_factory.mktemp("sample") / "home", sources="sample")  # pyright: ignore[reportCallIssue]
    resources = build_resources(settings)
    with dg.DagsterInstance.ephemeral() as instance:
        summary = materialise_everything(
            Graph(build_assets(settings.catalogue()), resources, instance), resources["sources"]
        )
    assert summary.failed == []
    return settings.home


@pytest.fixture
def own_home(sample_home: Path, tmp_path: Path) -> Path:
    """A copy of the materialised sample, to do with as a test likes."""
    from kazu_platform.storage.lake import Lake
    from kazu_platform.storage.warehouse import build_warehouse

    home = shutil.copytree(sample_home, tmp_path / "home")
    build_warehouse(Lake(home / "lake"), home / "warehouse.duckdb")  # it names files by full path
    return home
