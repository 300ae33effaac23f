"""What a row of a curation file may say: keys, values, dates, and what each action needs.

Belongs here: one row at a time, with every problem of it. Does not: reading files
(`curation_files`), rows together (`curations`), what they change (`curating`).
"""

from __future__ import annotations

import re
from datetime import date
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from kazu_platform.ontologies.curation_files import Problem
from kazu_platform.tables import ENTITY_CLASSES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from kazu_platform.ontologies.curation_files import Row
    from kazu_platform.settings import OntologySource

ADD, DROP, CASE, IGNORE, PREFER = ACTIONS = ("add", "drop", "case", "ignore", "prefer")
PROPOSED, APPROVED, WITHDRAWN = STATES = ("proposed", "approved", "withdrawn")
SCOPES: Final = ("exact", "narrow", "broad", "related", "abbreviation")

KEYS: Final = (
    "action",
    "name",
    "concept_id",
    "entity_class",
    "ontology",
    "case_sensitive",
    "scope",
    "author",
    "reason",
    "decided_on",
    "expires_on",
    "state",
)
_ALWAYS: Final = ("action", "name", "author", "reason", "decided_on", "state")
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    ADD: ("concept_id",),
    DROP: (),
    CASE: ("case_sensitive",),
    IGNORE: ("entity_class",),
    PREFER: ("entity_class", "concept_id"),
}
_HAS_NO: Final[Mapping[str, Mapping[str, str]]] = {
    ADD: {},
    DROP: {"case_sensitive": "set it with action case", "scope": "only add has one"},
    CASE: {"scope": "only add has one"},
    IGNORE: {
        "concept_id": "ignore is about every concept of a class; use drop for one",
        "case_sensitive": "a string is ignored in any case",
        "scope": "only add has one",
    },
    PREFER: {"scope": "only add has one"},
}
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "action": ACTIONS,
    "state": STATES,
    "scope": SCOPES,
    "entity_class": ENTITY_CLASSES,
    "case_sensitive": ("true", "false"),
}
_CURIE = re.compile(r"[A-Za-z][\w.-]*:[^\s/]\S*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def problems_of(row: Row, ontologies: Sequence[OntologySource]) -> list[Problem]:
    """Everything that is wrong with a row.

    Args:
        row: what was written.
        ontologies: of the catalogue; none, if names of ontologies are not to be looked up.
    """
    found = [
        *_wrong_keys(row.values),
        *_wrong_values(row.values),
        *_wrong_dates(row.values),
        *_wrong_for_its_action(row.values),
        *_wrong_ontology(row.values, ontologies),
    ]
    return [Problem(row.place, what) for what in found]


def typed(row: Row) -> dict[str, Any]:
    """The values of a row without problems, as CURATIONS holds them; null where it has none."""
    said: dict[str, Any] = {key: row.values.get(key) for key in KEYS}
    for key in ("action", "state", "scope"):
        said[key] = said[key] and said[key].lower()
    said["case_sensitive"] = _truth(said["case_sensitive"])
    if said["action"] == ADD:
        said["scope"] = said["scope"] or "exact"
    for key in ("decided_on", "expires_on"):
        said[key] = date.fromisoformat(said[key]) if said[key] else None
    return said | {"place": row.place}


def _truth(value: str | None) -> bool | None:
    return None if value is None else value.lower() == "true"


def _wrong_keys(values: Mapping[str, str]) -> Iterator[str]:
    for key in values:
        if key not in KEYS:
            yield (
                f"there is no key {key!r}; {_nearest(key, KEYS)}"
                if key
                else ("a value without a key; give its column a name.")
            )
    needed = (*_ALWAYS, *_NEEDS.get(values.get("action", "").lower(), ()))
    for key in needed:
        if key not in values:
            action = values.get("action")
            whose = f"; {action} needs it" if key not in _ALWAYS else "; every decision needs it"
            yield f"{key} is missing{whose}."


def _wrong_values(values: Mapping[str, str]) -> Iterator[str]:
    for key, choices in _CHOICES.items():
        value = values.get(key)
        if value is not None and value.lower() not in choices:
            yield f"{key}: there is no {value!r}; {_nearest(value.lower(), choices)}"
    curie = values.get("concept_id")
    if curie is not None and not _CURIE.fullmatch(curie):
        yield f"concept_id: {curie!r} is no CURIE; write it as MONDO:0005148."


def _wrong_dates(values: Mapping[str, str]) -> Iterator[str]:
    read: dict[str, date] = {}
    for key in ("decided_on", "expires_on"):
        value = values.get(key)
        if value is None:
            continue
        try:
            if not _DATE.fullmatch(value):
                raise ValueError(value)  # noqa: TRY301 - the same answer as to a 31st of June
            read[key] = date.fromisoformat(value)
        except ValueError:
            yield f"{key}: {value!r} is no date; write it as 2026-01-31."
    if len(read) == 2 and read["expires_on"] < read["decided_on"]:  # noqa: PLR2004 - both
        yield f"expires_on {read['expires_on']} lies before decided_on {read['decided_on']}."


def _wrong_for_its_action(values: Mapping[str, str]) -> Iterator[str]:
    action = values.get("action", "").lower()
    for key, hint in _HAS_NO.get(action, {}).items():
        if key in values:
            yield f"{action} has no {key}: {hint}."


def _wrong_ontology(
    values: Mapping[str, str], ontologies: Sequence[OntologySource]
) -> Iterator[str]:
    name = values.get("ontology")
    if name is None or not ontologies:
        return
    source = {source.name: source for source in ontologies}.get(name)
    if source is None:
        names = [source.name for source in ontologies]
        yield f"ontology: the catalogue has no {name!r}; {_nearest(name, names)}"
    elif values.get("entity_class", source.entity_class) != source.entity_class:
        yield (
            f"{name} is an ontology of class {source.entity_class}, "
            f"not {values['entity_class']}; leave one of them out."
        )


def _nearest(value: str, known: Collection[str]) -> str:
    near = get_close_matches(value, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else f"there is {', '.join(known)}."
