"""Fixtures that several rooms share."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.remote import Producer

AHEAD: Final = "e2e/test_production.py"
"""Watches a clock, one step after the other, for minutes: other tests leave it a processor."""
# Files of minutes, the longest first: a file is the work of one process, and the last one that is
# begun should not be long. What waits for other processes stands beside what computes. Ray gives
# its own processes half a minute to start, which tests that give way may not get: they come fourth,
# which of three processes that which has AHEAD, one test, is given next.
ON_RAY: Final = (
    "resources/test_ray.py",
    "resources/test_ray_address.py",
    "resources/test_training.py",
)
ON_A_DEMO: Final = ("commands/test_demo.py", "commands/test_readme.py")
LONG: Final = (
    AHEAD,
    "e2e/test_real_input.py",
    "assets/test_models.py",
    *ON_RAY,
    "e2e/test_browser.py",
    *ON_A_DEMO,
    "e2e/test_concurrency.py",
    "assets/test_reports.py",
    "assets/test_preview.py",
    "assets/test_changed_vocabularies.py",
    "assets/test_indices.py",
    "e2e/test_s3.py",
    "assets/test_quarantine.py",
    "commands/test_detectors.py",
    "commands/test_odd_homes.py",
    "assets/test_curations.py",
    "commands/test_annotate.py",
    "assets/test_bad_files.py",
    "linking/test_difference.py",
)
READ_FROM_FILES = (
    "published_files",
    "citations",
    "deletions",
    "sentences",
    "current_citations",
    "dictionary_mentions",
    "model_mentions",
    "mentions",
    "surfaces",
    "links",
    "pair_counts",
    "nodes",
    "edges",
    "quarantine",
    "partition_metrics",
)
_GIVING_WAY: Final = 10
IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the files of tests, in folders of their own
ENOUGH_MEMORY: Final = 10 * 2**30


def pytest_configure() -> None:
    """Take Ctrl-C, and let tests write to memory, if there is enough.

    Whoever runs the tests in the background may have told them to ignore Ctrl-C, and the processes
    that tests start and interrupt would ignore it too. The lake waits for a disk at each file.
    """
    here = threading.current_thread() is threading.main_thread()
    if here and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if IN_MEMORY.is_dir() and min(shutil.disk_usage(IN_MEMORY).free, _memory()) > ENOUGH_MEMORY:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    here = Path(__file__).parent
    order = {here / name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Give way to what watches a clock, which runs in another process."""
    is_ahead = item.path == Path(__file__).parent / AHEAD
    if "PYTEST_XDIST_WORKER" in os.environ and not is_ahead and os.nice(0) < _GIVING_WAY:
        os.nice(_GIVING_WAY - os.nice(0))


class Scheduling(LoadScopeScheduling):
    """A file is the work of one process, and so are all of ON_RAY, which begin Ray after Ray.

    Three clusters that start at once on two cores keep each other waiting for minutes. What looks
    at a finished demo shares it.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        groups = {"ray": ON_RAY, "demo": ON_A_DEMO}
        own = file.removeprefix("tests/")
        return next((name for name, files in groups.items() if own in files), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Share the files out among processes, with `--dist loadfile`."""
    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def _memory() -> int:
    """Bytes that are to be had."""
    for line in Path("/proc/meminfo").read_text("utf-8").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


# A machine may be busy: how long an example takes says nothing of whether a law holds.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def steps_run_inline_and_no_model_reads() -> Iterator[None]:
    """Ray takes seconds to start, and a model finds what it learnt; what is about them says so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAZU_COMPUTE", os.environ.get("KAZU_COMPUTE", "inline"))
        patch.setenv("KAZU_DETECTOR", "dictionary")
        patch.setenv("KAZU_LINKER", "names")
        yield


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The URL of an S3 server on this machine, with the credentials for it in the environment."""
    from tests.s3_server import application, served

    with pytest.MonkeyPatch.context() as patch, served(application()) as url:
        patch.setenv("AWS_ACCESS_KEY_ID", "of-tests")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-tests")
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield url


@pytest.fixture
def s3_url(s3_server: str) -> str:
    """A prefix of a new bucket."""
    import boto3

    name = f"bucket-{secrets.token_hex(6)}"
    boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1").create_bucket(Bucket=name)
    return f"s3://{name}/kazu"


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

    Dagster's own records of the runs are not in it: they were kept in memory. All processes that
    run tests share it.
    """
    own = tmp_path_factory.getbasetemp()
    together = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    made = together / "sample_home.txt"
    with (together / "sample_home.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            home = _materialised(tmp_path_factory.mktemp("sample") / "home")
            made.write_text(str(home), "utf-8")
    return Path(made.read_text("utf-8"))


def _materialised(home: Path) -> Path:
    import dagster as dg

    from assets.runs import Graph, materialise_everything
    from kazu_platform.definitions import build_assets, build_resources
    from kazu_platform.settings import Settings

    settings = Settings(home=home, sources="sample")  # pyright: ignore[reportCallIssue]
    resources = build_resources(settings)
    with dg.DagsterInstance.ephemeral() as instance:
        summary = materialise_everything(
            Graph(build_assets(settings.catalogue()), resources, instance), resources["sources"]
        )
    assert summary.failed == []
    return home


@pytest.fixture(scope="session")
def vocabularies_only(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with its vocabularies and indices, and no PubMed file fetched or read."""
    home = shutil.copytree(sample_home, tmp_path_factory.mktemp("vocabularies") / "home")
    for folder in ("raw/pubmed", *(f"lake/{table}" for table in READ_FROM_FILES)):
        shutil.rmtree(home / folder)
    (home / "warehouse.duckdb").unlink()
    return home


@pytest.fixture
def own_home(sample_home: Path, tmp_path: Path) -> Path:
    """A copy of the materialised sample, to do with as a test likes."""
    from kazu_platform.storage.lake import Lake
    from kazu_platform.storage.warehouse import build_warehouse

    home = shutil.copytree(sample_home, tmp_path / "home")
    build_warehouse(Lake(home / "lake"), home / "warehouse.duckdb")  # it names files by full path
    return home
