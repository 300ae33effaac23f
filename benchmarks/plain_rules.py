"""The rules of generation and of automatic curation in plain Python, one name at a time.

What `kazu_platform.ontologies.generation` and `autocuration` do to columns is done here with `re`
and loops, a function for each rule under the same name: the yardstick of `vocabulary_building`,
and a second opinion (`tests/ontologies/test_plain_rules.py`). Word lists and thresholds are the
same objects; patterns are written again, because Python's engine knows no classes of characters.
They are compiled once, and no result is kept.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from math import log10
from typing import TYPE_CHECKING, Final, NamedTuple

from kazu_platform.ontologies import autocuration, generation
from kazu_platform.ontologies.generation import _FAMILIES as _SHORT_FORMS
from kazu_platform.ontologies.generation import _TO_AMERICAN, _TO_BRITISH
from kazu_platform.ontologies.terms import EXACT, LABEL
from kazu_platform.text.everyday import (
    GENERAL,
    GENERAL_TAXA,
    KEPT,
    ORGANISMS,
    PEOPLE,
)
from kazu_platform.text.spellings import GREEK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    PlainRule = Callable[[str], str | None]

BASIC_PLANE: Final = 0x10000
_PER_BILLION: Final = 1e9


class Made(NamedTuple):
    """A name of a concept: one given, or one that a rule made."""

    id: str
    name: str
    scope: str
    obsolete: bool
    origin: str | None = None
    rule: str | None = None


class Verdict(NamedTuple):
    """What automatic curation says of a name."""

    case_sensitive: bool
    in_context: bool
    held_back_by: str | None


def _characters(*categories: str) -> str:
    """The inside of a bracket: characters of some Unicode categories, as ranges.

    Of the basic plane only: beyond it Python's engine would try range after range.
    """
    ranges: list[list[int]] = []
    for point in range(BASIC_PLANE):
        if unicodedata.category(chr(point)) in categories:
            if ranges and ranges[-1][1] == point - 1:
                ranges[-1][1] = point
            else:
                ranges.append([point, point])
    return "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in ranges)


_LU: Final = _characters("Lu")
_LL: Final = _characters("Ll")
_L: Final = _characters("Lu", "Ll", "Lt", "Lm", "Lo")
_PD: Final = _characters("Pd")
_GREEK_SCRIPT: Final = (
    "\u0370-\u0373\u0375-\u0377\u037a-\u037d\u037f\u0384\u0386\u0388-\u03e1\u03f0-\u03ff"
    "\u1d26-\u1d2a\u1f00-\u1fff\u2126"
)

_GREEK_NAME: Final = "alpha|beta|gamma|delta|epsilon|zeta|theta|kappa|lambda|omega"
_NUMERALS: Final = {
    "II": "2", "III": "3", "IV": "4", "V": "5", "VI": "6", "VII": "7", "VIII": "8", "IX": "9",
    "XI": "11", "XII": "12",
}  # fmt: skip
_COUNTED: Final = (
    "((?i:type|factor|class|group|grade|stage|complex|collagen|syndrome|disease|ataxia))"
)
_PERSON: Final = f"[{_LU}][{_LL}]{{2,}}"
_AUTHOR: Final = re.compile(
    rf"^([{_LU}][{_LL}]{{2,}} [{_LL}]{{3,}}) "
    rf"(?:\([{_LU}]|(?:[{_LU}][{_L}, ]* )?[{_LU}]+[{_LL}]*\."
    rf"|[{_LU}][{_L}, ]*(?:, \d{{4}}| & | et | ex ))[{_L}. &,()]*(?:\d{{4}}\)?)?$"
)
_NO_AUTHOR: Final = re.compile("virus |phage |^Salmonella ")
_BINOMIAL: Final = re.compile(rf"^[{_LU}][{_LL}]{{3,}} [{_LL}]{{3,}}(?: [{_LL}]{{3,}})?$")
_LAST_WORD: Final = re.compile(rf"(?:^|[\s-])[{_L}][{_LL}]{{3,}}$")
_CONSONANT_Y: Final = re.compile("[^aeiou]y$")
_IES: Final = re.compile("[^aeiou]ies$")
_S: Final = re.compile("[a-hj-rt-z]s$")
_NO_PLURAL: Final = re.compile("(?:us|is|ss|etes|[aoe]es|nses|ies)$")
_DIGIT: Final = re.compile(r"\d")
_SLASH: Final = re.compile(r"\w/\w.*\d|\d.*\w/\w")
_LAST_TOKEN: Final = re.compile(r"(\S+)$")


def plural(name: str) -> str | None:
    """The plural of a name that ends with a word in the singular."""
    if not _LAST_WORD.search(name):
        return None
    if _CONSONANT_Y.search(name):
        return f"{name[:-1]}ies"
    if name.endswith(("ss", "x", "ch", "sh", "z")):
        return f"{name}es"
    if name.endswith(("sis", "xis")):
        return f"{name[:-2]}es"
    none = name.endswith(("s", "ia", "itis", "ae", "ics", "men", "mice", "ing"))
    return None if none or name.lower() in PEOPLE else f"{name}s"


def singular(name: str) -> str | None:
    """The singular of a name that ends with a word in the plural."""
    if not _LAST_WORD.search(name):
        return None
    if _IES.search(name) and not name.endswith(("rabies", "series", "species", "caries")):
        return f"{name[:-3]}y"
    if name.endswith(("sses", "xes", "ches", "shes")):
        return name[:-2]
    if _S.search(name) and not _NO_PLURAL.search(name):
        return name[:-1]
    return None


_BRITISH_PIECES: Final = re.compile("|".join(map(re.escape, _TO_BRITISH)))
_AMERICAN_PIECES: Final = re.compile("|".join(map(re.escape, _TO_AMERICAN)))
_MAY_BE_BRITISH: Final = re.compile("|".join(p.strip(" ") for p in _TO_AMERICAN))


def british(name: str) -> str | None:
    """British spelling of an American name."""
    return _BRITISH_PIECES.sub(lambda found: _TO_BRITISH[found[0]], name)


def american(name: str) -> str | None:
    """American spelling of a British name."""
    if not _MAY_BE_BRITISH.search(name):
        return None
    respelled = _AMERICAN_PIECES.sub(lambda found: _TO_AMERICAN[found[0]], f" {name} ")
    return respelled.strip(" ")


_INDEX_ENTRY: Final = re.compile(r"^([^,()\[\]]{3,}), ([^,()\[\]]{3,})$")
_PROSE: Final = re.compile(r", (?i:and|or|with|without|due|not|of|in|by|nos|unspecified)\b")


def inverted(name: str) -> str | None:
    """The natural order of an entry of an index, "Anemia, Hemolytic"."""
    entry = _INDEX_ENTRY.search(name)
    return None if entry is None or _PROSE.search(name) else f"{entry[2]} {entry[1]}"


_REMARK: Final = re.compile(r"^([^(\[]{4,}) [(\[][^()\[\]]*[)\]]$")


def without_bracket(name: str) -> str | None:
    """A name without the remark in brackets at its end."""
    found = _REMARK.search(name)
    return found[1] if found else None


_STOP: Final = re.compile(
    r"(?i)^(?:an?|the|unspecified) |\b(?:nos|unspecified|not otherwise specified)$"
)
_STOP_BEHIND: Final = re.compile(
    r"(?i),? (?:nos|unspecified|not otherwise specified|disorder, nos)$"
)
_STOP_BEFORE: Final = re.compile(r"(?i)^(?:an?|the|unspecified) ")


def without_stop_words(name: str) -> str | None:
    """A name without an article before it and without a remark of classifiers behind it."""
    if not _STOP.search(name):
        return None
    bare = _STOP_BEFORE.sub("", _STOP_BEHIND.sub("", name, count=1), count=1)
    return bare if len(bare) >= generation.MIN_BARE else None


_ANY_ROMAN: Final = re.compile(rf"{_COUNTED},? [IVX]+\b")
_ROMAN: Final = {
    re.compile(rf"{_COUNTED}(,? ){numeral}\b"): rf"\g<1>\g<2>{value}"
    for numeral, value in _NUMERALS.items()
}
_ANY_ARABIC: Final = re.compile(rf"{_COUNTED} \d{{1,2}}\b")
_ARABIC: Final = {
    re.compile(rf"{_COUNTED} {value}\b"): rf"\g<1> {numeral}"
    for numeral, value in _NUMERALS.items()
}


def arabic(name: str) -> str | None:
    """Arabic numerals for Roman ones where something is counted."""
    return _renumbered(name, _ANY_ROMAN, _ROMAN)


def roman(name: str) -> str | None:
    """Roman numerals for Arabic ones where something is counted."""
    return _renumbered(name, _ANY_ARABIC, _ARABIC)


def _renumbered(
    name: str, anything: re.Pattern[str], forms: Mapping[re.Pattern[str], str]
) -> str | None:
    if not anything.search(name):
        return None
    for pattern, form in forms.items():
        name = pattern.sub(form, name, count=1)
    return name


_SUFFIX: Final = re.compile(r" (?:cells?|cell lines?|gene|precursor|, isoform \w+)$")


def without_suffix(name: str) -> str | None:
    """A name without the word that only says what kind of thing it is."""
    bare, times = _SUFFIX.subn("", name, count=1)
    return bare if times and len(bare) >= generation.MIN_BARE else None


_PARTS: Final = re.compile(rf"^[{_L}\d]{{1,6}}(?:[-\s/_][{_L}\d.]{{1,6}}){{1,3}}$")
_SEPARATORS: Final = re.compile(r"[-\s/_]+")
_CAPITAL: Final = re.compile(f"[{_LU}]")


def joined(name: str) -> str | None:
    """A symbol without its separators; only one long enough to stay a symbol, with a digit."""
    if not (_PARTS.search(name) and _DIGIT.search(name) and _CAPITAL.search(name)):
        return None
    bare = _SEPARATORS.sub("", name)
    return bare if len(bare) >= generation.MIN_JOINED else None


def without_slash(name: str) -> str | None:
    """A symbol with a hyphen for its slash."""
    return name.replace("/", "-") if _SLASH.search(name) else None


_ANY_GREEK: Final = re.compile(rf"[A-Z][- ]?(?:{_GREEK_NAME}|[{_GREEK_SCRIPT}])")
_LETTERS: Final = str.maketrans(dict(GREEK))
_APART: Final = re.compile(rf"([A-Z])[- ]?({_GREEK_NAME})\b")
_ANY_GLUED: Final = re.compile(rf"[A-Z](?:{_GREEK_NAME})|(?:{_GREEK_NAME})[A-Z\d]")
_BEHIND: Final = re.compile(rf"([A-Z])({_GREEK_NAME})")
_BEFORE: Final = re.compile(rf"\b({_GREEK_NAME})([A-Z\d])")


def glued_greek(name: str) -> str | None:
    """A Greek letter's name, written without a gap behind the symbol."""
    if not _ANY_GREEK.search(name):
        return None
    return _APART.sub(r"\1\2", name.translate(_LETTERS), count=1)


