"""Try documents that were set aside once more, after a fix, without reading the others again.

What can be read now joins the mentions of its file, as if it had never been set aside; what fails
again stays in quarantine with its new reason. Parsing is not replayed: a citation that is malformed
is mended in its file, which is then read anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from assets.reading import read_passages
from kazu_platform.execution.steps import Step
from kazu_platform.ner.packaged import Reader
from kazu_platform.ner.rematch import Exchange
from kazu_platform.ner.steps import DictionaryStep
from kazu_platform.storage.artifacts import ArtifactStore
from kazu_platform.storage.lake import Lake, Pointer
from kazu_platform.tables import (
    CITATIONS,
    DICTIONARY_MENTIONS,
    LINKS,
    MODEL_MENTIONS,
    QUARANTINE,
    SENTENCES,
    Table,
)
from resources.compute import ComputeResource

DICTIONARY, MODEL, LINKING = "dictionary", "model", "linking"
STAGES = (DICTIONARY, MODEL, LINKING)
"""Stages that run on compute; what others set aside must be put right where it comes from."""

_DOCUMENT = ["doc_id", "content_hash"]


@dataclass(frozen=True)
class Detection:
    """A step that reads documents, the table that it fills, and the input that is its version."""

    step: Step
    table: Table
    version_of: str


@dataclass(frozen=True)
class Replayed:
    """What became of the documents of a partition of a stage.

    Attributes:
        stage: what was being done.
        partition: the file, or the bucket of surfaces.
        tried: documents that were set aside.
        left: those that still are.
    """

    stage: str
    partition: str
    tried: int
    left: int


def set_aside_in(lake: Lake, stage: str) -> dict[str, int]:
    """Partitions of a stage that have something in quarantine, and how much."""
    before = f"{stage}/"
    return {
        name.removeprefix(before): pointer.n_rows
        for name, pointer in lake.pointers(QUARANTINE).items()
        if name.startswith(before) and pointer.n_rows
    }


def replay(
    lake: Lake,
    store: ArtifactStore,
    compute: ComputeResource,
    progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None,
    *,
    model: Reader | None = None,
) -> Iterator[Replayed]:
    """Try all of it again, partition by partition; each is published before the next.

    Surfaces are only made ready to be linked by the next run of `links`: all of them are left.

    Args:
        lake: where it is.
        store: where the dictionary in use is.
        compute: reads the documents.
        progress: told each partition before it is tried, how many are done, and of how many.
        model: the one in use.

    Raises:
        LostRaceError: somebody wrote the same file meanwhile; nothing of it was published.
    """
    waiting = [(stage, *each) for stage in STAGES for each in set_aside_in(lake, stage).items()]
    for done, (stage, partition, tried) in enumerate(waiting):
        progress(f"{stage} {partition}", done, len(waiting))
        left = tried
        if stage == LINKING:
            _have_linked(lake, partition)
        elif detection := _detection(stage, store, model, compute.device):
            left = _replay_file(lake, compute, detection, partition)
        yield Replayed(stage, partition, tried, left)


def _detection(
    stage: str, store: ArtifactStore, model: Reader | None, device: str
) -> Detection | None:
    if stage == DICTIONARY:
        step = DictionaryStep(str(store.live("dictionary").content))
        return Detection(step, DICTIONARY_MENTIONS, "step")
    if model is None:  # the next run over the file sees that nothing is read by a model
        return None
    return Detection(model.step(candidates=True, device=device), MODEL_MENTIONS, "model")


def _have_linked(lake: Lake, bucket: str) -> None:
    """Surfaces without links are linked by the next run that does not think it is done."""
    live = lake.live(LINKS, bucket)
    if live is not None:
        lake.confirm(LINKS, live, {})


def _replay_file(lake: Lake, compute: ComputeResource, detection: Detection, file: str) -> int:
    """Read the documents of a file that were set aside; how many still are."""
    step, table = detection.step, detection.table
    live = lake.live(table, file)
    aside = lake.read(QUARANTINE, f"{step.name}/{file}")
    if live is None or not _is_current(lake, live, detection):
        return aside.num_rows  # the next run over the file reads it in full, these documents too
    passages = read_passages(lake, file)
    these = _rows_of(passages, aside)
    # A replay that was killed half way has kept what failed in it, which is to be tried again.
    compute.published(step, file=file)
    outcomes = list(compute.run(step, [passages.take(these)], file=file))
    found = [table.empty(), *(outcome.rows for outcome in outcomes)]
    known = lake.read(table, file)
    # A replay that was killed half way has published some of these already.
    lost = _rows_of(known, aside).to_numpy().astype(np.int64)
    exchange = Exchange(known.num_rows, lost, pa.concat_tables(found))
    lake.write(
        table,
        exchange.of(known, lambda: passages),
        partition=file,
        inputs=live.inputs,
        expected=live.generation,
    )
    left = [QUARANTINE.empty(), *(outcome.set_aside for outcome in outcomes)]
    lake.write(QUARANTINE, pa.concat_tables(left), partition=f"{step.name}/{file}")
    compute.published(step, file=file)
    return sum(each.num_rows for each in left)


def _is_current(lake: Lake, live: Pointer, detection: Detection) -> bool:
    """Whether the mentions of a file were found in its text of now, by the step of now."""
    texts = {table.name: lake.live(table, live.partition) for table in (CITATIONS, SENTENCES)}
    return live.inputs.get(detection.version_of) == detection.step.version and all(
        text is not None and live.inputs.get(name) == text.data_version
        for name, text in texts.items()
    )


def _rows_of(rows: pa.Table, documents: pa.Table) -> pa.Array:
    """Numbers of the rows that belong to some documents, in order."""
    numbered = pl.DataFrame(rows.select(_DOCUMENT)).with_row_index("row")
    wanted = pl.DataFrame(documents.select(_DOCUMENT))
    found = numbered.join(wanted, on=_DOCUMENT, how="semi", maintain_order="left")
    return pa.array(found["row"].to_numpy())
