"""A vocabulary: the tables of one ontology of the catalogue, made from its file.

Belongs here: what becomes a concept, which name wins, what is active. Does not: formats (the
readers), how strings are normalised (text). Everything works on whole columns.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO

import polars as pl

from kazu_platform.errors import ConfigurationError, MalformedFileError
from kazu_platform.ontologies.autocuration import AUTOCURATION_VERSION, curate
from kazu_platform.ontologies.curies import is_curie, one_spelling
from kazu_platform.ontologies.cycles import cycles
from kazu_platform.ontologies.files import MAX_BYTES, file_version, open_source
from kazu_platform.ontologies.functional import read_functional
from kazu_platform.ontologies.generation import GENERATION_VERSION, generate
from kazu_platform.ontologies.mesh import read_mesh
from kazu_platform.ontologies.obo import read_obo
from kazu_platform.ontologies.obograph import read_obograph
from kazu_platform.ontologies.owl_xml import read_owl
from kazu_platform.ontologies.tabular import read_table
from kazu_platform.ontologies.taxdump import read_taxdump
from kazu_platform.ontologies.terms import (
    ABBREVIATION,
    EXACT,
    IS_A,
    LABEL,
    RELATED,
    SCOPES,
    Statements,
    gather,
)
from kazu_platform.tables import (
    CONCEPT_RELATIONS,
    CONCEPT_XREFS,
    CONCEPTS,
    QUARANTINE,
    SYNONYMS,
    Table,
)
from kazu_platform.text.normalise import NORMALISER_VERSION, normalise_column

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from kazu_platform.settings import OntologySource

_READERS = {
    "obo": read_obo,
    "obograph": read_obograph,
    "owl": read_owl,
    "ofn": read_functional,
}
_UNCLEAN = r"^ | $|  |[\p{Cc}\s&&[^ ]]"
VOCABULARY_CODE_VERSION = f"6-{GENERATION_VERSION}-{AUTOCURATION_VERSION}"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One ontology as tables: CONCEPTS, SYNONYMS, CONCEPT_RELATIONS, CONCEPT_XREFS, QUARANTINE."""

    concepts: pa.Table
    synonyms: pa.Table
    relations: pa.Table
    xrefs: pa.Table
    set_aside: pa.Table
    version: str


def parse_vocabulary(
    source: OntologySource, path: Path, *, max_bytes: int = MAX_BYTES
) -> Vocabulary:
    """Read a vocabulary file.

    What cannot be read is set aside with its line; the rest is read. Old identifiers (`alt_id`) are
    obsolete concepts with a replacement, so that they resolve.

    Args:
        source: the catalogue's entry; says the format and which concepts are wanted.
        path: the file, plain or gzipped.
        max_bytes: decompressed size above which the file is refused.

    Raises:
        MalformedFileError: the file is not what the entry says, is broken as a whole, too large, or
            holds no concept of the wanted prefixes.
        ConfigurationError: the entry has no `columns` though its format is a table.
    """
    with open_source(path, max_bytes=max_bytes) as stream:
        said = _read(source, stream, path)
    return _assemble(source, said, path)


def _read(source: OntologySource, stream: BinaryIO, path: Path) -> Statements:
    if source.format == "mesh":
        return gather(read_mesh(stream, path, source.mesh))
    if source.format == "taxdump":
        return read_taxdump(stream, path)
    if source.format != "table":
        return gather(_READERS[source.format](stream, path))
    if source.columns is None:
        raise ConfigurationError(
            f"ontology {source.name}: format table needs `columns`: which column means what."
        )
    return read_table(stream, path, source.columns)


