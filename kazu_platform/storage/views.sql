-- Views and small tables of the warehouse, over the views of the stored tables.
-- `lake.<table>` has one column more than `<table>`: the partition each row lies in.

-- Obsolete concepts and the concept to use today; chains are followed, cycles end nowhere.
CREATE TABLE concept_replacements AS
WITH RECURSIVE step AS (
    -- An id that another ontology still uses is not withdrawn.
    SELECT c.concept_id, c.replaced_by FROM concepts c
    WHERE c.obsolete AND c.replaced_by IS NOT NULL
        AND NOT EXISTS (FROM concepts v WHERE v.concept_id = c.concept_id AND NOT v.obsolete)
),
walk AS (
    SELECT concept_id, replaced_by FROM step
    UNION
    SELECT walk.concept_id, step.replaced_by
    FROM walk JOIN step ON step.concept_id = walk.replaced_by
)
SELECT walk.concept_id, min(walk.replaced_by) AS current_id
FROM walk
WHERE EXISTS (FROM concepts c WHERE c.concept_id = walk.replaced_by AND NOT c.obsolete)
GROUP BY walk.concept_id
ORDER BY ALL;

-- Every identifier that another one stands for, and the concept that the graph has it under: obsolete
-- ids, concepts that follow a leader, ids of vocabularies that are not in the catalogue.
CREATE TABLE known_ids AS
WITH follows AS (
    -- Of an id that means different things in two classes, nothing is said.
    SELECT e.concept_id, min(e.leader_id) AS leader_id
    FROM concept_equivalents e
    WHERE e.leader_id IS NOT NULL AND e.leader_id <> e.concept_id
        -- Nor of one that leads in another class.
        AND NOT EXISTS (
            FROM concepts c WHERE c.concept_id = e.concept_id AND NOT c.obsolete
            AND (c.concept_id, c.ontology) NOT IN (
                SELECT (f.concept_id, f.ontology) FROM concept_equivalents f
                WHERE f.leader_id IS NOT NULL
            )
        )
    GROUP BY e.concept_id
    HAVING min(e.leader_id) = max(e.leader_id)
)
SELECT concept_id, leader_id AS current_id FROM follows
UNION ALL
SELECT r.concept_id, coalesce(f.leader_id, r.current_id)
FROM concept_replacements r LEFT JOIN follows f ON f.concept_id = r.current_id
WHERE r.concept_id NOT IN (SELECT concept_id FROM follows)
ORDER BY ALL;

-- The text that counts today: the valid version of each PMID, which is its full text if there is one,
-- each full text without a PMID, and each own document.
CREATE VIEW lake.current_documents AS
SELECT d.*
FROM citations d
JOIN current_citations c
    ON c.doc_id = d.doc_id AND c.file = d.file AND c.position = d.position
WHERE NOT c.deleted
UNION ALL
SELECT d.*
FROM citations d
WHERE d.pmid IS NULL AND NOT EXISTS (FROM current_citations c WHERE c.doc_id = d.doc_id)
QUALIFY row_number() OVER (PARTITION BY d.doc_id ORDER BY d.file DESC, d.position DESC) = 1;

CREATE VIEW current_documents AS FROM lake.current_documents;

CREATE VIEW lake.annotations AS
SELECT
    m.mention_id, m.doc_id, m.content_hash, m.section, m.sentence, m.start, m."end", m.spans,
    m.text, m.entity_class, m.confidence, m.detector, m.detector_version, m.surface_id, m.context,
    l.concept_id, l.ontology, c.label, l.score, l.method, l.ambiguous,
    d.pmid, d.pub_year, d.title, d.sections, d.file, d.position
FROM lake.mentions m
JOIN lake.current_documents d
    ON d.doc_id = m.doc_id AND d.content_hash = m.content_hash AND d.file = m.partition
LEFT JOIN links l ON l.surface_id = m.surface_id AND l.rank = 1
LEFT JOIN concepts c
    ON c.concept_id = l.concept_id AND c.ontology = l.ontology AND NOT c.obsolete;

CREATE VIEW annotations AS SELECT * EXCLUDE (sections, file, position) FROM lake.annotations;

CREATE VIEW annotated_sentences AS
SELECT
    a.* EXCLUDE (sections, file, position),
    substring(a.sections[a.section + 1].text, s.start + 1, s."end" - s.start) AS sentence_text
FROM lake.annotations a
LEFT JOIN lake.sentences s
    ON s.doc_id = a.doc_id AND s.content_hash = a.content_hash AND s.partition = a.file
    AND s.section = a.section AND s.sentence = a.sentence;
