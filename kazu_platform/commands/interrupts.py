"""Ctrl-C during a long command that runs Dagster in its own process."""

from __future__ import annotations

import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


@contextmanager
def noticed_interrupts() -> Generator[Callable[[], bool]]:
    """Notice Ctrl-C whoever swallows it, and be asked between two runs whether it came.

    Dagster handles the signal within a run and forgets one that comes after its last look. Python
    writes the number of each signal to this socket as it comes, whatever handler there is.
    """
    seen, wake = socket.socketpair()
    seen.settimeout(0)
    wake.settimeout(0)

    def came() -> bool:
        try:
            return signal.SIGINT in seen.recv(4096)
        except BlockingIOError:
            return False

    # Without a handler that does nothing, Python raises KeyboardInterrupt between two bytecodes of
    # anything, destructors too, where it is printed and ignored.
    handler = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    before = signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    try:
        yield came
    finally:
        signal.set_wakeup_fd(before)
        signal.signal(signal.SIGINT, handler)
        seen.close()
        wake.close()
