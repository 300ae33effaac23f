"""What OWL annotation properties say about a class: shared by the three OWL-based formats.

Belongs here: properties by meaning. Does not: syntax (owl_xml, functional, obograph).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kazu_platform.ontologies.curies import curie
from kazu_platform.ontologies.terms import (
    ABBREVIATION,
    BROAD,
    EXACT,
    NARROW,
    RELATED,
    XREF,
    Term,
)

OBO = "http://purl.obolibrary.org/obo/"
OIO = "http://www.geneontology.org/formats/oboInOwl#"
OWL = "http://www.w3.org/2002/07/owl#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"

LABEL_PROPERTY = f"{RDFS}label"
VERSION_INFO = f"{OWL}versionInfo"
SYNONYM_TYPE = f"{OIO}hasSynonymType"

DEFINITIONS = frozenset({f"{OBO}IAO_0000115", f"{SKOS}definition"})
ALTERNATIVES = frozenset({f"{OIO}hasAlternativeId"})
DEPRECATED = f"{OWL}deprecated"
REPLACED_BY = f"{OBO}IAO_0100001"

# Scope by the local name too: older imports have `obo:hasExactSynonym`, OBO graphs the bare name.
SYNONYM_SCOPES = {
    **{
        f"{namespace}has{word}Synonym": scope
        for namespace in (OIO, OBO, "")
        for word, scope in (
            ("Exact", EXACT),
            ("Narrow", NARROW),
            ("Broad", BROAD),
            ("Related", RELATED),
        )
    },
    f"{OBO}IAO_0000118": EXACT,  # alternative label
    f"{SKOS}altLabel": EXACT,
    "http://www.ebi.ac.uk/efo/alternative_term": EXACT,
}
XREF_PREDICATES = {
    f"{OIO}hasDbXref": XREF,
    **{
        f"{SKOS}{name}": name
        for name in ("exactMatch", "closeMatch", "broadMatch", "narrowMatch", "relatedMatch")
    },
}
# ChEBI's InChIKey until 2025, and since: one structure, whatever a vocabulary calls it.
INCHIKEYS = frozenset(
    {
        f"{OBO}chebi/inchikey",
        "https://w3id.org/chemrof/inchi_key_string",
        "chemrof:inchi_key_string",
    }
)
# OMO:0003000 abbreviation, OMO:0003012 acronym, and the names older ontologies gave the type.
ABBREVIATION_TYPES = frozenset({"OMO:0003000", "OMO:0003012", "abbreviation", "acronym"})
# RO:0002162 in taxon, RO:0002160 only in taxon.
TAXON_RELATIONS = frozenset({"RO:0002162", "RO:0002160", "in_taxon", "only_in_taxon"})


def is_abbreviation_type(iri: str) -> bool:
    """Whether a synonym type says abbreviation or acronym.

    >>> is_abbreviation_type("http://purl.obolibrary.org/obo/OMO_0003000")
    True
    >>> is_abbreviation_type("http://purl.obolibrary.org/obo/uberon/core#ABBREVIATION")
    True
    """
    short = curie(iri)
    return short in ABBREVIATION_TYPES or short.casefold() in ABBREVIATION_TYPES


def in_english(language: str | None) -> bool:
    """Whether a text without a language, or in this one, is for an English vocabulary.

    >>> in_english(None), in_english("en-GB"), in_english("zh")
    (True, True, False)
    """
    return not language or language.partition("-")[0].lower() == "en"


@dataclass(slots=True)
class Draft:
    """A part of a term while its statements come in."""

    id: str
    declared: bool = False
    labels: list[str] = field(default_factory=list)
    definition: str | None = None
    synonyms: list[tuple[str, str]] = field(default_factory=list)
    alternatives: list[str] = field(default_factory=list)
    relations: list[tuple[str, str]] = field(default_factory=list)
    xrefs: list[tuple[str, str]] = field(default_factory=list)
    obsolete: bool = False
    replaced_by: str | None = None
    taxon: str | None = None

    def annotate(
        self,
        predicate: str,
        value: str,
        language: str | None = None,
        *,
        abbreviation: bool = False,
    ) -> None:
        """Take one annotation: the IRI of its property, and a literal or an IRI.

        What is in another language than English, or says nothing to a vocabulary, is left out.
        """
        if not in_english(language):
            return
        if predicate == LABEL_PROPERTY:
            self.labels.append(value)
        elif scope := SYNONYM_SCOPES.get(predicate):
            self.synonyms.append((value, ABBREVIATION if abbreviation else scope))
        elif relation := XREF_PREDICATES.get(predicate):
            self.xrefs.append((relation, curie(value)))
        elif predicate in INCHIKEYS:
            self.xrefs.append(("exactMatch", f"INCHIKEY:{value}"))
        elif predicate in DEFINITIONS:
            self.definition = self.definition or value
        elif predicate in ALTERNATIVES:
            self.alternatives.append(curie(value))
        elif predicate == DEPRECATED:
            self.obsolete = self.obsolete or value.strip().lower() in {"true", "1"}
        elif predicate == REPLACED_BY:
            self.replaced_by = self.replaced_by or curie(value)

    def relate(self, predicate: str, target: str) -> None:
        """Take a relation to another class; both are IRIs or CURIEs."""
        relation, other = curie(predicate), curie(target)
        self.relations.append((relation, other))
        if relation in TAXON_RELATIONS and other != self.id:
            self.taxon = self.taxon or other

    def term(self) -> Term:
        """The finished part; of several labels the first is the label, the others are synonyms."""
        label = self.labels[0] if self.labels else None
        return Term(
            id=self.id,
            label=label,
            definition=self.definition,
            synonyms=[*self.synonyms, *((name, EXACT) for name in self.labels[1:])],
            alternatives=self.alternatives,
            relations=self.relations,
            xrefs=self.xrefs,
            obsolete=self.obsolete,
            replaced_by=self.replaced_by,
            taxon=self.taxon,
            declared=self.declared,
        )