def spelled_greek(name: str) -> str | None:
    """A Greek letter's name, parted from the symbol that it is glued to."""
    if not _ANY_GLUED.search(name):
        return None
    return _BEFORE.sub(r"\1 \2", _BEHIND.sub(r"\1 \2", name))


_FAMILIES: Final = {
    re.compile(rf"\b(?i:{family})[- ](\d+|{_GREEK_NAME}|[αβγδ])"): rf"{short}-\1"
    for family, short in _SHORT_FORMS.items()
}
_ANY_FAMILY: Final = re.compile("(?i)interleukin|interferon|caspase|connexin")


def gene_pattern(name: str) -> str | None:
    """The usual short form of a family's name within a name."""
    if not _ANY_FAMILY.search(name):
        return None
    for pattern, short in _FAMILIES.items():
        name = pattern.sub(short, name, count=1)
    return name


_ACID: Final = re.compile(rf"^[{_L}]{{4,}}ic acid$")


def salt(name: str) -> str | None:
    """The salt's name of an acid, which texts use for both."""
    return f"{name.removesuffix('ic acid')}ate" if _ACID.search(name) else None


_EPONYM: Final = re.compile(
    rf"^((?:[Vv][ao]n )?{_PERSON}(?:[-–]{_PERSON}){{1,2}}) (?:syndrome|disease)$"
)


