"""How many connections a download site sees, however many runs there are."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from assets.listing import register
from assets.runs import QUIET
from assets.sources import pubmed_archives
from kazu_platform.definitions import build_resources
from resources.dagster_home import open_instance
from tests.assets.conftest import Home
from tests.nlm_site import serving

if TYPE_CHECKING:
    from pathlib import Path

    from kazu_platform.settings import Settings

FILES = [f"pubmed26n{number:04d}" for number in range(1, 4)]


def fetch(settings: Settings, file: str) -> bool:
    with open_instance(settings.dagster_home) as instance:
        made = dg.materialize(
            [pubmed_archives],
            partition_key=file,
            instance=instance,
            resources=build_resources(settings),
            run_config=QUIET,
        )
    return made.success


@pytest.mark.slow
def test_a_site_sends_two_files_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DAGSTER_HOME", "of the processes")
    home = Home(tmp_path)
    with serving() as site:
        site.company = 2
        for file in FILES:
            site.publish("baseline", file, b"<PubmedArticleSet></PubmedArticleSet>")
        home.use_catalogue(home.catalogue() | {"pubmed": {"baseline": f"{site.url}/baseline"}})
        with open_instance(home.settings.dagster_home) as instance:
            register(instance, FILES)

        processes = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(3, mp_context=processes) as runs:
            assert all(runs.map(partial(fetch, home.settings), FILES))
        assert site.most_at_once == 2
