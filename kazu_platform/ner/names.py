"""Names in scan form, whole columns at a time: what to search, by which rule, under which key.

Belongs here: what a name becomes before it is compiled, as a pure function of that name alone, so
that an index may be built at once or name by name and is the same. Does not: the form itself
(`scan`), which names cover others and how they are laid out (`rows`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.arrow import compute
from kazu_platform.ner.dictionary_index import (
    COMPARES_MARKS,
    IN_CONTEXT,
    IN_ITS_CASE,
    LOSSY,
    NOT_CAPITALS,
    TIGHT,
)
from kazu_platform.ner.scan import (
    BLANK,
    FIRST_LOSSY,
    FIRST_LOSSY_OTHER,
    PASSAGE,
    lossy_characters,
    scan_form,
)
from kazu_platform.text.fold import code_points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]

MAX_TIGHT = 3
"""Up to so many letters and digits, "A2" is not "A 2" (but it is "A-2")."""

MAX_CAPITALS = 4
"""A word of up to so many letters is not itself in capitals: "CAT" is no cat."""

JUDGED = ["name", "entity_class", "case_sensitive", "in_context"]
"""What a name in scan form depends on."""

COMMON = frozenset(
    """
    ' ( ) , . / 1 2 3 : ; [ ] a abnormality activation activity alpha an and anterior antigen
    antisense as associated at autosomal be beta binding biosynthetic by cancer carcinoma
    carcinomas carrier cdna cell cells central childhood chromosome clone coding complex component
    congenital containing cytoplasmic deficiencies deficiency dehydrogenase dependent development
    developmental differentiation disability disease diseases disorder disorders dna domain
    dominant elevated enhancer epithelial expressed factor familial family for from gamma gene
    general genes group has hereditary homolog human humans immunoglobulin in included increased
    infection infections inhibition inhibitor intellectual interacting intergenic intermediate is
    it kinase large like linked malignant mediated member membrane metabolic metabolism microrna
    mitochondrial mouse multiple negative neoplasm neoplasms not nuclear of olfactory on or
    phosphatase polypeptide positive posterior predicted primary process progressive protein
    proteins pseudogene reading receptor receptors recessive regulation regulatory related
    response ribosomal rna s sequence similarity small specific subfamily subunit superfamily
    susceptibility syndrome syndromes system the tissue to transcript transcription transfer
    transmembrane transport transporter tumor tumour type tyrosine uncharacterized university
    variable was we with
    """.split()  # noqa: SIM905 - a list of a hundred quoted words is harder to read
)
"""Tokens of so many names or texts that they say little about which name may be there.

