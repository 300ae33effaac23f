"""Several processes on one home: writers, a reader, builders of the warehouse, and a kill."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import kazu_platform.sample
from kazu_platform.settings import Settings
from kazu_platform.storage.lake import Lake
from kazu_platform.storage.queries import open_read_only, run_query
from kazu_platform.tables import TABLES

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

BASELINE = Path(str(kazu_platform.sample.__file__)).parent / "pubmed" / "baseline"
ARTICLE = b"  <PubmedArticle>"

# Publishes two variants of a PubMed file in turn, reads each, and builds the warehouse. Each stays
# until a query that began after it was made has ended.
WRITER = """
import shutil, sys, time
from pathlib import Path

import dagster as dg

from assets.layers import FILE_LAYER, LISTING_LAYER
from assets.runs import QUIET
from kazu_platform.definitions import build_assets, build_resources
from kazu_platform.settings import read_settings
from kazu_platform.storage.lake import Lake
from kazu_platform.storage.warehouse import build_warehouse

variants, queries, file = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
settings = read_settings()
published = Path(settings.catalogue().pubmed.baseline)
assets = build_assets(settings.catalogue())
resources = build_resources(settings)
with dg.DagsterInstance.ephemeral() as instance:
    dg.materialize(
        assets, selection=LISTING_LAYER, instance=instance, resources=resources, run_config=QUIET
    )
    print("ready", flush=True)
    for variant in ("short", "whole") * 2:
        for name in (f"{file}.xml", f"{file}.xml.md5"):
            shutil.copyfile(variants / variant / name, published / name)
        dg.materialize(
            assets, selection=FILE_LAYER, partition_key=file, instance=instance,
            resources=resources, run_config=QUIET,
        )
        build_warehouse(Lake(settings.lake), settings.warehouse)
        enough = len(list(queries.iterdir())) + 2
        while len(list(queries.iterdir())) < enough:
            time.sleep(0.02)
"""
COUNTS = """
SELECT c.file, count(*) AS n_citations, count(DISTINCT c.doc_id) AS n_documents,
    (SELECT count(*) FROM lake.mentions m WHERE m.partition = c.file) AS n_mentions
FROM citations c GROUP BY c.file
"""


def publish(folder: Path, name: str, body: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(body)
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    (folder / f"{name}.md5").write_text(f"MD5({name})= {md5}\n", "utf-8")


def without_last_five(body: bytes) -> bytes:
    head, *articles = body.split(ARTICLE)
    kept = ARTICLE.join([head, *articles[:-5]])
    return kept + b"</PubmedArticleSet>\n"


def counted(home: Path) -> dict[str, tuple[int, int]]:
    """File to its citations and mentions, as somebody who opens the warehouse now sees them."""
    with open_read_only(home / "warehouse.duckdb", home / "lake") as connection:
        rows = run_query(connection, COUNTS, seconds=30).to_pylist()
        again = run_query(connection, COUNTS, seconds=30).to_pylist()
    key = "file"
    assert sorted(rows, key=lambda r: r[key]) == sorted(again, key=lambda r: r[key])
    return {row["file"]: (row["n_citations"], row["n_mentions"]) for row in rows}


def test_readers_see_old_or_new_while_two_processes_write_and_build(
    own_home: Path, start: Callable[..., subprocess.Popen[str]], tmp_path: Path
):
    files = ("pubmed26n0001", "pubmed26n0002")
    published, variants, queries = (
        tmp_path / name for name in ("published", "variants", "queries")
    )
    queries.mkdir()
    for file in files:
        whole = (BASELINE / f"{file}.xml").read_bytes()
        publish(published, f"{file}.xml", whole)
        publish(variants / "whole", f"{file}.xml", whole)
        publish(variants / "short", f"{file}.xml", without_last_five(whole))
    sample = Settings(sources="sample").catalogue().model_dump(mode="json")  # pyright: ignore[reportCallIssue]
    catalogue = tmp_path / "catalogue.json"  # JSON is YAML
    catalogue.write_text(json.dumps(sample | {"pubmed": {"baseline": str(published)}}), "utf-8")
    before = counted(own_home)

    writers = [
        start(
            *(sys.executable, "-c", WRITER, variants, queries, file),
            home=own_home,
            KAZU_SOURCES=str(catalogue),
        )
        for file in files
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    seen: dict[str, set[tuple[int, int]]] = {file: set() for file in files}
    n_queries = 0
    while any(writer.poll() is None for writer in writers):
        for file, counts in counted(own_home).items():
            seen.setdefault(file, set()).add(counts)
        n_queries += 1
        (queries / str(n_queries)).touch()

    assert [writer.communicate()[1] for writer in writers if writer.returncode] == []
    assert n_queries > 10
    after = counted(own_home)
    assert after == before
    for file in files:
        n_citations, n_mentions = before[file]
        allowed = {n_citations, n_citations - 5}
        assert {citations for citations, _ in seen[file]} == allowed
        assert {mentions for _, mentions in seen[file]} >= {n_mentions}
        assert len({mentions for _, mentions in seen[file]}) == 2
    for file in set(seen) - set(files):
        assert seen[file] == {before[file]}


def test_a_demo_that_was_killed_can_be_run_again(
    own_home: Path, sample_home: Path, start: Callable[..., subprocess.Popen[str]]
):
    """SIGKILL leaves no lock, no slot of a pool, and nothing half written."""
    for table in ("surfaces", "links", "edges"):
        shutil.rmtree(own_home / "lake" / table)
    before = counted(own_home)
    program = Path(sys.executable).with_name("kazu-platform")

    killed = start(program, "demo", home=own_home)
    half_way = own_home / "lake" / "surfaces" / "05" / "live.json"
    while not half_way.exists():
        assert killed.poll() is None
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (own_home / "lake" / "edges").exists()
    assert counted(own_home) == before
    lake = Lake(own_home / "lake")
    for table in TABLES.values():
        for name, pointer in lake.pointers(table).items():
            assert lake.read(table, name, columns=[table.key[0]]).num_rows == pointer.n_rows
    again = start(program, "demo", home=own_home)
    printed, talk = again.communicate(timeout=120)

    assert again.returncode == 0, talk
    assert "118" in printed
    for name in ("mentions", "surfaces", "links", "pair_counts", "nodes", "edges"):
        made, sample = (Lake(home / "lake") for home in (own_home, sample_home))
        assert made.version(TABLES[name]) == sample.version(TABLES[name])
