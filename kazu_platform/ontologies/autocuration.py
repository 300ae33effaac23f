"""Automatic curation: which names are matched in texts, and how strictly.

A name that is held back says which rule did it (`held_back_by`); mentions that somebody else finds
still link to it. The first rule that fits counts, in this order:

| Rule | Holds back | Classes |
|---|---|---|
| obsolete | names of withdrawn concepts | all |
| too_short | one character; two lower-case letters ("in", "to") | all |
| | two letters ("CI", "At") | gene, cell_line, cell_type, anatomy |
| | up to three letters and a number ("AP-1") | cell_type |
| | a letter and a digit ("G1"), four small letters ("had", "beta") | gene |
| too_long | more than 120 characters or 16 words: no text writes them | all |
| number | names without a letter | all |
| | one letter among digits ("2A"); Roman numerals ("II") | cell_line; gene |
| function_word | "was", "all", "can" in any class: Zipf 5.7 or more | all |
| common_word | an English word, from a frequency of its class on, unless `everyday` has it | most |
| general_term | "animals": no species; "inhibitor": no chemical; "DNA": no gene | these |
| author | "Zea mays L.": texts are matched without it (`generation`) | species |
| gene_symbol | "G6PD", "RB1" as names of a disease: letters, then digits | disease |

What a text is compared with has no hyphens at its ends, and brackets are borders of words, so rules
on words, lengths and symbols judge a name without them: "had-" is "had", and "(P" is "P".

And two rules make a name stricter instead:

- *case_sensitive*: symbols (`case_rules`), genes of four letters, and a genus, whose name in lower
  case is another word ("Glycine", "Bacillus");
- *in_context*: a symbol so short that most of its matches are something else counts only in a
  document that once writes it with its head word ("S2 cells").

Thresholds and shapes were chosen on training corpora; `docs/experiments.md` has the figures.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

import polars as pl

from kazu_platform.ontologies.case_rules import CASE_RULES_VERSION, case_sensitive
from kazu_platform.ontologies.generation import NO_AUTHOR, WITH_AUTHOR
from kazu_platform.text.english import ENGLISH_VERSION, zipf
from kazu_platform.text.everyday import GENERAL, GENERAL_TAXA, KEPT, ORGANISMS

if TYPE_CHECKING:
    from collections.abc import Mapping

AUTOCURATION_VERSION: Final = f"7-{CASE_RULES_VERSION}-{ENGLISH_VERSION}"
"""Changes with any rule: synonyms curated by another version are made again."""

MIN_CHARACTERS: Final = 2
MAX_CHARACTERS: Final = 120
MAX_WORDS: Final = 16
FUNCTION_WORD: Final = 5.7
COMMON_WORD: Final[Mapping[str, float]] = {
    "gene": 4.0,
    "disease": 3.0,
    "phenotype": 3.5,
    "chemical": 3.5,
    "species": 2.5,
    "cell_line": 2.5,
    "cell_type": 4.5,
    "process": 4.5,
}
"""Zipf frequency from which a single word is held back; anatomy has words for everything."""

RULES: Final = (
    "obsolete",
    "too_short",
    "too_long",
    "number",
    "function_word",
    "common_word",
    "general_term",
    "author",
    "gene_symbol",
)
"""What `held_back_by` may say, apart from a curation's id."""

