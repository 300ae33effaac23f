"""The model detector: what a network finds in sentences that no vocabulary has to know.

A sentence that stands in several passages is read once. Mentions of different classes may nest;
none crosses the end of its sentence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from kazu_platform.arrow import compute
from kazu_platform.documents import digest
from kazu_platform.errors import ArtifactError
from kazu_platform.ner.borders import BORDERS_VERSION, trimmed
from kazu_platform.ner.decoding import DECODING_VERSION, Decoded, decode
from kazu_platform.ner.dictionary_index import ranges
from kazu_platform.ner.engine import OWN_FRAME, Engine, pieced
from kazu_platform.ner.mentions import Spans, mention_rows
from kazu_platform.ner.model_files import ModelFiles, has_weights, read_model_files
from kazu_platform.ner.pieces import WordPieces
from kazu_platform.ner.runtimes import OnnxRuntime
from kazu_platform.ner.words import split_words
from kazu_platform.tables import DICTIONARY_MENTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from kazu_platform.ner.decoding import Scheme
    from kazu_platform.ner.engine import Pieced, Runtime
    from kazu_platform.ner.words import Words

NAME: Final = "model"
MODEL_VERSION: Final = f"1-{DECODING_VERSION}-{BORDERS_VERSION}"
"""Changes when the same network may give other mentions."""
CANDIDATE_THRESHOLD: Final = 0.1
"""Probability from which a word belongs to a candidate."""
CANDIDATES_VERSION: Final = f"1-{CANDIDATE_THRESHOLD}"


class SentenceReader(Protocol):
    """Says of each word of some sentences what it is."""

    def probabilities(self, sentences: Sequence[str], words: Words) -> NDArray[np.float32]:
        """B and I of each class, and O. Shape: (n_words, 2 * n_classes + 1)."""
        ...


@dataclass(frozen=True)
class OwnReader:
    """Reads with a model of our own."""

    pieces: WordPieces
    engine: Engine

    def probabilities(self, sentences: Sequence[str], words: Words) -> NDArray[np.float32]:  # noqa: ARG002 - words are enough
        """See `SentenceReader`."""
        return sigmoid(self.engine.logits(self.pieced(words)))

    def pieced(self, words: Words) -> Pieced:
        """The words as the network reads them."""
        return pieced(words, self.pieces)


@dataclass(frozen=True)
class ModelDetector:
    """Finds what a network was trained for.

    Attributes:
        reader: The network.
        classes: Entity classes, in the order of its outputs.
        thresholds: That of each class.
        scheme: BIO or IO.
        version: Changes with the network and the rules.
        name: Name in column `detector`.
        candidates: Whether it gives what it doubts, too; see `giving_candidates`.
    """

    reader: SentenceReader
    classes: tuple[str, ...]
    thresholds: tuple[float, ...]
    scheme: Scheme
    version: str
    name: str = NAME
    candidates: bool = False

    def giving_candidates(self) -> ModelDetector:
        """The same with a low threshold, for whoever weighs its findings against others'.

        At a low threshold entities may be longer, or run together. So candidates are what is found
        as ever, and what is found at `CANDIDATE_THRESHOLD` where no word is in one of these.
        """
        version = candidates_version(self.version)
        return self if self.candidates else replace(self, candidates=True, version=version)

    def detect(self, passages: pa.Table) -> pa.Table:
        """Find the mentions of some passages (PASSAGES) as rows of DICTIONARY_MENTIONS.

        Rows are ordered by passage, start, end and class. `confidence` is the mean probability of
        the words.
        """
        places = _sentences(passages)
        words = split_words(places.distinct)
        if not words.strings:
            return DICTIONARY_MENTIONS.empty()

        probabilities = self.reader.probabilities(places.distinct, words)
        found = self._decoded(probabilities, words.first)
        mentions = _borders(found, words, places.distinct)

        return self._rows(passages, places, mentions)

    def _decoded(self, probabilities: NDArray[np.float32], sentences: NDArray[np.int64]) -> Decoded:
        found = decode(probabilities, sentences, self.thresholds, self.scheme)
        if not self.candidates:
            return found
        low = [min(each, CANDIDATE_THRESHOLD) for each in self.thresholds]
        doubtful = decode(probabilities, sentences, low, self.scheme)
        return _with_doubtful(found, doubtful, (len(self.classes), len(probabilities)))

    def _rows(self, passages: pa.Table, places: _Sentences, mentions: _Mentions) -> pa.Table:
        # From the distinct sentences to every place where each of them stands.
        first = np.searchsorted(mentions.sentence, np.arange(len(places.distinct) + 1))
        counts = np.diff(first)[places.which]
        rows = ranges(first[:-1][places.which], counts)
        occurrence = np.repeat(np.arange(len(places.which)), counts)
        passage, offset = places.passage[occurrence], places.start[occurrence]
        start, end = mentions.start[rows] + offset, mentions.end[rows] + offset
        by_name = np.argsort(np.argsort(self.classes))
        order = np.lexsort((by_name[mentions.entity_class[rows]], end, start, passage))
        rows = rows[order]
        return mention_rows(
            passages,
            Spans(passage[order], start[order], end[order], mentions.entity_class[rows]),
            [mentions.texts[row] for row in rows.tolist()],
            self.classes,
            detector=self.name,
            version=self.version,
            confidence=mentions.confidence[rows],
        )


@dataclass(frozen=True, slots=True)
class _Sentences:
    """The sentences of passages; parallel arrays, but for the distinct texts."""

    distinct: list[str]
    which: NDArray[np.int64]
    passage: NDArray[np.int64]
    start: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Mentions:
    """Mentions in distinct sentences, ordered by sentence; offsets within it."""

    sentence: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    entity_class: NDArray[np.int64]
    confidence: NDArray[np.float32]
    texts: list[str]


def sentences_of(passages: pa.Table) -> list[str]:
    """The distinct sentences of passages (PASSAGES): what a network reads."""
    return _sentences(passages).distinct


def _sentences(passages: pa.Table) -> _Sentences:
    borders = passages["sentences"].combine_chunks()
    counts = compute.list_value_length(borders).to_numpy(zero_copy_only=False)
    flat = compute.list_flatten(borders)
    start, end = (
        compute.struct_field(flat, name).to_numpy(zero_copy_only=False).astype(np.int64)
        for name in ("start", "end")
    )
    passage = np.repeat(np.arange(passages.num_rows), counts)
    texts = passages["text"].to_pylist()
    known: dict[str, int] = {}
    which = [
        known.setdefault(texts[row][a:b], len(known))
        for row, a, b in zip(passage.tolist(), start.tolist(), end.tolist(), strict=True)
    ]
    return _Sentences(list(known), np.array(which, np.int64), passage, start)


def _borders(found: Decoded, words: Words, sentences: list[str]) -> _Mentions:
    """Entities of words as characters, trimmed; what nothing is left of is dropped."""
    sentence = np.searchsorted(words.first, found.first, side="right") - 1
    borders = [
        trimmed(sentences[row], start, end)
        for row, start, end in zip(
            sentence.tolist(),
            words.start[found.first].tolist(),
            words.end[found.end - 1].tolist(),
            strict=True,
        )
    ]
    start, end = np.array(borders, np.int64).reshape(-1, 2).T
    kept = np.flatnonzero(start < end)
    sentence, start, end = sentence[kept], start[kept], end[kept]
    return _Mentions(
        sentence,
        start,
        end,
        found.entity_class[kept],
        found.confidence[kept],
        [
            sentences[row][a:b]
            for row, a, b in zip(sentence.tolist(), start.tolist(), end.tolist(), strict=True)
        ],
    )


def _with_doubtful(found: Decoded, doubtful: Decoded, shape: tuple[int, int]) -> Decoded:
    """Add the doubtful entities that share no word with one of their class.

    Args:
        found: Entities; of a class they do not overlap.
        doubtful: Others.
        shape: (n_classes, n_words).
    """
    n_classes, n_words = shape
    border = np.zeros((n_classes, n_words + 1), np.int8)
    border[found.entity_class, found.first] += 1
    border[found.entity_class, found.end] -= 1
    taken = np.zeros((n_classes, n_words + 1), np.int64)
    np.cumsum(border[:, :-1].cumsum(1), axis=1, out=taken[:, 1:])
    own = doubtful.entity_class
    free = np.flatnonzero(taken[own, doubtful.end] == taken[own, doubtful.first])
    entity_class = np.concatenate((found.entity_class, own[free]))
    first = np.concatenate((found.first, doubtful.first[free]))
    order = np.lexsort((entity_class, first))
    return Decoded(
        entity_class[order],
        first[order],
        np.concatenate((found.end, doubtful.end[free]))[order],
        np.concatenate((found.confidence, doubtful.confidence[free]))[order],
    )


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of outputs that do not exclude each other.

    >>> sigmoid(np.array([0.0, 200.0, -200.0], np.float32)).tolist()
    [0.5, 1.0, 0.0]
    """
    # exp of a large number is infinite, as it should be here.
    with np.errstate(over="ignore"):
        return (1 / (1 + np.exp(-logits))).astype(np.float32)


