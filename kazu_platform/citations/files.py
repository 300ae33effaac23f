"""Names of bulk files and their order in time.

NLM numbers PubMed's baseline and update files in one sequence a year: `pubmed26n0001.xml.gz`. A
later file always wins over an earlier one, so the order of names is the order of truth. Names of
PMC's bulk files end in their date: `oa_comm_xml.PMC000xxxxxx.baseline.2025-12-17.tar.gz`.
"""

from __future__ import annotations

import re

PUBMED_ENDINGS = (".xml.gz", ".xml")
PMC_ENDINGS = (".tar.gz", ".tar", ".nxml.gz", ".nxml")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)$")


def partition_name(file_name: str) -> str:
    """The partition that a file becomes.

    >>> partition_name("pubmed26n0001.xml.gz")
    'pubmed26n0001'
    >>> partition_name("oa_comm_xml.incr.2026-01-02.tar.gz")
    'oa_comm_xml.incr.2026-01-02'
    """
    for ending in (*PUBMED_ENDINGS, *PMC_ENDINGS):
        if file_name.endswith(ending):
            return file_name.removesuffix(ending)
    return file_name


def holds_full_texts(file_name: str) -> bool:
    """Whether a file is one of PMC.

    >>> holds_full_texts("oa_comm_xml.incr.2026-01-02.tar.gz"), holds_full_texts("pubmed26n1.xml")
    (True, False)
    """
    return file_name.endswith(PMC_ENDINGS)


def file_order(name: str) -> tuple[tuple[int, str], ...]:
    """Sort key: numbers by value, so that n999 comes before n1000 and 26 before 27.

    What ends in a date comes behind all others, by that date.

    >>> sorted(["pubmed26n1000", "pubmed26n0999", "pubmed25n1400"], key=file_order)
    ['pubmed25n1400', 'pubmed26n0999', 'pubmed26n1000']
    >>> sorted(
    ...     ["oa.PMC000.baseline.2026-06-17", "oa.incr.2026-01-02", "pubmed26n9"], key=file_order
    ... )
    ['pubmed26n9', 'oa.incr.2026-01-02', 'oa.PMC000.baseline.2026-06-17']
    """
    parts = re.findall(r"\d+|\D+", name)
    if date := _DATE.search(name):
        parts = [*date.groups(), *parts]
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)
