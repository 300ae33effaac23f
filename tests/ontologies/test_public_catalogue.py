"""The public catalogue: every entry is whole, and reads what its publisher writes.

Real files of the development data stand in for the newest releases: the same publishers' in the
same format. MeSH, the taxdump and Cellosaurus' OBO are not among them; small files of our own in
their native format are read instead, and the NCBI Taxonomy is real content written as a dump.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import MalformedFileError
from kazu_platform.ontologies.files import open_source
from kazu_platform.ontologies.owl_xml import read_owl
from kazu_platform.ontologies.terms import IS_A, Term
from kazu_platform.ontologies.vocabulary import Vocabulary, parse_vocabulary
from kazu_platform.settings import OntologySource, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conftest import ParseText

CATALOGUE = Settings(home=Path("x"), sources="public", storage_url=None).catalogue()
NAMES = [source.name for source in CATALOGUE.ontologies]
ASKED_FOR = {
    "MONDO",
    "DOID",
    "HP",
    "CHEBI",
    "ChEMBL",
    "HGNC",
    "NCBIGene-human",
    "NCBIGene-mouse",
    "NCBIGene-rat",
    "NCBITaxon",
    "Cellosaurus",
    "CL",
    "CLO",
    "UBERON",
    "GO",
    "MeSH-disease",
    "MeSH-disease-supplementary",
    "MeSH-chemical",
    "MeSH-chemical-supplementary",
}

# Entry to a real file in its format, how many concepts are in use, one of them, and its names.
REAL: dict[str, tuple[str, int, str, str, set[tuple[str, str]]]] = {
    "MONDO": (
        "disease/mondo_derived.obo.gz",
        32_727,
        "MONDO:0005148",
        "type 2 diabetes mellitus",
        {("NIDDM", "exact"), ("type 2 diabetes", "exact")},
    ),
    "DOID": (
        "disease/doid_HumanDO.obo.gz",
        6_574,
        "DOID:0001816",
        "angiosarcoma",
        {("hemangiosarcoma", "exact")},
    ),
    "HGNC": (
        "gene/hgnc_complete_set.txt.gz",
        43_882,
        "HGNC:3236",
        "EGFR",
        {("ERBB1", "exact"), ("epidermal growth factor receptor", "exact"), ("ERBB", "related")},
    ),
    "NCBIGene-human": (
        "gene/Homo_sapiens.gene_info.gz",
        55_003,
        "NCBIGene:1956",
        "EGFR",
        {("HER1", "exact"), ("epidermal growth factor receptor", "exact")},
    ),
    "NCBIGene-mouse": (
        "gene/Mus_musculus.gene_info.gz",
        58_594,
        "NCBIGene:22059",
        "Trp53",
        {("p53", "exact"), ("mutant p53", "related")},
    ),
    "CHEBI": (
        "chemical/hp_chebi_import.obo.gz",
        1_583,
        "CHEBI:17234",
        "glucose",
        {("gluco-hexose", "exact"), ("Glc", "related")},
    ),
    "ChEMBL": (
        "chemical/chembl.compound.36.synonyms.tsv.gz",
        42_299,
        "CHEMBL.COMPOUND:CHEMBL941",
        "IMATINIB",
        set(),
    ),
    "CLO": ("cell_line/clo_import.owl.gz", 21, "CLO:0000019", "immortal cell line cell", set()),
    "CL": (
        "cell_type/cl.obo.gz",
        3_324,
        "CL:0000084",
        "T cell",
        {("T lymphocyte", "exact"), ("mature T cell", "related")},
    ),
    "UBERON": (
        "anatomy/uberon_2015.obo.gz",
        13_080,
        "UBERON:0002107",
        "liver",
        {("iecur", "related")},
    ),
    "HP": ("phenotype/hp.obo.gz", 10_972, "HP:0001337", "Tremor", set()),
    "GO": (
        "go/mondo_go_import.obo.gz",
        3_717,
        "GO:0006915",
        "apoptotic process",
        {("apoptosis", "narrow"), ("apoptotic cell death", "exact")},
    ),
}
# What else a real file says: cross-references of those concepts, and how many are set aside.
XREFS = {
    "MONDO": {("exactMatch", "DOID:9352"), ("exactMatch", "MESH:D003924")},
    "DOID": {("xref", "MESH:D006394"), ("xref", "UMLS:C0018923")},
    "HGNC": {("exactMatch", "NCBIGene:1956"), ("exactMatch", "ENSEMBL:ENSG00000146648")},
    "NCBIGene-human": {("xref", "HGNC:3236"), ("xref", "OMIM:131550")},
    "NCBIGene-mouse": {("xref", "MGI:98834")},
    "UBERON": {("xref", "BTO:0000759")},
    "HP": {("xref", "MESH:D014202")},
}
SET_ASIDE = {"UBERON": 7}

CELLOSAURUS = """format-version: 1.2
data-version: 56.0
default-namespace: cellosaurus
subsetdef: Cancer_cell_line "Cancer cell line"
ontology: Cellosaurus

