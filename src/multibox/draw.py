"""Drawing: boxes with captions, grids of images, and training examples."""

import os
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from multibox.config import Config
from multibox.data.record import Objects, Record
from multibox.image_file import is_png_with_text, png_with_text
from multibox.prepare.example import augmented_image, grids_of
from multibox.prepare.targets import find_matches
from multibox.writing import Kind, new_file

Color = tuple[int, int, int]

PALETTE: Final[tuple[Color, ...]] = (
    (230, 50, 60),
    (40, 120, 230),
    (50, 170, 70),
    (255, 165, 0),
    (150, 70, 200),
    (0, 190, 200),
    (240, 90, 190),
    (250, 220, 50),
    (170, 105, 50),
    (160, 220, 70),
    (90, 100, 255),
    (255, 150, 130),
    (0, 150, 130),
    (190, 160, 255),
    (120, 255, 250),
    (110, 110, 120),
    (255, 215, 170),
    (140, 160, 20),
    (90, 210, 160),
    (200, 110, 20),
)
"""RGB colours of boxes. They stand out on photographs, and consecutive colours are easy to distinguish."""

WHITE: Final[Color] = (255, 255, 255)
BLACK: Final[Color] = (0, 0, 0)
GREY: Final = 15
"""Index of grey in :data:`PALETTE`."""

FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
SHOWN_SIDE: Final = 480
"""Smaller examples are enlarged until their shorter side has this many pixels, so that captions and thin lines are
legible."""

SOFTWARE: Final = "multibox"
"""Value of the field ``Software`` in a PNG that Multibox drew."""


def color_of(color_id: int) -> Color:
    """The RGB colour of a number, such as a label.

    Numbers beyond the end of the palette start again at its first colour.
    """
    return PALETTE[int(color_id) % len(PALETTE)]


def draw_boxes(
    image: np.ndarray,
    boxes: np.ndarray,
    captions: Sequence[str] = (),
    color_ids: Sequence[int] | np.ndarray = (),
    *,
    thickness: int | None = None,
) -> np.ndarray:
    """Draw boxes with captions, later boxes over earlier ones.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        boxes: ``(N, 4)`` corners x0, y0, x1, y1 in pixels of the image. Boxes may reach beyond the image.
        captions: Text for each of the N boxes. Empty for boxes without captions.
        color_ids: Number for each of the N boxes, such as its label, that chooses its colour. Boxes with the same
            number have the same colour. If empty, all boxes have one colour.
        thickness: Width of the lines, pixels. None chooses a width that suits the size of the image.

    Returns:
        ``(H, W, 3)`` uint8 RGB, a new image.
    """
    output = image.copy()
    line = thickness or round(1 + min(image.shape[:2]) / 400)
    places = _pixels(image, np.asarray(boxes, np.float64).reshape(-1, 4))
    colors = [color_of(i) for i in color_ids] if len(color_ids) else [color_of(0)] * len(places)
    for (x0, y0, x1, y1), color in zip(places, colors, strict=True):
        cv2.rectangle(output, (x0, y0), (x1, y1), color, line)
    for (x0, y0, _, _), color, caption in zip(places, colors, captions, strict=bool(len(captions))):
        draw_caption(output, (x0, y0), color, caption, thickness=line)
    return output


