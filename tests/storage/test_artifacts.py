"""Artifacts: a version is whole or not there, and the pointer moves both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import ArtifactError
from kazu_platform.storage.artifacts import Artifact, ArtifactStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "models")


def make(store: ArtifactStore, body: str, *, version: str | None = None) -> Artifact:
    with store.stage("dictionary") as staged:
        (staged.content / "patterns.txt").write_text(body)
        return staged.commit(
            inputs={"synonyms": "1"}, metrics={"f1": 0.5, "names": 3}, version=version
        )


def test_a_committed_artifact_is_live_with_its_manifest(store: ArtifactStore):
    made = make(store, "insulin")

    live = store.live("dictionary")
    assert live == made
    assert (live.content / "patterns.txt").read_text() == "insulin"
    assert live.inputs == {"synonyms": "1"}
    assert live.metrics == {"f1": 0.5, "names": 3.0}
    assert live.n_bytes == 7
    assert (live.folder / "manifest.json").exists()
    live.verify()


def test_the_same_content_made_twice_is_one_version(store: ArtifactStore):
    first = make(store, "insulin")

    assert make(store, "insulin") == first
    assert store.versions("dictionary") == [first.version]


def test_a_version_does_not_change(store: ArtifactStore):
    make(store, "insulin", version="v1")

    with pytest.raises(ArtifactError, match="exists already with other files"):
        make(store, "glucagon", version="v1")
    assert (store.live("dictionary").content / "patterns.txt").read_text() == "insulin"


def test_promotion_goes_both_ways(store: ArtifactStore):
    first, second = make(store, "insulin"), make(store, "glucagon")
    assert store.live("dictionary") == second

    store.promote("dictionary", first.version)

    assert store.live("dictionary") == first
    assert store.versions("dictionary") == [first.version, second.version]


def test_a_version_can_wait_for_a_gate(store: ArtifactStore):
    with store.stage("ner") as staged:
        (staged.content / "weights").write_bytes(b"0")
        staged.commit(version="v1", promote=False)

    assert store.live_version("ner") is None
    assert store.versions("ner") == ["v1"]


def test_what_is_not_committed_leaves_no_trace(store: ArtifactStore):
    with store.stage("dictionary") as staged:
        (staged.content / "patterns.txt").write_text("half")

    assert list((store.root / "dictionary").iterdir()) == []
    assert store.versions("dictionary") == []


def test_a_missing_artifact_says_what_to_run(store: ArtifactStore):
    with pytest.raises(ArtifactError, match=r"There is no dictionary in .*kazu-platform demo"):
        store.live("dictionary")
    make(store, "insulin", version="v1")
    with pytest.raises(ArtifactError, match=r"has no version 'v2'.*it has v1"):
        store.promote("dictionary", "v2")


@pytest.mark.parametrize("name", ["..", "a/b", "", ".hidden", "/etc"])
def test_a_name_cannot_lead_out_of_the_store(store: ArtifactStore, name: str):
    with pytest.raises(ArtifactError, match="cannot name an artifact"), store.stage(name):
        pass
    with pytest.raises(ArtifactError, match="cannot name an artifact"):
        store.live(name)
    with pytest.raises(ArtifactError, match="cannot name an artifact"):
        store.version("dictionary", name)


def test_an_empty_artifact_is_refused_and_so_is_a_second_commit(store: ArtifactStore):
    with store.stage("dictionary") as staged:
        with pytest.raises(ArtifactError, match="nothing new to commit"):
            staged.commit()
        (staged.content / "a").write_text("a")
        staged.commit()
        with pytest.raises(ArtifactError, match="nothing new to commit"):
            staged.commit()


def test_a_changed_file_is_found(store: ArtifactStore):
    made = make(store, "insulin")
    (made.content / "patterns.txt").write_text("glucagon")

    with pytest.raises(ArtifactError, match=r"patterns\.txt not as the manifest says"):
        made.verify()


@pytest.mark.parametrize("body", ["", "{", "[]", '{"format_version": 1}', '{"format_version": 2}'])
def test_a_damaged_manifest_is_named(store: ArtifactStore, body: str):
    made = make(store, "insulin")
    (made.folder / "manifest.json").write_text(body)

    with pytest.raises(ArtifactError, match=r"manifest\.json"):
        store.live("dictionary")


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", '{"version": "../x"}', '{"version": 3}'])
def test_a_damaged_pointer_is_named(store: ArtifactStore, body: str):
    make(store, "insulin")
    (store.root / "dictionary" / "live.json").write_text(body)

    with pytest.raises(ArtifactError, match=r"live\.json"):
        store.live("dictionary")


def test_the_newest_and_the_live_version_are_kept(store: ArtifactStore):
    versions = [make(store, name).version for name in ("a", "b", "c", "d", "e")]
    store.promote("dictionary", versions[0])

    removed = store.collect_garbage(keep_last=2)

    assert removed == [f"dictionary/{versions[1]}", f"dictionary/{versions[2]}"]
    assert store.versions("dictionary") == [versions[0], versions[3], versions[4]]
    assert store.collect_garbage(keep_last=0) == [f"dictionary/{v}" for v in versions[3:]]
