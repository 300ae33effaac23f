"""Scientific names of species that no vocabulary has: "Larkinella insperata".

New species are named every day, and no taxonomy is complete. But a binomial is written by rules: a
genus with a capital, a Latin epithet in small letters; and after it was written once, the genus by
its first letters ("L. insperata"). So a document's own names are found by their form:

- *binomials*: two words with Latin ends that no ordinary English text holds, and that are no Latin
  of medicine (`latin`);
- *short_binomials*: the same with a short genus, if the document names a genus that begins so;
- *wider_and_narrower*: a name with the rank and name of a part of the species behind it
  ("Xanthomonas oryzae pv. oryzae"), or with the word for several species that are hard to tell
  apart ("Fusarium graminearum species complex").

Such a mention has the class species and links to nothing, as there is no concept to link to; it
is not linked to its genus, because that is another thing. What a detector has found, of any
class, is left alone ("Xeroderma pigmentosum" is a disease).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import polars as pl

from kazu_platform.documents import digest
from kazu_platform.ner.latin import MEDICAL, PLACED
from kazu_platform.ner.places import DOCUMENT, PLACE, not_within, places_of, with_places
from kazu_platform.text.english import ENGLISH_VERSION, zipf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

DETECTOR: Final = "scientific_name"
SCIENTIFIC_VERSION: Final = f"2-{ENGLISH_VERSION}"
"""Changes when the same mentions and texts may give other ones."""

SPECIES: Final = "species"
MAX_GENUS: Final = 2.6
"""Zipf frequency up to which a word may be a genus: Escherichia has 2.4, Candida 2.7."""
MAX_EPITHET: Final = 2.2
"""The same for an epithet: "tricolor" has 2.1, "minor" 4.5."""
MAX_PLAIN_EPITHET: Final = 3.0
"""The same for a plain Latin one behind a genus that English hardly knows ("bovis"), or a short one
of this document ("M. australis")."""
MAX_RARE_GENUS: Final = 1.6

_GENUS_ENDS: Final = (
    r"(?:[^aeiou]us|[aeio]us|um|a|is|[^aeiou]es|[aeo]s|on|ys|ops|[aeiouy]x|er|e|ns|o|or)"
)
_EPITHET_ENDS: Final = (
    r"(?:us|um|a|is|i|e|ens|ans|ons|x|[bcdfgpt]er|[lc]olor|genes|odes|ides|pes|ceps|ops|fex|on|os|"
    r"as|or)"
)
_PLAIN_EPITHET: Final = r"(?:us|um|[^m]a|is|ae|ens|ans)$"
# What chemistry, medicine and English make with the same letters.
_NO_GENUS: Final = (
    r"(?:ous|ase|ate|ine|ide|ose|ole|one|ane|ene|yte|ive|ure|age|ble|asis|osis|itis|oma|emia|uria|"
    r"i[sz]er|ness|less|tor|ile)$"
)
_NO_EPITHET: Final = (
    r"(?:ous|ase|ate|ine|ide|ose|ole|one|ane|ene|yte|ive|ure|age|ble|tion|sion|ion|osis|itis|oma|"
    r"[pt]hia|[gmrx]ia|emia|uria|i[sz]er|ase|ome|phore|lysis|plasia|mycosis|tor|ite|ogue|ype|ime|yme|zolium|"
    r"ape|i[sz]e|like|tude|phage|nuclei|ile|ique)$"
)
_BINOMIAL: Final = rf"([A-Z][a-z]+{_GENUS_ENDS})\s([a-z]+{_EPITHET_ENDS})"
_SHORT_BINOMIAL: Final = r"([A-Z][a-z]{0,2})\s?\.\s?([a-z]{4,})"
_FULL: Final = r"^(\p{Lu}\p{Ll}{3,})\s(\p{Ll}{3,})\b"
_MIN_LETTERS: Final = 4
_PART: Final = (
    r"(?:(?:subsp|ssp|var|pv|bv|f\s?\.\s?sp)\s?\.|serovar|biovar|pathovar|variety|subspecies)"
    r"\s[A-Za-z][a-z]{3,}"
)
_COMPLEX: Final = r"(?:species\s)?complex"
_WORDS: Final = {
    "passage": pl.Int64,
    "start": pl.Int64,
    "end": pl.Int64,
    "genus": pl.String,
    "epithet": pl.String,
}


def with_scientific(mentions: pa.Table, passages: pa.Table) -> pa.Table:
    """Add the species that documents name by their form; all in the order of the text.

    Args:
        mentions: DICTIONARY_MENTIONS, or any detectors' with those columns.
        passages: PASSAGES of the same documents.
    """
    return with_places(
        mentions,
        passages,
        scientific(mentions, passages),
        detector=DETECTOR,
        version=digest(DETECTOR, SCIENTIFIC_VERSION),
    )


def scientific(mentions: pa.Table, passages: pa.Table) -> pl.DataFrame:
    """The places of species by their form, each with its `rule`; arguments as above."""
    known = places_of(mentions, passages)
    full = _of_known_genera(binomials(passages), _named(known))
    short = short_binomials(passages, pl.concat([_named(known), _named(full)]))
    placed = pl.concat([_placed(full, binomials), _placed(short, short_binomials)])
    new = not_within(placed, known)
    species = pl.concat([known.filter(entity_class=SPECIES).select(PLACE), new.select(PLACE)])
    longer = _placed(wider_and_narrower(passages, species), wider_and_narrower)
    return pl.concat([new, longer])


def binomials(passages: pa.Table) -> pl.DataFrame:
    """Where a genus and an epithet stand, by their form: `passage`, `start`, `end`, and both.

    The columns of documents are there too.
    """
    found = _matches(_BINOMIAL, passages)
    genus, epithet = pl.col("genus"), pl.col("epithet")
    latin = found.filter(
        (genus.str.len_chars() >= _MIN_LETTERS)
        & (epithet.str.len_chars() >= _MIN_LETTERS)
        & ~genus.str.contains(_NO_GENUS)
        & ~genus.is_in(MEDICAL)
        & ~epithet.str.contains(_NO_EPITHET)
    )
    genus_zipf, epithet_zipf = zipf(latin["genus"]), zipf(latin["epithet"])
    plain = (
        (epithet_zipf < MAX_PLAIN_EPITHET)
        & (genus_zipf < MAX_RARE_GENUS)
        & latin["epithet"].str.contains(_PLAIN_EPITHET)
    )
    return latin.filter((genus_zipf < MAX_GENUS) & ((epithet_zipf < MAX_EPITHET) | plain))


def _of_known_genera(found: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """Names, without those that may lie in a body and whose genus the document has nowhere else."""
    doubtful = pl.col("epithet").is_in(PLACED)
    genus = [*DOCUMENT, "genus"]
    genera = pl.concat([named.select(genus), found.filter(~doubtful).select(genus)])
    return pl.concat(
        [found.filter(~doubtful), found.filter(doubtful).join(genera, on=genus, how="semi")]
    )


def short_binomials(passages: pa.Table, named: pl.DataFrame) -> pl.DataFrame:
    """Where a short genus and an epithet stand, if the document names such a genus.

    The epithet is one that stands behind the genus in full, or a Latin one.

    Args:
        passages: PASSAGES of whole documents.
        named: `genus` and `epithet` of names in full, with the columns of their documents.
    """
    found = _matches(_SHORT_BINOMIAL, passages)
    epithet = pl.col("epithet")
    latin = epithet.str.contains(f"{_EPITHET_ENDS}$") & ~epithet.str.contains(_NO_EPITHET)
    initial = pl.col("genus").str.head(1).alias("initial")
    pair = [*DOCUMENT, "genus", "epithet"]
    known = (
        found.select(*pair, initial)
        .unique()
        .join(named.with_columns(initial).unique(), on=[*DOCUMENT, "initial"])
        .filter(pl.col("genus_right").str.starts_with(pl.col("genus")))
        .with_columns(same=epithet == pl.col("epithet_right"))
        .filter(latin | pl.col("same"))
    )
    rare = zipf(known["epithet"]) < MAX_PLAIN_EPITHET
    return found.join(known.filter(known["same"] | rare), on=pair, how="semi")


def wider_and_narrower(passages: pa.Table, species: pl.DataFrame) -> pl.DataFrame:
    """Places of species together with what makes another taxon of it behind them.

    Args:
        passages: PASSAGES.
        species: Places.
    """
    behind = _matches(f"{_PART}|{_COMPLEX}", passages).select(
        "passage", pl.col("start") - 1, last="end"
    )
    return species.join(behind, left_on=["passage", "end"], right_on=["passage", "start"]).select(
        "passage", "start", pl.col("last").alias("end"), "entity_class"
    )


def _matches(pattern: str, passages: pa.Table) -> pl.DataFrame:
    """Matches, with the columns of their documents; two groups are a genus and an epithet."""
    # Looking behind first would be asked at every character.
    ends, begins = re.compile(rf"(?:{pattern})(?![\w-])"), re.compile(r"(?<![\w-])")
    columns = pl.DataFrame(passages.select([*DOCUMENT, "text"]))
    # Hardly a passage has one, and polars says which ten times as fast.
    some = columns.with_columns(passage=pl.int_range(pl.len(), dtype=pl.Int64)).filter(
        pl.col("text").str.contains(pattern)
    )

    def rows() -> Iterator[tuple[int | str | None, ...]]:
        for passage, text in some.select("passage", "text").iter_rows():
            for match in ends.finditer(text):
                if begins.match(text, match.start()):
                    genus, epithet = match.groups() or (None, None)
                    yield passage, match.start(), match.end(), genus, epithet

    found = pl.DataFrame(list(rows()), _WORDS, orient="row")
    return found.join(some.drop("text"), on="passage", maintain_order="left")


def _named(found: pl.DataFrame) -> pl.DataFrame:
    """Genus and epithet of names in full, with the columns of their documents."""
    if "genus" not in found.columns:
        text = pl.col("text").str.extract_groups(_FULL)
        found = found.filter(entity_class=SPECIES).with_columns(
            genus=text.struct.field("1"), epithet=text.struct.field("2")
        )
    return found.drop_nulls("genus").select(*DOCUMENT, "genus", "epithet").unique()


def _placed(found: pl.DataFrame, rule: Callable[..., pl.DataFrame]) -> pl.DataFrame:
    return found.select(
        "passage",
        "start",
        "end",
        entity_class=pl.lit(SPECIES),
        rule=pl.lit(rule.__name__),
    )
