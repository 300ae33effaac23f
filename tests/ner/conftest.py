"""Small vocabularies and passages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.ner.compile import build_dictionary_index
from kazu_platform.ner.dictionary import DictionaryDetector
from kazu_platform.ner.dictionary_index import open_dictionary_index
from kazu_platform.tables import PASSAGES, SYNONYMS
from kazu_platform.text.sentences import sentence_spans

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pyarrow as pa

    Name = tuple[str, str] | tuple[str, str, bool] | tuple[str, str, bool, bool]


@pytest.fixture
def synonyms() -> Callable[[Sequence[Name]], pa.Table]:
    """Synonyms of (name, entity class), and whether case-sensitive, and only in context."""

    def make(names: Sequence[Name]) -> pa.Table:
        return SYNONYMS.from_rows(
            [
                {
                    "concept_id": f"TEST:{number}",
                    "ontology": "TEST",
                    "entity_class": name[1],
                    "name": name[0],
                    "scope": "label",
                    "normalised": name[0],
                    "normaliser_version": "none",
                    "case_sensitive": len(name) > 2 and name[2],
                    "in_context": len(name) > 3 and name[3],
                    "source": "ontology",
                    "active": True,
                    "linkable": True,
                }
                for number, name in enumerate(names)
            ]
        )

    return make


@pytest.fixture
def detector(
    tmp_path: Path, synonyms: Callable[[Sequence[Name]], pa.Table]
) -> Callable[[Sequence[Name]], DictionaryDetector]:
    """A detector of some names."""

    def make(names: Sequence[Name]) -> DictionaryDetector:
        build_dictionary_index(synonyms(names), tmp_path / "dictionary")
        return DictionaryDetector(open_dictionary_index(tmp_path / "dictionary"))

    return make


@pytest.fixture
def passages() -> Callable[..., pa.Table]:
    """Passages of texts, each a document of its own."""

    def make(*texts: str) -> pa.Table:
        return PASSAGES.from_rows(
            [
                {
                    "doc_id": f"PMID:{number}",
                    "content_hash": f"hash{number}",
                    "section": 0,
                    "name": "abstract",
                    "text": text,
                    "sentences": [{"start": s, "end": e} for s, e in sentence_spans(text)],
                }
                for number, text in enumerate(texts)
            ]
        )

    return make