def open_model(
    folder: Path, threads: int = 1, *, device: str = "cpu", bf16: bool = False
) -> ModelDetector:
    """Open a model folder as a detector.

    Args:
        folder: See `model_files`.
        threads: Batches computed at once on a processor.
        device: cpu reads the quantised network with ONNX Runtime; cuda the weights with PyTorch,
            or what they were quantised to, if the folder has no others.
        bf16: Compute in bfloat16 with PyTorch, on a processor too.

    Raises:
        ArtifactError: a file is missing or wrong; names it.
        ConfigurationError: there is no such device.
    """
    files = read_model_files(folder)
    on_torch = _is_on_torch(device, bf16=bf16)
    runtime = _torch(files, threads, device, bf16=bf16) if on_torch else _onnx(files, threads)
    return detector_of(files, runtime, model_version(files, device, bf16=bf16))


def detector_of(files: ModelFiles, runtime: Runtime, version: str) -> ModelDetector:
    """The detector of a model folder, with a runtime of your own."""
    description = files.description
    return ModelDetector(
        OwnReader(_pieces(files), Engine(runtime, OWN_FRAME, description.max_pieces)),
        description.classes,
        tuple(description.thresholds[name] for name in description.classes),
        description.scheme,
        version,
    )


def model_version(files: ModelFiles, device: str = "cpu", *, bf16: bool = False) -> str:
    """Version of the mentions that a model gives with this module's rules; see `open_model`."""
    version = digest(NAME, MODEL_VERSION, files.version)
    if not _is_on_torch(device, bf16=bf16):
        return version
    # A word near a threshold may fall on the other side.
    weights = () if has_weights(files.folder) else ("dequantised",)
    return digest(version, "torch", str(bf16), *weights)


def candidates_version(version: str) -> str:
    """Version of the candidates of a detector of this version."""
    return digest(version, "candidates", CANDIDATES_VERSION)


def _is_on_torch(device: str, *, bf16: bool) -> bool:
    return device != "cpu" or bf16


def _pieces(files: ModelFiles) -> WordPieces:
    try:
        return WordPieces.read(files.vocabulary)
    except ValueError as error:
        raise ArtifactError(f"{files.vocabulary} is not usable: {error}; export again.") from None


def _onnx(files: ModelFiles, threads: int) -> Runtime:
    runtime = OnnxRuntime(files.network, threads)
    if runtime.n_outputs != files.description.n_outputs:
        raise ArtifactError(
            f"{files.network} has {runtime.n_outputs} outputs, {len(files.description.classes)} "
            f"classes have {files.description.n_outputs}; export it again."
        )
    return runtime


def _torch(files: ModelFiles, threads: int, device: str, *, bf16: bool) -> Runtime:
    from kazu_platform.ner.network import read_network
    from kazu_platform.ner.runtimes import TorchRuntime, check_device

    check_device(device)
    network = read_network(files.folder, files.description.n_outputs).to(device)
    return TorchRuntime(network, device=device, bf16=bf16, threads=threads)
