"""From marks on characters to mentions of words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import example, given
from hypothesis import strategies as st

from kazu_platform.evaluation.iob import parse_iob
from kazu_platform.evaluation.pubtator import parse_pubtator
from kazu_platform.ner.words import split_words
from kazu_platform.tables import LABELLED_SENTENCES
from kazu_platform.training.labelling import joined, labelled

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from kazu_platform.evaluation.entities import TokenGold

    Strings = Callable[[pa.Table], list[dict[str, Any]]]

CLASSES = ("gene", "chemical")
TOKENS = st.sampled_from(
    ["IL-2", "TNF-α", "p53", "(", "rose", "5'-", "Sjögren", "x", "&", "naïve/"]
)
# A token, and whether it begins, goes on with or is outside an entity of a class.
TAGGED = st.tuples(TOKENS, st.sampled_from(["O", "O", "B-gene", "I-gene", "B-chemical"]))
DOCUMENTS = st.lists(st.lists(st.lists(TAGGED, min_size=1, max_size=7), min_size=1, max_size=4))


def iob(content: str, split: str = "train") -> TokenGold:
    return parse_iob(Path("c.tsv"), content, corpus="c", split=split)


def written(documents: list[list[list[tuple[str, str]]]]) -> str:
    lines: list[str] = []
    for number, sentences in enumerate(documents):
        lines += [f"-DOCSTART- {number}\tO", ""]
        for sentence in sentences:
            lines += [*(f"{token}\t{tag}" for token, tag in sentence), ""]
    return "\n".join(lines)


def plain_mentions(sentence: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Mentions of words, one token after the other, as seqeval reads tags."""
    mentions: list[dict[str, Any]] = []
    at, before = 0, "O"
    for token, tag in sentence:
        last = at + len(split_words([token]).strings)
        kind = tag.partition("-")[2]
        if tag.startswith("I") and before == kind:
            mentions[-1]["last"] = last
        elif kind:
            mentions.append({"first": at, "last": last, "entity_class": kind, "probability": 1.0})
        at, before = last, kind
    return sorted(mentions, key=lambda each: (each["first"], each["last"]))


@given(DOCUMENTS)
def test_what_is_written_as_iob2_reads_back(documents: list[list[list[tuple[str, str]]]]):
    """A token of a corpus may be several words of ours: B is the first of them."""
    rows = labelled(iob(written(documents)), CLASSES).to_pylist()

    sentences = [
        (str(number), sentence) for number, each in enumerate(documents) for sentence in each
    ]
    assert [row["doc_id"] for row in rows] == [name for name, _ in sentences]
    assert [row["sentence"] for row in rows] == list(range(len(sentences)))
    for row, (_, sentence) in zip(rows, sentences, strict=True):
        assert row["words"] == split_words([" ".join(token for token, _ in sentence)]).strings
        assert row["mentions"] == plain_mentions(sentence)


@given(
    st.text("aB2-(α .\n", min_size=1, max_size=40).filter(str.strip),
    st.lists(st.tuples(st.integers(0, 39), st.integers(1, 20)), max_size=4),
)
@example(" . 2", [(0, 4)])  # from before the first sentence
@example("a. B. ", [(0, 6)])  # to behind the last
@example("a. B. (", [(2, 3)])  # from between two sentences
def test_a_mention_has_every_word_that_it_touches(text: str, marks: list[tuple[int, int]]):
    title = text.replace("\n", " ")
    spans = {(start, min(start + size, len(title))) for start, size in marks if start < len(title)}
    lines = [f"7|t|{title}", "7|a|"]
    lines += [f"7\t{start}\t{end}\t{title[start:end]}\tGene" for start, end in spans]
    gold = parse_pubtator(Path("c"), "\n".join(lines), corpus="c", split="train")

    rows = labelled(gold, CLASSES).to_pylist()

    # All sentences together hold every word once, and a mention lies in one of them.
    words = split_words([title])
    assert [word for row in rows for word in row["words"]] == words.strings
    found: set[tuple[int, int]] = set()
    before = 0
    for row in rows:
        for each in row["mentions"]:
            assert 0 <= each["first"] < each["last"] <= len(row["words"])
            found.add((before + each["first"], before + each["last"]))
        before += len(row["words"])
    touched = [
        [i for i in range(len(words.strings)) if words.start[i] < end and start < words.end[i]]
        for start, end in spans
    ]
    assert found == {(each[0], each[-1] + 1) for each in touched if each}


