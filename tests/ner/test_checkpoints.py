"""Checkpoints of others: small ones with random weights, made here and saved as theirs are."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.errors import ArtifactError, UnknownNameError
from kazu_platform.ner.checkpoints import (
    Checkpoint,
    CheckpointReader,
    open_checkpoint,
    read_labels,
)
from kazu_platform.ner.words import split_words
from kazu_platform.tables import DICTIONARY_MENTIONS
from tests.ner.documents import passages_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from kazu_platform.ner.checkpoints import Tokenizer

PAD, UNKNOWN = "[PAD]", "[UNK]"
MULTI: Final = "multi_label_classification"
KAZU = (
    *(
        f"{tag}-{kind}"
        for tag in "BI"
        for kind in ("cell_line", "cell_type", "disease", "drug", "gene", "species")
    ),
    "O",
)
"""Labels of the published KAZU-NER checkpoint."""
TEXT = "EGFR and the gene of breast cancer in cells, (IL-2) α."


def bert_tokenizer() -> Tokenizer:
    """Takes words apart into letters, and leaves nothing of a zero-width space."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,;()-"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{each}" for each in letters)]
    rows = {piece: row for row, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(rows, unk_token=UNKNOWN))
    cast("Any", tokenizer).normalizer = normalizers.BertNormalizer(lowercase=True)
    cast("Any", tokenizer).pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    cast("Any", tokenizer).post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, unk_token=UNKNOWN, model_max_length=64
    )


