"""Text that somebody gives a command: bytes, which should be UTF-8."""

from __future__ import annotations

from kazu_platform.errors import ConfigurationError


def encoded(argument: str) -> bytes:
    """The bytes of a command line argument; those that are not UTF-8 arrive as surrogates."""
    return argument.encode("utf-8", "surrogateescape")


def decoded(name: str, content: bytes) -> str:
    """The text of a file, of standard input or of an argument.

    Raises:
        ConfigurationError: it is not UTF-8; says the first byte that is not.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{name} is not UTF-8 text: byte {error.start} is {content[error.start]:#04x}; "
            "convert it first, or take the text out of it."
        ) from None
