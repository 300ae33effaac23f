"""Catalogues that somebody has just begun to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import ConfigurationError
from kazu_platform.settings import read_catalogue

if TYPE_CHECKING:
    from pathlib import Path

TWO = """\
name: own
ontologies:
  - {name: CL, entity_class: cell_type, url: cl.obo, format: obo, licence: CC0, homepage: x}
  - {name: HGNC, entity_class: gene, url: hgnc.tsv, format: table, licence: CC0, homepage: x,
     columns: {id: hgnc_id, label: symbol, synonyms: [{column: alias}]}}
"""


def error_of(folder: Path, text: str) -> str:
    """What reading this catalogue says, without its folder."""
    path = folder / "own.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_catalogue(path)
    return str(caught.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("text", "is_what"),
    [
        ("", "is empty"),
        ("# name: own\n", "is empty"),
        ("- name: own\n", "is a list"),
        ("own\n", "is 'own'"),
        ("7\n", "is 7"),
    ],
)
def test_what_is_no_mapping_says_which_keys_it_needs(tmp_path: Path, text: str, is_what: str):
    assert error_of(tmp_path, text) == f"own.yaml {is_what}; it needs name: and ontologies:"


@pytest.mark.parametrize("text", ["name: [own\n", "name: 2026-13-45\n"])
def test_what_is_no_yaml_is_one_line(tmp_path: Path, text: str):
    message = error_of(tmp_path, text)

    assert message.startswith("own.yaml: cannot be read as YAML: ")
    assert "\n" not in message


def test_an_error_names_the_ontology(tmp_path: Path):
    message = error_of(tmp_path, TWO.replace("entity_class: gene", "entity_class: genes"))

    assert message.startswith("own.yaml: ontologies.HGNC.entity_class: Input should be 'gene'")


def test_an_error_within_an_ontology_names_the_way_to_it(tmp_path: Path):
    assert error_of(tmp_path, TWO.replace("column: alias", "column: alias, spilt: x")) == (
        "own.yaml: ontologies.HGNC.columns.synonyms.0.spilt: Extra inputs are not permitted; did "
        "you mean 'split'?"
    )


@pytest.mark.parametrize("block", ["{url: x}", "[CL]", "CL"], ids=["no name", "list", "string"])
def test_an_ontology_without_a_name_goes_by_its_place(tmp_path: Path, block: str):
    assert "own.yaml: ontologies.0" in error_of(tmp_path, f"name: own\nontologies: [{block}]\n")


def test_full_texts_lie_in_folders(tmp_path: Path):
    assert "pmc.folder: Extra inputs are not permitted; did you mean 'folders'?" in error_of(
        tmp_path, "name: own\npmc: {folder: oa}\n"
    )
    (tmp_path / "own.yaml").write_text(
        "name: own\npmc: {folders: [oa, https://x.org/y]}\n", "utf-8"
    )

    pmc = read_catalogue(tmp_path / "own.yaml").pmc

    assert pmc
    assert pmc.folders == (str(tmp_path / "oa"), "https://x.org/y")


def test_a_table_needs_columns(tmp_path: Path):
    text = TWO[: TWO.index(",\n     columns")] + "}\n"

    assert error_of(tmp_path, text) == (
        "own.yaml: ontologies.HGNC.columns: Field required; format table needs to know which "
        "column means what."
    )


def test_only_a_table_has_columns(tmp_path: Path):
    assert error_of(tmp_path, TWO.replace("format: table", "format: obograph")) == (
        "own.yaml: ontologies.HGNC.columns: only format table has columns; this is obograph."
    )


@pytest.mark.parametrize("text", ["- " + "[" * 100_000, "a: {" * 30, "\n".join("[" * 60)])
def test_a_catalogue_nested_without_end_is_an_error_and_no_crash(tmp_path: Path, text: str):
    path = tmp_path / "deep.yaml"
    path.write_text(text, "utf-8")

    with pytest.raises(ConfigurationError, match=r"deep\.yaml: cannot be read as YAML"):
        read_catalogue(path)
