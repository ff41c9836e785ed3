"""Requests and responses of the Open Inference Protocol. Tensors are JSON, or bytes after the JSON."""

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.responses import Response

from multibox.serve.refused import Refused
from multibox.serve.requests import (
    InferParameters,
    InferRequest,
    InputTensor,
    RequestedOutput,
    decode_base64,
    from_json,
)

HEADER = "Inference-Header-Content-Length"
"""HTTP header with the number of bytes of JSON at the start of a body. The bytes of tensors follow the JSON."""

_DATATYPES = {"float32": "FP32", "int32": "INT32"}


@dataclass(frozen=True)
class Inference:
    """A parsed inference request.

    Attributes:
        inputs: Input tensors by name: arrays of uint8, or object arrays of ``bytes``.
        options: Score and NMS settings of the request.
        id: Identifier of the request, which the response repeats. Empty if the request has none.
        outputs: Requested outputs by name: True if the output is sent as bytes, False if as JSON. Empty if all outputs
            are requested.
        binary: Whether outputs that the request does not name are sent as bytes instead of JSON.
    """

    inputs: dict[str, np.ndarray]
    options: InferParameters
    id: str
    outputs: dict[str, bool]
    binary: bool


def read_request(body: bytes, json_length: str | None) -> Inference:
    """Parse an inference request.

    Args:
        body: Body of the request: JSON, optionally followed by the bytes of tensors.
        json_length: Value of the HTTP header :data:`HEADER`. None if the request has no such header.

    Returns:
        The parsed request.

    Raises:
        Refused: If the body does not follow the Open Inference Protocol.
    """
    length = len(body) if json_length is None else _length(json_length, len(body))
    given, rest = from_json(InferRequest, body[:length], status=400), memoryview(body)[length:]
    inputs: dict[str, np.ndarray] = {}
    for tensor in given.inputs:
        if tensor.name in inputs:
            raise _bad(f"inputs: two tensors are named {tensor.name[:100]!r}; give each name once")
        size = tensor.parameters.binary_data_size if tensor.parameters else None
        if size is None:
            inputs[tensor.name] = _from_json(tensor)
        elif size > len(rest):
            raise _bad(f"{tensor.name}: binary_data_size is {size}, but {len(rest)} bytes are left")
        else:
            inputs[tensor.name] = _from_bytes(tensor, rest[:size])
            rest = rest[size:]
    if len(rest):
        raise _bad(
            f"{len(rest)} bytes remain after the tensors; {HEADER} and binary_data_size must cover the whole body"
        )
    options = given.parameters or InferParameters()
    binary = options.binary_data_output is True
    outputs = {wanted.name: _as_bytes(wanted, binary) for wanted in given.outputs or []}
    return Inference(inputs, options, "" if given.id is None else str(given.id)[:1000], outputs, binary)


def write_response(about: dict[str, Any], tensors: dict[str, np.ndarray], asked: Inference) -> Response:
    """Write the response to an inference request.

    Args:
        about: Name and version of the model, as the response repeats them.
        tensors: Output tensors by name, float32 or int32.
        asked: The request, which chooses outputs and how they are sent.

    Returns:
        HTTP response with JSON, followed by bytes for outputs that are sent as bytes.

    Raises:
        Refused: If a requested output does not exist.
    """
    wanted = asked.outputs or dict.fromkeys(tensors, asked.binary)
    outputs, behind = [], []
    for name, binary in wanted.items():
        if name not in tensors:
            raise _bad(f"outputs: there is no output {name[:100]!r}; choose from {', '.join(tensors)}")
        tensor = tensors[name]
        output: dict[str, Any] = {"name": name, "datatype": _DATATYPES[tensor.dtype.name], "shape": list(tensor.shape)}
        if binary:
            behind.append(tensor.astype(tensor.dtype.newbyteorder("<"), copy=False).tobytes())
            output["parameters"] = {"binary_data_size": len(behind[-1])}
        else:
            output["data"] = tensor.ravel().tolist()
        outputs.append(output)
    named = about | ({"id": asked.id} if asked.id else {}) | {"outputs": outputs}
    head = json.dumps(named).encode()
    if not behind:
        return Response(head, media_type="application/json")
    return Response(b"".join([head, *behind]), media_type="application/octet-stream", headers={HEADER: str(len(head))})


def _from_json(tensor: InputTensor) -> np.ndarray:
    name, shape, data = tensor.name, tuple(tensor.shape), tensor.data
    if tensor.datatype == "BYTES":
        if not isinstance(data, list) or len(data) != math.prod(shape):
            raise _bad(f"{name}: data is not a list with one string for each element of the shape")
        return _bytes_array([_decoded(name, text) for text in data], shape)
    try:
        values = np.array(data, object)  # of strings, each element would take as much memory as the longest
    except ValueError:
        raise _bad(f"{name}: data is not a regular array; give rows of equal length") from None
    if set(map(type, values.flat)) != {int} or values.min() < 0 or values.max() > 255:
        raise _bad(f"{name}: data contains values that are not whole numbers from 0 to 255")
    if values.size != math.prod(shape):
        raise _bad(f"{name}: {values.size} numbers do not fill the shape {list(shape)}")
    return values.astype(np.uint8).reshape(shape)


def _decoded(name: str, text: Any) -> bytes:
    try:
        return decode_base64(text)
    except ValueError as error:
        raise _bad(f"{name}: data: {error}") from None


def _from_bytes(tensor: InputTensor, content: memoryview) -> np.ndarray:
    name, shape = tensor.name, tuple(tensor.shape)
    if tensor.datatype == "BYTES":
        return _bytes_array(_elements(content, math.prod(shape), name), shape)
    if len(content) != math.prod(shape):
        raise _bad(f"{name}: {len(content)} bytes do not fill the shape {list(shape)}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _elements(content: memoryview, count: int, name: str) -> list[bytes]:
    """Split the bytes of a BYTES tensor into its elements. Each follows its length, 4 bytes in little-endian order."""
    elements: list[bytes] = []
    place = 0
    while place < len(content) and len(elements) <= count:
        end = place + 4 + int.from_bytes(content[place : place + 4], "little")
        if end > len(content) or place + 4 > len(content):
            break
        elements.append(bytes(content[place + 4 : end]))
        place = end
    if place != len(content) or len(elements) != count:
        raise _bad(f"{name}: the bytes are not {count} elements, each after its length in 4 bytes")
    return elements


def _bytes_array(elements: list[bytes], shape: tuple[int, ...]) -> np.ndarray:
    array = np.empty(len(elements), object)
    array[:] = elements
    return array.reshape(shape)


def _as_bytes(wanted: RequestedOutput, otherwise: bool) -> bool:
    chosen = wanted.parameters.binary_data if wanted.parameters else None
    return otherwise if chosen is None else chosen


def _length(text: str, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= most):
        raise _bad(f"{HEADER}: {text[:40]!r} is not a number of bytes within the body")
    return int(text)


def _bad(message: str) -> Refused:
    return Refused(400, "bad-request", message)
