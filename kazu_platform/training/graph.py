"""The network as an ONNX graph, written operator by operator as the runtime computes it best.

Written by hand, and not by PyTorch's exporter, for three reasons. Products are of bytes, each row
of the activations with a scale of its own: ONNX Runtime's own dynamic quantisation takes one scale
for a whole batch, so that a sentence's probabilities depend on its neighbours (by up to 0.01 on
random weights). Weights have seven bits: processors without VNNI add two products in 16 bits, and
with eight bits the sum is cut off there, so the same file would find other things on another
machine. And layer normalisation stays apart from the sum before it: fused, the two take four times
as long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

OPSET: Final = 21
IR_VERSION: Final = 10
CONTRIBUTED: Final = "com.microsoft"
LARGEST_WEIGHT: Final = 64
"""Two products of a byte and a weight fit into 16 bits: 2 * 255 * 64 < 2**15."""
_MIDDLE, _HALF = 128, 127
# Behind GELU nothing is below -0.17: bytes below its zero would be wasted.
_GELU_ZERO, _GELU_RANGE, _LEAST_GELU = 20, 235, 2.0

Array = Any
Attribute = int | float


class Graph:
    """Collects operators and constants; each operator returns the name of what it makes."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, values: Array) -> str:
        """Keep an array under a name, once."""
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Attribute) -> str:
        """Add an operator with one output."""
        return self.add_many(operator, inputs, 1, domain=domain, **attributes)[0]

    def add_many(
        self,
        operator: str,
        inputs: Sequence[str],
        outputs: int,
        *,
        domain: str = "",
        **attributes: Attribute,
    ) -> list[str]:
        """Add an operator with several outputs."""
        name = f"{operator}_{len(self.nodes)}"
        made = [f"{name}_{number}" for number in range(outputs)]
        self.nodes.append(
            helper.make_node(
                operator, list(inputs), made, name, domain=domain, **cast("Any", attributes)
            )
        )
        return made

    def model(
        self, made: str, output: str, shape: Sequence[str | int], *, name: str
    ) -> onnx.ModelProto:
        """The finished model: ids, mask and shapes in.

        Args:
            made: Name of what it gives.
            output: What that is called outside.
            shape: Its shape.
            name: Of the graph.
        """
        self.nodes.append(helper.make_node("Identity", [made], [output], name="out"))
        where = ["batch", "pieces"]
        graph = helper.make_graph(
            self.nodes,
            name,
            [
                helper.make_tensor_value_info(name, TensorProto.INT64, where)
                for name in ("ids", "mask", "shapes")
            ],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, list(shape))],
            list(self.constants.values()),
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIBUTED, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


