"""How long does it take to link a million mentions?

Question: seconds from MENTIONS to LINKS, through distinct surfaces, for a million mentions of a
hundred thousand distinct strings against half a million synonyms; and how that compares with
looking up the folded string of each mention in a Python dictionary, which ranks nothing.

Inside the clock: `surfaces_of` (grouping, normalising) and `ExactLinker.link`. Not inside:
parsing the vocabulary, building and opening the index, finding the mentions and their context.

What would make it lie: strings that are all known or all unknown (seven in ten are names of the
vocabulary, one in ten of them in capitals, the rest are pairs of words of abstracts); mentions
spread evenly (their counts follow Zipf's law, as in PubMed); a warm index (its pages are; the
first call does not count, and a new process is measured apart).

    python benchmarks/linking.py [--data DATA]

DATA is the folder of development data; by default $KAZU_TEST_DATA says where it is.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table
from timing import measure, options_of, peak_memory_bytes, report, spread
from vocabulary import read_vocabulary, sample

from kazu_platform.linking.compile import build_linking_index
from kazu_platform.linking.exact import ExactLinker
from kazu_platform.linking.index import open_linking_index
from kazu_platform.linking.surfaces import surface_ids, surfaces_of
from kazu_platform.tables import ENTITY_CLASSES

if TYPE_CHECKING:
    import pyarrow as pa

KNOWN = 0.7
IN_CAPITALS = 0.1
SEED = 7


def distinct_strings(data: Path, synonyms: pa.Table, count: int) -> pl.DataFrame:
    """Strings with classes: names of the vocabulary, and pairs of words of abstracts."""
    names = pl.DataFrame(synonyms.select(["name", "entity_class"])).rename({"name": "text"})
    known = names.unique().sample(int(count * KNOWN), seed=SEED, shuffle=True)
    capitals = int(known.height * IN_CAPITALS)
    known = pl.concat(
        [
            known.head(capitals).with_columns(pl.col("text").str.to_uppercase()),
            known.tail(known.height - capitals),
        ]
    )
    with gzip.open(data / "text" / "abstracts.jsonl.gz", "rt", encoding="utf-8") as lines:
        words = [word for line in islice(lines, 5_000) for word in json.loads(line)["text"].split()]
    pairs = list(dict.fromkeys(f"{a} {b}" for a, b in pairwise(words)))
    unknown = pairs[: count - known.height]
    classes = [ENTITY_CLASSES[number % 6] for number in range(len(unknown))]
    return pl.concat([known, pl.DataFrame({"text": unknown, "entity_class": classes})]).unique(
        maintain_order=True
    )


def mentions_of(strings: pl.DataFrame, count: int) -> pa.Table:
    """So many mentions, each string at least once, by Zipf's law.

    Only the columns that linking reads; the others would not be touched.
    """
    contexts = strings.with_columns(context=pl.lit(""))
    named = contexts.with_columns(surface_ids(contexts))
    rng = np.random.default_rng(SEED)
    weights = 1 / np.arange(1, named.height + 1)
    drawn = rng.choice(named.height, count - named.height, p=weights / weights.sum())
    rows = rng.permutation(np.concatenate((np.arange(named.height), drawn)))
    return named[rows].to_arrow(compat_level=pl.CompatLevel.oldest())


def bench(
    data: Path, n_mentions: int, n_strings: int, n_names: int, repeats: int
) -> dict[str, Any]:
    """Everything this benchmark measures."""
    concepts, everything = read_vocabulary(data)
    synonyms = sample(everything, n_names)
    mentions = mentions_of(distinct_strings(data, synonyms, n_strings), n_mentions)
    plain = dict(
        zip(
            (name.lower() for name in synonyms["name"].to_pylist()),
            synonyms["concept_id"].to_pylist(),
            strict=True,
        )
    )

    def look_up() -> int:
        return sum(text.lower() in plain for text in mentions["text"].to_pylist())

    with tempfile.TemporaryDirectory() as folder:
        built = measure(
            lambda: build_linking_index(concepts, synonyms, Path(folder) / "linking"), repeats=1
        )
        linker = ExactLinker(open_linking_index(Path(folder) / "linking"))
        surfaces = surfaces_of(mentions)
        links = linker.link(surfaces)
        gathering = measure(lambda: surfaces_of(mentions), repeats=repeats)
        linking = measure(lambda: linker.link(surfaces), repeats=repeats)
    looking_up = measure(look_up, repeats=repeats)
    both = [a + b for a, b in zip(gathering, linking, strict=True)]
    return {
        "mentions": mentions.num_rows,
        "strings": surfaces.num_rows,
        "synonyms": synonyms.num_rows,
        "links": links.num_rows,
        "linked_strings": len(links["surface_id"].unique()),
        "surfaces_seconds": median(gathering),
        "link_seconds": median(linking),
        "seconds": median(both),
        "spread": spread(both),
        "strings_per_second": surfaces.num_rows / median(linking),
        "dictionary_seconds": median(looking_up),
        "ratio": median(looking_up) / median(both),
        "build_seconds": built[0],
        "peak_memory_bytes": peak_memory_bytes(),
    }


def print_table(result: dict[str, Any]) -> None:
    """The result for people."""
    table = Table(
        title=f"{result['mentions']:,} mentions of {result['strings']:,} strings against "
        f"{result['synonyms']:,} synonyms"
    )
    table.add_column("")
    table.add_column("", justify="right")
    for label, value in {
        "distinct surfaces, seconds": f"{result['surfaces_seconds']:.2f}",
        "links, seconds": f"{result['link_seconds']:.2f}",
        "both, seconds": f"{result['seconds']:.2f}",
        "spread": f"{result['spread']:.1%}",
        "distinct strings linked per second": f"{result['strings_per_second']:,.0f}",
        "strings with a link": f"{result['linked_strings']:,}",
        "links": f"{result['links']:,}",
        "a dictionary look-up per mention, seconds": f"{result['dictionary_seconds']:.2f}",
        "index built in, seconds": f"{result['build_seconds']:.2f}",
        "peak memory, MiB": f"{result['peak_memory_bytes'] / 2**20:,.0f}",
    }.items():
        table.add_row(label, value)
    Console().print(table)


def main() -> None:
    """Measure and print."""
    parser = options_of(__doc__, repeats=5)
    parser.add_argument("--mentions", type=int, default=1_000_000)
    parser.add_argument("--strings", type=int, default=100_000)
    parser.add_argument("--names", type=int, default=500_000)
    given = parser.parse_args()
    result = bench(given.data, given.mentions, given.strings, given.names, given.repeats)
    print_table(result)
    report("linking", result, record=given.record)


if __name__ == "__main__":
    main()
