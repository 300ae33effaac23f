"""Where models are trained: in this process, or by processes of a Ray cluster together.

On a cluster each process is one of Ray Train's; it reads the order's files for itself, so the home
must lie where all nodes see it under the same path.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg
from pydantic import Field

from kazu_platform.errors import ComputeError, ConfigurationError
from resources.ray_cluster import cluster_of
from resources.ray_start import RayOptions

if TYPE_CHECKING:
    from kazu_platform.training.alignment_order import AlignmentOrder
    from kazu_platform.training.orders import Order

Device = Literal["auto", "cpu", "cuda"]
_log = logging.getLogger(__name__)


class TrainerResource(dg.ConfigurableResource):
    """Carries out the orders of a recipe; what is killed goes on from its checkpoint."""

    address: str = Field(
        default="", description="Of the head node of a Ray cluster; empty: train in this process."
    )
    token_path: str = Field(default="", description="File with the token of the cluster.")
    workers: int = Field(default=1, description="Processes that train together.", ge=1)
    cpus: float = Field(default=1.0, description="Cores of each.", gt=0)
    gpus: float = Field(default=0.0, description="GPUs of each.", ge=0)
    device: Device = Field(
        default="auto", description="What to train on; auto: cuda, where there is one."
    )

    save_every: float = Field(default=120.0, description="Seconds between checkpoints.", ge=0)

    def carry_out(self, order: Order | AlignmentOrder, says: Callable[[str], None]) -> None:
        """Make a stage.

        Args:
            order: Which.
            says: Told how it goes; of processes on a cluster only that they are done.

        Raises:
            TrainingError: there is nothing to train on, or a loss is no number.
            NoClusterError: there is no Ray at the address.
            ComputeError: a process of the cluster failed.
            ConfigurationError: Ray Train is not installed.
        """
        if not self.address:
            order.carry_out(says, device=self._device(), save_every=self.save_every)
            return
        options = RayOptions(address=self.address, token_path=self.token_path)
        with cluster_of(options).connected():
            says(f"{order.stage}: {self.workers} processes of {self.address}")
            self._together(order)
            says(f"{order.stage}: done")

    def _device(self) -> str:
        if self.device != "auto":
            return self.device
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"

    def _together(self, order: Order | AlignmentOrder) -> None:
        """Have processes of the cluster that this one is connected to carry out an order."""
        try:
            from ray.train import RunConfig, ScalingConfig
            from ray.train.torch import TorchConfig, TorchTrainer
        except ImportError as error:
            raise ConfigurationError(
                f"Training on a cluster needs Ray Train ({error}); run: pip install 'ray[train]'"
            ) from None
        on_gpu = self.device == "cuda" or (self.device == "auto" and self.gpus > 0)
        share = {"CPU": self.cpus, **({"GPU": self.gpus or 1.0} if on_gpu else {})}
        trainer = TorchTrainer(
            member,
            train_loop_config={
                "order": order,
                "device": "cuda" if on_gpu else "cpu",
                "save_every": self.save_every,
            },
            scaling_config=ScalingConfig(
                num_workers=self.workers, use_gpu=on_gpu, resources_per_worker=share
            ),
            torch_config=TorchConfig(backend="nccl" if on_gpu else "gloo"),
            run_config=RunConfig(name=order.stage, storage_path=str(order.folder / "ray")),
        )
        try:
            trainer.fit()
        except Exception as error:  # Ray has a type of its own for each way to fail
            raise ComputeError(
                f"{order.stage}: a process of {self.address} failed: {_cause(error)}"
            ) from error


def member(config: dict[str, Any]) -> None:
    """What each process of a team does; `torch.distributed` was set up before."""
    order: Order | AlignmentOrder = config["order"]
    order.carry_out(_log.info, device=config["device"], save_every=config["save_every"])


def _cause(error: BaseException) -> str:
    """What went wrong in the process, of all that Ray says."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__
