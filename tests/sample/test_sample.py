"""The embedded sample is whole: well-formed, true to its README, and rich enough for a demo."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

import kazu_platform.sample
from kazu_platform.citations.current import current_citations
from kazu_platform.citations.pubmed import parse_pubmed
from kazu_platform.ontologies.vocabulary import Vocabulary, parse_vocabulary
from kazu_platform.settings import OntologySource, read_catalogue
from kazu_platform.tables import CITATIONS, DELETIONS, ENTITY_CLASSES, QUARANTINE

SAMPLE = Path(str(kazu_platform.sample.__file__)).parent
FILES = sorted((SAMPLE / "pubmed").rglob("*.xml"))
CATALOGUE = read_catalogue(SAMPLE.parent / "catalogues" / "sample.yaml")

AT_LEAST = {
    "MONDO": 80,
    "DOID": 12,
    "MeSH-disease": 11,
    "HGNC": 70,
    "NCBIGene-mouse": 15,
    "NCBIGene-rat": 5,
    "CHEBI": 40,
    "DrugBank": 25,
    "ChEMBL": 15,
    "MeSH-chemical-supplementary": 5,
    "NCBITaxon": 35,
    "Cellosaurus": 30,
    "CLO": 5,
    "CL": 40,
    "UBERON": 35,
    "HP": 25,
    "GO": 15,
}

# What a newcomer will look up in the graph: names as they stand in the texts.
COMPANY = {
    ("imatinib", "CML|chronic myelo(id|genous) leuka?emia"): 8,
    ("imatinib", "ABL1|BCR-ABL"): 5,
    ("metformin", "type 2 diabetes|T2D"): 8,
    ("metformin", "insulin"): 6,
    ("gefitinib", "EGFR"): 7,
    ("gefitinib", "NSCLC|non-small cell lung c"): 5,
    ("PCSK9", "hypercholesterolemia"): 6,
    ("CFTR", "cystic fibrosis"): 6,
    ("artemisinin|artesunate", "malaria"): 5,
    ("Plasmodium falciparum", "malaria"): 7,
    ("TNF", "rheumatoid arthritis"): 6,
    ("APP", "Alzheimer disease"): 6,
    ("BRCA1", "breast cancer|ovarian cancer"): 4,
    ("levodopa|L-dopa", "Parkinson"): 4,
}


@pytest.fixture(scope="module")
def parsed() -> dict[str, pa.Table]:
    batches = [batch for path in FILES for batch in parse_pubmed(path, file=path.stem)]
    return {
        "citations": CITATIONS.check(pa.concat_tables([b.citations for b in batches])),
        "deletions": DELETIONS.check(pa.concat_tables([b.deletions for b in batches])),
        "set_aside": QUARANTINE.check(pa.concat_tables([b.set_aside for b in batches])),
    }


@pytest.fixture(scope="module")
def vocabularies() -> dict[str, Vocabulary]:
    return {
        source.name: parse_vocabulary(source, Path(source.url)) for source in CATALOGUE.ontologies
    }


@pytest.fixture(scope="module")
def texts(parsed: dict[str, pa.Table]) -> dict[int, str]:
    """Current texts by PMID."""
    current = current_citations(parsed["citations"], parsed["deletions"])
    valid = set(zip(*(current[name].to_pylist() for name in ("pmid", "content_hash")), strict=True))
    return {
        row["pmid"]: "\n".join(section["text"] for section in row["sections"])
        for row in parsed["citations"].to_pylist()
        if (row["pmid"], row["content_hash"]) in valid
    }


def pmids_naming(texts: dict[int, str], name: str) -> set[int]:
    pattern = re.compile(rf"\b(?:{name})", re.IGNORECASE)
    return {pmid for pmid, text in texts.items() if pattern.search(text)}


def is_a_of(vocabulary: Vocabulary) -> list[dict[str, str]]:
    return [row for row in vocabulary.relations.to_pylist() if row["predicate"] == "is_a"]


def test_the_catalogue_names_every_file_and_every_class():
    used = {Path(source.url).resolve() for source in CATALOGUE.ontologies}

    assert used == {path.resolve() for path in (SAMPLE / "ontologies").iterdir()}
    assert {source.entity_class for source in CATALOGUE.ontologies} == set(ENTITY_CLASSES)
    assert CATALOGUE.pubmed is not None
    assert Path(CATALOGUE.pubmed.baseline).is_dir()
    assert Path(str(CATALOGUE.pubmed.updates)).is_dir()


def test_every_ontology_is_in_the_readme_with_its_licence():
    readme = (SAMPLE / "README.md").read_text("utf-8")

    for source in CATALOGUE.ontologies:
        row = next(line for line in readme.splitlines() if f"`{Path(source.url).name}`" in line)
        assert source.licence.split(" (")[0] in row, source.name


@pytest.mark.parametrize("source", CATALOGUE.ontologies, ids=lambda source: source.name)
def test_an_ontology_is_read_whole(source: OntologySource, vocabularies: dict[str, Vocabulary]):
    vocabulary = vocabularies[source.name]
    ids: list[str] = vocabulary.concepts["concept_id"].to_pylist()

    assert vocabulary.set_aside.to_pylist() == []
    assert len(ids) >= AT_LEAST[source.name]
    assert len(ids) == len(set(ids))
    assert {curie.split(":")[0] for curie in ids} == set(source.id_prefixes)


def test_there_are_450_concepts(vocabularies: dict[str, Vocabulary]):
    assert sum(v.concepts.num_rows for v in vocabularies.values()) >= 450


@pytest.mark.parametrize(
    ("ontology", "child", "ancestor"),
    [
        ("MONDO", "lung adenocarcinoma", "cancer"),
        ("MONDO", "cerebral malaria", "infectious disease"),
        ("CHEBI", "cholesterol", "chemical entity"),
        ("NCBITaxon", "Mus musculus", "Mammalia"),
        ("NCBITaxon", "Plasmodium falciparum", "Eukaryota"),
        ("CL", "regulatory T cell", "leukocyte"),
        ("UBERON", "liver", "organ"),
        ("HP", "Tremor", "Phenotypic abnormality"),
        ("GO", "apoptotic process", "biological_process"),
    ],
)
def test_is_a_leads_to_the_ancestor(
    vocabularies: dict[str, Vocabulary], ontology: str, child: str, ancestor: str
):
    vocabulary = vocabularies[ontology]
    label = dict(
        zip(
            vocabulary.concepts["concept_id"].to_pylist(),
            vocabulary.concepts["label"].to_pylist(),
            strict=True,
        )
    )
    parents: dict[str, set[str]] = {}
    for row in is_a_of(vocabulary):
        parents.setdefault(label[row["subject_id"]], set()).add(label[row["object_id"]])

    reached, todo = set[str](), [child]
    while todo:
        todo += parents.get(todo.pop(), set()) - reached
        reached.update(todo)

    assert ancestor in reached


def test_no_is_a_points_outside(vocabularies: dict[str, Vocabulary]):
    for name, vocabulary in vocabularies.items():
        known = set(vocabulary.concepts["concept_id"].to_pylist())
        replaced = set(vocabulary.concepts["replaced_by"].drop_null().to_pylist())
        assert {row["object_id"] for row in is_a_of(vocabulary)} <= known, name
        assert replaced <= known, name


def test_obsolete_concepts_say_what_replaces_them(vocabularies: dict[str, Vocabulary]):
    replaced = {
        row["concept_id"]: row["replaced_by"]
        for vocabulary in vocabularies.values()
        for row in vocabulary.concepts.to_pylist()
        if row["obsolete"]
    }

    assert replaced["HP:0030013"] == "HP:0030127"
    assert replaced["MONDO:0009027"] == "MONDO:0007402"
    assert replaced["CL:0000402"] == "CL:0000099"
    assert None not in replaced.values()


def test_names_of_every_scope_are_there(vocabularies: dict[str, Vocabulary]):
    scopes = {s for v in vocabularies.values() for s in v.synonyms["scope"].unique().to_pylist()}

    assert scopes == {"label", "exact", "narrow", "broad", "related", "abbreviation"}


@pytest.mark.parametrize(
    ("name", "concepts"),
    [
        ("PSA", {"HGNC:6364", "HGNC:7900"}),
        ("WAS", {"HGNC:12731", "MONDO:0010518"}),
        ("p53", {"HGNC:11998", "NCBIGene:22059"}),
        ("imatinib", {"CHEBI:45783", "DRUGBANK:DB00619", "CHEMBL.COMPOUND:CHEMBL941"}),
        ("COX-1", {"HGNC:9604"}),
    ],
)
def test_a_name_has_these_meanings(
    vocabularies: dict[str, Vocabulary], name: str, concepts: set[str]
):
    found = {
        row["concept_id"]
        for vocabulary in vocabularies.values()
        for row in vocabulary.synonyms.to_pylist()
        if row["name"] == name or row["name"].lower() == name == name.lower()
    }

    assert found == concepts


@pytest.mark.parametrize("entity_class", ENTITY_CLASSES)
def test_a_class_occurs_in_many_texts(
    vocabularies: dict[str, Vocabulary], texts: dict[int, str], entity_class: str
):
    names = {
        row["name"]
        for vocabulary in vocabularies.values()
        for row in vocabulary.synonyms.to_pylist()
        if row["entity_class"] == entity_class and len(row["name"]) > 2
    }
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})(?!\w)")

    assert sum(bool(pattern.search(text)) for text in texts.values()) >= 10


def test_every_md5_is_true():
    for path in FILES:
        digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        said = path.with_name(f"{path.name}.md5").read_text("utf-8")
        assert said == f"MD5({path.name})= {digest}\n"


def test_there_are_four_baseline_and_two_update_files():
    assert Counter(path.parent.name for path in FILES) == {"baseline": 4, "updatefiles": 2}
    assert [path.stem for path in FILES] == [f"pubmed26n000{n}" for n in range(1, 7)]


def test_citations_stand_as_in_the_dtd():
    """Order of children as in NLM's DTD, so that strict readers can use the sample too."""
    order = [
        "PMID",
        "DateRevised",
        "Article",
        "MedlineJournalInfo",
        "CommentsCorrectionsList",
        "MeshHeadingList",
        "OtherAbstract",
        "KeywordList",
    ]
    for path in FILES:
        root = etree.parse(path).getroot()
        assert root.tag == "PubmedArticleSet"
        for citation in root.iter("MedlineCitation"):
            places = [order.index(str(child.tag)) for child in citation]
            assert places == sorted(places)


