"""Tables: what is checked, and what a reader may rely on."""

from __future__ import annotations

import pyarrow as pa
import pytest

from kazu_platform.errors import SchemaError
from kazu_platform.tables import (
    DELETIONS,
    LINKS,
    SENTENCES,
    SURFACES,
    TABLES,
    Table,
)

ROW = {"pmid": 7, "version": None, "file": "pubmed26n0005", "position": 3}
EVERY = pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)


@EVERY
def test_every_column_says_what_it_means(table: Table):
    for field in table.schema:
        meaning = (field.metadata or {}).get(b"description", b"").decode()
        assert meaning.endswith("."), f"{table.name}.{field.name}"


@EVERY
def test_key_and_order_are_columns_and_no_key_column_but_some_may_be_null(table: Table):
    names = table.schema.names

    assert set(table.key) <= set(names)
    assert set(table.order) <= set(names)
    assert len(set(names)) == len(names)
    nullable = {name for name in table.key if table.schema.field(name).nullable}
    # doc_id: of weak labels it is there; where people marked sentences they may be of no document
    assert nullable <= {"version", "content_hash", "position", "doc_id"}


@EVERY
def test_no_rows_are_rows_of_the_table(table: Table):
    assert table.check(table.empty()).schema.equals(table.schema, check_metadata=True)
    assert table.sort(table.empty()).num_rows == 0


def test_a_column_of_two_tables_means_the_same_in_both():
    """One object where the meaning is the same; a table's own columns have its own name in both."""
    seen: dict[tuple[str, bytes], pa.DataType] = {}
    for table in TABLES.values():
        for field in table.schema:
            key = (field.name, (field.metadata or {})[b"description"])
            assert seen.setdefault(key, field.type) == field.type


def test_every_discrepancy_is_said_at_once():
    wrong = pa.table({"pmid": ["7"], "version": [1], "file": [None], "place": [3]})

    with pytest.raises(SchemaError) as caught:
        DELETIONS.check(wrong)

    assert str(caught.value) == (
        "deletions: column position is missing; column place is unknown; column pmid is string, "
        "should be int64; column version is int64, should be int32; column file is null, should "
        "be string; column file has 1 nulls and may have none. Nothing was written."
    )


def test_a_column_that_is_there_twice_is_named():
    rows = DELETIONS.from_rows([ROW])

    with pytest.raises(SchemaError, match="deletions: column pmid is there 2 times. Nothing was"):
        DELETIONS.check(rows.append_column("pmid", rows["pmid"]))


def test_a_null_where_there_may_be_none_is_counted():
    with pytest.raises(SchemaError, match="column position has 2 nulls and may have none"):
        DELETIONS.from_rows([ROW | {"position": None}, ROW | {"position": None}])


def test_a_column_that_a_row_lacks_is_null_where_it_may_be():
    rows = DELETIONS.from_rows([{key: ROW[key] for key in ("pmid", "file", "position")}])

    assert rows.to_pylist() == [ROW]


def test_columns_may_come_in_any_order_as_lists_or_arrays():
    columns = {"position": [3], "file": pa.array(["pubmed26n0005"]), "version": [None], "pmid": [7]}

    assert DELETIONS.from_columns(columns).to_pylist() == [ROW]


def test_columns_that_are_missing_or_unknown_are_named():
    with pytest.raises(SchemaError) as caught:
        DELETIONS.from_columns({"pmid": [7], "place": [3]})

    assert str(caught.value) == (
        "deletions: columns missing ['version', 'file', 'position'], unknown ['place']."
    )


def test_checked_rows_have_the_schema_of_the_table_to_the_letter():
    """Order of columns, nullability and meaning, whatever they came with."""
    loose = pa.table(DELETIONS.from_rows([ROW]).to_pydict(), schema=None).select(
        ["position", "file", "version", "pmid"]
    )
    typed = loose.cast(
        pa.schema([(f.name, DELETIONS.schema.field(f.name).type) for f in loose.schema])
    )

    assert DELETIONS.check(typed).schema.equals(DELETIONS.schema, check_metadata=True)


def test_rows_are_sorted_by_every_column_of_the_order():
    link = {
        "ontology": "HGNC",
        "score": 1.0,
        "method": "exact",
        "ambiguous": False,
        "vocabulary_version": "1",
        "linker_version": "1",
    }
    keys = [("b", 1), ("a", 2), ("a", 1)]
    rows = LINKS.from_rows(
        [link | {"surface_id": s, "rank": r, "concept_id": f"HGNC:{r}"} for s, r in keys]
    )

    ordered = LINKS.sort(rows)

    assert ordered.select(["surface_id", "rank"]).to_pylist() == [
        {"surface_id": s, "rank": r} for s, r in sorted(keys)
    ]


def test_a_table_without_an_order_keeps_that_of_its_rows():
    row = {"doc_id": "a", "content_hash": "h", "section": 0, "start": 0, "end": 1}
    rows = SENTENCES.from_rows([row | {"sentence": 1}, row | {"sentence": 0}])

    assert SENTENCES.sort(rows).equals(rows)
    assert SURFACES.order == ("surface_id",)
