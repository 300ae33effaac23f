"""Training for real, on networks so small that a test waits for seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.errors import TrainingError
from kazu_platform.ner.pieces import SPECIAL, WordPieces
from kazu_platform.training.adapt import adapt, masked, read_rows
from kazu_platform.training.distil import (
    GeneralStudent,
    Merge,
    Merger,
    distil_general,
    distil_task,
)
from kazu_platform.training.encoded import batch_of, encode
from kazu_platform.training.loop import CHECKPOINT, Plan, Run
from kazu_platform.training.network import Network, Sizes, derived, load_network, save_network
from kazu_platform.training.tagging import (
    Material,
    Mixture,
    Tagger,
    drawn,
    fine_tune,
    masked_loss,
    probabilities,
)
from kazu_platform.training.targets import (
    Labelled,
    Outputs,
    labelled_sentences,
    outside,
    targets_of,
)
from kazu_platform.training.vocabulary import choose_vocabulary, count_words

LETTERS = "abcdefghijklmnopqrstuvwxyz"
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VOCABULARY = (*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS), "mice", "have", "rats")
PIECES = WordPieces(VOCABULARY)
CLASSES = ("gene", "species")
OUTPUTS = Outputs(CLASSES)


def sentence(
    corpus: str,
    words: str,
    mentions: list[tuple[int, int, str, float]],
    classes: tuple[str, ...] = CLASSES,
) -> dict[str, object]:
    names = ("first", "last", "entity_class", "probability")
    return {
        "corpus": corpus,
        "words": words.split(),
        "mentions": [dict(zip(names, mention, strict=True)) for mention in mentions],
        "classes": list(classes),
    }


def rows(*sentences: dict[str, object]) -> pa.Table:
    mention = pa.struct(
        {
            "first": pa.int32(),
            "last": pa.int32(),
            "entity_class": pa.string(),
            "probability": pa.float32(),
        }
    )
    schema = pa.schema(
        {
            "corpus": pa.string(),
            "words": pa.list_(pa.string()),
            "mentions": pa.list_(mention),
            "classes": pa.list_(pa.string()),
        }
    )
    return pa.Table.from_pylist(list(sentences), schema)


SENTENCES = rows(
    sentence("A", "mice have abc", [(0, 1, "species", 1), (2, 3, "gene", 1)]),
    sentence("A", "rats have xyz abc", [(0, 1, "species", 1), (2, 4, "gene", 1)]),
    sentence("B", "the mice", [(1, 2, "species", 1)], ("species",)),
    sentence("B", "abc abc have abc", [], ("species",)),
    sentence("C", "some rats", [(1, 2, "species", 0.25)]),
)


def network(outputs: int = OUTPUTS.n, *, layers: int = 2, dropout: float = 0.0) -> Network:
    torch.manual_seed(1)
    return Network(
        Sizes(len(VOCABULARY), layers, outputs, hidden=24, heads=2, inner=32, dropout=dropout)
    )


def material(table: pa.Table = SENTENCES, outputs: Outputs = OUTPUTS) -> Material:
    return Material(labelled_sentences(table, PIECES, outputs, {}), Mixture({}, {}), pieces=40)


def plan(steps: int, **other: float) -> Plan:
    return Plan(steps=steps, rate=3e-3, head_rate=1e-2, log_every=2, **other)  # pyright: ignore[reportArgumentType]


def weights(trained: Network) -> bytes:
    return b"".join(value.numpy().tobytes() for value in trained.state_dict().values())


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# ---- vocabulary


def test_frequent_words_that_were_cut_up_become_pieces_made_of_their_parts():
    counts = count_words(["cat cat cat dog"] * 3 + ["ox"])
    found = choose_vocabulary(counts, VOCABULARY, n_pieces=len(VOCABULARY), n_words=1)
    assert found.pieces[-1] == "cat"
    assert [VOCABULARY[row] for row in found.sources[-1]] == ["c", "##a", "##t"]
    assert found.pieces[: len(SPECIAL)] == SPECIAL
    kept = set(found.pieces)
    assert {"d", "##o", "##g", "o", "##x"} <= kept
    assert "##b" not in kept  # it occurs nowhere


def test_each_piece_that_stays_is_its_own_source():
    found = choose_vocabulary(count_words(["mice have a cat"]), VOCABULARY, n_pieces=12, n_words=0)
    assert [(VOCABULARY[row],) for (row,) in found.sources] == [(piece,) for piece in found.pieces]


# ---- targets


@st.composite
def labelled_rows(draw: st.DrawFn) -> pa.Table:
    found: list[dict[str, object]] = []
    for _ in range(draw(st.integers(1, 4))):
        n_words = draw(st.integers(1, 6))
        mentions: list[tuple[int, int, str, float]] = []
        for entity_class in CLASSES:  # of one class, mentions do not overlap
            place = 0
            while place < n_words and draw(st.booleans()):
                first = draw(st.integers(place, n_words - 1))
                last = draw(st.integers(first + 1, n_words))
                mentions.append((first, last, entity_class, draw(st.sampled_from([0.25, 1.0]))))
                place = last
        classes = draw(st.sets(st.sampled_from(CLASSES), min_size=1))
        words = " ".join(draw(st.sampled_from(["mice", "abc", "a"])) for _ in range(n_words))
        found.append(sentence(draw(st.sampled_from("AB")), words, mentions, tuple(sorted(classes))))
    return rows(*found)


def plain_targets(table: pa.Table, outputs: Outputs) -> tuple[list[list[float]], list[list[bool]]]:
    """One word after the other."""
    wanted: list[list[float]] = []
    known: list[list[bool]] = []
    for row in table.to_pylist():
        for word in range(len(row["words"])):
            values: list[float] = []
            for label in outputs.labels:
                begin = inside = 0.0
                for mention in row["mentions"]:
                    of_label = mention["entity_class"] == label and label in row["classes"]
                    if of_label and mention["first"] == word:
                        begin = mention["probability"]
                    if of_label and mention["first"] < word < mention["last"]:
                        inside = mention["probability"]
                values += [begin, inside] if outputs.scheme == "BIO" else [max(begin, inside)]
            out = 1.0
            for place in range(0, len(values), outputs.per_label):
                out *= 1 - max(values[place : place + outputs.per_label])
            wanted.append([*values, out])
            marked = [label in row["classes"] for label in outputs.labels]
            known.append(
                [each for each in marked for _ in range(outputs.per_label)] + [all(marked)]
            )
    return wanted, known


@given(labelled_rows(), st.sampled_from(["BIO", "IO"]))
@settings(max_examples=60, deadline=None)
def test_targets_are_those_of_one_word_after_the_other(table: pa.Table, scheme: str):
    outputs = Outputs(CLASSES, scheme)
    labelled = labelled_sentences(table, PIECES, outputs, {})
    batch = batch_of(labelled.encoded, np.arange(table.num_rows), most=200)
    wanted, known = targets_of(labelled, batch, outputs)
    plain_wanted, plain_known = plain_targets(table, outputs)
    np.testing.assert_allclose(wanted.numpy(), np.array(plain_wanted), rtol=1e-6)
    assert known.tolist() == plain_known


def test_what_does_not_fit_into_the_longest_row_is_cut_with_its_targets():
    labelled = labelled_sentences(SENTENCES, PIECES, OUTPUTS, {})
    batch = batch_of(labelled.encoded, np.array([1]), most=8)  # rats have x y z | a b c
    assert batch.n_words.tolist() == [3]
    wanted, _ = targets_of(labelled, batch, OUTPUTS)
    assert wanted[:, :2].tolist() == [[0, 0], [0, 0], [1, 0]]


def test_a_corpus_may_have_labels_of_its_own():
    outputs = Outputs(("gene", "species", "species:B"))
    labelled = labelled_sentences(SENTENCES, PIECES, outputs, {"B species": "species:B"})
    assert labelled.known.tolist() == [
        [True, True, False],
        [True, True, False],
        [False, False, True],
        [False, False, True],
        [True, True, False],
    ]
    assert labelled.label[labelled.span[2] : labelled.span[3]].tolist() == [2]


def test_no_sentences_is_an_error_that_says_what_to_do():
    with pytest.raises(TrainingError, match="ner_training_data"):
        labelled_sentences(SENTENCES.slice(0, 0), PIECES, OUTPUTS, {})


# ---- what is learnt, and what is not


def test_outputs_that_a_corpus_does_not_know_teach_nothing():
    only_b = SENTENCES.filter(pa.compute.equal(SENTENCES["corpus"], "B"))  # pyright: ignore[reportAttributeAccessIssue]
    learnt = material(only_b)
    model = network()
    batch = next(iter(learnt.batches((1,), torch.device("cpu"))))
    wanted, known = targets_of(learnt.labelled, batch, OUTPUTS)
    masked_loss(model.words(batch), wanted, known).backward()
    assert model.dense is not None
    assert model.dense.weight.grad is not None
    per_output = model.dense.weight.grad.abs().sum(dim=1)
    assert (per_output[:2] == 0).all()  # gene
    assert (per_output[2:4] > 0).all()  # species
    assert per_output[4] == 0  # O: the corpus knows no genes


def test_padding_does_not_change_what_is_said_of_a_sentence():
    learnt, model = material(), network()
    alone = [probabilities(model, learnt.labelled, np.array([each]))[0] for each in range(5)]
    together, counts = probabilities(model, learnt.labelled, np.arange(5))
    assert counts.tolist() == [3, 4, 2, 4, 2]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-6)


def test_a_tagger_learns_its_sentences(tmp_path: Path):
    model, learnt = network(), material()
    curve = fine_tune(Tagger(model, OUTPUTS), learnt, Run(plan(150), tmp_path, print))
    assert curve[-1]["loss"] < curve[0]["loss"] / 10
    said, _ = probabilities(model, learnt.labelled, np.arange(2))
    expected = np.zeros((7, 4))
    expected[0, 2] = expected[2, 0] = expected[3, 2] = expected[5, 0] = expected[6, 1] = 1
    assert ((said[:, :4] > 0.5) == expected).all()


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path):
    def run(folder: Path, says: object) -> bytes:
        model = network(dropout=0.1)
        how = Run(plan(14), folder, says, save_every=0.0)  # pyright: ignore[reportArgumentType]
        fine_tune(Tagger(model, OUTPUTS), material(), how)
        return weights(model)

    class KilledError(Exception):
        pass

    def kill(line: str) -> None:
        if line.startswith("step 14"):
            raise KilledError

    whole = run(tmp_path / "whole", lambda _line: None)
    with pytest.raises(KilledError):
        run(tmp_path / "killed", kill)
    steps = torch.load(tmp_path / "killed" / CHECKPOINT, weights_only=True)["state"]["step"]
    assert 0 < steps < 14
    assert run(tmp_path / "killed", lambda _line: None) == whole
    assert run(tmp_path / "again", lambda _line: None) == whole


def test_a_checkpoint_of_other_data_is_refused(tmp_path: Path):
    fine_tune(Tagger(network(), OUTPUTS), material(), Run(plan(2), tmp_path))
    other = material(SENTENCES.slice(0, 3))
    with pytest.raises(TrainingError, match="another run"):
        fine_tune(Tagger(network(), OUTPUTS), other, Run(plan(2), tmp_path))


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path):
    model = network()
    assert model.dense is not None
    torch.nn.init.constant_(model.dense.weight, float("nan"))
    with pytest.raises(TrainingError, match="lower the rate"):
        fine_tune(Tagger(model, OUTPUTS), material(), Run(plan(2), tmp_path))


def test_a_network_comes_back_from_its_folder(tmp_path: Path):
    model = network()
    save_network(model, VOCABULARY, tmp_path)
    assert weights(load_network(tmp_path)) == weights(model)
    assert WordPieces.read(tmp_path / "pieces.txt").vocabulary == VOCABULARY


@pytest.mark.parametrize("layers", [(0, 2), (-1,)])
def test_a_layer_that_a_network_lacks_is_named(layers: tuple[int, ...]):
    with pytest.raises(TrainingError, match=rf"no layer {layers[-1]}: the network has 2, numbered"):
        derived(network(), outputs=0, dropout=0.0, seed=1, layers=layers)


def test_an_epoch_draws_what_the_mixture_says():
    labelled = material().labelled
    mixture = Mixture({"A": 2.0, "C": 0.0}, {"B": 0.0})
    assert drawn(labelled, mixture, (1,)).tolist() == [0, 0, 1, 1, 2]
    half = [len(drawn(labelled, Mixture({"A": 0.5}, {}), (seed,))) for seed in range(2_000)]
    assert 3 + 0.95 < np.mean(half) < 3 + 1.05


# ---- masked language modelling


def test_hidden_words_are_hidden_whole_and_a_quarter_of_all():
    texts = ["abc have mice def rats " * 40] * 8
    lines = read_rows(texts, PIECES, 32)
    found = masked(lines, np.arange(len(lines.ids)), len(VOCABULARY), (1,))
    ids = lines.ids.ravel()
    places = found.places.numpy()
    assert (ids[places] == found.hidden.numpy()).all()
    is_hidden = np.zeros(len(ids), np.bool_)
    is_hidden[places] = True
    word = (lines.word + 1000 * np.arange(len(lines.ids))[:, None]).ravel()
    inside = lines.word.ravel() >= 0
    for each in np.unique(word[inside]):
        assert len(set(is_hidden[(word == each) & inside])) == 1
    assert 0.2 < is_hidden[inside].mean() < 0.3
    assert (found.shapes.ravel()[places] == 0).all()
    replaced = found.ids.ravel()[places] == SPECIAL.index("[MASK]")
    assert 0.7 < replaced.numpy().mean() < 0.9


def test_an_encoder_learns_to_guess_hidden_words(tmp_path: Path):
    lines = read_rows(["mice have abc rats have xyz " * 60] * 4, PIECES, 32)
    model = network(0)
    curve = adapt(model, lines, Run(plan(60), tmp_path), batch=4)
    assert curve[-1]["loss"] < curve[0]["loss"] * 0.7


# ---- distillation


def test_labels_become_classes_by_weight_and_corpora_speak_for_themselves():
    teacher = Outputs(("gene:A", "gene:B", "species"))
    merge = Merge({"gene": {"gene:A": 3.0, "gene:B": 1.0}}, {"A gene": "gene:A"}, {}, {"A gene"})
    merger = Merger(merge, teacher, OUTPUTS, ("A", "C"))
    said = torch.tensor([[0.8, 0, 0.4, 0, 0, 0.5, 0]] * 2)
    corpus, wanted = torch.tensor([0, 1]), torch.zeros(2, 5)
    found = merger.targets(said, corpus, wanted, wanted > 0).numpy()
    np.testing.assert_allclose(found[:, 0], [0.8, 0.75 * 0.8 + 0.25 * 0.4], rtol=1e-6)
    np.testing.assert_allclose(found[:, 3], 0.5)
    np.testing.assert_allclose(found[:, 4], outside(found[:, :4], OUTPUTS))
    gold = merger.targets(said, corpus, wanted, wanted == 0).numpy()
    np.testing.assert_allclose(gold[:, 0], [0.4, 0.7])  # C's own label has no weight: no gold


def test_who_marks_nothing_of_a_class_learns_a_mixture_of_its_labels():
    """Though the class's own name is a label with a weight: it is that of some other corpus."""
    merge = Merge(
        {"gene": {"gene": 1.0, "gene:A": 3.0}}, {"A gene": "gene:A"}, {}, {"A gene", "B gene"}
    )
    assert merge.of("gene", "A") == {"gene:A": 1.0}
    assert merge.of("gene", "B") == {"gene": 1.0}
    assert merge.of("gene", "unlabelled") == {"gene": 0.25, "gene:A": 0.75}


