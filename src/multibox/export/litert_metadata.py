"""The metadata of a LiteRT file, which describes its input and outputs to MediaPipe and ML Kit.

It is a flatbuffer in a buffer of the model. The names of its tables and the numbers of their fields are those of
TensorFlow Lite's public schema, ``metadata_schema.fbs``.
"""

from dataclasses import dataclass
from typing import Any

BUFFER = "TFLITE_METADATA"
"""Name by which the model refers to the buffer."""

LABELS = "labels.txt"
"""Name of the file of class names, in the zip archive behind the model."""

_IDENTIFIER = b"M001"
_RGB, _RATIO, _BOUNDARIES, _VALUE_LABELS = 1, 0, 1, 3
_IMAGE, _BOXES, _FEATURE = 2, 3, 1
_NORMALIZATION = 1


@dataclass(frozen=True)
class _Byte:
    """A number of one byte: an enumeration, or the kind of a union."""

    value: int


_Fields = dict[int, Any]
"""A table: values by the number of their field. A value is a text, a table, a :class:`_Byte`, a list of tables, or a
tuple of numbers."""


def make_metadata(name: str, description: str) -> bytes:
    """Make the metadata of a detector with a uint8 RGB input and SSD's four outputs.

    Args:
        name: Name of the model.
        description: Text that describes the model.

    Returns:
        A flatbuffer with the identifier ``M001``. Its four outputs are ``location``, ``category``, ``score`` and
        ``number of detections``, in the order of the file. ``category`` refers to the file :data:`LABELS`.
    """
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    subgraph = {2: [_input()], 3: _outputs()}
    model = {0: name, 1: description, 3: [subgraph], 7: "1.0.0"}
    builder.Finish(_write(builder, model), _IDENTIFIER)
    return bytes(builder.Output())


def _input() -> _Fields:
    as_it_is = {0: _Byte(_NORMALIZATION), 1: {0: (0.0,), 1: (1.0,)}}  # mean 0 and deviation 1
    return {
        0: "image",
        1: "RGB image of the input size, 0 to 255. The model normalises it.",
        3: {0: _Byte(_IMAGE), 1: {0: _Byte(_RGB)}},
        4: [as_it_is],
        5: {0: (255.0,), 1: (0.0,)},
    }


def _outputs() -> list[_Fields]:
    edges = {0: (1, 0, 3, 2), 1: _Byte(_BOUNDARIES), 2: _Byte(_RATIO)}  # where x0, y0, x1 and y1 are
    labels = {0: LABELS, 1: "Names of the classes, one per line", 2: _Byte(_VALUE_LABELS)}
    feature: _Fields = {0: _Byte(_FEATURE), 1: {}}
    return [
        {0: "location", 1: "Boxes: ymin, xmin, ymax, xmax as fractions of the image", 3: {0: _Byte(_BOXES), 1: edges}},
        {0: "category", 1: "Classes, 0-based", 3: feature, 6: [labels]},
        {0: "score", 1: "Scores in descending order", 3: feature},
        {0: "number of detections", 1: "Number of rows that are detections", 3: feature},
    ]


def _write(builder: Any, fields: _Fields) -> int:
    """Write a table, and return its offset."""
    parts = {slot: v if isinstance(v, _Byte) else _offset(builder, v) for slot, v in fields.items()}
    builder.StartObject(max(fields, default=-1) + 1)
    for slot, part in parts.items():
        if isinstance(part, _Byte):
            builder.PrependUint8Slot(slot, part.value, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(slot, part, 0)
    return builder.EndObject()


def _offset(builder: Any, value: Any) -> int:
    """Write a text, a table, or a vector of tables or numbers, and return its offset."""
    if isinstance(value, str):
        return builder.CreateString(value)
    if isinstance(value, dict):
        return _write(builder, value)
    if isinstance(value, list):
        items, prepend = [_write(builder, item) for item in value], builder.PrependUOffsetTRelative
    else:
        items, prepend = list(value), builder.PrependFloat32 if isinstance(value[0], float) else builder.PrependUint32
    builder.StartVector(4, len(items), 4)
    for item in reversed(items):
        prepend(item)
    return builder.EndVector()
