"""Whatever order update files are materialised in, what is current comes out to the same byte."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.tables import CURRENT_CITATIONS, MENTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.assets.conftest import Home

LISTING = dg.AssetSelection.assets("published_files")
TEXTS = dg.AssetSelection.assets("pubmed_archives", "citations", "deletions")
CURRENT = dg.AssetSelection.assets("current_citations")
PMIDS = st.integers(1, 4)


@dataclass(frozen=True)
class Element:
    """What a file does to a citation: it writes a version of it, maybe retracted, or deletes it."""

    pmid: int
    version: int
    text: str
    retracted: bool

    def xml(self) -> str:
        if not self.version:
            return f"<DeleteCitation><PMID>{self.pmid}</PMID></DeleteCitation>"
        kind = "Retracted Publication" if self.retracted else "Journal Article"
        return (
            f'<PubmedArticle><MedlineCitation><PMID Version="{self.version}">{self.pmid}</PMID>'
            f"<Article><ArticleTitle>{self.text}</ArticleTitle><PublicationTypeList>"
            f"<PublicationType>{kind}</PublicationType></PublicationTypeList></Article>"
            "</MedlineCitation></PubmedArticle>"
        )


ELEMENTS = st.builds(
    Element, PMIDS, st.integers(0, 2), st.sampled_from(["asthma", "imatinib"]), st.booleans()
)
FILES = st.lists(st.lists(ELEMENTS, max_size=4), min_size=2, max_size=4)


@settings(max_examples=8)
@given(FILES, st.data())
def test_shuffled_update_files_give_the_same_bytes(
    home_at: Callable[[Path], Home],
    publish: Callable[[Path, bytes], None],
    tmp_path_factory: pytest.TempPathFactory,
    files: list[list[Element]],
    data: st.DataObject,
):
    """Names go from n0009 to n0010 and to n10000, which no order of letters gets right."""
    names = ["pubmed26n0001", "pubmed26n0009", "pubmed26n0010", "pubmed26n10000"][: len(files)]
    shuffled = data.draw(st.permutations(names))
    folder = tmp_path_factory.mktemp("shuffled")
    site = folder / "site"
    (site / "updatefiles").mkdir(parents=True)
    for name, elements in zip(names, files, strict=True):
        where = "baseline" if name == names[0] else "updatefiles"
        body = f"<PubmedArticleSet>{''.join(e.xml() for e in elements)}</PubmedArticleSet>"
        publish(site / where / f"{name}.xml", body.encode())

    in_order = materialised(home_at(folder / "in_order"), site, names, each=False)
    otherwise = materialised(home_at(folder / "shuffled"), site, shuffled, each=True)

    assert in_order == otherwise
    shutil.rmtree(folder)


def materialised(home: Home, site: Path, names: Sequence[str], *, each: bool) -> bytes:
    """The live Parquet file of `current_citations`, made at the end, or after each file too."""
    home.path.mkdir()
    home.use_catalogue({"name": "site"})
    home.use_pubmed(site)
    assert home.materialise(LISTING).failures == {}
    for name in names:
        assert home.materialise(TEXTS, name).failures == {}
        home.lake.write(
            MENTIONS, MENTIONS.empty(), partition=name
        )  # it was read, and names nothing
        if each:
            assert home.materialise(CURRENT).failures == {}
    assert home.materialise(CURRENT).failures == {}
    return Path(home.lake.pointer(CURRENT_CITATIONS, "all").path).read_bytes()
