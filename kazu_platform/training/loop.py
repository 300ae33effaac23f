"""The loop: steps, a schedule, checkpoints that a killed run goes on from, and a curve.

A run is a function of its plan and its data. The order of batches comes from the seed and the
epoch, dropout from the state of the generator, which a checkpoint keeps: killed and started again,
a run on one thread in 32 bits ends with the same weights.

Where `torch.distributed` was set up before, its processes train together: each takes its own of as
many batches as there are processes, and gradients are averaged. The first one writes.
"""

from __future__ import annotations

import json
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import distributed

from kazu_platform.documents import digest
from kazu_platform.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from torch import Tensor, nn

CHECKPOINT: Final = "checkpoint.pt"
CURVE: Final = "curve.jsonl"
LONGEST_GRADIENT: Final = 1.0
SAVE_EVERY: Final = 120.0
"""Seconds between checkpoints."""
WATCHED: Final = 10
"""How often a run is measured that is watched."""
_POINTS_BETWEEN_WORDS = 10
_NO_LOSSES = {"step", "seconds", "rate"}


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
        log_every: Steps between points of the curve, and between chances to keep a checkpoint.
    """

    steps: int
    rate: float = 2e-4
    head_rate: float = 1e-3
    heads: tuple[str, ...] = ("dense",)
    warm_up: float = 0.06
    decay: float = 0.01
    seed: int = 13
    precision: str = "fp32"
    log_every: int = 20


@dataclass(frozen=True, slots=True)
class Run:
    """How a run goes.

    Attributes:
        plan: How long and how fast.
        folder: Of its checkpoint and curve.
        says: Told how it goes.
        save_every: Seconds between checkpoints.
        watch: Measures the model some ten times; what it says stands in the curve.
    """

    plan: Plan
    folder: Path
    says: Callable[[str], None] = print
    save_every: float = SAVE_EVERY
    watch: Callable[[], Mapping[str, float]] | None = None


def train(
    model: nn.Module,
    run: Run,
    batches: Callable[[int], Iterator[Any]],
    loss_of: Callable[[Any], Mapping[str, Tensor]],
    *,
    identity: str,
) -> Sequence[Mapping[str, float]]:
    """Train a model in place, going on from a checkpoint if the folder has one of the same run.

    Args:
        model: What is trained.
        run: Steps, rates and where to keep what is reached.
        batches: Batches of an epoch, the same whenever it is asked.
        loss_of: Losses of a batch by name; their sum is made small.
        identity: Of the data; a checkpoint of another one is not gone on from.

    Returns:
        The curve: step, seconds, rate and each loss, its mean since the point before.

    Raises:
        TrainingError: there are no batches, a loss is no number, or the checkpoint is of another
            run.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    team = Team()
    torch.manual_seed(run.plan.seed + team.rank)
    training = _Training(model, run, team, digest(repr(asdict(run.plan)), str(team.size), identity))
    training.restore()
    model.train()
    for batch in training.go_on(batches):
        training.step(batch, loss_of)
    if training.state.step < run.plan.steps:
        raise TrainingError("there is nothing to train on: no batch was made.")
    curve = training.state.curve
    if team.writes:
        training.save()
        lines = "".join(json.dumps(point) + "\n" for point in curve)
        (run.folder / CURVE).write_text(lines, "utf-8")
    model.eval()
    return curve


@dataclass
class _State:
    """How far a run has come; `place` counts the batches of the epoch."""

    step: int = 0
    epoch: int = 0
    place: int = 0
    seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list[dict[str, float]])


class Team:
    """The processes that train together; alone, this one."""

    def __init__(self) -> None:
        """Whoever `torch.distributed` was set up for."""
        together = distributed.is_available() and distributed.is_initialized()
        self.rank = distributed.get_rank() if together else 0
        self.size = distributed.get_world_size() if together else 1

    @property
    def writes(self) -> bool:
        """Whether it is this process that writes what all have made."""
        return self.rank == 0

    def own(self, batches: Iterator[Any]) -> Iterator[Any]:
        """This process's batches; those that are too few for all are left out."""
        while len(round_ := list(islice(batches, self.size))) == self.size:
            yield round_[self.rank]

    def average(self, model: nn.Module) -> None:
        """Average the gradients of all processes."""
        if self.size > 1:
            for value in model.parameters():
                if value.requires_grad:
                    given = torch.zeros_like(value) if value.grad is None else value.grad
                    distributed.all_reduce(given)
                    value.grad = given / self.size


