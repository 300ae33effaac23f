"""The folder of a linking encoder, when it is kept or shipped.

model.json    how it reads names (see `EncoderDescription`)
model.onnx    the network: ids, mask and shapes of pieces in, a unit vector of each name out
pieces.txt    the vocabulary, a piece a line
MODEL_CARD.md data, recipe, figures, licence and limits, for people
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final

from kazu_platform.documents import digest
from kazu_platform.errors import ArtifactError, OtherVersionError
from kazu_platform.ner.pieces import PIECES_VERSION
from kazu_platform.ner.words import WORDS_VERSION

ENCODER_FORMAT: Final = 1
KIND: Final = "linking encoder"
DESCRIPTION: Final = "model.json"
NETWORK: Final = "model.onnx"
VOCABULARY: Final = "pieces.txt"
CARD: Final = "MODEL_CARD.md"


@dataclass(frozen=True, slots=True)
class EncoderDescription:
    """What `model.json` holds.

    Attributes:
        dimensions: Of a vector.
        max_pieces: Pieces of a name that are read, [CLS] and [SEP] included.
        words_version: Rules by which the names that it learnt from were split.
        pieces_version: The same of word pieces and shapes.
    """

    dimensions: int
    max_pieces: int
    words_version: str = WORDS_VERSION
    pieces_version: str = PIECES_VERSION

    def write(self, folder: Path) -> None:
        """Write `model.json`."""
        body = {"kind": KIND, "format_version": ENCODER_FORMAT, **asdict(self)}
        (folder / DESCRIPTION).write_text(
            json.dumps(body, indent=1, sort_keys=True) + "\n", "utf-8"
        )


@dataclass(frozen=True, slots=True)
class EncoderFiles:
    """A folder that was looked at: its description and its version."""

    folder: Path
    description: EncoderDescription
    version: str

    @property
    def network(self) -> Path:
        """The network as ONNX."""
        return self.folder / NETWORK

    @property
    def vocabulary(self) -> Path:
        """The pieces."""
        return self.folder / VOCABULARY


def read_encoder_files(folder: Path) -> EncoderFiles:
    """Read and check the folder of an encoder; the network is hashed, not opened.

    The version is a hash of what decides the vectors: vectors of equal versions may be compared.

    Raises:
        OtherVersionError: another version of the platform made it.
        ArtifactError: a file is missing, or an entry of `model.json` is not as it should be; names
            the file and the key.
    """
    folder = Path(folder)
    body = _body(folder / DESCRIPTION)
    expected = {
        "kind": KIND,
        "format_version": ENCODER_FORMAT,
        "words_version": WORDS_VERSION,
        "pieces_version": PIECES_VERSION,
    }
    problems = [
        f"{key} is {body.get(key)!r}, this version of the platform reads {value!r}"
        for key, value in expected.items()
        if body.get(key) != value
    ]
    problems += [
        f"{key} is {body.get(key)!r}, it must be a number of {least} or more"
        for key, least in (("dimensions", 1), ("max_pieces", 3))
        if not _is_number(body.get(key), least)
    ]
    if problems:
        versions = ("format_version", "words_version", "pieces_version")
        is_other = body.get("kind") == KIND and any(
            body.get(key) not in {None, expected[key]} for key in versions
        )
        raise (OtherVersionError if is_other else ArtifactError)(
            f"{folder / DESCRIPTION}: {'; '.join(problems)}; train or export the encoder again."
        )
    hashes = [_hash(folder / name) for name in (DESCRIPTION, NETWORK, VOCABULARY)]
    description = EncoderDescription(body["dimensions"], body["max_pieces"])
    return EncoderFiles(folder, description, digest(*hashes))


def _body(path: Path) -> dict[str, Any]:
    try:
        body: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ArtifactError(
            f"{path} is missing, so {path.parent} is no linking encoder; train one, or copy the "
            "whole folder."
        ) from None
    except ValueError as error:
        raise ArtifactError(f"{path} is no JSON ({error}); copy the whole folder again.") from None
    if not isinstance(body, dict):
        raise ArtifactError(f"{path} holds no object; copy the whole folder again.")
    return body


def _is_number(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise ArtifactError(f"{path} is missing; copy the whole folder again.") from None
