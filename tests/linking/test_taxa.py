"""Of which species a document is."""

from __future__ import annotations

import pytest

from kazu_platform.citations.documents import passages_of
from kazu_platform.documents import Document, Section
from kazu_platform.linking.taxa import MOUSE, RAT, taxa_of


@pytest.mark.parametrize(
    ("text", "taxon"),
    [
        ("Trp53-null mice die early.", MOUSE),
        ("TP53 in patients with lung cancer.", None),
        ("Mice were given cells of a patient; the mice lived.", MOUSE),
        ("Sprague-Dawley rats were fed.", RAT),
        ("The protein binds DNA.", None),
        ("One mouse and one patient.", None),
        ("Nf1 in Ba/F3 cells, and in no patient.", MOUSE),
        ("SOX10 in HeLa and MCF-7 cells; mice.", None),
        ("Growth in BALB/c nude mice.", None),
        ("Growth in nude mice, in other mice and in no other mouse.", MOUSE),
        ("Melanoma cells in a mouse.", None),
        ("Murine B cell lymphoma cells.", MOUSE),
        ("Rat glioma cells.", RAT),
        ("Xenografts of melanoma cells in mice.", None),
        ("Conditional deletion with Alb-Cre; human disease.", MOUSE),
        ("CRE-binding proteins, MEF-2, HLA-B16, IL-23 P19, ST2 and serum Cre.", None),
        ("H9c2 cells of the heart.", RAT),
        ("Mitochondria are not mentioned as mice are: micelles.", MOUSE),
    ],
)
def test_the_species_counts_for_which_most_speaks_if_for_people_less_does(
    text: str, taxon: str | None
):
    document = Document(doc_id="d", sections=(Section(name="abstract", text=text),))

    found = taxa_of(passages_of([document]))["taxon"].to_list()

    assert found == ([taxon] if taxon else [])
