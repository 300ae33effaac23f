"""Mapping sets: files that say which concepts of two vocabularies are the same.

Two formats: SSSOM as tab-separated values, with its metadata in lines that begin with `#`
(https://mapping-commons.github.io/sssom/), and any table with a column for each of the two
identifiers. Rows that cannot be read are set aside with their line.

Belongs here: from bytes to CONCEPT_MAPPINGS. Does not: what follows from them (equivalence).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING

import polars as pl
import yaml

from kazu_platform.errors import ConfigurationError, MalformedFileError
from kazu_platform.ontologies.curies import curie, is_curie, one_spelling
from kazu_platform.ontologies.files import MAX_BYTES, file_version, lines_of, open_source
from kazu_platform.settings import MappingColumns
from kazu_platform.tables import CONCEPT_MAPPINGS, QUARANTINE
from kazu_platform.yaml_text import yaml_value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    import pyarrow as pa

    from kazu_platform.settings import MappingSource

MAPPINGS_CODE_VERSION = "1"
EXACT_MATCH = "exactMatch"
STAGE = "concept_mappings"

_BLOCK = 1 << 18
_SSSOM = MappingColumns.model_validate(
    {"subject": "subject_id", "object": "object_id", "comment": "#"}
)
_PREDICATE, _MODIFIER = "predicate_id", "predicate_modifier"
# What other vocabularies call an exact match.
_EXACT = ("owl:equivalentClass", "owl:sameAs", "skos:exactMatch")
# SSSOM writes a search that found nothing as a row, too.
_NO_TERM = "sssom:NoTermFound"


@dataclass(frozen=True, slots=True)
class MappingSet:
    """One mapping file as CONCEPT_MAPPINGS, and what was set aside as QUARANTINE."""

    mappings: pa.Table
    set_aside: pa.Table
    version: str


def parse_mappings(source: MappingSource, path: Path, *, max_bytes: int = MAX_BYTES) -> MappingSet:
    """Read a mapping file.

    Negative mappings (`predicate_modifier` Not) and searches that found nothing are left out: they
    say that two concepts are not the same.

    Args:
        source: the catalogue's entry; says the format and the columns.
        path: the file, plain or gzipped.
        max_bytes: decompressed size above which the file is refused.

    Raises:
        MalformedFileError: a column is missing (names the nearest there is), or no row could be
            read.
        ConfigurationError: the entry has no `columns` though its format is a table.
    """
    columns = _SSSOM if source.format == "sssom" else source.columns
    if columns is None:
        raise ConfigurationError(
            f"mappings {source.name}: format table needs `columns`: which column means what."
        )
    with open_source(path, max_bytes=max_bytes) as stream:
        found = _read(lines_of(stream, path), path, columns, sssom=source.format == "sssom")
    rows, faults = found.good, found.faults
    if rows.is_empty():
        problem = f"holds no mapping; is it {source.format}, as the catalogue says?"
        raise MalformedFileError.at(path, problem)
    table = rows.unique().with_columns(mapping_set=pl.lit(source.name))
    names, order = CONCEPT_MAPPINGS.schema.names, CONCEPT_MAPPINGS.order
    mappings = table.sort(order).select(names).to_arrow().cast(CONCEPT_MAPPINGS.schema)
    return MappingSet(
        mappings=CONCEPT_MAPPINGS.check(mappings),
        set_aside=_set_aside(source, faults),
        version=found.version or file_version(path),
    )


@dataclass(frozen=True, slots=True)
class _Read:
    good: pl.DataFrame
    faults: pl.DataFrame
    version: str | None


def _read(
    lines: Iterator[tuple[int, str | None]], path: Path, columns: MappingColumns, *, sssom: bool
) -> _Read:
    """Header, then rows some hundred thousand lines at a time."""
    metadata: list[str] = []
    first: tuple[int, str] | None = None
    for number, line in lines:
        if line is None:
            raise MalformedFileError.at(path, "is not UTF-8.", line=number)
        if columns.comment and line.startswith(columns.comment):
            metadata.append(line.removeprefix(columns.comment))
        elif line:
            first = number, line
            break
    if first is None:
        raise MalformedFileError.at(path, "holds no row.")
    said = _metadata(metadata) if sssom else {}
    layout = _Layout.of(first[1].split(columns.separator), path, columns, said)
    parts: list[pl.DataFrame] = []
    if not columns.header:
        parts.append(layout.rows([first]))
    while block := list(islice(lines, _BLOCK)):
        parts.append(layout.rows(block))
    rows = pl.concat(parts) if parts else layout.rows([])
    good = rows.filter(pl.col("problem").is_null() & ~pl.col("says_no"))
    version = said.get("mapping_set_version")
    return _Read(
        good.select("subject_id", "predicate", "object_id"),
        rows.filter(pl.col("problem").is_not_null()).select("line", "problem"),
        str(version) if version else None,
    )


def _metadata(lines: list[str]) -> dict[str, Any]:
    """The YAML of the commented lines; nothing, if it is none."""
    indent = 1 if all(line.startswith(" ") for line in lines if line.strip()) else 0
    try:
        said = yaml_value("\n".join(line[indent:] for line in lines))
    except yaml.YAMLError:
        return {}
    return said if isinstance(said, dict) else {}


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the cells of a file stand, and what its prefixes mean."""

    columns: MappingColumns
    width: int
    subject: int
    object: int
    predicate: int | None
    modifier: int | None
    prefixes: dict[str, str]

    @classmethod
    def of(
        cls, cells: list[str], path: Path, columns: MappingColumns, metadata: dict[str, Any]
    ) -> _Layout:
        """Find the columns in the first row.

        Raises:
            MalformedFileError: one is missing; names the nearest there is.
        """
        names = [cell.strip().strip('"') for cell in cells]

        def place(column: str | int) -> int:
            if isinstance(column, int):
                if column < len(names):
                    return column
                problem = f"has no column {column}: its first row has {len(names)} cells."
                raise MalformedFileError.at(path, problem)
            if column not in names:
                near = get_close_matches(column, names, n=1, cutoff=0.0)
                hint = f" The nearest is {near[0]!r}." if near else ""
                raise MalformedFileError.at(path, f"has no column {column!r}.{hint}")
            return names.index(column)

        sssom = columns is _SSSOM
        return cls(
            columns=columns,
            width=len(names),
            subject=place(columns.subject),
            object=place(columns.object),
            predicate=place(_PREDICATE) if sssom else None,
            modifier=names.index(_MODIFIER) if sssom and _MODIFIER in names else None,
            prefixes=_own_prefixes(metadata.get("curie_map")),
        )

    def rows(self, lines: list[tuple[int, str | None]]) -> pl.DataFrame:
        """line, subject_id, predicate, object_id, says_no, and problem where there is one."""
        columns = self.columns
        frame = pl.DataFrame(
            {
                "line": pl.Series([number for number, _ in lines], dtype=pl.Int32),
                "text": pl.Series([text for _, text in lines], dtype=pl.String),
            }
        )
        frame = frame.filter(pl.col("text").is_null() | (pl.col("text") != ""))
        if columns.comment:
            is_comment = pl.col("text").str.starts_with(columns.comment)
            frame = frame.filter(~is_comment.fill_null(value=False))
        frame = frame.with_columns(cells=pl.col("text").str.split(columns.separator))
        frame = frame.with_columns(
            subject_id=self._identifier(self.subject, columns.subject_prefix),
            object_id=self._identifier(self.object, columns.object_prefix),
            predicate=self._predicate(),
            says_no=self._says_no(),
        )
        frame = _shortened(_shortened(frame, "subject_id"), "object_id")
        return frame.select(
            "line", "subject_id", "predicate", "object_id", "says_no", problem=self._problem()
        )

    def _cell(self, index: int) -> pl.Expr:
        return pl.col("cells").list.get(index, null_on_oob=True).str.strip_chars(' "')

    def _identifier(self, index: int, prefix: str | None) -> pl.Expr:
        cell = self._cell(index)
        if prefix:
            cell = pl.when(cell != "").then(pl.lit(f"{prefix}:") + cell).otherwise(cell)
        if self.prefixes:
            halves = cell.str.splitn(":", 2)
            name, local = halves.struct.field("field_0"), halves.struct.field("field_1")
            ours = name.replace_strict(self.prefixes, default=name, return_dtype=pl.String)
            cell = pl.when(local.is_null()).then(cell).otherwise(pl.format("{}:{}", ours, local))
        return cell

    def _predicate(self) -> pl.Expr:
        if self.predicate is None:
            return pl.lit(self.columns.predicate)
        said = self._cell(self.predicate)
        exact = pl.when(said.is_in(_EXACT)).then(pl.lit(EXACT_MATCH))
        return exact.otherwise(said.str.strip_prefix("skos:"))

    def _says_no(self) -> pl.Expr:
        cells = [self._cell(self.subject), self._cell(self.object)]
        no = pl.any_horizontal([cell == _NO_TERM for cell in cells])
        if self.modifier is not None:
            no |= self._cell(self.modifier).str.to_lowercase() == "not"
        return no.fill_null(value=False)

    def _problem(self) -> pl.Expr:
        n_cells = pl.col("cells").list.len()
        return (
            pl.when(pl.col("text").is_null())
            .then(pl.lit("the line is not UTF-8."))
            .when(n_cells != self.width)
            .then(pl.format("a row of {} cells, expected {}.", n_cells, pl.lit(self.width)))
            .when(pl.col("says_no"))
            .then(None)
            .when(~is_curie(pl.col("subject_id")))
            .then(pl.format("the subject is no CURIE: '{}'", pl.col("subject_id")))
            .when(~is_curie(pl.col("object_id")))
            .then(pl.format("the object is no CURIE: '{}'", pl.col("object_id")))
            .when(pl.col("predicate") == "")
            .then(pl.lit("a row without a predicate."))
        )