def eponym(name: str) -> str | None:
    """The persons of an eponym, where they are two."""
    found = _EPONYM.search(name)
    return found[1] if found else None


def short_genus(name: str) -> str | None:
    """The genus by its first letter."""
    return f"{name[0]}. {name.partition(' ')[2]}" if _BINOMIAL.search(name) else None


def shorter_genus(name: str) -> str | None:
    """The same without a stop."""
    return f"{name[0]} {name.partition(' ')[2]}" if _BINOMIAL.search(name) else None


def two_letter_genus(name: str) -> str | None:
    """The genus by its first two letters."""
    return f"{name[:2]}. {name.partition(' ')[2]}" if _BINOMIAL.search(name) else None


def binomial(name: str) -> str | None:
    """A scientific name without its author."""
    found = _AUTHOR.search(name)
    return found[1] if found and not _NO_AUTHOR.search(name) else None


@cache
def rules_of(entity_class: str) -> tuple[PlainRule, ...]:
    """The rules of a class, in the order in which they may claim a variant."""
    return tuple(globals()[rule.__name__] for rule in generation.RULES.get(entity_class, ()))


def generate(names: Iterable[Made], entity_class: str) -> list[Made]:
    """What rules make of names that are distinct by id and name, as `generation.generate`."""
    given = list(names)
    known = {(each.id, each.name) for each in given}
    best: dict[tuple[str, str], tuple[int, str, Made]] = {}
    for each in given:
        if len(each.name) > generation.MAX_ORIGIN:
            continue
        for claim, rule in enumerate(rules_of(entity_class)):
            variant = rule(each.name)
            key = (each.id, variant or "")
            if variant is None or variant == each.name or key in known:
                continue
            if key not in best or (claim, each.name) < best[key][:2]:
                scope = EXACT if each.scope == LABEL else each.scope
                made = Made(each.id, variant, scope, each.obsolete, each.name, rule.__name__)
                best[key] = (claim, each.name, made)
    return [made for _, _, made in best.values()]


