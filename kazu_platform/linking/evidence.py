"""What speaks for each concept that a surface may mean: the numbers that a ranker reads.

Candidates of a surface are the concepts that have it, or its long form, as a name (`exact`); those
with a name like it (`similar`), if it is asked for; and those that people linked the string to in
text that the ranker learnt from, or, if it has no equal name, strings like it (`learnt`). Each
concept of a surface is one row, by its best name. A name near the string adds no candidate: it
speaks for those that go by it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.linking.contexts import said_by
from kazu_platform.linking.exact import METHODS as BY_NAME
from kazu_platform.linking.exact import are_ambiguous, normalised
from kazu_platform.linking.taxa import HUMAN
from kazu_platform.linking.words import WORDS, words_alike

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from kazu_platform.linking.exact import Candidates, ExactLinker
    from kazu_platform.linking.learnt import Learnt
    from kazu_platform.linking.similar import ClassNames, SimilarNames
    from kazu_platform.linking.vectors import KnownVectors

EVIDENCE_VERSION: Final = "4"
CLASSES: Final = (
    "anatomy",
    "cell_line",
    "cell_type",
    "chemical",
    "disease",
    "gene",
    "phenotype",
    "process",
    "species",
)
"""Classes that the ranker tells apart."""
EMBEDDED: Final = frozenset(CLASSES) - {"gene", "cell_line"}
"""Classes whose names get vectors: the others' are symbols, which letters tell apart better."""
_TIERS: Final = 5
"""Those of `exact`, and one for a name that is only similar."""
_SIMILAR: Final = 4
_SCOPES: Final = 6
_SHORT: Final = 5
_FARTHEST: Final = 5
_OWN, _LONG = 0, 1
_KEY: Final = ["surface", "concept"]


def _one_of(name: str, n: int) -> list[str]:
    return [f"{name}={value}" for value in range(n)]


FEATURES: Final = (
    *_one_of("tier", _TIERS),
    *_one_of("own_tier", _TIERS),
    *_one_of("long_tier", _TIERS),
    *_one_of("best_tier", _TIERS),
    *_one_of("scope", _SCOPES),
    *("case", "beside", "supported", "n_ontologies", "n_equal", "place_gap"),
    *("grams", "long_grams", "grams_gap", "vectors", "long_vectors", "vectors_gap"),
    *WORDS,
    *("n_letters", "n_words", "is_short", "capitals", "has_long", "is_defined", "is_looked_for"),
    *("times", "times_all", "share", "is_learnt", "popularity", "popularity_gap"),
    *("long_times", "long_share", "near_learnt", "near_learnt_gap"),
    *("of_near", "near_share", "has_near"),
    *("of_taxon", "of_people", "of_other"),
    *(f"class={name}" for name in CLASSES),
)
"""What a ranker reads, in this order."""


@dataclass(frozen=True)
class Evidence:
    """Candidates of surfaces: parallel, ordered by surface and concept.

    Attributes:
        surface: Row of the surface.
        concept: Row of the index's concepts.
        features: Shape: (n, len(FEATURES)).
        method: How it was found: a place in METHODS.
        is_preferred: A curation says that the surface means it, and the context nothing else.
        is_ambiguous: Another concept has an equal name, and nothing tells them apart (`exact`).
    """

    surface: NDArray[np.int64]
    concept: NDArray[np.int64]
    features: NDArray[np.float32]
    method: NDArray[np.int64]
    is_preferred: NDArray[np.bool_]
    is_ambiguous: NDArray[np.bool_]

    @property
    def is_named(self) -> NDArray[np.bool_]:
        """Whether each candidate was found by an equal name."""
        return self.method < NGRAM


NGRAM, EMBEDDING, LEARNT = 5, 6, 7
METHODS: Final = (*BY_NAME, "ngram", "embedding", "learnt")
"""What LINKS call a way in which a concept was found."""


