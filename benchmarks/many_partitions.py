"""What do 1,500 partitions cost, apart from what is in them?

Question: seconds of each thing that is done over all files of PubMed at once (listing a site and
registering what it holds, a tick of the sensor, asking for a backfill, what is current, surfaces,
links, counts, nodes and edges, the warehouse), with so many files of a few citations each, so that
the number of files is what costs. Also of one file, read in a run of its own, and of one night:
one more update file, and the graph after it.

Inside the clock: Dagster's runs and its records (SQLite), a real HTTP server on loopback for
listings and downloads, the whole of the command line for the backfill. Vocabularies and indices are
the sample's and are made before; the mirror is written before; files are read by the assets' own
functions, a few of them in runs to say what a run adds.

What would make it lie: more text in a file (reading costs by citations, see `pubmed_xml.py` and
`dictionary.py`), an index of millions of names, a lake that is not a local folder.

    python benchmarks/many_partitions.py [--files 1500] [--citations 3] [--updates 20]
"""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
import yaml
from timing import REPOSITORY, options_of, peak_memory_bytes, report

from assets.audits import AUDITS
from assets.layers import (
    CORPUS_LAYER,
    FILE_LAYER,
    INDEX_LAYER,
    LISTING_LAYER,
    MAPPING_LAYER,
    VOCABULARY_LAYER,
)
from assets.listing import register
from assets.making import record
from assets.runs import QUIET
from kazu_platform.definitions import build_assets, build_definitions, build_resources
from kazu_platform.settings import Settings, read_settings
from kazu_platform.storage.lake import Lake
from kazu_platform.storage.warehouse import behind
from kazu_platform.tables import (
    CITATIONS,
    DELETIONS,
    DICTIONARY_MENTIONS,
    MENTIONS,
    MODEL_MENTIONS,
    QUARANTINE,
    SENTENCES,
)
from resources.dagster_home import open_instance

if TYPE_CHECKING:
    from collections.abc import Generator

NAMES = ("imatinib", "asthma", "BRCA1", "chronic myeloid leukemia", "insulin", "MCF-7", "apoptosis")
OF_A_FILE = (CITATIONS, SENTENCES, DICTIONARY_MENTIONS, MENTIONS)
PLAIN = {"KAZU_COMPUTE": "inline", "KAZU_DETECTOR": "dictionary", "KAZU_LINKER": "names"}


@dataclass
class Mirror:
    """A site in the layout of NLM's, with files of a few citations."""

    folder: Path
    per_file: int
    written: int = 0
    chosen: random.Random = field(default_factory=lambda: random.Random(26))  # noqa: S311 - no secret

    def publish(self, where: str, n: int) -> list[str]:
        """Write so many more files; their names without the ending."""
        names = [f"pubmed26n{self.written + place:04d}" for place in range(1, n + 1)]
        for name in names:
            self._write(self.folder / where / f"{name}.xml.gz", is_update=where == "updatefiles")
            self.written += 1
        return names

    def _write(self, path: Path, *, is_update: bool) -> None:
        first = 1 + self.written * self.per_file
        body = "".join(self._citation(pmid) for pmid in range(first, first + self.per_file))
        if is_update:  # one is revised, one deleted
            revised, deleted = self.chosen.sample(range(1, first), 2)
            body += self._citation(revised)
            body += f"<DeleteCitation><PMID>{deleted}</PMID></DeleteCitation>"
        packed = gzip.compress(f"<PubmedArticleSet>{body}</PubmedArticleSet>".encode(), mtime=0)
        path.write_bytes(packed)
        md5 = hashlib.md5(packed, usedforsecurity=False).hexdigest()
        path.with_name(f"{path.name}.md5").write_text(f"MD5({path.name})= {md5}\n", "utf-8")

    def _citation(self, pmid: int) -> str:
        first, second, third = self.chosen.sample(NAMES, 3)
        return (
            f'<PubmedArticle><MedlineCitation><PMID Version="1">{pmid}</PMID><Article>'
            f"<ArticleTitle>{first} and {second} in article {pmid}.</ArticleTitle><Abstract>"
            f"<AbstractText>We saw {third} beside {first}.</AbstractText></Abstract>"
            "</Article></MedlineCitation></PubmedArticle>"
        )


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has
        pass