[Term]
id: CVCL_0031
name:MCF-7
synonym: "MCF 7" RELATED []
synonym: "Michigan Cancer Foundation 7" RELATED []
subset: Cancer_cell_line
subset: Female
xref: BTO:BTO:0000093
xref: CLO:CLO_0007606
xref: NCIt:C4194 ! Invasive breast carcinoma of no special type
xref: NCBI_TaxID:9606 ! Homo sapiens (Human)
comment: "Derived from site: Metastatic; Pleural effusion; UBERON=UBERON_0000175."
creation_date: 2012-04-04T00:00:00Z

[Term]
id: CVCL_0058
name: HeLa S3
xref: NCBI_TaxID:9606 ! Homo sapiens (Human)
relationship: derived_from CVCL_0030 ! HeLa

[Typedef]
id: derived_from
name: derived from
is_transitive: true
"""
RAT = (
    "#tax_id\tGeneID\tSymbol\tLocusTag\tSynonyms\tdbXrefs\tchromosome\tmap_location\tdescription\t"
    "type_of_gene\tSymbol_from_nomenclature_authority\tFull_name_from_nomenclature_authority\t"
    "Nomenclature_status\tOther_designations\tModification_date\tFeature_type\n"
    "10116\t24842\tTp53\t-\tTrp53|p53\tRGD:3889|AllianceGenome:RGD:3889\t10\t10q24\t"
    "tumor protein p53\tprotein-coding\tTp53\ttumor protein p53\tO\t"
    "cellular tumor antigen p53\t20260901\t-\n"
    "10116\t1\tNEWENTRY\t-\t-\t-\t-\t-\tRecord to support submission of GeneRIFs\tother\t-\t-\t-\t"
    "-\t20260901\t-\n"
    "10090\t22059\tTrp53\t-\t-\t-\t11\t11 B3\ttransformation related protein 53\tprotein-coding\t"
    "Trp53\t-\tO\t-\t20260901\t-\n"
)
SAMPLE = Path(__file__).parents[2] / "kazu_platform" / "sample" / "ontologies"


def entry(name: str) -> OntologySource:
    return CATALOGUE.ontology(name)


def names_of(found: Vocabulary, concept: str) -> set[tuple[str, str]]:
    return {
        (row["name"], row["scope"])
        for row in found.synonyms.to_pylist()
        if row["concept_id"] == concept and row["source"] == "ontology"
    }


def in_use(found: Vocabulary) -> dict[str, str]:
    """Concepts that are not obsolete, and their labels."""
    return {
        row["concept_id"]: row["label"] for row in found.concepts.to_pylist() if not row["obsolete"]
    }


@pytest.fixture(scope="module")
def real(test_data: Path) -> dict[str, Vocabulary]:
    """Real files, read as the public catalogue says."""
    return {
        name: parse_vocabulary(entry(name), test_data / "ontologies" / file)
        for name, (file, *_) in REAL.items()
    }


def test_the_catalogue_has_what_a_user_expects():
    assert set(NAMES) == ASKED_FOR
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_is_whole(name: str):
    """Nothing is fetched: what an address holds is for the size check to see."""
    source = entry(name)

    assert re.fullmatch(r"https://[\w.-]+/\S+[^/\s]", source.url)
    assert re.fullmatch(r"https://\S+", source.homepage)
    assert source.licence.strip()
    assert source.expected_size is not None
    assert source.expected_size.bytes is not None
    assert len(source.id_prefixes) == 1
    assert str(source.id_pattern).replace("\\.", ".").startswith(f"{source.id_prefixes[0]}:")


def test_no_two_entries_claim_the_same_identifier():
    """Concepts of one prefix come in several entries, told apart by pattern, branch or organism."""
    told_apart = {
        (source.id_pattern, str(source.mesh), source.taxon_id) for source in CATALOGUE.ontologies
    }

    assert len(told_apart) == len(NAMES)


def test_every_entry_is_read_below_or_its_format_is():
    own = {"NCBIGene-rat", "NCBITaxon", "Cellosaurus"}
    mesh = {source.name for source in CATALOGUE.ontologies if source.format == "mesh"}

    assert set(REAL) | own | mesh == set(NAMES)


@pytest.mark.parametrize("name", REAL)
def test_an_entry_reads_its_publishers_real_content(real: dict[str, Vocabulary], name: str):
    _, count, concept, label, names = REAL[name]
    found = real[name]
    concepts = in_use(found)

    assert len(concepts) == count
    assert concepts[concept] == label
    assert {(label, "label")} | names <= names_of(found, concept)
    assert found.set_aside.num_rows == SET_ASIDE.get(name, 0)


@pytest.mark.parametrize("name", XREFS)
def test_an_entry_reads_cross_references(real: dict[str, Vocabulary], name: str):
    concept = REAL[name][2]

    found = {
        (row["predicate"], row["xref"])
        for row in real[name].xrefs.to_pylist()
        if row["concept_id"] == concept
    }

    assert XREFS[name] <= found


@pytest.mark.parametrize("name", REAL)
def test_real_identifiers_match_the_pattern_and_others_do_not(
    real: dict[str, Vocabulary], name: str
):
    """All of them; and no identifier of another entry, but for the two that share NCBIGene."""
    pattern = re.compile(str(entry(name).id_pattern))
    others = [
        vocabulary.concepts["concept_id"][0].as_py()
        for other, vocabulary in real.items()
        if entry(other).id_prefixes != entry(name).id_prefixes
    ]

    assert all(pattern.fullmatch(each) for each in real[name].concepts["concept_id"].to_pylist())
    assert not any(pattern.fullmatch(other) for other in others)


def test_what_does_not_match_is_set_aside_with_its_reason(real: dict[str, Vocabulary]):
    """Uberon of 2015 has old identifiers of other ontologies below its own prefix."""
    rows = real["UBERON"].set_aside.to_pylist()

    assert "UBERON:FBbt_00004970" in {row["doc_id"] for row in rows}
    assert {row["detail"] for row in rows} == {
        r"the identifier does not match id_pattern 'UBERON:\\d{7}'."
    }


def test_labels_in_chinese_are_left_out_of_clo(real: dict[str, Vocabulary]):
    """CLO marks its labels with a language; some synonyms have none and stay."""
    names = set(real["CLO"].synonyms["name"].to_pylist())

    assert all(label.isascii() for label in in_use(real["CLO"]).values())
    assert "细胞系细胞" not in names
    assert {"cell line cell", "永久细胞系细胞"} <= names


def test_each_organism_has_its_own_genes(real: dict[str, Vocabulary]):
    """The human file has genes of Neanderthals too; regions that are no genes are left out."""
    assert set(real["NCBIGene-human"].concepts["taxon_id"].to_pylist()) == {"NCBITaxon:9606"}
    assert set(real["NCBIGene-mouse"].concepts["taxon_id"].to_pylist()) == {"NCBITaxon:10090"}
    assert "AAVS1" not in real["NCBIGene-human"].concepts["label"].to_pylist()


def test_the_rats_entry_reads_the_same_format(tmp_path: Path):
    """The development data have no file of the rat; this is one line of it, by hand."""
    path = tmp_path / "Rattus_norvegicus.gene_info.gz"
    path.write_bytes(gzip.compress(RAT.encode()))

    found = parse_vocabulary(entry("NCBIGene-rat"), path)

    assert in_use(found) == {"NCBIGene:24842": "Tp53"}
    assert found.concepts["taxon_id"].to_pylist() == ["NCBITaxon:10116"]
    assert names_of(found, "NCBIGene:24842") == {
        ("Tp53", "label"),
        ("tumor protein p53", "exact"),
        ("Trp53", "exact"),
        ("p53", "exact"),
        ("cellular tumor antigen p53", "related"),
    }
    assert set(found.xrefs["xref"].to_pylist()) == {"RGD:3889", "AllianceGenome:RGD:3889"}


def test_the_rats_entry_is_the_mouses_but_for_the_organism(test_data: Path):
    """Real content: of the mouse's file, which it can read, it takes nothing."""
    path = test_data / "ontologies" / "gene" / "Mus_musculus.gene_info.gz"
    rat, mouse = entry("NCBIGene-rat"), entry("NCBIGene-mouse")
    assert rat.columns is not None
    assert mouse.columns is not None

    with pytest.raises(MalformedFileError, match="holds no concept with prefix NCBIGene"):
        parse_vocabulary(rat, path)

    assert rat.columns.model_copy(update={"where": mouse.columns.where}) == mouse.columns
    assert rat.columns.where == {**mouse.columns.where, "#tax_id": ("10116",)}


