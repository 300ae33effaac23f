"""The linker in use: the one place that says which it is and what it is opened from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kazu_platform.documents import digest
from kazu_platform.linking.encoder_files import read_encoder_files
from kazu_platform.linking.evidence import Witness
from kazu_platform.linking.exact import ExactLinker
from kazu_platform.linking.hybrid import HybridLinker
from kazu_platform.linking.index import open_linking_index
from kazu_platform.linking.learnt import Learnt, read_memory
from kazu_platform.linking.ranking import RANKER, read_ranker
from kazu_platform.linking.similar import open_similar_names
from kazu_platform.linking.vectors import KnownVectors
from kazu_platform.tables import SURFACE_VECTORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kazu_platform.linking.embedding import Embedder
    from kazu_platform.storage.artifacts import ArtifactStore

ARTIFACT: Final = "linking_ranker"
"""Name of trained linking models in the store of artifacts."""
SIMILAR: Final = "similar"
"""Name of compiled similar names there."""
LINKING: Final = "linking"
"""Name of the linking index there."""
OF_ONTOLOGY: Final = "synonyms/"
"""Before the name of each ontology in the inputs of an index: which generation it was."""
PACKAGED: Final = Path(str(resources.files("kazu_platform"))) / "models" / "linking"
"""Where the linking model is that comes with the platform."""
NAMES, HYBRID = "names", "hybrid"
"""Linkers that a user may choose: by equal names alone, or by the linking model."""


class LazyEmbedder:
    """An encoder whose network is opened when it is first asked: most strings never need it."""

    def __init__(self, folder: Path, threads: int) -> None:
        """Read its description.

        Raises:
            ArtifactError: a file is missing or not as it should be.
        """
        files = read_encoder_files(folder)
        self._folder, self._threads = folder, threads
        self.dimensions = files.description.dimensions
        self.version = files.version

    @cached_property
    def _opened(self) -> Embedder:
        from kazu_platform.linking.embedding import open_embedder

        return open_embedder(self._folder, threads=self._threads)

    def embed(self, strings: Sequence[str]) -> NDArray:
        """Unit vectors. Shape: (n_strings, dimensions)."""
        return self._opened.embed(strings)


@dataclass(frozen=True)
class LinkerParts:
    """Folders that a linker is opened from.

    Attributes:
        linking: A compiled linking index.
        similar: Compiled similar names; without them equal names and memory alone are known.
        model: A linking model; without one equal names alone decide.
        threads: Batches that the encoder computes at once.
    """

    linking: Path
    similar: Path | None = None
    model: Path | None = None
    threads: int = 1

    @classmethod
    def live(cls, store: ArtifactStore, linker: str, *, threads: int = 1) -> LinkerParts:
        """What a store has live.

        Args:
            store: Where indices and models are kept.
            linker: `names` or `hybrid`.
            threads: For the encoder.

        Raises:
            ArtifactError: there is no linking index.
        """
        linking = store.live(LINKING).content
        if linker == NAMES:
            return cls(linking)
        similar = store.live(SIMILAR).content if store.live_version(SIMILAR) else None
        return cls(linking, similar, linking_model(store), threads)

    def open(self) -> ExactLinker | HybridLinker:
        """Open the linker.

        Raises:
            ArtifactError: a folder is missing, damaged, or another version made it.
        """
        exact = ExactLinker(open_linking_index(self.linking))
        if self.model is None:
            return exact
        return open_hybrid(exact, self.similar, self.model, self.threads)


def open_hybrid(
    exact: ExactLinker, similar: Path | None, model: Path, threads: int = 1
) -> HybridLinker:
    """Open a linker by a model, over the index of another one.

    Raises:
        ArtifactError: a folder is missing, damaged, or another version made it.
    """
    embedder = LazyEmbedder(model, threads)
    ranker, version = read_ranker(model / RANKER)
    memory, remembered = read_memory(model)
    names = open_similar_names(similar) if similar else None
    # Vectors of another encoder say nothing: until names are embedded again, letters count alone.
    is_same = names is not None and names.manifest.encoder_version == embedder.version
    learnt = Learnt.of_index(memory, exact.index)
    known = KnownVectors(embedder, SURFACE_VECTORS.empty()) if is_same else None
    witness = Witness(exact, names, known, learnt, threads)
    return HybridLinker(witness, ranker, digest(version, remembered, embedder.version))


def linking_model(store: ArtifactStore | None = None) -> Path:
    """The folder of the promoted linking model, else of the one that comes with the platform."""
    if store is not None and store.live_version(ARTIFACT):
        return store.live(ARTIFACT).content
    return PACKAGED


def open_linker(folder: Path) -> ExactLinker:
    """Open a compiled linking index for linking by equal names.

    Raises:
        ArtifactError: there is none, or another version made it.
    """
    return ExactLinker(open_linking_index(folder))
