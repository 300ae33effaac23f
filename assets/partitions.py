"""What a partition of the graph is.

One dynamic set of PubMed files serves baseline and updates: a yearly rollover breaks static
partitions and several files a day break time windows. Ontologies are the catalogue's.
"""

from __future__ import annotations

import dagster as dg

from kazu_platform.settings import Catalogue
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import Table

pubmed_files = dg.DynamicPartitionsDefinition(name="pubmed_files")


def ontologies_of(catalogue: Catalogue) -> dg.StaticPartitionsDefinition:
    """A partition for each ontology of the catalogue."""
    return dg.StaticPartitionsDefinition([source.name for source in catalogue.ontologies])


def mapping_sets_of(catalogue: Catalogue) -> dg.StaticPartitionsDefinition:
    """A partition for each mapping set of the catalogue."""
    return dg.StaticPartitionsDefinition([source.name for source in catalogue.mappings])


def corpora_of(catalogue: Catalogue) -> dg.StaticPartitionsDefinition:
    """A partition for each corpus of the catalogue that a model may learn from."""
    sources = catalogue.training.corpora if catalogue.training else ()
    return dg.StaticPartitionsDefinition(list(dict.fromkeys(each.corpus for each in sources)))


def live_ontologies(lake: Lake, table: Table, catalogue: Catalogue) -> list[str]:
    """Partitions of a vocabulary table that count: those of the catalogue, the preferred first.

    An ontology that left the catalogue may still lie in the lake.
    """
    live = set(lake.partitions(table))
    return [name for name in catalogue.by_preference() if name in live]
