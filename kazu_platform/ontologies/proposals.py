"""Proposals: curations that follow from what people did with mentions, if all of them agree.

One string of one class is judged at a time, over all documents and people. What follows:

    they did                                                 it is proposed to
    removed the mention every time                           ignore the string in the class
    gave it one other concept every time                     prefer that concept
    gave it a concept every time, and it had none            add the string to the concept
    said every time that none is meant                       drop the string from its concept
    marked it, with one concept, where nothing was found     add the string to the concept

Where they did not agree, nothing is proposed: that is a conflict, for a person to settle.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import polars as pl
import yaml

from kazu_platform.ontologies.curation_files import MAX_CELL, read_rows
from kazu_platform.ontologies.curation_rows import ADD, APPROVED, DROP, IGNORE, PREFER, PROPOSED
from kazu_platform.ontologies.curations import CONTRADICTED, read_curations
from kazu_platform.ontologies.same_names import same_string
from kazu_platform.tables import ENTITY_CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from kazu_platform.settings import OntologySource

MAX_DOCUMENTS: Final = 3
"""Documents that a reason names."""

MAX_REASON: Final = 1_000
"""Characters of a reason; one that says more names very long documents."""

_BY_DOCUMENT: Final = (
    "the document itself says what it means, which no curation of the string changes,"
)
_ITEM = re.compile(r"item (\d+)")
_VOTE = ["doc_id", "name", "entity_class", "context", "verdict", "before", "after"]


class Vote(NamedTuple):
    """What one person did with one mention."""

    doc_id: str
    name: str
    entity_class: str
    context: str
    verdict: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A curation that nobody has approved yet, as a row of a curation file."""

    action: str
    name: str
    concept_id: str | None
    entity_class: str | None
    reason: str

    def row(self, *, author: str, decided_on: date, state: str) -> dict[str, str]:
        """The keys that it has, as a curation file has them."""
        values = {
            "action": self.action,
            "name": self.name,
            "concept_id": self.concept_id,
            "entity_class": self.entity_class,
            "author": author,
            "reason": self.reason[:MAX_REASON],
            "decided_on": decided_on.isoformat(),
            "state": state,
        }
        return {key: value for key, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Conflict:
    """What people did with a string, if nothing follows from it that is sure."""

    name: str
    entity_class: str
    why: str


@dataclass(frozen=True, slots=True)
class Proposals:
    """What follows from verdicts, and what does not."""

    proposals: tuple[Proposal, ...]
    conflicts: tuple[Conflict, ...]


def proposals_of(verdicts: pl.DataFrame) -> Proposals:
    """Judge each string of a class; ordered by class and string.

    Args:
        verdicts: doc_id, name, entity_class, context, verdict, before, after; see
            `formats.verdicts`. Rows without a name (discontinuous mentions) count for nothing.
    """
    named = verdicts.select(_VOTE).filter(pl.col("name").is_not_null() & (pl.col("name") != ""))
    strings: dict[tuple[str, str], list[Vote]] = defaultdict(list)
    for row in named.iter_rows():
        vote = Vote(*row)
        strings[vote.entity_class, same_string(vote.name) or vote.name].append(vote)
    found = [each for _, votes in sorted(strings.items()) for each in _judged(votes)]
    # A name that two classes lack is added to a concept once.
    proposals = dict.fromkeys(each for each in found if isinstance(each, Proposal))
    conflicts = tuple(each for each in found if isinstance(each, Conflict))
    return Proposals(tuple(proposals), conflicts)


def beside(
    found: Proposals, path: Path | None, *, today: date, ontologies: Sequence[OntologySource]
) -> Proposals:
    """What is left of proposals beside the decisions there are.

    What is decided already, whatever its state, is left out; what contradicts a decision in force,
    or another proposal, becomes a conflict.

    Args:
        found: what follows from verdicts.
        path: the file of decisions; None if there is none.
        today: the day on which a decision counts or has expired.
        ontologies: of the catalogue.

    Raises:
        InvalidCurationsError: the file holds rows that are wrong.
    """
    decided = _rows(path) if path else []
    known = set[str]()
    if path:
        rows = read_curations(path, today=today, ontologies=ontologies)
        known = set(rows["curation_id"].to_pylist())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "proposals.yaml"

        def judged(*before: Mapping[str, str], of: Sequence[Proposal]) -> list[dict[str, Any]]:
            """CURATIONS of the proposals as if they were approved, in their order."""
            asked = [each.row(author="-", decided_on=today, state=APPROVED) for each in of]
            file.write_text(as_yaml([*before, *asked]), "utf-8")
            rows = read_curations(file, today=today, ontologies=ontologies, called="proposals")
            return sorted(rows.to_pylist(), key=_item)[len(before) :]

        proposed = found.proposals
        new = [
            each
            for each, row in zip(proposed, judged(of=proposed), strict=True)
            if row["curation_id"] not in known
        ]
        results = judged(*decided, of=new)
    kept = [each for each, row in zip(new, results, strict=True) if row["effect"] != CONTRADICTED]
    against = [
        Conflict(
            each.name,
            row["entity_class"] or "",
            f"{each.reason}. To {each.action} it {row['detail']}.",
        )
        for each, row in zip(new, results, strict=True)
        if row["effect"] == CONTRADICTED
    ]
    return Proposals(tuple(kept), (*found.conflicts, *against))


def proposal_file(found: Proposals, path: Path | None, *, author: str, today: date) -> str:
    """A curation file (YAML): the decisions there are, unchanged, and the proposals after them.

    A file that is previewed stands for all decisions, so it has to hold them all.
    """
    rows = [each.row(author=author, decided_on=today, state=PROPOSED) for each in found.proposals]
    return as_yaml([*(_rows(path) if path else ()), *rows])


def as_yaml(rows: Iterable[Mapping[str, str]]) -> str:
    """Rows as a curation file; every value is read back as the text it is.

    >>> print(as_yaml([{"action": "drop", "name": "NO"}]), end="")
    - action: drop
      name: 'NO'
    """
    return yaml.safe_dump(
        [dict(row) for row in rows], allow_unicode=True, sort_keys=False, width=100
    )


def _rows(path: Path) -> list[Mapping[str, str]]:
    return [row.values for row in read_rows(path).rows]


def _item(row: Mapping[str, str]) -> int:
    return int(_ITEM.findall(row["place"])[0])


def _judged(votes: Sequence[Vote]) -> Iterator[Proposal | Conflict]:
    """What follows for one string of a class."""
    removed = [vote for vote in votes if vote.verdict == "removed"]
    left = [vote for vote in votes if vote.verdict in {"kept", "relinked", "added"}]
    if not removed and all(vote.verdict == "kept" for vote in left):
        return
    name, entity_class = _spelled(votes), votes[0].entity_class
    if entity_class not in ENTITY_CLASSES or len(name) > MAX_CELL:
        why = f"no curation can have such a {'name' if len(name) > MAX_CELL else 'class'}"
        yield Conflict(name[:60], entity_class, why)
    elif removed and left:
        why = f"removed in {_counted(removed)}; left in {_counted(left)}"
        yield Conflict(name, entity_class, why)
    elif removed:
        reason = f"No {entity_class}: removed in {_counted(removed)}"
        yield Proposal(IGNORE, name, None, entity_class, reason)
    else:
        yield from _meant(name, entity_class, left)


def _meant(name: str, entity_class: str, left: Sequence[Vote]) -> Iterator[Proposal | Conflict]:
    """What follows from the concepts that people gave a string."""
    by_document = [vote for vote in left if vote.verdict == "relinked" and vote.context]
    if by_document:
        yield Conflict(name, entity_class, f"{_BY_DOCUMENT} in {_counted(by_document)}")
    bare = [vote for vote in left if vote.verdict == "added" and vote.after is None]
    if bare:
        yield Conflict(name, entity_class, f"marked without a concept in {_counted(bare)}")
    said = [vote for vote in left if not vote.context and vote not in bare]
    changed = [vote for vote in said if vote.verdict == "relinked"]
    added = [vote for vote in said if vote.verdict == "added"]
    meanings = {vote.after for vote in said}
    if not changed and not added:
        return
    if len(meanings) > 1:
        parts = (
            f"{concept or 'no concept'} in {_counted([v for v in said if v.after == concept])}"
            for concept in sorted(meanings, key=lambda concept: concept or "")
        )
        yield Conflict(name, entity_class, f"means {'; '.join(parts)}")
    elif changed:
        yield from _relinked(name, entity_class, changed)
    elif len(added) == len(said):
        reason = f"Not found: marked in {_counted(added)}"
        yield Proposal(ADD, name, added[0].after, None, reason)
    else:
        why = f"marked in {_counted(added)}, though it is found elsewhere"
        yield Conflict(name, entity_class, why)


def _relinked(name: str, entity_class: str, changed: Sequence[Vote]) -> Iterator[Proposal]:
    """What follows if everybody means one and the same, and it was linked otherwise."""
    concept = changed[0].after
    linked = [vote for vote in changed if vote.before is not None]
    unlinked = [vote for vote in changed if vote.before is None]
    if concept is None:
        by_concept = sorted(linked, key=lambda vote: vote.before or "")
        for before, votes in groupby(by_concept, key=lambda vote: vote.before):
            reason = f"Does not mean it: no concept given in {_counted(list(votes))}"
            yield Proposal(DROP, name, before, None, reason)
        return
    if linked:
        others = ", ".join(sorted({vote.before or "" for vote in linked}))
        reason = f"Means it and not {others} in {_counted(linked)}"
        yield Proposal(PREFER, name, concept, entity_class, reason)
    if unlinked:
        reason = f"Had no concept: given this one in {_counted(unlinked)}"
        yield Proposal(ADD, name, concept, None, reason)


def _spelled(votes: Sequence[Vote]) -> str:
    """The spelling that most mentions have; of equals the first in order."""
    counts = Counter(vote.name for vote in votes)
    return min(counts, key=lambda name: (-counts[name], name))


def _counted(votes: Sequence[Vote]) -> str:
    """How many mentions of how many documents, some of which it names."""
    documents = sorted({vote.doc_id for vote in votes})
    named = ", ".join(documents[:MAX_DOCUMENTS]) + ", ..." * (len(documents) > MAX_DOCUMENTS)
    return (
        f"{len(votes)} mention{'s' * (len(votes) > 1)} of {len(documents)} "
        f"document{'s' * (len(documents) > 1)} ({named})"
    )
