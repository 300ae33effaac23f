"""Co-occurrence within one file."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kazu_platform.graph.pairs import count_pairs
from kazu_platform.tables import PAIR_COUNTS

# What the fixtures of conftest.py make and are; test modules cannot import from there.
Made = Any
Make = Callable[..., Made]
Row = dict[str, Any]

BRCA1, TP53 = "HGNC:1100", "HGNC:11998"
BREAST, CANCER = "MONDO:0007254", "MONDO:0004992"
IMATINIB = "CHEBI:45783"


def count(corpus: Made, **more: int) -> pa.Table:
    return count_pairs(**corpus.tables(), file=corpus.file, **more)


def test_two_documents_are_counted_to_the_letter(corpus: Make, marked: Make):
    old = marked(
        11,
        [
            f"[BRCA1|{BRCA1}] is altered in [breast cancer|{BREAST}].",
            f"So is [p53|{TP53}].",
        ],
        year=1999,
    )
    new = marked(
        12,
        [
            f"[Breast tumours|{BREAST}] were sequenced.",
            f"[BRCA1|{BRCA1}] was lost in [breast cancer|{BREAST}], and [BRCA-1|{BRCA1}] silenced.",
        ],
        year=2021,
    )

    counts = count(corpus(old, new))

    years = {11: 1999, 12: 2021}

    def row(pair: tuple[str, str], n_sentences: int, pmids: list[int], evidence: str | None) -> Row:
        return {
            "subject": pair[0],
            "object": pair[1],
            "n_documents": len(pmids),
            "n_sentences": n_sentences,
            "first_year": min(years[pmid] for pmid in pmids),
            "last_year": max(years[pmid] for pmid in pmids),
            "publications": [f"PMID:{pmid}" for pmid in pmids],
            "publication_years": [years[pmid] for pmid in pmids],
            "sentence": evidence,
            "sentence_doc_id": evidence and f"PMID:{pmids[0]}",
            "sentence_year": evidence and years[pmids[0]],
            "file": "pubmed26n0001",
        }

    lost = "BRCA1 was lost in breast cancer, and BRCA-1 silenced."
    assert counts.schema.equals(PAIR_COUNTS.schema)
    assert counts.to_pylist() == [
        row((BRCA1, BRCA1), 2, [12, 11], lost),
        row((BRCA1, TP53), 0, [11], None),
        row((BRCA1, BREAST), 2, [12, 11], lost),
        row((TP53, TP53), 1, [11], "So is p53."),
        row((TP53, BREAST), 0, [11], None),
        row((BREAST, BREAST), 3, [12, 11], "Breast tumours were sequenced."),
    ]


def test_cancer_inside_breast_cancer_does_not_count(corpus: Make, marked: Make, rows_of: Make):
    text = f"[breast cancer|{BREAST}] and [BRCA1|{BRCA1}]."
    inner = (0, [(7, 13)], CANCER, "disease")

    counts = rows_of(count(corpus(marked(1, [text], further=[inner]))))

    assert set(counts) == {(BRCA1, BRCA1), (BREAST, BREAST), (BRCA1, BREAST)}


def test_a_longer_mention_without_a_concept_silences_what_it_contains(
    corpus: Make, marked: Make, rows_of: Make
):
    outer = (0, [(0, 18)], None, "disease")

    counts = rows_of(count(corpus(marked(1, [f"male [breast cancer|{BREAST}]."], further=[outer]))))

    assert counts == {}


def test_a_mention_inside_one_of_another_class_counts(corpus: Make, marked: Make, rows_of: Make):
    text = f"[BRCA1|{BRCA1}] syndrome."
    outer = (0, [(0, 14)], BREAST, "disease")

    counts = rows_of(count(corpus(marked(1, [text], further=[outer]))))

    assert set(counts) == {(BRCA1, BRCA1), (BREAST, BREAST)}, "they share characters: no pair"


def test_overlap_in_one_place_does_not_hide_a_bond_in_another(
    corpus: Make, marked: Make, rows_of: Make
):
    sentences = [f"[BRCA1|{BRCA1}] syndrome.", f"[BRCA1|{BRCA1}] again."]
    outer = (0, [(0, 14)], BREAST, "disease")

    counts = rows_of(count(corpus(marked(1, sentences, further=[outer]))))

    assert counts[BRCA1, BREAST]["n_documents"] == 1
    assert counts[BRCA1, BREAST]["n_sentences"] == 0


def test_a_gap_of_a_discontinuous_mention_is_free(corpus: Make, marked: Make, rows_of: Make):
    text = f"breast or [BRCA1|{BRCA1}] carcinoma."
    split = (0, [(0, 6), (16, 25)], BREAST, "disease")

    counts = rows_of(count(corpus(marked(1, [text], further=[split]))))

    assert counts[BRCA1, BREAST]["n_sentences"] == 1


def test_a_mention_in_the_gap_is_not_inside(corpus: Make, marked: Make, rows_of: Make):
    text = f"breast and [ovarian|{CANCER}] carcinoma."
    split = (0, [(0, 6), (19, 28)], BREAST, "disease")

    counts = rows_of(count(corpus(marked(1, [text], further=[split]))))

    assert (CANCER, BREAST) in counts or (BREAST, CANCER) in counts


def test_a_retracted_paper_counts_nothing(corpus: Make, marked: Make):
    sentence = f"[BRCA1|{BRCA1}] in [breast cancer|{BREAST}]."

    assert count(corpus(marked(1, [sentence], retracted=True))).num_rows == 0


def test_an_old_version_in_the_file_counts_nothing(corpus: Make, marked: Make, rows_of: Make):
    made = corpus()
    made.add(marked(1, [f"[BRCA1|{BRCA1}] in [cancer|{CANCER}]."]), current=False)
    made.add(marked(1, [f"[BRCA1|{BRCA1}] in [breast cancer|{BREAST}]."]))

    assert set(rows_of(count(made))) == {(BRCA1, BRCA1), (BRCA1, BREAST), (BREAST, BREAST)}


def test_a_version_that_repeats_an_older_text_counts_once(
    corpus: Make, marked: Make, rows_of: Make
):
    made = corpus()
    made.add(marked(1, [f"[BRCA1|{BRCA1}] in [cancer|{CANCER}]."]), current=False)
    made.add(marked(1, [f"[BRCA1|{BRCA1}] in [cancer|{CANCER}]."]))

    row = rows_of(count(made))[BRCA1, CANCER]

    assert (row["n_documents"], row["n_sentences"], row["publications"]) == (1, 1, ["PMID:1"])


def test_rows_of_other_files_and_deleted_rows_of_current_citations_are_passed_over(
    corpus: Make, marked: Make
):
    made = corpus(marked(1, [f"[BRCA1|{BRCA1}]."]), marked(2, [f"[p53|{TP53}]."]))
    made.current[0] |= {"deleted": True}
    made.current[1] |= {"file": "pubmed26n0009"}

    assert count(made).num_rows == 0


def test_the_newest_ten_are_by_year_then_pmid_and_unknown_years_last(
    corpus: Make, marked: Make, rows_of: Make
):
    sentence = f"[BRCA1|{BRCA1}]."
    years = {1: None, 2: 2001, 3: 2003, 4: 2003, **dict.fromkeys(range(5, 14), 2002)}

    counts = rows_of(
        count(corpus(*(marked(pmid, [sentence], year=year) for pmid, year in years.items())))
    )

    row = counts[BRCA1, BRCA1]
    newest = [4, 3, 13, 12, 11, 10, 9, 8, 7, 6]
    assert row["publications"] == [f"PMID:{pmid}" for pmid in newest]
    assert row["publication_years"] == [2003, 2003, *[2002] * 8]
    assert (row["n_documents"], row["first_year"], row["last_year"]) == (13, 2001, 2003)


def test_documents_without_a_year_have_none(corpus: Make, marked: Make, rows_of: Make):
    row = rows_of(count(corpus(marked(1, [f"[BRCA1|{BRCA1}]."], year=None))))[BRCA1, BRCA1]

    assert (row["first_year"], row["last_year"], row["sentence_year"]) == (None, None, None)


def test_a_shorter_sentence_is_the_better_evidence(corpus: Make, marked: Make, rows_of: Make):
    long = f"[BRCA1|{BRCA1}] {'x ' * 200}[cancer|{CANCER}]."
    short = f"[BRCA1|{BRCA1}] β→γ [cancer|{CANCER}]."

    counts = rows_of(count(corpus(marked(1, [long, short]))))
    only_long = rows_of(count(corpus(marked(1, [long]), marked(2, [short], year=1990))))

    assert counts[BRCA1, CANCER]["sentence"] == "BRCA1 β→γ cancer."
    assert only_long[BRCA1, CANCER]["sentence"] == f"BRCA1 {'x ' * 200}cancer."


def test_sentences_are_cut_by_code_points(corpus: Make, marked: Make, rows_of: Make):
    sentences = ["𝛼𝛽 İstanbul e\u0301.", f"𝛼 [BRCA1|{BRCA1}] e\u0301 𝛽."]

    counts = rows_of(count(corpus(marked(1, sentences))))

    assert counts[BRCA1, BRCA1]["sentence"] == "𝛼 BRCA1 e\u0301 𝛽."


def test_a_list_of_concepts_pairs_nothing_but_its_short_sentences_do(
    corpus: Make, marked: Make, rows_of: Make
):
    sentences = [
        "[a|HGNC:1] [b|HGNC:2] [c|HGNC:3] [d|HGNC:4].",
        "[a|HGNC:1] binds [e|HGNC:5].",
    ]

    counts = rows_of(count(corpus(marked(1, sentences)), max_concepts=3))

    pairs = {pair for pair in counts if pair[0] != pair[1]}
    assert pairs == {("HGNC:1", "HGNC:5")}
    assert counts["HGNC:1", "HGNC:5"]["n_documents"] == 1
    assert len(counts) == 6, "each concept is still counted alone"


def test_nothing_to_count_is_an_empty_table(corpus: Make):
    assert count(corpus()).equals(PAIR_COUNTS.empty())


CONCEPTS = ["HGNC:1", "HGNC:2", "MONDO:1", "MONDO:2", "CHEBI:1"]
SENTENCE = st.lists(st.sampled_from(CONCEPTS), max_size=4).map(
    lambda concepts: " and ".join(f"[x{c[-1]}|{c}]" for c in concepts) + "."
)
TEXTS = st.lists(st.lists(SENTENCE, min_size=1, max_size=3), max_size=6)
QUICK = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@QUICK
@given(texts=TEXTS, seed=st.integers(0, 99))
def test_the_order_of_rows_does_not_matter(
    corpus: Make, marked: Make, texts: list[list[str]], seed: int
):
    made = corpus(*(marked(pmid, text, year=2000 + pmid % 2) for pmid, text in enumerate(texts, 1)))
    shuffle = random.Random(seed)  # noqa: S311 - no secret

    shuffled = {}
    for name, table in made.tables().items():
        order = list(range(table.num_rows))
        shuffle.shuffle(order)
        shuffled[name] = table.take(pa.array(order, pa.int64()))

    assert count_pairs(**shuffled, file=made.file).equals(count(made))


@QUICK
@given(texts=TEXTS, border=st.integers(0, 6))
def test_counts_of_two_files_add_up_to_those_of_both_in_one(
    corpus: Make, marked: Make, texts: list[list[str]], border: int
):
    citations = [marked(pmid, text) for pmid, text in enumerate(texts, 1)]
    together = count(corpus(*citations))
    apart = [count(corpus(*part)) for part in (citations[:border], citations[border:])]

    keys = ["subject", "object"]
    wanted = [("n_documents", "sum"), ("n_sentences", "sum")]
    added = (
        pa.concat_tables(apart)
        .group_by(keys)
        .aggregate(wanted)
        .sort_by([(k, "ascending") for k in keys])
    )

    assert added["n_documents_sum"].to_pylist() == together["n_documents"].to_pylist()
    assert added["n_sentences_sum"].to_pylist() == together["n_sentences"].to_pylist()
    assert added.select(keys).to_pylist() == together.select(keys).to_pylist()


SPANS = st.lists(st.integers(0, 12), min_size=2, max_size=4, unique=True).map(
    lambda ends: list(zip(sorted(ends)[: len(ends) // 2 * 2 : 2], sorted(ends)[1::2], strict=True))
)
MENTION = st.tuples(
    st.integers(0, 1),
    SPANS,
    st.sampled_from([*CONCEPTS[:4], None]),
    st.sampled_from(["gene", "disease"]),
)
ONE_MENTION_A_PLACE = st.lists(
    MENTION, max_size=7, unique_by=lambda mention: (mention[0], tuple(mention[1]), mention[3])
)


@QUICK
@given(documents=st.lists(ONE_MENTION_A_PLACE, max_size=3))
def test_nested_and_overlapping_mentions_count_as_the_rules_say(
    corpus: Make, marked: Make, rows_of: Make, documents: list[list[Any]]
):
    """Compare with the rules spelled out mention by mention."""
    texts = ["abcdefghijklm", "nopqrstuvwxyz"]
    made = corpus(
        *(marked(pmid, texts, further=mentions) for pmid, mentions in enumerate(documents))
    )

    counts = rows_of(count(made))

    expected: dict[tuple[str, str], tuple[set[Any], set[Any]]] = {}
    for document, mentions in enumerate(documents):
        covered = [
            (sentence, {at for start, end in spans for at in range(start, end)}, concept, cls)
            for sentence, spans, concept, cls in mentions
        ]
        kept = [
            one
            for one in covered
            if one[2] is not None
            and not any(
                other[0] == one[0] and other[3] == one[3] and one[1] < other[1] for other in covered
            )
        ]
        for one in kept:
            for other in kept:
                apart = one[0] != other[0] or not one[1] & other[1]
                if (one[2] < other[2] and apart) or one is other:
                    of_documents, of_sentences = expected.setdefault(
                        (one[2], other[2]), (set(), set())
                    )
                    of_documents.add(document)
                    if one[0] == other[0]:
                        of_sentences.add((document, one[0]))
    assert {pair: (row["n_documents"], row["n_sentences"]) for pair, row in counts.items()} == {
        pair: (len(documents), len(sentences)) for pair, (documents, sentences) in expected.items()
    }
