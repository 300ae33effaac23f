"""Sentences of biomedical English."""

from __future__ import annotations

import gzip
import json
from time import process_time
from typing import TYPE_CHECKING

import pytest

from kazu_platform.text.sentences import LONGEST, sentence_spans

if TYPE_CHECKING:
    from pathlib import Path


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    "sentence",
    [
        "Growth of E. coli and S. aureus was inhibited.",
        "Infection by S. Typhimurium was severe.",
        "It was given i.p. to mice and i.v. to rats, e.g. at 5 mg/kg b.w. once daily.",
        "The value was 2.3 vs. 4.5 in controls (P < 0.05).",
        "As shown in Fig. 1 and Figs. 2 and 3, cf. Ref. 4, it fell.",
        "Smith et al. (1998) and Jones et al. 1999 agree.",
        "It is known (J. Corbeil, M. Tremblay, and D. D. Richman, J. Exp. Med. 183:39-48, 1996).",
        "We read [Cao et al., Proc. Natl. Acad. Sci. USA 86 (1989) 5306-5310] with care.",
        "Sphingomyelinase (ASM; E.C. 3.1.4.12) is induced.",
        "Bacillus sp. PCC 6803 and Fusarium spp. (both toxic) grew.",
        "2. Our study involved 60 males.",
        "Approximately, i.e. within limits, No. 5 was right.",
        "Dr. Dezube, St. Louis, was there.",
    ],
)
def test_an_abbreviation_or_a_bracket_ends_no_sentence(sentence: str):
    assert sentences(sentence) == [sentence]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Levels of NF-kappa B.", "NF-kappa B binds DNA."),
        ("We measured vitamin C.", "The level was low."),
        ("It depends on protein kinase C.", "In contrast, calcium fell."),
        ("It was lost.", "p53 was mutated."),
        ("It was lost.", "mRNA was not."),
        ("It rose.", "c-Fos fell."),
        ("It rose.", "α-Synuclein fell."),
        ("It was given i.p.", "Mice were killed."),
        ("We know Smith et al.", "Mice were killed."),
        ("It is known (see above).", "(ii) It is new."),
        ("It was so (P = .05).", "This holds."),
        ("Was it so?", "It was!"),
        ('He said "stop."', "We did."),
        ("Patients had CF.", "We treated them."),
        ("It ended on day 0.", "Responses fell."),
        ("An unclosed (bracket is a misprint.", "It ends nothing."),
    ],
)
def test_two_sentences_are_two(first: str, second: str):
    assert sentences(f"{first} {second}") == [first, second]


def test_a_blank_line_ends_a_sentence_without_a_stop():
    assert sentences("Introduction\n\nMice are small.\n") == ["Introduction", "Mice are small."]


def test_a_line_end_within_a_paragraph_ends_nothing():
    assert sentences("Mice\nare small.") == ["Mice\nare small."]


def test_the_mark_of_a_cut_abstract_is_a_sentence_of_its_own():
    text = "It binds DNA.(ABSTRACT TRUNCATED AT 250 WORDS)"

    assert sentences(text) == ["It binds DNA.", "(ABSTRACT TRUNCATED AT 250 WORDS)"]


@pytest.mark.parametrize("text", ["", " ", "\n \n", "\u2003"])
def test_a_blank_text_has_no_sentence(text: str):
    assert sentence_spans(text) == []


def test_what_has_no_stop_is_cut_at_a_blank():
    text = "word " * 2_000

    cut = sentences(text)

    assert max(map(len, cut)) <= LONGEST
    assert " ".join(cut) == text.rstrip()


def test_what_has_no_blank_is_cut_all_the_same():
    assert [len(sentence) for sentence in sentences("A" * 9_000)] == [4000, 4000, 1000]


@pytest.mark.parametrize("piece", ["word ", "a", "(", " "])
def test_five_megabytes_without_a_stop_take_a_moment(piece: str):
    assert _seconds_for(piece, 5_000_000) < 15


@pytest.mark.parametrize(
    "piece", ["A. ", "()", "( a. B.", "[(", ".", '."', "\n", "\n ", "1. ", "e.g. "]
)
def test_time_is_linear_in_any_text(piece: str):
    assert _seconds_for(piece, 1_000_000) < 10


def _seconds_for(piece: str, size: int) -> float:
    text = piece * (size // len(piece))
    start = process_time()
    sentence_spans(text)
    return process_time() - start


def test_borders_are_those_that_people_set(test_data: Path):
    """Exact borders inside titles and abstracts of GENIA, whose sentences were set by hand."""
    hits = found = gold = 0
    for text, borders in _genia(test_data):
        # Characters that are no blank, counted up to each sentence's end.
        ends = {len("".join(text[:end].split())) for _, end in sentence_spans(text)}
        inner, wanted = ends - {max(borders)}, borders - {max(borders)}
        hits += len(inner & wanted)
        found += len(inner)
        gold += len(wanted)

    assert gold > 1_000
    assert 2 * hits / (found + gold) > 0.99


def _genia(folder: Path) -> list[tuple[str, set[int]]]:
    """Abstracts with the ends of their sentences, where tokens and text agree."""
    tokens = _documents(folder / "ner" / "JNLPBA" / "devel.tsv")
    aligned: list[tuple[str, set[int]]] = []
    with gzip.open(folder / "text" / "abstracts.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            document = tokens.get(str(record["pmid"]))
            if document is None:
                continue
            title, text = "".join(record["title"].split()), record["text"]
            if title + "".join(text.split()) != "".join(document):
                continue
            ends: set[int] = set()
            at = -len(title)
            for sentence in document:
                at += len(sentence)
                if at > 0:
                    ends.add(at)
            aligned.append((text, ends))
    return aligned


def _documents(path: Path) -> dict[str, list[str]]:
    """Sentences of each document, blanks left out."""
    documents: dict[str, list[str]] = {}
    current: list[str] = []
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        words = [line.split("\t")[0] for line in block.splitlines()]
        if words and words[0].startswith("-DOCSTART-"):
            current = documents.setdefault(words[0].split()[1], [])
        elif words:
            current.append("".join(words))
    return documents
