"""How fast does the linking model link, and how fast is its index made?

Questions, against a hundred thousand distinct names of one class: strings per second that have no
equal name, so that trigrams and the encoder are asked; strings per second of a natural mix: the
distinct strings of the class that the default detector finds in abstracts with the whole
vocabulary, of which the hundred thousand have every name that is equal to one of these and others
at random, so that as many have an equal name as with the whole; the same by a look-up as
Kazu does it (TF-IDF of character bigrams, scikit-learn, one dense product with every name for each
string, all names sorted); seconds to make the index with its vectors, and to make it again with one
name in a hundred new; seconds to link the surfaces of a million mentions again after that, where
one in a hundred of these has another string.

Inside the clock: everything from SURFACES to LINKS; of the look-up the vectors of the strings, the
product and the sorting. Not inside: reading vocabularies, opening the index and the encoder (one
call does not count).

What would make it lie: strings that stand there twice (all are distinct, nothing is kept between
calls); strings that are easy (those without an equal name are names of the same vocabulary that the
index does not have, and pairs of words of abstracts); a natural mix of something else than mentions
(the share that has an equal name is told); other work on the machine.

    python benchmarks/linking_model.py [--data DATA]
"""

from __future__ import annotations

import gzip
import json
import tempfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import polars as pl
import pyarrow as pa
from linking import distinct_strings, mentions_of
from pyarrow import parquet
from rich.console import Console
from rich.table import Table
from timing import measure, options_of, report, spread
from vocabulary import read_vocabulary

from kazu_platform.arrow import compute
from kazu_platform.citations.documents import passages_of
from kazu_platform.documents import Document, Section
from kazu_platform.linking.compile import build_linking_index
from kazu_platform.linking.corpus import BUCKETS, link_changed, surfaces_of_files
from kazu_platform.linking.difference import touched
from kazu_platform.linking.evidence import EMBEDDED
from kazu_platform.linking.exact import ExactLinker
from kazu_platform.linking.index import open_linking_index
from kazu_platform.linking.open import PACKAGED, LazyEmbedder, open_hybrid
from kazu_platform.linking.similar import open_similar_names
from kazu_platform.linking.similar_compile import build_similar_names
from kazu_platform.linking.surfaces import surfaces_from_strings
from kazu_platform.ner.compile import build_dictionary_index
from kazu_platform.ner.dictionary import DictionaryDetector
from kazu_platform.ner.dictionary_index import open_dictionary_index
from kazu_platform.ner.joining import joined
from kazu_platform.ner.model import open_model
from kazu_platform.ner.packaged import PACKAGED as MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kazu_platform.linking.hybrid import HybridLinker

CLASS = "chemical"
NEW = 0.01
SEED = 5
THREADS = 2
ABSTRACTS_AT_ONCE = 256
MENTIONS, DISTINCT = 1_000_000, 100_000


@dataclass(frozen=True)
class Strings:
    """SURFACES of strings without an equal name, and of a natural mix."""

    hard: pa.Table
    natural: pa.Table


def names_of(synonyms: pa.Table, n: int, found: pa.Table) -> tuple[pa.Table, list[str]]:
    """SYNONYMS with so many distinct normalised names of the class, and names not among them.

    Those that are equal to surfaces that were found come first.
    """
    frame = pl.DataFrame(synonyms).filter(pl.col("entity_class") == CLASS)
    wanted = pl.Series(found["normalised"]).implode()
    distinct = (
        frame.select(pl.col("normalised").unique(maintain_order=True).shuffle(seed=SEED))
        .sort(~pl.col("normalised").is_in(wanted), maintain_order=True)
        .to_series()
    )
    chosen = frame.filter(pl.col("normalised").is_in(distinct.head(n).implode()))
    others = frame.filter(pl.col("normalised").is_in(distinct.tail(-n).implode()))
    rows = chosen.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(synonyms.schema)
    return rows, others["name"].unique(maintain_order=True).to_list()


