"""What does each layer of a vocabulary do to what the dictionary detector finds?

Question: strict precision, recall and F1 of the dictionary detector alone on gold that people
marked, before and after each layer, with 95 % intervals from a bootstrap over documents, and the
paired difference of F1 to the layer before. Layers, each on top of the last:

- raw: the names of the source, three characters or more, without regard to case;
- curation: the same names with what automatic curation says (held back, in their case only, only
  in a context) and what people decided;
- generation: the names that rules make, too;
- normalisation: spellings that the scan form holds for equal (gaps, hyphens, Greek letters);
- scientific: species that documents name by their form ("Larkinella insperata");
- glosses: common names that documents explain by a scientific one;
- definitions: what documents call their own short forms.

Up to generation a mention counts only in the exact spelling of a name, case, dashes and runs of
blanks aside. The vocabularies are those of one class in `tests/catalogues/shared.yaml`.

Nothing is timed. What would make the figures lie: tokenised corpora write "IL - 2" and "COX - 2",
so no name with a hyphen is there in its exact spelling, and normalisation looks larger here than on
text as it was written; splits that rules and lists were made on (train), so that only devel says
what a layer is worth; gold that leaves out what names mean (genera, groups); intervals over few
documents (GELLUS). CellFinder and GELLUS are only reported: nothing was chosen by them.

`--rules` says besides what each rule does (`dictionary_rules`): for generation on train splits,
for curation on the given split, and for both on abstracts that nobody marked.

    python benchmarks/dictionary_layers.py [--split devel] [--corpora s800 gellus] [--rules]

DATA is the folder of development data; by default $KAZU_TEST_DATA says where it is.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from dictionary_rules import RuleEffects, effects, print_effects
from rich.console import Console
from rich.table import Table
from timing import options_of, report
from vocabulary import CATALOGUE, detector_of, exact_spelling

from kazu_platform.evaluation.gold import read_gold
from kazu_platform.evaluation.ner import match_mentions
from kazu_platform.evaluation.scores import paired_difference, score
from kazu_platform.ner.defined import definitions, with_defined
from kazu_platform.ner.glossed import with_glossed
from kazu_platform.ner.scientific import with_scientific
from kazu_platform.ontologies.curating import apply_curations
from kazu_platform.ontologies.curations import read_curations
from kazu_platform.ontologies.vocabulary import parse_vocabulary
from kazu_platform.settings import read_catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

    from kazu_platform.evaluation.entities import SpanGold, TokenGold
    from kazu_platform.evaluation.scores import Counts, Figure, Score
    from kazu_platform.ner.dictionary import DictionaryDetector

    DocumentRule = Callable[[pa.Table, pa.Table, pl.DataFrame], pa.Table]

CORPORA = {
    "linnaeus": "species",
    "s800": "species",
    "CRAFT-species": "species",
    "gellus": "cell_line",
    "bioid-cellline": "cell_line",
    "NCBI-disease": "disease",
    "BC5CDR-disease": "disease",
    "BC5CDR-chem": "chemical",
    "nlm-gene": "gene",
    "gnormplus": "gene",
    "BC2GM": "gene",
    "cellfinder-species": "species",
    "cellfinder-cellline": "cell_line",
}
ONLY_REPORTED = ("gellus", "cellfinder-species", "cellfinder-cellline")
SHORTEST_RAW = 3


@dataclass(frozen=True)
class Layer:
    """A detector, and what is done to its mentions."""

    name: str
    detector: DictionaryDetector
    spellings: frozenset[str] | None
    """Folded names, one of which a mention must be; None: any that the detector finds."""
    rules: Sequence[DocumentRule] = ()
    """What documents name themselves, rule after rule."""

    def mentions(self, passages: pa.Table, defined: pl.DataFrame) -> pa.Table:
        """What this layer finds."""
        found = self.detector.detect(passages)
        if self.spellings is not None:
            found = found.filter(exact_spelling(found, self.spellings))
        for rule in self.rules:
            found = rule(found, passages, defined)
        return found


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of a layer on a split of a corpus; `gain` over the layer before in F1."""

    layer: str
    score: Score
    gain: Figure | None

    def as_json(self) -> dict[str, Any]:
        """Values with the borders of their intervals."""
        figures = {name: list(getattr(self.score, name)) for name in ("precision", "recall", "f1")}
        return {
            **{name: [round(value, 4) for value in values] for name, values in figures.items()},
            "gain": self.gain and [round(value, 4) for value in self.gain],
            "n_gold": self.score.n_gold,
            "n_found": self.score.n_found,
            "n_correct": self.score.n_correct,
        }


def synonyms_of(data: Path, entity_class: str) -> pl.DataFrame:
    """The names of every ontology of a class, with their verdicts and the curations."""
    os.environ["KAZU_TEST_DATA"] = str(data)
    catalogue = read_catalogue(CATALOGUE)
    path = Path(str(catalogue.curations))
    today = datetime.now(UTC).date()
    curations = read_curations(path, today=today, ontologies=catalogue.ontologies)
    names: list[pl.DataFrame] = []
    for source in catalogue.ontologies:
        if source.entity_class == entity_class:
            made = parse_vocabulary(source, Path(source.url))
            names.append(pl.DataFrame(apply_curations(made.synonyms, curations, made.concepts)))
    return pl.concat(names)


