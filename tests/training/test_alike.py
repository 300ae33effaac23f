"""Sentences that nobody marked: which of them are learnt from, and after whose guideline."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from kazu_platform.errors import TrainingError
from kazu_platform.training.alike import SURE, as_of, ascribed, told_as_of, with_names
from kazu_platform.training.texts import UNLABELLED
from tests.training.test_networks import rows, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence


def table(*sentences: dict[str, object]) -> pa.Table:
    """Labelled sentences; those of nobody's corpus are unmarked."""
    found = rows(*sentences)
    origin = [name if name == UNLABELLED else "gold" for name in found["corpus"].to_pylist()]
    return found.append_column("origin", pa.array(origin))


def unmarked(words: str) -> dict[str, object]:
    return sentence(UNLABELLED, words, [], ())


def unmarked_words(found: pa.Table) -> Sequence[str]:
    return [" ".join(row["words"]) for row in found.to_pylist() if row["origin"] == UNLABELLED]


MARKED = (
    sentence("A", "The BRCA1 gene of mice", [(1, 2, "gene", 1), (4, 5, "species", 1)]),
    sentence("A", "the mice of brca1 - / -", [(1, 2, "species", 1), (3, 7, "gene", 1)]),
    sentence("B", "- the rats", [(2, 3, "species", 1)], ("species",)),
)


def test_only_sentences_with_a_word_of_a_name_are_kept():
    """Whatever its case; signs, and words that are mostly in no name, make none."""
    given = table(*MARKED, unmarked("a Brca1 test"), unmarked("- the gene"), unmarked("rats ran"))

    assert with_names(given, ()) is given
    assert unmarked_words(with_names(given, ["gene"])) == ["a Brca1 test"]
    assert unmarked_words(with_names(given, ["species"])) == ["rats ran"]
    both = with_names(given, ["gene", "species"])
    assert unmarked_words(both) == ["a Brca1 test", "rats ran"]
    assert both.slice(0, 3).equals(given.slice(0, 3))
    assert both.schema == given.schema


def test_sentences_without_words_or_without_marked_ones_are_no_error():
    given = table(unmarked("a Brca1 test"), unmarked(""))
    assert with_names(given, ["gene"]).num_rows == 0
    empty = table(sentence("A", "", []), sentence("B", "", []), unmarked("a test"), unmarked(""))
    assert ascribed(empty, ["A", "B"])["corpus"].to_pylist()[2:] == [as_of("A")] * 2


def test_a_corpus_that_is_not_there_is_named():
    with pytest.raises(TrainingError, match="no sentence is of C; there is A, B"):
        ascribed(table(*MARKED), ["A", "C"])


def test_a_sentence_is_ascribed_to_the_corpus_that_it_is_surely_more_like():
    """A word that all sentences of one corpus have speaks for it, but one alone is not enough."""
    given = table(
        *(sentence("A", "plain heart words", []) for _ in range(50)),
        *(sentence("B", "nuclear monocyte words", []) for _ in range(50)),
        unmarked("heart of words"),
        unmarked("a monocyte"),
        unmarked("a nuclear monocyte"),
        unmarked("nothing known"),
        unmarked("heart and nuclear monocyte"),
    )
    assert math.log(51) < SURE < 2 * math.log(51)

    found = ascribed(given, ["A", "B"])

    assert found["corpus"].to_pylist()[100:] == [as_of(name) for name in ("A", "A", "B", "A", "A")]
    assert found.drop_columns("corpus").equals(given.drop_columns("corpus"))
    assert found["corpus"].to_pylist()[:100] == ["A"] * 50 + ["B"] * 50
    assert ascribed(given, ()) is given


def test_what_is_told_of_a_corpus_is_told_of_the_sentences_taken_for_it():
    own = {"B gene": "gene:B", "C cell line gene": "x"}
    assert told_as_of(own, ["A", "B"]) == {**own, f"{as_of('B')} gene": "gene:B"}
