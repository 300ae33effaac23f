"""A small vocabulary that says what the ids of a corpus mean, and gold made by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from kazu_platform.evaluation.identifiers import Identifiers
from kazu_platform.evaluation.linking import LinkingEvaluation, evaluate_linker, linking_task
from kazu_platform.evaluation.linking_gold import LinkingGold, Marked, linking_gold
from kazu_platform.linking.compile import build_linking_index
from kazu_platform.linking.exact import ExactLinker
from kazu_platform.linking.index import LinkingIndex, open_linking_index
from kazu_platform.linking.surfaces import surfaces_from_strings
from kazu_platform.tables import CONCEPT_EQUIVALENTS, CONCEPT_XREFS, CONCEPTS, SYNONYMS
from kazu_platform.text.normalise import NORMALISER_VERSION, normalise

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa

    from kazu_platform.evaluation.linkers import EvaluatedLinker

NAMES = {
    ("MONDO:1", "MONDO", "disease"): ["breast cancer", "mammary cancer"],
    ("MONDO:2", "MONDO", "disease"): ["lung cancer"],
    ("MONDO:3", "MONDO", "disease"): ["colon cancer"],
    ("MONDO:4", "MONDO", "disease"): ["colonic neoplasm"],
    ("MONDO:9", "MONDO", "disease"): ["bowel trouble"],
    ("MESH:D001943", "MEDIC", "disease"): ["breast neoplasms"],
    ("MESH:D003110", "MEDIC", "disease"): ["colonic neoplasms"],
    ("HGNC:1100", "HGNC", "gene"): ["BRCA1"],
}
# What the gold says -> what of the vocabulary that is: by an equivalent, through what replaced
# an obsolete concept, by a cross-reference of a concept. MONDO:4 goes by a name of MESH:D003110,
# whose leader is another.
EQUIVALENTS = {"MESH:D001943": "MONDO:1", "MESH:D003110": "MONDO:3"}
REPLACED = {"MESH:D999": "MESH:D003110"}
XREFS = {"MONDO:2": "MESH:D008175"}


def row_of_equivalent(concept_id: str, leader: str) -> dict[str, object]:
    return {
        "concept_id": concept_id,
        "ontology": "MEDIC",
        "entity_class": "disease",
        "leader_id": leader,
        "leader_ontology": "MONDO",
        "match_id": leader,
        "method": "direct",
        "evidence": ["hand"],
        "candidates": [leader],
    }


def concepts() -> pa.Table:
    valid = [
        {
            "concept_id": concept_id,
            "ontology": ontology,
            "entity_class": entity_class,
            "label": names[0],
            "obsolete": False,
            "ontology_version": "1",
        }
        for (concept_id, ontology, entity_class), names in NAMES.items()
    ]
    old = [
        {**valid[0], "concept_id": old, "ontology": "MEDIC", "obsolete": True, "replaced_by": new}
        for old, new in REPLACED.items()
    ]
    return CONCEPTS.from_rows([*valid, *old])


def synonyms() -> pa.Table:
    return SYNONYMS.from_rows(
        [
            {
                "concept_id": concept_id,
                "ontology": ontology,
                "entity_class": entity_class,
                "name": name,
                "scope": "exact" if place else "label",
                "normalised": normalise(name, entity_class),
                "normaliser_version": NORMALISER_VERSION,
                "case_sensitive": False,
                "in_context": False,
                "source": "ontology",
                "active": True,
                "linkable": True,
            }
            for (concept_id, ontology, entity_class), names in NAMES.items()
            for place, name in enumerate(names)
        ]
    )


@dataclass(frozen=True)
class Made:
    """An index, what ids mean in it, and today's linker."""

    index: LinkingIndex
    identifiers: Identifiers
    linker: ExactLinker

    def evaluate(
        self, gold: LinkingGold, linker: EvaluatedLinker, entity_class: str = "disease"
    ) -> LinkingEvaluation:
        task = linking_task(gold, entity_class, self.identifiers, self.linker)
        return evaluate_linker(task, linker)


def equivalents() -> pa.Table:
    return CONCEPT_EQUIVALENTS.from_rows([row_of_equivalent(*pair) for pair in EQUIVALENTS.items()])


def xrefs(of: Mapping[str, str]) -> pa.Table:
    return CONCEPT_XREFS.from_rows(
        [
            {"concept_id": concept_id, "predicate": "xref", "xref": xref, "ontology": "MONDO"}
            for concept_id, xref in of.items()
        ]
    )


def make(folder: Path) -> Made:
    """Compile the vocabulary to a folder."""
    build_linking_index(
        concepts(), synonyms(), folder, ontologies=["MONDO", "MEDIC"], equivalents=equivalents()
    )
    index = open_linking_index(folder)
    identifiers = Identifiers.of(index, concepts(), xrefs(XREFS), equivalents())
    return Made(index, identifiers, ExactLinker(index))


def gold_of(*documents: list[tuple[str, str, tuple[str, ...]]]) -> LinkingGold:
    """Documents of mentions (text, class, ids) that stand one behind the other."""
    texts: list[tuple[str, str]] = []
    marked: list[Marked] = []
    for number, mentions in enumerate(documents):
        text = ""
        for name, entity_class, ids in mentions:
            marked.append(Marked(number, len(text), len(text) + len(name), entity_class, name, ids))
            text += name + ". "
        texts.append((f"{number}", text or "Nothing."))
    return linking_gold("hand", "devel", texts, marked)


def best(linker: EvaluatedLinker, text: str, entity_class: str = "disease") -> list[str]:
    """The candidates of a string, whose ranks and scores must be in order."""
    asked = pl.DataFrame({"text": [text], "entity_class": [entity_class], "context": [""]})
    rows = linker.candidates(surfaces_from_strings(asked)).to_pylist()
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    return [row["concept_id"] for row in rows]
