"""A lake, and a corpus small enough to know by heart."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from kazu_platform.documents import Span, mention_id
from kazu_platform.storage.cache import Cache
from kazu_platform.storage.lake import Lake
from kazu_platform.storage.places import Bucket
from kazu_platform.storage.s3 import S3Access
from kazu_platform.tables import (
    CITATIONS,
    CONCEPT_RELATIONS,
    CONCEPTS,
    CURRENT_CITATIONS,
    DELETIONS,
    EDGES,
    LINKS,
    MENTIONS,
    NODES,
    SENTENCES,
    SYNONYMS,
)

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

ABSTRACT = "Naïve β-cells fail. Insulin treats T2D."


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def bucket(s3_url: str, s3_server: str, tmp_path: Path) -> Bucket:
    """A prefix of a new bucket, as a machine sees it that has fetched nothing."""
    return bucket_at(s3_url, s3_server, tmp_path / "machine")


def bucket_at(url: str, server: str, home: Path) -> Bucket:
    """The same bucket, on another machine: one with another home."""
    return Bucket(url, S3Access(server), Cache(home / "cache"), home)


@pytest.fixture(params=["local", "s3"])
def any_lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """A lake in a folder, then one in a bucket."""
    if request.param == "local":
        return Lake(tmp_path / "lake")
    found: Bucket = request.getfixturevalue("bucket")
    return found.lake()


@pytest.fixture
def corpus(lake: Lake) -> Lake:
    """A corpus to change."""
    return write_corpus(lake)


@pytest.fixture(scope="session")
def shared_corpus(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The same corpus, only to read."""
    return write_corpus(Lake(tmp_path_factory.mktemp("shared") / "lake"))


def write_corpus(lake: Lake) -> Lake:
    """PMID 7 in two files with the same text, PMID 8 revised, PMID 9 deleted, one own document."""
    first, second = "pubmed26n0001", "pubmed26n0002"
    versions = [
        citation("PMID:7", 7, first, 0, "seven"),
        citation("PMID:8", 8, first, 1, "eight"),
        citation("PMID:9", 9, first, 2, "nine"),
        citation("PMID:7", 7, second, 0, "seven", revised_on=date(2025, 3, 1)),
        citation("PMID:8", 8, second, 1, "eight-revised"),
        citation("note-1", None, "notes", 0, "note"),
    ]
    for file in (first, second, "notes"):
        of_file = [row for row in versions if row["file"] == file]
        lake.write(CITATIONS, CITATIONS.from_rows(of_file), partition=file)
        lake.write(SENTENCES, sentences(of_file), partition=file)
        lake.write(
            MENTIONS, MENTIONS.from_rows([m for r in of_file for m in named_in(r)]), partition=file
        )
    lake.write(
        DELETIONS,
        DELETIONS.from_rows([{"pmid": 9, "version": None, "file": second, "position": 2}]),
        partition=second,
    )
    lake.write(
        CURRENT_CITATIONS,
        CURRENT_CITATIONS.from_rows(
            [
                current(7, second, 0, "seven"),
                current(8, second, 1, "eight-revised"),
                current(9, second, 2, None),
            ]
        ),
        partition="all",
    )
    write_vocabulary(lake)
    return lake


def citation(  # noqa: PLR0913, PLR0917 - a row
    doc_id: str,
    pmid: int | None,
    file: str,
    position: int,
    content_hash: str,
    revised_on: date | None = None,
) -> dict[str, Any]:
    title = f"About {content_hash}"
    return {
        "doc_id": doc_id,
        "pmid": pmid,
        "version": 1,
        "title": title,
        "sections": [{"name": "title", "text": title}, {"name": "abstract", "text": ABSTRACT}],
        "other_abstracts": [],
        "pub_year": 2024,
        "language": ["eng"],
        "publication_types": [],
        "mesh": [],
        "revised_on": revised_on,
        "retracted": False,
        "content_hash": content_hash,
        "file": file,
        "position": position,
    }


def sentences(citations: list[dict[str, Any]]) -> pa.Table:
    borders = [(1, 0, 0, 19), (1, 1, 20, 39)]
    return SENTENCES.from_rows(
        [
            {
                "doc_id": row["doc_id"],
                "content_hash": row["content_hash"],
                "section": section,
                "sentence": sentence,
                "start": start,
                "end": end,
            }
            for row in citations
            for section, sentence, start, end in borders
        ]
    )


