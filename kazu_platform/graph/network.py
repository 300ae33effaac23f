"""Nodes and edges of the knowledge graph, in the terms of the Biolink model.

Co-occurrence edges add the pair counts of all files up. A PMID is current in exactly one file,
so that the sums count distinct PMIDs. The measure is normalised pointwise mutual information
over documents, with N the current, not retracted documents:

    npmi  = ln(p(x, y) / (p(x) p(y))) / -ln p(x, y)     1 if always together, 0 if independent
    score = npmi x (1 - 1 / (1 + n_documents))          surprise, damped when rare

Ontology edges are the is_a relations between nodes. All ancestors of a named concept are nodes
too, so that one can climb from each node to its root and no edge dangles. A concept that the
vocabularies do not have any more is no node; its counts wait for the next linking.

A concept that another one stands for is no node either, but an equivalent id of its leader. The
hierarchy above a node is that of its leader's ontology; a parent goes by its leader, too. So each
step up leads to an ontology at least as preferred, and no circle arises that no ontology has.
"""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from kazu_platform.errors import UnknownNameError
from kazu_platform.graph.pairs import MAX_PUBLICATIONS
from kazu_platform.storage.sql import without_glob
from kazu_platform.tables import CONCEPT_EQUIVALENTS, EDGES, NODES, PAIR_COUNTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

NETWORK_VERSION = "2"
"""Of the rules of this module; edges of another version are made again."""
CO_OCCURRENCE = "co-occurrence"
"""Source of edges that come from the texts, also as the name of their licence."""
OCCURS_TOGETHER = "biolink:occurs_together_in_literature_with"
SUBCLASS_OF = "biolink:subclass_of"
CATEGORIES = {
    "gene": "biolink:Gene",
    "disease": "biolink:Disease",
    "chemical": "biolink:ChemicalEntity",
    "species": "biolink:OrganismTaxon",
    "cell_line": "biolink:CellLine",
    "cell_type": "biolink:Cell",
    "anatomy": "biolink:AnatomicalEntity",
    "phenotype": "biolink:PhenotypicFeature",
    "process": "biolink:BiologicalProcess",
}


def nodes_and_edges(  # noqa: PLR0913 - three tables and what must be known beside them
    pair_counts: pa.Table | Sequence[Path],
    concepts: pa.Table,
    relations: pa.Table,
    n_documents: int,
    *,
    licences: Mapping[str, str],
    equivalents: pa.Table | None = None,
    min_documents: int = 1,
    memory_limit: str | None = None,
) -> tuple[pa.Table, pa.Table]:
    """Make the graph of the corpus.

    Args:
        pair_counts: PAIR_COUNTS of all files, as a table or as Parquet files; a file counted is
            there once.
        concepts: CONCEPTS of all ontologies. Of a concept that several have, the ontology that
            its CURIE's prefix names is believed, else the first by name.
        relations: CONCEPT_RELATIONS of all ontologies.
        n_documents: current, not retracted documents of the corpus, whatever they name.
        licences: licence of each ontology, and of `co-occurrence`.
        equivalents: CONCEPT_EQUIVALENTS: who stands for whom.
        min_documents: pairs in fewer documents make no edge.
        memory_limit: of DuckDB, such as `8GB`; beyond it, joins and counts go to temporary files.

    Returns:
        NODES and EDGES, in their orders.

    Raises:
        UnknownNameError: a source has no licence.
        ValueError: a concept is named in more documents than `n_documents`.
    """
    with TemporaryDirectory(prefix="graph-") as spill, duckdb.connect() as database:
        database.execute("SET python_enable_replacements = false")
        database.execute("SET temp_directory = $folder", {"folder": spill})
        if memory_limit is not None:
            database.execute("SET memory_limit = $limit", {"limit": memory_limit})
        _register_pair_counts(database, pair_counts)
        database.register("all_concepts", concepts)
        database.register("concept_relations", relations)
        given = CONCEPT_EQUIVALENTS.empty() if equivalents is None else equivalents
        database.register("equivalents", given)
        database.register("categories", _mapping(CATEGORIES))
        database.register("licences", _mapping(licences))
        for statement in (_NAMED, _FOLLOWERS, _CONCEPTS, _IS_A, _NODES, _IDS):
            database.execute(statement)
        _check_n_documents(database, n_documents)
        _check_licences(database, licences)
        nodes = database.sql(_NODE_ROWS).to_arrow_table()
        numbers = {"n_documents": n_documents, "min_documents": min_documents}
        database.execute(_SCORED, numbers)
        database.execute(_IN_SEVERAL)
        database.execute(_NEWEST, {"n": MAX_PUBLICATIONS})
        for statement in (_EVIDENCE, _SUPPORT):
            database.execute(statement)
        names = {"together": OCCURS_TOGETHER, "subclass_of": SUBCLASS_OF, "source": CO_OCCURRENCE}
        edges = database.sql(_EDGE_ROWS, params=names).to_arrow_table()
    return NODES.check(nodes), EDGES.check(edges)


