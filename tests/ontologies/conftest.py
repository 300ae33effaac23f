"""Small vocabulary files on disk, and the catalogue's entry for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from kazu_platform.arrow import compute as pc
from kazu_platform.ontologies.vocabulary import Vocabulary, parse_vocabulary
from kazu_platform.settings import OntologySource

if TYPE_CHECKING:
    from pathlib import Path


class ParseText(Protocol):
    """Write a file and parse it; names that rules generate are left out unless asked for."""

    def __call__(
        self,
        text: str | bytes,
        form: str = "obo",
        *,
        max_bytes: int = 1 << 30,
        entity_class: str = "disease",
        generated: bool = False,
        **entry: Any,  # noqa: ANN401 - any field of OntologySource
    ) -> Vocabulary: ...


@pytest.fixture
def parse_text(tmp_path: Path) -> ParseText:
    def parse(
        text: str | bytes,
        form: str = "obo",
        *,
        max_bytes: int = 1 << 30,
        entity_class: str = "disease",
        generated: bool = False,
        **entry: Any,  # noqa: ANN401 - any field of OntologySource
    ) -> Vocabulary:
        path = tmp_path / f"vocabulary.{form}"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        source = OntologySource.model_validate(
            {
                "name": "own",
                "entity_class": entity_class,
                "url": str(path),
                "format": form,
                "licence": "CC0-1.0",
                "homepage": "https://example.org",
                **entry,
            }
        )
        found = parse_vocabulary(source, path, max_bytes=max_bytes)
        if generated:
            return found
        read = pc.equal(found.synonyms["source"], "ontology")
        return replace(found, synonyms=found.synonyms.filter(read))

    return parse
