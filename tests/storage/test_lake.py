"""The lake: what was written is read, and nobody sees half of it."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kazu_platform.errors import (
    ConfigurationError,
    LakeError,
    LostRaceError,
    MissingPartitionError,
    OldSchemaError,
    SchemaError,
    UnknownNameError,
)
from kazu_platform.storage.lake import Lake
from kazu_platform.storage.parquet import ROW_GROUP_ROWS
from kazu_platform.tables import CITATIONS, CONCEPT_XREFS, DELETIONS, MENTIONS, Table, column


def deletions(*pmids: int, file: str = "pubmed26n0001") -> pa.Table:
    return DELETIONS.from_rows(
        [
            {"pmid": pmid, "version": None, "file": file, "position": position}
            for position, pmid in enumerate(pmids)
        ]
    )


def test_what_was_written_is_read_with_the_meaning_of_its_columns(any_lake: Lake):
    any_lake.write(DELETIONS, deletions(7, 8), partition="pubmed26n0001")

    found = any_lake.read(DELETIONS, "pubmed26n0001")
    assert found["pmid"].to_pylist() == [7, 8]
    assert found.schema.equals(DELETIONS.schema, check_metadata=True)
    (file,) = any_lake.files(DELETIONS, "pubmed26n0001")
    in_file = pq.read_schema(file).field("pmid").metadata
    assert in_file[b"description"] == b"PubMed's number of the deleted citation."


def test_equal_rows_are_not_written_again(any_lake: Lake):
    first = any_lake.write(DELETIONS, deletions(7), partition="a", inputs={"code": "1"})

    again = any_lake.write(DELETIONS, deletions(7), partition="a", inputs={"code": "1"})

    assert (again.unchanged, again.same_rows) == (True, True)
    assert again.pointer == first.pointer
    assert len(list(any_lake.root.rglob("*.parquet"))) == 1


def test_new_inputs_of_equal_rows_move_only_the_pointer(any_lake: Lake):
    first = any_lake.write(DELETIONS, deletions(7), partition="a", inputs={"code": "1"})

    again = any_lake.write(DELETIONS, deletions(7), partition="a", inputs={"code": "2"})

    assert (again.unchanged, again.same_rows) == (False, True)
    assert again.generation == first.generation
    assert any_lake.pointer(DELETIONS, "a").inputs == {"code": "2"}


def test_rows_can_be_confirmed_for_other_inputs_without_writing_them(any_lake: Lake):
    first = any_lake.write(DELETIONS, deletions(7), partition="a", inputs={"code": "1"})

    any_lake.confirm(DELETIONS, first.pointer, {"code": "2"})

    now = any_lake.pointer(DELETIONS, "a")
    assert (now.generation, now.inputs) == (first.pointer.generation, {"code": "2"})


def test_rows_that_are_no_longer_live_cannot_be_confirmed(any_lake: Lake):
    first = any_lake.write(DELETIONS, deletions(7), partition="a")
    second = any_lake.write(DELETIONS, deletions(8), partition="a")

    with pytest.raises(LostRaceError, match="is no longer live; another writer was faster"):
        any_lake.confirm(DELETIONS, first.pointer, {"code": "2"})

    assert any_lake.pointer(DELETIONS, "a") == second.pointer


def test_a_former_generation_is_read_until_it_is_collected(any_lake: Lake):
    former = any_lake.write(DELETIONS, deletions(7), partition="a").pointer
    any_lake.write(DELETIONS, deletions(8), partition="a")

    found = any_lake.read_generation(DELETIONS, "a", former.generation, ["pmid"])
    any_lake.collect_garbage(older_than=timedelta(0))
    gone = any_lake.read_generation(DELETIONS, "a", former.generation, ["pmid"])

    assert found is not None
    assert found.to_pylist() == [{"pmid": 7}]
    assert gone is None


def test_a_lost_file_is_written_again(any_lake: Lake):
    lost = any_lake.write(DELETIONS, deletions(7), partition="a").generation
    any_lake.store.delete(f"deletions/a/{lost}.parquet")

    any_lake.write(DELETIONS, deletions(7), partition="a")

    assert any_lake.read(DELETIONS, "a")["pmid"].to_pylist() == [7]


def test_the_version_does_not_depend_on_how_rows_were_cut(any_lake: Lake):
    n_rows = 2 * ROW_GROUP_ROWS + 5
    rows = deletions(*range(n_rows))

    whole = any_lake.write(DELETIONS, rows, partition="whole")
    cut = any_lake.write(DELETIONS, iter(rows.to_batches(max_chunksize=9_999)), partition="cut")
    views = (rows.slice(start, 777) for start in range(0, n_rows, 777))
    sliced = any_lake.write(DELETIONS, views, partition="sliced")

    assert whole.data_version == cut.data_version == sliced.data_version
    (file,) = any_lake.files(DELETIONS, "cut")
    assert pq.ParquetFile(file).metadata.num_row_groups == 3


def test_the_version_does_not_depend_on_how_columns_are_described(any_lake: Lake):
    reworded = replace(
        DELETIONS,
        schema=pa.schema(
            [f.with_metadata({"description": "in other words"}) for f in DELETIONS.schema]
        ),
    )

    first = any_lake.write(DELETIONS, deletions(7), partition="a")
    second = any_lake.write(reworded, deletions(7), partition="a")

    assert second.unchanged
    assert first.data_version == second.data_version


def test_a_table_is_sorted_and_batches_are_left_as_they_come(any_lake: Lake):
    rows = deletions(1, 2).take(pa.array([1, 0]))

    any_lake.write(DELETIONS, rows, partition="table")
    any_lake.write(DELETIONS, [rows], partition="batches")

    assert any_lake.read(DELETIONS, "table")["position"].to_pylist() == [0, 1]
    assert any_lake.read(DELETIONS, "batches")["position"].to_pylist() == [1, 0]


def test_an_empty_partition_is_there(any_lake: Lake):
    any_lake.write(MENTIONS, [], partition="pubmed26n0001")

    assert any_lake.read(MENTIONS, "pubmed26n0001").num_rows == 0
    assert any_lake.partitions(MENTIONS) == ["pubmed26n0001"]


def test_a_missing_partition_says_what_to_materialise(any_lake: Lake):
    with pytest.raises(MissingPartitionError) as caught:
        any_lake.read(MENTIONS, "pubmed26n0009")

    assert "mentions has no partition 'pubmed26n0009'" in str(caught.value)
    assert "kazu-platform demo" in str(caught.value)
    assert any_lake.read(MENTIONS).num_rows == 0


def test_all_partitions_are_read_in_natural_order(any_lake: Lake):
    for name, pmid in (("pubmed26n10", 10), ("pubmed26n9", 9)):
        any_lake.write(DELETIONS, deletions(pmid), partition=name)

    assert any_lake.partitions(DELETIONS) == ["pubmed26n9", "pubmed26n10"]
    assert any_lake.read(DELETIONS)["pmid"].to_pylist() == [9, 10]
    assert any_lake.read(DELETIONS, ["pubmed26n10"], columns=["pmid"]).to_pydict() == {"pmid": [10]}
    assert any_lake.scan(DELETIONS).select(pl.col("pmid").sum()).collect().item() == 19
    assert [len(batch) for batch in any_lake.read_batches(DELETIONS)] == [1, 1]


def test_an_unknown_column_names_the_nearest(any_lake: Lake):
    any_lake.write(DELETIONS, deletions(7), partition="a")

    with pytest.raises(UnknownNameError, match="did you mean 'pmid'"):
        any_lake.read(DELETIONS, "a", columns=["pmidd"])
    with pytest.raises(UnknownNameError, match="did you mean 'pmid'"):
        any_lake.scan(DELETIONS, "a", columns=["pmidd"])


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "../x",
        "a/../../x",
        "/etc",
        "a/b/c",
        "",
        "a//b",
        ".hidden",
        "a b",
        "live.json",
        "a\0b",
        "a\n",
    ],
)
def test_a_partition_cannot_lead_out_of_the_lake(any_lake: Lake, name: str):
    with pytest.raises(LakeError, match="cannot name a partition"):
        any_lake.write(DELETIONS, deletions(7), partition=name)
    with pytest.raises(LakeError, match="cannot name a partition"):
        any_lake.read(DELETIONS, name)
    assert not any_lake.root.exists()


def test_a_partition_may_have_two_parts(any_lake: Lake):
    any_lake.write(DELETIONS, deletions(7), partition="dictionary/pubmed26n0001")
    any_lake.write(DELETIONS, deletions(8), partition="dictionary")

    assert any_lake.partitions(DELETIONS) == ["dictionary", "dictionary/pubmed26n0001"]


def test_rows_that_do_not_fit_leave_no_trace(any_lake: Lake):
    any_lake.write(DELETIONS, deletions(7), partition="a")
    wrong = deletions(8).drop_columns(["file"])

    with pytest.raises(SchemaError, match="column file is missing"):
        any_lake.write(DELETIONS, iter([deletions(1), wrong]), partition="a")

    assert any_lake.read(DELETIONS, "a")["pmid"].to_pylist() == [7]
    assert not list((any_lake.root / ".staging").iterdir())


def test_keys_that_stand_there_twice_are_named(any_lake: Lake):
    row = {"concept_id": "MONDO:1", "predicate": "xref", "xref": "DOID:4", "ontology": "MONDO"}

    with pytest.raises(SchemaError, match=r"concept_id 'MONDO:1'.*xref 'DOID:4'"):
        any_lake.write(
            CONCEPT_XREFS, CONCEPT_XREFS.from_rows([row, row]), partition="MONDO", unique=True
        )

    assert any_lake.live(CONCEPT_XREFS, "MONDO") is None


def test_staged_rows_are_seen_by_a_gate_and_by_nobody_else(any_lake: Lake):
    any_lake.write(DELETIONS, deletions(7), partition="a")

    with any_lake.stage(DELETIONS, deletions(8, 9), partition="a") as staged:
        assert staged.n_rows == 2
        assert staged.read(columns=["pmid"])["pmid"].to_pylist() == [8, 9]
        assert any_lake.read(DELETIONS, "a")["pmid"].to_pylist() == [7]
        staged.publish()
        assert any_lake.read(DELETIONS, "a")["pmid"].to_pylist() == [8, 9]
        with pytest.raises(LakeError, match="published, discarded or collected before"):
            staged.publish()


def test_staged_rows_that_are_not_published_are_discarded(any_lake: Lake):
    with any_lake.stage(DELETIONS, deletions(8), partition="a"):
        pass

    assert any_lake.live(DELETIONS, "a") is None
    assert not list((any_lake.root / ".staging").iterdir())


def test_a_writer_that_expected_another_generation_loses(any_lake: Lake):
    first = any_lake.write(DELETIONS, deletions(1), partition="a", expected=None)
    any_lake.write(DELETIONS, deletions(2), partition="a", expected=first.generation)

    with pytest.raises(LostRaceError, match="another writer was faster"):
        any_lake.write(DELETIONS, deletions(3), partition="a", expected=first.generation)
    with pytest.raises(LostRaceError):
        any_lake.write(DELETIONS, deletions(3), partition="a", expected=None)

    assert any_lake.read(DELETIONS, "a")["pmid"].to_pylist() == [2]


def test_a_dropped_partition_is_gone(any_lake: Lake):
    any_lake.write(DELETIONS, deletions(1), partition="a")

    any_lake.drop(DELETIONS, "a")
    any_lake.drop(DELETIONS, "a")

    assert any_lake.partitions(DELETIONS) == []
    assert any_lake.live(DELETIONS, "a") is None


def test_the_version_of_a_table_changes_with_its_rows_only(any_lake: Lake):
    any_lake.write(DELETIONS, deletions(1), partition="a", inputs={"code": "1"})
    before = any_lake.version(DELETIONS)

    any_lake.write(DELETIONS, deletions(1), partition="a", inputs={"code": "2"})
    assert any_lake.version(DELETIONS) == before

    any_lake.write(DELETIONS, deletions(2), partition="b")
    assert any_lake.version(DELETIONS) != before
    assert any_lake.version(DELETIONS, "a") == before
    assert any_lake.version(DELETIONS, ["b", "a"]) == any_lake.version(DELETIONS)


def older(table: Table, *, without: str) -> Table:
    return replace(table, schema=pa.schema([f for f in table.schema if f.name != without]))


def test_a_column_that_may_be_null_is_filled_for_older_files(any_lake: Lake):
    before = older(DELETIONS, without="version")
    any_lake.write(before, deletions(7).drop_columns(["version"]), partition="old")
    any_lake.write(DELETIONS, deletions(8), partition="zz-new")

    assert any_lake.read(DELETIONS)["version"].to_pylist() == [None, None]
    assert any_lake.read(DELETIONS, columns=["version", "pmid"])["pmid"].to_pylist() == [7, 8]
    assert any_lake.scan(DELETIONS).collect()["pmid"].to_list() == [7, 8]


def test_any_other_old_schema_is_refused_with_every_difference(any_lake: Lake):
    before = replace(
        older(DELETIONS, without="position"),
        schema=pa.schema(
            [column("pmid", pa.string(), "As text."), column("colour", pa.string(), "Gone.")]
        ),
        order=(),
    )
    any_lake.write(before, pa.table({"pmid": ["7"], "colour": ["red"]}), partition="old")

    for read in (any_lake.read, lambda table: any_lake.scan(table).collect()):
        with pytest.raises(OldSchemaError) as caught:
            read(DELETIONS)
        assert str(caught.value) == (
            "deletions old was written by another version of the platform: column pmid is string, "
            "should be int64; column file is missing; column position is missing; column colour "
            "is no longer there. Materialise deletions again, for instance: kazu-platform demo"
        )


@pytest.mark.parametrize("keep", [0, 3, 100])
def test_a_truncated_file_is_named(lake: Lake, keep: int):
    path = Path(lake.write(DELETIONS, deletions(7), partition="a").path)
    os.truncate(path, keep)

    with pytest.raises(LakeError) as caught:
        lake.read(DELETIONS, "a")
    assert str(path) in str(caught.value)


def test_a_flipped_bit_is_noticed(lake: Lake):
    path = Path(lake.write(DELETIONS, deletions(*range(1000)), partition="a").path)
    body = bytearray(path.read_bytes())
    body[200] ^= 0x10
    path.write_bytes(body)

    with pytest.raises(LakeError, match="cannot be read as Parquet"):
        lake.read(DELETIONS, "a")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"format": 1}',
        b'{"format": 2}',
        b"\xff\xfe",
        b'{"format": 1, "generation": "../x"}',
    ],
)
def test_a_damaged_pointer_is_named(lake: Lake, body: bytes):
    lake.write(DELETIONS, deletions(7), partition="a")
    pointer = lake.root / "deletions" / "a" / "live.json"
    pointer.write_bytes(body)

    for ask in (lake.pointers, lambda table: lake.read(table, "a")):
        with pytest.raises(LakeError) as caught:
            ask(DELETIONS)
        assert str(pointer) in str(caught.value)


def test_a_lake_can_be_moved(lake: Lake, tmp_path: Path):
    lake.write(DELETIONS, deletions(7), partition="a")

    lake.root.rename(tmp_path / "moved")

    assert Lake(tmp_path / "moved").read(DELETIONS, "a")["pmid"].to_pylist() == [7]


def test_a_lake_travels_to_a_worker(any_lake: Lake):
    any_lake.write(DELETIONS, deletions(7), partition="a")

    assert pickle.loads(pickle.dumps(any_lake)).read(DELETIONS, "a").num_rows == 1  # noqa: S301


@pytest.mark.parametrize("root", ["s3://bucket/lake", "s3:/bucket/lake"])
def test_other_storage_is_refused_by_name(root: str):
    with pytest.raises(ConfigurationError, match="must be a local folder"):
        Lake(root)


def test_nested_columns_are_read_alone(corpus: Lake):
    found = corpus.read(CITATIONS, "notes", columns=["sections", "doc_id"])

    assert found.column_names == ["sections", "doc_id"]
    assert found["sections"][0].as_py()[0] == {"name": "title", "text": "About note"}
    assert corpus.scan(CITATIONS).collect().shape == (6, len(CITATIONS.schema))
