"""Whether the new model may be used: it is measured beside the one in use, then promoted or not."""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.learning import MODEL, recipe_of, version_with
from assets.making import Events, pass_gates, record
from assets.models import EXAMPLES, devel_files, devel_sets, model_inputs
from assets.results import OWNERS, RETRY, final_errors
from assets.training import GROUP, held_out_files
from kazu_platform.documents import digest
from kazu_platform.errors import ArtifactError, ConfigurationError, OtherVersionError
from kazu_platform.evaluation.figures import evaluation_rows
from kazu_platform.evaluation.ner import Evaluation
from kazu_platform.evaluation.promotion import Verdict, compare
from kazu_platform.ner.model_files import DESCRIPTION, FORMAT_VERSION
from kazu_platform.ner.pieces import PIECES_VERSION
from kazu_platform.ner.words import WORDS_VERSION
from kazu_platform.storage.artifacts import Artifact, ArtifactStore
from kazu_platform.storage.downloads import fetched_file
from kazu_platform.storage.lake import Lake
from kazu_platform.storage.pointers import POINTER
from kazu_platform.tables import EVALUATIONS, PARTITION_METRICS
from kazu_platform.training.filters import held_out_version
from resources.sources import SourcesResource
from resources.storage import ArtifactsResource, LakeResource

if TYPE_CHECKING:
    from kazu_platform.ner.model import ModelDetector

EVALUATION, THROUGHPUT, GATE = "ner_evaluation", "ner_throughput", "loses_no_f1"
EVALUATION_VERSION = "1"
BATCH_SIZES = (1, 32)
MOST_SENTENCES = 200


@dg.asset(
    deps=[MODEL],
    group_name=GROUP,
    kinds={"python"},
    owners=OWNERS,
    retry_policy=RETRY,
    code_version=EVALUATION_VERSION,
    check_specs=[
        dg.AssetCheckSpec(
            GATE,
            asset=EVALUATION,
            description="On no devel set F1 is lost beyond the paired bootstrap interval.",
            blocking=True,
        )
    ],
)
@final_errors
def ner_evaluation(
    sources: SourcesResource, lake: LakeResource, artifacts: ArtifactsResource
) -> Events:
    """Measures the new model and the one in use on the same devel sets, and promotes it or not."""
    tables, store = lake.open(), artifacts.open()
    candidate = _candidate(tables, store, sources)
    inputs = {"candidate": candidate.version, "code": EVALUATION_VERSION} | _devel(sources)
    live = tables.live(EVALUATIONS, MODEL)
    if (
        live is not None
        and dict(live.inputs) == inputs
        and store.live_version(MODEL) == candidate.version
    ):
        why = "in use since it passed"
        yield dg.AssetCheckResult(
            passed=True, asset_key=EVALUATION, check_name=GATE, description=why
        )
        yield _told(candidate, {"unchanged": True})
        return
    refuse_taken_back(store, MODEL, candidate)
    new, old, mistakes = _measured(candidate, folder_in_use(artifacts, candidate), sources)
    rows = evaluation_rows([*new, *old], stage=MODEL)
    tables.write(EVALUATIONS, rows, partition=MODEL, inputs=inputs)
    verdict = _verdict(new, old)
    shown = {
        "verdict": verdict.description,
        "comparison": dg.MetadataValue.md(verdict.to_markdown()),
        "mistakes": dg.MetadataValue.md(mistakes),
    }
    yield from pass_gates([gate_of(verdict, EVALUATION, GATE)])
    store.promote(MODEL, candidate.version)
    yield _told(candidate, shown | {"unchanged": False})


@dg.asset(
    deps=[MODEL],
    group_name=GROUP,
    kinds={"onnx"},
    owners=OWNERS,
    retry_policy=RETRY,
    code_version=EVALUATION_VERSION,
)
@final_errors
def ner_throughput(
    sources: SourcesResource, lake: LakeResource, artifacts: ArtifactsResource
) -> Events:
    """Sentences per second of the new model, from text to mentions, on one core."""
    tables, store = lake.open(), artifacts.open()
    candidate = _candidate(tables, store, sources)
    rows = _measured_before(tables, candidate)
    facts: dict[str, Any] = {each["metric"]: each["value"] for each in rows}
    if not rows:
        facts = _measure_throughput(tables, candidate, sources)
    yield _told(candidate, facts | {"unchanged": bool(rows)})


def _candidate(lake: Lake, store: ArtifactStore, sources: SourcesResource) -> Artifact:
    """The model that the catalogue's data and recipe give now.

    Raises:
        ArtifactError: it was not made.
    """
    found = version_with(store, MODEL, model_inputs(lake, store, sources, recipe_of(sources)))
    if found is None:
        raise ArtifactError(
            f"There is no {MODEL} of the data and the recipe as they are now; materialise {MODEL}."
        )
    return found


def refuse_taken_back(store: ArtifactStore, name: str, candidate: Artifact) -> None:
    """A model that a person took back is not promoted again by itself.

    Raises:
        ArtifactError: it was; says how it comes back.
    """
    if candidate.version in store.in_use(name).taken_back:
        raise ArtifactError(
            f"{name} {candidate.version} was taken back, and the data and the recipe give no other "
            f"one. To use it again: kazu-platform release promote {name} {candidate.version}"
        )


def folder_in_use(artifacts: ArtifactsResource, candidate: Artifact) -> Path | None:
    """Folder of the model in use, if it is another one: the promoted one, else what came along.

    Raises:
        ArtifactError: the promoted one is damaged.
    """
    store = artifacts.open()
    version = store.live_version(MODEL)
    if version == candidate.version:
        return None
    if version is not None:
        return whole(store, MODEL).content
    own = artifacts.model_in_use()
    return own.folder if own else None


