"""Evaluating linkers on a small vocabulary and a gold made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.evaluation.baselines import ExactMatch, baselines, kazu_ngrams
from kazu_platform.evaluation.calibration import calibrate, reliability_plot
from kazu_platform.evaluation.end_to_end import detected, evaluate_end_to_end
from kazu_platform.evaluation.identifiers import Identifiers
from kazu_platform.evaluation.linkers import OwnLinker
from kazu_platform.evaluation.linking import (
    Judged,
    LinkingEvaluation,
    added_up,
    evaluate_linker,
    judge,
    linking_figures,
    linking_task,
)
from kazu_platform.evaluation.linking_gold import LinkingGold, Marked, linking_gold
from kazu_platform.linking.compile import build_linking_index
from kazu_platform.linking.index import open_linking_index
from kazu_platform.tables import CONCEPT_EQUIVALENTS, CONCEPT_XREFS
from tests.evaluation.linking_by_hand import (
    NAMES,
    XREFS,
    Made,
    best,
    concepts,
    equivalents,
    gold_of,
    make,
    synonyms,
    xrefs,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("linking") / "index")


GOLD = gold_of(
    [
        ("breast cancer", "disease", ("MESH:D001943",)),
        ("Mammary cancers", "disease", ("MESH:D001943",)),
        ("colon and lung cancer", "disease", ("MESH:D003110", "MESH:D008175")),
    ],
    [
        ("lung cancer", "disease", ("MESH:D008175",)),
        ("colon cancer", "disease", ("MESH:D999",)),
        ("bowel trouble", "disease", ("MESH:D404",)),
        ("malaise", "disease", ()),
        ("BRCA1", "gene", ("NCBIGene:672",)),
    ],
)


class Fixed:
    """A linker of the protocol that says what it is told."""

    name = "fixed"
    version = "1"

    def __init__(
        self,
        said: dict[str, list[tuple[str, float]]],
        threshold: float = 0.0,
        *,
        is_probable: bool = False,
    ) -> None:
        self.said = said
        self.threshold = threshold
        self.is_probable = is_probable

    def nil_below(self, entity_class: str) -> float:
        assert entity_class == "disease"
        return self.threshold

    def candidates(self, surfaces: pa.Table) -> pa.Table:
        assert len(set(surfaces["surface_id"].to_pylist())) == surfaces.num_rows
        rows = [
            (row["surface_id"], concept_id, rank, score)
            for row in surfaces.to_pylist()
            for rank, (concept_id, score) in enumerate(self.said.get(row["text"], ()), 1)
        ]
        schema = {"surface_id": pl.String, "concept_id": pl.String}
        schema |= {"rank": pl.Int32, "score": pl.Float32}
        return pl.DataFrame(rows, schema, orient="row").to_arrow()


def shares(result: LinkingEvaluation) -> dict[str, float | None]:
    return {
        name: None if figure is None else round(figure.value, 4)
        for name, figure in result.figures.items()
    }


def test_ids_are_followed_to_the_concepts_of_the_index(made: Made):
    asked = ["MESH:D001943", "MESH:D008175", "MESH:D999", "MESH:D404", "MONDO:2"]
    ids = pl.DataFrame({"id": asked, "entity_class": ["disease"] * len(asked)})

    assert made.identifiers.meant(ids).select("id", "concept_id").rows() == [
        ("MESH:D001943", "MONDO:1"),
        ("MESH:D008175", "MONDO:2"),
        ("MESH:D999", "MONDO:3"),
        ("MESH:D999", "MONDO:4"),
        ("MONDO:2", "MONDO:2"),
    ]
    assert made.identifiers.meant(ids.with_columns(entity_class=pl.lit("gene"))).is_empty()


def test_todays_linker_on_a_gold_by_hand(made: Made):
    result = made.evaluate(GOLD, OwnLinker(made.linker, "ours"))

    assert (result.n_mentions, result.n_with_id, result.n_in_vocabulary) == (7, 6, 5)
    # Found: breast cancer, mammary cancers (normalised), lung cancer, colon cancer.
    # "bowel trouble" is a name of a concept that no MeSH id means: it cannot be right and is
    # passed over, so that NIL is said, as it should be.
    assert shares(result) == {
        "accuracy_at_1": round(4 / 6, 4),
        "accuracy_at_1_in_vocabulary": 0.8,
        "recall_at_5": round(4 / 6, 4),
        "recall_at_5_in_vocabulary": 0.8,
        "recall_at_20": round(4 / 6, 4),
        "recall_at_20_in_vocabulary": 0.8,
        "accuracy_with_nil": round(6 / 7, 4),
        "nil_precision": round(2 / 3, 4),
        "nil_recall": 1.0,
    }


def test_any_concept_of_a_composite_mention_is_right_and_ranks_count(made: Made):
    said = {
        "breast cancer": [("MONDO:2", 0.9), ("MONDO:1", 0.8)],
        "colon and lung cancer": [("MONDO:2", 0.7)],
        "bowel trouble": [("MONDO:3", 0.4)],
        "malaise": [("MONDO:9", 0.6)],
    }

    result = made.evaluate(GOLD, Fixed(said, threshold=0.5))

    assert shares(result) == {
        "accuracy_at_1": round(1 / 6, 4),
        "accuracy_at_1_in_vocabulary": 0.2,
        "recall_at_5": round(2 / 6, 4),
        "recall_at_5_in_vocabulary": 0.4,
        "recall_at_20": round(2 / 6, 4),
        "recall_at_20_in_vocabulary": 0.4,
        "accuracy_with_nil": round(3 / 7, 4),  # bowel trouble is below, malaise not comparable
        "nil_precision": round(2 / 5, 4),
        "nil_recall": 1.0,
    }
    # Scores 0.9 (wrong), 0.7 (right), 0.4 (wrong).
    assert result.calibration.error is not None
    assert result.calibration.error.value == pytest.approx((0.9 + 0.3 + 0.4) / 3)


def test_probabilities_of_concepts_that_an_identifier_means_add_up():
    comparable = pl.DataFrame(
        {
            "concept_id": ["MONDO:1", "MONDO:2", "MONDO:3", "MONDO:3", "DOID:1"],
            "id": ["MESH:A", "MESH:A", "MESH:B", "MESH:C", "MESH:A"],
        }
    )
    said = [("MONDO:3", 0.5), ("MONDO:1", 0.3), ("MONDO:2", 0.2), ("DOID:1", 0.9)]
    rows = [("s", concept, score) for concept, score in said]
    candidates = pl.DataFrame(rows, ["surface_id", "concept_id", "score"], orient="row")

    found = added_up(candidates, comparable).select("concept_id", "score")

    # DOID's concept competes with none of MONDO's, so nothing is added to it, nor it to them.
    expected = {"MONDO:1": 0.5, "MONDO:2": 0.5, "MONDO:3": 0.5, "DOID:1": 0.9}
    assert dict(found.rows()) == pytest.approx(expected)


@pytest.mark.parametrize(("is_probable", "score"), [(True, 0.6), (False, 0.35)])
def test_the_score_of_an_answer_is_that_of_what_it_is_to_the_corpus(
    made: Made, *, is_probable: bool, score: float
):
    """The order stays the linker's."""
    known = pl.concat(
        [
            made.identifiers.known,
            pl.DataFrame(
                [("MESH:D9", "disease", each) for each in ("MONDO:1", "MONDO:3")],
                made.identifiers.known.schema,
                orient="row",
            ),
        ]
    )
    gold = gold_of([("xyz", "disease", ("MESH:D9",)), ("abc", "disease", ("MESH:D9",))])
    task = linking_task(gold, "disease", Identifiers(known), made.linker)
    right = [("MONDO:1", 0.35), ("MONDO:3", 0.25), ("MONDO:2", 0.2)]
    said = {"xyz": right, "abc": [("MONDO:2", 0.4), *right[:2]]}

    result = evaluate_linker(task, Fixed(said, is_probable=is_probable))

    assert shares(result)["accuracy_at_1"] == 0.5
    assert sorted(result.judged.score) == pytest.approx(sorted([score, 0.4]))


