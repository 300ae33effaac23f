"""Curations: what people decided about names and concepts, as rows with an effect.

Belongs here: a file as the table CURATIONS, rows judged together, which rows concern an ontology.
Does not: how a file is written (`curation_files`), what one row may say (`curation_rows`), what
they do to names (`curating`). What day it is, is an argument.

A curation is in force if it is approved, has not expired and is not contradicted by another one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from kazu_platform.documents import digest
from kazu_platform.errors import InvalidCurationsError
from kazu_platform.ontologies.case_rules import case_sensitive
from kazu_platform.ontologies.curation_files import Problem, read_rows
from kazu_platform.ontologies.curation_rows import (
    ADD,
    APPROVED,
    CASE,
    DROP,
    IGNORE,
    PREFER,
    problems_of,
    typed,
)
from kazu_platform.ontologies.curies import one_spelling
from kazu_platform.ontologies.same_names import in_its_case, same_string
from kazu_platform.tables import CURATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    import pyarrow as pa

    from kazu_platform.settings import OntologySource

IN_FORCE, EXPIRED, CONTRADICTED = "in_force", "expired", "contradicted"
UNKNOWN_CONCEPT, NO_SUCH_NAME = "unknown_concept", "no_such_name"
EFFECTS: Final = (
    IN_FORCE,
    EXPIRED,
    "proposed",
    "withdrawn",
    CONTRADICTED,
    UNKNOWN_CONCEPT,
    NO_SUCH_NAME,
)
APPLIED: Final = (IN_FORCE, UNKNOWN_CONCEPT, NO_SUCH_NAME)
"""Effects of a curation that counts, whether or not there is something for it to change."""

CURATION_VERSION: Final = "1"
"""Changes when the same file, day and vocabulary may give other names."""

MAX_SHOWN: Final = 50
_NUMBER: Final = re.compile(r"\d+")
_TARGET: Final = ("concept_id", "name", "entity_class", "ontology")
_DERIVED: Final = ("curation_id", "effect", "detail", "n_changed")
_CONTENT: Final = ("curation_id", "case_sensitive", "scope", *_TARGET)
_OPPOSITES: Final = ((ADD, DROP), (CASE, DROP), (ADD, IGNORE), (CASE, IGNORE), (PREFER, PREFER))


def read_curations(
    path: Path, *, today: date, ontologies: Sequence[OntologySource] = (), called: str = ""
) -> pa.Table:
    """Read a YAML or CSV file of curations as rows of CURATIONS.

    Args:
        path: the file.
        today: the day on which it is decided what has expired.
        ontologies: of the catalogue: their names are known, and the class of their concepts.
        called: what errors call the file, if that is a copy of another.

    Raises:
        InvalidCurationsError: lists everything that is wrong, with file, row, and what to do.
    """
    written = read_rows(path, called)
    problems = list(written.problems)
    rows: list[dict[str, Any]] = []
    for row in written.rows:
        wrong = problems_of(row, ontologies)
        problems += wrong
        if not wrong:
            rows.append(typed(row))
    frame = _identified(rows)
    problems += _duplicates(frame)
    if problems:
        raise InvalidCurationsError(_listed(called or str(path), problems))
    judged = _contradictions(_with_effect(_with_class(frame, ontologies), today))
    return _table(judged.with_columns(n_changed=pl.lit(None, pl.Int64)))


def touching(curations: pa.Table, source: OntologySource) -> pa.Table:
    """Curations that count and may change names of an ontology; `prefer` changes none.

    Without looking at the ontology: by its name, its class, and the prefixes of its concepts. So
    one about every gene concerns every ontology of genes, one about HGNC:5 only HGNC.
    """
    frame = pl.DataFrame(curations)
    ours = pl.col("ontology").fill_null(source.name) == source.name
    same_class = pl.col("entity_class").fill_null(source.entity_class) == source.entity_class
    return _table(
        frame.filter(
            pl.col("effect").is_in(APPLIED)
            & (pl.col("action") != PREFER)
            & ours
            & same_class
            & (pl.col("concept_id").is_null() | _has_prefix(source))
        )
    )


def preferences(curations: pa.Table) -> pa.Table:
    """The preferences that count: which concept a string of a class means first, in which case."""
    counts = pl.col("effect").is_in(APPLIED) & (pl.col("action") == PREFER)
    by_shape = pl.coalesce("case_sensitive", case_sensitive(pl.col("name")))
    return _table(pl.DataFrame(curations).filter(counts).with_columns(case_sensitive=by_shape))


def content_version(curations: pa.Table) -> str:
    """Hash of what curations do; who decided when and why may be reworded.

    >>> content_version(CURATIONS.empty()) == content_version(CURATIONS.empty())
    True
    """
    rows = pl.DataFrame(curations).select(_CONTENT).sort("curation_id").rows()
    return digest(CURATION_VERSION, *(repr(row) for row in rows))


def curation_id(action: str, *target: str | None) -> str:
    """Name a decision by its action and what it is about, so that rewording keeps its id.

    >>> curation_id("drop", "HGNC:5", "was", None, None)
    'bfa42938e5db6d1e12e6731a'
    """
    return digest(action, *("" if part is None else part for part in target))


def _identified(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Rows with their id and CURIEs in one spelling."""
    columns = [name for name in CURATIONS.schema.names if name not in _DERIVED]
    frame = pl.DataFrame(
        list(rows),
        schema={name: pl.DataFrame(CURATIONS.empty()).schema[name] for name in columns},
    ).with_columns(one_spelling(pl.col("concept_id")), pl.col("entity_class").str.to_lowercase())
    targets = frame.select("action", *_TARGET).rows()
    return frame.with_columns(
        curation_id=pl.Series([curation_id(*target) for target in targets], dtype=pl.String)
    )


