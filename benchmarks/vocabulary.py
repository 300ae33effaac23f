"""Real synonyms for benchmarks: the ontologies of the development data, parsed as in production."""

from __future__ import annotations

import os
from pathlib import Path
from zlib import crc32

import polars as pl
import pyarrow as pa

from kazu_platform.ner.compile import build_dictionary_index
from kazu_platform.ner.dictionary import DictionaryDetector
from kazu_platform.ner.dictionary_index import open_dictionary_index
from kazu_platform.ontologies.vocabulary import parse_vocabulary
from kazu_platform.settings import read_catalogue
from kazu_platform.tables import SYNONYMS
from kazu_platform.text.fold import fold_name

CATALOGUE = Path(__file__).parent.parent / "tests" / "catalogues" / "shared.yaml"


def read_vocabulary(data: Path) -> tuple[pa.Table, pa.Table]:
    """CONCEPTS and SYNONYMS of every ontology of the catalogue of development data."""
    os.environ["KAZU_TEST_DATA"] = str(data)
    parsed = [
        parse_vocabulary(source, Path(source.url))
        for source in read_catalogue(CATALOGUE).ontologies
    ]
    return (
        pa.concat_tables([each.concepts for each in parsed]),
        pa.concat_tables([each.synonyms for each in parsed]),
    )


def sample(synonyms: pa.Table, names: int, *, shortest: int = 1) -> pa.Table:
    """The active synonyms of so many distinct names, case aside, the same in every run.

    Names of at least `shortest` characters are chosen by their hash, so that every ontology
    keeps its share.
    """
    active = pl.DataFrame(synonyms).filter(
        pl.col("active") & (pl.col("name").str.len_chars() >= shortest)
    )
    lowered = active["name"].str.to_lowercase()
    distinct = sorted(lowered.unique().to_list(), key=lambda name: crc32(name.encode()))
    chosen = active.filter(lowered.is_in(distinct[:names]))
    return chosen.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(synonyms.schema)


def detector_of(names: pl.DataFrame, folder: Path) -> tuple[DictionaryDetector, frozenset[str]]:
    """A detector of synonyms, its index compiled to a new folder; and its names, folded."""
    folder.mkdir()
    rows = names.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(SYNONYMS.schema)
    build_dictionary_index(rows, folder)
    active = names.filter("active")["name"].unique().to_list()
    detector = DictionaryDetector(open_dictionary_index(folder))
    return detector, frozenset(fold_name(name) for name in active)


def exact_spelling(mentions: pa.Table, spellings: frozenset[str]) -> pa.Array:
    """Whether each mention is spelled as a name is, case, dashes and runs of blanks aside."""
    return pa.array(
        [fold_name(text) in spellings for text in mentions["text"].to_pylist()], pa.bool_()
    )
