from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.citations.current import current_citations, natural_order
from kazu_platform.citations.pubmed import parse_pubmed
from kazu_platform.tables import CITATIONS, CURRENT_CITATIONS, DELETIONS

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable
    from pathlib import Path

Written = tuple["int | None", int, str, str, int]  # pmid, version, content_hash, file, position
Deleted = tuple[int, str, int]  # pmid, file, position


def replay(written: Iterable[Written], deleted: Iterable[Deleted] = ()) -> pa.Table:
    names = ("doc_id", "pmid", "version", "content_hash", "file", "position", "retracted")
    citations = pa.Table.from_pylist(
        [
            dict(zip(names, (f"PMID:{row[0]}" if row[0] else "own", *row, False), strict=True))
            for row in written
        ],
        schema=pa.schema([CITATIONS.schema.field(name) for name in names]),
    )
    deletions = DELETIONS.from_rows(
        [{"pmid": p, "version": 1, "file": f, "position": at} for p, f, at in deleted]
    )
    return current_citations(citations, deletions)


def states(current: pa.Table) -> dict[int, tuple[int | None, str | None, str, int]]:
    return {
        row["pmid"]: (row["version"], row["content_hash"], row["file"], row["position"])
        for row in current.to_pylist()
    }


def test_numbers_in_names_count_as_numbers():
    names = ["n10000", "n9999", "pubmed26n0010", "pubmed26n0009", "pubmed25n1274", "n0", "n00"]

    assert natural_order(names) == [
        "n0",
        "n00",
        "n9999",
        "n10000",
        "pubmed25n1274",
        "pubmed26n0009",
        "pubmed26n0010",
    ]


def test_a_later_file_wins():
    current = replay([(1, 1, "old", "u26n9", 5), (1, 1, "new", "u26n10", 0)])

    assert states(current) == {1: (1, "new", "u26n10", 0)}


def test_a_later_place_in_a_file_wins():
    current = replay([(1, 1, "late", "f", 7), (1, 1, "early", "f", 3)])

    assert states(current) == {1: (1, "late", "f", 7)}


def test_a_higher_version_wins_over_a_later_file():
    current = replay([(1, 2, "second", "f1", 0), (1, 1, "first, revised", "f2", 0)])

    assert states(current) == {1: (2, "second", "f1", 0)}


def test_a_deletion_takes_every_version_that_came_before():
    """NLM's lists name version 1, whichever there are."""
    current = replay([(1, 1, "a", "f1", 0), (1, 2, "b", "f1", 1)], [(1, "f2", 9)])

    assert current.to_pylist() == [
        {
            "pmid": 1,
            "doc_id": "PMID:1",
            "version": None,
            "file": "f2",
            "content_hash": None,
            "position": 9,
            "deleted": True,
        }
    ]


def test_a_citation_that_comes_back_is_live_again():
    current = replay([(1, 2, "a", "f1", 0), (1, 1, "b", "f3", 0)], [(1, "f2", 9)])

    assert states(current) == {1: (1, "b", "f3", 0)}


def test_a_deletion_stands_where_it_stands_in_its_file():
    current = replay(
        [(1, 1, "before", "f", 0), (2, 1, "before", "f", 1), (2, 1, "after", "f", 3)],
        [(1, "f", 2), (2, "f", 2)],
    )

    assert states(current) == {1: (None, None, "f", 2), 2: (1, "after", "f", 3)}


def test_what_never_existed_can_be_deleted_and_own_texts_take_no_part():
    current = replay([(None, 1, "own", "mine", 0)], [(99, "f1", 3), (99, "f2", 4)])

    assert states(current) == {99: (None, None, "f2", 4)}


def test_nothing_is_nothing():
    assert replay([]).equals(CURRENT_CITATIONS.empty())


Full = tuple[str, "int | None", str, int]  # doc_id, pmid, file, position


def articles(
    written: Iterable[tuple[int, bool]], full: Iterable[Full], deleted: Iterable[Deleted] = ()
) -> list[tuple[str, int | None, str, bool]]:
    """What stands, of citations (PMID, retracted) of one file and full texts of others."""
    rows = [
        {"doc_id": f"PMID:{pmid}", "pmid": pmid, "file": "pubmed26n9", "position": at}
        | {"retracted": retracted}
        for at, (pmid, retracted) in enumerate(written)
    ]
    rows += [
        {"doc_id": doc_id, "pmid": pmid, "file": file, "position": at, "retracted": False}
        for doc_id, pmid, file, at in full
    ]
    names = ("doc_id", "pmid", "version", "content_hash", "file", "position", "retracted")
    current = current_citations(
        pa.Table.from_pylist(
            [row | {"version": 1, "content_hash": row["file"]} for row in rows],
            schema=pa.schema([CITATIONS.schema.field(name) for name in names]),
        ),
        DELETIONS.from_rows(
            [{"pmid": p, "version": 1, "file": f, "position": at} for p, f, at in deleted]
        ),
    )
    return [
        (row["doc_id"], row["pmid"], row["file"], row["deleted"]) for row in current.to_pylist()
    ]


