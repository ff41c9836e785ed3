"""Write a model for other runtimes."""

import importlib.util
import logging
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from multibox.detect.runtimes import PARAMETERS, KerasRuntime, OnnxRuntime, Runtime, open_runtime
from multibox.errors import BadInput, RunFailed
from multibox.models.file import load_model
from multibox.models.schema import MEMBER, Schema

WEIGHTS = ".weights.h5"

TOLERANCE = 1e-3
"""How far, absolute and relative, the written model's numbers may be from those of the model it was made of."""


def export_onnx(model: str | os.PathLike[str], out: str | os.PathLike[str] | None = None) -> Path:
    """Write a model file as ONNX: what the base install detects with, and any other ONNX runtime runs.

    Args:
        model: a ``.keras`` file.
        out: the file to write; without it, beside the model with the suffix ``.onnx``.

    Returns:
        the file written, see :func:`write_onnx`.

    Raises:
        BadInput: no such model, one that is no Keras model, or a package is missing.
        RunFailed: the written model gives other numbers.
    """
    require_onnx(f"{model}")
    if Path(model).suffix == ".onnx":
        raise BadInput(f"{model}: is ONNX already; give the .keras file")
    runtime: Any = open_runtime(model)
    out = Path(model).with_suffix(".onnx") if out is None else Path(out)
    write_onnx(runtime.network, runtime.schema, out)
    return out


def export_weights(model: str | os.PathLike[str], out: str | os.PathLike[str] | None = None) -> Path:
    """Write the weights of a model file alone, as Keras' ``load_weights`` reads them into a network of the same layers.

    Example:
        >>> schema = multibox.models.file.read_schema("model.keras")
        >>> network = build(schema.network, len(schema.classes), schema.priors)
        >>> network.load_weights(export_weights("model.keras"))

    Args:
        model: a ``.keras`` file.
        out: the file to write, ``.weights.h5``; without it, beside the model.

    Returns:
        the file written.

    Raises:
        BadInput: no such model, or another ending.
    """
    out = Path(model).with_suffix(WEIGHTS) if out is None else Path(out)
    if not out.name.endswith(WEIGHTS):
        raise BadInput(f"--out {out}: give a file that ends in {WEIGHTS}, by which Keras knows it")
    network, _ = load_model(Path(model))
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        partial = Path(folder) / out.name
        network.save_weights(partial)
        os.replace(partial, out)
    return out


def write_onnx(network: Any, schema: Schema, out: str | os.PathLike[str]) -> None:
    """Write a network as ONNX.

    The input is ``image``, ``(batch, H, W, 3)`` uint8 RGB; the outputs are ``classes``, ``(batch, P, C + 1)`` float32
    logits, and ``boxes``, ``(batch, P, 4)`` float32 deltas. The schema is in the metadata, under ``multibox.json``. The
    file is compared with the network on random images before it takes its name.

    Args:
        network: the Keras model.
        schema: its schema.
        out: the file to write; an older one is replaced.

    Raises:
        BadInput: a package is missing.
        RunFailed: the written model gives other numbers.
    """
    require_onnx("export")
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        partial = Path(folder) / "model.onnx"
        _convert(network, schema, partial)
        _label(partial, schema, network.count_params())
        check_same(KerasRuntime(network, schema), OnnxRuntime(partial))
        os.replace(partial, out)


def check_same(expected: Runtime, given: Runtime) -> None:
    """Compare two runtimes of one network on a batch of random images.

    Args:
        expected: runs the original.
        given: runs what was made of it.

    Raises:
        RunFailed: their numbers differ.
    """
    images = np.random.default_rng(0).integers(0, 256, (2, *expected.schema.network.size, 3), np.uint8)
    for name, wanted, got in zip(("classes", "boxes"), expected(images), given(images), strict=True):
        if wanted.shape != got.shape or not np.allclose(wanted, got, rtol=TOLERANCE, atol=TOLERANCE):
            raise RunFailed(f"export: the written model's {name} are not those of the original; nothing was kept")


def require_onnx(what: str) -> None:
    """Refuse what writes ONNX where a package for it is missing.

    Args:
        what: a file or a command, for the message.

    Raises:
        BadInput: one is missing.
    """
    if not all(importlib.util.find_spec(name) for name in ("keras", "onnx", "tf2onnx")):
        raise BadInput(f"{what}: export needs Keras, onnx and tf2onnx; run: pip install 'multibox[train,export]'")


def _convert(network: Any, schema: Schema, path: Path) -> None:
    import keras

    if keras.backend.backend() != "tensorflow":
        raise BadInput(f"KERAS_BACKEND={keras.backend.backend()}: export needs tensorflow; set it for this command")
    image = keras.InputSpec(shape=(None, *schema.network.size, 3), dtype="uint8", name="image")
    noisy = logging.getLogger("tf2onnx")
    level = noisy.level
    noisy.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network.export(str(path), format="onnx", verbose=False, input_signature=[image])
    finally:
        noisy.setLevel(level)


def _label(path: Path, schema: Schema, parameters: int) -> None:
    """Name the file's input, outputs and batch axis, and write into it what the network is."""
    import onnx

    model = onnx.load(path)
    names = {model.graph.input[0].name: "image"}
    names |= {value.name: name for value, name in zip(model.graph.output, ("boxes", "classes"), strict=True)}  # by name
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for value in (model.graph.input[0], *model.graph.output):
        value.name = names[value.name]
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.helper.set_model_props(model, {MEMBER: schema.model_dump_json(), PARAMETERS: str(parameters)})
    model.producer_name, model.producer_version = "multibox", schema.version
    onnx.save(model, path)
