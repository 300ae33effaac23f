"""Scores of a network on labelled sentences, by words: what a training run is watched by.

A teacher has labels of its own for some corpora and is no detector yet; here each corpus is
compared with what its own label says. Figures of what is used come from `evaluation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from kazu_platform.evaluation.entities import Entities
from kazu_platform.evaluation.scores import count, score
from kazu_platform.ner.decoding import decode
from kazu_platform.training.tagging import probabilities
from kazu_platform.training.targets import BIO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kazu_platform.evaluation.scores import Score
    from kazu_platform.ner.decoding import Scheme
    from kazu_platform.training.tagging import Tagger
    from kazu_platform.training.targets import Labelled, Outputs

THRESHOLD: Final = 0.5
MOST_SENTENCES: Final = 1_000
"""Of a split that a run looks at now and then."""


@dataclass(frozen=True, slots=True)
class LabelScore:
    """How well a network finds a label in the sentences of a corpus."""

    corpus: str
    label: str
    score: Score


def label_scores(tagger: Tagger, labelled: Labelled) -> list[LabelScore]:
    """Score every label on each corpus that marks it: both ends must be right.

    Args:
        tagger: A network and its labels.
        labelled: Sentences with the same labels.
    """
    sentences = np.arange(len(labelled.corpus))
    found, of_found = _found(tagger, labelled, sentences)
    marked, of_marked = _marked(labelled, sentences)
    scores: list[LabelScore] = []
    for corpus, name in enumerate(labelled.corpora):
        for label, label_name in enumerate(tagger.outputs.labels):
            counts = (labelled.corpus == corpus) & labelled.known[:, label]
            if counts.any():
                ours, theirs = (
                    _only(entities, (of == label) & counts[entities.document])
                    for entities, of in ((found, of_found), (marked, of_marked))
                )
                unit = np.cumsum(counts) - 1
                units = unit[ours.document], unit[theirs.document]
                counted = count(ours, theirs, units, int(counts.sum()))
                scores.append(LabelScore(name, label_name, score(counted)))
    return scores


def micro_f1(tagger: Tagger, labelled: Labelled) -> float:
    """F1 of all labels that are marked, together, on some sentences: at most MOST_SENTENCES.

    They are spread over all, and always the same ones.
    """
    n = len(labelled.corpus)
    sentences = np.unique(np.linspace(0, n - 1, min(n, MOST_SENTENCES)).astype(np.int64))
    found, of_found = _found(tagger, labelled, sentences)
    marked, of_marked = _marked(labelled, sentences)
    known = labelled.known[found.document, of_found]
    found, of_found = _only(found, known), of_found[known]
    n_labels = len(tagger.outputs.labels)
    # A label more is a place more: entities of different labels are never the same.
    ours, theirs = (
        Entities(each.document * n_labels + of, each.start, each.end)
        for each, of in ((found, of_found), (marked, of_marked))
    )
    return score(count(ours, theirs, (ours.document, theirs.document), n * n_labels)).f1.value


def _found(
    tagger: Tagger, labelled: Labelled, sentences: NDArray[np.int64]
) -> tuple[Entities, NDArray[np.int64]]:
    """What the network finds: words of sentences, and the label of each."""
    said, n_words = probabilities(tagger.network, labelled, sentences)
    first = np.concatenate(([0], np.cumsum(n_words)))
    thresholds = [THRESHOLD] * len(tagger.outputs.labels)
    found = decode(_begins_and_insides(said, tagger.outputs), first, thresholds, _scheme(tagger))
    row = np.searchsorted(first, found.first, side="right") - 1
    entities = Entities(sentences[row], found.first - first[row], found.end - first[row])
    return entities, found.entity_class


def _marked(labelled: Labelled, sentences: NDArray[np.int64]) -> tuple[Entities, NDArray[np.int64]]:
    chosen = np.zeros(len(labelled.corpus), np.bool_)
    chosen[sentences] = True
    document = np.repeat(np.arange(len(labelled.corpus)), np.diff(labelled.span))
    every = Entities(document, labelled.first, labelled.last)
    return _only(every, chosen[document]), labelled.label[chosen[document]]


def _begins_and_insides(said: NDArray[np.float32], outputs: Outputs) -> NDArray[np.float32]:
    """Outputs as decoding reads them: B and I of each label, then O."""
    if outputs.scheme == BIO:
        return said
    return np.concatenate([np.repeat(said[:, :-1], 2, axis=1), said[:, -1:]], axis=1)


def _scheme(tagger: Tagger) -> Scheme:
    return "BIO" if tagger.outputs.scheme == BIO else "IO"


def _only(entities: Entities, these: NDArray[np.bool_]) -> Entities:
    return Entities(entities.document[these], entities.start[these], entities.end[these])


def to_markdown(scores: Sequence[LabelScore]) -> str:
    """A table of the scores, F1 in percent with its interval."""
    head = "| corpus | label | F1 | low | high | precision | recall | marked |\n" + "|---" * 8 + "|"
    return "\n".join([head, *(_row(each) for each in scores)])


def _row(each: LabelScore) -> str:
    figures = [*each.score.f1, each.score.precision.value, each.score.recall.value]
    cells = [each.corpus, each.label, *(f"{100 * value:.1f}" for value in figures)]
    return f"| {' | '.join(cells)} | {each.score.n_gold:,} |"
