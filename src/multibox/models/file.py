"""The model file: a ``.keras`` zip that Keras can open too, with an additional member for the schema.

The Keras configuration in a file is never executed. The network is built from the schema, and then gets the weights.
"""

import tempfile
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multibox.errors import BadInput
from multibox.metadata import read_metadata
from multibox.models.schema import MEMBER, Schema, parse_schema
from multibox.models.shipped import model_path
from multibox.writing import Kind, new_file

if TYPE_CHECKING:
    import keras

_WEIGHTS = "model.weights.h5"

DAMAGES = (KeyError, OSError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error)
"""Exceptions that Python raises when it reads a damaged zip, or damaged weights in a zip."""


def read_schema(path: str | Path) -> Schema:
    """Read the schema of a ``.keras`` file, without Keras.

    Raises:
        BadInput: If the file does not exist, is not a model file of Multibox, is damaged, or has a newer format.
    """
    with _open(path) as archive:
        try:
            text = archive.read(MEMBER)
        except DAMAGES as error:
            raise BadInput(path, f"its {MEMBER} is damaged ({error}); copy or export the model again") from None
    return parse_schema(text, str(path))


def fingerprint(path: str | Path) -> str:
    """A fingerprint of the weights in a ``.keras`` file: their checksum and size, as the zip lists them.

    Raises:
        BadInput: If there is no such file, or it is not a model file of Multibox.
    """
    with _open(path) as archive:
        members = [member for member in archive.infolist() if member.filename == _WEIGHTS]
    return "".join(f"{member.CRC:08x}-{member.file_size}" for member in members)


def read_onnx_schema(path: str | Path) -> Schema:
    """Read the schema of an ONNX file that ``multibox export`` wrote. The package onnx is not needed.

    Args:
        path: Path of the file.

    Returns:
        Schema of the network in the file.

    Raises:
        BadInput: The file does not exist, or is not an ONNX file of Multibox.
    """
    metadata = read_metadata(path)
    if MEMBER not in metadata:
        raise BadInput(path, f"has no {MEMBER} in its metadata; write it with 'multibox export MODEL'")
    return parse_schema(metadata[MEMBER], str(path))


def load_model(path: str | Path) -> tuple["keras.Model", Schema]:
    """Rebuild a network from a model file.

    Args:
        path: Path of a ``.keras`` file that :func:`save_model` wrote.

    Returns:
        The network, as :func:`multibox.models.ssd.build` returns it, and its schema.

    Raises:
        BadInput: If the file does not exist, is not a model file of Multibox, is damaged, or has a newer format.
    """
    from multibox.models.ssd import build

    schema = read_schema(path)
    network = build(schema.network, len(schema.classes), schema.priors)
    with _open(path) as archive, tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # Keras only warns of layers that a file has no weights for
        try:
            network.load_weights(archive.extract(_WEIGHTS, folder))
        except (*DAMAGES, UserWarning) as error:
            reason = " ".join(str(error).split())
            raise BadInput(path, f"its weights do not fit its schema, or are damaged ({reason:.200})") from None
    return network, schema


def count_parameters(path: str | Path) -> int | None:
    """Count the parameters of a ``.keras`` file, without Keras.

    Args:
        path: Path of the file.

    Returns:
        The number of parameters of all layers. None if h5py, which Keras installs, is missing.

    Raises:
        BadInput: The weights of the file are missing or damaged.
    """
    try:
        import h5py
    except ImportError:
        return None
    counts: list[int] = []

    def count(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset) and name.startswith("layers/") and "seed_generator" not in name:
            counts.append(node.size)

    try:
        with zipfile.ZipFile(path) as archive, archive.open(_WEIGHTS) as member, h5py.File(member, "r") as weights:
            weights.visititems(count)
    except DAMAGES:
        raise BadInput(path, f"its {_WEIGHTS} is missing or damaged; copy the model again, or train it again") from None
    return sum(counts)


def save_model(network: "keras.Model", schema: Schema, path: str | Path) -> None:
    """Write a model file. The file appears complete or not at all.

    Args:
        network: Network, as :func:`multibox.models.ssd.build` returns it.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        path: Path of the file to write, ending in ``.keras``.
    """
    with new_file(path) as new:
        network.save(new)
        with zipfile.ZipFile(new, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(MEMBER, schema.to_json(indent=2))


def is_model(path: Path) -> bool:
    """Whether a file or folder is a model of Multibox, in any format, judged by the schema in it."""
    if path.is_dir():
        return any((path / place / MEMBER).is_file() for place in (".", "assets"))
    return path.is_file() and MEMBER.encode() in path.read_bytes()


MODEL = Kind("model", is_model)


def _open(path: str | Path) -> zipfile.ZipFile:
    path = model_path(path, ".keras")
    if not Path(path).is_file():
        raise BadInput(path, "no such model file")
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGES:
        raise BadInput(path, "not a model file of Multibox, or a damaged one; copy or export it again") from None
    if MEMBER not in archive.namelist():
        archive.close()
        raise BadInput(path, f"a zip, but not a model of multibox: it has no {MEMBER}")
    return archive
