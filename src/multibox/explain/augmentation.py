"""Augmentation in slow motion: what each step of ``prepare/example.py`` does to one picture.

Training moves a rectangle first and touches the pixels once. Here every step shows what it would look like there. The
draws are the same, in the same order, from the same functions; so the last picture is the one that training sees.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from multibox.config import Augment, Config
from multibox.data.record import Objects, Record
from multibox.prepare.affine import affine, affine_matrix
from multibox.prepare.cutout import cutout, draw_holes
from multibox.prepare.distort import distort
from multibox.prepare.example import Another, choose_objects, one_or_mosaic, one_picture
from multibox.prepare.mirror import flip_boxes, mirror_boxes
from multibox.prepare.mixup import draw_weight, mixup
from multibox.prepare.mosaic import join, quarters
from multibox.prepare.quality import degrade
from multibox.prepare.render import INTERPOLATIONS, decode, render
from multibox.prepare.window import Window, crop, expand, letterbox, look_through, snap, whole

Picture = tuple[np.ndarray, Objects]
"""``(H, W, 3)`` uint8 RGB, and its objects, their boxes relative to it."""

STEPS = {
    "expand": ("Zoom out", "On a larger canvas of the mean colour objects are smaller: small ones are learned."),
    "crop": ("Zoom in", "A patch that still shows an object well enough: large and cut-off objects are learned."),
    "resize": ("Resize", "To the network's input, by a filter drawn from five, so that no one filter is learned."),
    "distort": ("Distort colours", "Another light, another camera: colour alone must not tell what a thing is."),
    "mirror": ("Mirror", "Left and right are exchanged: most things look as likely either way round."),
    "flip": ("Flip", "Top and bottom are exchanged, for pictures that have no up."),
    "mosaic": ("Mosaic", "Four pictures about a point: more objects, smaller ones, among others than usual."),
    "mixup": ("Mixup", "Another picture shines through: the network learns to be less sure of itself."),
    "affine": ("Turn and shear", "Cameras are held at an angle, and nearer or further away."),
    "cutout": ("Cut out", "Holes, as if something stood in front: no one part of a thing may decide."),
    "degrade": ("Blur, noise, contrast", "Worse lenses, worse sensors, harsher processing."),
}
"""Of each step its title, and in one sentence why it is there."""


@dataclass(frozen=True, eq=False)
class Step:
    """A step of augmentation.

    Attributes:
        name: a key of :data:`STEPS`.
        before: the picture that it was given.
        after: the picture that it made.
        did: whether chance had it change anything.
    """

    name: str
    before: Picture
    after: Picture
    did: bool

    @property
    def title(self) -> str:
        """Its name, for people."""
        return STEPS[self.name][0]

    @property
    def says(self) -> str:
        """Why it is there."""
        return STEPS[self.name][1]


def explain_augmentation(record: Record, config: Config, seed: int, another: Another | None = None) -> list[Step]:
    """Augment a picture step by step.

    Args:
        record: the encoded picture and its objects.
        config: of the run.
        seed: the source of chance.
        another: where mosaic and mixup take their other pictures from; None: ``record`` itself.

    Returns:
        the steps that the configuration may take. The last ends with what
        :func:`~multibox.prepare.example.augmented_image` makes of ``np.random.default_rng(seed)``.

    Raises:
        BadInput: a picture cannot be decoded.
    """
    rng = np.random.default_rng(seed)
    another = another or (lambda _: record)
    size, augment = config.network.size, config.augment
    steps = _one_or_mosaic(record, rng, config, another)
    picture = steps[-1].after

    if rng.random() < augment.mixup.probability:
        second = one_or_mosaic(another(rng), rng, config, another)
        mixed = mixup(picture, second, draw_weight(rng, augment.mixup))
    else:
        mixed = picture
    moved = affine(*mixed, affine_matrix(rng, augment.affine, size))
    cut = cutout(*moved, draw_holes(rng, augment.cutout, size), augment.cutout.hidden)
    degraded = degrade(cut[0], rng, augment), cut[1]

    steps += [
        Step(name, before, after, after[0] is not before[0])
        for name, before, after in (
            ("mixup", picture, mixed),
            ("affine", mixed, moved),
            ("cutout", moved, cut),
            ("degrade", cut, degraded),
        )
    ]
    return [step for step in steps if _probability(step.name, augment) > 0]


def _one_or_mosaic(record: Record, rng: np.random.Generator, config: Config, another: Another) -> list[Step]:
    """As :func:`multibox.prepare.example.one_or_mosaic`."""
    size = config.network.size
    if rng.random() >= config.augment.mosaic.probability:
        steps = _one_picture(record, rng, config, size)
        return [*steps, Step("mosaic", steps[-1].after, steps[-1].after, did=False)]
    places = quarters(rng, size, config.augment.mosaic)
    others = [another(rng), another(rng), another(rng)]
    steps = _one_picture(record, rng, config, places[0].size)
    first = steps[-1].after
    rest = [one_picture(each, rng, config, place.size) for each, place in zip(others, places[1:], strict=True)]
    return [*steps, Step("mosaic", first, join([first, *rest], places, size), did=True)]


def _one_picture(record: Record, rng: np.random.Generator, config: Config, size: tuple[int, int]) -> list[Step]:
    """As :func:`multibox.prepare.example.one_picture`, and ``augment`` there."""
    image = decode(record.image, record.source or record.id)
    objects = choose_objects(record.objects, config.data.difficult)
    augment, image_size = config.augment, image.shape[:2]

    expanded = expand(whole(image_size), rng, augment.expand)
    cropped = crop(expanded, objects.boxes[~objects.crowd], rng, augment.crop)
    window = letterbox(cropped, size) if config.data.resize == "letterbox" else cropped
    window = snap(window, image_size, size)
    interpolation = INTERPOLATIONS[rng.integers(len(INTERPOLATIONS))]
    mirror, flip = rng.random(2) < (augment.mirror, augment.flip)

    shown = [_show(image, objects, each, size) for each in (whole(image_size), expanded, cropped)]
    objects_rel = look_through(objects, window)
    resized = render(image, window, size, interpolation=interpolation), objects_rel
    recolor = partial(distort, rng=rng, config=augment.distort)
    recolored = render(image, window, size, interpolation=interpolation, recolor=recolor), objects_rel
    mirrored = _turn(recolored, mirror=mirror, flip=False)
    flipped = _turn(mirrored, mirror=False, flip=flip)
    return [
        Step("expand", shown[0], shown[1], expanded != whole(image_size)),
        Step("crop", shown[1], shown[2], cropped != expanded),
        Step("resize", shown[2], resized, did=True),
        Step("distort", resized, recolored, not np.array_equal(resized[0], recolored[0])),
        Step("mirror", recolored, mirrored, bool(mirror)),
        Step("flip", mirrored, flipped, bool(flip)),
    ]


def _show(image: np.ndarray, objects: Objects, window: Window, size: tuple[int, int]) -> Picture:
    """What a window shows, in its own shape, about as large as the network's input."""
    scale = max(size) / max(window.height, window.width)
    own_size = max(1, round(window.height * scale)), max(1, round(window.width * scale))
    window = snap(window, image.shape[:2], own_size)
    return render(image, window, own_size), look_through(objects, window)


def _turn(picture: Picture, *, mirror: bool, flip: bool) -> Picture:
    image, objects_rel = picture
    if mirror:
        image, objects_rel = image[:, ::-1], replace(objects_rel, boxes=mirror_boxes(objects_rel.boxes))
    if flip:
        image, objects_rel = image[::-1], replace(objects_rel, boxes=flip_boxes(objects_rel.boxes))
    return np.ascontiguousarray(image), objects_rel


def _probability(step: str, augment: Augment) -> float:
    """How likely a step is to do something."""
    if step == "resize":
        return 1
    if step == "degrade":
        return max(augment.blur.probability, augment.noise.probability, augment.clahe.probability)
    section = getattr(augment, step)
    return section if step in ("mirror", "flip") else section.probability
