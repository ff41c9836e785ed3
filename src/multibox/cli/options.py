"""The options and kinds of values that several commands share."""

import math
from typing import Any

import click

from multibox.errors import BadInput

NMS = ("hard", "soft-linear", "soft-gaussian")


class Range(click.FloatRange):
    """Numbers within bounds; "nan", which compares as neither below nor above them, is not one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number that was written."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return number


replace_option = click.option("--replace", is_flag=True, help="Replace what is there already.")
"""For commands that write: what :mod:`multibox.writing` replaces only on request."""


def runtime_options(command: Any) -> Any:
    """The options of what runs a model."""
    threads = click.option("--threads", type=click.IntRange(min=1), default=None, help="Of the CPU; else one a core.")
    runtime = click.option(
        "--runtime",
        default=None,
        metavar="NAME",
        help="keras, onnx, openvino, mnn, litert, saved-model, or fastest, measured once; else the file's default.",
    )
    return runtime(threads(command))


def detection_options(command: Any) -> Any:
    """The options of how the network's output becomes detections."""
    for option in (
        click.option("--tta", is_flag=True, help="Look at images mirrored and smaller too, and fuse what is found."),
        click.option("--tiles", default=None, metavar="640|2x3", help="Look at tiles: pixels of a side, or RxC."),
        click.option("--nms", type=click.Choice(NMS), default=None, help="Else as the model says."),
        click.option("--nms-iou", type=Range(0, 1), default=None, help="How much detections may overlap."),
        click.option("--agnostic", is_flag=True, default=None, help="Settle overlaps of different classes, too."),
    ):
        command = option(command)
    return command


def split_names(text: str) -> tuple[str, ...]:
    """The names in a list with commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def split_numbers(field: str, text: str) -> list[int]:
    """The numbers in a list with commas.

    Args:
        field: Name of the parameter.
        text: Its value.

    Raises:
        BadInput: Something in it is not a whole number.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() for part in parts):
        raise BadInput(field, f"{text} is not a list of whole numbers with commas, such as 0,1,2")
    return [int(part) for part in parts]
