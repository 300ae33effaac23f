"""Devel sets are read as they were published, with types called by our classes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kazu_platform.settings import CorpusSource
from kazu_platform.tables import DICTIONARY_MENTIONS
from kazu_platform.training.devel import (
    counts_of,
    evaluate_devel,
    figures_to_markdown,
    mistakes_to_markdown,
    passages_of_sentences,
    read_devel_sets,
    some_sentences,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    from kazu_platform.training.devel import DevelSet

TOKENS = "TNF\tB-Protein\nrose\tO\nin\tO\nmice\tB-Organism\n.\tO\n\nIL6\tB-gene\nfell\tO\n"
DOCUMENT = """\
7|t|TNF in mice
7|a|It rose.
7\t0\t3\tTNF\tProtein\t-
7\t7\t11\tmice\tspecies\t-
"""


class Nothing:
    """Finds nothing."""

    name = "nothing"
    version = "1"

    def detect(self, passages: pa.Table) -> pa.Table:
        assert passages.num_rows
        return DICTIONARY_MENTIONS.empty()


def sets(
    written: Callable[[str, str], Path],
    test_pmids: frozenset[str] = frozenset(),
    *,
    document: str = DOCUMENT,
    pmids: bool = True,
) -> list[DevelSet]:
    types = {"Protein": "gene", "Organism": "species"}
    given = [
        ("tokens", "iob2", TOKENS, types),
        ("documents", "pubtator", document, {"Protein": "gene"}),
    ]
    return read_devel_sets(
        [
            (
                CorpusSource.model_validate(
                    {
                        "name": name,
                        "url": "x",
                        "format": form,
                        "classes": ["gene", "species"],
                        "types": of,
                        "licence": "CC0-1.0",
                        "pmids": pmids,
                    }
                ),
                written(f"{name}/devel", text),
            )
            for name, form, text, of in given
        ],
        test_pmids,
    )


def test_types_have_the_names_of_classes(written: Callable[[str, str], Path]):
    tokens, documents = sets(written)

    assert tokens.gold.types == {"gene": 2, "species": 1}
    assert documents.gold.types == {"gene": 1, "species": 1}


def test_test_documents_are_left_out(written: Callable[[str, str], Path]):
    another = re.sub("^7", "8", DOCUMENT, flags=re.MULTILINE)
    two = f"{DOCUMENT}\n{another}"

    _, left = sets(written, frozenset({"7"}), document=two)

    assert left.gold.passages["doc_id"].to_pylist() == ["8"]
    assert left.gold.types == {"gene": 1, "species": 1}
    _, whole = sets(written, frozenset({"7"}), document=two, pmids=False)
    assert whole.gold.passages["doc_id"].to_pylist() == ["7", "8"]


def test_a_set_of_test_documents_alone_is_none(written: Callable[[str, str], Path]):
    assert [each.gold.corpus for each in sets(written, frozenset({"7"}))] == ["tokens"]


def test_every_class_of_every_set_is_measured(written: Callable[[str, str], Path]):
    found = evaluate_devel(sets(written), Nothing(), ["gene", "species", "disease"])

    assert [(each.corpus, each.entity_class, each.score.n_gold) for each in found] == [
        ("tokens", "gene", 2),
        ("tokens", "species", 1),
        ("documents", "gene", 1),
        ("documents", "species", 1),
    ]
    assert counts_of(found)["tokens", "gene"].gold.sum() == 2
    assert "| tokens | gene | 0.0 |" in figures_to_markdown(found)
    shown = mistakes_to_markdown(sets(written), found, most=3)
    assert "**tokens, gene**" in shown
    assert "| missed | TNF | 1 |" in shown


def test_some_sentences_of_all_sets_are_texts_of_their_own(written: Callable[[str, str], Path]):
    texts = some_sentences(sets(written), 3)

    assert texts == ["TNF rose in mice .", "IL6 fell", "It rose."]
    passages = passages_of_sentences(texts)
    assert passages["text"].to_pylist() == texts
    assert passages["sentences"].to_pylist()[1] == [{"start": 0, "end": 8}]
