"""A model folder: what a trained model is when it is kept, promoted or shipped.

model.json    what it finds and how it is decoded (see `ModelFiles`)
model.onnx    the network: ids, mask and shapes of pieces in, logits out
pieces.txt    the vocabulary, a piece a line
MODEL_CARD.md data, recipe, figures, licence and limits, for people
weights.safetensors, encoder.json
              the network before it was quantised, for GPUs; a shipped folder leaves it out, and
              a GPU reads what model.onnx was quantised to
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from kazu_platform.documents import EntityClass, digest
from kazu_platform.errors import ArtifactError
from kazu_platform.ner.decoding import SCHEMES, Scheme
from kazu_platform.ner.pieces import PIECES_VERSION
from kazu_platform.ner.words import WORDS_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT_VERSION: Final = 1
DESCRIPTION: Final = "model.json"
NETWORK: Final = "model.onnx"
VOCABULARY: Final = "pieces.txt"
CARD: Final = "MODEL_CARD.md"
WEIGHTS: Final = "weights.safetensors"
ENCODER: Final = "encoder.json"
_LEAST_PIECES = 8
_CLASSES: Final[tuple[str, ...]] = get_args(EntityClass)


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """What `model.json` holds.

    Attributes:
        classes: Entity classes, in the order of the outputs.
        scheme: BIO or IO.
        max_pieces: Pieces of the longest window, [CLS] and [SEP] included.
        thresholds: Probability from which a word belongs to an entity, by class.
        words_version: Rules by which the texts that it learnt from were split.
        pieces_version: The same of word pieces and shapes.
    """

    classes: tuple[str, ...]
    scheme: Scheme
    max_pieces: int
    thresholds: Mapping[str, float]
    words_version: str = WORDS_VERSION
    pieces_version: str = PIECES_VERSION

    @property
    def n_outputs(self) -> int:
        """B and I of each class, and O."""
        return 2 * len(self.classes) + 1

    def write(self, folder: Path) -> None:
        """Write `model.json`."""
        body = {"format_version": FORMAT_VERSION, **asdict(self), "classes": list(self.classes)}
        (folder / DESCRIPTION).write_text(
            json.dumps(body, indent=1, sort_keys=True) + "\n", "utf-8"
        )


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model folder that was looked at: its description and its version."""

    folder: Path
    description: ModelDescription
    version: str

    @property
    def network(self) -> Path:
        """The network as ONNX."""
        return self.folder / NETWORK

    @property
    def vocabulary(self) -> Path:
        """The pieces."""
        return self.folder / VOCABULARY


def has_weights(folder: Path) -> bool:
    """Whether the network as it was before it was quantised is in a model folder, too."""
    return (folder / WEIGHTS).is_file() and (folder / ENCODER).is_file()


def read_model_files(folder: Path) -> ModelFiles:
    """Read and check a model folder; the network is hashed, not opened.

    The version is a hash of what decides what is found, so a folder that is shipped, promoted or
    copied keeps it.

    Raises:
        ArtifactError: a file is missing, or an entry of `model.json` is not as it should be; names
            the file and the key.
    """
    folder = Path(folder)
    description = _description(folder / DESCRIPTION)
    hashes = [_hash(folder / name) for name in (DESCRIPTION, NETWORK, VOCABULARY)]
    return ModelFiles(folder, description, digest(*hashes))


def _description(path: Path) -> ModelDescription:
    try:
        body: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ArtifactError(
            f"{path} is missing, so {path.parent} is no model; train one, or copy the whole folder."
        ) from None
    except ValueError as error:
        raise ArtifactError(f"{path} is no JSON ({error}); copy the whole folder again.") from None
    if not isinstance(body, dict):
        raise ArtifactError(f"{path} holds no object; copy the whole folder again.")
    return _Checked(path, body).description()


@dataclass(frozen=True)
class _Checked:
    """Entries of a description, each looked at before it is used."""

    path: Path
    body: Mapping[str, Any]

    def description(self) -> ModelDescription:
        self._must_equal("format_version", FORMAT_VERSION)
        self._must_equal("words_version", WORDS_VERSION)
        self._must_equal("pieces_version", PIECES_VERSION)
        classes = self._classes()
        scheme = self._get("scheme", str)
        self._must("scheme", scheme in SCHEMES, f"be one of {', '.join(SCHEMES)}")
        max_pieces = self._get("max_pieces", int)
        self._must("max_pieces", max_pieces >= _LEAST_PIECES, f"be {_LEAST_PIECES} or more")
        return ModelDescription(classes, scheme, max_pieces, self._thresholds(classes))

    def _classes(self) -> tuple[str, ...]:
        classes = self._get("classes", list)
        known = all(name in _CLASSES for name in classes) and len(set(classes)) == len(classes)
        self._must("classes", bool(classes) and known, f"name some of {', '.join(_CLASSES)}, once")
        return tuple(classes)

    def _thresholds(self, classes: tuple[str, ...]) -> dict[str, float]:
        thresholds = self._get("thresholds", dict)
        self._must("thresholds", set(thresholds) == set(classes), "have one for each class")
        for name, value in thresholds.items():
            fits = isinstance(value, int | float) and 0 < value < 1
            self._must(f"thresholds.{name}", fits, "lie between 0 and 1")
        return {name: float(thresholds[name]) for name in classes}

    def _get(self, key: str, kind: type) -> Any:  # noqa: ANN401 - of that kind
        value = self.body.get(key)
        fits = isinstance(value, kind) and not isinstance(value, bool)
        self._must(key, fits, f"be of type {kind.__name__}")
        return value

    def _must_equal(self, key: str, version: str | int) -> None:
        found = self.body.get(key)
        if found != version:
            raise ArtifactError(
                f"{self.path}: {key} is {found!r}, this version of the platform reads {version!r}; "
                "export or train the model again."
            )

    def _must(self, key: str, fits: bool, what: str) -> None:  # noqa: FBT001 - the outcome of a check
        if not fits:
            raise ArtifactError(f"{self.path}: {key} is {self._value(key)!r}, it must {what}.")

    def _value(self, key: str) -> Any:  # noqa: ANN401 - whatever is there
        outer, _, inner = key.partition(".")
        value = self.body.get(outer)
        return value.get(inner) if inner and isinstance(value, dict) else value


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise ArtifactError(f"{path} is missing; copy the whole folder again.") from None
