"""Tables: HGNC, NCBI Gene, DrugBank, MEDIC, Cellosaurus and own lists, described by `Columns`.

A file is read in blocks of whole lines; within a block everything is done on columns. A row with
too few or too many cells, or with an unbalanced quote, is set aside with its line and the rest is
kept, so a quoted cell cannot hold a line break.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv

from kazu_platform.errors import ConfigurationError, MalformedFileError
from kazu_platform.ontologies.files import MAX_LINE
from kazu_platform.ontologies.terms import EXACT, XREF, Statements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kazu_platform.settings import Columns

_BLOCK = 16 << 20
_LINE = "#line"
_WRONG_CELLS = "a row of {found} cells, expected {expected}: {text!r}"


def read_table(stream: BinaryIO, path: Path, columns: Columns) -> Statements:
    """What a table says.

    Rows with the same identifier are one term: the first label stays, the others are its synonyms.

    Raises:
        MalformedFileError: a column is missing (names it and the nearest there is), the text is not
            UTF-8, or a line is longer than any row should be.
        ConfigurationError: `columns` names a header, but says that there is none.
    """
    blocks = _blocks(stream, path)
    table, first = _layout(next(blocks, (1, b"")), path, columns)
    parts = [table.statements(*first)]
    parts.extend(table.statements(number, block) for number, block in blocks)
    return Statements(
        terms=pl.concat([part.terms for part in parts]),
        names=pl.concat([part.names for part in parts]),
        xrefs=pl.concat([part.xrefs for part in parts]),
        faults=pl.concat([part.faults for part in parts]),
    )


def _blocks(stream: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    """Whole lines, some megabytes at a time, with the number of the first line."""
    rest, number = b"", 1
    while piece := stream.read(_BLOCK):
        end = piece.rfind(b"\n") + 1
        if end:
            block, rest = rest + piece[:end], piece[end:]
            yield number, block
            number += block.count(b"\n")
        else:
            rest += piece
        if len(rest) > MAX_LINE:
            problem = f"is longer than {MAX_LINE >> 20} MiB; this is no table of lines."
            raise MalformedFileError.at(path, problem, line=number)
    if rest:
        yield number, rest


def _layout(
    start: tuple[int, bytes], path: Path, columns: Columns
) -> tuple[_Table, tuple[int, bytes]]:
    """The table's layout from its first row, and what is left of the first block."""
    number, block = start
    block = block.removeprefix(b"\xef\xbb\xbf")
    comment = columns.comment.encode() if columns.comment else None
    line, end, rest = block.partition(b"\n")
    while end and (not line.strip() or (comment and line.startswith(comment))):
        number, block = number + 1, rest
        line, end, rest = block.partition(b"\n")
    try:
        cells = _cells(line.decode().rstrip("\r"), columns)
    except UnicodeDecodeError:
        raise MalformedFileError.at(path, "is not UTF-8.", line=number) from None
    if columns.header:
        # Two columns of one name: the second is out of reach, but no reason to refuse the file.
        seen = Counter[str]()
        names: list[str] = []
        for cell in cells:
            seen[cell] += 1
            names.append(cell if seen[cell] == 1 else f"{cell}#{seen[cell]}")
        number, block = number + 1, rest
    else:
        names = [str(index) for index in range(len(cells))]
    return _Table(path, columns, names), (number, block)


def _cells(line: str, columns: Columns) -> list[str]:
    separator = columns.separator
    if columns.quoting and len(separator) == 1:
        return next(csv.reader([line], delimiter=separator), [])
    return line.split(separator)


