"""Every table: what a row is, its key, its partitions, its order, and the meaning of each column.

The meaning of a column is written once and travels with the Arrow schema into Parquet, into
Dagster's column schema and into `docs/tables.md`. A column that appears in two tables is one
object. Each (table, partition) has exactly one asset that writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import pyarrow as pa

from kazu_platform.documents import EntityClass
from kazu_platform.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ENTITY_CLASSES: tuple[str, ...] = get_args(EntityClass)


@dataclass(frozen=True)
class Table:
    """A table of the platform.

    `key` identifies a row within the whole table, `partitioned_by` says what names a partition
    (`pubmed_file`, `ontology`, `bucket`, `stage/pubmed_file`, or `all` for a single one), and
    `order` is how rows are sorted within a partition. `stored` is false for tables that only
    pass between functions.
    """

    name: str
    row: str
    key: tuple[str, ...]
    partitioned_by: str
    order: tuple[str, ...]
    schema: pa.Schema
    stored: bool = True

    def empty(self) -> pa.Table:
        """No rows of this table."""
        return self.schema.empty_table()

    def from_rows(self, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
        """Make a table of dictionaries; a column that a row lacks is null, or an error."""
        return self.check(pa.Table.from_pylist(list(rows), schema=self.schema))

    def from_columns(self, columns: Mapping[str, Any]) -> pa.Table:
        """Make a table of columns (lists or Arrow arrays), in the order of the schema."""
        missing = [name for name in self.schema.names if name not in columns]
        unknown = [name for name in columns if name not in self.schema.names]
        if missing or unknown:
            raise SchemaError(f"{self.name}: columns missing {missing}, unknown {unknown}.")
        arrays = [
            columns[f.name]
            if isinstance(columns[f.name], pa.Array | pa.ChunkedArray)
            else pa.array(columns[f.name], type=f.type)
            for f in self.schema
        ]
        return self.check(pa.Table.from_arrays(arrays, schema=self.schema))

    def check(self, rows: pa.Table) -> pa.Table:
        """Return the rows with this very schema, or say everything that does not fit.

        Raises:
            SchemaError: lists each missing, unknown or differently typed column and each null
                where there may be none.
        """
        names = rows.schema.names
        twice = sorted({name for name in names if names.count(name) > 1})
        problems = [f"column {name} is there {names.count(name)} times" for name in twice]
        if not twice:
            problems = [*self._type_problems(rows.schema), *self._null_problems(rows)]
        if problems:
            raise SchemaError(f"{self.name}: {'; '.join(problems)}. Nothing was written.")
        return rows.select(self.schema.names).cast(self.schema)

    def _type_problems(self, found: pa.Schema) -> list[str]:
        problems = [
            f"column {name} is missing" for name in self.schema.names if name not in found.names
        ]
        problems += [
            f"column {name} is unknown" for name in found.names if name not in self.schema.names
        ]
        for wanted in self.schema:
            if wanted.name in found.names:
                is_type = found.field(wanted.name).type
                if is_type != wanted.type:
                    problems.append(f"column {wanted.name} is {is_type}, should be {wanted.type}")
        return problems

    def _null_problems(self, rows: pa.Table) -> list[str]:
        return [
            f"column {f.name} has {rows[f.name].null_count} nulls and may have none"
            for f in self.schema
            if not f.nullable and f.name in rows.schema.names and rows[f.name].null_count
        ]

    def sort(self, rows: pa.Table) -> pa.Table:
        """Rows in the table's order."""
        return rows.sort_by([(name, "ascending") for name in self.order]) if self.order else rows


def column(name: str, kind: pa.DataType, meaning: str, *, nullable: bool = False) -> pa.Field:
    """A column whose meaning travels with it."""
    return pa.field(name, kind, nullable=nullable, metadata={"description": meaning})


TEXT = pa.string()
STRINGS = pa.list_(TEXT)
SPAN = pa.struct([pa.field("start", pa.int32()), pa.field("end", pa.int32())])
AUTOMATIC = pa.struct(
    [
        pa.field("scope", TEXT),
        pa.field("case_sensitive", pa.bool_()),
        pa.field("active", pa.bool_()),
        pa.field("linkable", pa.bool_()),
        pa.field("held_back_by", TEXT),
    ]
)
"""What a curation may change of a name, as it was before."""
SECTION = pa.struct([pa.field("name", TEXT), pa.field("text", TEXT)])