def dangling_edges(nodes: pa.Table, edges: pa.Table) -> pa.Table:
    """Edges whose subject or object is no node; there should be none.

    >>> import pyarrow as pa
    >>> nodes = pa.table({"id": ["MONDO:0007254", "HGNC:1100"]})
    >>> edges = pa.table(
    ...     {"subject": ["HGNC:1100", "HGNC:1100"], "object": ["MONDO:0007254", "MONDO:0000001"]}
    ... )
    >>> dangling_edges(nodes, edges).to_pylist()
    [{'subject': 'HGNC:1100', 'object': 'MONDO:0000001'}]
    """
    with duckdb.connect() as database:
        database.execute("SET python_enable_replacements = false")
        database.register("nodes", nodes)
        database.register("edges", edges)
        return database.sql(
            "FROM edges WHERE subject NOT IN (SELECT id FROM nodes)"
            " OR object NOT IN (SELECT id FROM nodes)"
        ).to_arrow_table()


def _register_pair_counts(
    database: duckdb.DuckDBPyConnection, pair_counts: pa.Table | Sequence[Path]
) -> None:
    """Read Parquet where it lies: the counts of all of PubMed fit in no table."""
    if isinstance(pair_counts, pa.Table):
        database.register("pair_counts", pair_counts)
    elif pair_counts:
        files = [without_glob(str(path)) for path in pair_counts]
        database.read_parquet(files, hive_partitioning=False).create_view("pair_counts")
    else:
        database.register("pair_counts", PAIR_COUNTS.empty())


def _mapping(values: Mapping[str, str]) -> pa.Table:
    return pa.table({"key": list(values), "value": list(values.values())})


def _check_n_documents(database: duckdb.DuckDBPyConnection, n_documents: int) -> None:
    too_many = database.execute(
        "SELECT id, n_documents FROM named WHERE n_documents > $n ORDER BY id LIMIT 1",
        {"n": n_documents},
    ).fetchone()
    if too_many is not None:
        raise ValueError(
            f"n_documents is {n_documents}, but {too_many[0]} is named in {too_many[1]} documents; "
            "give the number of current, not retracted documents."
        )


def _check_licences(database: duckdb.DuckDBPyConnection, licences: Mapping[str, str]) -> None:
    sources = database.execute(
        "SELECT ontology FROM nodes UNION SELECT ontology FROM is_a ORDER BY ontology"
    ).fetchall()
    for source in [*(row[0] for row in sources), CO_OCCURRENCE]:
        if source not in licences:
            raise UnknownNameError.of("licence of the source", source, licences)


_NAMED = """
CREATE TABLE named AS
SELECT subject AS id, sum(n_documents)::BIGINT AS n_documents
FROM pair_counts
WHERE subject = object
GROUP BY subject
"""

_FOLLOWERS = """
CREATE TABLE followers AS
SELECT concept_id AS id, ontology, leader_id FROM equivalents WHERE leader_id IS NOT NULL
"""

_CONCEPTS = """
CREATE TABLE concepts AS
SELECT concept_id AS id, label, entity_class, ontology
FROM all_concepts
WHERE NOT obsolete
    AND (concept_id, ontology) NOT IN (SELECT (id, ontology) FROM followers)
QUALIFY row_number() OVER (
    PARTITION BY concept_id
    ORDER BY lower(split_part(concept_id, ':', 1)) <> lower(ontology), ontology, label
) = 1
"""

# What a concept that follows another says of its parents is left to its leader's ontology.
_IS_A = """
CREATE TABLE is_a AS
WITH parents AS (
    SELECT r.subject_id AS subject, coalesce(f.leader_id, r.object_id) AS object, r.ontology
    FROM concept_relations r
    LEFT JOIN followers f ON f.id = r.object_id AND f.ontology = r.ontology
    WHERE r.predicate = 'is_a'
        AND (r.subject_id, r.ontology) NOT IN (SELECT (id, ontology) FROM followers)
)
SELECT DISTINCT subject, object, ontology
FROM parents
WHERE subject <> object
    AND subject IN (SELECT id FROM concepts) AND object IN (SELECT id FROM concepts)
"""

# UNION, not UNION ALL: a circle in an ontology ends.
_NODES = """
CREATE TABLE nodes AS
WITH RECURSIVE reached(id) AS (
    SELECT id FROM named SEMI JOIN concepts USING (id)
    UNION
    SELECT is_a.object FROM reached JOIN is_a ON is_a.subject = reached.id
)
SELECT id, label, entity_class, ontology, coalesce(n_documents, 0) AS n_documents
FROM reached
JOIN concepts USING (id)
LEFT JOIN named USING (id)
"""

