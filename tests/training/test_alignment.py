"""Self-alignment: the loss against a plain twin, what is mined and drawn, and learning for real."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.errors import ConfigurationError, TrainingError
from kazu_platform.ner.pieces import SPECIAL, WordPieces
from kazu_platform.training.alignment import (
    Drawing,
    Learnt,
    Meaning,
    MultiSimilarity,
    align,
    mined,
    multi_similarity,
    shared_out,
)
from kazu_platform.training.alignment_order import (
    AlignmentOrder,
    embedder_of,
    read_retrieval,
    write_names,
)
from kazu_platform.training.linking_recipe import (
    AlignRecipe,
    LinkingRecipe,
    linking_recipe_path,
    read_linking_recipe,
)
from kazu_platform.training.loop import CHECKPOINT, Plan, Run
from kazu_platform.training.name_table import (
    ALIGNMENT_NAMES,
    IN_CAPITALS,
    IN_LOWER_CASE,
    NameTable,
    batch_of_names,
    read_names,
)
from kazu_platform.training.neighbours import nearest_strangers
from kazu_platform.training.network import Network, Sizes, load_network, save_network
from kazu_platform.training.stages import RECORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ("heart", "cardiac", "attack", "arrest", "kidney", "renal", "failure", "stone", "gene")
PIECES = WordPieces((*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS), *WORDS))
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def network(outputs: int = 0, *, dropout: float = 0.0) -> Network:
    torch.manual_seed(1)
    sizes = Sizes(len(PIECES.vocabulary), 2, outputs, hidden=24, heads=2, inner=32, dropout=dropout)
    return Network(sizes)


def names_of(*rows: tuple[str, int, int, str]) -> pa.Table:
    """Class, concept, kin and name; one that begins with "?" is held out."""
    held = [name.startswith("?") for *_, name in rows]
    columns = {
        "entity_class": [each[0] for each in rows],
        "name": [each[3].removeprefix("?") for each in rows],
        "concept_id": [f"X:{each[1]}" for each in rows],
        "concept": [each[1] for each in rows],
        "kin": [each[2] for each in rows],
        "held_out": held,
    }
    return pa.table(columns, ALIGNMENT_NAMES)


SMALL = names_of(
    ("disease", 0, 0, "cardiac attack"),
    ("disease", 0, 0, "heart attack"),
    ("disease", 0, 0, "?heart arrest"),
    ("disease", 1, 0, "cardiac arrest"),
    ("disease", 2, 2, "kidney failure"),
    ("disease", 2, 2, "renal failure"),
    ("disease", 3, 3, "kidney stone"),
    ("gene", 4, 4, "abc gene"),
    ("gene", 4, 4, "xyz"),
    ("gene", 5, 5, "heart gene"),
)


def learnt(names: pa.Table = SMALL) -> Learnt:
    return Learnt.of(names, PIECES, most=16, device=CPU)


def recipe(**changes: Any) -> AlignRecipe:  # noqa: ANN401
    given_ = {"steps": 20, "pairs": 6, "refresh": 5, "max_pieces": 16, "rate": 2e-3}
    return AlignRecipe.model_validate(given_ | changes)


# ---- the loss


@st.composite
def batches(draw: st.DrawFn) -> tuple[NDArray[np.float64], list[tuple[int, int, int]]]:
    n = draw(st.integers(2, 7))
    numbers = st.floats(-1, 1, allow_nan=False, width=32)
    vectors = np.array([[draw(numbers) for _ in range(3)] for _ in range(n)], np.float64)
    vectors[:, 0] += 2.5  # not of no length
    concept = [draw(st.integers(0, 3)) for _ in range(n)]
    kin = draw(st.sampled_from([(0, 1, 2, 3), (0, 0, 2, 3)]))
    classes = draw(st.sampled_from([(0, 0, 0, 0), (0, 0, 1, 1)]))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit, [(each, kin[each], classes[each]) for each in concept]


def plain_loss(vectors: NDArray[np.float64], what: list[tuple[int, int, int]]) -> float:
    """Name after name and pair after pair."""
    how = MultiSimilarity()
    total = 0.0
    for one, (concept, kin, entity_class) in enumerate(what):
        cosine = [float(vectors[one] @ other) for other in vectors]
        positive = [i for i, w in enumerate(what) if w[0] == concept and i != one]
        negative = [i for i, w in enumerate(what) if w[1] != kin and w[2] == entity_class]
        nearest = max((cosine[i] for i in negative), default=-math.inf)
        furthest = min((cosine[i] for i in positive), default=math.inf)
        pull = sum(
            math.exp(-how.alpha * (cosine[i] - how.base))
            for i in positive
            if cosine[i] < nearest + how.margin
        )
        push = sum(
            math.exp(how.beta * (cosine[i] - how.base))
            for i in negative
            if cosine[i] > furthest - how.margin
        )
        total += math.log1p(pull) / how.alpha + math.log1p(push) / how.beta
    return total / len(what)


@given(batches())
@settings(max_examples=80, deadline=None)
def test_the_loss_is_that_of_one_pair_after_the_other(
    given_: tuple[NDArray[np.float64], list[tuple[int, int, int]]],
):
    vectors, what = given_
    meaning = Meaning(*(torch.tensor(column) for column in zip(*what, strict=True)))
    found = multi_similarity(torch.from_numpy(vectors), meaning, MultiSimilarity())
    assert found.item() == pytest.approx(plain_loss(vectors, what), abs=1e-6)


def test_only_pairs_that_are_hard_enough_are_learnt_from():
    similarity = torch.tensor(
        [
            [1.0, 0.9, 0.2, 0.8, 0.1],
            [0.9, 1.0, 0.3, 0.2, 0.1],
            [0.2, 0.3, 1.0, 0.1, 0.1],
            [0.8, 0.2, 0.1, 1.0, 0.9],
            [0.1, 0.1, 0.1, 0.9, 1.0],
        ]
    )
    meaning = Meaning(*(torch.tensor(each) for each in ([0, 0, 0, 1, 1], [0, 0, 0, 1, 1], [0] * 5)))
    positive, negative = mined(similarity, *meaning.pairs(), margin=0.2)
    # The first name's positives are at 0.9 and 0.2, its negatives at 0.8 and 0.1.
    assert positive[0].tolist() == [False, True, True, False, False]
    assert negative[0].tolist() == [False, False, False, True, True]
    # The last one's positive is far above its negatives: nothing to learn.
    assert not positive[4].any()
    assert not negative[4].any()


def test_without_a_negative_or_a_positive_the_gradient_is_a_number():
    vectors = torch.eye(3, requires_grad=True)
    alone = Meaning(torch.arange(3), torch.arange(3), torch.arange(3))
    loss = multi_similarity(vectors, alone, MultiSimilarity())
    loss.backward()
    assert loss.item() == 0
    assert vectors.grad is not None
    assert (vectors.grad == 0).all()


def test_kin_and_other_classes_are_no_negatives():
    _, negative = learnt().meaning.pairs()
    names = SMALL.filter(pa.compute.invert(SMALL["held_out"]))["name"].to_pylist()  # pyright: ignore[reportAttributeAccessIssue]
    apart = {names[place] for place in np.flatnonzero(negative[names.index("heart attack")])}
    assert apart == {"kidney failure", "renal failure", "kidney stone"}


# ---- what is read


def test_a_name_has_the_same_vector_in_any_company():
    model, table = network().eval(), learnt().table
    rows = np.arange(len(table.lengths))
    alone = torch.cat(
        [read_names(model, table, batch_of_names(table, rows[i : i + 1])) for i in rows]
    )
    batch = batch_of_names(table, rows, n_parts=3)
    together = read_names(model, table, batch)
    torch.testing.assert_close(together, alone[batch.rows], atol=1e-6, rtol=0)
    torch.testing.assert_close(together.norm(dim=1), torch.ones(len(rows)))
    widths = [width for _, _, width in batch.parts]
    assert widths == sorted(widths, reverse=True)
    assert all(width % 4 == 0 for width in widths)
    embedded = embedder_of(model, PIECES, most=16)(["xyz", "heart gene"])
    last = alone[[names_place("xyz"), names_place("heart gene")]].detach().numpy()
    np.testing.assert_allclose(embedded, last, atol=1e-6)


def names_place(name: str) -> int:
    kept = pl.DataFrame(SMALL).filter(~pl.col("held_out"))["name"].to_list()
    return kept.index(name)


def test_another_case_is_read_as_if_it_were_written_so():
    written = ["Heart attack 7", "heart attack 7", "HEART ATTACK 7"]
    table = NameTable.of(written, PIECES, most=16, device=CPU)
    model = network().eval()
    how = np.array([IN_LOWER_CASE, IN_CAPITALS], np.int8)
    recased = read_names(
        model, table, batch_of_names(table, np.array([0, 0]), recased=how, n_parts=1)
    )
    plain = read_names(model, table, batch_of_names(table, np.array([1, 2]), n_parts=1))
    torch.testing.assert_close(recased, plain)


def test_of_a_long_name_the_first_pieces_are_read():
    table = NameTable.of(["heart " * 40, "heart " * 6], PIECES, most=8, device=CPU)
    assert table.lengths.tolist() == [8, 8]
    assert torch.equal(table.ids[0], table.ids[1])


# ---- what is drawn


def test_a_batch_is_pairs_of_synonyms_with_each_class_s_share():
    names = learnt()
    drawing = Drawing(names, recipe(pairs=10, weights={"gene": 0.5}), seed=3)
    for step in range(20):
        pairs = drawing.rows(step, None).reshape(-1, 2)
        assert (names.concept[pairs[:, 0]] == names.concept[pairs[:, 1]]).all()
        assert (pairs[:, 0] != pairs[:, 1]).all()
        counts = np.bincount(names.entity_class[pairs[:, 0]]).tolist()
        assert counts == [drawing.shares[0], drawing.shares[1]]
    assert sum(drawing.shares.values()) == 10
    assert drawing.shares[0] > drawing.shares[1]


def test_each_name_is_drawn_as_often_as_the_others():
    names = learnt()
    drawing = Drawing(names, recipe(pairs=7), seed=3)
    firsts = [drawing.rows(step, None)[::2] for step in range(8)]
    diseases = np.concatenate([each[names.entity_class[each] == 0] for each in firsts])
    counts = np.bincount(diseases, minlength=6)
    assert counts[[0, 1, 3, 4]].max() - counts[[0, 1, 3, 4]].min() <= 1
    assert counts[[2, 5]].sum() == 0  # without a synonym they are only negatives


def test_a_step_draws_the_same_whatever_was_drawn_before():
    steps = [4, 0, 11, 3]
    one, other = (Drawing(learnt(), recipe(), seed=3) for _ in range(2))
    first = {step: one.rows(step, None).tolist() for step in steps}
    assert {step: other.rows(step, None).tolist() for step in sorted(steps)} == first


def test_the_nearest_strangers_come_in_with_their_synonyms():
    names = learnt()
    nearest = nearest_strangers(network().eval(), names, 2)
    for row, found in enumerate(nearest):
        there = found[found >= 0]
        assert (names.kin[there] != names.kin[row]).all()
        assert (names.entity_class[there] == names.entity_class[row]).all()
    # There is one other gene, and it has one name.
    assert nearest[names_place("xyz")].tolist() == [names_place("heart gene"), -1]
    drawing = Drawing(names, recipe(pairs=8, neighbours=2), seed=3)
    rows = drawing.rows(0, nearest).reshape(-1, 2)
    assert len(rows) == 8
    for first, stranger in zip(rows[:4, 0], rows[4:, 0], strict=True):
        assert stranger in nearest[first] or stranger == first


def test_the_nearest_strangers_are_those_of_all_similarities():
    names = learnt()
    model = network().eval()
    vectors = read_names(
        model, names.table, batch := batch_of_names(names.table, np.arange(len(names.concept)))
    )
    similarity = torch.zeros(len(vectors), len(vectors))
    similarity[batch.rows[:, None], batch.rows] = (vectors @ vectors.T).detach()
    _, negative = names.meaning.pairs()
    best = similarity.masked_fill(~negative, -2).argmax(dim=1).tolist()
    assert nearest_strangers(model, names, 1)[:, 0].tolist() == best


@given(
    st.integers(1, 200),
    st.dictionaries(st.integers(0, 8), st.floats(0.01, 50), min_size=1),
)
def test_shares_add_up_where_there_is_enough_for_each(n: int, weights: dict[int, float]):
    shares = shared_out(n, weights)
    assert shares.keys() == weights.keys()
    assert min(shares.values()) >= 1
    if n >= 2 * len(weights):
        assert sum(shares.values()) == n


def test_names_without_synonyms_teach_nothing():
    alone = names_of(("gene", 0, 0, "abc"), ("gene", 1, 1, "xyz"))
    with pytest.raises(TrainingError, match="no concept has two names"):
        Drawing(learnt(alone), recipe(), seed=1)


# ---- learning


ORGANS = {
    "heart": "cardiac",
    "kidney": "renal",
    "lung": "pulmonary",
    "liver": "hepatic",
    "brain": "cerebral",
    "skin": "dermal",
    "eye": "ocular",
}
HARMS = {
    "cancer": "neoplasm",
    "poisoning": "toxicity",
    "stone": "calculus",
    "scarring": "fibrosis",
    "rupture": "tear",
}


def toy() -> pa.Table:
    """Diseases in plain words and in learned ones; of some the learned name is held out.

    It shares no word with the plain one: who finds it has learnt from the other diseases.
    """
    rows: list[tuple[str, int, int, str]] = []
    for number, (organ, harm) in enumerate((o, h) for o in ORGANS for h in HARMS):
        mark = "?" if number % 4 == 1 else ""
        rows += [
            ("disease", number, number, f"{organ} {harm}"),
            ("disease", number, number, f"{harm} of the {organ}"),
            ("disease", number, number, f"{mark}{ORGANS[organ]} {HARMS[harm]}"),
        ]
    return names_of(*rows)


TOY = LinkingRecipe.model_validate(
    {
        "precision": "fp32",
        "start": {"layers": 1, "hidden": 32, "heads": 2, "inner": 64},
        "vocabulary": {"pieces": 80, "words": 30},
        "align": {
            "steps": 80,
            "rate": 5e-3,
            "pairs": 16,
            "max_pieces": 16,
            "neighbours": 4,
            "refresh": 30,
        },
    }
)


@pytest.fixture(scope="module")
def aligned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an order that was carried out."""
    folder = tmp_path_factory.mktemp("aligned")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    AlignmentOrder(TOY, folder, write_names(toy(), folder)).carry_out(lambda _: None)
    torch.set_num_threads(before)
    return folder


