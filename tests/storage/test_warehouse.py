"""The warehouse: what is live, joined so that an analyst cannot join it wrongly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from kazu_platform.errors import LakeError, OldSchemaError, QueryError
from kazu_platform.storage import warehouse
from kazu_platform.storage.lake import Lake
from kazu_platform.storage.warehouse import (
    behind,
    build_warehouse,
    files_named_by,
    open_read_only,
    run_query,
)
from kazu_platform.tables import (
    CITATIONS,
    CONCEPT_EQUIVALENTS,
    CONCEPT_RELATIONS,
    CONCEPTS,
    DELETIONS,
    LINKS,
    MENTIONS,
    QUARANTINE,
    SENTENCES,
    TABLES,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


def ask(lake: Lake, path: Path, sql: str) -> list[dict[str, Any]]:
    build_warehouse(lake, path)
    with open_read_only(path, lake.root) as connection:
        return run_query(connection, sql).to_pylist()


def test_annotations_are_the_mentions_of_what_is_current(corpus: Lake, path: Path):
    """PMID 7 counts once though two files hold its text; PMID 8 as revised; PMID 9 not at all."""
    found = ask(
        corpus,
        path,
        "SELECT doc_id, content_hash, text, concept_id, label, method, pmid, pub_year, title "
        "FROM annotations ORDER BY doc_id, start DESC",
    )

    assert [(row["doc_id"], row["content_hash"], row["text"]) for row in found] == [
        ("PMID:7", "seven", "T2D"),
        ("PMID:7", "seven", "Insulin"),
        ("PMID:8", "eight-revised", "T2D"),
        ("PMID:8", "eight-revised", "Insulin"),
        ("note-1", "note", "T2D"),
        ("note-1", "note", "Insulin"),
    ]
    assert found[2] == {
        "doc_id": "PMID:8",
        "content_hash": "eight-revised",
        "text": "T2D",
        "concept_id": "MONDO:3",
        "label": "type 2 diabetes mellitus",
        "method": "exact",
        "pmid": 8,
        "pub_year": 2024,
        "title": "About eight-revised",
    }
    assert found[3]["concept_id"] is None


def test_a_mention_stands_once_in_annotations(corpus: Lake, path: Path):
    (found,) = ask(corpus, path, "SELECT count(*) n, count(DISTINCT mention_id) d FROM annotations")

    assert found == {"n": 6, "d": 6}


def test_annotations_have_the_columns_of_mentions_and_of_the_best_link(corpus: Lake, path: Path):
    found = ask(corpus, path, "DESCRIBE annotations")

    assert [row["column_name"] for row in found] == [
        *MENTIONS.schema.names,
        *("concept_id", "ontology", "label", "score", "method", "ambiguous"),
        *("pmid", "pub_year", "title"),
    ]


def test_mentions_of_a_text_that_was_not_read_again_are_not_shown(corpus: Lake, path: Path):
    """A file that is ahead of its mentions shows none rather than those of the old text."""
    rows = corpus.read(MENTIONS, "pubmed26n0002")
    stale = rows.set_column(
        rows.schema.get_field_index("content_hash"),
        MENTIONS.schema.field("content_hash"),
        pa.array(["another text"] * len(rows)),
    )
    corpus.write(MENTIONS, stale, partition="pubmed26n0002")

    found = ask(corpus, path, "SELECT DISTINCT doc_id FROM annotations")

    assert found == [{"doc_id": "note-1"}]


def test_mentions_that_nobody_has_linked_yet_are_shown_without_concept(corpus: Lake, path: Path):
    corpus.drop(LINKS, "00")

    (found,) = ask(corpus, path, "SELECT count(*) n, count(concept_id) linked FROM annotations")

    assert found == {"n": 6, "linked": 0}


def test_the_sentence_of_a_mention_is_cut_in_code_points(corpus: Lake, path: Path):
    found = ask(corpus, path, "SELECT DISTINCT text, sentence_text FROM annotated_sentences")

    assert {row["sentence_text"] for row in found} == {"Insulin treats T2D."}


def test_a_lost_sentence_does_not_lose_the_mention(corpus: Lake, path: Path):
    corpus.drop(SENTENCES, "notes")

    found = ask(corpus, path, "FROM annotated_sentences WHERE doc_id = 'note-1' AND text = 'T2D'")

    assert [row["sentence_text"] for row in found] == [None]


def test_mentions_of_a_concept_include_its_descendants(corpus: Lake, path: Path):
    sql = "SELECT concept_id, pmid, doc_id, sentence_text FROM mentions_of('MONDO:1')"
    found = ask(corpus, path, sql)

    assert [(row["concept_id"], row["pmid"], row["doc_id"]) for row in found] == [
        ("MONDO:3", 8, "PMID:8"),
        ("MONDO:3", 7, "PMID:7"),
        ("MONDO:3", None, "note-1"),
    ]
    assert {row["sentence_text"] for row in found} == {"Insulin treats T2D."}
    assert len(ask(corpus, path, "FROM mentions_of('MONDO:1', n := 2)")) == 2
    assert ask(corpus, path, "FROM mentions_of('MONDO:unknown')") == []


def test_an_obsolete_id_means_the_concept_that_replaced_it(corpus: Lake, path: Path):
    found = ask(corpus, path, "FROM concept_replacements")

    assert found == [
        {"concept_id": "MONDO:4", "current_id": "MONDO:2"},
        {"concept_id": "MONDO:5", "current_id": "MONDO:2"},
    ]
    assert len(ask(corpus, path, "FROM mentions_of('MONDO:5')")) == 3
    assert [row["name"] for row in ask(corpus, path, "FROM partners('MONDO:5')")] == ["INS"]


def with_equivalents(corpus: Lake) -> None:
    """DOID beside MONDO: type 2 diabetes is MONDO:3; monogenic diabetes is in DOID alone."""
    row = {"ontology": "DOID", "entity_class": "disease", "ontology_version": "1"}
    corpus.write(
        CONCEPTS,
        CONCEPTS.from_rows(
            [
                {**row, "concept_id": "DOID:9352", "label": "type 2 diabetes", "obsolete": False},
                {**row, "concept_id": "DOID:9351", "label": "diabetes", "obsolete": False},
                {**row, "concept_id": "DOID:1", "label": "NIDDM", "obsolete": True,
                 "replaced_by": "DOID:9352"},
                {**row, "concept_id": "DOID:0050524", "label": "MODY", "obsolete": False},
            ]
        ),
        partition="DOID",
    )  # fmt: skip
    is_a = {"predicate": "is_a", "object_id": "DOID:9351", "ontology": "DOID"}
    corpus.write(
        CONCEPT_RELATIONS,
        CONCEPT_RELATIONS.from_rows(
            [{**is_a, "subject_id": "DOID:0050524"}, {**is_a, "subject_id": "DOID:9352"}]
        ),
        partition="DOID",
    )
    led = {"entity_class": "disease", "leader_ontology": "MONDO", "method": "direct"}
    rows = [
        ("DOID:9352", "DOID", "MONDO:3"),
        ("DOID:9351", "DOID", "MONDO:2"),
        ("UMLS:C0011860", "", "MONDO:3"),
    ]
    corpus.write(
        CONCEPT_EQUIVALENTS,
        CONCEPT_EQUIVALENTS.from_rows(
            [
                {**led, "concept_id": each, "ontology": ontology, "leader_id": leader,
                 "match_id": leader, "evidence": ["MONDO"], "candidates": [leader]}
                for each, ontology, leader in rows
            ]
        ),
        partition="all",
    )  # fmt: skip


@pytest.mark.parametrize("asked", ["DOID:9352", "UMLS:C0011860", "DOID:1", "MONDO:3"])
def test_every_id_of_a_concept_finds_it(corpus: Lake, path: Path, asked: str):
    """An equivalent, an id known only as an exact match, and one that an equivalent replaced."""
    with_equivalents(corpus)

    found = ask(corpus, path, f"FROM mentions_of('{asked}')")

    assert [(row["concept_id"], row["doc_id"]) for row in found] == [
        ("MONDO:3", "PMID:8"),
        ("MONDO:3", "PMID:7"),
        ("MONDO:3", "note-1"),
    ]
    assert ask(corpus, path, f"SELECT current_id('{asked}') AS id") == [{"id": "MONDO:3"}]


def test_partners_of_an_equivalent_are_those_of_its_leader(corpus: Lake, path: Path):
    with_equivalents(corpus)

    assert [row["name"] for row in ask(corpus, path, "FROM partners('DOID:9351')")] == ["INS"]


def test_a_concept_of_one_ontology_lies_below_the_leader_of_its_parent(corpus: Lake, path: Path):
    with_equivalents(corpus)

    found = ask(corpus, path, "FROM concept_ancestors WHERE concept_id LIKE 'DOID:%' ORDER BY ALL")

    assert [(row["concept_id"], row["ancestor_id"]) for row in found] == [
        ("DOID:0050524", "MONDO:1"),
        ("DOID:0050524", "MONDO:2"),
    ]


def test_ancestors_end_in_a_cycle_and_leave_out_the_concept_itself(corpus: Lake, path: Path):
    found = ask(corpus, path, "FROM concept_ancestors ORDER BY ALL")

    assert [(row["concept_id"], row["ancestor_id"]) for row in found] == [
        ("MONDO:1", "MONDO:2"),
        ("MONDO:2", "MONDO:1"),
        ("MONDO:3", "MONDO:1"),
        ("MONDO:3", "MONDO:2"),
    ]


def test_ancestors_are_taken_over_only_from_a_whole_warehouse_of_the_same(
    corpus: Lake, path: Path, monkeypatch: pytest.MonkeyPatch
):
    query = "FROM concept_ancestors ORDER BY ALL"
    found = ask(corpus, path, query)
    closure = warehouse._CLOSURE
    with duckdb.connect(str(path)) as connection:  # a mark that counting anew would not leave
        connection.execute("DELETE FROM concept_ancestors WHERE concept_id = 'MONDO:3'")
    assert ask(corpus, path, query) == found[:2]

    path.write_bytes(b"no database")
    assert ask(corpus, path, query) == found
    with duckdb.connect(str(path)) as connection:
        connection.execute("DELETE FROM concept_ancestors")
    monkeypatch.setattr(warehouse, "_CLOSURE", closure + "-- otherwise")
    assert ask(corpus, path, query) == found
    relations = corpus.read(CONCEPT_RELATIONS, "MONDO")
    corpus.write(CONCEPT_RELATIONS, relations.slice(1), partition="MONDO")
    assert ask(corpus, path, query) != found


def test_a_warehouse_is_behind_until_it_shows_what_is_live(corpus: Lake, path: Path):
    assert behind(corpus, path) != []

    build_warehouse(corpus, path)
    assert behind(corpus, path) == []

    (partition, *_) = corpus.partitions(CITATIONS)
    corpus.write(CITATIONS, corpus.read(CITATIONS, partition).slice(1), partition=partition)
    assert behind(corpus, path) == [f"citations {partition}"]

    build_warehouse(corpus, path)
    corpus.drop(CITATIONS, partition)
    assert behind(corpus, path) == [f"citations {partition}"]


def test_top_concepts_count_documents(corpus: Lake, path: Path):
    expected = [
        {
            "concept_id": "MONDO:3",
            "label": "type 2 diabetes mellitus",
            "entity_class": "disease",
            "n_documents": 3,
            "n_mentions": 3,
        }
    ]

    assert ask(corpus, path, "FROM top_concepts('disease')") == expected
    assert ask(corpus, path, "FROM top_concepts(NULL, n := 1)") == expected
    assert ask(corpus, path, "FROM top_concepts('gene')") == []


@pytest.mark.parametrize(
    ("asked", "partner"), [("MONDO:2", "INS"), ("HGNC:6081", "diabetes mellitus")]
)
def test_partners_are_found_in_both_directions(corpus: Lake, path: Path, asked: str, partner: str):
    (found,) = ask(corpus, path, f"FROM partners('{asked}', n := 5)")

    assert found["name"] == partner
    assert found["n_documents"] == 2
    assert (found["first_year"], found["last_year"]) == (2024, 2024)
    assert found["publications"] == ["PMID:7", "PMID:8"]
    assert (found["sentence"], found["sentence_doc_id"]) == ("Insulin treats T2D.", "PMID:7")


@pytest.mark.parametrize("asked", ["7", "'PMID:7'", "'7'"])
def test_the_history_of_a_pmid_shows_every_version(corpus: Lake, path: Path, asked: str):
    found = ask(corpus, path, f"FROM history({asked})")

    assert [
        (row["file"], row["event"], str(row["revised_on"]), row["current"]) for row in found
    ] == [
        ("pubmed26n0001", "version", "None", False),
        ("pubmed26n0002", "version", "2025-03-01", True),
    ]


def test_the_history_of_a_pmid_shows_its_deletion(corpus: Lake, path: Path):
    found = ask(corpus, path, "FROM history(9)")

    assert [(row["event"], row["content_hash"], row["current"]) for row in found] == [
        ("version", "nine", False),
        ("deletion", None, True),
    ]


def test_concepts_are_found_by_name_nearest_first(corpus: Lake, path: Path):
    def ids(wanted: str) -> list[str]:
        found = ask(corpus, path, f"FROM find_concept('{wanted}')")
        return [row["concept_id"] for row in found]

    assert ids("t2d") == ["MONDO:3"]
    assert ids("Diabetes") == ["MONDO:2", "MONDO:3"]
    assert ids("no such thing") == []


def test_an_empty_lake_has_every_view_with_its_types(lake: Lake, path: Path):
    build_warehouse(lake, path)

    with open_read_only(path, lake.root) as connection:
        for table in TABLES.values():
            found = run_query(connection, f'FROM "{table.name}"')
            assert found.num_rows == 0
            assert found.schema.names == table.schema.names
            assert [field.type for field in found.schema] == [field.type for field in table.schema]
        for name in ("annotations", "annotated_sentences", "current_documents"):
            assert run_query(connection, f"FROM {name}").num_rows == 0


def test_columns_carry_their_meaning(corpus: Lake, path: Path):
    (found,) = ask(
        corpus,
        path,
        "SELECT comment FROM duckdb_columns() WHERE schema_name = 'main' "
        "AND table_name = 'citations' AND column_name = 'pmid'",
    )

    assert found["comment"] == "PubMed's number of the citation."


def test_the_warehouse_says_what_it_is_made_of(corpus: Lake, path: Path):
    built = build_warehouse(corpus, path)

    assert built.n_rows["citations"] == 6
    assert built.n_files == 17
    named = files_named_by(path)
    assert named == {file for table in TABLES.values() for file in corpus.files(table)}
    with open_read_only(path, corpus.root) as connection:
        (info,) = run_query(connection, "FROM warehouse_info").to_pylist()
        files = run_query(connection, "FROM warehouse_files WHERE table_name = 'links'").to_pylist()
    assert (info["lake"], info["built_at"]) == (str(corpus.root), built.built_at)
    assert files[0]["partition"] == "00"
    assert files[0]["generation"] == corpus.pointer(LINKS, "00").generation


def test_no_warehouse_names_no_files(path: Path):
    assert files_named_by(path) == frozenset()

    path.write_bytes(b"no database")
    with pytest.raises(QueryError, match="is no warehouse"):
        files_named_by(path)


def test_partitions_of_two_parts_are_shown_whole(lake: Lake, path: Path):
    lake.write(QUARANTINE, [], partition="dictionary/pubmed26n0001")
    row = {"pmid": 7, "version": None, "file": "f", "position": 0}
    lake.write(DELETIONS, DELETIONS.from_rows([row]), partition="one/two")

    assert ask(lake, path, "SELECT partition FROM lake.deletions") == [{"partition": "one/two"}]


def test_an_older_file_is_shown_with_null_in_what_it_lacks(lake: Lake, path: Path):
    before = replace(
        DELETIONS, schema=pa.schema([f for f in DELETIONS.schema if f.name != "version"])
    )
    row = {"pmid": 7, "version": 3, "file": "f", "position": 0}
    lake.write(DELETIONS, DELETIONS.from_rows([row]), partition="new")
    lake.write(before, DELETIONS.from_rows([row]).drop_columns(["version"]), partition="old")

    found = ask(lake, path, "SELECT pmid, version FROM deletions ORDER BY version")

    assert found == [{"pmid": 7, "version": 3}, {"pmid": 7, "version": None}]


def test_few_rows_in_many_files_are_copied(lake: Lake, path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("kazu_platform.storage.warehouse._MANY_FILES", 1)
    for pmid in (7, 8):
        row = {"pmid": pmid, "version": None, "file": "f", "position": 0}
        lake.write(DELETIONS, DELETIONS.from_rows([row]), partition=f"p{pmid}")
    for name in ("a", "b", "c"):
        lake.write(SENTENCES, [], partition=name)

    build_warehouse(lake, path)
    for file in lake.files(DELETIONS):
        Path(file).unlink()

    with open_read_only(path, lake.root) as connection:
        found = run_query(connection, "SELECT pmid, partition FROM lake.deletions ORDER BY pmid")
        assert run_query(connection, "FROM sentences").num_rows == 0
    assert found.to_pylist() == [{"pmid": 7, "partition": "p7"}, {"pmid": 8, "partition": "p8"}]
    assert len(files_named_by(path)) == 5


def test_a_warehouse_that_cannot_be_built_leaves_the_old_one(corpus: Lake, path: Path):
    build_warehouse(corpus, path)
    before = path.read_bytes()
    pointer = corpus.pointer(CITATIONS, "notes")
    whole = (corpus.root / "citations" / "notes" / f"{pointer.generation}.parquet").read_bytes()
    file = corpus.root / "citations" / "notes" / f"{pointer.generation}.parquet"

    file.write_bytes(whole[:-50])
    with pytest.raises(LakeError, match="materialise citations notes again"):
        build_warehouse(corpus, path)
    file.unlink()
    with pytest.raises(LakeError, match="is not there"):
        build_warehouse(corpus, path)
    file.write_bytes(whole)
    other = replace(
        DELETIONS, schema=pa.schema([pa.field("colour", pa.string())]), order=(), key=("colour",)
    )
    corpus.write(other, pa.table({"colour": ["red"]}), partition="pubmed26n0002")
    with pytest.raises(OldSchemaError, match="column colour is no longer there"):
        build_warehouse(corpus, path)

    assert path.read_bytes() == before
    assert [each.name for each in path.parent.glob("*.duckdb*")] == ["warehouse.duckdb"]
    assert [each.name for each in path.parent.glob(".*")] == []


def test_a_lake_in_a_folder_with_odd_characters_is_read(tmp_path: Path):
    lake = Lake(tmp_path / "it's a [lake] *?")
    row = {"pmid": 7, "version": None, "file": "f", "position": 0}
    lake.write(DELETIONS, DELETIONS.from_rows([row]), partition="a")

    assert ask(lake, tmp_path / "ware'house.duckdb", "SELECT pmid FROM deletions") == [{"pmid": 7}]
    assert lake.scan(DELETIONS).collect().height == 1
