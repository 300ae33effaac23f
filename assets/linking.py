"""Distinct surfaces of the whole corpus, and the concepts they link to.

Both tables are kept once for the corpus, in buckets of the surface's id: a string that occurs ten
thousand times is linked once. A nightly addition links what is new; a changed vocabulary links
again only the classes it changed.
"""

from functools import partial

import dagster as dg
import pyarrow as pa

from assets import gates
from assets.corpus import n_rows
from assets.deltas import made_with, touched_since
from assets.making import Events, Recipe, make_all, seen
from assets.results import OWNERS, RETRY, definition_metadata, final_errors
from assets.vectors import known_vectors
from kazu_platform.linking.corpus import (
    BUCKETS,
    SURFACES_VERSION,
    Relinked,
    link_changed,
    surfaces_of_files,
)
from kazu_platform.linking.exact import RULES_VERSION
from kazu_platform.linking.open import LinkerParts
from kazu_platform.linking.steps import LinkStep, strings_of, units_of
from kazu_platform.storage.artifacts import ArtifactStore
from kazu_platform.storage.lake import Lake, Staged
from kazu_platform.tables import LINKS, MENTIONS, QUARANTINE, SURFACES
from kazu_platform.text.normalise import NORMALISER_VERSION
from resources.compute import ComputeResource
from resources.storage import ArtifactsResource, LakeResource

GROUP = "linking"
LINKING_VERSION = RULES_VERSION
STAGE = LinkStep.name


@dg.asset(
    deps=["mentions"],
    group_name=GROUP,
    kinds={"duckdb"},
    owners=OWNERS,
    retry_policy=RETRY,
    pool="corpus",
    code_version=SURFACES_VERSION,
    metadata=definition_metadata(SURFACES),
    check_specs=[gates.spec(SURFACES, "keys_are_unique", "A surface stands there once.")],
)
@final_errors
def surfaces(lake: LakeResource) -> Events:
    """Each distinct string of a class in a context that the corpus holds, and how often."""
    tables = lake.open()
    yield from make_all(tables, SURFACES, surfaces_recipes(tables))


def surfaces_recipes(tables: Lake) -> list[Recipe]:
    """How each bucket of surfaces is made: counted from the mentions of all files, once."""
    before = seen(tables, SURFACES)
    inputs = {
        "mentions": tables.version(MENTIONS),
        "code": SURFACES_VERSION,
        "normaliser": NORMALISER_VERSION,
    }
    buckets: dict[str, pa.Table] = {}

    def bucket(name: str) -> pa.Table:
        if not buckets:
            buckets.update(surfaces_of_files(tables.files(MENTIONS)))
        return buckets.pop(name)

    return [
        Recipe(
            table=SURFACES,
            partition=name,
            inputs=inputs,
            rows=lambda name=name: bucket(name),
            gates={"keys_are_unique": gates.keys_are_unique},
            expected=before(name),
        )
        for name in BUCKETS
    ]


@dg.asset(
    deps=["surfaces", "surface_vectors", "linking_index", "similar_names"],
    group_name=GROUP,
    kinds={"polars"},
    owners=OWNERS,
    retry_policy=RETRY,
    pool="corpus",
    code_version=LINKING_VERSION,
    metadata=definition_metadata(LINKS),
    check_specs=[
        gates.spec(LINKS, "keys_are_unique", "A surface links to a concept once."),
        gates.spec(LINKS, "few_set_aside", "At most one surface in twenty could not be linked."),
        gates.spec(LINKS, "nothing_set_aside", "Every surface could be linked.", blocking=False),
    ],
)
@final_errors
def links(lake: LakeResource, compute: ComputeResource, artifacts: ArtifactsResource) -> Events:
    """Candidate concepts of each surface, ranked; ambiguity is kept as alternatives.

    Links made by the same linker from the same vocabulary are kept; only the rest is linked.
    """
    tables, store = lake.open(), artifacts.open()
    counts = {"linked": 0, "kept": 0, "set_aside": 0}
    recipes = links_recipes(tables, store, counts, compute, artifacts.linker)
    with compute.held():
        yield from make_all(tables, LINKS, recipes, facts=lambda: counts)
    yield gates.nothing_set_aside(LINKS, "the surfaces", _set_aside(tables))


