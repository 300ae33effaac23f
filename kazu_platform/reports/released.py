"""The record of versions of ontologies that went live, and the way back to the one before.

Each row of RELEASES says what was live before it. The lake keeps those generations as long as the
row is the newest of its ontology, so that there is always a way back by one version.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from kazu_platform.errors import LakeError
from kazu_platform.reports.preview import GAINED, LOST, RELINKED
from kazu_platform.reports.release import FIRST, FOLLOWED, counts
from kazu_platform.tables import (
    CONCEPT_RELATIONS,
    CONCEPT_XREFS,
    CONCEPTS,
    RELEASES,
    SYNONYMS,
    Table,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from kazu_platform.reports.release import ReleaseReport
    from kazu_platform.settings import AcceptedRelease
    from kazu_platform.storage.lake import Lake, Pointer

# In the order in which they are published: names first.
TABLES_OF_AN_ONTOLOGY: Final = (SYNONYMS, CONCEPT_RELATIONS, CONCEPT_XREFS, CONCEPTS)
TAKEN_BACK: Final = "taken_back"
_FILE: Final = "file"


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What is live again, and the file that was taken back."""

    version: str
    from_version: str
    file: str


def live_pointers(lake: Lake, ontology: str) -> dict[str, Pointer]:
    """What is live of an ontology, by table; nothing unless all of it is."""
    found = {table.name: lake.live(table, ontology) for table in TABLES_OF_AN_ONTOLOGY}
    there = {name: pointer for name, pointer in found.items() if pointer is not None}
    return there if len(there) == len(found) else {}


def record_release(
    lake: Lake,
    report: ReleaseReport,
    former: Mapping[str, Pointer],
    accepted: AcceptedRelease | None,
    why: str,
) -> None:
    """Add a version that went live to the record.

    Args:
        lake: where the record is.
        report: what the version changes.
        former: what was live before, as `live_pointers` says.
        accepted: who let it go live although it changes much, if somebody did.
        why: the verdict in words.
    """
    decision = "unmeasured" if report.unmeasured else "passed"
    decision = "first" if report.unmeasured == FIRST else decision
    n = counts(report)
    _add(
        lake,
        report.candidate.source.name,
        {
            "decision": "accepted" if accepted else decision,
            "by": accepted.by if accepted else None,
            "reason": f"{accepted.reason} ({why})" if accepted else why,
            "version": report.candidate.version.name,
            "file": report.candidate.file,
            "former_version": report.former or None,
            "former_file": _file_of(former),
            "former": _to_json(former) if former else None,
            "n_documents": report.n_documents,
            "n_mentions": report.n_mentions,
            "n_lost": n[LOST],
            "n_relinked": n[RELINKED] + n[FOLLOWED],
            "n_gained": n[GAINED],
        },
    )


def newest(lake: Lake, ontology: str) -> dict[str, Any] | None:
    """The newest row of RELEASES of an ontology."""
    if lake.live(RELEASES, ontology) is None:
        return None
    rows = lake.read(RELEASES, ontology).to_pylist()
    return rows[-1] if rows else None


def was_taken_back(lake: Lake, ontology: str, file: str) -> bool:
    """Whether this very file was taken back and nothing else went live since."""
    row = newest(lake, ontology)
    return row is not None and row["decision"] == TAKEN_BACK and row["former_file"] == file


def take_back(lake: Lake, ontology: str, *, by: str, reason: str) -> TakenBack:
    """Make live again what was live before the newest version of an ontology.

    Its names are those of that moment; what curations decided since is applied when the
    vocabulary is made next. The file that is taken back does not go live again by itself.

    Args:
        lake: where the tables are.
        ontology: its name in the catalogue.
        by: who decides.
        reason: why.

    Raises:
        LakeError: there is nothing to go back to, or it is no longer in the lake; says which.
            Nothing was changed.
        LostRaceError: somebody else published another version meanwhile.
    """
    row = newest(lake, ontology)
    if row is None:
        raise LakeError(
            f"No version of {ontology} was recorded when it went live; there is nothing to go back "
            "to."
        )
    if row["former"] is None:
        since = (
            f"{ontology} was taken back already ({row['decided_at']:%Y-%m-%d %H:%M} UTC)"
            if row["decision"] == TAKEN_BACK
            else f"{row['version']} is the first version of {ontology} in this lake"
        )
        raise LakeError(f"{since}; there is nothing to go back to.")
    former, now = json.loads(row["former"]), live_pointers(lake, ontology)
    rows = {table: _rows(lake, table, ontology, former) for table in TABLES_OF_AN_ONTOLOGY}
    for table, found in rows.items():
        lake.write(
            table,
            found,
            partition=ontology,
            inputs=former[table.name]["inputs"],
            expected=now[table.name].generation if now else None,
        )
    _add(
        lake,
        ontology,
        {
            "decision": TAKEN_BACK,
            "by": by,
            "reason": reason,
            "version": row["former_version"] or "",
            "file": row["former_file"] or "",
            "former_version": row["version"],
            "former_file": row["file"],
            "n_documents": 0,
            "n_mentions": 0,
            "n_lost": 0,
            "n_relinked": 0,
            "n_gained": 0,
        },
    )
    return TakenBack(row["former_version"] or "", row["version"], row["file"])


def files_to_keep(lake: Lake) -> set[str]:
    """Files of the generations that there is a way back to, as the lake names them."""
    kept = set[str]()
    for ontology in lake.partitions(RELEASES):
        row = newest(lake, ontology)
        if row is None or row["former"] is None:
            continue
        for table, each in json.loads(row["former"]).items():
            kept.add(f"{lake.url}/{table}/{ontology}/{each['generation']}.parquet")
    return kept


def _rows(lake: Lake, table: Table, ontology: str, former: Mapping[str, Any]) -> pa.Table:
    rows = lake.read_generation(table, ontology, former[table.name]["generation"])
    if rows is None:
        raise LakeError(
            f"{table.name} {ontology}: generation {former[table.name]['generation']} is no longer "
            f"in {lake.url}; there is nothing to go back to. Nothing was changed."
        )
    return rows


def _to_json(pointers: Mapping[str, Pointer]) -> str:
    return json.dumps(
        {
            name: {"generation": pointer.generation, "inputs": dict(pointer.inputs)}
            for name, pointer in pointers.items()
        },
        sort_keys=True,
    )


def _file_of(pointers: Mapping[str, Pointer]) -> str | None:
    concepts = pointers.get(CONCEPTS.name)
    return concepts.inputs.get(_FILE) if concepts else None


def _add(lake: Lake, ontology: str, row: Mapping[str, Any]) -> None:
    live = lake.live(RELEASES, ontology)
    before = lake.read(RELEASES, ontology).to_pylist() if live else []
    added = {**row, "ontology": ontology, "decided_at": datetime.now(UTC)}
    lake.write(
        RELEASES,
        RELEASES.from_rows([*before, added]),
        partition=ontology,
        expected=live.generation if live else None,
    )
