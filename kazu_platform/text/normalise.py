"""Names as keys: strings that differ in spelling only become equal.

Each entity class has its rules (`_RULES`), because what is a spelling in one is a difference in
another: a prime tells two chemicals apart, a plus two cell types, a final S two genes. All rules,
in the order in which they are applied:

| Rule | Example | Classes |
|---|---|---|
| Compatibility forms, case, accents | `Ｓjögren` = `sjogren` | all |
| Greek letters are spelled out | `TNF-α` = `TNF alpha` | all |
| ... also glued to a symbol | `TNFalpha`, `NFkappaB` | gene, cell_line, cell_type, process |
| The sharp s is the beta it was taken for | `TGF-ß1` = `TGF beta 1` | the same, and chemical |
| Possessives | `Alzheimer's` = `Alzheimer` | all |
| Primes stay | `3'-deoxy` is not `3-deoxy` | chemical |
| A plus stays | `Na+` | all |
| ... and is a word | `CD4+` = `CD4-positive` | cell_type |
| A sign of rotation is a word | `(-)-catechin` = `minus catechin` | chemical |
| Other signs are blanks | `HLA-DR/DQ` = `HLA DR DQ` | all |
| Letters and digits are kept apart | `COX-1` = `COX1` = `COX 1` | all |
| American spelling | `leukaemia` = `leukemia` | all but species, cell_line |
| Plurals | `Carcinomas` = `carcinoma` | all but cell_line; gene: some ends only |
| Roman numerals after a word that is counted | `type II` = `type 2` | all but species, cell_line |
| ... and anywhere from II on | `MPS IIIA` = `MPS 3A` | disease, phenotype, anatomy |
| The word cell or line at the end | `HeLa cells` = `HeLa` | cell_line |

A string of which nothing would remain (`±`) is kept as it is, in lower case. The word lists are
in `spellings`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import polars as pl
import pyarrow as pa
from ahocorasick_rs import AhoCorasick, MatchKind

from kazu_platform.errors import UnknownNameError
from kazu_platform.text import spellings
from kazu_platform.text.plain_names import PLAIN, as_text, lines_of, set_apart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Change it with any rule or word list: synonyms and surfaces that were normalised by another
# version are then made again.
NORMALISER_VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class _Rules:
    """What is a matter of spelling in one entity class."""

    sharp_s: str
    glued_greek: bool
    primes: bool
    signs: Mapping[str, str]
    spelling: Mapping[str, str]
    plurals: Mapping[str, str]
    numerals: Mapping[str, str]
    suffix: str | None = None


_PLUS: Final = {"+": " + "}
_ROTATION: Final = {"(+)": " + ", "(-)": " minus ", "(−)": " minus ", "(±)": " ", **_PLUS}
_POSITIVE: Final = {"+": " positive "}

_MEDICAL: Final = _Rules(
    sharp_s="ss",
    glued_greek=False,
    primes=False,
    signs=_PLUS,
    spelling=spellings.BRITISH,
    plurals=spellings.MEDICAL_PLURALS,
    numerals=spellings.ROMAN_ANYWHERE,
)
_RULES: Final[Mapping[str, _Rules]] = {
    "gene": _Rules(
        sharp_s=" beta ",
        glued_greek=True,
        primes=False,
        signs=_PLUS,
        spelling=spellings.BRITISH,
        plurals=spellings.GENE_PLURALS,
        numerals=spellings.ROMAN_AFTER_A_WORD,
    ),
    "disease": _MEDICAL,
    "phenotype": _MEDICAL,
    "anatomy": _MEDICAL,
    "chemical": _Rules(
        sharp_s=" beta ",
        glued_greek=False,
        primes=True,
        signs=_ROTATION,
        spelling=spellings.BRITISH,
        plurals=spellings.PLURALS,
        numerals=spellings.ROMAN_AFTER_A_WORD,
    ),
    "species": _Rules(
        sharp_s="ss",
        glued_greek=False,
        primes=False,
        signs=_PLUS,
        spelling={},
        plurals=spellings.PLURALS,
        numerals={},
    ),
    "cell_line": _Rules(
        sharp_s=" beta ",
        glued_greek=True,
        primes=False,
        signs=_PLUS,
        spelling={},
        plurals={},
        numerals={},
        suffix=r"(?: (?:cells?|lines?))+$",
    ),
    "cell_type": _Rules(
        sharp_s=" beta ",
        glued_greek=True,
        primes=False,
        signs=_POSITIVE,
        spelling=spellings.BRITISH,
        plurals=spellings.MEDICAL_PLURALS,
        numerals=spellings.ROMAN_AFTER_A_WORD,
    ),
    "process": _Rules(
        sharp_s=" beta ",
        glued_greek=True,
        primes=False,
        signs=_PLUS,
        spelling=spellings.BRITISH,
        plurals=spellings.MEDICAL_PLURALS,
        numerals=spellings.ROMAN_AFTER_A_WORD,
    ),
}

# These patterns mean the same to Rust's engine (columns) and to Python's (one string).
_MARKS: Final = "[\u0300-\u036f]+"
_POSSESSIVE: Final = r"([a-z])'s\b"
_GLUED: Final = f"({'|'.join(spellings.GLUED_GREEK)})"

# Characters of which both engines and both Unicode versions are known to think alike.
_COMMON: Final = re.compile("[\x00-\u03ff\u2000-\u206f]*")


def normalise(text: str, entity_class: str) -> str:
    """Normalise one string, by the rules at the top of this module.

    >>> [normalise(name, "gene") for name in ("TNF-α", "TNF alpha", "TNFα", "TNFalpha")]
    ['tnf alpha', 'tnf alpha', 'tnf alpha', 'tnf alpha']
    >>> [normalise(name, "chemical") for name in ("COX-1", "COX 1", "COX1", "vitamin B12")]
    ['cox 1', 'cox 1', 'cox 1', 'vitamin b 12']
    >>> normalise("Sjögren’s syndrome", "disease"), normalise("Tumours, type II", "disease")
    ('sjogren syndrome', 'tumor type 2')
    >>> normalise("chromosome X", "gene"), normalise("CD4⁺ T cells", "cell_type")
    ('chromosome x', 'cd 4 positive t cell')

    Raises:
        UnknownNameError: there is no such entity class.
    """
    rules = _rules_of(entity_class)
    if _COMMON.fullmatch(text):
        return _normalise_one(text, entity_class, rules)
    return _normalise_distinct(pl.Series([text], dtype=pl.String), rules)[0]


def normalise_column(names: pa.Array | pa.ChunkedArray | pl.Series, entity_class: str) -> pa.Array:
    """Normalise a column; equal strings are worked on once, nulls stay null.

    >>> normalise_column(pa.array(["HEK-293T cells", None, "HEK293T"]), "cell_line").to_pylist()
    ['hek 293 t', None, 'hek 293 t']

    Raises:
        UnknownNameError: there is no such entity class.
    """
    rules = _rules_of(entity_class)
    column = names if isinstance(names, pl.Series) else pl.Series(names)
    encoded: pa.DictionaryArray = column.cast(pl.String).to_arrow().dictionary_encode()
    distinct = pl.Series(encoded.dictionary, dtype=pl.String)
    normalised = _normalise_distinct(distinct, rules).to_arrow().cast(pa.string())
    return normalised.take(encoded.indices)


def _rules_of(entity_class: str) -> _Rules:
    try:
        return _RULES[entity_class]
    except KeyError:
        raise UnknownNameError.of("entity class", entity_class, _RULES) from None


def _signs(rules: _Rules) -> dict[str, str]:
    """Single characters, and rotation signs, to what stands for them."""
    return {
        **{letter: f" {name} " for letter, name in spellings.GREEK.items()},
        **spellings.LETTERS,
        **dict.fromkeys(spellings.APOSTROPHES, "'"),
        "ß": rules.sharp_s,
        "&": " and ",
        **rules.signs,
    }


def _normalise_distinct(names: pl.Series, rules: _Rules) -> pl.Series:
    """All rules over a column without nulls."""
    plain = names.str.contains(PLAIN)
    words = _plain_words(names.zip_with(plain, pl.Series([""])), rules)
    others = (~plain).arg_true()
    if not others.is_empty():
        words = words.scatter(others, _any_words(names.gather(others), rules))
    return _normalise_words(words, names, rules)


def _plain_words(names: pl.Series, rules: _Rules) -> pl.Series:
    """Words of names that are all `PLAIN`: of the rules, those that concern ASCII."""
    if names.is_empty():
        return names
    text = pl.Series([as_text(names)], dtype=pl.String)
    signs = {sign: form for sign, form in _signs(rules).items() if sign.isascii()}
    text = text.str.replace_many(*_longest_first(signs), leftmost=True)
    text = text.str.replace_all(_POSSESSIVE, "$1")
    if rules.primes:
        text = text.str.replace_all("'", "' ", literal=True)
    if rules.glued_greek:
        text = text.str.replace_all(_GLUED, " $1 ")
    return lines_of(set_apart(text[0], primes=rules.primes))


def _any_words(names: pl.Series, rules: _Rules) -> pl.Series:
    """Words of any names, two blanks between them and one on either side."""
    name = pl.col("name")
    plain = name.str.replace_all("´", "'", literal=True).str.normalize("NFKD").str.to_lowercase()
    plain = plain.str.replace_all(_MARKS, "")
    pieces, forms = _longest_first(_signs(rules))
    plain = plain.str.replace_many(pieces, forms, leftmost=True)
    plain = plain.str.replace_all(_POSSESSIVE, "$1")
    if rules.primes:
        plain = plain.str.replace_all("'", "' ", literal=True)
    plain = plain.str.replace_all(
        r"[^\p{L}\p{N}\p{M}+']+" if rules.primes else r"[^\p{L}\p{N}\p{M}+]+", " "
    )
    if rules.glued_greek:
        plain = plain.str.replace_all(_GLUED, " $1 ")
    plain = plain.str.replace_all(r"(\p{L})(\p{N})", "$1 $2")
    plain = plain.str.replace_all(r"(\p{N})(\p{L})", "$1 $2")
    plain = pl.concat_str(
        pl.lit(" "), plain.str.strip_chars(" ").str.replace_all(" +", "  "), pl.lit(" ")
    )
    return names.to_frame("name").select(plain).to_series()


def _normalise_words(words: pl.Series, names: pl.Series, rules: _Rules) -> pl.Series:
    """The rules on words; what holds none is kept whole."""
    lists = [spelled for spelled in (rules.spelling, rules.plurals, rules.numerals) if spelled]
    if lists:
        words = _respell_some(words, lists)
    words = words.str.replace_all("  ", " ", literal=True).str.strip_chars(" ")
    if rules.suffix:
        words = words.str.replace(rules.suffix, "")
    composed = words.str.contains(PLAIN)
    if not composed.all():
        at = (~composed).arg_true()
        words = words.scatter(at, words.gather(at).str.normalize("NFC"))
    empty = (words == "").arg_true()
    if empty.is_empty():
        return words
    return words.scatter(empty, [_whole(name) for name in names.gather(empty)])


def _respell_some(column: pl.Series, lists: Sequence[Mapping[str, str]]) -> pl.Series:
    """Apply one list after another; a string without a piece of any is asked once, not for each."""
    rows = column.str.contains_any([piece for words in lists for piece in words]).arg_true()
    result = column.gather(rows)
    for words in lists:
        result = _respell(result, words)
    return column.scatter(rows, result)


def _respell(column: pl.Series, words: Mapping[str, str]) -> pl.Series:
    """Replace until nothing changes; after the first time only where something did."""
    pieces, forms = _longest_first(words)
    result = column.str.replace_many(pieces, forms, leftmost=True)
    rows = (result != column).arg_true()
    while not rows.is_empty():
        before = result.gather(rows)
        after = before.str.replace_many(pieces, forms, leftmost=True)
        changed = after != before
        rows = rows.filter(changed)
        result = result.scatter(rows, after.filter(changed))
    return result


def _whole(text: str) -> str:
    """What is left of a string that holds no letter and no digit: itself."""
    lower = unicodedata.normalize("NFKC", text).lower()
    return unicodedata.normalize("NFKC", lower).strip()


def _longest_first(words: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Pieces and forms in the order in which they are tried at one place."""
    pieces = sorted(words, key=len, reverse=True)
    return pieces, [words[piece] for piece in pieces]


