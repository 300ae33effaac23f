"""How much do borders, case rules and offsets cost on top of a bare Aho-Corasick loop?

Question: documents per second of the dictionary detector, from PASSAGES to the finished Arrow
table of mentions with their ids, compared with calling `find_matches_as_indexes(text.lower(),
overlapping=True)` on each text with the same names and keeping nothing. One core.

Inside the clock: everything from passages to mentions. Not inside: starting Python, reading the
texts, splitting them into sentences, building either automaton (told apart). "Cold" is a new
process that imports, opens the index of all synonyms and reads one sentence.

What would make it lie: names or texts that never match (so the number of mentions is told); a
second core (this process pins itself to one); other work on the machine (both loops take turns,
the ratio is the median of pairs, look at the spread); a bare loop that is slowed by holding on to
its matches (it drops them). Names of one or two characters match everywhere and only make the bare
loop slow: so the names have three characters or more. `--sampled` measures names of any length,
as the catalogue has them, as well.

    python benchmarks/dictionary.py [--data DATA] [--sampled]

DATA is the folder of development data; by default $KAZU_TEST_DATA says where it is.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl
from ahocorasick_rs import AhoCorasick
from rich.console import Console
from rich.table import Table
from timing import options_of, pin_to_one_core, report, spread
from vocabulary import read_vocabulary, sample

from kazu_platform.ner.compile import build_dictionary_index
from kazu_platform.ner.dictionary import DictionaryDetector
from kazu_platform.ner.dictionary_index import open_dictionary_index
from kazu_platform.tables import PASSAGES
from kazu_platform.text.sentences import sentence_spans

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

Result = TypeVar("Result")
SHORTEST = 3
COLD = """
import sys, time
started = time.perf_counter()
from pathlib import Path
from kazu_platform.ner.dictionary import DictionaryDetector
from kazu_platform.ner.dictionary_index import open_dictionary_index
from kazu_platform.tables import PASSAGES
text = "Imatinib inhibits BCR-ABL in chronic myeloid leukaemia."
row = {"doc_id": "own", "content_hash": "", "section": 0, "name": "text", "text": text,
       "sentences": [{"start": 0, "end": len(text)}]}
detector = DictionaryDetector(open_dictionary_index(Path(sys.argv[1])))
mentions = detector.detect(PASSAGES.from_rows([row]))
assert mentions.num_rows
print(time.perf_counter() - started)
"""


def timed(function: Callable[[], Result]) -> tuple[float, Result]:
    """Seconds of one call, and what it returned."""
    start = perf_counter()
    result = function()
    return perf_counter() - start, result


def read_texts(data: Path, count: int) -> list[str]:
    """Title and abstract of the first abstracts."""
    with gzip.open(data / "text" / "abstracts.jsonl.gz", "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in islice(lines, count)]
    return [f"{record['title']} {record['text']}" for record in records]


def passages_of(texts: Sequence[str]) -> pa.Table:
    """Each text as one passage."""
    return PASSAGES.from_columns(
        {
            "doc_id": [f"PMID:{number}" for number in range(len(texts))],
            "content_hash": ["0" * 24] * len(texts),
            "section": [0] * len(texts),
            "name": ["text"] * len(texts),
            "text": list(texts),
            "sentences": [
                [{"start": start, "end": end} for start, end in sentence_spans(text)]
                for text in texts
            ],
        }
    )


def scan_bare(automaton: AhoCorasick, texts: Sequence[str]) -> int:
    """Number of raw matches, which are dropped text by text."""
    return sum(
        len(automaton.find_matches_as_indexes(text.lower(), overlapping=True)) for text in texts
    )


def compared(
    names: pa.Table, texts: Sequence[str], passages: pa.Table, repeats: int
) -> dict[str, Any]:
    """The detector against the bare loop, taking turns, with the same names."""
    lowered = pl.Series(names["name"]).str.to_lowercase().unique(maintain_order=True).to_list()
    bare_build, bare = timed(lambda: AhoCorasick(lowered))
    with tempfile.TemporaryDirectory() as folder:
        compile_seconds, manifest = timed(lambda: build_dictionary_index(names, Path(folder)))
        detector = DictionaryDetector(open_dictionary_index(Path(folder)))
        first_seconds, mentions = timed(lambda: detector.detect(passages))
        raw = scan_bare(bare, texts)
        bare_seconds: list[float] = []
        own_seconds: list[float] = []
        for _ in range(repeats):
            bare_seconds.append(timed(lambda: scan_bare(bare, texts))[0])
            own_seconds.append(timed(lambda: detector.detect(passages))[0])
    return {
        "names": len(lowered),
        "patterns": manifest.patterns,
        "bare_documents_per_second": len(texts) / median(bare_seconds),
        "documents_per_second": len(texts) / median(own_seconds),
        "ratio": median(b / o for b, o in zip(bare_seconds, own_seconds, strict=True)),
        "bare_spread": spread(bare_seconds),
        "spread": spread(own_seconds),
        "raw_matches_per_document": raw / len(texts),
        "mentions_per_document": mentions.num_rows / len(texts),
        "bare_build_seconds": bare_build,
        "compile_seconds": compile_seconds,
        "first_batch_seconds": first_seconds,
    }


def cold(synonyms: pa.Table, repeats: int) -> dict[str, Any]:
    """A new process that opens the index of all synonyms and reads one sentence."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = build_dictionary_index(synonyms, Path(folder))
        seconds = [float(_python(COLD, folder)) for _ in range(repeats)]
    return {"cold_patterns": manifest.patterns, "cold_seconds": median(seconds)}


