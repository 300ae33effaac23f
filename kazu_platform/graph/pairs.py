"""Co-occurrence, counted within one file: which concepts its current citations name together.

What counts is decided here, and `COUNTING_VERSION` changes with it:

- Only current citations count (`current_citations` names file, text and position), and no
  retracted ones; of an article with a full text that alone, under its PMID. The concept of a
  mention is its surface's link of rank 1.
- A mention inside a longer mention of its class does not count, whether that one has a concept
  or not: the "cancer" of "breast cancer" says nothing about cancer in general.
- Two concepts occur together where two mentions name them that share no character: "BRCA1
  protein" is no evidence for a bond between BRCA1 and the protein of that name.
- A document, and likewise a sentence, that names more than `max_concepts` concepts is a list: it
  pairs nothing, since its pairs grow with the square. The sentences of such a document still do.

Joins run in DuckDB on integers; numbers are given so that their order is the answer: concepts by
CURIE, documents newest first, sentences best evidence first. So the newest documents of a pair
are its smallest numbers, the evidence is a minimum, and the order of rows cannot matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from kazu_platform.tables import PAIR_COUNTS

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNTING_VERSION = "1"
MAX_CONCEPTS = 200
MAX_PUBLICATIONS = 10
MAX_SENTENCE = 400
"""Code points; a longer sentence is evidence only where its document has no shorter one."""
ROWS_IN_A_BATCH = 1 << 17


def count_pairs(  # noqa: PLR0913 - one argument for each table that takes part
    *,
    mentions: pa.Table,
    links: pa.Table,
    citations: pa.Table,
    sentences: pa.Table,
    current: pa.Table,
    file: str,
    max_concepts: int = MAX_CONCEPTS,
) -> pa.Table:
    """Count the concepts, and the pairs of concepts, that the citations of a file name.

    Args:
        mentions: MENTIONS of the file.
        links: LINKS of at least the surfaces that these mentions have; of rank 1 is enough.
        citations: CITATIONS of the file.
        sentences: SENTENCES of the file.
        current: CURRENT_CITATIONS; rows of other files are passed over.
        file: partition to count.
        max_concepts: a document or a sentence with more distinct concepts pairs nothing.

    Returns:
        PAIR_COUNTS in its order, the same for any order of the rows given. Rows whose subject is
        their object count a concept alone. `n_documents` counts documents that name both,
        `n_sentences` sentences that name both; years and the ten newest publications (by year,
        then PMID) are those of the documents; the evidence is a sentence of the newest document
        that names both in one, the first of at most 400 characters if there is one.
    """
    # Files are counted side by side, a core each; threads that were started would have to end.
    with duckdb.connect(config={"threads": 1}) as database:
        # Tables are found only where they are named.
        database.execute("SET python_enable_replacements = false")
        for name, table in (
            ("mentions", mentions),
            ("links", links),
            ("citations", citations),
            ("sentences", sentences),
            ("current_citations", current),
        ):
            database.register(name, table)
        database.execute(_DOCUMENTS, {"file": file})
        for statement in (_BEST, _CONCEPTS, _FOUND, _STRETCHES, _TOUCHING, _KEPT):
            database.execute(statement)
        database.execute(_PLACES, {"max_sentence": MAX_SENTENCE})
        for statement in (_PLACED, _CLASHES):
            database.execute(statement)
        for unit in ("place", "document"):
            database.execute(_PAIRS.replace("$unit", unit), {"max_concepts": max_concepts})
        database.execute(_LARGE_DOCUMENTS, {"max_concepts": max_concepts})
        database.execute(_IN_DOCUMENTS, {"n": MAX_PUBLICATIONS})
        for statement in (_IN_PLACES, _EVIDENCE):
            database.execute(statement)
        documents = database.sql(
            "SELECT doc_id, publication, pub_year FROM documents ORDER BY document"
        ).to_arrow_table()
        concepts = database.sql("SELECT concept_id FROM concepts ORDER BY concept").to_arrow_table()
        counts = database.sql(_COUNTS).to_arrow_reader(ROWS_IN_A_BATCH)
        batches = list(_with_names(counts, documents, concepts, file))
    return PAIR_COUNTS.check(pa.Table.from_batches(batches, PAIR_COUNTS.schema))


def _with_names(
    counts: pa.RecordBatchReader, documents: pa.Table, concepts: pa.Table, file: str
) -> Iterator[pa.RecordBatch]:
    """Put CURIEs, document ids and years in the place of their numbers, batch by batch.

    In batches because a column of evidence sentences can outgrow a single Arrow array.
    """
    concept_ids = concepts["concept_id"].combine_chunks()
    doc_ids = documents["doc_id"].combine_chunks()
    publications = documents["publication"].combine_chunks()
    years = documents["pub_year"].combine_chunks()
    for batch in counts:
        newest = batch["newest"]
        columns = {
            "subject": concept_ids.take(batch["subject"]),
            "object": concept_ids.take(batch["object"]),
            "n_documents": batch["n_documents"],
            "n_sentences": batch["n_sentences"],
            "first_year": years.take(batch["oldest"]),
            "last_year": years.take(batch["first"]),
            "publications": pa.ListArray.from_arrays(
                newest.offsets, publications.take(newest.values)
            ),
            "publication_years": pa.ListArray.from_arrays(
                newest.offsets, years.take(newest.values)
            ),
            "sentence": batch["sentence"],
            "sentence_doc_id": doc_ids.take(batch["document"]),
            "sentence_year": years.take(batch["document"]),
            "file": pa.repeat(file, batch.num_rows),
        }
        yield pa.RecordBatch.from_arrays(
            [columns[name].cast(PAIR_COUNTS.schema.field(name).type) for name in columns],
            schema=PAIR_COUNTS.schema,
        )


# Newest first; documents without a year last, so that the numbers below that border have one.
_DOCUMENTS = """
CREATE TABLE documents AS
SELECT
    row_number() OVER (
        ORDER BY pub_year DESC NULLS LAST, pmid DESC NULLS LAST, doc_id DESC
    )::INTEGER - 1 AS document,
    coalesce('PMID:' || pmid, doc_id) AS publication,
    doc_id, content_hash, position, pub_year
