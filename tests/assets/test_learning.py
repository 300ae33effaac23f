"""What the stages of training have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from assets.learning import recipe_of, weak_partitions
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import CITATIONS, WEAK_LABELS
from resources.sources import SourcesResource

if TYPE_CHECKING:
    from pathlib import Path

FILE = "pubmed26n0001"


@pytest.mark.parametrize("name", ["PubTator3", "PubTator3-2024"])
def test_weak_labels_are_those_of_the_detector_not_of_one_whose_name_is_longer(
    tmp_path: Path, name: str
):
    lake = Lake(tmp_path)
    lake.write(CITATIONS, CITATIONS.empty(), partition=FILE)
    for each in ("PubTator3", "PubTator3-2024"):
        lake.write(WEAK_LABELS, WEAK_LABELS.empty(), partition=f"{each}-{FILE}")

    assert weak_partitions(lake, [name]) == [f"{name}-{FILE}"]


def test_the_catalogue_gives_weights_to_corpora_that_are_learnt_from(tmp_path: Path):
    """One that has no train split is none of the training data, which a recipe may not name."""
    (tmp_path / "own.yaml").write_text("teacher: {steps: 1}\nstudent: {steps: 1}\n", "utf-8")
    source = {"url": "x", "format": "iob2", "classes": ["gene"], "licence": "CC0-1.0", "weight": 2}
    corpora = [source | {"name": "A"}, source | {"name": "B", "splits": {"devel": "devel.tsv"}}]
    catalogue = {"name": "own", "training": {"recipe": "own.yaml", "corpora": corpora}}
    (tmp_path / "catalogue.yaml").write_text(yaml.safe_dump(catalogue), "utf-8")
    sources = SourcesResource(sources=str(tmp_path / "catalogue.yaml"), raw=str(tmp_path))

    assert recipe_of(sources).weights == {"A": 2}