def test_held_out_synonyms_are_found_after_training(aligned: Path):
    figures = read_retrieval(aligned / "made")
    assert figures["before"]["all"]["at_1"] < 0.3
    assert figures["after"]["all"]["at_1"] > 0.8
    assert figures["after"]["disease"]["queries"] == 9
    assert figures["after"]["disease"]["names"] == 96
    curve = (aligned / "made" / "curve.jsonl").read_text("utf-8")
    assert '"at_1"' in curve
    assert sorted(path.name for path in (aligned / "made").iterdir()) == [
        "curve.jsonl",
        "model.safetensors",
        "network.json",
        "pieces.txt",
        "record.json",
        "retrieval.json",
    ]


def test_what_is_made_is_not_made_again(aligned: Path):
    before = (aligned / "made" / RECORD).stat().st_mtime_ns
    AlignmentOrder(TOY, aligned, aligned / "names.parquet").carry_out(lambda _: None)
    assert (aligned / "made" / RECORD).stat().st_mtime_ns == before


def weights_of(folder: Path) -> dict[str, bytes]:
    state = load_network(folder).state_dict()
    return {name: value.numpy().tobytes() for name, value in state.items()}


def test_a_killed_order_goes_on_to_the_same_weights(aligned: Path, tmp_path: Path):
    """Its neighbours, too, are those that were found when it was younger."""

    class Killed(BaseException):
        """The process ends."""

    def kill(line: str) -> None:
        if line.startswith("step 80 "):
            raise Killed

    order = AlignmentOrder(TOY, tmp_path, write_names(toy(), tmp_path))
    with pytest.raises(Killed):
        order.carry_out(kill, save_every=0.0)
    state = torch.load(order.made / CHECKPOINT, weights_only=True)["state"]
    assert 0 < state["step"] < 80
    assert list(order.made.glob("neighbours-*.npy"))

    order.carry_out(lambda _: None)

    assert weights_of(order.made) == weights_of(aligned / "made")