FROM citations
SEMI JOIN (
    SELECT doc_id, content_hash, position FROM current_citations WHERE file = $file AND NOT deleted
) USING (doc_id, content_hash, position)
WHERE file = $file AND NOT retracted
"""

# One concept for each surface; a linker gives rank 1 once, and the minimum holds it to that.
_BEST = """
CREATE TABLE best AS
SELECT surface_id, min(concept_id) AS concept_id
FROM links SEMI JOIN mentions USING (surface_id)
WHERE rank = 1
GROUP BY surface_id
"""

_CONCEPTS = """
CREATE TABLE concepts AS
SELECT concept_id, row_number() OVER (ORDER BY concept_id)::INTEGER - 1 AS concept
FROM (SELECT DISTINCT concept_id FROM best)
"""

# Mentions without a concept stay for now: the longer ones among them silence what they contain.
_FOUND = """
CREATE TABLE found AS
SELECT
    row_number() OVER ()::INTEGER AS mention,
    document, section, sentence, entity_class, concept, spans
FROM mentions
JOIN documents USING (doc_id, content_hash)
LEFT JOIN best USING (surface_id)
LEFT JOIN concepts USING (concept_id)
"""

_STRETCHES = """
CREATE TABLE stretches AS
SELECT mention, document, section, entity_class, unnest(spans, recursive := true) FROM found
"""

# Both directions of each two mentions that share characters, and how many they share.
_TOUCHING = """
CREATE TABLE touching AS
SELECT
    a.mention AS one,
    b.mention AS other,
    any_value(a.entity_class = b.entity_class) AS same_class,
    sum(least(a."end", b."end") - greatest(a.start, b.start)) AS shared
FROM stretches a
JOIN stretches b
    ON a.document = b.document AND a.section = b.section
    AND a.start < b."end" AND b.start < a."end" AND a.mention <> b.mention