class _WordList:
    """The same replacements for one string."""

    def __init__(self, words: Mapping[str, str]) -> None:
        pieces, self._forms = _longest_first(words)
        self._matcher = AhoCorasick(pieces, matchkind=MatchKind.LeftmostFirst)

    def respell(self, text: str) -> str:
        before = None
        while before != text:
            before, text = text, self.replace_in(text)
        return text

    def replace_in(self, text: str) -> str:
        parts: list[str] = []
        done = 0
        for piece, start, end in self._matcher.find_matches_as_indexes(text):
            parts += (text[done:start], self._forms[piece])
            done = end
        return "".join((*parts, text[done:])) if parts else text


@cache
def _word_lists(entity_class: str) -> tuple[_WordList, tuple[_WordList, ...]]:
    """Signs, then the other lists of a class, ready for single strings."""
    rules = _RULES[entity_class]
    lists = (rules.spelling, rules.plurals, rules.numerals)
    return _WordList(_signs(rules)), tuple(_WordList(words) for words in lists if words)


def _normalise_one(text: str, entity_class: str, rules: _Rules) -> str:
    """The rules of `_normalise_distinct`, one string at a time; a law holds them together."""
    signs, lists = _word_lists(entity_class)
    plain = unicodedata.normalize("NFKD", text.replace("´", "'")).lower()
    plain = re.sub(_MARKS, "", plain)
    plain = signs.replace_in(plain)
    plain = re.sub(_POSSESSIVE, r"\1", plain)
    if rules.primes:
        plain = plain.replace("'", "' ")
    plain = re.sub(r"(?:[^\w+']|_)+" if rules.primes else r"(?:[^\w+]|_)+", " ", plain)
    if rules.glued_greek:
        plain = re.sub(_GLUED, r" \1 ", plain)
    plain = re.sub(r"([^\W\d_])(\d)", r"\1 \2", plain)
    plain = re.sub(r"(\d)([^\W\d_])", r"\1 \2", plain)
    plain = f" {'  '.join(plain.split())} "
    for words in lists:
        plain = words.respell(plain)
    plain = plain.replace("  ", " ").strip(" ")
    if rules.suffix:
        plain = re.sub(rules.suffix, "", plain, count=1)
    return unicodedata.normalize("NFC", plain) or _whole(text)
