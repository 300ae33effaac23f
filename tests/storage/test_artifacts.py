"""Artifacts: a version is whole or not there, and the pointer moves both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import ArtifactError
from kazu_platform.storage.artifacts import Artifact, ArtifactStore

if TYPE_CHECKING:
    from pathlib import Path

    from kazu_platform.storage.places import Bucket


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """In a folder."""
    return ArtifactStore(tmp_path / "models")


@pytest.fixture(params=["local", "s3"])
def any_store(request: pytest.FixtureRequest) -> ArtifactStore:
    """In a folder, then in a bucket."""
    if request.param == "local":
        return request.getfixturevalue("store")
    bucket: Bucket = request.getfixturevalue("bucket")
    return bucket.artifacts()


def make(store: ArtifactStore, body: str, *, version: str | None = None) -> Artifact:
    with store.stage("dictionary") as staged:
        (staged.content / "patterns.txt").write_text(body)
        return staged.commit(
            inputs={"synonyms": "1"}, metrics={"f1": 0.5, "names": 3}, version=version
        )


def test_a_committed_artifact_is_live_with_its_manifest(any_store: ArtifactStore):
    made = make(any_store, "insulin")

    live = any_store.live("dictionary")
    assert live == made
    assert (live.content / "patterns.txt").read_text() == "insulin"
    assert live.inputs == {"synonyms": "1"}
    assert live.metrics == {"f1": 0.5, "names": 3.0}
    assert live.n_bytes == 7
    assert (live.folder / "manifest.json").exists()
    live.verify()


def test_the_same_content_made_twice_is_one_version(any_store: ArtifactStore):
    first = make(any_store, "insulin")

    assert make(any_store, "insulin") == first
    assert any_store.versions("dictionary") == [first.version]


def test_a_version_does_not_change(any_store: ArtifactStore):
    make(any_store, "insulin", version="v1")

    with pytest.raises(ArtifactError, match="exists already with other files"):
        make(any_store, "glucagon", version="v1")
    assert (any_store.live("dictionary").content / "patterns.txt").read_text() == "insulin"


def test_promotion_goes_both_ways(any_store: ArtifactStore):
    first, second = make(any_store, "insulin"), make(any_store, "glucagon")
    assert any_store.live("dictionary") == second

    any_store.promote("dictionary", first.version)

    assert any_store.live("dictionary") == first
    assert any_store.versions("dictionary") == [first.version, second.version]


def test_the_version_before_is_taken_back_to(any_store: ArtifactStore):
    first, second = make(any_store, "insulin"), make(any_store, "glucagon")
    any_store.promote("dictionary", second.version)  # once more: what was before stays so

    after = any_store.take_back("dictionary")

    assert any_store.live("dictionary") == first
    assert (after.live, after.former, after.taken_back) == (first.version, None, (second.version,))
    assert any_store.in_use("dictionary") == after
    with pytest.raises(ArtifactError, match=f"in use before version {first.version}; there is no"):
        any_store.take_back("dictionary")

    any_store.promote("dictionary", second.version)

    assert any_store.in_use("dictionary").taken_back == ()


def test_nothing_was_in_use_that_one_could_go_back_to(any_store: ArtifactStore):
    with pytest.raises(ArtifactError, match="No ner_model was promoted yet"):
        any_store.take_back("ner_model")
    make(any_store, "insulin")
    with pytest.raises(ArtifactError, match="there is nothing to go back to"):
        any_store.take_back("dictionary")


def test_a_version_can_wait_for_a_gate(any_store: ArtifactStore):
    with any_store.stage("ner") as staged:
        (staged.content / "weights").write_bytes(b"0")
        staged.commit(version="v1", promote=False)

    assert any_store.live_version("ner") is None
    assert any_store.versions("ner") == ["v1"]


def test_what_is_not_committed_leaves_no_trace(store: ArtifactStore):
    with store.stage("dictionary") as staged:
        (staged.content / "patterns.txt").write_text("half")

    assert list((store.root / "dictionary").iterdir()) == []
    assert store.versions("dictionary") == []


def test_a_missing_artifact_says_what_to_run(any_store: ArtifactStore):
    with pytest.raises(ArtifactError, match=r"There is no dictionary in .*kazu-platform demo"):
        any_store.live("dictionary")
    make(any_store, "insulin", version="v1")
    with pytest.raises(ArtifactError, match=r"has no version 'v2'.*it has v1"):
        any_store.promote("dictionary", "v2")


@pytest.mark.parametrize("name", ["..", "a/b", "", ".hidden", "/etc"])
def test_a_name_cannot_lead_out_of_the_store(any_store: ArtifactStore, name: str):
    with pytest.raises(ArtifactError, match="cannot name an artifact"), any_store.stage(name):
        pass
    with pytest.raises(ArtifactError, match="cannot name an artifact"):
        any_store.live(name)
    with pytest.raises(ArtifactError, match="cannot name an artifact"):
        any_store.version("dictionary", name)


def test_an_empty_artifact_is_refused_and_so_is_a_second_commit(any_store: ArtifactStore):
    with any_store.stage("dictionary") as staged:
        with pytest.raises(ArtifactError, match="nothing new to commit"):
            staged.commit()
        (staged.content / "a").write_text("a")
        staged.commit()
        with pytest.raises(ArtifactError, match="nothing new to commit"):
            staged.commit()


def test_a_changed_file_is_found(any_store: ArtifactStore):
    made = make(any_store, "insulin")
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


def test_the_newest_and_the_live_version_are_kept(any_store: ArtifactStore):
    versions = [make(any_store, name).version for name in ("a", "b", "c", "d", "e")]
    any_store.promote("dictionary", versions[0])

    removed = any_store.collect_garbage(keep_last=2)

    assert removed == [f"dictionary/{versions[1]}", f"dictionary/{versions[2]}"]
    assert any_store.versions("dictionary") == [versions[0], versions[3], versions[4]]
    assert any_store.collect_garbage(keep_last=0) == [f"dictionary/{versions[3]}"]
    assert any_store.take_back("dictionary").live == versions[4]  # there is always a way back
