"""Working only on what a changed vocabulary touches gives what working on everything gives."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.citations.documents import passages_of
from kazu_platform.documents import Document, Section
from kazu_platform.linking.compile import build_linking_index
from kazu_platform.linking.context import update_context, with_context
from kazu_platform.linking.corpus import link_changed
from kazu_platform.linking.difference import touched
from kazu_platform.linking.exact import ExactLinker
from kazu_platform.linking.index import open_linking_index
from kazu_platform.linking.surfaces import surfaces_of
from kazu_platform.ner.compile import build_dictionary_index
from kazu_platform.ner.defined import definitions
from kazu_platform.ner.dictionary import DictionaryDetector
from kazu_platform.ner.dictionary_index import open_dictionary_index
from kazu_platform.ner.documented import with_names_of_documents
from kazu_platform.tables import LINKS

if TYPE_CHECKING:
    import pyarrow as pa

    Row = tuple[str, str, str]

STRINGS = (
    "PSA", "KLK3", "prostate-specific antigen", "Prostate Specific Antigens", "NPEPPS", "AD",
    "Alzheimer disease", "atopic dermatitis", "breast cancer", "breast cancers", "BC", "Psa",
    "Chromera velia", "ring ouzel",
)  # fmt: skip
KINDS = ("gene", "disease", "species")
NAMES = [(f"{kind}:{n}", kind, name) for n, name in enumerate(STRINGS) for kind in KINDS]
SHARED = [("gene:50", "gene", "PSA"), ("gene:51", "gene", "AD"), ("disease:51", "disease", "AD")]
WORDS = st.sampled_from(
    [
        *STRINGS,
        "prostate-specific antigen (PSA)",
        "breast cancer (BC)",
        "Alzheimer disease (AD)",
        "C. velia",
        "the ring ouzel (Chromera velia)",
        "sheep poxvirus (SPPV)",
        "SPPV",
    ]
)
DOCUMENTS = st.lists(
    st.lists(st.lists(WORDS, max_size=4).map("; ".join), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
)
VOCABULARIES = st.sets(st.sampled_from([*NAMES, *SHARED]), min_size=1, max_size=16)


def opened(names: set[Row], folder: Path) -> tuple[DictionaryDetector, ExactLinker]:
    from tests.linking.conftest import tables

    concepts, synonyms = tables(
        [(key, kind.upper(), kind, False, [("label", name)]) for key, kind, name in sorted(names)]
    )
    build_dictionary_index(synonyms, folder / "dictionary")
    build_linking_index(
        concepts, synonyms, folder / "linking", ontologies=[kind.upper() for kind in KINDS]
    )
    return (
        DictionaryDetector(open_dictionary_index(folder / "dictionary")),
        ExactLinker(open_linking_index(folder / "linking")),
    )


def in_full(detector: DictionaryDetector, linker: ExactLinker, passages: pa.Table) -> pa.Table:
    defined = definitions(passages)
    named = with_names_of_documents(detector.detect(passages), passages, defined)
    return with_context(named, defined, linker)


@settings(max_examples=60, deadline=None)
@given(texts=DOCUMENTS, before=VOCABULARIES, after=VOCABULARIES, is_model=st.booleans())
def test_mentions_and_links_brought_up_to_date_are_those_made_anew(
    texts: list[list[str]],
    before: set[Row],
    after: set[Row],
    is_model: bool,  # noqa: FBT001 - hypothesis gives it
):
    """A model finds strings that the vocabulary does not have."""
    passages = passages_of(
        [
            Document(f"PMID:{n}", tuple(Section("s", text) for text in sections))
            for n, sections in enumerate(texts)
        ]
    )
    with tempfile.TemporaryDirectory() as folder:
        old_detector, old_linker = opened(before, Path(folder) / "old")
        detector, linker = opened(after, Path(folder) / "new")
        if is_model:
            detector = old_detector = opened({*NAMES}, Path(folder) / "model")[0]
        live = in_full(old_detector, old_linker, passages)
        known = old_linker.link(surfaces_of(live))
        differ = touched(old_linker.index, linker.index)

        updated = update_context(
            live, detector.detect(passages), lambda: passages, differ, linker
        ).mentions
        relinked = link_changed(linker, surfaces_of(updated), known, differ)

        anew = in_full(detector, linker, passages)
        links = link_changed(linker, surfaces_of(anew), LINKS.empty())

    versions = ["detector_version"]
    assert updated.drop_columns(versions).equals(anew.drop_columns(versions))
    assert relinked.links.drop_columns(["vocabulary_version"]).equals(
        links.links.drop_columns(["vocabulary_version"])
    )


def test_a_vocabulary_that_did_not_change_touches_nothing(linker: ExactLinker):
    assert not touched(linker.index, linker.index)


def test_a_new_order_of_ontologies_touches_everything(
    linker: ExactLinker, vocabulary: tuple[pa.Table, pa.Table], tmp_path: Path
):
    build_linking_index(
        *vocabulary, tmp_path / "other", ontologies=["HGNC", "MOUSE", "DOID", "MONDO"]
    )

    differ = touched(linker.index, open_linking_index(tmp_path / "other"))

    surfaces = pl.DataFrame({"text": ["EGFR"], "entity_class": ["gene"], "context": [""]})
    assert differ.everything
    assert differ.of(surfaces).to_list() == [True]
