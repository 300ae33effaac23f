"""The linking encoder as a stage, and as an order that any process can carry out.

An order is files: the names (Parquet, ALIGNMENT_NAMES), the folder of the network to start from,
and a recipe. `made` in its folder is the trained network with `retrieval.json`, its figures on the
synonyms that were held out, before and after.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pyarrow import parquet

from kazu_platform.ner.pieces import WordPieces
from kazu_platform.training.alignment import Learnt, align
from kazu_platform.training.loop import SAVE_EVERY, Team
from kazu_platform.training.name_table import NameTable, vectors_of
from kazu_platform.training.neighbours import Neighbours
from kazu_platform.training.network import PIECES, derived, device_of, load_network
from kazu_platform.training.orders import MADE
from kazu_platform.training.retrieval import Held
from kazu_platform.training.stages import (
    PREPARED,
    RECORD,
    Stage,
    once,
    write_json,
    write_start,
)
from kazu_platform.training.vocabulary import count_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from kazu_platform.training.linking_recipe import LinkingRecipe
    from kazu_platform.training.network import Network

NAMES: Final = "names.parquet"
RETRIEVAL: Final = "retrieval.json"
BEFORE: Final = "before.json"


@dataclass(frozen=True, slots=True)
class AlignmentOrder:
    """A linking encoder to make.

    Attributes:
        recipe: How.
        folder: Where to work; `made` in it holds the network when it is done.
        names: File of ALIGNMENT_NAMES.
        source: Folder of the network to start from; without one the recipe's `start`.
    """

    recipe: LinkingRecipe
    folder: Path
    names: Path
    source: Path | None = None
    stage: str = "linking"

    @property
    def made(self) -> Path:
        """Where the network will be."""
        return self.folder / MADE

    def carry_out(
        self, says: Callable[[str], None], *, device: str = "cpu", save_every: float = SAVE_EVERY
    ) -> None:
        """Make it in this process, or its part where processes train together.

        Args:
            says: Told how it goes.
            device: cpu or cuda.
            save_every: Seconds between checkpoints.

        Raises:
            TrainingError: there is nothing to train on, or a loss is no number.
        """
        if (self.made / RECORD).exists():
            return
        names = parquet.read_table(self.names)
        stage = Stage(self.made, says, device, save_every)
        make_linking_encoder(self.recipe, names, self.source, stage)


def write_names(names: pa.Table, folder: Path) -> Path:
    """Write names for an order."""
    path = folder / NAMES
    parquet.write_table(names, path, compression="zstd")
    return path


def make_linking_encoder(
    recipe: LinkingRecipe, names: pa.Table, source: Path | None, stage: Stage
) -> None:
    """Train an encoder by self-alignment, and measure it before and after.

    Args:
        recipe: How.
        names: ALIGNMENT_NAMES.
        source: Folder of the network to start from; without one the recipe's `start`.
        stage: Where to work.

    Raises:
        TrainingError: no concept has two names, or the loss is no number.
    """
    how = recipe.align
    start = source or _started(recipe, names, stage.folder / PREPARED)
    pieces = WordPieces.read(start / PIECES)
    network = derived(
        load_network(start),
        outputs=how.dimensions,
        dropout=how.dropout,
        seed=recipe.seed,
        layers=how.layers,
    ).to(stage.device)
    held = Held.of(names, queries=recipe.measure.queries, index=recipe.measure.names)

    embed = embedder_of(network, pieces, most=how.max_pieces)

    def figures() -> dict[str, dict[str, float]]:
        return held.figures(embed)

    before = once(stage.folder / PREPARED / BEFORE, figures)
    learnt = Learnt.of(names, pieces, most=how.max_pieces, device=device_of(network))
    run = stage.run(recipe, how, lambda: _in_short(figures()))
    curve = align(network, learnt, how, run)
    if Team().writes:
        write_json(stage.folder / RETRIEVAL, {"before": before, "after": figures()})
        Neighbours(stage.folder, how.neighbours).forget()
    facts = {"n_names": len(learnt.concept), "n_held_out": names.num_rows - len(learnt.concept)}
    stage.finish(network, pieces.vocabulary, curve, facts)


def _started(recipe: LinkingRecipe, names: pa.Table, folder: Path) -> Path:
    """The folder of a network of general weights, or of chance."""

    def start() -> Mapping[str, Any]:
        counts = count_words(names["name"].to_pylist())
        return write_start(recipe.start, recipe.vocabulary, counts, folder, seed=recipe.seed)

    once(folder / RECORD, start)
    return folder


def embedder_of(
    network: Network, pieces: WordPieces, *, most: int
) -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """A function from names to their unit vectors, by a network in PyTorch.

    The same names are taken apart once, as often as they are asked for.
    """
    known: dict[tuple[str, ...], NameTable] = {}

    def embed(names: Sequence[str]) -> NDArray[np.float32]:
        table = known.get(key := tuple(names))
        if table is None:
            table = NameTable.of(names, pieces, most=most, device=device_of(network))
            known[key] = table
        return vectors_of(network, table, np.arange(len(names))).float().cpu().numpy()

    return embed


def read_retrieval(folder: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Figures before and after, as the stage left them."""
    return json.loads((folder / RETRIEVAL).read_text("utf-8"))


def _in_short(figures: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """What stands in the curve: nothing, where no name is held out."""
    return {name: figures["all"][name] for name in ("at_1", "at_20")} if figures else {}
