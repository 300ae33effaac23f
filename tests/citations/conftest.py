"""Small PubMed files of our own, written where a test needs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from kazu_platform.citations.pubmed import parse_pubmed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" '
    '"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">\n'
)


@dataclass(frozen=True)
class Parsed:
    """The rows of a whole file, as dictionaries."""

    citations: list[dict[str, Any]]
    deletions: list[dict[str, Any]]
    set_aside: list[dict[str, Any]]


def set_of(*elements: str) -> str:
    """A PubMed file of these elements."""
    return f"{HEAD}<PubmedArticleSet>\n{''.join(elements)}</PubmedArticleSet>\n"


def article(
    pmid: object = 7, *, inside: str = "", beside: str = "", data: str = "", version: object = 1
) -> str:
    """A `<PubmedArticle>` with more elements in its Article, beside it and in its PubmedData."""
    title = "" if "<ArticleTitle" in inside else "<ArticleTitle>Zinc in yeast.</ArticleTitle>"
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="{version}">{pmid}</PMID>'
        f"<Article>{title}{inside}</Article>{beside}</MedlineCitation>"
        f"<PubmedData>{data}</PubmedData></PubmedArticle>\n"
    )


@pytest.fixture
def parse(tmp_path: Path) -> Callable[..., Parsed]:
    """Parse elements as a file named made26n0001."""

    def parsed(*elements: str, **options: Any) -> Parsed:  # noqa: ANN401 - handed on
        path = tmp_path / "made26n0001.xml"
        path.write_text(set_of(*elements), encoding="utf-8")
        batches = list(parse_pubmed(path, file="made26n0001", **options))
        return Parsed(
            [row for batch in batches for row in batch.citations.to_pylist()],
            [row for batch in batches for row in batch.deletions.to_pylist()],
            [row for batch in batches for row in batch.set_aside.to_pylist()],
        )

    return parsed


@pytest.fixture
def make_article() -> Callable[..., str]:
    return article


@pytest.fixture
def make_set() -> Callable[..., str]:
    return set_of
