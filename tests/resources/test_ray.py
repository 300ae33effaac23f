"""Documents that kill their workers, on a real Ray with real processes."""

from __future__ import annotations

import ctypes
import ipaddress
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from kazu_platform.errors import (
    ComputeError,
    ConfigurationError,
    LostClusterError,
    NoClusterError,
    NoWorkerError,
)
from kazu_platform.tables import PASSAGES
from resources import compute as compute_module
from resources import ray_cluster, ray_start
from resources.compute import ComputeResource
from resources.ray_cluster import cluster_of
from resources.ray_start import RayOptions
from resources.ray_worker import LAST_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kazu_platform.execution.steps import Outcome

ROWS = pa.schema([("doc_id", pa.string()), ("process", pa.int64())])


@dataclass(frozen=True)
class Obedient:
    """Does what the texts say, to itself."""

    name: str = "obedient"
    version: str = "1"
    log: str = ""

    def open(self) -> Callable[[pa.Table], pa.Table]:
        if self.name == "unwilling":
            raise OSError("there is no model here")
        if self.name == "mortal":
            os._exit(1)
        if self.name == "only the first opens":
            try:
                Path(f"{self.log}.opened").touch(exist_ok=False)
            except FileExistsError:
                time.sleep(10_000)
        return self.read

    def read(self, passages: pa.Table) -> pa.Table:
        for text in passages["text"].to_pylist():
            _obey(text)
        if self.log:
            with Path(self.log).open("a", encoding="utf-8") as file:
                file.writelines(f"{doc_id}\n" for doc_id in passages["doc_id"].to_pylist())
        process = pa.array([os.getpid()] * passages.num_rows, pa.int64())
        return pa.table([passages["doc_id"].cast(pa.string()), process], schema=ROWS)


def _obey(text: str) -> None:
    if text == "exit":
        os._exit(0)
    elif text == "segfault":
        ctypes.string_at(0)
    elif text == "hang":
        time.sleep(10_000)
    elif text == "raise":
        raise ValueError("a bad document")
    elif text == "huge":
        bytearray(2**44)
    elif text == "grow":
        blocks: list[bytearray] = []
        while True:
            blocks.append(bytearray(2**22))
    elif text.startswith("sleep"):
        time.sleep(float(text.split()[1]))


POISONS = {
    "exit": "crash",
    "segfault": "crash",
    "hang": "timeout",
    "raise": "error",
    "huge": "out_of_memory",
    "grow": "out_of_memory",
}


def passages_of(texts: list[str]) -> pa.Table:
    return PASSAGES.from_rows(
        [
            {
                "doc_id": f"PMID:{number}",
                "content_hash": f"{number:024x}",
                "section": 0,
                "name": "abstract",
                "text": text,
                "sentences": [],
            }
            for number, text in enumerate(texts)
        ]
    )


def compute_of(**changed: object) -> ComputeResource:
    plain: dict[str, Any] = {
        "mode": "local",
        "workers": 2,
        "memory_mib": 400,
        "batch_characters": 64,
        "timeout_seconds": 5.0,
    }
    plain.update(changed)
    return ComputeResource(**plain)


def ids(outcomes: list[Outcome]) -> list[str]:
    return [doc_id for outcome in outcomes for doc_id in outcome.rows["doc_id"].to_pylist()]


def reasons(outcomes: list[Outcome]) -> dict[str, str]:
    return {
        row["doc_id"]: row["reason"]
        for outcome in outcomes
        for row in outcome.set_aside.to_pylist()
    }


@pytest.fixture(autouse=True)
def travelling_steps() -> Iterator[None]:
    """Workers cannot import this module: what is defined here goes to them by value."""
    import ray.cloudpickle

    module = sys.modules[__name__]
    ray.cloudpickle.register_pickle_by_value(module)
    yield
    ray.cloudpickle.unregister_pickle_by_value(module)