@contextmanager
def served(folder: Path) -> Generator[str]:
    """Serve a folder on loopback, index pages too; its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Platform:
    """A home and the runs in it; `seconds` says what each thing cost, also each of the `steps`."""

    settings: Settings
    instance: dg.DagsterInstance
    definitions: dg.Definitions
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    steps: set[str] = field(default_factory=set[str])

    @classmethod
    def at(cls, home: Path, url: str) -> Platform:
        """A new home that reads the site and the sample's vocabularies; also of our children."""
        catalogue = Settings(home=home, sources="sample").catalogue().model_dump(mode="json")  # pyright: ignore[reportCallIssue]
        catalogue |= {"pubmed": {"baseline": f"{url}/baseline", "updates": f"{url}/updatefiles"}}
        path = home / "catalogue.yaml"
        path.write_text(yaml.safe_dump(catalogue, sort_keys=False), "utf-8")
        os.environ |= PLAIN | {"KAZU_HOME": str(home), "KAZU_SOURCES": str(path)}
        settings = read_settings()
        return cls(settings, open_instance(settings.dagster_home), build_definitions(settings))

    @property
    def lake(self) -> Lake:
        """The tables."""
        return Lake(self.settings.lake)

    def load(self) -> None:
        """Make the definitions anew, as each process of Dagster does."""
        self.definitions = build_definitions(self.settings)
        dg.Definitions.validate_loadable(self.definitions)

    @contextmanager
    def timed(self, what: str) -> Generator[None]:
        """Note the seconds of a block, and say them."""
        started = perf_counter()
        yield
        self.seconds[what] = round(perf_counter() - started, 3)
        print(f"{self.seconds[what]:9.2f} s  {what}", file=sys.stderr, flush=True)

    def run(self, layer: dg.AssetSelection, partition: str | None = None) -> dict[str, float]:
        """Materialise a layer in a run; seconds of each of its steps."""
        run = dg.materialize(
            [*build_assets(self.settings.catalogue()), *AUDITS],  # pyright: ignore[reportArgumentType] - checks are taken too
            selection=layer,
            partition_key=partition,
            instance=self.instance,
            resources=build_resources(self.settings),
            run_config=QUIET,
        )
        return {
            str(event.step_key): event.step_success_data.duration_ms / 1000
            for event in run.all_events
            if event.is_step_success
        }

    def graph(self, what: str) -> None:
        """Make what is made of all files; note each step."""
        with self.timed(what):
            steps = self.run(CORPUS_LAYER)
        for step, seconds in steps.items():
            self.seconds[f"{what}: {step}"] = round(seconds, 3)
            self.steps.add(f"{what}: {step}")
            print(f"{seconds:9.2f} s    {step}", file=sys.stderr, flush=True)

    def tick(self, cursor: str | None) -> Any:  # noqa: ANN401 - what a tick gives has no public name
        """Ask the sensor once, as the daemon does."""
        repository = self.definitions.get_repository_def()
        resources = {"lake": build_resources(self.settings)["lake"]}
        with (
            dg.partition_loading_context(dynamic_partitions_store=self.instance),
            dg.build_sensor_context(
                instance=self.instance,
                cursor=cursor,
                repository_def=repository,
                resources=resources,
            ) as context,
        ):
            return repository.get_sensor_def("new_files").evaluate_tick(context)

    def backfill(self) -> None:
        """Ask for every partition of `pubmed_file` by the command line; the runs are queued."""
        command = [str(Path(sys.executable).with_name("dagster")), "job", "backfill"]
        command += ["-m", "kazu_platform.definitions", "-j", "pubmed_file", "--all", "all"]
        subprocess.run(
            [*command, "--noprompt"],
            check=True,
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def fill(platform: Platform, whole: str, files: list[str], per_file: int) -> None:
    """Write the tables of many files from those of one that holds all their citations."""
    lake = platform.lake
    for table in OF_A_FILE:
        rows = pl.DataFrame(lake.read(table, whole))
        file = (pl.col("doc_id").str.strip_prefix("PMID:").cast(pl.Int64) - 1) // per_file
        parts = rows.with_columns(place=file).partition_by("place", as_dict=True)
        for place, name in enumerate(files):
            part = parts[place,].drop("place")
            if table is CITATIONS:
                part = part.with_columns(file=pl.lit(name), position=pl.int_range(pl.len()))
            made = part.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(table.schema)
            written = lake.write(table, made, partition=name)
            figures = {"documents": per_file, "rows": made.num_rows, "set_aside": 0}
            record(lake, table.name, name, perf_counter(), figures, written.data_version)
        lake.drop(table, whole)
    for name in files:
        lake.write(DELETIONS, DELETIONS.empty(), partition=name)
        lake.write(MODEL_MENTIONS, MODEL_MENTIONS.empty(), partition=name)
        for stage in ("citations", "dictionary"):
            lake.write(QUARANTINE, QUARANTINE.empty(), partition=f"{stage}/{name}")
    for table in (DELETIONS, MODEL_MENTIONS):
        lake.drop(table, whole)


def prepare(platform: Platform, mirror: Mirror, files: int) -> list[str]:
    """Vocabularies, indices, and so many files that lie in the lake as if they had been read."""
    catalogue = platform.settings.catalogue()
    for source in catalogue.ontologies:
        platform.run(VOCABULARY_LAYER, source.name)
    for source in catalogue.mappings:
        platform.run(MAPPING_LAYER, source.name)
    platform.run(INDEX_LAYER)
    whole = Mirror(mirror.folder, files * mirror.per_file)
    [name] = whole.publish("baseline", 1)
    register(platform.instance, [name])
    platform.run(FILE_LAYER, name)
    names = mirror.publish("baseline", files)  # the first takes the place of the whole
    fill(platform, name, names, mirror.per_file)
    return names


def a_night(platform: Platform, mirror: Mirror, cursor: str, what: str) -> str:
    """One more update file: listed, asked for, read, and the graph after it; the cursor."""
    [name] = mirror.publish("updatefiles", 1)
    with platform.timed(f"{what}: listing"):
        platform.run(LISTING_LAYER)
    result = platform.tick(cursor)
    assert [each.partition_key for each in result.run_requests or ()] == [name]
    with platform.timed(f"{what}: the file"):
        platform.run(FILE_LAYER, name)
    result = platform.tick(result.cursor)
    assert [each.job_name for each in result.run_requests or ()] == ["graph"]
    platform.graph(f"{what}: graph")
    return str(result.cursor)


def bench(platform: Platform, mirror: Mirror, files: int, updates: int) -> None:
    """All steps, once."""
    with platform.timed("made before: vocabularies, indices, rows of the files"):
        prepare(platform, mirror, files)
    mirror.publish("updatefiles", updates)
    with platform.timed("list the site and register its files"):
        platform.run(LISTING_LAYER)
    with platform.timed("list it again, nothing new"):
        platform.run(LISTING_LAYER)
    with platform.timed("load the definitions"):
        platform.load()
    cursor, n_read = None, 0
    while True:
        with platform.timed("a tick of the sensor"):
            result = platform.tick(cursor)
        cursor, asked = result.cursor, list(result.run_requests or ())
        if not asked or asked[0].job_name == "graph":
            break
        with platform.timed(f"{len(asked)} update files, a run for each"):
            for each in asked:
                platform.run(FILE_LAYER, each.partition_key)
        n_read += len(asked)
    assert n_read == updates
    assert [each.job_name for each in asked] == ["graph"]
    platform.graph("graph")
    platform.graph("graph, nothing changed")
    with platform.timed("does the warehouse show what is live"):
        assert behind(platform.lake, platform.settings.warehouse) == []
    cursor = a_night(platform, mirror, str(cursor), "a night")
    with platform.timed("a tick of the sensor, nothing new"):
        assert not platform.tick(cursor).run_requests
    with platform.timed("ask for a backfill of every file"):
        platform.backfill()
    queued = platform.instance.get_runs_count(dg.RunsFilter(job_name="pubmed_file"))
    assert queued >= files, queued
    with platform.timed("a tick of the sensor beside the queue"):
        platform.tick(cursor)


def main() -> None:
    """Measure in a temporary home, print, and report."""
    parser = options_of(__doc__, repeats=1, data=False)
    parser.add_argument("--files", type=int, default=1_500)
    parser.add_argument("--citations", type=int, default=3, help="of a file")
    parser.add_argument("--updates", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="partitions-") as temporary:
        home = Path(temporary)
        mirror = Mirror(home / "site", given.citations)
        for where in ("baseline", "updatefiles"):
            (mirror.folder / where).mkdir(parents=True)
        with served(mirror.folder) as url:
            platform = Platform.at(home, url)
            bench(platform, mirror, given.files, given.updates)
            platform.instance.dispose()
        total = sum(each for what, each in platform.seconds.items() if what not in platform.steps)
    report(
        "many_partitions",
        {
            "files": given.files,
            "citations_of_a_file": given.citations,
            "updates": given.updates,
            "total_seconds": round(total, 1),
            "seconds": platform.seconds,
            "peak_memory_mib": round(peak_memory_bytes() / 2**20),
        },
        record=given.record,
    )


if __name__ == "__main__":
    main()