@dataclass(frozen=True)
class Asked:
    """Surfaces as what is looked up: the strings of each, with what their contexts say."""

    surfaces: pa.Table
    texts: list[str]
    classes: list[str]
    own: list[str]
    long: list[str]
    near: list[str]
    taxon: list[str]
    is_defined: list[bool]

    @classmethod
    def of(cls, surfaces: pa.Table) -> Asked:
        """Surfaces (SURFACES); long forms are normalised as names of the class are."""
        said = said_by(surfaces["context"].to_pylist())
        classes = surfaces["entity_class"].to_pylist()
        long = normalised(said.long, classes).to_pylist()
        return cls(
            surfaces,
            surfaces["text"].to_pylist(),
            classes,
            surfaces["normalised"].to_pylist(),
            [each if form else "" for each, form in zip(long, said.long, strict=True)],
            said.near,
            said.taxon,
            [bool(each) for each in said.defined],
        )

    def strings(self, rows: NDArray[np.int64]) -> Iterator[tuple[int, int, str]]:
        """Row, which of its strings, and the string, for each that is not empty."""
        for row in rows.tolist():
            if self.own[row]:
                yield row, _OWN, self.own[row]
            if self.long[row]:
                yield row, _LONG, self.long[row]


@dataclass(frozen=True)
class Witness:
    """Gathers evidence.

    Attributes:
        exact: Finds equal names.
        similar: Finds similar ones; None leaves them out.
        embedder: Makes vectors of surfaces; None leaves them out.
        learnt: What people linked strings to.
        threads: To look for similar names with.
    """

    exact: ExactLinker
    similar: SimilarNames | None
    embedder: KnownVectors | None
    learnt: Learnt
    threads: int = 1

    def embedded(self, classes: Collection[str]) -> list[str]:
        """Those of some classes of which strings are embedded."""
        if self.embedder is None or self.similar is None:
            return []
        names = {name: self.similar.of(name) for name in classes}
        return sorted(name for name, own in names.items() if own and own.vectors is not None)

    def evidence(
        self,
        asked: Asked,
        named: Candidates,
        looked_for: NDArray[np.bool_],
        rows: NDArray[np.int64] | None = None,
        folds: NDArray[np.int64] | None = None,
    ) -> Evidence:
        """Evidence for surfaces.

        Args:
            asked: The surfaces.
            named: What has an equal name (`ExactLinker.named` of the same surfaces).
            looked_for: Whether similar names of each surface are looked for.
            rows: Surfaces that it is wanted for; all by default.
            folds: Part of the learnt strings that each surface must not see; for training.
        """
        own = np.arange(len(asked.texts)) if rows is None else rows
        by_name = _by_name(self._one_row_each(named.take(np.isin(named.surface, own))))
        found = self._similar(asked, own[looked_for[own]], folds)
        found.append(self.learnt.of(asked.own, asked.classes, own, folds))
        found.append(self._learnt_of_long(asked, own, folds))
        frame = by_name
        for each in found:
            frame = frame.join(each, on=_KEY, how="full", coalesce=True)
        frame = _without_what_was_taken_away(frame).sort(_KEY)
        popularity = self.learnt.popularity(
            frame["concept"].to_numpy(), None if folds is None else folds[frame["surface"]]
        )
        frame = _whole(frame.with_columns(popularity=popularity), looked_for).join(
            self._near(asked, own, folds), on=_KEY, how="left", maintain_order="left"
        )
        taxon = self.exact.index.concepts["taxon_id"].take(pa.array(frame["concept"].to_numpy()))
        frame = _relative(frame, asked).with_columns(_taxa(frame, asked, taxon.to_pylist()))
        ambiguous = self._ambiguous(named, frame)
        return Evidence(
            surface=frame["surface"].to_numpy(),
            concept=frame["concept"].to_numpy(),
            features=_features(frame),
            method=frame["method"].to_numpy(),
            # What the document itself says of a string comes before a curation of the string.
            is_preferred=(
                (frame["tier"] == 0) & ((frame["beside"] == 0) | ~frame["supported"])
            ).to_numpy(),
            is_ambiguous=ambiguous,
        )

    def _learnt_of_long(
        self, asked: Asked, rows: NDArray[np.int64], folds: NDArray[np.int64] | None
    ) -> pl.DataFrame:
        has_long = np.array([bool(each) for each in asked.long], np.bool_)
        found = self.learnt.of(asked.long, asked.classes, rows[has_long[rows]], folds)
        return found.rename({name: f"long_{name}" for name in ("times", "was_name", "times_all")})

    def _one_row_each(self, named: Candidates) -> Candidates:
        return replace(named, concept=self.exact.index.first_rows[named.concept])

    def _ambiguous(self, named: Candidates, frame: pl.DataFrame) -> NDArray[np.bool_]:
        ranked = self.exact.ranked(named)
        said = pl.DataFrame(
            {
                "surface": ranked.surface,
                "concept": self.exact.index.first_rows[ranked.concept],
                "ambiguous": are_ambiguous(ranked),
            }
        )
        joined = frame.select(_KEY).join(said, on=_KEY, how="left", maintain_order="left")
        return joined["ambiguous"].fill_null(value=False).to_numpy()

    def _near(
        self, asked: Asked, rows: NDArray[np.int64], folds: NDArray[np.int64] | None
    ) -> pl.DataFrame:
        """What the name near a surface means: surface, concept, of_near, near_share."""
        own = np.array([row for row in rows.tolist() if asked.near[row]], np.int64)
        hits = self.exact.index.find(
            "normalised",
            pa.array([asked.near[row] for row in own.tolist()], pa.string()),
            [asked.classes[row] for row in own.tolist()],
        )
        concept = self.exact.index.names["concept"].take(pa.array(hits.name)).to_numpy()
        named = (
            pl.DataFrame(
                {"surface": own[hits.query], "concept": self.exact.index.first_rows[concept]}
            )
            .unique()
            .with_columns(of_near=pl.lit(1.0))
        )
        learnt = self.learnt.of(asked.near, asked.classes, own, folds)
        is_gone = pl.col("was_name").fill_null(value=False) & pl.col("of_near").is_null()
        share = pl.col("times") / (pl.col("times_all") + 1)
        return named.join(learnt, on=_KEY, how="full", coalesce=True).select(
            *_KEY, "of_near", near_share=pl.when(~is_gone).then(share)
        )

    def _similar(
        self, asked: Asked, rows: NDArray[np.int64], folds: NDArray[np.int64] | None
    ) -> list[pl.DataFrame]:
        """Concepts with names that are like the strings of surfaces, each by the likest.

        And those that people linked such strings to.
        """
        names_like, memory = [pl.DataFrame(schema=_NEAREST)], [pl.DataFrame(schema=_REMEMBERED)]
        if self.similar is None or not len(rows):
            return [names_like[0], memory[0]]
        strings = pl.DataFrame(
            [
                (row, which, string, asked.classes[row])
                for row, which, string in asked.strings(rows)
            ],
            {
                "surface": pl.Int64,
                "of_long": pl.Int64,
                "string": pl.String,
                "entity_class": pl.String,
            },
            orient="row",
        )
        for (name,), part in strings.group_by("entity_class", maintain_order=True):
            names = self.similar.of(str(name))
            if names is None:
                continue
            distinct = part["string"].unique(maintain_order=True)
            texts = distinct.to_list()
            queries = pl.DataFrame({"string": distinct}).with_row_index("query")
            queried = part.join(queries.with_columns(pl.col("query").cast(pl.Int64)), on="string")
            vectors = None
            if self.embedder is not None and names.vectors is not None:
                vectors = self.embedder.embed(texts)
                memory.append(
                    self.learnt.alike(str(name), queried, texts, vectors, folds, self.threads)
                )
            names_like.append(self._similar_of(str(name), names, queried, texts, vectors))
        return [pl.concat(names_like), pl.concat(memory)]

    def _similar_of(
        self,
        entity_class: str,
        names: ClassNames,
        queried: pl.DataFrame,
        strings: list[str],
        vectors: NDArray[np.float32] | None,
    ) -> pl.DataFrame:
        like = names.like(strings, vectors, self.threads)
        alike, which = np.unique(like.name, return_inverse=True)
        found = names.strings.take(pa.array(alike))
        hits = self._concepts_of(entity_class, found)
        similar = pl.DataFrame(
            {
                "query": like.query,
                "found": which,
                "by_grams": like.grams,
                "by_vectors": like.vectors,
            }
        ).join(hits, on="found")
        best = _nearest(queried.join(similar, on="query"))
        pairs = (best["query"].to_numpy(), best["found"].to_numpy() + len(strings))
        words = words_alike(strings + found.to_pylist(), pairs)
        return best.with_columns(
            pl.Series(name, words[:, place]) for place, name in enumerate(WORDS)
        ).select(list(_NEAREST))

    def _concepts_of(self, entity_class: str, names: pa.Array) -> pl.DataFrame:
        """Concepts that have normalised names: found (row of the name), concept, scope, place."""
        hits = self.exact.index.find("normalised", names, [entity_class] * len(names))
        rows = self.exact.index.names.select(["concept", "scope", "place"]).take(
            pa.array(hits.name)
        )
        return pl.DataFrame(
            {
                "found": hits.query,
                "concept": self.exact.index.first_rows[rows["concept"].to_numpy()],
                "near_scope": rows["scope"].to_numpy().astype(np.int64),
                "near_place": rows["place"].to_numpy().astype(np.int64),
            }
        )


