"""The listing of what is published, and what follows from it: partitions, the year that counts."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from assets.layers import LISTING_LAYER
from assets.listing import read_listing
from assets.partitions import pubmed_files
from kazu_platform.citations.published import published_now
from kazu_platform.tables import CURRENT_CITATIONS, MENTIONS, PUBLISHED_FILES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.assets.conftest import Home

SET = "<PubmedArticleSet>{}</PubmedArticleSet>"


def article(pmid: int, title: str) -> str:
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="1">{pmid}</PMID><Article>'
        f"<ArticleTitle>{title}</ArticleTitle></Article></MedlineCitation></PubmedArticle>"
    )


def current_files(home: Home) -> dict[int, str]:
    rows = home.lake.read(CURRENT_CITATIONS).to_pylist()
    return {row["pmid"]: row["file"] for row in rows if not row["deleted"]}


def test_new_files_become_partitions_and_an_unchanged_listing_is_not_written_again(home: Home):
    first = home.materialise(LISTING_LAYER)
    again = home.materialise(LISTING_LAYER)

    name = str(pubmed_files.name)
    assert home.instance.get_dynamic_partitions(name) == published_now(read_listing(home.lake))
    assert first.metadata["published_files"]["new"] == 6
    assert again.metadata["published_files"]["new"] == 0
    assert again.metadata["published_files"]["unchanged"]


def test_a_baseline_that_vanished_is_not_believed(home: Home, own_sample: Path):
    home.use_pubmed(own_sample / "pubmed")
    home.register()
    before = home.generations(PUBLISHED_FILES)
    shutil.rmtree(own_sample / "pubmed" / "baseline")
    (own_sample / "pubmed" / "baseline").mkdir()

    report = home.materialise(LISTING_LAYER)

    assert "0 files of a baseline are listed, 4 were before" in report.failures["published_files"]
    assert home.generations(PUBLISHED_FILES) == before


def test_a_new_year_takes_the_place_of_the_old_without_a_gap(
    home: Home, own_sample: Path, publish: Callable[[Path, bytes], None]
):
    """At every moment each article has one annotated text; what NLM dropped goes with the year."""
    site = own_sample / "pubmed"
    home.use_pubmed(site)
    home.register()
    before = current_files(home)
    kept, revised = sorted(before)[:2]
    for folder in ("baseline", "updatefiles"):
        shutil.rmtree(site / folder)
    publish(site / "baseline" / "pubmed27n0001.xml", SET.format(article(kept, "asthma")).encode())
    publish(site / "baseline" / "pubmed27n0002.xml", SET.format(article(revised, "gout")).encode())
    publish(site / "updatefiles" / "pubmed27n0003.xml", SET.format("").encode())

    assert home.file("pubmed27n0001").failures == {}
    assert home.graph().failures == {}
    half_way = current_files(home)
    assert half_way == before | {kept: "pubmed27n0001"}

    assert home.file("pubmed27n0002").failures == {}
    report = home.graph()
    assert report.failures == {}
    assert current_files(home) == {kept: "pubmed27n0001", revised: "pubmed27n0002"}
    assert report.metadata["current_citations"]["superseded"] == 6


def test_a_text_counts_once_it_has_been_read(home: Home):
    """Otherwise an annotated text would give way to one without a mention."""
    before = current_files(home)
    home.register()
    home.lake.drop(MENTIONS, "pubmed26n0006")

    report = home.graph()

    assert report.failures == {}
    assert report.metadata["current_citations"]["not_yet_read"] == 1
    assert "pubmed26n0006" in before.values()
    assert "pubmed26n0006" not in current_files(home).values()


def test_charts_show_how_the_corpus_grew_and_how_fast_it_was_read(home: Home):
    metadata = home.graph().metadata["current_citations"]

    assert "| current citations |" in metadata["growth"]
    assert "file 1 to 6" in metadata["growth"]
    for stage in ("citations", "dictionary_mentions", "mentions"):
        assert f"| {stage}, documents/s |" in metadata["throughput"]
        assert f"| {stage}, peak MiB |" in metadata["throughput"]
