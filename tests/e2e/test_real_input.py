"""Real ontologies and real PubMed files, baseline and updates, from files to edges."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - a compiled module

from kazu_platform.settings import read_catalogue
from kazu_platform.storage.queries import open_read_only

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

pytestmark = pytest.mark.slow
CATALOGUE = Path(__file__).parent.parent / "catalogues" / "shared.yaml"
# What is below needs many names, not all: that each table is read is shown in
# tests/ontologies/test_shared_data.py.
KEPT = {"MONDO", "HGNC", "DrugBank", "NCBITaxon", "CL", "HPO"}


@pytest.fixture(scope="module")
def home(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that the command line filled from a part of the shared catalogue."""
    home = tmp_path_factory.mktemp("real")
    shared = read_catalogue(CATALOGUE).model_dump(mode="json")
    kept = [each for each in shared["ontologies"] if each["name"] in KEPT]
    catalogue = home / "catalogue.json"  # JSON is YAML
    catalogue.write_text(json.dumps(shared | {"ontologies": kept}), "utf-8")
    done = subprocess.run(
        [Path(sys.executable).with_name("kazu-platform"), "demo"],
        env=os.environ
        | {
            "KAZU_HOME": str(home),
            "KAZU_SOURCES": str(catalogue),
            "KAZU_TEST_DATA": str(test_data),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert "6 ontologies, 11 PubMed files" in done.stdout
    return home


@pytest.fixture(scope="module")
def warehouse(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_read_only(home / "warehouse.duckdb", home / "lake") as connection:
        yield connection


def replayed(pubmed: Path) -> dict[int, str]:
    """The file that holds each PMID in the end, by reading every file in order, by hand."""
    state: dict[int, str] = {}
    for path in sorted(pubmed.glob("*/pubmed26n*.xml.gz")):
        with gzip.open(path) as file:
            root = etree.parse(file).getroot()
        for element in root:
            if element.tag == "DeleteCitation":
                for pmid in element.iter("PMID"):
                    state.pop(int(pmid.text or 0), None)
            else:
                pmid = element.find("MedlineCitation/PMID")
                pmid = element.find("BookDocument/PMID") if pmid is None else pmid
                if pmid is not None and pmid.text:
                    state[int(pmid.text)] = path.name.removesuffix(".xml.gz")
    return state


@pytest.mark.timeout(700)
def test_what_is_current_is_what_replaying_the_files_by_hand_gives(
    warehouse: duckdb.DuckDBPyConnection, test_data: Path
):
    found = dict(
        warehouse.execute("SELECT pmid, file FROM current_citations WHERE NOT deleted").fetchall()
    )

    assert found == replayed(test_data / "pubmed")
    expected = json.loads((test_data / "pubmed" / "expected.json").read_text())
    assert len(found) == expected["final_citations"]


def test_no_edge_rests_on_a_deleted_citation(warehouse: duckdb.DuckDBPyConnection):
    deleted = {
        f"PMID:{row[0]}"
        for row in warehouse.execute("SELECT pmid FROM current_citations WHERE deleted").fetchall()
    }
    rows = warehouse.execute(
        "SELECT publications, sentence_doc_id FROM edges WHERE n_documents IS NOT NULL"
    ).fetchall()

    assert len(deleted) > 10
    assert rows
    assert not [row for row in rows if deleted & {*row[0], row[1]}]


def test_the_evidence_of_an_edge_stands_in_the_current_text(
    warehouse: duckdb.DuckDBPyConnection,
):
    """A revised citation's old sentences are gone with its old text."""
    ((stale,),) = warehouse.execute(
        """
        SELECT count(*) FROM edges e JOIN current_documents d ON d.doc_id = e.sentence_doc_id
        WHERE NOT list_bool_or(list_transform(d.sections, lambda s: contains(s.text, e.sentence)))
        """
    ).fetchall()

    assert stale == 0


def test_edges_count_what_a_plain_loop_counts(warehouse: duckdb.DuckDBPyConnection):
    """Documents that name both concepts by mentions apart, longer mentions of a class first."""
    mentions = warehouse.execute(
        """
        SELECT a.doc_id, a.section, a.start, a."end", a.entity_class, a.concept_id
        FROM annotations a JOIN current_documents d USING (doc_id)
        WHERE NOT d.retracted AND hash(a.doc_id) % 8 = 0
        """
    ).fetchall()
    by_document: dict[str, list[tuple[int, int, int, str, str]]] = {}
    for doc_id, section, start, end, entity_class, concept in mentions:
        mention = (section, start, end, entity_class, concept or "")
        by_document.setdefault(doc_id, []).append(mention)
    counted: Counter[tuple[str, str]] = Counter()
    for found in by_document.values():
        kept = [m for m in found if m[4] and not any(_inside(m, other) for other in found)]
        if len({concept for *_, concept in kept}) <= 200:
            counted.update(
                {
                    (min(a[4], b[4]), max(a[4], b[4]))
                    for a, b in combinations(kept, 2)
                    if a[4] != b[4] and (a[0] != b[0] or a[2] <= b[1] or b[2] <= a[1])
                }
            )

    edges = {
        (subject, object_): publications
        for subject, object_, publications in warehouse.execute(
            "SELECT subject, object, publications FROM edges "
            "WHERE n_documents IS NOT NULL AND n_documents <= 10"
        ).fetchall()
    }
    chosen = set(by_document)
    wrong = [
        pair
        for pair, publications in edges.items()
        if counted[pair] != len(chosen & set(publications))
    ]
    assert len(edges) > 10_000
    assert wrong == []


def _inside(mention: tuple[int, int, int, str, str], other: tuple[int, int, int, str, str]) -> bool:
    section, start, end, entity_class, _ = mention
    longer = other[2] - other[1] > end - start
    covers = other[0] == section and other[1] <= start and end <= other[2]
    return longer and covers and other[3] == entity_class
