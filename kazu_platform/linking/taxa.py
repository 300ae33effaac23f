"""The species that a document is about: whose genes it means.

A symbol such as TNF names a gene of many species. People's is meant unless the text says otherwise:
the species is the one of whose words there are most in title and abstract, and people's where none
has more. Words are names of the species and what is said of their individuals (patients, women;
mice, knockout, C57BL/6). Where a mention stands in the text is not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    import pyarrow as pa

TAXA_VERSION: Final = "1"
HUMAN: Final = "NCBITaxon:9606"
_DOCUMENT: Final = ["doc_id", "content_hash"]
_WORDS: Final = {
    HUMAN: r"humans?|homo sapiens|patients?|wom[ae]n|m[ae]n|child(?:ren)?|infants?|people|persons?|"
    r"subjects|volunteers|participants|boys?|girls?|famil(?:y|ies)|cohorts?|clinical",
    "NCBITaxon:10090": r"mouse|mice|murine|mus musculus|knock-?out|transgenic|null|C57BL/6\w*|"
    r"BALB/c\w*|-/-",
    "NCBITaxon:10116": r"rats?|rattus norvegicus|sprague-dawley|wistar",
    "NCBITaxon:7955": r"zebrafish|danio rerio",
    "NCBITaxon:7227": r"drosophila|fruit fl(?:y|ies)|flies",
    "NCBITaxon:6239": r"caenorhabditis elegans|c\. elegans|nematodes?",
    "NCBITaxon:559292": r"saccharomyces(?: cerevisiae)?|s\. cerevisiae|yeast",
    "NCBITaxon:9823": r"pigs?|porcine|sus scrofa|swine",
    "NCBITaxon:9913": r"cows?|bovine|cattle|bos taurus",
    "NCBITaxon:9031": r"chick(?:en)?s?|gallus gallus|avian",
}
"""First come first served, where two have as many words."""


def taxa_of(passages: pa.Table) -> pl.DataFrame:
    """Documents that are about another species than people.

    Args:
        passages: PASSAGES of whole documents.

    Returns:
        `doc_id`, `content_hash` and `taxon`, a CURIE; no row for a document about people.
    """
    texts = pl.DataFrame(passages.select([*_DOCUMENT, "text"]))
    counted = texts.select(
        *_DOCUMENT,
        *(
            pl.col("text").str.count_matches(rf"(?i)(?:\b|^)(?:{words})(?:\b|$|\s)").alias(taxon)
            for taxon, words in _WORDS.items()
        ),
    )
    others = [taxon for taxon in _WORDS if taxon != HUMAN]
    counts = counted.group_by(_DOCUMENT, maintain_order=True).agg(pl.all().sum())
    most = pl.max_horizontal(others)
    which = pl.coalesce(
        *(pl.when(pl.col(taxon) == most).then(pl.lit(taxon)) for taxon in others), pl.lit("")
    )
    return counts.filter(most > pl.col(HUMAN)).select(*_DOCUMENT, taxon=which)
