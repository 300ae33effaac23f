"""The word lists of the normaliser: Greek letters, British spellings, plurals, Roman numerals.

Each list maps a piece of text to its canonical form. The normaliser replaces all pieces of a list
in one pass, the leftmost first and of these the longest. It writes each word with a blank on
either side (`" type  2  diabetes "`), so a piece that begins or ends with a blank is bound to the
start or the end of a word.

A list is applied until nothing changes. An entry may never produce what an earlier list would
change: normalising twice is normalising once, and `tests/laws/test_text_laws.py` holds that. No
entry drops the first letter of what it replaces, or a run of that letter would take a pass each.
"""

from __future__ import annotations

from string import ascii_lowercase
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_GREEK_NAMES: Final = _words(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho "
    "sigma sigma tau upsilon phi chi psi omega"
)

# The alphabet from α (U+03B1) to ω (U+03C9), final sigma included. The increment sign and the
# Latin alpha, gamma and epsilon are what typesetters take for Δ, α, γ and ε in biomedical text.
GREEK: Final[Mapping[str, str]] = {
    **{chr(0x3B1 + place): name for place, name in enumerate(_GREEK_NAMES)},
    "∆": "delta",
    "ɑ": "alpha",
    "ɣ": "gamma",
    "ɛ": "epsilon",
}

# Names long and odd enough to be split from a symbol that they are glued to: TNFalpha, NFkappaB.
GLUED_GREEK: Final = (
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "theta",
    "kappa",
    "lambda",
    "omega",
)

# Letters that no Unicode form takes apart.
LETTERS: Final[Mapping[str, str]] = {
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "ı": "i",
}

APOSTROPHES: Final = "‘’‛ʹʼʻˈ′‵`"

BRITISH: Final[Mapping[str, str]] = {
    **{
        f"{stem}our": f"{stem}or"
        for stem in _words("arm behavi col fav flav harb hum lab neighb od rum sav tum vap vig")
    },
    **{f"{stem}re": f"{stem}er" for stem in ("calib", "cent", "fib", "goit", "lit", "tit")},
    **{
        f"{stem}{british}": f"{stem}{american}"
        for stem in ("al", "an", "er", "il", "in", "on", "ot", "ul", "um", "un")
        for british, american in (("ised", "ized"), ("ising", "izing"), ("iser", "izer"))
    },
    "isation": "ization",
    **{f"{letter}aemi": f"{letter}emi" for letter in "bcdfghklmnprstvxz"},
    "haem": "hem",
    "anaem": "anem",
    "anaes": "anes",
    "ischaem": "ischem",
    " aetio": " etio",
    "caecum": "cecum",
    "caecal": "cecal",
    "chimaera": "chimera",
    "coeliac": "celiac",
    "dyspnoea": "dyspnea",
    "apnoea": "apnea",
    "pnoea": "pnea",
    "rrhoea": "rrhea",
    "rrhoei": "rrhei",
    " faec": " fec",
    " foet": " fet",
    " gynaec": " gynec",
    "gynaec": "gynec",
    "homoeo": "homeo",
    # Anchored, because "angioedema" and "gastroesophageal" hold the same letters.
    " oedem": " edem",
    "lymphoedem": "lymphedem",
    "myxoedem": "myxedem",
    "papilloedem": "papilledem",
    " oesoph": " esoph",
    " oestr": " estr",
    " orthopaed": " orthoped",
    " paed": " ped",
    "amoeb": "ameb",
    "aeroplane": "airplane",
    "leuco": "leuko",
    " aluminium": " aluminum",
    " caesium": " cesium",
    " sulph": " sulf",
    "bisulph": "bisulf",
    "persulph": "persulf",
    "disulph": "disulf",
    "hyposulph": "hyposulf",
    "thiosulph": "thiosulf",
    " ageing": " aging",
    " grey": " gray",
    " mould": " mold",
    "defence": "defense",
    "signalling": "signaling",
    "labelled": "labeled",
    "labelling": "labeling",
}

_IRREGULAR: Final[Mapping[str, str]] = {
    "mice": "mouse",
    "men": "man",
    "women": "woman",
    "children": "child",
    "feet": "foot",
    "teeth": "tooth",
    "nuclei": "nucleus",
    "bronchi": "bronchus",
    "ganglia": "ganglion",
    "mitochondria": "mitochondrion",
    "abuses": "abuse",
}

