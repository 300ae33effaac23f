"""This process's Ray: started here and shared by all steps, or somebody else's by its address.

A cluster started here listens on loopback alone, lives as long as this process and dies with it,
however it dies; workers that are free stay warm for the next partition. At an address we are
guests: connected for the time of a partition, nothing left behind, so that a cluster may be stopped
and started in between. Guests, too, where somebody else connected this process before (a notebook,
dagster-ray): that connection is used, and left as it is. No dashboard and no usage statistics.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from kazu_platform.errors import (
    RAY_CLIENT,
    ComputeError,
    ConfigurationError,
    LostClusterError,
    NoClusterError,
)

NAMESPACE = "kazu-platform"
# Where this is off, as it is on macOS, Ray takes loopback for the address of the machine.
MANY_MACHINES = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class RayOptions:
    """Which Ray.

    Attributes:
        address: of a cluster; empty: one is started here.
        token_path: file of the token that a cluster at an address asks for; empty: where Ray
            looks by itself (RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH, ~/.ray/auth_token).
        cpus: of a cluster that is started here.
        object_store_bytes: the same; parts on their way, so little is enough.
    """

    address: str = ""
    token_path: str = ""
    cpus: int = 1
    object_store_bytes: int = 200_000_000

    def leads_where(self, other: RayOptions) -> bool:
        """Whether the other is the same Ray; there is one that is started here."""
        return (self.address, self.token_path) == (other.address, other.token_path)


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

    def run(self) -> None:
        """Start it, and stay."""
        try:
            _start(self.options)
        except BaseException as error:  # noqa: BLE001 - whoever waits is told, of an exit too
            self._error = error
        finally:
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

    def let_go(self) -> None:
        """It was shut down."""
        self._let_go.set()


@dataclass
class _Connection:
    """What this process is connected to. There is one; threads share it.

    `options` are those of a connection of ours. `idle` holds workers of a Ray of our own that are
    free, by what they have opened: all of one kind, because one of another kind takes their place.
    """

    lock: threading.RLock = field(default_factory=threading.RLock)
    options: RayOptions | None = None
    keeper: _Keeper | None = None
    users: int = 0
    idle: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])

    def begin(self, options: RayOptions) -> None:
        """Begin to start a Ray here."""
        _authenticate(options)
        self.keeper = _Keeper(options)
        self.keeper.start()

    def wait(self) -> None:
        """Wait for a Ray that is being started here, if one is.

        Raises:
            NoClusterError: it did not start.
        """
        if self.keeper is None:
            return
        try:
            self.keeper.wait()
        except NoClusterError:
            self.keeper = None
            raise
        self.options = self.keeper.options

    def connect(self, options: RayOptions) -> None:
        """Connect to that Ray.

        Raises:
            NoClusterError: nothing that lets us in is there.
            ConfigurationError: nothing says how to authenticate.
        """
        _authenticate(options)
        _connect_to(options.address)
        self.options = options

    def serves(self, options: RayOptions) -> bool:
        """Whether it is there and leads where it should."""
        if not _is_connected():
            return False
        if self.options is None:
            _must_be_at(options.address)
            return True
        return self.options.leads_where(options) and (bool(options.address) or _is_alive())

    def end(self) -> None:
        """Leave what we connected to, and shut down what we started; nothing else."""
        if self.options is None:
            return
        import ray

        self.idle.clear()
        with _quiet(), _handlers_kept():
            ray.shutdown()
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
            if not self.options.address and _HERE.keeper is None and not _is_connected():
                _HERE.begin(self.options)

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
                if not _HERE.users and self.options.address:
                    _HERE.end()

    def close(self) -> None:
        """Shut down what was started here, and what is being started; not what is in use."""
        with _HERE.lock:
            if _HERE.keeper is None or _HERE.users:
                return
            with suppress(NoClusterError):
                _HERE.wait()
                _HERE.end()

    def take(self, kind: str) -> Any | None:  # noqa: ANN401 - an actor's handle has no type
        """A warm worker that has opened this, if there is one; others make room."""
        import ray

        idle = _HERE.idle
        with _HERE.lock:
            for other in [name for name in idle if name != kind]:
                for handle in idle.pop(other):
                    ray.kill(handle)
            found = idle.get(kind)
            return found.pop() if found else None

    def give_back(self, kind: str, handle: Any) -> None:  # noqa: ANN401 - the same
        """A worker is free; it stays warm if the cluster is our own."""
        import ray

        with _HERE.lock:
            if self.is_own:
                _HERE.idle.setdefault(kind, []).append(handle)
            else:
                ray.kill(handle)

    def check(self) -> None:
        """See that it is still there; one at an address ends this process when it is not.

        Raises:
            LostClusterError: it was started here, and its processes are gone.
        """
        if self.is_own and not _is_alive():
            raise LostClusterError(
                "The Ray that was started here is gone; the next run starts another."
            )

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


def _start(options: RayOptions) -> None:
    with _quiet(), _on_loopback():
        import ray

        _go_by_the_environment()
        ray.init(
            address="local",
            num_cpus=options.cpus,
            object_store_memory=options.object_store_bytes,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            namespace=NAMESPACE,
        )
    _print_no_deaths()


def _connect_to(address: str) -> None:
    import ray

    _go_by_the_environment()
    try:
        with _quiet(), _handlers_kept():
            ray.init(
                address=address,
                log_to_driver=False,
                logging_level=logging.ERROR,
                namespace=NAMESPACE,
            )
    except Exception as error:
        raise NoClusterError(
            f"KAZU_RAY_ADDRESS: there is no Ray at {address} that lets us in ({error}); start it, "
            "and see that both sides have the same token."
        ) from error
    _print_no_deaths()


@contextmanager
def _on_loopback() -> Generator[None]:
    """Have all that a Ray started here listens on be reached from this machine alone."""
    before = os.environ.get(MANY_MACHINES)
    os.environ[MANY_MACHINES] = "0"  # for its processes
    from ray._private import ray_constants

    enabled, ray_constants.ENABLE_RAY_CLUSTER = ray_constants.ENABLE_RAY_CLUSTER, False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = enabled
        del os.environ[MANY_MACHINES]
        if before is not None:
            os.environ[MANY_MACHINES] = before


def _go_by_the_environment() -> None:
    """A Ray that was imported before goes by the environment of then."""
    from ray import _raylet

    raylet: Any = _raylet
    raylet.Config.initialize("")
    raylet.AuthenticationTokenLoader.instance().reset_cache()


def _print_no_deaths() -> None:
    """Ray prints deaths of workers on standard output, where results go; we report them."""
    from ray._private import worker

    worker._worker_logs_enabled = False


def _is_connected() -> bool:
    """Whether anybody connected this process; asks without importing Ray."""
    ray: Any = sys.modules.get("ray")
    return ray is not None and ray.is_initialized()


def _must_be_at(address: str) -> None:
    """See that what somebody else connected this process to is what was asked for.

    Raises:
        ComputeError: it is not.
    """
    if not address:
        return
    import ray

    here: str = ray.get_runtime_context().gcs_address
    if _resolved(address) != here:
        raise ComputeError(
            f"KAZU_RAY_ADDRESS: something else connected this process to the Ray at {here}, so it "
            f"cannot be connected to {address}."
        )


def _resolved(address: str) -> str:
    """The address in numbers, as Ray names itself."""
    from ray._private.services import resolve_ip_for_localhost

    host, _, port = address.rpartition(":")
    with suppress(OSError):
        host = socket.gethostbyname(host)
    return f"{resolve_ip_for_localhost(host)}:{port}"


def _name(address: str) -> str:
    return f"the Ray at {address}" if address else "a Ray of its own"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _authenticate(options: RayOptions) -> None:
    """Say how to authenticate, in the environment: Ray and its processes read it nowhere else.

    What the user says there is left as it is.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # the step is what this machine is for
    if options.token_path:
        if not os.access(options.token_path, os.R_OK):
            raise ConfigurationError(
                f"KAZU_RAY_TOKEN_PATH: {options.token_path} cannot be read; it is to hold the "
                "token of the cluster."
            )
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": options.token_path}
        os.environ.pop("RAY_AUTH_TOKEN", None)
    elif "RAY_AUTH_MODE" in os.environ:
        return
    elif options.address and not {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ):
        raise ConfigurationError(
            f"KAZU_RAY_ADDRESS: nothing says how {options.address} knows us; set "
            "KAZU_RAY_TOKEN_PATH to a file with its token, or RAY_AUTH_MODE=disabled if it asks "
            "for none."
        )
    else:
        os.environ["RAY_AUTH_MODE"] = "token"
        if not options.address:
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


def _is_alive() -> bool:
    """Whether the processes of a Ray that was started here are all there."""
    from ray._private.worker import global_worker

    node = global_worker.node
    return node is not None and node.remaining_processes_alive()


@contextmanager
def _handlers_kept() -> Generator[None]:
    """Keep the handlers of signals: Ray's would end the process where Dagster stops a run."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _quiet() -> Generator[None]:
    """Let Ray tell errors only: what a run needs to know, it is told by us."""
    logger = logging.getLogger("ray")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
