"""Nights in production: PostgreSQL, S3, Ray, code server, webserver, daemon, and NLM's site.

The clock of this machine is left alone. Instead the schedule's time zone is one in which it is
02:00 when the test wants it to be, as the daemon finds when it begins.
"""

from __future__ import annotations

import hashlib
import json
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml

import kazu_platform.sample
from tests.chat import Chat, listening
from tests.e2e.conftest import STATUS
from tests.e2e.production import (
    LOGS,
    ZONE,
    Production,
    postgres_programs,
    production,
    whole_minute,
)
from tests.nlm_site import NlmSite, serving, side_file

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLE = Path(str(kazu_platform.sample.__file__)).parent
BASELINE, FIRST, SECOND = "pubmed26n0002", "pubmed26n0005", "pubmed26n0006"
NIGHTLY = {"key": "kazu/launched_by", "value": "nightly"}
RUNS = """
query ($filter: RunsFilter!) {
  runsOrError(filter: $filter) { ... on Runs { results { runId status tags { key value } } } }
}
"""
TICKS = """
query ($of: InstigationSelector!) {
  instigationStateOrError(instigationSelector: $of) {
    ... on InstigationState { ticks { timestamp status runIds error { message } } }
  }
}
"""
MESSAGES = """
query ($run: ID!) {
  logsForRun(runId: $run) {
    ... on EventConnection {
      events { ... on MessageEvent { level message } ... on ErrorEvent { error { message } } }
    }
  }
}
"""
AGAIN = """
mutation ($params: ReexecutionParams!) {
  launchRunReexecution(reexecutionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
STATE = """
SELECT
    (SELECT count(*) FROM current_citations WHERE NOT deleted) AS citations,
    (SELECT list(DISTINCT file ORDER BY file) FROM current_citations) AS files,
    (
        SELECT list(DISTINCT label ORDER BY label) FROM annotations
        WHERE pmid IN (90000052, 90000111, 90000116) AND label IS NOT NULL
    ) AS labels,
    (
        SELECT list(pair || ': ' || n_documents ORDER BY pair) FROM (
            SELECT least(s.name, o.name) || ', ' || greatest(s.name, o.name) AS pair, e.n_documents
            FROM edges e JOIN nodes s ON s.id = e.subject JOIN nodes o ON o.id = e.object
        ) WHERE n_documents IS NOT NULL AND pair IN (
            'celecoxib, schizophrenia', 'chronic myeloid leukemia, nilotinib',
            'gefitinib, non-small cell lung carcinoma'
        )
    ) AS edges
