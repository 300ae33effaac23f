"""What a partition of the graph is.

One dynamic set of PubMed files serves baseline and updates: a yearly rollover breaks static
partitions and several files a day break time windows. Ontologies are the catalogue's.
"""

from __future__ import annotations

import dagster as dg

from kazu_platform.settings import Catalogue

pubmed_files = dg.DynamicPartitionsDefinition(name="pubmed_files")


def ontologies_of(catalogue: Catalogue) -> dg.StaticPartitionsDefinition:
    """A partition for each ontology of the catalogue."""
    return dg.StaticPartitionsDefinition([source.name for source in catalogue.ontologies])
