"""No version of an ontology goes live unseen: what it does to the corpus is looked at before."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import pyarrow as pa

from assets.curations import written_curations
from kazu_platform.ontologies.curations import preferences
from kazu_platform.ontologies.vocabulary import Vocabulary
from kazu_platform.reports.difference import Version
from kazu_platform.reports.release import Candidate, Ground, ReleaseReport, release_report
from kazu_platform.reports.release_page import Verdict, how_to_accept, judge, to_markdown
from kazu_platform.reports.released import live_pointers, record_release
from kazu_platform.settings import AcceptedRelease, OntologySource, ReleasePolicy
from kazu_platform.storage.atomic import make_folder
from kazu_platform.storage.lake import Lake, Pointer, Staged
from kazu_platform.tables import SYNONYMS
from resources.sources import SourcesResource
from resources.storage import ArtifactsResource

GATE = "few_mentions_change"
DESCRIPTION = (
    "A new version loses, gains and relinks no more mentions than the catalogue's `releases` "
    "allow, or a person accepted it there."
)
CURATED = "the same file; what curations change, `kazu-platform curate preview` says"


@dataclass
class ReleaseGate:
    """The gate of one version of one ontology, and the record of its release.

    Attributes:
        lake: the tables.
        sources: of the catalogue.
        artifacts: the indices in use.
        source: the ontology's entry.
        file: SHA-256 of its file.
        parsed: the vocabulary of that file.
    """

    lake: Lake
    sources: SourcesResource
    artifacts: ArtifactsResource
    source: OntologySource
    file: str
    parsed: Callable[[], Vocabulary]
    _former: dict[str, Pointer] = field(default_factory=dict[str, Pointer], init=False)
    _judged: tuple[ReleaseReport, Verdict] | None = field(default=None, init=False)

    def judge(self, staged: Staged) -> dg.AssetCheckResult:
        """Whether the staged names may go live."""
        self._former = live_pointers(self.lake, self.source.name)
        report = self._report(staged.read())
        verdict, accepted = judge(report, self._policy), self._accepted
        self._judged = report, verdict
        said = verdict.description
        if not verdict.passed and accepted:
            said = f"accepted by {accepted.by} ({accepted.reason}): {said}"
        elif not verdict.passed:
            said = f"{said}. To let it go live, add to the catalogue: {how_to_accept(report)}"
        return dg.AssetCheckResult(
            passed=verdict.passed or accepted is not None,
            asset_key=SYNONYMS.name,
            check_name=GATE,
            description=said,
            metadata={"report": dg.MetadataValue.md(to_markdown(report, verdict))},
        )

    def record(self) -> None:
        """The names are live: say so in RELEASES."""
        if self._judged is None:
            return
        report, verdict = self._judged
        accepted = None if verdict.passed else self._accepted
        record_release(self.lake, report, self._former, accepted, verdict.description)

    @property
    def _policy(self) -> ReleasePolicy:
        return self.sources.catalogue().releases

    @property
    def _accepted(self) -> AcceptedRelease | None:
        return self._policy.acceptance(self.source.name, self.file)

    def _report(self, synonyms: pa.Table) -> ReleaseReport:
        vocabulary, store = self.parsed(), self.artifacts.open()
        candidate = Candidate(
            self.source, self.file, Version(vocabulary.concepts, synonyms), vocabulary.xrefs
        )
        ground = Ground(
            self.lake,
            store,
            self.sources.catalogue(),
            preferences(written_curations(self.sources)),
            self.artifacts.linker,
            self.artifacts.threads,
        )
        make_folder(store.work)
        with tempfile.TemporaryDirectory(dir=store.work, prefix=".release-") as folder:
            return release_report(candidate, ground, Path(folder), self._policy.documents)


def only_curated(_staged: Staged) -> dg.AssetCheckResult:
    """Nothing but curations changed: that is no release."""
    return dg.AssetCheckResult(
        passed=True, asset_key=SYNONYMS.name, check_name=GATE, description=CURATED
    )
