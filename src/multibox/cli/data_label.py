"""The commands that help to label: data next picks images to label, and data hard finds hard negatives."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from multibox.annotations.counting import counted
from multibox.cli.console import print_table, progress_bar
from multibox.cli.data import data
from multibox.cli.options import PRELABEL_FORMATS, detection_options, replace_option, runtime_options

if TYPE_CHECKING:
    from multibox.labelling.picks import Pick, PickFiles

SHOWN = 20
"""Largest number of images in a printed table. The list in the folder has all."""

model_argument = click.argument("model", metavar="MODEL")
paths_argument = click.argument("paths", nargs=-1, required=True, metavar="PATH...")
batch_option = click.option(
    "--batch",
    default=8,
    show_default=True,
    type=click.IntRange(min=1),
    help="Number of images in a batch. On a CPU, ONNX Runtime and OpenVINO run one image on each core instead.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the images as JSON.")


@data.command("next")
@model_argument
@paths_argument
@click.option(
    "--labelled",
    default=None,
    metavar="NAME[/SPLIT]",
    help="Dataset that is labelled already. Images that look like one of it are left out, and its rare classes count "
    "more.",
)
@click.option("--count", default=50, show_default=True, type=click.IntRange(min=1), help="Number of images to pick.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(PRELABEL_FORMATS),
    help="Labelling tool to write pre-labels for. Can be repeated. Default: none.",
)
@click.option(
    "--out", default="next", show_default=True, type=click.Path(), metavar="DIR", help="Folder to write the files to."
)
@batch_option
@replace_option
@detection_options
@runtime_options
@json_option
def data_next(
    model: str, paths: tuple[str, ...], formats: tuple[str, ...], out: str, replace: bool, as_json: bool, **options: Any
) -> None:
    """Pick the unlabelled images to label next: those about which the model doubts most, and no two alike.

    A list, a page of thumbnails and pre-labels are written. A run that was stopped goes on with the same command.
    """
    from multibox.labelling.next_images import next_images
    from multibox.labelling.picks import PickFiles

    files = PickFiles(Path(out), "next", tuple(dict.fromkeys(formats)), replace)
    files.check()
    labelled = options["labelled"]
    with progress_bar("detecting", speed=True) as progress:
        picks = next_images(model, paths, out, progress=progress, **options)
    against = f"unlike what is labelled in {labelled}" if labelled else "unlike each other"
    intro = f"{counted(len(picks), 'image')} to label, the one that teaches most first: much doubt, and {against}."
    files.write(picks, "What to label next", intro, model)
    _print_picks(picks, files, as_json)
    if labelled is None and not as_json:
        click.echo("no --labelled was given, so the images were compared with each other alone")


@data.command("hard")
@model_argument
@paths_argument
@click.option("--count", default=200, show_default=True, type=click.IntRange(min=1), help="Number of images to find.")
@click.option("--name", default=None, help="Name of a new dataset of these images, to train on. Default: none is made.")
@click.option(
    "--out", default="hard", show_default=True, type=click.Path(), metavar="DIR", help="Folder to write the files to."
)
@batch_option
@replace_option
@detection_options
@runtime_options
@json_option
def data_hard(
    model: str, paths: tuple[str, ...], name: str | None, out: str, replace: bool, as_json: bool, **options: Any
) -> None:
    """Find hard negatives: images without objects in which the model sees some.

    You know that no object is in the images. With --name they become a dataset that training takes beside another.
    """
    from multibox.data.store_writer import check_new_name
    from multibox.labelling.hard_negatives import SPLIT, hard_negatives, write_negatives
    from multibox.labelling.picks import PickFiles

    files = PickFiles(Path(out), "hard", (), replace)
    files.check()
    if name is not None:
        check_new_name(name, replace=replace)
    with progress_bar("detecting", speed=True) as progress:
        picks = hard_negatives(model, paths, out, progress=progress, **options)
    intro = f"{counted(len(picks), 'image')} without objects in which the model sees some. Every box is false."
    files.write(picks, "Hard negatives", intro, model)
    _print_picks(picks, files, as_json)
    if name is not None:
        write_negatives(name, picks, source=" ".join(paths), replace=replace)
    if as_json:
        return
    click.echo("all images count as images without objects; if one holds an object, remove it and run again")
    if name is not None:
        click.echo(f"{name}: train on it beside your data with: data.train=[YOURS/train,{name}/{SPLIT}]")


def _print_picks(picks: "list[Pick]", files: "PickFiles", as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([{"file": pick.file, "reason": pick.reason, **pick.scores} for pick in picks]))
        return
    rows = [(str(rank), pick.file, pick.reason) for rank, pick in enumerate(picks[:SHOWN], start=1)]
    print_table(("rank", "file", "reason"), rows, right={0})
    if len(picks) > SHOWN:
        click.echo(f"... and {len(picks) - SHOWN:,} more")
    written = [str(files.list), str(files.page), *(f"{files.folder / kind}/" for kind in files.formats)]
    click.echo(f"{counted(len(picks), 'image')}: {', '.join(written)}")
