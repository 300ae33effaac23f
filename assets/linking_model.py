"""The linking encoder: trained from the names of the catalogue's vocabularies, and exported.

How is in the catalogue's `training.linking_recipe`. `kazu-platform demo` does not make it; the job
`train_linking` does.
"""

from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa

from assets.learning import (
    ENCODER,
    GENERAL,
    LINKING_MODEL,
    Inputs,
    keep,
    read_json,
    told,
    version_of,
)
from assets.models import POOL
from assets.partitions import live_ontologies
from assets.results import OWNERS, RETRY, bad_data_is_final
from assets.training import GROUP
from kazu_platform.documents import digest
from kazu_platform.errors import MissingPartitionError
from kazu_platform.ner.pieces import PIECES_VERSION
from kazu_platform.ner.words import WORDS_VERSION
from kazu_platform.settings import OntologySource
from kazu_platform.storage.artifacts import Artifact
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import CONCEPT_EQUIVALENTS, SYNONYMS
from kazu_platform.training.linking_recipe import (
    LINKING_RECIPE_VERSION,
    LinkingRecipe,
    linking_recipe_path,
    read_linking_recipe,
)
from resources.sources import SourcesResource
from resources.storage import ArtifactsResource, LakeResource
from resources.training import TrainerResource

LINKING_CODE = f"{LINKING_RECIPE_VERSION}-{WORDS_VERSION}-{PIECES_VERSION}"
_RECORD, _CARD = "record.json", "MODEL_CARD.md"
_BESIDE = (_RECORD, "curve.jsonl", "retrieval.json")


@dg.asset(
    deps=["synonyms", "concept_equivalents", ENCODER, GENERAL],
    group_name=GROUP,
    kinds={"pytorch", "onnx"},
    owners=OWNERS,
    retry_policy=RETRY,
    pool=POOL,
    code_version=LINKING_CODE,
)
@bad_data_is_final()
def linking_model(
    context: dg.AssetExecutionContext,
    sources: SourcesResource,
    lake: LakeResource,
    artifacts: ArtifactsResource,
    trainer: TrainerResource,
) -> dg.MaterializeResult:
    """An encoder that puts names of one concept together, learnt from the vocabularies."""
    from kazu_platform.training.alignment_order import AlignmentOrder, read_retrieval, write_names
    from kazu_platform.training.linking_export import MadeEncoder, write_encoder
    from kazu_platform.training.retrieval import Held, figures_to_markdown

    recipe = read_linking_recipe(linking_recipe_path(sources.training().linking_recipe))
    tables, store = lake.open(), artifacts.open()
    ontologies = _ontologies(tables, sources)
    start = store.live(recipe.encoder) if recipe.encoder else None
    inputs = _inputs(tables, recipe, ontologies, start)
    facts: dict[str, Any] = {}

    def make(folder: Path) -> Path:
        names = _names(tables, ontologies, recipe)
        file = write_names(names, folder)
        order = AlignmentOrder(recipe, folder, file, start.content if start else None)
        trainer.carry_out(order, context.log.info)
        measure = recipe.measure
        held = Held.of(names, queries=measure.queries, index=measure.names)
        figures = read_retrieval(order.made)
        made = MadeEncoder(recipe, inputs, figures, ontologies)
        shipped = write_encoder(order.made, folder / LINKING_MODEL, made, held)
        for name in _BESIDE:
            (folder / LINKING_MODEL / name).write_bytes((order.made / name).read_bytes())
        figures = {**figures, "as shipped": shipped}
        facts["figures"] = dg.MetadataValue.md(figures_to_markdown(figures))
        return folder / LINKING_MODEL

    kept = keep(store, LINKING_MODEL, inputs, make)
    content = kept.artifact.content
    card = dg.MetadataValue.md((content / _CARD).read_text("utf-8"))
    return told(kept, {"card": card, "names": read_json(content / _RECORD)["n_names"], **facts})


def _ontologies(lake: Lake, sources: SourcesResource) -> list[OntologySource]:
    """Those of the catalogue whose names are in the lake.

    Raises:
        MissingPartitionError: there is none.
    """
    live = set(live_ontologies(lake, SYNONYMS, sources.catalogue()))
    if not live:
        raise MissingPartitionError(
            "There is no vocabulary to learn from; materialise synonyms for some ontologies."
        )
    return [each for each in sources.catalogue().ontologies if each.name in live]


def _inputs(
    lake: Lake, recipe: LinkingRecipe, ontologies: list[OntologySource], start: Artifact | None
) -> Inputs:
    from kazu_platform.training.alignment_names import NAMES_VERSION
    from kazu_platform.training.export import export_version
    from kazu_platform.training.linking_export import LINKING_EXPORT_VERSION

    return {
        "recipe": recipe.version(),
        "names": NAMES_VERSION,
        "export": digest(export_version(), LINKING_EXPORT_VERSION),
        "start": version_of(start) if start else "none",
        "equivalents": lake.version(CONCEPT_EQUIVALENTS),
        **{
            f"{SYNONYMS.name}/{each.name}": lake.pointer(SYNONYMS, each.name).data_version
            for each in ontologies
        },
    }


def _names(lake: Lake, ontologies: list[OntologySource], recipe: LinkingRecipe) -> pa.Table:
    """The names that the vocabularies give to their concepts."""
    from kazu_platform.training.alignment_names import COLUMNS, alignment_names

    rows = lake.read(SYNONYMS, [each.name for each in ontologies], list(COLUMNS))
    equivalents = lake.read(CONCEPT_EQUIVALENTS)
    return alignment_names(rows, equivalents, held_out=recipe.measure.held_out)