def test_each_poison_is_named_with_its_reason_and_costs_only_itself():
    texts = ["fine"] * 100
    where = dict(zip((0, 13, 14, 50, 77, 99), POISONS, strict=True))
    for at, poison in where.items():
        texts[at] = poison

    work = compute_of().run(Obedient(), [passages_of(texts)], file="own")
    outcomes = list(work)

    assert ids(outcomes) == [f"PMID:{n}" for n in range(100) if n not in where]
    assert reasons(outcomes) == {f"PMID:{n}": POISONS[text] for n, text in where.items()}
    details = {r["doc_id"]: r["detail"] for o in outcomes for r in o.set_aside.to_pylist()}
    assert details["PMID:50"] == "ValueError: a bad document"
    assert details["PMID:14"] == "no answer in 5.0 s"
    assert details["PMID:99"].endswith("MiB, more than 400")
    assert work.account.documents == 100
    assert work.account.set_aside == 6
    assert work.account.timeouts <= 5 + 1


def test_what_a_hundred_documents_make_is_the_same_inline():
    passages = passages_of([f"fine {number}" for number in range(100)])

    outcomes = list(compute_of().run(Obedient(), [passages], file="own"))
    inline = list(compute_of(mode="inline").run(Obedient(), [passages], file="own"))

    assert ids(outcomes) == ids(inline) == passages["doc_id"].to_pylist()
    assert [o.rows.num_rows for o in outcomes] == [o.rows.num_rows for o in inline]


def test_warm_workers_are_used_again_and_as_few_as_are_needed():
    compute = compute_of()
    # A worker is known by the bytes of its step, and those of what goes by value differ once.
    list(compute.run(Obedient(), [passages_of(["fine"])], file="zero"))

    first = compute.run(Obedient("warm"), [passages_of(["fine"])], file="one")
    processes = {p for o in first for p in o.rows["process"].to_pylist()}
    second = compute.run(Obedient("warm"), [passages_of(["fine"])], file="two")
    again = {p for o in second for p in o.rows["process"].to_pylist()}

    assert (first.account.workers_started, second.account.workers_started) == (1, 0)
    assert processes == again
    assert os.getpid() not in processes


def test_workers_of_several_steps_stay_warm_as_long_as_there_is_room():
    compute = compute_of(workers=2)
    list(compute.run(Obedient(), [passages_of(["fine"])], file="zero"))

    def started(name: str) -> int:
        work = compute.run(Obedient(name), [passages_of(["fine"])], file=name)
        list(work)
        return work.account.workers_started

    assert [started(name) for name in ("a", "b", "a", "b")] == [1, 1, 0, 0]
    assert started("c") == 1  # in the place of a, which was used before b
    assert [started(name) for name in ("b", "c", "a")] == [0, 0, 1]
    assert _soon(lambda: len(_workers_of(os.getpid())) == 2)


def test_workers_that_answered_in_time_are_not_late_because_nobody_asked():
    work = compute_of(timeout_seconds=6.0).run(
        Obedient(), [passages_of(["fine"] * 16 * 6)], file="own"
    )
    outcomes = iter(work)

    done = ids([next(outcomes)])
    time.sleep(7)
    done += ids(list(outcomes))

    assert done == [f"PMID:{n}" for n in range(16 * 6)]
    assert (work.account.timeouts, work.account.deaths) == (0, 0)


def test_what_was_said_of_an_end_is_read_once_and_not_kept():
    compute = compute_of(workers=1, timeout_seconds=100)
    work = compute.run(Obedient(), [passages_of(["grow"])], file="own")
    assert list(reasons(list(work)).values()) == ["out_of_memory"]

    from ray.experimental.internal_kv import _internal_kv_list

    assert _internal_kv_list(b"", namespace=LAST_WORDS) == []


def test_all_of_it_listens_on_loopback_alone():
    list(compute_of().run(Obedient(), [passages_of(["fine"])], file="own"))

    heard = {address for process in _children(os.getpid()) for address in _listening(process)}

    assert heard
    assert all(address.is_loopback for address in heard)


