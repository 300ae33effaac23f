"""A file of the corpus by the parser of its kind: PubMed's, or full texts of PMC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kazu_platform.citations.files import holds_full_texts
from kazu_platform.citations.pmc import PMC_PARSER_VERSION, parse_pmc
from kazu_platform.citations.pubmed import PARSER_VERSION, PubMedBatch, parse_pubmed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def parse_file(path: Path, *, file: str) -> Iterator[PubMedBatch]:
    """What a file holds, in batches, by the parser that its name asks for.

    Args:
        path: the file.
        file: name of its partition.

    Raises:
        MalformedFileError: it is not what its name promises.
        OSError: it cannot be read at all.
    """
    parse = parse_pmc if holds_full_texts(path.name) else parse_pubmed
    return parse(path, file=file)


def parser_version(path: Path) -> str:
    """Changes when the same file may give other rows."""
    return f"pmc-{PMC_PARSER_VERSION}" if holds_full_texts(path.name) else PARSER_VERSION
