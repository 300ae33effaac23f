"""What a changed vocabulary touches: the names under which linking may now find something else.

A surface is linked by its own string and, where its document defines it, by its long form, or by a
name near it, folded or normalised. So two linking indices give a surface the same links if they
hold the same rows under these keys, and the same order of ontologies. `Touched` is the set of keys
whose rows differ; what it does not touch need not be linked again, and that is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from kazu_platform.linking.contexts import LONG_FORM, NEAR, without_taxon
from kazu_platform.text.fold_column import fold_names
from kazu_platform.text.normalise import normalise_column

if TYPE_CHECKING:
    from kazu_platform.linking.index import LinkingIndex

_KEY = {"entity_class": pl.String, "key": pl.String}
_COMPARED = ("exact", "folded", "normalised", "scope", "case_sensitive", "preferred")


@dataclass(frozen=True, slots=True)
class Touched:
    """Keys of names whose meaning may have changed: `entity_class`, `key`, each once.

    `concepts` have or had one of these names. A surface that is only similar to such a name has, or
    had, one of them among its links.
    """

    everything: bool = False
    folded: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_KEY))
    normalised: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_KEY))
    concepts: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether anything is touched."""
        return self.everything or not self.folded.is_empty()

    def of(self, surfaces: pl.DataFrame) -> pl.Series:
        """Say for each surface if it is touched.

        Args:
            surfaces: `text`, `entity_class` and `context`.
        """
        if self.everything or not self or surfaces.is_empty():
            return pl.Series([self.everything] * surfaces.height, dtype=pl.Boolean)
        known = self.folded["entity_class"].unique().implode()
        own = surfaces.with_row_index("row").filter(pl.col("entity_class").is_in(known))
        said = own.with_columns(context=without_taxon(pl.col("context")))
        long = said.filter(pl.col("context").str.starts_with(LONG_FORM)).with_columns(
            text=pl.col("context").str.strip_prefix(LONG_FORM)
        )
        strings = pl.concat([own, long]).select("row", "entity_class", "text")
        # The name near a string is normalised already.
        near = said.filter(pl.col("context").str.starts_with(NEAR)).join(
            self.normalised,
            left_on=["entity_class", pl.col("context").str.strip_prefix(NEAR)],
            right_on=["entity_class", "key"],
            how="semi",
        )
        named = strings.filter(self._has(strings.select("entity_class", "text")))
        hit = pl.concat([named["row"], near["row"]]).unique()
        return pl.int_range(surfaces.height, dtype=pl.UInt32, eager=True).is_in(hit.implode())

    def of_links(self, links: pa.Table) -> pl.Series:
        """The surfaces of LINKS that link to a touched concept, the first one or another: ids."""
        frame = pl.DataFrame(links.select(["surface_id", "concept_id"]))
        wanted = pl.Series(sorted(self.concepts), dtype=pl.String)
        return frame.filter(pl.col("concept_id").is_in(wanted.implode()))["surface_id"].unique()

    def _has(self, strings: pl.DataFrame) -> pl.Series:
        if strings.is_empty():
            return pl.Series(dtype=pl.Boolean)
        distinct = strings.unique()
        parts = [
            part.with_columns(
                folded=fold_names(part["text"]),
                normalised=pl.Series(normalise_column(part["text"], name), dtype=pl.String),
            )
            for (name,), part in distinct.group_by("entity_class", maintain_order=True)
            if isinstance(name, str)
        ]
        keyed = pl.concat(parts)
        hits = pl.concat(
            [
                keyed.join(keys, left_on=["entity_class", column], right_on=["entity_class", "key"])
                .select("entity_class", "text")
                .unique()
                for column, keys in (("folded", self.folded), ("normalised", self.normalised))
            ]
        ).unique()
        return strings.join(
            hits.with_columns(hit=pl.lit(value=True)),
            on=["entity_class", "text"],
            how="left",
            maintain_order="left",
        )["hit"].fill_null(value=False)


def touched(old: LinkingIndex, new: LinkingIndex) -> Touched:
    """Compare two linking indices.

    Costs about a second for a million names; nothing if they are of one version.
    """
    if old.version == new.version:
        return Touched()
    both = set(old.manifest.ontologies) & set(new.manifest.ontologies)
    before, after = (
        [name for name in each.manifest.ontologies if name in both] for each in (old, new)
    )
    if before != after:
        return Touched(everything=True)
    old_rows, new_rows = _rows(old), _rows(new)
    differ = pl.concat(
        [
            old_rows.join(new_rows, on="row", how="anti"),
            new_rows.join(old_rows, on="row", how="anti"),
        ]
    )
    normalised = differ.select("entity_class", key="normalised").unique()
    named = pl.concat([old_rows, new_rows]).join(
        normalised.rename({"key": "normalised"}), on=["entity_class", "normalised"], how="semi"
    )
    return Touched(
        folded=differ.select("entity_class", key="folded").unique(),
        normalised=normalised,
        concepts=frozenset(named["concept_id"].unique().to_list()),
    )


def _rows(index: LinkingIndex) -> pl.DataFrame:
    """Keys of every name, and `row`: a hash of all that linking reads of it."""
    names, concepts = index.names, index.concepts
    classes = pl.Series(index.manifest.classes, dtype=pl.String)
    concept = pa.table(
        {
            name: concepts[name].take(names["concept"].combine_chunks())
            for name in ("concept_id", "ontology")
        }
    )
    order = pl.Series(index.manifest.ontologies, dtype=pl.String)
    frame = pl.DataFrame(names.select(list(_COMPARED))).with_columns(
        order.gather(pl.Series(names["place"].combine_chunks())).alias("place"),
        classes.gather(pl.Series(names["entity_class"].combine_chunks())).alias("entity_class"),
        *(pl.Series(name, concept[name]).cast(pl.String) for name in concept.column_names),
    )
    return frame.select(
        "entity_class", "folded", "normalised", "concept_id", row=frame.hash_rows(seed=7)
    )
