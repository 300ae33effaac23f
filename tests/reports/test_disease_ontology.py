"""Two real versions of the Disease Ontology, in two formats: 2015 in OBO, 2018 as a graph."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kazu_platform.ontologies.vocabulary import parse_vocabulary
from kazu_platform.reports.difference import Version, names_in_use, vocabulary_difference
from kazu_platform.settings import read_catalogue
from kazu_platform.text.fold import fold_name

if TYPE_CHECKING:
    from typing import Any

CATALOGUE = Path(__file__).parents[1] / "catalogues" / "shared.yaml"


@pytest.fixture(scope="module")
def versions(test_data: Path) -> tuple[Version, Version]:
    folder = test_data / "ontologies" / "disease"
    source = read_catalogue(CATALOGUE).ontology("DOID")
    older = source.model_copy(update={"format": "obo"})
    old = parse_vocabulary(older, folder / "doid_HumanDO.obo.gz")
    new = parse_vocabulary(source, folder / "doid-2018-07-05.obograph.json.gz")
    return Version(old.concepts, old.synonyms), Version(new.concepts, new.synonyms)


@pytest.fixture(scope="module")
def changes(versions: tuple[Version, Version]) -> list[dict[str, Any]]:
    return vocabulary_difference(*versions).to_pylist()


def test_concepts_that_came_and_went_are_as_many_as_the_files_say(changes: list[dict[str, Any]]):
    """Counted apart from this code, on ids, names and marks in the two files.

    2,351 ids are new, 10 are no longer obsolete, 89 have another name. Of 6,574 in use 21 became
    obsolete, and 8 are now old identifiers of others; 8 of the 29 have no replacement.
    """
    counts = Counter(row["change"] for row in changes)

    assert {name: n for name, n in counts.items() if name.startswith("concept_")} == {
        "concept_added": 2351,
        "concept_relabelled": 89,
        "concept_replaced": 21,
        "concept_restored": 10,
        "concept_obsoleted": 8,
    }


def test_a_merged_concept_names_its_replacement_and_its_names_move(
    changes: list[dict[str, Any]],
):
    batten = {
        (row["change"], row["other"]) for row in changes if row["concept_id"] == "DOID:0050756"
    }

    assert ("concept_replaced", "DOID:0110731") in batten
    assert ("name_moved", "DOID:0110731") in batten


def test_the_changes_of_names_make_the_new_version_of_the_old(
    versions: tuple[Version, Version], changes: list[dict[str, Any]]
):
    """Nothing is told twice and nothing is left out."""
    old, new = (
        set(names_in_use(version).select("concept_id", "folded").iter_rows())
        for version in versions
    )
    named = [
        (row["change"], row["concept_id"], fold_name(row["name"]), row["other"])
        for row in changes
        if row["change"] in {"name_added", "name_removed", "name_moved"}
    ]
    gone = {(concept, name) for change, concept, name, _ in named if change != "name_added"}
    came = {(concept, name) for change, concept, name, _ in named if change == "name_added"}
    came |= {
        (concept, name)
        for change, _, name, other in named
        if change == "name_moved"
        for concept in other.split(", ")
    }

    assert gone <= old
    assert not came & old
    assert (old - gone) | came == new
