"""Curations that follow from what people did: only if all of them agree."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.ontologies.curation_files import read_rows
from kazu_platform.ontologies.curations import read_curations
from kazu_platform.ontologies.proposals import (
    Conflict,
    Proposal,
    Proposals,
    as_yaml,
    beside,
    proposal_file,
    proposals_of,
)

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 6, 1)
KLK3, NPEPPS = "HGNC:6364", "HGNC:7900"
Vote = tuple[str, str | None, str | None]
COLUMNS = ["doc_id", "name", "entity_class", "context", "verdict", "before", "after"]
DECIDED = """
- action: prefer
  name: PSA
  entity_class: gene
  concept_id: HGNC:6364
  author: team
  reason: the antigen
  decided_on: 2026-01-01
  state: approved
- action: ignore
  name: 'NO'
  entity_class: gene
  author: team
  reason: a word
  decided_on: 2026-01-01
  state: withdrawn
"""


def judged(
    *votes: Vote, name: str | None = "PSA", entity_class: str = "gene", context: str = ""
) -> list[Proposal | Conflict]:
    """What follows if each document has one such mention."""
    rows = [
        (f"PMID:{number}", name, entity_class, context, *vote) for number, vote in enumerate(votes)
    ]
    schema = dict.fromkeys(COLUMNS, pl.String)
    found = proposals_of(pl.DataFrame(rows, schema=schema, orient="row"))
    return [*found.proposals, *found.conflicts]


def found(*votes: Vote) -> list[tuple[str | None, ...]]:
    """Proposals without their reasons; of conflicts why they are."""
    return [
        (each.action, each.name, each.concept_id, each.entity_class)
        if isinstance(each, Proposal)
        else (each.why,)
        for each in judged(*votes)
    ]


KEPT = ("kept", KLK3, KLK3)
REMOVED = ("removed", KLK3, None)
TO_NPEPPS = ("relinked", KLK3, NPEPPS)
TO_NOTHING = ("relinked", KLK3, None)
FROM_NOTHING = ("relinked", None, NPEPPS)
ADDED = ("added", None, NPEPPS)


@pytest.mark.parametrize(
    ("votes", "follows"),
    [
        ([], []),
        ([KEPT, KEPT], []),
        ([("rebounded", KLK3, None)], []),
        ([REMOVED, REMOVED], [("ignore", "PSA", None, "gene")]),
        ([REMOVED, ("rebounded", KLK3, None)], [("ignore", "PSA", None, "gene")]),
        ([TO_NPEPPS, TO_NPEPPS], [("prefer", "PSA", NPEPPS, "gene")]),
        ([TO_NPEPPS, ("kept", NPEPPS, NPEPPS)], [("prefer", "PSA", NPEPPS, "gene")]),
        ([TO_NOTHING], [("drop", "PSA", KLK3, None)]),
        (
            [TO_NOTHING, ("relinked", NPEPPS, None)],
            [("drop", "PSA", KLK3, None), ("drop", "PSA", NPEPPS, None)],
        ),
        ([FROM_NOTHING], [("add", "PSA", NPEPPS, None)]),
        (
            [FROM_NOTHING, TO_NPEPPS],
            [("prefer", "PSA", NPEPPS, "gene"), ("add", "PSA", NPEPPS, None)],
        ),
        ([ADDED, ADDED], [("add", "PSA", NPEPPS, None)]),
    ],
)
def test_what_follows_if_everybody_agrees(votes: list[Vote], follows: list[tuple[str | None, ...]]):
    assert found(*votes) == follows


@pytest.mark.parametrize(
    ("votes", "why"),
    [
        (
            [KEPT, REMOVED, REMOVED],
            (
                "removed in 2 mentions of 2 documents (PMID:1, PMID:2); left in 1 mention of 1 "
                "document (PMID:0)"
            ),
        ),
        (
            [KEPT, TO_NPEPPS],
            (
                "means HGNC:6364 in 1 mention of 1 document (PMID:0); HGNC:7900 in 1 mention of 1 "
                "document (PMID:1)"
            ),
        ),
        (
            [TO_NOTHING, TO_NPEPPS],
            (
                "means no concept in 1 mention of 1 document (PMID:0); HGNC:7900 in 1 mention of 1 "
                "document (PMID:1)"
            ),
        ),
        ([("added", None, None)], "marked without a concept in 1 mention of 1 document (PMID:0)"),
        (
            [("kept", NPEPPS, NPEPPS), ADDED],
            "marked in 1 mention of 1 document (PMID:1), though it is found elsewhere",
        ),
    ],
)
def test_where_they_do_not_nothing_is_guessed(votes: list[Vote], why: str):
    assert judged(*votes) == [Conflict("PSA", "gene", why)]


def test_a_reason_counts_mentions_and_names_some_documents():
    [proposal] = judged(*[REMOVED] * 5)

    assert isinstance(proposal, Proposal)
    assert proposal.reason == (
        "No gene: removed in 5 mentions of 5 documents (PMID:0, PMID:1, PMID:2, ...)"
    )


def test_what_the_document_itself_says_is_no_matter_of_curation():
    [conflict] = judged(TO_NPEPPS, context="long:prostate-specific antigen")

    assert isinstance(conflict, Conflict)
    assert conflict.why.startswith("the document itself says what it means, which no curation")


def test_spellings_of_one_string_are_judged_together():
    rows = [("PMID:1", name, "gene", "", *REMOVED) for name in ("COX-2", "COX 2", "COX-2", "cox2")]

    found = proposals_of(pl.DataFrame(rows, schema=COLUMNS, orient="row"))

    assert [each.name for each in found.proposals] == ["COX-2"]


def test_what_no_curation_can_say_is_a_conflict():
    assert judged(REMOVED, entity_class="pathway") == [
        Conflict("PSA", "pathway", "no curation can have such a class")
    ]
    assert judged(REMOVED, name="x" * 3000) == [
        Conflict("x" * 60, "gene", "no curation can have such a name")
    ]
    assert judged(REMOVED, name=None) == []


PROPOSED = Proposals((Proposal("prefer", "PSA", NPEPPS, "gene", "because"),), ())


def test_what_contradicts_a_decision_is_a_conflict(tmp_path: Path):
    path = tmp_path / "curations.yaml"
    path.write_text(DECIDED, "utf-8")

    left = beside(PROPOSED, path, today=TODAY, ontologies=[])

    assert left.proposals == ()
    [conflict] = left.conflicts
    assert (conflict.name, conflict.entity_class) == ("PSA", "gene")
    assert conflict.why == (
        "because. To prefer it contradicts prefer at item 1 (line 1); withdraw one of them."
    )


def test_what_is_decided_already_is_left_out(tmp_path: Path):
    path = tmp_path / "curations.yaml"
    path.write_text(DECIDED, "utf-8")
    again = Proposals(
        (
            Proposal("ignore", "NO", None, "gene", "again"),
            Proposal("prefer", "PSA", KLK3, "gene", "again"),
            Proposal("drop", "NO", None, "chemical", "new"),
        ),
        (),
    )

    left = beside(again, path, today=TODAY, ontologies=[])

    assert [(each.action, each.entity_class) for each in left.proposals] == [("drop", "chemical")]
    assert left.conflicts == ()


def test_proposals_that_contradict_each_other_are_conflicts():
    both = Proposals((*PROPOSED.proposals, Proposal("prefer", "psa", KLK3, "gene", "why")), ())
    cased = beside(both, None, today=TODAY, ontologies=[])
    added = Proposal("add", "oddity", KLK3, "gene", "one")
    dropped = Proposal("drop", "oddity", KLK3, "gene", "two")

    left = beside(Proposals((added, dropped), ()), None, today=TODAY, ontologies=[])

    assert cased == both
    assert left.proposals == ()
    assert [each.name for each in left.conflicts] == ["oddity", "oddity"]


def test_the_file_of_proposals_holds_what_is_decided_and_proposes_the_rest(tmp_path: Path):
    path, made = tmp_path / "curations.yaml", tmp_path / "proposed.yaml"
    path.write_text(DECIDED, "utf-8")
    new = Proposals((Proposal("drop", "NO", KLK3, None, "because: it is"),), ())

    made.write_text(proposal_file(new, path, author="Anna", today=TODAY), "utf-8")

    before = read_rows(path).rows
    rows = read_rows(made).rows
    assert [row.values for row in rows[:2]] == [row.values for row in before]
    assert rows[2].values == {
        "action": "drop",
        "name": "NO",
        "concept_id": KLK3,
        "author": "Anna",
        "reason": "because: it is",
        "decided_on": "2026-06-01",
        "state": "proposed",
    }
    effects = read_curations(made, today=TODAY)["effect"].to_pylist()
    assert sorted(effects) == ["in_force", "proposed", "withdrawn"]


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).filter(
    lambda name: " ".join(name.split()) == name
)


@given(names=st.lists(NAMES, max_size=4))
def test_any_name_is_read_back_as_it_is(names: list[str], tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("names") / "names.yaml"

    path.write_text(as_yaml([{"action": "drop", "name": name} for name in names]), "utf-8")

    assert [row.values["name"] for row in read_rows(path).rows] == names
