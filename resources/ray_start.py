"""A Ray as the platform wants it: on loopback, quiet, with a token, without handlers of signals.

Belongs here: Ray's own switches, in its environment and in what it keeps to itself. Does not: who
uses which Ray, and for how long (`ray_cluster`).
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
from dataclasses import dataclass
from functools import partial
from typing import Any

from kazu_platform.errors import ComputeError, ConfigurationError, NoClusterError

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


def start(options: RayOptions) -> None:
    """Start one here, whose processes end with this thread."""
    with _quiet(), _on_loopback(), _without_what_nobody_asks():
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


def connect_to(address: str) -> None:
    """Connect to the one at an address.

    Raises:
        NoClusterError: nothing that lets us in is there.
    """
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
            "see that both sides have the same token, and that a node of it runs on this machine."
        ) from error
    _print_no_deaths()


def shut_down() -> None:
    """Leave the one that this process is connected to, and end it if it was started here."""
    import ray

    with _quiet(), _handlers_kept():
        ray.shutdown()


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


@contextmanager
def _without_what_nobody_asks() -> Generator[None]:
    """Start no server of a dashboard, no autoscaler, and nothing that follows logs.

    Ray starts them for whoever may look or add a machine. Here nobody can, and they are half of
    the time that a start takes. A Ray that another thread starts meanwhile has none either.
    """
    from ray._private import node, parameter

    of_node: Any = node.Node
    parameters: Any = parameter.RayParams
    serve = of_node.start_api_server
    parameter.RayParams = partial(parameters, no_monitor=True, include_log_monitor=False)
    of_node.start_api_server = _serve_nothing
    try:
        yield
    finally:
        parameter.RayParams, of_node.start_api_server = parameters, serve


def _serve_nothing(node: Any, **_: object) -> None:  # noqa: ANN401 - has no type
    """Say where nothing listens: an agent looks for the address each second until there is one."""
    from ray._private import ray_constants

    node.get_gcs_client().internal_kv_put(
        ray_constants.DASHBOARD_ADDRESS.encode(),
        b"127.0.0.1:0",
        overwrite=True,
        namespace=ray_constants.KV_NAMESPACE_DASHBOARD,
    )


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


def is_connected() -> bool:
    """Whether anybody connected this process; asks without importing Ray."""
    ray: Any = sys.modules.get("ray")
    return ray is not None and ray.is_initialized()


def must_be_at(address: str) -> None:
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


def authenticate(options: RayOptions) -> None:
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


def is_alive() -> bool:
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