class Network:
    """Writes a BertModel with a dense layer, or one that makes unit vectors.

    Args:
        weights: Those of the encoder by their names in PyTorch, and `head.weight`, `head.bias`,
            which only a model of vectors may lack.
        shape: Layers, heads, the epsilon of normalisation, and the pieces of the longest window.
        int8: Products of bytes.
        int8_embeddings: Pieces as bytes, each with its own scale.
    """

    def __init__(
        self,
        weights: Mapping[str, NDArray[np.float32]],
        shape: Mapping[str, Any],
        *,
        int8: bool,
        int8_embeddings: bool,
    ) -> None:
        self.weights = weights
        self.shape = shape
        self.int8 = int8
        self.int8_embeddings = int8_embeddings
        self.graph = Graph()

    def model(self) -> onnx.ModelProto:
        """Write a model that gives the logits of each piece."""
        logits = self._head(self._hidden())
        shape = ["batch", "pieces", len(self.weights["head.bias"])]
        return self.graph.model(logits, "logits", shape, name="ner")

    def vectors(self) -> onnx.ModelProto:
        """Write a model that gives the mean of all pieces at unit length."""
        graph, add = self.graph, self.graph.add
        hidden = self._hidden()
        middle = graph.constant("middle", np.array([1], np.int64))
        last = graph.constant("last", np.array([-1], np.int64))
        weight = add("Unsqueeze", add("Cast", "mask", to=TensorProto.FLOAT), last)
        total = add("ReduceSum", add("Mul", hidden, weight), middle, keepdims=0)
        mean = add("Div", total, add("ReduceSum", weight, middle, keepdims=0))
        if "head.bias" in self.weights:
            mean = self._head(mean)
            width = len(self.weights["head.bias"])
        else:
            width = self.weights["embeddings.word_embeddings.weight"].shape[1]
        length = add("ReduceL2", mean, last, keepdims=1)
        unit = add("Div", mean, add("Max", length, graph.constant("short", np.float32(1e-12))))
        return graph.model(unit, "vectors", ["batch", width], name="linking")

    def _hidden(self) -> str:
        mask = self.graph.add("Cast", "mask", to=TensorProto.INT32)
        hidden = self._embedded()
        for number in range(self.shape["layers"]):
            hidden = self._layer(hidden, mask, f"encoder.layer.{number}.")
        return hidden

    def _head(self, values: str) -> str:
        """The dense layer at the end, whose few outputs are not worth quantising."""
        product = self.graph.add(
            "MatMul", values, self.graph.constant("head", self._matrix("head"))
        )
        return self.graph.add("Add", product, self._bias("head"))

    def _embedded(self) -> str:
        graph, add = self.graph, self.graph.add
        tables = {
            name: self.weights[f"embeddings.{name}_embeddings.weight"]
            for name in ("word", "position", "token_type")
        }
        pieces = self._pieces(tables["word"])
        length = add("Gather", add("Shape", "ids"), graph.constant("axis", np.array([1], np.int64)))
        positions = tables["position"][: self.shape["max_pieces"]]
        begin = graph.constant("begin", np.array([0], np.int64))
        position = add("Slice", graph.constant("positions", positions), begin, length)
        kind = add("Gather", graph.constant("shapes_of_words", tables["token_type"]), "shapes")
        return self._normalised(add("Add", add("Add", pieces, position), kind), "embeddings.")

    def _pieces(self, table: NDArray[np.float32]) -> str:
        graph, add = self.graph, self.graph.add
        if not self.int8_embeddings:
            return add("Gather", graph.constant("pieces", table), "ids")
        scale = _scale(table, 1, _HALF)
        bytes_ = graph.constant("pieces", np.rint(table / scale).astype(np.int8))
        found = add("Cast", add("Gather", bytes_, "ids"), to=TensorProto.FLOAT)
        return add("Mul", found, add("Gather", graph.constant("pieces.scale", scale), "ids"))

    def _layer(self, hidden: str, mask: str, name: str) -> str:
        graph, add = self.graph, self.graph.add
        all_three = self._dense(
            hidden, *(f"{name}attention.self.{part}" for part in ("query", "key", "value"))
        )
        parts = graph.add_many("Split", [all_three], 3, axis=-1, num_outputs=3)
        attended = add(
            "MultiHeadAttention",
            *parts,
            "",
            mask,
            domain=CONTRIBUTED,
            num_heads=self.shape["heads"],
        )
        out = self._dense(attended, f"{name}attention.output.dense")
        hidden = self._normalised(add("Add", out, hidden), f"{name}attention.output.")
        wide = add("Gelu", self._dense(hidden, f"{name}intermediate.dense"))
        narrow = self._dense(wide, f"{name}output.dense", behind_gelu=True)
        return self._normalised(add("Add", narrow, hidden), f"{name}output.")

    def _normalised(self, values: str, name: str) -> str:
        graph = self.graph
        parts = [
            graph.constant(f"{name}norm.{part}", self.weights[f"{name}LayerNorm.{part}"])
            for part in ("weight", "bias")
        ]
        return graph.add("LayerNormalization", values, *parts, axis=-1, epsilon=self.shape["eps"])

    def _dense(self, values: str, *names: str, behind_gelu: bool = False) -> str:
        """Dense layers of the same input, one beside the other."""
        graph, add = self.graph, self.graph.add
        matrix = np.concatenate([self._matrix(name) for name in names], axis=1)
        bias = graph.constant(
            f"{names[0]}.bias", np.concatenate([self.weights[f"{name}.bias"] for name in names])
        )
        if not self.int8:
            return add("Add", add("MatMul", values, graph.constant(names[0], matrix)), bias)
        scale = _scale(matrix, 0, LARGEST_WEIGHT)
        weights = graph.constant(names[0], np.rint(matrix / scale).astype(np.int8))
        largest, zero, steps = self._rows(values, behind_gelu=behind_gelu)
        step = graph.constant(f"step.{steps}", np.float32(1 / steps))
        middle = graph.constant(f"zero.{zero}", np.uint8(zero))
        bytes_ = add("QuantizeLinear", add("Div", values, largest), step, middle)
        scales = graph.constant(f"{names[0]}.scale", scale[0])
        product = add(
            "MatMulIntegerToFloat", bytes_, weights, step, scales, middle, domain=CONTRIBUTED
        )
        return add("Add", add("Mul", product, largest), bias)

    def _rows(self, values: str, *, behind_gelu: bool) -> tuple[str, int, int]:
        """The largest value of each row, the byte of 0, and how many bytes are above it."""
        graph, add = self.graph, self.graph.add
        axis = graph.constant("last", np.array([-1], np.int64))
        if behind_gelu:
            least = graph.constant("least.gelu", np.float32(_LEAST_GELU))
            largest = add("ReduceMax", values, axis, keepdims=1)
            return add("Max", largest, least), _GELU_ZERO, _GELU_RANGE
        least = graph.constant("least", np.float32(1e-6))
        largest = add("ReduceMax", add("Abs", values), axis, keepdims=1)
        return add("Max", largest, least), _MIDDLE, _HALF

    def _matrix(self, name: str) -> NDArray[np.float32]:
        """Weights with inputs as rows, which is how the product takes them."""
        return self.weights[f"{name}.weight"].T

    def _bias(self, name: str) -> str:
        return self.graph.constant(f"{name}.bias", self.weights[f"{name}.bias"])


def _scale(values: NDArray[np.float32], axis: int, steps: int) -> NDArray[np.float32]:
    """What the largest value along an axis is divided by to become `steps`."""
    largest = np.abs(values).max(axis, keepdims=True)
    return (np.maximum(largest, 1e-9) / steps).astype(np.float32)
