"""All corpora of a folder at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from kazu_platform.errors import ConfigurationError
from kazu_platform.evaluation.corpora import (
    CorpusRow,
    detect_once,
    evaluate_corpora,
    macro,
    missing,
    rows_of,
)
from kazu_platform.evaluation.gold import read_gold
from kazu_platform.evaluation.ner import evaluate
from kazu_platform.evaluation.paper import PAPER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Mentions = Callable[..., pa.Table]
    Corpora = Callable[..., Path]


class Names:
    """Finds names that it is told, and remembers what it read."""

    name, version = "names", "1"

    def __init__(self, mentions: Mentions, **classes: str) -> None:
        self.mentions = mentions
        self.classes = classes
        self.read: list[str] = []

    def detect(self, passages: pa.Table) -> pa.Table:
        rows = passages.to_pylist()
        self.read += [row["text"] for row in rows]
        found = [
            self.mentions(passages.slice(at, 1), (row["doc_id"], name, entity_class))
            for at, row in enumerate(rows)
            for name, entity_class in self.classes.items()
            if name in row["text"]
        ]
        return pa.concat_tables([self.mentions(passages), *found])


@pytest.fixture
def corpora(tmp_path: Path) -> Corpora:
    """A folder with corpora; each is its sentences, such as `TNF/B-gene rose`."""

    def make(split: str = "devel", **sentences: tuple[str, ...]) -> Path:
        for name, of_corpus in sentences.items():
            folder = tmp_path / "ner" / name.replace("_", "-")
            folder.mkdir(parents=True, exist_ok=True)
            lines: list[str] = []
            for number, sentence in enumerate(of_corpus, 1):
                words = (word.partition("/") for word in sentence.split())
                lines += [f"-DOCSTART- {number}\tO", ""]
                lines += [f"{token}\t{tag or 'O'}" for token, _, tag in words] + [""]
            (folder / f"{split}.tsv").write_text("\n".join(lines), "utf-8")
        return tmp_path / "ner"

    return make


def named(rows: list[CorpusRow]) -> list[tuple[str, str, str]]:
    return [(row.group, row.folder.name, row.entity_class) for row in rows]


def test_rows_of_the_paper_come_first_and_further_corpora_by_name(corpora: Corpora):
    root = corpora(
        s800=("mice/B-species rose",),
        gellus=("HeLa/B-cell_line rose",),
        BC2GM=("TNF/B-gene rose",),
        drugprot=("TNF/B-gene and imatinib/B-chemical on kidneys/B-anatomy",),
        JNLPBA=("TNF/B-gene rose",),
    )
    corpora("train", linnaeus=("mice/B-species rose",))

    rows = rows_of(root, "devel")

    assert named(rows) == [
        ("in_domain", "BC2GM", "gene"),
        ("in_domain", "JNLPBA", "gene"),
        ("in_domain", "JNLPBA", "cell_line"),
        ("in_domain", "JNLPBA", "cell_type"),
        ("cross_corpus", "gellus", "cell_line"),
        ("further", "drugprot", "gene"),
        ("further", "drugprot", "chemical"),
        ("further", "s800", "species"),
    ]
    assert [row.corpus for row in missing(rows)][:2] == ["NCBI-disease", "BC5CDR-disease"]
    assert len(missing(rows)) == 8


def test_a_folder_is_known_whatever_the_case_and_the_dashes_of_its_name(corpora: Corpora):
    root = corpora(bc5cdrchem=("aspirin/B-chemical fell",), CellFinder_Gene=("p53/B-gene rose",))

    assert named(rows_of(root, "devel")) == [
        ("in_domain", "bc5cdrchem", "chemical"),
        ("cross_corpus", "CellFinder-Gene", "gene"),
    ]


def test_sentences_that_two_corpora_share_are_read_once(corpora: Corpora, mentions: Mentions):
    root = corpora(
        BC5CDR_disease=("aspirin in gout/B-disease", "no gout/B-disease", "none"),
        BC5CDR_chem=("aspirin/B-chemical in gout", "no gout", "none"),
        BC2GM=("no gout",),
    )
    detector = Names(mentions, aspirin="chemical", gout="disease")
    rows = rows_of(root, "devel")

    results = evaluate_corpora(rows, "devel", detector)

    assert detector.read == ["no gout", "aspirin in gout", "no gout", "none"]
    assert [(each.corpus, each.entity_class, each.score.f1.value) for each in results] == [
        ("BC2GM", "gene", 0.0),
        ("BC5CDR-disease", "disease", 1.0),
        ("BC5CDR-chem", "chemical", 1.0),
    ]


def test_documents_of_one_id_and_different_texts_are_kept_apart(
    corpora: Corpora, mentions: Mentions
):
    root = corpora(BC2GM=("p53/B-gene rose",), JNLPBA=("gout rose",))
    golds = [read_gold(root / name, "devel") for name in ("BC2GM", "JNLPBA")]

    found = detect_once(golds, Names(mentions, p53="gene", gout="disease"))

    assert [each["text"].to_pylist() for each in found] == [["p53"], ["gout"]]


def test_the_macro_is_over_rows_of_the_paper_alone(corpora: Corpora, mentions: Mentions):
    root = corpora(
        BC2GM=("TNF/B-gene rose",), gellus=("K562/B-cell_line rose",), s800=("mice/B-species rose",)
    )
    rows = rows_of(root, "devel")

    results = evaluate_corpora(rows, "devel", Names(mentions, TNF="gene", mice="species"))

    over = macro(rows, results)
    assert over is not None
    assert (over.n_rows, over.f1) == (2, 0.5)
    assert over.tinybern2 == pytest.approx((0.8008 + 0.1079) / 2)
    assert over.bern2 == pytest.approx((0.8161 + 0.1290) / 2)
    assert macro(rows[2:], results[2:]) is None


def test_strings_of_the_train_split_beside_a_corpus_are_told_apart(
    corpora: Corpora, mentions: Mentions
):
    root = corpora(BC2GM=("TNF/B-gene and p53/B-gene",), JNLPBA=("TNF/B-gene rose",))
    corpora("train", BC2GM=("tnf/B-gene rose",))
    rows = rows_of(root, "devel")[:2]

    results = evaluate_corpora(rows, "devel", Names(mentions, p53="gene"))

    seen = results[0].seen
    assert seen is not None
    assert (seen.n_seen, seen.n_unseen) == (1, 1)
    assert results[1].seen is None
    assert evaluate_corpora(rows, "devel", Names(mentions), seen=False)[0].seen is None


@pytest.mark.parametrize("split", ["test", "train"])
def test_a_folder_without_the_split_is_refused(corpora: Corpora, split: str):
    root = corpora(BC2GM=("TNF/B-gene rose",))

    with pytest.raises(ConfigurationError, match=f"holds no corpus with a split '{split}'; give"):
        rows_of(root, split)
    with pytest.raises(ConfigurationError, match="holds no corpus with a split"):
        rows_of(root / "no", "devel")


def test_the_real_corpora_are_the_thirteen_rows_and_nine_further(test_data: Path):
    rows = rows_of(test_data / "ner", "devel")

    assert missing(rows) == []
    assert [row.paper for row in rows[:13]] == list(PAPER)
    assert named(rows[13:]) == [
        ("further", "CRAFT-cell", "cell_type"),
        ("further", "CRAFT-chem", "chemical"),
        ("further", "CRAFT-ggp", "gene"),
        ("further", "CRAFT-species", "species"),
        ("further", "bioid-cellline", "cell_line"),
        ("further", "drugprot", "gene"),
        ("further", "drugprot", "chemical"),
        ("further", "gnormplus", "gene"),
        ("further", "nlm-gene", "gene"),
        ("further", "s800", "species"),
    ]


def test_reading_once_changes_no_figure(test_data: Path, mentions: Mentions):
    """The two corpora of BC5CDR are the same 489 documents."""
    wanted = ("BC5CDR-disease", "BC5CDR-chem")
    rows = [row for row in rows_of(test_data / "ner", "devel") if row.folder.name in wanted]
    detector = Names(mentions, hypotension="disease", cocaine="chemical")

    together = evaluate_corpora(rows, "devel", detector, seen=False)

    assert len(detector.read) == 489
    for row, result in zip(rows, together, strict=True):
        alone = evaluate(read_gold(row.folder, "devel"), detector, row.entity_class)
        assert alone.score == result.score
        assert alone.score.n_correct > 0
