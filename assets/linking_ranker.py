"""The ranker of links: trained on corpora whose mentions people linked, beside a linking encoder.

Corpora are those of the catalogue's `training.linking_gold`; without it there is no ranker to train
and the model in use stays. `linking_evaluation` says whether a new one is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import dagster as dg
import polars as pl

from assets.learning import LINKING_MODEL, Inputs, keep, told, version_of
from assets.models import POOL
from assets.results import OWNERS, RETRY, bad_data_is_final
from assets.similar import SIMILAR_CODE, similar_names_of
from assets.training import GROUP, held_out_files
from kazu_platform.documents import digest
from kazu_platform.evaluation.identifiers import Identifiers
from kazu_platform.linking.encoder_files import CARD, read_encoder_files
from kazu_platform.linking.evidence import EVIDENCE_VERSION
from kazu_platform.linking.exact import RULES_VERSION, ExactLinker
from kazu_platform.linking.open import (
    ARTIFACT,
    LINKING,
    linking_model,
    open_linker,
)
from kazu_platform.linking.ranking import RANKER_FORMAT
from kazu_platform.settings import OntologySource
from kazu_platform.storage.artifacts import ArtifactStore
from kazu_platform.storage.downloads import local_path
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import CONCEPT_EQUIVALENTS, CONCEPT_XREFS, CONCEPTS
from kazu_platform.training.filters import held_out_version, read_held_out
from kazu_platform.training.linking_recipe import (
    RankRecipe,
    linking_recipe_path,
    read_linking_recipe,
)
from resources.sources import SourcesResource
from resources.storage import ArtifactsResource, LakeResource

RANKER_CODE = f"{EVIDENCE_VERSION}-{RANKER_FORMAT}-{RULES_VERSION}"
NO_GOLD = (
    "The catalogue has no corpora whose mentions have concepts; name their folder in "
    "`training.linking_gold`. The linking model in use stays."
)
TABLES = (CONCEPTS, CONCEPT_XREFS, CONCEPT_EQUIVALENTS)


@dg.asset(
    deps=["linking_index", "similar_names", LINKING_MODEL, *(table.name for table in TABLES)],
    group_name=GROUP,
    kinds={"pytorch"},
    owners=OWNERS,
    retry_policy=RETRY,
    pool=POOL,
    code_version=RANKER_CODE,
)
@bad_data_is_final()
def linking_ranker(
    context: dg.AssetExecutionContext,
    sources: SourcesResource,
    lake: LakeResource,
    artifacts: ArtifactsResource,
) -> dg.MaterializeResult:
    """A ranker and its memory beside the newest encoder; not in use before it passed."""
    from kazu_platform.evaluation.splits import DEVEL, TRAIN
    from kazu_platform.training.ranking_card import (
        MadeRanker,
        counts_of_tasks,
        ranking_card,
        write_card,
    )
    from kazu_platform.training.ranking_model import ranking_tasks, train_ranking_model

    gold = gold_of(sources)
    if gold is None:
        return dg.MaterializeResult(
            metadata={"skipped": NO_GOLD}, data_version=dg.DataVersion("none")
        )
    tables, store = lake.open(), artifacts.open()
    encoder, recipe = encoder_of(store), rank_recipe(sources)
    inputs = ranker_inputs(tables, store, sources, gold)
    says = partial(context.log.info, "%s")
    facts: dict[str, int] = {}

    def make(folder: Path) -> Path:
        ground = Ground.of(tables, store)
        tasks = ranking_tasks(
            gold,
            (TRAIN, DEVEL),
            ground.identifiers,
            ground.exact,
            test_pmids=held_out_pmids(sources),
        )
        facts.update(counts_of_tasks(tasks))
        similar = similar_names_of(store, encoder, threads=artifacts.threads, says=says)
        model = train_ranking_model(
            tasks,
            ground.identifiers,
            ground.exact,
            similar=similar.artifact.content,
            encoder=encoder,
            how=recipe,
            says=says,
            threads=artifacts.threads,
        )
        made = folder / ARTIFACT
        model.write(made)
        model.write_curve(made)
        vocabularies = _vocabularies(tables, sources)
        write_card(ranking_card(MadeRanker(recipe, tasks, inputs, vocabularies), model), made)
        return made

    kept = keep(store, ARTIFACT, inputs, make, promote=False)
    card = (kept.artifact.content / CARD).read_text("utf-8")
    in_use = store.live_version(ARTIFACT) == kept.artifact.version
    return told(kept, {"card": dg.MetadataValue.md(card), "in_use": in_use, **facts})


@dataclass(frozen=True)
class Ground:
    """What is linked to: a linker by equal names over the live index, and what ids mean in it."""

    exact: ExactLinker
    identifiers: Identifiers

    @classmethod
    def of(cls, lake: Lake, store: ArtifactStore) -> "Ground":
        """As they are now.

        Raises:
            ArtifactError: there is no index.
        """
        exact = open_linker(store.live(LINKING).content)
        return cls(exact, Identifiers.of(exact.index, *(lake.read(table) for table in TABLES)))


def gold_of(sources: SourcesResource) -> Path | None:
    """The folder of corpora of the catalogue, if it names one."""
    training = sources.catalogue().training
    gold = training.linking_gold if training else None
    return local_path(gold) if gold else None


def rank_recipe(sources: SourcesResource) -> RankRecipe:
    """How the catalogue has a ranker trained."""
    return read_linking_recipe(linking_recipe_path(sources.training().linking_recipe)).rank


def held_out_pmids(sources: SourcesResource) -> frozenset[str]:
    """Documents of test sets: of them nothing is learnt, and by them nothing is chosen."""
    test_pmids, _ = held_out_files(sources.training())
    return read_held_out(test_pmids, []).pmids


def encoder_of(store: ArtifactStore) -> Path:
    """The folder of the encoder that was trained last, else that of the linking model in use."""
    if store.live_version(LINKING_MODEL):
        return store.live(LINKING_MODEL).content
    return linking_model(store)


def ranker_inputs(lake: Lake, store: ArtifactStore, sources: SourcesResource, gold: Path) -> Inputs:
    """Versions of all that the ranker of the catalogue depends on.

    Raises:
        ArtifactError: there is no index, or the encoder is damaged.
        ConfigurationError: there is no such folder of corpora, or the recipe is wrong.
    """
    from kazu_platform.training.ranking_model import RANKING_MODEL_VERSION, gold_version

    test_pmids, _ = held_out_files(sources.training())
    return {
        "code": digest(RANKER_CODE, RANKING_MODEL_VERSION, SIMILAR_CODE),
        "recipe": rank_recipe(sources).version(),
        "gold": gold_version(gold),
        "test_pmids": held_out_version(test_pmids, []),
        "encoder": read_encoder_files(encoder_of(store)).version,
        "linking": version_of(store.live(LINKING)),
        **{table.name: lake.version(table) for table in TABLES},
    }


def _vocabularies(lake: Lake, sources: SourcesResource) -> list[tuple[OntologySource, str]]:
    """Ontologies of the catalogue that are in the lake, with their versions."""
    rows = pl.DataFrame(lake.read(CONCEPTS, columns=["ontology", "ontology_version"])).unique()
    versions: Mapping[str, list[str]] = dict(
        rows.sort("ontology_version").group_by("ontology").agg("ontology_version").iter_rows()
    )
    return [
        (each, ", ".join(versions[each.name]))
        for each in sources.catalogue().ontologies
        if each.name in versions
    ]
