"""The context that matters: what the document itself says about a string.

Three things make "PSA" mean something. If the document defines it ("prostate-specific antigen
(PSA)"), its context is `long:prostate-specific antigen`. If several concepts have it as a name
and the document names exactly one of them otherwise, and unambiguously, its context is
`defined:<CURIE>`. If the string is no name, and the document has a name that is spelt like it, its
context is `near:<that name>` (`near`). Else the context is empty. A mention is never deleted for
want of any.

A species whose genus is written by its first letters has the long form that the document writes
out: "M. bovis" is Mycobacterium bovis beside that name, and Mycoplasma bovis beside the other.

The context of a gene says of which species the document is (`taxa`), if that is another than people
and the vocabulary has its genes.

Contexts are found for distinct strings of a document, and candidates of distinct strings of the
whole batch are asked for once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.arrow import in_order
from kazu_platform.linking.contexts import DEFINED, LONG_FORM, NEAR, TAXON
from kazu_platform.linking.grams import GRAMS_VERSION
from kazu_platform.linking.near import near_names
from kazu_platform.linking.surfaces import surface_ids, surfaces_from_strings
from kazu_platform.linking.taxa import TAXA_VERSION, taxa_of
from kazu_platform.ner.defined import definitions
from kazu_platform.ner.documented import (
    DOCUMENTED_VERSION,
    OF_DOCUMENTS,
    with_names_of_documents,
)
from kazu_platform.ner.mentions import places_among
from kazu_platform.tables import MENTIONS
from kazu_platform.text.fold_column import fold_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from kazu_platform.linking.difference import Touched
    from kazu_platform.linking.linker import Linker

_DOCUMENT = ["doc_id", "content_hash"]
_STRING = ["text", "entity_class"]
_FOUND = ["content_hash", "mention_id", "detector", "confidence"]
"""A mention, who found it and how sure they were."""
_OF_PEOPLE = r"(?i)\bhuman\b"
"""A gene of which the text says whose it is."""
_SHORT_GENUS = r"^(\p{Lu}\p{Ll}{0,2})\. ?(\p{Ll}{3,}.*)$"
_GENUS = r"^(\p{Lu}\p{Ll}{3,}) (\p{Ll}{3,}.*)$"
CONTEXT_VERSION = f"4-{DOCUMENTED_VERSION}-{TAXA_VERSION}-{GRAMS_VERSION}"
"""Changes when the same mentions and vocabulary may get other contexts."""


@dataclass(frozen=True, slots=True)
class Updated:
    """MENTIONS of a file, and how many of its documents were worked on."""

    mentions: pa.Table
    n_documents: int


def with_context(
    mentions: pa.Table,
    definitions: pl.DataFrame,
    linker: Linker,
    taxa: pl.DataFrame | None = None,
) -> pa.Table:
    """Give each mention its context and its surface: rows of MENTIONS in the same order.

    Args:
        mentions: DICTIONARY_MENTIONS or any detectors' mentions with those columns.
        definitions: abbreviations that the documents define (`ner.defined.definitions`).
        linker: Says which strings are names, and which are ambiguous, and among what.
        taxa: the species of documents (`taxa.taxa_of`); without them all are about people.
    """
    if not mentions.num_rows:
        return MENTIONS.empty()
    strings = pl.DataFrame(mentions.select([*_DOCUMENT, *_STRING])).unique(maintain_order=True)
    long = definitions.select(*_DOCUMENT, text="short", long=LONG_FORM + pl.col("long"))
    surfaces = _without_context(strings)
    links = linker.by_name.link(surfaces)
    contexts = (
        strings.join(long, on=[*_DOCUMENT, "text"], how="left")
        .join(_spelt_out(strings), on=[*_DOCUMENT, *_STRING], how="left")
        .join(_defined(strings, surfaces, links), on=[*_DOCUMENT, *_STRING], how="left")
        .join(_near(strings, surfaces, links), on=[*_DOCUMENT, *_STRING], how="left")
        .with_columns(said=pl.coalesce("long", "spelt_out", "defined", "near", pl.lit("")))
        .join(_of_taxa(taxa, linker), on=[*_DOCUMENT, "entity_class"], how="left")
        .with_columns(pl.when(~pl.col("text").str.contains(_OF_PEOPLE)).then("taxon"))
        .with_columns(
            context=pl.concat_str(
                "taxon", "said", separator=" ", ignore_nulls=True
            ).str.strip_chars()
        )
        .select(*_DOCUMENT, *_STRING, "context")
    )
    distinct = contexts.select(*_STRING, "context").unique()
    named = distinct.with_columns(surface_ids(distinct))
    keyed = contexts.join(named, on=[*_STRING, "context"])
    found = pl.DataFrame(mentions.select([*_DOCUMENT, *_STRING])).join(
        keyed, on=[*_DOCUMENT, *_STRING], how="left", maintain_order="left"
    )
    added = found.select("surface_id", "context").to_arrow(compat_level=pl.CompatLevel.oldest())
    return MENTIONS.check(
        mentions.append_column(MENTIONS.schema.field("surface_id"), _text(added["surface_id"]))
        .append_column(MENTIONS.schema.field("context"), _text(added["context"]))
        .select(MENTIONS.schema.names)
    )


def update_context(
    live: pa.Table,
    found: pa.Table,
    passages: Callable[[], pa.Table],
    touched: Touched,
    linker: Linker,
) -> Updated:
    """Bring the MENTIONS of a file up to date, working only on documents that something touches.

    Those are the documents in which a detector now finds something else, and those with a string
    whose links may have changed. Exactly what finding all contexts anew would give.

    Args:
        live: MENTIONS as they stand, made from the same texts and by the same rules.
        found: what the detectors find now, combined (`ner.combination`), nothing more.
        passages: reads PASSAGES of the file; called only if something is touched.
        touched: what differs between the vocabulary of `live` and the linker's.
        linker: of the vocabulary as it is now.
    """
    before = pl.DataFrame(live.select([*_FOUND, "doc_id", *_STRING, "context"]))
    detected = before.filter(~pl.col("detector").is_in(OF_DOCUMENTS))
    now = pl.DataFrame(found.select([*_FOUND, "doc_id"]))
    documents = pl.concat(
        [
            now.join(detected, on=_FOUND, how="anti", nulls_equal=True).select(_DOCUMENT),
            detected.join(now, on=_FOUND, how="anti", nulls_equal=True).select(_DOCUMENT),
            before.filter(touched.of(before.select(*_STRING, "context"))).select(_DOCUMENT),
        ]
    ).unique()
    if documents.is_empty():
        return Updated(live, 0)
    texts = passages()
    own = _of(texts, documents)
    definitions_of_own = definitions(own)
    again = with_names_of_documents(_of(found, documents), own, definitions_of_own)
    stays = np.flatnonzero(~_among(live, documents).to_numpy())
    new = with_context(again, definitions_of_own, linker, taxa_of(own))
    rows = np.concatenate([stays, live.num_rows + np.arange(new.num_rows)])
    place = np.concatenate(
        [places_among(live, texts, _DOCUMENT)[stays], places_among(new, texts, _DOCUMENT)]
    )
    order = rows[np.argsort(place, kind="stable")]
    return Updated(in_order([live, new], order), documents.height)


def _of(rows: pa.Table, documents: pl.DataFrame) -> pa.Table:
    return rows.filter(pa.array(_among(rows, documents).to_numpy()))


def _among(rows: pa.Table, documents: pl.DataFrame) -> pl.Series:
    """Whether each row belongs to one of the documents."""
    marked = documents.with_columns(own=pl.lit(value=True))
    return (
        pl.DataFrame(rows.select(_DOCUMENT))
        .join(marked, on=_DOCUMENT, how="left", maintain_order="left")["own"]
        .fill_null(value=False)
    )


def _spelt_out(strings: pl.DataFrame) -> pl.DataFrame:
    """Species with a short genus, where the document writes exactly one genus out for them."""
    species = strings.filter(pl.col("entity_class") == "species")

    def taken_apart(form: str, genus: str) -> pl.DataFrame:
        text = pl.col("text")
        parts = {genus: text.str.extract(form, 1), "epithet": text.str.extract(form, 2)}
        return species.with_columns(**parts).drop_nulls(genus)

    full = taken_apart(_GENUS, "genus").select(*_DOCUMENT, "genus", "epithet")
    return (
        taken_apart(_SHORT_GENUS, "short")
        .join(full, on=[*_DOCUMENT, "epithet"])
        .filter(pl.col("genus").str.starts_with(pl.col("short")))
        .group_by(*_DOCUMENT, *_STRING)
        .agg(pl.col("genus").unique(), pl.col("epithet").first())
        .filter(pl.col("genus").list.len() == 1)
        .select(
            *_DOCUMENT,
            *_STRING,
            spelt_out=pl.concat_str(
                pl.lit(LONG_FORM), pl.col("genus").list.first(), pl.lit(" "), pl.col("epithet")
            ),
        )
    )


def _without_context(strings: pl.DataFrame) -> pa.Table:
    """SURFACES of strings, as if nothing were said about them."""
    return surfaces_from_strings(strings.select(_STRING).unique().with_columns(context=pl.lit("")))


def _near(strings: pl.DataFrame, surfaces: pa.Table, named: pa.Table) -> pl.DataFrame:
    """Strings that are no names beside a name that is like them."""
    known = pl.DataFrame(surfaces.select(["surface_id", *_STRING, "normalised"])).with_columns(
        is_named=pl.col("surface_id").is_in(pl.Series(named["surface_id"]).implode())
    )
    spelled = strings.join(known, on=_STRING)
    found = near_names(spelled.drop("surface_id", "text"), _DOCUMENT)
    return spelled.join(found, on=[*_DOCUMENT, "entity_class", "normalised"]).select(
        *_DOCUMENT, *_STRING, near=NEAR + pl.col("near")
    )


def _defined(strings: pl.DataFrame, surfaces: pa.Table, named: pa.Table) -> pl.DataFrame:
    """Ambiguous strings of which a document names exactly one candidate otherwise.

    Candidates are those that share the first place: same ontology, same score as rank 1.
    """
    links = pl.DataFrame(named).join(
        pl.DataFrame(surfaces.select(["surface_id", *_STRING])), on="surface_id"
    )
    first = links.filter(pl.col("rank") == 1).select(
        "surface_id", "ambiguous", first_ontology="ontology", first_score="score"
    )
    candidates = (
        links.drop("ambiguous")
        .join(first.filter("ambiguous"), on="surface_id")
        .filter(
            pl.col("ontology") == pl.col("first_ontology"),
            pl.col("score") == pl.col("first_score"),
        )
        .select(*_STRING, "concept_id")
    )
    if candidates.is_empty():
        return pl.DataFrame(schema=dict.fromkeys((*_DOCUMENT, *_STRING, "defined"), pl.String))
    clear = (
        links.filter(pl.col("rank") == pl.col("rank").min().over("surface_id", "ontology"))
        .filter(~pl.col("ambiguous"))
        .select(*_STRING, "concept_id")
    )
    wanted = clear.join(candidates, on=["entity_class", "concept_id"], how="semi")
    said = _folded(strings.join(wanted, on=_STRING)).select(
        *_DOCUMENT, "entity_class", "concept_id", other="folded"
    )
    return (
        _folded(strings.join(candidates, on=_STRING))
        .join(said, on=[*_DOCUMENT, "entity_class", "concept_id"])
        .filter(pl.col("folded") != pl.col("other"))
        .group_by(*_DOCUMENT, *_STRING)
        .agg(pl.col("concept_id").unique())
        .filter(pl.col("concept_id").list.len() == 1)
        .with_columns(defined=DEFINED + pl.col("concept_id").list.first())
        .drop("concept_id")
    )


def _of_taxa(taxa: pl.DataFrame | None, linker: Linker) -> pl.DataFrame:
    """By document and class the first part of the context, where the vocabulary knows several."""
    schema = dict.fromkeys((*_DOCUMENT, "taxon", "entity_class"), pl.String)
    known = linker.by_name.taxa
    if taxa is None or len(known) < 2:  # noqa: PLR2004 - one cannot be told from another
        return pl.DataFrame(schema=schema)
    return taxa.filter(pl.col("taxon").is_in(sorted(known))).select(
        *_DOCUMENT, taxon=TAXON + pl.col("taxon"), entity_class=pl.lit("gene")
    )


def _folded(strings: pl.DataFrame) -> pl.DataFrame:
    """Strings with their folded form: another case of a string is not another string."""
    return strings.with_columns(folded=fold_names(strings["text"]))


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string())
