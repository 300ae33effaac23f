"""Mentions by definition: what a document calls its own short forms.

"Human cytomegalovirus (HCMV) ... HCMV ...": no vocabulary need know HCMV, the document says what
it is. Where the long form of a definition is a mention, every place of the short form in the
document is one of the same class. And where its last word says of what class it is ("infectious
myonecrosis virus (IMNV)", see `says_its_class`), every place of either is one, though nobody found
it. Nothing is taken away: a short form whose long form nobody found stays what the detectors made
of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from kazu_platform.documents import digest
from kazu_platform.ner.places import DOCUMENT, names_in, with_places
from kazu_platform.text.abbreviations import abbreviations

if TYPE_CHECKING:
    import pyarrow as pa

DETECTOR: Final = "abbreviation"
DEFINITIONS_VERSION: Final = "2"
"""Changes when the same mentions and texts may give other ones."""

_MIN_LETTERS: Final = 2
_NUMBERED: Final = r"(?: type)? (?:\p{Lu}?\d{1,2}|\p{Lu})$"
_VIRUS: Final = r"(?i:virus(?:es)?)"
_MADE: Final = r"(?i)^(?:attenuated|oncolytic|pseudotyped|recombinant)\b"
_NAMED: Final = rf"\S \p{{L}}*{_VIRUS}$"


def definitions(passages: pa.Table) -> pl.DataFrame:
    """Abbreviations that documents define, the first definition of a short form only.

    Args:
        passages: PASSAGES of whole documents.

    Returns:
        `doc_id`, `content_hash`, `section`, `short`, `long`, and `start` and `end` of the long form
        in its section.
    """
    rows: list[tuple[str, str, int, str, str, int, int]] = []
    for doc_id, content_hash, section, text in zip(
        *(passages[name].to_pylist() for name in (*DOCUMENT, "section", "text")), strict=True
    ):
        rows += [
            (
                doc_id,
                content_hash,
                section,
                text[pair.short.start : pair.short.end],
                " ".join(text[pair.long.start : pair.long.end].split()),
                pair.long.start,
                pair.long.end,
            )
            for pair in abbreviations(text)
        ]
    schema = {
        "doc_id": pl.String,
        "content_hash": pl.String,
        "section": pl.Int32,
        "short": pl.String,
        "long": pl.String,
        "start": pl.Int32,
        "end": pl.Int32,
    }
    return pl.DataFrame(rows, schema, orient="row").unique(
        [*DOCUMENT, "short"], keep="first", maintain_order=True
    )


def with_defined(mentions: pa.Table, passages: pa.Table, defined: pl.DataFrame) -> pa.Table:
    """Add the mentions that follow from definitions; all in the order of the text.

    Args:
        mentions: DICTIONARY_MENTIONS, or any detectors' with those columns.
        passages: PASSAGES of the same documents.
        defined: their `definitions`.
    """
    found = pl.DataFrame(mentions.select([*DOCUMENT, "section", "start", "end", "entity_class"]))
    short = (
        defined.join(found, on=[*DOCUMENT, "section", "end"])
        .filter(pl.col("start_right") <= pl.col("start"))
        .select(*DOCUMENT, "entity_class", name="short")
    )
    names = (
        pl.concat([short, says_its_class(defined)])
        .unique(maintain_order=True)
        .filter(pl.col("name").str.count_matches(r"\p{L}") >= _MIN_LETTERS)
    )
    return with_places(
        mentions,
        passages,
        names_in(names, passages),
        detector=DETECTOR,
        version=digest(DETECTOR, DEFINITIONS_VERSION),
    )


def says_its_class(defined: pl.DataFrame) -> pl.DataFrame:
    """Both forms of definitions whose long form is a virus by its own words.

    The short form has the V of virus, or the long one a number: "virus-like particles (VLPs)" and
    "adenovirus vectors (AdV)" are none, nor is "cytomegalovirus (CMV)", a genus.

    Args:
        defined: `definitions`.

    Returns:
        The columns of documents, `entity_class` and `name`.
    """
    long, short = pl.col("long"), pl.col("short")
    numbered = long.str.contains(_VIRUS + _NUMBERED)
    named = long.str.contains(_NAMED) & short.str.contains("V")
    made = long.str.contains(_MADE)
    viruses = defined.filter((numbered | named) & ~made).with_columns(
        entity_class=pl.lit("species")
    )
    return pl.concat(
        [viruses.select(*DOCUMENT, "entity_class", name=form) for form in ("short", "long")]
    )