_HIGHER_TAXON = (
    r"^\p{Lu}\p{Ll}+(?:aceae|ales|idae|inae|oidea|iformes|mycetes|mycota|mycotina|phyta|phyceae|"
    r"viridae|virinae|virales|bacteria|optera|opsida|ineae|zoa|poda|ophora|archaeota|oideae)$"
)
# Plants, apicomplexans, ciliates and such, by the English plural of a division. A capital and a
# second word are a species: "Trichophyton mentagrophytes".
_DIVISION = r"^(?:\p{Ll}+ )*\p{L}*(?:phytes?|complexans?|alveolates?)$"
_ONE_WORD = r"^\p{L}\p{Ll}*$"
_EPITHET = r"^\p{Lu} (\p{Ll}+)$"
_EDGES = r"^[\s\p{Pd}'\"`()\[\]{}.,;:/]+|[\s\p{Pd}'\"`()\[\]{}.,;:/]+$"
_TOO_SHORT = {
    "gene": r"^(?:\p{L}{2}|\p{L}[\s\p{Pd}]?\d|\p{Ll}{3,4})$",
    "cell_line": r"^\p{L}{2}$",
    "cell_type": r"^(?:\p{L}{2}|\p{L}{1,3}\p{Pd}?\d{1,2})$",
    "anatomy": r"^\p{L}{2}$",
}
# What may be too short has at most so many characters.
_LONGEST_SHORT = 6
_SHORT_GENE = r"^\p{L}{4}$"
_SHORT_SYMBOL = (
    r"^(?:\p{Lu}{3,4}"  # CHO, BJAB
    r"|\p{Lu}[-\s]?\d{1,2}|\p{Lu}{2}[-\s]?\d|\p{Lu}{3}\d|\d\p{Lu}\d"  # S2, E14, PC3, MCF7, 3T3
    r"|\p{Lu}\p{Ll}{1,2}\d?)$"  # Bax, Ect1
)


def curate(names: pl.DataFrame, entity_class: str) -> pl.DataFrame:
    """Add `case_sensitive`, `in_context`, `held_back_by` and `active` to names of one class.

    Args:
        names: `name` and `obsolete`, and columns to keep.
        entity_class: whose rules.

    >>> names = pl.DataFrame({"name": ["WAS", "was", "mouse", "all"], "obsolete": [False] * 4})
    >>> curate(names, "species")["held_back_by"].to_list()
    [None, 'function_word', None, 'function_word']
    """
    core = pl.col("core")
    sensitive = case_sensitive(core) | _scientific(core, entity_class)
    if entity_class == "gene":  # "Pigs" and "Flap" are genes, "pigs" are none
        sensitive |= core.str.contains(_SHORT_GENE)
    cores = names.select("name", core=pl.col("name").str.replace_all(_EDGES, ""))
    cores = cores.with_columns(case_sensitive=sensitive)
    return names.with_columns(
        cores["case_sensitive"],
        held_back_by=pl.when("obsolete")
        .then(pl.lit("obsolete"))
        .otherwise(_held_back(cores, entity_class)),
        in_context=cores.select(_in_context(core, entity_class)).to_series(),
    ).with_columns(active=pl.col("held_back_by").is_null())


def _held_back(names: pl.DataFrame, entity_class: str) -> pl.Series:
    """The first rule that holds each name back, null if none does.

    Args:
        names: `name`, `core` and `case_sensitive`.
        entity_class: whose rules.
    """
    name, core = pl.col("name"), pl.col("core")
    small = core.str.len_chars() <= _LONGEST_SHORT
    cases = {
        "too_short": _among(names, small, _too_short(core, entity_class)),
        "too_long": (name.str.len_chars() > MAX_CHARACTERS)
        | (name.str.count_matches(" ", literal=True) >= MAX_WORDS),
        "number": _number(core, entity_class),
        **_too_common(names, entity_class),
    }
    if entity_class == "species":
        cases["general_term"] = _general_term(name)
        cases["author"] = name.str.contains(WITH_AUTHOR) & ~name.str.contains(NO_AUTHOR)
    if entity_class in GENERAL:
        cases["general_term"] = core.str.to_lowercase().is_in(list(GENERAL[entity_class]))
    if entity_class == "disease":
        cases["gene_symbol"] = core.str.contains(r"^\p{Lu}[\p{Lu}\d]{1,5}\d\p{Lu}{0,2}$")
    held_back = pl.coalesce([pl.when(case).then(pl.lit(rule)) for rule, case in cases.items()])
    return names.select(held_back).to_series()


def _among(names: pl.DataFrame, some: pl.Expr, rule: pl.Expr) -> pl.Series:
    """Whether a rule that can only fit some names fits each; it is asked of no others."""
    rows = names.select(some.arg_true()).to_series()
    return _spread(rows, names[rows].select(rule).to_series(), len(names))


def _spread(rows: pl.Series, fits: pl.Series, n_names: int) -> pl.Series:
    """Put what was asked of some rows where they were; false for all others."""
    return pl.repeat(value=False, n=n_names, eager=True).scatter(rows, fits)


