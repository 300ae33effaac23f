"""The nouns of an evaluation: entities, and gold of two kinds.

Gold over tokens (IOB2) has no offsets of its own: its documents are made of its tokens, and an
entity ends where a token ends. Gold over characters (PubTator) is compared as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kazu_platform.arrow import compute
from kazu_platform.documents import content_hash
from kazu_platform.tables import ENTITY_CLASSES, PASSAGES, SPAN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

UNKNOWN_ID = "?"
_CLASS_OF_TYPE = {
    "specificdisease": "disease",
    "diseaseclass": "disease",
    "modifier": "disease",
    "compositemention": "disease",
    "diseaseorphenotypicfeature": "disease",
    "geneorgeneproduct": "gene",
    "chemicalentity": "chemical",
    "organismtaxon": "species",
} | {name.replace("_", ""): name for name in ENTITY_CLASSES}


@dataclass(frozen=True, slots=True)
class Entities:
    """Stretches of documents as parallel arrays; see `distinct`.

    `document` is the row of a passage; `start` and `end` count its code points.
    """

    document: Integers
    start: Integers
    end: Integers

    def __len__(self) -> int:
        """How many there are."""
        return len(self.document)

    @classmethod
    def distinct(cls, document: Integers, start: Integers, end: Integers) -> Entities:
        """Each stretch once, ordered by document, start and end."""
        rows = np.unique(np.stack([document, start, end], axis=1), axis=0)
        return cls(rows[:, 0], rows[:, 1], rows[:, 2])

    def texts(self, passages: pa.Table) -> list[str]:
        """What stands there."""
        text = passages["text"]
        where = zip(self.document.tolist(), self.start.tolist(), self.end.tolist(), strict=True)
        return [text[document].as_py()[start:end] for document, start, end in where]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of all documents, in order, as parallel arrays.

    `start` and `end` are places on one axis, on which the documents lie one behind the other, a
    character apart: one search serves all of them. `sentence` counts through all documents;
    `code` is that of `tags`; `kind` an index into the types of the gold, -1 for no entity.
    """

    start: Integers
    end: Integers
    document: Integers
    sentence: Integers
    code: NDArray[np.int8]
    kind: Integers


@dataclass(frozen=True)
class Gold:
    """A split of a corpus that people marked.

    `passages` (PASSAGES) has one row for each document. `types` says how many entities of which
    type there are; a type that is a class of ours has its name. Where the corpus knows documents
    (`has_documents`), figures vary from document to document, else from sentence to sentence.
    """

    corpus: str
    split: str
    passages: pa.Table
    types: Mapping[str, int]
    has_documents: bool


@dataclass(frozen=True)
class TokenGold(Gold):
    """Gold whose entities are tokens."""

    tokens: Tokens


@dataclass(frozen=True)
class SpanGold(Gold):
    """Gold whose entities are characters: parallel columns, a type for each entity."""

    entities: Entities
    entity_types: tuple[str, ...]


def entity_class_of(kind: str) -> str:
    """The class that a corpus means by its own name for a type; others keep their name.

    >>> [entity_class_of(kind) for kind in ("CellLine", "DiseaseClass", "gene", "SequenceVariant")]
    ['cell_line', 'disease', 'gene', 'SequenceVariant']
    """
    return _CLASS_OF_TYPE.get(kind.lower().replace("_", ""), kind)


def distinct_ids(ids: Sequence[str]) -> list[str]:
    """Identifiers of documents, told apart by a number where one is unknown or comes again.

    >>> distinct_ids(["7", "?", "8", "?", "7"])
    ['7', '?#2', '8', '?#4', '7#5']
    """
    found: dict[str, None] = {}
    for number, given in enumerate(ids, 1):
        name = given
        while name in found or name == UNKNOWN_ID:
            name = f"{name}#{number}"
        found[name] = None
    return list(found)


def passages_of_texts(
    ids: Sequence[str], texts: Sequence[str], starts: Integers, ends: Integers, counts: Integers
) -> pa.Table:
    """Documents of one section each (PASSAGES) from borders of sentences.

    Args:
        ids: Identifiers of the documents, all different.
        texts: Their texts.
        starts: Where each sentence begins in its document; those of a document stand together.
        ends: Where it ends.
        counts: How many sentences each document has.
    """
    borders = pa.StructArray.from_arrays(
        [pa.array(starts, pa.int32()), pa.array(ends, pa.int32())], fields=list(SPAN)
    )
    offsets = pa.array(np.concatenate(([0], np.cumsum(counts))), pa.int32())
    return PASSAGES.from_columns(
        {
            "doc_id": list(ids),
            "content_hash": [content_hash([("text", text)]) for text in texts],
            "section": pa.array(np.zeros(len(ids)), pa.int32()),
            "name": pa.array(["text"] * len(ids), pa.string()),
            "text": list(texts),
            "sentences": pa.ListArray.from_arrays(offsets, borders),
        }
    )


def places_of(passages: pa.Table) -> Integers:
    """Where each document begins on the axis of `Tokens`."""
    sizes = compute.utf8_length(passages["text"]).to_numpy().astype(np.int64) + 1
    return np.cumsum(sizes) - sizes
