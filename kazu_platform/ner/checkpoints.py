"""Anybody's token classifiers: Hugging Face checkpoints as detectors, by hub id or local folder.

A checkpoint says B-, I- and O of kinds of its own; which of our entity classes a kind is, is known
for the usual names ("Drug", "protein", "Cell_Line") or told. It may choose one label for a piece
(softmax) or say yes or no to each (sigmoid). It reads in windows and is asked for whole words, as
our own models are. PyTorch and transformers are imported when one is opened.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np

from kazu_platform.documents import EntityClass, digest
from kazu_platform.errors import ArtifactError, UnknownNameError
from kazu_platform.ner.engine import Engine, Frame, Pieced
from kazu_platform.ner.model import MODEL_VERSION, ModelDetector, sigmoid
from kazu_platform.ner.runtimes import TorchRuntime, check_device

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from numpy.typing import NDArray

    from kazu_platform.ner.decoding import Scheme
    from kazu_platform.ner.network import Module, Tensor
    from kazu_platform.ner.words import Words

Labelling = Literal["single", "multi"]
Tokenizer = Any
"""Of transformers, which is imported where it is used."""
Config = Any
CHECKPOINT_VERSION: Final = "1"
CLASS_OF: Final[Mapping[str, EntityClass]] = {
    "gene": "gene",
    "protein": "gene",
    "geneprotein": "gene",
    "geneorgeneproduct": "gene",
    "geneproduct": "gene",
    "disease": "disease",
    "disorder": "disease",
    "chemical": "chemical",
    "simplechemical": "chemical",
    "drug": "chemical",
    "compound": "chemical",
    "species": "species",
    "organism": "species",
    "cellline": "cell_line",
    "celltype": "cell_type",
    "cell": "cell_type",
    "anatomy": "anatomy",
    "phenotype": "phenotype",
}
"""Our class of the usual kinds, written small and without what is between words.

