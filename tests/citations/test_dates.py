from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.citations.dates import exact_date, iso_date, medline_date

MEDLINE_DATES = {
    "1998 Dec-1999 Jan": "1998-12",
    "2000 Spring": "2000",
    "2000 Spring-Summer": "2000",
    "1999-2000": "1999",
    "1975-1976 Winter": "1975",
    "2000 Nov-Dec": "2000-11",
    "2019 Jan - Feb": "2019-01",
    "2000 Dec 23-30": "2000-12-23",
    "1987 Aug 15-Sep 1": "1987-08-15",
    "1981 Feb 31": "1981-02",
    "2010 1st Quart": "2010",
    "1994 Sept.": "1994-09",
    "Winter 1999": "1999",
    "Dec 1999": "1999-12",
    "23 Dec 1999": "1999-12-23",
    "Mar-Apr 1977": "1977",
    "12345": None,
    "98 Dec": None,
    "": None,
}


@pytest.mark.parametrize(("text", "expected"), MEDLINE_DATES.items())
def test_a_medline_date_is_its_beginning(text: str, expected: str | None):
    assert medline_date(text) == expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("2024", None, None), "2024"),
        (("2024", "5", None), "2024-05"),
        (("2024", "05", "7"), "2024-05-07"),
        (("2024", "Sept", "07"), "2024-09-07"),
        (("2024", "December", "24"), "2024-12-24"),
        (("2024", "Jan-Feb", None), "2024-01"),
        (("2024", "13", "1"), "2024"),
        (("2024", "0", "1"), "2024"),
        (("2024", "Apr", "31"), "2024-04"),
        (("2024", "Apr", "0"), "2024-04"),
        ((" 2024\n", " 04 ", "1st"), "2024-04"),
        (("٢٠٢٤", "04", None), None),
        (("24", "04", None), None),
        ((None, "04", "01"), None),
    ],
)
def test_a_wrong_part_costs_precision_only(
    parts: tuple[str | None, str | None, str | None], expected: str | None
):
    assert iso_date(*parts) == expected


def test_an_exact_date_is_whole_or_nothing():
    assert exact_date("2026", "Jan", "31") == date(2026, 1, 31)
    assert exact_date("2026", "Jan", None) is None
    assert exact_date("2026", "Feb", "30") is None


dates_as_written = st.one_of(
    st.none(),
    st.text(),
    st.text(alphabet="0123456789 -.,/JanFebSprg\n", max_size=40),
    st.from_regex(r"(1[5-9]|20)[0-9]{2} ?[A-Z][a-z]{2}.{0,20}", fullmatch=True),
)


@given(dates_as_written, dates_as_written, dates_as_written)
def test_no_text_is_an_error(year: str | None, month: str | None, day: str | None):
    for found in (iso_date(year, month, day), medline_date(year)):
        if found is not None:
            assert len(found) in {4, 7, 10}
            date.fromisoformat(found + "-01" * ((10 - len(found)) // 3))
    whole = exact_date(year, month, day)
    assert whole is None or whole.isoformat() == iso_date(year, month, day)
