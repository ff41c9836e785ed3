"""Requests and answers of the Open Inference Protocol: tensors in JSON, or as bytes behind it."""

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.responses import Response

from multibox.serve.refused import Refused
from multibox.serve.uploads import decode_base64, parse_json

HEADER = "Inference-Header-Content-Length"
"""Says how many bytes of a body are JSON; the tensors' bytes follow."""

DIMENSIONS = 8
"""That a tensor may have."""

_DATATYPES = {"float32": "FP32", "int32": "INT32"}


@dataclass(frozen=True)
class Asked:
    """What a request says.

    Attributes:
        inputs: tensors by name: uint8, or bytes objects.
        parameters: of the request.
        id: to be repeated in the answer.
        outputs: names of the outputs that are wanted, each with whether as bytes; empty: all, as ``binary`` says.
        binary: whether outputs that are not listed go as bytes.
    """

    inputs: dict[str, np.ndarray]
    parameters: dict[str, Any]
    id: str
    outputs: dict[str, bool]
    binary: bool


def read_request(body: bytes, json_length: str | None) -> Asked:
    """Read a request.

    Args:
        body: JSON, and the bytes of tensors behind it.
        json_length: the value of :data:`HEADER`, where there is one.

    Raises:
        Refused: it is not as the protocol says.
    """
    length = len(body) if json_length is None else _length(json_length, len(body), HEADER)
    values, rest = parse_json(body[:length]), memoryview(body)[length:]
    inputs: dict[str, np.ndarray] = {}
    for given in _objects(values, "inputs"):
        name = _text(given, "name")
        if name in inputs:
            raise _bad(f"inputs: two are named {name[:100]!r}; give each once")
        size = _object(given, "parameters").get("binary_data_size")
        if size is None:
            inputs[name] = _from_json(given, name)
        else:
            size = _length(size, len(rest), f"{name}: binary_data_size")
            inputs[name] = _from_bytes(given, name, rest[:size])
            rest = rest[size:]
    if len(rest):
        raise _bad(f"{len(rest)} bytes are left behind the tensors; {HEADER} and binary_data_size have to cover all")
    parameters = _object(values, "parameters")
    binary = parameters.get("binary_data_output") is True
    outputs = {
        _text(wanted, "name"): _object(wanted, "parameters").get("binary_data", binary) is True
        for wanted in _objects(values, "outputs")
    }
    return Asked(inputs, parameters, _id(values), outputs, binary)


def write_response(about: dict[str, Any], tensors: dict[str, np.ndarray], asked: Asked) -> Response:
    """Write an answer.

    Args:
        about: the model.
        tensors: float32 or int32, by name.
        asked: which of them are wanted, and how.

    Raises:
        Refused: an output is wanted that is none of them.
    """
    wanted = asked.outputs or dict.fromkeys(tensors, asked.binary)
    outputs, behind = [], []
    for name, binary in wanted.items():
        if name not in tensors:
            raise _bad(f"outputs: there is none named {name[:100]!r}; there are {', '.join(tensors)}")
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


def _from_json(given: dict[str, Any], name: str) -> np.ndarray:
    shape, data = _shape(given, name), given.get("data")
    if given.get("datatype") == "BYTES":
        if not isinstance(data, list) or len(data) != math.prod(shape):
            raise _bad(f"{name}: data are not a list of as many strings as the shape says")
        return _bytes_array([decode_base64(text) for text in data], shape)
    if given.get("datatype") != "UINT8":
        raise _bad(f"{name}: the datatype is not UINT8 or BYTES")
    try:
        values = np.array(data, object)  # of strings, each element would take as much memory as the longest
    except ValueError:
        raise _bad(f"{name}: data are not numbers of one shape") from None
    if set(map(type, values.flat)) != {int} or values.min() < 0 or values.max() > 255:
        raise _bad(f"{name}: data are not whole numbers from 0 to 255")
    if values.size != math.prod(shape):
        raise _bad(f"{name}: {values.size} numbers do not fill the shape {list(shape)}")
    return values.astype(np.uint8).reshape(shape)


def _from_bytes(given: dict[str, Any], name: str, content: memoryview) -> np.ndarray:
    shape = _shape(given, name)
    if given.get("datatype") == "BYTES":
        return _bytes_array(_elements(content, math.prod(shape), name), shape)
    if given.get("datatype") != "UINT8":
        raise _bad(f"{name}: the datatype is not UINT8 or BYTES")
    if len(content) != math.prod(shape):
        raise _bad(f"{name}: {len(content)} bytes do not fill the shape {list(shape)}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _elements(content: memoryview, count: int, name: str) -> list[bytes]:
    """The elements of a BYTES tensor, each behind its length in four bytes, the lowest first."""
    elements: list[bytes] = []
    place = 0
    while place < len(content) and len(elements) <= count:
        end = place + 4 + int.from_bytes(content[place : place + 4], "little")
        if end > len(content) or place + 4 > len(content):
            break
        elements.append(bytes(content[place + 4 : end]))
        place = end
    if place != len(content) or len(elements) != count:
        raise _bad(f"{name}: its bytes are not {count} elements, each behind its length in 4 bytes")
    return elements


def _bytes_array(elements: list[bytes], shape: tuple[int, ...]) -> np.ndarray:
    array = np.empty(len(elements), object)
    array[:] = elements
    return array.reshape(shape)


def _shape(given: dict[str, Any], name: str) -> tuple[int, ...]:
    shape = given.get("shape")
    fits = isinstance(shape, list) and 0 < len(shape) <= DIMENSIONS
    if not fits or not all(type(side) is int and 0 < side < 2**31 for side in shape or []):
        raise _bad(f"{name}: the shape is not a list of whole numbers above 0")
    return tuple(shape or ())


def _length(value: Any, most: int, what: str) -> int:
    text = str(value)
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= most):
        raise _bad(f"{what}: {text[:40]!r} is not a number of bytes that the body has")
    return int(text)


def _id(values: dict[str, Any]) -> str:
    given = values.get("id")
    return "" if given is None else str(given)[:1000]


def _objects(values: dict[str, Any], field: str) -> list[dict[str, Any]]:
    listed = values.get(field)
    if listed is None:  # some clients write null for what they leave out
        return []
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed) or len(listed) > 100:
        raise _bad(f"{field}: not a list of objects")
    return listed


def _object(values: dict[str, Any], field: str) -> dict[str, Any]:
    found = values.get(field)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _bad(f"{field}: not an object")
    return found


def _text(values: dict[str, Any], field: str) -> str:
    found = values.get(field)
    if not isinstance(found, str):
        raise _bad(f"{field}: not a string")
    return found


def _bad(message: str) -> Refused:
    return Refused(400, "bad-request", message)