"""


@pytest.fixture
def site() -> Iterator[NlmSite]:
    with serving() as site:
        site.publish("baseline", BASELINE, sample("baseline", BASELINE))
        yield site


@pytest.fixture
def chat() -> Iterator[Chat]:
    with listening() as chat:
        yield chat


@pytest.fixture
def catalogue(site: NlmSite, tmp_path: Path) -> Path:
    """Two small ontologies, and the site."""
    described = yaml.safe_load((SAMPLE.parent / "catalogues" / "sample.yaml").read_text("utf-8"))
    ontologies = [each for each in described["ontologies"] if each["name"] in {"MONDO", "CHEBI"}]
    for each in ontologies:
        each["url"] = str(SAMPLE / "ontologies" / Path(each["url"]).name)
    pubmed = {"baseline": f"{site.url}/baseline", "updates": f"{site.url}/updatefiles"}
    path = tmp_path / "production.yaml"
    written = {"name": "production", "ontologies": ontologies, "pubmed": pubmed}
    path.write_text(yaml.safe_dump(written), "utf-8")
    return path


@pytest.fixture
def here(catalogue: Path, chat: Chat, s3_server: str) -> Iterator[Production]:
    if postgres_programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    settings = {
        "KAZU_NIGHTLY": "true",
        "KAZU_NIGHTLY_TIME_ZONE": ZONE,
        "KAZU_SENSOR_SECONDS": "5",
        "KAZU_WORKERS": "1",
        "KAZU_ALERT_WEBHOOK": chat.address,
        "KAZU_UI_URL": "http://dagster.example.org",
    }
    with production(catalogue, s3_server, **settings) as running:
        yield running


def sample(folder: str, file: str) -> bytes:
    return (SAMPLE / "pubmed" / folder / f"{file}.xml").read_bytes()


def state(here: Production) -> dict[str, Any]:
    """What an analyst sees."""
    [row] = json.loads(here.query(STATE))
    return row


def runs(here: Production, job: str) -> list[dict[str, Any]]:
    """Runs of a job that the night asked for, the newest first."""
    of_night = {"pipelineName": job, "tags": [NIGHTLY]}
    return here.dagster.ask(RUNS, {"filter": of_night})["runsOrError"]["results"]


def tags(run: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in run["tags"]}


def said(here: Production, run: str) -> list[dict[str, Any]]:
    """What a run said, with levels."""
    return here.dagster.ask(MESSAGES, {"run": run})["logsForRun"]["events"]


def asked_for(here: Production, job: str, number: int) -> dict[str, Any]:
    """The run of a job that the night asks for as its so manieth, once there is one."""

    def found() -> dict[str, Any] | None:
        asked = runs(here, job)
        return asked[-number] if len(asked) >= number else None

    return here.processes.eventually(found, seconds=120, what=f"run {number} of {job}")


def until(here: Production, run: str, *statuses: str) -> str:
    """The status of a run, when it is one of these."""

    def now() -> str:
        status = here.dagster.ask(STATUS, {"run": run})["runOrError"]["status"]
        return status if status in statuses else ""

    what = f"run {run} {' or '.join(statuses)}"
    return here.processes.eventually(now, seconds=300, what=what)


def succeeds(here: Production, run: str) -> None:
    """See a run end well."""
    status = until(here, run, "SUCCESS", "FAILURE", "CANCELED")
    assert status == "SUCCESS", [each["error"] for each in said(here, run) if each.get("error")]


def the_tick(here: Production, two_o_clock: int) -> str:
    """The run that the schedule launched at that time."""
    of = {**here.dagster.repository, "name": "nightly"}

    def found() -> dict[str, Any] | None:
        ticks = here.dagster.ask(TICKS, {"of": of})["instigationStateOrError"].get("ticks", [])
        at = [each for each in ticks if each["timestamp"] == two_o_clock]
        return at[0] if at and at[0]["status"] != "STARTED" else None

    tick = here.processes.eventually(found, seconds=120, what="the tick of the schedule")
    assert (tick["status"], tick["error"]) == ("SUCCESS", None)
    [run] = tick["runIds"]
    return run


def read_baseline(here: Production) -> None:
    """Vocabularies, indices, the baseline and the graph, while it is far from 02:00."""
    here.start_daemon(two_o_clock=whole_minute() + 12 * 3600)
    succeeds(here, here.dagster.launch("whole_graph"))
    here.stop_daemon(signal.SIGTERM)


def a_night(here: Production, site: NlmSite) -> int:
    """A new file is found and read; when it was two o'clock."""
    site.publish("updatefiles", FIRST, sample("updatefiles", FIRST))
    two = whole_minute() + 60
    here.start_daemon(two_o_clock=two)

    succeeds(here, the_tick(here, two))
    read = asked_for(here, "pubmed_file", 1)
    assert tags(read)["dagster/partition"] == FIRST
    succeeds(here, read["runId"])

    # What was begun goes on when the daemon is killed.
    graph = asked_for(here, "graph", 1)["runId"]
    until(here, graph, "STARTED", "SUCCESS")
    here.stop_daemon(signal.SIGKILL)
    succeeds(here, graph)
    return two


