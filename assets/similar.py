"""The names of the linking index, compiled so that similar ones are found.

A decision about a name does not wait for this: the linking index says which of the names count.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg

from assets.learning import version_with
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
from kazu_platform.storage.artifacts import Artifact, ArtifactStore
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
    made = similar_names_of(
        store, linking_model(store), threads=artifacts.threads, says=partial(context.log.info, "%s")
    )
    live = made.artifact
    if store.live_version(SIMILAR) != live.version:
        store.promote(SIMILAR, live.version)
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(live.folder)),
            "size": f"{live.n_bytes:,} bytes",
            "inputs": dg.MetadataValue.json(dict(live.inputs)),
            **made.facts,
        },
        data_version=dg.DataVersion(live.version),
    )


@dataclass(frozen=True)
class Similar:
    """A version of similar names; `facts` say how many were embedded for it, if it is new."""

    artifact: Artifact
    facts: dict[str, Any]


def similar_names_of(
    store: ArtifactStore, encoder: Path, *, threads: int, says: Callable[[str], None]
) -> Similar:
    """The similar names of the live linking index, with vectors of an encoder; not promoted.

    A version that there is already is used.

    Raises:
        ArtifactError: there is no index, or the encoder is damaged or of another version.
    """
    index = store.live(LINKING)
    embedder = LazyEmbedder(encoder, threads=threads)
    inputs = {"code": SIMILAR_CODE, "linking": index.version, "encoder": embedder.version}
    found = version_with(store, SIMILAR, inputs)
    if found is not None:
        return Similar(found, {})
    with store.stage(SIMILAR) as staged:
        made = build_similar_names(
            open_linking_index(index.content),
            staged.content,
            embedder=embedder,
            embedded=EMBEDDED,
            former=_former(store, embedder.version),
            says=says,
        )
        artifact = staged.commit(inputs=inputs, promote=False)
    return Similar(artifact, {"embedded": made.n_embedded, "kept": made.n_kept})


def _former(store: ArtifactStore, encoder_version: str) -> SimilarNames | None:
    """The newest version with vectors of an encoder that this version of the platform can read."""
    for version in reversed(store.versions(SIMILAR)):
        try:
            found = open_similar_names(store.version(SIMILAR, version).content)
        except ArtifactError:
            continue
        if found.manifest.encoder_version == encoder_version:
            return found
    return None
