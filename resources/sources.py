"""The catalogue and the files downloaded from it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
from pydantic import Field

from kazu_platform.citations.files import PMC_ENDINGS, PUBMED_ENDINGS, holds_full_texts
from kazu_platform.errors import ConfigurationError, MissingPartitionError
from kazu_platform.settings import (
    Catalogue,
    CorpusSource,
    MappingSource,
    OntologySource,
    PmcSource,
    PredictionSource,
    PubMedSource,
    Settings,
    TextSource,
    TrainingSources,
)
from kazu_platform.storage.downloads import Downloader


class SourcesResource(dg.ConfigurableResource):
    """Where everything comes from, and the folder its raw files are kept in."""

    sources: str = Field(description="sample, public, or the path of a YAML catalogue.")
    raw: str = Field(description="Folder for downloaded files.")

    def catalogue(self) -> Catalogue:
        """The catalogue as it stands now; read anew, so that an edit needs no restart."""
        return Settings(sources=self.sources).catalogue()  # pyright: ignore[reportCallIssue]

    def published(self) -> tuple[PubMedSource | None, PmcSource | None]:
        """Where files of PubMed and of PMC are published.

        Raises:
            ConfigurationError: the catalogue names neither.
        """
        catalogue = self.catalogue()
        if catalogue.pubmed is None and catalogue.pmc is None:
            raise ConfigurationError(
                f"The catalogue {catalogue.name!r} has no `pubmed:` block with a `baseline:`, "
                "nor a `pmc:` block with `folders:`."
            )
        return catalogue.pubmed, catalogue.pmc

    def training(self) -> TrainingSources:
        """What a model learns from.

        Raises:
            ConfigurationError: the catalogue does not say.
        """
        catalogue = self.catalogue()
        if catalogue.training is None:
            raise ConfigurationError(
                f"The catalogue {catalogue.name!r} has no `training:` block with `corpora:`."
            )
        return catalogue.training

    def downloader(self) -> Downloader:
        """What fetches files over https or from a folder."""
        return Downloader()

    def kept(self, path: Path) -> Path:
        """A raw file at its place, as it was fetched last, if it was."""
        return path

    def ontology_file(self, source: OntologySource) -> Path:
        """Where the raw file of an ontology is kept."""
        return self.kept(Path(self.raw) / "ontologies" / source.name / Path(source.url).name)

    def mapping_file(self, source: MappingSource) -> Path:
        """Where the raw file of a mapping set is kept."""
        return self.kept(Path(self.raw) / "mappings" / source.name / Path(source.url).name)

    def corpus_file(self, source: CorpusSource, split: str) -> Path:
        """Where the raw file of a split of a corpus is kept."""
        return self.kept(Path(self.raw) / "corpora" / source.name / Path(source.files[split]).name)

    def prediction_file(self, source: PredictionSource) -> Path:
        """Where the raw file of somebody else's predictions is kept."""
        return self.kept(Path(self.raw) / "predictions" / source.name / Path(source.url).name)

    def text_file(self, source: TextSource) -> Path:
        """Where the raw file of texts is kept."""
        return self.kept(Path(self.raw) / "texts" / source.name / Path(source.url).name)

    def curation_file(self) -> Path | None:
        """Where the file of curations is kept; none if the catalogue names none."""
        url = self.catalogue().curations
        if url is None:
            return None
        return self.kept(Path(self.raw) / "curations" / Path(urlsplit(url).path).name)

    def archive(self, file: str) -> Path:
        """The raw file of a partition, of PubMed or of PMC.

        Raises:
            MissingPartitionError: it was not fetched.
        """
        for ending in (*PUBMED_ENDINGS, *PMC_ENDINGS):
            path = self.kept(self.archive_destination(f"{file}{ending}"))
            if path.exists():
                return path
        raise MissingPartitionError(
            f"{file} was not fetched to {self.archive_destination('')}; materialise "
            "`pubmed_archives` for it."
        )

    def archive_destination(self, file_name: str) -> Path:
        """Where a published file of that name is kept."""
        folder = "pmc" if holds_full_texts(file_name) else "pubmed"
        return Path(self.raw) / folder / file_name
