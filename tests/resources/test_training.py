"""Orders that are carried out here, and by processes of a cluster together."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kazu_platform.tables import LABELLED_SENTENCES
from kazu_platform.training.orders import TEXTS, Order, write_rows, write_texts_file
from kazu_platform.training.recipe import Recipe
from resources.training import TrainerResource
from tests.resources.test_ray_address import clean_environment, head

if TYPE_CHECKING:
    import pyarrow as pa

RECIPE = Recipe.model_validate(
    {
        "precision": "fp32",
        "start": {"layers": 1, "hidden": 16, "heads": 2, "inner": 16},
        "vocabulary": {"pieces": 60, "words": 10},
        "adapt": {"steps": 6, "batch_pieces": 64, "row": 16},
        "teacher": {"steps": 20, "rate": 0.01, "batch_pieces": 64},
        "student": {"steps": 5, "layers": [0]},
    }
)
SENTENCES = ("mice lack TP53", "rats lack KRAS", "no mice were used", "BRCA1 is in rats too")
WORK = """
import sys
from pathlib import Path
from kazu_platform.training.orders import Order
from resources.training import TrainerResource
from tests.resources.test_training import RECIPE

folder, address, token = sys.argv[1:]
trainer = TrainerResource(address=address, token_path=token, workers=2, device="cpu")
trainer.carry_out(Order("teacher", RECIPE, **{
    "folder": Path(folder) / "teacher",
    "rows": Path(folder) / "train.parquet",
    "source": Path(folder) / "encoder" / "made",
}), print)
"""


def labelled() -> pa.Table:
    rows = [
        {
            "corpus": "own",
            "split": "train",
            "sentence": number,
            "doc_id": None,
            "words": text.split(),
            "mentions": [
                {"first": at, "last": at + 1, "entity_class": "gene", "probability": 1.0}
                for at, word in enumerate(text.split())
                if word.isupper()
            ],
            "classes": ["gene"],
            "origin": "gold",
        }
        for number, text in enumerate(SENTENCES * 6)
    ]
    return LABELLED_SENTENCES.from_rows(rows)


def encoder_in(folder: Path) -> Order:
    """Write what an encoder is made of, and the order for it."""
    import pyarrow as pa

    (folder / "encoder").mkdir()
    texts = write_texts_file(pa.table({"text": [*SENTENCES] * 10}), folder)
    rows = write_rows(labelled(), folder, "train")
    assert texts.name == TEXTS
    return Order("encoder", RECIPE, folder / "encoder", rows=rows, texts=texts)


def record_of(order_folder: Path) -> dict[str, object]:
    return json.loads((order_folder / "made" / "record.json").read_bytes())


def test_an_order_is_carried_out_once(tmp_path: Path):
    order, said = encoder_in(tmp_path), list[str]()

    for _ in range(2):
        TrainerResource(device="cpu").carry_out(order, said.append)

    assert record_of(order.folder)["n_texts"] == 40
    assert [line for line in said if line.startswith("step 6 of 6")] == [said[-1]]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_processes_of_a_cluster_make_one_teacher(tmp_path: Path):
    """The first writes; both read the order's files for themselves."""
    if find_spec("pandas") is None:
        pytest.skip("Ray Train is not installed: pip install 'ray[train]'")
    TrainerResource(device="cpu").carry_out(encoder_in(tmp_path), lambda _line: None)
    (tmp_path / "teacher").mkdir()
    token = tmp_path / "token"
    token.write_text(secrets.token_hex(32), "utf-8")

    with (
        tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as short,
        head(Path(short) / "ray", token) as address,
    ):
        done = subprocess.run(
            [sys.executable, "-c", WORK, str(tmp_path), address, str(token)],
            cwd=Path(__file__).parent.parent.parent,
            env=clean_environment() | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            capture_output=True,
            text=True,
            timeout=580,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "teacher: done"
    assert record_of(tmp_path / "teacher")["n_sentences"] == 24
    curve = (tmp_path / "teacher" / "made" / "curve.jsonl").read_text("utf-8").splitlines()
    assert json.loads(curve[-1])["step"] == 20
    assert json.loads(curve[-1])["loss"] < json.loads(curve[0])["loss"]
    assert not (tmp_path / "teacher" / "made" / "checkpoint.pt").exists()