def _assemble(source: OntologySource, said: Statements, path: Path) -> Vocabulary:
    version = said.version or file_version(path)
    parts, misfits = _matching(_wanted(said.terms, source), source)
    terms, nameless = _merge(parts)
    if terms.is_empty():
        wanted = f" with prefix {', '.join(source.id_prefixes)}" if source.id_prefixes else ""
        wanted += f" matching id_pattern {source.id_pattern!r}" if misfits.height else ""
        problem = f"holds no concept{wanted}; is it {source.format}, as the catalogue says?"
        raise MalformedFileError.at(path, problem)
    alternatives = _wanted(said.alternatives, source, "alternative")
    alternatives, old_misfits = _matching(alternatives, source, "alternative")
    concepts = _with_alternatives(terms, alternatives)
    names = _names(source, parts, said, concepts)
    relations = _about(said.relations, terms).with_columns(one_spelling(pl.col("object"))).unique()
    round_trips = cycles(relations.filter(pl.col("predicate") == IS_A))
    faults = pl.concat([said.faults, misfits, old_misfits, nameless, _cycle_faults(round_trips)])
    return Vocabulary(
        concepts=_concept_rows(source, concepts, version),
        synonyms=_synonym_rows(source, names),
        relations=_table(
            CONCEPT_RELATIONS,
            relations.select(
                pl.col("id").alias("subject_id"),
                "predicate",
                pl.col("object").alias("object_id"),
                pl.lit(source.name).alias("ontology"),
            ),
        ),
        xrefs=_table(
            CONCEPT_XREFS,
            _about(said.xrefs, terms)
            .with_columns(one_spelling(pl.col("xref")))
            .unique()
            .select(
                pl.col("id").alias("concept_id"),
                "predicate",
                "xref",
                pl.lit(source.name).alias("ontology"),
            ),
        ),
        set_aside=_set_aside(source, faults),
        version=version,
    )


def _wanted(frame: pl.DataFrame, source: OntologySource, column: str = "id") -> pl.DataFrame:
    """Rows whose identifier has a wanted prefix, in one spelling."""
    frame = frame.with_columns(one_spelling(pl.col(column)))
    if not source.id_prefixes:
        return frame.filter(is_curie(pl.col(column)))
    asked = pl.DataFrame({"id": [f"{prefix}:" for prefix in source.id_prefixes]})
    prefixes = asked.select(one_spelling(pl.col("id")))["id"].str.strip_suffix(":").to_list()
    return frame.filter(
        pl.col(column).str.split_exact(":", 1).struct.field("field_0").is_in(prefixes)
        & is_curie(pl.col(column))
    )