They are part of the format of an index.
"""

_FORM_CHUNK = 100_000
_LETTER, _DIGIT = (ord("a"), ord("z")), (ord("0"), ord("9"))
_CAPITAL = (ord("A"), ord("Z"))
_TO_SMALL = ord("a") - ord("A")
_BLANK = ord(BLANK)


def scanned(names: pl.DataFrame) -> pl.DataFrame:
    """Distinct `form`, `entity_class`, `rule`, `marked`, `lossy` with their `key` and summed `n`.

    A name without a letter or digit is left out.

    Args:
        names: `name`, `entity_class`, `case_sensitive`, `in_context`, and how many there are, `n`.
    """
    parts = [
        _scanned(names.slice(first, _FORM_CHUNK))
        for first in range(0, max(1, names.height), _FORM_CHUNK)
    ]
    rows = (
        pl.concat(parts)
        .group_by("form", "entity_class", "rule", "marked", "lossy")
        .agg(pl.col("n").sum())
    )
    return rows.with_columns(key=pl.Series(keys_of(rows["form"]), dtype=pl.UInt32))


def keys_of(forms: pl.Series) -> NDArray[np.uint32]:
    """CRC-32 of the longest token of each form that is not COMMON, the first of equals.

    A name can only stand in a text that has all its tokens, so any of them would do. One that
    depends on the form alone stays what it is when other names come or go. If all are COMMON, as
    are "receptor" and "2", it is the longest of them.

    >>> forms = pl.Series([b" receptor 2 ", b" protein kinase c "])
    >>> [f"{key:x}" for key in keys_of(forms)] == [f"{crc32(t):x}" for t in (b"receptor", b"c")]
    True
    """
    found = [
        _keys(forms.slice(first, _FORM_CHUNK).to_arrow(compat_level=pl.CompatLevel.oldest()))
        for first in range(0, len(forms), _FORM_CHUNK)
    ]
    return np.concatenate([np.empty(0, np.uint32), *found])


def scan_column(names: Sequence[str]) -> tuple[Bytes, Bytes, NDArray[np.int64]]:
    """Names in scan form and in marked form, one behind the other, and the borders between them.

    Each begins and ends with a blank; one without anything is a single blank.
    """
    if not names:
        return np.empty(0, np.uint8), np.empty(0, np.uint8), np.zeros(1, np.int64)
    padded = [name or " " for name in names]
    lengths = np.fromiter(map(len, padded), np.int64, len(padded))
    scan = scan_form(code_points("".join(padded)), np.cumsum(lengths) - lengths)
    form = np.frombuffer(scan.form, np.uint8)
    blank, passage = form == _BLANK, form == ord(PASSAGE)
    kept = ~passage
    kept[1:] &= ~(blank[1:] & blank[:-1])
    kept[0] = False  # the blank before the first border
    borders = np.append(np.cumsum(kept)[passage], np.count_nonzero(kept))
    marked = scan.marked[kept]
    marked[borders[:-1]] = marked[borders[1:] - 1] = _BLANK
    return form[kept], marked, borders


def binary(data: Bytes, borders: NDArray[np.int64]) -> pa.Array:
    """Bytes and the borders between values as a column."""
    return pa.Array.from_buffers(
        pa.large_binary(),
        len(borders) - 1,
        [None, pa.py_buffer(np.ascontiguousarray(borders, np.int64)), pa.py_buffer(data)],
    )


def _scanned(names: pl.DataFrame) -> pl.DataFrame:
    if not names.height:
        return _EMPTY
    texts: list[str] = names["name"].to_list()
    form, marked, borders = scan_column(texts)
    in_its_case = names["case_sensitive"].to_numpy()

    def count(which: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.add.reduceat(which, borders[:-1], dtype=np.int64)

    n_tokens = count(form == _BLANK) - 1
    n_characters = np.diff(borders) - n_tokens - 1
    letters = _between(form, _LETTER)
    n_letters = count(letters)
    word = letters | _between(form, _DIGIT) | (form >= FIRST_LOSSY) & (form < FIRST_LOSSY_OTHER)
    lossy = np.flatnonzero(count(form >= FIRST_LOSSY))
    tight = (n_characters <= MAX_TIGHT) & (n_tokens > 1)
    short_word = (n_tokens == 1) & (n_letters == n_characters) & (n_characters <= MAX_CAPITALS)
    short_word &= ~in_its_case & (count(_between(marked, _LETTER)) > 0)
    rule = in_its_case * IN_ITS_CASE + names["in_context"].to_numpy() * IN_CONTEXT
    rule = rule + short_word * NOT_CAPITALS + tight * TIGHT
    rule[lossy] += LOSSY
    characters = np.full(len(texts), "", object)
    characters[lossy] = [lossy_characters(texts[row]) for row in lossy.tolist()]
    rows = pl.DataFrame(
        {
            "form": pl.Series(binary(form, borders)),
            "entity_class": names["entity_class"],
            "rule": pl.Series(rule.astype(np.int8)),
            "marked": pl.Series(_compared(marked, borders, rule)),
            "lossy": pl.Series(characters.tolist(), dtype=pl.String),
            "n": names["n"].cast(pl.Int64),
        }
    )
    return rows.filter(pl.Series(count(word) > 0))


_EMPTY = pl.DataFrame(
    schema={
        "form": pl.Binary,
        "entity_class": pl.String,
        "rule": pl.Int8,
        "marked": pl.Binary,
        "lossy": pl.String,
        "n": pl.Int64,
    }
)


def _compared(marked: Bytes, borders: NDArray[np.int64], rule: NDArray[np.int64]) -> pa.Array:
    """The marked form where a rule compares it; in small letters if it does not mind the case."""
    lengths = np.diff(borders)
    small = np.repeat(rule & IN_ITS_CASE == 0, lengths) & _between(marked, _CAPITAL)
    compares = rule & COMPARES_MARKS != 0
    kept = np.repeat(compares, lengths)
    return binary(
        (marked + small * np.uint8(_TO_SMALL))[kept],
        np.concatenate(([0], np.cumsum(lengths * compares))),
    )


def _keys(forms: pa.Array) -> NDArray[np.uint32]:
    data = np.frombuffer(b"".join(forms.to_pylist()), np.uint8)
    ends = np.cumsum(compute.binary_length(forms).to_numpy().astype(np.int64))
    blanks = np.flatnonzero(data == _BLANK)
    # From blank to blank: tokens with the blank before them, and nothing where two names meet.
    tokens = binary(data, blanks)
    lengths = np.diff(blanks)
    common = compute.is_in(tokens, value_set=_common()).to_numpy(zero_copy_only=False)
    first = np.searchsorted(blanks, np.concatenate(([0], ends[:-1])))
    # The greatest number wins: not common, then length, then the earlier.
    worth = ((~common & (lengths > 1)) * (1 << 56)) + (lengths << 32) - np.arange(len(lengths))
    best = np.maximum.reduceat(worth, first)
    chosen = -(best & 0xFFFFFFFF) & 0xFFFFFFFF
    picked: list[bytes] = tokens.take(pa.array(chosen)).to_pylist()
    return np.fromiter((crc32(token[1:]) for token in picked), np.uint32, len(picked))


def _common() -> pa.Array:
    return pa.array([f" {token}".encode() for token in sorted(COMMON)], pa.large_binary())


def _between(data: Bytes, limits: tuple[int, int]) -> NDArray[np.bool_]:
    return (data >= limits[0]) & (data <= limits[1])
