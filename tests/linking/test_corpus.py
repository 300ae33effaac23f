"""Surfaces and links of a corpus: counted over files, linked again only where something changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kazu_platform.documents import surface_id
from kazu_platform.linking.compile import build_linking_index
from kazu_platform.linking.corpus import BUCKETS, link_changed, surfaces_of_files
from kazu_platform.linking.exact import ExactLinker
from kazu_platform.linking.index import open_linking_index
from kazu_platform.linking.surfaces import surfaces_from_strings
from kazu_platform.tables import LINKS, MENTIONS, SURFACES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    Strings = Sequence[tuple[str, str, str]]  # text, entity class, context
    Vocabulary = tuple[pa.Table, pa.Table]

EGFR = ("EGFR", "gene", "")
PSA = ("PSA", "gene", "")
PSA_LONG = ("PSA", "gene", "long:prostate-specific antigen")
CANCER = ("breast cancer", "disease", "")
NOTHING = ("flubber", "chemical", "")


def mentions_file(path: Path, strings: Strings) -> str:
    """A Parquet file of MENTIONS, one for each of these strings."""
    rows = [
        {
            "mention_id": f"{path.stem}-{number}",
            "doc_id": "PMID:7",
            "content_hash": "h",
            "section": 0,
            "sentence": 0,
            "start": 0,
            "end": len(text),
            "spans": [{"start": 0, "end": len(text)}],
            "text": text,
            "entity_class": entity_class,
            "detector": "dictionary",
            "detector_version": "1",
            "surface_id": surface_id(text, entity_class, context),
            "context": context,
        }
        for number, (text, entity_class, context) in enumerate(strings)
    ]
    pq.write_table(MENTIONS.from_rows(rows), path)
    return str(path)


def surfaces(*strings: tuple[str, str, str]) -> pa.Table:
    columns = ("text", "entity_class", "context")
    return surfaces_from_strings(pl.DataFrame(strings, columns, orient="row"))


def counted(buckets: dict[str, pa.Table]) -> dict[tuple[str, str, str], int]:
    return {
        (row["text"], row["entity_class"], row["context"]): row["n_mentions"]
        for rows in buckets.values()
        for row in rows.to_pylist()
    }


def concepts(links: pa.Table, string: tuple[str, str, str]) -> list[str]:
    wanted = surface_id(*string)
    return [row["concept_id"] for row in links.to_pylist() if row["surface_id"] == wanted]


def test_surfaces_are_counted_over_all_files(tmp_path: Path):
    files = [
        mentions_file(tmp_path / "one.parquet", [EGFR, EGFR, PSA]),
        mentions_file(tmp_path / "two.parquet", [EGFR, PSA_LONG, CANCER]),
        mentions_file(tmp_path / "none.parquet", []),
    ]

    buckets = surfaces_of_files(files)

    assert counted(buckets) == {EGFR: 3, PSA: 1, PSA_LONG: 1, CANCER: 1}


def test_every_bucket_is_there_and_holds_what_its_name_says(tmp_path: Path):
    strings = [(f"gene {number}", "gene", "") for number in range(200)]

    buckets = surfaces_of_files([mentions_file(tmp_path / "one.parquet", strings)])

    assert tuple(buckets) == BUCKETS
    assert len(BUCKETS) == 16
    for name, rows in buckets.items():
        ids = rows["surface_id"].to_pylist()
        assert SURFACES.check(rows).num_rows == len(ids) > 0
        assert {f"0{each[0]}" for each in ids} == {name}
        assert ids == sorted(ids)


def test_surfaces_are_normalised_as_their_class_is(tmp_path: Path):
    greek = ("TNF-α", "gene", "")

    buckets = surfaces_of_files([mentions_file(tmp_path / "one.parquet", [greek, CANCER])])

    found = {r["text"]: r["normalised"] for rows in buckets.values() for r in rows.to_pylist()}
    one = surfaces(greek, CANCER)
    assert found == dict(zip(one["text"].to_pylist(), one["normalised"].to_pylist(), strict=True))


def test_no_files_have_empty_buckets():
    buckets = surfaces_of_files([])

    assert tuple(buckets) == BUCKETS
    assert all(rows.equals(SURFACES.empty()) for rows in buckets.values())


def test_a_path_is_no_pattern_and_names_no_partition(tmp_path: Path):
    """`[b]` would match a folder b, and `text=x` would become a column."""
    folder = tmp_path / "a[b]*" / "text=x"
    folder.mkdir(parents=True)

    assert counted(surfaces_of_files([mentions_file(folder / "one.parquet", [EGFR])])) == {EGFR: 1}


def test_everything_is_linked_at_first(linker: ExactLinker):
    done = link_changed(linker, surfaces(EGFR, CANCER, NOTHING), LINKS.empty())

    assert (done.n_linked, done.n_kept) == (3, 0)
    assert done.links.equals(LINKS.sort(linker.link(surfaces(EGFR, CANCER, NOTHING))))
    assert concepts(done.links, EGFR) == ["HGNC:3236", "NCBIGene:13649"]
    assert concepts(done.links, NOTHING) == []


def test_only_what_is_new_is_linked(linker: ExactLinker):
    known = link_changed(linker, surfaces(EGFR), LINKS.empty()).links

    done = link_changed(linker, surfaces(EGFR, CANCER), known)

    assert (done.n_linked, done.n_kept) == (1, 1)
    assert done.links.equals(link_changed(linker, surfaces(EGFR, CANCER), LINKS.empty()).links)


def test_kept_links_are_the_ones_that_were_known(linker: ExactLinker):
    """They are not made again in secret: a score that only the known row has stays."""
    known = link_changed(linker, surfaces(EGFR), LINKS.empty()).links
    marked = known.set_column(4, LINKS.schema.field("score"), pa.array([0.125, 0.0625], "float32"))

    done = link_changed(linker, surfaces(EGFR, PSA), LINKS.check(marked))

    scores = {row["concept_id"]: row["score"] for row in done.links.to_pylist()}
    assert scores["HGNC:3236"] == 0.125
    assert scores["NCBIGene:13649"] == 0.0625


def test_links_of_a_vanished_surface_are_let_go(linker: ExactLinker):
    known = link_changed(linker, surfaces(EGFR, CANCER), LINKS.empty()).links

    done = link_changed(linker, surfaces(CANCER), known)

    assert (done.n_linked, done.n_kept) == (0, 1)
    assert set(done.links["surface_id"].to_pylist()) == {surface_id(*CANCER)}


def test_a_surface_without_links_is_tried_again(linker: ExactLinker):
    known = link_changed(linker, surfaces(NOTHING), LINKS.empty()).links

    assert link_changed(linker, surfaces(NOTHING), known).n_linked == 1


@pytest.fixture
def changed(tmp_path: Path, vocabulary: Vocabulary) -> ExactLinker:
    """The same genes, but another synonym of a disease."""
    concepts, synonyms = vocabulary
    rows = synonyms.to_pylist()
    extra = next(row for row in rows if row["concept_id"] == "MONDO:0004975")
    name = {"name": "breast cancer", "normalised": "breast cancer", "scope": "exact"}
    more = pa.Table.from_pylist([*rows, extra | name], schema=synonyms.schema)
    order = ["HGNC", "MOUSE", "MONDO", "DOID"]
    build_linking_index(concepts, more, tmp_path / "changed", ontologies=order)
    return ExactLinker(open_linking_index(tmp_path / "changed"))


def test_a_changed_vocabulary_links_its_class_again_and_no_other(
    linker: ExactLinker, changed: ExactLinker
):
    known = link_changed(linker, surfaces(EGFR, PSA, CANCER), LINKS.empty()).links

    done = link_changed(changed, surfaces(EGFR, PSA, CANCER), known)

    assert (done.n_linked, done.n_kept) == (1, 2)
    assert "MONDO:0004975" in concepts(done.links, CANCER)
    assert "MONDO:0004975" not in concepts(known, CANCER)
    fresh = link_changed(changed, surfaces(EGFR, PSA, CANCER), LINKS.empty()).links
    assert done.links.equals(fresh)


def test_another_version_of_the_linker_links_everything_again(linker: ExactLinker):
    known = link_changed(linker, surfaces(EGFR, CANCER), LINKS.empty()).links
    older = known.set_column(
        8, LINKS.schema.field("linker_version"), pa.repeat("older", known.num_rows)
    )

    done = link_changed(linker, surfaces(EGFR, CANCER), LINKS.check(older))

    assert (done.n_linked, done.n_kept) == (2, 0)
    assert done.links.equals(known)


def test_a_class_that_the_vocabularies_lost_has_no_links(linker: ExactLinker):
    link = link_changed(linker, surfaces(EGFR), LINKS.empty()).links.to_pylist()[0]
    lost = ("liver", "anatomy", "")
    known = LINKS.from_rows([link | {"surface_id": surface_id(*lost), "concept_id": "UBERON:1"}])

    done = link_changed(linker, surfaces(lost), known)

    assert (done.n_linked, done.links.num_rows) == (1, 0)


def test_nothing_is_nothing(linker: ExactLinker):
    done = link_changed(linker, SURFACES.empty(), LINKS.empty())

    assert (done.n_linked, done.n_kept) == (0, 0)
    assert done.links.equals(LINKS.empty())
