"""TFRecord files as TensorFlow writes them: messages by Google's protobuf, checksums bit by bit."""

from collections.abc import Iterable
from pathlib import Path
from struct import pack
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

LISTS = {"bytes_list": "BYTES", "float_list": "FLOAT", "int64_list": "INT64"}


def _example_class() -> Any:
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="tensorflow", syntax="proto3")

    def message(parent: Any, name: str, **fields: tuple[str, int]) -> Any:
        made = parent.add(name=name)
        for number, (field, (kind, label)) in enumerate(fields.items(), 1):
            of_message = kind.startswith(".")
            made.field.add(
                name=field,
                number=number,
                label=label,
                type=kinds.TYPE_MESSAGE if of_message else getattr(kinds, f"TYPE_{kind}"),
                type_name=kind if of_message else None,
            )
        return made

    one, many = kinds.LABEL_OPTIONAL, kinds.LABEL_REPEATED
    for field, kind in LISTS.items():
        message(file.message_type, field, value=(kind, many))
    message(file.message_type, "Feature", **{field: (f".tensorflow.{field}", one) for field in LISTS})
    features = message(file.message_type, "Features", feature=(".tensorflow.Features.FeatureEntry", many))
    entry = message(features.nested_type, "FeatureEntry", key=("STRING", one), value=(".tensorflow.Feature", one))
    entry.options.map_entry = True
    message(file.message_type, "Example", features=(".tensorflow.Features", one))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.Example"))


Example = _example_class()


def example(**features: Any) -> bytes:
    """An example. Two underscores in a name are a slash; lists of text, decimals or whole numbers are features."""
    made = Example()
    kinds = {bytes: "bytes_list", float: "float_list", int: "int64_list"}
    for name, values in features.items():
        encoded = [value.encode() if isinstance(value, str) else value for value in values]
        feature = made.features.feature[name.replace("__", "/")]
        getattr(feature, kinds[type(encoded[0])] if encoded else "float_list").value.extend(encoded)
        feature.SetInParent()
    return made.SerializeToString()


def slow_crc32c(data: bytes) -> int:
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    checksum = slow_crc32c(data)
    return pack("<I", ((checksum >> 15 | checksum << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF)


def framed(record: bytes) -> bytes:
    length = pack("<Q", len(record))
    return length + masked(length) + record + masked(record)


def write_records(path: Path, records: Iterable[bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(map(framed, records)))
    return path


def detection(name: str = "a.jpg", objects: Iterable[tuple] = (), image: bytes = b"image", **more: Any) -> bytes:
    """An example of the Object Detection API. An object is its text, its number, and xmin, ymin, xmax, ymax."""
    objects = list(objects)
    features: dict[str, Any] = {"image__filename": [name], "image__encoded": [image], "image__format": ["jpeg"]}
    features["image__object__class__text"] = [text for text, *_ in objects]
    features["image__object__class__label"] = [number for _, number, *_ in objects]
    for place, corner in enumerate(("xmin", "ymin", "xmax", "ymax"), 2):
        features[f"image__object__bbox__{corner}"] = [float(each[place]) for each in objects]
    features |= more
    return example(**{key: values for key, values in features.items() if values is not None})


def label_map(path: Path, *names: str) -> None:
    items = (f"item {{\n  id: {number}\n  name: '{name}'\n}}\n" for number, name in enumerate(names, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(items))
