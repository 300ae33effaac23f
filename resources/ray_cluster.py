"""This process's Ray: started here and shared by all steps, or somebody else's by its address.

A cluster started here lives as long as this process and dies with it, however it dies; workers
that are free stay warm for the next partition. At an address we are guests: connected for the time
of a partition, nothing left behind, so that a cluster may be stopped and started in between.
No dashboard, no usage statistics, and a token of its own is needed: Ray's processes speak to each
other over loopback, but listen on every address of the machine, whatever they are told.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from kazu_platform.errors import ComputeError, ConfigurationError, LostClusterError

LOOPBACK = "127.0.0.1"
NAMESPACE = "kazu-platform"
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


@cache
def cluster_of(options: RayOptions) -> Cluster:
    """The one connection of this process to that Ray."""
    return Cluster(options)


@dataclass(eq=False)
class Cluster:
    """A Ray that is started or connected when it is first used.

    Threads may share it. `idle` holds workers of a cluster of our own that are free, by what they
    have opened: all of one kind, because one of another kind takes their place.
    """

    options: RayOptions
    idle: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    users: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_own(self) -> bool:
        """Whether it is started here."""
        return not self.options.address

    @contextmanager
    def connected(self) -> Generator[None]:
        """Be connected.

        Raises:
            ComputeError: there is no Ray at the address, or it did not start.
            ConfigurationError: nothing says how to authenticate.
        """
        with self.lock:
            self._connect()
            self.users += 1
        try:
            yield
        finally:
            with self.lock:
                self.users -= 1
                if not self.users and not self.is_own:
                    self._disconnect()

    def take(self, kind: str) -> Any | None:  # noqa: ANN401 - an actor's handle has no type
        """A warm worker that has opened this, if there is one; others make room."""
        import ray

        with self.lock:
            for other in [name for name in self.idle if name != kind]:
                for handle in self.idle.pop(other):
                    ray.kill(handle)
            found = self.idle.get(kind)
            return found.pop() if found else None

    def give_back(self, kind: str, handle: Any) -> None:  # noqa: ANN401 - the same
        """A worker is free; it stays warm if the cluster is our own."""
        import ray

        with self.lock:
            if self.is_own:
                self.idle.setdefault(kind, []).append(handle)
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
        _authenticate(self.options)
        import ray
        from ray import _raylet
        from ray._private import worker

        if ray.is_initialized():
            if not self.is_own or _is_alive():
                return
            self._disconnect()
        # A Ray that was imported before goes by the environment of then.
        raylet: Any = _raylet
        raylet.Config.initialize("")
        raylet.AuthenticationTokenLoader.instance().reset_cache()
        with _quiet(), _handlers_kept():
            if self.is_own:
                _start(self.options)
            else:
                _connect_to(self.options.address)
        # Ray prints deaths of workers on standard output, where results go; we report them.
        worker._worker_logs_enabled = False

    def _disconnect(self) -> None:
        import ray

        self.idle.clear()
        with _quiet(), _handlers_kept():
            ray.shutdown()


def _start(options: RayOptions) -> None:
    import ray

    try:
        ray.init(
            address="local",
            num_cpus=options.cpus,
            object_store_memory=options.object_store_bytes,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            namespace=NAMESPACE,
            _node_ip_address=LOOPBACK,
        )
    except Exception as error:
        raise ComputeError(
            f"Ray did not start here ({error}); KAZU_COMPUTE=inline does without it."
        ) from error


def _connect_to(address: str) -> None:
    import ray

    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            namespace=NAMESPACE,
        )
    except Exception as error:
        raise ComputeError(
            f"KAZU_RAY_ADDRESS: there is no Ray at {address} that lets us in ({error}); start it, "
            "and see that both sides have the same token."
        ) from error


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
