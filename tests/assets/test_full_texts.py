"""Full texts of PMC go through the same tables, and no article is counted twice."""

from __future__ import annotations

import io
import tarfile
from html import escape
from typing import TYPE_CHECKING, Any

import pytest

from kazu_platform.storage.warehouse import open_read_only
from kazu_platform.tables import CITATIONS, CURRENT_CITATIONS, EDGES, MENTIONS, QUARANTINE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.assets.conftest import Home

FILE = "oa_comm_xml.PMC000xxxxxx.baseline.2026-01-01"


def article(pmcid: int, sections: list[dict[str, str]], pmid: int | None = None) -> bytes:
    ids = f'<article-id pub-id-type="pmc">PMC{pmcid}</article-id>'
    if pmid:
        ids += f'<article-id pub-id-type="pmid">{pmid}</article-id>'
    title, *others = (escape(section["text"]) for section in sections)
    paragraphs = "".join(f"<p>{text}</p>" for text in others)
    return (
        f"<article><front><article-meta>{ids}<title-group><article-title>{title}</article-title>"
        "</title-group><pub-date><year>2025</year></pub-date></article-meta></front>"
        f"<body><sec><title>Results</title>{paragraphs}</sec></body></article>"
    ).encode()


def publish(folder: Path, *articles: bytes) -> None:
    folder.mkdir()
    with tarfile.open(folder / f"{FILE}.tar.gz", "w:gz") as tar:
        for number, content in enumerate(articles):
            info = tarfile.TarInfo(f"PMC000xxxxxx/PMC{number}.xml")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def counts(home: Home) -> dict[tuple[str, str], int]:
    """Documents of each pair that is named together."""
    return {
        (row["subject"], row["object"]): row["n_documents"]
        for row in home.lake.read(EDGES, "all").to_pylist()
        if row["n_documents"] is not None
    }


def of_pmid(home: Home, pmid: int) -> list[dict[str, Any]]:
    return [r for r in home.lake.read(CURRENT_CITATIONS).to_pylist() if r["pmid"] == pmid]


@pytest.fixture
def evidence(home: Home) -> dict[str, Any]:
    """The citation that the first edge with a sentence is evidenced by."""
    edges = home.lake.read(EDGES, "all").to_pylist()
    edge = next(e for e in edges if e["n_documents"] is not None and e["sentence"])
    [current] = [
        row
        for row in home.lake.read(CURRENT_CITATIONS).to_pylist()
        if row["doc_id"] == edge["sentence_doc_id"]
    ]
    return next(
        row
        for row in home.lake.read(CITATIONS, current["file"]).to_pylist()
        if (row["doc_id"], row["position"]) == (current["doc_id"], current["position"])
    ) | {"pair": (edge["subject"], edge["object"])}


def test_full_texts_flow_to_the_graph_and_count_an_article_once(
    home: Home, evidence: dict[str, Any], tmp_path: Path
):
    """The article of one PMID in full, one without a PMID, and one that cannot be read."""
    sections, pmid, before = evidence["sections"], evidence["pmid"], counts(home)
    publish(
        tmp_path / "oa",
        article(71, sections, pmid),
        article(72, sections),
        b"<article>",
        *(article(number, [{"text": "Of nothing."}]) for number in range(100, 140)),
    )
    home.use_catalogue(home.catalogue() | {"pmc": {"folders": [str(tmp_path / "oa")]}})

    read = home.file(FILE)
    made = home.graph()

    assert (read.failures, made.failures) == ({}, {})
    rows = home.lake.read(CITATIONS, FILE)
    assert rows["doc_id"].to_pylist()[:2] == ["PMC:PMC71", "PMC:PMC72"]
    [bad] = home.lake.read(QUARANTINE, f"citations/{FILE}").to_pylist()
    assert bad["detail"].startswith(f"{FILE}, element 2: PMC000xxxxxx/PMC2.xml: ")
    named = set(home.lake.read(MENTIONS, FILE)["doc_id"].to_pylist())
    assert named == {"PMC:PMC71", "PMC:PMC72"}
    [current] = of_pmid(home, pmid)
    assert (current["doc_id"], current["file"]) == ("PMC:PMC71", FILE)
    after = counts(home)
    assert after.keys() == before.keys()
    assert after[evidence["pair"]] == before[evidence["pair"]] + 1  # of the one without a PMID
    published = [
        edge["publications"]
        for edge in home.lake.read(EDGES, "all").to_pylist()
        if (edge["subject"], edge["object"]) == evidence["pair"]
    ]
    assert f"PMID:{pmid}" in published[0]
    assert "PMC:PMC72" in published[0]
    with open_read_only(home.settings.warehouse, home.settings.lake) as warehouse:
        shown = warehouse.execute(
            "SELECT DISTINCT doc_id FROM annotations WHERE pmid = ?", [pmid]
        ).fetchall()
        twice = warehouse.execute(
            "SELECT doc_id FROM current_documents GROUP BY doc_id HAVING count(*) > 1"
        ).fetchall()
    assert shown == [("PMC:PMC71",)]
    assert twice == []


def test_a_catalogue_of_full_texts_alone_is_listed(new_home: Home, tmp_path: Path):
    publish(tmp_path / "oa", article(71, [{"text": "Of zinc."}]))
    (tmp_path / "oa" / f"{FILE}.filelist.csv").write_text("Article File", "utf-8")
    catalogue = new_home.catalogue() | {
        "pubmed": None,
        "pmc": {"folders": [str(tmp_path / "oa")]},
    }
    new_home.path.mkdir()
    new_home.use_catalogue(catalogue)

    assert new_home.register() == [FILE]