def test_an_article_is_its_full_text_and_stands_once():
    assert articles(
        [(1, False), (2, False)], [("PMC:PMC9", 2, "oa", 0), ("DOI:10.1/x", 3, "oa", 1)]
    ) == [
        ("PMID:1", 1, "pubmed26n9", False),
        ("PMC:PMC9", 2, "oa", False),
        ("DOI:10.1/x", 3, "oa", False),
    ]


def test_a_full_text_without_a_pmid_stands_for_itself_and_an_own_text_takes_no_part():
    without_pmid = [
        ("PMC:PMC9", None, "oa", 0),
        ("own", None, "oa", 1),
        ("DOI:10.1/x", None, "oa", 2),
    ]

    assert articles([(7, False)], without_pmid) == [
        ("PMID:7", 7, "pubmed26n9", False),
        ("DOI:10.1/x", None, "oa", False),
        ("PMC:PMC9", None, "oa", False),
    ]


def test_a_retracted_citation_stands_for_itself():
    assert articles([(2, True)], [("PMC:PMC9", 2, "oa", 0)]) == [("PMID:2", 2, "pubmed26n9", False)]


def test_the_latest_full_text_counts_by_the_date_of_its_file():
    old, new = "oa.incr.2026-01-02", "oa.PMC000.baseline.2026-06-17"

    assert articles(
        [],
        [
            ("PMC:PMC9", 2, new, 0),
            ("PMC:PMC9", 2, old, 5),
            ("PMC:PMC8", 3, new, 1),
            ("PMC:PMC7", 3, new, 2),
            ("PMC:PMC6", None, old, 0),
            ("PMC:PMC6", None, new, 3),
        ],
    ) == [
        ("PMC:PMC9", 2, new, False),
        ("PMC:PMC7", 3, new, False),
        ("PMC:PMC6", None, new, False),
    ]


def test_a_deletion_of_pubmed_takes_the_citation_and_not_the_full_text():
    deleted = [(2, "pubmed26n99", 0), (3, "pubmed26n99", 0)]

    assert articles([(2, False)], [("PMC:PMC9", 2, "oa", 0)], deleted) == [
        ("PMC:PMC9", 2, "oa", False),
        ("PMID:3", 3, "pubmed26n99", True),
    ]


pmids = st.integers(1, 3)
places = st.tuples(st.sampled_from(["f9", "f10", "g1"]), st.integers(0, 6))
events = st.dictionaries(places, st.tuples(pmids, st.integers(0, 3)), max_size=12)


@given(events, st.randoms(use_true_random=False))
def test_it_is_what_one_event_after_the_other_gives(
    happened: dict[tuple[str, int], tuple[int, int]], shuffler: random.Random
):
    """Version 0 stands for a deletion; rows come in any order."""
    expected: dict[int, dict[int, tuple[str, int]]] = {}
    deleted: dict[int, tuple[str, int]] = {}
    for place in sorted(happened, key=lambda p: (["f9", "f10", "g1"].index(p[0]), p[1])):
        pmid, version = happened[place]
        if version:
            expected.setdefault(pmid, {})[version] = place
            deleted.pop(pmid, None)
        else:
            expected.pop(pmid, None)
            deleted[pmid] = place
    rows = list(happened.items())
    shuffler.shuffle(rows)

    current = replay(
        [
            (pmid, version, f"{file}{at}", file, at)
            for (file, at), (pmid, version) in rows
            if version
        ],
        [(pmid, file, at) for (file, at), (pmid, version) in rows if not version],
    )

    live = {pmid: max(versions.items()) for pmid, versions in expected.items()}
    assert states(current) == {
        **{p: (v, f"{file}{at}", file, at) for p, (v, (file, at)) in live.items()},
        **{p: (None, None, *place) for p, place in deleted.items()},
    }
    assert current["pmid"].to_pylist() == sorted(live.keys() | deleted.keys())


def test_a_full_load_of_the_mirror_ends_as_it_should(test_data: Path):
    folder = test_data / "pubmed"
    expected = json.loads((folder / "expected.json").read_text("utf-8"))
    batches = [
        batch
        for path in (folder / where / each["file"] for where, each in _files(expected))
        for batch in parse_pubmed(path, file=path.name)
    ]

    current = current_citations(
        pa.concat_tables([batch.citations for batch in batches]),
        pa.concat_tables([batch.deletions for batch in batches]),
    ).to_pylist()

    live = {str(row["pmid"]): row for row in current if not row["deleted"]}
    deleted = {str(row["pmid"]) for row in current if row["deleted"]}
    assert len(live) == expected["final_citations"] == 1102
    for pmid, state in expected["final_state"].items():
        assert f"as in {live[pmid]['file']}" == state
    ever_deleted = {pmid for each in expected["updates"] for pmid in each["deleted"]}
    assert deleted == ever_deleted - {expected["updates"][-1]["re_added_after_delete"]}


def _files(expected: dict[str, list[dict[str, str]]]) -> list[tuple[str, dict[str, str]]]:
    return [("baseline", each) for each in expected["baseline"]] + [
        ("updatefiles", each) for each in expected["updates"]
    ]
