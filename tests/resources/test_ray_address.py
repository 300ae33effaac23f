"""A Ray cluster on loopback that asks for a token, and the platform connected to it by address."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.ray_head import clean_environment, head, new_token

if TYPE_CHECKING:
    from collections.abc import Generator

PROGRAM = Path(sys.executable).parent / "kazu-platform"


@pytest.fixture
def token(tmp_path: Path) -> Path:
    return new_token(tmp_path / "token")


@pytest.fixture
def short_folder() -> Generator[Path]:
    """Sockets lie in it, whose paths may have 107 bytes."""
    import tempfile

    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "ray"


CODE = """
import sys
sys.path.insert(0, {folder!r})
import test_ray as steps
import ray, ray.cloudpickle
ray.cloudpickle.register_pickle_by_value(steps)
for address in sys.stdin:
    compute = steps.compute_of(mode="address", address=address.strip(), token_path={token!r})
    work = compute.run(steps.Obedient(), [steps.passages_of(["fine", "exit", "fine"])], file="own")
    outcomes = list(work)
    with compute.held():
        one = [steps.passages_of(["fine"])]
        held = [compute.run(steps.Obedient(), one, file="own") for _ in range(2)]
        assert all(steps.ids(list(each)) == ["PMID:0"] for each in held)
    started = [each.account.workers_started for each in held]
    left = ray.is_initialized()
    print(*steps.ids(outcomes), *steps.reasons(outcomes).items(), *started, left, flush=True)
"""


def driver(token: Path) -> subprocess.Popen[str]:
    """A process that does a partition on each address that it is told, and two that are held."""
    code = CODE.format(folder=str(Path(__file__).parent), token=str(token))
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=clean_environment(),
    )


def test_a_cluster_may_stop_and_start_between_partitions_of_which_two_run_at_once(
    token: Path, short_folder: Path
):
    answers: list[str] = []
    with driver(token) as one, driver(token) as other:
        both = (one, other)
        for number in range(2):
            with head(short_folder.with_name(f"ray{number}"), token) as address:
                for each in both:
                    assert each.stdin is not None
                    each.stdin.write(f"{address}\n")
                    each.stdin.flush()
                answers += [each.stdout.readline() for each in both if each.stdout is not None]
        for each in both:
            assert each.stdin is not None
            each.stdin.close()

    assert answers == ["PMID:0 PMID:2 ('PMID:1', 'crash') 1 0 False\n"] * 4


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_sample_materialises_on_a_cluster_at_an_address(
    token: Path, tmp_path: Path, short_folder: Path
):
    with head(short_folder, token) as address:
        environment = clean_environment() | {
            "KAZU_HOME": str(tmp_path / "home"),
            "KAZU_COMPUTE": "address",
            "KAZU_RAY_ADDRESS": address,
            "KAZU_RAY_TOKEN_PATH": str(token),
        }
        other = new_token(tmp_path / "other")
        with driver(other) as refused:
            assert refused.stdin is not None
            refused.stdin.write(f"{address}\n")
            refused.stdin.close()
            done = subprocess.run(
                [str(PROGRAM), "demo"],
                env=environment,
                capture_output=True,
                text=True,
                timeout=580,
                check=False,
            )
            assert refused.stdout is not None
            said = refused.stdout.read()
            refused.wait(120)

    assert done.returncode == 0, done.stderr
    assert "17 ontologies, 6 PubMed files" in done.stdout
    assert "1,728" in done.stdout
    assert refused.returncode != 0
    assert "PMID:0" not in said


OTHER_VERSION = {
    "wordfreq.py": "__version__ = '0.0.1'\n",
    "wordfreq-0.0.1.dist-info/METADATA": "Metadata-Version: 2.1\nName: wordfreq\nVersion: 0.0.1\n",
}
VERSIONS = """
import sys
sys.path.insert(0, {folder!r})
import pyarrow as pa
import test_ray as steps
import ray.cloudpickle
from importlib.metadata import version
ray.cloudpickle.register_pickle_by_value(steps)

class Versions(steps.Obedient):
    def read(self, passages):
        from importlib.metadata import version
        found = [version("wordfreq")] * len(passages)
        return pa.table({{"doc_id": passages["doc_id"], "found": found}})

ray.cloudpickle.register_pickle_by_value(sys.modules["__main__"])
own = {{"env_vars": {{"PYTHONPATH": {other!r}}}}}
compute = steps.compute_of(runtime_envs={{"other": own}}, timeout_seconds=200)
for name in ("plain", "other", "plain"):
    for outcome in compute.run(Versions(name), [steps.passages_of(["fine"])], file="own"):
        print(name, *outcome.rows["found"].to_pylist(), flush=True)
print("here", version("wordfreq"))
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_step_in_an_environment_of_its_own_runs_beside_the_main_one(tmp_path: Path):
    """It has another version of a package that the platform itself uses."""
    from importlib.metadata import version

    for name, text in OTHER_VERSION.items():
        path = tmp_path / "other" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    code = VERSIONS.format(folder=str(Path(__file__).parent), other=str(tmp_path / "other"))

    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )

    main = version("wordfreq")
    assert main != "0.0.1"
    assert done.stdout.splitlines() == [
        f"plain {main}",
        "other 0.0.1",
        f"plain {main}",
        f"here {main}",
    ], done.stderr
