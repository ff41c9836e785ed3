"""The commands ``export``, ``import`` and ``info``, which work on model files."""

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from multibox.cli.app import main
from multibox.cli.commands import one_line
from multibox.cli.console import print_table
from multibox.cli.options import backend_option, overrides_argument, replace_option, split_names
from multibox.errors import BadInput
from multibox.importers import KINDS
from multibox.old_names import current_kind

if TYPE_CHECKING:
    from multibox.export.export_model import Exported
    from multibox.importers.import_model import Imported

FORMATS = ("onnx", "saved-model", "litert", "openvino", "ncnn", "web", "weights")


class ImportKind(click.Choice):
    """Click type of the SSD projects whose weights can be imported. The names of version 0.1.0 are accepted too."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the current name of a kind of weights."""
        return super().convert(current_kind(value), param, ctx)


@main.command("export")
@click.argument("model", type=click.Path())
@click.option(
    "--format", "kind", type=click.Choice(FORMATS), default="onnx", show_default=True, help="Format to export to."
)
@click.option(
    "--nms", is_flag=True, help="Include box decoding and NMS in the exported file, so that it returns detections."
)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16", "int8"]),
    default="fp32",
    show_default=True,
    help="Numeric precision of the exported file.",
)
@click.option(
    "--for",
    "target",
    type=click.Choice(["mediapipe", "edgetpu"]),
    default=None,
    help="What will read the LiteRT file: mediapipe (or an older app that expects SSD's four outputs and metadata), "
    "or edgetpu, the compiler of the Edge TPU, which needs --precision int8.",
)
@click.option(
    "--calibrate",
    default=None,
    metavar="NAME/SPLIT",
    help="Dataset whose images calibrate the quantisation to int8. The bundled detector needs none.",
)
@click.option(
    "--eval",
    "evaluate_on",
    default=None,
    metavar="NAME[/SPLIT]",
    help="Dataset to measure the mAP of the model and of the exported file on. Without SPLIT, the split test is "
    "used, or val if there is no test.",
)
@click.option(
    "--out",
    type=click.Path(),
    default=None,
    metavar="FILE",
    help="Exported file or folder. Default: next to the model.",
)
@click.option(
    "--onnxruntime-web",
    type=click.Path(),
    default=None,
    metavar="FILE",
    help="File that `npm pack onnxruntime-web` wrote, for the format web. Default: npm fetches the package once.",
)
@click.option(
    "--webgpu",
    is_flag=True,
    help="Let the site that the format web writes use the GPU through WebGPU too, which adds 27 MB.",
)
@replace_option
def export_model(model: str, kind: str, out: str | None, replace: bool, **options: Any) -> None:
    """Export a model to another format, and compare the exported file's output with that of the Keras model."""
    from multibox.export import export, export_weights
    from multibox.runtimes import require_keras

    if kind != "weights":
        exported = export(model, kind, out, replace=replace, **options)
        click.echo("\n".join([f"{kind}: {exported.path}", *export_lines(exported)]))
        return
    if (
        any(options[name] for name in ("nms", "target", "calibrate", "evaluate_on", "onnxruntime_web", "webgpu"))
        or options["precision"] != "fp32"
    ):
        raise BadInput("format", "weights are written unchanged, so only --out and --replace can be given with them")
    require_keras("export --format weights")
    click.echo(f"{kind}: {export_weights(model, out, replace=replace)}")


def export_lines(exported: "Exported") -> list[str]:
    """Lines to print about how an exported file differs from the Keras model."""
    check, lines = exported.check, []
    where = f"on {check.images} images of {exported.tried}"
    if check.difference is not None:
        pixels, score = check.difference.pixels, check.difference.score
        lines.append(f"compared with the Keras model {where}: boxes within {pixels:.2g} px, scores {score:.1g}")
    elif check.found is None:
        lines.append(f"run {where}, where the Keras model has no detections to compare with")
    else:
        lines.append(f"finds {check.found:.1%} of the Keras model's detections, {where}")
    if exported.maps is not None:
        before, after = exported.maps
        lines.append(f"mAP {after:.4f}, Keras model {before:.4f}: {_change(before, after)}")
    elif exported.precision != "fp32":
        lines.append("mAP was not measured; set --eval NAME/SPLIT to compare it with the Keras model's")
    return lines


def _change(before: float, after: float) -> str:
    if math.isnan(before):
        return "there are no objects to evaluate on"
    return f"{'loss' if after <= before else 'gain'} {abs(before - after):.4f}"


@main.command("import")
@click.argument("file", type=click.Path())
@overrides_argument
@click.option(
    "--from",
    "kind",
    type=ImportKind(KINDS),
    required=True,
    help="SSD project that the weights come from, such as torchvision.",
)
@click.option(
    "--out", required=True, type=click.Path(), metavar="FILE", help="Model file to write. It must end in .keras."
)
@click.option(
    "--classes",
    default="",
    metavar="NAMES",
    help="Class names in the order of the weights, separated by commas. Default: the class names of VOC or COCO.",
)
@click.option(
    "--net",
    type=click.Path(),
    default=None,
    metavar="FILE",
    help="Text file of a Caffe network, such as deploy.prototxt, to follow instead of the layers in the weights' file.",
)
@backend_option
@replace_option
def import_file(
    file: str,
    overrides: tuple[str, ...],
    kind: str,
    out: str,
    classes: str,
    net: str | None,
    backend: str | None,
    replace: bool,
) -> None:
    """Import the weights of another SSD project into a model file.

    If the weights were trained with other settings than the project's defaults, set the fields of network, priors and
    detect that differ, such as priors.sizes=[24,48,96,144,192,240,288].
    """
    from multibox.models.backend import import_keras
    from multibox.runtimes import require_keras

    require_keras("import", backend)
    import_keras()
    from multibox.importers.import_model import import_model

    imported = import_model(
        file, kind, out, classes=split_names(classes), net=net, overrides=overrides, replace=replace
    )
    click.echo("\n".join([*import_lines(imported), f"model: {out}"]))


