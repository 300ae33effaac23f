"""The layers of the picture as selections of assets, in the order they are made."""

from __future__ import annotations

import dagster as dg

VOCABULARY_LAYER = dg.AssetSelection.assets(
    "curation_file",
    "ontology_files",
    "concepts",
    "synonyms",
    "concept_relations",
    "concept_xrefs",
    "vocabulary_changes",
)
MAPPING_LAYER = dg.AssetSelection.assets("mapping_files", "concept_mappings")
INDEX_LAYER = dg.AssetSelection.assets(
    "curations", "dictionary_index", "concept_equivalents", "linking_index"
)
FILE_LAYER = dg.AssetSelection.assets(
    "pubmed_archives", "citations", "deletions", "sentences", "dictionary_mentions", "mentions"
)
CORPUS_LAYER = dg.AssetSelection.assets(
    "current_citations",
    "surfaces",
    "links",
    "pair_counts",
    "nodes",
    "edges",
    "kgx_export",
    "warehouse",
)
REPORT_LAYER = dg.AssetSelection.assets("conflicts", "homonyms")