def test_an_identifier_does_not_mean_what_has_one_of_its_own(made: Made):
    """MONDO:4 goes by a name of MESH:D003110, but not where MESH:D4 leads to it."""
    own = xrefs({**XREFS, "MONDO:4": "MESH:D4"})
    identifiers = Identifiers.of(made.index, concepts(), own, equivalents())

    known = identifiers.known.filter(pl.col("concept_id") == "MONDO:4")["id"].to_list()
    assert known == ["MESH:D4", "MONDO:4"]


def test_an_identifier_means_what_is_called_so_although_nothing_joins_the_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Both are concepts that go by the label of the other; what one name alone joins is another."""
    monkeypatch.setitem(NAMES, ("DOID:7", "MEDIC", "disease"), ["mammary cancer"])
    build_linking_index(concepts(), synonyms(), tmp_path / "index", ontologies=["MONDO", "MEDIC"])
    none = CONCEPT_XREFS.empty(), CONCEPT_EQUIVALENTS.empty()

    identifiers = Identifiers.of(open_linking_index(tmp_path / "index"), concepts(), *none)

    known = identifiers.known.filter(pl.col("id").is_in(["MESH:D003110", "MONDO:1"]))
    assert known.select("id", "concept_id").rows() == [
        ("MESH:D003110", "MESH:D003110"),
        ("MESH:D003110", "MONDO:4"),
        ("MONDO:1", "MONDO:1"),
    ]


def test_a_recall_at_5_does_not_count_the_sixth(made: Made):
    gold = gold_of([("xyz", "disease", ("MESH:D001943",))])
    others = ["MONDO:2", "MONDO:3"]

    for before, expected in ((others, 1.0), ([], 1.0)):
        said = {"xyz": [*((each, 0.9) for each in before), ("MONDO:1", 0.1)]}
        assert shares(made.evaluate(gold, Fixed(said)))["recall_at_5"] == expected
    judged = Judged(
        *(np.zeros(3, np.int64), np.ones(3, np.bool_), np.ones(3, np.bool_)),
        np.array([5, 6, 21]),
        np.ones(3),
        np.ones(3, np.bool_),
    )
    figures = linking_figures(judged, 1)
    found = [figures[name] for name in ("accuracy_at_1", "recall_at_5", "recall_at_20")]
    assert [figure and round(figure.value, 2) for figure in found] == [0.0, 0.33, 0.67]


def test_what_nobody_marked_has_no_figures(made: Made):
    result = made.evaluate(GOLD, OwnLinker(made.linker, "ours"), "species")

    assert (result.n_mentions, result.n_surfaces) == (0, 0)
    assert set(result.figures.values()) == {None}
    assert result.calibration.error is None


def test_without_a_concept_in_the_vocabulary_all_is_nil(made: Made):
    result = made.evaluate(GOLD, OwnLinker(made.linker, "ours"), "gene")

    assert shares(result)["accuracy_at_1"] == 0.0
    assert shares(result)["accuracy_at_1_in_vocabulary"] is None
    assert shares(result)["accuracy_with_nil"] == 1.0


def test_the_context_of_the_document_reaches_the_linker(made: Made):
    text = "Lung cancer (LC) kills. LC"
    at = len(text) - 2
    marked = [Marked(0, at, at + 2, "disease", "LC", ("MESH:D008175",))]
    gold = linking_gold("hand", "devel", [("1", text)], marked)

    assert shares(made.evaluate(gold, OwnLinker(made.linker, "ours")))["accuracy_at_1"] == 1.0
    assert shares(made.evaluate(gold, ExactMatch(made.index)))["accuracy_at_1"] == 0.0


# Laws.

WORDS = st.sampled_from(["breast", "lung", "colon", "cancer", "neoplasms", "x", "mammary"])
IDS = st.sampled_from(["MESH:D001943", "MESH:D008175", "MESH:D999", "MESH:D404"])
MENTIONS = st.tuples(
    st.lists(WORDS, min_size=1, max_size=3).map(" ".join),
    st.just("disease"),
    st.lists(IDS, unique=True, max_size=2).map(tuple),
)
GOLDS = st.lists(st.lists(MENTIONS, max_size=4), min_size=1, max_size=4).map(
    lambda documents: gold_of(*documents)
)


@settings(deadline=None, max_examples=40)
@given(GOLDS)
def test_figures_keep_their_order_whatever_is_linked(made: Made, gold: LinkingGold):
    task = linking_task(gold, "disease", made.identifiers, made.linker)
    for linker in [OwnLinker(made.linker, "ours"), *baselines(made.index)]:
        result = evaluate_linker(task, linker)
        figures = {name: figure.value for name, figure in result.figures.items() if figure}
        assert all(0 <= value <= 1 for value in figures.values())
        if result.n_in_vocabulary:
            for end in ("", "_in_vocabulary"):
                ranks = [figures[f"{name}{end}"] for name in ("accuracy_at_1", "recall_at_5")]
                assert ranks[0] <= ranks[1] <= figures[f"recall_at_20{end}"]
            assert figures["accuracy_at_1"] <= figures["accuracy_at_1_in_vocabulary"]


@settings(deadline=None, max_examples=40)
@given(GOLDS)
def test_each_mention_is_judged_as_by_a_loop(made: Made, gold: LinkingGold):
    """The plain twin of what is joined in columns."""
    linker = kazu_ngrams(made.index)
    judged = judge(linking_task(gold, "disease", made.identifiers, made.linker), linker)

    meaning = {
        "MESH:D001943": {"MONDO:1"},
        "MESH:D008175": {"MONDO:2"},
        "MESH:D999": {"MONDO:3", "MONDO:4"},
    }
    comparable = set[str]().union(*meaning.values()) if any(gold.concepts) else set[str]()
    ranks: list[int] = []
    for text, ids in zip(gold.mentions["text"].to_pylist(), gold.concepts, strict=True):
        found = [each for each in best(linker, text) if each in comparable]
        right = set[str]().union(*(meaning.get(each, set()) for each in ids))
        ranks.append(next((n for n, each in enumerate(found, 1) if each in right), 0))
    assert judged.rank.tolist() == ranks


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.integers(0, 3)), min_size=1, max_size=30)
)
def test_the_calibration_error_is_what_the_bins_say(rows: list[tuple[float, bool, int]]):
    score, right, unit = (np.array(column) for column in zip(*rows, strict=True))

    calibration = calibrate(score.astype(np.float64), right.astype(np.bool_), unit, 4)

    assert sum(each.n for each in calibration.bins) == len(rows)
    differs = sum(each.n * abs((each.score or 0) - (each.right or 0)) for each in calibration.bins)
    assert calibration.error is not None
    assert calibration.error.value == pytest.approx(differs / len(rows))
    filled = [each for each in calibration.bins if each.n]
    assert all(each.low <= (each.score or 0) + 1e-9 <= each.high + 2e-9 for each in filled)
    assert reliability_plot(calibration.bins).count("\n") == 1 + len(filled)


# From raw text.


def test_from_raw_text_documents_and_mentions_are_counted(
    made: Made, mentions: Callable[..., pa.Table]
):
    text = "Breast cancer, lung cancer and malaise. Lung cancer."
    marked = [
        Marked(0, 0, 13, "disease", "Breast cancer", ("MESH:D001943",)),
        Marked(0, 15, 26, "disease", "lung cancer", ("MESH:D008175",)),
        Marked(0, 40, 51, "disease", "Lung cancer", ("MESH:D008175", "MESH:D404")),
        Marked(0, 31, 38, "disease", "malaise", ()),
    ]
    gold = linking_gold("hand", "devel", [("1", text), ("2", "Colon cancer.")], marked)
    # Found: lung cancer once, a part of breast cancer, malaise (no concept); one in document 2;
    # what lies within a longer one, and what is of another class, does not count.
    found = mentions(
        gold.passages,
        ("1", [(15, 26)], "disease"),
        ("1", [(20, 26)], "disease"),
        ("1", [(0, 6)], "disease"),
        ("1", [(40, 51)], "gene"),
        ("1", [(31, 38)], "disease"),
        ("2", [(0, 12)], "disease"),
    )
    said = {
        "lung cancer": [("MONDO:2", 1.0)],
        "Breast": [("MONDO:1", 1.0)],
        "cancer": [("MONDO:3", 1.0)],
        "malaise": [("MONDO:3", 0.2)],
        "Colon cancer": [("MONDO:3", 1.0)],
    }
    task = linking_task(gold, "disease", made.identifiers, made.linker)

    result = evaluate_end_to_end(
        gold,
        task,
        detected(gold, found, "disease", made.linker),
        Fixed(said, threshold=0.5),
        detector="hand",
    )

    mention, document = result.mention, result.document
    assert (mention.n_gold, mention.n_found, mention.n_correct) == (3, 3, 1)
    # Document 1 is about MONDO:1, MONDO:2 and what no vocabulary knows; MONDO:3 comes from the
    # devel set's second document, where nobody marked it.
    assert (document.n_gold, document.n_found, document.n_correct) == (3, 3, 2)
    assert document.f1.value == pytest.approx(2 / 3)
