"""Documents of the kind that breaks things: `st.from_type(Document)` makes them.

They are full of names that the sample knows, Greek letters, U+0130 (whose lower case is two
characters), combining marks, characters outside the first plane, brackets, every kind of blank and
line end, and empty sections. There are no surrogates: Arrow's strings are UTF-8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import strategies as st

from kazu_platform.documents import Document, Section
from kazu_platform.linking.exact import ExactLinker
from kazu_platform.linking.index import open_linking_index
from kazu_platform.ner.dictionary import DictionaryDetector
from kazu_platform.ner.dictionary_index import open_dictionary_index
from kazu_platform.storage.artifacts import ArtifactStore

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [
    "breast cancer",
    "Triple-negative breast cancer",
    "chronic myeloid leukaemia",
    "chronic myeloid leukemia (CML)",
    "CML",
    "TNF-α",
    "TNF",
    "IL-1beta",
    "COX-1/COX-2",
    "BCR-ABL",
    "p53",
    "PSA",
    "prostate-specific antigen (PSA)",
    "WAS",
    "cat",
    "CAT",
    "Imatinib",
    "insulin",
    "Plasmodium falciparum",
    "E. coli",
    "T cell",
    "CD4-positive T cells",
    "MCF-7",
    "β-catenin",
    "apoptosis",
]
SIGNS = [
    *" \t\n\r\x0b\x0c\x1c\x1f\x85\xa0\u2003\u2028\u2029\u200b\ufeff\x00",
    *"()[]{}<>&\"'|-‐‑–—/,;:.!?…’´`",
    *"αΑβςΣµμΩ²₂½ßſﬁéÅİıǅ",
    "\u0301",
    "e\u0301",
    "i\u0307",
    "İ",
    "𝛼",
    "𝒳",
    "👩\u200d🔬",
    "\U0010ffff",
    ". ",
    " (",
    "). The ",
    "s",
]
PIECES = st.one_of(
    st.sampled_from(NAMES),
    st.sampled_from([name.upper() for name in NAMES]),
    st.sampled_from(SIGNS),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)
TEXTS = st.lists(PIECES, max_size=14).map("".join)
SECTION_NAMES = st.sampled_from(["title", "abstract", "METHODS", "", "a\tb", "Ergebnisse\u2028"])


def documents() -> st.SearchStrategy[Document]:
    """Any document with at least one section, which may be empty."""
    sections = st.lists(st.builds(Section, SECTION_NAMES, TEXTS), min_size=1, max_size=4)
    doc_ids = st.integers(1, 99).map("PMID:{}".format) | st.text(
        st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4
    )
    return st.builds(Document, doc_ids, sections.map(tuple))


st.register_type_strategy(Document, documents())


@pytest.fixture(scope="session")
def detector(sample_home: Path) -> DictionaryDetector:
    """Finds the names of the sample's vocabularies."""
    folder = ArtifactStore(sample_home / "models").live("dictionary").content
    return DictionaryDetector(open_dictionary_index(folder))


@pytest.fixture(scope="session")
def linker(sample_home: Path) -> ExactLinker:
    """Links to the concepts of the sample's vocabularies."""
    folder = ArtifactStore(sample_home / "models").live("linking").content
    return ExactLinker(open_linking_index(folder))