def test_cellosaurus_reads_its_own_obo(tmp_path: Path):
    """Bare accessions, a name without a blank before it, every synonym RELATED, taxa as xrefs."""
    path = tmp_path / "cellosaurus.obo"
    path.write_text(CELLOSAURUS, "utf-8")

    found = parse_vocabulary(entry("Cellosaurus"), path)

    assert in_use(found) == {"Cellosaurus:CVCL_0031": "MCF-7", "Cellosaurus:CVCL_0058": "HeLa S3"}
    assert set(found.concepts["taxon_id"].to_pylist()) == {"NCBITaxon:9606"}
    assert names_of(found, "Cellosaurus:CVCL_0031") == {
        ("MCF-7", "label"),
        ("MCF 7", "exact"),
        ("Michigan Cancer Foundation 7", "exact"),
    }
    assert {"CLO:0007606", "BTO:0000093", "NCIT:C4194"} <= set(found.xrefs["xref"].to_pylist())
    assert found.version == "56.0"
    assert found.set_aside.num_rows == 0


def test_real_accessions_of_cellosaurus_match_its_pattern(test_data: Path):
    path = test_data / "ontologies" / "cell_line" / "reach_Cellosaurus.tsv.gz"
    with open_source(path) as stream:
        accessions = {line.split(b"\t")[1].decode() for line in stream}
    pattern = re.compile(str(entry("Cellosaurus").id_pattern))

    assert len(accessions) == 64_234
    assert [a for a in accessions if not pattern.fullmatch(f"Cellosaurus:{a}")] == []


