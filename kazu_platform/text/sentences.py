"""Sentences of biomedical English, as spans of the text.

A full stop with a blank after it ends a sentence unless a rule below says that it belongs to an
abbreviation (`Fig. 1`), an initial (`E. Coli`, `A. S. Fauci`), a number (`2. Methods`) or a
bracket, which is never torn apart: most false borders in abstracts are references such as
`(J. Corbeil, M. Tremblay and D. D. Richman, J. Exp. Med. 183:39-48, 1996)`. Why rules and not a
library is argued, with figures, in `docs/decisions/0002-sentence-splitting.md`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from kazu_platform.text.words import word_set

if TYPE_CHECKING:
    from collections.abc import Iterator

# Change it with any rule: sentences are stored, and mentions count them.
SPLITTER_VERSION: Final = "1"

# No sentence is longer, so that whoever reads one by one has a bound. The longest real sentences
# are lists of a thousand characters; what is longer is a table, a sequence or no language at all.
LONGEST: Final = 4_000

# An opening bracket that is not closed within so many characters is a misprint.
_LONGEST_BRACKET: Final = 800

# How far back the words before a stop are looked at.
_WORDS_BEFORE: Final = 40

# A stop, what closes with it, a blank, and the start of what follows; or a blank line; or the
# mark that PubMed glued to abstracts it cut.
_CANDIDATE: Final = re.compile(
    r"""[.!?]['"”’»)\]]*+\s++(?=(\S{1,16}))|\n[^\S\n]*+\n\s*+|\.(?=\(ABSTRACT\ TRUNCATED)""",
    re.VERBOSE,
)
_BRACKET: Final = re.compile(r"[()\[\]]")


_NEVER_LAST: Final = word_set(
    """approx ca cf Cf cv Dr Drs eq eqs Eq Eqs e.g E.g fig figs Fig Figs FIG i.e I.e Mr Mrs Ms Prof
    pp ref refs Ref Refs resp Ser St ssp subsp Suppl suppl viz vol Vol vs v.s"""
)
# Last in a sentence only if a capitalised word follows: "et al. (1998)", "strain sp. PCC 6803".
_SELDOM_LAST: Final = word_set(
    """al co Co Corp etc Inc Ltd No Nos nov sp spp var Acad Am Ann Arch Biochem Biol Biophys Br
    Cell Chem Clin Engl Eur Exp Genet Immunol Int Med Mol Natl Neurosci Pharmacol Physiol Proc
    Sci Univ Virol"""
)
_INITIALS: Final = re.compile(r"(?:[^\W\d_]\.-?)+[^\W\d_]")
_ENUMERATOR: Final = re.compile(r"\s*\(?(?:\d{1,2}|[ivx]{1,4})\)?")
_OPENING: Final = "([{\"'“‘«-"
# Words after which a single capital is the initial of a name or a genus, not a kind of something:
# "by S. Typhimurium", but "nuclear factor kappa B. Binding ...".
_BEFORE_INITIAL: Final = word_set(
    "a and against as between by for from in like of on or than the to was were with dr"
)
_STARTERS: Final = word_set(
    """Additionally After All Also Although Among An Analysis And Another As At Background Based
    Because Before Between Both But By Conclusion Conclusions Consistent Data During Each Finally
    For From Furthermore Hence Here However If Importantly In Interestingly It Its Methods
    Moreover Most No Not Notably Objective Of On One Only Our Overall Patients Previous Recently
    Results Similarly Since Some Studies Such Taken That The Their Then There Therefore These They
    This Those Three Thus To Together Treatment Two Under Using We When Where While With"""
)
# A sentence may begin with a lower-case symbol: p53, mRNA, c-Fos, bcl-2, alpha-IFN, qRT-PCR.
_SYMBOL: Final = re.compile(
    r"[a-z]{1,5}-?[A-Z0-9]|[a-z]-[A-Za-z]{2}|(?:alpha|beta|gamma|delta|kappa)\b|[α-ω]"
)
_LISTED: Final = re.compile(r"\((?:[ivx]+|[a-z])\)")
_UNIT: Final = re.compile(r"(?:[mkuµμn]?[gmlLM]|k?cal|min|h|s|d|kg|w|b)(?:[-(/]|$)")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Cut a text into sentences: start and end (exclusive) in code points.

    The spans are in order, hold every character that is no blank exactly once, begin and end
    with one, and are no longer than `LONGEST`. Time is linear in the length of any text.

    >>> text = "Growth of E. coli (Fig. 1) was slow, i.e. 0.5 per h. p53 was absent.  Why?"
    >>> [text[start:end] for start, end in sentence_spans(text)]
    ['Growth of E. coli (Fig. 1) was slow, i.e. 0.5 per h.', 'p53 was absent.', 'Why?']
    >>> sentence_spans(" ")
    []
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for border in (*_borders(text), len(text)):
        spans += _within_limit(text, start, border)
        start = border
    return spans


