"""Small corpora."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a file of a corpus and return its path."""

    def write(name: str, content: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
        return path

    return write


@pytest.fixture(scope="session")
def strings() -> Callable[[pa.Table], list[dict[str, Any]]]:
    """Sentences and mentions as strings: words joined by blanks, mention strings by class."""

    def of(rows: pa.Table) -> list[dict[str, Any]]:
        return [
            {
                "doc_id": row["doc_id"],
                "text": " ".join(row["words"]),
                "mentions": [
                    (" ".join(row["words"][each["first"] : each["last"]]), each["entity_class"])
                    for each in row["mentions"]
                ],
            }
            for row in rows.to_pylist()
        ]

    return of