# Columns that several tables share.
CONCEPT_ID = column("concept_id", TEXT, "CURIE of the concept, such as MONDO:0005148.")
ONTOLOGY = column("ontology", TEXT, "Name of the ontology in the catalogue.")
ENTITY_CLASS = column("entity_class", TEXT, "gene, disease, chemical, species, cell_line, ...")
DOC_ID = column("doc_id", TEXT, "PMID:123, PMC:PMC123456 or the id of an own document.")
PMID = column("pmid", pa.int64(), "PubMed's number of the citation.", nullable=True)
CONTENT_HASH = column("content_hash", TEXT, "Hash of section names and texts that was read.")
SECTION_INDEX = column("section", pa.int32(), "Index of the section in the document.")
SENTENCE_INDEX = column("sentence", pa.int32(), "Index of the sentence in its section.")
START = column("start", pa.int32(), "First character in the section, in code points.")
END = column("end", pa.int32(), "One past the last character.")
SPANS = column("spans", pa.list_(SPAN), "Every stretch; several if the mention is discontinuous.")
MENTION_ID = column("mention_id", TEXT, "Hash of what identifies it; equal in every run.")
MENTION_TEXT = column("text", TEXT, "The mention as it stands; stretches joined by ' ... '.")
CONFIDENCE = column(
    "confidence", pa.float32(), "Probability; null if no model said it.", nullable=True
)
DETECTOR = column("detector", TEXT, "Who found it: dictionary, model, both joined by +.")
DETECTOR_VERSION = column("detector_version", TEXT, "Version of the detector's data and rules.")
SURFACE_ID = column("surface_id", TEXT, "Hash of text, class and context of a thing to link.")
NORMALISED = column("normalised", TEXT, "The string as its class's normaliser leaves it.")
VOCABULARY_VERSION = column("vocabulary_version", TEXT, "Version of the vocabularies of the class.")
LINKER_VERSION = column("linker_version", TEXT, "Version of the linker's rules and models.")
SUBJECT = column("subject", TEXT, "CURIE of the first concept.")
OBJECT = column("object", TEXT, "CURIE of the second concept.")
FIRST_YEAR = column("first_year", pa.int32(), "Earliest year of publication.", nullable=True)
LAST_YEAR = column("last_year", pa.int32(), "Latest year of publication.", nullable=True)
PUBLICATIONS = column("publications", STRINGS, "Newest publications, at most ten.")
EVIDENCE = column(
    "sentence", TEXT, "One sentence that names both; null if none does.", nullable=True
)
EVIDENCE_ID = column("sentence_doc_id", TEXT, "Document of that sentence.", nullable=True)
N_DOCUMENTS = column("n_documents", pa.int64(), "Distinct documents.")
N_SENTENCES = column("n_sentences", pa.int64(), "Sentences that name both.")
SOURCE = column(
    "source", TEXT, "Where it comes from: an ontology of the catalogue, or co-occurrence."
)
LICENCE = column("licence", TEXT, "Licence of the source, so that an export can leave some out.")

