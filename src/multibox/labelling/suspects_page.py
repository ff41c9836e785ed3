"""The page of suspects: each one's image part with the label and the proposal drawn, and the reason in one phrase."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import cv2
import numpy as np

from multibox._version import __version__
from multibox.annotations.counting import counted
from multibox.data.record import Record
from multibox.draw import GREY, draw_boxes
from multibox.evaluation.test_set import pixels_of
from multibox.labelling.find_suspects import Suspects
from multibox.labelling.suspects import ABOUT, Suspect
from multibox.report.page import Cell, Gallery, Image, Section, Table, page

LABEL, PROPOSAL = 0, 2
"""Indices in the palette of :mod:`multibox.draw` of the colours red (the label) and green (the proposal)."""

SHOWN_SIDE: Final = 420
"""Longer side of an image part on the page, pixels."""

AROUND: Final = 0.8
"""Margin around the boxes of an image part, as a share of the longer side of what they cover."""

SMALLEST_PART: Final = 0.3
"""Smallest width and height of an image part, as a share of the image's."""


def suspects_page(suspects: Suspects, shown: Sequence[Suspect]) -> str:
    """Render the page of suspects.

    Args:
        suspects: All suspects.
        shown: Suspects to show, the most suspicious first.

    Returns:
        Text of the HTML file.

    Raises:
        BadInput: If an image cannot be decoded.
    """
    kinds = Counter(suspect.kind for suspect in shown)
    rows: list[list[Cell]] = [[kind, kinds[kind], about] for kind, about in ABOUT.items()]
    sections = [
        Section("Summary", [*summary(suspects, len(shown)), Table(["kind", "shown", "meaning"], rows)]),
        Section("Suspects", _figures(suspects, shown)),
    ]
    return page(f"Suspects of {suspects.data}", sections, footer=f"multibox {__version__}")


def summary(suspects: Suspects, count: int) -> list[str]:
    """Sentences that say what was judged, and how to read the page."""
    return [
        f"{counted(suspects.labels, 'label')} judged by {suspects.judge}. The {counted(count, 'suspect')} below come "
        "first, the most suspicious on top.",
        "Red is the label as it is, green what the detector proposes, grey the other labels. A suspicion is the "
        "estimated probability of an error. A person decides: a detector also fails on rare objects whose labels are "
        "right.",
    ]


def _figures(suspects: Suspects, shown: Sequence[Suspect]) -> list[str | Gallery]:
    if not shown:
        return ["Nothing looks wrong."]
    return [Gallery([_figure(number, suspect, record) for number, suspect, record in _records(suspects, shown)])]


def _records(suspects: Suspects, shown: Sequence[Suspect]) -> Iterator[tuple[int, Suspect, Record]]:
    for number, suspect in enumerate(shown, start=1):
        store, index = suspect.place
        yield number, suspect, suspects.stores[store][index]


def _figure(number: int, suspect: Suspect, record: Record) -> Image:
    words = f"{number}. {suspect.kind} {suspect.suspicion:.2f}: {suspect.reason}. Image {suspect.image}"
    part = draw_suspect(pixels_of(record), suspect, record)
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(part, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 82])
    return Image(encoded.tobytes(), alt=words, caption=words)


def draw_suspect(image: np.ndarray, suspect: Suspect, record: Record) -> np.ndarray:
    """Draw the part of an image around a suspect: its label red, the proposal green, other labels grey.

    Args:
        image: Pixels of the image, ``(H, W, 3)`` uint8 RGB.
        suspect: Suspect in the image.
        record: Record of the image with its labels.

    Returns:
        ``(H', W', 3)`` uint8 RGB, the longer side :data:`SHOWN_SIDE` pixels.
    """
    own = [(suspect.box, suspect.name, LABEL), (suspect.proposed_box, suspect.proposed_name, PROPOSAL)]
    if suspect.kind == "swapped":
        own = [(suspect.box, f"{suspect.proposed_name}, not {suspect.name}", PROPOSAL)]
    drawn = [(box, name or "", color) for box, name, color in own if box is not None]
    x0, y0, x1, y1 = _part(np.array([box for box, _, _ in drawn]), image.shape[1], image.shape[0])
    scale = SHOWN_SIDE / max(x1 - x0, y1 - y0)
    part = cv2.resize(image[y0:y1, x0:x1], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    others = np.arange(len(record.objects)) != suspect.position
    boxes = np.concatenate([record.objects.boxes[others], np.array([box for box, _, _ in drawn])])
    captions = [""] * int(others.sum()) + [name for _, name, _ in drawn]
    colors = [GREY] * int(others.sum()) + [color for _, _, color in drawn]
    return draw_boxes(part, (boxes - np.array([x0, y0, x0, y0])) * scale, captions, colors, thickness=2)


def _part(boxes: np.ndarray, width: int, height: int) -> tuple[int, int, int, int]:
    """Corners of the part of an image that shows boxes ``(N, 4)`` and what surrounds them."""
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    size = np.array([width, height])
    wanted = np.maximum(high - low + 2 * AROUND * (high - low).max(), SMALLEST_PART * size)
    wanted = np.minimum(np.maximum(wanted, wanted.max() / 1.5), size)  # not too long and narrow
    begin = np.clip((low + high - wanted) / 2, 0, size - wanted)
    x0, y0 = np.floor(begin).astype(int).tolist()
    x1, y1 = np.ceil(begin + wanted).astype(int).tolist()
    return x0, y0, min(x1, width), min(y1, height)
