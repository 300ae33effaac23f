"""Detecting and linking from raw text, measured against mentions with concepts.

Two questions: which concepts is a document about (document level), and where does it say so
(mention level: both ends of the mention and its concept must be right). What was found but not
linked says nothing and counts nowhere; of mentions that overlap the longest stays. Gold counts if
it has an identifier, whether the vocabulary has the concept or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from kazu_platform.arrow import compute
from kazu_platform.evaluation.entities import Gold
from kazu_platform.evaluation.linking import comparable_candidates
from kazu_platform.evaluation.scores import Counts, Score, score
from kazu_platform.evaluation.tags import found_spans
from kazu_platform.linking.context import with_context
from kazu_platform.linking.surfaces import surfaces_of
from kazu_platform.linking.taxa import taxa_of
from kazu_platform.ner.defined import definitions

if TYPE_CHECKING:
    import pyarrow as pa

    from kazu_platform.evaluation.linkers import EvaluatedLinker
    from kazu_platform.evaluation.linking import LinkingTask
    from kazu_platform.evaluation.linking_gold import LinkingGold
    from kazu_platform.linking.linker import Linker

_PLACE = ["document", "start", "end"]


@dataclass(frozen=True)
class EndToEnd:
    """Detected and linked: how well concepts of documents, and mentions with them, are found."""

    detector: str
    document: Score
    mention: Score


@dataclass(frozen=True)
class Detected:
    """What was found of a class: `mentions` (document, start, end, surface_id), SURFACES."""

    mentions: pl.DataFrame
    surfaces: pa.Table


def detected(gold: LinkingGold, mentions: pa.Table, entity_class: str, linker: Linker) -> Detected:
    """Prepare what was found in the texts of a gold.

    Args:
        gold: What people marked.
        mentions: Mentions in its passages (DICTIONARY_MENTIONS), of any classes.
        entity_class: The class.
        linker: Says which strings are ambiguous, as for `linking_task`.
    """
    own = mentions.filter(compute.equal(mentions["entity_class"], entity_class))
    found = with_context(own, definitions(gold.passages), linker, taxa_of(gold.passages))
    texts = Gold(gold.corpus, gold.split, gold.passages, {}, has_documents=True)
    spans = found_spans(texts, own, entity_class)
    kept = pl.DataFrame({"document": spans.document, "start": spans.start, "end": spans.end})
    documents = pl.DataFrame(gold.passages.select(["doc_id"])).with_row_index("document")
    places = (
        pl.DataFrame(found.select(["doc_id", "start", "end", "surface_id"]))
        .join(documents, on="doc_id")
        .select(pl.col(_PLACE).cast(pl.Int64), "surface_id")
        .join(kept, on=_PLACE, how="semi")
        .unique(_PLACE, keep="first", maintain_order=True)
    )
    return Detected(places, surfaces_of(found))


def evaluate_end_to_end(
    gold: LinkingGold,
    task: LinkingTask,
    found: Detected,
    linker: EvaluatedLinker,
    *,
    detector: str,
) -> EndToEnd:
    """Compare what was found and linked with a gold.

    Args:
        gold: What people marked.
        task: Made of it, of the class.
        found: What a detector found of the class.
        linker: Who links it.
        detector: The name of who found it.
    """
    linked = (
        comparable_candidates(linker, found.surfaces, task.comparable, task.entity_class)
        .filter((pl.col("rank") == 1) & pl.col("linked"))
        .select("surface_id", "concept_id")
    )
    answers = found.mentions.join(linked, on="surface_id").drop("surface_id")
    marked = _marked(gold.of_class(task.entity_class), task)
    return EndToEnd(
        detector=detector,
        document=_of_documents(answers, marked, task.n_documents),
        mention=_of_mentions(answers, marked, task.n_documents),
    )


def _marked(gold: LinkingGold, task: LinkingTask) -> pl.DataFrame:
    """Mentions with identifiers: document, start, end, mention, id, concept_id (null: unknown)."""
    pairs = [(row, each) for row, those in enumerate(gold.concepts) for each in those]
    ids = pl.DataFrame(pairs, {"mention": pl.Int64, "id": pl.String}, orient="row")
    spans = pl.DataFrame(gold.mentions.select(["start", "end"])).with_row_index("mention")
    where = spans.with_columns(pl.all().cast(pl.Int64), document=task.mentions["document"])
    return ids.join(where, on="mention").join(task.meant, on=["mention", "id"], how="left")


def _of_mentions(answers: pl.DataFrame, marked: pl.DataFrame, n: int) -> Score:
    right = answers.join(marked.drop_nulls(), on=[*_PLACE, "concept_id"], how="semi")
    return score(_counts(right, answers, marked.select("mention", "document").unique(), n))


def _of_documents(answers: pl.DataFrame, marked: pl.DataFrame, n: int) -> Score:
    """Of an identifier that may mean several concepts the first is its name."""
    named = marked.sort("id", "concept_id").with_columns(
        name=pl.coalesce(pl.col("concept_id").first().over("id"), "id")
    )
    names = named.select("document", "name", "concept_id").unique()
    found = (
        answers.select("document", "concept_id")
        .unique()
        .join(names, on=["document", "concept_id"], how="left")
        .with_columns(said=pl.coalesce("name", "concept_id"))
        .unique(["document", "said"])
    )
    right = found.drop_nulls("name")
    return score(_counts(right, found, names.select("document", "name").unique(), n))


def _counts(right: pl.DataFrame, found: pl.DataFrame, gold: pl.DataFrame, n: int) -> Counts:
    return Counts(
        *(np.bincount(each["document"].to_numpy(), minlength=n) for each in (right, found, gold))
    )
