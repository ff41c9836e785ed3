"""The commands that make a dataset: data build, sample, split, merge, export."""

import json
import shlex
from typing import TYPE_CHECKING, Any

import click

from multibox.annotations.counting import counted
from multibox.cli.console import progress_bar
from multibox.cli.data import data, print_counts, print_stores
from multibox.cli.options import (
    Range,
    images_option,
    layout_option,
    one_based_option,
    rename_option,
    replace_option,
    split_names,
    split_pairs,
)
from multibox.errors import BadInput

if TYPE_CHECKING:
    from multibox.data.build import BuildReport
    from multibox.data.export import Export

MOST_PROBLEMS = 20
"""Largest number of problems printed. The file build.json beside the stores lists all problems."""


@data.command("build")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--name", required=True, help="Name of the new dataset.")
@click.option(
    "--classes",
    default="",
    metavar="NAMES",
    help="Class names in the order of their numbers, separated by commas. Default: the classes found in the data.",
)
@click.option(
    "--splits",
    default="",
    metavar="NAMES",
    help="Names of the splits to build, separated by commas. Default: all splits.",
)
@click.option(
    "--split-seed",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Random seed for dividing data without splits into train (70%), val (15%) and test (15%).",
)
@rename_option
@images_option
@click.option(
    "--on-bad",
    type=click.Choice(["fail", "skip"]),
    default="fail",
    show_default=True,
    help="What to do with a damaged image or box: fail stops the build, skip leaves it out and lists it.",
)
@layout_option
@one_based_option
@replace_option
@click.option("--workers", type=click.IntRange(min=1), default=None, help="Number of threads. Default: one per core.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def data_build(sources: tuple[str, ...], classes: str, splits: str, rename: str, as_json: bool, **options: Any) -> None:
    """Build stores from annotated images, in any format that can be read."""
    from multibox.data.build import build

    options |= {
        "classes": split_names(classes),
        "splits": split_names(splits),
        "rename": split_pairs("rename", rename),
    }
    with progress_bar("checking and writing", at_once=False) as progress:
        report = build(sources, progress=progress, **options)
    if as_json:
        click.echo(json.dumps(report.to_json()))
    else:
        print_report(report)


@data.command("sample")
@click.argument("folder", type=click.Path(file_okay=False), metavar="DIR")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Random seed of the images or videos."
)
@click.option(
    "--images",
    default=None,
    show_default="800",
    type=click.IntRange(min=10),
    help="Number of images in train, val and test together.",
)
@click.option(
    "--video",
    default=None,
    type=click.IntRange(min=1),
    help="Number of videos to render instead of images. Their objects, ids and counts are known.",
)
@click.option(
    "--frames",
    default=None,
    show_default="120",
    type=click.IntRange(min=10),
    help="Number of frames in each video, at 25 frames a second.",
)
@click.option(
    "--size",
    default=320,
    show_default=True,
    type=click.IntRange(min=64),
    help="Longer side of each image or video in pixels.",
)
@click.option(
    "--long-tail",
    default=None,
    type=Range(min=1, max=1e6),
    metavar="RATIO",
    help="How many times as often the training images show the most frequent class as the rarest. val and test show "
    "all classes equally often. Default: 1.",
)
@replace_option
def data_sample(
    folder: str, images: int | None, video: int | None, frames: int | None, long_tail: float | None, **options: Any
) -> None:
    """Render a sample dataset: JPEG and XML files in the layout of VOC.

    With --video, render videos in the layout of MOT Challenge. In them, objects cross, hide, return, stand on a line,
    shake with the camera, or crowd.
    """
    if video is None:
        if frames is not None:
            raise BadInput("frames", "images have no frames; set --video to render videos")
        options["long_tail"] = 1.0 if long_tail is None else long_tail
        _render_images(folder, 800 if images is None else images, options)
    elif long_tail is not None:
        raise BadInput("long_tail", "applies to images only, and --video renders none; leave one of the two out")
    elif images is not None:
        raise BadInput("images", "cannot be combined with --video, which renders no images; give one of the two")
    else:
        _render_videos(folder, video, 120 if frames is None else frames, options)


def _render_images(folder: str, images: int, options: dict[str, Any]) -> None:
    from multibox.data.sample import make_sample

    with progress_bar("rendering") as progress:
        sample = make_sample(folder, images=images, progress=progress, **options)
    command = shlex.join(["multibox", "data", "build", str(sample), "--name", "sample"])
    click.echo(f"{sample}: {images} images; build the dataset with: {command}")