_NEAREST: Final = {
    "surface": pl.Int64,
    "concept": pl.Int64,
    "near_scope": pl.Int64,
    "near_place": pl.Int64,
    "grams": pl.Float32,
    "long_grams": pl.Float32,
    "vectors": pl.Float32,
    "long_vectors": pl.Float32,
    **dict.fromkeys(WORDS, pl.Float32),
}
_REMEMBERED: Final = {"surface": pl.Int64, "concept": pl.Int64, "near_learnt": pl.Float32}


def _by_name(named: Candidates) -> pl.DataFrame:
    """Equal names by surface and concept: the best one, and how many ontologies have one."""
    columns = (
        "surface",
        "concept",
        "of_long",
        "tier",
        "scope",
        "place",
        "case",
        "beside",
        "method",
    )
    frame = pl.DataFrame({name: getattr(named, name) for name in columns})
    tier = pl.col("tier")
    return (
        frame.sort(*_KEY, "beside", "tier", "scope", "place", "case")
        .group_by(_KEY, maintain_order=True)
        .agg(
            pl.col("tier", "scope", "place", "case", "method").first(),
            beside=pl.col("beside").min(),
            n_ontologies=pl.col("place").filter(tier <= tier.min()).n_unique(),
            long_tier=tier.filter(pl.col("of_long") == _LONG).min(),
            own_tier=tier.filter(pl.col("of_long") == _OWN).min(),
        )
    )


