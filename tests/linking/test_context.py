"""What a document says about a string."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from kazu_platform.arrow import compute
from kazu_platform.citations.documents import passages_of
from kazu_platform.documents import Document, Section, surface_id
from kazu_platform.evaluation.linking_gold import Marked, linking_gold
from kazu_platform.linking.annotate import annotate
from kazu_platform.linking.context import update_context, with_context
from kazu_platform.linking.difference import touched
from kazu_platform.linking.surfaces import bucket_of, surfaces_of
from kazu_platform.ner.compile import build_dictionary_index
from kazu_platform.ner.defined import definitions
from kazu_platform.ner.dictionary import DictionaryDetector
from kazu_platform.ner.dictionary_index import open_dictionary_index
from kazu_platform.ner.documented import with_names_of_documents
from kazu_platform.ner.mentions import Spans, mention_rows
from kazu_platform.tables import DICTIONARY_MENTIONS, MENTIONS, SURFACES

if TYPE_CHECKING:
    from pathlib import Path

    from kazu_platform.linking.exact import ExactLinker


@pytest.fixture
def detector(tmp_path: Path, vocabulary: tuple[pa.Table, pa.Table]) -> DictionaryDetector:
    """The dictionary of the same vocabulary."""
    build_dictionary_index(vocabulary[1], tmp_path / "dictionary")
    return DictionaryDetector(open_dictionary_index(tmp_path / "dictionary"))


def document(name: str, *sections: str) -> Document:
    return Document(name, tuple(Section(f"s{n}", text) for n, text in enumerate(sections)))


def contexts(
    detector: DictionaryDetector, linker: ExactLinker, *documents: Document
) -> list[tuple[str, str]]:
    passages = passages_of(documents)
    rows = with_context(detector.detect(passages), definitions(passages), linker)
    assert rows.schema == MENTIONS.schema
    return list(zip(rows["text"].to_pylist(), rows["context"].to_pylist(), strict=True))


def test_a_defined_abbreviation_stands_for_its_long_form_in_every_section(
    detector: DictionaryDetector, linker: ExactLinker
):
    text = document(
        "PMID:1",
        "Serum PSA in men",
        "We measured prostate-specific\nantigen (PSA).",
        "PSA rose.",
    )

    assert contexts(detector, linker, text) == [
        ("PSA", "long:prostate-specific antigen"),
        ("prostate-specific\nantigen", ""),
        ("PSA", "long:prostate-specific antigen"),
        ("PSA", "long:prostate-specific antigen"),
    ]


def test_an_abbreviation_means_nothing_in_another_document(
    detector: DictionaryDetector, linker: ExactLinker
):
    defines = document("PMID:1", "Prostate-specific antigen (PSA) rose.")
    other = document("PMID:2", "PSA rose.")

    assert contexts(detector, linker, defines, other)[-1] == ("PSA", "")


def test_an_ambiguous_string_means_what_the_document_names_otherwise(
    detector: DictionaryDetector, linker: ExactLinker
):
    text = document("PMID:1", "NPEPPS, an aminopeptidase", "PSA cleaves peptides. EGFR does not.")

    assert contexts(detector, linker, text) == [
        ("NPEPPS", ""),
        ("PSA", "defined:HGNC:7900"),
        ("EGFR", ""),
    ]


def test_a_string_that_is_no_name_has_the_likest_name_beside_it(linker: ExactLinker):
    passages = passages_of(
        [
            document("PMID:1", "Breast cancer, familial breast cancers."),
            document("PMID:2", "Familial breast cancers."),
        ]
    )
    marked = marked_in(passages, "Breast cancer", "familial breast cancers")

    rows = with_context(marked, definitions(passages), linker)

    assert rows.select(["doc_id", "text", "context"]).to_pylist() == [
        {"doc_id": "PMID:1", "text": "Breast cancer", "context": ""},
        {
            "doc_id": "PMID:1",
            "text": "familial breast cancers",
            "context": "near:breast cancer",
        },
        {"doc_id": "PMID:2", "text": "Familial breast cancers", "context": ""},
    ]


def marked_in(passages: pa.Table, *words: str) -> pa.Table:
    """Mentions of diseases wherever words stand, by people."""
    places = [
        (row, found.start(), found.end(), found.group())
        for row, text in enumerate(passages["text"].to_pylist())
        for word in words
        for found in re.finditer(rf"(?i)\b{word}\b", text)
    ]
    rows, starts, ends, strings = zip(*places, strict=True)
    spans = Spans(*(np.array(each) for each in (rows, starts, ends, [0] * len(rows))))
    return mention_rows(
        passages, spans, strings, ["disease"] * len(rows), detector="people", version="1"
    )


def test_a_string_stays_ambiguous_if_both_its_concepts_are_named(
    detector: DictionaryDetector, linker: ExactLinker
):
    text = document("PMID:1", "NPEPPS and KLK3: PSA, puromycin-sensitive aminopeptidase.")

    assert ("PSA", "") in contexts(detector, linker, text)


def test_the_same_string_in_another_place_defines_nothing(
    detector: DictionaryDetector, linker: ExactLinker
):
    assert contexts(detector, linker, document("PMID:1", "PSA.", "PSA and PSA.")) == [
        ("PSA", ""),
        ("PSA", ""),
        ("PSA", ""),
    ]


def test_the_surface_is_the_hash_of_text_class_and_context(
    detector: DictionaryDetector, linker: ExactLinker
):
    passages = passages_of([document("PMID:1", "NPEPPS is PSA.")])

    rows = with_context(detector.detect(passages), definitions(passages), linker)

    assert rows["surface_id"].to_pylist() == [
        surface_id("NPEPPS", "gene", ""),
        surface_id("PSA", "gene", "defined:HGNC:7900"),
    ]


def test_no_mentions_have_no_context(linker: ExactLinker):
    passages = passages_of([document("PMID:1", "Nothing (N).")])

    assert with_context(DICTIONARY_MENTIONS.empty(), definitions(passages), linker).equals(
        MENTIONS.empty()
    )


def test_surfaces_are_counted_once_and_merged(detector: DictionaryDetector, linker: ExactLinker):
    passages = passages_of([document("PMID:1", "EGFR, EGFR and Egfr in breast cancer")])
    mentions = with_context(detector.detect(passages), definitions(passages), linker)

    surfaces = surfaces_of(mentions)

    assert surfaces.schema == SURFACES.schema
    assert surfaces["surface_id"].to_pylist() == sorted(surfaces["surface_id"].to_pylist())
    assert sorted(
        (row["text"], row["normalised"], row["entity_class"], row["n_mentions"])
        for row in surfaces.to_pylist()
    ) == [
        ("EGFR", "egfr", "gene", 2),
        ("Egfr", "egfr", "gene", 1),
        ("breast cancer", "breast cancer", "disease", 1),
    ]
    assert bucket_of(surfaces["surface_id"]).to_pylist() == [
        f"0{each[0]}" for each in surfaces["surface_id"].to_pylist()
    ]


def test_own_texts_are_annotated(detector: DictionaryDetector, linker: ExactLinker):
    first = document("own:1", "", "Breast cancer needs EGFR; so said PSA, which WAS was not.")
    second = document("own:2", "Nothing.")

    mentions, none = annotate([first, second], [detector], linker)

    assert none == ()
    assert [(m.text, m.section, m.spans[0].start, m.detector) for m in mentions] == [
        ("Breast cancer", 1, 0, "dictionary"),
        ("EGFR", 1, 20, "dictionary"),
        ("PSA", 1, 34, "dictionary"),
        ("WAS", 1, 45, "dictionary"),
    ]
    assert [[(each.concept_id, each.label, each.rank) for each in m.links] for m in mentions] == [
        [
            ("MONDO:0007254", "breast cancer", 1),
            ("DOID:1612", "breast cancer", 2),
            ("MONDO:0004989", "breast carcinoma", 3),
        ],
        [("HGNC:3236", "EGFR", 1), ("NCBIGene:13649", "Egfr", 2)],
        [("HGNC:6364", "KLK3", 1), ("HGNC:7900", "NPEPPS", 2)],
        [("HGNC:12731", "WAS", 1)],
    ]
    assert annotate([], [detector], linker) == []
    assert annotate([second], [], linker) == [()]


@pytest.mark.parametrize(
    ("column", "value"),
    [("detector", pa.scalar("dictionary+model")), ("confidence", pa.scalar(0.75, pa.float32()))],
)
def test_a_mention_that_others_find_too_is_brought_up_to_date(
    detector: DictionaryDetector, linker: ExactLinker, column: str, value: pa.Scalar
):
    """The places are the same; who found them, or how sure they are, is not."""
    texts = passages_of([document("PMID:1", "EGFR rose."), document("PMID:2", "EGFR fell.")])
    defined, before = definitions(texts), detector.detect(texts)
    first = compute.equal(before["doc_id"], "PMID:1")
    place = before.schema.get_field_index(column)
    changed = compute.if_else(first, value, before[column])
    now = before.set_column(place, before.schema.field(column), changed)
    made = [
        with_context(with_names_of_documents(found, texts, defined), defined, linker)
        for found in (before, now)
    ]

    nothing = touched(linker.index, linker.index)
    same, updated = (
        update_context(made[0], found, lambda: texts, nothing, linker) for found in (before, now)
    )

    assert (same.n_documents, updated.n_documents) == (0, 1)
    assert same.mentions.equals(made[0])
    assert updated.mentions.equals(made[1])
    assert not made[0].equals(made[1])


def test_a_short_genus_is_the_one_that_the_document_writes_out(linker: ExactLinker):
    names = {
        "1": ["Mycobacterium bovis", "M. bovis", "M. tuberculosis"],
        "2": ["Mycoplasma bovis", "M.bovis", "Mycobacterium avium"],
        "3": ["M. bovis", "Mycobacterium bovis", "Mycoplasma bovis"],
        "4": ["Aedes aegypti", "Ae. aegypti", "Ac. aegypti"],
        "5": ["M. bovis"],
    }

    assert spelt_out(linker, names, "species") == {
        ("1", "M. bovis"): "long:Mycobacterium bovis",
        ("2", "M.bovis"): "long:Mycoplasma bovis",
        ("4", "Ae. aegypti"): "long:Aedes aegypti",
    }
    assert spelt_out(linker, names, "disease") == {}


def spelt_out(
    linker: ExactLinker, names: dict[str, list[str]], entity_class: str
) -> dict[tuple[str, str], str]:
    """Contexts, where there are any, of names that stand one after the other in documents."""
    marked = [
        Marked(row, at, at + len(name), entity_class, name, ())
        for row, those in enumerate(names.values())
        for name, at in places(those)
    ]
    documents = [(doc_id, "; ".join(those)) for doc_id, those in names.items()]
    gold = linking_gold("hand", "devel", documents, marked)
    rows = with_context(gold.mentions, definitions(gold.passages), linker)
    said = rows.select(["doc_id", "text", "context"]).to_pylist()
    return {(row["doc_id"], row["text"]): row["context"] for row in said if row["context"]}


def places(names: list[str]) -> list[tuple[str, int]]:
    whole = "; ".join(names)
    return [(name, whole.index(name)) for name in names]
