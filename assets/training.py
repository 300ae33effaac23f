"""What the recogniser learns from: corpora that people marked, and texts that a detector did.

Nothing of a test set is in it: documents and sentences that the catalogue holds out are left out
here, once, for every model.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
from pydantic import Field

from assets import gates
from assets.making import Events, Recipe, make
from assets.partitions import pubmed_files
from assets.plots import bars
from assets.reading import read_passages
from assets.results import OWNERS, RETRY, bad_data_is_final, definition_metadata, final_errors
from assets.sources import DOWNLOADS, progress_of
from kazu_platform.arrow import compute as arrow
from kazu_platform.documents import digest
from kazu_platform.errors import ArtifactError, ConfigurationError, UnknownNameError
from kazu_platform.execution.steps import Step
from kazu_platform.ner.packaged import Reader, model_of
from kazu_platform.ner.steps import DictionaryStep
from kazu_platform.ner.words import WORDS_VERSION
from kazu_platform.settings import WEAK_LABELLERS, Catalogue, CorpusSource, TrainingSources
from kazu_platform.storage.downloads import fetched_file, local_path
from kazu_platform.storage.lake import Staged
from kazu_platform.tables import (
    CITATIONS,
    DICTIONARY_MENTIONS,
    ENTITY_CLASSES,
    LABELLED_SENTENCES,
    QUARANTINE,
    SENTENCES,
    WEAK_LABELS,
)
from kazu_platform.training.corpora import read_corpus
from kazu_platform.training.examples import entity_classes, example_sentences
from kazu_platform.training.filters import (
    HELD_OUT_SENTENCE,
    TEST_DOCUMENT,
    Filtered,
    HeldOut,
    held_among,
    held_out_version,
    read_held_out,
    training_data,
    without_held_out,
)
from kazu_platform.training.labelling import LABELLING_VERSION
from kazu_platform.training.weak import PubTatorPredictions
from kazu_platform.training.weak import weak_labels as label
from resources.compute import ComputeResource
from resources.sources import SourcesResource
from resources.storage import ArtifactsResource, LakeResource

GROUP = "training"
CODE_VERSION = f"{LABELLING_VERSION}-{WORDS_VERSION}"
DICTIONARY, MODEL = WEAK_LABELLERS
RECOGNISED = list(ENTITY_CLASSES[:6])
REASONS = (TEST_DOCUMENT, HELD_OUT_SENTENCE)
_READ_BY = {"name", "part_of", "format", "classes", "types", "splits", "pmids"}


def corpus_files_asset(corpora: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The asset that fetches the corpora of the catalogue."""

    @dg.asset(
        partitions_def=corpora,
        group_name="sources",
        kinds={"https"},
        owners=OWNERS,
        retry_policy=RETRY,
        pool=DOWNLOADS,
        code_version="1",
    )
    def corpus_files(
        context: dg.AssetExecutionContext, sources: SourcesResource
    ) -> dg.MaterializeResult:
        """A corpus in its native format, as published; not fetched again while unchanged."""
        fetched: dict[str, str] = {}
        n_bytes = 0
        with bad_data_is_final():
            parts = sources.training().parts_of(context.partition_key)
            for part, split, file in _files(parts):
                url = f"{part.url.rstrip('/')}/{file}"
                found = sources.downloader().fetch(
                    url, sources.corpus_file(part, split), progress=progress_of(url, context.log)
                )
                fetched[f"{part.name}/{file}"] = found.sha256
                n_bytes += found.n_bytes
        return dg.MaterializeResult(
            metadata={
                "files": dg.MetadataValue.json(fetched),
                "size": f"{n_bytes:,} bytes",
                "licences": ", ".join(dict.fromkeys(part.licence for part in parts)),
            },
            data_version=dg.DataVersion(digest(*fetched, *fetched.values())),
        )

    return corpus_files


