"""What is published, what was, and when a new year takes the place of the old one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from kazu_platform.citations.published import (
    BASELINE,
    FULL_TEXT,
    SETTLED,
    UPDATE,
    Listed,
    published_now,
    superseded,
    with_former,
)
from kazu_platform.tables import PUBLISHED_FILES

if TYPE_CHECKING:
    import pyarrow as pa

    from kazu_platform.citations.published import Kind

DECEMBER = datetime(2026, 12, 10, 2, tzinfo=UTC)
LATER = DECEMBER + SETTLED
OLD = ["pubmed26n0001", "pubmed26n0002", "pubmed26n0003"]


def listed(kind: Kind, *files: str, site: str = "https://example.org") -> list[Listed]:
    return [Listed(file, kind, f"{site}/{kind}/{file}.xml.gz") for file in files]


def at_december(*new: Listed) -> pa.Table:
    """What was listed of the old year, and then only the new."""
    before = [*listed(BASELINE, *OLD[:2]), *listed(UPDATE, OLD[2])]
    former = with_former(before, PUBLISHED_FILES.empty(), now=DECEMBER - timedelta(days=300))
    return with_former(list(new), former, now=DECEMBER)


def test_files_are_kept_in_the_order_in_which_they_count():
    table = with_former(
        [
            *listed(BASELINE, "pubmed26n10000", "pubmed26n9999"),
            *listed(FULL_TEXT, "oa_comm_xml.incr.2026-01-02"),
            *listed(UPDATE, "pubmed26n10001"),
        ],
        PUBLISHED_FILES.empty(),
        now=DECEMBER,
    )

    in_order = ["pubmed26n9999", "pubmed26n10000", "pubmed26n10001", "oa_comm_xml.incr.2026-01-02"]
    assert table["file"].to_pylist() == in_order
    assert table["position"].to_pylist() == [0, 1, 2, 3]
    assert published_now(table, UPDATE) == ["pubmed26n10001"]
    assert published_now(table) == in_order


def test_a_file_keeps_the_time_of_its_first_listing_and_is_not_forgotten():
    first = with_former(listed(UPDATE, "u1", "u2"), PUBLISHED_FILES.empty(), now=DECEMBER)

    second = with_former(listed(UPDATE, "u2", "u3"), first, now=LATER)

    assert {
        row["file"]: (row["published"], row["first_listed_at"]) for row in second.to_pylist()
    } == {"u1": (False, DECEMBER), "u2": (True, DECEMBER), "u3": (True, LATER)}


def test_a_file_of_another_site_is_new():
    first = with_former(listed(UPDATE, "u1"), PUBLISHED_FILES.empty(), now=DECEMBER)

    second = with_former(listed(UPDATE, "u1", site="https://mirror.org"), first, now=LATER)

    assert second["first_listed_at"].to_pylist() == [LATER]


NEW = ["pubmed27n0001", "pubmed27n0002"]


@pytest.mark.parametrize("read", [[], NEW[:1]], ids=["nothing", "half"])
def test_the_old_year_counts_until_all_of_the_new_baseline_is_read(read: list[str]):
    table = at_december(*listed(BASELINE, *NEW), *listed(UPDATE, "pubmed27n0003"))

    assert superseded(table, [*OLD, *NEW], [*OLD, *read], now=LATER) == []


def test_a_new_baseline_that_was_read_takes_the_place_of_the_old_year():
    table = at_december(*listed(BASELINE, *NEW), *listed(UPDATE, "pubmed27n0003"))

    assert superseded(table, [*OLD, *NEW, "own-texts"], [*OLD, *NEW], now=DECEMBER) == OLD


def test_a_baseline_that_is_still_being_put_up_replaces_nothing():
    """Its first files have been read, and no listing says how many there will be."""
    table = at_december(*listed(BASELINE, *NEW))

    assert superseded(table, OLD, [*OLD, *NEW], now=LATER - timedelta(minutes=1)) == []
    assert superseded(table, OLD, [*OLD, *NEW], now=LATER) == OLD


def test_a_baseline_with_a_gap_replaces_nothing():
    table = at_december(*listed(BASELINE, "pubmed27n0001", "pubmed27n0003"))

    assert superseded(table, OLD, [*OLD, "pubmed27n0001", "pubmed27n0003"], now=LATER) == []


def test_what_was_replaced_does_not_come_back_when_the_next_year_begins():
    table = at_december(*listed(BASELINE, *NEW), *listed(UPDATE, "pubmed27n0003"))
    read = [*OLD, *NEW, "pubmed27n0003"]

    next_year = with_former(
        listed(BASELINE, "pubmed28n0001"), table, now=DECEMBER + timedelta(days=365)
    )

    assert superseded(next_year, read, read, now=DECEMBER + timedelta(days=367)) == OLD


def test_files_of_another_series_are_left_alone():
    table = at_december(*listed(BASELINE, *NEW))

    assert superseded(table, ["mine26n0001"], ["mine26n0001", *NEW], now=LATER) == []