Those of `dmis-lab/KAZU-NER-module-distil-v1.0` are among them: gene, disease, drug, species,
cell_line and cell_type, each with B- and I-, and O.
"""
_CLASSES: Final[tuple[str, ...]] = get_args(EntityClass)
_MOST_PIECES: Final = 512
_OUTSIDE: Final = "O"
# Class names of checkpoints that say nothing of their problem: the published one of Kazu is a
# BertForMultiLableTokenClassification.
_MULTI_LABEL: Final = "multila"


@dataclass(frozen=True)
class Labels:
    """The outputs of a checkpoint, sorted into our order.

    Attributes:
        classes: Entity classes that it finds.
        scheme: IO if it has no B label.
        columns: For each of our outputs (B and I of each class, and O) the numbers of its labels.
    """

    classes: tuple[str, ...]
    scheme: Scheme
    columns: tuple[tuple[int, ...], ...]

    def sorted_in(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """The largest probability of the labels of each of our outputs.

        Args:
            probabilities: Those of the checkpoint. Shape: (n_words, n_labels).
        """
        found = np.zeros((len(probabilities), len(self.columns)), np.float32)
        for column, labels in enumerate(self.columns):
            if labels:
                found[:, column] = probabilities[:, labels].max(1)
        return found


def read_labels(names: Sequence[str], classes: Mapping[str, str] | None = None) -> Labels:
    """Sort the labels of a checkpoint.

    Args:
        names: The labels in the order of the outputs.
        classes: Our class of kinds that are not known, or not by this name; goes before what is.

    Raises:
        UnknownNameError: `classes` gives a class that there is not.
        ArtifactError: no label is a B- or I- of a kind that is known.

    >>> labels = read_labels(["O", "B-Drug", "I-Drug", "B-mutation", "I-mutation"])
    >>> labels.classes, labels.columns
    (('chemical',), ((1,), (2,), (0,)))
    """
    told = {_plain(kind): name for kind, name in (classes or {}).items()}
    for name in told.values():
        if name not in _CLASSES:
            raise UnknownNameError.of("entity class", name, _CLASSES)
    known: Mapping[str, str] = {**CLASS_OF, **told}
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    outside: list[int] = []
    for number, name in enumerate(names):
        tag, kind = name[:1].upper(), _plain(name[1:])
        if name.upper() == _OUTSIDE:
            outside.append(number)
        elif tag in {"B", "I"} and name[1:2] in {"", "-", "_"} and kind in known:
            found[known[kind], tag].append(number)
    present = {entity_class for entity_class, _ in found}
    ours = tuple(name for name in _CLASSES if name in present)
    if not ours:
        raise ArtifactError(
            f"None of the labels {', '.join(names)} is B- or I- of a kind that is known; say which "
            "class is meant, as in {'GENE': 'gene'}."
        )
    columns = [tuple(found.get((name, tag), ())) for name in ours for tag in "BI"]
    scheme: Scheme = "BIO" if any(tag == "B" for _, tag in found) else "IO"
    return Labels(ours, scheme, (*columns, tuple(outside)))


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint and what has to be said of it.

    Attributes:
        source: Id on the hub (`dmis-lab/KAZU-NER-module-distil-v1.0`), or a folder.
        types: Our class of each of its kinds, where that is not known, as pairs.
        labelling: One label for a piece, or yes and no for each; by default as its config says,
            one if it says nothing.
        threshold: Probability from which a word belongs to an entity, if it says yes and no; with
            one label for a word the likeliest is taken.
        max_pieces: Pieces of the longest window; by default as many as it can read.
    """

    source: str
    types: tuple[tuple[str, str], ...] = ()
    labelling: Labelling | None = None
    threshold: float = 0.5
    max_pieces: int | None = None

    def described(self) -> Described:
        """What it finds and how; its weights are not read.

        Raises:
            ArtifactError: it cannot be loaded, is no token classifier, or its tokenizer does not
                say where in the text a piece stands.
            UnknownNameError: `types` gives a class that there is not.
        """
        tokenizer, config, commit = _read(self.source)
        names = [config.id2label[number] for number in range(config.num_labels)]
        labels = read_labels(names, dict(self.types))
        limit = min(self.max_pieces or _MOST_PIECES, _longest(tokenizer, config))
        chosen = self.labelling or _labelling(config)
        least = self.threshold if chosen == "multi" else float(np.finfo(np.float32).tiny)
        return Described(self, tokenizer, config, commit, labels, chosen, limit, least)


@dataclass(frozen=True)
class Described:
    """A checkpoint that was looked at; `commit` is that on the hub, none of a folder."""

    checkpoint: Checkpoint
    tokenizer: Tokenizer
    config: Config
    commit: str | None
    labels: Labels
    labelling: Labelling
    limit: int
    threshold: float

    @property
    def thresholds(self) -> dict[str, float]:
        """That of each class that it finds."""
        return dict.fromkeys(self.labels.classes, self.threshold)

    def version(self, *, bf16: bool = False) -> str:
        """Changes with the files of the checkpoint and with how it is read."""
        options = (
            self.labelling,
            str(self.checkpoint.threshold),
            str(self.limit),
            str(bf16),
            *map(str, self.labels.columns),
        )
        files = _version(self.checkpoint.source, self.commit)
        return digest("checkpoint", CHECKPOINT_VERSION, MODEL_VERSION, files, *options)


