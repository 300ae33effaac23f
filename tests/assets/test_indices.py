"""Indices are brought up to date where that can be done, and are those of a full build."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from kazu_platform.storage.artifacts import MANIFEST
from kazu_platform.tables import SYNONYMS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.assets.conftest import Home

INDICES = {"dictionary": "dictionary_index", "linking": "linking_index"}
WITHOUT = [
    {
        "action": "drop",
        "name": "metformin",
        "entity_class": "chemical",
        "author": "team",
        "reason": "to see what goes",
        "decided_on": "2026-01-01",
        "state": "approved",
    }
]


@pytest.fixture(scope="module")
def curated(
    sample_home: Path, home_at: Callable[[Path], Home], tmp_path_factory: pytest.TempPathFactory
) -> Home:
    """A home in which a decision has changed names, but no index yet."""
    folder = tmp_path_factory.mktemp("curated")
    home = home_at(sample_home).copied_to(folder / "home")
    path = folder / "curations.yaml"
    path.write_text(yaml.safe_dump(WITHOUT), "utf-8")
    home.use_catalogue(home.catalogue() | {"curations": str(path)})
    before = home.generations(SYNONYMS)
    for name in before:
        assert home.vocabulary(name).failures == {}
    assert home.generations(SYNONYMS) != before
    return home


@pytest.fixture
def decided(curated: Home, tmp_path: Path) -> Home:
    """A copy of it, to do with as a test likes."""
    return curated.copied_to(tmp_path / "home")


def content(home: Home, name: str) -> dict[str, bytes]:
    folder = home.artifacts.live(name).content
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.arrow"))}


def change_inputs(home: Home, name: str, *, only: set[str] | None) -> None:
    """Make a live index say that it was made from other things, or damage it."""
    path = home.artifacts.live(name).folder / MANIFEST
    manifest = json.loads(path.read_text("utf-8"))
    if only is None:
        (path.parent / "content" / "names.arrow").write_bytes(b"")
    else:
        manifest["inputs"] = {k: v for k, v in manifest["inputs"].items() if k in only}
    path.write_text(json.dumps(manifest), "utf-8")


def test_an_index_brought_up_to_date_is_that_of_a_full_build(decided: Home):
    report = decided.indices()
    updated = {name: content(decided, name) for name in INDICES}
    for name in INDICES:
        assert report.metadata[INDICES[name]]["updated"] is True
        shutil.rmtree(decided.artifacts.root / name)

    report = decided.indices()

    for name in INDICES:
        assert report.metadata[INDICES[name]]["updated"] is False
        assert content(decided, name) == updated[name]


@pytest.mark.parametrize("name", list(INDICES))
@pytest.mark.parametrize("only", [None, {"concepts", "equivalents", "ontologies", "code"}])
def test_an_index_that_is_damaged_or_of_another_version_is_built_anew(
    decided: Home, name: str, only: set[str] | None
):
    change_inputs(decided, name, only=only)

    report = decided.indices()

    assert report.failures == {}
    assert report.metadata[INDICES[name]]["updated"] is False