CONCEPTS = Table(
    name="concepts",
    row="a concept of an ontology version",
    key=("concept_id", "ontology"),
    partitioned_by="ontology",
    order=("concept_id",),
    schema=pa.schema(
        [
            CONCEPT_ID,
            ONTOLOGY,
            ENTITY_CLASS,
            column("label", TEXT, "Preferred name."),
            column("definition", TEXT, "What the ontology says it is.", nullable=True),
            column("obsolete", pa.bool_(), "Withdrawn by the ontology; never matched."),
            column("replaced_by", TEXT, "The concept to use instead.", nullable=True),
            column("taxon_id", TEXT, "NCBITaxon CURIE of its organism.", nullable=True),
            column("ontology_version", TEXT, "Version that the file declares, or its hash."),
        ]
    ),
)
SYNONYMS = Table(
    name="synonyms",
    row="a name of a concept",
    key=("concept_id", "name", "scope", "ontology"),
    partitioned_by="ontology",
    order=("concept_id", "scope", "name"),
    schema=pa.schema(
        [
            CONCEPT_ID,
            ONTOLOGY,
            ENTITY_CLASS,
            column("name", TEXT, "The name as its source writes it."),
            column("scope", TEXT, "label, exact, narrow, broad, related or abbreviation."),
            NORMALISED,
            column("normaliser_version", TEXT, "Version of the rules that normalised it."),
            column("case_sensitive", pa.bool_(), "Matches only in this very case."),
            column(
                "in_context",
                pa.bool_(),
                "Matches only in a document that once gives its head word: S2 cells.",
            ),
            column("source", TEXT, "ontology, generated or curated."),
            column("origin", TEXT, "Name that a rule made it from.", nullable=True),
            column("rule", TEXT, "Generation rule that made it.", nullable=True),
            column("active", pa.bool_(), "Matched in texts."),
            column("linkable", pa.bool_(), "A mention of this string may link to the concept."),
            column(
                "held_back_by",
                TEXT,
                "Why it is not matched: obsolete, a rule of automatic curation, a curation_id.",
                nullable=True,
            ),
            column(
                "curation_id", TEXT, "Curation that added or last touched the name.", nullable=True
            ),
            column(
                "automatic",
                AUTOMATIC,
                "What the ontology and the rules say of a name that a curation touched.",
                nullable=True,
            ),
        ]
    ),
)
CONCEPT_RELATIONS = Table(
    name="concept_relations",
    row="a relation that an ontology asserts between two concepts",
    key=("subject_id", "predicate", "object_id", "ontology"),
    partitioned_by="ontology",
    order=("subject_id", "predicate", "object_id"),
    schema=pa.schema(
        [
            column("subject_id", TEXT, "CURIE of the subject."),
            column("predicate", TEXT, "is_a, or the CURIE or name of another relation."),
            column("object_id", TEXT, "CURIE of the object."),
            ONTOLOGY,
        ]
    ),
)
CONCEPT_XREFS = Table(
    name="concept_xrefs",
    row="a cross-reference of a concept",
    key=("concept_id", "predicate", "xref", "ontology"),
    partitioned_by="ontology",
    order=("concept_id", "predicate", "xref"),
    schema=pa.schema(
        [
            CONCEPT_ID,
            column("predicate", TEXT, "SKOS: exactMatch, closeMatch, broadMatch, ...; or xref."),
            column("xref", TEXT, "CURIE in the other vocabulary."),
            ONTOLOGY,
        ]
    ),
)
CONCEPT_MAPPINGS = Table(
    name="concept_mappings",
    row="a mapping between two vocabularies that a mapping set of the catalogue asserts",
    key=("subject_id", "predicate", "object_id", "mapping_set"),
    partitioned_by="mapping_set",
    order=("subject_id", "predicate", "object_id"),
    schema=pa.schema(
        [
            column("subject_id", TEXT, "CURIE of the subject."),
            column("predicate", TEXT, "SKOS: exactMatch, closeMatch, ...; or another's CURIE."),
            column("object_id", TEXT, "CURIE of the object."),
            column("mapping_set", TEXT, "Name of the mapping set in the catalogue."),
        ]
    ),
)
CONCEPT_EQUIVALENTS = Table(
    name="concept_equivalents",
    row="an identifier that another concept stands for, its leader; or one that was refused a "
    "leader",
    key=("concept_id", "ontology", "entity_class"),
    partitioned_by="all",
    order=("entity_class", "ontology", "concept_id"),
    schema=pa.schema(
        [
            CONCEPT_ID,
            column("ontology", TEXT, "Its ontology; empty if none of the catalogue has it."),
            ENTITY_CLASS,
            column("leader_id", TEXT, "The concept to use; null if refused.", nullable=True),
            column("leader_ontology", TEXT, "Ontology of the leader.", nullable=True),
            column(
                "match_id", TEXT, "What it matches: the leader, or what follows it.", nullable=True
            ),
            column(
                "method",
                TEXT,
                "identical (one id in two ontologies), direct (an exact match), replaced (one of "
                "an obsolete id), shared (both have the same id elsewhere).",
            ),
            column("evidence", STRINGS, "Ontologies and mapping sets that say so; shared ids."),
            column(
                "refused", TEXT, "Why it was not joined: ambiguous, another_match.", nullable=True
            ),
            column("candidates", STRINGS, "Leaders it might have had; several if ambiguous."),
        ]
    ),
)
CURATIONS = Table(
    name="curations",
    row="a person's decision about a name or a concept",
    key=("curation_id",),
    partitioned_by="all",
    order=("curation_id",),
    schema=pa.schema(
        [
            column("curation_id", TEXT, "Hash of the action and what it is about."),
            column("action", TEXT, "add, drop, case, ignore or prefer."),
            column("concept_id", TEXT, "CURIE of the concept.", nullable=True),
            column("name", TEXT, "The name or string decided about.", nullable=True),
            column("entity_class", TEXT, "Class it is about; null for any.", nullable=True),
            column("ontology", TEXT, "Ontology it is about; null for any.", nullable=True),
            column(
                "case_sensitive",
                pa.bool_(),
                "Whether the name counts in its very case only; null: by its shape.",
                nullable=True,
            ),
            column("scope", TEXT, "Scope of an added name.", nullable=True),
            column("author", TEXT, "Who decided."),
            column("reason", TEXT, "Why."),
            column("decided_on", pa.date32(), "When."),
            column("expires_on", pa.date32(), "Last day it counts.", nullable=True),
            column("state", TEXT, "proposed, approved or withdrawn."),
            column(
                "effect",
                TEXT,
                "in_force, expired, proposed, withdrawn, contradicted, unknown_concept or "
                "no_such_name.",
            ),
            column("detail", TEXT, "Why that is its effect, where it needs words.", nullable=True),
            column(
                "n_changed",
                pa.int64(),
                "Names that it changes; null for prefer, and while no vocabulary is there.",
                nullable=True,
            ),
            column("place", TEXT, "Where it stands in its file."),
        ]
    ),
)

