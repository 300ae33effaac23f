"""The ranker: a small network that turns evidence into the probability that a concept is meant.

A candidate has a score; "none of them" has the score 0. The probability of a candidate is its share
among itself, none, and the other candidates of the same ontologies: one ontology does not list a
thing twice, while concepts of two ontologies may be one thing that no cross-reference says is one,
so these do not take probability from each other. Genes of two species are two things. Scores are
sharpened or flattened by class; what becomes of the probability of a link that was chosen, so that
of those with 0.8 four in five are right, is `Ranker.scales`.

The file is `ranker.npz`, read without pickles: `a`, `a_bias`, `b`, `b_bias`, `c`, `straight` and
`bias` (layers and a straight path beside them), `mean` and `spread` of the features, and `about`.
Several networks lie side by side: `b` has a square for each. `about` is JSON with the names of the
features and, by class, the fields of `Decision`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from hashlib import file_digest
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zipfile import BadZipFile

import numpy as np

from kazu_platform.documents import digest
from kazu_platform.errors import ArtifactError, OtherVersionError
from kazu_platform.linking.evidence import EVIDENCE_VERSION, FEATURES
from kazu_platform.linking.index import ONTOLOGY_BITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from kazu_platform.linking.evidence import Evidence

RANKER: Final = "ranker.npz"
RANKER_FORMAT: Final = 2
_WEIGHTS: Final = ("a", "a_bias", "b", "b_bias", "c", "straight", "bias", "mean", "spread")
_ROWS: Final = 1_024
"""Candidates that are scored together: what is computed of so many fits into a cache."""
_LEAST: Final = 1e-6


class Scale(NamedTuple):
    """What log odds are stretched by, and then moved by."""

    slope: float = 1.0
    shift: float = 0.0


SAME: Final = Scale()


@dataclass(frozen=True, slots=True)
class Decision:
    """What is set for a class.

    Attributes:
        temper: Scores are divided by it.
        shift: Is added to them: more says NIL less often.
        threshold: A first candidate without an equal name whose score is lower is no link.
        enough: A candidate by an equal name that is as probable as this is taken without looking
            for similar names.
        named: What makes a score of a probability, of candidates with an equal name.
        alike: The same of other candidates.
    """

    temper: float = 1.0
    shift: float = 0.0
    threshold: float = 0.5
    enough: float = 0.9
    named: Scale = SAME
    alike: Scale = SAME


@dataclass(frozen=True)
class Ranker:
    """Weights, by name, and decisions by class; a class without one has the default."""

    weights: Mapping[str, NDArray[np.float32]]
    decisions: Mapping[str, Decision] = field(default_factory=dict)

    def decision(self, entity_class: str) -> Decision:
        """What is set for a class."""
        return self.decisions.get(entity_class, Decision())

    def scores(self, features: NDArray[np.float32]) -> NDArray[np.floating]:
        """Score of each candidate, as the networks have it. Shape: (n,).

        In double precision: how a product is rounded depends on what is computed beside it, and
        the links of a string should not.
        """
        starts = range(0, len(features), _ROWS)
        parts = [self._scores(features[start : start + _ROWS]) for start in starts]
        return np.concatenate([np.zeros(0), *parts])

    def _scores(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        w = self._double
        x = (features - w["mean"]) / w["spread"]
        hidden = np.maximum(x @ w["a"] + w["a_bias"], 0)
        width = w["b"].shape[1]
        for member, own in enumerate(w["b"]):
            place = slice(member * width, (member + 1) * width)
            hidden[:, place] = hidden[:, place] @ own
        hidden = np.maximum(hidden + w["b_bias"], 0)
        return hidden @ w["c"] + x @ w["straight"] + w["bias"]

    @cached_property
    def _double(self) -> dict[str, NDArray[np.float64]]:
        return {name: each.astype(np.float64) for name, each in self.weights.items()}

    def tempered(
        self, scores: NDArray[np.floating], classes: Sequence[str]
    ) -> NDArray[np.floating]:
        """Scores as the decisions of their classes have them.

        Args:
            scores: Of candidates.
            classes: The entity class of each.
        """
        known = {name: self.decision(name) for name in set(classes)}
        temper = np.array([known[name].temper for name in classes], np.float32)
        shift = np.array([known[name].shift for name in classes], np.float32)
        return scores / temper + shift

    def scales(self, classes: Sequence[str]) -> NDArray[np.float64]:
        """What makes scores of probabilities, of candidates without an equal name and with one.

        Args:
            classes: Entity classes.

        Returns:
            Slope and shift (`rescaled`). Shape: (n_classes, 2, 2).
        """
        known = {name: self.decision(name) for name in set(classes)}
        found = [(known[name].alike, known[name].named) for name in classes]
        return np.array(found, np.float64).reshape(-1, 2, 2)

    def write(self, folder: Path) -> None:
        """Write `ranker.npz`."""
        about = {
            "format_version": RANKER_FORMAT,
            "evidence_version": EVIDENCE_VERSION,
            "features": list(FEATURES),
            "decisions": {name: asdict(each) for name, each in sorted(self.decisions.items())},
        }
        text = np.frombuffer(json.dumps(about, sort_keys=True).encode(), np.uint8)
        arrays = {name: np.asarray(self.weights[name], np.float32) for name in _WEIGHTS}
        np.savez(folder / RANKER, allow_pickle=False, about=text, **arrays)


def read_ranker(path: Path) -> tuple[Ranker, str]:
    """Read a ranker, and its version.

    Raises:
        OtherVersionError: another version made it.
        ArtifactError: there is none, or it is broken.
    """
    try:
        with path.open("rb") as file:
            version = digest(file_digest(file, "sha256").hexdigest())
        with np.load(path, allow_pickle=False) as arrays:
            about: dict[str, Any] = json.loads(arrays["about"].tobytes())
            weights = {name: arrays[name] for name in _WEIGHTS}
    except FileNotFoundError:
        raise ArtifactError(f"{path} is missing; train the linking model, or copy it.") from None
    except (OSError, KeyError, TypeError, ValueError, EOFError, BadZipFile) as error:
        raise ArtifactError(f"{path} cannot be read: {error}; copy it again.") from None
    expected = {
        "format_version": RANKER_FORMAT,
        "evidence_version": EVIDENCE_VERSION,
        "features": list(FEATURES),
    }
    if problems := [key for key, value in expected.items() if about.get(key) != value]:
        raise OtherVersionError(
            f"{path}: {', '.join(problems)} are of another version; train the linking model again."
        )
    return Ranker(weights, {n: _decision(each) for n, each in about["decisions"].items()}), version


def _decision(said: dict[str, Any]) -> Decision:
    scales: dict[str, Any] = {name: Scale(*said[name]) for name in ("named", "alike")}
    return Decision(**said | scales)


def rescaled(
    probable: NDArray[np.floating] | float,
    slope: NDArray[np.float64] | float,
    shift: NDArray[np.float64] | float,
) -> NDArray[np.float64]:
    """Probabilities whose log odds are stretched, and then moved."""
    return 1 / (1 + np.exp(-(log_odds(probable) * slope + shift)))


def log_odds(probable: NDArray[np.floating] | float) -> NDArray[np.float64]:
    """The logarithm of the odds of probabilities; what is certain has large ones.

    >>> log_odds(np.array([0.5, 0.9])).round(3).tolist()
    [0.0, 2.197]
    """
    within = np.clip(np.asarray(probable, np.float64), _LEAST, 1 - _LEAST)
    return np.log(within / (1 - within))


def probabilities(
    evidence: Evidence, scores: NDArray[np.floating], ontologies: NDArray[np.uint64]
) -> NDArray[np.float64]:
    """The probability of each candidate.

    Args:
        evidence: The candidates, in order of surface.
        scores: Of each, tempered.
        ontologies: Of each the ontologies that name its concept (`LinkingIndex.ontology_bits`).
    """
    surface, n = evidence.surface, int(evidence.surface.max(initial=-1)) + 1
    most = np.zeros(n)
    np.maximum.at(most, surface, scores)
    powers = np.exp(scores.astype(np.float64) - most[surface])
    rivals = powers.copy()
    for bit in range(ONTOLOGY_BITS):
        of = (ontologies >> np.uint64(bit)) & np.uint64(1) == 1
        if not of.any():
            continue
        total = np.bincount(surface[of], weights=powers[of], minlength=n)
        rivals[of] = np.maximum(rivals[of], total[surface[of]])
    return powers / (rivals + np.exp(-most)[surface])
