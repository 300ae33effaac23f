"""The model detector: sentences in, mentions out, whatever they stand beside."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kazu_platform.ner.decoding import decode
from kazu_platform.ner.model import CANDIDATE_THRESHOLD, ModelDetector, OwnReader, open_model
from kazu_platform.ner.words import split_words
from kazu_platform.tables import DICTIONARY_MENTIONS, PASSAGES
from tests.ner.models import CLASSES, model_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from kazu_platform.ner.words import Words

TEXTS = st.lists(
    st.lists(
        st.sampled_from(
            ["EGFR ", "(gene", ") ", "breast ", "cancer. ", "In ", "IL-2", "α", "𝛽 ", ", "]
        ),
        max_size=9,
    ).map("".join),
    max_size=5,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model")).folder


@pytest.fixture(scope="module")
def detector(folder: Path) -> ModelDetector:
    return open_model(folder)


class Known:
    """Reads words whose classes it was told: what the detector makes of them is the subject."""

    def __init__(self, classes: dict[str, tuple[str, ...]]) -> None:
        self.classes = classes
        self.sentences: list[str] = []

    def probabilities(self, sentences: Sequence[str], words: Words) -> NDArray[np.float32]:
        self.sentences.extend(sentences)
        found = np.zeros((len(words.strings), 2 * len(CLASSES) + 1), np.float32)
        for row, word in enumerate(words.strings):
            for name in self.classes.get(word, ()):
                found[row, 2 * CLASSES.index(name) + 1] = 0.75
        return found


def knowing(detector: ModelDetector, **classes: tuple[str, ...]) -> tuple[ModelDetector, Known]:
    reader = Known(classes)
    return replace(detector, reader=reader), reader


def in_sentences(*documents: Sequence[str]) -> pa.Table:
    """Documents of one passage, given by their sentences, which a blank parts."""
    rows: list[dict[str, Any]] = []
    for number, sentences in enumerate(documents):
        borders, at = [], 0
        for sentence in sentences:
            borders.append({"start": at, "end": at + len(sentence)})
            at += len(sentence) + 1
        rows.append(
            {
                "doc_id": f"PMID:{number}",
                "content_hash": "same",
                "section": 0,
                "name": "abstract",
                "text": " ".join(sentences),
                "sentences": borders,
            }
        )
    return PASSAGES.from_rows(rows)


def test_mentions_nest_and_say_where_and_how_sure(detector: ModelDetector):
    told, _ = knowing(
        detector, HER2=("gene", "cell_line"), SKBR3=("cell_line",), cells=("cell_line",)
    )

    found = told.detect(in_sentences(["Nothing.", "In HER2 SKBR3 cells."]))

    rows = found.select(["text", "entity_class", "sentence", "start", "end"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("HER2", "gene", 1, 12, 16),
        ("HER2 SKBR3 cells", "cell_line", 1, 12, 28),
    ]
    assert found["confidence"].to_pylist() == [0.75, 0.75]
    assert set(found["detector"].to_pylist()) == {"model"}
    assert set(found["detector_version"].to_pylist()) == {detector.version}


def test_a_sentence_that_stands_often_is_read_once_and_found_everywhere(detector: ModelDetector):
    told, reader = knowing(detector, EGFR=("gene",))

    found = told.detect(
        in_sentences(["EGFR rose.", "It fell."], ["It fell."], ["So.", "EGFR rose."])
    )

    assert reader.sentences == ["EGFR rose.", "It fell.", "So."]
    assert found.select(["doc_id", "start", "sentence"]).to_pylist() == [
        {"doc_id": "PMID:0", "start": 0, "sentence": 0},
        {"doc_id": "PMID:2", "start": 4, "sentence": 1},
    ]


def test_a_mention_ends_with_its_sentence(detector: ModelDetector):
    told, _ = knowing(detector, EGFR=("gene",))

    found = told.detect(in_sentences(["EGFR", "EGFR"]))

    assert found["start"].to_pylist() == [0, 5]


def test_a_bracket_without_its_partner_falls_off(detector: ModelDetector):
    told, _ = knowing(detector, **cast("Any", {"(": ("gene",), "TNF": ("gene",), "-": ("gene",)}))

    found = told.detect(in_sentences(["Factor (TNF) and - nothing."]))

    assert found["text"].to_pylist() == ["TNF"]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
def test_a_mention_is_the_slice_of_its_text_and_within_a_sentence(
    detector: ModelDetector, passages: Callable[..., pa.Table], texts: list[str]
):
    given_ = passages(*texts) if texts else PASSAGES.empty()

    found = detector.detect(given_)

    DICTIONARY_MENTIONS.check(found)
    place = {row["doc_id"]: row for row in given_.to_pylist()}
    for row in found.to_pylist():
        passage = place[row["doc_id"]]
        sentence = passage["sentences"][row["sentence"]]
        assert passage["text"][row["start"] : row["end"]] == row["text"]
        assert sentence["start"] <= row["start"] < row["end"] <= sentence["end"]
        assert 0.5 <= row["confidence"] <= 1


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS.filter(bool))
def test_passages_are_read_alike_together_and_alone(
    detector: ModelDetector, passages: Callable[..., pa.Table], texts: list[str]
):
    """A batch may be done again in parts."""
    given_ = passages(*texts)
    alone = [detector.detect(given_.slice(row, 1)) for row in range(given_.num_rows)]

    together = detector.detect(given_)

    without = [name for name in together.schema.names if name != "confidence"]
    expected = pa.concat_tables(alone)
    assert together.select(without).equals(expected.select(without))
    assert np.allclose(together["confidence"], expected["confidence"], atol=1e-5)


def test_the_random_model_of_these_tests_finds_something(
    detector: ModelDetector, passages: Callable[..., pa.Table]
):
    """Or the laws above would hold of nothing."""
    found = detector.detect(passages("EGFR and the gene of breast cancer in cells."))

    assert len(set(found["entity_class"].to_pylist())) > 1


class Given:
    """Reads given probabilities, for as many words as there are."""

    def __init__(self, probabilities: NDArray[np.float32]) -> None:
        self.given = probabilities

    def probabilities(self, sentences: Sequence[str], words: Words) -> NDArray[np.float32]:  # noqa: ARG002 - the protocol
        return self.given[: len(words.strings)]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.8]), min_size=4, max_size=4), min_size=6
    )
)
def test_candidates_are_what_is_found_and_what_is_doubted_beside_it(
    detector: ModelDetector, rows: list[list[float]]
):
    probabilities = np.zeros((len(rows), 2 * len(CLASSES) + 1), np.float32)
    probabilities[:, :4] = rows
    told = replace(detector, reader=Given(probabilities), scheme="BIO")
    n_words = len(rows) // 2
    texts = in_sentences(["a " * (n_words - 1) + "a"], ["b " * (n_words - 1) + "b"])

    found, candidates = (each.detect(texts) for each in (told, told.giving_candidates()))

    at_low, at_half = (
        decode(probabilities[: 2 * n_words], np.array([0, n_words, 2 * n_words]), [least] * 6)
        for least in (CANDIDATE_THRESHOLD, 0.5)
    )
    certain, doubtful = (
        list(zip(*(getattr(each, name).tolist() for name in fields), strict=True))
        for each in (at_half, at_low)
        for fields in [("entity_class", "first", "end", "confidence")]
    )
    beside = [
        each
        for each in doubtful
        if not any(
            (other[0] == each[0] and other[1] < each[2] and each[1] < other[2]) for other in certain
        )
    ]
    key = ("doc_id", "entity_class", "start", "end", "confidence")
    now = [tuple(row[name] for name in key) for row in candidates.to_pylist()]
    wanted: list[tuple[Any, ...]] = []
    for number, first, end, sure in [*certain, *beside]:
        document, word = divmod(first, n_words)
        last = end - 1 - document * n_words
        wanted.append((f"PMID:{document}", CLASSES[number], 2 * word, 2 * last + 1, sure))
    assert sorted(now) == sorted(wanted)
    assert set(found["mention_id"].to_pylist()) <= set(candidates["mention_id"].to_pylist())


def test_candidates_have_a_version_of_their_own(detector: ModelDetector):
    candidates = detector.giving_candidates()

    assert candidates.version != detector.version
    assert candidates.giving_candidates() is candidates


def test_mentions_of_one_place_stand_in_the_order_of_their_classes(detector: ModelDetector):
    told, _ = knowing(detector, HeLa=("gene", "cell_type", "cell_line", "disease"))

    found = told.detect(in_sentences(["HeLa"]))

    assert found["entity_class"].to_pylist() == ["cell_line", "cell_type", "disease", "gene"]


def test_two_threads_find_what_one_finds(folder: Path, passages: Callable[..., pa.Table]):
    texts = passages(*(f"EGFR {'gene ' * (number % 7)}of cancer." for number in range(60)))

    one, two = (open_model(folder, threads).detect(texts) for threads in (1, 2))

    assert two.equals(one)


def test_words_are_taken_apart_once(detector: ModelDetector):
    reader = cast("OwnReader", detector.reader)

    reader.probabilities(["gene gene"], split_words(["gene gene"]))
    known = reader.pieces._known
    reader.probabilities(["the gene"], split_words(["the gene"]))

    assert reader.pieces._known is known
    assert {"gene", "the"} <= set(known)


def test_reading_loads_neither_torch_nor_transformers(folder: Path):
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from kazu_platform.citations.documents import passages_of\n"
        "from kazu_platform.documents import Document, Section\n"
        "from kazu_platform.ner.model import open_model\n"
        "text = 'EGFR and the gene of breast cancer in cells.'\n"
        "found = open_model(Path(sys.argv[1])).detect(\n"
        "    passages_of([Document('text', (Section('text', text),))]))\n"
        "assert found.num_rows\n"
        "heavy = {'torch', 'transformers', 'onnx', 'dagster', 'ray'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
