"""What the command line prints of models."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from multibox.config import Priors
from multibox.errors import BadInput
from multibox.models.file import DAMAGES, read_schema
from multibox.models.schema import PARAMETERS
from multibox.models.shipped import model_path
from multibox.priors import priors_per_cell
from multibox.runtimes import OnnxRuntime, open_runtime

_WEIGHTS = "model.weights.h5"


def model_json(path: str | Path) -> dict[str, Any]:
    """Describe a model file without building its network.

    Args:
        path: a ``.keras`` file, one that ``multibox export`` wrote, or ``voc20``, the shipped detector.

    Returns:
        its schema, and ``parameters``, how many numbers its layers hold; None where that cannot be told without Keras.

    Raises:
        BadInput: not a model file.
    """
    path = model_path(path)
    if path.suffix in (".tflite", ".savedmodel", ".xml"):
        return {**open_runtime(path).schema.model_dump(mode="json"), "parameters": None}
    if path.suffix != ".onnx":
        return {**read_schema(path).model_dump(mode="json"), "parameters": count_parameters(path)}
    if not path.is_file():
        raise BadInput(path, "no such model file")
    runtime = OnnxRuntime(path)
    count = runtime.metadata.get(PARAMETERS)
    return {**runtime.schema.model_dump(mode="json"), "parameters": int(count) if count and count.isdecimal() else None}


def count_parameters(path: str | Path) -> int | None:
    """How many numbers the layers of a ``.keras`` file hold; None where h5py, which comes with Keras, is missing.

    Raises:
        BadInput: the file's weights are missing or damaged.
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
        raise BadInput(path, f"its {_WEIGHTS} is missing or damaged; copy the model again, or train anew") from None
    return sum(counts)


def print_model(path: str | Path) -> None:
    """Print what a model file is, for a person."""
    about = model_json(path)
    network, detect = about["network"], about["detect"]
    height, width = network["size"]
    parameters = about["parameters"]
    neck = "" if network["neck"] == "none" else f" with {network['neck']}"
    rows = {
        "network": f"{network['layout']} on {network['trunk']}{neck}, input {width} x {height} ({about['resize']})",
        "parameters": f"{parameters:,}" if parameters is not None else "unknown without Keras",
        "classes": f"{len(about['classes'])}: {', '.join(about['classes'])}",
        "maps": ", ".join(f"{fmap['name']} {fmap['height']}x{fmap['width']}" for fmap in about["maps"]),
        "priors": _priors(about),
        "normalisation": _normalisation(network),
        "detections": f"shown above {detect['show']}, overlapping at most {detect['nms_iou']}",
        "written by": f"multibox {about['version']}, format {about['format']}",
    }
    if about["thresholds"]:
        rows["thresholds"] = ", ".join(f"{name} {score}" for name, score in about["thresholds"].items())
    if about["training"]:
        rows["trained"] = _training(about["training"])
    table = Table(title=str(path), show_header=False, title_justify="left")
    for name, value in rows.items():
        table.add_row(name, value)
    Console(markup=False, emoji=False).print(table)  # names may look like either


def _priors(about: dict[str, Any]) -> str:
    per_cell = priors_per_cell(Priors.model_validate(about["priors"]))
    count = sum(fmap["height"] * fmap["width"] * cell for fmap, cell in zip(about["maps"], per_cell, strict=True))
    return f"{count:,}; squares of {_numbers(about['priors']['sizes'])} pixels at {about['priors']['at']:g}"


def _normalisation(network: dict[str, Any]) -> str:
    if not (network["mean"] or network["scale"]):
        return f"as {network['trunk']}'s published weights"
    mean, scale = (network[name] and _numbers(network[name]) for name in ("mean", "scale"))
    return f"RGB less {mean or 'the mean of its trunk'}, times {scale or 'the scale of its trunk'}"


def _training(config: dict[str, Any]) -> str:
    train, data = config["train"], ", ".join(config["data"]["train"])
    return f"{train['epochs']} epochs of {data} in batches of {train['batch']}, {train['optimizer']} at {train['lr']:g}"


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
