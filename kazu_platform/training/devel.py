"""Devel: the sets that a new model is measured on before it is used."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kazu_platform.evaluation.corpora import detect_once
from kazu_platform.evaluation.documents import with_documents
from kazu_platform.evaluation.entities import TokenGold, passages_of_texts
from kazu_platform.evaluation.examples import examples, to_markdown
from kazu_platform.evaluation.ner import evaluate_mentions
from kazu_platform.ner.model import sentences_of
from kazu_platform.training.corpora import read_marked
from kazu_platform.training.filters import of_test_documents
from kazu_platform.training.labelling import document_ids

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from kazu_platform.evaluation.entities import SpanGold
    from kazu_platform.evaluation.ner import Evaluation
    from kazu_platform.evaluation.scores import Counts
    from kazu_platform.ner.detector import Detector
    from kazu_platform.settings import CorpusSource

DEVEL = "devel"


@dataclass(frozen=True)
class DevelSet:
    """The devel split of a corpus, and the classes that it marks."""

    gold: TokenGold | SpanGold
    classes: tuple[str, ...]


def read_devel_sets(
    files: Sequence[tuple[CorpusSource, Path]], test_pmids: frozenset[str]
) -> list[DevelSet]:
    """Read devel splits as they were published; types have the names of our classes.

    By a test document nothing may be chosen, so it is left out; a set of which nothing is left is
    none.

    Args:
        files: Sources of the catalogue, each with the file of its devel split.
        test_pmids: PMIDs of test documents.

    Raises:
        MalformedFileError: a file is not what its format promises; names the line.
    """
    sets: list[DevelSet] = []
    for source, path in files:
        gold = read_marked(path, source.format, source.name, DEVEL)
        if source.pmids:
            ids = pa.chunked_array([document_ids(gold)])
            gold = with_documents(gold, ~of_test_documents(ids, test_pmids))
        if gold.passages.num_rows:
            sets.append(DevelSet(with_types(gold, source.types), source.classes))
    return sets


def with_types(gold: TokenGold | SpanGold, types: Mapping[str, str]) -> TokenGold | SpanGold:
    """The same gold with types called by the classes that they are."""
    counted: Counter[str] = Counter()
    for name, times in gold.types.items():
        counted[types.get(name, name)] += times
    if not isinstance(gold, TokenGold):
        kinds = tuple(types.get(name, name) for name in gold.entity_types)
        return replace(gold, types=dict(counted), entity_types=kinds)
    names = list(counted)
    new = np.array([names.index(types.get(name, name)) for name in gold.types] + [-1], np.int64)
    tokens = replace(gold.tokens, kind=new[gold.tokens.kind])  # -1, no entity, is the last one
    return replace(gold, types=dict(counted), tokens=tokens)


def evaluate_devel(
    sets: Sequence[DevelSet], detector: Detector, classes: Collection[str]
) -> list[Evaluation]:
    """Evaluate a detector on each of some classes in every set that marks it.

    Args:
        sets: What it is measured on; a text that several share is read once.
        detector: Who reads.
        classes: Which classes.
    """
    if not sets:
        return []
    found = detect_once([each.gold for each in sets], detector)
    return [
        evaluate_mentions(each.gold, mentions, entity_class, of=detector)
        for each, mentions in zip(sets, found, strict=True)
        for entity_class in each.classes
        if entity_class in classes
    ]


def counts_of(evaluations: Sequence[Evaluation]) -> dict[tuple[str, str], Counts]:
    """What models are compared by, by corpus and class."""
    return {(each.corpus, each.entity_class): each.match.counts for each in evaluations}


def figures_to_markdown(evaluations: Sequence[Evaluation]) -> str:
    """A table of F1 in percent, with its interval."""
    head = (
        "| corpus | class | F1 | low | high | precision | recall | relaxed F1 | marked |\n"
        + "|---" * 9
        + "|"
    )
    return "\n".join([head, *(_row(each) for each in evaluations)])


def mistakes_to_markdown(
    sets: Sequence[DevelSet], evaluations: Sequence[Evaluation], *, most: int
) -> str:
    """Frequent mistakes of each corpus and class, in their sentences."""
    golds = {each.gold.corpus: each.gold for each in sets}
    parts = [
        f"**{each.corpus}, {each.entity_class}**\n\n{to_markdown(shown)}"
        for each in evaluations
        if (shown := examples(golds[each.corpus], each.match, most=most))
    ]
    return "\n\n".join(parts) or "no mistakes"


def some_sentences(sets: Sequence[DevelSet], most: int) -> list[str]:
    """Distinct sentences, spread over all sets; always the same ones."""
    every = list(dict.fromkeys(s for each in sets for s in sentences_of(each.gold.passages)))
    chosen = np.linspace(0, len(every) - 1, min(most, len(every))).astype(np.int64)
    return [every[place] for place in chosen.tolist()]


def passages_of_sentences(texts: Sequence[str]) -> pa.Table:
    """Sentences as documents (PASSAGES)."""
    ends = np.fromiter(map(len, texts), np.int64, len(texts))
    ids = [f"sentence:{number}" for number in range(len(texts))]
    return passages_of_texts(ids, texts, np.zeros_like(ends), ends, np.ones_like(ends))


def _row(each: Evaluation) -> str:
    score = each.score
    figures = [*score.f1, score.precision.value, score.recall.value, each.relaxed.f1.value]
    cells = [each.corpus, each.entity_class, *(f"{100 * value:.1f}" for value in figures)]
    return f"| {' | '.join(cells)} | {score.n_gold:,} |"
