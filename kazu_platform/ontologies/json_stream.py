"""Large JSON documents, a small element at a time.

The standard library parses either nothing or everything, and nothing installed here streams. This
walks the outer objects itself and gives each element of an inner list to the C parser.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from kazu_platform.errors import MalformedFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_CHUNK = 1 << 20
_MAX_ELEMENT = 256 << 20
_UNFINISHED = frozenset(("", ".", "e", "E"))
_BLANK = re.compile(r"[ \t\r\n]*")


def elements(stream: BinaryIO, path: Path, *, within: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Values found under a path of keys (`*` for the elements of a list), with the key they are at.

    A value that is a list comes element by element, any other value whole; keys beside the path
    are skipped. With `within=("graphs", "*")`, `{"graphs": [{"id": "x", "nodes": [1, 2]}]}` gives
    `("id", "x")`, `("nodes", 1)`, `("nodes", 2)`.

    Raises:
        MalformedFileError: it is no JSON; an element is larger than 256 MiB or nests too deep.
    """
    walker = _Walker(stream, path)
    yield from walker.descend(tuple(within))
    if walker.peek():
        walker.fail("something follows the document")


class _Walker:
    """A position in a JSON text of which only a window is in memory."""

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self._stream = stream
        self._path = path
        self._decode_bytes = codecs.getincrementaldecoder("utf-8-sig")()
        self._decoder = json.JSONDecoder()
        self._window = ""
        self._at = 0
        self._line = 1
        self._ended = False

    def fail(self, problem: str) -> NoReturn:
        line = self._line + self._window.count("\n", 0, self._at)
        raise MalformedFileError.at(self._path, f"is no JSON: {problem}.", line=line)

    def peek(self) -> str:
        """The next character that is no blank; empty at the end."""
        here = self._window[self._at : self._at + 1]
        if here and here not in " \t\r\n":
            return here
        while True:
            found = _BLANK.match(self._window, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._window) or not self._more():
                return self._window[self._at : self._at + 1]

    def descend(self, within: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        """Walk the value at this position down the path; its depth is the path's, no more."""
        if not within:
            yield from self._members(None)
        elif within[0] == "*":
            for _ in self._items("[", "]"):
                yield from self.descend(within[1:])
        else:
            yield from self._members(within)

    def _members(self, within: tuple[str, ...] | None) -> Iterator[tuple[str, Any]]:
        """Members of an object: those on the path, or, at its end, all of them."""
        for _ in self._items("{", "}"):
            key = self._value()
            if not isinstance(key, str) or self.peek() != ":":
                self.fail("a key and a colon were expected")
            self._at += 1
            if within is None and self.peek() == "[":
                for _ in self._items("[", "]"):
                    yield key, self._value()
            elif within is None:
                yield key, self._value()
            elif key == within[0]:
                yield from self.descend(within[1:])
            else:
                self._value()

    def _items(self, opening: str, closing: str) -> Iterator[None]:
        """Stop at the beginning of each item between brackets; the caller reads it."""
        if self.peek() != opening:
            self.fail(f"expected {opening!r}, found {self.peek()!r}")
        self._at += 1
        if self.peek() == closing:
            self._at += 1
            return
        while True:
            yield
            after = self.peek()
            self._at += 1
            if after == closing:
                return
            if after != ",":
                self.fail(f"expected ',' or {closing!r}, found {after!r}")

    def _value(self) -> Any:  # noqa: ANN401 - JSON is anything
        """Parse the whole value at this position, reading on until it is complete."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._window, self._at)
            except RecursionError:
                self.fail("it nests too deep")
            except json.JSONDecodeError as error:
                if not self._more():
                    self.fail(error.msg)
            except ValueError as error:  # a number of thousands of digits
                self.fail(str(error))
            else:
                # A number may go on in the next piece: 1 of 12, 1 of 1.5, 1 of 1e6.
                if self._window[end : end + 1] not in _UNFINISHED or not self._more():
                    self._at = end
                    return value

    def _more(self) -> bool:
        """Read on, as much again as the element has so far; false at the end."""
        if self._ended:
            return False
        kept = len(self._window) - self._at
        if kept > _MAX_ELEMENT:
            self.fail(f"an element of more than {_MAX_ELEMENT >> 20} MiB")
        try:
            piece = self._stream.read(max(_CHUNK, kept))
            text = self._decode_bytes.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            self.fail(f"not UTF-8 ({error.reason})")
        self._ended = not piece
        self._line += self._window.count("\n", 0, self._at)
        self._window = self._window[self._at :] + text
        self._at = 0
        return bool(text) or not self._ended
