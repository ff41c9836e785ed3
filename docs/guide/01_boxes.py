"""Chapter 1: the photo, its boxes, and how well two boxes agree."""

import numpy as np
from figure import BLUE, ORANGE, RED, Figure, color_of, row
from photo import HEIGHT, NAMES, OBJECTS, PHOTO, WIDTH

from multibox.boxes import areas, intersections, iou

GEAR, FISH = OBJECTS.boxes[NAMES.index("large gear")], OBJECTS.boxes[NAMES.index("fish")]

photo_size = f"{WIDTH} × {HEIGHT}"
object_count = str(len(OBJECTS))

gear_area, fish_area = (f"{area:,.0f}" for area in areas(np.stack([GEAR, FISH])))
shared_area = f"{intersections(GEAR[None], FISH[None])[0, 0]:,.0f}"
union_area = f"{areas(GEAR) + areas(FISH) - intersections(GEAR[None], FISH[None])[0, 0]:,.0f}"
overlap = f"{iou(GEAR[None], FISH[None])[0, 0]:.3f}"

rows = [("object", "x0", "y0", "x1", "y1", "width × height", "area in px²")]
rows += [
    (name, *(f"{edge:.0f}" for edge in box), f"{box[2] - box[0]:.0f} × {box[3] - box[1]:.0f}", f"{areas(box):,.0f}")
    for name, box in zip(NAMES, OBJECTS.boxes, strict=True)
]

FORTY = np.array([[0.0, 0.0, 40.0, 40.0]])
one_off = f"{iou(FORTY, FORTY + 1)[0, 0]:.2f}"

SHIFT = 10
shifted = [("object", "size", f"IoU after a shift of {SHIFT} pixels to the right and down")]
shifted += [
    (name, f"{box[2] - box[0]:.0f} × {box[3] - box[1]:.0f}", f"{iou(box[None], box[None] + SHIFT)[0, 0]:.2f}")
    for name, box in zip(NAMES, OBJECTS.boxes, strict=True)
]


def photo() -> Figure:
    """The photo with its boxes, and the corners of one of them."""
    figure = Figure(WIDTH, HEIGHT, f"A rendered photo with {object_count} boxes: {', '.join(NAMES)}").image(PHOTO)
    for name, box, label in zip(NAMES, OBJECTS.boxes, OBJECTS.labels, strict=True):
        figure.box(box, color_of(label), name)
    x0, y0, x1, y1 = FISH
    figure.size *= 0.85
    figure.dot(x0, y0, "white").text(x0 - 6, y0 - 4, f"({x0:.0f}, {y0:.0f})", kind="on", anchor="end")
    return figure.dot(x1, y1, "white").text(x1 + 6, y1 + 14, f"({x1:.0f}, {y1:.0f})", kind="on")


def pixels() -> Figure:
    """One object of four pixels, counted as PASCAL VOC does and as we do."""
    figure = Figure(
        14, 3.2, "A row of pixels: VOC says xmin 3, xmax 6; edges say x0 2, x1 6", left=-2.2, top=-0.6, text=0.3
    )
    for i in range(8):
        figure.box((i, 0, i + 1, 1), ORANGE if 2 <= i < 6 else "rgb(140, 140, 140)", fill=0.5, width=1)
        figure.text(i + 0.5, -0.15, str(i + 1), anchor="middle", kind="soft")
        figure.text(i, 1.45, str(i), anchor="middle", kind="soft")
    figure.text(8, 1.45, "8", anchor="middle", kind="soft").text(8.5, -0.15, "pixels").text(8.5, 1.45, "edges")
    for edge in (2, 6):
        figure.line(edge, 0, edge, 1.12, BLUE, width=3).line(edge, 1.6, edge, 1.95, BLUE, width=3)
    figure.text(2, 2.4, "x0 = xmin - 1 = 2", anchor="middle").text(6, 2.4, "x1 = xmax = 6", anchor="middle")
    return figure.text(4, 0.62, "xmin = 3 … xmax = 6", anchor="middle")


def two() -> Figure:
    """The gear and the fish, and what they share."""
    left, top, right, bottom = 80, 80, 345, 310
    figure = Figure(right - left, bottom - top, "The boxes of gear and fish overlap", left=left, top=top, text=11)
    figure.image(PHOTO).box(GEAR, BLUE, "gear", width=3).box(FISH, RED, "fish", width=3)
    shared = (*np.maximum(GEAR[:2], FISH[:2]), *np.minimum(GEAR[2:], FISH[2:]))
    figure.box(shared, "rgb(255, 255, 255)", fill=0.45, width=2, dash="5 3")
    x, y = (shared[0] + shared[2]) / 2, (shared[1] + shared[3]) / 2
    return figure.text(x, y - 4, "intersection", anchor="middle", kind="off").text(
        x, y + 10, f"{shared_area} px²", anchor="middle", kind="off"
    )


def agreements() -> Figure:
    """The gear's box beside copies of it that are shifted until their IoU is a round number."""
    figures, titles = [], []
    for wanted in (0.9, 0.7, 0.5, 0.3, 0.1):
        share = 2 * wanted / (1 + wanted)  # of the area, that both boxes hold
        move = (1 - np.sqrt(share)) * (GEAR[2:] - GEAR[:2])
        moved = GEAR + np.tile(move, 2)
        figure = Figure(300, 290, left=150, top=95).image(PHOTO)
        figures.append(figure.box(GEAR, BLUE, width=2.5).box(moved, RED, width=2.5, dash="6 3"))
        titles.append(f"IoU {iou(GEAR[None], moved[None])[0, 0]:.2f}")
    return row(figures, titles, "One box and five shifted copies, their IoU falling from 0.9 to 0.1", width=150)
