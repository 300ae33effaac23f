r"""The NCBI Taxonomy as NCBI publishes it: `taxdump.tar.gz`, tables between `\t|\t`.

Format: https://ftp.ncbi.nlm.nih.gov/pub/taxonomy/taxdump_readme.txt. Read in blocks of lines and on
columns: a dump of 2.7 million taxa becomes a vocabulary in half a minute and 1.7 GB. The same
taxonomy as OWL (2 GiB to fetch in place of 70 MB) was read at 11 MB/s and would take 9 GB.

Most of these taxa have no name that a text is likely to hold: "Bacillus sp. MG-2017", "uncultured
bacterium". They name sequences and are left out; a taxon below one hangs on the next one above.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import polars as pl

from kazu_platform.errors import MalformedFileError
from kazu_platform.ontologies.files import MAX_LINE
from kazu_platform.ontologies.terms import (
    ABBREVIATION,
    EXACT,
    IS_A,
    RELATED,
    Statements,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_BLOCK = 16 << 20
_RECORD = 512
_FILES = {
    "names.dmp": ("taxon", "name", "unique", "kind"),
    "nodes.dmp": ("taxon", "parent", "rank", "embl", "division"),
    "merged.dmp": ("taxon", "now"),
}
_LABEL = "scientific name"
# As the OBO Foundry's conversion has it; acronyms have a scope of their own here. Names with their
# author and numbers of type strains stand in no text.
_SCOPES = {
    "genbank common name": EXACT,
    "common name": EXACT,
    "equivalent name": EXACT,
    "synonym": RELATED,
    "genbank synonym": RELATED,
    "in-part": RELATED,
    "blast name": RELATED,
    "acronym": ABBREVIATION,
    "genbank acronym": ABBREVIATION,
}
# Synthetic, unassigned, environmental.
_DIVISIONS = ("7", "8", "11")
_ROOT = "1"
_INFORMAL = (
    r"\b(?:sp|cf|aff|nr|gen)\.|^(?:uncultured|unidentified|unclassified|unknown|environmental)\b|"
    r"\benvironmental samples?\b"
)
# A special form is a formal name, and a strain of a culture collection is named in texts:
# "Puccinia graminis f. sp. tritici", "Synechocystis sp. PCC 6803".
_NAMED_ALL_THE_SAME = (
    r"\bf\. ?sp\.|\bsp\. (?:strain )?"
    r"(?:ATCC|BCC|CBS|CCAP|CCMP|DSM|JCM|NBRC|NCIMB|NRRL|PCC|RCC|UTEX)\b"
)
_MAX_RANKS = 200


def read_taxdump(stream: BinaryIO, path: Path) -> Statements:
    """What a dump of the NCBI Taxonomy says: a tar with names.dmp, nodes.dmp and merged.dmp.

    Raises:
        MalformedFileError: it is no tar, one of the tables is missing, or a line is longer than any
            row should be.
    """
    tables: dict[str, pl.DataFrame] = {}
    faults = [_faults(pl.DataFrame(schema={"line": pl.Int64, "problem": pl.String}))]
    for name, member in _members(stream, path):
        if name in _FILES and name not in tables:
            tables[name], odd = _table(member, path, name, _FILES[name])
            faults.append(odd)
    missing = [name for name in _FILES if name not in tables]
    if missing:
        problem = f"has no {', '.join(missing)}; is it NCBI's taxdump.tar.gz?"
        raise MalformedFileError.at(path, problem)
    names = tables["names.dmp"]
    nodes = tables["nodes.dmp"].unique("taxon", keep="first", maintain_order=True)
    labels = _labels(names, nodes)
    kept = labels.select("taxon")
    return Statements(
        terms=labels.select(
            _curie("taxon").alias("id"),
            pl.col("name").alias("label"),
            pl.lit(None, pl.String).alias("definition"),
            pl.lit(value=False).alias("obsolete"),
            pl.lit(None, pl.String).alias("replaced_by"),
            pl.lit(None, pl.String).alias("taxon"),
            pl.lit(value=True).alias("declared"),
        ),
        names=_synonyms(names.join(kept, on="taxon", how="semi")),
        alternatives=tables["merged.dmp"].select(
            _curie("now").alias("id"), _curie("taxon").alias("alternative")
        ),
        relations=_parents(nodes, kept),
        faults=pl.concat(faults),
    )


class _Member:
    """One file of a tar, read no further than its size."""

    def __init__(self, stream: BinaryIO, size: int, path: Path) -> None:
        self._stream, self._path = stream, path
        self._left, self._padding = size, -size % _RECORD

    def blocks(self) -> Iterator[bytes]:
        """Its bytes, some megabytes at a time."""
        while self._left:
            piece = self._stream.read(min(self._left, _BLOCK))
            if not piece:
                raise MalformedFileError.at(self._path, "ends within a file of the tar.")
            self._left -= len(piece)
            yield piece

    def skip(self) -> None:
        """Go to the next header."""
        for _ in self.blocks():
            pass
        self._stream.read(self._padding)


def _members(stream: BinaryIO, path: Path) -> Iterator[tuple[str, _Member]]:
    """Regular files of a tar by their last name, in order; what is not read of one is skipped.

    An own reader of forty lines, because Python's reads extended headers of any size into memory
    and believes in sparse files, so that a small file could fill the machine.
    """
    while header := stream.read(_RECORD):
        if not header.strip(b"\0"):
            return
        size = _octal(header[124:136])
        unsigned = sum(header) - sum(header[148:156]) + 8 * ord(" ")
        if len(header) < _RECORD or size is None or _octal(header[148:156]) != unsigned:
            raise MalformedFileError.at(path, "is no tar, plain or gzipped.")
        member = _Member(stream, size, path)
        if header[156:157] in {b"0", b"\0"}:
            name = header[:100].partition(b"\0")[0].decode(errors="replace")
            yield name.rpartition("/")[2], member
        member.skip()


def _octal(field: bytes) -> int | None:
    digits = field.strip(b" \0")
    try:
        return int(digits, 8) if digits else 0
    except ValueError:
        return None


def _table(
    member: _Member, path: Path, name: str, columns: tuple[str, ...]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The first cells of each row under these names, and what could not be read."""
    first, rest = 1, b""
    parts = [pl.DataFrame(schema=dict.fromkeys(columns, pl.String))]
    faults = [pl.DataFrame(schema={"line": pl.Int64, "problem": pl.String})]
    for piece in member.blocks():
        whole, end, tail = piece.rpartition(b"\n")
        if end:
            block, rest = rest + whole, tail
            rows, odd = _rows(block, first, name, columns)
            parts.append(rows)
            faults.append(odd)
            first += block.count(b"\n") + 1
        else:
            rest += piece
        if len(rest) > MAX_LINE:
            problem = f"{name}: is longer than {MAX_LINE >> 20} MiB; this is no table of lines."
            raise MalformedFileError.at(path, problem, line=first)
    rows, odd = _rows(rest, first, name, columns)
    return pl.concat([*parts, rows]), _faults(pl.concat([*faults, odd]))


