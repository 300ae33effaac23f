"""Dates as PubMed writes them, as precise as they can be read and no more.

Nothing here raises on text, whatever it says: a wrong month costs the month, not the citation.
Forms: https://www.nlm.nih.gov/bsd/licensee/elements_descriptions.html#pubdate
"""

from __future__ import annotations

import re
from datetime import date

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "january"),
            ("feb", "february"),
            ("mar", "march"),
            ("apr", "april"),
            ("may",),
            ("jun", "june"),
            ("jul", "july"),
            ("aug", "august"),
            ("sep", "sept", "september"),
            ("oct", "october"),
            ("nov", "november"),
            ("dec", "december"),
        ),
        start=1,
    )
    for name in names
}
# Longer strings are no dates; what is cut off cannot make a regular expression slow.
MAX_DATE_LENGTH = 100
_YEAR = re.compile(r"(?<![0-9])(?:1[5-9]|20)[0-9]{2}(?![0-9])")
_NUMBER = re.compile(r"[0-9]{1,2}")
_FIRST_WORD = re.compile(r"[A-Za-z]+")
# What may follow the first year of a MedlineDate: " Dec", " Dec 23", ". Dec. 23".
_MONTH_AND_DAY = re.compile(r"[\s,.]+([A-Za-z]+)(?:[\s,.]+([0-9]{1,2})(?![0-9]))?")
# What may stand before it: "Dec ", "23 Dec ".
_DAY_AND_MONTH = re.compile(r"\s*(?:([0-9]{1,2})\s+)?([A-Za-z]+)[\s,.]*")


def iso_date(year: str | None, month: str | None = None, day: str | None = None) -> str | None:
    """An ISO date of the precision that the parts allow; null without a year.

    >>> iso_date("2004", "Feb", "29"), iso_date("2005", "02", "29"), iso_date("1998", "Spring")
    ('2004-02-29', '2005-02', '1998')
    """
    found = _year(year)
    if found is None:
        return None
    month_number = _month(month)
    if month_number is None:
        return f"{found:04}"
    whole = _whole(found, month_number, _day(day))
    return whole.isoformat() if whole else f"{found:04}-{month_number:02}"


def medline_date(text: str | None) -> str | None:
    """An ISO date from free text; of a range its beginning, of a season its year.

    >>> [medline_date(d) for d in ("1998 Dec-1999 Jan", "2000 Spring", "2000 Dec 23-30")]
    ['1998-12', '2000', '2000-12-23']
    >>> [medline_date(d) for d in ("1975-1976 Winter", "Mar-Apr 1977", "19th century")]
    ['1975', '1977', None]
    """
    text = (text or "")[:MAX_DATE_LENGTH]
    year = _YEAR.search(text)
    if year is None:
        return None
    after = _MONTH_AND_DAY.match(text, year.end())
    if after is not None:
        return iso_date(year[0], after[1], after[2])
    before = _DAY_AND_MONTH.fullmatch(text, 0, year.start())
    if before is not None:
        return iso_date(year[0], before[2], before[1])
    return iso_date(year[0])


def exact_date(year: str | None, month: str | None, day: str | None) -> date | None:
    """A whole date, or null where a part is missing or wrong.

    >>> exact_date("2026", "01", "05"), exact_date("2026", "13", "05")
    (datetime.date(2026, 1, 5), None)
    """
    found, month_number = _year(year), _month(month)
    if found is None or month_number is None:
        return None
    return _whole(found, month_number, _day(day))


def _year(text: str | None) -> int | None:
    match = _YEAR.search(text[:MAX_DATE_LENGTH]) if text else None
    return int(match[0]) if match else None


def _month(text: str | None) -> int | None:
    """Number of a month that is named, abbreviated or numbered; of "Jan-Feb" the first."""
    if not text:
        return None
    text = text[:MAX_DATE_LENGTH].strip()
    if _NUMBER.fullmatch(text):
        number = int(text)
        return number if 1 <= number <= len(set(MONTHS.values())) else None
    word = _FIRST_WORD.match(text)
    return MONTHS.get(word[0].lower()) if word else None


def _day(text: str | None) -> int | None:
    text = text[:MAX_DATE_LENGTH].strip() if text else ""
    return int(text) if _NUMBER.fullmatch(text) else None


def _whole(year: int, month: int, day: int | None) -> date | None:
    try:
        return date(year, month, day) if day else None
    except ValueError:
        return None
