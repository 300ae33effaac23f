"""Equivalents in the graph: a mapping set or a leading ontology changes, and links follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assets.layers import MAPPING_LAYER
from kazu_platform.tables import (
    CONCEPT_EQUIVALENTS,
    CONCEPT_MAPPINGS,
    DICTIONARY_MENTIONS,
    LINKS,
    NODES,
    QUARANTINE,
    SURFACES,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.assets.conftest import Home

UNICHEM = "UniChem-ChEMBL-ChEBI"
IMATINIB, OF_DRUGBANK, OF_CHEMBL = "CHEBI:45783", "DRUGBANK:DB00619", "CHEMBL.COMPOUND:CHEMBL941"


def links_of(home: Home, text: str) -> list[str]:
    """Concepts that a string links to, best first."""
    ids = {row["surface_id"] for row in home.lake.read(SURFACES).to_pylist() if row["text"] == text}
    rows = [row for row in home.lake.read(LINKS).to_pylist() if row["surface_id"] in ids]
    return [row["concept_id"] for row in sorted(rows, key=lambda row: row["rank"])]


def leaders(home: Home) -> dict[str, str | None]:
    rows = home.lake.read(CONCEPT_EQUIVALENTS).to_pylist()
    return {row["concept_id"]: row["leader_id"] for row in rows if row["ontology"]}


def versions_by_class(home: Home) -> dict[str, set[str]]:
    classes = {r["surface_id"]: r["entity_class"] for r in home.lake.read(SURFACES).to_pylist()}
    found: dict[str, set[str]] = {}
    for row in home.lake.read(LINKS).to_pylist():
        found.setdefault(classes[row["surface_id"]], set()).add(row["vocabulary_version"])
    return found


def node_ids(home: Home) -> set[Any]:
    return set(home.lake.read(NODES)["id"].to_pylist())


def test_a_drug_of_three_vocabularies_is_one_node(home: Home):
    assert links_of(home, "imatinib") == [IMATINIB]
    assert {OF_DRUGBANK, OF_CHEMBL, IMATINIB} & node_ids(home) == {IMATINIB}


def test_another_leading_ontology_relinks_its_class_and_reads_no_text(home: Home):
    mentions, before = home.generations(DICTIONARY_MENTIONS), versions_by_class(home)
    home.use_catalogue(home.catalogue() | {"leading": {"chemical": "DrugBank"}})

    assert home.indices().failures == {}
    assert home.graph().failures == {}

    assert leaders(home)[IMATINIB] == OF_DRUGBANK
    assert leaders(home)[OF_CHEMBL] == OF_DRUGBANK
    assert links_of(home, "imatinib") == [OF_DRUGBANK]
    assert {OF_DRUGBANK, OF_CHEMBL, IMATINIB} & node_ids(home) == {OF_DRUGBANK}
    assert home.generations(DICTIONARY_MENTIONS) == mentions
    after = versions_by_class(home)
    assert {name for name in before if before[name] != after[name]} == {"chemical"}


def test_without_its_mapping_set_a_concept_goes_by_itself(home: Home):
    home.use_catalogue(home.catalogue() | {"mappings": []})

    assert home.indices().failures == {}
    assert home.graph().failures == {}

    assert OF_CHEMBL not in leaders(home)
    assert leaders(home)[OF_DRUGBANK] == IMATINIB
    assert links_of(home, "imatinib") == [IMATINIB, OF_CHEMBL]


def test_what_did_not_change_is_not_made_again(home: Home):
    before = home.generations(CONCEPT_MAPPINGS), home.generations(CONCEPT_EQUIVALENTS)

    assert home.materialise(MAPPING_LAYER, UNICHEM).failures == {}
    assert home.indices().failures == {}

    assert (home.generations(CONCEPT_MAPPINGS), home.generations(CONCEPT_EQUIVALENTS)) == before


def use_mappings(home: Home, path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    catalogue = home.catalogue()
    catalogue["mappings"][0]["url"] = str(path)
    home.use_catalogue(catalogue)


def test_a_row_that_cannot_be_read_costs_only_itself(home: Home, tmp_path: Path):
    rows = "".join(f"CHEMBL{number}\t{number}\n" for number in range(1, 9))
    use_mappings(home, tmp_path / "src1src7.txt", f"a\tb\nCHEMBL941\t45783\nCHEMBL1\n{rows}")

    assert home.materialise(MAPPING_LAYER, UNICHEM).failures == {}

    assert home.lake.read(CONCEPT_MAPPINGS).num_rows == 9
    (row,) = home.lake.read(QUARANTINE, f"concept_mappings/{UNICHEM}").to_pylist()
    assert (row["doc_id"], row["detail"]) == (
        f"{UNICHEM}#line 3",
        "a row of 1 cells, expected 2.",
    )


def test_a_mapping_set_that_shrank_is_held_back(home: Home, tmp_path: Path):
    before = home.generations(CONCEPT_MAPPINGS)
    use_mappings(home, tmp_path / "src1src7.txt", "a\tb\nCHEMBL941\t45783\n")

    refused = home.materialise(MAPPING_LAYER, UNICHEM)
    assert "did_not_shrink" in refused.failures["concept_mappings"]
    assert home.generations(CONCEPT_MAPPINGS) == before

    accepted = {"concept_mappings": {"config": {"accept_shrinkage": True}}}
    assert home.materialise(MAPPING_LAYER, UNICHEM, ops=accepted).failures == {}
    assert home.lake.read(CONCEPT_MAPPINGS).num_rows == 1