def _duplicates(frame: pl.DataFrame) -> list[Problem]:
    twice = (
        frame.group_by("curation_id", maintain_order=True)
        .agg("place", pl.col("action", "name").first())
        .filter(pl.col("place").list.len() > 1)
    )
    return [
        Problem(places[-1], f"{action} {name!r} stands at {places[0]} already; keep one of them.")
        for _, places, action, name in twice.rows()
    ]


def _with_class(frame: pl.DataFrame, ontologies: Sequence[OntologySource]) -> pl.DataFrame:
    """Fill in the class where the ontology or the concept's prefix leaves no choice."""
    by_name = {source.name: source.entity_class for source in ontologies}
    classes: dict[str, set[str]] = {}
    for source in ontologies:
        for prefix in source.id_prefixes:
            classes.setdefault(_one_prefix(prefix), set()).add(source.entity_class)
    by_prefix = {prefix: found.pop() for prefix, found in classes.items() if len(found) == 1}
    prefix = pl.col("concept_id").str.split(":").list.first()
    none = pl.lit(None, pl.String)
    return frame.with_columns(
        entity_class=pl.coalesce(
            "entity_class",
            pl.col("ontology").replace_strict(by_name, default=None) if by_name else none,
            prefix.replace_strict(by_prefix, default=None) if by_prefix else none,
        )
    )


def _with_effect(frame: pl.DataFrame, today: date) -> pl.DataFrame:
    past = pl.col("expires_on") < pl.lit(today)
    effect = (
        pl.when(pl.col("state") != APPROVED)
        .then("state")
        .when(past)
        .then(pl.lit(EXPIRED))
        .otherwise(pl.lit(IN_FORCE))
    )
    return frame.with_columns(effect=effect)


def _contradictions(frame: pl.DataFrame) -> pl.DataFrame:
    """Of two in force that cannot both be meant, neither is applied; each names the other."""
    names = frame["name"].to_list()
    counting = frame.with_columns(
        string=pl.Series([same_string(name) for name in names], dtype=pl.String),
        cased=pl.Series([in_its_case(name) for name in names], dtype=pl.String),
        strict=pl.coalesce("case_sensitive", case_sensitive(pl.col("name"))),
    ).filter(pl.col("effect") == IN_FORCE)
    pairs = counting.join(counting, on="string", suffix="_other")
    opposite = pl.any_horizontal(
        *(
            (pl.col("action") == action) & (pl.col("action_other") == other)
            for one, two in _OPPOSITES
            for action, other in ((one, two), (two, one))
        )
    )
    any_case = pl.any_horizontal(pl.col("action", "action_other") == IGNORE) | (
        pl.col("action") == PREFER
    ) & ~pl.all_horizontal("strict", "strict_other")
    ends = pl.concat_str(pl.col("action_other"), pl.lit(" at "), pl.col("place_other"))
    found = (
        pairs.filter(
            opposite
            & (any_case | (pl.col("cased") == pl.col("cased_other")))
            & _same_ontology()
            & _same_concept()
            & _same_class()
        )
        .group_by("curation_id")
        .agg(ends.sort().str.join(", ").alias("others"))
    )
    against = pl.concat_str(pl.lit("contradicts "), "others", pl.lit("; withdraw one of them"))
    return (
        frame.join(found, on="curation_id", how="left", maintain_order="left")
        .with_columns(
            effect=pl.when(pl.col("others").is_null())
            .then("effect")
            .otherwise(pl.lit(CONTRADICTED)),
            detail=against,
        )
        .drop("others")
    )


def _same_ontology() -> pl.Expr:
    one, other = pl.col("ontology"), pl.col("ontology_other")
    return one.is_null() | other.is_null() | (one == other)


def _same_class() -> pl.Expr:
    """One without a class is about any, unless it is about a concept: then its class is unknown."""
    equal = pl.col("entity_class") == pl.col("entity_class_other")
    anywhere = [
        pl.all_horizontal(pl.col(f"entity_class{side}", f"concept_id{side}").is_null())
        for side in ("", "_other")
    ]
    same_concept = pl.col("concept_id") == pl.col("concept_id_other")
    return pl.any_horizontal(equal, *anywhere, same_concept)


def _same_concept() -> pl.Expr:
    """Two preferences contradict if they prefer different concepts, other pairs if the same."""
    equal = pl.col("concept_id") == pl.col("concept_id_other")
    either = pl.col("concept_id").is_null() | pl.col("concept_id_other").is_null()
    return pl.when(pl.col("action") == PREFER).then(~equal).otherwise(either | equal)


def _has_prefix(source: OntologySource) -> pl.Expr:
    if not source.id_prefixes:
        return pl.lit(value=True)
    prefixes = [_one_prefix(prefix) for prefix in source.id_prefixes]
    return pl.col("concept_id").str.split(":").list.first().is_in(prefixes)


def _one_prefix(prefix: str) -> str:
    frame = pl.DataFrame({"id": [f"{prefix}:"]}).select(one_spelling(pl.col("id")))
    return str(frame["id"][0]).removesuffix(":")


def _listed(path: str, problems: Sequence[Problem]) -> str:
    in_order = sorted(problems, key=lambda problem: int(_NUMBER.findall(problem.place)[0]))
    lines = [f"{path}, {problem.place}: {problem.what}" for problem in in_order[:MAX_SHOWN]]
    if len(problems) > MAX_SHOWN:
        lines.append(f"and {len(problems) - MAX_SHOWN} more problems.")
    return "\n".join(lines)


def _table(frame: pl.DataFrame) -> pa.Table:
    rows = frame.select(CURATIONS.schema.names).sort("curation_id")
    arrow = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    return CURATIONS.check(arrow.cast(CURATIONS.schema))