def draw_outline(image: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Draw the outline of a polygon with a thin white line, dark at both sides so that it shows on any image.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        polygon: ``(N, 2)`` x and y of the corners in pixels of the image. Corners may lie outside it.

    Returns:
        ``(H, W, 3)`` uint8 RGB, a new image.
    """
    output = image.copy()
    corners = [np.round(polygon).astype(np.int32)]
    for color, thickness in ((BLACK, 3), (WHITE, 1)):
        cv2.polylines(output, corners, True, color, thickness)
    return output


def grid(images: Sequence[np.ndarray], columns: int, gap: int = 6) -> np.ndarray:
    """Arrange images in rows, on a white background.

    Args:
        images: Images ``(h, w, 3)`` uint8 RGB of any size. An image smaller than its cell lies in the cell's upper left
            corner.
        columns: Number of images per row.
        gap: Space between and around the images, pixels.

    Returns:
        ``(H, W, 3)`` uint8 RGB, all images in one.
    """
    columns = max(1, min(columns, len(images)))
    rows = -(-len(images) // columns)
    height = max((image.shape[0] for image in images), default=0) + gap
    width = max((image.shape[1] for image in images), default=0) + gap
    output = np.full((rows * height + gap, columns * width + gap, 3), WHITE, np.uint8)
    for i, image in enumerate(images):
        top, left = gap + i // columns * height, gap + i % columns * width
        output[top : top + image.shape[0], left : left + image.shape[1]] = image
    return output


def save_png(path: str | os.PathLike[str], image: np.ndarray, *, replace: bool = False) -> None:
    """Write a PNG file whose field ``Software`` names Multibox, completely or not at all.

    Args:
        path: Path of the file. Missing folders are created.
        image: ``(H, W, 3)`` uint8 RGB.
        replace: Whether to replace an existing file that Multibox did not draw.

    Raises:
        BadInput: The path holds a file that Multibox did not draw, and ``replace`` is not set.
    """
    with new_file(path, DRAWING, replace=replace) as new:
        new.write_bytes(png_with_text(encode_png(image), "Software", SOFTWARE))


def is_drawing(path: Path, software: str = SOFTWARE) -> bool:
    """Whether a file is a PNG whose field ``Software`` names Multibox.

    Args:
        path: Path of the image file.
        software: Value that the field ``Software`` must have.
    """
    try:
        with path.open("rb") as file:
            return is_png_with_text(file.read(1024), "Software", software)
    except OSError:
        return False


DRAWING = Kind("image", is_drawing)


def encode_png(image: np.ndarray) -> bytes:
    """Encode an image ``(H, W, 3)`` uint8 RGB as a PNG file."""
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def show_examples(
    records: Sequence[Record],
    classes: Sequence[str],
    priors_rel: np.ndarray,
    config: Config,
    *,
    seed: int = 0,
    count: int = 12,
    columns: int = 4,
) -> np.ndarray:
    """Draw training examples as the network sees them: augmented, with their objects and matched priors.

    Args:
        records: Records to draw from. ``count`` of them are chosen at random.
        classes: Class names. A class's position is its label, from 0.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of the network's priors, relative to its input.
        config: Configuration of the run.
        seed: Random seed. The same seed draws the same examples.
        count: Number of examples.
        columns: Number of examples per row.

    Returns:
        ``(H, W, 3)`` uint8 RGB, the grid of examples.

    Raises:
        BadInput: An image cannot be decoded.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(records))
    examples = []
    for i in range(count if len(records) else 0):
        record = records[int(order[i % len(order)])]
        image, objects_rel = augmented_image(record, rng, config, lambda rng: records[int(rng.integers(len(records)))])
        examples.append(draw_example(image, objects_rel, classes, priors_rel, config, title=record.id))
    return grid(examples, columns)


def draw_example(
    image: np.ndarray,
    objects_rel: Objects,
    classes: Sequence[str],
    priors_rel: np.ndarray,
    config: Config,
    title: str = "",
) -> np.ndarray:
    """Draw one training example.

    Objects are drawn with thick lines, with their names and numbers of matched priors, and priors with thin lines.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        objects_rel: Objects in the image, with boxes relative to the image. Crowds are drawn in grey.
        classes: Class names. A class's position is its label, from 0.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of the network's priors, relative to its input.
        config: Configuration of the run, which defines the matching.
        title: Text below the image.

    Returns:
        ``(H', W', 3)`` uint8 RGB, enlarged if the image is small.
    """
    scale = max(1.0, SHOWN_SIDE / min(image.shape[:2]))
    output = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    extent = np.array([output.shape[1], output.shape[0]] * 2)
    targets, crowds = objects_rel.keep(~objects_rel.crowd), objects_rel.keep(objects_rel.crowd)
    matches = find_matches(targets.boxes, priors_rel, config.match, grids_of(config))  # (P,)
    matched = np.flatnonzero(matches >= 0)

    output = _blend(output, priors_rel[matched] * extent, targets.labels[matches[matched]])
    captions = [f"crowd {classes[label]}" for label in crowds.labels]
    output = draw_boxes(output, crowds.boxes * extent, captions, np.full(len(crowds), GREY))
    counts = np.bincount(matches[matched], minlength=len(targets))  # (N,)
    captions = [f"{classes[label]} ({n})" for label, n in zip(targets.labels, counts, strict=True)]
    output = draw_boxes(output, targets.boxes * extent, captions, targets.labels)
    return with_title(output, f"{title}  objects: {len(targets)}, priors: {len(matched)}")


