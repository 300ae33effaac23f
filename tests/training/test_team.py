"""Processes that train together do what one with all their batches would."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import torch

from kazu_platform.training.loop import Plan, Run, train

if TYPE_CHECKING:
    from pathlib import Path

MEMBER = """
import sys
import torch
from pathlib import Path
from torch import distributed
sys.path.insert(0, sys.argv[4])
from test_team import learn

torch.set_num_threads(1)
distributed.init_process_group(
    "gloo", init_method=f"tcp://127.0.0.1:{sys.argv[1]}", rank=int(sys.argv[2]), world_size=2
)
weights = learn(Path(sys.argv[3]), together=True)
if distributed.get_rank() == 0:
    torch.save(weights, Path(sys.argv[3]) / "weights.pt")
distributed.barrier()
distributed.destroy_process_group()
"""
BATCHES = torch.arange(48, dtype=torch.float32).reshape(12, 4) / 48


def learn(folder: Path, *, together: bool) -> torch.Tensor:
    """Fit a line; alone, each batch is two of those that the two of a team have."""
    torch.manual_seed(3)
    model = torch.nn.Linear(4, 1)
    given = BATCHES if together else BATCHES.reshape(6, 8)
    plan = Plan(steps=6, rate=0.01, log_every=2)
    train(
        model,
        Run(plan, folder, lambda _line: None),
        lambda _epoch: iter(given),
        lambda batch: {"loss": (model(batch.reshape(-1, 4)) - 1).square().mean()},
        identity="lines",
    )
    return model.weight.detach()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_two_processes_learn_what_one_does_with_batches_twice_as_large(tmp_path: Path):
    together, alone = tmp_path / "together", tmp_path / "alone"
    together.mkdir()
    here = __file__.rpartition("/")[0]
    port = str(free_port())
    members = [
        subprocess.Popen([sys.executable, "-c", MEMBER, port, str(rank), str(together), here])
        for rank in range(2)
    ]
    assert [member.wait(120) for member in members] == [0, 0]
    expected = learn(alone, together=False)
    found = torch.load(together / "weights.pt", weights_only=True)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-5)
    assert (together / "curve.jsonl").read_text("utf-8").count("\n") == 3
