"""Names of PubMed bulk files and their order in time.

NLM numbers baseline and update files in one sequence a year: `pubmed26n0001.xml.gz`. A later file
always wins over an earlier one, so the order of names is the order of truth.
"""

from __future__ import annotations

import re

PUBMED_ENDINGS = (".xml.gz", ".xml")


def partition_name(file_name: str) -> str:
    """The partition that a file becomes.

    >>> partition_name("pubmed26n0001.xml.gz")
    'pubmed26n0001'
    """
    for ending in PUBMED_ENDINGS:
        if file_name.endswith(ending):
            return file_name.removesuffix(ending)
    return file_name


def file_order(name: str) -> tuple[tuple[int, str], ...]:
    """Sort key: numbers by value, so that n999 comes before n1000 and 26 before 27.

    >>> sorted(["pubmed26n1000", "pubmed26n0999", "pubmed25n1400"], key=file_order)
    ['pubmed25n1400', 'pubmed26n0999', 'pubmed26n1000']
    """
    parts = re.findall(r"\d+|\D+", name)
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)
