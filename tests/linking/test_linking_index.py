"""The linking index on disk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest

from kazu_platform.errors import ArtifactError
from kazu_platform.linking.compile import build_linking_index
from kazu_platform.linking.exact import ExactLinker
from kazu_platform.linking.index import open_linking_index
from kazu_platform.linking.surfaces import surfaces_from_strings
from kazu_platform.tables import CONCEPT_EQUIVALENTS
from kazu_platform.text.normalise import NORMALISER_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Vocabulary = tuple[pa.Table, pa.Table]


def replaced(rows: pa.Table, column: str, values: Sequence[object]) -> pa.Table:
    at = rows.schema.get_field_index(column)
    field = rows.schema.field(column)
    return rows.set_column(at, field, pa.array(values, field.type))


def test_the_manifest_says_what_is_inside(tmp_path: Path, vocabulary: Vocabulary):
    manifest = build_linking_index(*vocabulary, tmp_path / "index", built_from={"HGNC": "1"})

    assert manifest.classes == ("disease", "gene")
    assert manifest.ontologies == ("DOID", "HGNC", "MONDO", "MOUSE")
    assert manifest.concepts == 11
    assert manifest.names_per_class == {"disease": 11, "gene": 15}
    assert manifest.normaliser_version == NORMALISER_VERSION
    assert open_linking_index(tmp_path / "index").manifest == manifest


def test_the_version_of_a_class_depends_on_its_own_names_only(
    tmp_path: Path, vocabulary: Vocabulary
):
    concepts, synonyms = vocabulary
    first = build_linking_index(*vocabulary, tmp_path / "one")
    turned = pa.array(range(synonyms.num_rows - 1, -1, -1))
    again = build_linking_index(concepts, synonyms.take(turned), tmp_path / "two")
    names = ["NEW" if name == "WAS" else name for name in synonyms["name"].to_pylist()]
    other = build_linking_index(concepts, replaced(synonyms, "name", names), tmp_path / "three")

    assert first.vocabulary_version == again.vocabulary_version
    assert first.vocabulary_version["disease"] == other.vocabulary_version["disease"]
    assert first.vocabulary_version["gene"] != other.vocabulary_version["gene"]


def test_equal_input_gives_equal_files(tmp_path: Path, vocabulary: Vocabulary):
    for name in ("one", "two"):
        build_linking_index(*vocabulary, tmp_path / name)

    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("one", "two")
    )

    assert one == two


def test_names_that_do_not_link_and_unknown_concepts_are_left_out(
    tmp_path: Path, vocabulary: Vocabulary
):
    concepts, synonyms = vocabulary
    linkable = [name != "WAS" for name in synonyms["name"].to_pylist()]
    ids = [
        "HGNC:unknown" if concept_id == "HGNC:11892" else concept_id
        for concept_id in synonyms["concept_id"].to_pylist()
    ]
    rows = replaced(replaced(synonyms, "linkable", linkable), "concept_id", ids)

    manifest = build_linking_index(concepts, rows, tmp_path / "index")

    assert manifest.names_per_class == {"disease": 11, "gene": 12}


def test_names_of_another_normaliser_are_normalised_again(tmp_path: Path, vocabulary: Vocabulary):
    concepts, synonyms = vocabulary
    old = replaced(synonyms, "normaliser_version", ["0"] * synonyms.num_rows)
    old = replaced(old, "normalised", ["?"] * synonyms.num_rows)
    first = build_linking_index(*vocabulary, tmp_path / "one")

    again = build_linking_index(concepts, old, tmp_path / "two")

    assert again.vocabulary_version == first.vocabulary_version


def test_the_best_scope_of_equal_names_stays(tmp_path: Path, vocabulary: Vocabulary):
    concepts, synonyms = vocabulary
    related = replaced(synonyms, "scope", ["related"] * synonyms.num_rows)

    build_linking_index(concepts, pa.concat_tables([related, synonyms]), tmp_path / "two")
    first = build_linking_index(*vocabulary, tmp_path / "one")

    twice = open_linking_index(tmp_path / "two")
    assert twice.vocabulary_version == first.vocabulary_version


def test_an_empty_vocabulary_links_nothing(tmp_path: Path, vocabulary: Vocabulary):
    concepts, synonyms = vocabulary
    build_linking_index(concepts.slice(0, 0), synonyms.slice(0, 0), tmp_path / "index")
    index = open_linking_index(tmp_path / "index")

    assert index.find("folded", pa.array(["egfr"]), ["gene"]).query.tolist() == []


def test_an_index_of_another_normaliser_is_refused(tmp_path: Path, vocabulary: Vocabulary):
    build_linking_index(*vocabulary, tmp_path / "index")
    path = tmp_path / "index" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "normaliser_version": "0"}))

    with pytest.raises(ArtifactError, match="normaliser_version is '0', this version needs"):
        open_linking_index(tmp_path / "index")


def test_a_missing_index_says_what_to_do(tmp_path: Path):
    with pytest.raises(ArtifactError, match="there is no linking index here"):
        open_linking_index(tmp_path / "index")


def equivalents(*rows: tuple[str, str, str, str]) -> pa.Table:
    """Concept and ontology, leader and its ontology."""
    return CONCEPT_EQUIVALENTS.from_rows(
        [
            {
                "concept_id": concept_id,
                "ontology": ontology,
                "entity_class": "disease",
                "leader_id": leader_id,
                "leader_ontology": leader_ontology,
                "match_id": leader_id,
                "method": "direct",
                "evidence": [leader_ontology],
                "candidates": [leader_id],
            }
            for concept_id, ontology, leader_id, leader_ontology in rows
        ]
    )


DISEASES: list[tuple[Any, ...]] = [
    ("MONDO:0005148", "MONDO", "disease", False, [
        ("label", "type 2 diabetes mellitus"),
        ("exact", "maturity-onset diabetes"),
    ]),
    ("MONDO:0018911", "MONDO", "disease", False, [
        ("label", "maturity-onset diabetes of the young"),
        ("exact", "MODY", True),
    ]),
    ("DOID:9352", "DOID", "disease", False, [
        ("label", "type 2 diabetes mellitus"),
        ("exact", "NIDDM", True),
        ("exact", "MODY", True),
    ]),
    ("MESH:D003924", "MEDIC", "disease", False, [
        ("label", "Diabetes Mellitus, Type 2"),
        ("exact", "NIDDM", True),
    ]),
    ("MESH:D009393", "MEDIC", "disease", False, [("label", "NIDDM", True)]),
]  # fmt: skip
ORDER = ("MONDO", "DOID", "MEDIC")
ONE_DISEASE = (
    ("DOID:9352", "DOID", "MONDO:0005148", "MONDO"),
    ("MESH:D003924", "MEDIC", "MONDO:0005148", "MONDO"),
    ("UMLS:C0011860", "", "MONDO:0005148", "MONDO"),
)


@pytest.fixture
def diseases(vocabulary_of: Callable[..., Vocabulary]) -> Vocabulary:
    return vocabulary_of(DISEASES)


def linked(folder: Path, text: str) -> list[tuple[str, str, bool]]:
    """Concept, label and ambiguity of each link of a disease."""
    linker = ExactLinker(open_linking_index(folder))
    row = {"text": [text], "entity_class": ["disease"], "context": [""]}
    links = linker.link(surfaces_from_strings(pl.DataFrame(row)))
    return [
        (link["concept_id"], label, link["ambiguous"])
        for link, label in zip(links.to_pylist(), linker.labels_of(links), strict=True)
    ]


def test_every_name_of_a_thing_links_to_its_leader(tmp_path: Path, diseases: Vocabulary):
    build_linking_index(
        *diseases, tmp_path, ontologies=ORDER, equivalents=equivalents(*ONE_DISEASE)
    )
    leader = ("MONDO:0005148", "type 2 diabetes mellitus", False)

    assert linked(tmp_path, "type 2 diabetes mellitus") == [leader]
    assert linked(tmp_path, "Diabetes Mellitus, Type 2") == [leader]
    # A label comes before synonyms, also where MeSH alone has it.
    assert linked(tmp_path, "NIDDM") == [("MESH:D009393", "NIDDM", False), leader]


def test_a_name_counts_as_much_as_the_ontology_that_gives_it(tmp_path: Path, diseases: Vocabulary):
    """DOID's careless MODY does not make MONDO's own ambiguous, nor come before it."""
    build_linking_index(
        *diseases, tmp_path, ontologies=ORDER, equivalents=equivalents(*ONE_DISEASE)
    )

    assert [(concept, ambiguous) for concept, _, ambiguous in linked(tmp_path, "MODY")] == [
        ("MONDO:0018911", False),
        ("MONDO:0005148", False),
    ]


def test_the_leading_ontology_may_be_another(tmp_path: Path, diseases: Vocabulary):
    build_linking_index(
        *diseases,
        tmp_path,
        ontologies=("DOID", "MONDO", "MEDIC"),
        equivalents=equivalents(("MONDO:0005148", "MONDO", "DOID:9352", "DOID")),
    )

    assert linked(tmp_path, "maturity-onset diabetes") == [
        ("DOID:9352", "type 2 diabetes mellitus", False)
    ]


def test_the_vocabulary_version_changes_with_the_equivalents(tmp_path: Path, diseases: Vocabulary):
    def version(name: str, *rows: tuple[str, str, str, str]) -> str:
        manifest = build_linking_index(
            *diseases, tmp_path / name, ontologies=ORDER, equivalents=equivalents(*rows)
        )
        return manifest.vocabulary_version["disease"]

    assert version("none") != version("one", ONE_DISEASE[0]) != version("two", *ONE_DISEASE[:2])
    # What no ontology has gives no names.
    assert version("elsewhere", ONE_DISEASE[2]) == version("none")


def test_a_leader_that_is_not_there_is_not_believed(tmp_path: Path, diseases: Vocabulary):
    manifest = build_linking_index(
        *diseases,
        tmp_path,
        ontologies=ORDER,
        equivalents=equivalents(("DOID:9352", "DOID", "MONDO:1", "MONDO")),
    )

    assert manifest.concepts == len(DISEASES)
    assert ("DOID:9352", "type 2 diabetes mellitus", False) in linked(
        tmp_path, "type 2 diabetes mellitus"
    )
