"""The recogniser, stage by stage: texts, an encoder, a teacher, its students, a model folder.

Data and recipe are those of the catalogue's `training:` block. `kazu-platform demo` makes none of
this; the job `train_ner` makes all of it.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa

from assets.learning import (
    CODE_VERSION,
    ENCODER,
    GENERAL,
    MODEL,
    TEACHER,
    TEXTS,
    corpora_of,
    data_versions,
    keep,
    read_json,
    recipe_of,
    told,
    version_of,
    weak_partitions,
)
from assets.results import OWNERS, RETRY, bad_data_is_final
from assets.sources import progress_of
from assets.training import GROUP, held_out_files, held_out_of
from kazu_platform.arrow import compute
from kazu_platform.errors import ConfigurationError, MissingPartitionError
from kazu_platform.settings import CorpusSource
from kazu_platform.storage.artifacts import Artifact, ArtifactStore
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import LABELLED_SENTENCES, WEAK_LABELS
from kazu_platform.training.filters import held_out_version, read_held_out
from kazu_platform.training.recipe import Recipe
from kazu_platform.training.texts import TEXTS_VERSION, texts_without_held_out, unlabelled_sentences
from resources.sources import SourcesResource
from resources.storage import ArtifactsResource, LakeResource
from resources.training import TrainerResource

if TYPE_CHECKING:
    from kazu_platform.training.devel import DevelSet

POOL = "training"
TRAIN, DEVEL = "train", "devel"
EXAMPLES = 5
_RECORD = "record.json"
stage = partial(
    dg.asset,
    group_name=GROUP,
    owners=OWNERS,
    retry_policy=RETRY,
    pool=POOL,
    code_version=CODE_VERSION,
)
"""The decorator of an asset that trains."""


@dg.asset(
    group_name=GROUP,
    kinds={"https", "parquet"},
    owners=OWNERS,
    retry_policy=RETRY,
    code_version=TEXTS_VERSION,
)
@bad_data_is_final()
def training_texts(
    context: dg.AssetExecutionContext, sources: SourcesResource, artifacts: ArtifactsResource
) -> dg.MaterializeResult:
    """Texts without labels to learn the language from; none of a test document."""
    training, downloader = sources.training(), sources.downloader()
    files: list[tuple[str, Path, str]] = []
    inputs = {
        "code": TEXTS_VERSION,
        "held_out": held_out_version(*held_out_files(training)),
    }
    for each in training.text:
        found = downloader.fetch(
            each.url, sources.text_file(each), progress=progress_of(each.url, context.log)
        )
        files.append((each.name, found.path, each.format))
        inputs |= {f"text/{each.name}": f"{found.sha256} {each.format}"}

    def make(folder: Path) -> Path:
        from kazu_platform.training.orders import write_texts_file

        texts, dropped = texts_without_held_out(files, held_out_of(training))
        context.log.info("%d texts; left out: %s", texts.num_rows, dropped)
        return write_texts_file(texts, folder).parent

    return told(
        keep(artifacts.open(), TEXTS, inputs, make),
        {"licences": ", ".join(dict.fromkeys(each.licence for each in training.text))},
    )


@stage(
    deps=[TEXTS, "ner_training_data"],
    kinds={"pytorch"},
)
@bad_data_is_final()
def ner_encoder(
    context: dg.AssetExecutionContext,
    sources: SourcesResource,
    lake: LakeResource,
    artifacts: ArtifactsResource,
    trainer: TrainerResource,
) -> dg.MaterializeResult:
    """An encoder with a vocabulary of its own, adapted to the texts."""
    recipe, corpora = recipe_of(sources), corpora_of(sources)
    tables, store = lake.open(), artifacts.open()
    texts = _texts(store, recipe, needed=recipe.adapt is not None)
    inputs = {
        "code": CODE_VERSION,
        "recipe": recipe.part("encoder"),
        "texts": version_of(texts),
        **data_versions(tables, corpora),
    }

    def make(folder: Path) -> Path:
        from kazu_platform.training.orders import Order, texts_file, write_rows

        rows = write_rows(_labelled(tables, corpora, TRAIN), folder, TRAIN)
        order = Order("encoder", recipe, folder, rows=rows, texts=texts_file(texts.content))
        trainer.carry_out(order, context.log.info)
        return order.made

    return told(keep(store, ENCODER, inputs, make), {})


@stage(
    deps=[ENCODER, "ner_training_data"],
    kinds={"pytorch"},
)
@bad_data_is_final()
def ner_teacher(
    context: dg.AssetExecutionContext,
    sources: SourcesResource,
    lake: LakeResource,
    artifacts: ArtifactsResource,
    trainer: TrainerResource,
) -> dg.MaterializeResult:
    """The encoder, taught to tag; corpora that disagree have labels of their own."""
    recipe, corpora = recipe_of(sources), corpora_of(sources)
    tables, store = lake.open(), artifacts.open()
    encoder = store.live(ENCODER)
    inputs = {
        "code": CODE_VERSION,
        "recipe": recipe.part("teacher"),
        "encoder": version_of(encoder),
        **data_versions(tables, corpora),
    }
    devel = _labelled(tables, corpora, DEVEL)

    def make(folder: Path) -> Path:
        from kazu_platform.training.orders import Order, write_rows

        rows = write_rows(_labelled(tables, corpora, TRAIN), folder, TRAIN)
        seen = write_rows(devel, folder, DEVEL)
        order = Order("teacher", recipe, folder, rows=rows, source=encoder.content, devel=seen)
        trainer.carry_out(order, context.log.info)
        return order.made

    kept = keep(store, TEACHER, inputs, make)
    return told(kept, _figures_of_labels(kept.artifact, recipe, devel) if kept.is_new else {})


@stage(
    deps=[ENCODER, TEXTS],
    kinds={"pytorch"},
)
@bad_data_is_final()
def ner_general_student(
    context: dg.AssetExecutionContext,
    sources: SourcesResource,
    artifacts: ArtifactsResource,
    trainer: TrainerResource,
) -> dg.MaterializeResult:
    """Stage 1 of distillation: a shallow encoder that sees texts as the deep one does."""
    recipe, store = recipe_of(sources), artifacts.open()
    if recipe.general is None:
        why = "the recipe has no `general`: the student begins as layers of its teacher"
        return dg.MaterializeResult(metadata={"made": why}, data_version=dg.DataVersion("none"))
    encoder, texts = store.live(ENCODER), _texts(store, recipe, needed=True)
    inputs = {
        "code": CODE_VERSION,
        "recipe": recipe.part("general"),
        "encoder": version_of(encoder),
        "texts": version_of(texts),
    }

    def make(folder: Path) -> Path:
        from kazu_platform.training.orders import Order, texts_file

        read = texts_file(texts.content)
        order = Order("general", recipe, folder, texts=read, source=encoder.content)
        trainer.carry_out(order, context.log.info)
        return order.made

    return told(keep(store, GENERAL, inputs, make), {})


@stage(
    deps=[TEACHER, GENERAL, TEXTS, "ner_training_data", "weak_labels"],
    kinds={"pytorch", "onnx"},
)
@bad_data_is_final()
def ner_model(
    context: dg.AssetExecutionContext,
    sources: SourcesResource,
    lake: LakeResource,
    artifacts: ArtifactsResource,
    trainer: TrainerResource,
) -> dg.MaterializeResult:
    """Stage 2 of distillation: the student, exported with its card; not in use before it passed."""
    from kazu_platform.training.card import Made, write_model
    from kazu_platform.training.devel import figures_to_markdown, mistakes_to_markdown
    from kazu_platform.training.orders import Order, write_rows

    tables, store, recipe = lake.open(), artifacts.open(), recipe_of(sources)
    inputs = model_inputs(tables, store, sources, recipe)
    training, corpora = sources.training(), corpora_of(sources)
    teacher, general = store.live(TEACHER), _general(store, recipe)
    facts: dict[str, Any] = {}

    def make(folder: Path) -> Path:
        rows = write_rows(_learnt(tables, store, corpora, recipe), folder, TRAIN)
        seen = write_rows(_labelled(tables, corpora, DEVEL), folder, DEVEL)
        order = Order(
            "student",
            recipe,
            folder,
            rows=rows,
            source=teacher.content,
            general=general.content if general else None,
            devel=seen,
        )
        trainer.carry_out(order, context.log.info)
        sets = devel_sets(sources)
        stages = {
            ENCODER: store.live(ENCODER).content,
            TEACHER: teacher.content,
            **({GENERAL: general.content} if general else {}),
            MODEL: order.made,
        }
        records = {k: v for name, each in stages.items() for k, v in _records(name, each).items()}
        model = folder / MODEL
        made = Made(recipe, records, inputs, training.corpora, training.text, sets)
        evaluations = write_model(order.made, model, made)
        for name in (_RECORD, "curve.jsonl"):
            (model / name).write_bytes((order.made / name).read_bytes())
        facts["figures"] = dg.MetadataValue.md(figures_to_markdown(evaluations))
        mistakes = mistakes_to_markdown(sets, evaluations, most=EXAMPLES)
        facts["mistakes"] = dg.MetadataValue.md(mistakes)
        return model

    kept = keep(store, MODEL, inputs, make, promote=False)
    card = (kept.artifact.content / "MODEL_CARD.md").read_text("utf-8")
    return told(kept, {"card": dg.MetadataValue.md(card), **facts})


def _records(name: str, folder: Path) -> dict[str, Any]:
    """The record of a stage, and those of its parts: of a teacher its members."""
    parts = {f"{name}/{path.parent.name}": path for path in sorted(folder.glob(f"*/{_RECORD}"))}
    return {each: read_json(path) for each, path in {name: folder / _RECORD, **parts}.items()}


def model_inputs(
    lake: Lake, store: ArtifactStore, sources: SourcesResource, recipe: Recipe
) -> dict[str, str]:
    """Versions of all that the model of the catalogue depends on.

    Raises:
        ArtifactError: a stage before was not made; says what to materialise.
        MissingPartitionError: a corpus, or the weak labels that the recipe asks for, was not.
    """
    from kazu_platform.training.export import export_version

    weak = weak_partitions(lake, recipe.student.weak)
    for name in recipe.student.weak:
        if not weak_partitions(lake, [name]):
            raise MissingPartitionError(
                f"The recipe learns from weak labels of {name!r} and there are none; materialise "
                "weak_labels for some PubMed files."
            )
    general = _general(store, recipe)
    return {
        "code": CODE_VERSION,
        "recipe": recipe.part("student"),
        "export": export_version(),
        "teacher": version_of(store.live(TEACHER)),
        "general": version_of(general) if general else "none",
        **({"texts": version_of(store.live(TEXTS))} if recipe.student.sentences else {}),
        **data_versions(lake, corpora_of(sources), weak),
    }


def devel_files(
    corpora: Sequence[CorpusSource], sources: SourcesResource
) -> list[tuple[CorpusSource, Path]]:
    """Sources that have a devel split, with the file of it."""
    return [(e, sources.corpus_file(e, DEVEL)) for e in corpora if DEVEL in e.files]


def devel_sets(sources: SourcesResource) -> "list[DevelSet]":
    """The devel sets of the catalogue, without documents of test sets."""
    from kazu_platform.training.devel import read_devel_sets

    training = sources.training()
    test_pmids, _ = held_out_files(training)
    held_out = read_held_out(test_pmids, [])
    return read_devel_sets(devel_files(training.corpora, sources), held_out.pmids)


def _labelled(lake: Lake, corpora: Sequence[str], split: str) -> pa.Table:
    rows = lake.read(LABELLED_SENTENCES, corpora)
    return rows.filter(compute.equal(rows["split"], split))


def _learnt(lake: Lake, store: ArtifactStore, corpora: Sequence[str], recipe: Recipe) -> pa.Table:
    """What a student learns from: what people marked, and whatever more its recipe asks for."""
    parts = [_labelled(lake, corpora, TRAIN)]
    if weak := weak_partitions(lake, recipe.student.weak):
        parts.append(lake.read(WEAK_LABELS, weak))
    if recipe.student.sentences:
        from kazu_platform.training.orders import read_texts_file, texts_file

        texts = read_texts_file(texts_file(_texts(store, recipe, needed=True).content))
        n, seed = recipe.student.sentences, recipe.seed
        parts.append(unlabelled_sentences(texts, n, seed=seed))
    return pa.concat_tables(parts)


def _texts(store: ArtifactStore, recipe: Recipe, *, needed: bool) -> Artifact:
    """The texts; where a stage trains on them, there must be some."""
    found = store.live(TEXTS)
    if needed and not any(name.startswith("text/") for name in found.inputs):
        which = next(
            name
            for name, asks in (
                ("adapt", recipe.adapt),
                ("general", recipe.general),
                ("student.sentences", recipe.student.sentences),
            )
            if asks
        )
        raise ConfigurationError(
            f"The recipe has {which!r}, which reads texts, and the catalogue has none; list some "
            "under `text:` in its training block, or take another recipe."
        )
    return found


def _general(store: ArtifactStore, recipe: Recipe) -> Artifact | None:
    return store.live(GENERAL) if recipe.general is not None else None


def _figures_of_labels(teacher: Artifact, recipe: Recipe, devel: pa.Table) -> dict[str, Any]:
    """What a teacher says of devel, label by label."""
    if not devel.num_rows:
        return {}
    from kazu_platform.training.scoring import to_markdown
    from kazu_platform.training.stages import scores_of

    scores = scores_of(teacher.content, devel, recipe.teacher.own_labels)
    return {"figures": dg.MetadataValue.md(to_markdown(scores))}