_SYMBOL: Final = re.compile(rf"\d|\S[{_LU}]")
_LONG: Final = re.compile(r"\S{7,}")
_WORD: Final = re.compile(rf"(?:^|\s)[^\s\d][^\s\d{_LU}]+(?:\s|$)")
_HIGHER_TAXON: Final = re.compile(
    rf"^[{_LU}][{_LL}]+(?:aceae|ales|idae|inae|oidea|iformes|mycetes|mycota|mycotina|phyta|phyceae|"
    "viridae|virinae|virales|bacteria|optera|opsida|ineae|zoa|poda|ophora|archaeota|oideae)$"
)
_DIVISION: Final = re.compile(f"^(?:[{_LL}]+ )*[{_L}]*(?:phytes?|complexans?|alveolates?)$")
_ONE_WORD: Final = re.compile(f"^[{_L}][{_LL}]*$")
_ONE_TOKEN: Final = re.compile(f"^[{_L}]+$")
_EPITHET: Final = re.compile(f"^[{_LU}] ([{_LL}]+)$")
_CAPITALISED: Final = re.compile(f"^[{_LU}][{_LL}]+$")
_ELEMENT: Final = re.compile(f"^[{_LU}][{_LL}]$")
_LETTER: Final = re.compile(f"[{_L}]")
_TWO_SMALL: Final = re.compile(f"^[{_LL}]{{2}}$")
_TWO_LETTERS: Final = re.compile(f"^[{_L}]{{2}}$")
_EDGES: Final = re.compile(rf"^[\s{_PD}'\"`()\[\]{{}}.,;:/]+|[\s{_PD}'\"`()\[\]{{}}.,;:/]+$")
_SHORT_GENE: Final = re.compile(rf"^(?:[{_L}]{{2}}|[{_L}][\s{_PD}]?\d|[{_LL}]{{3,4}})$")
_SHORT_CELL: Final = re.compile(rf"^(?:[{_L}]{{2}}|[{_L}]{{1,3}}[{_PD}]?\d{{1,2}})$")
_FOUR_LETTERS: Final = re.compile(f"^[{_L}]{{4}}$")
_ROMAN_NUMBER: Final = re.compile("^[IVX]+$")
_DIGIT_LETTER: Final = re.compile(rf"^\d[{_L}]$")
_GENE_SYMBOL: Final = re.compile(rf"^[{_LU}][{_LU}\d]{{1,5}}\d[{_LU}]{{0,2}}$")
_SHORT_SYMBOL: Final = re.compile(
    rf"^(?:[{_LU}]{{3,4}}|[{_LU}][-\s]?\d{{1,2}}|[{_LU}]{{2}}[-\s]?\d|[{_LU}]{{3}}\d|\d[{_LU}]\d"
    rf"|[{_LU}][{_LL}]{{1,2}}\d?)$"
)
_SHORT: Final = 3
_WIDE_TAXA: Final = frozenset(w for w in GENERAL_TAXA if not w.endswith(("us", "phage")))


def case_sensitive(name: str) -> bool:
    """Whether a name looks like a symbol."""
    if len(name) <= _SHORT:
        return True
    return bool(_SYMBOL.search(name)) and not (_LONG.search(name) or _WORD.search(name))


def core_of(name: str) -> str:
    """A name without hyphens, quotes and brackets at its ends."""
    return _EDGES.sub("", name)


def too_short(name: str, entity_class: str) -> bool:
    """One character, two small letters; two letters of a cell line; what no gene is called."""
    if len(name) < autocuration.MIN_CHARACTERS or _TWO_SMALL.search(name):
        return True
    short = {
        "cell_line": _TWO_LETTERS,
        "gene": _SHORT_GENE,
        "cell_type": _SHORT_CELL,
        "anatomy": _TWO_LETTERS,
    }.get(entity_class)
    return short is not None and bool(short.search(name)) and not _everyday(name, entity_class)