def test_nothing_starts_that_nobody_asks():
    """No dashboard, autoscaler or reader of logs: they took half of the time of a start."""
    compute = compute_of()
    compute.close()
    old = _children(os.getpid())
    list(compute.run(Obedient(), [passages_of(["fine"])], file="own"))

    commands = {_command(process) for process in _children(os.getpid()) - old} - {""}

    def is_asked_for(command: str) -> bool:
        is_worker = command.startswith("ray::") or "/default_worker.py" in command
        return is_worker or _program(command) in {"gcs_server", "raylet"}

    assert {_program(each) for each in commands} >= {"gcs_server", "raylet"}
    assert [each for each in commands if not is_asked_for(each)] == []


def test_a_step_that_cannot_be_opened_says_why():
    work = compute_of().run(Obedient("unwilling"), [passages_of(["fine"])], file="own")

    with pytest.raises(ComputeError, match="unwilling own: OSError: there is no model here"):
        list(work)


def test_a_pool_whose_last_worker_died_does_not_wait_for_ever(tmp_path: Path):
    """Others never open the step; a later run may have more luck."""
    compute = compute_of(start_seconds=15, timeout_seconds=600)
    step = Obedient("only the first opens", log=str(tmp_path / "log"))

    work = compute.run(step, [passages_of(["fine"] * 64 + ["exit"] + ["fine"] * 63)], file="own")

    with pytest.raises(NoWorkerError, match="no worker had opened the step after 1. s"):
        list(work)
    assert work.account.documents >= 16


def test_more_than_the_cluster_has_is_never_to_be_had():
    work = compute_of(start_seconds=2, gpus=1e3).run(
        Obedient("big"), [passages_of(["fine"])], file="own"
    )

    with pytest.raises(ComputeError, match="1000 GPU .* has not as much") as failed:
        list(work)
    assert not isinstance(failed.value, NoWorkerError)


def test_workers_that_die_while_opening_are_no_documents_fault():
    work = compute_of().run(Obedient("mortal"), [passages_of(["fine"])], file="own")

    with pytest.raises(ComputeError, match="3 workers died before they had opened the step"):
        list(work)


def test_a_step_that_always_dies_ends_within_its_budget():
    compute = compute_of(consecutive_deaths=4)

    work = compute.run(Obedient(), [passages_of(["exit"] * 64)], file="own")

    with pytest.raises(ComputeError, match="obedient own: 5 workers died one after the other"):
        list(work)


def test_a_run_that_is_let_go_leaves_no_worker_at_work():
    compute = compute_of(timeout_seconds=600)
    outcomes = iter(
        compute.run(Obedient(), [passages_of(["fine"] * 16 + ["sleep 500"] * 16)], file="own")
    )
    process = next(outcomes).rows["process"].to_pylist()[0]
    before = _workers_of(os.getpid())

    outcomes.close()  # pyright: ignore[reportAttributeAccessIssue]

    assert process in before
    assert _soon(lambda: len(_workers_of(os.getpid()) & before) < len(before))


def test_a_ray_that_a_thread_started_outlives_it_until_it_is_closed():
    """Linux ends processes with the thread that started them, not with its process."""
    compute = compute_of()
    compute.close()
    old = _children(os.getpid())

    thread = threading.Thread(
        target=lambda: list(compute.run(Obedient(), [passages_of(["fine"])], file="own"))
    )
    thread.start()
    thread.join()
    before = _children(os.getpid()) - old
    time.sleep(1)

    assert len(before) >= 4
    assert all(map(_runs, before))
    compute.close()
    assert _soon(lambda: not any(map(_runs, before)))


def ray_goes_away_between_two_partitions() -> None:
    compute = compute_of()
    list(compute.run(Obedient(), [passages_of(["fine"])], file="one"))

    _end_ray()
    outcomes = list(compute.run(Obedient(), [passages_of(["fine", "fine"])], file="two"))

    assert ids(outcomes) == ["PMID:0", "PMID:1"]


