"""One citation as it is read, before it becomes a row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kazu_platform.errors import KazuPlatformError

if TYPE_CHECKING:
    from datetime import date

MAX_INT64 = 2**63 - 1
MAX_INT32 = 2**31 - 1
MAX_DIGITS = len(str(MAX_INT64))


class MalformedCitationError(KazuPlatformError):
    """One citation cannot be read; it is set aside and its file goes on."""


@dataclass(slots=True)
class Citation:
    """What a citation says; readers fill it element by element."""

    pmid: int | None = None
    version: int = 1
    title: str = ""
    abstract: list[tuple[str, str]] = field(default_factory=list)
    vernacular_title: str | None = None
    other_abstracts: list[tuple[str, str]] = field(default_factory=list)
    journal: str | None = None
    published: str | None = None
    published_otherwise: str | None = None
    language: list[str] = field(default_factory=list)
    publication_types: list[str] = field(default_factory=list)
    mesh: list[str] = field(default_factory=list)
    doi: str | None = None
    doi_otherwise: str | None = None
    pmcid: str | None = None
    revised_on: date | None = None
    retracted: bool = False
    corrected: bool = False
    notices: list[str] = field(default_factory=list)

    @property
    def doc_id(self) -> str:
        """`PMID:123`."""
        return f"PMID:{self.pmid}"

    @property
    def sections(self) -> list[tuple[str, str]]:
        """Names and texts of what is read: the title, then the abstract."""
        return [("title", self.title), *self.abstract] if self.title else self.abstract


def parse_pmid(text: str | None) -> int:
    """A PMID from its text.

    >>> parse_pmid(" 29127256 ")
    29127256

    Raises:
        MalformedCitationError: it is empty, no number or too large.
    """
    digits = (text or "").strip()
    if not digits:
        raise MalformedCitationError("no PMID: <PMID> is empty")
    if not (digits.isascii() and digits.isdigit()):
        raise MalformedCitationError(f"the PMID {_shown(digits)} is no number")
    if len(digits) > MAX_DIGITS or not 0 < int(digits) <= MAX_INT64:
        raise MalformedCitationError(f"the PMID {_shown(digits)} is outside 1 to {MAX_INT64}")
    return int(digits)


def parse_version(text: str | None) -> int | None:
    """A version from its attribute; null if there is none.

    Raises:
        MalformedCitationError: it is no number or too large.
    """
    if text is None:
        return None
    digits = text.strip()
    known = digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS
    if not known or int(digits) > MAX_INT32:
        raise MalformedCitationError(f"the version {_shown(digits)} of the PMID is no version")
    return int(digits)


def _shown(text: str) -> str:
    return repr(text if len(text) <= MAX_DIGITS * 2 else f"{text[: MAX_DIGITS * 2]}...")
