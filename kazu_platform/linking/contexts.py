"""The form of a context: what a document says about a string, in one line.

`taxon:<CURIE>` (of a gene, where the document is about another species than people), then
`long:<long form>` or `defined:<CURIE>`, with a blank between; each may be missing. What decides
them is in `context` and `taxa`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

LONG_FORM: Final = "long:"
DEFINED: Final = "defined:"
TAXON: Final = "taxon:"
_TAXON_FIRST: Final = rf"^{TAXON}\S+ ?"


class Said(NamedTuple):
    """The parts of contexts, each empty where it is missing; parallel lists."""

    long: list[str]
    defined: list[str]
    taxon: list[str]


def said_by(contexts: Iterable[str]) -> Said:
    """Take contexts apart.

    >>> said_by(["taxon:NCBITaxon:10090 long:insulin receptor", "defined:HGNC:6091", ""])
    Said(long=['insulin receptor', '', ''], defined=['', 'HGNC:6091', ''], \
taxon=['NCBITaxon:10090', '', ''])
    """
    said = Said([], [], [])
    for context in contexts:
        head, _, rest = context.partition(" ") if context.startswith(TAXON) else ("", "", context)
        said.taxon.append(head.removeprefix(TAXON))
        said.long.append(rest.removeprefix(LONG_FORM) if rest.startswith(LONG_FORM) else "")
        said.defined.append(rest.removeprefix(DEFINED) if rest.startswith(DEFINED) else "")
    return said


def without_taxon(context: pl.Expr) -> pl.Expr:
    """A column of contexts without the part about species."""
    return context.str.replace(_TAXON_FIRST, "")