def ray_goes_away_during_a_partition() -> None:
    with tempfile.TemporaryDirectory() as folder:
        compute = compute_of(timeout_seconds=600, unfinished=folder)
        texts = ["fine"] * 16 + ["sleep 500"] * 16
        outcomes = iter(compute.run(Obedient(), [passages_of(texts)], file="own"))
        next(outcomes)
        _end_ray()

        with pytest.raises(LostClusterError, match="the next run starts another"):
            list(outcomes)

        again = compute.run(Obedient(), [passages_of(texts[:16] + ["fine"] * 16)], file="own")
        assert ids(list(again)) == [f"PMID:{n}" for n in range(32)]
        assert again.account.documents_reused >= 16


def ray_goes_away_during_a_second_try() -> None:
    compute = compute_of(timeout_seconds=600, workers=1)

    def meddle() -> None:
        first = _at_work(but=set())
        for process in first:
            os.kill(process, signal.SIGKILL)
        _at_work(but=first)
        _end_ray()

    meddler = threading.Thread(target=meddle)
    meddler.start()
    with pytest.raises(LostClusterError, match="the next run starts another"):
        list(compute.run(Obedient(), [passages_of(["sleep 500"])], file="own"))
    meddler.join()


def _at_work(*, but: set[int]) -> set[int]:
    """Workers of this process that have a part, as soon as there are."""
    found = set[int]()

    def there_are() -> bool:
        workers = _workers_of(os.getpid()) - but
        found.update(each for each in workers if _command(each).startswith("ray::Worker.do"))
        return bool(found)

    assert _soon(there_are, seconds=60)
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_ray_that_goes_away_is_no_documents_fault():
    """In a process of its own, because Ray may end one that its cluster went away from.

    What one scene started is what goes away in the next.
    """
    code = SCENE.format(folder=str(Path(__file__).parent), module=Path(__file__).stem)
    for scene in (
        ray_goes_away_between_two_partitions,
        ray_goes_away_during_a_partition,
        ray_goes_away_during_a_second_try,
    ):
        code += f"print({scene.__name__!r}, flush=True)\nsteps.{scene.__name__}()\n"

    # Ray itself ends a process whose cluster is gone for a minute, which a busy machine may need.
    patient = os.environ | {"RAY_gcs_rpc_server_reconnect_timeout_s": "600"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
        env=patient,
    )

    assert done.returncode == 0, done.stdout + done.stderr


SCENE = """
import sys
sys.path.insert(0, {folder!r})
import {module} as steps, ray.cloudpickle
ray.cloudpickle.register_pickle_by_value(steps)
"""

DRIVER = """
import sys
from pathlib import Path
sys.path.insert(0, {folder!r})
import {module} as steps
import ray.cloudpickle
ray.cloudpickle.register_pickle_by_value(steps)
compute = steps.compute_of(unfinished={unfinished!r}, timeout_seconds=600, **{changed!r})
step = steps.Obedient(log={log!r})
work = compute.run(step, [steps.passages_of({texts!r})], file="own")
for outcome in work:
    print(" ".join(outcome.rows["doc_id"].to_pylist()), flush=True)
print("done", work.account.documents_reused, work.account.workers_started, flush=True)
"""


def driver(tmp_path: Path, texts: list[str], **changed: object) -> subprocess.Popen[str]:
    code = DRIVER.format(
        folder=str(Path(__file__).parent),
        module=Path(__file__).stem,
        unfinished=str(tmp_path / "unfinished"),
        log=str(tmp_path / "log"),
        texts=texts,
        changed=changed,
    )
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
    )


TEXTS = ["fine"] * 48 + ["exit"] + ["sleep 3"] + ["fine"] * 50


@dataclass(frozen=True)
class Killed:
    """A driver that was killed, what it had given out, and its Ray's processes, with commands.

    Those at its `leisure` are Ray's agents, which try for a minute to tell the head of the end,
    and workers that were being started, which ask for the head for some twenty seconds.
    """

    folder: Path
    given_out: list[str]
    processes: dict[int, str]
    at_leisure: set[int]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Killed:
    folder = tmp_path_factory.mktemp("killed")
    first = driver(folder, TEXTS)
    assert first.stdout is not None
    given_out = [doc_id for _ in range(3) for doc_id in first.stdout.readline().split()]
    processes = {each: _command(each) for each in _children(first.pid)}
    slow = {each for each in processes if _is_agent(each) or _is_starting(each)}
    first.kill()
    first.wait()
    return Killed(folder, given_out, processes, slow)