def _matching(
    frame: pl.DataFrame, source: OntologySource, column: str = "id"
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows whose whole identifier matches the entry's pattern, and a fault for each other one.

    Raises:
        ConfigurationError: the pattern looks around or back, which no columnar engine does.
    """
    pattern = source.id_pattern
    if pattern is None:
        return frame, frame.clear().select(_fault(pl.col(column), ""))
    try:
        fits = frame.select(pl.col(column).str.contains(f"^(?:{pattern})$")).to_series()
    except pl.exceptions.ComputeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ConfigurationError(
            f"ontology {source.name}: id_pattern: {pattern!r} cannot be used ({reason}); write it "
            "without look-around and back-references."
        ) from None
    others = frame.filter(~fits).unique(column, maintain_order=True)
    problem = f"the identifier does not match id_pattern {pattern!r}."
    return frame.filter(fits), others.select(_fault(pl.col(column), problem))


def _fault(concept: pl.Expr, problem: str) -> list[pl.Expr]:
    """A row of faults about a concept."""
    return [
        concept.alias("id"),
        pl.lit(None, pl.Int32).alias("line"),
        pl.lit(problem).alias("problem"),
    ]


def _merge(parts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One row for each term that is declared and has a label; faults for the others.

    An obsolete term without a label is an old identifier (that is how OWL writes `alt_id`): it gets
    the label of its replacement.
    """
    merged = (
        parts.with_columns(one_spelling(pl.col("replaced_by")))
        .group_by("id", maintain_order=True)
        .agg(
            pl.col("label", "definition", "replaced_by", "taxon").drop_nulls().first(),
            pl.col("obsolete", "declared").any(),
        )
        .filter("declared")
        .drop("declared")
    )
    labels = merged.select(pl.col("id").alias("replaced_by"), pl.col("label").alias("its_label"))
    merged = merged.join(labels, on="replaced_by", how="left", maintain_order="left")
    old = pl.col("obsolete") & pl.col("replaced_by").is_not_null()
    merged = merged.with_columns(
        pl.coalesce("label", pl.when(old).then(pl.coalesce("its_label", "id")))
    ).drop("its_label")
    nameless = merged.filter(pl.col("label").is_null() & ~pl.col("obsolete")).select(
        _fault(pl.col("id"), "a term without a label in English or without a language.")
    )
    return merged.filter(pl.col("label").is_not_null()), nameless


def _with_alternatives(terms: pl.DataFrame, alternatives: pl.DataFrame) -> pl.DataFrame:
    """Add old identifiers as obsolete concepts, and say what replaced those that had a term."""
    old = (
        alternatives.with_columns(one_spelling(pl.col("id")))
        .filter(pl.col("id") != pl.col("alternative"))
        .unique("alternative", keep="first", maintain_order=True)
    )
    known = old.select(pl.col("alternative").alias("id"), pl.col("id").alias("now"))
    terms = (
        terms.join(known, on="id", how="left", maintain_order="left")
        .with_columns(
            pl.when("obsolete").then(pl.coalesce("replaced_by", "now")).otherwise("replaced_by")
        )
        .drop("now")
        .with_columns(own=pl.lit(value=True))
    )
    main = terms.select("id", "label", "taxon")
    added = (
        known.join(terms, on="id", how="anti")
        .join(main, left_on="now", right_on="id")
        .select(
            "id",
            "label",
            pl.lit(None, pl.String).alias("definition"),
            pl.col("now").alias("replaced_by"),
            "taxon",
            pl.lit(value=True).alias("obsolete"),
            pl.lit(value=False).alias("own"),
        )
    )
    return pl.concat([terms, added.select(terms.columns)])


def _names(
    source: OntologySource, parts: pl.DataFrame, said: Statements, concepts: pl.DataFrame
) -> pl.DataFrame:
    """Names of concepts, each once, with its strongest scope; obsolete says its concept's state."""
    own = concepts.filter("own")
    labels = own.select("id", pl.col("label").alias("name"), pl.lit(LABEL).alias("scope"))
    # Rows of one table, stanzas of one id: labels after the first are further names.
    others = parts.drop_nulls("label").select(
        "id", pl.col("label").alias("name"), pl.lit(EXACT).alias("scope")
    )
    short = said.abbreviations.with_columns(
        one_spelling(pl.col("id")), _clean(pl.col("name")), short=pl.lit(value=True)
    ).unique()
    rank = pl.col("scope").replace_strict(list(SCOPES), list(range(len(SCOPES))))
    given = said.names.with_columns(
        one_spelling(pl.col("id")), pl.col("scope").replace(RELATED, source.related_as or RELATED)
    )
    names = pl.concat([labels, others, given])
    return (
        names.with_columns(_clean(pl.col("name")))
        .filter(pl.col("name") != "")
        .join(short, on=["id", "name"], how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("short") & (pl.col("scope") != LABEL))
            .then(pl.lit(ABBREVIATION))
            .otherwise("scope")
            .alias("scope")
        )
        .with_columns(rank.alias("rank"))
        .sort("rank", maintain_order=True)
        .unique(["id", "name"], keep="first", maintain_order=True)
        .join(own.select("id", "obsolete"), on="id")
        .select("id", "name", "scope", "obsolete")
    )


def _clean(names: pl.Expr) -> pl.Expr:
    """Names on one line: control characters and runs of blanks are one blank."""
    return names.map_batches(_clean_some, return_dtype=pl.String)


def _clean_some(names: pl.Series) -> pl.Series:
    """Nearly all names are clean already, which is cheaper to ask than to do."""
    rows = names.str.contains(_UNCLEAN).arg_true()
    if rows.is_empty():
        return names
    cleaned = names.gather(rows).str.replace_all(r"[\p{Cc}\s]+", " ").str.strip_chars()
    return names.clone().scatter(rows, cleaned)


