"""Mentions for people to look at: chosen in the warehouse of the sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import ConfigurationError
from kazu_platform.reports.to_review import Choice, ToReview, to_review
from kazu_platform.storage.queries import open_read_only, run_query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

PSA, TAU = "PMID:90000054", "PMID:90000055"


@pytest.fixture(scope="module")
def warehouse(sample_home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_read_only(sample_home / "warehouse.duckdb", sample_home / "lake") as connection:
        yield connection


def mentions(found: list[ToReview]) -> list[tuple[str, str, str]]:
    return [
        (each.document.doc_id, mention.text, mention.entity_class)
        for each in found
        for mention, _ in each.mentions
    ]


def count(warehouse: duckdb.DuckDBPyConnection, where: str) -> int:
    sql = f"SELECT count(*) AS n FROM annotations WHERE {where}"  # noqa: S608 - ours
    return run_query(warehouse, sql)["n"][0].as_py()


def test_a_string_is_chosen_in_any_case_with_its_alternatives(
    warehouse: duckdb.DuckDBPyConnection,
):
    found = to_review(warehouse, Choice(text="psa"))

    assert len(mentions(found)) == count(warehouse, "lower(text) = 'psa'") > 0
    [first] = [each for each in found if each.document.doc_id == PSA]
    mention, context = first.mentions[0]
    assert [link.concept_id for link in mention.links] == ["HGNC:6364", "HGNC:7900"]
    assert [link.label for link in mention.links] == ["KLK3", "NPEPPS"]
    assert context == "long:Prostate-specific antigen"
    assert not first.complete
    for each in found:
        for mention, _ in each.mentions:
            text = each.document.sections[mention.section].text
            assert text[mention.start : mention.end] == mention.text


def test_whole_documents_are_complete_and_in_the_order_of_the_text(
    warehouse: duckdb.DuckDBPyConnection,
):
    found = to_review(warehouse, Choice(doc_ids=(TAU, PSA)))

    assert {each.document.doc_id for each in found if each.complete} == {PSA, TAU}
    assert len(mentions(found)) == count(warehouse, f"doc_id IN ('{PSA}', '{TAU}')")
    for each in found:
        places = [(mention.section, mention.start, mention.end) for mention, _ in each.mentions]
        assert places == sorted(places)


def test_of_a_document_that_has_none_of_a_class_people_may_mark_some(
    warehouse: duckdb.DuckDBPyConnection,
):
    assert count(warehouse, f"doc_id = '{PSA}' AND entity_class = 'process'") == 0

    [found] = to_review(warehouse, Choice(doc_ids=(PSA,), entity_class="process"))

    assert (found.mentions, found.complete) == ((), True)


def test_a_document_that_may_go_on_is_not_complete(warehouse: duckdb.DuckDBPyConnection):
    n = count(warehouse, f"doc_id = '{PSA}'")

    [cut] = to_review(warehouse, Choice(doc_ids=(PSA,), limit=n - 1))
    [whole] = to_review(warehouse, Choice(doc_ids=(PSA,), limit=n))

    assert (len(cut.mentions), cut.complete) == (n - 1, False)
    assert (len(whole.mentions), whole.complete) == (n, True)


def test_the_least_certain_come_first(warehouse: duckdb.DuckDBPyConnection):
    found = to_review(warehouse, Choice(lowest_first=True, limit=5))

    scores = [mention.links[0].score for each in found for mention, _ in each.mentions]
    assert len(scores) == 5
    assert count(warehouse, f"score < {max(scores) - 1e-6}") < 5


def test_choices_are_joined_and_no_sql(warehouse: duckdb.DuckDBPyConnection):
    odd = "'; DROP TABLE links; --"

    assert to_review(warehouse, Choice(text=odd)) == []
    assert to_review(warehouse, Choice(text="PSA", entity_class="disease")) == []
    assert len(mentions(to_review(warehouse, Choice(ambiguous=True)))) == count(
        warehouse, "ambiguous"
    )


def test_documents_that_are_not_there_are_named(warehouse: duckdb.DuckDBPyConnection):
    with pytest.raises(ConfigurationError, match="no document 'PMID:1' and 1 others;"):
        to_review(warehouse, Choice(doc_ids=(PSA, "PMID:1", "nope")))
