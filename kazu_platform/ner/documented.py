"""What documents name themselves, after the detectors and with what these found.

Three rules, each on top of the last: scientific names by their form (`scientific`), common names
beside them (`glossed`), short forms by their definition (`defined`). They depend on the text and
the mentions of one document alone, so what a changed vocabulary does not touch stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kazu_platform.documents import digest
from kazu_platform.ner import defined as by_definition
from kazu_platform.ner import glossed as by_gloss
from kazu_platform.ner import scientific as by_form

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from kazu_platform.ner.detector import Detector

OF_DOCUMENTS: Final = (by_form.DETECTOR, by_gloss.DETECTOR, by_definition.DETECTOR)
"""What column `detector` says of mentions that these rules made."""
DOCUMENTED_VERSION: Final = (
    f"{by_form.SCIENTIFIC_VERSION}-{by_gloss.GLOSSES_VERSION}-{by_definition.DEFINITIONS_VERSION}"
)
"""Changes when the same mentions and texts may give other ones."""


def with_names_of_documents(
    mentions: pa.Table, passages: pa.Table, defined: pl.DataFrame
) -> pa.Table:
    """Add the mentions that documents make themselves; all in the order of the text.

    Args:
        mentions: DICTIONARY_MENTIONS, or any detectors' with those columns.
        passages: PASSAGES of the same documents.
        defined: their `definitions`.
    """
    found = by_form.with_scientific(mentions, passages)
    found = by_gloss.with_glossed(found, passages)
    return by_definition.with_defined(found, passages, defined)


@dataclass(frozen=True)
class Documented:
    """A detector together with what documents name themselves, as a corpus is read."""

    detector: Detector

    @property
    def name(self) -> str:
        """Name of the detector."""
        return self.detector.name

    @property
    def version(self) -> str:
        """Changes with the detector and with the rules."""
        return digest(self.detector.version, DOCUMENTED_VERSION)

    def detect(self, passages: pa.Table) -> pa.Table:
        """What both find, in the order of the text."""
        found = self.detector.detect(passages)
        return with_names_of_documents(found, passages, by_definition.definitions(passages))