def test_a_driver_that_is_killed_takes_its_ray_with_it(killed: Killed):
    ours = killed.processes.keys() - killed.at_leisure

    assert {_program(killed.processes[each]) for each in ours} >= {"gcs_server", "raylet"}
    assert _soon(lambda: not any(map(_runs, ours)))


def test_a_driver_that_was_killed_goes_on_where_it_was(killed: Killed):
    second = driver(killed.folder, TEXTS)
    out, _ = second.communicate(timeout=200)

    *lines, done = out.splitlines()
    rows = [doc_id for line in lines for doc_id in line.split()]
    assert rows == [f"PMID:{n}" for n in range(100) if n != 48]
    reused = int(done.split()[1])
    assert reused >= len(killed.given_out)
    read = (killed.folder / "log").read_text("utf-8").split()
    assert [read.count(doc_id) for doc_id in killed.given_out] == [1] * len(killed.given_out)


def test_a_driver_that_is_interrupted_leaves_no_process(tmp_path: Path):
    process = driver(tmp_path, ["fine"] * 16 + ["sleep 500"] * 16)
    assert process.stdout is not None
    assert process.stdout.readline().split()
    children = _children(process.pid)

    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)

    assert process.returncode != 0
    assert len(children) >= 4
    assert _soon(lambda: not any(map(_runs, children)), seconds=60)


STEP_OF_DAGSTER = """
import sys
sys.path.insert(0, {folder!r})
import dagster as dg
import ray.cloudpickle
import {module} as steps
from resources.compute import ComputeResource

ray.cloudpickle.register_pickle_by_value(steps)

@dg.asset
def reading(compute: ComputeResource) -> None:
    texts = ["fine"] * 16 + ["sleep 500"] * 16
    for outcome in compute.run(steps.Obedient(), [steps.passages_of(texts)], file="own"):
        print("given out", flush=True)

compute = steps.compute_of(timeout_seconds=600)
run = dg.materialize([reading], resources={{"compute": compute}}, raise_on_error=False)
print("success" if run.success else "no success", flush=True)
"""


def test_a_dagster_run_that_is_cancelled_ends_with_its_workers():
    """The UI ends a run as Ctrl-C does: Dagster raises in the step wherever it is."""
    code = STEP_OF_DAGSTER.format(folder=str(Path(__file__).parent), module=Path(__file__).stem)
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "given out\n"
        children = _children(process.pid)

        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=120)

    assert "no success" in rest or process.returncode != 0
    assert len(children) >= 4
    assert _soon(lambda: not any(map(_runs, children)), seconds=60)


@pytest.mark.slow
def test_two_partitions_at_once_do_not_wait_for_each_other(tmp_path: Path):
    both = [
        driver(tmp_path / name, ["fine", "segfault", "sleep 1"] * 3, workers=1)
        for name in ("one", "two")
        if (tmp_path / name).mkdir() is None
    ]

    answers = [process.communicate(timeout=200)[0].splitlines() for process in both]

    for *lines, done in answers:
        rows = [doc_id for line in lines for doc_id in line.split()]
        assert rows == [f"PMID:{n}" for n in range(9) if n % 3 != 1]
        assert done.startswith("done 0")


def test_nothing_of_a_driver_that_was_killed_stays(killed: Killed):
    """Asked late, so that nobody waits for Ray's agents."""
    assert _soon(lambda: not any(map(_runs, killed.processes)), seconds=150)


