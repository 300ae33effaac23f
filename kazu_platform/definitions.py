"""The Dagster code location: settings and catalogue in, definitions out. Composition only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import dagster as dg

import assets.corpus
import assets.curations
import assets.equivalents
import assets.graph
import assets.indices
import assets.linking
import assets.linking_evaluation
import assets.linking_model
import assets.linking_ranker
import assets.listing
import assets.models
import assets.promotion
import assets.reading
import assets.reports
import assets.similar
import assets.sources
import assets.training
import assets.vectors
import assets.vocabularies
import assets.warehouse
from assets.alerts import alert_sensors
from assets.audits import AUDITS
from assets.jobs import jobs_of
from assets.partitions import corpora_of, mapping_sets_of, ontologies_of
from assets.schedules import nightly_schedule
from assets.sensors import new_files_sensor
from kazu_platform.settings import Catalogue, Settings, read_settings
from resources.compute import ComputeResource
from resources.sources import SourcesResource
from resources.storage import ArtifactsResource, LakeResource, WarehouseResource
from resources.training import TrainerResource
from resources.webhook import Webhook


def build_resources(settings: Settings) -> dict[str, Any]:
    """The resources that the settings ask for, by the names that assets use."""
    local: dict[str, Any] = {
        "lake": LakeResource(root=str(settings.lake)),
        "artifacts": ArtifactsResource(
            root=str(settings.models),
            use_model=settings.detector != "dictionary",
            linker=settings.linker,
            threads=len(os.sched_getaffinity(0)),
        ),
        "warehouse_file": WarehouseResource(
            path=str(settings.warehouse), exports=str(settings.home.absolute() / "exports")
        ),
        "sources": SourcesResource(sources=settings.sources, raw=str(settings.raw)),
        "compute": build_compute(settings),
        "trainer": build_trainer(settings),
    }
    return local | _build_shared(settings, local) if settings.is_on_s3 else local


def _build_shared(settings: Settings, local: Mapping[str, Any]) -> dict[str, Any]:
    """The resources that differ where everything is kept in a bucket."""
    from dagster_aws.s3 import S3Resource

    from resources import s3

    access = S3Resource(
        endpoint_url=settings.s3_endpoint_url or None,
        region_name=settings.s3_region or None,
        profile_name=settings.s3_profile or None,
    )
    bucket = s3.BucketResource(
        s3=access,
        url=settings.storage_url or "",
        home=str(settings.home.absolute()),
        cache=str(settings.cache_folder),
        cache_bytes=settings.cache_bytes,
    )
    kinds = {
        "lake": s3.LakeOnS3,
        "warehouse_file": s3.WarehouseOnS3,
        "artifacts": s3.ArtifactsOnS3,
        "sources": s3.SourcesOnS3,
        "compute": s3.ComputeOnS3,
    }
    shared = {name: kind(bucket=bucket, **_fields(local[name])) for name, kind in kinds.items()}
    return {"s3": access, **shared}


def _fields(resource: dg.ConfigurableResource) -> dict[str, Any]:
    return {name: getattr(resource, name) for name in type(resource).model_fields}


def build_compute(settings: Settings) -> ComputeResource:
    """Where steps run, as the settings say."""
    return ComputeResource(
        mode=settings.compute_mode,
        inline_without_ray=settings.compute is None,  # who asks for Ray is not to go without
        address=settings.ray_address,
        token_path=settings.ray_token_path,
        workers=settings.workers,
        cpus=settings.worker_cpus,
        gpus=settings.worker_gpus,
        memory_mib=settings.worker_memory_mib,
        runtime_envs=settings.runtime_envs,
        batch_characters=settings.batch_characters,
        document_characters=settings.max_document_characters,
        timeout_seconds=settings.timeout_seconds,
        seconds_per_million_characters=settings.seconds_per_million_characters,
        consecutive_deaths=settings.death_budget,
        max_set_aside=settings.max_set_aside,
        max_share=settings.max_set_aside_share,
        unfinished=str(settings.unfinished),
    )


def build_trainer(settings: Settings) -> TrainerResource:
    """Where models are trained: on the cluster at an address, if steps run there, else here."""
    is_elsewhere = settings.compute_mode == "address"
    return TrainerResource(
        address=settings.ray_address if is_elsewhere else "",
        token_path=settings.ray_token_path if is_elsewhere else "",
        workers=settings.training_workers,
        cpus=settings.worker_cpus or 1.0,
        gpus=settings.worker_gpus,
        device=settings.training_device,
    )


def build_webhook(settings: Settings) -> Webhook | None:
    """Where alerts go, if anywhere."""
    address = settings.alert_webhook
    return Webhook(address.get_secret_value()) if address else None


def build_assets(catalogue: Catalogue) -> list[dg.AssetsDefinition]:
    """Every asset of the graph."""
    ontologies, mapping_sets = ontologies_of(catalogue), mapping_sets_of(catalogue)
    corpora = corpora_of(catalogue)
    return [
        assets.sources.ontology_files_asset(ontologies),
        assets.curations.curation_file,
        assets.vocabularies.vocabularies_asset(ontologies),
        assets.sources.mapping_files_asset(mapping_sets),
        assets.equivalents.concept_mappings_asset(mapping_sets),
        assets.equivalents.concept_equivalents,
        assets.reports.vocabulary_changes_asset(ontologies),
        assets.curations.curations,
        assets.indices.dictionary_index,
        assets.indices.linking_index,
        assets.similar.similar_names,
        assets.listing.published_files,
        assets.sources.pubmed_archives,
        assets.corpus.citations,
        assets.corpus.sentences,
        assets.corpus.current_citations,
        assets.reading.dictionary_mentions,
        assets.reading.model_mentions,
        assets.reading.mentions,
        assets.linking.surfaces,
        assets.vectors.surface_vectors,
        assets.linking.links,
        assets.reports.conflicts,
        assets.reports.homonyms,
        assets.graph.pair_counts,
        assets.graph.network,
        assets.graph.kgx_export,
        assets.warehouse.warehouse,
        assets.training.corpus_files_asset(corpora),
        assets.training.ner_training_data_asset(corpora),
        assets.training.weak_labels,
        assets.models.training_texts,
        assets.models.ner_encoder,
        assets.models.ner_teacher,
        assets.models.ner_general_student,
        assets.models.ner_model,
        assets.promotion.ner_evaluation,
        assets.promotion.ner_throughput,
        assets.linking_model.linking_model,
        assets.linking_ranker.linking_ranker,
        assets.linking_evaluation.linking_evaluation,
    ]


def build_definitions(
    settings: Settings, overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """Everything that Dagster loads.

    Args:
        settings: where things are and come from.
        overrides: resources to use instead, by name, such as another compute.
    """
    graph = build_assets(settings.catalogue())
    resources = build_resources(settings) | dict(overrides or {})
    jobs = jobs_of(graph, resources)
    named = {job.name: job for job in jobs}
    return dg.Definitions(
        assets=graph,
        asset_checks=AUDITS,
        jobs=jobs,
        schedules=[
            nightly_schedule(
                named["register_files"],
                time_zone=settings.nightly_time_zone,
                running=settings.nightly,
            )
        ],
        sensors=[
            new_files_sensor(
                [named["pubmed_file"], named["graph"]],
                at_most=settings.nightly_files,
                seconds=settings.sensor_seconds,
                running=settings.nightly,
            ),
            *alert_sensors(
                build_webhook(settings), settings.ui_url, seconds=settings.sensor_seconds
            ),
        ],
        resources=resources,
        # A run is a partition: its steps follow one another, and a process for each would cost
        # more than most of them do.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The code location, from the environment."""
    return build_definitions(read_settings())