PUBLISHED_FILES = Table(
    name="published_files",
    row="a file of the catalogue's folders of PubMed and PMC, as listed",
    key=("file",),
    partitioned_by="all",
    order=("position",),
    schema=pa.schema(
        [
            column("file", TEXT, "Name of the file without its ending: its partition."),
            column("kind", TEXT, "baseline, update (both of PubMed) or full_text (of PMC)."),
            column("url", TEXT, "Where it is, or was."),
            column("position", pa.int32(), "Place in the order in which files count."),
            column("published", pa.bool_(), "The last listing had it."),
            column("first_listed_at", pa.timestamp("us", tz="UTC"), "When a listing first had it."),
        ]
    ),
)
CITATIONS = Table(
    name="citations",
    row="a version of a citation",
    key=("doc_id", "version", "content_hash", "file"),
    partitioned_by="pubmed_file",
    order=(),  # as in the file: later rows of a file win
    schema=pa.schema(
        [
            DOC_ID,
            PMID,
            column("version", pa.int32(), "Version attribute of the PMID."),
            column("title", TEXT, "Title, without markup; may be empty."),
            column("sections", pa.list_(SECTION), "Title first, then the abstract's sections."),
            column("vernacular_title", TEXT, "Title in the original language.", nullable=True),
            column("other_abstracts", pa.list_(SECTION), "Abstracts in other words or languages."),
            column("journal", TEXT, "Title of the journal or book.", nullable=True),
            column("pub_year", pa.int32(), "Year of publication.", nullable=True),
            column(
                "pub_date",
                TEXT,
                "ISO date, as precise as the source: 2024, 2024-05, ...",
                nullable=True,
            ),
            column("language", STRINGS, "ISO 639-2 codes."),
            column("publication_types", STRINGS, "Names of publication types."),
            column("mesh", STRINGS, "MeSH descriptors (MESH:D000001)."),
            column("doi", TEXT, "DOI.", nullable=True),
            column("pmcid", TEXT, "PMC id.", nullable=True),
            column("revised_on", pa.date32(), "DateRevised of the record.", nullable=True),
            column("retracted", pa.bool_(), "The publication was retracted."),
            column(
                "corrected",
                pa.bool_(),
                "An erratum, a corrected version or a partial retraction of it was published.",
                nullable=True,
            ),
            column(
                "notices",
                STRINGS,
                "What corrects, retracts or doubts it, and what it corrects, retracts or doubts: "
                "NLM's RefType and, if it says one, the PMID: ErratumIn PMID:7.",
                nullable=True,
            ),
            CONTENT_HASH,
            column("file", TEXT, "Partition that holds this version."),
            column("position", pa.int32(), "Place of the element in its file."),
        ]
    ),
)
DELETIONS = Table(
    name="deletions",
    row="a PMID that an update file deletes",
    key=("pmid", "version", "file", "position"),
    partitioned_by="pubmed_file",
    order=("position",),
    schema=pa.schema(
        [
            column("pmid", pa.int64(), "PubMed's number of the deleted citation."),
            column("version", pa.int32(), "The version deleted; null for all.", nullable=True),
            column("file", TEXT, "Partition that deletes it."),
            column("position", pa.int32(), "Place of the element in its file."),
        ]
    ),
)
SENTENCES = Table(
    name="sentences",
    row="a sentence",
    key=("doc_id", "content_hash", "section", "sentence"),
    partitioned_by="pubmed_file",
    order=(),
    schema=pa.schema([DOC_ID, CONTENT_HASH, SECTION_INDEX, SENTENCE_INDEX, START, END]),
)
PASSAGES = Table(
    name="passages",
    row="a section with the borders of its sentences: what a detector reads",
    key=("doc_id", "content_hash", "section"),
    partitioned_by="pubmed_file",
    order=(),
    schema=pa.schema(
        [
            DOC_ID,
            CONTENT_HASH,
            SECTION_INDEX,
            column("name", TEXT, "Name of the section."),
            column("text", TEXT, "Text of the section."),
            column("sentences", pa.list_(SPAN), "Borders of its sentences, in order."),
        ]
    ),
    stored=False,
)
CURRENT_CITATIONS = Table(
    name="current_citations",
    row="an article as it now stands: a PMID, or a full text without one",
    key=("doc_id",),
    partitioned_by="all",
    order=("pmid", "doc_id"),
    schema=pa.schema(
        [
            PMID,
            column("doc_id", TEXT, "The text that counts: its full text, if there is one."),
            column("version", pa.int32(), "Version that is valid.", nullable=True),
            column("file", TEXT, "Partition of the valid version, or of the deletion."),
            column(
                "content_hash", TEXT, "Text of the valid version; null if deleted.", nullable=True
            ),
            column("position", pa.int32(), "Place of the valid element in its file."),
            column("deleted", pa.bool_(), "Deleted by an update file."),
        ]
    ),
)

