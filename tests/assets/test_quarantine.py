"""Documents that are set aside: warned of, listed, tried again after a fix."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from assets.reading import read_passages
from assets.runs import Graph, replay_quarantine
from kazu_platform.cli import app
from kazu_platform.definitions import build_assets, build_resources
from kazu_platform.ner.steps import DictionaryStep
from kazu_platform.tables import (
    CITATIONS,
    DICTIONARY_MENTIONS,
    EDGES,
    LINKS,
    MENTIONS,
    QUARANTINE,
    SURFACES,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from tests.assets.conftest import Home

FILE = "pubmed26n0002"


def longest_of(home: Home) -> tuple[str, int]:
    """The longest document of the file, and how long it is."""
    rows: list[dict[str, Any]] = home.lake.read(CITATIONS, FILE).to_pylist()
    sizes = {row["doc_id"]: sum(len(s["text"]) for s in row["sections"]) for row in rows}
    longest = max(sizes, key=lambda doc_id: sizes[doc_id])
    return longest, sizes[longest]


@pytest.fixture
def set_aside(home: Home, monkeypatch: pytest.MonkeyPatch) -> str:
    """One document of the file was too long for the limit of then."""
    doc_id, length = longest_of(home)
    home.lake.drop(DICTIONARY_MENTIONS, FILE)
    with monkeypatch.context() as patch:
        patch.setenv("KAZU_MAX_DOCUMENT_CHARACTERS", str(length - 1))
        report = home.file(FILE)
    assert report.failures == {}
    assert report.checks["dictionary_mentions", "few_set_aside"] is True
    assert report.checks["dictionary_mentions", "nothing_set_aside"] is False
    assert report.metadata["dictionary_mentions"]["set_aside"] == 1
    return doc_id


def replayed(home: Home) -> list[dict[str, Any]]:
    settings = home.settings
    assets, resources = build_assets(settings.catalogue()), build_resources(settings)
    done, failed = replay_quarantine(Graph(assets, resources, home.instance))
    assert failed == []
    return [vars(each) for each in done]


def test_a_document_that_was_set_aside_is_read_after_a_fix(home: Home, set_aside: str):
    """Afterwards everything is as if it had never been set aside."""
    mentions = home.lake.read(DICTIONARY_MENTIONS, FILE)
    assert set_aside not in mentions["doc_id"].to_pylist()
    (row,) = home.lake.read(QUARANTINE, f"dictionary/{FILE}").to_pylist()
    assert (row["doc_id"], row["reason"]) == (set_aside, "too_long")

    assert replayed(home) == [{"stage": "dictionary", "partition": FILE, "tried": 1, "left": 0}]

    assert home.lake.read(QUARANTINE, f"dictionary/{FILE}").num_rows == 0
    assert set_aside in home.lake.read(DICTIONARY_MENTIONS, FILE)["doc_id"].to_pylist()
    home.lake.drop(DICTIONARY_MENTIONS, FILE)
    again = {table.name: home.data_versions(table) for table in (MENTIONS, EDGES)}
    home.file(FILE)
    home.graph()
    assert {table.name: home.data_versions(table) for table in (MENTIONS, EDGES)} == again


def test_a_document_that_fails_again_stays(
    home: Home, set_aside: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KAZU_MAX_DOCUMENT_CHARACTERS", "5")

    assert replayed(home) == [{"stage": "dictionary", "partition": FILE, "tried": 1, "left": 1}]

    (row,) = home.lake.read(QUARANTINE, f"dictionary/{FILE}").to_pylist()
    assert (row["doc_id"], row["detail"].endswith("more than 5")) == (set_aside, True)


def test_what_failed_in_a_replay_that_was_killed_is_tried_again(
    home: Home, set_aside: str, monkeypatch: pytest.MonkeyPatch
):
    step = DictionaryStep(str(home.artifacts.live("dictionary").content))
    passages = read_passages(home.lake, FILE)
    one = passages.filter([each == set_aside for each in passages["doc_id"].to_pylist()])
    compute = build_resources(home.settings)["compute"]
    with monkeypatch.context() as patch:
        patch.setattr(DictionaryStep, "open", lambda _: _read_nothing)
        (failed,) = compute.run(step, [one], file=FILE)
    assert failed.set_aside["reason"].to_pylist() == ["error"]
    (kept,) = compute.run(step, [one], file=FILE)
    assert kept.set_aside.equals(failed.set_aside)

    assert [(each["tried"], each["left"]) for each in replayed(home)] == [(1, 0)]


def _read_nothing(passages: pa.Table) -> pa.Table:
    if passages.num_rows:
        raise ValueError("not mended yet")
    return DICTIONARY_MENTIONS.empty()


def test_where_nothing_is_set_aside_nothing_is_done(home: Home):
    assert replayed(home) == []


def test_the_commands_list_and_replay(home: Home, set_aside: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KAZU_HOME", str(home.path))

    listed = CliRunner().invoke(app, ["quarantine", "list", "--stage", "dictionary", "--json"])
    done = CliRunner().invoke(app, ["quarantine", "replay", "--json"])
    after = CliRunner().invoke(app, ["quarantine", "list", "--stage", "dictionary"])

    found = json.loads(listed.stdout)
    assert found["counts"] == {"dictionary: too_long": 1}
    assert [row["doc_id"] for row in found["documents"]] == [set_aside]
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["replayed"][0]["left"] == 0
    assert done.stderr.splitlines() == [f"1/1 dictionary {FILE}", f"1/2 {FILE}", "2/2 graph"]
    assert after.stdout == "Nothing is set aside.\n"


def test_too_large_a_share_set_aside_fails_the_file(home: Home, monkeypatch: pytest.MonkeyPatch):
    home.lake.drop(DICTIONARY_MENTIONS, FILE)
    monkeypatch.setenv("KAZU_MAX_DOCUMENT_CHARACTERS", "5")

    strict = home.file(FILE)
    live = home.lake.live(DICTIONARY_MENTIONS, FILE)
    monkeypatch.setenv("KAZU_MAX_SET_ASIDE_SHARE", "1")
    lenient = home.file(FILE)

    assert strict.checks["dictionary_mentions", "few_set_aside"] is False
    assert "set aside" in strict.failures["dictionary_mentions"]
    assert live is None
    assert lenient.failures == {}
    assert lenient.checks["dictionary_mentions", "few_set_aside"] is True


def test_a_surface_that_was_set_aside_is_warned_of_and_linked_after_a_fix(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    before = home.data_versions(LINKS)
    surfaces = home.lake.read(SURFACES).to_pylist()
    longest = max(len(row["text"]) for row in surfaces)
    n_longest = sum(len(row["text"]) == longest for row in surfaces)
    for bucket in before:
        home.lake.drop(LINKS, bucket)
    with monkeypatch.context() as patch:
        patch.setenv("KAZU_MAX_DOCUMENT_CHARACTERS", "1")
        strict = home.graph()
        assert strict.checks["links", "few_set_aside"] is False
        assert "set aside" in strict.failures["links"]
        patch.setenv("KAZU_MAX_DOCUMENT_CHARACTERS", str(longest - 1))
        report = home.graph()
    assert report.checks["links", "few_set_aside"] is True
    assert report.checks["links", "nothing_set_aside"] is False
    assert home.data_versions(LINKS) != before

    done = replayed(home)

    assert {each["stage"] for each in done} == {"linking"}
    assert sum(each["tried"] for each in done) >= n_longest
    assert {each["left"] for each in done} == {0}
    assert home.data_versions(LINKS) == before


def test_a_file_that_failed_its_gate_does_not_stop_the_replay_of_others(
    home: Home, set_aside: str, monkeypatch: pytest.MonkeyPatch
):
    """Nothing is live of it; it is left to its next run."""
    failing = "pubmed26n0001"
    home.lake.drop(DICTIONARY_MENTIONS, failing)
    with monkeypatch.context() as patch:
        patch.setenv("KAZU_MAX_DOCUMENT_CHARACTERS", "5")
        assert "set aside" in home.file(failing).failures["dictionary_mentions"]
    n_failing = home.lake.read(QUARANTINE, f"dictionary/{failing}").num_rows

    done = {each["partition"]: (each["tried"], each["left"]) for each in replayed(home)}

    assert done == {failing: (n_failing, n_failing), FILE: (1, 0)}
    assert home.lake.live(DICTIONARY_MENTIONS, failing) is None
    assert set_aside in home.lake.read(DICTIONARY_MENTIONS, FILE)["doc_id"].to_pylist()


@pytest.mark.parametrize("moved", ["citations", "sentences", "step"])
@pytest.mark.usefixtures("set_aside")
def test_mentions_of_another_text_are_left_to_their_next_run(home: Home, moved: str):
    live = home.lake.pointer(DICTIONARY_MENTIONS, FILE)
    home.lake.confirm(DICTIONARY_MENTIONS, live, {**live.inputs, moved: "of then"})

    assert [(each["tried"], each["left"]) for each in replayed(home)] == [(1, 1)]

    assert home.generations(DICTIONARY_MENTIONS)[FILE] == live.generation


def test_a_file_that_did_not_change_is_not_detected_again(home: Home):
    said = home.file(FILE).metadata["dictionary_mentions"]

    assert (said["unchanged"], said["documents_detected"]) == (True, 0)


def test_what_a_detection_did_is_in_its_metadata(home: Home):
    home.lake.drop(DICTIONARY_MENTIONS, FILE)

    said = home.file(FILE).metadata["dictionary_mentions"]

    n_documents = home.lake.pointer(CITATIONS, FILE).n_rows
    assert said["documents_detected"] == n_documents
    assert said["documents_kept_from_a_run_that_died"] == said["workers_lost"] == 0
    assert said["micro_batches"] >= 1
    assert said["compute"] == "inline"
