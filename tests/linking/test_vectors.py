"""Vectors that are kept, and links by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from kazu_platform.linking.open import PACKAGED, LazyEmbedder, LinkerParts
from kazu_platform.linking.similar_compile import build_similar_names
from kazu_platform.linking.steps import EmbedStep, LinkStep, strings_as_units, units_of
from kazu_platform.linking.surfaces import surfaces_from_strings
from kazu_platform.linking.vectors import KnownVectors, vectors_of
from kazu_platform.tables import LINKS, SURFACE_VECTORS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from kazu_platform.linking.exact import ExactLinker

DIMENSIONS = 8
STRINGS = pl.DataFrame(
    {
        "text": ["breast cancer", "cancer of the breasts", "Cancer of the Breasts", "BCX", "EGFRs"],
        "entity_class": ["disease", "disease", "disease", "disease", "gene"],
        "context": ["", "", "near:breast cancer", "long:breast cancer syndrome", ""],
    }
)


class Counting:
    """Any vectors, always the same; remembers what it was asked for."""

    dimensions, version = DIMENSIONS, "counting"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, strings: Sequence[str]) -> NDArray[np.float32]:
        self.asked += strings
        seeds = [np.random.default_rng(len(each)) for each in strings]
        found = np.array([each.normal(size=DIMENSIONS) for each in seeds]).reshape(-1, DIMENSIONS)
        length = np.linalg.norm(found, axis=1, keepdims=True)
        return (found / np.where(length, length, 1)).astype(np.float32)


def test_what_is_known_is_not_embedded_and_looks_the_same():
    first, then = Counting(), Counting()
    strings = ["a", "bb", "ccc", "bb"]

    plain = KnownVectors(first, SURFACE_VECTORS.empty()).embed(strings)
    known = KnownVectors(then, vectors_of(["ccc", "a", "dddd"], Counting())).embed(strings)

    assert then.asked == ["bb", "bb"]
    assert known.tolist() == plain.tolist()


def test_vectors_of_another_encoder_do_not_count():
    embedder = Counting()
    other = vectors_of(["a"], embedder).to_pylist()
    other[0]["encoder_version"] = "another"

    known = KnownVectors(embedder, SURFACE_VECTORS.from_rows(other))
    embedder.asked.clear()
    known.embed(["a"])

    assert embedder.asked == ["a"]


def test_nothing_to_embed_is_nothing():
    assert KnownVectors(Counting(), SURFACE_VECTORS.empty()).embed([]).shape == (0, DIMENSIONS)
    assert vectors_of([], Counting()).equals(SURFACE_VECTORS.empty())


@pytest.fixture
def parts(linker: ExactLinker, tmp_path: Path) -> LinkerParts:
    """The small vocabulary, linked by the model of the package."""
    embedder = LazyEmbedder(PACKAGED, threads=1)
    build_similar_names(linker.index, tmp_path / "similar", embedder=embedder, embedded={"disease"})
    return LinkerParts(tmp_path / "linking", tmp_path / "similar", PACKAGED)


def test_every_string_that_is_asked_for_is_embedded_once(parts: LinkerParts):
    found = parts.open().embedded(surfaces_from_strings(STRINGS))

    # What an equal name settles is not asked for, nor what is spelt as another one, nor genes.
    assert found == sorted({"bcx", "breast cancer syndrome", "cancer of the breast"})


def test_links_by_kept_vectors_are_those_without_and_open_no_encoder(
    parts: LinkerParts, monkeypatch: pytest.MonkeyPatch
):
    surfaces = surfaces_from_strings(STRINGS)
    strings = parts.open().embedded(surfaces)
    vectors = EmbedStep.of(PACKAGED).open()(strings_as_units(strings))
    without = LinkStep.of(parts).open()(units_of(surfaces, SURFACE_VECTORS.empty()))

    def refuse(_self: LazyEmbedder) -> None:
        pytest.fail("it embeds what has a vector")

    monkeypatch.setattr(LazyEmbedder, "_opened", property(refuse))
    by_kept = LinkStep.of(parts).open()(units_of(surfaces, vectors))

    assert SURFACE_VECTORS.check(vectors)["normalised"].to_pylist() == strings
    assert by_kept.num_rows > 0
    assert LINKS.check(by_kept).equals(without)


def test_units_keep_their_vectors_when_they_are_cut(parts: LinkerParts):
    surfaces = surfaces_from_strings(STRINGS)
    strings = parts.open().embedded(surfaces)
    units = units_of(surfaces, EmbedStep.of(PACKAGED).open()(strings_as_units(strings)))
    link = LinkStep.of(parts).open()

    cut = pa.concat_tables([link(units.slice(row, 1)) for row in range(units.num_rows)])

    whole = link(units)
    assert cut.drop_columns(["score"]).equals(whole.drop_columns(["score"]))
    assert cut["score"].to_pylist() == pytest.approx(whole["score"].to_pylist(), abs=1e-5)


def test_a_linker_by_names_alone_asks_for_none(linker: ExactLinker):
    assert linker.embedded(surfaces_from_strings(STRINGS)) == []
    assert linker.encoder_version == ""
