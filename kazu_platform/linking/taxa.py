"""The species that a document is about: whose genes it means.

A symbol such as TNF names a gene of many species. People's is meant unless the text says otherwise:
the species is the one for which most speaks in title and abstract, and people's where for none more
does. What speaks are names of the species, what is said of their individuals (patients, women;
mice, knockout, C57BL/6) and, CELLS_COUNT times as much, the cell lines and constructs in use: who
works with RAW 264.7 or loxP means mouse genes. Tumour cells, and what grows in nude mice, are
people's, unless the text says whose they are. Where a mention stands in the text is not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    import pyarrow as pa

TAXA_VERSION: Final = "2"
HUMAN: Final = "NCBITaxon:9606"
MOUSE: Final = "NCBITaxon:10090"
RAT: Final = "NCBITaxon:10116"
CELLS_COUNT: Final = 3
_DOCUMENT: Final = ["doc_id", "content_hash"]
_TUMOUR_CELLS: Final = (
    r"(?:cancer|carcinoma|tumou?r|melanoma|leuka?emia|lymphoma|glioma) cell(?:s| lines?)"
)
_HOST_MICE: Final = (
    r"(?:nude|athymic|immuno(?:deficient|compromised)|(?:NOD/)?SCID|NSG) (?:mice|mouse)"
)
"""In these grow cells of people."""
_WORDS: Final = {
    HUMAN: r"humans?|homo sapiens|patients?|wom[ae]n|m[ae]n|child(?:ren)?|infants?|people|persons?|"
    r"subjects|volunteers|participants|boys?|girls?|famil(?:y|ies)|cohorts?|clinical|"
    rf"xeno(?:graft|transplant)\w*|{_HOST_MICE}|{_TUMOUR_CELLS}",
    MOUSE: r"mouse|mice|murine|mus musculus|knock-?out|transgenic|null|C57BL/6\w*|"
    r"BALB/c\w*|-/-",
    RAT: r"rats?|rattus norvegicus|sprague-dawley|wistar",
    "NCBITaxon:7955": r"zebrafish|danio rerio",
    "NCBITaxon:7227": r"drosophila|fruit fl(?:y|ies)|flies",
    "NCBITaxon:6239": r"caenorhabditis elegans|c\. elegans|nematodes?",
    "NCBITaxon:559292": r"saccharomyces(?: cerevisiae)?|s\. cerevisiae|yeast",
    "NCBITaxon:9823": r"pigs?|porcine|sus scrofa|swine",
    "NCBITaxon:9913": r"cows?|bovine|cattle|bos taurus",
    "NCBITaxon:9031": r"chick(?:en)?s?|gallus gallus|avian",
}
"""In any case. First come first served, where two have as many words."""
_EXCEPT: Final = {
    HUMAN: rf"(?:mouse|murine|rats?|canine|feline|avian|bovine) (?:\S+ ){{0,2}}{_TUMOUR_CELLS}",
    MOUSE: _HOST_MICE,
}
"""What one of these words is part of, and speaks for another species."""
_CELLS: Final = {
    HUMAN: r"HEK[- ]?293\w*|HeLa|Hep[- ]?(?:G2|3B)|Hu-?[Hh]-?7|MCF-?(?:7|10A)|MDA-MB-\d+|T-?47D|"
    r"A549|H1299|HCT-?116|HT-?29|Ca[Cc]o-?2|LoVo|RKO|SW-?(?:480|620)|LNCaP|PC-3|PC3 cells|DU-?145|"
    r"U-?2-?OS|Sa[Oo][Ss]-?2|U-?87\w*|U-?937|THP-?1|Jurkat|K-?562|HL-?60|SH-?SY5Y|HaCaT|A431|A375|"
    r"A2780|SK-?OV-?3|HT-?1080|LX-2|PANC-?1|BEAS-?2B|HUVECs?",
    MOUSE: r"RAW ?264\.?7|J774\w*|BV-?2|L929|NIH[-/ ]?3T3|3T3-?L1|10T1/2|C2C12|MC3T3\S*|ATDC5|"
    r"ST-?2 cells|B16(?:[-.]?F\d+| melanoma| cells| tumou?rs?)|Lewis lung carcinoma|4T1|CT-?26|"
    r"EL-?4|L1210|Ba/?F3|P19 (?:cells|EC|embryonal)|HT-?22|Neuro[- ]?2[Aa]|N2a|MIN6|NMuMG|BMDMs?|"
    r"MEFs|MEF cells|mESCs?|-Cre|Cre recombinase|Cre/lox\w*|CreER\w*|lox[Pp]|[Ff]loxed|flox/flox|"
    r"fl/fl|f/f",
    RAT: r"PC-?12|H9[cC]2|INS-1E?|C6 (?:glioma|cells)|RBL-?2H3",
}
"""Cell lines, and what stocks of animals are made with, as they are written."""


def taxa_of(passages: pa.Table) -> pl.DataFrame:
    """Documents that are about another species than people.

    Args:
        passages: PASSAGES of whole documents.

    Returns:
        `doc_id`, `content_hash` and `taxon`, a CURIE; no row for a document about people.
    """
    texts = pl.DataFrame(passages.select([*_DOCUMENT, "text"]))
    counted = texts.select(*_DOCUMENT, *(_speaks_for(taxon).alias(taxon) for taxon in _WORDS))
    others = [taxon for taxon in _WORDS if taxon != HUMAN]
    counts = counted.group_by(_DOCUMENT, maintain_order=True).agg(pl.all().sum())
    most = pl.max_horizontal(others)
    which = pl.coalesce(
        *(pl.when(pl.col(taxon) == most).then(pl.lit(taxon)) for taxon in others), pl.lit("")
    )
    return counts.filter(most > pl.col(HUMAN)).select(*_DOCUMENT, taxon=which)


def _speaks_for(taxon: str) -> pl.Expr:
    """How much of a text speaks for a species."""
    words = _count(_WORDS[taxon], "(?i)")
    if taxon in _EXCEPT:
        words -= _count(_EXCEPT[taxon], "(?i)")
    return words + CELLS_COUNT * _count(_CELLS[taxon], "") if taxon in _CELLS else words


def _count(words: str, flags: str) -> pl.Expr:
    pattern = rf"{flags}(?:\b|^)(?:{words})(?:\b|$|\s)"
    return pl.col("text").str.count_matches(pattern).cast(pl.Int64)
