"""Training data as assets, on the sample's corpora of invented sentences."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import kazu_platform.sample
from assets.layers import CORPUS_OF_LABELS_LAYER, WEAK_LABELS_LAYER
from assets.reading import read_passages
from assets.training import DICTIONARY, RECOGNISED
from kazu_platform.ner.packaged import ARTIFACT, model_at
from kazu_platform.tables import (
    CITATIONS,
    DICTIONARY_MENTIONS,
    LABELLED_SENTENCES,
    QUARANTINE,
    SENTENCES,
    WEAK_LABELS,
)
from tests.ner.models import model_folder
from tests.ner.test_checkpoints import MULTI, checkpoint

if TYPE_CHECKING:
    from tests.assets.conftest import Home, Report

SAMPLE = Path(str(kazu_platform.sample.__file__)).parent / "training"
SENTENCES_CORPUS, ABSTRACTS_CORPUS = "sample-sentences", "sample-abstracts"
FILE = "pubmed26n0001"


@pytest.fixture
def own_corpora(new_home: Home, tmp_path: Path) -> Path:
    """The sample's corpora in a folder to do with as a test likes; the catalogue uses them."""
    folder = shutil.copytree(SAMPLE, tmp_path / "training")
    new_home.path.mkdir()
    catalogue = new_home.catalogue()
    training = catalogue["training"]
    for source in training["corpora"]:
        source["url"] = source["url"].replace(str(Path(source["url"]).parent), str(folder))
    training |= {"test_pmids": [f"{folder}/test_pmids.txt"], "held_out": [str(folder)]}
    new_home.use_catalogue(catalogue)
    return folder


def made(home: Home, corpus: str) -> dict[str, Any]:
    """The metadata of the training data of a corpus."""
    report = home.materialise(CORPUS_OF_LABELS_LAYER, corpus)
    assert report.failures == {}
    return report.metadata["ner_training_data"]


def labelled_by(home: Home, detector: str, file: str = FILE, **more: Any) -> Report:  # noqa: ANN401
    home.register()
    config = {"weak_labels": {"config": {"detector": detector, **more}}}
    return home.materialise(WEAK_LABELS_LAYER, file, ops=config)


