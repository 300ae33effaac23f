"""The layers of the picture as selections of assets, in the order they are made."""

from __future__ import annotations

import dagster as dg

CURATION_LAYER = dg.AssetSelection.assets("curation_file")
ONTOLOGY_LAYER = dg.AssetSelection.assets(
    "ontology_files",
    "concepts",
    "synonyms",
    "concept_relations",
    "concept_xrefs",
    "vocabulary_changes",
)
VOCABULARY_LAYER = CURATION_LAYER | ONTOLOGY_LAYER
MAPPING_LAYER = dg.AssetSelection.assets("mapping_files", "concept_mappings")
INDEX_LAYER = dg.AssetSelection.assets(
    "curations", "dictionary_index", "concept_equivalents", "linking_index", "similar_names"
)
LISTING_LAYER = dg.AssetSelection.assets("published_files")
FILE_LAYER = dg.AssetSelection.assets(
    "pubmed_archives",
    "citations",
    "deletions",
    "sentences",
    "dictionary_mentions",
    "model_mentions",
    "mentions",
)
CORPUS_LAYER = dg.AssetSelection.assets(
    "current_citations",
    "surfaces",
    "surface_vectors",
    "links",
    "pair_counts",
    "nodes",
    "edges",
    "kgx_export",
    "warehouse",
)
CORPUS_OF_LABELS_LAYER = dg.AssetSelection.assets("corpus_files", "ner_training_data")
WEAK_LABELS_LAYER = dg.AssetSelection.assets("weak_labels")
MODEL_LAYER = dg.AssetSelection.assets(
    "training_texts",
    "ner_encoder",
    "ner_teacher",
    "ner_general_student",
    "ner_model",
    "ner_evaluation",
    "ner_throughput",
)
LINKING_MODEL_LAYER = dg.AssetSelection.assets(
    "linking_model", "linking_ranker", "linking_evaluation"
)
MENTION_LAYER = dg.AssetSelection.assets("dictionary_mentions", "mentions")
VECTORS_ONLY = dg.AssetSelection.assets("surface_vectors")
LINK_LAYER = dg.AssetSelection.assets("surfaces", "links") | VECTORS_ONLY
REPORT_LAYER = dg.AssetSelection.assets("conflicts", "homonyms")