def bench(data: Path, n_names: int, n_texts: int, repeats: int, *, sampled: bool) -> dict[str, Any]:
    """Everything this benchmark measures."""
    texts = read_texts(data, n_texts)
    passages = passages_of(texts)
    _, synonyms = read_vocabulary(data)
    sets = {f"{SHORTEST} or more characters": sample(synonyms, n_names, shortest=SHORTEST)}
    if sampled:
        sets["any length"] = sample(synonyms, n_names)
    return {
        "documents": len(texts),
        "characters_per_document": sum(map(len, texts)) / len(texts),
        "sets": {each: compared(names, texts, passages, repeats) for each, names in sets.items()},
        **cold(synonyms, repeats),
    }


def _python(code: str, *arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True
    )
    return ran.stdout


def print_table(title: str, result: dict[str, Any]) -> None:
    """The result of one set of names for people."""
    table = Table(title=title)
    for heading in ("", "bare loop", "detector"):
        table.add_column(heading, justify="right" if heading else "left")
    rows = {
        "documents per second": ("bare_documents_per_second", "documents_per_second", ",.0f"),
        "matches or mentions per document": (
            "raw_matches_per_document",
            "mentions_per_document",
            ".1f",
        ),
        "spread": ("bare_spread", "spread", ".1%"),
    }
    for label, (bare, own, form) in rows.items():
        table.add_row(label, format(result[bare], form), format(result[own], form))
    table.add_row("detector / bare loop", "", f"{result['ratio']:.2f}")
    table.add_row("automaton built in, seconds", f"{result['bare_build_seconds']:.2f}", "")
    table.add_row("index compiled in, seconds", "", f"{result['compile_seconds']:.2f}")
    table.add_row("first batch, automaton included", "", f"{result['first_batch_seconds']:.2f}")
    Console().print(table)


def main() -> None:
    """Measure and print."""
    parser = options_of(__doc__, repeats=7)
    parser.add_argument("--names", type=int, default=300_000)
    parser.add_argument("--texts", type=int, default=2_000)
    parser.add_argument("--sampled", action="store_true", help="names of any length as well")
    given = parser.parse_args()
    pin_to_one_core()
    result = bench(given.data, given.names, given.texts, given.repeats, sampled=given.sampled)
    for label, each in result["sets"].items():
        print_table(f"{each['names']:,} names of {label}, {result['documents']:,} abstracts", each)
    print(
        f"Cold, one sentence, {result['cold_patterns']:,} patterns: {result['cold_seconds']:.2f} s"
    )
    report("dictionary", result, record=given.record)


if __name__ == "__main__":
    main()