def _set_aside(tables: Lake) -> pa.Table:
    """Surfaces that could not be linked, of all buckets."""
    live = (tables.live(QUARANTINE, f"{STAGE}/{name}") for name in BUCKETS)
    return tables.read(QUARANTINE, [pointer.partition for pointer in live if pointer])


def links_recipes(
    tables: Lake,
    store: ArtifactStore,
    counts: dict[str, int],
    compute: ComputeResource,
    chosen: str,
) -> list[Recipe]:
    """How each bucket of links is made, by the linker of that name.

    `counts` adds up what was linked and what was kept.
    """
    before = seen(tables, LINKS)
    index = store.live("linking")
    parts = LinkerParts.live(store, chosen)
    linker = parts.open()
    similar = {f"similar/{name}": name for name in linker.similar_version}
    step = LinkStep.of(parts)
    sizes = {name: tables.pointer(SURFACES, name).n_rows for name in BUCKETS}
    failed = dict.fromkeys(BUCKETS, 0)

    def link(name: str, surfaces: pa.Table) -> pa.Table:
        vectors = known_vectors(tables, linker, strings_of(surfaces))
        outcomes = list(compute.run(step, [units_of(surfaces, vectors)], file=name))
        aside = [QUARANTINE.empty(), *(outcome.set_aside for outcome in outcomes)]
        tables.write(QUARANTINE, pa.concat_tables(aside), partition=f"{step.name}/{name}")
        failed[name] = n_rows(aside)
        counts["set_aside"] += failed[name]
        return pa.concat_tables([LINKS.empty(), *(outcome.rows for outcome in outcomes)])

    def relinked(name: str, inputs: dict[str, str]) -> pa.Table:
        live = tables.live(LINKS, name)
        whole = live is not None and tables.is_whole(LINKS, live)
        known = tables.read(LINKS, name) if whole else LINKS.empty()
        but = {"surfaces", "linking", *similar}
        same_rules = made_with(tables, LINKS, name, inputs, but=but)
        touched = touched_since(store, same_rules, index)
        before = same_rules.inputs if same_rules else {}
        respelled = {own for key, own in similar.items() if before.get(key) != inputs[key]}
        done: Relinked = link_changed(
            linker,
            tables.read(SURFACES, name),
            known,
            touched,
            respelled=respelled,
            link=partial(link, name),
        )
        counts["linked"] += done.n_linked
        counts["kept"] += done.n_kept
        return done.links

    def few_set_aside(name: str, _staged: Staged) -> dg.AssetCheckResult:
        """Of a bucket; a few in the whole corpus never hold up a small bucket."""
        is_few = counts["set_aside"] <= gates.FEW
        aside = counts["set_aside"] if is_few else failed[name]
        of = sum(sizes.values()) if is_few else sizes[name]
        result = gates.few_set_aside(LINKS, of - aside, aside, max_share=compute.max_share)
        if not result.passed:  # whoever mends what failed has the bucket linked anew
            compute.published(step, file=name)
        return result

    recipes: list[Recipe] = []
    for name in BUCKETS:
        inputs = {
            "surfaces": tables.pointer(SURFACES, name).data_version,
            "linking": index.version,
            "linker": linker.version,
            **{key: linker.similar_version[own] for key, own in similar.items()},
        }
        recipes.append(
            Recipe(
                table=LINKS,
                partition=name,
                inputs=inputs,
                rows=lambda name=name, inputs=inputs: relinked(name, inputs),
                gates={
                    "keys_are_unique": gates.keys_are_unique,
                    "few_set_aside": partial(few_set_aside, name),
                },
                after=lambda name=name: compute.published(step, file=name),
                expected=before(name),
            )
        )
    return recipes
