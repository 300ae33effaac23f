"""The models of a catalogue, which of them reads, and what is said of a wrong entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import ConfigurationError, UnknownNameError
from kazu_platform.settings import read_catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from kazu_platform.settings import Catalogue

OWN = """\
name: own
models:
  - name: hub
    source: dmis-lab/KAZU-NER-module-distil-v1.0
    types: {drug: chemical}
    labelling: multi
    licence: Apache-2.0
  - {name: beside, source: models/mine, licence: MIT}
read_with: hub
training:
  predictions:
    - {name: P, url: p.PubTator, classes: [gene], licence: CC0-1.0}
"""


def catalogue(folder: Path, text: str = OWN) -> Catalogue:
    (folder / "models" / "mine").mkdir(parents=True, exist_ok=True)
    path = folder / "own.yaml"
    path.write_text(text, "utf-8")
    return read_catalogue(path)


def test_a_folder_lies_beside_the_catalogue_and_an_id_stays_one(tmp_path: Path):
    found = catalogue(tmp_path)

    assert [model.source for model in found.models] == [
        "dmis-lab/KAZU-NER-module-distil-v1.0",
        f"{tmp_path}/models/mine",
    ]
    assert found.reader == found.models[0] == found.model("hub")
    with pytest.raises(UnknownNameError, match="no model 'besides'; did you mean 'beside'?"):
        found.model("besides")


def test_the_promoted_or_packaged_model_reads_unless_another_is_named(tmp_path: Path):
    assert catalogue(tmp_path, OWN.replace("read_with: hub\n", "")).reader is None


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("read_with: hub", "read_with: hbu", "read_with: no model 'hbu'; did you mean 'hub'?"),
        ("read_with:", "reads_with:", "reads_with: Extra inputs are not permitted; did you mean "),
        (
            "labelling: multi",
            "labeling: multi",
            "models.hub.labeling: Extra inputs are not permitted; did you mean 'labelling'?",
        ),
        (
            "models/mine",
            "../mine",
            "models.beside.source: there is no folder ../mine, nor is this an id as in owner/name.",
        ),
        ("name: beside", "name: hub", "models: hub stands there twice."),
        (
            "{name: P,",
            "{name: hub,",
            "models, training.predictions: hub, hub: weak labels could not be told apart",
        ),
        (
            "name: beside",
            "name: model-of-mine",
            "models, training.predictions: model, model-of-mine: weak labels could not be told",
        ),
    ],
)
def test_a_wrong_key_or_value_is_named(tmp_path: Path, old: str, new: str, problem: str):
    assert old in OWN

    with pytest.raises(ConfigurationError) as caught:
        catalogue(tmp_path, OWN.replace(old, new, 1))

    lines = str(caught.value).replace(f"{tmp_path}/", "").splitlines()
    assert any(line.startswith(f"own.yaml: {problem}") for line in lines), lines
