"""BioC as JSON: a collection, in one object; nothing is lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kazu_platform.errors import MalformedFileError
from kazu_platform.formats.bioc import collection, from_bioc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from kazu_platform.documents import Document, Mention

_LISTS_OF_DOCUMENTS = ("documents", "PubTator3")


def to_bioc_json(annotated: Iterable[tuple[Document, Sequence[Mention]]]) -> str:
    """Documents and their mentions as one collection; ends with a line end.

    >>> to_bioc_json([])[:28]
    '{"source": "kazu-platform", '
    """
    return json.dumps(collection(annotated), ensure_ascii=False, allow_nan=False) + "\n"


def from_bioc_json(
    content: str, *, path: Path | str = "-"
) -> list[tuple[Document, tuple[Mention, ...]]]:
    """The documents of a collection, of a list of them, or a document alone, each with mentions.

    Raises:
        MalformedFileError: it is no JSON, or no BioC; names the line or the document.
    """
    try:
        value = json.loads(content)
    except json.JSONDecodeError as error:
        problem = f"it is no JSON: {error.msg}."
        raise MalformedFileError.at(path, problem, line=error.lineno) from None
    except RecursionError:
        raise MalformedFileError.at(path, "it is nested too deep for BioC.") from None
    return list(from_bioc(_documents(value), path))


def _documents(value: Any) -> Iterator[Any]:  # noqa: ANN401 - JSON
    """Every document, in whatever it is wrapped."""
    if isinstance(value, list):
        for each in value:
            yield from _documents(each)
    elif isinstance(value, dict) and not value.keys().isdisjoint(_LISTS_OF_DOCUMENTS):
        for key in _LISTS_OF_DOCUMENTS:
            yield from value.get(key) or ()
    else:
        yield value
