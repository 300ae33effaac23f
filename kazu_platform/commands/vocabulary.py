"""`kazu-platform vocabulary`: two files of an ontology compared before the newer one ships."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kazu_platform.commands.query import print_rows
from kazu_platform.ontologies.vocabulary import parse_vocabulary
from kazu_platform.reports.difference import Version, foremost, summary
from kazu_platform.reports.effect import Prediction, predict, totals
from kazu_platform.reports.former import corpus_of
from kazu_platform.settings import read_settings
from kazu_platform.storage.places import open_lake
from kazu_platform.tables import SYNONYMS

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

    from kazu_platform.settings import OntologySource

MAX_SHOWN = 30


def compare_files(
    old: Path, new: Path, name: str, *, old_format: str | None, documents: int
) -> Prediction:
    """The difference between two files of an ontology of the catalogue.

    Args:
        old: the older file.
        new: the newer file, in the format that the catalogue says.
        name: of the ontology in the catalogue.
        old_format: format of the older file, if it is another one.
        documents: how many documents of the lake are searched for new names.

    Raises:
        ConfigurationError: the catalogue has no such ontology, or a format needs `columns`.
        SourceError: a file cannot be read.
    """
    settings = read_settings()
    catalogue = settings.catalogue()
    source = catalogue.ontology(name)
    older = source.model_copy(update={"format": old_format}) if old_format else source
    lake = open_lake(settings)
    others = [
        each.name
        for each in catalogue.ontologies
        if each.name != name
        and each.entity_class == source.entity_class
        and lake.live(SYNONYMS, each.name)
    ]
    corpus = corpus_of(lake, source.entity_class, others, max_documents=documents)
    return predict(_version(older, old), _version(source, new), corpus)


def print_difference(found: Prediction, form: str, out: TextIO, talk: TextIO) -> None:
    """Print every change as JSON, or what a person wants to know first as tables."""
    changes = found.changes
    if form == "json":
        print_rows(changes, form, out)
        return
    for table in (summary(changes), totals(changes), foremost(changes, MAX_SHOWN)):
        print_rows(table, form, out)
    searched = f"{found.n_documents:,} documents were searched for new names"
    left = max(0, changes.num_rows - MAX_SHOWN)
    talk.write(f"{searched}; {left:,} more changes: --format json has all of them\n")


def _version(source: OntologySource, path: Path) -> Version:
    vocabulary = parse_vocabulary(source, path)
    return Version(vocabulary.concepts, vocabulary.synonyms)
