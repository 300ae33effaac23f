-- Questions an analyst asks first. Use them like tables: FROM mentions_of('MONDO:0005148').

-- The id that the graph uses for an id that an ontology has withdrawn, that another concept stands
-- for (DOID:9352 is MONDO:0005148), or that is known only as an exact match (UMLS:C0011860).
CREATE MACRO current_id(old_id) AS coalesce(
    (SELECT k.current_id FROM known_ids k WHERE k.concept_id = old_id), old_id
);

-- A concept with everything below it, and under the id it had before.
CREATE MACRO concept_and_descendants(concept) AS TABLE
    SELECT a.concept_id FROM concept_ancestors a WHERE a.ancestor_id = current_id(concept)
    UNION
    SELECT current_id(concept)
    UNION
    SELECT concept;

-- Mentions of a concept and its descendants, newest publications first; n := 100 for the newest
-- hundred. In two steps, so that abstracts are unpacked only for the mentions that remain.
CREATE MACRO mentions_of(concept, n := NULL) AS TABLE
    WITH wanted AS MATERIALIZED (FROM concept_and_descendants(concept)),
    linked AS MATERIALIZED (FROM links WHERE rank = 1 AND concept_id IN (FROM wanted)),
    hits AS MATERIALIZED (
        SELECT
            m.mention_id, m.doc_id, m.content_hash, m.section, m.sentence, m.start, m."end",
            m.text, m.entity_class, l.concept_id, l.ontology, l.score, l.method, l.ambiguous,
            d.pmid, d.pub_year, d.title, d.file, d.position
        FROM linked l
        JOIN lake.mentions m ON m.surface_id = l.surface_id
        JOIN lake.current_documents d
            ON d.doc_id = m.doc_id AND d.content_hash = m.content_hash AND d.file = m.partition
        ORDER BY d.pub_year DESC NULLS LAST, d.pmid DESC NULLS LAST, m.doc_id, m.section, m.start
        LIMIT n
    )
    SELECT
        h.concept_id, c.label, h.text, h.score, h.method, h.ambiguous, h.doc_id, h.pmid,
        h.pub_year, h.title,
        substring(t.sections[h.section + 1].text, s.start + 1, s."end" - s.start) AS sentence_text,
        h.section, h.sentence, h.start, h."end", h.entity_class, h.mention_id, h.content_hash
    FROM hits h
    LEFT JOIN concepts c
        ON c.concept_id = h.concept_id AND c.ontology = h.ontology AND NOT c.obsolete
    LEFT JOIN lake.sentences s
        ON s.doc_id = h.doc_id AND s.content_hash = h.content_hash AND s.partition = h.file
        AND s.section = h.section AND s.sentence = h.sentence
    LEFT JOIN citations t ON t.file = h.file AND t.position = h.position AND t.doc_id = h.doc_id
    ORDER BY h.pub_year DESC NULLS LAST, h.pmid DESC NULLS LAST, h.doc_id, h.section, h.start;

-- The concepts of an entity class that most documents name; NULL for all classes.
CREATE MACRO top_concepts(class, n := 20) AS TABLE
    SELECT
        a.concept_id, any_value(a.label) AS label, a.entity_class,
        count(DISTINCT a.doc_id) AS n_documents, count(*) AS n_mentions
    FROM annotations a
    WHERE a.concept_id IS NOT NULL AND (class IS NULL OR a.entity_class = class)
    GROUP BY a.concept_id, a.entity_class
    ORDER BY n_documents DESC, n_mentions DESC, a.concept_id
    LIMIT n;

-- What a concept is named together with, most surprising first, with a sentence to judge by.
CREATE MACRO partners(concept, n := 20) AS TABLE
    WITH asked AS (SELECT current_id(concept) AS id UNION SELECT concept),
    pairs AS (
        SELECT e."object" AS partner_id, e.* FROM edges e
        WHERE e."subject" IN (FROM asked) AND e.n_documents IS NOT NULL
        UNION ALL
        SELECT e."subject" AS partner_id, e.* FROM edges e
        WHERE e."object" IN (FROM asked) AND e.n_documents IS NOT NULL
    )
    SELECT
        p.partner_id, v.name, v.category, p.n_documents, p.n_sentences, p.npmi, p.score,
        p.first_year, p.last_year, p.publications, p.sentence, p.sentence_doc_id
    FROM pairs p LEFT JOIN nodes v ON v.id = p.partner_id
    WHERE p.partner_id NOT IN (FROM asked)
    ORDER BY p.score DESC NULLS LAST, p.n_documents DESC, p.partner_id
    LIMIT n;

-- Everything that happened to a PMID (37 or 'PMID:37'), oldest first; `current` marks what counts.
CREATE MACRO history(p) AS TABLE
    WITH happened AS (
        SELECT
            d.pmid, d.file, d.position, 'version' AS event, d.version, d.revised_on, d.title,
            d.retracted, d.content_hash
        FROM citations d WHERE d.pmid = replace(p::VARCHAR, 'PMID:', '')::BIGINT
        UNION ALL
        SELECT
            x.pmid, x.file, x.position, 'deletion', x.version, NULL, NULL, NULL, NULL
        FROM deletions x WHERE x.pmid = replace(p::VARCHAR, 'PMID:', '')::BIGINT
    )
    SELECT
        h.*,
        EXISTS (
            FROM current_citations c
            WHERE c.pmid = h.pmid AND c.file = h.file AND c.position = h.position
        ) AS current
    FROM happened h
    -- Numbers by value: file 9999 comes before file 10000.
    ORDER BY regexp_extract_all(h.file, '[0-9]+')::BIGINT[], h.file, h.position;

-- Concepts by name: the whole name first, then its beginning, then anywhere; shortest first.
CREATE MACRO find_concept(wanted, n := 20) AS TABLE
    WITH hits AS (
        SELECT
            s.concept_id, s.ontology, s.name, s.scope,
            CASE
                WHEN lower(s.name) = lower(wanted) THEN 1
                WHEN starts_with(lower(s.name), lower(wanted)) THEN 2
                ELSE 3
            END AS closeness
        FROM synonyms s WHERE contains(lower(s.name), lower(wanted))
    ),
    led AS (
        SELECT
            coalesce(e.leader_id, h.concept_id) AS concept_id,
            coalesce(e.leader_ontology, h.ontology) AS ontology,
            h.name, h.scope, h.closeness, e.leader_id IS NOT NULL AS follows
        FROM hits h
        LEFT JOIN concept_equivalents e
            ON e.concept_id = h.concept_id AND e.ontology = h.ontology
    ),
    best AS (
        FROM led
        QUALIFY row_number() OVER (
            PARTITION BY concept_id, ontology
            ORDER BY closeness, scope <> 'label', follows, length(name), name
        ) = 1
    )
    SELECT c.concept_id, c.label, b.name, b.scope, c.ontology, c.entity_class, c.definition
    FROM best b JOIN concepts c ON c.concept_id = b.concept_id AND c.ontology = b.ontology
    WHERE NOT c.obsolete
    ORDER BY b.closeness, b.scope <> 'label', length(b.name), c.concept_id
    LIMIT n;
