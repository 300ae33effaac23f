"""The training block of a catalogue, and what is said of a wrong one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import ConfigurationError, UnknownNameError
from kazu_platform.settings import TrainingSources, read_catalogue

if TYPE_CHECKING:
    from pathlib import Path

OWN = """\
name: own
training:
  corpora:
    - name: C-genes
      part_of: C
      url: ner/C-genes
      format: iob2
      classes: [gene]
      types: {Protein: gene}
      licence: CC0-1.0
    - name: C-chemicals
      part_of: C
      url: https://example.org/C-chemicals
      format: iob2
      classes: [chemical]
      splits: {train: training.tsv}
      licence: CC0-1.0
  test_pmids: [pmids.txt]
  held_out: [test, file:///other/test]
  text:
    - {name: T, url: texts.jsonl.gz, format: jsonl, licence: CC0-1.0}
  predictions:
    - {name: P, url: p.PubTator, classes: [gene], licence: CC0-1.0}
"""


def training(folder: Path, text: str = OWN) -> TrainingSources:
    path = folder / "own.yaml"
    path.write_text(text, "utf-8")
    found = read_catalogue(path).training
    assert found is not None
    return found


def error_of(folder: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        training(folder, text)
    return str(caught.value).replace(f"{folder}/", "")


def test_paths_are_beside_the_catalogue(tmp_path: Path):
    found = training(tmp_path)

    assert [source.url for source in found.corpora] == [
        *(f"{tmp_path}/ner/C-genes", "https://example.org/C-chemicals"),
    ]
    assert found.test_pmids == (f"{tmp_path}/pmids.txt",)
    assert found.held_out == (f"{tmp_path}/test", "file:///other/test")
    assert found.text[0].url == f"{tmp_path}/texts.jsonl.gz"
    assert found.prediction("P").url == f"{tmp_path}/p.PubTator"


def test_corpora_for_linking_are_a_folder_beside_the_catalogue(tmp_path: Path):
    assert training(tmp_path).linking_gold is None
    own = f"{OWN}  linking_gold: corpora/linking\n"
    assert training(tmp_path, own).linking_gold == f"{tmp_path}/corpora/linking"
    assert error_of(tmp_path, f"{OWN}  linking_gold: https://example.org/linking\n") == (
        "own.yaml: training.linking_gold: https://example.org/linking is not on this machine; give "
        "a path."
    )


def test_a_recipe_is_built_in_or_lies_beside_the_catalogue(tmp_path: Path):
    assert training(tmp_path).recipe == "shipped"
    assert training(tmp_path, f"{OWN}  recipe: shipped\n").recipe == "shipped"
    assert training(tmp_path, f"{OWN}  recipe: ner/own.yaml\n").recipe == f"{tmp_path}/ner/own.yaml"
    assert error_of(tmp_path, f"{OWN}  recipe: shiped\n") == (
        "own.yaml: training.recipe: there is no recipe 'shiped'; did you mean 'shipped'?"
    )


def test_parts_of_a_corpus_are_found_by_its_name(tmp_path: Path):
    found = training(tmp_path)

    assert [part.name for part in found.parts_of("C")] == ["C-genes", "C-chemicals"]
    assert [part.files for part in found.parts_of("C")] == [
        {"train": "train.tsv", "devel": "devel.tsv"},
        {"train": "training.tsv"},
    ]
    with pytest.raises(UnknownNameError, match="no corpus 'C-genes'; there is C"):
        found.parts_of("C-genes")
    with pytest.raises(UnknownNameError, match="no file of predictions 'p'"):
        found.prediction("p")


def test_there_is_none_unless_it_is_written(tmp_path: Path):
    path = tmp_path / "own.yaml"
    path.write_text("name: own\n", "utf-8")

    assert read_catalogue(path).training is None


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "classes: [gene]\n      types",
            "clases: [gene]\n      types",
            (
                "training.corpora.C-genes.clases: Extra inputs are not permitted; did you mean "
                "'classes'?"
            ),
        ),
        (
            "corpora:",
            "corpus:",
            "training.corpus: Extra inputs are not permitted; did you mean 'corpora'?",
        ),
        (
            "format: jsonl",
            "formt: jsonl",
            "training.text.T.formt: Extra inputs are not permitted; did you mean 'format'?",
        ),
        (
            "p.PubTator,",
            "p.PubTator, probabilty: 1,",
            (
                "training.predictions.P.probabilty: Extra inputs are not permitted; did you mean "
                "'probability'?"
            ),
        ),
        (
            "{train: training.tsv}",
            "{trian: training.tsv}",
            (
                "training.corpora.C-chemicals.splits.trian: Input should be 'train' or 'devel'; "
                "did you mean 'train'?"
            ),
        ),
        (
            "format: iob2",
            "format: conll",
            (
                "training.corpora.C-genes.format: Input should be 'iob2', 'pubtator', 'bioc_xml' "
                "or 'bioc_json'"
            ),
        ),
        (
            "{Protein: gene}",
            "{Protein: disease}",
            "training.corpora.C-genes.types.Protein: disease is none of its classes: gene.",
        ),
        (
            "held_out: [test,",
            "held_out: [https://example.org/test,",
            "training.held_out: https://example.org/test is not on this machine; give a path.",
        ),
        (
            "name: C-chemicals",
            "name: C-genes",
            "training.corpora: C-genes stands there twice.",
        ),
        (
            "      types: {Protein: gene}\n",
            "      weight: 2\n",
            "training.corpora: C-genes, C-chemicals are one corpus, C; give all the same weight.",
        ),
        (
            "classes: [chemical]\n      splits",
            "classes: []\n      splits",
            (
                "training.corpora.C-chemicals.classes: Tuple should have at least 1 item after "
                "validation, not 0"
            ),
        ),
    ],
)
def test_a_wrong_key_or_value_is_named(tmp_path: Path, old: str, new: str, problem: str):
    assert old in OWN

    assert f"own.yaml: {problem}" in error_of(tmp_path, OWN.replace(old, new, 1)).splitlines()
