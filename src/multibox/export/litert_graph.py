"""Reads the operators and tensors of a LiteRT file without TensorFlow."""

import re
from typing import Any

import numpy as np


class LiteRtGraph:
    """The first subgraph of a LiteRT file.

    Args:
        content: Content of the file.

    Attributes:
        operators: Operators in the order in which they run.
    """

    def __init__(self, content: bytes):
        from ai_edge_litert import schema_py_generated as schema

        self._schema, self._model = schema, schema.Model.GetRootAs(content, 0)
        self._graph = self._model.Subgraphs(0)
        self._kinds = _names(schema.BuiltinOperator)
        self._types = _names(schema.TensorType)
        self.operators = [self._graph.Operators(i) for i in range(self._graph.OperatorsLength())]

    def kind(self, op: Any) -> str:
        """Name of an operator, such as ``CONV_2D``."""
        code = self._model.OperatorCodes(op.OpcodeIndex())
        return self._kinds[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]

    def layer(self, op: Any) -> str:
        """Name of the Keras layer that an operator computes, from the name of its output."""
        name = self._graph.Tensors(op.Outputs(0)).Name().decode().split(";")[0]
        parts = name.split("/")
        return re.sub(r"_1$", "", parts[1 if len(parts) > 1 else 0])

    def inputs(self, op: Any) -> list[Any]:
        """Tensors that an operator reads."""
        return [self._graph.Tensors(op.Inputs(i)) for i in range(op.InputsLength()) if op.Inputs(i) >= 0]

    def outputs(self, op: Any) -> list[Any]:
        """Tensors that an operator computes."""
        return [self._graph.Tensors(op.Outputs(i)) for i in range(op.OutputsLength())]

    def type(self, tensor: Any) -> str:
        """Name of a tensor's type, such as ``INT8``."""
        return self._types[tensor.Type()]

    def constant(self, tensor: Any) -> np.ndarray | None:
        """Bytes of a constant. None for a tensor that is computed."""
        buffer = self._model.Buffers(tensor.Buffer())
        return buffer.DataAsNumpy() if buffer.DataLength() else None

    def options(self, op: Any, kind: str) -> Any:
        """Options of an operator, such as ``Conv2DOptions``."""
        options, table = getattr(self._schema, kind)(), op.BuiltinOptions()
        options.Init(table.Bytes, table.Pos)
        return options


def _names(enumeration: type) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}
