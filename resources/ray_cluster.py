"""This process's Ray: started here and shared by all steps, or somebody else's by its address.

A cluster started here listens on loopback alone, lives as long as this process and dies with it,
however it dies; workers that are free stay warm for the next partition. At an address we are
guests: connected for the time of a partition, or of several that follow one another at once,
nothing left behind, so that a cluster may be stopped and started in between. Guests, too, where
somebody else connected this process before (a notebook, dagster-ray): that connection is used, and
left as it is. No dashboard and no usage statistics.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from math import inf
from typing import Any

from kazu_platform.errors import (
    RAY_CLIENT,
    ComputeError,
    ConfigurationError,
    LostClusterError,
    NoClusterError,
)
from resources import ray_start
from resources.ray_start import RayOptions

SLOW_START_SECONDS = 20
"""A start that failed after longer may have wanted time: a busy machine may not do in half a minute
what Ray gives no more for."""
_log = logging.getLogger(__name__)


class _Keeper(threading.Thread):
    """Starts a Ray and lives as long as it.

    Linux ends Ray's processes with the *thread* that started them, so it must not be one that
    comes and goes.
    """

    def __init__(self, options: RayOptions) -> None:
        super().__init__(name="ray-keeper", daemon=True)
        self.options = options
        self._began, self._let_go = threading.Event(), threading.Event()
        self._error: BaseException | None = None
        self._seconds = 0.0

    def run(self) -> None:
        """Start it, and stay."""
        begin = time.monotonic()
        try:
            ray_start.start(self.options)
        except BaseException as error:  # noqa: BLE001 - whoever waits is told, of an exit too
            self._error = error
        finally:
            self._seconds = time.monotonic() - begin
            self._began.set()
        if self._error is None:
            self._let_go.wait()

    def wait(self) -> None:
        """Wait until it has started.

        Raises:
            NoClusterError: it did not.
        """
        self._began.wait()
        if self._error is not None:
            raise NoClusterError(
                f"Ray did not start here ({_one_line(self._error)}); KAZU_COMPUTE=inline does "
                "without it."
            ) from self._error

    def failed_slowly(self) -> bool:
        """Whether it did not start, and that took long."""
        return self._error is not None and self._seconds > SLOW_START_SECONDS

    def let_go(self) -> None:
        """It was shut down."""
        self._let_go.set()


@dataclass
class _Connection:
    """What this process is connected to. There is one; threads share it.

    `options` are those of a connection of ours, in use by so many `users` and kept for so many
    `holders`. At `failed_at` (of the monotonic clock) a Ray of our own did not start. `idle` holds
    workers that are free, each with what it has opened, the last used last.
    """

    lock: threading.RLock = field(default_factory=threading.RLock)
    options: RayOptions | None = None
    keeper: _Keeper | None = None
    users: int = 0
    holders: int = 0
    failed_at: float = -inf
    idle: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])

    def begin(self, options: RayOptions) -> _Keeper:
        """Begin to start a Ray here."""
        ray_start.authenticate(options)
        keeper = _Keeper(options)
        keeper.start()
        self.keeper = keeper
        return keeper

    def wait(self, *, again: bool = True) -> None:
        """Wait for a Ray that is being started here, if one is.

        Args:
            again: where that failed slowly, start another.

        Raises:
            NoClusterError: it did not start.
        """
        if self.keeper is None:
            return
        try:
            self._wait_for(self.keeper, again=again)
        except NoClusterError:
            self.keeper, self.failed_at = None, time.monotonic()
            raise
        self.options, self.failed_at = self.keeper.options, -inf

    def _wait_for(self, keeper: _Keeper, *, again: bool) -> None:
        """Wait, for a second one if need be: most of the first ends with its thread."""
        try:
            keeper.wait()
        except NoClusterError as error:
            if not (again and keeper.failed_slowly()):
                raise
            _log.warning("%s It is tried once more.", error)
            keeper.join()
            ray_start.shut_down()  # what is half connected
            self.begin(keeper.options).wait()

    def connect(self, options: RayOptions) -> None:
        """Connect to that Ray.

        Raises:
            NoClusterError: nothing that lets us in is there.
            ConfigurationError: nothing says how to authenticate.
        """
        ray_start.authenticate(options)
        ray_start.connect_to(options.address)
        self.options = options

    def serves(self, options: RayOptions) -> bool:
        """Whether it is there and leads where it should."""
        if not ray_start.is_connected():
            return False
        if self.options is None:
            ray_start.must_be_at(options.address)
            return True
        return self.options.leads_where(options) and (bool(options.address) or ray_start.is_alive())

    def end(self) -> None:
        """Leave what we connected to, and shut down what we started; nothing else."""
        self.idle.clear()  # they end with the connection, whosever it was
        if self.options is None:
            return
        ray_start.shut_down()
        self.options = None
        if self.keeper is not None:
            self.keeper.let_go()
            self.keeper = None


_HERE = _Connection()


@cache
def cluster_of(options: RayOptions) -> Cluster:
    """The one of that Ray."""
    return Cluster(options)


@dataclass(frozen=True)
class Cluster:
    """A Ray that is started or connected when it is first used; threads may share it."""

    options: RayOptions

    @property
    def is_own(self) -> bool:
        """While connected: whether it was started here."""
        return not self.options.address and _HERE.options is not None

    def prepare(self) -> None:
        """Begin to start it, if it is one that is started here, and return at once."""
        with _HERE.lock:
            if not self.options.address and _HERE.keeper is None and not ray_start.is_connected():
                _HERE.begin(self.options)

    def failed_within(self, seconds: float) -> bool:
        """Whether one was to be started here, and did not, no longer ago than that."""
        return not self.options.address and time.monotonic() - _HERE.failed_at < seconds

    @contextmanager
    def connected(self) -> Generator[None]:
        """Be connected.

        Raises:
            NoClusterError: there is no Ray at the address, or it did not start.
            ComputeError: this process is at work on another Ray.
            ConfigurationError: nothing says how to authenticate, or it is no head node.
        """
        if self.options.address.startswith(RAY_CLIENT):
            raise ConfigurationError.of_ray_client(self.options.address)
        with _HERE.lock:
            self._connect()
            _HERE.users += 1
        try:
            yield
        finally:
            with _HERE.lock:
                _HERE.users -= 1
                self._leave()

    @contextmanager
    def held(self) -> Generator[None]:
        """Stay connected from the first use on, with warm workers; connects to nothing itself."""
        with _HERE.lock:
            _HERE.holders += 1
        try:
            yield
        finally:
            with _HERE.lock:
                _HERE.holders -= 1
                self._leave()

    def close(self) -> None:
        """Shut down what was started here, and what is being started; not what is in use."""
        with _HERE.lock:
            if _HERE.keeper is None or _HERE.users:
                return
            with suppress(NoClusterError):
                _HERE.wait(again=False)
                _HERE.end()

    def take(self, kind: str, *, beside: int) -> Any | None:  # noqa: ANN401 - no type
        """A warm worker that has opened this; without one the caller starts one beside its others.

        Those of other kinds make room. Elsewhere all do: there each holds cores that others want.
        """
        with _HERE.lock:
            found = next((each for each in reversed(_HERE.idle) if each[0] == kind), None)
            if not self.is_own:
                self._make_room(kind, left=0)
            elif found is None:
                self._make_room(kind, left=self.options.cpus - beside - 1)
            if found is None:
                return None
            _HERE.idle.remove(found)
            return found[1]

    def give_back(self, kind: str, handle: Any) -> None:  # noqa: ANN401 - the same
        """A worker is free; it stays warm if the cluster is our own, or held.

        No more stay so than may be at work at once.
        """
        import ray

        with _HERE.lock:
            if self.is_own or _HERE.holders:
                _HERE.idle.append((kind, handle))
                self._make_room("", left=self.options.cpus)
            else:
                ray.kill(handle)

    def check(self) -> None:
        """See that it is still there; one at an address ends this process when it is not.

        Raises:
            LostClusterError: it was started here, and its processes are gone.
        """
        if self.is_own and not ray_start.is_alive():
            raise LostClusterError(
                "The Ray that was started here is gone; the next run starts another."
            )

    def _leave(self) -> None:
        """Be a guest no longer, if this was the last to need it."""
        if _HERE.users or _HERE.holders:
            return
        if _HERE.options is not None:
            if self.options.address:
                _HERE.end()
        elif _HERE.idle and ray_start.is_connected():
            self._make_room("", left=0)  # somebody else's connection stays, our workers do not

    def _make_room(self, kind: str, *, left: int) -> None:
        """End warm workers of other kinds, the longest unused first, until so many are left."""
        others = [each for each in _HERE.idle if each[0] != kind]
        too_many = others[: max(0, len(others) - max(0, left))]
        if not too_many:
            return
        import ray

        for each in too_many:
            _HERE.idle.remove(each)
            ray.kill(each[1])

    def _connect(self) -> None:
        _HERE.wait()
        if _HERE.serves(self.options):
            return
        if _HERE.users and _HERE.options and not _HERE.options.leads_where(self.options):
            raise ComputeError(
                f"This process is at work on {_name(_HERE.options.address)}; it cannot be "
                f"connected to {_name(self.options.address)} before it is done there."
            )
        _HERE.end()
        if self.options.address:
            _HERE.connect(self.options)
        else:
            _HERE.begin(self.options)
            _HERE.wait()


def _name(address: str) -> str:
    return f"the Ray at {address}" if address else "a Ray of its own"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