def _nearest(similar: pl.DataFrame) -> pl.DataFrame:
    """Similar names by surface and concept: the most alike, and how it is alike."""
    own, long = (pl.col("of_long") == which for which in (_OWN, _LONG))
    return (
        similar.with_columns(likest=pl.max_horizontal("by_grams", "by_vectors"))
        .sort(
            *(*_KEY, "likest", "by_grams", "found", "near_scope"),
            descending=[False, False, True, True, False, False],
        )
        .group_by(_KEY, maintain_order=True)
        .agg(
            pl.col("query", "found", "near_scope").first(),
            near_place=pl.col("near_place").min(),
            grams=pl.col("by_grams").filter(own).max(),
            long_grams=pl.col("by_grams").filter(long).max(),
            vectors=pl.col("by_vectors").filter(own).max(),
            long_vectors=pl.col("by_vectors").filter(long).max(),
        )
    )


def _without_what_was_taken_away(frame: pl.DataFrame) -> pl.DataFrame:
    """Candidates without the memory of what is no longer so, or has a name of its own."""
    is_gone = {
        times: pl.col(was_name).fill_null(value=False) & pl.col(tier).is_null()
        for was_name, tier, times in (
            ("was_name", "own_tier", "times"),
            ("long_was_name", "long_tier", "long_times"),
        )
    }
    kept = {times: pl.when(~gone).then(times) for times, gone in is_gone.items()}
    # Where a string has a name of its own, what is like it says nothing: chronic is not acute. Nor
    # does it bring back what somebody took away.
    has_name = pl.col("tier").is_not_null().any().over("surface")
    near = pl.when(~has_name & ~pl.any_horizontal(*is_gone.values())).then("near_learnt")
    has_any = pl.any_horizontal(
        pl.col("tier", "near_scope", "times", "long_times", "near_learnt").is_not_null()
    )
    return frame.with_columns(**kept, near_learnt=near).filter(has_any)


