"""What each rule of generation and of automatic curation does to what the detector finds.

A rule of generation is credited with the entities that the detector finds with generated names and
not without, whose spelling only this rule makes ("several rules" and "other" are lines of their
own: spellings that more than one makes, and mentions that end within a token). A rule of curation
is credited with those that it takes away: found if every name is active, not found as things are.
Two more lines make a name stricter instead of holding it back: `case_sensitive` and `in_context`.
A rule of documents is credited with what it adds to the rules before it.

Entities are compared as everywhere in `evaluation`, the longest of overlapping ones only. So a
wrong one may also hide a right one inside it, which is counted nowhere here; the table of layers
has the sum. *precision bought* is the precision of a class on the gold less what it would be
with the entities of this one rule given back.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.console import Console
from rich.table import Table
from vocabulary import detector_of

from kazu_platform.evaluation.entities import Entities
from kazu_platform.evaluation.gold import read_gold
from kazu_platform.evaluation.ner import match_mentions
from kazu_platform.evaluation.scores import is_in
from kazu_platform.ner.defined import definitions, with_defined
from kazu_platform.ner.glossed import with_glossed
from kazu_platform.ner.places import with_places
from kazu_platform.ner.scan import scan_names
from kazu_platform.ner.scientific import scientific
from kazu_platform.ontologies.autocuration import RULES
from kazu_platform.tables import PASSAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from kazu_platform.evaluation.entities import SpanGold, TokenGold
    from kazu_platform.ner.dictionary import DictionaryDetector

    Gold = TokenGold | SpanGold
    Labels = Mapping[str, str]

SEVERAL, OTHER = "several rules", "other"
PLACE = ["doc_id", "start", "end"]


@dataclass(frozen=True, slots=True)
class RuleEffects:
    """What a rule does in a class; a share of precision is None where nothing was found."""

    kind: str
    entity_class: str
    rule: str
    names: int
    right: int
    wrong: int
    in_abstracts: int
    precision_bought: float | None = None

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)


def effects(  # noqa: PLR0913 - the options of a benchmark
    synonyms: pl.DataFrame,
    entity_class: str,
    data: Path,
    corpora: Sequence[str],
    split: str,
    *,
    n_abstracts: int,
) -> list[RuleEffects]:
    """Rules of generation on the train splits of some corpora, rules of curation on the given."""
    train, own = (
        [read_gold(data / "ner" / corpus, each) for corpus in corpora] for each in ("train", split)
    )
    abstracts = read_abstracts(data / "text" / "abstracts.jsonl.gz", n_abstracts)
    of_source = synonyms.filter(pl.col("source") == "ontology")
    with tempfile.TemporaryDirectory(prefix="rules-") as name:
        folder = Path(name)
        full, _ = detector_of(synonyms, folder / "full")
        bare, _ = detector_of(of_source, folder / "bare")
        made = synonyms.filter(pl.col("rule").is_not_null() & pl.col("active"))
        generated = _Difference(full, bare, entity_class, _labels(made, "rule"))
        found = generated.rows("generation", _names(synonyms, "rule"), train, abstracts)
        held_back = synonyms.filter(pl.col("held_back_by").is_not_null())
        every, _ = detector_of(synonyms.with_columns(active=pl.lit(value=True)), folder / "every")
        curated = _Difference(every, full, entity_class, _labels(held_back, "held_back_by"))
        found += curated.rows("curation", _names(synonyms, "held_back_by"), own, abstracts)
        for rule in ("case_sensitive", "in_context"):
            names = synonyms.filter(pl.col("active") & pl.col(rule)).height
            if names:
                loose = synonyms.with_columns(pl.lit(value=False).alias(rule))
                lenient, _ = detector_of(loose, folder / rule)
                strict = _Difference(lenient, full, entity_class, rule)
                found += strict.rows("curation", {rule: names}, own, abstracts)
        found += _of_documents(full, entity_class, train, abstracts)
    return found


def _of_documents(
    detector: DictionaryDetector, entity_class: str, golds: Sequence[Gold], abstracts: pa.Table
) -> list[RuleEffects]:
    """What each rule on whole documents adds to the ones before it."""
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for gold in golds:
        before = match_mentions(gold, detector.detect(gold.passages), entity_class)
        for rule, mentions in _document_layers(detector, gold.passages):
            after = match_mentions(gold, mentions, entity_class)
            new = ~is_in(after.found, before.found)
            fits = new & is_in(after.found, after.gold)
            right[rule] += int(fits.sum())
            wrong[rule] += int((new & ~fits).sum())
            before = after
    layers = _document_layers(detector, abstracts)
    found = [detector.detect(abstracts), *(mentions for _, mentions in layers)]
    sizes = [rows["entity_class"].to_pylist().count(entity_class) for rows in found]
    return [
        RuleEffects("documents", entity_class, rule, 0, right[rule], wrong[rule], more - less)
        for (rule, _), less, more in zip(layers, sizes, sizes[1:], strict=False)
    ]


def _document_layers(
    detector: DictionaryDetector, passages: pa.Table
) -> list[tuple[str, pa.Table]]:
    """The mentions after each rule on whole documents."""
    found = detector.detect(passages)
    places = scientific(found, passages)
    layers: list[tuple[str, pa.Table]] = []
    for rule in ("binomials", "short_binomials", "wider_and_narrower"):
        own = places.filter(rule=rule)
        found = with_places(found, passages, own, detector=rule, version="")
        layers.append((rule, found))
    layers.append(("glosses", found := with_glossed(found, passages)))
    layers.append(("definitions", with_defined(found, passages, definitions(passages))))
    return layers


@dataclass(frozen=True)
class _Difference:
    """What one detector finds and another does not, by rule.

    `labels` says which rule a scan form belongs to, or is the only rule that there is.
    """

    more: DictionaryDetector
    less: DictionaryDetector
    entity_class: str
    labels: Labels | str

    def rows(
        self, kind: str, names: Mapping[str, int], golds: Sequence[Gold], abstracts: pa.Table
    ) -> list[RuleEffects]:
        """A row for each rule that has names, or entities."""
        right: Counter[str] = Counter()
        wrong: Counter[str] = Counter()
        correct = n_found = 0
        for gold in golds:
            more, less = (
                match_mentions(gold, detector.detect(gold.passages), self.entity_class)
                for detector in (self.more, self.less)
            )
            correct += int(less.counts.correct.sum())
            n_found += len(less.found)
            new = ~is_in(more.found, less.found)
            fresh = Entities(more.found.document[new], more.found.start[new], more.found.end[new])
            is_right = is_in(fresh, more.gold).tolist()
            for label, fits in zip(self._rules(fresh.texts(gold.passages)), is_right, strict=True):
                (right if fits else wrong)[label] += 1
        in_text = Counter(self._rules(self._only_in_more(abstracts)))
        return [
            RuleEffects(
                kind,
                self.entity_class,
                rule,
                names.get(rule, 0),
                right[rule],
                wrong[rule],
                in_text[rule],
                _bought(correct, n_found, right[rule], wrong[rule]) if kind == "curation" else None,
            )
            for rule in dict.fromkeys([*names, *right, *wrong, *in_text])
        ]

    def _only_in_more(self, passages: pa.Table) -> list[str]:
        more, less = (
            pl.DataFrame(detector.detect(passages).select([*PLACE, "text"]))
            for detector in (self.more, self.less)
        )
        return more.join(less, on=PLACE, how="anti")["text"].to_list()

    def _rules(self, texts: Sequence[str]) -> list[str]:
        if isinstance(self.labels, str):
            return [self.labels] * len(texts)
        return [self.labels.get(form, OTHER) for form in scan_names(texts)[0]]


def _bought(correct: int, found: int, right: int, wrong: int) -> float | None:
    if not found:
        return None
    return correct / found - (correct + right) / (found + right + wrong)


def _names(synonyms: pl.DataFrame, column: str) -> dict[str, int]:
    """How many names each rule has, in the order in which curation tries its rules."""
    counted: dict[str, int] = dict(synonyms.drop_nulls(column)[column].value_counts().iter_rows())
    return {rule: counted[rule] for rule in sorted(counted, key=_place)}


def _place(rule: str) -> tuple[int, str]:
    return (RULES.index(rule) if rule in RULES else len(RULES), rule)


def _labels(names: pl.DataFrame, column: str) -> Labels:
    """The rule of each scan form.

    Several rules of generation share a form; of curation the one tried first has it.
    """
    labels: dict[str, str] = {}
    forms = scan_names(names["name"].to_list())[0]
    for form, rule in zip(forms, names[column].to_list(), strict=True):
        known = labels.setdefault(form, rule)
        if known != rule:
            labels[form] = SEVERAL if column == "rule" else min(known, rule, key=_place)
    return labels


def read_abstracts(path: Path, n_abstracts: int) -> pa.Table:
    """So many abstracts as passages of one sentence: a detector does not ask where they end."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in islice(lines, n_abstracts)]
    return PASSAGES.from_columns(
        {
            "doc_id": [str(number) for number in range(len(texts))],
            "content_hash": [""] * len(texts),
            "section": [0] * len(texts),
            "name": ["text"] * len(texts),
            "text": texts,
            "sentences": [[{"start": 0, "end": len(text)}] for text in texts],
        }
    )


def print_effects(rows: Iterable[RuleEffects], split: str, n_abstracts: int) -> None:
    """A table for each kind of rules."""
    rows = list(rows)
    titles = {
        "generation": "Rules of generation: found through them alone on the train splits",
        "curation": f"Rules of curation: taken away by them on split {split}",
        "documents": "Rules on whole documents: added to the ones before, on the train splits",
    }
    for kind, title in titles.items():
        table = Table(title=title)
        headings = ["class", "rule", "names", "right", "wrong", f"in {n_abstracts:,} abstracts"]
        if kind == "curation":
            headings.append("precision bought")
        for heading in headings:
            table.add_column(heading, justify="left" if heading in {"class", "rule"} else "right")
        for each in rows:
            if each.kind == kind:
                numbers = (each.names, each.right, each.wrong, each.in_abstracts)
                bought = each.precision_bought
                table.add_row(
                    each.entity_class,
                    each.rule,
                    *(f"{number:,}" for number in numbers),
                    *([f"{100 * bought:+.1f}"] if bought is not None else []),
                )
        Console(width=120).print(table)
