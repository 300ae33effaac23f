"""A file of PubMed, from XML to rows.

Belongs here: the order of things (which element is read by whom, what happens to a bad one).
Does not: bytes (archive), XML (elements), what an element holds (article, book, fields).

Layout of the files: https://www.nlm.nih.gov/databases/download/pubmed_medline_documentation.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kazu_platform.citations.archive import MAX_BYTES
from kazu_platform.citations.article import read_article
from kazu_platform.citations.book import read_book
from kazu_platform.citations.elements import Placed, elements
from kazu_platform.citations.fields import pmid_and_version
from kazu_platform.citations.record import MalformedCitationError, parse_pmid
from kazu_platform.citations.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from kazu_platform.citations.xml import Element
PARSER_VERSION = "3"
"""Changes when the same file may give other rows."""
READERS = {"PubmedArticle": read_article, "PubmedBookArticle": read_book}
DELETION_LISTS = frozenset({"DeleteCitation", "DeleteDocument"})
SHOWN_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class PubMedBatch:
    """Rows of a part of a file: tables CITATIONS, DELETIONS and QUARANTINE."""

    citations: pa.Table
    deletions: pa.Table
    set_aside: pa.Table


def parse_pubmed(
    path: Path, *, file: str, batch_size: int = 2000, max_bytes: int = MAX_BYTES
) -> Iterator[PubMedBatch]:
    """Citations, deletions and what could not be read, in the order of the file.

    There is always a batch, if only an empty one. Positions count the children of the root
    element from 0. A citation that cannot be read is a row of `set_aside`; a PMID that occurs
    twice is two rows. Memory does not grow with the file.

    Args:
        path: the file, gzipped or not.
        file: name of its partition, such as `pubmed26n0001`.
        batch_size: rows in a batch; fewer if texts are very long.
        max_bytes: most bytes it may have when decompressed.

    Raises:
        MalformedFileError: it is no PubMed file; names the file and the line. It may come after
            some batches: publish them only when there are no more.
        OSError: it cannot be read at all.
    """
    rows = Rows(file)
    empty = True
    for placed in elements(path, max_bytes=max_bytes):
        _read(placed, rows)
        if rows.full(batch_size):
            yield PubMedBatch(*rows.tables())
            rows = Rows(file)
            empty = False
    if empty or len(rows):
        yield PubMedBatch(*rows.tables())


def _read(placed: Placed, rows: Rows) -> None:
    position, element, problem = placed
    reader = READERS.get(element.tag)
    if problem is None and reader is not None:
        try:
            citation = reader(element)
        except MalformedCitationError as error:
            problem = str(error)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is one citation's fault
            problem = f"{type(error).__name__}: {error}"
        else:
            rows.add(citation, position)
    elif problem is None and element.tag in DELETION_LISTS:
        problem = _read_deletions(element, position, rows)
    elif problem is None:
        known = isinstance(element.tag, str)
        what = f"<{element.tag}>" if known else "an entity that nobody declares"
        problem = f"{what} is no element of a PubMed file"
    if problem is not None:
        rows.set_aside(_doc_id(element), position, f"{problem} (line {element.sourceline})")


def _read_deletions(element: Element, position: int, rows: Rows) -> str | None:
    """Add the deletions of a list, each once; say which of its PMIDs are wrong."""
    problems: list[str] = []
    deleted: dict[tuple[int, int | None], None] = {}
    for child in element:
        try:
            deleted[pmid_and_version(child)] = None
        except MalformedCitationError as error:
            problems.append(str(error))
    for pmid, version in deleted:
        rows.delete(pmid, version, position)
    if len(problems) > SHOWN_PROBLEMS:
        problems[SHOWN_PROBLEMS:] = [f"{len(problems) - SHOWN_PROBLEMS} more"]
    return f"of <{element.tag}>: {'; '.join(problems)}" if problems else None


def _doc_id(element: Element) -> str | None:
    """The name of a citation that could not be read, if it says as much."""
    for path in ("MedlineCitation/PMID", "BookDocument/PMID"):
        pmid = element.find(path)
        if pmid is not None:
            try:
                return f"PMID:{parse_pmid(pmid.text if len(pmid) == 0 else None)}"
            except MalformedCitationError:
                return None
    return None
