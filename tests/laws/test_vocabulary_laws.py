"""What is done to few names of a vocabulary is what would be done to all of them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.errors import MalformedFileError
from kazu_platform.ontologies import files
from kazu_platform.ontologies.curies import _PREFIXES, _respelled, one_spelling
from kazu_platform.ontologies.files import lines_of
from kazu_platform.ontologies.generation import _LAST_WORD, plural, shown, singular
from kazu_platform.ontologies.obo import _Header, _Stanza
from kazu_platform.ontologies.terms import Term, gather
from kazu_platform.ontologies.vocabulary import _clean
from kazu_platform.storage.parquet import _in_order
from kazu_platform.tables import LINKS, SYNONYMS
from kazu_platform.text.everyday import PEOPLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PREFIXES = sorted({*_PREFIXES, *_PREFIXES.values(), "SNOMEDCT_US_2025", "GO", "\u212aegg"})
IDS = st.one_of(
    st.lists(
        st.one_of(st.sampled_from(PREFIXES), st.sampled_from(["1", ":", "_", "\n"])), max_size=6
    ).map("".join),
    st.text(),
    st.none(),
)
BLANKS = st.text(st.sampled_from("ab \t\n\x00\x1c\x85\xa0\u200b\u2003\u3000"), max_size=8)
PERSONS = ["patient", "Patient", "PATIENT", "children", "schoolchild", "women"]
STEMS = ["hepatocyte", "T-", "", "Contact len", "ser", "rab", "artery", "arter", "ganglion", "x"]
ENDS = [
    *("ss", "x", "ch", "sh", "z", "sis", "xis", "s", "ia", "itis", "ae", "ics", "men", "mice"),
    *("ing", "y", "ay", "ies", "rabies", "ses", "ches", "us", "etes", "oes", "nses", "ed", "ns"),
]
WORDS = st.one_of(
    st.tuples(st.sampled_from(STEMS), st.sampled_from(ENDS), st.sampled_from(ENDS)).map("".join),
    st.sampled_from(PERSONS),
    st.text(),
)
_NAME = pl.col("name")
_BY_PATTERN = {
    plural: pl.when(_NAME.str.contains("[^aeiou]y$"))
    .then(_NAME.str.replace("y$", "ies"))
    .when(_NAME.str.contains("(?:ss|x|ch|sh|z)$"))
    .then(_NAME + "es")
    .when(_NAME.str.contains("(?:sis|xis)$"))
    .then(_NAME.str.replace("is$", "es"))
    .when(~_NAME.str.contains("(?:s|ia|itis|ae|ics|men|mice|ing)$"))
    .then(pl.when(~_NAME.str.to_lowercase().is_in(list(PEOPLE))).then(_NAME + "s")),
    singular: singular(_NAME),
}


@given(st.lists(IDS, max_size=8))
def test_identifiers_that_are_left_alone_need_no_other_spelling(ids: list[str | None]):
    frame = pl.DataFrame({"id": pl.Series(ids, dtype=pl.String)})

    found = frame.select(one_spelling(pl.col("id")))

    assert found.equals(frame.select(_respelled(pl.col("id"))), null_equal=True)


@given(st.lists(st.one_of(BLANKS, st.text()), max_size=8))
def test_names_that_are_left_alone_are_clean(names: list[str]):
    frame = pl.DataFrame({"name": pl.Series(names, dtype=pl.String)})
    every = pl.col("name").str.replace_all(r"[\p{Cc}\s]+", " ").str.strip_chars()

    assert frame.select(_clean(pl.col("name"))).equals(frame.select(every))


@given(WORDS, st.sampled_from([plural, singular]))
def test_ends_that_are_asked_first_change_no_rule(word: str, rule: Callable[[pl.Expr], pl.Expr]):
    names = pl.DataFrame({"name": [word]}).filter(_NAME.str.contains(_LAST_WORD))

    expected = names.select(_BY_PATTERN[rule]).to_series().to_list() or [None]
    assert shown(rule, word) == expected


def _naive_lines(content: bytes) -> Iterator[tuple[int, str | None]]:
    for number, line in enumerate(io.BytesIO(content), start=1):
        try:
            text = line.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            yield number, None
        else:
            yield number, text.removeprefix("\ufeff") if number == 1 else text


@given(
    st.lists(
        st.sampled_from([b"a", b"\n", b"\r", b"\r\n", b"\xc3\xa9", b"\xe9", b"\xef\xbb\xbf", b" "]),
        max_size=30,
    ).map(b"".join),
    st.integers(1, 9),
)
def test_lines_are_the_same_wherever_a_block_ends(content: bytes, size: int):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_BUFFER", size)
        found = list(lines_of(io.BytesIO(content), Path("x.obo")))

    assert found == list(_naive_lines(content))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(1, 19))
def test_a_line_is_too_long_wherever_it_stands(lengths: list[int], size: int):
    content = b"".join(b"x" * (length - 1) + b"\n" for length in lengths)
    limit = 20
    too_long = [at for at, length in enumerate(lengths, 1) if length >= limit]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_BUFFER", size)
        patch.setattr(files, "MAX_LINE", limit)
        lines = lines_of(io.BytesIO(content), Path("x.obo"))
        if too_long:
            with pytest.raises(MalformedFileError, match=f"line {too_long[0]}:"):
                list(lines)
        else:
            assert len(list(lines)) == len(lengths)


@given(st.lists(st.tuples(*[st.sampled_from(["", "a", "b", "α"])] * 3), max_size=6))
def test_rows_are_in_order_if_sorting_changes_nothing(rows: list[tuple[str, str, str]]):
    columns = zip(*rows, strict=True) if rows else [[], [], []]
    values = dict(zip(SYNONYMS.order, map(list, columns), strict=True))
    table = pa.table({name: pa.array(column, pa.string()) for name, column in values.items()})

    assert _in_order(SYNONYMS, table) == (rows == sorted(rows))
    halves = pa.concat_tables([table.slice(0, len(rows) // 2), table.slice(len(rows) // 2)])
    assert _in_order(SYNONYMS, halves) == (rows == sorted(rows))


def test_rows_with_nulls_are_for_the_sort_to_place():
    rows = pa.table({"surface_id": pa.array(["a", None]), "rank": pa.array([1, 2], pa.int32())})

    assert not _in_order(LINKS, rows)


@given(st.integers(0, 200))
def test_parts_of_terms_are_gathered_in_their_order(count: int):
    parts = [
        Term(f"X:{n}", f"name {n}", synonyms=[(f"a{n}", "exact"), (f"b{n}", "broad")][: n % 3])
        for n in range(count)
    ]

    said = gather(parts)

    assert said.terms["id"].to_list() == [part.id for part in parts]
    assert said.names.rows() == [(part.id, *pair) for part in parts for pair in part.synonyms]


CLAUSES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *(
                    "synonym",
                    "xref",
                    "is_a",
                    ":",
                    " ",
                    '"',
                    "[",
                    "]",
                    "\\",
                    "EXACT",
                    "ABBREVIATION",
                ),
                *("MONDO:1", "NCBI_TaxID:9606", "CVCL_0030", "http://x.org/a", "{", "}", "!", "é"),
                *('{source="MONDO:equivalentTo"}', 'synonym: "', '" EXACT []', "xref: ", "is_a: "),
            ]
        ),
        st.characters(),
    ),
    max_size=8,
).map("".join)


@given(st.lists(CLAUSES.map(str.strip), max_size=6))
def test_a_clause_that_is_read_at_a_glance_says_what_it_says(clauses: list[str]):
    glanced, studied = _Stanza(1, _Header()), _Stanza(1, _Header())
    for clause in clauses:
        assert glanced.take(clause) == studied.take_any(clause)

    assert (glanced.draft, glanced.taxa) == (studied.draft, studied.taxa)