def a_bad_night(here: Production, site: NlmSite, chat: Chat, *, after: int) -> str:
    """Nobody is there at two, a download is cut, and an md5 is wrong; the run that failed of it."""
    path = site.publish("updatefiles", SECOND, sample("updatefiles", SECOND))
    site.cut.add(path)
    site.instead[f"{path}.md5"] = side_file(path, b"another file")
    two = max(whole_minute(), after + 60)
    time.sleep(max(0.0, two + 1 - time.time()))
    here.start_daemon(two_o_clock=two)

    succeeds(here, the_tick(here, two))
    read = asked_for(here, "pubmed_file", 2)
    assert tags(read)["dagster/partition"] == SECOND
    assert until(here, read["runId"], "SUCCESS", "FAILURE") == "FAILURE"

    transfers = [(each.status, each.from_byte) for each in site.requests(path)]
    assert transfers == [(200, 0), (206, len(site.published[path]) // 2), (200, 0)]
    wrong = hashlib.md5(b"another file", usedforsecurity=False).hexdigest()
    why = (
        f"{site.url}/{path}: the md5 of what came is {site.md5(path)}, published is {wrong}; "
        "try again later, or correct the checksum."
    )
    events = said(here, read["runId"])
    cut, damaged = [each["message"] for each in events if each.get("level") == "WARNING"]
    assert cut.startswith(f"{site.url}/{path}: RemoteProtocolError: ")
    assert "; tried again in " in cut
    assert damaged == f"{why} It is fetched once more, from the start."
    here.processes.eventually(lambda: chat.texts, seconds=120, what="the alert")
    page = f"http://dagster.example.org/runs/{read['runId']}"
    assert chat.texts == [f"pubmed_file of {SECOND} failed: {why} {page}"]
    return read["runId"]


def launched_again(here: Production, run: str) -> str:
    """What a person does who has read the alert."""
    params = {"parentRunId": run, "strategy": "ALL_STEPS"}
    launched = here.dagster.ask(AGAIN, {"params": params})["launchRunReexecution"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return launched["run"]["runId"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_night_and_one_in_which_daemon_and_site_fail(here: Production, site: NlmSite, chat: Chat):
    read_baseline(here)
    assert state(here) == {
        "citations": 28,
        "files": [BASELINE],
        "labels": ["celecoxib", "schizophrenia"],
        "edges": ["celecoxib, schizophrenia: 1", "gefitinib, non-small cell lung carcinoma: 1"],
    }

    two = a_night(here, site)
    of_first = [
        *("chronic myeloid leukemia", "dasatinib (anhydrous)", "imatinib", "leukemia"),
        *("myeloid leukemia", "myocardial infarction", "nilotinib"),
    ]
    assert state(here) == {
        "citations": 34,
        "files": [BASELINE, FIRST],
        "labels": of_first,
        "edges": [
            "chronic myeloid leukemia, nilotinib: 1",
            "gefitinib, non-small cell lung carcinoma: 1",
        ],
    }

    failed = a_bad_night(here, site, chat, after=two)
    of_second = [
        *("cancer", "gefitinib", "lung cancer", "non-small cell lung carcinoma"),
        "small cell lung carcinoma",
    ]
    succeeds(here, launched_again(here, failed))
    succeeds(here, asked_for(here, "graph", 2)["runId"])
    assert state(here) == {
        "citations": 40,
        "files": [BASELINE, FIRST, SECOND],
        "labels": sorted([*of_first, *of_second]),
        "edges": [
            "chronic myeloid leukemia, nilotinib: 1",
            "gefitinib, non-small cell lung carcinoma: 2",
        ],
    }
    assert len(chat.texts) == 1
    kept = boto3.client("s3", endpoint_url=here.environment["AWS_ENDPOINT_URL"])
    printed = kept.list_objects_v2(Bucket=LOGS, Prefix=f"dagster/storage/{failed}/")
    assert printed["KeyCount"] > 0