def too_long(name: str) -> bool:
    """What no text writes."""
    return len(name) > autocuration.MAX_CHARACTERS or name.count(" ") >= autocuration.MAX_WORDS


def number(name: str, entity_class: str) -> bool:
    """Nothing but digits and signs; a digit and a letter of a cell line."""
    if not _LETTER.search(name):
        return True
    if entity_class == "gene":
        return _ROMAN_NUMBER.search(name) is not None
    return entity_class == "cell_line" and _DIGIT_LETTER.search(name) is not None


def function_word(name: str, entity_class: str) -> bool:
    """A word such as "was"."""
    return (
        _frequency(name, entity_class) >= autocuration.FUNCTION_WORD
        and _is_word(name, entity_class)
        and not _everyday(name, entity_class)
    )


def common_word(name: str, entity_class: str) -> bool:
    """An English word from a frequency of its class on."""
    least = autocuration.COMMON_WORD.get(entity_class)
    return (
        least is not None
        and _frequency(name, entity_class) >= least
        and _is_word(name, entity_class)
        and not (entity_class == "chemical" and _ELEMENT.search(name))
        and not _everyday(name, entity_class)
    )


def general_term(name: str, entity_class: str) -> bool:
    """A taxon above the species, a role of chemicals."""
    lower = name.lower()
    if entity_class in GENERAL:
        return core_of(name).lower() in GENERAL[entity_class]
    if entity_class != "species":
        return False
    last_word = _LAST_TOKEN.search(lower)
    return (
        _HIGHER_TAXON.search(name) is not None
        or _DIVISION.search(name) is not None
        or (last_word is not None and last_word[1] in _WIDE_TAXA)
        or lower in GENERAL_TAXA
        or lower.startswith("transgenic ")
        or _genus(name, entity_class)
    )


def author(name: str, entity_class: str) -> bool:
    """A species with the author of its name."""
    return entity_class == "species" and binomial(name) is not None


def gene_symbol(name: str, entity_class: str) -> bool:
    """The symbol of a gene as the name of a disease."""
    return entity_class == "disease" and _GENE_SYMBOL.search(core_of(name)) is not None


def curate(name: str, entity_class: str, *, obsolete: bool = False) -> Verdict:
    """Judge one name, as `autocuration.curate`."""
    return Verdict(
        _sensitive(name, entity_class),
        entity_class == "cell_line" and _SHORT_SYMBOL.search(core_of(name)) is not None,
        "obsolete" if obsolete else _held_back(name, entity_class),
    )


def _held_back(name: str, entity_class: str) -> str | None:
    core = core_of(name)
    if too_short(core, entity_class):
        return "too_short"
    if too_long(name):
        return "too_long"
    for rule in (number, function_word, common_word):
        if rule(core, entity_class):
            return rule.__name__
    for rule in (general_term, author, gene_symbol):
        if rule(name, entity_class):
            return rule.__name__
    return None


def _sensitive(name: str, entity_class: str) -> bool:
    core = core_of(name)
    scientific = entity_class == "species" and (
        _genus(core, entity_class) or _EPITHET.search(core) is not None
    )
    short = entity_class == "gene" and _FOUR_LETTERS.search(core) is not None
    return scientific or short or case_sensitive(core)


def _genus(name: str, entity_class: str) -> bool:
    return (
        entity_class == "species"
        and _CAPITALISED.search(name) is not None
        and name.lower() not in ORGANISMS
    )


def _is_word(name: str, entity_class: str) -> bool:
    if _ONE_WORD.search(name):
        return True
    if _ONE_TOKEN.search(name) and not _sensitive(name, entity_class):
        return True
    return entity_class == "species" and _EPITHET.search(name) is not None


def _everyday(name: str, entity_class: str) -> bool:
    return name.lower() in KEPT.get(entity_class, ())


def _frequency(name: str, entity_class: str) -> float:
    """Zipf frequency; that of "A group", which could be a species, is its second word's."""
    word = _EPITHET.sub(r"\1", name, count=1) if entity_class == "species" else name
    frequency = _frequencies().get(word.lower())
    return round(log10(frequency * _PER_BILLION), 2) if frequency else 0.0


@cache
def _frequencies() -> Mapping[str, float]:
    from wordfreq import get_frequency_dict

    return get_frequency_dict("en", wordlist="best")