def ner_training_data_asset(corpora: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The asset that reads the corpora of the catalogue."""

    @dg.asset(
        deps=["corpus_files"],
        partitions_def=corpora,
        group_name=GROUP,
        kinds={"polars", "parquet"},
        owners=OWNERS,
        retry_policy=RETRY,
        code_version=CODE_VERSION,
        metadata=definition_metadata(LABELLED_SENTENCES),
        check_specs=[
            gates.spec(LABELLED_SENTENCES, name, text, partitions_def=corpora, blocking=blocks)
            for name, text, blocks in (
                ("keys_are_unique", "A sentence of a split stands there once.", True),
                ("nothing_held_out", "No sentence of train is one of a test or devel set.", True),
                ("marks_its_classes", "Each class of the corpus is marked somewhere.", False),
            )
        ],
    )
    @final_errors
    def ner_training_data(
        context: dg.AssetExecutionContext, sources: SourcesResource, lake: LakeResource
    ) -> Events:
        """Sentences of a corpus with the mentions that people marked; no test set is in it."""
        training, corpus = sources.training(), context.partition_key
        parts, tables = training.parts_of(corpus), lake.open()
        held_out = cache(lambda: held_out_of(training))
        filtered = cache(lambda: _filtered(parts, sources, held_out()))
        pmids = parts[0].pmids
        yield from make(
            tables,
            Recipe(
                table=LABELLED_SENTENCES,
                partition=corpus,
                inputs={
                    **_hashes(parts, sources),
                    "parts": digest(*(part.model_dump_json(include=_READ_BY) for part in parts)),
                    "held_out": held_out_version(*held_out_files(training)),
                    "code": CODE_VERSION,
                },
                rows=lambda: filtered().rows,
                gates={
                    "keys_are_unique": gates.keys_are_unique,
                    "nothing_held_out": lambda staged: _nothing_held_out(
                        staged, held_out(), pmids=pmids
                    ),
                    "marks_its_classes": _marks_its_classes,
                },
                figures=lambda: _dropped(filtered()),
                pictures=lambda: _shown(tables.read(LABELLED_SENTENCES, corpus)),
                report=lambda: {"licences": ", ".join(dict.fromkeys(p.licence for p in parts))},
            ),
        )

    return ner_training_data


class WeakLabelsConfig(dg.Config):
    """Whose labels to take."""

    detector: str = Field(
        default=DICTIONARY,
        description="dictionary, model (the one in use), or a name of the catalogue's models or of "
        "the predictions of its training block.",
    )
    classes: list[str] = Field(
        default=RECOGNISED,
        description="Classes to label: of a model those that it finds; of predictions all that "
        "they are of.",
    )


@dg.asset(
    deps=["citations", "sentences", "dictionary_index"],
    partitions_def=pubmed_files,
    group_name=GROUP,
    kinds={"parquet"},
    owners=OWNERS,
    retry_policy=RETRY,
    code_version=CODE_VERSION,
    metadata=definition_metadata(WEAK_LABELS),
    check_specs=[
        gates.spec(WEAK_LABELS, name, text, partitions_def=pubmed_files)
        for name, text in (
            ("few_set_aside", "At most one document in twenty could not be read."),
            ("keys_are_unique", "A sentence stands there once."),
            ("nothing_held_out", "No sentence is one of a test or devel set."),
        )
    ],
)
@final_errors
def weak_labels(  # noqa: PLR0913, PLR0917 - the resources that a detector may need
    context: dg.AssetExecutionContext,
    config: WeakLabelsConfig,
    lake: LakeResource,
    sources: SourcesResource,
    compute: ComputeResource,
    artifacts: ArtifactsResource,
) -> Events:
    """Sentences of a file's citations, labelled by a detector, with its probabilities."""
    tables, file = lake.open(), context.partition_key
    catalogue, training = sources.catalogue(), sources.training()
    partition, models = f"{config.detector}-{file}", [each.name for each in catalogue.models]
    if config.detector == DICTIONARY:
        folder = str(artifacts.open().live("dictionary").content)
        step = DictionaryStep(folder, WEAK_LABELS.name)
        detection = _by_step(step, _known(config.classes), compute, file)
    elif config.detector == MODEL or config.detector in models:
        detection = _by_model(_model(config.detector, artifacts, catalogue), compute, config, file)
    else:
        detection = _by_predictions(training, sources, config.detector, models)
    held_out = cache(lambda: held_out_of(training))
    found = cache(lambda: detection.find(read_passages(tables, file)))
    n_documents = tables.pointer(CITATIONS, file).n_rows

    @cache
    def filtered() -> Filtered:
        rows = label(
            found().passages,
            found().mentions,
            corpus=config.detector,
            classes=detection.classes,
            probability=detection.probability,
        )
        return without_held_out(rows, held_out())

    def few_set_aside(_staged: Staged) -> dg.AssetCheckResult:
        aside = found().set_aside.num_rows
        return gates.few_set_aside(
            WEAK_LABELS, n_documents - aside, aside, max_share=compute.max_share
        )

    def explain() -> None:
        tables.write(QUARANTINE, found().set_aside, partition=f"{WEAK_LABELS.name}/{partition}")

    yield from make(
        tables,
        Recipe(
            table=WEAK_LABELS,
            partition=partition,
            inputs={
                "corpus": config.detector,
                "citations": tables.pointer(CITATIONS, file).data_version,
                "sentences": tables.pointer(SENTENCES, file).data_version,
                "detector": detection.version,
                "classes": ",".join(detection.classes),
                "probability": str(detection.probability),
                "held_out": held_out_version(*held_out_files(training)),
                "code": CODE_VERSION,
            },
            rows=lambda: filtered().rows,
            gates={
                "few_set_aside": few_set_aside,
                "keys_are_unique": gates.keys_are_unique,
                "nothing_held_out": lambda staged: _nothing_held_out(
                    staged, held_out(), pmids=True
                ),
            },
            explain=explain,
            figures=lambda: {"documents": n_documents, **_dropped(filtered())},
            pictures=lambda: _shown(tables.read(WEAK_LABELS, partition)),
            report=lambda: {"detector": config.detector},
            after=detection.after,
        ),
    )


@dataclass(frozen=True)
class Found:
    """What a detector made of some passages: those it read, its mentions, what it could not."""

    passages: pa.Table
    mentions: pa.Table
    set_aside: pa.Table


@dataclass(frozen=True)
class Detection:
    """A detector as weak labels need it; `after` is told once they are live."""

    version: str
    classes: Sequence[str]
    find: Callable[[pa.Table], Found]
    probability: float = 1.0
    after: Callable[[], None] | None = None


def _known(classes: Sequence[str]) -> Sequence[str]:
    unknown = [name for name in classes if name not in ENTITY_CLASSES]
    if unknown:
        raise UnknownNameError.of("entity class", unknown[0], ENTITY_CLASSES)
    return classes


def _model(name: str, artifacts: ArtifactsResource, catalogue: Catalogue) -> Reader:
    """A model by its name in the catalogue, or the one in use."""
    if name != MODEL:
        return model_of(catalogue.model(name))
    model = artifacts.reader_in_use(catalogue.reader)
    if model is None:
        raise ArtifactError(
            "No model reads texts, so none can label them: none was promoted, named by the "
            "catalogue (`read_with`) or packaged, or KAZU_DETECTOR is dictionary."
        )
    return model


def _by_model(
    model: Reader, compute: ComputeResource, config: WeakLabelsConfig, file: str
) -> Detection:
    """What a model finds; where it looks for nothing, nothing is said."""
    classes = [name for name in _known(config.classes) if name in model.thresholds]
    if not classes:
        wanted, found = ", ".join(config.classes), ", ".join(model.thresholds)
        raise ConfigurationError(
            f"The model finds {found}, and {wanted or 'no class'} was to be labelled; name one "
            "that it finds."
        )
    step = model.step(device=compute.device, name=WEAK_LABELS.name)
    return _by_step(step, classes, compute, file)


def _by_step(step: Step, classes: Sequence[str], compute: ComputeResource, file: str) -> Detection:
    """What a detector finds, wherever steps run."""

    def find(passages: pa.Table) -> Found:
        mentions, set_aside = [DICTIONARY_MENTIONS.empty()], [QUARANTINE.empty()]
        for outcome in compute.run(step, [passages], file=file):
            mentions.append(outcome.rows)
            set_aside.append(outcome.set_aside)
        aside = pa.concat_tables(set_aside)
        # A document that could not be read has no mentions, which says nothing.
        is_read = arrow.invert(arrow.is_in(passages["doc_id"], value_set=_ids(aside)))
        return Found(passages.filter(is_read), pa.concat_tables(mentions), aside)

    return Detection(
        step.version,
        classes,
        find,
        after=lambda: compute.published(step, file=file),
    )


def _ids(set_aside: pa.Table) -> pa.Array:
    return set_aside["doc_id"].combine_chunks()


def _by_predictions(
    training: TrainingSources, sources: SourcesResource, name: str, models: Sequence[str]
) -> Detection:
    """What a file of the catalogue says; only documents that it knows are labelled."""
    known = [*WEAK_LABELLERS, *models, *(each.name for each in training.predictions)]
    if name not in known:
        raise UnknownNameError.of("detector", name, known)
    source = training.prediction(name)
    path = sources.prediction_file(source)
    version = sources.downloader().fetch(source.url, path).sha256
    read = cache(lambda: PubTatorPredictions(source, path))

    def find(passages: pa.Table) -> Found:
        known = read().known(passages)
        return Found(known, read().detect(known), QUARANTINE.empty())

    types = digest(*(f"{kind}\t{entity_class}" for kind, entity_class in source.types.items()))
    return Detection(f"{version}-{types}", source.classes, find, source.probability)


def _files(parts: Sequence[CorpusSource]) -> Iterator[tuple[CorpusSource, str, str]]:
    """Source, split and name of every file of a corpus."""
    for part in parts:
        for split, file in part.files.items():
            yield part, split, file


def _hashes(parts: Sequence[CorpusSource], sources: SourcesResource) -> dict[str, str]:
    return {
        f"{part.name}/{split}": fetched_file(sources.corpus_file(part, split)).sha256
        for part, split, _ in _files(parts)
    }


def _filtered(
    parts: Sequence[CorpusSource], sources: SourcesResource, held_out: HeldOut
) -> Filtered:
    """All splits of a corpus without what is held out."""
    files: dict[str, list[tuple[CorpusSource, Path]]] = {}
    for part, split, _ in _files(parts):
        files.setdefault(split, []).append((part, sources.corpus_file(part, split)))
    splits = {split: read_corpus(of_split, split) for split, of_split in files.items()}
    return training_data(splits, held_out, pmids=parts[0].pmids)


def held_out_files(training: TrainingSources) -> tuple[list[Path], list[Path]]:
    """Files of PMIDs, and places of sentences, that are held out."""
    return [local_path(url) for url in training.test_pmids], [
        local_path(url) for url in training.held_out
    ]


def held_out_of(training: TrainingSources) -> HeldOut:
    """What no model may learn from."""
    return read_held_out(*held_out_files(training))


def _nothing_held_out(staged: Staged, held_out: HeldOut, *, pmids: bool) -> dg.AssetCheckResult:
    """No sentence of train is one of a test or devel set."""
    found = held_among(staged.read(["split", "doc_id", "words"]), held_out, pmids=pmids)
    return dg.AssetCheckResult(
        passed=not found,
        asset_key=staged.table.name,
        check_name="nothing_held_out",
        description=f"{len(found)} sentences of train are held out",
        metadata={"sentences": staged.n_rows, "examples": str(found[:3])},
    )


def _marks_its_classes(staged: Staged) -> dg.AssetCheckResult:
    """Each class of the corpus is marked somewhere; else a warning: a type has another name."""
    rows = staged.read(["classes", "mentions"])
    promised = set(arrow.list_flatten(rows["classes"]).unique().to_pylist())
    missing = sorted(promised - set(entity_classes(rows).unique().to_pylist()))
    return dg.AssetCheckResult(
        passed=not missing,
        severity=dg.AssetCheckSeverity.WARN,
        asset_key=staged.table.name,
        check_name="marks_its_classes",
        description=f"nothing is marked as {', '.join(missing)}; see `types` of its catalogue entry"
        if missing
        else "each class is marked",
    )


def _dropped(filtered: Filtered) -> dict[str, float]:
    """How many sentences were left out, by reason."""
    found = {f"left_out_as_{reason}": 0.0 for reason in REASONS}
    for (_, reason), count in filtered.dropped.items():
        found[f"left_out_as_{reason}"] += count
    return found


def _shown(rows: pa.Table) -> dict[str, Any]:
    """Sentences of each split, mentions of each class, and a few to look at."""
    splits = rows["split"].combine_chunks().value_counts()
    return {
        "splits": bars(splits, "sentences"),
        "classes": bars(entity_classes(rows).value_counts(), "mentions"),
        "examples": dg.MetadataValue.md("\n\n".join(example_sentences(rows)) or "no mentions"),
    }