_IDS = """
CREATE TABLE equivalent_ids AS
SELECT leader_id AS id, list(DISTINCT followers.id ORDER BY followers.id) AS equivalent_ids
FROM followers SEMI JOIN nodes ON nodes.id = leader_id
WHERE followers.id <> leader_id
GROUP BY leader_id
"""

_NODE_ROWS = """
SELECT
    id, label AS name, coalesce(categories.value, 'biolink:NamedThing') AS category,
    entity_class, coalesce(equivalent_ids, []::VARCHAR[]) AS equivalent_ids, n_documents,
    ontology AS source, licences.value AS licence
FROM nodes
LEFT JOIN equivalent_ids USING (id)
LEFT JOIN categories ON categories.key = entity_class
JOIN licences ON licences.key = ontology
ORDER BY id
"""

_SCORED = """
CREATE TABLE scored AS
WITH summed AS (
    SELECT
        subject, object, count(*) AS n_files,
        sum(n_documents)::BIGINT AS n_documents, sum(n_sentences)::BIGINT AS n_sentences,
        min(first_year) AS first_year, max(last_year) AS last_year
    FROM pair_counts
    WHERE subject <> object
    GROUP BY subject, object
    HAVING sum(n_documents) >= $min_documents
), measured AS (
    SELECT
        summed.*,
        -- Two concepts that are in every document are always together: the limit is 1.
        if(
            summed.n_documents = $n_documents, 1.0,
            ln(summed.n_documents::DOUBLE * $n_documents / (s.n_documents::DOUBLE * o.n_documents))
                / -ln(summed.n_documents::DOUBLE / $n_documents)
        ) AS npmi
    FROM summed
    JOIN nodes s ON s.id = subject
    JOIN nodes o ON o.id = object
)
SELECT *, npmi * (1 - 1 / (1 + n_documents::DOUBLE)) AS score FROM measured
"""

# Most pairs are in one file only, and have there what they need; the others are merged.
_IN_SEVERAL = """
CREATE TABLE in_several AS
SELECT subject, object FROM scored WHERE n_files > 1
"""

# The newest of all files are among the newest of each.
_NEWEST = """
CREATE TABLE newest AS
WITH listed AS (
    SELECT subject, object, unnest(publications) AS doc_id, unnest(publication_years) AS year
    FROM pair_counts SEMI JOIN in_several USING (subject, object)
), ranked AS (
    SELECT subject, object, doc_id, row_number() OVER (
        PARTITION BY subject, object
        ORDER BY year DESC NULLS LAST,
            try_cast(split_part(doc_id, ':', 2) AS BIGINT) DESC NULLS LAST, doc_id DESC
    ) AS place
    FROM listed
)
SELECT subject, object, list(doc_id ORDER BY place) AS publications
FROM ranked
WHERE place <= $n
GROUP BY subject, object
"""

_EVIDENCE = """
CREATE TABLE evidence AS
SELECT subject, object, sentence, sentence_doc_id
FROM pair_counts SEMI JOIN in_several USING (subject, object)
WHERE sentence IS NOT NULL
QUALIFY row_number() OVER (
    PARTITION BY subject, object
    ORDER BY sentence_year DESC NULLS LAST,
        try_cast(split_part(sentence_doc_id, ':', 2) AS BIGINT) DESC NULLS LAST,
        sentence_doc_id DESC
) = 1
"""

_SUPPORT = """
CREATE VIEW support AS
SELECT subject, object, publications, sentence, sentence_doc_id
FROM pair_counts
SEMI JOIN (SELECT subject, object FROM scored WHERE n_files = 1) USING (subject, object)
UNION ALL
SELECT subject, object, publications, sentence, sentence_doc_id
FROM newest LEFT JOIN evidence USING (subject, object)
"""

_EDGE_ROWS = """
SELECT
    subject, $together AS predicate, object, n_documents, n_sentences, npmi, score,
    first_year, last_year, publications, sentence, sentence_doc_id, $source AS source,
    (SELECT value FROM licences WHERE key = $source) AS licence
FROM scored
JOIN support USING (subject, object)
UNION ALL
SELECT
    is_a.subject, $subclass_of, is_a.object, NULL, NULL, NULL, NULL,
    NULL, NULL, []::VARCHAR[], NULL, NULL, is_a.ontology, licences.value
FROM is_a
SEMI JOIN nodes ON nodes.id = is_a.subject
JOIN licences ON licences.key = is_a.ontology
ORDER BY subject, predicate, object, source
"""
