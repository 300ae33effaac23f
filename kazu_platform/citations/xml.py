"""What the readers use of an XML element, so that they can be checked without lxml's types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Element(Protocol):
    """An element of lxml, as far as readers need it.

    Comments and processing instructions are removed by the parser. So a child whose `tag` is no
    string is a reference to an entity that nobody declared.
    """

    @property
    def tag(self) -> object:
        """Name, with its namespace in braces."""
        ...

    @property
    def text(self) -> str | None:
        """Text before the first child."""
        ...

    @property
    def tail(self) -> str | None:
        """Text behind the element."""
        ...

    @property
    def sourceline(self) -> int | None:
        """Line of the file."""
        ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Element]: ...

    def get(self, key: str, default: str | None = None, /) -> str | None:
        """Value of an attribute."""
        ...

    def find(self, path: str, /) -> Element | None:
        """First element of that path."""
        ...

    def findtext(self, path: str, /) -> str | None:
        """Text of the first element of that path."""
        ...

    def itertext(self) -> Iterator[str]:
        """Every text in it."""
        ...
