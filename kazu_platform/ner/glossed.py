"""Common names that a document glosses: "the ring ouzel (Turdus torquatus)".

No vocabulary has every common name, and many are used by one paper only. But who uses one says
once which species is meant, in brackets or between commas behind it. So where a common name stands
before a scientific one, it is a mention of a species, everywhere in the document. Other things are
explained in the same way ("in the present study (Rattus norvegicus)"), so the last word must be one
for organisms, or a rare one. Without a sign
between the two most of what stands there is something else ("the benthic dinoflagellate").
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import polars as pl

from kazu_platform.documents import digest
from kazu_platform.ner.kinds import KINDS
from kazu_platform.ner.places import DOCUMENT, names_in, places_of, with_places
from kazu_platform.ner.scientific import SPECIES
from kazu_platform.text.english import ENGLISH_VERSION, zipf
from kazu_platform.text.words import word_set

if TYPE_CHECKING:
    import pyarrow as pa

DETECTOR: Final = "common_name"
GLOSSES_VERSION: Final = f"2-{ENGLISH_VERSION}"
"""Changes when the same mentions and texts may give other ones."""

MIN_WORDS: Final = 2
MAX_WORDS: Final = 4
MAX_LAST_WORD: Final = 3.0
"""Zipf frequency up to which any last word may be one for organisms: "weevil" has 2.7, "sickness"
4.0. Of more common ones only those of `kinds` may."""
_WINDOW, _LOOK = 80, 3
_SCIENTIFIC: Final = r"^\p{Lu}(?:\p{Ll}{2,}\s|\p{Ll}{0,2}\s?\.\s?)\p{Ll}{3,}"
_BEFORE: Final = re.compile(r"([^.,;:()\[\]]*?)\s?([(,])\s?$")
_CLOSED: Final = re.compile(r"\s?[,;.()]|\sL\b")
_IN_BRACKETS: Final = re.compile(r"\s?[,;)]|\s\(?[A-Z]")
_BEHIND: Final = {",": _CLOSED, "(": _IN_BRACKETS}
_WORD: Final = re.compile(r"[^\W\d_]+(?:\s?[-'’]\s?[^\W\d_]+)*")


_ARTICLES: Final = frozenset({"a", "an", "the"})
_BORDERS: Final = _ARTICLES | word_set(
    "this that these those its their our his her each both either another other some any all no "
    "several many most few one two three four five six of in on to for from by with without "
    "between among against at as into onto through via than under over within during and or but "
    "nor is are was were be been being has have had which who whose where when while we they it "
    # What it is or what was done to it, and not which species.
    "adult male female males females juvenile larval young old mature immature wild native endemic "
    "exotic invasive introduced captive domestic domesticated cultivated transgenic infected "
    "uninfected sympatric threatened endangered rare widespread declining different individual "
    "intact hybrid mutant farmed whether using including called named studied used use like e g i"
)
_GENERAL: Final = word_set(
    "species strain strains genus family order group groups plant plants animal animals host "
    "hosts tree trees shrub shrubs herb herbs grass grasses weed weeds insect insects bird birds "
    "fish fishes mammal mammals rodent rodents reptile amphibian bacterium bacteria fungus fungi "
    "alga algae yeast yeasts virus viruses parasite parasites parasitoid parasitoids pathogen "
    "pathogens predator predators pest pests symbiont symbionts vector vectors relative relatives "
    "model models organism organisms microorganism microorganisms ciliate ciliates nematode "
    "nematodes protozoan protozoa archaeon archaea mollusc molluscs crustacean crustaceans "
    "legume legumes conifer conifers orchid orchids cells cell extract extracts leaves roots seeds "
    "root leaf seed larvae eggs population populations isolate isolates agent medium control "
    "disease diseases ones study studies stage stages infection infections sickness syndrome skin "
    "tissue tissues genome genomes gene genes sequence sequences culture cultures sample samples "
    "crop crops coliform coliforms muscle muscles patient patients subject subjects serovar "
    "serovars serotype serotypes cultivar cultivars accession accessions ecotype ecotypes landrace "
    "landraces mutants homolog homologs homologue homologues ortholog orthologs orthologue "
    "orthologues plasmid plasmids allele alleles oocyst oocysts sporozoite sporozoites merozoite "
    "merozoites trophozoite trophozoites amastigote amastigotes promastigote promastigotes biofilm "
    "biofilms inoculum lysate lysates supernatant homogenate endosymbiont endosymbionts commensal "
    "commensals endophyte endophytes dermatophyte ectoparasite ectoparasites microbe microbes "
    "helminth helminths trematode trematodes cestode cestodes protist protists diatom diatoms "
    "dinoflagellate dinoflagellates flagellate flagellates pollinator herbivore herbivores bivalve "
    "bivalves gastropod gastropods copepod copepods amphipod amphipods arthropod arthropods "
    "teleost teleosts passerine passerines marsupial marsupials hominid hominin ascomycete "
    "basidiomycete oomycete actinomycete cyanobacterium cyanobacteria microalga microalgae "
    "seaweed halophyte perennial"
)
# Diseases, processes and parts of cells.
_NO_ORGANISM: Final = (
    r"(?:iasis|osis|itis|emia|oma|uria|pathy|[st]ion|ment|ness|ity|ology|genesis|cyte|blast|some|"
    r"ome|ase|ide)s?$"
)


def with_glossed(mentions: pa.Table, passages: pa.Table) -> pa.Table:
    """Add the common names that documents gloss; all in the order of the text.

    Args:
        mentions: DICTIONARY_MENTIONS, or any detectors' with those columns.
        passages: PASSAGES of the same documents.
    """
    return with_places(
        mentions,
        passages,
        names_in(glossed(mentions, passages), passages),
        detector=DETECTOR,
        version=digest(DETECTOR, GLOSSES_VERSION),
    )


def glossed(mentions: pa.Table, passages: pa.Table) -> pl.DataFrame:
    """Common names before scientific ones: the columns of documents, `entity_class` and `name`."""
    texts: list[str] = passages["text"].to_pylist()
    scientific = places_of(mentions, passages).filter(
        (pl.col("entity_class") == SPECIES) & pl.col("text").str.contains(_SCIENTIFIC)
    )
    rows = [
        (doc_id, content_hash, SPECIES, name)
        for passage, start, end, doc_id, content_hash in scientific.select(
            "passage", "start", "end", *DOCUMENT
        ).iter_rows()
        if (name := _glossed_by(texts[passage], start, end))
    ]
    schema = [*DOCUMENT, "entity_class", "name"]
    given = pl.DataFrame(rows, dict.fromkeys(schema, pl.String), orient="row").unique(
        maintain_order=True
    )
    names = given.filter(_of_organisms(given["name"]))
    other = pl.col("name").map_elements(_other_number, pl.String)
    return pl.concat([names, names.with_columns(other)]).unique(maintain_order=True)


def _of_organisms(names: pl.Series) -> pl.Series:
    """Whether the last word is one for organisms, or so rare that it may be."""
    last = names.str.extract(r"(\pL+)$").str.to_lowercase()
    singular = (
        last.str.replace(r"ies$", "y"),
        last.str.replace("s$", ""),
        last.str.replace("es$", ""),
    )
    may_be = (zipf(last) < MAX_LAST_WORD) & ~last.str.contains(_NO_ORGANISM)
    for form in (last, *singular):
        may_be |= form.is_in(list(KINDS))
    return may_be


def _glossed_by(text: str, start: int, end: int) -> str | None:
    return common_name(text[max(0, start - _WINDOW) : start], text[end : end + _LOOK])


def _other_number(name: str) -> str:
    return name.removesuffix("s") if name.endswith("s") else _plural(name)


def _plural(name: str) -> str:
    if name.endswith(("ch", "sh", "s", "x")):
        return f"{name}es"
    return re.sub("(?<![aeiou])y$", "ie", name) + "s"


def common_name(before: str, behind: str) -> str | None:
    """The common name that a scientific name between these explains, if there is one.

    It has two to four words, as one word is mostly a wider group; and a word stands before it with
    which no name begins. Between commas it must have an article.

    >>> common_name("diet of the declining ring ouzel (", ")")
    'ring ouzel'
    >>> common_name("fed to the corn leafhopper, ", ", and")
    'corn leafhopper'
    >>> common_name("a widespread tree species (", ")")
    >>> common_name("As a positive control, ", " cells were")
    """
    bracket = _BEFORE.search(before)
    if not bracket or not _BEHIND[bracket[2]].match(behind):
        return None
    words = list(_WORD.finditer(bracket[1]))
    first = len(words)
    while first and words[first - 1][0].lower() not in _BORDERS:
        first -= 1
    if not first or (bracket[2] == "," and words[first - 1][0].lower() not in _ARTICLES):
        return None
    # "invasive weed Mexican prickly poppy": what comes before a capital says what it is.
    capitals = [place for place in range(first + 1, len(words)) if _opens(words, place)]
    name = words[max(capitals, default=first) :]
    if not MIN_WORDS <= len(name) <= MAX_WORDS or not _may_end(name[-1][0]):
        return None
    if any(word[0][1:] != word[0][1:].lower() for word in name):
        return None
    return " ".join(bracket[1][name[0].start() : name[-1].end()].split())


def _opens(words: list[re.Match[str]], place: int) -> bool:
    """Whether a capital stands behind a small letter."""
    return words[place][0][0].isupper() and words[place - 1][0].islower()


def _may_end(word: str) -> bool:
    return word.islower() and word not in _GENERAL
