"""Generated synonyms: names that a vocabulary means but does not write.

A rule is a function from a column of names to the variant that it makes of each, null where it
makes none. Rules read the names of the source alone, never each other's, so that what a rule adds
can be counted (`docs/experiments.md`). A variant keeps its origin's scope (that of
a label is an exact synonym) and says its rule.

What the scan form already holds for equal needs no rule: hyphens and blanks, "COX2" and "COX-2",
Greek letters and their names (`ner/scan`).

| Rule | Makes of | the name | Classes |
|---|---|---|---|
| plural | hepatocyte | hepatocytes | all but gene, cell_line |
| singular | seizures | seizure | disease, phenotype, anatomy, process, cell_type |
| british | leukemia | leukaemia | all but species, cell_line |
| american | tumour | tumor | the same |
| inverted | Anemia, Hemolytic | Hemolytic Anemia | disease, phenotype, anatomy, chemical |
| without_bracket | cataract (disease) | cataract | all but chemical |
| without_stop_words | the plague; asthma, NOS | plague; asthma | disease, phenotype, anatomy |
| arabic, roman | type II; factor 8 | type 2; factor VIII | all but species, cell_line |
| without_suffix | HeLa cell; insulin precursor | HeLa; insulin | cell_line, gene |
| joined | SK-BR-3; IGF-BP3 | SKBR3; IGFBP3 | cell_line, gene |
| without_slash | NIH/3T3 | NIH 3T3 | cell_line |
| glued_greek | TNF-α | TNFalpha | gene, chemical |
| spelled_greek | TNFalpha | TNF alpha | gene, chemical |
| gene_pattern | interleukin-2 receptor | IL-2 receptor | gene |
| salt | valproic acid | valproate | chemical |
| eponym | Lesch-Nyhan syndrome | Lesch-Nyhan | disease |
| short_genus, shorter ... | Mycobacterium avium | M. avium, Myc. avium, M avium | species |
| binomial | Zea mays L. | Zea mays | species |
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from kazu_platform.ontologies.terms import EXACT, LABEL
from kazu_platform.text.everyday import PEOPLE
from kazu_platform.text.spellings import BRITISH, GREEK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Rule = Callable[[pl.Expr], pl.Expr]

GENERATION_VERSION: Final = "3"
"""Changes with any rule: synonyms made by another version are made again."""
MAX_ORIGIN: Final = 80
"""Longer names are systematic ones, or sentences; no text varies them."""

MIN_BARE: Final = 3
"""What is left of a name must be a name."""
MIN_JOINED: Final = 5
"""Shorter symbols without their separators are too often other ones."""

_LAST_WORD = r"(?:^|[\s-])\p{L}\p{Ll}{3,}$"
_GREEK_NAME = "alpha|beta|gamma|delta|epsilon|zeta|theta|kappa|lambda|omega"
_NUMERALS = ("II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "XI", "XII")
_VALUES = ("2", "3", "4", "5", "6", "7", "8", "9", "11", "12")
_COUNTED = r"((?i:type|factor|class|group|grade|stage|complex|collagen|syndrome|disease|ataxia))"


_PERSON = r"\p{Lu}\p{Ll}{2,}"
_BINOMIAL = r"^\p{Lu}\p{Ll}{3,} \p{Ll}{3,}(?: \p{Ll}{3,})?$"
# A bracket, a stop behind a capital, a comma before the year or two authors: what has none of these
# may be a strain ("Escherichia coli Nissle 1917") or a group ("Brassica oleracea Capitata Group").
_AUTHOR = (
    r"(?:\(\p{Lu}|(?:\p{Lu}[\p{L}, ]* )?\p{Lu}+\p{Ll}*\.|\p{Lu}[\p{L}, ]*(?:, \d{4}| & | et | ex ))"
)
WITH_AUTHOR = rf"^(\p{{Lu}}\p{{Ll}}{{2,}} \p{{Ll}}{{3,}}) {_AUTHOR}[\p{{L}}. &,()]*(?:\d{{4}}\)?)?$"
# Strains of viruses and serovars of Salmonella have a capital as well.
NO_AUTHOR: Final = r"virus |phage |^Salmonella "
_FAMILIES: Final = {"interleukin": "IL", "interferon": "IFN", "caspase": "CASP", "connexin": "Cx"}
_TO_BRITISH: Final = {
    # What is British already stays so: "oedema" holds "edema".
    "oedema": "oedema", "oesophag": "oesophag", "oestrogen": "oestrogen", "foetal": "foetal",
    "leukemi": "leukaemi", "Leukemi": "Leukaemi", "anemi": "anaemi", "Anemi": "Anaemi",
    "hemo": "haemo", "Hemo": "Haemo", "hema": "haema", "Hema": "Haema", "ischemi": "ischaemi",
    "Ischemi": "Ischaemi", "glycemi": "glycaemi", "uremi": "uraemi", "tumor": "tumour",
    "Tumor": "Tumour", "edema": "oedema", "Edema": "Oedema", "esophag": "oesophag",
    "Esophag": "Oesophag", "estrogen": "oestrogen", "Estrogen": "Oestrogen", "fetal": "foetal",
    "Fetal": "Foetal", "diarrhea": "diarrhoea", "Diarrhea": "Diarrhoea", "pediatric": "paediatric",
    "sulf": "sulph", "Sulf": "Sulph", "fiber": "fibre", "color": "colour", "celiac": "coeliac",
    "Celiac": "Coeliac", "lipidemi": "lipidaemi", "apnea": "apnoea", "Apnea": "Apnoea",
    "dyspnea": "dyspnoea", "aluminum": "aluminium", "polycythemi": "polycythaemi",
}  # fmt: skip
_TO_AMERICAN: Final[Mapping[str, str]] = {
    **BRITISH,
    **{
        piece.lstrip(" ").capitalize(): form.lstrip(" ").capitalize()
        for piece, form in BRITISH.items()
        if piece.startswith(" ")
    },
    "Tumour": "Tumor",
    "Haem": "Hem",
    "Anaem": "Anem",
}
# Asked once for both spellings; what a rule has no piece of stays as it is, and is no variant.
_EITHER_SPELLING = "|".join([*_TO_BRITISH, *(piece.strip(" ") for piece in _TO_AMERICAN)])
_SINGULAR_PEOPLE: Final = [form for word in PEOPLE for form in (word, word.capitalize())]
"""As a name that matches `_LAST_WORD` may write them."""


@dataclass(frozen=True, slots=True)
class _Where:
    """Names that a rule is for: those with one of these ends (any, if there is none) that match."""

    pattern: str
    ends: tuple[str, ...] = ()

    def among(self, names: pl.DataFrame) -> pl.DataFrame:
        """Rows whose `name` the rule is for; ends are asked first, for a tenth of the time."""
        name = pl.col("name")
        if self.ends:
            names = names.filter(pl.any_horizontal(name.str.ends_with(end) for end in self.ends))
        return names.filter(name.str.contains(self.pattern))


_WHERE: dict[str, _Where] = {}


def where(pattern: str, *ends: str) -> Callable[[Rule], Rule]:
    """Say which names a rule is for: a pattern is cheap to ask, and most rules concern few."""

    def named(rule: Rule) -> Rule:
        _WHERE[rule.__name__] = _Where(pattern, ends)
        return rule

    return named


def _ends(name: pl.Expr, *ends: str) -> pl.Expr:
    return pl.any_horizontal(name.str.ends_with(end) for end in ends)


@where(_LAST_WORD)
def plural(name: pl.Expr) -> pl.Expr:
    """The plural of a name that ends with a word in the singular.

    Whether "patients" name a species is for a curation to say, not for a rule.

    >>> shown(plural, "hepatocyte", "T-cell lymphoma", "diagnosis", "artery", "CD4", "patient")
    ['hepatocytes', 'T-cell lymphomas', 'diagnoses', 'arteries', None, None]
    """
    return (
        pl.when(_ends(name, "y") & ~_ends(name, "ay", "ey", "iy", "oy", "uy"))
        .then(name.str.strip_suffix("y") + "ies")
        .when(_ends(name, "ss", "x", "ch", "sh", "z"))
        .then(name + "es")
        .when(_ends(name, "sis", "xis"))
        .then(name.str.strip_suffix("is") + "es")
        .when(~_ends(name, "s", "ia", "ae", "men", "mice", "ing"))
        .then(pl.when(~name.is_in(_SINGULAR_PEOPLE)).then(name + "s"))
    )


@where(_LAST_WORD, "s")
def singular(name: pl.Expr) -> pl.Expr:
    """The singular of a name that ends with a word in the plural.

    >>> shown(singular, "seizures", "Contact lenses", "rabies", "allergies", "sepsis", "diabetes")
    ['seizure', None, None, 'allergy', None, None]
    """
    return (
        pl.when(name.str.contains("[^aeiou]ies$") & ~name.str.contains("(?:rab|ser|spec|car)ies$"))
        .then(name.str.replace("ies$", "y"))
        .when(name.str.contains("(?:ss|x|ch|sh)es$"))
        .then(name.str.replace("es$", ""))
        .when(
            name.str.contains("[a-hj-rt-z]s$")
            & ~name.str.contains("(?:us|is|ss|etes|[aoe]es|nses|ies)$")
        )
        .then(name.str.replace("s$", ""))
    )


@where(_EITHER_SPELLING)
def british(name: pl.Expr) -> pl.Expr:
    """British spelling of an American name.

    >>> shown(british, "acute leukemia", "Tumor of esophagus", "hemophilia A", "oedema")
    ['acute leukaemia', 'Tumour of oesophagus', 'haemophilia A', None]
    """
    return name.str.replace_many(list(_TO_BRITISH), list(_TO_BRITISH.values()), leftmost=True)


@where(_EITHER_SPELLING)
def american(name: pl.Expr) -> pl.Expr:
    """American spelling of a British name.

    >>> shown(american, "leukaemia", "tumour", "labour pain", "asthma")
    ['leukemia', 'tumor', 'labor pain', None]
    """
    padded = pl.concat_str(pl.lit(" "), name, pl.lit(" "))
    respelled = padded.str.replace_many(
        list(_TO_AMERICAN), list(_TO_AMERICAN.values()), leftmost=True
    )
    return respelled.str.strip_chars(" ")


@where(r"^[^,()\[\]]{3,}, [^,()\[\]]{3,}$")
def inverted(name: pl.Expr) -> pl.Expr:
    """The natural order of an entry of an index, "Anemia, Hemolytic".

    >>> shown(inverted, "Anemia, Hemolytic", "Diabetes Mellitus, Type 2", "2,4-D", "a, b, c")
    ['Hemolytic Anemia', 'Type 2 Diabetes Mellitus', None, None]
    """
    in_order = name.str.replace(r"^([^,]+), ([^,]+)$", "$2 $1")
    prose = name.str.contains(r", (?i:and|or|with|without|due|not|of|in|by|nos|unspecified)\b")
    return pl.when(~prose).then(in_order)


@where(r"^[^(\[]{4,} [(\[][^()\[\]]*[)\]]$", ")", "]")
def without_bracket(name: pl.Expr) -> pl.Expr:
    """A name without the remark in brackets at its end.

    >>> shown(
    ...     without_bracket, "cataract (disease)", "BRCA1 (human)", "Jurkat (clone E6-1)", "(R)-x"
    ... )
    ['cataract', 'BRCA1', 'Jurkat', None]
    """
    return name.str.replace(r" [(\[][^()\[\]]*[)\]]$", "")


@where(r"(?i)^(?:an?|the|unspecified) |\b(?:nos|unspecified|not otherwise specified)$")
def without_stop_words(name: pl.Expr) -> pl.Expr:
    """A name without an article before it and without a remark of classifiers behind it.

    >>> shown(without_stop_words, "asthma, NOS", "The plague", "Unspecified sepsis", "heart")
    ['asthma', 'plague', 'sepsis', None]
    """
    bare = name.str.replace(
        r"(?i),? (?:nos|unspecified|not otherwise specified|disorder, nos)$", ""
    ).str.replace(r"(?i)^(?:an?|the|unspecified) ", "")
    return pl.when(bare.str.len_chars() >= MIN_BARE).then(bare)


@where(rf"{_COUNTED},? [IVX]+\b")
def arabic(name: pl.Expr) -> pl.Expr:
    """Arabic numerals for Roman ones where something is counted.

    >>> shown(
    ...     arabic, "glycogen storage disease type II", "factor VIII", "vitamin C", "chromosome X"
    ... )
    ['glycogen storage disease type 2', 'factor 8', None, None]
    """
    result = name
    for numeral, value in zip(_NUMERALS, _VALUES, strict=True):
        result = result.str.replace(rf"{_COUNTED}(,? ){numeral}\b", f"${{1}}${{2}}{value}")
    return result


@where(rf"{_COUNTED} \d{{1,2}}\b")
def roman(name: pl.Expr) -> pl.Expr:
    """Roman numerals for Arabic ones where something is counted.

    >>> shown(roman, "type 2 diabetes", "coagulation factor 8", "type 20", "vitamin B12")
    ['type II diabetes', 'coagulation factor VIII', None, None]
    """
    result = name
    for numeral, value in zip(_NUMERALS, _VALUES, strict=True):
        result = result.str.replace(rf"{_COUNTED} {value}\b", f"${{1}} {numeral}")
    return result


@where(r" (?:cells?|cell lines?|gene|precursor|, isoform \w+)$")
def without_suffix(name: pl.Expr) -> pl.Expr:
    """A name without the word that only says what kind of thing it is.

    >>> shown(without_suffix, "HeLa cell", "MCF7 cell line", "insulin precursor", "receptor")
    ['HeLa', 'MCF7', 'insulin', None]
    """
    bare = name.str.replace(r" (?:cells?|cell lines?|gene|precursor|, isoform \w+)$", "")
    return pl.when(bare.str.len_chars() >= MIN_BARE).then(bare)


@where(r"^[\p{L}\d]{1,6}(?:[-\s/_][\p{L}\d.]{1,6}){1,3}$")
def joined(name: pl.Expr) -> pl.Expr:
    """A symbol without its separators; only one long enough to stay a symbol, with a digit.

    >>> shown(joined, "SK-BR-3", "RAW 264.7", "MDA-MB-231", "NIH/3T3", "Melan-A", "breast line 3")
    ['SKBR3', 'RAW264.7', 'MDAMB231', 'NIH3T3', None, None]
    """
    bare = name.str.replace_all(r"[-\s/_]+", "")
    symbol = name.str.contains(r"\d") & name.str.contains(r"\p{Lu}")
    return pl.when(symbol & (bare.str.len_chars() >= MIN_JOINED)).then(bare)


@where(r"\w/\w.*\d|\d.*\w/\w")
def without_slash(name: pl.Expr) -> pl.Expr:
    """A symbol with a hyphen for its slash.

    >>> shown(without_slash, "NIH/3T3", "BALB/c 3T3", "G/G")
    ['NIH-3T3', 'BALB-c 3T3', None]
    """
    return name.str.replace_all("/", "-", literal=True)


@where(rf"[A-Z][- ]?(?:{_GREEK_NAME}|\p{{Greek}})")
def glued_greek(name: pl.Expr) -> pl.Expr:
    """A Greek letter's name, written without a gap behind the symbol.

    >>> shown(glued_greek, "TNF-α", "IFN-gamma", "PPARγ", "alpha-synuclein")
    ['TNFalpha', 'IFNgamma', 'PPARgamma', None]
    """
    spelled = name.str.replace_many(list(GREEK), list(GREEK.values()))
    glued = spelled.str.replace(rf"([A-Z])[- ]?({_GREEK_NAME})\b", "$1$2")
    return pl.when(glued != name).then(glued)


@where(rf"[A-Z](?:{_GREEK_NAME})|(?:{_GREEK_NAME})[A-Z\d]")
def spelled_greek(name: pl.Expr) -> pl.Expr:
    """A Greek letter's name, parted from the symbol that it is glued to.

    >>> shown(spelled_greek, "TNFalpha", "NFkappaB", "interferon gamma")
    ['TNF alpha', 'NF kappa B', None]
    """
    return name.str.replace_all(rf"([A-Z])({_GREEK_NAME})", "$1 $2").str.replace_all(
        rf"\b({_GREEK_NAME})([A-Z\d])", "$1 $2"
    )


@where("(?i)interleukin|interferon|caspase|connexin")
def gene_pattern(name: pl.Expr) -> pl.Expr:
    """The usual short form of a family's name within a name.

    >>> shown(gene_pattern, "interleukin-2 receptor", "Interleukin 6", "tumor necrosis factor")
    ['IL-2 receptor', 'IL-6', None]
    """
    result = name
    for family, short in _FAMILIES.items():
        result = result.str.replace(
            rf"\b(?i:{family})[- ](\d+|{_GREEK_NAME}|[αβγδ])", f"{short}-$1"
        )
    return result


@where(r"^\p{L}{4,}ic acid$", "ic acid")
def salt(name: pl.Expr) -> pl.Expr:
    """The salt's name of an acid, which texts use for both.

    >>> shown(salt, "valproic acid", "Glutamic acid", "nitrous acid", "acid")
    ['valproate', 'Glutamate', None, None]
    """
    return name.str.replace("ic acid$", "ate")


@where(
    rf"^(?:[Vv][ao]n )?{_PERSON}(?:[-–]{_PERSON}){{1,2}} (?:syndrome|disease)$",
    "syndrome",
    "disease",
)
def eponym(name: pl.Expr) -> pl.Expr:
    """The persons of an eponym, where they are two.

    >>> shown(eponym, "Lesch-Nyhan syndrome", "Down syndrome", "von Hippel-Lindau disease")
    ['Lesch-Nyhan', None, 'von Hippel-Lindau']
    """
    return name.str.replace(" (?:syndrome|disease)$", "")


@where(_BINOMIAL)
def short_genus(name: pl.Expr) -> pl.Expr:
    """The genus by its first letter.

    >>> shown(short_genus, "Mycobacterium tuberculosis", "Zea mays", "house mouse", "Homo sp.")
    ['M. tuberculosis', None, None, None]
    """
    return name.str.replace(r"^(\p{Lu})\p{Ll}+ ", "$1. ")


@where(_BINOMIAL)
def shorter_genus(name: pl.Expr) -> pl.Expr:
    """The same without a stop.

    >>> shown(shorter_genus, "Escherichia coli")
    ['E coli']
    """
    return name.str.replace(r"^(\p{Lu})\p{Ll}+ ", "$1 ")


@where(_BINOMIAL)
def two_letter_genus(name: pl.Expr) -> pl.Expr:
    """The genus by its first two letters, as where one letter would be ambiguous.

    >>> shown(two_letter_genus, "Aedes aegypti", "Anopheles gambiae")
    ['Ae. aegypti', 'An. gambiae']
    """
    return name.str.replace(r"^(\p{Lu}\p{Ll})\p{Ll}+ ", "$1. ")


@where(WITH_AUTHOR)
def binomial(name: pl.Expr) -> pl.Expr:
    """A scientific name without its author.

    >>> shown(binomial, "Zea mays L.", "Mus musculus Linnaeus, 1758", "Human coxsackievirus A")
    ['Zea mays', 'Mus musculus', None]
    >>> shown(binomial, "Salmonella enterica Typhimurium", "Escherichia coli Nissle 1917")
    [None, None]
    """
    return pl.when(~name.str.contains(NO_AUTHOR)).then(name.str.replace(WITH_AUTHOR, "$1"))


_PROSE: Final[tuple[Rule, ...]] = (
    plural,
    singular,
    british,
    american,
    inverted,
    without_bracket,
    without_stop_words,
    arabic,
    roman,
)
_GENE: Final[tuple[Rule, ...]] = (
    british, american, without_bracket, arabic, roman, without_suffix, joined, glued_greek,
    spelled_greek, gene_pattern,
)  # fmt: skip
RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "gene": _GENE,
    "disease": (*_PROSE, eponym),
    "phenotype": _PROSE,
    "anatomy": _PROSE,
    "process": (plural, singular, british, american, arabic, roman),
    "chemical": (
        plural, british, american, inverted, arabic, roman, glued_greek, spelled_greek,
        salt,
    ),
    "species": (
        plural, without_bracket, short_genus, shorter_genus, two_letter_genus, binomial,
    ),
    "cell_line": (without_bracket, without_suffix, joined, without_slash),
    "cell_type": (plural, singular, british, american, without_bracket, arabic, roman),
}  # fmt: skip
"""Rules by entity class, in the order in which they may claim a variant."""


def generate(names: pl.DataFrame, entity_class: str) -> pl.DataFrame:
    """The names that the rules of a class make of those given, without those that are there.

    Args:
        names: `id`, `name`, `scope` and columns to keep, distinct by id and name.
        entity_class: whose rules.

    Returns:
        The columns of `names`, with the variant as `name`, and `origin` and `rule`; each variant
        of a concept once, by the first rule and origin that make it.
    """
    rules = RULES.get(entity_class, ())
    distinct = names.select("name").unique().filter(pl.col("name").str.len_chars() <= MAX_ORIGIN)
    made = _variants(distinct, rules)
    columns = [*names.columns, "origin", "rule"]
    if not made:
        return names.clear().with_columns(origin=pl.lit(""), rule=pl.lit("")).select(columns)
    named = [rule.__name__ for rule in rules]
    return (
        pl.concat(made)
        .join(names, left_on="origin", right_on="name", how="inner")
        .rename({"variant": "name"})
        .join(names.select("id", "name"), on=["id", "name"], how="anti")
        .sort("id", "name", "claim", "origin")
        .unique(["id", "name"], keep="first", maintain_order=True)
        .with_columns(
            rule=pl.col("claim").replace_strict(dict(enumerate(named)), return_dtype=pl.String),
            scope=pl.when(pl.col("scope") == LABEL).then(pl.lit(EXACT)).otherwise("scope"),
        )
        .select(columns)
    )


def _variants(names: pl.DataFrame, rules: Sequence[Rule]) -> list[pl.DataFrame]:
    """What each rule makes of names: `origin`, `variant`, and the rule's place as `claim`.

    Rules know nothing of each other, so they work side by side on the cores that there are.
    """

    def made(place: int) -> pl.DataFrame:
        return (
            concerned[_WHERE[rules[place].__name__]]
            .select(
                origin="name", variant=rules[place](pl.col("name")), claim=pl.lit(place, pl.Int8)
            )
            .filter(pl.col("variant") != pl.col("origin"))
        )

    asked = list(dict.fromkeys(_WHERE[rule.__name__] for rule in rules))
    with ThreadPoolExecutor() as pool:
        concerned = dict(zip(asked, pool.map(lambda where: where.among(names), asked), strict=True))
        return list(pool.map(made, range(len(rules))))


def shown(rule: Rule, *names: str) -> list[str | None]:
    """What a rule makes of some names, for a doctest or a notebook."""
    given = pl.DataFrame({"name": list(names)})
    concerned = _WHERE[rule.__name__].among(given)
    made = concerned.select("name", variant=rule(pl.col("name")))
    variants = dict(made.filter(pl.col("variant") != pl.col("name")).iter_rows())
    return [variants.get(name) for name in names]