def hard_strings(data: Path, names: pa.Table, others: Sequence[str], n: int) -> pa.Table:
    """SURFACES of so many strings that have no equal name."""
    pairs = distinct_strings(data, names, n).tail(n // 4)["text"].to_list()
    return surfaces([*others[: n - len(pairs)], *pairs])


def surfaces(texts: Sequence[str]) -> pa.Table:
    """SURFACES of strings without a context."""
    rows = pl.DataFrame({"text": texts}).unique(maintain_order=True)
    return surfaces_from_strings(rows.with_columns(entity_class=pl.lit(CLASS), context=pl.lit("")))


def found_in_abstracts(data: Path, synonyms: pa.Table, n: int) -> list[str]:
    """The first so many distinct strings of the class that the default detector finds."""
    found: dict[str, None] = {}
    own = synonyms.filter(compute.equal(synonyms["entity_class"], CLASS))
    with tempfile.TemporaryDirectory() as name:
        build_dictionary_index(own, Path(name) / "dictionary")
        dictionary = DictionaryDetector(open_dictionary_index(Path(name) / "dictionary"))
        detector = joined(open_model(MODEL, threads=THREADS), dictionary)
        texts = abstracts(data)
        while len(found) < n and (some := list(islice(texts, ABSTRACTS_AT_ONCE))):
            mentions = detector.detect(passages_of(some))
            is_own = compute.equal(mentions["entity_class"], CLASS)
            found |= dict.fromkeys(mentions.filter(is_own)["text"].to_pylist())
    return list(found)[:n]


def abstracts(data: Path) -> Iterator[Document]:
    """The texts of the development data, one after the other."""
    with gzip.open(data / "text" / "abstracts.jsonl.gz", "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            section = Section(name="abstract", text=json.loads(line)["text"])
            yield Document(doc_id=str(number), sections=(section,))


def linked_again(
    before: HybridLinker, now: HybridLinker, strings: pl.DataFrame, folder: Path
) -> dict[str, float]:
    """Seconds to link a million mentions again: count their surfaces, see what is touched, link."""
    mentions = mentions_of(strings.with_columns(entity_class=pl.lit(CLASS)), MENTIONS)
    file = folder / "mentions.parquet"
    parquet.write_table(mentions, file)
    known = {name: _former(before, some) for name, some in surfaces_of_files([str(file)]).items()}
    start = perf_counter()
    buckets = surfaces_of_files([str(file)])
    changed = touched(before.by_name.index, now.by_name.index)
    made = [
        link_changed(now, buckets[name], known[name], changed, respelled={CLASS})
        for name in BUCKETS
    ]
    seconds = perf_counter() - start
    return {
        "relink_seconds": seconds,
        "relink_mentions": mentions.num_rows,
        "relink_surfaces": sum(each.n_linked + each.n_kept for each in made),
        "relink_linked": sum(each.n_linked for each in made),
    }


def looked_up(names: Sequence[str], strings: Sequence[str]) -> float:
    """Seconds that the look-up takes for the strings."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(2, 2), lowercase=False)
    matrix = vectorizer.fit_transform(names)
    start = perf_counter()
    for string in strings:
        asked = cast("Any", vectorizer.transform([string])).toarray().ravel()
        cosine = (matrix @ asked).ravel()
        np.argsort(-cosine)
    return perf_counter() - start


def made(concepts: pa.Table, names: pa.Table, folder: Path) -> dict[str, float]:
    """Seconds to make the index without one name in a hundred, and then with all."""
    rows = pl.DataFrame(names)
    distinct = rows["normalised"].unique(maintain_order=True)
    fewer = rows.filter(
        ~pl.col("normalised").is_in(distinct.head(int(len(distinct) * NEW)).implode())
    )
    before = fewer.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(names.schema)
    embedder = LazyEmbedder(PACKAGED, THREADS)
    embedder.embed(["nothing"])

    def make(synonyms: pa.Table, name: str, former: str | None) -> float:
        start = perf_counter()
        build_linking_index(concepts, synonyms, folder / f"linking-{name}")
        build_similar_names(
            open_linking_index(folder / f"linking-{name}"),
            folder / f"similar-{name}",
            embedder=embedder,
            embedded=EMBEDDED,
            former=open_similar_names(folder / f"similar-{former}") if former else None,
        )
        return perf_counter() - start

    return {
        "build_seconds": make(before, "before", None),
        "update_seconds": make(names, "now", "before"),
    }


def linked(linker: HybridLinker, surfaces: pa.Table, repeats: int) -> dict[str, float]:
    """Strings per second, and the spread."""
    seconds = measure(lambda: linker.link(surfaces), repeats=repeats)
    return {"per_second": surfaces.num_rows / median(seconds), "spread": spread(seconds)}


def bench(data: Path, n_names: int, n_strings: int, repeats: int) -> dict[str, Any]:
    """Everything this benchmark measures."""
    concepts, everything = read_vocabulary(data)
    found = surfaces(found_in_abstracts(data, everything, n_strings))
    names, others = names_of(everything, n_names, found)
    strings = Strings(hard_strings(data, names, others, n_strings), found)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds = made(concepts, names, folder)
        exact = ExactLinker(open_linking_index(folder / "linking-now"))
        linker = open_hybrid(exact, folder / "similar-now", PACKAGED, THREADS)
        former = ExactLinker(open_linking_index(folder / "linking-before"))
        before = open_hybrid(former, folder / "similar-before", PACKAGED, THREADS)
        hard = linked(linker, strings.hard, repeats)
        natural = linked(linker, strings.natural, repeats)
        has_name = len(set(exact.named(strings.natural).surface.tolist()))
        again = linked_again(before, linker, distinct_strings(data, names, DISTINCT), folder)
        vocabulary = pl.Series(exact.index.names["normalised"].combine_chunks()).unique().to_list()
    asked = strings.hard["normalised"].to_pylist()[:300]
    per_second = len(asked) / looked_up(vocabulary, asked)
    return {
        "names": len(vocabulary),
        "hard_strings": strings.hard.num_rows,
        "natural_strings": strings.natural.num_rows,
        "hard_per_second": hard["per_second"],
        "hard_spread": hard["spread"],
        "natural_per_second": natural["per_second"],
        "natural_spread": natural["spread"],
        "natural_with_equal_name": has_name / strings.natural.num_rows,
        "kazu_per_second": per_second,
        "times_kazu": hard["per_second"] / per_second,
        **seconds,
        **again,
    }


def _former(linker: HybridLinker, surfaces: pa.Table) -> pa.Table:
    """Links of all surfaces but one in a hundred."""
    return linker.link(surfaces.slice(int(surfaces.num_rows * NEW)))


def print_table(result: dict[str, Any]) -> None:
    """The result for people."""
    table = Table(title=f"{result['names']:,} names of one class, {THREADS} threads")
    table.add_column("")
    table.add_column("", justify="right")
    for label, value in (
        ("strings/s without an equal name", f"{result['hard_per_second']:,.0f}"),
        ("strings/s of a natural mix", f"{result['natural_per_second']:,.0f}"),
        ("share of these with an equal name", f"{result['natural_with_equal_name']:.0%}"),
        ("strings/s by the look-up of Kazu", f"{result['kazu_per_second']:,.0f}"),
        ("seconds to make the index", f"{result['build_seconds']:.1f}"),
        ("seconds to make it with 1 % new names", f"{result['update_seconds']:.1f}"),
        ("seconds to link a million mentions again", f"{result['relink_seconds']:.1f}"),
        (
            "surfaces of these, and linked again",
            f"{result['relink_surfaces']:,}, {result['relink_linked']:,}",
        ),
    ):
        table.add_row(label, value)
    Console(width=100).print(table)


def main() -> None:
    """Measure, print a table and one JSON object."""
    parser = options_of(__doc__, repeats=3)
    parser.add_argument("--names", type=int, default=100_000)
    parser.add_argument("--strings", type=int, default=4_000)
    given = parser.parse_args()
    result = bench(given.data, given.names, given.strings, given.repeats)
    print_table(result)
    report("linking_model", result, record=given.record)


if __name__ == "__main__":
    main()
