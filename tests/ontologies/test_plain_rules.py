"""The rules over columns say what the same rules say in plain Python, name by name."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from kazu_platform.ontologies.autocuration import curate
from kazu_platform.ontologies.generation import generate
from kazu_platform.tables import ENTITY_CLASSES

if TYPE_CHECKING:
    from types import ModuleType

WORDS = (
    "leukemia", "Tumour", "hepatocyte", "Mus musculus", "Homo sapiens", "Zea mays L.", "was",
    "WAS", "glycine", "Glycine", "NIH/3T3", "SK-BR-3", "TNFalpha", "TNF-α", "IL-2", "PPARγ",
    "valproic acid", "Lesch-Nyhan syndrome", "von Hippel-Lindau disease", "interleukin-2",
    "A group", "inhibitor", "Na", "S2", "3T3", "RB1", "artery", "diagnosis", "seizures", "mouse",
    "Enterobacteriaceae", "Bacillus", "oedema", "Contact lenses", "cancer", "all", "in", "X", "7",
    "100-1", "allergies", "HeLa", "Ménière disease", "labour", "Jurkat", "collagen type X",
    "memories", "Eros", "Lassa virus Josiah", "Escherichia coli Nissle 1917",
    "Trichophyton mentagrophytes", "Salmonella enterica Typhi", "bryophytes", "core chlorophytes",
)  # fmt: skip
FRAMES = (
    "{}", "{}s", "{} cell", "{} cells", "{} type II", "{} factor 8", "The {}", "{} (disease)",
    "{}, NOS", "{}, Acute", "{} gene", "{}-beta", "Transgenic {}", "acute {}", "{} of the heart",
)  # fmt: skip
NAMES = [
    *sorted({frame.format(word) for frame, word in product(FRAMES, WORDS)}),
    "x" * 121,
    " ".join("abcdefghijklmnopq"),
    "a name without an end " * 4,
]


@pytest.fixture(scope="module")
def plain() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "plain_rules.py"
    spec = spec_from_file_location("plain_rules", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["plain_rules"] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("entity_class", ENTITY_CLASSES)
def test_rules_of_generation_make_the_same_names(plain: ModuleType, entity_class: str):
    rows = [
        (f"own:{number % 400}", name, "label" if number % 2 else "broad", False)
        for number, name in enumerate(NAMES)
    ]
    columns = ["id", "name", "scope", "obsolete"]

    made = generate(pl.DataFrame(rows, columns, orient="row"), entity_class)

    assert len(made) > 50
    one_by_one = plain.generate([plain.Made(*row) for row in rows], entity_class)
    assert sorted(made.rows()) == sorted(tuple(each) for each in one_by_one)


@pytest.mark.parametrize("entity_class", ENTITY_CLASSES)
def test_rules_of_curation_give_the_same_verdicts(plain: ModuleType, entity_class: str):
    obsolete = [name.startswith("Z") for name in NAMES]

    judged = curate(pl.DataFrame({"name": NAMES, "obsolete": obsolete}), entity_class)

    assert judged["held_back_by"].n_unique() > 4
    one_by_one = [
        (name, *plain.curate(name, entity_class, obsolete=old))
        for name, old in zip(NAMES, obsolete, strict=True)
    ]
    columns = ("name", "case_sensitive", "in_context", "held_back_by")
    assert judged.select(columns).rows() == one_by_one


def test_each_rule_of_generation_is_there_in_plain_python(plain: ModuleType):
    names = [plain.Made(name, name, "label", obsolete=False) for name in NAMES]

    made = {
        each.rule for entity_class in ENTITY_CLASSES for each in plain.generate(names, entity_class)
    }

    assert made == {
        "plural", "singular", "british", "american", "inverted", "without_bracket",
        "without_stop_words", "arabic", "roman", "without_suffix", "joined", "without_slash",
        "glued_greek", "spelled_greek", "gene_pattern", "salt", "eponym", "short_genus",
        "shorter_genus", "two_letter_genus", "binomial",
    }  # fmt: skip
