"""Hard negatives: for each name the nearest names of strangers, found anew every epoch.

What was found is kept in a file of the run's folder: a run that was killed goes on with the same
negatives, not with those that its half-trained network would find.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from kazu_platform.training.loop import Team
from kazu_platform.training.name_table import vectors_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from kazu_platform.training.alignment import Learnt
    from kazu_platform.training.network import Network

_SIMILARITIES_AT_ONCE: Final = {"cpu": 16_000_000, "cuda": 400_000_000}


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Finds and keeps the nearest strangers.

    Attributes:
        folder: Of the run.
        k: How many for each name.
    """

    folder: Path
    k: int

    def of(self, epoch: int, network: Network, learnt: Learnt) -> NDArray[np.int32]:
        """The nearest strangers in an epoch. Shape: (n_names, k); -1 for none."""
        path = self.folder / f"neighbours-{epoch}.npy"
        if path.exists():
            return np.load(path)
        found = nearest_strangers(network, learnt, self.k)
        if Team().writes:
            part = path.with_suffix(".part")
            with part.open("wb") as file:
                np.save(file, found)
            part.replace(path)
            # A checkpoint may be of the epoch before.
            (self.folder / f"neighbours-{epoch - 2}.npy").unlink(missing_ok=True)
        return found

    def forget(self) -> None:
        """Remove what was kept; the run is done."""
        for path in self.folder.glob("neighbours-*.npy"):
            path.unlink()


def nearest_strangers(network: Network, learnt: Learnt, k: int) -> NDArray[np.int32]:
    """For each name the k most similar names of its class that are none of its kin.

    Returns:
        Shape: (n_names, k); -1 where there are not so many.
    """
    found = np.full((len(learnt.concept), k), -1, np.int32)
    for number in range(len(learnt.classes)):
        rows = np.flatnonzero(learnt.entity_class == number)
        vectors = vectors_of(network, learnt.table, rows)
        if vectors.device.type == "cuda":
            vectors = vectors.half()
        kin = learnt.meaning.kin[torch.from_numpy(rows).to(vectors.device)]
        nearest = _nearest(vectors, kin, k)
        found[rows, : nearest.shape[1]] = np.where(nearest < 0, -1, rows[nearest])
    return found


@torch.inference_mode()
def _nearest(vectors: Tensor, kin: Tensor, k: int) -> NDArray[np.int64]:
    """Places of the most similar rows of other kin, block by block."""
    n = len(vectors)
    at_once = max(1, _SIMILARITIES_AT_ONCE[vectors.device.type] // max(1, n))
    parts: list[Tensor] = []
    for start in range(0, n, at_once):
        similarity = vectors[start : start + at_once] @ vectors.T
        similarity.masked_fill_(kin[start : start + at_once, None] == kin, -2.0)
        best, place = similarity.topk(min(k, n), dim=1)
        parts.append(torch.where(best > -2.0, place, -1))  # noqa: PLR2004 - below any cosine
    return torch.cat(parts).cpu().numpy() if parts else np.zeros((0, 0), np.int64)
