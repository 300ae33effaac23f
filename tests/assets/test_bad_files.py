"""A file that cannot be read fails alone, at once, and says why; everything else is made."""

from __future__ import annotations

import gzip
import time
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from kazu_platform.tables import CITATIONS, CURRENT_CITATIONS, DELETIONS, MENTIONS, QUARANTINE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from assets.runs import Summary
    from tests.assets.conftest import Home

GOOD = [f"pubmed26n000{n}" for n in range(1, 7)]
ARTICLE = """\
<PubmedArticle><MedlineCitation><PMID Version="1">{pmid}</PMID><Article>
<Journal><JournalIssue><PubDate><Year>2026</Year></PubDate></JournalIssue></Journal>
<ArticleTitle>Metformin and tuberculosis, case {pmid}</ArticleTitle>
</Article></MedlineCitation></PubmedArticle>
"""
WITHOUT_A_NUMBER = "<PubmedArticle><MedlineCitation><Article/></MedlineCitation></PubmedArticle>\n"


def pubmed_file(*articles: str) -> bytes:
    return f"<PubmedArticleSet>\n{''.join(articles)}</PubmedArticleSet>\n".encode()


@pytest.fixture(scope="module")
def spoilt(
    sample_home: Path,
    home_at: Callable[[Path], Home],
    sample_at: Callable[[Path], Path],
    publish: Callable[[Path, bytes], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Home, Summary, float]:
    """The sample with six more update files, four of which are bad; all materialised."""
    folder = tmp_path_factory.mktemp("spoilt")
    home = home_at(sample_home).copied_to(folder / "home")
    updates = sample_at(folder / "sample") / "pubmed" / "updatefiles"
    good = pubmed_file(*(ARTICLE.format(pmid=91000000 + n) for n in range(12)))
    publish(updates / "pubmed26n0007.xml.gz", gzip.compress(good))
    publish(updates / "pubmed26n0008.xml.gz", gzip.compress(good)[:-200])
    publish(updates / "pubmed26n0009.xml", b"<html><body>404 Not Found</body></html>\n")
    publish(updates / "pubmed26n0010.xml", pubmed_file(*([WITHOUT_A_NUMBER] * 11)))
    (updates / "pubmed26n0011.xml").write_bytes(good)
    one_bad = (ARTICLE.format(pmid=92000001), WITHOUT_A_NUMBER, ARTICLE.format(pmid=92000002))
    publish(updates / "pubmed26n0012.xml", pubmed_file(*one_bad))
    (updates / "pubmed26n0007.xml.gz").write_bytes(gzip.compress(good + b"<!-- altered -->"))
    home.use_pubmed(updates.parent)
    started = time.monotonic()
    summary = home.everything()
    return home, summary, time.monotonic() - started


def test_each_bad_file_fails_with_its_reason(spoilt: tuple[Home, Summary, float]):
    _, summary, _ = spoilt
    why = {failed.what: failed.why for failed in summary.failed}

    assert list(why) == [f"pubmed26n{n:04}" for n in (7, 8, 9, 10, 11)]
    assert why["pubmed26n0007"].startswith("pubmed_archives: ")
    assert "pubmed26n0007.xml.gz: the md5 of what came is" in why["pubmed26n0007"]
    assert why["pubmed26n0008"].startswith("citations: ")
    assert "pubmed26n0008.xml.gz: the gzip data stops before its end" in why["pubmed26n0008"]
    assert "pubmed26n0009.xml: its root element is <html>" in why["pubmed26n0009"]
    assert "few_set_aside: 11 of 11 set aside (100.0%). Nothing was pub" in why["pubmed26n0010"]
    assert "pubmed26n0011.xml.md5 cannot be copied" in why["pubmed26n0011"]


def test_no_bad_file_is_tried_again(spoilt: tuple[Home, Summary, float]):
    """A retry waits five seconds and more; nothing here gets better by waiting."""
    home, _, seconds = spoilt
    retries = [
        record
        for run in home.instance.get_runs()
        for record in home.instance.all_logs(
            run.run_id, of_type=dg.DagsterEventType.STEP_UP_FOR_RETRY
        )
    ]

    assert retries == []
    assert seconds < 60


def test_the_other_files_and_the_graph_are_made(spoilt: tuple[Home, Summary, float]):
    home, summary, _ = spoilt

    assert str(summary.files) == "7 of 12"
    assert home.lake.partitions(CITATIONS) == [*GOOD, "pubmed26n0012"]
    assert home.lake.partitions(MENTIONS) == [*GOOD, "pubmed26n0012"]
    current = home.lake.read(CURRENT_CITATIONS)["pmid"].to_pylist()
    assert current[-2:] == [92000001, 92000002]
    assert len(current) == 121
    [edge] = home.edges_between("metformin", "tuberculosis")
    assert {"PMID:92000001", "PMID:92000002"} <= set(edge["publications"])


def test_a_citation_that_cannot_be_read_is_set_aside_and_the_file_goes_on(
    spoilt: tuple[Home, Summary, float],
):
    home, _, _ = spoilt
    [row] = home.lake.read(QUARANTINE, "citations/pubmed26n0012").to_pylist()

    assert (row["doc_id"], row["position"]) == ("pubmed26n0012#1", 1)
    assert (row["stage"], row["reason"]) == ("citations", "malformed")
    assert "PMID" in row["detail"]
    assert home.lake.pointer(CITATIONS, "pubmed26n0012").n_rows == 2


def test_a_file_that_is_put_right_is_made(
    spoilt: tuple[Home, Summary, float], publish: Callable[[Path, bytes], None], tmp_path: Path
):
    home = spoilt[0].copied_to(tmp_path / "home")
    pubmed = spoilt[0].settings.catalogue().pubmed
    assert pubmed is not None
    assert pubmed.updates is not None
    good = pubmed_file(ARTICLE.format(pmid=93000001))
    publish(tmp_path / "updatefiles" / "pubmed26n0007.xml.gz", gzip.compress(good))
    baseline = gzip.compress(pubmed_file(ARTICLE.format(pmid=93000002)))
    publish(tmp_path / "baseline" / "pubmed26n0001.xml.gz", baseline)
    home.use_pubmed(tmp_path)

    read = home.file("pubmed26n0007")

    assert read.failures == {}
    assert home.lake.read(CITATIONS, "pubmed26n0007")["pmid"].to_pylist() == [93000001]


def test_a_bad_file_leaves_what_the_good_one_before_it_gave(
    home: Home, own_sample: Path, publish: Callable[[Path, bytes], None]
):
    archive = own_sample / "pubmed" / "updatefiles" / "pubmed26n0005.xml"
    publish(archive, archive.read_bytes()[:-1000])
    home.use_pubmed(own_sample / "pubmed")
    before = {table.name: home.generations(table) for table in (CITATIONS, DELETIONS, QUARANTINE)}

    read = home.file("pubmed26n0005")

    assert list(read.failures) == ["citations"]
    assert "pubmed26n0005.xml, line" in read.failures["citations"]
    assert read.retried == set()
    assert {
        table.name: home.generations(table) for table in (CITATIONS, DELETIONS, QUARANTINE)
    } == before


def test_the_failed_gate_of_a_file_is_recorded(
    home: Home, own_sample: Path, publish: Callable[[Path, bytes], None]
):
    bad = own_sample / "pubmed" / "updatefiles" / "pubmed26n0007.xml"
    publish(bad, pubmed_file(ARTICLE.format(pmid=94000001), *([WITHOUT_A_NUMBER] * 11)))
    home.use_pubmed(own_sample / "pubmed")

    read = home.file("pubmed26n0007")

    assert read.checks == {("citations", "few_set_aside"): False}
    assert set(read.metadata) == {"pubmed_archives"}
    assert "pubmed26n0007" not in home.lake.partitions(CITATIONS)
    assert home.lake.pointer(QUARANTINE, "citations/pubmed26n0007").n_rows == 11
    record = home.instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [dg.AssetCheckKey(dg.AssetKey("citations"), "few_set_aside")]
    )
    [latest] = record.values()
    assert latest.event is not None
    assert latest.status.value == "FAILED"


@pytest.mark.parametrize(
    ("asset", "partition", "says"),
    [
        ("citations", "pubmed26n0001", "materialise `pubmed_archives` for it"),
        ("dictionary_mentions", "pubmed26n0001", "There is no dictionary in"),
        ("mentions", "pubmed26n0001", "There is no linking in"),
        ("sentences", "pubmed26n0001", "citations has no partition 'pubmed26n0001'"),
        ("concepts", "MONDO", "mondo.obo was not fetched"),
        ("links", None, "There is no linking in"),
    ],
)
def test_what_is_not_there_yet_is_said_at_once(
    new_home: Home, asset: str, partition: str | None, says: str
):
    new_home.register()
    selection = dg.AssetSelection.assets(asset)
    if asset in {"citations", "concepts"}:
        selection = selection.required_multi_asset_neighbors()

    made = new_home.materialise(selection, partition)

    [why] = made.failures.values()
    assert says in why
    assert made.retried == set()