# Words, and ends of words, that look like a plural and are none.
_SINGULAR: Final = _words(
    "aids aries atlas biceps feces forceps glans hives lens measles meninges menses mers mons "
    "mumps pancreas pons quadriceps rickets sapiens sars shingles tabes triceps"
)
_SINGULAR_ENDS: Final = _words(
    "abetes ascites caries icans egans facies herpes rabies series species"
)


def _plurals(*lists: Mapping[str, str]) -> dict[str, str]:
    """The common rules of English, after the exceptions in `lists`, which win by being longer."""
    consonants_and_aeo = [letter for letter in ascii_lowercase if letter not in "siu"]
    short = ["", *ascii_lowercase]
    return {
        **{f"{letter}s ": f"{letter} " for letter in consonants_and_aeo},
        **{f"{letter}uses ": f"{letter}us " for letter in ascii_lowercase if letter not in "ao"},
        "sses ": "ss ",
        "shes ": "sh ",
        "ches ": "ch ",
        "aches ": "ache ",
        "xes ": "x ",
        "ies ": "y ",
        **{f" {letter}ies ": f" {letter}ie " for letter in ascii_lowercase},
        # Up to three letters it is an abbreviation: RAS, CNS, MS.
        **_unchanged(f" {one}{two}s " for one in short for two in short),
        **_unchanged(f" {word} " for word in _SINGULAR),
        **_unchanged(f"{end} " for end in _SINGULAR_ENDS),
        **{f" {plural} ": f" {singular} " for plural, singular in _IRREGULAR.items()},
        **{f" {plural}s ": f" {singular} " for plural, singular in _IRREGULAR.items()},
        **{piece: form for each in lists for piece, form in each.items()},
    }


def _unchanged(pieces: Iterable[str]) -> dict[str, str]:
    return {piece: piece for piece in pieces}


PLURALS: Final[Mapping[str, str]] = _plurals()

# Greek and Latin plurals of medicine. Not for chemicals (glucoses) and species (Rosaceae).
MEDICAL_PLURALS: Final[Mapping[str, str]] = _plurals(
    {
        "oses ": "osis ",
        " doses ": " dose ",
        " noses ": " nose ",
        " roses ": " rose ",
        "stases ": "stasis ",
        "yses ": "ysis ",
        "itides ": "itis ",
        "omata ": "oma ",
        "omatas ": "oma ",
        "brae ": "bra ",
        "braes ": "bra ",
        "lae ": "la ",
        "laes ": "la ",
        "sae ": "sa ",
        "saes ": "sa ",
    }
)

# A symbol may end in S (KRAS, GARS), so only ends that a symbol hardly has.
GENE_PLURALS: Final[Mapping[str, str]] = {
    f"{end}s ": f"{end} "
    for end in _words(
        "ase tor ein tin rin lin kin cin gin rone mone stone gene gen ligand unit main peptide "
        "transporter exchanger helper inhibitor chain member homolog channel"
    )
}

_NUMERALS: Final = _words("i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix")
_VALUES: Final = {numeral: str(value) for value, numeral in enumerate(_NUMERALS, start=1)}
_LETTERED: Final = {
    f"{numeral}{letter}": f"{_VALUES[numeral]}  {letter}"
    for numeral in ("i", "ii", "iii", "iv")
    for letter in "abcd"
    if f"{numeral}{letter}" != "id"
}
# Words after which even a single letter is a number. An X stands for the chromosome or for
# anything at all, except where there are at least ten of the kind.
_COUNTED: Final = _words(
    "angiotensin bipolar class collagen complex factor grade group histone layer level phase "
    "photosystem polymerase stage subtype subunit topoisomerase type"
)
_AT_LEAST_TEN: Final = ("collagen", "factor", "type")

ROMAN_AFTER_A_WORD: Final[Mapping[str, str]] = {
    f" {word}  {numeral} ": f" {word}  {value} "
    for word in _COUNTED
    for numeral, value in {**_VALUES, **_LETTERED}.items()
    if numeral != "x" or word in _AT_LEAST_TEN
}
ROMAN_ANYWHERE: Final[Mapping[str, str]] = {
    **{
        f" {numeral} ": f" {value} "
        for numeral, value in {**_VALUES, **_LETTERED}.items()
        if numeral not in {"i", "v", "x", "ia", "ib", "ic"}
    },
    **ROMAN_AFTER_A_WORD,
}
