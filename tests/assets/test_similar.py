"""The asset of similar names, and links by the linking model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl
import pytest

from assets.layers import INDEX_LAYER
from assets.runs import Graph, materialise_everything
from kazu_platform.definitions import build_assets, build_resources
from kazu_platform.linking.open import PACKAGED, SIMILAR, LazyEmbedder, LinkerParts
from kazu_platform.linking.surfaces import surfaces_from_strings
from kazu_platform.linking.vectors import string_bucket
from kazu_platform.settings import read_settings
from kazu_platform.tables import LINKS, SURFACE_VECTORS, SURFACES, Table

if TYPE_CHECKING:
    from kazu_platform.storage.artifacts import ArtifactStore
    from kazu_platform.storage.lake import Lake


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """The graph of the whole sample, linked by the model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAZU_HOME", str(tmp_path_factory.mktemp("hybrid") / "home"))
        patch.setenv("KAZU_LINKER", "hybrid")
        settings = read_settings()
        settings.make_home()
        resources = build_resources(settings)
        graph = Graph(build_assets(settings.catalogue()), resources, dg.DagsterInstance.ephemeral())
        summary = materialise_everything(graph, resources["sources"], lambda *_: None)
    assert not summary.failed
    return graph


def parts_of(graph: Graph) -> tuple[Lake, ArtifactStore]:
    return graph.resources["lake"].open(), graph.resources["artifacts"].open()


def test_links_are_those_of_the_linker_that_is_live(graph: Graph):
    lake, store = parts_of(graph)
    linker = LinkerParts.live(store, "hybrid").open()

    links = lake.read(LINKS)

    assert linker.version in set(links["linker_version"].to_pylist())
    again = LINKS.sort(linker.link(lake.read(SURFACES)))
    order = [("surface_id", "ascending"), ("rank", "ascending")]
    one, other = (pl.DataFrame(rows.sort_by(order)) for rows in (links, again))
    assert one.drop("score").equals(other.drop("score"))
    assert one["score"].to_list() == pytest.approx(other["score"].to_list(), abs=1e-4)


def test_some_strings_mean_what_no_name_equals(graph: Graph):
    lake, store = parts_of(graph)
    linker = LinkerParts.live(store, "hybrid").open()
    row = {"text": ["CFTR channel"], "entity_class": ["gene"], "context": [""]}
    spelled_otherwise = pl.DataFrame(linker.link(surfaces_from_strings(pl.DataFrame(row)))).head(1)
    links = pl.DataFrame(lake.read(LINKS))
    first = links.filter(pl.col("rank") == 1)

    surfaces = pl.DataFrame(lake.read(SURFACES)).filter(text="LDL receptor", context="")
    likeliest = links.join(surfaces, on="surface_id").sort("rank").head(2)

    assert {"exact", "normalised"} <= set(first["method"])
    taken = [("HGNC:1884", 1, "ngram")]
    assert spelled_otherwise.select("concept_id", "rank", "method").rows() == taken
    # Only the mouse's gene has the name; the text is about people.
    found = [("HGNC:6547", "ngram"), ("NCBIGene:16835", "exact")]
    assert likeliest.select("concept_id", "method").rows() == found
    assert {"ngram", "embedding"} <= set(links["method"])
    assert first["surface_id"].is_unique().all()


def test_what_is_up_to_date_is_not_compiled_again(graph: Graph):
    _, store = parts_of(graph)
    before = store.live(SIMILAR)

    result = dg.materialize(
        graph.assets,
        selection=INDEX_LAYER & dg.AssetSelection.assets("similar_names"),
        resources=dict(graph.resources),
        instance=graph.instance,
    )

    assert result.success
    assert store.live(SIMILAR).version == before.version
    assert "embedded" not in result.asset_materializations_for_node("similar_names")[0].metadata


def test_every_string_of_the_corpus_is_embedded_once(graph: Graph):
    lake, store = parts_of(graph)
    linker = LinkerParts.live(store, "hybrid").open()

    vectors = lake.read(SURFACE_VECTORS)

    strings = vectors["normalised"].to_pylist()
    assert sorted(strings) == linker.embedded(lake.read(SURFACES))
    assert len(set(strings)) == len(strings) > 50
    assert set(vectors["encoder_version"].to_pylist()) == {linker.encoder_version}
    for name in lake.pointers(SURFACE_VECTORS):
        own = lake.read(SURFACE_VECTORS, name)["normalised"].to_pylist()
        assert {string_bucket(each) for each in own} <= {name}


