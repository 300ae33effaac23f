"""Small gold files and mentions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.documents import Span, mention_id
from kazu_platform.evaluation.iob import parse_iob
from kazu_platform.tables import DICTIONARY_MENTIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    from kazu_platform.evaluation.entities import TokenGold

    Found = tuple[str, str, str] | tuple[str, list[tuple[int, int]], str]


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a file of a corpus and return its path."""

    def write(name: str, content: str) -> Path:
        folder = tmp_path / "corpus"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(content.encode())
        return folder / name

    return write


@pytest.fixture
def iob(tmp_path: Path) -> Callable[..., TokenGold]:
    """Gold of sentences such as `TNF/B-gene rose`; None opens a document without an id."""

    def make(*sentences: str | None) -> TokenGold:
        lines: list[str] = []
        for sentence in sentences:
            if sentence is None:
                lines += ["-DOCSTART- ?\tO", ""]
                continue
            for word in sentence.split():
                token, _, tag = word.partition("/")
                lines.append(f"{token}\t{tag or 'O'}")
            lines.append("")
        return parse_iob(tmp_path / "gold.tsv", "\n".join(lines), corpus="corpus", split="gold")

    return make


@pytest.fixture
def mentions() -> Callable[..., pa.Table]:
    """Mentions in the documents of a gold.

    Each is (doc_id, string or spans, class); a string is looked for in the text.
    """

    def make(passages: pa.Table, *found: Found) -> pa.Table:
        rows: list[dict[str, object]] = []
        for doc_id, what, entity_class in found:
            (passage,) = (row for row in passages.to_pylist() if row["doc_id"] == doc_id)
            text = passage["text"]
            if isinstance(what, str):
                start = text.index(what)
                spans = [(start, start + len(what))]
            else:
                spans = what
            stretches = [Span(start, end) for start, end in spans]
            rows.append(
                {
                    "mention_id": mention_id(doc_id, 0, stretches, entity_class),
                    "doc_id": doc_id,
                    "content_hash": passage["content_hash"],
                    "section": 0,
                    "sentence": 0,
                    "start": spans[0][0],
                    "end": spans[-1][1],
                    "spans": [{"start": start, "end": end} for start, end in spans],
                    "text": " ... ".join(text[start:end] for start, end in spans),
                    "entity_class": entity_class,
                    "detector": "hand",
                    "detector_version": "1",
                }
            )
        return DICTIONARY_MENTIONS.from_rows(rows)

    return make
