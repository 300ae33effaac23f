"""CURIEs: one spelling for an identifier, wherever it comes from.

Sources write the same concept as a PURL, as an identifiers.org address or with their own prefix.
Tables hold one spelling, so that cross-references join. Prefixes are those of the Biolink model
where it has one, else the preferred ones of the Bioregistry.
"""

from __future__ import annotations

import re

import polars as pl

_OBO = "http://purl.obolibrary.org/obo/"

# Web addresses of identifiers, and the prefix they stand for. The local part follows at once.
_NAMESPACES = {
    "https://depmap.org/portal/cell_line/": "DepMap",
    "https://www.cellosaurus.org/": "Cellosaurus",
    "https://web.expasy.org/cellosaurus/": "Cellosaurus",
    "https://cancer.sanger.ac.uk/cell_lines/sample/overview?id=": "COSMIC",
    "http://www.orpha.net/ORDO/Orphanet_": "Orphanet",
    "http://www.ebi.ac.uk/efo/EFO_": "EFO",
    "http://id.nlm.nih.gov/mesh/": "MESH",
    "http://linkedlifedata.com/resource/umls/id/": "UMLS",
    "http://snomed.info/id/": "SCTID",
    "http://purl.bioontology.org/ontology/ICD10CM/": "ICD10CM",
    "https://omim.org/entry/": "OMIM",
    "https://omim.org/phenotypicSeries/": "OMIMPS",
    "https://www.omim.org/entry/": "OMIM",
    "https://www.ncbi.nlm.nih.gov/gene/": "NCBIGene",
    "https://www.ncbi.nlm.nih.gov/medgen/": "MEDGEN",
    "https://icd.who.int/browse10/2019/en#/": "ICD10WHO",
    "http://id.who.int/icd/entity/": "icd11.foundation",
    "https://www.wikidata.org/entity/": "WIKIDATA",
    "http://www.wikidata.org/entity/": "WIKIDATA",
    "http://www.w3.org/2004/02/skos/core#": "skos",
    "http://www.w3.org/2002/07/owl#": "owl",
    "http://www.w3.org/2000/01/rdf-schema#": "rdfs",
    "http://www.geneontology.org/formats/oboInOwl#": "oboInOwl",
}
_NAMESPACE = re.compile("|".join(re.escape(name) for name in sorted(_NAMESPACES, reverse=True)))
_IDENTIFIERS_ORG = re.compile(r"https?://(?:www\.)?identifiers\.org/([\w.]+)[/:](.+)")

# Spellings in use (in lower case), and the one that tables hold.
_PREFIXES = {
    "cas": "CAS",
    "cellosaurus": "Cellosaurus",
    "chebi": "CHEBI",
    "chembl.compound": "CHEMBL.COMPOUND",
    "depmap": "DepMap",
    "doid": "DOID",
    "drugbank": "DRUGBANK",
    "ensembl": "ENSEMBL",
    "hgnc": "HGNC",
    "inchikey": "INCHIKEY",
    "medgen": "MEDGEN",
    "mesh": "MESH",
    "mim": "OMIM",
    "msh": "MESH",
    "ncbi_taxid": "NCBITaxon",
    "ncbigene": "NCBIGene",
    "ncbitaxon": "NCBITaxon",
    "nci": "NCIT",
    "ncit": "NCIT",
    "omim": "OMIM",
    "omimps": "OMIMPS",
    "ordo": "Orphanet",
    "orphanet": "Orphanet",
    "sctid": "SCTID",
    "snomedct": "SCTID",
    "snomedct_us": "SCTID",
    "taxonomy": "NCBITaxon",
    "umls": "UMLS",
    "umls_cui": "UMLS",
    "uniprot": "UniProtKB",
    "uniprotkb": "UniProtKB",
}
# Cellosaurus' own OBO file names its terms without a prefix.
_BARE_CELLOSAURUS = re.compile(r"CVCL_[A-Z0-9]{4}")
# SNOMED CT editions: SNOMEDCT_US_2025_05_01:406597005 is SCTID:406597005.
_DATED_EDITION = r"^(?i:SNOMEDCT(?:_US)?)(?:_\d+)+:"
# What `one_spelling` leaves as it is, by the look of it: a prefix of the tables and a plain local
# part, or a prefix that no source spells otherwise, with no more than one sign that may end one.
_OF_TABLES = {each for each in _PREFIXES.values() if _PREFIXES.get(each.lower(), each) == each}
_SETTLED = rf"^(?:{'|'.join(map(re.escape, sorted(_OF_TABLES)))}):[^:_]*$"
_KNOWN = f"^(?i:{'|'.join(map(re.escape, _PREFIXES))}):"
_TWO_SIGNS = "(?s)[:_].*[:_]"