def test_a_network_that_there_is_is_started_from_and_may_become_narrower(tmp_path: Path):
    save_network(network(), PIECES.vocabulary, tmp_path / "start")
    changed = TOY.align.model_copy(update={"steps": 2, "dimensions": 8, "layers": (1,)})
    short = TOY.model_copy(update={"align": changed})
    folder = tmp_path / "order"
    folder.mkdir()
    order = AlignmentOrder(short, folder, write_names(toy(), folder), tmp_path / "start")
    order.carry_out(lambda _: None)
    made = load_network(order.made)
    assert (made.sizes.layers, made.sizes.outputs) == (1, 8)
    embed = embedder_of(made, WordPieces.read(order.made / "pieces.txt"), most=16)
    assert embed(["heart attack"]).shape == (1, 8)


def test_a_checkpoint_of_other_names_is_refused(tmp_path: Path):
    run = Run(Plan(2, log_every=1), tmp_path, lambda _: None)
    align(network(), learnt(), recipe(steps=2), run)
    with pytest.raises(TrainingError, match="another run"):
        align(network(), learnt(SMALL.slice(0, 6)), recipe(steps=2), run)


# ---- recipes


def test_the_built_in_recipe_is_right():
    found = read_linking_recipe(linking_recipe_path("linking"))
    assert found.encoder == "ner_general_student"
    assert linking_recipe_path("own/linking.yaml").as_posix() == "own/linking.yaml"


def test_another_way_to_rank_costs_no_training_of_the_encoder():
    found = read_linking_recipe(linking_recipe_path("linking"))
    other = found.model_copy(update={"rank": found.rank.model_copy(update={"steps": 5})})

    assert other.version() == found.version()
    assert other.rank.version() != found.rank.version()


def test_a_wrong_key_is_named_with_the_nearest_right_one(tmp_path: Path):
    path = tmp_path / "own.yaml"
    path.write_text("align: {steps: 3, pair: 4, weights: {genes: 2}}\nencodr: x\n", "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_linking_recipe(path)
    said = str(caught.value)
    assert "align.pair: Extra inputs are not permitted; did you mean 'pairs'?" in said
    assert "encodr: Extra inputs are not permitted; did you mean 'encoder'?" in said
    assert "align.weights.genes" in said
