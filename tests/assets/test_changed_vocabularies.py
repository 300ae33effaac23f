"""A new vocabulary re-matches and re-links what it must, keeps the rest, cannot shrink unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kazu_platform.storage.queries import open_read_only
from kazu_platform.tables import (
    CITATIONS,
    CONCEPTS,
    LINKS,
    MENTIONS,
    PAIR_COUNTS,
    SURFACES,
    SYNONYMS,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.assets.conftest import Home

FILES = [f"pubmed26n000{n}" for n in range(1, 7)]
CML = "MONDO:0011996"
MATERIALISED = {
    "curation_file",
    "ontology_files",
    "synonyms",
    "concept_relations",
    "concept_xrefs",
    "concepts",
    "vocabulary_changes",
}


def surfaces_of_class(home: Home) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in home.lake.read(SURFACES).to_pylist():
        found.setdefault(row["entity_class"], set()).add(row["surface_id"])
    return found


def asked(home: Home, sql: str) -> list[dict[str, Any]]:
    with open_read_only(home.settings.warehouse, home.settings.lake) as connection:
        return connection.sql(sql).to_arrow_table().to_pylist()


def with_synonym(obo: Path, concept: str, synonym: str) -> None:
    text = obo.read_text("utf-8")
    stanza = f"id: {concept}\n"
    assert text.count(f"\n{stanza}") == 1
    name_end = text.index("\n", text.index(stanza) + len(stanza)) + 1
    obo.write_text(f'{text[:name_end]}synonym: "{synonym}" EXACT []\n{text[name_end:]}', "utf-8")


def without_last_terms(obo: Path, n_terms: int) -> None:
    head, *stanzas = obo.read_text("utf-8").split("\n[Term]\n")
    obo.write_text("\n[Term]\n".join([head, *stanzas[: len(stanzas) - n_terms]]), "utf-8")


def allow_any_release(home: Home) -> None:
    """Whatever it does to the corpus: that is the business of other tests."""
    home.use_catalogue(home.catalogue() | {"releases": {"max_lost": 1, "max_relinked": 1}})


def test_a_new_name_is_matched_and_only_what_it_touches_is_made_again(home: Home, own_sample: Path):
    mondo = own_sample / "ontologies" / "mondo.obo"
    with_synonym(mondo, CML, "first choice")
    home.use_ontology_file("MONDO", mondo)
    before, mentions = home.lake.read(LINKS), home.generations(MENTIONS)
    citations = home.generations(CITATIONS)

    parsed, compiled = home.vocabulary("MONDO"), home.indices()
    read = [home.file(name) for name in FILES]
    graph = home.graph()

    assert [run.failures for run in (parsed, compiled, *read, graph)] == [{}] * 9
    assert home.generations(CITATIONS) == citations
    assert [run.metadata["citations"]["unchanged"] for run in read] == [True] * 6
    found = asked(home, "SELECT text, concept_id FROM annotations WHERE text ILIKE 'first choice%'")
    assert {(row["text"], row["concept_id"]) for row in found} == {("first choice", CML)}
    files = asked(home, "SELECT DISTINCT file FROM lake.annotations WHERE text = 'first choice'")
    after = home.generations(MENTIONS)
    changed = {name for name, generation in after.items() if generation != mentions[name]}
    assert changed == {row["file"] for row in files}
    known = set(before["surface_id"].to_pylist())
    surfaces = set(home.lake.read(SURFACES)["surface_id"].to_pylist())
    assert graph.metadata["links"]["linked"] == len(surfaces - known)
    assert graph.metadata["links"]["kept"] == len(surfaces & known)
    kept = [row for row in home.lake.read(LINKS).to_pylist() if row["surface_id"] in known]
    assert kept == before.to_pylist()


def test_another_linker_links_everything_again_and_reads_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    mentions = home.generations(MENTIONS)
    monkeypatch.setattr("kazu_platform.linking.exact.RULES_VERSION", "another")

    read, graph = home.file("pubmed26n0001"), home.graph()

    assert (read.failures, graph.failures) == ({}, {})
    assert home.generations(MENTIONS) == mentions
    n_surfaces = home.lake.read(SURFACES).num_rows
    assert (graph.metadata["links"]["linked"], graph.metadata["links"]["kept"]) == (n_surfaces, 0)
    assert len(home.lake.read(LINKS)["linker_version"].unique()) == 1
    assert graph.metadata["pair_counts"]["remade"] == 6


def test_another_order_of_ontologies_prefers_the_first(home: Home):
    catalogue = home.catalogue()
    catalogue["leading"] = {}
    names = [ontology["name"] for ontology in catalogue["ontologies"]]
    catalogue["ontologies"].insert(
        names.index("CHEBI"), catalogue["ontologies"].pop(names.index("DrugBank"))
    )
    imatinib = "SELECT DISTINCT concept_id FROM annotations WHERE text = 'imatinib'"
    assert asked(home, imatinib) == [{"concept_id": "CHEBI:45783"}]

    home.use_catalogue(catalogue)
    runs = [home.indices(), *(home.file(name) for name in FILES), home.graph()]

    assert [run.failures for run in runs] == [{}] * 8
    assert asked(home, imatinib) == [{"concept_id": "DRUGBANK:DB00619"}]
    assert home.edges_between("Imatinib", "chronic myeloid leukemia") != []
    assert home.edges_between("imatinib", "chronic myeloid leukemia") == []


def test_an_ontology_that_left_the_catalogue_is_not_matched_any_more(home: Home):
    catalogue = home.catalogue()
    catalogue["ontologies"] = [o for o in catalogue["ontologies"] if o["name"] != "HP"]
    phenotypes = "SELECT count(*) AS n FROM annotations WHERE entity_class = 'phenotype'"
    [before] = asked(home, phenotypes)

    home.use_catalogue(catalogue)
    runs = [home.indices(), *(home.file(name) for name in FILES), home.graph()]

    assert [run.failures for run in runs] == [{}] * 8
    assert before["n"] > 50
    assert asked(home, phenotypes) == [{"n": 0}]


def test_a_vocabulary_of_another_size_is_published_with_a_warning(home: Home):
    """Also when nothing is made anew: it is the figure of the catalogue that changed."""
    catalogue = home.catalogue()
    [mondo] = [o for o in catalogue["ontologies"] if o["name"] == "MONDO"]
    before = home.generations(CONCEPTS)["MONDO"]
    fits = home.vocabulary("MONDO")
    mondo["expected_size"] = {"concepts": 30_000}
    home.use_catalogue(catalogue)

    warned = home.vocabulary("MONDO")

    assert (fits.failures, warned.failures) == ({}, {})
    assert fits.checks["concepts", "size_is_expected"]
    assert not warned.checks["concepts", "size_is_expected"]
    assert home.generations(CONCEPTS)["MONDO"] == before


def test_a_vocabulary_that_shrank_is_not_published(home: Home, own_sample: Path):
    mondo = own_sample / "ontologies" / "mondo.obo"
    without_last_terms(mondo, 20)
    home.use_ontology_file("MONDO", mondo)
    allow_any_release(home)
    synonyms, concepts = home.generations(SYNONYMS), home.generations(CONCEPTS)

    refused = home.vocabulary("MONDO")

    assert home.generations(SYNONYMS) == synonyms
    assert home.generations(CONCEPTS) == concepts
    assert refused.checks[("synonyms", "did_not_shrink")] is False
    assert refused.retried == set()
    assert set(refused.metadata) == {"curation_file", "ontology_files"}
    [evaluation] = [e for e in refused.run.get_asset_check_evaluations() if not e.passed]
    n_before, n_now = (int(str(evaluation.metadata[name].value)) for name in ("before", "now"))
    assert n_before * 0.7 < n_now < n_before * 0.9
    lost = f"{1 - n_now / n_before:.0%} lost"
    assert list(refused.failures.values()) == [
        f"did_not_shrink: {n_before} rows before, {n_now} now ({lost}). Nothing was published."
    ]


def test_a_person_may_accept_that_it_shrank(home: Home, own_sample: Path):
    mondo = own_sample / "ontologies" / "mondo.obo"
    without_last_terms(mondo, 20)
    home.use_ontology_file("MONDO", mondo)
    allow_any_release(home)
    n_before = home.lake.pointer(CONCEPTS, "MONDO").n_rows

    accepted = home.vocabulary(
        "MONDO", ops={"vocabularies": {"config": {"accept_shrinkage": True}}}
    )

    assert accepted.failures == {}
    assert set(accepted.metadata) == MATERIALISED
    assert home.lake.pointer(CONCEPTS, "MONDO").n_rows == n_before - 20
    assert accepted.checks[("concepts", "did_not_shrink")] is True


def test_a_vocabulary_that_lost_a_few_concepts_is_published(home: Home, own_sample: Path):
    mondo = own_sample / "ontologies" / "mondo.obo"
    without_last_terms(mondo, 5)
    home.use_ontology_file("MONDO", mondo)
    n_before = home.lake.pointer(CONCEPTS, "MONDO").n_rows

    published = home.vocabulary("MONDO")

    assert published.failures == {}
    assert home.lake.pointer(CONCEPTS, "MONDO").n_rows == n_before - 5


def test_a_file_that_is_no_ontology_fails_at_once_and_changes_nothing(home: Home, own_sample: Path):
    mondo = own_sample / "ontologies" / "mondo.obo"
    mondo.write_text("<html>404 Not Found</html>\n", "utf-8")
    home.use_ontology_file("MONDO", mondo)
    concepts = home.generations(CONCEPTS)

    refused = home.vocabulary("MONDO")

    assert home.generations(CONCEPTS) == concepts
    assert refused.retried == set()
    [why] = refused.failures.values()
    assert "mondo.obo" in why


def test_a_correction_that_leaves_the_text_alone_counts_the_file_again(
    home: Home, own_sample: Path, publish: Callable[[Path, bytes], None]
):
    """A citation is marked as retracted in a file of the same name: same text, same mentions."""
    archive = own_sample / "pubmed" / "baseline" / "pubmed26n0002.xml"
    body = archive.read_bytes()
    place = body.index(b"</PublicationTypeList>", body.index(b">90000030</PMID>"))
    retracted = b'<PublicationType UI="D016441">Retracted Publication</PublicationType>'
    publish(archive, body[:place] + retracted + body[place:])
    home.use_pubmed(own_sample / "pubmed")
    [edge] = home.edges_between("imatinib", "ABCB1")
    assert edge["publications"] == ["PMID:90000030"]
    counts = home.generations(PAIR_COUNTS)

    read, graph = home.file("pubmed26n0002"), home.graph()

    assert (read.failures, graph.failures) == ({}, {})
    assert read.metadata["mentions"]["unchanged"] is False
    assert home.edges_between("imatinib", "ABCB1") == []
    assert {name for name, now in home.generations(PAIR_COUNTS).items() if now != counts[name]} == {
        "pubmed26n0002"
    }