def byte_tokenizer() -> Tokenizer:
    """Every piece is a byte or a pair of them, blanks included; pieces may cross words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pairs = [("Ġ", "g"), ("L", "-"), ("e", "n")]
    pieces = [PAD, *alphabet, *map("".join, pairs)]
    rows = {piece: row for row, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(rows, pairs))
    cast("Any", tokenizer).pre_tokenizer = pre_tokenizers.ByteLevel(
        add_prefix_space=False, use_regex=False
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, model_max_length=10**30
    )


def checkpoint(
    folder: Path,
    labels: Sequence[str] = KAZU,
    *,
    tokenizer: Tokenizer = None,
    problem: str | None = None,
) -> str:
    """A folder as `save_pretrained` makes it."""
    import torch
    from transformers import BertConfig, BertForTokenClassification

    tokenizer = tokenizer or bert_tokenizer()
    torch.manual_seed(3)
    network = BertForTokenClassification(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=64,
            initializer_range=0.6,
            id2label=dict(enumerate(labels)),
            label2id={name: number for number, name in enumerate(labels)},
            problem_type=cast("Any", problem),
        )
    )
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def multi(tmp_path_factory: pytest.TempPathFactory) -> str:
    return checkpoint(tmp_path_factory.mktemp("multi"), problem=MULTI)


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> str:
    return checkpoint(tmp_path_factory.mktemp("single"))


def logits_of_pieces(folder: str, text: str) -> tuple[list[str], NDArray[np.float32]]:
    """What transformers says of a text: the pieces without the frame, and their logits."""
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    network: Any = AutoModelForTokenClassification.from_pretrained(folder).eval()
    encoded = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
    with torch.inference_mode():
        (logits,) = network(**encoded).logits
    return tokenizer.convert_ids_to_tokens(encoded["input_ids"][0])[1:-1], logits[1:-1].numpy()


def probabilities(
    folder: str, texts: Sequence[str], max_pieces: int | None = None
) -> NDArray[np.float32]:
    reader = cast(
        "CheckpointReader", open_checkpoint(Checkpoint(folder, max_pieces=max_pieces)).reader
    )
    return reader.probabilities(texts, split_words(texts))


def test_the_labels_of_the_published_checkpoint_are_our_classes():
    labels = read_labels(KAZU)

    assert labels.classes == ("gene", "disease", "chemical", "species", "cell_line", "cell_type")
    assert labels.scheme == "BIO"
    assert [[KAZU[number] for number in column] for column in labels.columns] == [
        ["B-gene"],
        ["I-gene"],
        ["B-disease"],
        ["I-disease"],
        ["B-drug"],
        ["I-drug"],
        ["B-species"],
        ["I-species"],
        ["B-cell_line"],
        ["I-cell_line"],
        ["B-cell_type"],
        ["I-cell_type"],
        ["O"],
    ]


def test_the_probability_of_a_word_is_that_of_the_mean_of_its_pieces(multi: str):
    """Multi-label: the mean of the logits, then yes or no to each label."""
    pieces, logits = logits_of_pieces(multi, "EGFR rose")
    assert pieces[:4] == ["e", "##g", "##f", "##r"]
    expected = 1 / (1 + np.exp(-np.stack([logits[:4].mean(0), logits[4:].mean(0)])))

    found = probabilities(multi, ["EGFR rose"])

    columns = [labels[0] for labels in read_labels(KAZU).columns]
    assert np.abs(found - expected[:, columns]).max() < 1e-5


def test_with_one_label_for_a_word_the_likeliest_is_taken(single: str):
    _, logits = logits_of_pieces(single, "EGFR rose")
    mean = np.stack([logits[:4].mean(0), logits[4:].mean(0)])
    powers = np.exp(mean) / np.exp(mean).sum(1, keepdims=True)

    found = probabilities(single, ["EGFR rose"])

    columns = [labels[0] for labels in read_labels(KAZU).columns]
    for row in range(2):
        best = int(powers[row].argmax())
        assert np.flatnonzero(found[row]).tolist() == [columns.index(best)]
        assert found[row].max() == pytest.approx(powers[row, best], abs=1e-5)


@pytest.mark.parametrize("kind", ["multi", "single"])
def test_a_checkpoint_is_a_detector(kind: str, multi: str, single: str):
    detector = open_checkpoint(Checkpoint({"multi": multi, "single": single}[kind]), name="theirs")
    texts = passages_in([[TEXT], ["", "Nothing."], [TEXT]])

    found = detector.detect(texts)

    DICTIONARY_MENTIONS.check(found)
    sections = {(row["doc_id"], row["section"]): row["text"] for row in texts.to_pylist()}
    assert found.num_rows
    for row in found.to_pylist():
        text = sections[row["doc_id"], row["section"]]
        assert text[row["start"] : row["end"]] == row["text"]
        assert 0 < row["confidence"] <= 1
        assert (row["detector"], row["detector_version"]) == ("theirs", detector.version)


def test_it_says_how_it_labels_or_is_told(multi: str, single: str, tmp_path: Path):
    published = tmp_path / "published"
    checkpoint(published)
    config = json.loads((published / "config.json").read_text())
    config["architectures"] = ["BertForMultiLableTokenClassification"]
    (published / "config.json").write_text(json.dumps(config))

    opened = [
        open_checkpoint(Checkpoint(multi)),
        open_checkpoint(Checkpoint(single)),
        open_checkpoint(Checkpoint(single, labelling="multi")),
        open_checkpoint(Checkpoint(str(published))),
    ]

    labellings = [cast("CheckpointReader", each.reader).labelling for each in opened]
    assert labellings == ["multi", "single", "multi", "multi"]
    assert len({each.version for each in opened}) == 4


def test_a_long_text_is_read_in_windows_to_its_end(multi: str):
    """Ten pieces beside the frame are two words of four; the first is the first window's."""
    assert (probabilities(multi, ["gene " * 100]) > 0).all()

    found = probabilities(multi, ["gene " * 20], max_pieces=12)

    assert found.shape == (20, 13)
    assert np.abs(found[0] - probabilities(multi, ["gene gene"])[0]).max() < 1e-6
    assert np.abs(found[0] - probabilities(multi, ["gene " * 20])[0]).max() > 1e-6


@pytest.mark.parametrize("tokenizer", ["letters", "bytes"])
@settings(deadline=None, max_examples=20)
@given(st.lists(st.text("agL-2 \u200bα😀\n(", max_size=8), max_size=4))
def test_every_word_gets_a_row_whatever_the_tokenizer_makes_of_it(
    multi: str, bytes_: str, tokenizer: str, texts: list[str]
):
    folder = bytes_ if tokenizer == "bytes" else multi

    if any(split_words(texts).strings):
        found = probabilities(folder, texts)

        assert found.shape == (len(split_words(texts).strings), 13)
        assert np.isfinite(found).all()