def _shortened(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """Web addresses as CURIEs, and every prefix in the spelling of the tables."""
    addresses = frame[column].filter(frame[column].str.contains("://", literal=True)).unique()
    if len(addresses):
        short = {address: curie(address) for address in addresses.to_list()}
        frame = frame.with_columns(pl.col(column).replace(short))
    return frame.with_columns(one_spelling(pl.col(column)))


def _own_prefixes(curie_map: object) -> dict[str, str]:
    """Prefixes of a file that the tables call otherwise, by the address they stand for.

    >>> _own_prefixes({"mim": "https://omim.org/entry/", "DOID": "https://example.org/doid/"})
    {'mim': 'OMIM'}
    """
    found: dict[str, str] = {}
    for prefix, address in (curie_map if isinstance(curie_map, dict) else {}).items():
        ours = curie(f"{address}0").partition(":")
        if ours[2] == "0" and ours[0] != prefix:
            found[str(prefix)] = ours[0]
    return found


def _set_aside(source: MappingSource, faults: pl.DataFrame) -> pa.Table:
    now = datetime.now(UTC)
    return QUARANTINE.from_rows(
        [
            {
                "doc_id": f"{source.name}#line {line}",
                "stage": STAGE,
                "reason": "malformed",
                "detail": problem,
                "attempts": 1,
                "file": source.name,
                "position": line,
                "at": now,
            }
            for line, problem in faults.iter_rows()
        ]
    )