def import_lines(imported: "Imported") -> list[str]:
    """Lines to print about an import: the layers that were loaded, permuted, left out or newly initialised."""
    from multibox.annotations.counting import some

    network = imported.schema.network
    lines = [
        f"{imported.title}: {_network(network.model_dump())}, {len(imported.schema.classes)} classes",
        f"loaded: {len(imported.loaded)} layers",
    ]
    layers = {"permuted": imported.permuted, "left out": imported.left_out, "fresh": imported.fresh}
    lines += [f"{title}: {some(names, 4)}" for title, names in layers.items() if names]
    return [one_line(line) for line in (*lines, *(f"note: {note}" for note in imported.notes))]


@main.command("info")
@click.argument("model", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print the network, classes and thresholds as JSON.")
def model_info(model: str, as_json: bool) -> None:
    """Show the network, classes and thresholds of a model."""
    if as_json:
        click.echo(json.dumps(model_json(model)))
    else:
        print_model(model)


def model_json(path: str | Path) -> dict[str, Any]:
    """Describe a model file without building its network.

    Args:
        path: Path of a model file in any format, or ``voc20`` for the bundled detector.

    Returns:
        The schema of the model as a dictionary, with an additional key ``parameters``: the number of parameters, or
        None if it is unknown without Keras.

    Raises:
        BadInput: The path is not a model file.
    """
    from multibox.models.file import count_parameters, read_schema
    from multibox.models.schema import PARAMETERS
    from multibox.models.shipped import model_path
    from multibox.runtimes import OnnxRuntime, open_runtime

    path = model_path(path)
    if path.suffix in (".tflite", ".savedmodel", ".xml", ".ncnn"):
        return {**open_runtime(path).schema.model_dump(mode="json"), "parameters": None}
    if path.suffix != ".onnx":
        return {**read_schema(path).model_dump(mode="json"), "parameters": count_parameters(path)}
    if not path.is_file():
        raise BadInput(path, "no such model file")
    runtime = OnnxRuntime(path)
    count = runtime.metadata.get(PARAMETERS, "")
    parameters = int(count) if re.fullmatch("[0-9]{1,18}", count) else None
    return {**runtime.schema.model_dump(mode="json"), "parameters": parameters}


def print_model(path: str | Path) -> None:
    """Print the network, classes, priors and thresholds of a model file."""
    about = model_json(path)
    network, detect = about["network"], about["detect"]
    height, width = network["size"]
    parameters = about["parameters"]
    rows = {
        "network": f"{_network(network)}, input {width} x {height} ({about['resize']})",
        "parameters": f"{parameters:,}" if parameters is not None else _why_unknown(path),
        "classes": f"{len(about['classes'])}: {', '.join(about['classes'])}",
        "maps": ", ".join(f"{fmap['name']} {fmap['height']}x{fmap['width']}" for fmap in about["maps"]),
        "priors": _priors(about),
        "normalisation": _normalisation(network),
        "detections": f"shown if the score is above {detect['show']}; NMS at IoU {detect['nms_iou']}",
        "written by": f"multibox {about['version']}, format {about['format']}",
    }
    if about["thresholds"]:
        rows["thresholds"] = ", ".join(f"{name} {score}" for name, score in about["thresholds"].items())
    if about["training"]:
        rows["trained"] = _training(about["training"])
    print_table(("", ""), list(rows.items()), right=(), title=str(path))


def _why_unknown(path: str | Path) -> str:
    return "unknown without Keras" if Path(path).suffix in ("", ".keras") else "not stored in such a file"


def _network(network: dict[str, Any]) -> str:
    if graph := network["graph"]:
        return f"imported graph of {len(graph['nodes'])} layers, {_COLOURS[graph['colour']]} input"
    neck = "" if network["neck"] == "none" else f" with {network['neck']}"
    return f"{network['layout']} on {network['trunk']}{neck}"


_COLOURS = {"rgb": "RGB", "bgr": "BGR", "grey": "grayscale"}
"""Names of the colours of a graph's input in the output of ``info``."""


def _priors(about: dict[str, Any]) -> str:
    from multibox.config import Priors
    from multibox.priors import priors_per_cell

    per_cell = priors_per_cell(Priors.model_validate(about["priors"]))
    count = sum(fmap["height"] * fmap["width"] * cell for fmap, cell in zip(about["maps"], per_cell, strict=True))
    if about["priors"]["shapes"]:
        return f"{count:,}; {_numbers(per_cell)} per cell of each map"
    return f"{count:,}; sizes {_numbers(about['priors']['sizes'])} for an input of {about['priors']['at']:g} pixels"


def _normalisation(network: dict[str, Any]) -> str:
    if not (network["mean"] or network["scale"]):
        return "none" if network["graph"] else f"as in the published weights of {network['trunk']}"
    mean, scale = (network[name] and f"[{_numbers(network[name])}]" for name in ("mean", "scale"))
    return f"(RGB - {mean or 'mean of the trunk'}) x {scale or 'scale of the trunk'}"


def _training(config: dict[str, Any]) -> str:
    train, data = config["train"], ", ".join(config["data"]["train"])
    return f"{train['epochs']} epochs of {data} in batches of {train['batch']}, {train['optimizer']} at {train['lr']:g}"


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
