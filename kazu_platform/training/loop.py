"""The loop: steps, a schedule, checkpoints that a killed run goes on from, and a curve.

A run is a function of its plan and its data. The order of batches comes from the seed and the
epoch, dropout from the state of the generator, which a checkpoint keeps: killed and started again,
a run on one thread in 32 bits ends with the same weights.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import torch

from kazu_platform.documents import digest
from kazu_platform.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from torch import Tensor, nn

CHECKPOINT: Final = "checkpoint.pt"
CURVE: Final = "curve.jsonl"


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast to train.

    Attributes:
        steps: Steps of the optimiser.
        rate: Highest learning rate, of everything but `heads`.
        head_rate: Highest learning rate of parameters whose name begins with one of `heads`.
        heads: Beginnings of the names of new layers, which learn faster.
        warm_up: Share of the steps in which the rate rises; then it falls to 0 in a line.
        decay: Weight decay, not of biases and norms.
        seed: For order and dropout.
        precision: `bf16` multiplies matrices in 16 bits, `fp32` in 32.
        save_every: Seconds between checkpoints.
        log_every: Steps between points of the curve.
    """

    steps: int
    rate: float = 2e-4
    head_rate: float = 1e-3
    heads: tuple[str, ...] = ("dense",)
    warm_up: float = 0.06
    decay: float = 0.01
    seed: int = 13
    precision: str = "bf16"
    save_every: float = 120.0
    log_every: int = 20


def train(
    model: nn.Module,
    plan: Plan,
    batches: Callable[[int], Iterator[Any]],
    loss_of: Callable[[Any], Mapping[str, Tensor]],
    folder: Path,
    *,
    says: Callable[[str], None] = print,
    identity: str = "",
) -> Sequence[Mapping[str, float]]:
    """Train a model in place, going on from a checkpoint if the folder has one of the same run.

    Args:
        model: What is trained.
        plan: Steps and rates.
        batches: Batches of an epoch, the same whenever it is asked.
        loss_of: Losses of a batch by name; their sum is made small.
        folder: For the checkpoint and the curve.
        says: Told how it goes.
        identity: Of the data; a checkpoint of another one is not gone on from.

    Returns:
        The curve: step, seconds, rate and losses.

    Raises:
        TrainingError: there are no batches, or a loss is no number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(plan.seed)
    optimiser = _optimiser(model, plan)
    run = digest(repr(asdict(plan)), identity)
    state = _restored(folder / CHECKPOINT, model, optimiser, run)
    model.train()
    spent, begun, saved = state.seconds, time.monotonic(), time.monotonic()
    sums: dict[str, float] = {}
    for batch in _from(batches, state):
        if state.step >= plan.steps:
            break
        rate = _rate(state.step, plan)
        for group in optimiser.param_groups:
            group["lr"] = group["highest"] * rate
        with _precision(plan.precision, next(model.parameters()).device.type):
            losses = loss_of(batch)
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            raise TrainingError(f"step {state.step}: the loss is {total.item()}; lower the rate.")
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        state.step += 1
        state.place += 1
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + value.item()
        state.seconds = spent + time.monotonic() - begun
        if state.step % plan.log_every == 0 or state.step == plan.steps:
            count = plan.log_every if state.step % plan.log_every == 0 else state.step % plan.log_every
            state.curve.append(
                {"step": state.step, "seconds": round(state.seconds, 1), "rate": plan.rate * rate}
                | {name: value / count for name, value in sums.items()}
            )
            sums = {}
            if len(state.curve) % 10 == 1 or state.step == plan.steps:
                says(_line(state, plan))
        if time.monotonic() - saved > plan.save_every and not sums:
            _save(folder / CHECKPOINT, model, optimiser, run, state)
            saved = time.monotonic()
    if state.step < plan.steps:
        raise TrainingError("there is nothing to train on: no batch was made.")
    _save(folder / CHECKPOINT, model, optimiser, run, state)
    _write_curve(folder / CURVE, state.curve)
    model.eval()
    return state.curve


@dataclass
class _State:
    step: int
    epoch: int
    place: int
    """Batches of the epoch that were done."""
    seconds: float
    curve: list[dict[str, float]]


def _from(batches: Callable[[int], Iterator[Any]], state: _State) -> Iterator[Any]:
    """Batches for ever, beginning where the state stands; an epoch without any ends it."""
    skip = state.place
    while True:
        n_done = 0
        for batch in batches(state.epoch):
            n_done += 1
            if n_done > skip:
                yield batch
        if not n_done:
            return
        skip, state.place = 0, 0
        state.epoch += 1


def _rate(step: int, plan: Plan) -> float:
    """Share of the highest rate: a line up, then a line down."""
    warm = max(1, round(plan.warm_up * plan.steps))
    return min((step + 1) / warm, (plan.steps - step) / max(1, plan.steps - warm))


def _optimiser(model: nn.Module, plan: Plan) -> torch.optim.AdamW:
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, value in model.named_parameters():
        if value.requires_grad:
            rate = plan.head_rate if name.startswith(plan.heads) else plan.rate
            decay = 0.0 if value.ndim < 2 else plan.decay
            groups.setdefault((rate, decay), []).append(value)
    return torch.optim.AdamW(
        [
            {"params": values, "lr": rate, "highest": rate, "weight_decay": decay}
            for (rate, decay), values in groups.items()
        ],
        betas=(0.9, 0.98),
        fused=True,
    )


def _precision(name: str, device: str) -> AbstractContextManager[object]:
    if name == "fp32":
        return nullcontext()
    return torch.autocast(device, dtype=torch.bfloat16)


def _restored(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, run: str) -> _State:
    if not path.exists():
        return _State(0, 0, 0, 0.0, [])
    found = torch.load(path, weights_only=True)
    if found["run"] != run:
        raise TrainingError(
            f"{path} is a checkpoint of another run (other data or plan); delete it or give "
            "another folder."
        )
    model.load_state_dict(found["model"])
    optimiser.load_state_dict(found["optimiser"])
    torch.set_rng_state(found["random"])
    return _State(found["step"], found["epoch"], found["place"], found["seconds"], found["curve"])


def _save(
    path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, run: str, state: _State
) -> None:
    temporary = path.with_suffix(".part")
    torch.save(
        {
            "run": run,
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "random": torch.get_rng_state(),
            **asdict(state),
        },
        temporary,
    )
    os.replace(temporary, path)


def _write_curve(path: Path, curve: Sequence[Mapping[str, float]]) -> None:
    path.write_text("".join(json.dumps(point) + "\n" for point in curve), "utf-8")


def _line(state: _State, plan: Plan) -> str:
    last = state.curve[-1]
    losses = "  ".join(
        f"{name} {value:.4f}" for name, value in last.items() if name not in {"step", "seconds", "rate"}
    )
    return f"step {state.step:,} of {plan.steps:,}  {state.seconds:,.0f} s  {losses}"
