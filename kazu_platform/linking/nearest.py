"""The nearest of many vectors: a product of every query with every vector, in blocks.

Names are stored as bytes, and queries become bytes too: a processor multiplies four of these where
it multiplies one float, and sums of whole numbers are the same in any order. A query has 64 steps
to each side, so that the sum of two products fits into 16 bits, which is where processors without
instructions for this (VNNI) add them up. So a product is off by some thousandths, and of two
vectors that are as near, the one may be found that is a hair farther.

A block fits into the cache of a processor. What was found in the blocks before sets the bar for the
next, so that of the later ones hardly anything is looked at twice.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_QUERIES: Final = 512
_VECTORS: Final = 8_192
_STEPS: Final = 64
"""Of a query's numbers to each side of zero."""


def nearest(  # noqa: PLR0913 - what is looked for, among what, and how much of it
    queries: NDArray[np.float32],
    values: NDArray[np.int8],
    scale: NDArray[np.float32],
    *,
    most: int,
    least: float,
    threads: int = 1,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The vectors with the greatest product with each query, as far as bytes tell.

    Args:
        queries: Shape: (n_queries, dimensions).
        values: Vectors as bytes, from -127 on. Shape: (n, dimensions).
        scale: What the bytes of each are times. Shape: (n,).
        most: Vectors of a query.
        least: A product has to be greater.
        threads: Blocks of queries that are looked up at once.

    Returns:
        Rows of queries, ascending, and of vectors; parallel.
    """
    nothing = np.zeros(0, np.int64)
    if not len(queries) or not len(values):
        return nothing, nothing
    products = _products()
    largest = np.abs(queries).max(axis=1)
    step = np.where(largest, largest, 1) / np.float32(_STEPS)
    whole = (np.rint(queries / step[:, None]) + _STEPS).astype(np.uint8)
    bar = (least / step).astype(np.float32)

    def of_block(start: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        own = slice(start, start + _QUERIES)

        def with_queries(block: slice) -> NDArray[np.float32]:
            return products(whole[own], values[block], scale[block])

        query, row = _of_block(with_queries, bar[own], len(values), most)
        return query + start, row

    with ThreadPoolExecutor(max(1, threads)) as pool:
        found = list(pool.map(of_block, range(0, len(queries), _QUERIES)))
    return np.concatenate([each for each, _ in found]), np.concatenate([each for _, each in found])


def _of_block(
    products: Callable[[slice], NDArray[np.float32]],
    bar: NDArray[np.float32],
    n_vectors: int,
    most: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    query, row = np.zeros(0, np.int64), np.zeros(0, np.int64)
    product = np.zeros(0, np.float32)
    for start in range(0, n_vectors, _VECTORS):
        every = products(slice(start, start + _VECTORS))
        over = np.flatnonzero(every > bar[:, None])
        if not len(over):
            continue
        of, place = np.divmod(over, every.shape[1])
        query = np.concatenate([query, of])
        row = np.concatenate([row, place + start])
        product = np.concatenate([product, every.ravel()[over]])
        order = np.lexsort((row, -product, query))
        query, row, product = query[order], row[order], product[order]
        kept = np.arange(len(query)) - np.searchsorted(query, query) < most
        query, row, product = query[kept], row[kept], product[kept]
        counts = np.bincount(query, minlength=len(bar))
        full = np.flatnonzero(counts == most)
        bar[full] = product[np.cumsum(counts)[full] - 1]
    return query, row


def _products() -> Callable[..., NDArray[np.float32]]:
    """What multiplies queries, whole numbers from 0 on, with vectors and their scale.

    Making it takes less than a millisecond.
    """
    import onnxruntime as ort
    from onnx import TensorProto, helper

    constants = [
        helper.make_tensor("middle", TensorProto.UINT8, [], [_STEPS]),
        helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]),
    ]
    given = [
        helper.make_tensor_value_info("queries", TensorProto.UINT8, ["n_queries", "dimensions"]),
        helper.make_tensor_value_info("values", TensorProto.INT8, ["n", "dimensions"]),
        helper.make_tensor_value_info("scale", TensorProto.FLOAT, ["n"]),
    ]
    nodes = [
        helper.make_node("Transpose", ["values"], ["columns"], perm=[1, 0]),
        helper.make_node(
            "MatMulIntegerToFloat",
            ["queries", "columns", "one", "scale", "middle"],
            ["products"],
            domain="com.microsoft",
        ),
    ]
    made = helper.make_tensor_value_info("products", TensorProto.FLOAT, ["n_queries", "n"])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(
        helper.make_graph(nodes, "products", given, [made], constants), opset_imports=opsets
    )
    model.ir_version = 8  # what the opset needs; a newer one only shuts out older runtimes
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session: Any = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )

    def products(
        queries: NDArray[np.uint8], values: NDArray[np.int8], scale: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        inputs = {"queries": queries, "values": values, "scale": scale}
        return session.run(None, inputs)[0]

    return products
