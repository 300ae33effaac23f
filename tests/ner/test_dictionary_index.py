"""The dictionary index on disk."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from kazu_platform.errors import ArtifactError
from kazu_platform.ner.compile import build_dictionary_index
from kazu_platform.ner.dictionary_index import open_dictionary_index

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Synonyms = Callable[[Sequence[tuple[Any, ...]]], pa.Table]

NAMES = [
    ("EGFR", "gene", True),
    ("egfr", "gene", True),
    ("TNF-α", "gene"),
    ("tnf-α", "gene", True),
    ("Breast  Cancer", "disease"),
    ("breast cancer", "disease"),
    ("-", "chemical"),
    ("", "chemical"),
]


def test_the_manifest_says_what_is_inside(tmp_path: Path, synonyms: Synonyms):
    manifest = build_dictionary_index(
        synonyms(NAMES), tmp_path / "index", built_from={"HGNC": "2024-01"}
    )

    assert manifest.patterns == 3
    assert manifest.names_per_class == {"gene": 3, "disease": 1}
    assert manifest.built_from == {"HGNC": "2024-01"}
    assert open_dictionary_index(tmp_path / "index").manifest == manifest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index"]


def test_the_content_hash_depends_on_the_content_only(tmp_path: Path, synonyms: Synonyms):
    first = build_dictionary_index(synonyms(NAMES), tmp_path / "one")
    again = build_dictionary_index(synonyms(NAMES[::-1]), tmp_path / "two")
    other = build_dictionary_index(synonyms([*NAMES, ("KRAS", "gene")]), tmp_path / "three")

    assert first.content_hash == again.content_hash
    assert first.content_hash != other.content_hash


def test_inactive_synonyms_are_left_out(tmp_path: Path, synonyms: Synonyms):
    rows = synonyms(NAMES)
    active = pa.array([name[1] == "disease" for name in NAMES])
    rows = rows.set_column(
        rows.schema.get_field_index("active"), rows.schema.field("active"), active
    )

    manifest = build_dictionary_index(rows, tmp_path / "index")

    assert manifest.names_per_class == {"disease": 1}
    assert manifest.classes == ("disease",)


def test_an_index_is_replaced_whole_while_it_is_read(tmp_path: Path, synonyms: Synonyms):
    build_dictionary_index(synonyms(NAMES), tmp_path / "index")
    reader = open_dictionary_index(tmp_path / "index")
    build_dictionary_index(synonyms([("KRAS", "gene")]), tmp_path / "index")

    assert reader.matches_by_everything(b" breast cancer ").shape == (1, 3)
    assert open_dictionary_index(tmp_path / "index").manifest.patterns == 1


def test_a_missing_index_says_what_to_do(tmp_path: Path):
    with pytest.raises(ArtifactError, match=r"there is no dictionary index here .* make the"):
        open_dictionary_index(tmp_path / "nowhere")


def test_an_index_of_another_version_is_refused(tmp_path: Path, synonyms: Synonyms):
    build_dictionary_index(synonyms(NAMES), tmp_path / "index")
    path = tmp_path / "index" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "fold_version": "0"}))

    with pytest.raises(ArtifactError, match=r"fold_version is '0', this version needs '1\+unicode"):
        open_dictionary_index(tmp_path / "index")


@pytest.mark.parametrize("damage", ["", "not json", "[]", "{}"])
def test_a_broken_manifest_is_named(tmp_path: Path, synonyms: Synonyms, damage: str):
    build_dictionary_index(synonyms(NAMES), tmp_path / "index")
    (tmp_path / "index" / "manifest.json").write_text(damage)

    with pytest.raises(ArtifactError, match=r"manifest\.json"):
        open_dictionary_index(tmp_path / "index")


@pytest.mark.parametrize("name", ["patterns", "names"])
def test_a_truncated_table_is_named(tmp_path: Path, synonyms: Synonyms, name: str):
    build_dictionary_index(synonyms(NAMES), tmp_path / "index")
    path = tmp_path / "index" / f"{name}.arrow"
    path.write_bytes(path.read_bytes()[:100])

    with pytest.raises(ArtifactError, match=rf"{name}\.arrow: cannot be read"):
        open_dictionary_index(tmp_path / "index")


def test_matching_loads_no_data_frame_library():
    """A command that reads one sentence has no time for it."""
    code = (
        "import sys, kazu_platform.ner.dictionary; "
        "print([m for m in ('polars', 'duckdb', 'torch', 'ray', 'dagster') if m in sys.modules])"
    )

    printed = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )

    assert printed.stdout == "[]\n"