def _about(frame: pl.DataFrame, terms: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(one_spelling(pl.col("id"))).join(terms, on="id", how="semi")


def _concept_rows(source: OntologySource, concepts: pl.DataFrame, version: str) -> pa.Table:
    taxon = pl.lit(source.taxon_id) if source.taxon_id else pl.col("taxon")
    return _table(
        CONCEPTS,
        concepts.select(
            pl.col("id").alias("concept_id"),
            pl.lit(source.name).alias("ontology"),
            pl.lit(source.entity_class).alias("entity_class"),
            _clean(pl.col("label")),
            "definition",
            "obsolete",
            "replaced_by",
            taxon.alias("taxon_id"),
            pl.lit(version).alias("ontology_version"),
        ),
    )


def _synonym_rows(source: OntologySource, names: pl.DataFrame) -> pa.Table:
    """Names of the source and those that rules make of them, each judged."""
    entity_class = source.entity_class
    none = pl.lit(None, pl.String)
    own = names.with_columns(origin=none, rule=none)
    made = generate(names.filter(~pl.col("obsolete")), entity_class)
    rows = pl.concat([own, made])
    # Neither asks what the other says, and both leave Python to others while they work.
    with ThreadPoolExecutor(1) as beside:
        normalised = beside.submit(normalise_column, rows["name"], entity_class)
        rows = curate(rows, entity_class)
    return _table(
        SYNONYMS,
        rows.select(
            pl.col("id").alias("concept_id"),
            pl.lit(source.name).alias("ontology"),
            pl.lit(entity_class).alias("entity_class"),
            "name",
            "scope",
            pl.Series("normalised", normalised.result()),
            pl.lit(NORMALISER_VERSION).alias("normaliser_version"),
            "case_sensitive",
            "in_context",
            pl.when(pl.col("rule").is_null())
            .then(pl.lit("ontology"))
            .otherwise(pl.lit("generated"))
            .alias("source"),
            "origin",
            "rule",
            "active",
            (~pl.col("obsolete")).alias("linkable"),
            "held_back_by",
        ),
    )


def _cycle_faults(round_trips: list[list[str]]) -> pl.DataFrame:
    problems = [
        f"is_a goes round in a circle: {' -> '.join([*circle, circle[0]])}"
        for circle in round_trips
    ]
    return pl.DataFrame(
        {
            "id": pl.Series([circle[0] for circle in round_trips], dtype=pl.String),
            "line": pl.Series([None] * len(problems), dtype=pl.Int32),
            "problem": pl.Series(problems, dtype=pl.String),
        }
    )


def _set_aside(source: OntologySource, faults: pl.DataFrame) -> pa.Table:
    line = pl.format("{}#line {}", pl.lit(source.name), pl.col("line"))
    at = pl.lit(datetime.now(UTC)).dt.cast_time_unit("us")
    return _table(
        QUARANTINE,
        faults.select(
            pl.coalesce("id", line, pl.lit(source.name)).alias("doc_id"),
            pl.lit("concepts").alias("stage"),
            pl.lit("malformed").alias("reason"),
            pl.col("problem").alias("detail"),
            pl.lit(1, pl.Int32).alias("attempts"),
            pl.lit(None, pl.String).alias("content_hash"),
            pl.lit(source.name).alias("file"),
            pl.col("line").alias("position"),
            at.alias("at"),
        ),
    )


def _table(table: Table, frame: pl.DataFrame) -> pa.Table:
    """Rows in the table's order, with its schema; columns that nobody filled are null."""
    absent = [f.name for f in table.schema if f.nullable and f.name not in frame.columns]
    frame = frame.with_columns(pl.lit(None).alias(name) for name in absent)
    rows = frame.sort(table.order).to_arrow() if table.order else frame.to_arrow()
    return table.check(rows.select(table.schema.names).cast(table.schema))