def layers_of(synonyms: pl.DataFrame, folder: Path) -> list[Layer]:
    """The layers of a class, each with its index compiled."""
    given = synonyms.filter(pl.col("source") != "generated")
    of_source = synonyms.filter(pl.col("source") == "ontology")
    obsolete = pl.col("held_back_by").fill_null("") == "obsolete"
    raw = of_source.with_columns(
        case_sensitive=pl.lit(value=False),
        in_context=pl.lit(value=False),
        active=(pl.col("name").str.len_chars() >= SHORTEST_RAW) & ~obsolete,
    )
    crude, curated, full = (
        detector_of(names, folder / name)
        for name, names in (("raw", raw), ("curated", given), ("full", synonyms))
    )
    return [
        Layer("raw", crude[0], crude[1]),
        Layer("curation", curated[0], curated[1]),
        Layer("generation", full[0], full[1]),
        Layer("normalisation", full[0], None),
        Layer("scientific", full[0], None, (_scientific,)),
        Layer("glosses", full[0], None, (_scientific, _glossed)),
        Layer("definitions", full[0], None, (_scientific, _glossed, with_defined)),
    ]


def _scientific(found: pa.Table, passages: pa.Table, _defined: pl.DataFrame) -> pa.Table:
    return with_scientific(found, passages)


def _glossed(found: pa.Table, passages: pa.Table, _defined: pl.DataFrame) -> pa.Table:
    return with_glossed(found, passages)


def bench(gold: TokenGold | SpanGold, layers: Sequence[Layer], entity_class: str) -> list[Result]:
    """Score every layer on a gold."""
    defined = definitions(gold.passages)
    results: list[Result] = []
    before: Counts | None = None
    for layer in layers:
        mentions = layer.mentions(gold.passages, defined)
        counts = match_mentions(gold, mentions, entity_class).counts
        gain = None if before is None else paired_difference(counts, before)
        results.append(Result(layer.name, score(counts), gain))
        before = counts
    return results


def print_results(split: str, results: Mapping[str, Sequence[Result]]) -> None:
    """A line for each layer of each corpus."""
    table = Table(title=f"Dictionary detector alone, split {split}, strict")
    for heading in ("corpus", "layer", "P", "R", "F1", "interval", "gain in F1", "interval", ""):
        left = heading in {"corpus", "layer", ""}
        table.add_column(heading, justify="left" if left else "right")
    for corpus, layers in results.items():
        only = " (only reported)" if corpus in ONLY_REPORTED else ""
        for place, each in enumerate(layers):
            f1, gain = each.score.f1, each.gain
            table.add_row(
                f"{corpus}{only}" if place == 0 else "",
                each.layer,
                f"{100 * each.score.precision.value:.1f}",
                f"{100 * each.score.recall.value:.1f}",
                f"{100 * f1.value:.1f}",
                f"{100 * f1.low:.1f} to {100 * f1.high:.1f}",
                "" if gain is None else f"{100 * gain.value:+.1f}",
                "" if gain is None else f"{100 * gain.low:+.1f} to {100 * gain.high:+.1f}",
                "LOWER" if gain is not None and gain.high < 0 else "",
            )
        table.add_section()
    Console(width=140).print(table)


def main() -> None:
    """Score the layers on each corpus, and the rules if asked."""
    parser = options_of(__doc__, repeats=1)
    parser.add_argument("--split", choices=("train", "devel"), default="devel")
    parser.add_argument("--corpora", nargs="+", choices=CORPORA, default=list(CORPORA))
    parser.add_argument("--rules", action="store_true", help="what each rule does, as well")
    parser.add_argument("--abstracts", type=int, default=5_000, help="to count rules on")
    given = parser.parse_args()
    results: dict[str, list[Result]] = {}
    of_rules: list[RuleEffects] = []
    for entity_class in dict.fromkeys(CORPORA[name] for name in given.corpora):
        synonyms = synonyms_of(given.data, entity_class)
        wanted = [name for name in given.corpora if CORPORA[name] == entity_class]
        with tempfile.TemporaryDirectory(prefix="layers-") as folder:
            layers = layers_of(synonyms, Path(folder))
            for corpus in wanted:
                gold = read_gold(given.data / "ner" / corpus, given.split)
                results[corpus] = bench(gold, layers, entity_class)
        if given.rules:
            chosen = [name for name in wanted if name not in ONLY_REPORTED]
            of_rules += effects(
                synonyms, entity_class, given.data, chosen, given.split, n_abstracts=given.abstracts
            )
    results = {corpus: results[corpus] for corpus in given.corpora}
    print_results(given.split, results)
    if of_rules:
        print_effects(of_rules, given.split, given.abstracts)
    report(
        "dictionary_layers",
        {
            "split": given.split,
            "corpora": {
                corpus: {each.layer: each.as_json() for each in layers}
                for corpus, layers in results.items()
            },
            "rules": [each.as_json() for each in of_rules],
        },
        record=given.record,
    )


if __name__ == "__main__":
    main()
