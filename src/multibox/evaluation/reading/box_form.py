"""The form of boxes in a file of detections: order and unit of their four numbers."""

import re
from dataclasses import dataclass

import numpy as np

from multibox.boxes import to_corners
from multibox.errors import BadInput

LAYOUTS = {"xywh": "x, y, width, height", "corners": "x0, y0, x1, y1", "center": "center x, center y, width, height"}
SWAPPED, FRACTIONS = "swapped", "fractions"
INPUT = re.compile(r"(stretched|letterbox|padded):([1-9]\d*)x([1-9]\d*)")
INPUTS = {"stretched": "stretched to", "letterbox": "centered in", "padded": "in the top left corner of"}
GRAMMAR = "xywh, corners or center, then as needed swapped, then fractions, stretched:WxH, letterbox:WxH or padded:WxH"


@dataclass(frozen=True)
class BoxForm:
    """Form of a box in a file of detections: order and unit of its four numbers.

    Attributes:
        layout: Order of the four numbers: ``xywh``, ``corners`` or ``center``, a key of ``LAYOUTS``.
        swapped: Whether y stands before x, and the height before the width.
        unit: Empty for pixels of the image, ``fractions`` for fractions of its sides, or for pixels of a network input
            of W x H pixels, how the image was fitted into it: ``stretched:WxH``, ``letterbox:WxH`` (centred) or
            ``padded:WxH`` (in the top left corner).
    """

    layout: str = "xywh"
    swapped: bool = False
    unit: str = ""

    def __str__(self) -> str:
        return ",".join(filter(None, (self.layout, SWAPPED if self.swapped else "", self.unit)))

    @property
    def meaning(self) -> str:
        """Description of the form in words, for messages."""
        if self.swapped:
            order = {"xywh": "y, x, height, width", "corners": "y0, x0, y1, x1"}.get(self.layout)
            order = order or "center y, center x, height, width"
        else:
            order = LAYOUTS[self.layout]
        if self.unit == FRACTIONS:
            return f"{order} as fractions of the image"
        if found := INPUT.fullmatch(self.unit):
            return f"{order} in pixels of an input of {found[2]}x{found[3]}, with the image {INPUTS[found[1]]} it"
        return order

    def corners(self, values: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """Convert boxes to corners in pixels of their images.

        Args:
            values: ``(D, 4)`` float64 boxes in the order and unit of this form.
            sizes: ``(D, 2)`` widths and heights of the images, pixels.

        Returns:
            ``(D, 4)`` float64 corners ``x0, y0, x1, y1`` in pixels of the image. A box of negative width has ``x1 <
            x0``, and one of negative height ``y1 < y0``.
        """
        if self.swapped:
            values = values[:, [1, 0, 3, 2]]
        if self.layout == "center":
            values = to_corners(values)
        elif self.layout == "xywh":
            values = np.concatenate([values[:, :2], values[:, :2] + values[:, 2:]], axis=1)
        scale, offset = self._input(np.asarray(sizes, np.float64))
        return (values - np.tile(offset, 2)) * np.tile(scale, 2)

    def _input(self, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Size of a unit in pixels of the image, and where the image begins in units: ``(D, 2)`` each."""
        nowhere = np.zeros_like(sizes)
        if not self.unit:
            return np.ones_like(sizes), nowhere
        if self.unit == FRACTIONS:
            return sizes, nowhere
        kind, *side = INPUT.fullmatch(self.unit).groups()  # type: ignore[union-attr]
        input_size = np.array(side, np.float64)
        if kind == "stretched":
            return sizes / input_size, nowhere
        scale = (sizes / input_size).max(axis=1, keepdims=True)
        return np.broadcast_to(scale, sizes.shape), (input_size - sizes / scale) / 2 if kind == "letterbox" else nowhere


def parse_box_form(text: str) -> BoxForm:
    """Parse a form of boxes, such as ``xywh``, ``corners,fractions`` or ``center,letterbox:640x640``.

    Args:
        text: Layout, ``swapped`` and unit, separated by commas. Each may be left out. Without a layout it is ``xywh``,
            and without a unit pixels of the image.

    Returns:
        The order and the unit of a box's four numbers.

    Raises:
        BadInput: A word is unknown, or a layout, a unit or ``swapped`` is given twice.
    """
    words = [word.strip() for word in text.split(",")]
    layouts = [word for word in words if word in LAYOUTS]
    units = [word for word in words if word == FRACTIONS or INPUT.fullmatch(word)]
    swaps = words.count(SWAPPED)
    if len(layouts) + len(units) + swaps < len(words) or max(len(layouts), len(units), swaps) > 1:
        raise BadInput("boxes", f"{text!r} is not a form of boxes; write, with commas: {GRAMMAR}")
    return BoxForm(layouts[0] if layouts else "xywh", bool(swaps), units[0] if units else "")
