"""A home and what a person does with it, as the UI and the commands do."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
import yaml

import kazu_platform.sample
from assets.layers import (
    CORPUS_LAYER,
    FILE_LAYER,
    INDEX_LAYER,
    LISTING_LAYER,
    VOCABULARY_LAYER,
)
from assets.listing import read_listing
from assets.runs import (
    QUIET,
    Graph,
    Summary,
    materialise_everything,
    put_curations_into_effect,
)
from kazu_platform.citations.published import published_now
from kazu_platform.definitions import build_assets, build_resources
from kazu_platform.settings import Settings
from kazu_platform.storage.artifacts import ArtifactStore
from kazu_platform.storage.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kazu_platform.tables import Table

SAMPLE = Path(str(kazu_platform.sample.__file__)).parent


@dataclass
class Report:
    """What Dagster was told in a run."""

    run: dg.ExecuteInProcessResult

    @property
    def metadata(self) -> dict[str, dict[str, Any]]:
        """Asset to its metadata, plain values."""
        return {
            event.materialization.asset_key.to_user_string(): {
                name: value.value for name, value in event.materialization.metadata.items()
            }
            for each in self.run.all_events
            if each.is_step_materialization
            for event in [each.step_materialization_data]
        }

    @property
    def checks(self) -> dict[tuple[str, str], bool]:
        """(asset, check) to whether it passed; a check that was told of twice must agree."""
        return {
            (each.asset_key.to_user_string(), each.check_name): each.passed
            for each in self.run.get_asset_check_evaluations()
        }

    @property
    def failures(self) -> dict[str, str]:
        """Step to why it failed."""
        found: dict[str, str] = {}
        for event in self.run.all_events:
            if event.is_step_failure:
                data = event.step_failure_data
                said = data.user_failure_data.description if data.user_failure_data else None
                found[str(event.step_key)] = said or (data.error.message if data.error else "")
        return found

    @property
    def retried(self) -> set[str]:
        """Steps that were tried again."""
        return {str(e.step_key) for e in self.run.all_events if e.is_step_up_for_retry}


@dataclass
class Home:
    """A KAZU_HOME; Dagster's own records are kept in memory."""

    path: Path
    sources: str = "sample"
    instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.ephemeral)

    @property
    def settings(self) -> Settings:
        return Settings(home=self.path, sources=self.sources)  # pyright: ignore[reportCallIssue]

    @property
    def lake(self) -> Lake:
        return Lake(self.settings.lake)

    @property
    def artifacts(self) -> ArtifactStore:
        return ArtifactStore(self.settings.models)

    def copied_to(self, path: Path) -> Home:
        """The same state elsewhere."""
        return Home(shutil.copytree(self.path, path), self.sources)

    def catalogue(self) -> dict[str, Any]:
        """The catalogue in use, as YAML would hold it."""
        return self.settings.catalogue().model_dump(mode="json")

    def use_catalogue(self, catalogue: Mapping[str, Any]) -> None:
        """Use this catalogue from now on."""
        path = self.path / "catalogue.yaml"
        path.write_text(yaml.safe_dump(dict(catalogue), sort_keys=False), "utf-8")
        self.sources = str(path)

    def use_ontology_file(self, name: str, file: Path) -> None:
        """Use the same catalogue with the file of one ontology elsewhere."""
        catalogue = self.catalogue()
        for ontology in catalogue["ontologies"]:
            if ontology["name"] == name:
                ontology["url"] = str(file)
        self.use_catalogue(catalogue)

    def use_pubmed(self, folder: Path) -> None:
        """Use the same catalogue with the PubMed folders in another one."""
        pubmed = {"baseline": str(folder / "baseline"), "updates": str(folder / "updatefiles")}
        self.use_catalogue(self.catalogue() | {"pubmed": pubmed})

    def materialise(
        self,
        selection: dg.AssetSelection,
        partition: str | None = None,
        *,
        ops: Mapping[str, Any] | None = None,
    ) -> Report:
        """Run some assets for one partition; a failure is in the result."""
        settings = self.settings
        run = dg.materialize(
            build_assets(settings.catalogue()),
            selection=selection,
            partition_key=partition,
            instance=self.instance,
            resources=build_resources(settings),
            run_config={**QUIET, "ops": dict(ops or {})},
            raise_on_error=False,
        )
        return Report(run)

    def vocabulary(self, name: str, *, ops: Mapping[str, Any] | None = None) -> Report:
        """Fetch and parse an ontology."""
        return self.materialise(VOCABULARY_LAYER, name, ops=ops)

    def indices(self) -> Report:
        """Compile the vocabularies."""
        return self.materialise(INDEX_LAYER)

    def register(self) -> list[str]:
        """Make a partition of every published PubMed file; those that are published."""
        assert self.materialise(LISTING_LAYER).failures == {}
        return published_now(read_listing(self.lake))

    def file(self, name: str) -> Report:
        """Fetch, parse and read a PubMed file."""
        self.register()
        return self.materialise(FILE_LAYER, name)

    def graph(self) -> Report:
        """Everything of the whole corpus."""
        return self.materialise(CORPUS_LAYER)

    def everything(self) -> Summary:
        """All of it, as `kazu-platform demo` does."""
        resources = build_resources(self.settings)
        assets = build_assets(self.settings.catalogue())
        return materialise_everything(Graph(assets, resources, self.instance), resources["sources"])

    def curate(self, in_effect: Callable[[], None] = lambda: None) -> Summary:
        """Bring the catalogue's curations into effect, as `kazu-platform curate apply` does."""
        resources = build_resources(self.settings)
        assets = build_assets(self.settings.catalogue())
        graph = Graph(assets, resources, self.instance)
        return put_curations_into_effect(
            graph, resources["sources"], self.lake, in_effect=in_effect
        )

    def generations(self, table: Table) -> dict[str, str]:
        """Partition to the name of its live generation."""
        return {name: each.generation for name, each in self.lake.pointers(table).items()}

    def data_versions(self, table: Table) -> dict[str, str]:
        """Partition to the hash of its live rows."""
        return {name: each.data_version for name, each in self.lake.pointers(table).items()}

    def edges_between(self, *names: str) -> list[dict[str, Any]]:
        """Co-occurrence edges whose two ends have these names."""
        from kazu_platform.tables import EDGES, NODES

        name_of = {row["id"]: row["name"] for row in self.lake.read(NODES, "all").to_pylist()}
        return [
            row
            for row in self.lake.read(EDGES, "all").to_pylist()
            if row["n_documents"] is not None
            and {name_of[row["subject"]], name_of[row["object"]]} == set(names)
        ]


@pytest.fixture
def home(own_home: Path) -> Home:
    """The materialised sample, to do with as a test likes."""
    return Home(own_home)


@pytest.fixture
def new_home(tmp_path: Path) -> Home:
    """Nothing yet."""
    return Home(tmp_path / "home")


@pytest.fixture
def own_sample(tmp_path: Path) -> Path:
    """A copy of the sample's files, to do with as a test likes."""
    return shutil.copytree(SAMPLE, tmp_path / "sample")


@pytest.fixture(scope="session")
def sample_at() -> Callable[[Path], Path]:
    """Copy the sample's files to a folder."""
    return lambda path: shutil.copytree(SAMPLE, path)


@pytest.fixture(scope="session")
def publish() -> Callable[[Path, bytes], None]:
    """Write a PubMed file as NLM does: with its md5 beside it."""

    def written(path: Path, body: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
        path.with_name(f"{path.name}.md5").write_text(f"MD5({path.name})= {md5}\n", "utf-8")

    return written


@pytest.fixture(scope="session")
def home_root() -> Path:
    """The folder of the repository, from which a process of its own imports."""
    return Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def home_at() -> Callable[[Path], Home]:
    """A home that lies there already."""
    return Home
