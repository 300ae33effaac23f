"""Mentions for people to look at, with the texts and the alternatives they have to know.

Asked of the warehouse: what counts are current texts and the links as they are now. How a person
sees them (`formats`) and what they say (`ontologies.proposals`) is written elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kazu_platform.documents import Document, Link, Mention, Section
from kazu_platform.errors import ConfigurationError
from kazu_platform.linking.contexts import decisive
from kazu_platform.storage.queries import OpenWarehouse, run_query
from kazu_platform.storage.sql import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SECONDS: Final = 600.0
"""How long a question to the warehouse may take."""

MAX_ALTERNATIVES: Final = 10
"""Concepts of a mention among which people choose."""

_MENTION: Final = (
    'mention_id, doc_id, content_hash, section, sentence, start, "end", spans, text, '
    "entity_class, confidence, detector, surface_id, context"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which mentions people should look at; all that is said has to hold.

    Attributes:
        doc_ids: in these documents; empty: in any.
        text: the string, in any case.
        entity_class: the class.
        ambiguous: another concept fits as well by name.
        lowest_first: the least certain links come first, mentions without one before all.
        limit: at most so many mentions.
    """

    doc_ids: tuple[str, ...] = ()
    text: str | None = None
    entity_class: str | None = None
    ambiguous: bool = False
    lowest_first: bool = False
    limit: int = 200

    @property
    def takes_whole_documents(self) -> bool:
        """Whether every mention of a document is chosen, or every one of a class."""
        return bool(self.doc_ids) and self.text is None and not self.ambiguous

    def condition(self) -> str:
        """The choice as SQL over `annotations`."""
        parts = ["true"]
        if self.doc_ids:
            parts.append(f"doc_id IN ({_listed(self.doc_ids)})")
        if self.text is not None:
            parts.append(f"lower(text) = lower({quoted(self.text)})")
        if self.entity_class is not None:
            parts.append(f"entity_class = {quoted(self.entity_class)}")
        if self.ambiguous:
            parts.append("ambiguous")
        return " AND ".join(parts)


@dataclass(frozen=True, slots=True)
class ToReview:
    """A document, mentions chosen of it and what it says of each, and whether these are all."""

    document: Document
    mentions: tuple[tuple[Mention, str], ...]
    complete: bool


def to_review(warehouse: OpenWarehouse, choice: Choice) -> list[ToReview]:
    """The documents of the mentions chosen, the first chosen first.

    Documents that were asked for by name are there without a mention, too.

    Raises:
        ConfigurationError: the lake has no document of that name.
        QueryError: a question took too long.
    """
    order = "score NULLS FIRST, " if choice.lowest_first else ""
    rows = _ask(
        warehouse,
        f"SELECT {_MENTION} FROM annotations WHERE {choice.condition()} "  # noqa: S608 - quoted
        f'ORDER BY {order}doc_id, section, start, "end", mention_id LIMIT {int(choice.limit) + 1}',
    )
    cut, rows = len(rows) > choice.limit, rows[: choice.limit]
    by_document: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_document[row["doc_id"]].append(row)
    documents = _documents(warehouse, [*by_document, *choice.doc_ids])
    missing = [doc_id for doc_id in choice.doc_ids if doc_id not in documents]
    if missing:
        raise ConfigurationError(
            f"The warehouse has no document {missing[0]!r}"
            f"{f' and {len(missing) - 1} others' if missing[1:] else ''}; a PMID is written "
            "PMID:123. The view current_documents has every doc_id."
        )
    # A document that was cut off may have more mentions, and one that has none may have some.
    complete = choice.takes_whole_documents and not cut
    links = _links(warehouse, {row["surface_id"] for row in rows})
    return [
        ToReview(
            documents[doc_id],
            tuple(
                (Mention.from_row(row, links.get(row["surface_id"], ())), decisive(row["context"]))
                for row in sorted(by_document.get(doc_id, ()), key=_place)
            ),
            complete,
        )
        for doc_id in dict.fromkeys((*by_document, *(choice.doc_ids if complete else ())))
    ]


def _ask(warehouse: OpenWarehouse, sql: str) -> list[dict[str, Any]]:
    return run_query(warehouse, sql, seconds=SECONDS).to_pylist()


def _documents(warehouse: OpenWarehouse, doc_ids: Sequence[str]) -> dict[str, Document]:
    if not doc_ids:
        return {}
    rows = _ask(
        warehouse,
        f"SELECT doc_id, sections FROM current_documents WHERE doc_id IN ({_listed(doc_ids)})",  # noqa: S608 - quoted
    )
    return {
        row["doc_id"]: Document(
            row["doc_id"],
            tuple(Section(each["name"], each["text"]) for each in row["sections"]),
        )
        for row in rows
    }


def _links(warehouse: OpenWarehouse, surface_ids: Iterable[str]) -> dict[str, list[Link]]:
    """The best links of each surface, by rank."""
    found: dict[str, list[Link]] = defaultdict(list)
    asked = sorted(surface_ids)
    if not asked:
        return found
    for row in _ask(
        warehouse,
        "SELECT l.surface_id, l.concept_id, l.ontology, coalesce(c.label, '') AS label, l.rank, "  # noqa: S608 - quoted
        "l.score, l.method FROM links l LEFT JOIN concepts c ON c.concept_id = l.concept_id "
        f"AND c.ontology = l.ontology WHERE l.surface_id IN ({_listed(asked)}) "
        f"AND l.rank <= {MAX_ALTERNATIVES} ORDER BY l.surface_id, l.rank, l.concept_id",
    ):
        found[row.pop("surface_id")].append(Link(**row))
    return found


def _place(row: Mapping[str, Any]) -> tuple[int, int, int, str]:
    """Where a mention stands."""
    return row["section"], row["start"], row["end"], row["mention_id"]


def _listed(values: Iterable[str]) -> str:
    return ", ".join(quoted(value) for value in values)
