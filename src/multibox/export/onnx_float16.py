"""Converts ONNX models to float16 with ONNX Runtime's own tools."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def to_float16(model: Any) -> Any:
    """Convert weights and arithmetic of an ONNX model to float16. Its input and outputs keep their types.

    Args:
        model: ONNX model in float32, which is changed in place.

    Returns:
        The same model.
    """
    from onnxruntime.transformers.float16 import convert_float_to_float16

    norms = [node.name for node in model.graph.node if "_norm" in node.name]  # their squares would overflow
    with quiet():
        converted = convert_float_to_float16(model, keep_io_types=True, node_block_list=norms)
    _remove_rounding(converted.graph)
    return converted


def _remove_rounding(graph: Any) -> None:
    """Let operators in float32 give their outputs to one another as they are. The converter rounds them to float16."""
    import onnx

    casts = {node.output[0]: (node.input[0], node.attribute[0].i) for node in graph.node if node.op_type == "Cast"}
    half, single = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    rounded = {name: given for name, (given, to) in casts.items() if to == half}
    exact = {name: rounded[given] for name, (given, to) in casts.items() if to == single and given in rounded}
    for node in graph.node:
        node.input[:] = [exact.get(name, name) for name in node.input]
    used = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
    kept = [node for node in graph.node if node.op_type != "Cast" or node.output[0] in used]
    del graph.node[:]
    graph.node.extend(kept)


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress the log messages of ONNX Runtime's quantisation tools."""
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.setLevel(level)