FOREIGN = """
import os, ray
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=10**8)
before = ray.get_runtime_context().gcs_address
for changed in ({}, {"mode": "address", "address": before}):
    compute = steps.compute_of(**changed)
    with compute.held():
        poisoned = [steps.passages_of(["fine", "exit"])]
        outcomes = list(compute.run(steps.Obedient(), poisoned, file="own"))
        list(compute.run(steps.Obedient(), [steps.passages_of(["fine"])], file="own"))
        assert steps.ray_cluster._HERE.idle
    assert not steps.ray_cluster._HERE.idle
    print(*steps.ids(outcomes), *steps.reasons(outcomes).values(), flush=True)
    assert ray.is_initialized() and ray.get_runtime_context().gcs_address == before
    assert ray.get(ray.remote(lambda: 7).remote()) == 7
try:
    elsewhere = steps.compute_of(mode="address", address="127.0.0.1:1")
    list(elsewhere.run(steps.Obedient(), [steps.passages_of(["fine"])], file="own"))
except steps.ComputeError as error:
    print(error)
steps.compute_of().close()
assert ray.is_initialized()
"""


def test_a_connection_of_somebody_else_is_used_and_left_as_it_is():
    code = SCENE.format(folder=str(Path(__file__).parent), module=Path(__file__).stem)

    done = subprocess.run(
        [sys.executable, "-c", code + FOREIGN],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env=os.environ | {"RAY_AUTH_MODE": "disabled"},
    )

    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith(("PMID", "KAZU"))]
    assert lines[:2] == ["PMID:0 crash"] * 2
    assert lines[2].startswith("KAZU_RAY_ADDRESS: something else connected this process to the Ray")


@pytest.mark.parametrize("wanted", [False, True])
def test_where_no_ray_starts_steps_run_here_unless_ray_was_asked_for(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    *,
    wanted: bool,
):
    def none(_: object) -> None:
        raise OSError("no room\nfor sockets")

    monkeypatch.setattr(ray_cluster, "_HERE", ray_cluster._Connection())
    monkeypatch.setattr(ray_start, "is_connected", lambda: False)
    monkeypatch.setattr(ray_start, "start", none)
    compute = compute_of(inline_without_ray=not wanted, unfinished=str(tmp_path))
    compute.prepare()

    if wanted:
        with pytest.raises(NoClusterError, match="Ray did not start here .no room for sockets.;"):
            list(compute.run(Obedient(), [passages_of(["fine"])], file="own"))
        return
    for file in ("one", "two"):
        work = compute.run(Obedient(), [passages_of(["fine", "raise"])], file=file)
        done = list(work)
        assert (ids(done), reasons(done)) == (["PMID:0"], {"PMID:1": "error"})
        assert work.account.mode == "inline"
    compute.close()
    (warning,) = caplog.messages
    assert warning == (
        "Ray did not start here (no room for sockets); KAZU_COMPUTE=inline does without it. Going "
        "on in this process: a document that crashes or hangs stops it. Ray is tried again in 5 "
        "minutes."
    )


def test_a_ray_that_did_not_start_is_tried_again_after_some_minutes(
    monkeypatch: pytest.MonkeyPatch,
):
    starts: list[str] = []

    def none(_: object) -> None:
        starts.append("tried")
        raise OSError("no room for sockets")

    monkeypatch.setattr(ray_cluster, "_HERE", ray_cluster._Connection())
    monkeypatch.setattr(ray_start, "is_connected", lambda: False)
    monkeypatch.setattr(ray_start, "start", none)
    compute = compute_of(inline_without_ray=True)

    for seconds in (300.0, 300.0, 0.0):
        monkeypatch.setattr(compute_module, "TRY_AGAIN_SECONDS", seconds)
        list(compute.run(Obedient(), [passages_of(["fine"])], file="own"))

    assert len(starts) == 2


@pytest.mark.parametrize(("gives_seconds", "tries"), [(-1.0, 2), (60.0, 1)])
def test_a_start_that_failed_slowly_is_tried_once_more(
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    *,
    gives_seconds: float,
    tries: int,
):
    """As a busy machine has it; where it failed at once, another try would be as quick to fail."""
    starts: list[threading.Thread] = []

    def second_time(_: object) -> None:
        assert not any(thread.is_alive() for thread in starts)
        starts.append(threading.current_thread())
        if len(starts) == 1:
            raise TimeoutError("the node timed out")

    monkeypatch.setattr(ray_start, "start", second_time)
    monkeypatch.setattr(ray_cluster, "SLOW_START_SECONDS", gives_seconds)
    here = ray_cluster._Connection()
    here.begin(RayOptions())

    if tries == 1:
        with pytest.raises(NoClusterError, match="the node timed out"):
            here.wait()
    else:
        here.wait()
        assert here.options == RayOptions()
        assert caplog.messages[0].endswith("without it. It is tried once more.")
        assert here.keeper is not None
        here.keeper.let_go()
    assert len(starts) == tries