@dataclass(frozen=True, slots=True)
class _Table:
    """Layout of one file: its columns by name, in order."""

    path: Path
    columns: Columns
    names: list[str]

    def statements(self, first_line: int, block: bytes) -> Statements:
        """What one block of lines says; the first has this number."""
        columns = self.columns
        rows, faults = self._rows(first_line, block)
        for name, values in columns.where.items():
            rows = rows.filter(pl.col(self._found(name)).is_in(values))
        labels = self._several(columns.label, columns.label_split)
        rows = rows.with_columns(
            self._own_identifier().alias("#own"),
            labels.list.first().alias("#label"),
            labels.list.slice(1).alias("#labels"),
        ).with_columns(self._identifier(pl.col("#own")).alias("#id"))
        nameless = pl.col("#id").is_null()
        reason = (
            pl.when(pl.col("#own").is_null())
            .then(pl.lit("a row without an identifier."))
            .otherwise(pl.format("an identifier of unknown shape: {}", pl.col("#own")))
        )
        faults.append(
            rows.filter(nameless).select(
                pl.lit(None, pl.String).alias("id"),
                pl.col(_LINE).cast(pl.Int32).alias("line"),
                reason.alias("problem"),
            )
        )
        rows = rows.filter(~nameless)
        return Statements(
            terms=self._terms(rows),
            names=self._names(rows),
            xrefs=self._xrefs(rows),
            faults=pl.concat(faults),
        )

    def _rows(self, first_line: int, block: bytes) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
        """Cells as text with the number of their line, and the rows set aside."""
        columns, faults = self.columns, list[tuple[int, str]]()
        lines = block.removesuffix(b"\n").replace(b"\r\n", b"\n").split(b"\n")
        plain = not columns.quoting or len(columns.separator) > 1
        comment = columns.comment.encode() if columns.comment else None
        if comment:
            lines = [b"" if line.startswith(comment) else line for line in lines]
        if not plain and b'"' in block:
            for index, line in enumerate(lines):
                if line.count(b'"') % 2:
                    shown = line[:80].decode(errors="replace")
                    faults.append((first_line + index, f"an unbalanced quote: {shown!r}"))
                    lines[index] = b""
        if len(columns.separator) > 1:
            frame = self._split_lines(first_line, lines, faults)
        else:
            frame = self._parse_csv(first_line, lines, faults, quote=not plain)
        set_aside = pl.DataFrame(
            {
                "id": pl.Series([None] * len(faults), dtype=pl.String),
                "line": pl.Series([line for line, _ in faults], dtype=pl.Int32),
                "problem": pl.Series([problem for _, problem in faults], dtype=pl.String),
            }
        )
        return frame, [set_aside]

    def _split_lines(
        self, first_line: int, lines: list[bytes], faults: list[tuple[int, str]]
    ) -> pl.DataFrame:
        """Cells between separators of several characters, which CSV parsers do not know."""
        count = len(self.names)
        frame = pl.DataFrame({"text": pl.Series([self._decode(b) for b in lines])})
        frame = frame.with_row_index(_LINE, first_line).filter(pl.col("text") != "")
        cells = pl.col("text").str.split(self.columns.separator)
        frame = frame.with_columns(cells.alias("cells"))
        odd = frame.filter(pl.col("cells").list.len() != count)
        faults.extend(
            (line, _WRONG_CELLS.format(found=len(found), expected=count, text=text[:80]))
            for line, text, found in odd.iter_rows()
        )
        return frame.filter(pl.col("cells").list.len() == count).select(
            pl.col(_LINE),
            *(pl.col("cells").list.get(i).alias(name) for i, name in enumerate(self.names)),
        )

    def _parse_csv(
        self, first_line: int, lines: list[bytes], faults: list[tuple[int, str]], *, quote: bool
    ) -> pl.DataFrame:
        used = self._used()
        numbers = [first_line + index for index, line in enumerate(lines) if line.strip()]
        odd: set[int] = set()
        if not numbers:
            return pl.DataFrame(schema={_LINE: pl.Int64, **dict.fromkeys(used, pl.String)})

        def set_aside(row: pa_csv.InvalidRow) -> str:
            line = numbers[(row.number or 1) - 1]
            odd.add(line)
            problem = _WRONG_CELLS.format(
                found=row.actual_columns, expected=row.expected_columns, text=row.text[:80]
            )
            faults.append((line, problem))
            return "skip"

        try:
            table = pa_csv.read_csv(
                io.BytesIO(b"\n".join([line for line in lines if line.strip()]) + b"\n"),
                read_options=pa_csv.ReadOptions(
                    column_names=self.names, use_threads=False, block_size=1 << 30
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=self.columns.separator,
                    quote_char='"' if quote else False,
                    invalid_row_handler=set_aside,
                ),
                convert_options=pa_csv.ConvertOptions(
                    include_columns=used,
                    column_types=dict.fromkeys(used, pa.string()),
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid as error:
            raise MalformedFileError.at(self.path, f"cannot be read as a table: {error}") from None
        kept = [number for number in numbers if number not in odd] if odd else numbers
        return pl.DataFrame(table).with_columns(pl.Series(_LINE, kept, dtype=pl.Int64))

    def _decode(self, line: bytes) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError:
            raise MalformedFileError.at(self.path, f"is not UTF-8: {line[:80]!r}.") from None

    def _used(self) -> list[str]:
        """Names of the columns that mean something, each once."""
        columns = self.columns
        wanted = [columns.id, columns.label, columns.definition, columns.taxon, columns.status]
        wanted += [each.column for each in (*columns.synonyms, *columns.xrefs)]
        wanted += columns.where
        return list(dict.fromkeys(self._found(name) for name in wanted if name is not None))

    def _found(self, column: str | int) -> str:
        """The name of a column given by header or index.

        Raises:
            MalformedFileError: there is no such column.
        """
        if isinstance(column, int) or (not self.columns.header and column.isdigit()):
            if int(column) < len(self.names):
                return self.names[int(column)]
            problem = f"has no column {column}: its first row has {len(self.names)} cells."
            raise MalformedFileError.at(self.path, problem)
        if not self.columns.header:
            raise ConfigurationError(
                f"{self.path}: columns: {column!r} is a header, but `header` is false; give the "
                "index of the column, from 0."
            )
        if column not in self.names:
            near = get_close_matches(column, self.names, n=1, cutoff=0.0)
            hint = f" The nearest is {near[0]!r}." if near else ""
            raise MalformedFileError.at(self.path, f"has no column {column!r}.{hint}")
        return column

    def _text(self, column: str | int) -> pl.Expr:
        """Cells without blanks around them; null where they mean no value."""
        text = pl.col(self._found(column)).str.strip_chars()
        return pl.when(text.is_in([*self.columns.empty, ""])).then(None).otherwise(text)

    def _several(self, column: str | int, split: str | None) -> pl.Expr:
        text = self._text(column)
        return text.str.split(split) if split else pl.concat_list(text)

    def _identifiers(self) -> pl.Expr:
        """All identifiers of a row."""
        parts = self._several(self.columns.id, self.columns.id_split)
        return parts.list.eval(pl.element().str.strip_chars())

    def _own_identifier(self) -> pl.Expr:
        """The one whose pattern comes first, of several the first; if none fits, the first."""
        parts = self._identifiers()
        fitting = [
            parts.list.eval(pl.element().filter(pl.element().str.contains(f"^(?:{pattern})$")))
            for pattern in self.columns.id_patterns
        ]
        return pl.coalesce(*(each.list.first() for each in fitting), parts.list.first())

    def _identifier(self, local: pl.Expr) -> pl.Expr:
        """A CURIE from a local identifier; null if no pattern fits it."""
        local = local.str.strip_chars()
        if self.columns.id_patterns:
            cases = [
                pl.when(local.str.contains(f"^(?:{pattern})$")).then(pl.lit(prefix + ":") + local)
                for pattern, prefix in self.columns.id_patterns.items()
            ]
            return pl.coalesce(cases)
        return pl.lit(f"{self.columns.id_prefix}:") + local if self.columns.id_prefix else local

    def _taxon(self) -> pl.Expr:
        """NCBITaxon CURIE of a number, of a CURIE or of a name in `taxon_names`."""
        if self.columns.taxon is None:
            return pl.lit(None, pl.String)
        text = self._text(self.columns.taxon)
        return (
            pl.when(text.str.contains(r"^\d+$"))
            .then(pl.lit("NCBITaxon:") + text)
            .when(text.str.starts_with("NCBITaxon:"))
            .then(text)
            .otherwise(
                text.replace_strict(self.columns.taxon_names, default=None, return_dtype=pl.String)
                if self.columns.taxon_names
                else pl.lit(None, pl.String)
            )
        )

    def _terms(self, rows: pl.DataFrame) -> pl.DataFrame:
        columns = self.columns
        obsolete = (
            self._text(columns.status).is_in(columns.obsolete_status).fill_null(value=False)
            if columns.status is not None
            else pl.lit(value=False)
        )
        definition = (
            self._text(columns.definition)
            if columns.definition is not None
            else pl.lit(None, pl.String)
        )
        return rows.select(
            pl.col("#id").alias("id"),
            pl.col("#label").alias("label"),
            definition.alias("definition"),
            obsolete.alias("obsolete"),
            pl.lit(None, pl.String).alias("replaced_by"),
            self._taxon().alias("taxon"),
            pl.lit(value=True).alias("declared"),
        )

    def _names(self, rows: pl.DataFrame) -> pl.DataFrame:
        sources = [(pl.col("#labels"), EXACT)] if self.columns.label_split else []
        sources += [
            (self._several(each.column, each.split), each.scope) for each in self.columns.synonyms
        ]
        empty = pl.DataFrame(schema={"id": pl.String, "name": pl.String, "scope": pl.String})
        return pl.concat(
            [
                empty,
                *(
                    self._exploded(rows, values, "name").with_columns(pl.lit(scope).alias("scope"))
                    for values, scope in sources
                ),
            ]
        )

    def _xrefs(self, rows: pl.DataFrame) -> pl.DataFrame:
        empty = pl.DataFrame(schema={"id": pl.String, "predicate": pl.String, "xref": pl.String})
        frames = [empty]
        if self.columns.id_split:
            others = self._identifiers().list.set_difference(pl.concat_list("#own"))
            further = self._exploded(rows, others, "xref").sort("id", "xref")
            further = further.with_columns(self._identifier(pl.col("xref")).alias("xref"))
            frames.append(
                further.drop_nulls().select("id", pl.lit(XREF).alias("predicate"), "xref")
            )
        for each in self.columns.xrefs:
            found = self._exploded(rows, self._several(each.column, each.split), "xref")
            curie = pl.lit(f"{each.prefix}:") + pl.col("xref") if each.prefix else pl.col("xref")
            frames.append(
                found.select("id", pl.lit(each.predicate).alias("predicate"), curie.alias("xref"))
            )
        return pl.concat(frames)

    def _exploded(self, rows: pl.DataFrame, values: pl.Expr, name: str) -> pl.DataFrame:
        """A row for each element of a list, without the cells that mean no value."""
        frame = rows.select(pl.col("#id").alias("id"), values.alias(name)).explode(name)
        frame = frame.with_columns(pl.col(name).str.strip_chars())
        return frame.filter(
            pl.col(name).is_not_null() & ~pl.col(name).is_in([*self.columns.empty, ""])
        )
