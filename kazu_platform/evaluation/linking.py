"""Evaluating a linker on mentions that people marked, one class at a time.

A mention is right if a candidate is one of its concepts. Candidates that no identifier of the
corpus's kind leads to are passed over: a corpus with MeSH ids cannot say whether a concept that
MeSH does not have is right, and whoever links to MeSH alone would not have it either. So a linker
over many vocabularies and one over a single one are measured alike.

The question is asked in identifiers of the corpus. Where one of these is several concepts of an
ontology, the score of an answer is the sum of their probabilities: that it is one or the other of
them is no doubt about the answer. The order stays the linker's, and similarities do not add up.

Three kinds of mentions: those whose concept is in the vocabulary; those whose concept is not; those
in which people found a class but no concept. For the last two NIL is the right answer. A linker
says NIL where it has no candidate, or the first has a score below its threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from kazu_platform.evaluation.calibration import Calibration, calibrate
from kazu_platform.evaluation.linkers import MOST
from kazu_platform.evaluation.scores import Counts, Figure, share
from kazu_platform.linking.context import with_context
from kazu_platform.linking.surfaces import surfaces_of
from kazu_platform.linking.taxa import taxa_of
from kazu_platform.ner.defined import definitions

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from kazu_platform.evaluation.identifiers import Identifiers
    from kazu_platform.evaluation.linkers import EvaluatedLinker
    from kazu_platform.evaluation.linking_gold import LinkingGold
    from kazu_platform.linking.linker import Linker

    Booleans = NDArray[np.bool_]

RECALL_AT: Final = (5, MOST)
UNRANKED: Final = 0
"""The rank of a concept that is not among the candidates."""


@dataclass(frozen=True)
class LinkingTask:
    """What there is to link in a gold, of one class.

    `mentions` has a row for each mention: its `document` (a row) and `doc_id`, its `surface_id`,
    whether it `has_id`.
    `meant` says which concepts of the index a mention (by its row) means: `mention`, `id`,
    `concept_id`; `comparable` (concept_id, id) which concepts identifiers of the corpus's kind
    mean, whether it has them or not. `surfaces` (SURFACES) are the distinct strings in context.
    """

    corpus: str
    split: str
    entity_class: str
    n_documents: int
    mentions: pl.DataFrame
    meant: pl.DataFrame
    comparable: pl.DataFrame
    surfaces: pa.Table


@dataclass(frozen=True, slots=True)
class Judged:
    """The answer to each mention: parallel arrays.

    `rank` is that of the best right candidate, UNRANKED if there is none; `score` that of the first
    candidate, NaN without one; `linked` says that the linker takes the first one for right;
    `concept` is the id of that candidate, empty without one.
    """

    document: NDArray[np.int64]
    has_id: Booleans
    known: Booleans
    rank: NDArray[np.int64]
    score: NDArray[np.float64]
    linked: Booleans
    concept: tuple[str, ...] = ()


@dataclass(frozen=True)
class LinkingEvaluation:
    """How well a linker does on one class of a split.

    `figures` are those of `linking_figures`, None where one would be a share of nothing; `judged`
    is what they are made of.
    """

    corpus: str
    split: str
    entity_class: str
    linker: str
    linker_version: str
    figures: dict[str, Figure | None]
    calibration: Calibration
    n_mentions: int
    n_with_id: int
    n_in_vocabulary: int
    n_surfaces: int
    n_documents: int
    judged: Judged

    @property
    def counts(self) -> Counts:
        """Right first candidates of mentions whose concept is in the vocabulary, by document.

        Each is answered once, so F1 of these is the accuracy; documents without any are left out.
        """
        known, right = (
            np.bincount(self.judged.document[each], minlength=self.n_documents)
            for each in (self.judged.known, self.judged.known & (self.judged.rank == 1))
        )
        has_any = known > 0
        return Counts(right[has_any], known[has_any], known[has_any])


def linking_task(
    gold: LinkingGold, entity_class: str, identifiers: Identifiers, linker: Linker
) -> LinkingTask:
    """Prepare one class of a gold: what its ids mean, and its distinct strings in context.

    Args:
        gold: What people marked.
        entity_class: The class.
        identifiers: What identifiers mean in the index.
        linker: A linker over that index; says which strings are ambiguous, and among what, for
            the context that documents give them.
    """
    own = gold.of_class(entity_class)
    passages = own.passages
    found = with_context(own.mentions, definitions(passages), linker, taxa_of(passages))
    documents = pl.DataFrame(own.passages.select(["doc_id"])).with_row_index("document")
    mentions = (
        pl.DataFrame(found.select(["doc_id", "surface_id"]))
        .join(documents, on="doc_id", how="left", maintain_order="left")
        .with_columns(has_id=pl.Series([bool(each) for each in own.concepts], dtype=pl.Boolean))
        .select(pl.col("document").cast(pl.Int64), "doc_id", "surface_id", "has_id")
    )
    pairs = [(row, each) for row, those in enumerate(own.concepts) for each in those]
    ids = pl.DataFrame(pairs, {"mention": pl.Int64, "id": pl.String}, orient="row")
    prefixes = ids["id"].str.split(":").list.first().unique().sort().to_list()
    return LinkingTask(
        corpus=gold.corpus,
        split=gold.split,
        entity_class=entity_class,
        n_documents=own.passages.num_rows,
        mentions=mentions,
        meant=identifiers.meant(ids.with_columns(entity_class=pl.lit(entity_class))).drop(
            "entity_class"
        ),
        comparable=identifiers.comparable(prefixes, entity_class),
        surfaces=surfaces_of(found),
    )


def comparable_candidates(
    linker: EvaluatedLinker, surfaces: pa.Table, comparable: pl.DataFrame, entity_class: str
) -> pl.DataFrame:
    """What a linker says of surfaces, without the concepts that nobody could call right.

    Returns:
        surface_id, concept_id, rank (again from 1), score, and `linked`, whether the linker gives
        the surface a first rank and the score is not below its threshold; ordered by surface and
        rank.
    """
    said = pl.DataFrame(
        linker.candidates(surfaces).select(["surface_id", "concept_id", "rank", "score"])
    )
    could_be_right = said.with_columns(is_taken=pl.col("rank").min().over("surface_id") == 1).join(
        comparable, on="concept_id", how="semi"
    )
    scored = added_up(could_be_right, comparable) if linker.is_probable else could_be_right
    return (
        scored.sort("surface_id", "rank")
        .with_columns(
            rank=pl.int_range(1, pl.len() + 1).over("surface_id").cast(pl.Int64),
            linked=pl.col("is_taken") & (pl.col("score") >= linker.nil_below(entity_class)),
        )
        .drop("is_taken")
    )


def added_up(candidates: pl.DataFrame, comparable: pl.DataFrame) -> pl.DataFrame:
    """Candidates with the probability that any concept of the same identifier is meant.

    Concepts of two ontologies do not compete, so theirs do not add up. Of a concept that several
    identifiers mean the most probable one counts.

    Args:
        candidates: surface_id, concept_id, score, and any others.
        comparable: concept_id, id.
    """
    of_identifier = (
        identified(candidates, comparable)
        .group_by("surface_id", "concept_id")
        .agg(score=pl.col("whole").max().clip(upper_bound=1.0))
    )
    return candidates.drop("score").join(of_identifier, on=["surface_id", "concept_id"])


def identified(candidates: pl.DataFrame, comparable: pl.DataFrame) -> pl.DataFrame:
    """Candidates by identifier: surface_id, concept_id, id, prefix (of the concept), whole.

    `whole` is the sum of the scores of a surface's candidates of the identifier and the prefix.

    Args:
        candidates: surface_id, concept_id, score.
        comparable: concept_id, id.
    """
    return (
        candidates.select("surface_id", "concept_id", "score")
        .join(comparable, on="concept_id")
        .with_columns(prefix=pl.col("concept_id").str.split(":").list.first())
        .with_columns(whole=pl.col("score").sum().over("surface_id", "id", "prefix"))
        .drop("score")
    )


def judge(task: LinkingTask, linker: EvaluatedLinker) -> Judged:
    """Compare what a linker says of each mention with what people said."""
    found = comparable_candidates(linker, task.surfaces, task.comparable, task.entity_class)
    first = found.filter(pl.col("rank") == 1).select(
        "surface_id", "score", "linked", concept="concept_id"
    )
    mentions = task.mentions.with_row_index("mention").with_columns(
        pl.col("mention").cast(pl.Int64)
    )
    best = (
        task.meant.join(mentions.select("mention", "surface_id"), on="mention")
        .join(found.select("surface_id", "concept_id", "rank"), on=["surface_id", "concept_id"])
        .group_by("mention")
        .agg(pl.col("rank").min())
    )
    known = task.meant.select("mention").unique().with_columns(known=pl.lit(value=True))
    rows = (
        mentions.join(first, on="surface_id", how="left", maintain_order="left")
        .join(best, on="mention", how="left", maintain_order="left")
        .join(known, on="mention", how="left", maintain_order="left")
    )
    return Judged(
        document=rows["document"].to_numpy(),
        has_id=rows["has_id"].to_numpy(),
        known=rows["known"].fill_null(value=False).to_numpy(),
        rank=rows["rank"].fill_null(UNRANKED).to_numpy(),
        score=rows["score"].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
        linked=rows["linked"].fill_null(value=False).to_numpy(),
        concept=tuple(rows["concept"].fill_null("").to_list()),
    )


def linking_figures(judged: Judged, n_documents: int) -> dict[str, Figure | None]:
    """Shares of mentions by name, with intervals over the documents with any; None of nothing.

    accuracy_at_1               the first candidate is right, of mentions with a concept
    recall_at_5, recall_at_20   a right one is among the first 5, 20, of mentions with a concept
    ..._in_vocabulary           the same, of those whose concept is in the vocabulary
    accuracy_with_nil           the first candidate is right and taken, or NIL is said where it is
                                the right answer, of all mentions
    nil_precision, nil_recall   NIL is the right answer, of mentions of which it is said; NIL is
                                said, of mentions of which it is the right answer

    What the linker decides about NIL changes the last three alone.
    """
    right = judged.rank == 1
    nil, is_nil = ~judged.linked, ~judged.known

    def of(part: Booleans, whole: Booleans) -> Figure | None:
        if not whole.any():
            return None
        parts, wholes = (
            np.bincount(judged.document[each], minlength=n_documents)
            for each in (part & whole, whole)
        )
        # A resample without any would have no figure: those with none are not drawn.
        has_any = wholes > 0
        return share(parts[has_any], wholes[has_any])

    figures = {
        "accuracy_at_1": of(right, judged.has_id),
        "accuracy_at_1_in_vocabulary": of(right, judged.known),
    }
    for most in RECALL_AT:
        reached = (judged.rank != UNRANKED) & (judged.rank <= most)
        figures[f"recall_at_{most}"] = of(reached, judged.has_id)
        figures[f"recall_at_{most}_in_vocabulary"] = of(reached, judged.known)
    return figures | {
        "accuracy_with_nil": of((right & judged.linked) | (nil & is_nil), np.ones_like(right)),
        "nil_precision": of(is_nil, nil),
        "nil_recall": of(nil, is_nil),
    }


def evaluate_linker(task: LinkingTask, linker: EvaluatedLinker) -> LinkingEvaluation:
    """Every figure of a linker on a task."""
    judged = judge(task, linker)
    scored = ~np.isnan(judged.score)
    return LinkingEvaluation(
        corpus=task.corpus,
        split=task.split,
        entity_class=task.entity_class,
        linker=linker.name,
        linker_version=linker.version,
        figures=linking_figures(judged, task.n_documents),
        calibration=calibrate(
            judged.score[scored],
            (judged.rank == 1)[scored],
            judged.document[scored],
            task.n_documents,
        ),
        n_mentions=task.mentions.height,
        n_with_id=int(judged.has_id.sum()),
        n_in_vocabulary=int(judged.known.sum()),
        n_surfaces=task.surfaces.num_rows,
        n_documents=task.n_documents,
        judged=judged,
    )
