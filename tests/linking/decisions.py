"""Decisions about which concept a string means first."""

from __future__ import annotations

from datetime import date
from typing import Any


def prefer(name: str, concept_id: str, entity_class: str = "gene", **other: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "curation_id": f"{name} {concept_id}",
        "action": "prefer",
        "name": name,
        "concept_id": concept_id,
        "entity_class": entity_class,
        "case_sensitive": False,
        "author": "team",
        "reason": "word",
        "decided_on": date(2026, 1, 1),
        "state": "approved",
        "effect": "in_force",
        "place": "line 2",
        **other,
    }