def _too_common(names: pl.DataFrame, entity_class: str) -> dict[str, pl.Series]:
    """Names that are words of English: function words, and the common ones of the class."""
    core, sensitive, frequency = pl.col("core"), pl.col("case_sensitive"), pl.col("zipf")
    rows = names.select(_is_word(core, sensitive, entity_class).arg_true()).to_series()
    words = names[rows]
    word = words["core"]
    # "A group" could be a species of Acer; its second word decides.
    word = word.str.replace(_EPITHET, "$1") if entity_class == "species" else word
    words = words.with_columns(zipf(word).alias("zipf"))
    judged = words.select(
        function_word=(frequency >= FUNCTION_WORD) & ~_everyday(core, entity_class),
        common_word=_common_word(core, frequency, entity_class),
    )
    return {rule: _spread(rows, judged[rule], len(names)) for rule in judged.columns}


def _too_short(name: pl.Expr, entity_class: str) -> pl.Expr:
    short = (name.str.len_chars() < MIN_CHARACTERS) | name.str.contains(r"^\p{Ll}{2}$")
    if entity_class in _TOO_SHORT:
        short |= name.str.contains(_TOO_SHORT[entity_class]) & ~_everyday(name, entity_class)
    return short


def _number(name: pl.Expr, entity_class: str) -> pl.Expr:
    number = ~name.str.contains(r"\p{L}")
    if entity_class == "cell_line":
        return number | name.str.contains(r"^\d\p{L}$")
    return number | name.str.contains(r"^[IVX]+$") if entity_class == "gene" else number


def _is_word(name: pl.Expr, sensitive: pl.Expr, entity_class: str) -> pl.Expr:
    """Whether a name would match as an ordinary word: in lower case, or at a sentence's start."""
    word = name.str.contains(_ONE_WORD) | (name.str.contains(r"^\p{L}+$") & ~sensitive)
    return word | name.str.contains(_EPITHET) if entity_class == "species" else word


def _common_word(name: pl.Expr, frequency: pl.Expr, entity_class: str) -> pl.Expr:
    common = frequency >= COMMON_WORD.get(entity_class, inf)
    if entity_class == "chemical":  # Na, Ca, Li: in their case they are what they are
        common &= ~name.str.contains(r"^\p{Lu}\p{Ll}$")
    return common & ~_everyday(name, entity_class)


def _everyday(name: pl.Expr, entity_class: str) -> pl.Expr:
    return name.str.to_lowercase().is_in(list(KEPT.get(entity_class, ())))


def _general_term(name: pl.Expr) -> pl.Expr:
    """A taxon above the species, or a phrase that ends with the word for one."""
    last_word = name.str.to_lowercase().str.extract(r"(\S+)$")
    return (
        name.str.contains(_HIGHER_TAXON)
        | name.str.contains(_DIVISION)
        | last_word.is_in([word for word in GENERAL_TAXA if not word.endswith(("us", "phage"))])
        | name.str.to_lowercase().is_in(list(GENERAL_TAXA))
        | name.str.contains("^(?i:transgenic) ")
        | _genus(name, "species")
    )


def _scientific(name: pl.Expr, entity_class: str) -> pl.Expr:
    """A scientific name that is other words in lower case: "Glycine", "A minor"."""
    if entity_class != "species":
        return pl.lit(value=False)
    return _genus(name, entity_class) | name.str.contains(_EPITHET)


def _genus(name: pl.Expr, entity_class: str) -> pl.Expr:
    """A scientific name of one word: in lower case it is another word."""
    if entity_class != "species":
        return pl.lit(value=False)
    everyday = name.str.to_lowercase().is_in(list(ORGANISMS))
    return name.str.contains(r"^\p{Lu}\p{Ll}+$") & ~everyday


def _in_context(name: pl.Expr, entity_class: str) -> pl.Expr:
    """Symbols that count only where a document once gives their head word."""
    if entity_class == "cell_line":
        return name.str.contains(_SHORT_SYMBOL)
    return pl.repeat(value=False, n=pl.len())
