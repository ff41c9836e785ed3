"""Options, and types of option values, that several commands share."""

import math
from typing import TYPE_CHECKING, Any

import click

from multibox.annotations.names import NAMES
from multibox.errors import BadInput

if TYPE_CHECKING:
    from multibox.predict.chosen import Chosen
    from multibox.predict.hidden import Hidden

NMS = ("hard", "soft-linear", "soft-gaussian")

PRELABEL_FORMATS = ("label-studio", "cvat", "labelme", "yolo")
"""Names of the formats of pre-labels. They are repeated here because importing the writers slows the start down."""


class Range(click.FloatRange):
    """A number between two bounds. ``nan`` is refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Convert the value of an option to a number within the bounds."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return number


PRESET = "ssdlite-efficientnet"

config_option = click.option(
    "--config",
    default=PRESET,
    show_default=True,
    metavar="PRESET|FILE",
    help="Preset or YAML file with the configuration.",
)
overrides_argument = click.argument("overrides", nargs=-1, metavar="[FIELD=VALUE]...")
backend_option = click.option(
    "--backend",
    type=click.Choice(["tensorflow", "torch", "jax"]),
    default=None,
    help="Backend that Keras runs on. Default: $KERAS_BACKEND, else PyTorch or JAX if one is built for this machine's "
    "NVIDIA GPU, else the first that is installed of TensorFlow, PyTorch and JAX.",
)
images_option = click.option(
    "--images",
    default=None,
    metavar="DIR",
    help="Folder of the images. Default: images are found by the file names in the annotations.",
)
one_based_option = click.option(
    "--one-based",
    type=click.Choice(["auto", "true", "false"]),
    default="auto",
    show_default=True,
    help="Whether whole-number box corners count pixels from 1, as in PASCAL VOC. `auto` decides from the files.",
)
layout_option = click.option(
    "--layout",
    type=click.Choice(NAMES),
    default=None,
    help="Format of the annotations. Default: recognised from the content of the files.",
)
rename_option = click.option(
    "--rename",
    default="",
    metavar="OLD=NEW,...",
    help="New names of classes. Classes with the same new name become one class: rbc=RBC joins rbc and RBC.",
)
replace_option = click.option(
    "--replace", is_flag=True, help="Replace an existing file, folder or dataset of the same name."
)
"""The option ``--replace`` of commands that write. It permits what :mod:`multibox.writing` refuses by default."""


DETECTION_OPTIONS = (
    click.option(
        "--agnostic", is_flag=True, default=None, help="Suppress overlapping detections of different classes too."
    ),
    click.option(
        "--nms-iou",
        type=Range(0, 1),
        default=None,
        help="Overlap (IoU) above which a detection is suppressed, from 0 to 1. Default: the model's own value.",
    ),
    click.option(
        "--nms",
        type=click.Choice(NMS),
        default=None,
        help="Method of non-maximum suppression. Default: the model's own method.",
    ),
    click.option(
        "--tiles",
        default=None,
        metavar="640|0.25|2x3|none",
        help="Size of the tiles that large images are cut into. A side in pixels: 640. A share of the image's longer "
        "side: 0.25. Rows and columns: 2x3. Default: the tiles that the model was trained on, else none.",
    ),
    click.option(
        "--tta", is_flag=True, help="Detect in mirrored and smaller copies of each image too, and fuse the results."
    ),
)

PLACE_OPTIONS = (
    click.option(
        "--line",
        "lines",
        multiple=True,
        metavar="NAME:X0,Y0,X1,Y1",
        help="Line at which crossing objects are counted in both directions. Numbers are pixels, or parts of width and "
        "height if all are between 0 and 1. Can be repeated.",
    ),
    click.option(
        "--zone",
        "zones",
        multiple=True,
        metavar="NAME:X0,Y0,X1,Y1,X2,Y2,...",
        help="Polygon in which objects are counted, in the same units. Can be repeated.",
    ),
    click.option(
        "--anchor",
        type=click.Choice(["center", "bottom"]),
        default="center",
        show_default=True,
        help="Point of a box that is counted: its centre, or the middle of its lower edge.",
    ),
)


CHOICE_OPTIONS = (
    click.option("--classes", default=None, metavar="NAME,...", help="Classes to keep. Default: all."),
    click.option(
        "--region",
        "regions",
        multiple=True,
        metavar="X0,Y0,X1,Y1,...",
        help="Polygon that holds the centre of each kept detection. Numbers are pixels, or parts of width and height "
        "if all are at most 1. Can be repeated.",
    ),
    click.option(
        "--blur",
        default=None,
        metavar="NAME,...",
        help="Classes whose objects are blurred in all images and videos that are written, beyond recognition. `all` "
        "stands for every class.",
    ),
    click.option(
        "--pixelate",
        default=None,
        metavar="NAME,...",
        help="Classes whose objects are replaced by a few large blocks. `all` stands for every class.",
    ),
)


def runtime_options(command: Any) -> Any:
    """Add the options ``--threads``, ``--runtime`` and ``--backend`` to a command."""
    threads = click.option(
        "--threads", type=click.IntRange(min=1), default=None, help="Number of CPU threads. Default: one per core."
    )
    runtime = click.option(
        "--runtime",
        default=None,
        metavar="NAME",
        help="Library that runs the model: keras, onnx, openvino, mnn, ncnn, litert, saved-model, or fastest, which "
        "measures all installed runtimes once and takes the fastest. With fastest-int8, a file in int8 beside the "
        "model may run in its place. Default: the usual library for the model's format, or fastest from 1000 images on "
        "and in serve.",
    )
    return runtime(threads(backend_option(command)))


def detection_options(command: Any) -> Any:
    """Add the options of NMS, tiles and test-time augmentation to a command."""
    return _with_all(command, DETECTION_OPTIONS)


def place_options(command: Any) -> Any:
    """Add the options ``--line``, ``--zone`` and ``--anchor`` to a command."""
    return _with_all(command, PLACE_OPTIONS)


def _with_all(command: Any, options: tuple[Any, ...]) -> Any:
    for option in reversed(options):
        command = option(command)
    return command


def choice_options(command: Any) -> Any:
    """Add the options ``--classes``, ``--region``, ``--blur`` and ``--pixelate`` to a command."""
    return _with_all(command, CHOICE_OPTIONS)


def take_choices(options: dict[str, Any]) -> "tuple[Chosen, Hidden]":
    """Remove the values of :func:`choice_options` from a command's options.

    Raises:
        BadInput: A value is empty, or a region is no polygon.
    """
    from multibox.predict.chosen import Chosen
    from multibox.predict.hidden import Hidden
    from multibox.regions import parse_points

    classes, blur, pixelate = (_given_names(name, options.pop(name)) for name in ("classes", "blur", "pixelate"))
    regions = tuple(parse_points(text, "regions") for text in options.pop("regions"))
    return Chosen(classes, regions), Hidden(blur, pixelate)


def _given_names(field: str, text: str | None) -> tuple[str, ...]:
    """Names of an option that must not be empty, because nothing would be hidden if a shell variable were empty."""
    if text is None:
        return ()
    names = split_names(text)
    if not names:
        raise BadInput(field, "names no class; write names separated by commas, or leave it out")
    return names


def split_names(text: str) -> tuple[str, ...]:
    """Split a comma-separated list of names."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def split_pairs(field: str, text: str) -> dict[str, str]:
    """Parse a comma-separated list of pairs such as ``rbc=RBC``.

    Args:
        field: Name of the parameter, for the error message.
        text: Comma-separated list of an old name, ``=`` and a new name.

    Raises:
        BadInput: An entry has no old or no new name, or an old name is given twice.
    """
    parts = [part.partition("=") for part in split_names(text)]
    pairs = [(old.strip(), new.strip()) for old, _, new in parts]
    if not all(map(all, pairs)):
        raise BadInput(field, f"{text} is not a comma-separated list of OLD=NEW, such as rbc=RBC")
    if len({old for old, _ in pairs}) < len(pairs):
        raise BadInput(field, f"{text} gives a class two new names; give it one")
    return dict(pairs)


def split_numbers(field: str, text: str) -> list[int]:
    """Parse a comma-separated list of whole numbers.

    Args:
        field: Name of the parameter, for the error message.
        text: Comma-separated list, such as ``0,1,2``.

    Raises:
        BadInput: An entry of the list is not a whole number.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() for part in parts):
        raise BadInput(field, f"{text} is not a comma-separated list of whole numbers, such as 0,1,2")
    return [int(part) for part in parts]
