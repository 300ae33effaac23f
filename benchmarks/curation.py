"""How long until one decision about a name has taken effect on a corpus that is annotated?

Question: seconds of `kazu-platform curate apply` after one row was added to, or taken from, the
catalogue's file of curations, on a lake with so many abstracts and the whole ontologies of the
development data, until queries of the warehouse for mentions and links see it; asked for are 10 s
on 20,000 abstracts. Beside it the seconds until reports and graph have followed, and those that
the whole graph took when it was made.

Inside the clock: starting Python, Dagster's runs and its records, fetching and checking the file,
curating, both indices, matching and linking again, and the warehouse. The time of a part is read
off the records of its runs.

What would make it lie: a decision that changes nothing (each must change the mentions it is
about, or the benchmark fails); a row that is applied already; one kind of decision alone (a
name is dropped, one is added, a string is ignored); other work on the machine.

    python benchmarks/curation.py [--data DATA] [--abstracts 20000] [--home HOME]

DATA is the folder of development data; by default $KAZU_TEST_DATA says where it is. HOME keeps
the lake for the next run; by default it is made in a temporary folder, which takes some minutes.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter, time
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import yaml
from annotate import environment
from timing import options_of, report, spread
from vocabulary import CATALOGUE

from kazu_platform.storage.lake import Lake
from kazu_platform.storage.queries import open_read_only
from kazu_platform.tables import PARTITION_METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROGRAM = str(Path(sys.executable).with_name("kazu-platform"))
PUBLIC = Path(__file__).parent.parent / "kazu_platform/catalogues/public/curations.yaml"
BOUND = 10.0
EFFECTIVE = re.compile(r"up to date after ([0-9.]+) seconds")
ALWAYS = {"author": "benchmark", "reason": "to measure", "decided_on": "2026-01-01"}
DECISIONS = {
    "drop a common name": {"action": "drop", "name": "cancer", "entity_class": "disease"},
    "add a name": {"action": "add", "name": "cohort", "concept_id": "NCBITaxon:9606"},
    "ignore a string": {"action": "ignore", "name": "insulin", "entity_class": "gene"},
}
COUNT = """
SELECT count(*) FROM annotations WHERE lower(text) = ? AND entity_class = ?
"""
CLASSES = {"cancer": "disease", "cohort": "species", "insulin": "gene"}


@dataclass(frozen=True)
class Applied:
    """Seconds until queries saw the decisions, and until all had followed."""

    effective: float
    seconds: float


@dataclass(frozen=True)
class Corpus:
    """A home with its catalogue and the file of curations that it names."""

    home: Path
    data: Path

    @property
    def curations(self) -> Path:
        """The file that is edited."""
        return self.home / "curations.yaml"

    @property
    def environment(self) -> Mapping[str, str]:
        """That of a command in this home."""
        return environment(self.home, str(self.home / "catalogue.yaml"), self.data)

    def run(self, *arguments: str) -> tuple[float, str]:
        """Seconds of a command, and what it printed.

        Raises:
            CalledProcessError: it failed.
        """
        start = perf_counter()
        done = subprocess.run(
            [PROGRAM, *arguments], check=True, env=self.environment, stdout=subprocess.PIPE
        )
        return perf_counter() - start, done.stdout.decode()

    def apply(self) -> Applied:
        """Bring the decisions into effect."""
        seconds, said = self.run("curate", "apply")
        effective = EFFECTIVE.search(said)
        assert effective is not None, said
        return Applied(float(effective[1]), seconds)

    def decide(self, *decisions: Mapping[str, str]) -> None:
        """Make these, and those of the public catalogue, the decisions."""
        kept = yaml.safe_load(PUBLIC.read_text("utf-8"))
        rows = [*kept, *({**ALWAYS, "state": "approved", **each} for each in decisions)]
        self.curations.write_text(yaml.safe_dump(rows), "utf-8")

    def mentions_of(self, name: str) -> int:
        """How often a string is annotated with its class."""
        with open_read_only(self.home / "warehouse.duckdb", self.home / "lake") as connection:
            found = connection.execute(COUNT, [name, CLASSES[name]]).fetchone()
        assert found is not None
        return int(found[0])

    def parts(self, since: float) -> dict[str, float]:
        """Seconds that each stage took in runs since a moment (seconds of the epoch)."""
        rows = Lake(self.home / "lake").read(PARTITION_METRICS).to_pylist()
        parts: dict[str, float] = {}
        for row in rows:
            if row["metric"] == "seconds" and row["at"].timestamp() >= since:
                parts[row["stage"]] = round(parts.get(row["stage"], 0) + row["value"], 2)
        return parts


def make(corpus: Corpus, abstracts: int) -> float:
    """Fill a home; the seconds it took."""
    folder = corpus.home / "site"
    write_site(folder, corpus.data / "text" / "abstracts.jsonl.gz", abstracts)
    catalogue = yaml.safe_load(CATALOGUE.read_text("utf-8"))
    catalogue["curations"] = str(corpus.curations)
    catalogue["pubmed"] = {"baseline": str(folder / "baseline"), "updates": str(folder / "updates")}
    (corpus.home / "catalogue.yaml").write_text(yaml.safe_dump(catalogue, sort_keys=False), "utf-8")
    corpus.decide()
    return corpus.run("demo")[0]


def write_site(folder: Path, source: Path, abstracts: int) -> None:
    """Write abstracts as PubMed publishes them: a baseline of one file, no updates."""
    (folder / "updates").mkdir(parents=True)
    path = folder / "baseline" / "pubmed26n0001.xml.gz"
    path.parent.mkdir()
    with gzip.open(path, "wt", compresslevel=1, encoding="utf-8") as target:
        target.write('<?xml version="1.0" encoding="utf-8"?>\n<PubmedArticleSet>\n')
        target.writelines(islice(_citations(source), abstracts))
        target.write("</PubmedArticleSet>\n")
    md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    path.with_name(f"{path.name}.md5").write_text(f"MD5({path.name})= {md5}\n", "utf-8")


def _citations(source: Path) -> Iterator[str]:
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row.get("pmid"):
                yield (
                    f"<PubmedArticle><MedlineCitation><PMID>{int(row['pmid'])}</PMID><Article>"
                    "<Journal><JournalIssue><PubDate><Year>2019</Year></PubDate></JournalIssue>"
                    f"</Journal><ArticleTitle>{escape(row['title'] or '')}</ArticleTitle><Abstract>"
                    f"<AbstractText>{escape(row['text'])}</AbstractText></Abstract></Article>"
                    "</MedlineCitation></PubmedArticle>\n"
                )


def bench(corpus: Corpus, repeats: int) -> dict[str, Any]:
    """Put each decision into effect and take it back, some times."""
    results: dict[str, Any] = {}
    for what, decision in DECISIONS.items():
        applied: list[Applied] = []
        parts: list[dict[str, float]] = []
        before = corpus.mentions_of(decision["name"])
        for _ in range(repeats):
            for decisions in ([decision], []):
                corpus.decide(*decisions)
                started = time()
                applied.append(corpus.apply())
                parts.append(corpus.parts(started))
                after = corpus.mentions_of(decision["name"])
                assert (after != before) == bool(decisions), (
                    f"{what}: {before} and {after} mentions"
                )
        results[what] = {
            "mentions": before,
            "effective_seconds": [each.effective for each in applied],
            "seconds": [round(each.seconds, 1) for each in applied],
            "median_effective_seconds": median(each.effective for each in applied),
            "spread": round(spread([each.effective for each in applied]), 3),
            "parts": parts[0],
        }
    return results


def main() -> None:
    """Make the lake if need be, measure, print, and report."""
    parser = options_of(__doc__, repeats=2)
    parser.add_argument("--abstracts", type=int, default=20_000)
    parser.add_argument("--home", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="curation-") as temporary:
        corpus = Corpus((given.home or Path(temporary)).absolute(), given.data)
        corpus.home.mkdir(parents=True, exist_ok=True)
        made = (
            None if (corpus.home / "warehouse.duckdb").exists() else make(corpus, given.abstracts)
        )
        corpus.decide()
        corpus.apply()
        results = bench(corpus, given.repeats)
    report(
        "curation",
        {
            "abstracts": given.abstracts,
            "whole_graph_seconds": made and round(made, 1),
            "bound_seconds": BOUND,
            "decisions": results,
        },
        record=given.record,
    )


if __name__ == "__main__":
    main()