def _blend(image: np.ndarray, boxes: np.ndarray, color_ids: np.ndarray) -> np.ndarray:
    """Draw thin, half transparent boxes, so that the image shows through many of them."""
    return cv2.addWeighted(image, 0.4, draw_boxes(image, boxes, (), color_ids, thickness=1), 0.6, 0)


def with_title(image: np.ndarray, title: str) -> np.ndarray:
    """Add a line of text below an image.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        title: Line of text. A line that is wider than the image is cut off.

    Returns:
        ``(H', W, 3)`` uint8 RGB, the image with the line below it.
    """
    strip = np.full((24, image.shape[1], 3), WHITE, np.uint8)
    cv2.putText(strip, _drawable(title), (2, 16), FONT, 0.45, BLACK, 1, cv2.LINE_AA)
    return np.concatenate([image, strip])


def draw_caption(image: np.ndarray, corner: tuple[int, int], color: Color, caption: str, *, thickness: int = 1) -> None:
    """Write a caption above the upper left corner of a box, or inside the box if there is no room above.

    Args:
        image: ``(H, W, 3)`` uint8 RGB, which is changed.
        corner: Left and top edge of the box, pixels.
        color: Colour of the rectangle behind the text. The text is black or white, whichever is legible on it.
        caption: The text.
        thickness: Width of the box's lines, pixels.
    """
    text = _drawable(caption)
    scale = max(0.4, min(image.shape[:2]) / 1000)
    weight = max(1, round(scale * 1.4))
    (width, height), below = cv2.getTextSize(text, FONT, scale, weight)
    x0, y0 = corner
    pad = 2 + thickness // 2
    tall = height + below + pad
    left = min(max(x0 - thickness // 2, 0), max(0, image.shape[1] - width - 2 * pad))
    top = y0 - tall if y0 >= tall else max(0, y0)
    cv2.rectangle(image, (left, top), (left + width + 2 * pad, top + tall), color, cv2.FILLED)
    ink = BLACK if np.dot(color, (0.299, 0.587, 0.114)) > 140 else WHITE
    cv2.putText(image, text, (left + pad, top + height + pad // 2 + 1), FONT, scale, ink, weight, cv2.LINE_AA)


def _pixels(image: np.ndarray, boxes: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Each box's outermost pixels, limited to the image's vicinity because OpenCV overflows far beyond it."""
    limit = 2 * max(image.shape[:2])
    corners = np.nan_to_num(np.round(boxes)).clip(-limit, limit).astype(int).tolist()
    return [(x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)) for x0, y0, x1, y1 in corners]


@lru_cache(maxsize=1024)
def _drawable(text: str) -> str:
    """A text of one line that OpenCV can draw.

    Its font covers Latin, Greek, Cyrillic, Hebrew, Arabic, Chinese, Japanese and Korean. OpenCV draws a question mark
    for any other character, but it crashes on half of a surrogate pair, and a zero character ends the text. So these
    become question marks here, as do line breaks. Accents that Unicode cannot join with their letters are removed, and
    so are characters that are invisible, such as marks of direction and soft hyphens.
    """
    seen = (c for c in unicodedata.normalize("NFC", text) if not (unicodedata.combining(c) or _is_invisible(c)))
    return "".join("?" if unicodedata.category(c) in _NOT_DRAWN else c for c in seen)


def _is_invisible(character: str) -> bool:
    """Whether a character only says how others are shown, as formatting characters and variation selectors do."""
    return unicodedata.category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f"


_NOT_DRAWN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories of control characters, surrogates and line breaks."""
