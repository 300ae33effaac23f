"""By which rule are a model's and the dictionary's mentions joined best, class by class?

Question: strict F1 of the detector `model+dictionary` under many rules (`JoinRule` in
`ner/joining.py`), on each class of each corpus, beside the model alone and the dictionary alone. So
the table RULES is chosen by its figures. Names of documents are added, as where a corpus is read;
not to the model alone. At last a line for each corpus: what the rules of the code give, what the
rule with the best mean of the class gives, and its gain over the model alone with a 95 % interval.

CellFinder and GELLUS are only reported, so they are not looked at here, and there is no split test.
The vocabularies are those of `tests/catalogues/shared.yaml`. Each detector reads once; with
`--keep` what they found is kept, and so is the dictionary: empty that folder after a vocabulary or
a curation changed.

Where mentions of a class nest, the figures take the longest (as `evaluate` does), so with the
borders of both the longer one wins. The two detectors alone are among the rules, with the names of
documents; `--grid` compares every combination of the values, for a quarter of an hour or more.

What would make the figures lie: rules compared by dozens on the corpus that chooses them (a gain
whose interval holds 0 is none; `--grid` makes it worse); corpora that disagree on what a class is,
whose mean is then of little use (`--corpora` says whose mean counts); a dictionary whose curations
were made on the train splits of the same corpora.

    python benchmarks/joining.py [--data DATA] [--model FOLDER] [--keep FOLDER] [--classes gene]

FOLDER is a model, by default the one in use.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Final, Literal

import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table
from timing import options_of, report
from vocabulary import CATALOGUE

from kazu_platform.commands.detectors import open_chosen_model
from kazu_platform.commands.indices import compiled_detector
from kazu_platform.documents import digest
from kazu_platform.errors import ArtifactError
from kazu_platform.evaluation.corpora import distinct_passages, mentions_in, rows_of
from kazu_platform.evaluation.gold import read_gold
from kazu_platform.evaluation.ner import match_mentions
from kazu_platform.evaluation.paper import PAPER_CLASSES
from kazu_platform.evaluation.scores import paired_difference
from kazu_platform.ner.defined import definitions
from kazu_platform.ner.dictionary import DictionaryDetector
from kazu_platform.ner.dictionary_index import open_dictionary_index
from kazu_platform.ner.documented import with_names_of_documents
from kazu_platform.ner.joining import DEFAULT_RULE, RULES, JoinRule, join
from kazu_platform.settings import read_catalogue, read_settings
from kazu_platform.tables import DICTIONARY_MENTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl
    import pyarrow as pa

    from kazu_platform.evaluation.corpora import CorpusRow
    from kazu_platform.evaluation.entities import SpanGold, TokenGold
    from kazu_platform.evaluation.scores import Counts
    from kazu_platform.ner.detector import Detector

    Counted = Mapping[CorpusRow, Counts]

NEVER: Final = 2.0
"""No probability reaches it."""
BORDERS: Final = ("model", "dictionary", "both")
LOW: Final = (0.1, 0.2, 0.3, 0.4)
HIGH: Final = (0.6, 0.7, 0.8, 0.9)
ALONE: Final[tuple[tuple[Literal["always", "never"], float], ...]] = (
    ("always", NEVER),
    *(("never", low) for low in (*LOW, NEVER)),
)
MODEL, DICTIONARY, AS_IT_IS = "model alone", "dictionary alone", "RULES as they are"


def rules_of(*, grid: bool) -> dict[str, JoinRule]:
    """The rules to compare, by what they say."""
    one_alone = [
        JoinRule(accept=NEVER, support=NEVER),
        JoinRule(support=NEVER, alone="never", doubted=NEVER),
    ]
    apart = [JoinRule(support=NEVER, borders=borders) for borders in BORDERS]
    supported = [JoinRule(support=low, alone="never", doubted=NEVER) for low in LOW]
    confirmed = [
        JoinRule(support=low, alone="never", doubted=low, borders=borders)
        for low in LOW
        for borders in ("dictionary", "both")
    ]
    helped = [
        JoinRule(support=low, borders=borders) for low in LOW for borders in ("model", "both")
    ]
    sure = [JoinRule(accept=high, support=0.3) for high in (*HIGH, NEVER)]
    sure_apart = [
        JoinRule(accept=high, support=NEVER, borders=borders)
        for high in HIGH
        for borders in BORDERS[:2]
    ]
    rules = [*one_alone, *apart, *supported, *confirmed, *helped, *sure, *sure_apart]
    if grid:
        rules += [
            JoinRule(accept, support, alone, doubted, borders)
            for accept in (None, *HIGH, NEVER)
            for support in LOW
            for alone, doubted in ALONE
            for borders in BORDERS
        ]
    return {said(rule): rule for rule in rules}


def said(rule: JoinRule) -> str:
    """A rule in few words."""

    def least(value: float | None) -> str:
        return "own" if value is None else "never" if value >= NEVER else f"{value:g}"

    matches = "stay" if rule.alone == "always" else f"from {least(rule.doubted)}"
    return (
        f"accept {least(rule.accept)}, support {least(rule.support)}, matches {matches}, "
        f"borders {rule.borders}"
    )


@dataclass(frozen=True)
class Bench:
    """What both detectors found in every gold, and how it is counted."""

    golds: Mapping[Path, TokenGold | SpanGold]
    rows: Sequence[CorpusRow]
    passages: pa.Table
    defined: pl.DataFrame
    candidates: pa.Table
    matches: pa.Table
    thresholds: Mapping[str, float]
    versions: Mapping[str, str]

    def under(self, rules: Mapping[str, JoinRule]) -> Counted:
        """Join by some rules and count."""
        return self.named(join(self.candidates, self.matches, self.thresholds, rules))

    def found_by_model(self) -> pa.Table:
        """What the model finds when nobody helps it."""
        alone = dict.fromkeys(self.thresholds, DEFAULT_RULE)
        return join(self.candidates, DICTIONARY_MENTIONS.empty(), self.thresholds, alone)

    def named(self, found: pa.Table) -> Counted:
        """Add what documents name themselves, and count."""
        return self.counts(with_names_of_documents(found, self.passages, self.defined))

    def counts(self, found: pa.Table) -> Counted:
        """Entities in the units of each row."""
        of_gold = {folder: mentions_in(gold, found) for folder, gold in self.golds.items()}
        return {
            row: match_mentions(
                self.golds[row.folder], of_gold[row.folder], row.entity_class
            ).counts
            for row in self.rows
        }


def open_bench(rows: Sequence[CorpusRow], split: str, model: Path | None, keep: Path) -> Bench:
    """Let both detectors read, unless what they found was kept."""
    golds = {folder: read_gold(folder, split) for folder in {row.folder: None for row in rows}}
    passages = distinct_passages(list(golds.values()))
    opened = open_chosen_model(read_settings(), model)
    dictionary = _dictionary(keep / "dictionary")
    return Bench(
        golds=golds,
        rows=rows,
        passages=passages,
        defined=definitions(passages),
        candidates=_found(opened.giving_candidates(), passages, keep),
        matches=_found(dictionary, passages, keep),
        thresholds=dict(zip(opened.classes, opened.thresholds, strict=True)),
        versions={"model": opened.version, "dictionary": dictionary.version},
    )


def _found(detector: Detector, passages: pa.Table, keep: Path) -> pa.Table:
    texts = digest(*passages["doc_id"].to_pylist(), *passages["content_hash"].to_pylist())
    path = keep / f"{detector.name}-{detector.version}-{texts}.parquet"
    if not path.exists():
        pq.write_table(detector.detect(passages), path)
    return pq.read_table(path)


def _dictionary(folder: Path) -> DictionaryDetector:
    try:
        return DictionaryDetector(open_dictionary_index(folder))
    except (ArtifactError, OSError):
        folder.mkdir(exist_ok=True)
        return compiled_detector(read_catalogue(CATALOGUE), folder)


def f1_of(counts: Counts) -> float:
    """F1 in percent, without the interval that `score` takes its time for."""
    both = int(counts.found.sum() + counts.gold.sum())
    return 200 * int(counts.correct.sum()) / both if both else 0.0


def said_of(row: CorpusRow) -> str:
    """A corpus and a class."""
    return f"{row.folder.name} {row.entity_class}"


@dataclass(frozen=True)
class Compared:
    """F1 of every contender in every row, in percent, and the rules among them."""

    counts: Mapping[str, Counted]
    rules: Mapping[str, JoinRule]
    chosen_on: Sequence[CorpusRow]

    def f1(self, name: str, row: CorpusRow) -> float:
        """What a contender reaches."""
        return f1_of(self.counts[name][row])

    def mean(self, name: str, rows: Sequence[CorpusRow]) -> float:
        """What it reaches on average where that counts."""
        return mean(self.f1(name, row) for row in rows if row in self.chosen_on)

    def best(self, rows: Sequence[CorpusRow]) -> str:
        """The rule with the best mean; of equal ones the first."""
        return max(self.rules, key=lambda name: round(self.mean(name, rows), 2))


def compare(bench: Bench, rules: Mapping[str, JoinRule], chosen_on: set[str]) -> Compared:
    """Count what each rule makes of the same candidates and matches."""
    classes = {row.entity_class for row in bench.rows}
    counts = {
        MODEL: bench.counts(bench.found_by_model()),
        DICTIONARY: bench.named(bench.matches),
        AS_IT_IS: bench.under(RULES),
    }
    for number, (name, rule) in enumerate(rules.items(), start=1):
        print(f"rule {number} of {len(rules)}", end="\r", file=sys.stderr)
        counts[name] = bench.under({**RULES, **dict.fromkeys(classes, rule)})
    on = [row for row in bench.rows if row.folder.name in chosen_on]
    return Compared(counts, rules, on)


def print_class(entity_class: str, rows: Sequence[CorpusRow], compared: Compared, top: int) -> None:
    """A line for each contender, best first; the best of each column is marked."""
    table = Table(title=f"{entity_class}: F1 by rule, strict")
    table.add_column("rule", no_wrap=True)
    for heading in (*(row.folder.name for row in rows), "mean"):
        table.add_column(heading, justify="right")

    def values(name: str) -> list[float]:
        return [*(compared.f1(name, row) for row in rows), compared.mean(name, rows)]

    rules = sorted(compared.rules, key=lambda name: -compared.mean(name, rows))
    best = [max(column) for column in zip(*map(values, compared.counts), strict=True)]
    for name in (MODEL, DICTIONARY, AS_IT_IS, *rules[:top]):
        cells = [
            f"{value:.1f}{'*' if value == most else ' '}"
            for value, most in zip(values(name), best, strict=True)
        ]
        table.add_row(name, *cells, end_section=name == AS_IT_IS)
    Console(width=160).print(table)


def print_chosen(
    compared: Compared, chosen: Mapping[str, str], together: Counted, rows: Sequence[CorpusRow]
) -> None:
    """What the best rule of each class gives, all of them at once."""
    table = Table(title="the best rule of each class, together")
    for heading in ("corpus", "class", "model", "dictionary", "RULES", "best", "over the model"):
        table.add_column(heading, justify="left" if heading in {"corpus", "class"} else "right")
    for row in rows:
        gain = paired_difference(together[row], compared.counts[MODEL][row])
        table.add_row(
            row.folder.name,
            row.entity_class,
            *(f"{compared.f1(name, row):.1f}" for name in (MODEL, DICTIONARY, AS_IT_IS)),
            f"{f1_of(together[row]):.1f}",
            f"{100 * gain.value:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})",
        )
    Console(width=160).print(table)
    for entity_class, name in chosen.items():
        print(f"{entity_class}: {name}\n    {compared.rules[name]}")


def main() -> None:
    """Compare the rules, class by class."""
    parser = options_of(__doc__, repeats=1)
    parser.add_argument("--model", type=Path, help="default: the one in use")
    parser.add_argument("--keep", type=Path, help="folder for what was found; default: none")
    parser.add_argument("--split", choices=("train", "devel"), default="devel")
    parser.add_argument("--classes", nargs="+", choices=PAPER_CLASSES, default=PAPER_CLASSES)
    parser.add_argument("--corpora", nargs="+", help="whose mean counts; default: all")
    parser.add_argument("--grid", action="store_true", help="compare every combination")
    parser.add_argument("--top", type=int, default=20, help="rules to print; default: %(default)s")
    given = parser.parse_args()
    rows = [
        row
        for row in rows_of(given.data / "ner", given.split)
        if row.group != "cross_corpus" and row.entity_class in given.classes
    ]
    there = {row.folder.name for row in rows}
    if unknown := set(given.corpora or ()) - there:
        parser.error(
            f"nothing is chosen by {', '.join(sorted(unknown))}: not among {sorted(there)}"
        )
    with tempfile.TemporaryDirectory(prefix="joining-") as folder:
        keep = given.keep or Path(folder)
        keep.mkdir(parents=True, exist_ok=True)
        os.environ["KAZU_TEST_DATA"] = str(given.data)
        bench = open_bench(rows, given.split, given.model, keep)
    compared = compare(bench, rules_of(grid=given.grid), set(given.corpora or there))
    chosen: dict[str, str] = {}
    for entity_class in dict.fromkeys(row.entity_class for row in compared.chosen_on):
        of_class = [row for row in rows if row.entity_class == entity_class]
        print_class(entity_class, of_class, compared, given.top)
        chosen[entity_class] = compared.best(of_class)
    rules = {**RULES} | {name: compared.rules[rule] for name, rule in chosen.items()}
    together = bench.under(rules)
    print_chosen(compared, chosen, together, rows)
    result = {
        "split": given.split,
        "versions": bench.versions,
        "chosen_on": sorted(row.folder.name for row in compared.chosen_on),
        "f1": {
            name: {said_of(row): round(compared.f1(name, row), 2) for row in rows}
            for name in compared.counts
        },
        "chosen": {name: asdict(compared.rules[rule]) for name, rule in chosen.items()},
        "together": {said_of(row): round(f1_of(together[row]), 2) for row in rows},
    }
    report("joining", result, record=given.record)


if __name__ == "__main__":
    main()
