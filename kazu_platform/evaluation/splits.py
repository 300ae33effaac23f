"""Which documents of a linking corpus are held out: devel, that nothing may be trained on.

A corpus that has a file for devel was split by its authors. Of the others, the documents that the
devel set of the same corpus for mentions has are held out, so that one model may find and another
may link, and neither has seen them. Where there is no such set either, a tenth of the documents is,
by the CRC-32 of their identifiers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

TRAIN, DEVEL = "train", "devel"
MENTIONS_FOLDER = "ner"
"""Beside the folder of all linking corpora: the corpora for mentions, by the same names."""
_DOCUMENT_LINE = "-DOCSTART- "
_UNKNOWN = "?"
_EACH = 10


def split_of(doc_id: str, held_out: Collection[str] | None = None) -> Literal["train", "devel"]:
    """The split of a document of a corpus that has no file for devel.

    Args:
        doc_id: As the corpus names it, without a prefix.
        held_out: The documents of the devel set of the same corpus for mentions; None if it has
            none, then a tenth of all documents is devel, by hash.

    >>> split_of("21176789", {"21176789"}), split_of("21241331", {"21176789"})
    ('devel', 'train')
    >>> split_of("15040800"), split_of("15040801")
    ('devel', 'train')
    """
    is_held_out = crc32(doc_id.encode()) % _EACH == 0 if held_out is None else doc_id in held_out
    return DEVEL if is_held_out else TRAIN


def devel_set_of_mentions(corpus: Path) -> frozenset[str] | None:
    """Documents of the devel set for mentions of a linking corpus; None if it has none.

    It is looked for in `../ner/<name of the folder>/devel.tsv` beside the folder that the corpus
    lies in: IOB2 whose documents open with `-DOCSTART- <id>`.

    Args:
        corpus: Folder of the linking corpus.
    """
    folder = corpus.absolute()
    file = folder.parent.parent / MENTIONS_FOLDER / folder.name / f"{DEVEL}.tsv"
    if not file.is_file():
        return None
    return frozenset(
        line.removeprefix(_DOCUMENT_LINE).partition("\t")[0].strip()
        for line in file.read_text("utf-8").splitlines()
        if line.startswith(_DOCUMENT_LINE)
    ) - {_UNKNOWN}
