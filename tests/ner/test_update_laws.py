"""An index that was brought up to date is the one that a full build gives, byte for byte."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.errors import ArtifactError
from kazu_platform.ner.compile import build_dictionary_index, update_dictionary_index
from kazu_platform.ner.names import COMMON, keys_of, scan_column
from kazu_platform.ner.scan import scan_names

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = tuple[str, str, str, bool, bool]

WORDS = ["was", "WAS", "Was", "Cat", "p53", "P 53", "A2", "A-2", "a 2", "é", "ö1", "-", "", "TNF-α"]
NAMES = st.sampled_from(WORDS) | st.lists(st.sampled_from(WORDS), min_size=2, max_size=3).map(
    " ".join
)
ROWS = st.tuples(
    st.sampled_from(["MONDO", "DOID"]),
    NAMES,
    st.sampled_from(["gene", "disease", "cell_line"]),
    st.booleans(),
    st.booleans(),
)


def table(rows: Sequence[Row]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [[]] * 5
    kinds = [pa.string(), pa.string(), pa.string(), pa.bool_(), pa.bool_()]
    names = ["ontology", "name", "entity_class", "case_sensitive", "in_context"]
    found = {n: pa.array(c, k) for n, c, k in zip(names, columns, kinds, strict=True)}
    return pa.table(found | {"active": pa.array([True] * len(rows), pa.bool_())})


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@settings(max_examples=150, deadline=None)
@given(
    before=st.lists(ROWS, unique=True, max_size=14), after=st.lists(ROWS, unique=True, max_size=6)
)
@pytest.mark.parametrize("n_kept", [0, 7, 14])
def test_an_updated_index_has_the_bytes_of_a_new_one(
    before: list[Row], after: list[Row], n_kept: int
):
    wanted = list(dict.fromkeys([*before[:n_kept], *after]))

    with tempfile.TemporaryDirectory() as where:
        old, updated, new = (Path(where) / name for name in ("old", "updated", "new"))
        build_dictionary_index(table(before), old, built_from={"day": "1"})
        manifest = update_dictionary_index(
            old,
            updated,
            removed=table([row for row in before if row not in wanted]),
            added=table([row for row in wanted if row not in before]),
            built_from={"day": "2"},
        )

        assert build_dictionary_index(table(wanted), new, built_from={"day": "2"}) == manifest
        assert files(updated) == files(new)


def test_what_an_index_never_had_cannot_be_removed(tmp_path: Path):
    row = ("MONDO", "asthma", "disease", False, False)
    build_dictionary_index(table([row]), tmp_path / "old")

    with pytest.raises(ArtifactError, match=r"was not built from .* build the dictionary index"):
        update_dictionary_index(
            tmp_path / "old",
            tmp_path / "new",
            removed=table([("MONDO", "eczema", "disease", False, False)]),
            added=table([]),
        )


def test_a_name_of_two_ontologies_stays_when_one_loses_it(tmp_path: Path):
    rows = [(ontology, "asthma", "disease", False, False) for ontology in ("MONDO", "DOID")]
    build_dictionary_index(table(rows), tmp_path / "old")

    once = update_dictionary_index(
        tmp_path / "old", tmp_path / "once", removed=table(rows[:1]), added=table([])
    )
    none = update_dictionary_index(
        tmp_path / "once", tmp_path / "none", removed=table(rows[1:]), added=table([])
    )

    assert (once.patterns, once.classes) == (1, ("disease",))
    assert (none.patterns, none.classes) == (0, ())


@given(
    st.lists(
        st.lists(st.sampled_from([*sorted(COMMON)[:3], "a", "bb", "cc", "1", "é"]), min_size=1)
    )
)
def test_a_key_is_that_of_the_longest_token_that_is_not_common(forms: list[list[str]]):
    column = pl.Series(
        [f" {' '.join(tokens)} ".encode("latin-1") for tokens in forms], dtype=pl.Binary
    )

    chosen = [
        max(tokens, key=lambda token: (token not in COMMON, len(token.encode("latin-1"))))
        for tokens in forms
    ]
    assert keys_of(column).tolist() == [crc32(token.encode("latin-1")) for token in chosen]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_a_column_of_names_has_the_forms_of_its_names(names: list[str]):
    form, marked, borders = scan_column(names)

    def cut(data: bytes) -> list[str]:
        return [data[a:b].decode("latin-1") for a, b in pairwise(borders.tolist())]

    wanted, marks = scan_names(names)
    found = list(zip(cut(form.tobytes()), cut(marked.tobytes()), strict=True))
    # A name of nothing but gaps is one blank or two; neither is searched.
    assert [("  ", "  ") if pair == (" ", " ") else pair for pair in found] == list(
        zip(wanted, marks, strict=True)
    )