def test_only_the_citation_without_a_number_is_set_aside(parsed: dict[str, pa.Table]):
    [row] = parsed["set_aside"].to_pylist()

    assert (row["file"], row["position"]) == ("pubmed26n0003", 23)
    assert "PMID" in row["detail"]


def test_a_number_stands_twice_only_where_the_readme_says_so(parsed: dict[str, pa.Table]):
    citations = parsed["citations"].to_pylist()
    counts = Counter((row["pmid"], row["file"]) for row in citations)

    assert {pmid for (pmid, _), n in counts.items() if n > 1} == {90000033, 90000045}
    assert all(90000001 <= row["pmid"] <= 90000119 for row in citations)
    assert len({row["pmid"] for row in citations}) == 119


def test_no_two_citations_say_the_same(parsed: dict[str, pa.Table]):
    sentences = Counter(
        sentence
        for text in {
            row["pmid"]: row["sections"][-1]["text"] for row in parsed["citations"].to_pylist()
        }.values()
        for sentence in re.split(r"(?<=[.?])\s+", text)
    )

    assert [sentence for sentence, n in sentences.items() if n > 1] == []


def test_118_citations_are_left_when_all_files_are_loaded(parsed: dict[str, pa.Table]):
    current = current_citations(parsed["citations"], parsed["deletions"])

    assert current.num_rows == 119
    assert current.filter(current["deleted"])["pmid"].to_pylist() == [90000052]