_MENTION = [
    MENTION_ID,
    DOC_ID,
    CONTENT_HASH,
    SECTION_INDEX,
    SENTENCE_INDEX,
    START,
    END,
    SPANS,
    MENTION_TEXT,
    ENTITY_CLASS,
    CONFIDENCE,
    DETECTOR,
    DETECTOR_VERSION,
]
DICTIONARY_MENTIONS = Table(
    name="dictionary_mentions",
    row="a mention that the dictionary matched",
    key=("mention_id", "content_hash"),
    partitioned_by="pubmed_file",
    order=(),
    schema=pa.schema(_MENTION),
)
MODEL_MENTIONS = Table(
    name="model_mentions",
    row="a mention that a model found or thought possible",
    key=("mention_id", "content_hash"),
    partitioned_by="pubmed_file",
    order=(),
    schema=pa.schema(_MENTION),
)
MENTIONS = Table(
    name="mentions",
    row="a mention in a text, whoever found it",
    key=("mention_id", "content_hash"),
    partitioned_by="pubmed_file",
    order=(),
    schema=pa.schema(
        [*_MENTION, SURFACE_ID, column("context", TEXT, "Context of its surface; see surfaces.")]
    ),
)
SURFACES = Table(
    name="surfaces",
    row="a distinct thing to link: a string, its class and the context that matters",
    key=("surface_id",),
    partitioned_by="bucket",
    order=("surface_id",),
    schema=pa.schema(
        [
            SURFACE_ID,
            column("text", TEXT, "The string as it stands in texts."),
            NORMALISED,
            ENTITY_CLASS,
            column(
                "context",
                TEXT,
                "Empty, or taxon:<CURIE>, then long:<long form>, defined:<CURIE> or near:<name>.",
            ),
            column(
                "n_mentions", pa.int64(), "Mentions of it in all files, superseded versions too."
            ),
        ]
    ),
)
SURFACE_VECTORS = Table(
    name="surface_vectors",
    row="a string of the corpus as the linking encoder sees it",
    key=("normalised",),
    partitioned_by="bucket",
    order=("normalised",),
    schema=pa.schema(
        [
            NORMALISED,
            column("value", pa.binary(), "The vector, a signed byte for each dimension."),
            column("scale", pa.float32(), "What the bytes are times."),
            column("encoder_version", TEXT, "Version of the encoder; others do not compare."),
        ]
    ),
)
LINKS = Table(
    name="links",
    row="a candidate concept of a surface",
    key=("surface_id", "concept_id"),
    partitioned_by="bucket",
    order=("surface_id", "rank"),
    schema=pa.schema(
        [
            SURFACE_ID,
            CONCEPT_ID,
            ONTOLOGY,
            column("rank", pa.int32(), "1 is what is meant; without it, the others are guesses."),
            column(
                "score",
                pa.float32(),
                "Probability that it is meant (of KAZU_LINKER=names an order).",
            ),
            column(
                "method",
                TEXT,
                "exact, normalised, abbreviation, ngram, embedding, learnt or curated.",
            ),
            column("ambiguous", pa.bool_(), "Another concept fits as well by name."),
            VOCABULARY_VERSION,
            LINKER_VERSION,
        ]
    ),
)
QUARANTINE = Table(
    name="quarantine",
    row="a document that could not be processed",
    key=("doc_id", "stage", "content_hash", "file", "position"),
    partitioned_by="stage/pubmed_file",
    order=(),
    schema=pa.schema(
        [
            DOC_ID,
            column("stage", TEXT, "What was being done: citations, dictionary, ..."),
            column("reason", TEXT, "crash, out_of_memory, timeout, error, too_long or malformed."),
            column("detail", TEXT, "The error in words."),
            column("attempts", pa.int32(), "How often it was tried."),
            column("content_hash", TEXT, "Hash of its text; null if there is none.", nullable=True),
            column("file", TEXT, "Partition it came from."),
            column("position", pa.int32(), "Place of the element in its file.", nullable=True),
            column("at", pa.timestamp("us", tz="UTC"), "When it was set aside."),
        ]
    ),
)
PAIR_COUNTS = Table(
    name="pair_counts",
    row="two concepts named together in the current citations of one file; subject = object "
    "counts the concept alone",
    key=("subject", "object", "file"),
    partitioned_by="pubmed_file",
    order=("subject", "object"),
    schema=pa.schema(
        [
            SUBJECT,
            OBJECT,
            N_DOCUMENTS,
            N_SENTENCES,
            FIRST_YEAR,
            LAST_YEAR,
            PUBLICATIONS,
            column(
                "publication_years",
                pa.list_(pa.int32()),
                "Year of each publication, null if unknown: files are merged by it.",
            ),
            EVIDENCE,
            EVIDENCE_ID,
            column("sentence_year", pa.int32(), "Year of that document.", nullable=True),
            column("file", TEXT, "The file counted."),
        ]
    ),
)
NODES = Table(
    name="nodes",
    row="a Biolink node: a concept that the corpus names, or an ancestor of one",
    key=("id",),
    partitioned_by="all",
    order=("id",),
    schema=pa.schema(
        [
            column("id", TEXT, "CURIE."),
            column("name", TEXT, "Preferred name."),
            column("category", TEXT, "Biolink category, such as biolink:Disease."),
            ENTITY_CLASS,
            column("equivalent_ids", STRINGS, "CURIEs of other vocabularies that it stands for."),
            N_DOCUMENTS,
            SOURCE,
            LICENCE,
        ]
    ),
)
EDGES = Table(
    name="edges",
    row="a Biolink edge",
    key=("subject", "predicate", "object", "source"),
    partitioned_by="all",
    order=("subject", "predicate", "object"),
    schema=pa.schema(
        [
            SUBJECT,
            column(
                "predicate", TEXT, "biolink:occurs_together_in_literature_with, subclass_of, ..."
            ),
            OBJECT,
            column(
                "n_documents", pa.int64(), "Distinct PMIDs; null for ontology edges.", nullable=True
            ),
            column("n_sentences", pa.int64(), "Sentences that name both.", nullable=True),
            column(
                "npmi",
                pa.float64(),
                "Normalised pointwise mutual information over documents.",
                nullable=True,
            ),
            column(
                "score",
                pa.float64(),
                "npmi x (1 - 1 / (1 + n_documents)): surprise, damped when rare.",
                nullable=True,
            ),
            FIRST_YEAR,
            LAST_YEAR,
            PUBLICATIONS,
            EVIDENCE,
            EVIDENCE_ID,
            SOURCE,
            LICENCE,
        ]
    ),
)
PARTITION_METRICS = Table(
    name="partition_metrics",
    row="a figure measured while one partition was made",
    key=("stage", "partition", "metric"),
    partitioned_by="stage/partition",
    order=("metric",),
    schema=pa.schema(
        [
            column("stage", TEXT, "The asset that was made."),
            column("partition", TEXT, "Its partition."),
            column("metric", TEXT, "documents, rows, seconds, peak_memory_bytes, set_aside, ..."),
            column("value", pa.float64(), "The figure."),
            column("version", TEXT, "Data version of what was made.", nullable=True),
            column(
                "inputs",
                TEXT,
                "Versions of what it was made of (data, code, models), as a JSON object.",
                nullable=True,
            ),
            column("at", pa.timestamp("us", tz="UTC"), "When it was measured."),
        ]
    ),
)
EVALUATIONS = Table(
    name="evaluations",
    row="a figure of how well a detector finds, or a linker links, a class in a split of a corpus",
    key=(
        "stage",
        "detector",
        "detector_version",
        "corpus",
        "split",
        "entity_class",
        "metric",
    ),
    # What was evaluated and not the corpus: a model's figures are replaced all at once, by the one
    # asset that made it, and never stand half beside those of the model before.
    partitioned_by="stage",
    order=("corpus", "split", "entity_class", "metric", "detector", "detector_version"),
    schema=pa.schema(
        [
            column("stage", TEXT, "Whose output was evaluated: ner_model or linking_ranker."),
            DETECTOR,
            DETECTOR_VERSION,
            column("corpus", TEXT, "Name of the corpus."),
            column("split", TEXT, "Its split: train, devel or test."),
            ENTITY_CLASS,
            column(
                "metric",
                TEXT,
                "precision, recall, f1, strict; the same after characters_ (borders by "
                "characters, not tokens) and relaxed_ (an overlap is enough); seen_recall and "
                "unseen_recall (strings that the train split has, and others). Of links: "
                "accuracy_at_1, recall_at_5 and recall_at_20, and the same with _in_vocabulary "
                "(mentions whose concept the vocabularies have); accuracy_with_nil, nil_precision, "
                "nil_recall, calibration_error.",
            ),
            column("value", pa.float64(), "The figure, between 0 and 1."),
            column("low", pa.float64(), "Lower end of its 95 % bootstrap interval."),
            column("high", pa.float64(), "Upper end of that interval."),
            column(
                "n",
                pa.int64(),
                "Entities behind it: those found for a precision, else the gold's; of links "
                "mentions.",
            ),
        ]
    ),
)

