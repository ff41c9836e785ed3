"""Files in int8 that belong to a model of full precision, by their names and the fingerprint of the weights."""

from pathlib import Path

from multibox.errors import BadInput
from multibox.models.file import fingerprint, read_onnx_schema, read_schema
from multibox.models.schema import Schema
from multibox.models.shipped import NAME, folder_for, is_shipped, model_path
from multibox.runtimes.kinds import RUNTIMES, readers
from multibox.runtimes.runtime import Runtime

SUFFIXES = (".onnx", ".xml")
"""Suffixes of the files that are looked for."""


def int8_files(path: Path) -> list[Path]:
    """Find the int8 files of a model that can run here.

    Args:
        path: Path of the model, a ``.keras`` or ``.onnx`` file.

    Returns:
        Paths such as ``model-int8.onnx``, at least one. ``multibox export`` writes them beside the model, or into the
        current folder for the bundled detector.

    Raises:
        BadInput: There is no such file, or the model has another format.
    """
    _schema_of(path)
    places = [folder_for(path) / f"{path.stem}-int8{suffix}" for suffix in SUFFIXES]
    found = [place for place in places if place.exists() and RUNTIMES[readers(place)[0]].is_installed]
    if not found:
        raise BadInput("runtime", f"fastest-int8: there is no {places[0]}; export the model in int8")
    return found


def open_int8(path: Path, model: Path, threads: int | None, lanes: int = 1) -> Runtime:
    """Open an int8 file in place of a model.

    Args:
        path: Path of the int8 file.
        model: Path of the model.
        threads: Number of threads to compute with. None means one per core.
        lanes: Number of lanes that the runtime gets if it can have several.

    Returns:
        Runtime that runs the int8 file, with the model's thresholds and settings of detection.

    Raises:
        BadInput: The file is not in int8, or was made of other weights.
    """
    runtime, schema = RUNTIMES[readers(path)[0]].start(path, threads, lanes), _schema_of(model)
    if runtime.schema.precision != "int8" or runtime.has_nms:
        raise BadInput(path, "is no plain file in int8; export it again")
    if not schema.weights or runtime.schema.weights != schema.weights:
        raise BadInput(path, f"is not known to have the weights of {model}; export both again")
    runtime.schema = schema.model_copy(update={"precision": "int8", "loss": runtime.schema.loss})
    runtime.file = path
    return runtime


def _schema_of(model: Path) -> Schema:
    if is_shipped(model):
        return read_onnx_schema(model).model_copy(update={"weights": fingerprint(model_path(NAME, ".keras"))})
    if model.suffix == ".onnx":
        return read_onnx_schema(model)
    if model.suffix != ".keras":
        raise BadInput("runtime", f"fastest-int8: takes a .keras or .onnx file, not {model}")
    return read_schema(model).model_copy(update={"weights": fingerprint(model)})