def test_the_oddities_are_where_the_readme_says(parsed: dict[str, pa.Table]):
    rows = {row["pmid"]: row for row in parsed["citations"].to_pylist()}

    assert {pmid for pmid, row in rows.items() if row["retracted"]} == {90000037, 90000078}
    assert {p for p, row in rows.items() if len(row["sections"]) == 1} == {
        90000027,
        90000087,
        90000103,
    }
    assert rows[90000086]["vernacular_title"] == "Tuberculosis infantil en un distrito"
    assert len(rows[90000086]["other_abstracts"]) == 1
    assert [s["name"] for s in rows[90000013]["sections"][1:]] == [
        "BACKGROUND",
        "METHODS",
        "RESULTS",
        "CONCLUSIONS",
    ]
    assert rows[90000107]["journal"] == "Diseases for Examples"
    assert "In İstanbul, malaria" in rows[90000020]["sections"][1]["text"]
    assert "nai\u0308ve CD4-positive" in rows[90000101]["sections"][1]["text"]
    assert {rows[p]["pub_year"] for p in (90000006, 90000051, 90000106)} == {1998, 1993, 1996}


def test_years_span_four_decades(parsed: dict[str, pa.Table]):
    years = parsed["citations"]["pub_year"].to_pylist()

    assert (min(years), max(years)) == (1985, 2026)


@pytest.mark.parametrize(("pair", "least"), COMPANY.items(), ids=str)
def test_a_believable_pair_is_named_often_enough(
    texts: dict[int, str], pair: tuple[str, str], least: int
):
    together = pmids_naming(texts, pair[0]) & pmids_naming(texts, pair[1])

    assert len(together) >= least


def test_updates_take_two_pairs_away(parsed: dict[str, pa.Table], texts: dict[int, str]):
    before = {
        row["pmid"]: "\n".join(section["text"] for section in row["sections"])
        for row in parsed["citations"].to_pylist()
        if row["file"] < "pubmed26n0005"
    }
    for first, second, pmid in (
        ("celecoxib", "schizophrenia", 90000052),
        ("budesonide", "CML", 90000058),
    ):
        assert pmids_naming(before, first) & pmids_naming(before, second) == {pmid}
        assert pmids_naming(texts, first) & pmids_naming(texts, second) == set()
    assert "restored here" in texts[90000071]
