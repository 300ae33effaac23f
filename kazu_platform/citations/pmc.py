"""A file of PubMed Central, from articles to rows.

Its bulk files are tar archives of thousands of articles
(https://pmc.ncbi.nlm.nih.gov/tools/ftp/); an article by itself is a file too.

Belongs here: the order of things, and what happens to a bad article. Does not: archives (bundles),
what an article holds (jats).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from kazu_platform.citations.bundles import MAX_BUNDLE_BYTES, bundled, bundled_in
from kazu_platform.citations.jats import named_in, parse_jats
from kazu_platform.citations.pubmed import PubMedBatch
from kazu_platform.citations.record import MalformedCitationError
from kazu_platform.citations.rows import Rows
from kazu_platform.documents import Document, Section
from kazu_platform.errors import MalformedFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kazu_platform.citations.bundles import Bundled
    from kazu_platform.citations.jats import FullText

PMC_PARSER_VERSION = "2"
"""Changes when the same file may give other rows."""


def parse_pmc(
    path: Path, *, file: str, batch_size: int = 200, max_bytes: int = MAX_BUNDLE_BYTES
) -> Iterator[PubMedBatch]:
    """Full texts and what could not be read, in the order of the file; deletions there are none.

    There is always a batch, if only an empty one. Positions count the articles of the file from 0.
    An article that cannot be read is a row of `set_aside` that names its member and the reason.
    Memory does not grow with the file.

    Args:
        path: an article or a tar archive of articles, gzipped or not.
        file: name of its partition, such as `oa_comm_xml.PMC000xxxxxx.baseline.2026-01-01`.
        batch_size: rows in a batch; fewer if texts are very long.
        max_bytes: most bytes it may have when decompressed.

    Raises:
        MalformedFileError: the file itself is broken; names it. It may come after some batches:
            publish them only when there are no more.
        OSError: it cannot be read at all.
    """
    rows = Rows(file)
    empty = True
    for position, each in enumerate(bundled(path, max_bytes=max_bytes)):
        article, problem = _read(each)
        if article is None:
            rows.set_aside(named_in(each.name), position, f"{each.name}: {problem}")
        else:
            rows.add(article, position)
        if rows.full(batch_size):
            yield PubMedBatch(*rows.tables())
            rows = Rows(file)
            empty = False
    if empty or len(rows):
        yield PubMedBatch(*rows.tables())


def full_texts(raw: BinaryIO, name: str) -> Iterator[Document]:
    """The articles of an open file as documents: what `annotate` reads.

    Args:
        raw: an article or a tar archive of articles, gzipped or not, at its beginning.
        name: of the file.

    Raises:
        MalformedFileError: the file is broken, or one of its articles is; names the article.
    """
    path = Path(name)
    for each in bundled_in(raw, path):
        article, problem = _read(each)
        if article is None:
            where = "" if each.name == path.name else f"{each.name}: "
            raise MalformedFileError.at(path, f"{where}{problem}.")
        yield Document(article.doc_id, tuple(Section(*part) for part in article.sections))


def _read(each: Bundled) -> tuple[FullText | None, str | None]:
    """The article, or what is wrong with it."""
    if each.problem is not None:
        return None, each.problem
    try:
        return parse_jats(each.content, each.name), None
    except MalformedCitationError as error:
        return None, str(error)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is one article's fault
        return None, f"{type(error).__name__}: {error}"