def test_real_identifiers_of_mesh_match_its_patterns(test_data: Path):
    """The names of MeSH chemicals in the development data are a table, not NLM's XML."""
    path = test_data / "ontologies" / "chemical" / "mesh_names_derived.tsv.gz"
    with open_source(path) as stream:
        next(stream)
        identifiers = {line.split(b"\t")[0].decode() for line in stream}
    descriptor, record = (
        re.compile(str(entry(name).id_pattern))
        for name in ("MeSH-chemical", "MeSH-chemical-supplementary")
    )

    assert len(identifiers) == 65_689
    for each in identifiers:
        assert bool(descriptor.fullmatch(f"MESH:{each}")) == each.startswith("D")
        assert bool(record.fullmatch(f"MESH:{each}")) == each.startswith("C")


@pytest.mark.parametrize(
    ("name", "file", "concept", "label", "names"),
    [
        (
            "MeSH-disease",
            "mesh_desc.xml",
            "MESH:D003924",
            "Diabetes Mellitus, Type 2",
            {("NIDDM", "abbreviation"), ("Maturity-Onset Diabetes", "narrow")},
        ),
        (
            "MeSH-chemical",
            "mesh_desc.xml",
            "MESH:D001241",
            "Aspirin",
            {("Acetylsalicylic Acid", "exact")},
        ),
        (
            "MeSH-disease-supplementary",
            "mesh_supp.xml",
            "MESH:C567755",
            "Tooth Agenesis, Selective, 6",
            {("STHAG6", "exact")},
        ),
        (
            "MeSH-chemical-supplementary",
            "mesh_supp.xml",
            "MESH:C498826",
            "nilotinib",
            {("Tasigna", "exact")},
        ),
    ],
)
def test_mesh_takes_its_part_of_nlms_xml(
    name: str, file: str, concept: str, label: str, names: set[tuple[str, str]]
):
    """The sample's files are small and in NLM's format; both classes stand in each."""
    found = parse_vocabulary(entry(name), SAMPLE / file)

    concepts = in_use(found)
    assert concepts[concept] == label
    assert {(label, "label")} | names <= names_of(found, concept)
    both = {"MESH:D003924", "MESH:D001241", "MESH:C567755", "MESH:C498826"}
    assert both & set(concepts) == {concept}
    assert found.set_aside.num_rows == 0


