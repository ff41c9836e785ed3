"""Chapter 5: which part of the photo is shown."""

import numpy as np
from figure import BLUE, GREEN, ORANGE, RED, Figure, color_of, row
from photo import HEIGHT, NAMES, OBJECTS, PHOTO, WIDTH

from multibox.boxes import areas, iou
from multibox.config import Crop, Expand
from multibox.prepare.render import MEAN_RGB, render
from multibox.prepare.window import Window, crop, expand, look_through, random_patches, snap, whole

SIZE = (300, 300)
WHOLE = whole((HEIGHT, WIDTH))
EXPAND = Expand(ratio=4)  # the paper's
CROP = Crop()
LIMITS = CROP.min_iou


def corners(window: Window) -> tuple[float, float, float, float]:
    """The corners of a window."""
    return window.x0, window.y0, window.x1, window.y1


def shown(window: Window) -> Figure:
    """What the network sees through a window, with the boxes that are left."""
    window = snap(window, (HEIGHT, WIDTH), SIZE)
    figure = Figure(*SIZE).image(render(PHOTO, window, SIZE))
    seen = look_through(OBJECTS, window)
    for box, label in zip(seen.boxes * SIZE[0], seen.labels, strict=True):
        figure.box(box, color_of(label), width=2)
    return figure


CANVAS = expand(WHOLE, np.random.default_rng(6), Expand(probability=1, ratio=4))
canvas_ratio = f"{CANVAS.width / WIDTH:.2f}"


def canvas() -> Figure:
    """The canvas around the photo, and what it looks like to the network."""
    around = Figure(CANVAS.width, CANVAS.height, left=CANVAS.x0, top=CANVAS.y0)
    around.box(corners(CANVAS), f"rgb{MEAN_RGB}", fill=1).image(PHOTO).box((0, 0, WIDTH, HEIGHT), "white", width=1)
    around.box(corners(CANVAS), ORANGE, width=5)
    titles = [f"a window {canvas_ratio} times as wide", "through it: 300 × 300"]
    return row(
        [around, shown(CANVAS)], titles, "The photo on a larger canvas, and small in the network's input", width=320
    )


def patch_of(limit: float) -> Window:
    """The first random patch whose IoU with an object reaches a limit, but not the next one."""
    patches = random_patches(WHOLE, np.random.default_rng(3), Crop(trials=200_000))
    best = iou(patches, OBJECTS.boxes).max(axis=1)
    return Window(*patches[np.flatnonzero((best >= limit) & (best < limit + 0.1))[0]])


def samplers() -> Figure:
    """A patch of each minimum IoU."""
    figures, titles = [], []
    for limit in LIMITS:
        window = patch_of(limit)
        best = iou(np.array([corners(window)]), OBJECTS.boxes)[0]
        figure = Figure(WIDTH, HEIGHT).image(PHOTO).box(OBJECTS.boxes[best.argmax()], BLUE, width=2)
        figures += [figure.box(corners(window), ORANGE, width=3)]
        titles += [f"{NAMES[best.argmax()]}: {best.max():.2f}"]
    figures += [shown(patch_of(limit)) for limit in LIMITS]
    titles += [f"minimum {limit}" for limit in LIMITS]
    return row(figures, titles, "Five patches of the photo, and what is seen through each", columns=5, width=170)


def centres() -> Figure:
    """Which objects a patch keeps: those whose centre is inside."""
    window = Window(150, 60, 345, 250)
    figure = Figure(WIDTH, HEIGHT, "A patch, and which objects' centres lie in it").image(PHOTO)
    figure.box(corners(window), ORANGE, width=3)
    stay = look_through(OBJECTS, window).ids
    for box, name in zip(OBJECTS.boxes, OBJECTS.ids, strict=True):
        color = GREEN if name in stay else RED
        figure.box(box, color, width=2).dot((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, color, size=6)
    return row(
        [figure, shown(window)], ["centres in the patch, and outside", "what is learned from it"], figure.alt, width=320
    )


DRAWS = 1000
draws = f"{DRAWS:,}"


def draw(number: int) -> tuple[float, int, np.ndarray]:
    """One draw: the window's width in photo widths, the objects left, and how their sizes changed."""
    rng = np.random.default_rng(number)
    window = crop(expand(WHOLE, rng, EXPAND), OBJECTS.boxes, rng, CROP)
    seen = look_through(OBJECTS, window)
    sizes = np.sqrt(areas(seen.boxes))
    before = np.sqrt(areas(OBJECTS.boxes) / (WIDTH * HEIGHT))[[OBJECTS.ids.index(i) for i in seen.ids]]
    return window.width / WIDTH, len(seen), sizes / before


DRAWN = [draw(number) for number in range(DRAWS)]
ZOOM = np.concatenate([sizes for _, _, sizes in DRAWN])
smallest, largest = f"{np.percentile(ZOOM, 5):.2f}", f"{np.percentile(ZOOM, 95):.1f}"
zoomed_out = f"{np.mean(ZOOM < 1):.0%}"
no_object = f"{np.mean([count == 0 for _, count, _ in DRAWN]):.1%}"
mean_kept = f"{np.mean([count for _, count, _ in DRAWN]):.1f}"


def examples() -> Figure:
    """What twelve draws show."""
    figures = []
    for number in range(12):
        rng = np.random.default_rng([9, number])
        figures.append(shown(crop(expand(WHOLE, rng, EXPAND), OBJECTS.boxes, rng, CROP)))
    return row(figures, [""] * 12, "Twelve random windows of one photo", columns=6, width=150)
