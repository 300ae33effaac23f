"""What the paper reports: F1 of BERN2, of its teacher and of TinyBERN2, on test splits.

Source: Yoon, Jackson, Ford, Poroshin, Kang: Biomedical NER for the Enterprise with Distilled BERN2
and the Kazu Framework, EMNLP 2022 (industry track), Table 2. Its row BC4CHEMD is left out: that
corpus could not be had.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A row of Table 2: a corpus, by the name of its folder, and a class.

    F1 is in percent. `trained_bern2` says that BERN2 learnt from the corpus. `cross_corpus` says
    that ours does not: nothing that is trained or chosen here may use the corpus, it is only
    reported.
    """

    corpus: str
    entity_class: str
    bern2: float
    teacher: float
    tinybern2: float
    trained_bern2: bool = False
    cross_corpus: bool = False


PAPER = (
    PaperRow("BC2GM", "gene", 81.61, 82.54, 80.08, trained_bern2=True),
    PaperRow("JNLPBA", "gene", 69.70, 67.95, 66.83),
    PaperRow("NCBI-disease", "disease", 83.55, 87.82, 83.92, trained_bern2=True),
    PaperRow("BC5CDR-disease", "disease", 70.41, 72.40, 71.18),
    PaperRow("BC5CDR-chem", "chemical", 90.32, 90.94, 90.36),
    PaperRow("JNLPBA", "cell_line", 60.35, 45.62, 46.27, trained_bern2=True),
    PaperRow("JNLPBA", "cell_type", 64.01, 65.33, 65.22, trained_bern2=True),
    PaperRow("linnaeus", "species", 90.33, 56.99, 55.56, trained_bern2=True),
    PaperRow("cellfinder-gene", "gene", 57.62, 74.98, 69.17, cross_corpus=True),
    PaperRow("cellfinder-cellline", "cell_line", 13.78, 16.48, 5.59, cross_corpus=True),
    PaperRow("gellus", "cell_line", 12.90, 13.11, 10.79, cross_corpus=True),
    PaperRow("cellfinder-celltype", "cell_type", 39.50, 38.53, 33.89, cross_corpus=True),
    PaperRow("cellfinder-species", "species", 46.21, 44.27, 48.14, cross_corpus=True),
)
PAPER_CLASSES = tuple(dict.fromkeys(row.entity_class for row in PAPER))
CROSS_CORPUS = frozenset(row.corpus for row in PAPER if row.cross_corpus)
"""Corpora that are only reported."""
