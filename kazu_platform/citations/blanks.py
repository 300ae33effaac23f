"""Blanks of XML: which are text and which are only layout."""

from __future__ import annotations

import re

XML_BLANKS = " \t\r\n"
# One pass over each run: "blanks, a break, blanks" as one pattern would be quadratic.
_RUN_OF_BLANKS = re.compile("[ \t\r\n]+")


def tidy(text: str) -> str:
    r"""Undo the layout of XML: a line break or tab with the blanks around it is one blank.

    Other blanks stay as stored, except at the beginning and the end.

    >>> tidy("\n   Growth of\n   the  tumour. ")
    'Growth of the  tumour.'
    """
    if "\n" in text or "\t" in text or "\r" in text:
        text = _RUN_OF_BLANKS.sub(_one_blank_for_a_break, text)
    return text.strip(XML_BLANKS)


def _one_blank_for_a_break(run: re.Match[str]) -> str:
    return " " if run[0].strip(" ") else run[0]
