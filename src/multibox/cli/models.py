"""The commands of model files: export, import, info."""

import json
from typing import Any

import click

from multibox.cli.app import main
from multibox.cli.options import replace_option, split_names
from multibox.errors import BadInput
from multibox.importers import KINDS
from multibox.old_names import current_kind

FORMATS = ("onnx", "saved-model", "litert", "openvino", "weights")


class ImportKind(click.Choice):
    """The kinds of weights, under the names of version 0.1.0 too."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The kind's name today."""
        return super().convert(current_kind(value), param, ctx)


@main.command("export")
@click.argument("model", type=click.Path())
@click.option("--format", "kind", type=click.Choice(FORMATS), default="onnx", show_default=True)
@click.option("--nms", is_flag=True, help="Decode and suppress inside: the file gives detections.")
@click.option("--precision", type=click.Choice(["fp32", "fp16", "int8"]), default="fp32", show_default=True)
@click.option("--calibrate", default=None, metavar="NAME/SPLIT", help="Images to find the ranges of int8 with.")
@click.option("--eval", "evaluate_on", default=None, metavar="NAME[/SPLIT]", help="Measure there what is lost.")
@click.option("--out", type=click.Path(), default=None, metavar="FILE", help="Else beside the model.")
@replace_option
def export_model(model: str, kind: str, out: str | None, replace: bool, **options: Any) -> None:
    """Write a model for another runtime, run it at once, and compare it with the Keras model."""
    from multibox.export import export, export_weights
    from multibox.runtimes import require_keras

    if kind != "weights":
        exported = export(model, kind, out, replace=replace, **options)
        click.echo("\n".join([f"{kind}: {exported.path}", *exported.describe()]))
        return
    if any(options[name] for name in ("nms", "calibrate", "evaluate_on")) or options["precision"] != "fp32":
        raise BadInput(
            "format", "weights: takes no other options than --out and --replace, as it writes them as they are"
        )
    require_keras("export --format weights")
    click.echo(f"{kind}: {export_weights(model, out, replace=replace)}")


@main.command("import")
@click.argument("file", type=click.Path())
@click.argument("overrides", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option("--from", "kind", type=ImportKind(KINDS), required=True, help="Whose weights the file holds.")
@click.option("--out", required=True, type=click.Path(), metavar="FILE", help="The model file to write, .keras.")
@click.option("--classes", default="", help="Names in the file's order, with commas; else those of VOC or COCO.")
@replace_option
def import_file(file: str, overrides: tuple[str, ...], kind: str, out: str, classes: str, replace: bool) -> None:
    """Make a model file of weights that another SSD was trained with.

    Where the training differed from the peer's own, say so by fields of the network, the priors or the detection:
    priors.sizes=[24,48,96,144,192,240,288]
    """
    from multibox.models.backend import import_keras
    from multibox.runtimes import require_keras

    require_keras("import")
    import_keras()
    from multibox.importers.import_model import import_model

    imported = import_model(file, kind, out, classes=split_names(classes), overrides=overrides, replace=replace)
    click.echo(imported.describe())
    click.echo(f"model: {out}")


@main.command("info")
@click.argument("model", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print the schema of the model file as JSON.")
def model_info(model: str, as_json: bool) -> None:
    """Show what a model file is: its network, classes, thresholds."""
    from multibox.detect.describe import model_json, print_model

    if as_json:
        click.echo(json.dumps(model_json(model)))
    else:
        print_model(model)
