"""Which concepts of a linking index the identifiers of a corpus mean.

A corpus says MESH:D003924 and the index links to MONDO:0005148. The strongest that is known of an
identifier counts:

1. the index links to it;
2. another concept stands for it (`concept_equivalents`);
3. it is obsolete, and what replaced it is one of the above;
4. a concept of the class has it as a cross-reference, exact or not.

What an identifier leads to has a linkable name of its class, or it is not in the vocabulary.

An identifier of another vocabulary also means concepts whose label is a name of what it leads to,
and that no identifier of that vocabulary leads to: MESH:D008175, lung neoplasms, is called lung
cancer too, which is a concept of its own in MONDO, and who marks text with MeSH has no other
identifier for it. One that leads to a concept of its own vocabulary also means concepts if each of
the two goes by the label of the other: ascorbic acid of DrugBank, which no cross-reference joins
to that of MeSH. Symbols, abbreviations and what has a species are left out: theirs are names of
many things.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from kazu_platform.linking.index import SCOPES

if TYPE_CHECKING:
    from kazu_platform.linking.index import LinkingIndex

_CLASS = "entity_class"
_KNOWN = ["id", _CLASS, "concept_id"]


@dataclass(frozen=True)
class Identifiers:
    """What identifiers mean in an index: distinct rows of id, entity_class, concept_id."""

    known: pl.DataFrame

    @classmethod
    def of(
        cls, index: LinkingIndex, concepts: pa.Table, xrefs: pa.Table, equivalents: pa.Table
    ) -> Identifiers:
        """What is known of identifiers.

        Args:
            index: What can be linked to.
            concepts: CONCEPTS of the same ontologies, for what was replaced.
            xrefs: Their CONCEPT_XREFS.
            equivalents: Their CONCEPT_EQUIVALENTS, those that the index was built with.
        """
        live = _live(index)
        itself = live.select("concept_id", _CLASS, id="concept_id").select(_KNOWN)
        following = (
            pl.DataFrame(equivalents.select(["concept_id", _CLASS, "leader_id"]))
            .drop_nulls("leader_id")
            .select(_CLASS, id="concept_id", concept_id="leader_id")
            .join(live, on=["concept_id", _CLASS], how="semi")
            .select(_KNOWN)
        )
        known = _with(itself, following)
        old = pl.DataFrame(concepts.select(["concept_id", _CLASS, "obsolete", "replaced_by"]))
        replaced = old.filter("obsolete").drop_nulls("replaced_by")
        known = _with(
            known, _through(known, replaced.select(_CLASS, "replaced_by", id="concept_id"))
        )
        refs = (
            pl.DataFrame(xrefs.select(["concept_id", "xref"]))
            .join(known, left_on="concept_id", right_on="id")
            .select(_CLASS, id="xref", concept_id="concept_id_right")
        )
        known = _with(known, refs)
        prefixed = known.with_columns(prefix=_prefix("id"))
        called_so = _called_so(index)
        is_own = pl.col("prefix") == _prefix("concept_id")
        called = pl.concat(
            [
                prefixed.filter(~is_own).join(called_so, on=[_CLASS, "concept_id"]),
                prefixed.filter(is_own).join(_mutual(called_so), on=[_CLASS, "concept_id"]),
            ]
        ).join(
            prefixed.select(_CLASS, "prefix", called="concept_id"),
            on=[_CLASS, "prefix", "called"],
            how="anti",
        )
        also = called.select("id", _CLASS, concept_id="called")
        return cls(pl.concat([known, also]).unique().sort(_KNOWN))

    def meant(self, ids: pl.DataFrame) -> pl.DataFrame:
        """The concepts that identifiers mean.

        Args:
            ids: Columns id and entity_class, and any others.

        Returns:
            Those columns and concept_id: a row for each concept, none for what is not known.
        """
        return ids.join(self.known, on=["id", _CLASS], maintain_order="left")

    def comparable(self, prefixes: list[str], entity_class: str) -> pl.DataFrame:
        """Concepts of a class that identifiers with one of those prefixes mean: concept_id, id.

        Others could not be right, whatever a corpus with such identifiers says.
        """
        fits = (pl.col(_CLASS) == entity_class) & _prefix("id").is_in(prefixes)
        return self.known.filter(fits).select("concept_id", "id").unique().sort("concept_id", "id")


def _live(index: LinkingIndex) -> pl.DataFrame:
    """What can be linked to: concept_id, entity_class."""
    names = pl.DataFrame(index.names.select([_CLASS, "concept"])).unique()
    ids = pl.DataFrame(index.concepts.select(["concept_id"])).with_row_index("concept")
    classes = pl.DataFrame({"name": list(index.manifest.classes)}).with_row_index(_CLASS)
    return (
        names.with_columns(pl.col("concept").cast(pl.UInt32), pl.col(_CLASS).cast(pl.UInt32))
        .join(ids, on="concept")
        .join(classes, on=_CLASS)
        .select("concept_id", pl.col("name").alias(_CLASS))
        .with_columns(pl.all().cast(pl.String))
        .unique()
    )


def _prefix(column: str) -> pl.Expr:
    return pl.col(column).str.split(":").list.first()


def _called_so(index: LinkingIndex) -> pl.DataFrame:
    """Concepts and others whose label is one of their names: entity_class, concept_id, called."""
    names = (
        pl.DataFrame(index.names.select([_CLASS, "concept", "normalised", "scope", "place"]))
        .filter(pl.Series(index.names["case_sensitive"]).not_())
        .filter(pl.col("scope") <= SCOPES.index("exact"), pl.col("normalised") != "")
    )
    has_taxon = pl.Series(index.concepts["taxon_id"].combine_chunks()).cast(pl.String) != ""
    names = names.filter(~has_taxon.gather(names["concept"]))
    of_its_own = pl.col("place") == pl.col("place").min().over(_CLASS, "concept")
    labels = names.filter((pl.col("scope") == SCOPES.index("label")) & of_its_own)
    same = names.join(
        labels.select(_CLASS, "normalised", called="concept"), on=[_CLASS, "normalised"]
    ).filter(pl.col("concept") != pl.col("called"))
    ids = index.concepts["concept_id"].combine_chunks().cast(pa.string())
    columns = {
        _CLASS: [index.manifest.classes[number] for number in same[_CLASS].to_list()],
        "concept_id": pl.Series(ids.take(same["concept"].to_arrow())),
        "called": pl.Series(ids.take(same["called"].to_arrow())),
    }
    schema = {_CLASS: pl.String, "concept_id": pl.String, "called": pl.String}
    return pl.DataFrame(columns, schema).unique()


def _mutual(called_so: pl.DataFrame) -> pl.DataFrame:
    """Those of which each goes by the label of the other."""
    key = [_CLASS, "concept_id", "called"]
    reverse = called_so.select(_CLASS, concept_id="called", called="concept_id")
    return called_so.join(reverse, on=key, how="semi")


def _through(known: pl.DataFrame, replaced: pl.DataFrame) -> pl.DataFrame:
    now = known.rename({"id": "replaced_by"})
    return replaced.join(now, on=["replaced_by", _CLASS]).select(_KNOWN)


def _with(known: pl.DataFrame, further: pl.DataFrame) -> pl.DataFrame:
    """What is known, and what is said of identifiers of which nothing was."""
    new = further.select(_KNOWN).join(known, on=["id", _CLASS], how="anti")
    return pl.concat([known, new]).unique()