@pytest.fixture(scope="module")
def bytes_(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("bytes")
    return checkpoint(folder, tokenizer=byte_tokenizer(), problem=MULTI)


def test_a_word_that_begins_within_a_piece_goes_with_it(bytes_: str):
    """ "L-" is one piece here; "-" and "L" are words."""
    found = probabilities(bytes_, ["L-2"])

    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_a_word_of_which_the_tokenizer_leaves_nothing_is_outside(multi: str):
    found = probabilities(multi, ["gene \u200b rose"])

    assert split_words(["gene \u200b rose"]).strings == ["gene", "\u200b", "rose"]
    assert found[1].max() == 0
    assert np.array_equal(found[[0, 2]], probabilities(multi, ["gene rose"]))


def test_kinds_that_are_not_known_can_be_told(tmp_path: Path):
    folder = checkpoint(tmp_path, ["B-DNA", "I-DNA", "B-Thing", "O"])

    with pytest.raises(ArtifactError, match="None of the labels B-DNA, I-DNA, B-Thing, O"):
        open_checkpoint(Checkpoint(folder))
    assert open_checkpoint(Checkpoint(folder, (("dna", "gene"),))).classes == ("gene",)
    with pytest.raises(UnknownNameError, match="no entity class 'genes'; did you mean 'gene'"):
        open_checkpoint(Checkpoint(folder, (("DNA", "genes"),)))


def test_labels_without_b_are_io():
    labels = read_labels(["O", "I-Chemical", "I-Protein", "I-DNA"], {"DNA": "gene"})

    assert labels.scheme == "IO"
    assert labels.columns == ((), (2, 3), (), (1,), (0,))
    assert labels.sorted_in(np.array([[0.1, 0.2, 0.3, 0.4]], np.float32)).round(1).tolist() == [
        pytest.approx([0, 0.4, 0, 0.2, 0.1])
    ]


def test_what_is_no_checkpoint_is_named(tmp_path: Path):
    with pytest.raises(ArtifactError, match=f"The checkpoint {tmp_path} cannot be loaded"):
        open_checkpoint(Checkpoint(str(tmp_path)))


def test_what_a_checkpoint_finds_is_known_without_its_weights(multi: str, single: str):
    for folder in (multi, single):
        checkpoint_of = Checkpoint(folder)
        opened = open_checkpoint(checkpoint_of)

        found = checkpoint_of.described()

        assert found.version() == opened.version
        assert tuple(found.thresholds) == opened.classes
        assert tuple(found.thresholds.values()) == opened.thresholds


def run_without_network(home: Path, source: str) -> subprocess.CompletedProcess[str]:
    """Open a checkpoint in a process whose cache is `home`, offline."""
    code = (
        "import sys\n"
        "from kazu_platform.errors import ArtifactError\n"
        "from kazu_platform.ner.checkpoints import Checkpoint, open_checkpoint\n"
        "checkpoint = Checkpoint(sys.argv[1])\n"
        "try: opened = open_checkpoint(checkpoint)\n"
        "except ArtifactError as error: sys.exit(str(error))\n"
        "print(checkpoint.described().commit, *opened.classes)\n"
        "assert checkpoint.described().version() == opened.version\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code, source],
        env={"HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_id_on_the_hub_is_read_from_the_cache_of_transformers(tmp_path: Path):
    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / "hub" / "models--of-us--made-here"
    (cached / "snapshots").mkdir(parents=True)
    checkpoint(cached / "snapshots" / commit, problem=MULTI)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)

    done = run_without_network(tmp_path, "of-us/made-here")

    assert (done.returncode, done.stdout) == (
        0,
        f"{commit} gene disease chemical species cell_line cell_type\n",
    ), done.stderr


def test_an_id_that_is_not_in_the_cache_says_what_to_do(tmp_path: Path):
    done = run_without_network(tmp_path, "of-us/made-here")

    assert done.returncode == 1
    assert "The checkpoint of-us/made-here cannot be loaded: " in done.stderr
    assert "it needs the network once, or the cache of a machine that had it" in done.stderr
    assert "Traceback" not in done.stderr
