"""What automatic curation holds back, by names that people of the field know."""

from __future__ import annotations

import polars as pl
import pytest

from kazu_platform.ontologies.autocuration import curate
from kazu_platform.ontologies.generation import binomial, shown
from kazu_platform.text.everyday import GENERAL, GENERAL_TAXA, KEPT


def judged(entity_class: str, names: list[str]) -> dict[str, str | None]:
    frame = pl.DataFrame({"name": names, "obsolete": [False] * len(names)})
    return dict(curate(frame, entity_class).select("name", "held_back_by").rows())


@pytest.mark.parametrize(
    ("entity_class", "matched"),
    [
        ("gene", ["BRCA1", "TP53", "p53", "TNF", "IL-6", "tau", "insulin", "EGFR", "c-fos"]),
        ("disease", ["asthma", "cancer", "toxicity", "Ebola", "COPD", "type 2 diabetes"]),
        ("chemical", ["aspirin", "water", "Na", "Ca2+", "5-FU", "imatinib"]),
        (
            "species",
            ["mouse", "patients", "E. coli", "Homo sapiens", "rice", "HIV-1", "fruit flies"],
        ),
        ("species", ["Lassa virus Josiah", "Salmonella enterica Typhi", "Zea mays"]),
        ("cell_line", ["HeLa", "MCF-7", "HEK 293", "A549"]),
        ("cell_type", ["T cell", "hepatocyte", "Th17", "ILC2", "neuron"]),
        ("anatomy", ["liver", "CA1", "V1", "hippocampus"]),
    ],
)
def test_what_papers_name_is_matched(entity_class: str, matched: list[str]):
    assert judged(entity_class, matched) == dict.fromkeys(matched)


@pytest.mark.parametrize(
    "name",
    [
        "Trichophyton mentagrophytes",
        "T. mentagrophytes",
        "Escherichia coli Nissle 1917",
        "Bacillus anthracis Ames",
        "Listeria monocytogenes Scott A",
        "Mycobacterium tuberculosis Beijing",
        "Streptococcus pneumoniae Taiwan",
        "Clostridium botulinum A str. Hall",
        "Brassica oleracea Capitata Group",
    ],
)
def test_species_strains_and_groups_are_no_divisions_or_authors(name: str):
    assert judged("species", [name]) == {name: None}
    assert shown(binomial, name) == [None]


@pytest.mark.parametrize(
    ("entity_class", "name", "rule"),
    [
        ("gene", "A", "too_short"),
        ("gene", "A-", "too_short"),
        ("gene", "(P", "too_short"),
        ("gene", "G1", "too_short"),
        ("gene", "As-", "too_short"),
        ("gene", "had", "too_short"),
        ("gene", "Had-", "function_word"),
        ("gene", "II", "too_short"),
        ("gene", "VIII", "number"),
        ("gene", "DNA", "general_term"),
        ("gene", "DNA-", "general_term"),
        ("chemical", "e-", "too_short"),
        ("cell_type", "AP-1", "too_short"),
        ("cell_type", "delta", "general_term"),
        ("anatomy", "AD", "too_short"),
        ("disease", "NF1", "gene_symbol"),
        ("species", "Zea mays L.", "author"),
        ("species", "Mus musculus Linnaeus, 1758", "author"),
        ("species", "Mus musculus (Linnaeus)", "author"),
        ("species", "Artocarpus lakoocha Wall. ex Roxb.", "author"),
        ("species", "Berberis aristata DC.", "author"),
        ("species", "Myrica rubra Siebold & Zucc.", "author"),
        ("species", "bryophytes", "general_term"),
        ("species", "alveolates", "general_term"),
        ("species", "core chlorophytes", "general_term"),
        ("species", "flies", "common_word"),
    ],
)
def test_what_is_hardly_ever_meant_is_not(entity_class: str, name: str, rule: str):
    assert judged(entity_class, [name]) == {name: rule}


def test_edges_free_no_cell_line_of_its_context():
    names = pl.DataFrame({"name": ["S2", "S2-", "LTK-"], "obsolete": [False] * 3})

    assert curate(names, "cell_line")["in_context"].to_list() == [True, True, True]


def test_genes_of_four_letters_match_in_their_case():
    names = pl.DataFrame({"name": ["Pigs", "Flap", "insulin"], "obsolete": [False] * 3})

    assert curate(names, "gene")["case_sensitive"].to_list() == [True, True, False]


@pytest.mark.parametrize("entity_class", KEPT)
def test_no_word_is_kept_and_held_back(entity_class: str):
    general = GENERAL.get(entity_class, frozenset())
    general |= GENERAL_TAXA if entity_class == "species" else frozenset()

    assert KEPT[entity_class] & general == frozenset()