def test_links_are_made_again_without_embedding_anything(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
):
    lake, _ = parts_of(graph)
    before = lake.read(LINKS)
    for table in (SURFACE_VECTORS, LINKS):  # what nothing is known of is made anew
        for pointer in lake.pointers(table).values():
            lake.confirm(table, pointer, {})
    for name in lake.pointers(LINKS):
        lake.write(LINKS, LINKS.empty(), partition=name, inputs={})

    def refuse(_self: LazyEmbedder) -> None:
        pytest.fail("it embeds what has a vector")

    monkeypatch.setattr(LazyEmbedder, "_opened", property(refuse))
    result = dg.materialize(
        graph.assets,
        selection=dg.AssetSelection.assets("surface_vectors", "links"),
        resources=dict(graph.resources),
        instance=graph.instance,
    )

    assert result.success
    (made,) = result.asset_materializations_for_node("surface_vectors")
    assert made.metadata["embedded"].value == 0
    order = [("surface_id", "ascending"), ("rank", "ascending")]
    now = lake.read(LINKS)
    assert now.num_rows > 0
    assert now.sort_by(order).equals(before.sort_by(order))


def materialised(graph: Graph, *names: str, linker: str = "hybrid") -> dg.ExecuteInProcessResult:
    artifacts = graph.resources["artifacts"].model_copy(update={"linker": linker})
    result = dg.materialize(
        graph.assets,
        selection=dg.AssetSelection.assets(*names),
        resources={**graph.resources, "artifacts": artifacts},
        instance=graph.instance,
    )
    assert result.success
    return result


def test_a_linker_by_names_alone_leaves_the_vectors_for_who_wants_them(graph: Graph):
    lake, _ = parts_of(graph)
    before = lake.read(SURFACE_VECTORS)

    materialised(graph, "surface_vectors", linker="names")

    assert lake.read(SURFACE_VECTORS).equals(before)


@pytest.mark.parametrize("lost", [SURFACE_VECTORS, LINKS])
def test_a_file_that_was_lost_is_made_again(graph: Graph, lost: Table):
    lake, _ = parts_of(graph)
    before = lake.read(SURFACE_VECTORS), LINKS.sort(lake.read(LINKS))
    name, pointer = max(lake.pointers(lost).items(), key=lambda each: each[1].n_rows)
    (path,) = lake.files(lost, name)
    Path(path).unlink()
    assert not lake.is_whole(lost, pointer)

    result = materialised(graph, "surface_vectors", "links")

    (made,) = result.asset_materializations_for_node("surface_vectors")
    assert made.metadata["embedded"].value == (pointer.n_rows if lost is SURFACE_VECTORS else 0)
    assert lake.read(SURFACE_VECTORS).equals(before[0])
    assert (
        LINKS.sort(lake.read(LINKS))
        .drop_columns(["score"])
        .equals(before[1].drop_columns(["score"]))
    )


def test_what_a_killed_run_left_over_is_embedded_by_the_next(graph: Graph):
    lake, _ = parts_of(graph)
    before = lake.read(SURFACE_VECTORS)
    for number, (name, pointer) in enumerate(lake.pointers(SURFACE_VECTORS).items()):
        if number >= 8:  # those that the run did not come to
            inputs = {**pointer.inputs, "linking": "another"}
            lake.write(SURFACE_VECTORS, SURFACE_VECTORS.empty(), partition=name, inputs=inputs)
    left = lake.read(SURFACE_VECTORS).num_rows

    result = materialised(graph, "surface_vectors")

    (made,) = result.asset_materializations_for_node("surface_vectors")
    assert made.metadata["embedded"].value == before.num_rows - left > 0
    assert lake.read(SURFACE_VECTORS).equals(before)


def test_the_model_of_the_package_is_whole():
    sizes = {path.name: path.stat().st_size for path in PACKAGED.iterdir()}

    assert set(sizes) >= {
        *("model.json", "model.onnx", "pieces.txt", "ranker.npz"),
        *("learnt.parquet", "learnt_strings.parquet"),
        "MODEL_CARD.md",
    }
    assert sum(sizes.values()) < 30_000_000