def _borders(text: str) -> Iterator[int]:
    """Where a sentence ends and blanks or the next one follow."""
    brackets = _brackets(text)
    opened, closed = next(brackets)
    last = 0
    for match in _CANDIDATE.finditer(text):
        follower = match[1]
        at = match.start() + 1
        if follower is None:
            yield at
            last = match.end()
            continue
        while closed <= at:
            opened, closed = next(brackets)
        if opened >= at and _is_border(text, last, match.start(), follower):
            yield at + len(match[0].rstrip()) - 1
            last = match.end()


def _brackets(text: str) -> Iterator[tuple[int, int]]:
    """Outermost pairs of brackets in order, then one beyond the end."""
    stack: list[int] = []
    pairs: list[tuple[int, int]] = []
    for match in _BRACKET.finditer(text):
        if match[0] in "([":
            stack.append(match.start())
        elif stack:
            start = stack.pop()
            if match.end() - start <= _LONGEST_BRACKET:
                while pairs and pairs[-1][0] > start:
                    pairs.pop()
                pairs.append((start, match.end()))
    yield from pairs
    while True:
        yield len(text) + 1, len(text) + 2


def _is_border(text: str, last: int, stop: int, follower: str) -> bool:
    """Whether the stop at `stop` ends a sentence that began at `last`."""
    if text[stop] != ".":
        return not follower[0].islower()
    before = text[max(last, stop - _WORDS_BEFORE) : stop].split()
    word = before[-1].lstrip("([{\"'“‘") if before else ""
    return not (
        word in _NEVER_LAST
        or (word in {"0", "="} and follower[0].isdigit())
        or _ENUMERATOR.fullmatch(text, last, stop)
    ) and _may_follow(before[:-1], word, follower)


def _may_follow(before: list[str], word: str, follower: str) -> bool:
    """Whether `follower` may begin a sentence after `before`, `word` and a full stop."""
    first = follower.lstrip(_OPENING)[:1]
    if first.islower():
        return bool(_LISTED.match(follower)) or (
            bool(_SYMBOL.match(follower)) and not _UNIT.match(follower)
        )
    capitalised = follower[0].isupper() and follower[1:2].islower()
    if len(word) == 1 and word.isupper():
        name = not before or before[-1].lower() in _BEFORE_INITIAL or before[-1][-1] in ".,&"
        begins = first.isalpha() and not follower.startswith("(")
        return follower.rstrip(",") in _STARTERS or (begins and not name)
    if _INITIALS.fullmatch(word):
        return follower in _STARTERS or (capitalised and word.islower())
    return capitalised or word not in _SELDOM_LAST


def _within_limit(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The stretch without blanks around it, cut at blanks where it is too long."""
    piece = text[start:end]
    end = start + len(piece.rstrip())
    start += len(piece) - len(piece.lstrip())
    while end - start > LONGEST:
        cut = max(text.rfind(blank, start, start + LONGEST) for blank in " \n\t\u00a0")
        cut = cut if cut > start else start + LONGEST
        yield start, start + len(text[start:cut].rstrip())
        start = cut
        while start < end and text[start].isspace():
            start += 1
    if start < end:
        yield start, end
