"""Runtimes: what computes a model. ONNX Runtime on processors, PyTorch elsewhere and for others'.

`benchmarks/ner_inference.py` compares them, OpenVINO too, which is not used: see the decision note.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from kazu_platform.errors import ArtifactError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

INPUTS: Final = ("ids", "mask", "shapes")
OUTPUT: Final = "logits"


class OnnxRuntime:
    """ONNX Runtime on a processor, each batch on one thread.

    Threads that work on different batches do not wait for each other, as those that share the
    products of one batch do; and a batch of a few hundred pieces stays in the cache of its core.

    Args:
        path: The model.
        threads: Batches to compute at once.
        output: What the model calls what it gives.

    Raises:
        ArtifactError: the file is no such model.
    """

    batch_pieces: int = 256

    def __init__(self, path: Path, threads: int = 1, output: str = OUTPUT) -> None:
        import onnxruntime as ort

        states: Any = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # The graph is written as it should run; fusing more slows it (see the export).
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.enable_mem_pattern = False  # shapes differ from batch to batch
        options.log_severity_level = 3
        broken: Any = (states.Fail, states.InvalidProtobuf, states.InvalidGraph, states.NoSuchFile)
        try:
            self._session: Any = ort.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except broken as error:
            raise ArtifactError(f"{path} is no model that can be opened: {error}") from None
        self.lanes = max(1, threads)
        self._output = output
        _check(path, self._session, output)

    @property
    def n_outputs(self) -> int | str:
        """Logits of a piece."""
        return self._session.get_outputs()[0].shape[-1]

    def run(
        self, ids: NDArray[np.int64], mask: NDArray[np.int64], shapes: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """See `engine.Runtime`."""
        (found,) = self._session.run([self._output], {"ids": ids, "mask": mask, "shapes": shapes})
        return found


class TorchRuntime:
    """PyTorch on a processor or a GPU.

    Args:
        forward: A module, or another function of ids, mask and shapes, that gives logits.
        device: cpu, cuda, cuda:1, ...
        bf16: Compute in bfloat16, which suits GPUs and the processors that have it.
        threads: Threads of the whole process, on a processor; 0: leave them as they are.
        batch_pieces: Pieces of a batch; by default what suits the device.
    """

    lanes: int = 1

    def __init__(
        self,
        forward: Callable[[Any, Any, Any], Any],
        *,
        device: str = "cpu",
        bf16: bool = False,
        threads: int = 0,
        batch_pieces: int | None = None,
    ) -> None:
        import torch

        if threads and device == "cpu":
            torch.set_num_threads(threads)
        self._forward = forward
        self._device = device
        self._bf16 = bf16
        on_processor = 2_048 if bf16 else 512
        self.batch_pieces = batch_pieces or (on_processor if device == "cpu" else 65_536)

    def run(
        self, ids: NDArray[np.int64], mask: NDArray[np.int64], shapes: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """See `engine.Runtime`."""
        import torch

        kind = self._device.partition(":")[0]
        given = [torch.from_numpy(each).to(self._device) for each in (ids, mask, shapes)]
        with (
            torch.inference_mode(),
            torch.autocast(kind, torch.bfloat16, enabled=self._bf16),
        ):
            return self._forward(*given).float().cpu().numpy()


def check_device(device: str) -> None:
    """See that PyTorch has a device.

    Raises:
        ConfigurationError: it has none of that kind here, or not as many.
    """
    import torch

    kind, _, number = device.partition(":")
    if kind != "cuda":
        return
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(number or 0) >= there:
        built = "has no CUDA" if torch.version.cuda is None else f"finds {there} GPUs"
        raise ConfigurationError(
            f"A model is to read on {device}, and PyTorch {torch.__version__} {built} here; read "
            "on the processor (KAZU_WORKER_GPUS=0), or install a build of PyTorch and a driver "
            "that fit the GPU."
        )


def _check(path: Path, session: Any, output: str) -> None:  # noqa: ANN401 - it gives no types
    given = tuple(each.name for each in session.get_inputs())
    made = tuple(each.name for each in session.get_outputs())
    if given != INPUTS or made != (output,):
        raise ArtifactError(
            f"{path} takes {', '.join(given)} and gives {', '.join(made)}; a model takes "
            f"{', '.join(INPUTS)} and gives {output}: export it again."
        )
