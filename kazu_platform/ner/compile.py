"""Compiling the active synonyms of all vocabularies to a dictionary index.

Belongs here: building an index of all names, and bringing one up to date when a few names come or
go; both give the same bytes. Does not: what a name becomes (`names`), the order of the tables
(`rows`), opening and matching (`dictionary_index`), which names are active (ontologies).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.errors import ArtifactError
from kazu_platform.ner.dictionary_index import FORMAT_VERSION, DictionaryManifest
from kazu_platform.ner.names import JUDGED, scanned
from kazu_platform.ner.rows import ORDER, DictionaryTables, open_tables, tables
from kazu_platform.ner.scan import SCAN_VERSION
from kazu_platform.storage.compiled import hash_columns, write_compiled
from kazu_platform.tables import SYNONYMS
from kazu_platform.text.fold import FOLD_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COMPILED_COLUMNS = ["ontology", *JUDGED]
"""What of an active synonym an index depends on."""


def build_dictionary_index(
    synonyms: pa.Table, folder: Path, *, built_from: Mapping[str, str] | None = None
) -> DictionaryManifest:
    """Compile the active synonyms and write them as a folder.

    A name without a letter or digit is left out. Of names of a class that differ in case only,
    one that matches in any case covers the others.

    Args:
        synonyms: SYNONYMS of all ontologies; of the columns only COMPILED_COLUMNS and active are
            read.
        folder: Where to write; an index that is there is replaced.
        built_from: Versions of what the synonyms come from, kept in the manifest.
    """
    return _write(tables(scanned(counted(synonyms))), folder, built_from)


def update_dictionary_index(
    old: Path,
    folder: Path,
    *,
    removed: pa.Table,
    added: pa.Table,
    built_from: Mapping[str, str] | None = None,
) -> DictionaryManifest:
    """Write the index that building from the changed synonyms would give, byte for byte.

    Every name of an index knows how many synonyms are behind it, so that taking some away and
    adding others is counting. Only what shares a key with them is laid out anew.

    Args:
        old: An index of the synonyms as they were.
        folder: Where to write.
        removed: Synonyms that the index was built from and that are gone; as for building. A row
            whose COMPILED_COLUMNS another active one of the same ontology still has is not gone.
        added: Those that are new.
        built_from: Versions of what the synonyms come from, kept in the manifest.

    Raises:
        ArtifactError: there is no index of this version, or it was not built from what is removed.
    """
    whole = open_tables(old)
    gone = counted(removed).with_columns(-pl.col("n").cast(pl.Int64))
    came = counted(added).with_columns(pl.col("n").cast(pl.Int64))
    changed = scanned(pl.concat([gone, came])).filter(pl.col("n") != 0).select(*ORDER, "n")
    keys = np.unique(changed["key"].to_numpy())
    rows = pl.concat([whole.rows(keys), changed]).group_by(ORDER).agg(pl.col("n").sum())
    if (rows["n"] < 0).any():
        raise ArtifactError(
            f"{old} was not built from the synonyms that are to be removed from it; build the "
            "dictionary index anew."
        )
    return _write(whole.replaced(keys, tables(rows.filter(pl.col("n") > 0))), folder, built_from)


def counted(synonyms: pa.Table) -> pl.DataFrame:
    """Distinct names of active synonyms with the number `n` of ontologies that have each."""
    active = pl.DataFrame(synonyms.select([*COMPILED_COLUMNS, "active"])).filter("active")
    distinct = active.select(COMPILED_COLUMNS).unique()
    return distinct.group_by(JUDGED).agg(n=pl.len())


def synonym_difference(before: pa.Table, after: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Which active synonyms of some ontologies are gone, and which came: for an update.

    Args:
        before: SYNONYMS; the columns COMPILED_COLUMNS and active.
        after: The same, of another version.
    """
    old, new = (pl.DataFrame(rows).filter("active") for rows in (before, after))
    gone = old.join(new, on=COMPILED_COLUMNS, how="anti").unique(COMPILED_COLUMNS)
    came = new.join(old, on=COMPILED_COLUMNS, how="anti").unique(COMPILED_COLUMNS)
    return _synonym_rows(gone), _synonym_rows(came)


def _synonym_rows(rows: pl.DataFrame) -> pa.Table:
    schema = SYNONYMS.empty().select([*COMPILED_COLUMNS, "active"]).schema
    return rows.select(schema.names).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema)


def _write(
    compiled: DictionaryTables, folder: Path, built_from: Mapping[str, str] | None
) -> DictionaryManifest:
    counts = np.bincount(
        compiled.names["entity_class"].to_numpy(), minlength=len(compiled.classes)
    ).tolist()
    manifest = DictionaryManifest(
        format_version=FORMAT_VERSION,
        fold_version=FOLD_VERSION,
        classes=compiled.classes,
        patterns=compiled.patterns.num_rows,
        names_per_class=dict(zip(compiled.classes, counts, strict=True)),
        content_hash=hash_columns(
            [
                pa.array(compiled.classes, pa.string()),
                *compiled.patterns.columns,
                *compiled.names.columns,
            ]
        ),
        scan_version=SCAN_VERSION,
        built_from=dict(built_from or {}),
    )
    write_compiled(
        folder,
        {
            "patterns": compiled.patterns,
            "names": compiled.names,
            "counts": compiled.counts,
            "covered": compiled.covered,
        },
        asdict(manifest),
    )
    return manifest
