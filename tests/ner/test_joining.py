"""Joining a model's candidates and a dictionary's matches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.documents import Span, mention_id
from kazu_platform.ner.joining import (
    DEFAULT_RULE,
    RULES,
    JoinRule,
    join,
    joined,
    joining_version,
)
from kazu_platform.ner.model import open_model
from kazu_platform.tables import DICTIONARY_MENTIONS
from tests.ner.models import CLASSES, model_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from kazu_platform.ner.dictionary import DictionaryDetector

    Row = dict[str, Any]

THRESHOLDS = {"gene": 0.5, "disease": 0.4}
HALVES: dict[str, float] = dict.fromkeys(CLASSES, 0.5)
CONFIDENCES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.9)


def mention(
    start: int,
    end: int,
    confidence: float | None = None,
    entity_class: str = "gene",
    doc_id: str = "PMID:1",
) -> Row:
    """A candidate of a model if it has a confidence, else a match."""
    detector = "dictionary" if confidence is None else "model"
    return {
        "mention_id": mention_id(doc_id, 0, [Span(start, end)], entity_class),
        "doc_id": doc_id,
        "content_hash": "hash",
        "section": 0,
        "sentence": 0,
        "start": start,
        "end": end,
        "spans": [{"start": start, "end": end}],
        "text": "x" * (end - start),
        "entity_class": entity_class,
        "confidence": confidence,
        "detector": detector,
        "detector_version": f"{detector}-1",
    }


def join_rows(rows: Sequence[Row], rules: Mapping[str, JoinRule] = RULES) -> list[Row]:
    """Join rows, the candidates of which have a confidence."""
    candidates = [row for row in rows if row["confidence"] is not None]
    matches = [row for row in rows if row["confidence"] is None]
    found = join(
        DICTIONARY_MENTIONS.from_rows(candidates),
        DICTIONARY_MENTIONS.from_rows(matches),
        THRESHOLDS,
        rules,
    )
    DICTIONARY_MENTIONS.check(found)
    return found.to_pylist()


def shown(rows: Sequence[Row]) -> set[tuple[int, int, str]]:
    return {(row["start"], row["end"], row["detector"]) for row in rows}


def join_gene(*rows: Row, **rule: Any) -> set[tuple[int, int, str]]:  # noqa: ANN401 - fields
    return shown(join_rows(rows, {"gene": JoinRule(**rule)}))


def plainly(rows: Sequence[Row], rules: Mapping[str, JoinRule]) -> dict[Any, tuple[str, Any]]:
    """What the module says, mention by mention: key to who found it and how sure."""

    def near(row: Row, others: Sequence[Row]) -> list[Row]:
        return [
            each
            for each in others
            if (each["doc_id"], each["entity_class"]) == (row["doc_id"], row["entity_class"])
            and each["start"] < row["end"]
            and row["start"] < each["end"]
        ]

    def rule(row: Row) -> JoinRule:
        return rules.get(row["entity_class"], DEFAULT_RULE)

    def accept(row: Row) -> float:
        own = rule(row).accept
        return THRESHOLDS[row["entity_class"]] if own is None else own

    def loses(row: Row, others: Sequence[Row], winner: str) -> bool:
        met = near(row, others)
        confirmed = any(each["mention_id"] == row["mention_id"] for each in met)
        return rule(row).borders == winner and bool(met) and not confirmed

    candidates = [row for row in rows if row["confidence"] is not None]
    matches = [row for row in rows if row["confidence"] is None]
    accepted = [
        row
        for row in candidates
        if row["confidence"] >= accept(row)
        or (row["confidence"] >= rule(row).support and near(row, matches))
    ]
    staying = [
        row
        for row in matches
        if row["entity_class"] not in THRESHOLDS
        or rule(row).alone == "always"
        or any(each["confidence"] >= rule(row).doubted for each in near(row, candidates))
    ]
    kept = [row for row in staying if not loses(row, accepted, "model")]
    kept += [row for row in accepted if not loses(row, staying, "dictionary")]
    found: dict[Any, tuple[str, Any]] = {}
    for row in kept:
        key = (row["doc_id"], row["mention_id"])
        before, _ = found.get(key, ("", None))
        found[key] = (f"{before}+{row['detector']}".strip("+"), row["confidence"])
    return found


SPANS = st.tuples(st.integers(0, 12), st.integers(1, 6)).map(lambda each: (each[0], sum(each)))
ROWS = st.lists(
    st.builds(
        lambda span, confidence, entity_class, doc_id: mention(
            span[0], span[1], confidence, entity_class, doc_id
        ),
        SPANS,
        st.none() | st.sampled_from(CONFIDENCES),
        st.sampled_from(sorted(THRESHOLDS)),
        st.sampled_from(["PMID:1", "PMID:2"]),
    )
    | st.builds(lambda span: mention(span[0], span[1], None, "anatomy"), SPANS),
    max_size=14,
    unique_by=lambda row: (row["mention_id"], row["detector"]),
)
RULE = st.builds(
    JoinRule,
    accept=st.none() | st.sampled_from(CONFIDENCES),
    support=st.sampled_from(CONFIDENCES),
    alone=st.sampled_from(["always", "never"]),
    doubted=st.sampled_from(CONFIDENCES),
    borders=st.sampled_from(["model", "dictionary", "both"]),
)


@settings(deadline=None)
@given(ROWS, st.fixed_dictionaries({"gene": RULE, "disease": RULE, "anatomy": RULE}))
def test_columns_say_what_mentions_one_by_one_say(rows: list[Row], rules: dict[str, JoinRule]):
    found = join_rows(rows, rules)

    now = {
        (row["doc_id"], row["mention_id"]): (
            row["detector"],
            None if row["confidence"] is None else pytest.approx(row["confidence"]),
        )
        for row in found
    }
    assert now == plainly(rows, rules)
    assert len(now) == len(found)


@settings(deadline=None)
@given(ROWS, RULE)
def test_documents_are_joined_alike_together_and_alone(rows: list[Row], rule: JoinRule):
    """A file is brought up to date document by document."""
    rules = dict.fromkeys(THRESHOLDS, rule)
    together = join_rows(rows, rules)

    for doc_id in ("PMID:1", "PMID:2"):
        alone = join_rows([row for row in rows if row["doc_id"] == doc_id], rules)
        assert [row for row in together if row["doc_id"] == doc_id] == alone


def test_agreement_is_recorded():
    (row,) = join_rows([mention(0, 4, 0.75), mention(0, 4)])

    assert (row["detector"], row["detector_version"], row["confidence"]) == (
        "dictionary+model",
        "dictionary-1+model-1",
        0.75,
    )


def test_a_doubtful_candidate_needs_support():
    doubtful = mention(0, 4, 0.3)

    assert join_gene(doubtful, mention(9, 12)) == {(9, 12, "dictionary")}
    assert join_gene(doubtful, mention(0, 4)) == {(0, 4, "dictionary+model")}
    assert join_gene(doubtful, mention(2, 6)) == {(0, 4, "model")}
    assert join_gene(doubtful, mention(0, 4, None, "disease")) == {(0, 4, "dictionary")}
    assert join_gene(mention(0, 4, 0.25), mention(0, 4)) == {(0, 4, "dictionary")}


def test_a_match_that_no_candidate_confirms_may_have_to_go():
    rows = (mention(0, 4), mention(6, 9), mention(6, 8, 0.2))

    assert join_gene(*rows) == {(0, 4, "dictionary"), (6, 9, "dictionary")}
    assert join_gene(*rows, alone="never", doubted=0.2) == {(6, 9, "dictionary")}
    assert join_gene(*rows, alone="never", doubted=0.25) == set()


@pytest.mark.parametrize(
    ("borders", "left"),
    [
        ("model", {(0, 9, "model")}),
        ("dictionary", {(0, 4, "dictionary"), (5, 9, "dictionary")}),
        ("both", {(0, 9, "model"), (0, 4, "dictionary"), (5, 9, "dictionary")}),
    ],
)
def test_borders_are_those_of_the_winner(borders: str, left: set[tuple[int, int, str]]):
    rows = (mention(0, 9, 0.75), mention(0, 4), mention(5, 9))

    assert join_gene(*rows, borders=borders) == left


def test_equal_borders_stay_whoever_wins():
    rows = (mention(0, 9, 0.75), mention(0, 9), mention(0, 4))

    assert join_gene(*rows, borders="model") == {(0, 9, "dictionary+model")}
    assert join_gene(*rows, borders="dictionary") == {
        (0, 9, "dictionary+model"),
        (0, 4, "dictionary"),
    }


def test_classes_that_the_model_does_not_know_are_the_dictionarys():
    anatomy = mention(0, 4, None, "anatomy")

    found = join_rows([anatomy, mention(0, 4, 0.9)], {"anatomy": JoinRule(alone="never")})

    assert shown(found) == {(0, 4, "dictionary"), (0, 4, "model")}


def test_a_document_of_two_versions_is_two_documents():
    old = {**mention(0, 4), "content_hash": "old"}

    assert shown(join_rows([old, mention(0, 9, 0.9)], {})) == {
        (0, 4, "dictionary"),
        (0, 9, "model"),
    }


def test_each_value_of_a_rule_is_in_the_version():
    versions = {joining_version()} | {
        joining_version({**RULES, "gene": replace(DEFAULT_RULE, **other)})
        for other in (
            {"accept": 0.6},
            {"support": 0.4},
            {"alone": "never"},
            {"doubted": 0.4},
            {"borders": "both"},
        )
    }

    assert len(versions) == 6
    assert joining_version(dict(sorted(RULES.items(), reverse=True))) == joining_version()


def test_the_detector_joins_what_both_find(
    detector: Callable[..., DictionaryDetector], passages: Callable[..., pa.Table], tmp_path: Path
):
    texts = passages("EGFR and the gene of breast cancer in cells.", "", "Uterus of EGFR.")
    dictionary = detector([("EGFR", "gene"), ("uterus", "anatomy")])
    model = open_model(model_folder(tmp_path / "model").folder)

    both = joined(model, dictionary)
    found = both.detect(texts)

    candidates = model.giving_candidates().detect(texts)
    assert found.equals(join(candidates, dictionary.detect(texts), HALVES))
    assert both.name == "model+dictionary"
    assert {"dictionary", "model"} <= set(found["detector"].to_pylist())
    assert "Uterus" in found["text"].to_pylist()
    other = joined(model, dictionary, {**RULES, "gene": JoinRule(accept=0.6)})
    assert len({both.version, other.version, model.version, dictionary.version}) == 4
    assert both.detect(texts.slice(0, 0)).equals(DICTIONARY_MENTIONS.empty())


@pytest.mark.parametrize("threshold", [0.4, 0.5, 0.7])
def test_without_matches_the_default_rule_leaves_what_the_model_finds(
    passages: Callable[..., pa.Table], tmp_path: Path, threshold: float
):
    texts = passages("EGFR and the gene of breast cancer in cells.", "The gene of cancer cells.")
    opened = open_model(model_folder(tmp_path / "model").folder)
    model = replace(opened, thresholds=(threshold,) * len(CLASSES))

    candidates = model.giving_candidates().detect(texts)
    found = join(candidates, DICTIONARY_MENTIONS.empty(), dict.fromkeys(HALVES, threshold), {})

    assert 0 < found.num_rows < candidates.num_rows
    assert found["mention_id"].equals(model.detect(texts)["mention_id"])
