"""Changes a LiteRT file in ways that its converter has no options for."""

from collections.abc import Sequence
from typing import Any

from multibox.errors import RunFailed


class LiteRtFile:
    """A LiteRT model with one subgraph and one input, to be changed in memory.

    Args:
        content: Content of the file.
    """

    def __init__(self, content: bytes):
        from tensorflow.lite.tools import flatbuffer_utils

        self._model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
        (self._graph,) = self._model.subgraphs

    def order_outputs(self, names: Sequence[str]) -> None:
        """Put the outputs into a given order, for programs that identify outputs by position.

        Args:
            names: Names of all outputs in the signature of the model.
        """
        (signature,) = self._model.signatureDefs
        places = {output.name.decode(): output.tensorIndex for output in signature.outputs}
        self._graph.outputs = [places[name] for name in names]

    def add_metadata(self, name: str, content: bytes) -> None:
        """Add a metadata buffer, which the model refers to by name."""
        from tensorflow.lite.python import schema_py_generated as schema

        buffer, entry = schema.BufferT(), schema.MetadataT()
        buffer.data = content
        entry.name, entry.buffer = name, len(self._model.buffers)
        self._model.buffers.append(buffer)
        self._model.metadata = [*(self._model.metadata or []), entry]

    def set_option(self, name: str, value: int) -> None:
        """Set an option of the only custom operator."""
        from flatbuffers import flexbuffers

        (operator,) = (op for op in self._graph.operators if op.customOptions is not None)
        options = flexbuffers.Loads(bytes(operator.customOptions))
        operator.customOptions = list(flexbuffers.Dumps({**options, name: value}))

    def take_pixels_as_integers(self) -> None:
        """Let a network that computes in int8 take uint8 pixels without converting them to float first.

        The converter writes a ``CAST`` to float and a ``QUANTIZE`` to int8. The ``CAST`` is removed. ``QUANTIZE`` takes
        uint8 too, if the input tensor gets the scale 1.
        """
        from tensorflow.lite.python import schema_py_generated as schema

        (image,) = self._graph.inputs
        (cast,) = self._readers_of(image)
        (quantize,) = self._readers_of(cast.outputs[0])
        kinds = [self._model.operatorCodes[op.opcodeIndex].builtinCode for op in (cast, quantize)]
        if kinds != [schema.BuiltinOperator.CAST, schema.BuiltinOperator.QUANTIZE]:
            raise RunFailed(
                "export: the converter did not quantise the whole network to integers, so the file was removed"
            )
        self._graph.operators.remove(cast)
        quantize.inputs = [image]
        scale = schema.QuantizationParametersT()
        scale.scale, scale.zeroPoint = [1.0], [0]
        self._graph.tensors[image].quantization = scale

    def to_bytes(self) -> bytes:
        """Content of the changed file."""
        from tensorflow.lite.tools import flatbuffer_utils

        return bytes(flatbuffer_utils.convert_object_to_bytearray(self._model))

    def _readers_of(self, tensor: int) -> list[Any]:
        return [op for op in self._graph.operators if tensor in op.inputs]
