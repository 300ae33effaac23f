"""Equivalent diseases of MONDO, DOID and MEDIC, through MONDO's SSSOM files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from kazu_platform.ontologies.equivalence import find_equivalents
from kazu_platform.ontologies.mappings import parse_mappings
from kazu_platform.ontologies.vocabulary import parse_vocabulary
from kazu_platform.settings import Catalogue, read_catalogue

DISEASES = ("MONDO", "DOID", "MEDIC")
Tables = tuple[pa.Table, pa.Table, pa.Table]


@pytest.fixture(scope="module")
def catalogue(test_data: Path, request: pytest.FixtureRequest) -> Catalogue:
    assert test_data.is_dir()
    return read_catalogue(request.config.rootpath / "tests" / "catalogues" / "shared.yaml")


@pytest.fixture(scope="module")
def diseases(catalogue: Catalogue) -> Tables:
    sources = [catalogue.ontology(name) for name in DISEASES]
    parsed = [parse_vocabulary(source, Path(source.url)) for source in sources]
    sets = [parse_mappings(source, Path(source.url)) for source in catalogue.mappings]
    assert sum(each.set_aside.num_rows for each in sets) == 0
    return (
        pa.concat_tables([each.concepts for each in parsed]),
        pa.concat_tables([each.xrefs for each in parsed]),
        pa.concat_tables([each.mappings for each in sets]),
    )


def test_most_diseases_of_three_ontologies_go_by_mondo(catalogue: Catalogue, diseases: Tables):
    rows = pl.DataFrame(find_equivalents(*diseases, preference=catalogue.by_preference()))
    of_ontologies = rows.filter(pl.col("ontology") != "")

    columns = ("ontology", "leader_ontology", "method", "refused")
    assert Counter(of_ontologies.select(columns).iter_rows()) == {
        ("DOID", "MONDO", "direct", None): 8604,
        ("MEDIC", "MONDO", "direct", None): 8505,
        ("MEDIC", "DOID", "shared", None): 30,
        ("MEDIC", None, "shared", "another_match"): 1,
    }
    diabetes = rows.filter(leader_id="MONDO:0005148")["concept_id"].to_list()
    assert {"DOID:9352", "MESH:D003924", "UMLS:C0011860", "SCTID:44054006"} & set(diabetes) == {
        "DOID:9352",
        "MESH:D003924",
        "UMLS:C0011860",
    }


def test_a_leader_follows_nobody_and_is_in_use(catalogue: Catalogue, diseases: Tables):
    rows = pl.DataFrame(find_equivalents(*diseases, preference=catalogue.by_preference()))
    joined = rows.drop_nulls("leader_id")
    leaders = joined.select(concept_id="leader_id", ontology="leader_ontology").unique()
    used = pl.DataFrame(diseases[0]).filter(~pl.col("obsolete"))

    assert leaders.join(joined, on=["concept_id", "ontology"], how="semi").is_empty()
    assert leaders.join(used, on=["concept_id", "ontology"], how="anti").is_empty()
    assert rows.select("concept_id", "ontology").is_unique().all()


def test_another_ontology_may_lead(catalogue: Catalogue, diseases: Tables):
    leading = catalogue.model_copy(update={"leading": {"disease": "DOID"}})

    rows = pl.DataFrame(find_equivalents(*diseases, preference=leading.by_preference()))

    followers = rows.filter(ontology="MONDO", leader_ontology="DOID")
    assert followers.filter(concept_id="MONDO:0005148")["leader_id"].to_list() == ["DOID:9352"]
    # What was two of DOID and one of MONDO is now refused: nobody says which of the two.
    refused = rows.filter(ontology="MONDO", refused="ambiguous")
    assert (followers.height, refused.height) == (8472, 64)