def taxa_of(path: Path) -> list[Term]:
    """Taxa of the real OWL file, with the names that it states; axioms about names are left out."""
    with open_source(path) as stream:
        return [
            said
            for said in read_owl(stream, path)
            if isinstance(said, Term) and re.fullmatch(r"NCBITaxon:\d+", said.id)
        ]


def as_dump(taxa: Iterable[Term]) -> bytes:
    """The same taxa as NCBI would dump them."""
    names = ["1\t|\troot\t|\t\t|\tscientific name\t|\n"]
    nodes = ["1\t|\t1\t|\tno rank\t|\t\t|\t8\t|\n"]
    merged = [""]
    kinds = {"exact": "common name", "related": "synonym", "broad": "acronym"}
    for taxon in taxa:
        number = taxon.id.removeprefix("NCBITaxon:")
        if taxon.replaced_by:
            merged.append(f"{number}\t|\t{taxon.replaced_by.partition(':')[2]}\t|\n")
        if not taxon.label:
            continue
        names.append(f"{number}\t|\t{taxon.label}\t|\t\t|\tscientific name\t|\n")
        names += [f"{number}\t|\t{n}\t|\t\t|\t{kinds[s]}\t|\n" for n, s in taxon.synonyms]
        parent = next((o for p, o in taxon.relations if p == IS_A), "NCBITaxon:1")
        nodes.append(f"{number}\t|\t{parent.partition(':')[2]}\t|\tno rank\t|\t\t|\t0\t|\n")
        merged += [f"{old.partition(':')[2]}\t|\t{number}\t|\n" for old in taxon.alternatives]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, lines in (("merged.dmp", merged), ("names.dmp", names), ("nodes.dmp", nodes)):
            info = tarfile.TarInfo(name)
            body = "".join(lines).encode()
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return packed.getvalue()


def test_the_taxonomy_as_a_dump_says_what_its_owl_says(test_data: Path, tmp_path: Path):
    """Real content; the dump leaves out the root and what names no organism."""
    owl = test_data / "ontologies" / "species" / "go_ncbitaxon_import.owl.gz"
    dump = tmp_path / "taxdump.tar.gz"
    dump.write_bytes(as_dump(taxa_of(owl)))
    source = entry("NCBITaxon")

    as_owl = parse_vocabulary(source.model_copy(update={"format": "owl"}), owl)
    as_taxdump = parse_vocabulary(source, dump)

    taxa, real_taxa = in_use(as_taxdump), in_use(as_owl)
    assert taxa["NCBITaxon:10090"] == "Mus musculus"
    assert {("mouse", "exact"), ("house mouse", "exact")} <= names_of(as_taxdump, "NCBITaxon:10090")
    assert taxa.items() <= real_taxa.items()
    assert {real_taxa[left_out] for left_out in set(real_taxa) - set(taxa)} == {
        "root",
        "unclassified Synechocystis",
    }
    kept = set(taxa)
    old = [
        {
            (row["concept_id"], row["replaced_by"])
            for row in v.concepts.to_pylist()
            if row["obsolete"] and row["replaced_by"] in kept
        }
        for v in (as_owl, as_taxdump)
    ]
    assert len(old[0]) > 700
    assert old[0] == old[1]
    parents = [
        {
            (row["subject_id"], row["object_id"])
            for row in v.relations.to_pylist()
            if row["predicate"] == IS_A and {row["subject_id"], row["object_id"]} <= kept
        }
        for v in (as_owl, as_taxdump)
    ]
    assert parents[0] < parents[1]
    # Synechocystis sp. PCC 6803 hangs on its genus, past "unclassified Synechocystis".
    assert parents[1] - parents[0] == {("NCBITaxon:1148", "NCBITaxon:1142")}


def test_identifiers_of_owl_that_are_no_taxa_are_set_aside(parse_text: ParseText):
    """The OBO Foundry's file has ranks as classes of the same prefix."""
    found = parse_text(
        "[Term]\nid: NCBITaxon:9606\nname: Homo sapiens\n\n"
        "[Term]\nid: NCBITaxon:species\nname: species\n",
        id_prefixes=["NCBITaxon"],
        id_pattern=entry("NCBITaxon").id_pattern,
    )

    assert in_use(found) == {"NCBITaxon:9606": "Homo sapiens"}
    assert found.set_aside["doc_id"].to_pylist() == ["NCBITaxon:species"]
