"""What curations would change in the lake, before anything is changed.

The preview makes what the assets would make, from the same functions, in a folder of its own: the
names of the ontologies that the curations touch, a dictionary and a linking index of them, and
from these the mentions and their first links. So it names exactly the mentions that the change
itself will lose, gain and link to another concept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl
import pyarrow as pa

from kazu_platform.citations.passages import passages
from kazu_platform.linking.compile import build_linking_index
from kazu_platform.linking.context import update_context
from kazu_platform.linking.difference import touched as touched_keys
from kazu_platform.linking.surfaces import surfaces_of
from kazu_platform.ner.compile import synonym_difference, update_dictionary_index
from kazu_platform.ner.dictionary_index import open_dictionary_index
from kazu_platform.ner.difference import touched_names
from kazu_platform.ner.found import found_in
from kazu_platform.ner.rematch import rematch
from kazu_platform.ontologies.curating import apply_curations
from kazu_platform.ontologies.curations import preferences, touching
from kazu_platform.tables import (
    CITATIONS,
    CONCEPT_EQUIVALENTS,
    CONCEPTS,
    DICTIONARY_MENTIONS,
    LINKS,
    MENTIONS,
    SENTENCES,
    SYNONYMS,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kazu_platform.linking.difference import Touched
    from kazu_platform.linking.linker import Linker
    from kazu_platform.linking.open import LinkerParts
    from kazu_platform.settings import OntologySource
    from kazu_platform.storage.lake import Lake

LOST: Final = "lost"
GAINED: Final = "gained"
RELINKED: Final = "relinked"
_KEY = ["mention_id", "content_hash"]
_SHOWN = ["doc_id", "section", "start", "end", "text", "entity_class", "surface_id"]
_BEFORE: Final = 80


@dataclass(frozen=True, slots=True)
class Indices:
    """The compiled indices that the lake was made with: folders, and what links by them."""

    dictionary: Path
    linker: LinkerParts


def preview_curations(
    lake: Lake,
    live: Indices,
    curations: pa.Table,
    ontologies: Sequence[OntologySource],
    folder: Path,
) -> pl.DataFrame:
    """Say which mentions of the lake curations would lose, gain and link to another concept.

    Args:
        lake: what was materialised.
        live: the indices that all its mentions were made with; who calls this makes sure.
        curations: CURATIONS, all of them, as they would be.
        ontologies: of the catalogue, in order of preference.
        folder: an empty folder for the indices that the curations would give.

    Returns:
        A row for each mention: `change` (lost, gained, relinked), mention_id, content_hash, file,
        doc_id, section, start, end, text, entity_class, `before` and `after` (the first concept,
        null if there is none) and `passage`, the text around it. Ordered as the files are.

    Raises:
        MissingPartitionError: the lake was not materialised yet.
        ArtifactError: an index is damaged.
    """
    before, after = _names(lake, curations, ontologies)
    wanted = _compiled(lake, live, before, after, curations, ontologies, folder)
    return foresee(lake, live, wanted, lake.partitions(MENTIONS))


def foresee(lake: Lake, live: Indices, wanted: Indices, files: Sequence[str]) -> pl.DataFrame:
    """Say what other indices would make of the mentions of some files.

    Args:
        lake: what was materialised.
        live: the indices that the mentions of these files were made with.
        wanted: those that they would be made with; equal rules, other names.
        files: partitions of MENTIONS.

    Returns:
        Rows as those of `preview_curations`.

    Raises:
        MissingPartitionError: a file was not read.
        ArtifactError: an index is damaged.
    """
    old, new = open_dictionary_index(live.dictionary), open_dictionary_index(wanted.dictionary)
    forms = touched_names(old, new)
    was, linker = live.linker.open().by_name, wanted.linker.open()
    keys = touched_keys(was.index, linker.by_name.index)
    links = lake.read(LINKS, columns=["surface_id", "concept_id", "rank"])
    relinked = FirstConcepts(linker, keys, links)
    parts: list[pl.DataFrame] = []
    for file in files:
        texts = _passages(lake, file)
        detected = rematch(lake.read(DICTIONARY_MENTIONS, file), texts, forms, new)
        known = lake.read(MENTIONS, file)
        updated = update_context(
            known, found_in(lake, file, detected), lambda texts=texts: texts, keys, linker
        ).mentions
        changed = _changes(_linked(known, relinked.known), relinked.of(updated))
        parts.append(_with_passages(changed, texts).with_columns(file=pl.lit(file)))
    return pl.concat(parts, how="diagonal_relaxed") if parts else pl.DataFrame()


def summary(changes: pl.DataFrame) -> pl.DataFrame:
    """Mentions by change, string, class and concepts, most first, with one example each."""
    return (
        changes.group_by("change", "text", "entity_class", "before", "after")
        .agg(
            n_mentions=pl.len(), doc_id=pl.col("doc_id").first(), passage=pl.col("passage").first()
        )
        .sort("n_mentions", "change", "text", descending=[True, False, False])
    )


def _names(
    lake: Lake, curations: pa.Table, ontologies: Sequence[OntologySource]
) -> tuple[list[pa.Table], list[pa.Table]]:
    """SYNONYMS of each ontology as they are, and as the curations would make them."""
    before, after = list[pa.Table](), list[pa.Table]()
    for source in ontologies:
        names = lake.read(SYNONYMS, source.name)
        concepts = lake.read(CONCEPTS, source.name)
        before.append(names)
        after.append(apply_curations(names, touching(curations, source), concepts))
    return before, after


def _compiled(  # noqa: PLR0913, PLR0917 - what a compiled vocabulary is made of
    lake: Lake,
    live: Indices,
    before: list[pa.Table],
    after: list[pa.Table],
    curations: pa.Table,
    ontologies: Sequence[OntologySource],
    folder: Path,
) -> Indices:
    pairs = [synonym_difference(a, b) for a, b in zip(before, after, strict=True)]
    update_dictionary_index(
        live.dictionary,
        folder / "dictionary",
        removed=pa.concat_tables([gone for gone, _ in pairs]),
        added=pa.concat_tables([came for _, came in pairs]),
    )
    names = [source.name for source in ontologies]
    build_linking_index(
        lake.read(CONCEPTS, names),
        pa.concat_tables(after),
        folder / "linking",
        ontologies=names,
        equivalents=lake.read(CONCEPT_EQUIVALENTS),
        preferences=preferences(curations),
    )
    return Indices(folder / "dictionary", replace(live.linker, linking=folder / "linking"))


def _passages(lake: Lake, file: str) -> pa.Table:
    texts = lake.read(CITATIONS, file, ["doc_id", "content_hash", "sections"])
    return passages(texts, lake.read(SENTENCES, file))


class FirstConcepts:
    """First concepts of surfaces: as they are in the lake, and as they would be.

    Only what is touched, may mean what is, or was never linked, is linked; each surface once for
    all files.
    """

    def __init__(self, linker: Linker, touched: Touched, links: pa.Table) -> None:
        self._linker, self._touched = linker, touched
        self.known = _first(links)
        stirred = touched.of_links(links)
        linked = pl.DataFrame(links.select(["surface_id"])).unique()
        self._stays = linked.filter(~pl.col("surface_id").is_in(stirred.implode()))
        self._done = linked.clear()
        self._new = self.known.clear()

    def of(self, mentions: pa.Table) -> pl.DataFrame:
        """Mentions with their first concept as it would be."""
        surfaces = surfaces_of(mentions)
        frame = pl.DataFrame(surfaces)
        hit = frame.filter(
            self._touched.of(frame.select("text", "entity_class", "context"))
            | frame["surface_id"].is_in(
                self._linker.reminded_of(surfaces, self._touched.concepts).implode()
            )
        )
        stays = self._stays.join(hit, on="surface_id", how="anti")
        done = pl.concat([stays, self._done])
        asked = (~frame["surface_id"].is_in(done["surface_id"].implode())).to_arrow()
        fresh = surfaces.filter(asked)
        self._new = pl.concat([self._new, _first(self._linker.link(fresh))])
        self._done = pl.concat([self._done, pl.DataFrame(fresh.select(["surface_id"]))])
        kept = self.known.join(stays, on="surface_id", how="semi")
        return _linked(mentions, pl.concat([kept, self._new]))


def _first(links: pa.Table) -> pl.DataFrame:
    """First concept by surface."""
    return pl.DataFrame(links).filter(pl.col("rank") == 1).select("surface_id", "concept_id")


def _linked(mentions: pa.Table, links: pl.DataFrame) -> pl.DataFrame:
    """Mentions with their first concept."""
    return pl.DataFrame(mentions.select([*_KEY, *_SHOWN])).join(
        links.select("surface_id", concept="concept_id"), on="surface_id", how="left"
    )


def _changes(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    both = before.join(after.select(*_KEY, now="concept"), on=_KEY)
    relinked = both.filter(pl.col("concept").ne_missing(pl.col("now")))
    none = pl.lit(None, pl.String)
    return pl.concat(
        [
            rows.select(pl.lit(change).alias("change"), *_KEY, *_SHOWN[:-1], before=was, after=is_)
            for change, rows, was, is_ in (
                (LOST, before.join(after, on=_KEY, how="anti"), pl.col("concept"), none),
                (GAINED, after.join(before, on=_KEY, how="anti"), none, pl.col("concept")),
                (RELINKED, relinked, pl.col("concept"), pl.col("now")),
            )
        ]
    )


def _with_passages(changes: pl.DataFrame, texts: pa.Table) -> pl.DataFrame:
    """Add the text around each mention."""
    key = ["doc_id", "content_hash", "section"]
    sections = pl.DataFrame(texts.select([*key, "text"])).rename({"text": "whole"})
    first = pl.max_horizontal(pl.col("start") - _BEFORE, pl.lit(0))
    return (
        changes.join(sections, on=key, how="left", maintain_order="left")
        .with_columns(passage=pl.col("whole").str.slice(first, pl.col("end") - first + _BEFORE))
        .drop("whole")
    )
