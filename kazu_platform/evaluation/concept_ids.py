"""Identifiers as corpora write them, as CURIEs.

One column holds them all: bare numbers and accessions whose prefix the type tells, several at once,
and signs for none. What several ids mean differs: parts of a composite mention (`|`), ids that
together are one concept (`+`), species or members of a family (`,`, `;`). A mention means each of
them here: whoever links it to one of them is right.
"""

from __future__ import annotations

import re
from typing import Final

_NONE: Final = {"", "-", "-1"}
_BETWEEN: Final = re.compile(r"[|+,;]")
_TAXON: Final = re.compile(r"\(tax:\s*\d+\)", re.IGNORECASE)
_NUMBERS: Final = {"gene": "NCBIGene", "species": "NCBITaxon"}
"""What a bare number is, by the class of its mention."""
_ACCESSIONS: Final = (
    (re.compile(r"CVCL_\w+"), "Cellosaurus"),
    (re.compile(r"[CD]\d+"), "MESH"),
    (re.compile(r"rs\d+"), "DBSNP"),
)
_PREFIXES: Final = {"mesh": "MESH", "omim": "OMIM", "mim": "OMIM", "ncbitaxon": "NCBITaxon"}


def concept_ids(cell: str, entity_class: str) -> tuple[str, ...]:
    """The concepts of a mention as CURIEs, each once, in the order of the cell.

    Args:
        cell: As it stands in the file.
        entity_class: The class of the mention; says what a bare number is.

    >>> concept_ids(" D003110|OMIM:114500", "disease"), concept_ids("-1", "chemical")
    (('MESH:D003110', 'OMIM:114500'), ())
    >>> concept_ids("100155702(Tax:9823),3479;3479", "gene")
    ('NCBIGene:100155702', 'NCBIGene:3479')
    >>> concept_ids("9606", "species"), concept_ids("CVCL_0045", "cell_line")
    (('NCBITaxon:9606',), ('Cellosaurus:CVCL_0045',))

    What has no known form, such as a variant, is no concept that a vocabulary could have:

    >>> concept_ids("c|SUB|T|229|C", "SequenceVariant"), concept_ids("GO:0006281", "process")
    ((), ('GO:0006281',))
    """
    parts = (part.strip() for part in _BETWEEN.split(_TAXON.sub("", cell)))
    found = (_curie(part, entity_class) for part in parts if part not in _NONE)
    return tuple(dict.fromkeys(each for each in found if each))


def _curie(part: str, entity_class: str) -> str:
    prefix, colon, local = part.partition(":")
    if colon:
        return f"{_PREFIXES.get(prefix.lower(), prefix)}:{local}" if prefix and local else ""
    if part.isdecimal():
        return f"{_NUMBERS[entity_class]}:{part}" if entity_class in _NUMBERS else ""
    return next((f"{name}:{part}" for form, name in _ACCESSIONS if form.fullmatch(part)), "")