class _Training:
    """One run while it goes on."""

    def __init__(self, model: nn.Module, run: Run, team: Team, identity: str) -> None:
        self.state = _State()
        self._team = team
        self._model, self._run, self._identity = model, run, identity
        self._optimiser = _optimiser(model, run.plan)
        self._device = next(model.parameters()).device.type
        self._clock = self._saved = time.monotonic()
        self._sums: dict[str, float] = {}
        self._summed = 0

    def go_on(self, batches: Callable[[int], Iterator[Any]]) -> Iterator[Any]:
        """Batches until the last step, from where the state stands; epochs without any end it."""
        state, skip = self.state, self.state.place
        while True:
            n_seen = 0
            for batch in self._team.own(batches(state.epoch)):
                if state.step >= self._run.plan.steps:
                    return
                n_seen += 1
                if n_seen > skip:
                    yield batch
            if not n_seen:
                return
            skip, state.place = 0, 0
            state.epoch += 1

    def step(self, batch: Any, loss_of: Callable[[Any], Mapping[str, Tensor]]) -> None:  # noqa: ANN401 - whatever the batches are
        """Learn from one batch."""
        share = _rate(self.state.step, self._run.plan)
        for group in self._optimiser.param_groups:
            group["lr"] = group["highest"] * share
        with _precision(self._run.plan.precision, self._device):
            losses = loss_of(batch)
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            raise TrainingError(
                f"step {self.state.step}: the loss is {total.item()}; lower the rate."
            )
        self._optimiser.zero_grad(set_to_none=True)
        total.backward()
        self._team.average(self._model)
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), LONGEST_GRADIENT)
        self._optimiser.step()
        self._count(losses, self._run.plan.rate * share)

    def _count(self, losses: Mapping[str, Tensor], rate: float) -> None:
        state, plan = self.state, self._run.plan
        now = time.monotonic()
        state.seconds, self._clock = state.seconds + now - self._clock, now
        state.step += 1
        state.place += 1
        self._summed += 1
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value.item()
        if state.step % plan.log_every and state.step != plan.steps:
            return
        means = {name: value / self._summed for name, value in self._sums.items()}
        facts = {"step": state.step, "seconds": round(state.seconds, 1), "rate": rate}
        state.curve.append({**facts, **means, **self._watched()})
        self._sums, self._summed = {}, 0
        if not self._team.writes:
            return
        if len(state.curve) % _POINTS_BETWEEN_WORDS == 1 or state.step == plan.steps:
            self._run.says(_line(state, plan))
        if now - self._saved > self._run.save_every:
            self.save()

    def _watched(self) -> Mapping[str, float]:
        """What is measured at this point of the curve: nothing at most of them."""
        watch, every = self._run.watch, max(1, self._run.plan.steps // WATCHED)
        last = self.state.curve[-1]["step"] if self.state.curve else 0
        is_time = last // every < self.state.step // every
        if watch is None or not (is_time and self._team.writes):
            return {}
        self._model.eval()
        found = watch()
        self._model.train()
        self._clock = time.monotonic()  # which is none of training's seconds
        return found

    def restore(self) -> None:
        """Go back to the checkpoint, if there is one."""
        path = self._run.folder / CHECKPOINT
        if not path.exists():
            return
        found = torch.load(path, weights_only=True)
        if found["run"] != self._identity:
            raise TrainingError(
                f"{path} is a checkpoint of another run (other data or plan); delete it or give "
                "another folder."
            )
        self._model.load_state_dict(found["model"])
        self._optimiser.load_state_dict(found["optimiser"])
        torch.set_rng_state(found["random"])
        self.state = _State(**found["state"])

    def save(self) -> None:
        """Keep a checkpoint; a kill leaves the one before."""
        path = self._run.folder / CHECKPOINT
        torch.save(
            {
                "run": self._identity,
                "model": self._model.state_dict(),
                "optimiser": self._optimiser.state_dict(),
                "random": torch.get_rng_state(),
                "state": asdict(self.state),
            },
            path.with_suffix(".part"),
        )
        path.with_suffix(".part").replace(path)
        self._saved = time.monotonic()


def _rate(step: int, plan: Plan) -> float:
    """Share of the highest rate: a line up, then a line down."""
    warm = max(1, round(plan.warm_up * plan.steps))
    return min((step + 1) / warm, (plan.steps - step) / max(1, plan.steps - warm))


def _optimiser(model: nn.Module, plan: Plan) -> torch.optim.AdamW:
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, value in model.named_parameters():
        if value.requires_grad:
            rate = plan.head_rate if name.startswith(plan.heads) else plan.rate
            decay = plan.decay if value.ndim > 1 else 0.0
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
    return nullcontext() if name == "fp32" else torch.autocast(device, dtype=torch.bfloat16)


def _line(state: _State, plan: Plan) -> str:
    losses = "  ".join(
        f"{name} {value:.4f}" for name, value in state.curve[-1].items() if name not in _NO_LOSSES
    )
    return f"step {state.step:,} of {plan.steps:,}  {state.seconds:,.0f} s  {losses}"
