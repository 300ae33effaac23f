"""A person materialises partitions in the browser and by a backfill; the daemon runs them."""

from __future__ import annotations

import filecmp
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import kazu_platform.sample
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import MENTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.e2e.conftest import Server

BASELINE = Path(str(kazu_platform.sample.__file__)).parent / "pubmed" / "baseline"
FILE_ASSETS = (
    "pubmed_archives",
    "citations",
    "deletions",
    "sentences",
    "dictionary_mentions",
    "model_mentions",
    "mentions",
)
CLICKED, BACKFILLED = "pubmed26n0004", ["pubmed26n0001", "pubmed26n0002"]
BACKFILL = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
RUNS = """
query ($key: String!, $value: String!) {
  runsOrError(filter: { tags: [{ key: $key, value: $value }] }) {
    ... on Runs { results { runId status tags { key value } } }
  }
}
"""


@pytest.fixture(scope="module")
def registered(server: Server) -> Server:
    """The published files are partitions, by the job that a person launches for it."""
    assert server.finished(server.launch("register_files")) == "SUCCESS"
    return server


@pytest.fixture(scope="module")
def backfill(registered: Server) -> str:
    """A backfill of two files; the daemon looks for new ones twice a minute."""
    params = {
        "assetSelection": [{"path": [name]} for name in FILE_ASSETS],
        "partitionNames": BACKFILLED,
    }
    launched = registered.ask(BACKFILL, {"params": params})["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    return launched["backfillId"]


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of a real browser."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("there is no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=arguments, headless=True
        )
        opened = browser.new_page(viewport={"width": 1400, "height": 900})
        opened.set_default_timeout(60_000)
        yield opened
        browser.close()


def runs(server: Server, key: str, value: str) -> dict[str, str]:
    """Partition to the status of its run, of runs with a tag."""
    found: list[dict[str, Any]] = server.ask(RUNS, {"key": key, "value": value})["runsOrError"][
        "results"
    ]
    return {
        tag["value"]: run["status"]
        for run in found
        for tag in run["tags"]
        if tag["key"] == "dagster/partition"
    }


@pytest.mark.usefixtures("backfill")  # launched before, so that it goes on while a person clicks
def test_a_click_materialises_one_partition(registered: Server, page: Page, tmp_path: Path):
    page.goto(f"{registered.url}/assets/pubmed_archives", wait_until="domcontentloaded")

    page.get_by_role("button", name="Materialize").first.click()
    dialog = page.get_by_role("dialog").filter(has_text="Launch runs to materialize")
    dialog.get_by_text("Select a partition").first.click()
    page.get_by_text(CLICKED, exact=True).first.click()
    dialog.get_by_text("Launch runs to materialize").click()  # closes the list of partitions
    dialog.get_by_role("button", name="Launch 1 run").click()
    dialog.wait_for(state="hidden")
    page.screenshot(path=tmp_path / "launched.png")

    page.wait_for_timeout(500)
    [run] = registered.ask(RUNS, {"key": "dagster/partition", "value": CLICKED})["runsOrError"][
        "results"
    ]
    assert registered.finished(run["runId"]) == "SUCCESS"
    fetched = registered.home / "raw" / "pubmed" / f"{CLICKED}.xml"
    assert filecmp.cmp(fetched, BASELINE / f"{CLICKED}.xml", shallow=False)
    page.goto(f"{registered.url}/assets/pubmed_archives?view=partitions")
    page.get_by_text(CLICKED, exact=True).first.wait_for()
    page.screenshot(path=tmp_path / "partitions.png")


def test_a_backfill_makes_its_partitions(registered: Server, backfill: str, sample_home: Path):
    def ended() -> bool:
        statuses = runs(registered, "dagster/backfill", backfill)
        assert "FAILURE" not in statuses.values()
        return statuses == dict.fromkeys(BACKFILLED, "SUCCESS")

    registered.eventually(ended, seconds=200, what="the end of the backfill")

    made = Lake(registered.home / "lake").pointers(MENTIONS)
    sample = Lake(sample_home / "lake").pointers(MENTIONS)
    assert {name: pointer.data_version for name, pointer in made.items()} == {
        name: sample[name].data_version for name in BACKFILLED
    }