def test_a_sentence_border_inside_a_mention_is_none(strings: Strings):
    content = "7|t|Zn\n7|a|Vit. A rose. So did B.\n7\t3\t9\tVit. A\tChemical\n"
    gold = parse_pubtator(Path("c"), content, corpus="c", split="train")

    assert [row["text"] for row in strings(labelled(gold, ["gene"]))] == [
        *("Zn", "Vit .", "A rose .", "So did B ."),
    ]
    assert strings(labelled(gold, ["chemical"]))[1] == {
        "doc_id": "7",
        "text": "Vit . A rose .",
        "mentions": [("Vit . A", "chemical")],
    }


def test_a_mention_that_begins_with_a_blank_leaves_the_sentence_before_alone(strings: Strings):
    content = "7|t|A rose. Vit. A rose. B.\n7|a|\n7\t7\t14\t Vit. A\tChemical\n"
    gold = parse_pubtator(Path("c"), content, corpus="c", split="train")

    assert [row["text"] for row in strings(labelled(gold, ["chemical"]))] == [
        *("A rose .", "Vit . A rose .", "B ."),
    ]


def test_a_type_of_the_corpus_is_a_class_of_ours_if_it_is_said_so(strings: Strings):
    gold = iob("TNF\tB-protein\nALB\tB-gene\nrs7\tB-variant\n")

    assert strings(labelled(gold, ["gene"], {"protein": "gene"}))[0]["mentions"] == [
        ("TNF", "gene"),
        ("ALB", "gene"),
    ]
    assert labelled(gold, ["gene"]).to_pylist()[0]["classes"] == ["gene"]


def test_a_document_that_nobody_knows_has_no_id():
    content = (
        "a\tO\n\n-DOCSTART- ?\tO\n\nb\tO\n\n-DOCSTART- 7\tO\n\nc\tO\n\n-DOCSTART- 7\tO\n\nd\tO\n"
    )

    assert labelled(iob(content), ["gene"])["doc_id"].to_pylist() == [None, None, "7", "7"]


def test_nothing_is_read_of_nothing():
    assert labelled(iob(""), CLASSES).equals(LABELLED_SENTENCES.empty())


def test_nested_mentions_are_kept_and_twice_the_same_is_one(strings: Strings):
    content = (
        "7|t|BRCA1 protein\n7|a|\n7\t0\t5\tBRCA1\tGene\t672\n7\t0\t5\tBRCA1\tGene\t12189\n"
        "7\t0\t13\tBRCA1 protein\tGene\t672\n"
    )
    gold = parse_pubtator(Path("c"), content, corpus="c", split="train")

    assert strings(labelled(gold, ["gene"]))[0]["mentions"] == [
        ("BRCA1", "gene"),
        ("BRCA1 protein", "gene"),
    ]


def test_the_same_sentences_with_other_classes_are_one_corpus(strings: Strings):
    head = "-DOCSTART- 7\tO\n\nAbstract\tO\n\n"
    genes = iob(head + "TNF\tB-gene\nand\tO\nZn\tO\n\nAbstract\tO\n\nonly\tO\nhere\tO\n")
    chemicals = iob(head + "TNF\tO\nand\tO\nZn\tB-chemical\n\nAbstract\tO\n")

    rows = joined([labelled(genes, ["gene"]), labelled(chemicals, ["chemical"])], "both")

    assert [row["text"] for row in strings(rows)] == [
        *("Abstract", "TNF and Zn", "Abstract", "only here"),
    ]
    assert strings(rows)[1]["mentions"] == [("TNF", "gene"), ("Zn", "chemical")]
    assert rows["classes"].to_pylist() == [[*CLASSES], [*CLASSES], [*CLASSES], ["gene"]]
    assert rows["sentence"].to_pylist() == [0, 1, 2, 3]
    assert set(rows["corpus"].to_pylist()) == {"both"}