def _rows(
    block: bytes, first: int, name: str, columns: tuple[str, ...]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    # A byte that is not UTF-8 spoils its name, not the file.
    lines = pl.Series("text", block.decode(errors="replace").split("\n"), dtype=pl.String)
    text = pl.col("text").str.strip_suffix("\r").str.strip_suffix("\t|")
    frame = (
        pl.DataFrame(lines)
        .with_row_index("line", first)
        .filter(pl.col("text") != "")
        .with_columns(text.str.splitn("\t|\t", len(columns) + 1).struct.unnest())
        .rename({f"field_{i}": column for i, column in enumerate(columns)})
    )
    taxon, last = pl.col(columns[0]), pl.col(columns[-1])
    good = taxon.str.contains(r"^\d+$") & last.is_not_null()
    odd = frame.filter(~good).select(
        pl.col("line").cast(pl.Int64),
        pl.format(
            "{}: no row of the taxonomy: {}", pl.lit(name), pl.col("text").str.slice(0, 80)
        ).alias("problem"),
    )
    return frame.filter(good).select(columns), odd


def _faults(odd: pl.DataFrame) -> pl.DataFrame:
    return odd.select(
        pl.lit(None, pl.String).alias("id"), pl.col("line").cast(pl.Int32), pl.col("problem")
    )


def _curie(column: str) -> pl.Expr:
    return pl.lit("NCBITaxon:") + pl.col(column)


def _labels(names: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """Scientific names of the taxa that a text can name."""
    nodes = nodes.filter((pl.col("taxon") != _ROOT) & ~pl.col("division").is_in(_DIVISIONS))
    return (
        names.filter(pl.col("kind") == _LABEL)
        .join(nodes, on="taxon", how="semi", maintain_order="left")
        .filter(
            ~pl.col("name").str.contains(_INFORMAL)
            | pl.col("name").str.contains(_NAMED_ALL_THE_SAME)
        )
        .select("taxon", "name")
    )


def _synonyms(names: pl.DataFrame) -> pl.DataFrame:
    scopes: Mapping[str, str] = _SCOPES
    scope = pl.col("kind").replace_strict(scopes, default=None, return_dtype=pl.String)
    return names.select(_curie("taxon").alias("id"), "name", scope.alias("scope")).drop_nulls()


def _parents(nodes: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """is_a to the next taxon above that is kept."""
    above = nodes.select(pl.col("taxon").alias("parent"), pl.col("parent").alias("next"))
    waiting = nodes.select("taxon", "parent").join(kept, on="taxon", how="semi")
    found: list[pl.DataFrame] = []
    reached = kept.rename({"taxon": "parent"})
    for _ in range(_MAX_RANKS):
        waiting = waiting.filter(pl.col("taxon") != pl.col("parent"))
        found.append(waiting.join(reached, on="parent", how="semi"))
        waiting = (
            waiting.join(reached, on="parent", how="anti")
            .join(above, on="parent")
            .filter(pl.col("parent") != pl.col("next"))
            .select("taxon", pl.col("next").alias("parent"))
        )
        if waiting.is_empty():
            break
    return pl.concat(found).select(
        _curie("taxon").alias("id"),
        pl.lit(IS_A).alias("predicate"),
        _curie("parent").alias("object"),
    )
