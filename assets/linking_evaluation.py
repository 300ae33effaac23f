"""Whether the new linking model may be used: measured beside the one in use, promoted or not.

Both link the same devel mentions over the live index, each with similar names of its own encoder.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.learning import version_with
from assets.linking_ranker import (
    NO_GOLD,
    Ground,
    gold_of,
    held_out_pmids,
    ranker_inputs,
)
from assets.making import Events, pass_gates
from assets.models import EXAMPLES
from assets.promotion import damage_is_said, gate_of, refuse_taken_back, whole
from assets.results import OWNERS, RETRY, final_errors
from assets.similar import similar_names_of
from assets.training import GROUP
from kazu_platform.errors import ArtifactError, OtherVersionError
from kazu_platform.evaluation.linkers import OwnLinker
from kazu_platform.evaluation.promotion import Verdict, compare
from kazu_platform.linking.open import ARTIFACT, PACKAGED, SIMILAR, open_hybrid
from kazu_platform.storage.artifacts import Artifact, ArtifactStore
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import EVALUATIONS
from resources.sources import SourcesResource
from resources.storage import ArtifactsResource, LakeResource

if TYPE_CHECKING:
    from kazu_platform.evaluation.linking import LinkingEvaluation, LinkingTask

EVALUATION, GATE = "linking_evaluation", "loses_no_accuracy"
LINKING_EVALUATION_VERSION = "2"
MEASURE = "accuracy at 1"
PLATFORM = "platform"
"""What `evaluate linking` calls the linker by a model, too."""


@dg.asset(
    deps=[ARTIFACT],
    group_name=GROUP,
    kinds={"python"},
    owners=OWNERS,
    retry_policy=RETRY,
    code_version=LINKING_EVALUATION_VERSION,
    check_specs=[
        dg.AssetCheckSpec(
            GATE,
            asset=EVALUATION,
            description="On no devel set accuracy is lost beyond the paired bootstrap interval.",
            blocking=True,
        )
    ],
)
@final_errors
def linking_evaluation(
    context: dg.AssetExecutionContext,
    sources: SourcesResource,
    lake: LakeResource,
    artifacts: ArtifactsResource,
) -> Events:
    """Measures the new linking model and the one in use on the same mentions; may promote it."""
    gold = gold_of(sources)
    if gold is None:
        yield _passed("there is nothing to measure")
        yield dg.MaterializeResult(
            metadata={"skipped": NO_GOLD}, data_version=dg.DataVersion("none")
        )
        return
    tables, store = lake.open(), artifacts.open()
    candidate = _candidate(tables, store, sources, gold)
    inputs = {"candidate": candidate.version, "code": LINKING_EVALUATION_VERSION}
    if _is_in_use(tables, store, candidate, inputs):
        yield _passed("in use since it passed")
        yield _told(candidate, {"unchanged": True})
        return
    refuse_taken_back(store, ARTIFACT, candidate)
    measuring = Measuring.of(gold, tables, store, sources, artifacts.threads, context.log.info)
    similar, new = measuring.measured(candidate.content)
    old = measuring.in_use(candidate)
    rows = _rows(new, old)
    tables.write(EVALUATIONS, rows, partition=ARTIFACT, inputs=inputs)
    verdict = _verdict(new, old)
    shown = {
        "verdict": verdict.description,
        "comparison": dg.MetadataValue.md(verdict.to_markdown()),
        **measuring.shown(new),
    }
    yield from pass_gates([gate_of(verdict, EVALUATION, GATE)])
    # Names first: what links between the two finds vectors of another encoder and passes them over.
    store.promote(SIMILAR, similar.version)
    store.promote(ARTIFACT, candidate.version)
    yield _told(candidate, shown | {"unchanged": False})


@dataclass(frozen=True)
class Measuring:
    """What linking models are measured on, and with."""

    ground: Ground
    tasks: "Sequence[LinkingTask]"
    store: ArtifactStore
    threads: int
    says: Callable[[str], None]

    @classmethod
    def of(  # noqa: PLR0913, PLR0917 - where all of it is
        cls,
        gold: Path,
        lake: Lake,
        store: ArtifactStore,
        sources: SourcesResource,
        threads: int,
        says: Callable[..., None],
    ) -> "Measuring":
        """The devel splits of the corpora in a folder, over the live index.

        Raises:
            ConfigurationError: the vocabularies know none of their concepts.
        """
        from kazu_platform.evaluation.splits import DEVEL
        from kazu_platform.training.ranking_model import ranking_tasks

        ground = Ground.of(lake, store)
        tasks = ranking_tasks(
            gold,
            (DEVEL,),
            ground.identifiers,
            ground.exact,
            left_out=(),
            test_pmids=held_out_pmids(sources),
        )
        return cls(ground, tasks, store, threads, partial(says, "%s"))

    def measured(self, model: Path) -> "tuple[Artifact, list[LinkingEvaluation]]":
        """The similar names of a linking model, and how well it does.

        Raises:
            OtherVersionError: another version of the platform made it.
            ArtifactError: it is damaged.
        """
        from kazu_platform.evaluation.linking import evaluate_linker

        similar = similar_names_of(self.store, model, threads=self.threads, says=self.says).artifact
        hybrid = open_hybrid(self.ground.exact, similar.content, model, self.threads)
        linker = OwnLinker(hybrid, PLATFORM)
        return similar, [evaluate_linker(task, linker) for task in self.tasks]

    def in_use(self, candidate: Artifact) -> "list[LinkingEvaluation]":
        """How well the model in use does; nothing, if it is the candidate or cannot be read.

        If another version of the platform made what was promoted, what comes along counts.

        Raises:
            ArtifactError: it is damaged, so that nobody knows what would be lost; says what to do.
        """
        version = self.store.live_version(ARTIFACT)
        if version == candidate.version:
            return []
        folders = [PACKAGED]
        if version is not None:
            folders.insert(0, whole(self.store, ARTIFACT).content)
        for folder in folders:
            try:
                with damage_is_said(ARTIFACT):
                    return self.measured(folder)[1]
            except OtherVersionError as error:
                self.says(f"No comparison with {folder}: {error}")
        return []

    def shown(self, evaluations: "Sequence[LinkingEvaluation]") -> dict[str, Any]:
        """Figures and frequent mistakes, as metadata."""
        from kazu_platform.evaluation.linking_report import (
            linking_to_markdown,
            mistakes_to_markdown,
        )

        pairs = list(zip(self.tasks, evaluations, strict=True))
        concepts = self.ground.exact.index.concepts
        return {
            "figures": dg.MetadataValue.md(linking_to_markdown(evaluations)),
            "mistakes": dg.MetadataValue.md(mistakes_to_markdown(pairs, concepts, most=EXAMPLES)),
        }


def _candidate(lake: Lake, store: ArtifactStore, sources: SourcesResource, gold: Path) -> Artifact:
    """The linking model that corpora, recipe, encoder and vocabularies give now.

    Raises:
        ArtifactError: it was not made; names what has changed since the newest was.
    """
    wanted = ranker_inputs(lake, store, sources, gold)
    found = version_with(store, ARTIFACT, wanted)
    if found is not None:
        return found
    versions = store.versions(ARTIFACT)
    made_of = store.version(ARTIFACT, versions[-1]).inputs if versions else {}
    changed = ", ".join(name for name, value in wanted.items() if made_of.get(name) != value)
    why = f"since the newest was trained these have changed: {changed}" if versions else "none was"
    raise ArtifactError(
        f"There is no {ARTIFACT} of corpora, recipe, encoder and vocabularies as they are now "
        f"({why}); materialise {ARTIFACT}."
    )


def _is_in_use(lake: Lake, store: ArtifactStore, candidate: Artifact, inputs: Any) -> bool:  # noqa: ANN401
    """Whether a candidate was measured as it is and promoted."""
    live = lake.live(EVALUATIONS, ARTIFACT)
    is_measured = live is not None and dict(live.inputs) == inputs
    return is_measured and store.live_version(ARTIFACT) == candidate.version


def _rows(new: "Sequence[LinkingEvaluation]", old: "Sequence[LinkingEvaluation]") -> Any:  # noqa: ANN401
    from kazu_platform.evaluation.linking_report import linking_rows

    known = {each.linker_version for each in new}  # equal files are one linker
    return linking_rows(
        [*new, *(each for each in old if each.linker_version not in known)], stage=ARTIFACT
    )


def _verdict(new: "Sequence[LinkingEvaluation]", old: "Sequence[LinkingEvaluation]") -> Verdict:
    """What the new model lost and gained, on what has a concept in the vocabulary."""
    from kazu_platform.training.ranking_model import LEFT_OUT

    of_new, of_old = (
        {(e.corpus, e.entity_class): e.counts for e in some if e.n_in_vocabulary}
        for some in (new, old)
    )
    return compare(of_new, of_old or None, measure=MEASURE, only_reported=LEFT_OUT)


def _passed(why: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True, asset_key=EVALUATION, check_name=GATE, description=why)


def _told(candidate: Artifact, facts: dict[str, Any]) -> dg.MaterializeResult:
    return dg.MaterializeResult(
        metadata={"model": dg.MetadataValue.path(str(candidate.folder)), **facts},
        data_version=dg.DataVersion(candidate.version),
    )
