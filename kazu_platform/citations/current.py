"""Which text of an article is valid, once every file has had its say.

PubMed is a baseline and daily files that add, revise and delete. Here all of them are replayed in
their order at once, as columns: nothing depends on the order in which they were loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from kazu_platform.citations.files import file_order
from kazu_platform.tables import CURRENT_CITATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

_POSITION_BITS = 32
_NAMES_OF_ARTICLES = r"^(PMC|DOI):"
_STATE = ("doc_id", "pmid", "version", "content_hash", "retracted")


def current_citations(citations: pa.Table, deletions: pa.Table) -> pa.Table:
    """Every article as it stands after all files, in the order of PMIDs; those without one last.

    An article has one text that counts, so that nothing is counted twice: its full text, if there
    is one, with the PMID that it has. Of several full texts the latest counts. But a citation that
    was retracted stands for itself: its full text does not know.

    Of PubMed a deletion takes all versions that came before it, whatever version it names (NLM's
    lists say 1 for any), and a citation that comes later is live again. Of live versions the
    highest is valid, of equal ones the latest. A PMID that ends deleted has a row that says so,
    also if it never existed. Own texts, which have neither a PMID nor the PMCID or DOI
    of an article, take no part.

    Args:
        citations: at least doc_id, pmid, version, content_hash, file, position, retracted.
        deletions: rows of DELETIONS.
    """
    ranks = _ranks(
        [*_distinct(citations["file"]), *_distinct(deletions["file"])],
    )
    texts = _in_replay_order(citations, ranks, *_STATE)
    of_pubmed = pl.col("doc_id").str.starts_with("PMID:")
    written = texts.filter(of_pubmed & pl.col("pmid").is_not_null())
    full = _latest_full_texts(texts.filter(~of_pubmed))
    deleted = _in_replay_order(deletions, ranks, "pmid").group_by("pmid").agg(pl.col("at").max())
    valid = (
        written.lazy()
        .join(deleted.lazy().rename({"at": "deleted_at"}), on="pmid", how="left")
        .filter(pl.col("deleted_at").is_null() | (pl.col("at") > pl.col("deleted_at")))
        .drop("deleted_at")
        .sort("pmid", "version", "at")
        .unique("pmid", keep="last", maintain_order=True)
        .collect()
    )
    valid = _with_full_texts(valid, full).with_columns(deleted=pl.lit(value=False))
    gone = deleted.join(valid, on="pmid", how="anti").with_columns(
        doc_id=pl.format("PMID:{}", "pmid"),
        version=pl.lit(None, pl.Int32),
        content_hash=pl.lit(None, pl.String),
        deleted=pl.lit(value=True),
    )
    valid = valid.drop("retracted")
    both = pl.concat([valid, gone.select(valid.columns)]).sort("pmid", "doc_id", nulls_last=True)
    return _as_table(both, ranks)


def _latest_full_texts(texts: pl.DataFrame) -> pl.DataFrame:
    """The latest text of each full text, and of those of one PMID the latest."""
    latest = (
        texts.filter(
            pl.col("pmid").is_not_null() | pl.col("doc_id").str.contains(_NAMES_OF_ARTICLES)
        )
        .sort("at")
        .unique("doc_id", keep="last", maintain_order=True)
    )
    with_pmid = latest.filter(pl.col("pmid").is_not_null())
    return pl.concat(
        [
            with_pmid.unique("pmid", keep="last", maintain_order=True),
            latest.filter(pl.col("pmid").is_null()),
        ]
    )


def _with_full_texts(valid: pl.DataFrame, full: pl.DataFrame) -> pl.DataFrame:
    """Full texts in the place of their citations, where these were not retracted."""
    retracted = valid.filter("retracted")
    full = full.join(retracted, on="pmid", how="anti")
    return pl.concat([valid.join(full, on="pmid", how="anti"), full.select(valid.columns)])


def natural_order(names: Iterable[str]) -> list[str]:
    """Names in the order in which NLM published them: numbers count as numbers.

    >>> natural_order(["pubmed26n0010", "pubmed26n9", "pubmed25n1274"])
    ['pubmed25n1274', 'pubmed26n9', 'pubmed26n0010']
    """
    return sorted(names, key=lambda name: (file_order(name), name))


def _ranks(files: Iterable[str]) -> pl.DataFrame:
    names = natural_order(set(files))
    return pl.DataFrame(
        {"file": names, "rank": range(len(names))}, schema={"file": pl.String, "rank": pl.Int64}
    )


def _distinct(column: pa.ChunkedArray) -> list[str]:
    return column.unique().to_pylist()


def _in_replay_order(rows: pa.Table, ranks: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """The columns, and `at`: the place in the replay, as one number."""
    frame = pl.DataFrame(rows.select([*columns, "file", "position"]))
    place = pl.col("rank") * 2**_POSITION_BITS + pl.col("position").cast(pl.Int64)
    return (
        frame.lazy()
        .join(ranks.lazy(), on="file", how="left")
        .select(*columns, place.alias("at"))
        .collect()
    )


def _as_table(current: pl.DataFrame, ranks: pl.DataFrame) -> pa.Table:
    shaped = (
        current.lazy()
        .with_columns(
            rank=pl.col("at") // 2**_POSITION_BITS,
            position=(pl.col("at") % 2**_POSITION_BITS).cast(pl.Int32),
        )
        .join(ranks.lazy(), on="rank", how="left", maintain_order="left")
        .select(CURRENT_CITATIONS.schema.names)
        .collect()
        .to_arrow()
    )
    return CURRENT_CITATIONS.check(shaped.cast(CURRENT_CITATIONS.schema))