GROUP BY one, other
"""

_KEPT = """
CREATE TABLE kept AS
WITH lengths AS (
    SELECT mention, sum("end" - start) AS length FROM stretches GROUP BY mention
), inside AS (
    SELECT one AS mention
    FROM touching
    JOIN lengths a ON a.mention = one
    JOIN lengths b ON b.mention = other
    WHERE same_class AND shared = a.length AND a.length < b.length
)
SELECT mention, document, section, sentence, concept
FROM found ANTI JOIN inside USING (mention)
WHERE concept IS NOT NULL
"""

# A place is a sentence that names something; the better evidence, the smaller its number.
_PLACES = """
CREATE TABLE places AS
SELECT
    row_number() OVER (
        ORDER BY document, coalesce(b."end" - b.start > $max_sentence, true), section, sentence
    )::INTEGER - 1 AS place,
    document, section, sentence, b.start, b."end"
FROM (SELECT DISTINCT document, section, sentence FROM kept)
JOIN documents USING (document)
LEFT JOIN (
    SELECT doc_id, content_hash, section, sentence, min(start) AS start, max("end") AS "end"
    FROM sentences
    GROUP BY ALL
) b USING (doc_id, content_hash, section, sentence)
"""

_PLACED = """
CREATE TABLE placed AS
SELECT mention, place, document, concept FROM kept JOIN places USING (document, section, sentence)
"""

# How many of the ways to choose a mention of each concept fall on shared characters.
_CLASHES = """
CREATE TABLE clashes AS
SELECT
    a.document, if(a.place = b.place, a.place, NULL) AS place,
    a.concept AS subject, b.concept AS object, count(*) AS n
FROM touching
JOIN placed a ON a.mention = one
JOIN placed b ON b.mention = other
WHERE a.concept < b.concept
GROUP BY ALL
"""

# The unit is a document or a place. Two concepts are a pair unless all choices clash.
_PAIRS = """
CREATE TABLE $unit_pairs AS
WITH named AS (
    SELECT $unit, concept, count(*) AS n FROM placed GROUP BY ALL
), pairing AS (
    FROM named SEMI JOIN (
        SELECT $unit FROM named GROUP BY $unit HAVING count(*) <= $max_concepts
    ) USING ($unit)
), clashing AS (
    SELECT $unit, subject, object, sum(n) AS n FROM clashes WHERE $unit IS NOT NULL GROUP BY ALL
)
SELECT a.$unit, a.concept AS subject, b.concept AS object
FROM pairing a
JOIN pairing b ON a.$unit = b.$unit AND a.concept < b.concept
LEFT JOIN clashing c ON c.$unit = a.$unit AND c.subject = a.concept AND c.object = b.concept
WHERE coalesce(c.n, 0) < a.n * b.n
UNION ALL
SELECT $unit, concept, concept FROM named
"""

_LARGE_DOCUMENTS = """
INSERT INTO document_pairs
SELECT DISTINCT document, subject, object
FROM place_pairs
JOIN places USING (place)
SEMI JOIN (
    SELECT document FROM placed GROUP BY document HAVING count(DISTINCT concept) > $max_concepts
) USING (document)
WHERE subject <> object
"""

_IN_DOCUMENTS = """
CREATE TABLE in_documents AS
SELECT
    subject, object, count(*) AS n_documents,
    min(document, $n) AS newest,
    min(document) AS first,
    max(document) FILTER (document < (SELECT count(pub_year) FROM documents)) AS oldest
FROM document_pairs
GROUP BY subject, object
"""

_IN_PLACES = """
CREATE TABLE in_places AS
SELECT subject, object, count(*) AS n_sentences, min(place) AS place
FROM place_pairs
GROUP BY subject, object
"""

# DuckDB's substring counts code points, as spans do.
_EVIDENCE = """
CREATE TABLE evidence AS
SELECT * FROM (
    SELECT
        place, document,
        substring(c.sections[p.section + 1].text, p.start + 1, p."end" - p.start) AS sentence
    FROM (SELECT DISTINCT place FROM in_places)
    JOIN places p USING (place)
    JOIN documents d USING (document)
    JOIN citations c ON c.doc_id = d.doc_id AND c.content_hash = d.content_hash
        AND c.position = d.position
)
WHERE sentence IS NOT NULL
"""

_COUNTS = """
SELECT
    subject, object, n_documents, coalesce(n_sentences, 0) AS n_sentences,
    newest, first, oldest, sentence, evidence.document
FROM in_documents
LEFT JOIN in_places USING (subject, object)
LEFT JOIN evidence USING (place)
ORDER BY subject, object
"""
