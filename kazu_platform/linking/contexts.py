"""The form of a context: what a document says about a string, in one line.

`taxon:<CURIE>` (of a gene, where the document is about another species than people), then
`long:<long form>`, `defined:<CURIE>` or `near:<normalised string>`, with a blank between; each may
be missing. What decides them is in `context`, `near` and `taxa`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

LONG_FORM: Final = "long:"
DEFINED: Final = "defined:"
NEAR: Final = "near:"
TAXON: Final = "taxon:"
_TAXON_FIRST: Final = rf"^{TAXON}\S+ ?"


class Said(NamedTuple):
    """The parts of contexts, each empty where it is missing; parallel lists."""

    long: list[str]
    defined: list[str]
    near: list[str]
    taxon: list[str]


def said_by(contexts: Iterable[str]) -> Said:
    """Take contexts apart.

    >>> said_by(["taxon:NCBITaxon:10090 long:insulin receptor", "defined:HGNC:6091"])
    Said(long=['insulin receptor', ''], defined=['', 'HGNC:6091'], near=['', ''], \
taxon=['NCBITaxon:10090', ''])
    """
    said = Said([], [], [], [])
    for context in contexts:
        head, _, rest = context.partition(" ") if context.startswith(TAXON) else ("", "", context)
        said.taxon.append(head.removeprefix(TAXON))
        for part, start in ((said.long, LONG_FORM), (said.defined, DEFINED), (said.near, NEAR)):
            part.append(rest.removeprefix(start) if rest.startswith(start) else "")
    return said


def decisive(context: str) -> str:
    """What of a context may make a string mean something else than it does by itself.

    A name near it is none of that: it speaks for a meaning of a string that is no name.

    >>> decisive("taxon:NCBITaxon:10090 near:insulin"), decisive("long:insulin receptor")
    ('taxon:NCBITaxon:10090', 'long:insulin receptor')
    """
    (near,) = said_by([context]).near
    return context.removesuffix(f"{NEAR}{near}").rstrip() if near else context


def without_taxon(context: pl.Expr) -> pl.Expr:
    """A column of contexts without the part about species."""
    return context.str.replace(_TAXON_FIRST, "")
