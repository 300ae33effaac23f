"""Only files that an update touches are counted again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kazu_platform.graph.staleness import current_digests, pairs_fingerprint
from kazu_platform.tables import CURRENT_CITATIONS

if TYPE_CHECKING:
    import pyarrow as pa


def current(*rows: tuple[int, str, str | None, int]) -> pa.Table:
    return CURRENT_CITATIONS.from_rows(
        [
            {
                "pmid": pmid,
                "doc_id": f"PMID:{pmid}",
                "version": 1,
                "file": file,
                "content_hash": text,
                "position": position,
                "deleted": text is None,
            }
            for pmid, file, text, position in rows
        ]
    )


def fingerprints(table: pa.Table, files: list[str]) -> dict[str, str]:
    digests = current_digests(table)
    return {
        file: pairs_fingerprint(
            mentions_version="7f",
            current_digest=digests.get(file),
            link_versions=[("m1", "1")],
        )
        for file in files
    }


def stale_files(now: dict[str, str], recorded: dict[str, str]) -> list[str]:
    return sorted(file for file in now if recorded.get(file) != now[file])


BEFORE = current((1, "a", "x", 0), (2, "a", "y", 1), (3, "b", "z", 0), (4, "c", "w", 0))


def test_a_revised_citation_makes_its_old_and_its_new_file_stale():
    after = current((1, "a", "x", 0), (2, "d", "y2", 0), (3, "b", "z", 0), (4, "c", "w", 0))

    stale = stale_files(fingerprints(after, [*"abcd"]), fingerprints(BEFORE, [*"abc"]))

    assert stale == ["a", "d"]


def test_a_deleted_citation_makes_the_file_that_held_it_stale():
    after = current((1, "a", "x", 0), (2, "a", "y", 1), (3, "d", None, 0), (4, "c", "w", 0))

    stale = stale_files(fingerprints(after, [*"abc"]), fingerprints(BEFORE, [*"abc"]))

    assert stale == ["b"]


def test_the_same_text_at_another_place_of_a_file_is_stale():
    after = current((1, "a", "x", 2), (2, "a", "y", 1), (3, "b", "z", 0), (4, "c", "w", 0))

    assert current_digests(after)["a"] != current_digests(BEFORE)["a"]


def test_digests_do_not_depend_on_the_order_of_rows():
    assert current_digests(BEFORE.take([3, 1, 0, 2])) == current_digests(BEFORE)


def test_every_input_of_the_counts_is_in_the_fingerprint():
    def fingerprint(**changed: Any) -> str:  # noqa: ANN401 - any argument
        same: dict[str, Any] = {
            "mentions_version": "7f",
            "current_digest": "1-44",
            "link_versions": [("m1", "1"), ("g1", "1")],
        }
        return pairs_fingerprint(**(same | changed))

    assert fingerprint(link_versions=[("g1", "1"), ("m1", "1")]) == fingerprint()
    assert fingerprint() not in {
        fingerprint(mentions_version="80"),
        fingerprint(current_digest="1-45"),
        fingerprint(current_digest=None),
        fingerprint(link_versions=[("m1", "1")]),
        fingerprint(link_versions=[("m1", "1"), ("g1", "2")]),
        fingerprint(max_concepts=100),
    }
