"""The macros that answer what an analyst asks first, on the whole sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from kazu_platform.storage.queries import open_read_only, run_query

if TYPE_CHECKING:
    from pathlib import Path

Ask = Callable[[str], list[tuple[Any, ...]]]

DIABETES, TYPE_2 = "MONDO:0005015", "MONDO:0005148"
CML, IMATINIB = "MONDO:0011996", "CHEBI:45783"
TREMOR, OLD_TREMOR = "HP:0001337", "HP:0001295"


@pytest.fixture(scope="module")
def ask(sample_home: Path) -> Iterator[Ask]:
    """Rows of the answer to a question to the warehouse."""
    with open_read_only(sample_home / "warehouse.duckdb", sample_home / "lake") as connection:
        yield lambda sql: [tuple(row.values()) for row in run_query(connection, sql).to_pylist()]


def test_mentions_of_a_disease_are_also_those_of_what_it_comprises(ask: Ask):
    counted = ask(
        "SELECT concept_id, label, count(*), count(DISTINCT pmid) "
        "FROM mentions_of('MONDO:0005015') GROUP BY ALL ORDER BY concept_id"
    )

    assert counted == [
        (DIABETES, "diabetes mellitus", 27, 14),
        ("MONDO:0005147", "type 1 diabetes mellitus", 5, 2),
        (TYPE_2, "type 2 diabetes mellitus", 18, 9),
        ("MONDO:0005406", "gestational diabetes", 2, 1),
    ]


def test_mentions_come_with_their_sentence_newest_first(ask: Ask):
    newest = ask(
        "SELECT pmid, pub_year, text, sentence_text FROM mentions_of('MONDO:0005148', n := 2)"
    )

    assert newest == [
        (
            90000112,
            2025,
            "Type 2 diabetes",
            "Type 2 diabetes developed in one in ten mothers of either group.",
        ),
        (
            90000059,
            2020,
            "type 2 diabetes",
            "Metformin or semaglutide in type 2 diabetes with heart failure",
        ),
    ]


def test_the_concepts_of_a_class_that_most_documents_name(ask: Ask):
    assert ask("FROM top_concepts('cell_line', n := 2)") == [
        ("Cellosaurus:CVCL_0031", "MCF-7", "cell_line", 2, 5),
        ("Cellosaurus:CVCL_0004", "K-562", "cell_line", 2, 3),
    ]
    assert ask("SELECT concept_id, n_documents FROM top_concepts('disease', n := 3)") == [
        ("MONDO:0004992", 17),
        (DIABETES, 14),
        ("MONDO:0005136", 11),
    ]


def test_a_disease_has_its_drug_as_first_partner(ask: Ask):
    [first] = ask(
        "SELECT partner_id, name, category, n_documents, n_sentences, first_year, last_year, "
        "sentence_doc_id, sentence, publications[1:2] FROM partners('MONDO:0011996', n := 1)"
    )

    assert first == (
        IMATINIB,
        "imatinib",
        "biolink:ChemicalEntity",
        10,
        15,
        1999,
        2025,
        "PMID:90000111",
        "Imatinib, nilotinib or dasatinib first in chronic myeloid leukemia: ten-year results",
        ["PMID:90000111", "PMID:90000058"],
    )


def test_every_sentence_given_as_evidence_names_both(ask: Ask):
    """All 750 of them, against the mentions that are linked in that very sentence."""
    both = ask(
        """
        WITH named AS (
            SELECT DISTINCT doc_id, sentence_text, concept_id FROM annotated_sentences
        )
        SELECT count(*), count(*) FILTER (a.concept_id IS NULL OR b.concept_id IS NULL)
        FROM edges e
        LEFT JOIN named a ON a.doc_id = e.sentence_doc_id AND a.sentence_text = e.sentence
            AND a.concept_id = e.subject
        LEFT JOIN named b ON b.doc_id = e.sentence_doc_id AND b.sentence_text = e.sentence
            AND b.concept_id = e.object
        WHERE e.sentence IS NOT NULL
        """
    )

    assert both == [(838, 0)]


def test_the_history_of_a_revised_citation_marks_the_version_that_counts(ask: Ask):
    assert ask(
        "SELECT file, position, event, version, revised_on, current FROM history(90000049)"
    ) == [
        ("pubmed26n0002", 22, "version", 1, date(2025, 11, 20), False),
        ("pubmed26n0005", 2, "version", 1, date(2026, 1, 12), True),
    ]


def test_the_history_of_a_deleted_citation_ends_with_its_deletion(ask: Ask):
    assert ask(
        "SELECT file, position, event, version, revised_on, current FROM history('PMID:90000052')"
    ) == [
        ("pubmed26n0002", 25, "version", 1, date(2025, 11, 20), False),
        ("pubmed26n0005", 8, "deletion", 1, None, True),
    ]
    assert ask("SELECT count(*) FROM annotations WHERE pmid = 90000052") == [(0,)]


def test_a_citation_that_was_deleted_and_published_again_counts(ask: Ask):
    assert ask("SELECT event, file, current FROM history(90000071)") == [
        ("version", "pubmed26n0003", False),
        ("deletion", "pubmed26n0005", False),
        ("version", "pubmed26n0006", True),
    ]


def test_concepts_are_found_by_any_name_the_whole_name_first(ask: Ask):
    assert ask("SELECT concept_id, name, scope FROM find_concept('Leukaemia', n := 4)") == [
        ("MONDO:0005059", "leukaemia", "exact"),
        ("MONDO:0004643", "Leukaemia, Myeloid", "exact"),
        ("MONDO:0018874", "acute myeloid leukaemia", "exact"),
        (CML, "chronic myeloid leukaemia", "exact"),
    ]
    assert ask("SELECT concept_id, name, scope FROM find_concept('psa', n := 2)") == [
        ("HGNC:6364", "PSA", "exact"),
        ("HGNC:7900", "PSA", "exact"),
    ]
    assert ask("SELECT concept_id, name, scope FROM find_concept('imatinib', n := 1)") == [
        (IMATINIB, "imatinib", "label")
    ]


def test_an_obsolete_id_means_what_replaced_it(ask: Ask):
    now = [(TREMOR, 90000050, "Tremor"), (TREMOR, 90000026, "tremor")]

    assert ask("SELECT current_id('HP:0001295'), current_id('HP:0001337')") == [(TREMOR, TREMOR)]
    assert ask("SELECT concept_id, pmid, text FROM mentions_of('HP:0001337')") == now
    assert ask("SELECT concept_id, pmid, text FROM mentions_of('HP:0001295')") == now
    partners = ask("SELECT name FROM partners('HP:0001295')")
    assert partners[:2] == [("L-dopa",), ("Parkinson disease",)]
    assert partners == ask("SELECT name FROM partners('HP:0001337')")


@pytest.mark.parametrize("other", ["DRUGBANK:DB00619", "CHEMBL.COMPOUND:CHEMBL941"])
def test_a_drug_of_three_vocabularies_is_one_node(ask: Ask, other: str):
    nodes = ask(f"FROM nodes WHERE id = '{other}' OR list_contains(equivalent_ids, '{other}')")
    assert [row[0] for row in nodes] == [IMATINIB]
    for question in ("partners", "mentions_of"):
        named = ask(f"FROM {question}('{other}')")
        assert named == ask(f"FROM {question}('{IMATINIB}')") != []


def test_human_and_mouse_genes_stay_two(ask: Ask):
    assert ask("SELECT count(*) FROM concept_equivalents WHERE ontology = 'MouseGene'") == [(0,)]


def test_an_annotation_is_its_own_slice_of_a_current_text(ask: Ask):
    """DuckDB counts code points, as the offsets do: over the whole sample."""
    counted = ask(
        """
        SELECT count(*), count(DISTINCT doc_id),
               count(*) FILTER (substring(d.sections[a.section + 1].text, a.start + 1,
                                          a."end" - a.start) <> a.text)
        FROM annotations a JOIN current_documents d USING (doc_id, content_hash)
        """
    )

    assert counted == [(1728, 116, 0)]


def test_a_citation_without_a_number_is_set_aside_with_its_place(ask: Ask):
    assert ask("SELECT doc_id, stage, reason, file, position FROM quarantine") == [
        ("pubmed26n0003#23", "citations", "malformed", "pubmed26n0003", 23)
    ]
