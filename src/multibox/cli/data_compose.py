"""The command ``data compose``, which makes a dataset from cut-outs of objects."""

import re
import shlex
from typing import TYPE_CHECKING, Any

import click

from multibox.annotations.counting import counted, some
from multibox.cli.console import progress_bar
from multibox.cli.data import data
from multibox.cli.options import Range, replace_option
from multibox.errors import BadInput

if TYPE_CHECKING:
    from multibox.data.compose import Composed

MOST_LEFT_OUT = 20
"""Largest number of files that are listed because they cannot be used."""


@data.command("compose")
@click.argument("cutouts", type=click.Path(file_okay=False), metavar="CUTOUTS")
@click.argument("backgrounds", type=click.Path(file_okay=False), metavar="BACKGROUNDS")
@click.argument("folder", type=click.Path(file_okay=False), metavar="DIR")
@click.option("--images", default=500, show_default=True, type=click.IntRange(min=1), help="Number of images.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Random seed of the images.")
@click.option(
    "--size",
    default=640,
    show_default=True,
    type=click.IntRange(min=32, max=8192),
    help="Longer side of each image in pixels.",
)
@click.option(
    "--objects",
    default="1-6",
    show_default=True,
    metavar="FROM-TO",
    help="Number of objects in an image. From 0 on, some images are backgrounds alone.",
)
@click.option(
    "--scale",
    default="0.1-0.5",
    show_default=True,
    metavar="FROM-TO",
    help="Longer side of an object, as a share of the shorter side of the image.",
)
@click.option(
    "--rotation",
    default=15.0,
    show_default=True,
    type=Range(0, 180),
    help="Largest rotation of an object in either direction, in degrees.",
)
@click.option(
    "--mirror/--no-mirror",
    default=True,
    show_default=True,
    help="Mirror half of the objects and of the backgrounds. Objects with text must not be mirrored.",
)
@click.option(
    "--hidden",
    default=0.4,
    show_default=True,
    type=Range(0, 0.9),
    help="Largest share of an object that other objects and the border of the image may hide.",
)
@click.option("--val", default=0.15, show_default=True, type=Range(0, 0.5), help="Share of the images in val.")
@click.option(
    "--test",
    default=0.0,
    show_default=True,
    type=Range(0, 0.5),
    help="Share of the images in test. Photos with real objects make a better test.",
)
@click.option(
    "--alpha",
    type=click.Choice(["auto", "straight", "premultiplied"]),
    default="auto",
    show_default=True,
    help="Whether colours in the cut-outs are multiplied by their alpha. `auto` recognises it.",
)
@click.option(
    "--on-bad",
    type=click.Choice(["fail", "skip"]),
    default="fail",
    show_default=True,
    help="What to do with a file that cannot be used: fail stops, skip leaves it out and lists it.",
)
@replace_option
def data_compose(
    objects: str, scale: str, size: int, rotation: float, mirror: bool, hidden: float, **options: Any
) -> None:
    """Compose a dataset without labels: objects that were cut out are pasted on photos.

    CUTOUTS has a folder of PNG or WebP files with transparency for each class. Files in its folder `distractors` are
    pasted, but are objects of no class. BACKGROUNDS has photos that show none of the objects. DIR is written in the
    layout of VOC.
    """
    from multibox.data.compose import compose
    from multibox.data.composition import Recipe

    low, high = _range("objects", objects)
    recipe = Recipe(size, (round(low), round(high)), _range("scale", scale), rotation, mirror, hidden)
    if (low, high) != recipe.objects:
        raise BadInput("objects", f"{objects} are not whole numbers; give two, such as 1-6")
    with progress_bar("composing") as progress:
        composed = compose(recipe=recipe, progress=progress, **options)
    print_composed(composed)


def print_composed(composed: "Composed") -> None:
    """Print what was understood, what was left out, what was made, and the next command."""
    found = composed.found
    for line in composed.left_out[:MOST_LEFT_OUT]:
        click.echo(f"left out: {line}")
    if len(composed.left_out) > MOST_LEFT_OUT:
        click.echo(f"... and {len(composed.left_out) - MOST_LEFT_OUT} more")
    number = sum(map(len, found.classes.values()))
    named = some([f"{name} ({len(files)})" for name, files in found.classes.items()], 20)
    source = "folders" if found.by_folders else "files"
    otherwise = (
        "" if found.by_folders else "; if they are others, put the files of each class into a folder of its name"
    )
    kinds = counted(len(found.classes), "class", "classes")
    click.echo(f"{counted(number, 'cut-out')} of {kinds}, named by their {source}: {named}{otherwise}")
    if found.distractors:
        click.echo(f"{counted(len(found.distractors), 'distractor')}: pasted without a label")
    if composed.premultiplied:
        names = some([str(path) for path in composed.premultiplied])
        click.echo(
            f"colours divided by alpha, because they seemed multiplied by it: {names}; else use --alpha straight"
        )
    if composed.shared:
        few = some(composed.shared, 5)
        click.echo(f"too few to be divided, so all splits share them, and figures on val and test are too good: {few}")
    if composed.without_place:
        left = counted(composed.without_place, "object")
        click.echo(f"{left} left out: no place was free for them, or they are too narrow to be labelled")
    for name, split in composed.splits.items():
        made = f"{counted(split.images, 'image')}, {counted(sum(split.objects.values()), 'object')}"
        click.echo(
            f"{name}: {made}, from {counted(split.cutouts, 'cut-out')} and {counted(split.backgrounds, 'background')}"
        )
    absent = [name for name, count in composed.splits["train"].objects.items() if not count]
    if absent:
        click.echo(f"train has no object of {some(absent)}; compose more images, or choose larger objects")
    command = shlex.join(["multibox", "data", "build", str(composed.path), "--name", "mine"])
    click.echo(f"{composed.path}: build the dataset with: {command}")


def _range(field: str, text: str) -> tuple[float, float]:
    """Parse a range such as ``1-6`` or ``0.1-0.5``, or a single number."""
    found = re.fullmatch(r"\s*(\d*\.?\d+)\s*(?:[-–]\s*(\d*\.?\d+)\s*)?", text)
    if not found:
        raise BadInput(field, f"{text!r} is not a range of two numbers, such as 1-6 or 0.1-0.5")
    return float(found[1]), float(found[2] or found[1])
