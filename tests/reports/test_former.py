"""Which version a difference starts from, and what it does when that is gone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from kazu_platform.reports.effect import Corpus
from kazu_platform.reports.former import Compared, compared, difference_in_lake, read_former
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import CONCEPTS, SYNONYMS, VOCABULARY_CHANGES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kazu_platform.reports.difference import Version

FLU = {"id": "DOID:8469", "label": "influenza"}
COLD = {"id": "DOID:10459", "label": "common cold"}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def publish(lake: Lake, version: Version) -> Compared:
    """Make a version live, report on it as the asset does, say what was compared."""
    concepts = lake.write(CONCEPTS, version.concepts, partition="DOID")
    synonyms = lake.write(SYNONYMS, version.synonyms, partition="DOID")
    live = lake.live(VOCABULARY_CHANGES, "DOID")
    pair = compared(live.inputs if live else None, concepts.generation, synonyms.generation)
    changes = difference_in_lake(lake, "DOID", pair, Corpus).changes
    lake.write(VOCABULARY_CHANGES, changes, partition="DOID", inputs=pair.inputs())
    return pair


def changes(lake: Lake) -> list[tuple[str, str]]:
    rows = lake.read(VOCABULARY_CHANGES, "DOID").to_pylist()
    return [(row["change"], row["name"]) for row in rows]


def test_the_first_version_is_compared_with_nothing(lake: Lake, vocabulary: Callable[..., Version]):
    pair = publish(lake, vocabulary([FLU]))

    assert read_former(lake, "DOID", pair) is None
    assert changes(lake) == []


def test_a_version_is_compared_with_the_one_before(lake: Lake, vocabulary: Callable[..., Version]):
    for version in ([FLU], [FLU, COLD], [COLD]):
        publish(lake, vocabulary(version))

    assert changes(lake) == [("concept_removed", "influenza"), ("name_removed", "influenza")]


def test_the_same_version_again_keeps_what_was_reported(
    lake: Lake, vocabulary: Callable[..., Version]
):
    publish(lake, vocabulary([FLU]))
    first = publish(lake, vocabulary([FLU, COLD]))

    assert publish(lake, vocabulary([FLU, COLD])) == first
    assert changes(lake) == [("concept_added", "common cold"), ("name_added", "common cold")]


def test_a_former_version_that_was_collected_is_no_version(
    lake: Lake, vocabulary: Callable[..., Version]
):
    publish(lake, vocabulary([FLU]))
    pair = publish(lake, vocabulary([FLU, COLD]))
    lake.collect_garbage(older_than=timedelta(0))

    assert read_former(lake, "DOID", pair) is None
    assert publish(lake, vocabulary([FLU, COLD])) == pair
    assert changes(lake) == [("concept_added", "common cold"), ("name_added", "common cold")]


def test_a_difference_to_a_version_that_was_collected_is_not_reported(
    lake: Lake, vocabulary: Callable[..., Version]
):
    first = publish(lake, vocabulary([FLU]))
    lake.write(CONCEPTS, vocabulary([COLD]).concepts, partition="DOID")
    lake.write(SYNONYMS, vocabulary([COLD]).synonyms, partition="DOID")
    lake.collect_garbage(older_than=timedelta(0))

    later = publish(lake, vocabulary([FLU, COLD]))

    assert later.from_concepts == first.to_concepts
    assert changes(lake) == []
