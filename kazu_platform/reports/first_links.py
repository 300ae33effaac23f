"""The linker's view of strings: which concept it ranks first, how surely, for how many mentions.

A string may be several surfaces, one for each context. "PSA" alone is one of them, "PSA" in a
document that calls it puromycin-sensitive aminopeptidase another: so most mentions of a string may
be decided in one way and the others in another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from kazu_platform.tables import LINKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kazu_platform.storage.lake import Lake

_COLUMNS = ["surface_id", "concept_id", "score"]


def first_links(lake: Lake) -> pl.DataFrame:
    """The best link of each surface: surface_id, concept_id, score."""
    ranked = lake.scan(LINKS, columns=[*_COLUMNS, "rank"])
    return ranked.filter(pl.col("rank") == 1).select(_COLUMNS).collect()


def no_links() -> pl.DataFrame:
    """The best links where nothing was linked."""
    return pl.DataFrame(LINKS.empty().select(_COLUMNS))


def decided(strings: pl.DataFrame, by: Sequence[str], links: pl.DataFrame) -> pl.DataFrame:
    """What the linker makes of each group of surfaces.

    Args:
        strings: a row for each surface: the columns of `by`, surface_id and n_mentions.
        by: what names a group.
        links: surface_id, concept_id and score of the best link of each surface.

    Returns:
        The columns of `by`, first_concept_id, first_score and n_decided: the concept that most
        mentions of the group are linked to (of equals, the more certain), the mean score of those
        links over those mentions, and their number. A group without a link has no row.
    """
    n = pl.col("n_mentions")
    # A surface that is no longer mentioned has its links and counts for nothing.
    mean = (pl.col("score") * n).sum() / n.sum()
    return (
        strings.filter(n > 0)
        .join(links, on="surface_id")
        .group_by(*by, pl.col("concept_id").alias("first_concept_id"))
        .agg(mean.cast(pl.Float32).alias("first_score"), n.sum().alias("n_decided"))
        .sort(
            ["n_decided", "first_score", "first_concept_id"],
            descending=[True, True, False],
        )
        .unique(list(by), keep="first", maintain_order=True)
    )


def linkers_view() -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """The columns of `decided` as a person reads them in a report."""
    return (
        pl.col("first_concept_id").alias("linked to"),
        pl.col("first_score").round(2).alias("score"),
        pl.col("n_decided").alias("mentions so linked"),
    )
