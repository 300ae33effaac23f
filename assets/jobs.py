"""Jobs a person launches: vocabularies, indices, one PubMed file, the graph, or all of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from assets.audits import NEWEST_FILE_IS_ANNOTATED
from assets.layers import (
    CORPUS_LAYER,
    CORPUS_OF_LABELS_LAYER,
    FILE_LAYER,
    INDEX_LAYER,
    LINKING_MODEL_LAYER,
    LISTING_LAYER,
    MAPPING_LAYER,
    MODEL_LAYER,
    REPORT_LAYER,
    VOCABULARY_LAYER,
    WEAK_LABELS_LAYER,
)
from assets.runs import (
    Failed,
    Graph,
    materialise_everything,
    replay_quarantine,
    train_everything,
)
from resources.sources import SourcesResource

UnresolvedJob = dg.JobDefinition | Any


def jobs_of(
    assets: Sequence[dg.AssetsDefinition],
    resources: Mapping[str, Any],
) -> list[UnresolvedJob]:
    """The jobs over these assets."""

    @dg.op
    def materialise_all(context: dg.OpExecutionContext, sources: SourcesResource) -> None:
        """Every ontology, index, file and table, a run for each partition."""
        summary = materialise_everything(
            Graph(assets, resources, context.instance),
            sources,
            lambda what, done, total: context.log.info("%d of %d: %s", done, total, what),
        )
        _must_be_none(summary.failed)

    @dg.job
    def whole_graph() -> None:
        """Materialise everything in order; a partition that fails does not stop the others.

        One file after the other, in one process: for a sample or a night. Launch a backfill of
        `pubmed_file` to read a baseline with many workers.
        """
        materialise_all()

    @dg.op
    def replay_documents(context: dg.OpExecutionContext) -> None:
        """Read again what was set aside, then make again what depends on it."""
        replayed, failed = replay_quarantine(Graph(assets, resources, context.instance))
        for each in replayed:
            context.log.info(
                "%s %s: %d tried, %d still set aside",
                *(each.stage, each.partition, each.tried, each.left),
            )
        _must_be_none(failed)

    @dg.job(name="replay_quarantine")
    def replay_job() -> None:
        """Try documents that were set aside once more, after a fix; the others are not read."""
        replay_documents()

    return [
        dg.define_asset_job(
            "register_files",
            LISTING_LAYER,
            description="List the PubMed and PMC folders and register their files as partitions.",
        ),
        whole_graph,
        replay_job,
        _train_job(assets, resources),
        dg.define_asset_job(
            "vocabulary",
            VOCABULARY_LAYER,
            description="Fetch and parse one ontology; launch a backfill for several.",
        ),
        dg.define_asset_job(
            "mapping_set",
            MAPPING_LAYER,
            description="Fetch and parse one mapping set; launch a backfill for several.",
        ),
        dg.define_asset_job(
            "indices",
            INDEX_LAYER,
            description="Compile the vocabularies for matching and linking.",
        ),
        dg.define_asset_job(
            "pubmed_file",
            FILE_LAYER,
            description="Fetch, parse and read one PubMed file; launch a backfill for several.",
        ),
        dg.define_asset_job(
            "graph",
            CORPUS_LAYER | dg.AssetSelection.checks(NEWEST_FILE_IS_ANNOTATED),
            description="Current citations, links, graph and warehouse.",
        ),
        dg.define_asset_job(
            "reports",
            REPORT_LAYER,
            description="What a curator should look at: conflicts between names, English words.",
        ),
        dg.define_asset_job(
            "training_corpus",
            CORPUS_OF_LABELS_LAYER,
            description="Fetch and read one corpus; launch a backfill for several.",
        ),
        dg.define_asset_job(
            "weak_labels_file",
            WEAK_LABELS_LAYER,
            description="Label the sentences of one PubMed file by a detector.",
        ),
        dg.define_asset_job(
            "model",
            MODEL_LAYER,
            description="Train the recogniser on the corpora that were read, and judge it.",
        ),
        dg.define_asset_job(
            "train_linking",
            LINKING_MODEL_LAYER,
            description="Train the linking encoder on the names of the vocabularies, the ranker on "
            "corpora whose mentions have concepts, and judge them.",
        ),
    ]


def _train_job(
    assets: Sequence[dg.AssetsDefinition], resources: Mapping[str, Any]
) -> dg.JobDefinition:
    """The job that trains the recogniser from nothing."""

    @dg.op
    def train_all(context: dg.OpExecutionContext, sources: SourcesResource) -> None:
        """Every corpus, then every stage of the model."""
        failed = train_everything(
            Graph(assets, resources, context.instance),
            sources,
            lambda what, done, total: context.log.info("%d of %d: %s", done, total, what),
        )
        _must_be_none(failed)

    @dg.job
    def train_ner() -> None:
        """Train the recogniser on all corpora of the catalogue, by its recipe, and judge it."""
        train_all()

    return train_ner


def _must_be_none(failed: Sequence[Failed]) -> None:
    """Fail a job by the name and the reason of each of its steps that failed."""
    if failed:
        lines = "\n".join(f"{each.what}: {each.why}" for each in failed)
        raise dg.Failure(f"{len(failed)} steps failed:\n{lines}", allow_retries=False)