def open_checkpoint(
    checkpoint: Checkpoint,
    *,
    device: str = "cpu",
    bf16: bool = False,
    threads: int = 0,
    name: str = "model",
) -> ModelDetector:
    """Open a checkpoint as a detector.

    Args:
        checkpoint: Which, and what is said of it.
        device: cpu, cuda, ...
        bf16: Compute in bfloat16.
        threads: Threads of this process, on a processor; 0: leave them.
        name: Name in column `detector`.

    Raises:
        ArtifactError: it cannot be loaded, is no token classifier, or its tokenizer does not say
            where in the text a piece stands.
        ConfigurationError: there is no such device.
        UnknownNameError: its `types` give a class that there is not.
    """
    check_device(device)
    found = checkpoint.described()
    network = _network(found).to(device)
    engine = Engine(
        TorchRuntime(_forward(network), device=device, bf16=bf16, threads=threads),
        _frame(checkpoint.source, found.tokenizer),
        found.limit,
    )
    return ModelDetector(
        CheckpointReader(found.tokenizer, engine, found.labels, found.labelling),
        found.labels.classes,
        tuple(found.thresholds.values()),
        found.labels.scheme,
        found.version(bf16=bf16),
        name,
    )


@dataclass(frozen=True)
class CheckpointReader:
    """Reads with a checkpoint; see `model.SentenceReader`."""

    tokenizer: Tokenizer
    engine: Engine
    labels: Labels
    labelling: Labelling

    def probabilities(self, sentences: Sequence[str], words: Words) -> NDArray[np.float32]:
        """B and I of each class, and O. Shape: (n_words, 2 * n_classes + 1).

        With one label for a word all but the likeliest are 0.
        """
        sentences_as_pieces, owner = _pieced(self.tokenizer, sentences, words)
        if not len(sentences_as_pieces.ids):
            return np.zeros((len(words.strings), len(self.labels.columns)), np.float32)
        logits = self.engine.logits(sentences_as_pieces)
        sure = sigmoid(logits) if self.labelling == "multi" else _likeliest(logits)
        found = self.labels.sorted_in(sure)[owner]
        found[owner < 0] = 0  # a word of which the tokenizer leaves nothing
        return found


def _pieced(
    tokenizer: Tokenizer,
    sentences: Sequence[str],
    words: Words,
) -> tuple[Pieced, NDArray[np.int64]]:
    """Pieces of whole sentences, each given to the word in which it begins.

    Returns:
        The words that have pieces, and for each word its place among them; a word that begins
        within a piece goes with the word of that piece, -1 is one without any.
    """
    encoded = tokenizer(
        list(sentences),
        add_special_tokens=False,
        return_offsets_mapping=True,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,
    )
    counts = np.fromiter(map(len, encoded["input_ids"]), np.int64, len(sentences))
    ids = np.array([each for found in encoded["input_ids"] for each in found], np.int32)
    places = [each for found in encoded["offset_mapping"] for each in found]
    # Sentences follow each other on one axis, so that a single search serves all of them.
    lengths = np.fromiter(map(len, sentences), np.int64, len(sentences)) + 1
    axis = np.cumsum(lengths) - lengths
    shift = np.repeat(axis, np.diff(words.first))
    begins, ends = words.start + shift, words.end + shift
    start, end = (np.array(places, np.int64).reshape(-1, 2) + np.repeat(axis, counts)[:, None]).T
    # The first word that it touches, or the next one: a piece may be the blank before its word.
    word = np.searchsorted(ends, start, side="right")
    behind = np.append(begins, axis[-1] + lengths[-1])[word]
    kept = (start < end) & (behind < np.repeat(axis + lengths, counts))
    ids, word, end = ids[kept], word[kept], end[kept]
    owners, first = np.unique(word, return_index=True)
    owner = np.searchsorted(owners, np.arange(len(begins)), side="right") - 1
    reached = np.maximum.reduceat(end, first) if len(first) else end
    owner[begins >= np.append(reached, -1)[owner]] = -1
    kinds = np.zeros(len(ids), np.int8)
    sentence_starts = np.searchsorted(owners, words.first)
    return Pieced(ids, kinds, np.append(first, len(ids)), sentence_starts), owner


