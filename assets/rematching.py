"""Bring the dictionary mentions of a file up to date with a changed vocabulary.

If all that changed is the dictionary, and the one that the mentions were found with is still
there, only what differs between the two is looked for again. A file of which a document was set
aside is read in full: what became of that document is not for a difference to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from kazu_platform.errors import ArtifactError
from kazu_platform.execution.steps import Outcome
from kazu_platform.ner.dictionary import dictionary_version
from kazu_platform.ner.dictionary_index import read_dictionary_manifest
from kazu_platform.ner.rematch import EXCHANGE_COLUMNS, Exchange, RematchStep, exchange
from kazu_platform.storage.artifacts import Artifact, ArtifactStore
from kazu_platform.storage.lake import Lake, Pointer
from kazu_platform.tables import DICTIONARY_MENTIONS, QUARANTINE
from resources.compute import ComputeResource


@dataclass(frozen=True)
class Rematching:
    """A file whose mentions may be brought up to date.

    Attributes:
        lake: where they are.
        store: where dictionaries are kept.
        compute: runs what must be looked for.
        index: the dictionary in use.
        file: the partition.
        inputs: what its mentions are to be made from.
        passages: reads its text; called only if something is to be looked for.
    """

    lake: Lake
    store: ArtifactStore
    compute: ComputeResource
    index: Artifact
    file: str
    inputs: Mapping[str, str]
    passages: Callable[[], pa.Table]

    @cached_property
    def live(self) -> Pointer | None:
        """The mentions as they are."""
        return self.lake.live(DICTIONARY_MENTIONS, self.file)

    @cached_property
    def exchange(self) -> Exchange | None:
        """What becomes of them; nothing if they must be found anew."""
        step = self._step()
        if step is None or self.live is None:
            return None
        if not len(step.touched):
            return Exchange.nothing(self.live.n_rows)
        outcomes = [] if step.finds_nothing else self._looked_for(step)
        if any(outcome.set_aside.num_rows for outcome in outcomes):
            return None
        known = self.lake.read(DICTIONARY_MENTIONS, self.file, columns=list(EXCHANGE_COLUMNS))
        found = [DICTIONARY_MENTIONS.empty(), *(outcome.rows for outcome in outcomes)]
        return exchange(known, step.touched, pa.concat_tables(found))

    def _looked_for(self, step: RematchStep) -> list[Outcome]:
        return list(self.compute.run(step, [self.passages()], file=self.file))

    def changes_nothing(self) -> bool:
        """Whether the mentions are the same with the dictionary in use."""
        return self.exchange is not None and self.exchange.is_nothing

    def mentions(self) -> pa.Table | None:
        """The mentions as they are to be; nothing if they must be found anew."""
        if self.exchange is None:
            return None
        return self.exchange.of(self.lake.read(DICTIONARY_MENTIONS, self.file), self.passages)

    def facts(self) -> dict[str, Any]:
        """What to say of it."""
        done = self.exchange
        if done is None:
            return {"rematched": False}
        counts = {"lost": done.n_lost, "gained": done.n_gained, "kept": done.n_kept}
        return {"rematched": True} | counts

    def _step(self) -> RematchStep | None:
        if self.live is None or not self.lake.is_whole(DICTIONARY_MENTIONS, self.live):
            return None
        aside = self.lake.live(QUARANTINE, f"{RematchStep.name}/{self.file}")
        others = [dict(inputs) | {"step": ""} for inputs in (self.live.inputs, self.inputs)]
        if others[0] != others[1] or aside is None or aside.n_rows:
            return None
        former = self._former(self.live.inputs.get("step", ""))
        return former and RematchStep(str(former), str(self.index.content))

    def _former(self, version: str) -> Path | None:
        """A dictionary that finds what one of this version found: equal names, equal rules."""
        for name in reversed(self.store.versions(self.index.name)):
            content = self.store.version(self.index.name, name).content
            try:
                if dictionary_version(read_dictionary_manifest(content)) == version:
                    return content
            except ArtifactError:  # of another version of the platform, or damaged
                continue
        return None
