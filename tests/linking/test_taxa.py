"""Of which species a document is."""

from __future__ import annotations

import pytest

from kazu_platform.citations.documents import passages_of
from kazu_platform.documents import Document, Section
from kazu_platform.linking.taxa import taxa_of

MOUSE, RAT = "NCBITaxon:10090", "NCBITaxon:10116"


@pytest.mark.parametrize(
    ("text", "taxon"),
    [
        ("Trp53-null mice die early.", MOUSE),
        ("TP53 in patients with lung cancer.", None),
        ("Mice were given cells of a patient; the mice lived.", MOUSE),
        ("Sprague-Dawley rats were fed.", RAT),
        ("The protein binds DNA.", None),
        ("One mouse and one patient.", None),
        ("Mitochondria are not mentioned as mice are: micelles.", MOUSE),
    ],
)
def test_the_species_with_most_words_counts_if_it_has_more_than_people(
    text: str, taxon: str | None
):
    document = Document(doc_id="d", sections=(Section(name="abstract", text=text),))

    found = taxa_of(passages_of([document]))["taxon"].to_list()

    assert found == ([taxon] if taxon else [])