LABELLED_MENTION = pa.struct(
    [
        pa.field("first", pa.int32()),
        pa.field("last", pa.int32()),
        pa.field("entity_class", TEXT),
        pa.field("probability", pa.float32()),
    ]
)
_LABELLED = pa.schema(
    [
        column("corpus", TEXT, "The corpus; of weak labels the detector."),
        column("split", TEXT, "train or devel."),
        column("doc_id", TEXT, "Document as the corpus names it.", nullable=True),
        column("sentence", pa.int32(), "Number of the sentence in its split, as read."),
        column("words", STRINGS, "Its words, in order: runs of letters and digits, symbols."),
        column(
            "mentions",
            pa.list_(LABELLED_MENTION),
            "Each with its first word, one past its last, its class, and how probable it is.",
        ),
        column("classes", STRINGS, "Classes that are marked wherever they stand."),
        column("origin", TEXT, "gold (people marked it), weak (a detector did) or unlabelled."),
    ]
)
LABELLED_SENTENCES = Table(
    name="ner_training_data",
    row="a sentence in which people marked mentions, for a model to learn from",
    key=("corpus", "split", "sentence"),
    partitioned_by="corpus",
    order=("split", "sentence"),
    schema=_LABELLED,
)
WEAK_LABELS = Table(
    name="weak_labels",
    row="a sentence in which a detector found mentions, for a model to learn from",
    key=("corpus", "doc_id", "sentence"),
    partitioned_by="detector-pubmed_file",
    order=("split", "sentence"),
    schema=_LABELLED,
)