def test_whoever_waits_for_a_ray_is_told_that_its_start_left(monkeypatch: pytest.MonkeyPatch):
    def leave(_: object) -> None:
        sys.exit("no more")

    monkeypatch.setattr(ray_start, "start", leave)
    keeper = ray_cluster._Keeper(RayOptions())
    keeper.start()

    assert keeper._began.wait(timeout=20)
    with pytest.raises(NoClusterError, match="Ray did not start here .no more.;"):
        keeper.wait()


def test_an_address_without_a_way_to_authenticate_is_refused(monkeypatch: pytest.MonkeyPatch):
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    compute = ComputeResource(mode="address", address="127.0.0.1:1")

    with pytest.raises(ConfigurationError, match="set KAZU_RAY_TOKEN_PATH to a file"):
        list(compute.run(Obedient(), [passages_of(["fine"])], file="own"))


def test_the_address_of_a_ray_client_is_refused():
    compute = ComputeResource(mode="address", address="ray://head:10001")

    with pytest.raises(ConfigurationError, match="is a Ray client; give .* such as head:6379"):
        list(compute.run(Obedient(), [passages_of(["fine"])], file="own"))


def test_a_token_file_that_is_not_there_is_named(tmp_path: Path):
    cluster = cluster_of(RayOptions(address="127.0.0.1:1", token_path=str(tmp_path / "none")))

    with (
        pytest.raises(ConfigurationError, match="KAZU_RAY_TOKEN_PATH: .*none cannot be read"),
        cluster.connected(),
    ):
        pass


def _end_ray() -> None:
    """Kill the Ray that this process started, as a person might."""
    ends = [p for p in _children(os.getpid()) if _command(p).find("/ray/core/src/ray/") > 0]
    assert len(ends) >= 2
    for process in ends:
        os.kill(process, signal.SIGKILL)
        # One is called a zombie before the last of its threads is gone.
        os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)


def _children(process: int) -> set[int]:
    """All descendants, from /proc."""
    parents: dict[int, int] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with suppress(OSError, ValueError):
                parents[int(path.name)] = int(
                    (path / "stat").read_text().rpartition(")")[2].split()[1]
                )
    found, fresh = set[int](), {process}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return found


def _listening(process: int) -> set[Any]:
    """Addresses that a process accepts connections on, from /proc."""
    with suppress(OSError):
        held = {str(each.readlink()) for each in Path(f"/proc/{process}/fd").iterdir()}
        return {
            _address(local.partition(":")[0])
            for name in ("tcp", "tcp6")
            for _, local, _, state, *_, inode in (
                line.split()[:10] for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
            )
            if state == "0A" and f"socket:[{inode}]" in held
        }
    return set()


def _address(written: str) -> Any:  # noqa: ANN401 - of either family
    """The kernel writes words of four bytes, each the wrong way round."""
    words = bytes.fromhex(written)
    address = ipaddress.ip_address(
        b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
    )
    return getattr(address, "ipv4_mapped", None) or address


def _workers_of(process: int) -> set[int]:
    return {child for child in _children(process) if _command(child).startswith("ray::Worker")}


def _is_agent(process: int) -> bool:
    return _command(process).startswith(("ray::DashboardAgent", "ray::RuntimeEnvAgent"))


def _is_starting(process: int) -> bool:
    """Whether it is a worker that has not told the head of itself yet: then it has another name.

    The raylet is told how to start one.
    """
    command = _command(process)
    return "/default_worker.py" in command and _program(command) != "raylet"


def _program(command: str) -> str:
    return command.partition(" ")[0].rpartition("/")[2]


def _command(process: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def _runs(process: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def _soon(holds: Callable[[], bool], *, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
