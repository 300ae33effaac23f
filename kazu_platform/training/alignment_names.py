"""Names that a linking encoder learns from: which of them are names of the same thing.

Two vocabularies often know one thing under two identifiers, and no mapping says so. Concepts of a
class that share a name long enough to mean only one thing are kin: what they are called is no
example of different things. A short name that strangers share ("CAP") teaches nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from kazu_platform.documents import digest
from kazu_platform.training.name_table import ALIGNMENT_NAMES

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

NAMES_VERSION: Final = "1"
COLUMNS: Final = (
    "concept_id",
    "ontology",
    "entity_class",
    "name",
    "scope",
    "normalised",
    "source",
    "linkable",
)
"""Columns of SYNONYMS that are needed."""
_TELLING = 6
"""Characters of a name that means one thing."""
_SHARED_BY = 4
"""Concepts that a telling name may have: what more share is a word of many things."""
_HASHED = 1 << 32


def alignment_names(
    synonyms: pa.Table, equivalents: pa.Table | None = None, *, held_out: float = 0.03
) -> pa.Table:
    """Distinct names of the concepts of all vocabularies, some set aside to measure with.

    Spellings that rules generated are left out: a normaliser undoes them, there is nothing to
    learn. A name is held out by its hash, so it stays held out in another version of a vocabulary;
    never a label, and never one that another name of the class equals once normalised.

    Args:
        synonyms: SYNONYMS of all ontologies; COLUMNS.
        equivalents: CONCEPT_EQUIVALENTS; a concept is known by its leader.
        held_out: Share of the names that may be held out which are.

    Returns:
        ALIGNMENT_NAMES.
    """
    names = _distinct(_led(pl.DataFrame(synonyms.select(list(COLUMNS))), equivalents))
    numbered = names.with_columns(
        concept=(pl.struct("entity_class", "concept_id").rank("dense") - 1).cast(pl.Int32)
    )
    kin = kin_of(numbered)
    together = numbered.with_columns(kin=pl.Series(kin)[numbered["concept"]].cast(pl.Int32))
    of_string = ("entity_class", "normalised")
    chosen = (
        together.with_columns(
            families=pl.col("kin").n_unique().over(of_string),
            times=pl.len().over(of_string),
        )
        .filter(pl.col("families") == 1)
        .with_columns(
            held_out=(pl.col("times") == 1)
            & (pl.col("scope") != "label")
            & _is_drawn(held_out)
            & (pl.len().over("concept") > 1)
        )
        .with_columns(held_out=pl.col("held_out") & ~pl.col("held_out").all().over("concept"))
        .sort("entity_class", "concept", "name")
    )
    return (
        chosen.select(list(ALIGNMENT_NAMES.names))
        .rechunk()
        .to_arrow(compat_level=pl.CompatLevel.oldest())
        .cast(ALIGNMENT_NAMES)
        .combine_chunks()
    )


def _led(names: pl.DataFrame, equivalents: pa.Table | None) -> pl.DataFrame:
    """Names that may be linked, under the leaders of their concepts."""
    linkable = names.filter(pl.col("linkable") & (pl.col("source") != "generated"))
    if equivalents is None:
        return linkable
    led = (
        pl.DataFrame(equivalents.select(["concept_id", "ontology", "leader_id"]))
        .drop_nulls("leader_id")
        .unique(["concept_id", "ontology"], keep="first", maintain_order=True)
    )
    return linkable.join(led, on=["concept_id", "ontology"], how="left").with_columns(
        concept_id=pl.coalesce("leader_id", "concept_id")
    )


def _distinct(names: pl.DataFrame) -> pl.DataFrame:
    """One name for each normalised form of a concept: a label, if there is one, else the first."""
    return (
        names.filter(pl.col("normalised") != "")
        .sort(pl.col("scope") != "label", "name", "ontology")
        .unique(["entity_class", "concept_id", "normalised"], keep="first", maintain_order=True)
        .select("entity_class", "concept_id", "name", "scope", "normalised")
        .sort("entity_class", "concept_id", "name")
    )


def kin_of(names: pl.DataFrame) -> NDArray[np.int32]:
    """The least number of the concepts that each concept is kin to. Shape: (n_concepts,).

    Args:
        names: entity_class, normalised and concept, a number below the number of concepts.
    """
    n_concepts = names["concept"].max()
    kin = np.arange(0 if not isinstance(n_concepts, int) else n_concepts + 1, dtype=np.int32)
    shared = (
        names.filter(pl.col("normalised").str.len_chars() >= _TELLING)
        .group_by("entity_class", "normalised")
        .agg(pl.col("concept").unique().sort())
        .filter(pl.col("concept").list.len().is_between(2, _SHARED_BY))["concept"]
    )
    first = shared.list.first().to_numpy()
    pairs = pl.DataFrame({"one": first, "other": shared}).explode("other")
    one, other = pairs["one"].to_numpy(), pairs["other"].to_numpy()
    while True:  # each round halves the longest way, so there are few
        least = np.minimum(kin[one], kin[other])
        before = kin.copy()
        np.minimum.at(kin, one, least)
        np.minimum.at(kin, other, least)
        kin = kin[kin]
        if np.array_equal(kin, before):
            return kin


def _is_drawn(share: float) -> pl.Expr:
    """Names whose hash falls into a share of all hashes, the same on every machine."""

    def drawn(strings: pl.Series) -> pl.Series:
        keys = [digest("held out", name)[:8] for name in strings.to_list()]
        return pl.Series([int(key, 16) < share * _HASHED for key in keys], dtype=pl.Boolean)

    key = pl.concat_str("entity_class", "concept_id", "normalised", separator="\t")
    return key.map_batches(drawn, return_dtype=pl.Boolean)
