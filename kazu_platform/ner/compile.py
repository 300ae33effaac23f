"""Compiling the active synonyms of all vocabularies to a dictionary index.

Belongs here: which names there are, each in scan form and with its rule, in whole columns. Does
not: opening and matching (`dictionary_index`), which names are active (ontologies).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.arrow import compute
from kazu_platform.ner.dictionary_index import (
    COMPARES_MARKS,
    FORMAT_VERSION,
    IN_CONTEXT,
    IN_ITS_CASE,
    LOSSY,
    NOT_CAPITALS,
    TIGHT,
    DictionaryManifest,
)
from kazu_platform.ner.scan import SCAN_VERSION, lossy_characters, scan_names
from kazu_platform.storage.compiled import hash_columns, write_compiled
from kazu_platform.text.fold import FOLD_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_TIGHT = 3
"""Up to so many letters and digits, "A2" is not "A 2" (but it is "A-2")."""

MAX_CAPITALS = 4
"""A word of up to so many letters is not itself in capitals: "CAT" is no cat."""

_JUDGED = ["name", "entity_class", "case_sensitive", "in_context"]
_FORM = ["entity_class", "form", "lossy"]


def build_dictionary_index(
    synonyms: pa.Table, folder: Path, *, built_from: Mapping[str, str] | None = None
) -> DictionaryManifest:
    """Compile the active synonyms and write them as a folder.

    A name without a letter or digit is left out. Of names of a class that differ in case only,
    one that matches in any case covers the others.

    Args:
        synonyms: SYNONYMS of all ontologies; of the columns only name, entity_class,
            case_sensitive, in_context and active are read.
        folder: Where to write; an index that is there is replaced.
        built_from: Versions of what the synonyms come from, kept in the manifest.
    """
    names, classes = _names(synonyms)
    patterns, names = _patterns(names)
    counts = compute.value_counts(names["entity_class"]).to_pylist()
    manifest = DictionaryManifest(
        format_version=FORMAT_VERSION,
        fold_version=FOLD_VERSION,
        classes=tuple(classes),
        patterns=patterns.num_rows,
        names_per_class={classes[count["values"]]: count["counts"] for count in counts},
        content_hash=hash_columns(
            [pa.array(classes, pa.string()), *patterns.columns, *names.columns]
        ),
        scan_version=SCAN_VERSION,
        built_from=dict(built_from or {}),
    )
    write_compiled(folder, {"patterns": patterns, "names": names}, asdict(manifest))
    return manifest


def _names(synonyms: pa.Table) -> tuple[pl.DataFrame, list[str]]:
    """Distinct active names with form, class, rule and what to compare; and the classes."""
    active = pl.DataFrame(synonyms.select([*_JUDGED, "active"]))
    distinct = active.filter("active").drop("active").unique()
    classes = sorted(distinct["entity_class"].unique().to_list())
    names = scanned(distinct).with_columns(
        pl.col("entity_class").replace_strict(
            classes, list(range(len(classes))), return_dtype=pl.Int8
        )
    )
    covering = names.filter(pl.col("rule").is_in([0, LOSSY])).select(_FORM).unique()
    covered = pl.col("rule") & ~LOSSY != 0
    return (
        pl.concat(
            [
                names.filter(~covered),
                names.filter(covered).join(covering, on=_FORM, how="anti"),
            ]
        ),
        classes,
    )


def scanned(names: pl.DataFrame) -> pl.DataFrame:
    """Distinct rows of `entity_class`, `form`, `rule`, `marked` and `lossy` of some names.

    Args:
        names: `name`, `case_sensitive`, `in_context`, and columns to keep.
    """
    forms, marks = scan_names(names["name"].to_list())
    lossy = [lossy_characters(name) for name in names["name"].to_list()]
    form = pl.col("form")
    characters = form.str.replace_all(" ", "", literal=True).str.len_chars()
    tight = (characters <= MAX_TIGHT) & form.str.contains(r"\S \S")
    short_word = (
        ~pl.col("case_sensitive")
        & form.str.contains(rf"^ [a-z]{{1,{MAX_CAPITALS}}} $")
        & pl.col("marked").str.contains("[a-z]")
    )
    rule = (
        pl.col("case_sensitive").cast(pl.Int8) * IN_ITS_CASE
        + pl.col("in_context").cast(pl.Int8) * IN_CONTEXT
        + short_word.cast(pl.Int8) * NOT_CAPITALS
        + tight.cast(pl.Int8) * TIGHT
        + (pl.col("lossy") != "").cast(pl.Int8) * LOSSY
    )
    return (
        names.drop("name")
        .with_columns(
            form=pl.Series(forms, dtype=pl.String),
            marked=pl.Series(marks, dtype=pl.String),
            lossy=pl.Series(lossy, dtype=pl.String),
        )
        .filter(form.str.contains("[a-z0-9\u0080-\u00bf]"))
        .with_columns(rule=rule.cast(pl.Int8))
        .with_columns(
            marked=pl.when(pl.col("rule") & IN_ITS_CASE != 0)
            .then("marked")
            .when(pl.col("rule") & COMPARES_MARKS != 0)
            .then(pl.col("marked").str.to_lowercase())
            .otherwise(pl.lit(""))
        )
        .drop("case_sensitive", "in_context")
        .unique()
    )


def _patterns(names: pl.DataFrame) -> tuple[pa.Table, pa.Table]:
    """Distinct forms ordered by the key of their rarest token, and the names in that order."""
    forms = names.select("form").unique()
    ordered = names.join(
        forms.with_columns(key=pl.Series(rarest_tokens(forms["form"]), dtype=pl.UInt32)), on="form"
    ).sort("key", "form", "entity_class", "rule", "marked", "lossy")
    first = (ordered["form"] != ordered["form"].shift(1)).fill_null(value=True).arg_true()
    patterns = ordered.select("key", "form")[first]
    return (
        pa.table(
            {
                "key": patterns["key"].to_arrow(),
                "form": _bytes(patterns["form"]),
                "first_name": pa.array(first.to_numpy().astype(np.int32)),
            }
        ),
        pa.table(
            {
                "entity_class": ordered["entity_class"].to_arrow(),
                "rule": ordered["rule"].to_arrow(),
                "marked": _bytes(ordered["marked"]),
                "lossy": pa.array(ordered["lossy"].to_list(), pa.large_string()),
            }
        ),
    )


def rarest_tokens(forms: pl.Series) -> list[int]:
    """CRC-32 of the token of each distinct form that the fewest forms have; the first of equals."""
    tokens = (
        forms.to_frame("form")
        .with_row_index("row")
        .select("row", token=pl.col("form").str.strip_chars(" ").str.split(" "))
        .explode("token")
    )
    counted = tokens.join(tokens.group_by("token").len(), on="token", maintain_order="left")
    rarest = counted.sort("row", "len", maintain_order=True).unique(
        "row", keep="first", maintain_order=True
    )["token"]
    return [crc32(token.encode("latin-1")) for token in rarest.to_list()]


def _bytes(forms: pl.Series) -> pa.Array:
    """Forms as the bytes that their characters stand for."""
    return pa.array([form.encode("latin-1") for form in forms.to_list()], pa.large_binary())