def test_a_label_that_the_teacher_lacks_is_named():
    merge = Merge({"gene": {"gene:X": 1.0}})
    with pytest.raises(TrainingError, match="'gene:X'"):
        Merger(merge, OUTPUTS, OUTPUTS, ("A",))


def test_a_student_learns_what_its_teacher_says_where_no_gold_is(tmp_path: Path):
    teacher, learnt = network(), material()
    fine_tune(Tagger(teacher, OUTPUTS), learnt, Run(plan(150), tmp_path / "teacher"))
    student = derived(teacher, outputs=OUTPUTS.n, dropout=0.0, seed=2, layers=[0])
    only_b: Labelled = material(SENTENCES.slice(3, 1)).labelled  # genes are not marked there
    distil_task(
        Tagger(student, OUTPUTS),
        [Tagger(teacher, OUTPUTS)],
        Material(only_b, Mixture({}, {}), 40),
        Merge(),
        Run(plan(150), tmp_path / "student"),
    )
    told, _ = probabilities(teacher, only_b, np.arange(1))
    said, _ = probabilities(student, only_b, np.arange(1))
    assert told[0, 0] > 0.5  # the first abc
    np.testing.assert_allclose(said[:, :4], told[:, :4], atol=0.1)


def test_general_distillation_brings_a_student_nearer_in_all_three_ways(tmp_path: Path):
    teacher = network(0)
    student = derived(teacher, outputs=0, dropout=0.0, seed=3, layers=[1])
    lines = read_rows(["mice have abc rats have xyz " * 60] * 4, PIECES, 32)
    curve = distil_general(student, teacher, [1], lines, Run(plan(60), tmp_path), batch=4)
    assert curve[-1]["hidden"] < curve[0]["hidden"] / 2
    assert curve[-1]["attention"] < curve[0]["attention"]
    with pytest.raises(TrainingError, match="do not fit"):
        distil_general(student, teacher, [5], lines, Run(plan(2), tmp_path / "x"), batch=4)


