r"""How fast are names normalised, sentences split and abbreviations found, on one process?

Questions: distinct names per second through `normalise_column`, and how that compares with a
plain Python loop over the same rules; sentences per second, and how that compares with a bare
regular expression (`(?<=[.!?])\s+`) that gets one border in thirty wrong; abstracts per second
through `abbreviations`.

Inside the clock: the functions on data in memory, from Arrow to Arrow for the column and from a
list of strings to a list of strings for the loop. Not inside: imports, reading the files.

What would make it lie: repeated names (none are: the column form works on each distinct name
once, and production repeats most of them); long names and texts (they are real ones, as they
come); other work on the machine (look at the spread). The loop compared is `normalise`, whose
word lists are Aho-Corasick automata too; a loop that tried them one by one would be slower.

    python benchmarks/text.py [--data DATA]

DATA has `ontologies` and `text/abstracts.jsonl.gz`; by default $KAZU_TEST_DATA says where it is.
"""

from __future__ import annotations

import gzip
import json
import re
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from timing import measure, options_of, report, spread

from kazu_platform.text.abbreviations import abbreviations
from kazu_platform.text.normalise import normalise, normalise_column
from kazu_platform.text.sentences import sentence_spans

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Files of names, and what separates the fields of a line.
NAMES = {
    "gene": ("gene/hgnc_complete_set.txt.gz", r"[\t|]"),
    "disease": ("disease/medic_06Jul2012.txt.gz", r"\|+"),
    "chemical": ("chemical/mesh_names_derived.tsv.gz", r"[\t|]"),
    "species": ("species/reach_Species_exhaustive.tsv.gz", r"\t"),
    "cell_line": ("cell_line/reach_Cellosaurus.tsv.gz", r"\t"),
}
N_NAMES = 50_000
N_ABSTRACTS = 2_000
BARE = re.compile(r"(?<=[.!?])\s+")


def distinct_names(path: Path, separator: str) -> list[str]:
    """So many distinct names of a vocabulary file, with the numbers and codes beside them."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        fields = (field for line in lines for field in re.split(separator, line.strip()))
        return list(islice(dict.fromkeys(field for field in fields if field), N_NAMES))


def texts(path: Path) -> list[str]:
    """So many abstracts."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in islice(lines, N_ABSTRACTS)]


def bench_normalise(names: Sequence[str], entity_class: str, repeats: int) -> dict[str, Any]:
    """The column form against the loop."""
    column = pa.array(names)
    columns = measure(lambda: normalise_column(column, entity_class), repeats=repeats)
    loop = measure(lambda: [normalise(name, entity_class) for name in names], repeats=repeats)
    return {
        "names": len(names),
        "column_names_per_second": round(len(names) / median(columns)),
        "loop_names_per_second": round(len(names) / median(loop)),
        "ratio": round(median(loop) / median(columns), 2),
        "spread": round(max(spread(columns), spread(loop)), 3),
    }


def bench_sentences(abstracts: Sequence[str], repeats: int) -> dict[str, Any]:
    """The splitter against a bare regular expression."""
    split = measure(lambda: [sentence_spans(text) for text in abstracts], repeats=repeats)
    bare = measure(lambda: [list(BARE.finditer(text)) for text in abstracts], repeats=repeats)
    n_sentences = sum(len(sentence_spans(text)) for text in abstracts)
    return {
        "sentences": n_sentences,
        "sentences_per_second": round(n_sentences / median(split)),
        "megabytes_per_second": round(_megabytes(abstracts) / median(split), 1),
        "abstracts_per_second": round(len(abstracts) / median(split)),
        "times_a_bare_regex": round(median(split) / median(bare), 2),
        "spread": round(max(spread(split), spread(bare)), 3),
    }


def bench_abbreviations(abstracts: Sequence[str], repeats: int) -> dict[str, Any]:
    """Abstracts per second."""
    seconds = measure(lambda: [abbreviations(text) for text in abstracts], repeats=repeats)
    return {
        "abstracts": len(abstracts),
        "pairs": sum(len(abbreviations(text)) for text in abstracts),
        "abstracts_per_second": round(len(abstracts) / median(seconds)),
        "megabytes_per_second": round(_megabytes(abstracts) / median(seconds), 1),
        "spread": round(spread(seconds), 3),
    }


def _megabytes(abstracts: Sequence[str]) -> float:
    return sum(len(text.encode()) for text in abstracts) / 1e6


def main() -> None:
    """Run all three and print one JSON object."""
    arguments = options_of(__doc__, repeats=5).parse_args()
    ontologies = arguments.data / "ontologies"
    abstracts = texts(arguments.data / "text" / "abstracts.jsonl.gz")
    report(
        "text",
        {
            "normalise": {
                entity_class: bench_normalise(
                    distinct_names(ontologies / file, separator), entity_class, arguments.repeats
                )
                for entity_class, (file, separator) in NAMES.items()
            },
            "sentences": bench_sentences(abstracts, arguments.repeats),
            "abbreviations": bench_abbreviations(abstracts, arguments.repeats),
        },
        record=arguments.record,
    )


if __name__ == "__main__":
    main()