def curie(iri: str) -> str:
    """Shorten a web address to a CURIE; what is unknown, or is no address, stays as it is.

    Accessions of Cellosaurus, which its OBO file writes bare, get their prefix.

    >>> curie("http://purl.obolibrary.org/obo/MONDO_0005148")
    'MONDO:0005148'
    >>> curie("https://depmap.org/portal/cell_line/ACH-000004")
    'DepMap:ACH-000004'
    >>> (
    ...     curie("http://identifiers.org/hgnc/HGNC:1100"),
    ...     curie("https://identifiers.org/mesh:D003924"),
    ... )
    ('HGNC:1100', 'mesh:D003924')

    A relation that an ontology keeps to itself goes by its name, as in OBO files:

    >>> curie("http://purl.obolibrary.org/obo/doid#has_symptom")
    'has_symptom'
    >>> curie("DOID:9352"), curie("https://example.org/x"), curie("CVCL_0030")
    ('DOID:9352', 'https://example.org/x', 'Cellosaurus:CVCL_0030')
    """
    if "://" not in iri:
        bare = iri.startswith("CVCL_") and _BARE_CELLOSAURUS.fullmatch(iri)
        return f"Cellosaurus:{iri}" if bare else iri
    if iri.startswith(_OBO):
        local = iri[len(_OBO) :]
        if "#" in local:
            return local.rpartition("#")[2] or iri
        prefix, underscore, number = local.rpartition("_")
        return f"{prefix}:{number}" if underscore and prefix and number else iri
    if known := _NAMESPACE.match(iri):
        return f"{_NAMESPACES[known[0]]}:{iri[known.end() :]}"
    if found := _IDENTIFIERS_ORG.fullmatch(iri):
        prefix, local = found.groups()
        banana = local.partition(":")
        return local if banana[1] and banana[0].casefold() == prefix else f"{prefix}:{local}"
    return iri


def is_curie(column: pl.Expr) -> pl.Expr:
    """Whether each string is a prefix, a colon and a local part, and no web address."""
    return column.str.contains(r"^[A-Za-z][\w.-]*:[^\s/]\S*$")


def one_spelling(column: pl.Expr) -> pl.Expr:
    """Write each prefix as tables hold it; a prefix that stands twice, once.

    >>> frame = pl.DataFrame({"xref": ["MSH:D003924", "HGNC:HGNC:5", "UMLS_CUI:C1", "GO:0000002"]})
    >>> frame.select(one_spelling(pl.col("xref")))["xref"].to_list()
    ['MESH:D003924', 'HGNC:5', 'UMLS:C1', 'GO:0000002']

    Cellosaurus refers to terms by the end of their web address:

    >>> frame = pl.DataFrame({"xref": ["CLO:CLO_0003684", "ORDO:Orphanet_791", "BTO:BTO:0000567"]})
    >>> frame.select(one_spelling(pl.col("xref")))["xref"].to_list()
    ['CLO:0003684', 'Orphanet:791', 'BTO:0000567']
    """
    return column.map_batches(_in_one_spelling, return_dtype=pl.String)


def _in_one_spelling(ids: pl.Series) -> pl.Series:
    """Nearly all identifiers are spelled so already, which is cheaper to ask than to do."""
    odd = ids.str.contains(_KNOWN) | ids.str.contains(_TWO_SIGNS)
    rows = (odd & ~ids.str.contains(_SETTLED)).arg_true()
    if rows.is_empty():
        return ids
    spelled = ids.gather(rows).to_frame("id").select(_respelled(pl.col("id"))).to_series()
    return ids.clone().scatter(rows, spelled)


def _respelled(column: pl.Expr) -> pl.Expr:
    edition = column.str.replace(_DATED_EDITION, "SCTID:")
    halves = edition.str.splitn(":", 2)
    prefix, local = halves.struct.field("field_0"), halves.struct.field("field_1")
    known = prefix.str.to_lowercase().replace_strict(_PREFIXES, default=prefix)
    for twice in (prefix + pl.lit(":"), known + pl.lit("_")):
        local = (
            pl.when(local.str.starts_with(twice))
            .then(local.str.strip_prefix(twice))
            .otherwise(local)
        )
    return (
        pl.when(local.is_null()).then(edition).otherwise(pl.concat_str(known, pl.lit(":"), local))
    )