def _devel(sources: SourcesResource) -> dict[str, str]:
    """Versions of the devel sets, and of the test documents that are left out of them."""
    test_pmids, _ = held_out_files(sources.training())
    return {"test_pmids": held_out_version(test_pmids, [])} | {
        f"devel/{source.name}": digest(
            fetched_file(path).sha256,
            source.model_dump_json(include={"format", "classes", "types"}),
        )
        for source, path in devel_files(sources.training().corpora, sources)
    }


def _measured(
    candidate: Artifact, in_use: Path | None, sources: SourcesResource
) -> tuple[Sequence[Evaluation], Sequence[Evaluation], str]:
    """Figures of both models, and frequent mistakes of the new one."""
    from kazu_platform.ner.model import open_model
    from kazu_platform.training.devel import evaluate_devel, mistakes_to_markdown

    sets = devel_sets(sources)
    if not sets:
        raise ConfigurationError(
            "No corpus of the catalogue has a devel split with more than test documents, so no "
            "model can be measured; give one."
        )
    new, old = open_model(candidate.content), open_in_use(in_use) if in_use else None
    # A class that only one of them looks for is one of which the other finds nothing.
    classes = {*new.classes, *(old.classes if old else ())}
    of_new = evaluate_devel(sets, new, classes)
    of_old = evaluate_devel(sets, old, classes) if old else []
    return of_new, of_old, mistakes_to_markdown(sets, of_new, most=EXAMPLES)


def open_in_use(folder: Path) -> "ModelDetector | None":
    """The model in use, to compare with; none if this version of the platform cannot read it.

    Raises:
        ArtifactError: it is damaged, so that nobody knows what would be lost; says what to do.
    """
    from kazu_platform.ner.model import open_model

    if _is_of_another_version(folder / DESCRIPTION):
        return None
    with damage_is_said(MODEL):
        return open_model(folder)


def whole(store: ArtifactStore, name: str) -> Artifact:
    """What is promoted, looked at file by file.

    Raises:
        ArtifactError: it is damaged; says what to do.
    """
    with damage_is_said(name):
        promoted = store.live(name)
        promoted.verify()
    return promoted


@contextmanager
def damage_is_said(name: str) -> Generator[None]:
    """Say what else can be done where the model in use, an artifact of that name, is damaged."""
    try:
        yield
    except OtherVersionError:
        raise
    except ArtifactError as error:
        raise ArtifactError(
            f"The model in use is damaged, so none can be compared with it: {error} Or promote "
            f"another version of {name}, or delete its {POINTER} to begin anew."
        ) from error


def _is_of_another_version(description: Path) -> bool:
    """Whether a model's description is whole, and tells of other rules than those of today."""
    try:
        found: Any = json.loads(description.read_bytes())
    except (OSError, ValueError):
        return False
    read = {
        "format_version": FORMAT_VERSION,
        "words_version": WORDS_VERSION,
        "pieces_version": PIECES_VERSION,
    }
    known = isinstance(found, dict) and found.keys() >= read.keys()
    return known and any(found[key] != version for key, version in read.items())


def _verdict(new: Sequence[Evaluation], old: Sequence[Evaluation]) -> Verdict:
    """What the new model lost and gained."""
    from kazu_platform.training.devel import counts_of

    return compare(counts_of(new), counts_of(old) if old else None)


def gate_of(verdict: Verdict, asset: str, check: str) -> dg.AssetCheckResult:
    """A verdict as the result of a check."""
    return dg.AssetCheckResult(
        passed=verdict.passed,
        asset_key=asset,
        check_name=check,
        description=f"{verdict.description}; the model in use stays"
        if not verdict.passed
        else verdict.description,
        metadata={"comparison": dg.MetadataValue.md(verdict.to_markdown())},
    )


def _told(candidate: Artifact, facts: dict[str, Any]) -> dg.MaterializeResult:
    return dg.MaterializeResult(
        metadata={"model": dg.MetadataValue.path(str(candidate.folder)), **facts},
        data_version=dg.DataVersion(candidate.version),
    )


def _measured_before(lake: Lake, candidate: Artifact) -> list[dict[str, Any]]:
    """What was measured of this very model."""
    partition = f"{THROUGHPUT}/{MODEL}"
    if lake.live(PARTITION_METRICS, partition) is None:
        return []
    rows: list[dict[str, Any]] = lake.read(PARTITION_METRICS, partition).to_pylist()
    return [row for row in rows if row["version"] == candidate.version]


def _measure_throughput(
    lake: Lake, candidate: Artifact, sources: SourcesResource
) -> dict[str, float]:
    import time

    from kazu_platform.evaluation.throughput import measure_throughput
    from kazu_platform.ner.model import open_model
    from kazu_platform.training.devel import passages_of_sentences, some_sentences

    started = time.perf_counter()
    texts = some_sentences(devel_sets(sources), MOST_SENTENCES)
    model = open_model(candidate.content)
    figures: dict[str, float] = {"sentences": float(len(texts))}
    for size in BATCH_SIZES:
        measured = measure_throughput(
            model, texts, passages_of_sentences, batch_size=size, model=model
        )
        alone = measured.model_sentences_per_second
        figures[f"sentences_per_second_batch_{size}"] = measured.sentences_per_second
        figures |= {f"network_alone_batch_{size}": alone} if alone else {}
    return record(lake, THROUGHPUT, MODEL, started, figures, candidate.version)