def _whole(frame: pl.DataFrame, looked_for: NDArray[np.bool_]) -> pl.DataFrame:
    """Candidates with every column: what is missing is the worst, or nothing."""
    near = (pl.col("grams"), pl.col("long_grams"), pl.col("vectors"), pl.col("long_vectors"))
    by_grams = pl.max_horizontal("grams", "long_grams").fill_null(0.0)
    by_vectors = pl.max_horizontal("vectors", "long_vectors").fill_null(0.0)
    method = (
        pl.when(pl.max_horizontal("times", "long_times").fill_null(0) > 0)
        .then(LEARNT)
        .when((by_grams > 0) & (by_grams >= by_vectors))
        .then(NGRAM)
        .otherwise(EMBEDDING)
    )
    surface = frame["surface"]
    return frame.with_columns(
        pl.col("tier", "long_tier", "own_tier").fill_null(_SIMILAR),
        pl.coalesce("scope", "near_scope", pl.lit(3)).alias("scope"),
        pl.coalesce("place", "near_place", pl.lit(_FARTHEST)).alias("place"),
        pl.col("case").fill_null(0),
        pl.col("beside").fill_null(1),
        pl.col("n_ontologies").fill_null(0),
        pl.coalesce("method", method).alias("method"),
        *(each.fill_null(0.0) for each in near),
        pl.col(*WORDS).fill_null(0.0),
        pl.col("times", "times_all", "long_times", "long_times_all", "near_learnt").fill_null(0.0),
        is_looked_for=pl.Series(looked_for[surface.to_numpy()]),
    )


def _relative(frame: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    """What stands out among the candidates of a surface, and what the surface itself is like."""
    of = "surface"
    tier, grams = pl.col("tier"), pl.max_horizontal("grams", "long_grams")
    vectors = pl.max_horizontal("vectors", "long_vectors")
    text = pl.Series(asked.texts, dtype=pl.String)
    length = text.str.len_chars()
    strings = pl.DataFrame(
        {
            of: np.arange(len(asked.texts)),
            "n_letters": length.log1p(),
            "n_words": pl.Series(asked.own, dtype=pl.String).str.count_matches(" ").log1p(),
            "is_short": length <= _SHORT,
            "capitals": text.str.count_matches("[A-Z]") / length,
            "has_long": [bool(each) for each in asked.long],
            "is_defined": asked.is_defined,
            "has_near": [bool(each) for each in asked.near],
            "entity_class": asked.classes,
        }
    )
    return frame.with_columns(
        best_tier=tier.min().over(of),
        n_equal=(tier == tier.min().over(of)).sum().over(of).cast(pl.Float32).log1p(),
        supported=(pl.col("beside") == 0).any().over(of),
        place_gap=(pl.col("place") - pl.col("place").min().over(of)).clip(0, _FARTHEST),
        grams_gap=grams - grams.max().over(of),
        vectors_gap=vectors - vectors.max().over(of),
        share=pl.col("times") / (pl.col("times_all") + 1),
        long_share=pl.col("long_times") / (pl.col("long_times_all") + 1),
        near_learnt_gap=pl.col("near_learnt") - pl.col("near_learnt").max().over(of),
        is_learnt=pl.col("times_all") > 0,
        of_near=pl.col("of_near").fill_null(0.0),
        near_share=pl.col("near_share").fill_null(0.0),
        popularity_gap=pl.col("popularity") - pl.col("popularity").max().over(of),
    ).join(strings, on=of, how="left", maintain_order="left")


def _taxa(frame: pl.DataFrame, asked: Asked, taxa: Sequence[str]) -> list[pl.Series]:
    """Whether concepts are of the species of the document, of people, or of another species."""
    of = pl.Series(taxa, dtype=pl.String)
    said = pl.Series(asked.taxon, dtype=pl.String).gather(frame["surface"])
    wanted = pl.select(pl.when(said == "").then(pl.lit(HUMAN)).otherwise(said)).to_series()
    has_taxon = of != ""
    return [
        (has_taxon & (of == wanted)).alias("of_taxon"),
        (of == HUMAN).alias("of_people"),
        (has_taxon & (of != wanted)).alias("of_other"),
    ]


def _features(frame: pl.DataFrame) -> NDArray[np.float32]:
    columns: dict[str, pl.Expr] = {
        f"{name}={value}": pl.col(name) == value
        for name, n in (
            *((tier, _TIERS) for tier in ("tier", "own_tier", "long_tier", "best_tier")),
            ("scope", _SCOPES),
        )
        for value in range(n)
    }
    columns |= {f"class={name}": pl.col("entity_class") == name for name in CLASSES}
    logs = {name: pl.col(name).log1p() for name in ("times", "times_all", "long_times")}
    chosen = [
        (columns.get(name) if name in columns else logs.get(name, pl.col(name)))
        for name in FEATURES
    ]
    exprs = [
        each.cast(pl.Float32).alias(name)
        for name, each in zip(FEATURES, chosen, strict=True)
        if each is not None
    ]
    return np.ascontiguousarray(frame.select(exprs).to_numpy().astype(np.float32))