def _likeliest(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """The probability of the likeliest label of each row, 0 for the others."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    rows, best = np.arange(len(logits)), logits.argmax(1)
    found = np.zeros_like(logits)
    found[rows, best] = (powers / powers.sum(1, keepdims=True))[rows, best]
    return found


def _read(source: str) -> tuple[Tokenizer, Config, str | None]:
    """The tokenizer and the description of a checkpoint, and its commit on the hub."""
    from transformers import AutoConfig, AutoTokenizer

    with _loading(source):
        commit = None if Path(source).is_dir() else _commit(source)
        tokenizer: Tokenizer = AutoTokenizer.from_pretrained(
            source, use_fast=True, **_revision(commit)
        )
        config: Config = AutoConfig.from_pretrained(source, **_revision(commit))
    if not tokenizer.is_fast:
        raise ArtifactError(
            f"The checkpoint {source} has a tokenizer that does not say where pieces stand; save "
            "it with a fast one."
        )
    return tokenizer, config, commit


def _commit(source: str) -> str:
    """The newest commit on the hub, or the one in the cache where that cannot be reached."""
    from transformers.utils.hub import cached_file, extract_commit_hash

    commit = extract_commit_hash(cached_file(source, "config.json"), None)
    if commit is None:
        raise OSError("the hub does not say which version it is.")
    return commit


def _revision(commit: str | None) -> dict[str, str]:
    """All files are those of one commit, also if another is made meanwhile."""
    return {"revision": commit} if commit else {}


def _network(found: Described) -> Module:
    from transformers import AutoModelForTokenClassification

    source = found.checkpoint.source
    with _loading(source):
        return AutoModelForTokenClassification.from_pretrained(
            source, config=found.config, **_revision(found.commit)
        ).eval()


@contextmanager
def _loading(source: str) -> Generator[None]:
    """Say what to do where it cannot be loaded."""
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        why = (str(error).strip().splitlines() or [type(error).__name__])[0]
        hint = "Give the folder of a token classifier, or its id on the hub."
        if not Path(source).is_dir():
            hint = (
                "There is no such folder; as an id on the hub it needs the network once, or the "
                "cache of a machine that had it (HF_HOME). Give a folder, or load it there first."
            )
        raise ArtifactError(f"The checkpoint {source} cannot be loaded: {why} {hint}") from None


def _forward(network: Module) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    def forward(ids: Tensor, mask: Tensor, _shapes: Tensor) -> Tensor:
        return network(input_ids=ids, attention_mask=mask).logits

    return forward


def _labelling(config: Config) -> Labelling:
    problem = getattr(config, "problem_type", None)
    if problem is not None:
        return "multi" if problem == "multi_label_classification" else "single"
    names = getattr(config, "architectures", None) or []
    return "multi" if any(_MULTI_LABEL in name.lower() for name in names) else "single"


def _frame(source: str, tokenizer: Tokenizer) -> Frame:
    """What the tokenizer puts around a text."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    for at in range(len(whole) - len(bare) + 1):
        if whole[at : at + len(bare)] == bare:
            before, after = whole[:at], whole[at + len(bare) :]
            return Frame(tuple(before), tuple(after), tokenizer.pad_token_id or 0)
    raise ArtifactError(
        f"The checkpoint {source} has a tokenizer that changes a text in its frame."
    )


def _longest(tokenizer: Tokenizer, config: Config) -> int:
    """Pieces that a checkpoint can read at once."""
    positions = getattr(config, "max_position_embeddings", None) or _MOST_PIECES
    if "roberta" in config.model_type:  # counts positions from behind that of padding
        positions -= (config.pad_token_id or 0) + 1
    return min(positions, tokenizer.model_max_length)


def _version(source: str, commit: str | None) -> str:
    """Hash of a folder's files, or the commit on the hub."""
    if commit is not None:
        return digest(source, commit)
    folder = Path(source)
    parts: list[str] = []
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        with path.open("rb") as file:
            parts += [path.name, file_digest(file, "sha256").hexdigest()]
    return digest(*parts)


def _plain(kind: str) -> str:
    return "".join(filter(str.isalnum, kind)).lower()
