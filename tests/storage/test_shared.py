"""What machines share in a bucket besides tables: artifacts, raw files, the warehouse."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import ArtifactError, LostRaceError, QueryError, StorageError
from kazu_platform.storage.queries import run_query
from kazu_platform.storage.shared_downloads import SharedDownloader
from kazu_platform.storage.shared_files import SharedFiles
from kazu_platform.storage.warehouse import behind, files_named_by
from kazu_platform.tables import CITATIONS, CONCEPT_RELATIONS, NODES
from tests.storage.conftest import bucket_at, write_corpus

if TYPE_CHECKING:
    from pathlib import Path

    from kazu_platform.storage.artifacts import Artifact, ArtifactStore
    from kazu_platform.storage.places import Bucket


@pytest.fixture
def other(s3_url: str, s3_server: str, tmp_path: Path) -> Bucket:
    """The same bucket, as another machine sees it."""
    return bucket_at(s3_url, s3_server, tmp_path / "other")


def make(store: ArtifactStore, body: str) -> Artifact:
    with store.stage("dictionary") as staged:
        (staged.content / "below").mkdir()
        (staged.content / "below" / "names.txt").write_text(body)
        return staged.commit()


def test_another_machine_fetches_an_artifact_when_it_opens_it(bucket: Bucket, other: Bucket):
    made = make(bucket.artifacts(), "insulin")
    store = other.artifacts()

    found = store.live("dictionary")
    assert not found.folder.exists()
    assert found.version == made.version

    assert (found.content / "below" / "names.txt").read_text() == "insulin"
    found.verify()
    assert store.versions("dictionary") == [made.version]


def test_an_artifact_that_was_changed_on_its_way_is_refused(bucket: Bucket, other: Bucket):
    made = make(bucket.artifacts(), "insulin")
    key = f"dictionary/{made.folder.name}/content/below/names.txt"
    wrong = made.folder / "wrong"
    wrong.write_text("glucagon")
    bucket.store("models").upload(key, wrong)
    store = other.artifacts()

    with pytest.raises(ArtifactError, match="is not as the manifest says"):
        _ = store.live("dictionary").content
    assert not list(store.root.glob("dictionary/[!.]*/content"))


def test_a_manifest_cannot_lead_out_of_its_folder(bucket: Bucket, other: Bucket, tmp_path: Path):
    made = make(bucket.artifacts(), "insulin")
    hostile = tmp_path / "manifest.json"
    said = (made.folder / "manifest.json").read_text()
    hostile.write_text(said.replace("below/names.txt", "../../../../names.txt"))
    bucket.store("models").upload(f"dictionary/{made.folder.name}/manifest.json", hostile)

    with pytest.raises(ArtifactError, match=r"is no manifest .*names\.txt"):
        other.artifacts().live("dictionary")


def test_a_worker_that_knows_a_folder_alone_fetches_it(bucket: Bucket, other: Bucket):
    """Another process, on a machine that has fetched nothing."""
    make(bucket.artifacts(), "insulin")
    content = other.artifacts().live("dictionary").content
    shutil.rmtree(other.cache.root)
    code = (
        "import pickle, sys\n"
        "from pathlib import Path\n"
        "pickle.loads(bytes.fromhex(sys.argv[1])).artifacts().fetch(Path(sys.argv[2]))\n"
    )

    subprocess.run(
        [sys.executable, "-c", code, pickle.dumps(other).hex(), str(content)], check=True
    )

    assert (content / "below" / "names.txt").read_text() == "insulin"


def test_versions_of_two_machines_stand_side_by_side(bucket: Bucket, other: Bucket):
    first = make(bucket.artifacts(), "insulin")
    second = make(other.artifacts(), "glucagon")
    again = make(other.artifacts(), "insulin")

    assert again.version == first.version
    assert bucket.artifacts().versions("dictionary") == [first.version, second.version]
    assert bucket.artifacts().live_version("dictionary") == first.version


def test_what_nobody_uses_is_removed_here_and_there(bucket: Bucket):
    store = bucket.artifacts()
    made = [make(store, name) for name in ("a", "b", "c")]
    bucket.store("models").upload("dictionary/died/content/x", made[0].folder / "manifest.json")

    removed = store.collect_garbage(keep_last=1)

    assert removed == [f"dictionary/{made[0].version}"]  # the former one is the way back
    left = {entry.key.split("/")[1] for entry in bucket.store("models").entries()}
    kept = {each.folder.name for each in made[1:]}
    assert left == {"index.json", *kept, "died"}  # an upload may be going on
    assert not made[0].folder.exists()


def test_a_damaged_index_is_named(bucket: Bucket):
    bucket.store("models").replace("dictionary/index.json", b'{"format": 1}', expected=None)

    with pytest.raises(ArtifactError, match=r"s3://.*dictionary/index\.json is no index"):
        bucket.artifacts().live("dictionary")


def test_of_two_who_publish_a_file_one_is_told(bucket: Bucket, other: Bucket, tmp_path: Path):
    here, there = (SharedFiles(each.store("warehouse")) for each in (bucket, other))
    path = tmp_path / "file"
    path.write_text("one")
    here.publish("w", path, replacing=None, facts={})
    seen = there.live("w")
    path.write_text("two")
    here.publish("w", path, replacing=here.live("w"), facts={"by": "here"})

    with pytest.raises(LostRaceError):
        there.publish("w", path, replacing=seen, facts={})

    found = there.fetch("w", tmp_path / "copy")
    assert found is not None
    assert found.facts == {"by": "here"}
    assert (tmp_path / "copy").read_text() == "two"
    keys = [entry.key for entry in bucket.store("warehouse").entries()]
    assert sorted(keys) == sorted(["w.live.json", found.key])


def test_a_file_that_was_changed_on_its_way_is_refused(bucket: Bucket, tmp_path: Path):
    files, path = SharedFiles(bucket.store("warehouse")), tmp_path / "file"
    path.write_text("one")
    files.publish("w", path, replacing=None, facts={})
    live = files.live("w")
    assert live is not None
    path.write_text("eno")
    files.store.upload(live.key, path)

    with pytest.raises(StorageError, match="is not what was uploaded"):
        files.fetch("w", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_raw_file_is_fetched_by_one_machine(bucket: Bucket, other: Bucket, tmp_path: Path):
    source = tmp_path / "cl.obo"
    source.write_text("format-version: 1.2\n")

    def fetch(machine: Bucket) -> tuple[bool, Path]:
        shared, path = machine.downloads(), machine.cache.root / "raw" / "ontologies" / "cl.obo"
        return SharedDownloader(shared).fetch(str(source), path).changed, path

    first, _ = fetch(bucket)
    again, _ = fetch(bucket)
    elsewhere, copy = fetch(other)
    assert (first, again, elsewhere) == (True, False, False)
    assert copy.read_text() == "format-version: 1.2\n"

    source.write_text("format-version: 1.4\n")
    newer, _ = fetch(other)
    _, here = fetch(bucket)
    assert newer
    assert here.read_text() == "format-version: 1.4\n"


def test_the_warehouse_is_asked_on_another_machine(bucket: Bucket, other: Bucket):
    write_corpus(bucket.lake())
    bucket.warehouse(bucket.home / "warehouse.duckdb").build()
    file = other.warehouse(other.home / "warehouse.duckdb")

    with file.opened() as warehouse:
        nodes = run_query(warehouse, "SELECT name FROM nodes ORDER BY id").to_pylist()
        assert [row["name"] for row in nodes] == ["INS", "diabetes mellitus"]
        assert {path.parts[-3] for path in file.lake.root.rglob("*.parquet")} == {"nodes"}

        found = run_query(warehouse, "FROM mentions_of('MONDO:1', n := 2)").to_pylist()
        assert [row["doc_id"] for row in found] == ["PMID:8", "PMID:7"]
        shown = run_query(warehouse, "SELECT DISTINCT partition FROM lake.mentions ORDER BY ALL")
        assert shown["partition"].to_pylist() == ["notes", "pubmed26n0001", "pubmed26n0002"]
    assert behind(other.lake(), file.path) == []


def test_a_machine_that_has_nothing_builds_the_warehouse_of_everything(
    bucket: Bucket, other: Bucket
):
    write_corpus(bucket.lake())
    here, there = (each.warehouse(each.home / "warehouse.duckdb") for each in (bucket, other))
    sql = "SELECT doc_id, text, concept_id FROM annotations ORDER BY ALL"

    there.build()

    fetched = {path.parts[-3] for path in there.lake.root.rglob("*.parquet")}
    assert "concept_relations" in fetched
    assert not fetched & {"citations", "mentions", "sentences"}
    with here.opened() as warehouse:
        assert run_query(warehouse, sql).num_rows == 6
    assert files_named_by(here.path) == files_named_by(there.path)


def test_a_warehouse_that_was_published_since_is_seen(bucket: Bucket, other: Bucket):
    lake = write_corpus(bucket.lake())
    here, there = (each.warehouse(each.home / "warehouse.duckdb") for each in (bucket, other))
    here.build()
    count = "SELECT count(*) AS n FROM citations"
    with there.opened() as before:
        assert run_query(before, count)["n"].to_pylist() == [6]
        lake.drop(CITATIONS, "notes")
        here.build()
        with there.opened() as after:
            assert run_query(after, count)["n"].to_pylist() == [5]
        assert run_query(before, count)["n"].to_pylist() == [6]

    seen = there.shared and there.shared.live("warehouse.duckdb")
    here.build()
    assert there.shared is not None
    with pytest.raises(LostRaceError):
        there.shared.publish("warehouse.duckdb", there.path, replacing=seen, facts={})


def test_a_file_that_left_the_cache_is_fetched_again(bucket: Bucket):
    write_corpus(bucket.lake())
    file = bucket.warehouse(bucket.home / "warehouse.duckdb")
    file.build()

    with file.opened() as warehouse:
        assert run_query(warehouse, "FROM nodes").num_rows == 2
        shutil.rmtree(file.lake.root / NODES.name)
        assert run_query(warehouse, "FROM nodes").num_rows == 2


def test_nothing_but_the_lake_is_read(bucket: Bucket, tmp_path: Path):
    write_corpus(bucket.lake())
    file = bucket.warehouse(bucket.home / "warehouse.duckdb")
    file.build()
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")

    above = file.lake.root / ".." / ".." / ".." / secret.name
    assert above.read_text() == "a\n1\n"
    with file.opened() as warehouse:
        for path in (secret, above, "s3://bucket/secret.csv"):
            with pytest.raises(QueryError, match="disabled by configuration"):
                run_query(warehouse, f"FROM read_csv('{path}')")


def test_garbage_spares_what_the_warehouse_names(bucket: Bucket):
    lake = write_corpus(bucket.lake())
    file = bucket.warehouse(bucket.home / "warehouse.duckdb")
    file.build()
    lake.write(CONCEPT_RELATIONS, lake.read(CONCEPT_RELATIONS, "MONDO").slice(1), partition="MONDO")

    kept = lake.collect_garbage(older_than=timedelta(hours=-1), keep=files_named_by(file.path))

    assert kept.n_files == 0
    assert lake.collect_garbage(older_than=timedelta(hours=-1)).n_files == 1