def classes_of(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(mention["entity_class"] for row in rows for mention in row["mentions"])


def test_the_sample_has_all_classes_and_something_to_leave_out(new_home: Home):
    of_sentences = made(new_home, SENTENCES_CORPUS)
    of_abstracts = made(new_home, ABSTRACTS_CORPUS)

    assert of_sentences["left_out_as_held_out_sentence"] == 1
    assert of_sentences["left_out_as_test_document"] == 0
    assert of_abstracts["left_out_as_test_document"] == 4
    assert "**Erlotinib** (chemical) slowed the growth" in of_sentences["examples"]
    assert "| gene | 28 |" in of_sentences["classes"]
    assert "| train | 37 |" in of_sentences["splits"]
    rows = new_home.lake.read(LABELLED_SENTENCES).to_pylist()
    assert Counter((row["corpus"], row["split"]) for row in rows) == {
        (SENTENCES_CORPUS, "train"): 37,
        (SENTENCES_CORPUS, "devel"): 8,
        (ABSTRACTS_CORPUS, "train"): 17,
        (ABSTRACTS_CORPUS, "devel"): 8,
    }
    assert set(classes_of(rows)) == set(RECOGNISED)
    assert "90000225" not in {row["doc_id"] for row in rows}


def test_a_corpus_that_did_not_change_is_not_read_again(own_corpora: Path, new_home: Home):
    first, second = made(new_home, SENTENCES_CORPUS), made(new_home, SENTENCES_CORPUS)

    assert (first["unchanged"], second["unchanged"]) == (False, True)
    with (own_corpora / "sentences" / "train.tsv").open("a", encoding="utf-8") as file:
        file.write("\nTNF\tB-gene\n")
    third = made(new_home, SENTENCES_CORPUS)
    assert third["unchanged"] is False
    assert third["dagster/row_count"] == first["dagster/row_count"] + 1


def test_a_new_test_set_takes_its_sentences_out(own_corpora: Path, new_home: Home):
    made(new_home, SENTENCES_CORPUS)
    text = "HepG2 cells were kept in low glucose for two days."
    (own_corpora / "test.txt").write_text(f"{text}\n", "utf-8")

    metadata = made(new_home, SENTENCES_CORPUS)

    assert metadata["left_out_as_held_out_sentence"] == 2
    rows = new_home.lake.read(LABELLED_SENTENCES, SENTENCES_CORPUS).to_pylist()
    assert text.split(maxsplit=1)[0] not in {row["words"][0] for row in rows}


def test_one_corpus_is_made_without_the_others(own_corpora: Path, new_home: Home):
    (own_corpora / "abstracts" / "train.PubTator").write_text("7|a|no title\n", "utf-8")
    made(new_home, SENTENCES_CORPUS)

    report = new_home.materialise(CORPUS_OF_LABELS_LAYER, ABSTRACTS_CORPUS)

    assert "train.PubTator, line 1: a title" in report.failures["ner_training_data"]
    assert new_home.lake.partitions(LABELLED_SENTENCES) == [SENTENCES_CORPUS]


def test_a_class_that_nothing_is_marked_as_is_a_warning(own_corpora: Path, new_home: Home):
    train = own_corpora / "abstracts" / "train.PubTator"
    for file in (train, train.with_name("devel.PubTator")):
        file.write_text(file.read_text("utf-8").replace("\tProtein\t", "\tPeptide\t"), "utf-8")

    report = new_home.materialise(CORPUS_OF_LABELS_LAYER, ABSTRACTS_CORPUS)

    assert report.failures == {}
    assert report.checks["ner_training_data", "marks_its_classes"] is False
    assert new_home.lake.partitions(LABELLED_SENTENCES) == [ABSTRACTS_CORPUS]


def test_a_lost_file_of_pmids_fails_and_publishes_nothing(own_corpora: Path, new_home: Home):
    (own_corpora / "test_pmids.txt").unlink()

    report = new_home.materialise(CORPUS_OF_LABELS_LAYER, SENTENCES_CORPUS)

    assert "test_pmids.txt cannot be opened" in report.failures["ner_training_data"]
    assert new_home.lake.partitions(LABELLED_SENTENCES) == []


def test_the_dictionary_labels_the_sentences_of_a_file(home: Home):
    report = labelled_by(home, DICTIONARY)

    assert report.failures == {}
    rows = home.lake.read(WEAK_LABELS, f"{DICTIONARY}-{FILE}").to_pylist()
    assert len(rows) == home.lake.read(SENTENCES, FILE).num_rows
    assert {row["origin"] for row in rows} == {"weak"}
    assert {row["corpus"] for row in rows} == {DICTIONARY}  # which a recipe can name
    found = home.lake.read(DICTIONARY_MENTIONS, FILE)["entity_class"].to_pylist()
    # One mention of words may stand for two of characters: p53 and p53's.
    for entity_class, count in classes_of(rows).items():
        assert count <= found.count(entity_class)
        assert count > 0.9 * found.count(entity_class)
    assert set(classes_of(rows)) <= set(RECOGNISED)
    assert labelled_by(home, DICTIONARY).metadata["weak_labels"]["unchanged"] is True


def test_what_another_detector_found_labels_only_what_it_read(home: Home):
    report = labelled_by(home, "sample-predictions")

    assert report.failures == {}
    rows = home.lake.read(WEAK_LABELS, f"sample-predictions-{FILE}").to_pylist()
    assert {row["doc_id"] for row in rows} == {"PMID:90000001", "PMID:90000002"}
    assert classes_of(rows) == {"chemical": 6, "disease": 8, "cell_line": 3, "gene": 8}
    probabilities = [each["probability"] for row in rows for each in row["mentions"]]
    assert probabilities == len(probabilities) * [pytest.approx(0.9)]
    assert home.lake.partitions(WEAK_LABELS) == [f"sample-predictions-{FILE}"]


@pytest.mark.parametrize("detector", ["model", "theirs"])
def test_a_model_labels_with_its_probabilities(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, detector: str
):
    """The one in use, or one that the catalogue names."""
    monkeypatch.setenv("KAZU_DETECTOR", "model+dictionary")
    entry = {"source": checkpoint(tmp_path / "theirs", ["B-drug", "I-gene", "O"], problem=MULTI)}
    entry |= {"name": "theirs", "licence": "MIT"}
    home.use_catalogue(home.catalogue() | {"models": [entry]})
    with home.artifacts.stage(ARTIFACT) as staged:
        model_folder(staged.content)
        own = staged.commit().content
    step = model_at(str(own) if detector == "model" else entry["source"]).step()

    report = labelled_by(home, detector)

    assert report.failures == {}
    found = step.open()(read_passages(home.lake, FILE))
    rows = home.lake.read(WEAK_LABELS, f"{detector}-{FILE}").to_pylist()
    labels = [each for row in rows for each in row["mentions"]]
    classes = RECOGNISED if detector == "model" else ["gene", "chemical"]
    assert {tuple(row["classes"]) for row in rows} == {tuple(classes)}
    assert len(rows) == home.lake.read(SENTENCES, FILE).num_rows
    assert Counter(each["entity_class"] for each in labels) == Counter(
        found["entity_class"].to_pylist()
    )
    assert sorted(each["probability"] for each in labels) == sorted(found["confidence"].to_pylist())
    assert len({each["probability"] for each in labels}) > 10
    assert labelled_by(home, detector).metadata["weak_labels"]["unchanged"] is True
    refused = labelled_by(home, detector, classes=["phenotype"])
    assert "and phenotype was to be labelled" in refused.failures["weak_labels"]


def test_without_a_model_none_labels(home: Home):
    report = labelled_by(home, "model")

    assert "No model reads texts, so none can label them" in report.failures["weak_labels"]


def test_only_classes_that_were_asked_for_are_labelled(home: Home):
    labelled_by(home, DICTIONARY, classes=["species", "gene"])

    rows = home.lake.read(WEAK_LABELS, f"{DICTIONARY}-{FILE}").to_pylist()
    assert set(classes_of(rows)) == {"species", "gene"}
    assert {tuple(row["classes"]) for row in rows} == {("species", "gene")}


def test_a_document_that_could_not_be_read_is_not_labelled(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    """No mentions would say that there are none."""
    texts = home.lake.read(CITATIONS, FILE, ["sections"])["sections"].to_pylist()
    longest = max(sum(len(section["text"]) for section in sections) for sections in texts)
    monkeypatch.setenv("KAZU_MAX_DOCUMENT_CHARACTERS", str(longest - 1))

    report = labelled_by(home, DICTIONARY)

    assert report.failures == {}
    aside = set(
        home.lake.read(QUARANTINE, f"weak_labels/{DICTIONARY}-{FILE}")["doc_id"].to_pylist()
    )
    labelled = set(home.lake.read(WEAK_LABELS)["doc_id"].to_pylist())
    assert aside
    assert labelled
    assert not aside & labelled


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (
            {"detector": "dictionery"},
            "There is no detector 'dictionery'; did you mean 'dictionary'",
        ),
        (
            {"detector": DICTIONARY, "classes": ["genes"]},
            "There is no entity class 'genes'; did you mean 'gene'?",
        ),
    ],
)
def test_a_name_that_does_not_exist_is_named(home: Home, config: dict[str, Any], problem: str):
    report = labelled_by(home, **config)

    assert problem in report.failures["weak_labels"]
    assert report.retried == set()


def test_a_held_out_citation_gives_no_weak_labels(home: Home, tmp_path: Path):
    catalogue = home.catalogue()
    pmids = tmp_path / "pmids.txt"
    pmids.write_text("90000001\n", "utf-8")
    catalogue["training"]["test_pmids"] = [str(pmids)]
    home.use_catalogue(catalogue)

    report = labelled_by(home, "sample-predictions")

    assert report.metadata["weak_labels"]["left_out_as_test_document"] == 6
    assert set(home.lake.read(WEAK_LABELS)["doc_id"].to_pylist()) == {"PMID:90000002"}