def _render_videos(folder: str, videos: int, frames: int, options: dict[str, Any]) -> None:
    from multibox.data.film import make_film

    with progress_bar("rendering") as progress:
        film = make_film(folder, sequences=videos, frames=frames, progress=progress, **options)
    names = sorted(path.parent.name for path in film.glob("*/seqinfo.ini"))
    click.echo(f"{film}: {counted(videos, 'video')} of {frames} frames: {', '.join(names)}")


@data.command("split")
@click.argument("source", metavar="NAME[/SPLIT]")
@click.option("--name", required=True, help="Name of the new dataset.")
@click.option(
    "--shares",
    default="train=0.7,val=0.15,test=0.15",
    show_default=True,
    metavar="SPLIT=SHARE,...",
    help="Share of the images that each split gets. The shares must add up to 1.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Random seed of the division.")
@replace_option
def data_split(source: str, name: str, shares: str, **options: Any) -> None:
    """Divide a dataset into new splits.

    The images of each class are divided in the same proportions. Images that look alike stay in one split.
    """
    from multibox.data.open import open_stores
    from multibox.data.split import parse_shares, split_dataset

    with progress_bar("finding look-alikes") as progress:
        stores = split_dataset(open_stores(source), name, parse_shares(shares), progress=progress, **options)
    print_stores(stores)


@data.command("merge")
@click.argument("sources", nargs=-1, required=True, metavar="NAME[/SPLIT]...")
@click.option("--name", required=True, help="Name of the new dataset.")
@replace_option
def data_merge(sources: tuple[str, ...], name: str, replace: bool) -> None:
    """Merge datasets into one.

    Classes of the same name become one class, and splits of the same name one split. Each image id begins with the name
    of its dataset.
    """
    from multibox.data.merge import merge_datasets
    from multibox.data.open import open_stores

    stores = [store for source in sources for store in open_stores(source)]
    with progress_bar("writing") as progress:
        merged = merge_datasets(stores, name, replace=replace, progress=progress)
    print_stores(merged)


@data.command("export")
@click.argument("name", metavar="NAME[/SPLIT]")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["voc", "coco", "yolo", "csv"]),
    required=True,
    help="Format of the annotations.",
)
@click.option("--out", required=True, type=click.Path(), metavar="DIR", help="Folder to write.")
@replace_option
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def data_export(name: str, kind: Any, out: str, replace: bool, as_json: bool) -> None:
    """Export a dataset to files that other tools read, and list what the format cannot hold."""
    from multibox.data.export import export_dataset
    from multibox.data.open import open_stores

    with progress_bar("writing") as progress:
        report = export_dataset(open_stores(name), kind, out, replace=replace, progress=progress)
    if as_json:
        click.echo(json.dumps({**report.to_json(), "build": build_command(report)}))
        return
    for sentence in report.lost:
        click.echo(f"{kind} cannot hold everything: {sentence}")
    click.echo(f"{report.path}: {report.images:,} images, {report.objects:,} objects; build the dataset again with:")
    click.echo(build_command(report))


def print_report(report: "BuildReport") -> None:
    """Print the report of a build: its problems first, then the numbers of images and objects."""
    from multibox.data.object_kinds import UNDO_CROWDS, has_only_crowds
    from multibox.data.store import open_store

    for problem in report.problems[:MOST_PROBLEMS]:
        click.echo(f"{problem.action}: {problem}")
    hidden = len(report.problems) - MOST_PROBLEMS
    if hidden > 0:
        click.echo(f"... and {hidden} more; {report.path}/build.json lists all")
    print_counts(report.classes, report.splits)
    click.echo(f"{report.path}: built in {report.seconds:.1f} s")
    click.echo(
        f"images and boxes left out: {len(report.problems)}; boxes clipped at the edge of their image: {report.clipped}"
    )
    crowded = [split for split in report.splits if has_only_crowds(open_store(f"{report.name}/{split}"))]
    if crowded:
        click.echo(f"{', '.join(crowded)}: all objects are crowds, which training leaves out; {UNDO_CROWDS}")


def build_command(export: "Export") -> str:
    """The shell command that builds a dataset from an exported folder."""
    words = ["multibox", "data", "build", export.path, "--name", "NAME"]
    return shlex.join([*words, "--classes", ",".join(export.classes)] if export.classes else words)
