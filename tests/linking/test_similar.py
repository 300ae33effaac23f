"""Similar names, against looking at every name."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
import pytest

from kazu_platform.errors import ArtifactError
from kazu_platform.linking.grams import trigrams
from kazu_platform.linking.similar import open_similar_names
from kazu_platform.linking.similar_compile import build_similar_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kazu_platform.linking.exact import ExactLinker
    from kazu_platform.linking.similar import ClassNames


class Hashed:
    """Vectors that depend on the string and on nothing else; counts what it is asked."""

    dimensions = 16

    def __init__(self, version: str = "1") -> None:
        self.version = version
        self.asked: list[str] = []

    def embed(self, strings: Sequence[str]) -> np.ndarray:
        self.asked += strings
        rows = [
            np.frombuffer(blake2b(each.encode(), digest_size=16).digest(), np.uint8)
            for each in strings
        ]
        vectors = np.array(rows, np.float32).reshape(len(strings), self.dimensions) - 127
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def diseases(linker: ExactLinker, tmp_path: Path) -> ClassNames:
    build_similar_names(linker.index, tmp_path / "s", embedder=Hashed(), embedded={"disease"})
    names = open_similar_names(tmp_path / "s").of("disease")
    assert names is not None
    return names


def test_each_name_stands_there_once(diseases: ClassNames):
    names = diseases.strings.to_pylist()

    assert names == sorted(set(names))
    assert {"breast cancer", "breast carcinoma", "alzheimer disease"} <= set(names)


def test_a_name_is_most_like_itself(diseases: ClassNames):
    names = diseases.strings.to_pylist()

    like = diseases.like(names)

    own = like.query == like.name
    assert own.sum() == len(names)
    assert like.grams[own] == pytest.approx(1.0)


def test_names_that_share_a_trigram_are_found(diseases: ClassNames):
    names, query = diseases.strings.to_pylist(), "mammary cancers of dogs"

    like = diseases.like([query])

    found = {names[row] for row in like.name.tolist()}
    assert "mammary cancer" in found
    alike = {name for name in names if set(trigrams([query]).gram) & set(trigrams([name]).gram)}
    assert found <= alike


def test_a_name_with_the_same_vector_is_found_whatever_its_letters(diseases: ClassNames):
    names = diseases.strings.to_pylist()
    wanted = names.index("breast cancer")

    like = diseases.like(["zzz"], Hashed().embed(["breast cancer"]))

    assert wanted in like.name.tolist()
    place = like.name.tolist().index(wanted)
    assert like.vectors[place] == pytest.approx(1.0, abs=0.02)
    assert like.grams[place] == 0.0


def test_a_string_like_nothing_finds_nothing(diseases: ClassNames):
    assert not len(diseases.like(["", "qqqq"]).query)


def test_only_names_without_a_vector_are_embedded(linker: ExactLinker, tmp_path: Path):
    first, second, other = Hashed(), Hashed(), Hashed("2")
    one = build_similar_names(linker.index, tmp_path / "a", embedder=first, embedded={"disease"})
    opened = open_similar_names(tmp_path / "a")

    two = build_similar_names(
        linker.index, tmp_path / "b", embedder=second, embedded={"disease"}, former=opened
    )
    build_similar_names(
        linker.index, tmp_path / "c", embedder=other, embedded={"disease"}, former=opened
    )

    assert one.n_embedded == two.n_kept == len(first.asked)
    assert two.n_embedded == len(second.asked) == 0
    assert other.asked == first.asked
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert all(
        (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        for name in files
    )
    assert opened.version != open_similar_names(tmp_path / "c").version


def test_without_an_encoder_letters_alone_count(linker: ExactLinker, tmp_path: Path):
    build_similar_names(linker.index, tmp_path / "s")
    names = open_similar_names(tmp_path / "s").of("gene")

    assert names is not None
    assert names.vectors is None
    assert open_similar_names(tmp_path / "s").of("unheard of") is None


def test_a_folder_of_something_else_is_refused(tmp_path: Path):
    with pytest.raises(ArtifactError, match="similar names"):
        open_similar_names(tmp_path)
