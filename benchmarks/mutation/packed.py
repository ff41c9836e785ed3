"""Damage within files that hold others behind checksums or lengths: what is inside is changed, and packed again.

Without this, a reader would refuse almost every damaged file by its checksum, and what lies behind it were not tried.
"""

import json
import struct
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from random import Random

from multibox.annotations.crc32c import crc32c
from multibox.models.schema import MEMBER

Change = Callable[[Random, str, bytes], bytes]
"""Damage to a content, given its name."""


def is_packed(name: str, held: bytes) -> bool:
    """Whether :func:`repacked` can change what is inside of a file."""
    return name.endswith((".onnx", ".parquet")) or ".record" in name or zipfile.is_zipfile(BytesIO(held))


def repacked(rng: Random, name: str, held: bytes, change: Change) -> bytes:
    """A file of which one part is changed. Unchanged if it is damaged already."""
    try:
        if name.endswith(".onnx"):
            return _onnx(rng, held, change)
        if name.endswith(".parquet"):
            return _parquet(rng, held, change)
        return _records(rng, held, change) if ".record" in name else _zip(rng, held, change)
    except Exception:  # each of the packages raises errors of its own
        return held


def _zip(rng: Random, held: bytes, change: Change) -> bytes:
    with zipfile.ZipFile(BytesIO(held)) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    chosen = rng.choice(members)[0]
    into = BytesIO(held[: min(info.header_offset for info, _ in members)])
    with zipfile.ZipFile(into, "a") as archive:
        for info, content in members:
            given = change(rng, info.filename, content) if info is chosen else content
            archive.writestr(info.filename, given, info.compress_type)
    return into.getvalue()


def _records(rng: Random, held: bytes, change: Change) -> bytes:
    """TensorFlow's records: length, its checksum, content, its checksum."""
    found = list(_framed(held))
    place = rng.randrange(len(found))
    found[place] = change(rng, "record", found[place])
    return b"".join(_part(struct.pack("<Q", len(record))) + _part(record) for record in found)


def _framed(held: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(held):
        (length,) = struct.unpack_from("<Q", held, place)
        yield held[place + 12 : place + 12 + length]
        place += 16 + length


def _part(data: bytes) -> bytes:
    checksum = crc32c(data)
    masked = ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return data + struct.pack("<I", masked)


def _onnx(rng: Random, held: bytes, change: Change) -> bytes:
    """The schema in an ONNX file's metadata, or a size in its network."""
    import onnx

    model = onnx.load_model_from_string(held)
    if rng.random() < 0.7:
        (schema,) = (each for each in model.metadata_props if each.key == MEMBER)
        schema.value = change(rng, MEMBER, schema.value.encode()).decode(errors="replace")
    else:
        tensor = rng.choice([each for each in model.graph.initializer if each.dims])
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice((0, 1, 7, -1, 2**31, 2**62))
    return model.SerializeToString()


def _parquet(rng: Random, held: bytes, change: Change) -> bytes:
    """The rows of a table but the bytes of their images, or the table's description."""
    import pyarrow
    from pyarrow.parquet import read_table, write_table

    table = read_table(BytesIO(held))
    about = {key.decode(): value for key, value in (table.schema.metadata or {}).items()}
    if about and rng.random() < 0.3:
        key = rng.choice(list(about))
        table = table.replace_schema_metadata(about | {key: change(rng, f"{key}.json", about[key])})
    else:
        rows = table.to_pylist()
        images = [row["image"].pop("bytes") for row in rows]
        rows = json.loads(change(rng, "rows.json", json.dumps(rows).encode()))
        for row, image in zip(rows, images, strict=False):
            row["image"]["bytes"] = image
        table = pyarrow.Table.from_pylist(rows).replace_schema_metadata(about)
    into = BytesIO()
    write_table(table, into)
    return into.getvalue()