def test_in_general_distillation_special_pieces_count_for_nothing():
    """Both networks are the same but for the embeddings of special pieces."""
    teacher = network(0, layers=1)
    student = derived(teacher, outputs=0, dropout=0.0, seed=3)
    with torch.no_grad():
        student.encoder.embeddings.word_embeddings.weight[: len(SPECIAL)] += 1.0
    lines = read_rows(["mice have abc"] * 20, PIECES, 16)
    ids, shapes, word = (
        torch.from_numpy(each).long() for each in (lines.ids, lines.shapes, lines.word)
    )
    inside = word >= 0
    assert (ids[~inside] < len(SPECIAL)).all()
    assert (~inside).sum() > 2 * len(ids)

    found = GeneralStudent(student.eval(), teacher, [0])(ids, shapes, inside)

    assert found["embeddings"] == 0
    assert found["attention"] == 0  # of the first layer, which reads embeddings
    away = student.hidden(ids, None, shapes) - teacher.hidden(ids, None, shapes)
    torch.testing.assert_close(found["hidden"], away[inside].square().mean())


def test_sentences_of_no_word_and_long_words_are_encoded():
    encoded = encode(["mice"], np.array([0, 0, 1]), PIECES)
    batch = batch_of(encoded, np.array([0, 1]), most=10)
    assert batch.ids.tolist() == [[2, 3, 0], [2, VOCABULARY.index("mice"), 3]]