def named_in(row: dict[str, Any]) -> list[dict[str, Any]]:
    """`T2D`, which is linked, and `Insulin`, which is not."""
    return [
        {
            "mention_id": mention_id(row["doc_id"], 1, [Span(start, end)], entity_class),
            "doc_id": row["doc_id"],
            "content_hash": row["content_hash"],
            "section": 1,
            "sentence": 1,
            "start": start,
            "end": end,
            "spans": [{"start": start, "end": end}],
            "text": ABSTRACT[start:end],
            "entity_class": entity_class,
            "confidence": None,
            "detector": "dictionary",
            "detector_version": "1",
            "surface_id": f"surface-{ABSTRACT[start:end]}",
            "context": "",
        }
        for start, end, entity_class in ((35, 38, "disease"), (20, 27, "gene"))
    ]


def current(pmid: int, file: str, position: int, content_hash: str | None) -> dict[str, Any]:
    return {
        "pmid": pmid,
        "doc_id": f"PMID:{pmid}",
        "version": 1 if content_hash else None,
        "file": file,
        "content_hash": content_hash,
        "position": position,
        "deleted": content_hash is None,
    }


def write_vocabulary(lake: Lake) -> None:
    labels = {
        "MONDO:1": "disease",
        "MONDO:2": "diabetes mellitus",
        "MONDO:3": "type 2 diabetes mellitus",
        "MONDO:4": "old name of diabetes",
        "MONDO:5": "older name of diabetes",
    }
    replaced = {"MONDO:4": "MONDO:2", "MONDO:5": "MONDO:4"}
    common = {"ontology": "MONDO", "entity_class": "disease"}
    lake.write(
        CONCEPTS,
        CONCEPTS.from_rows(
            [
                {
                    **common,
                    "concept_id": concept_id,
                    "label": label,
                    "obsolete": concept_id in replaced,
                    "replaced_by": replaced.get(concept_id),
                    "ontology_version": "2026-01",
                }
                for concept_id, label in labels.items()
            ]
        ),
        partition="MONDO",
    )
    names = [("MONDO:3", "T2D", "abbreviation"), *((c, n, "label") for c, n in labels.items())]
    lake.write(
        SYNONYMS,
        SYNONYMS.from_rows(
            [
                {
                    **common,
                    "concept_id": concept_id,
                    "name": name,
                    "scope": scope,
                    "normalised": name.lower(),
                    "normaliser_version": "1",
                    "case_sensitive": False,
                    "in_context": False,
                    "source": "ontology",
                    "active": True,
                    "linkable": True,
                }
                for concept_id, name, scope in names
            ]
        ),
        partition="MONDO",
    )
    # MONDO:2 and MONDO:1 stand above each other: ontologies have had such cycles.
    above = [("MONDO:3", "MONDO:2"), ("MONDO:2", "MONDO:1"), ("MONDO:1", "MONDO:2")]
    lake.write(
        CONCEPT_RELATIONS,
        CONCEPT_RELATIONS.from_rows(
            [
                {"subject_id": s, "predicate": "is_a", "object_id": o, "ontology": "MONDO"}
                for s, o in above
            ]
        ),
        partition="MONDO",
    )
    link = {
        "surface_id": "surface-T2D",
        "ontology": "MONDO",
        "method": "exact",
        "ambiguous": False,
        "vocabulary_version": "1",
        "linker_version": "1",
    }
    lake.write(
        LINKS,
        LINKS.from_rows(
            [
                {**link, "concept_id": "MONDO:3", "rank": 1, "score": 1.0},
                {**link, "concept_id": "MONDO:2", "rank": 2, "score": 0.5},
            ]
        ),
        partition="00",
    )
    node = {
        "category": "biolink:Disease",
        "equivalent_ids": [],
        "n_documents": 2,
        "source": "MONDO",
        "licence": "CC0",
    }
    lake.write(
        NODES,
        NODES.from_rows(
            [
                {**node, "id": "MONDO:2", "name": "diabetes mellitus", "entity_class": "disease"},
                {**node, "id": "HGNC:6081", "name": "INS", "entity_class": "gene"},
            ]
        ),
        partition="all",
    )
    lake.write(
        EDGES,
        EDGES.from_rows(
            [
                {
                    "subject": "HGNC:6081",
                    "predicate": "biolink:occurs_together_in_literature_with",
                    "object": "MONDO:2",
                    "n_documents": 2,
                    "n_sentences": 2,
                    "npmi": 0.5,
                    "score": 0.25,
                    "first_year": 2024,
                    "last_year": 2024,
                    "publications": ["PMID:7", "PMID:8"],
                    "sentence": "Insulin treats T2D.",
                    "sentence_doc_id": "PMID:7",
                    "source": "co-occurrence",
                    "licence": "CC0",
                },
                {
                    "subject": "MONDO:2",
                    "predicate": "biolink:subclass_of",
                    "object": "MONDO:1",
                    "publications": [],
                    "source": "MONDO",
                    "licence": "CC-BY",
                },
            ]
        ),
        partition="all",
    )