N_CONCEPTS = column("n_concepts", pa.int64(), "Distinct concepts; equivalent ones count once.")
NAMED_CONCEPTS = column("concept_ids", STRINGS, "CURIEs of concepts of that name, at most twenty.")
SOME_ACTIVE = column("active", pa.bool_(), "At least one of the names is matched in texts.")
AFFECTED = column("n_mentions", pa.int64(), "Mentions in the lake of such strings.")
EXAMPLE = column(
    "sentence",
    TEXT,
    "A sentence with such a mention, where there are many; null for rare ones.",
    nullable=True,
)
FIRST_LINK = (
    column(
        "first_concept_id",
        TEXT,
        "What the linker ranks first, for most of those mentions; null if it links none.",
        nullable=True,
    ),
    column(
        "first_score",
        pa.float32(),
        "Score of that link, the mean over those mentions.",
        nullable=True,
    ),
    column(
        "n_decided",
        pa.int64(),
        "Mentions that this link decides; of the others their context makes something else.",
        nullable=True,
    ),
)
"""What the linker makes of a string that people should look at."""
CONFLICTS = Table(
    name="conflicts",
    row="a string that several concepts are called by",
    key=("string", "kind", "entity_classes", "ontologies"),
    partitioned_by="all",
    order=(),  # by mentions, most first
    schema=pa.schema(
        [
            column("string", TEXT, "The name, as most of the concepts have it."),
            column("kind", TEXT, "within_ontology, across_ontologies or across_classes."),
            column("entity_classes", STRINGS, "Class of the concepts, or classes."),
            column("ontologies", STRINGS, "Ontologies that know the string."),
            column(
                "compared_by",
                TEXT,
                "folded: the same name but for case, dashes and blanks; normalised: the same "
                "once normalised.",
            ),
            NAMED_CONCEPTS,
            column("labels", STRINGS, "Labels of those concepts, in the same order."),
            N_CONCEPTS,
            SOME_ACTIVE,
            AFFECTED,
            *FIRST_LINK,
            EVIDENCE_ID,
            EXAMPLE,
        ]
    ),
)
HOMONYMS = Table(
    name="homonyms",
    row="a common English word that is a name of concepts of a class",
    key=("word", "entity_class"),
    partitioned_by="all",
    order=(),  # by mentions, most first
    schema=pa.schema(
        [
            column("word", TEXT, "The word, folded."),
            ENTITY_CLASS,
            column("names", STRINGS, "How ontologies write it."),
            NAMED_CONCEPTS,
            N_CONCEPTS,
            column("zipf", pa.float64(), "log10 of its uses in a billion words of English."),
            SOME_ACTIVE,
            column("any_case", pa.bool_(), "At least one active name matches in any case."),
            column("held_back_by", STRINGS, "Why the other names are not matched."),
            AFFECTED,
            column(
                "word_case_share",
                pa.float64(),
                "Share of the mentions in the case of a word (was, Was), not of a symbol (WAS).",
                nullable=True,
            ),
            *FIRST_LINK,
            EVIDENCE_ID,
            EXAMPLE,
        ]
    ),
)
VOCABULARY_CHANGES = Table(
    name="vocabulary_changes",
    row="a difference between two versions of an ontology's vocabulary",
    key=("ontology", "change", "concept_id", "name"),
    partitioned_by="ontology",
    order=("change", "concept_id", "name"),
    schema=pa.schema(
        [
            ONTOLOGY,
            ENTITY_CLASS,
            column("from_version", TEXT, "Version of the ontology that was live before."),
            column("to_version", TEXT, "Version that is live now."),
            column(
                "change",
                TEXT,
                "concept_added, _removed, _obsoleted, _replaced, _restored, _relabelled; "
                "name_added, _removed, _moved, _respelled, _activated, _held_back; "
                "scope_changed, case_rule_changed.",
            ),
            CONCEPT_ID,
            column("name", TEXT, "The name; of a concept as a whole its label."),
            column(
                "other",
                TEXT,
                "What it is now: the concept that replaces or got it, label, scope, spelling, ...",
                nullable=True,
            ),
            column(
                "effect",
                TEXT,
                "On mentions of the name: lost, gained or relinked; null: none is expected.",
                nullable=True,
            ),
            column(
                "n_mentions",
                pa.int64(),
                "Mentions of the name, or linked to the concept; of gained names those found in "
                "the texts that were searched; null if not counted.",
                nullable=True,
            ),
        ]
    ),
)
RELEASES = Table(
    name="releases",
    row="a version of an ontology that went live, or was taken back",
    key=("ontology", "decided_at"),
    partitioned_by="ontology",
    order=("decided_at",),
    schema=pa.schema(
        [
            ONTOLOGY,
            column("decided_at", pa.timestamp("us", tz="UTC"), "When it was decided."),
            column("decision", TEXT, "first, passed, accepted, unmeasured or taken_back."),
            column("by", TEXT, "Who decided, if a person did.", nullable=True),
            column("reason", TEXT, "Why, in words."),
            column("version", TEXT, "Version of the ontology, as its file declares it."),
            column("file", TEXT, "SHA-256 of its file."),
            column("former_version", TEXT, "Version that it replaced.", nullable=True),
            column("former_file", TEXT, "SHA-256 of that version's file.", nullable=True),
            column(
                "former",
                TEXT,
                "What was live before, as a JSON object: by table its generation and inputs; null "
                "if there is no way back.",
                nullable=True,
            ),
            column("n_documents", pa.int64(), "Documents that were looked at."),
            column("n_mentions", pa.int64(), "Mentions of the ontology's class in them before."),
            column("n_lost", pa.int64(), "Of these, those that it loses."),
            column("n_relinked", pa.int64(), "Those that it links to another concept."),
            column("n_gained", pa.int64(), "Mentions of the class that come."),
        ]
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        CONCEPTS,
        SYNONYMS,
        CONCEPT_RELATIONS,
        CONCEPT_XREFS,
        CONCEPT_MAPPINGS,
        CONCEPT_EQUIVALENTS,
        CURATIONS,
        PUBLISHED_FILES,
        CITATIONS,
        DELETIONS,
        SENTENCES,
        CURRENT_CITATIONS,
        DICTIONARY_MENTIONS,
        MODEL_MENTIONS,
        MENTIONS,
        SURFACES,
        SURFACE_VECTORS,
        LINKS,
        QUARANTINE,
        PAIR_COUNTS,
        NODES,
        EDGES,
        CONFLICTS,
        HOMONYMS,
        VOCABULARY_CHANGES,
        RELEASES,
        LABELLED_SENTENCES,
        WEAK_LABELS,
        PARTITION_METRICS,
        EVALUATIONS,
    )
}
