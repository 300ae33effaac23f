"""Which files must be counted again: those whose counts depend on something that changed.

A file's pair counts depend on its mentions, on the rows of `current_citations` that name it, on
the vocabularies and the linker, and on the rules of counting. A fingerprint of these four is
kept with the counts. So a citation that is revised or deleted recounts the files that lose or
gain its current version, and no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from kazu_platform.documents import digest
from kazu_platform.graph.pairs import COUNTING_VERSION, MAX_CONCEPTS

if TYPE_CHECKING:
    from collections.abc import Collection

    import pyarrow as pa

NOTHING_CURRENT = "none"


def current_digests(current: pa.Table) -> dict[str, str]:
    """Digest which citations of each file are current, all files in one pass.

    Args:
        current: CURRENT_CITATIONS, in any order.

    Returns:
        File to digest of the PMIDs, texts and places that are current in it. A file of which
        nothing is current is left out.

    >>> from kazu_platform.tables import CURRENT_CITATIONS
    >>> citation = {"pmid": 7, "doc_id": "PMID:7", "file": "pubmed26n0001", "position": 0}
    >>> gone = {"pmid": 8, "doc_id": "PMID:8", "file": "pubmed26n0002", "position": 3}
    >>> current = CURRENT_CITATIONS.from_rows(
    ...     [citation | {"content_hash": "a", "deleted": False}, gone | {"deleted": True}]
    ... )
    >>> current_digests(current)
    {'pubmed26n0001': '1-0d29f20ce7945dbef43dc37c41d3f370'}
    """
    with duckdb.connect() as database:
        database.execute("SET python_enable_replacements = false")
        database.register("current_citations", current)
        return dict(database.execute(_DIGESTS).fetchall())


def link_versions(links: pa.Table) -> list[tuple[str, str]]:
    """Say which vocabularies and linkers made these links.

    Returns:
        Distinct (vocabulary_version, linker_version), sorted.

    >>> import pyarrow as pa
    >>> link_versions(
    ...     pa.table({"vocabulary_version": ["m1", "m1", "g4"], "linker_version": ["1", "1", "1"]})
    ... )
    [('g4', '1'), ('m1', '1')]
    """
    versions = links.group_by(["vocabulary_version", "linker_version"]).aggregate([]).to_pylist()
    return sorted((row["vocabulary_version"], row["linker_version"]) for row in versions)


def pairs_fingerprint(
    *,
    mentions_version: str,
    current_digest: str | None,
    link_versions: Collection[tuple[str, str]],
    max_concepts: int = MAX_CONCEPTS,
) -> str:
    """Name everything that the pair counts of one file depend on.

    Args:
        mentions_version: data version of the file's mentions.
        current_digest: what `current_digests` says of the file; None if nothing is current.
        link_versions: what `link_versions` says of the links that the file is counted with.
        max_concepts: as given to `count_pairs`.

    Returns:
        A hash; equal as long as `count_pairs` would give the same rows.

    >>> same = {"mentions_version": "7f", "current_digest": "1-44"}
    >>> old = pairs_fingerprint(**same, link_versions=[("m1", "1")])
    >>> old == pairs_fingerprint(**same, link_versions=[("m2", "1")])
    False
    """
    versions = [part for versions in sorted(set(link_versions)) for part in versions]
    digested = current_digest or NOTHING_CURRENT
    return digest(COUNTING_VERSION, str(max_concepts), mentions_version, digested, *versions)


# Exclusive or of row hashes needs no sorting, and a PMID has one row, so nothing cancels out.
_DIGESTS = """
SELECT
    file,
    format(
        '{}-{:032x}', count(*),
        bit_xor(md5_number(
            concat_ws(chr(31), coalesce(pmid::VARCHAR, doc_id), content_hash, position)
        ))
    )
FROM current_citations
WHERE NOT deleted
GROUP BY file
ORDER BY file
"""
