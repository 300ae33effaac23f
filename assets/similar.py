"""The names of the linking index, compiled so that similar ones are found.

A decision about a name does not wait for this: the linking index says which of the names count.
"""

from functools import partial

import dagster as dg

from assets.results import OWNERS, RETRY, bad_data_is_final
from kazu_platform.errors import ArtifactError
from kazu_platform.linking.evidence import EMBEDDED
from kazu_platform.linking.grams import GRAMS_VERSION
from kazu_platform.linking.index import open_linking_index
from kazu_platform.linking.open import (
    HYBRID,
    LINKING,
    SIMILAR,
    LazyEmbedder,
    linking_model,
)
from kazu_platform.linking.similar import FORMAT_VERSION, SimilarNames, open_similar_names
from kazu_platform.linking.similar_compile import build_similar_names
from kazu_platform.storage.artifacts import ArtifactStore
from kazu_platform.text.normalise import NORMALISER_VERSION
from resources.storage import ArtifactsResource

SIMILAR_CODE = f"1-{FORMAT_VERSION}-{GRAMS_VERSION}-{NORMALISER_VERSION}"


@dg.asset(
    deps=["linking_index"],
    group_name="vocabularies",
    kinds={"python"},
    owners=OWNERS,
    retry_policy=RETRY,
    code_version=SIMILAR_CODE,
)
@bad_data_is_final()
def similar_names(
    context: dg.AssetExecutionContext, artifacts: ArtifactsResource
) -> dg.MaterializeResult:
    """Every name that may be linked, by its letters and by its vector.

    Only names that the former version did not have are embedded.
    """
    store = artifacts.open()
    if artifacts.linker != HYBRID:
        return dg.MaterializeResult(metadata={"skipped": "Equal names alone decide (KAZU_LINKER)."})
    index = store.live(LINKING)
    embedder = LazyEmbedder(linking_model(store), threads=artifacts.threads)
    inputs = {"code": SIMILAR_CODE, "linking": index.version, "encoder": embedder.version}
    live = store.live(SIMILAR) if store.live_version(SIMILAR) else None
    facts: dict[str, int] = {}
    if live is None or dict(live.inputs) != inputs:
        with store.stage(SIMILAR) as staged:
            made = build_similar_names(
                open_linking_index(index.content),
                staged.content,
                embedder=embedder,
                embedded=EMBEDDED,
                former=_former(store),
                says=partial(context.log.info, "%s"),
            )
            live = staged.commit(inputs=inputs)
        facts = {"embedded": made.n_embedded, "kept": made.n_kept}
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(live.folder)),
            "size": f"{live.n_bytes:,} bytes",
            "inputs": dg.MetadataValue.json(dict(live.inputs)),
            **facts,
        },
        data_version=dg.DataVersion(live.version),
    )


def _former(store: ArtifactStore) -> SimilarNames | None:
    """What is live, for its vectors, if this version can read it."""
    try:
        return open_similar_names(store.live(SIMILAR).content)
    except ArtifactError:
        return None
