"""A webhook: one short text to people, by a POST of JSON that chat programs understand.

Its address is a secret: who knows it can write there. So it stands in no message, no log and no
configuration that Dagster shows; that is why this is no Dagster resource.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay
from tenacity.wait import wait_base, wait_exponential_jitter

from kazu_platform.errors import DeliveryError

_TRIES = 4
_SECONDS = 5.0
_MAX_SECONDS = 30.0  # Dagster stops a sensor after 60
_TRANSIENT = frozenset({408, 425, 429})
_WAIT = wait_exponential_jitter(initial=1, max=8)
# Both write addresses, or parts of them, into their logs.
_LOGGERS = ("httpx", "httpcore")


class _TryAgainError(Exception):
    """It may take the text in a while."""


@dataclass(frozen=True)
class Webhook:
    """Where texts go.

    Attributes:
        address: http or https; secret.
        wait: between tries.
    """

    address: str = field(repr=False)
    wait: wait_base = _WAIT

    def post(self, text: str) -> None:
        """Deliver a text, trying again for half a minute where that may help.

        Raises:
            DeliveryError: it was not taken; without the address.
        """
        tries = Retrying(
            retry=retry_if_exception_type(_TryAgainError),
            stop=stop_after_attempt(_TRIES) | stop_after_delay(_MAX_SECONDS),
            wait=self.wait,
            reraise=True,
        )
        try:
            tries(self._post, text)
        except _TryAgainError as error:
            raise DeliveryError(f"KAZU_ALERT_WEBHOOK: {error}; it is tried again.") from None

    def _post(self, text: str) -> None:
        try:
            with _unlogged(), httpx.Client(timeout=_SECONDS) as client:
                answer = client.post(self.address, json={"text": text})
        except httpx.TransportError as error:
            # What httpx says may name the address.
            raise _TryAgainError(f"it cannot be reached ({type(error).__name__})") from None
        except httpx.InvalidURL:
            raise DeliveryError("KAZU_ALERT_WEBHOOK: it is no address; correct it.") from None
        if answer.is_success:
            return
        said = f"it answered {answer.status_code} {_phrase(answer.status_code)}".rstrip()
        if answer.is_server_error or answer.status_code in _TRANSIENT:
            raise _TryAgainError(said)
        raise DeliveryError(f"KAZU_ALERT_WEBHOOK: {said}; see that the address is still valid.")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


@contextmanager
def _unlogged() -> Generator[None]:
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
