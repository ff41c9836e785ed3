"""A training example, from a record: the steps of SSD in their order."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from multibox.config import Augment, Config
from multibox.data.record import Objects, Record
from multibox.models.maps import feature_maps
from multibox.prepare.affine import affine, affine_matrix
from multibox.prepare.cutout import cutout, draw_holes
from multibox.prepare.distort import distort
from multibox.prepare.mirror import flip_boxes, mirror_boxes
from multibox.prepare.mixup import draw_weight, mixup
from multibox.prepare.mosaic import join, quarters
from multibox.prepare.quality import degrade
from multibox.prepare.render import INTERPOLATIONS, decode, render
from multibox.prepare.targets import make_targets
from multibox.prepare.window import Window, crop, expand, letterbox, look_through, snap, whole
from multibox.priors import Grid, prior_grids

Another = Callable[[np.random.Generator], Record]
"""Draws another record of the data."""


def training_example(
    record: Record,
    rng: np.random.Generator,
    priors_rel: np.ndarray,
    config: Config,
    another: Another | None = None,
    grids: Sequence[Grid] | None = None,
) -> dict[str, np.ndarray]:
    """Prepare one image for training.

    Args:
        record: the encoded image and its objects.
        rng: the source of chance; its state alone decides what is drawn.
        priors_rel: ``(P, 4)`` the network's priors, relative to its input.
        config: the run's configuration.
        another: where mosaic and mixup take their other images from; None: ``record`` itself.
        grids: as :func:`grids_of` gives them; None: those of ``config``.

    Returns:
        ``image`` ``(H, W, 3)`` uint8 RGB; ``classes`` ``(P,)`` int32 and ``boxes`` ``(P, 4)`` float32 as
        :func:`~multibox.prepare.targets.make_targets` gives them.

    Raises:
        BadInput: an image cannot be decoded.
    """
    image, objects_rel = augmented_image(record, rng, config, another)
    grids = grids_of(config) if grids is None else grids
    classes, deltas = make_targets(
        objects_rel, priors_rel, config=config.match, grids=grids, variances=config.priors.variances
    )
    return {"image": image, "classes": classes, "boxes": deltas}


def grids_of(config: Config) -> tuple[Grid, ...]:
    """The grids of a run's priors, where its matching asks for them; else none."""
    return prior_grids(feature_maps(config.network), config.priors) if config.match.method == "atss" else ()


def augmented_image(
    record: Record, rng: np.random.Generator, config: Config, another: Another | None = None
) -> tuple[np.ndarray, Objects]:
    """The first half of :func:`training_example`: what the network sees, and the objects in it.

    Args:
        record: the encoded image and its objects.
        rng: the source of chance.
        config: the run's configuration.
        another: as said there.

    Returns:
        ``(H, W, 3)`` uint8 RGB, and the objects, their boxes relative to it.

    Raises:
        BadInput: an image cannot be decoded.
    """
    another = another or (lambda _: record)
    size, steps = config.network.size, config.augment
    picture = one_or_mosaic(record, rng, config, another)
    if rng.random() < steps.mixup.probability:
        second = one_or_mosaic(another(rng), rng, config, another)
        picture = mixup(picture, second, draw_weight(rng, steps.mixup))
    image, objects_rel = affine(*picture, affine_matrix(rng, steps.affine, size))
    image, objects_rel = cutout(image, objects_rel, draw_holes(rng, steps.cutout, size), steps.cutout.hidden)
    return degrade(image, rng, steps), objects_rel


def one_or_mosaic(
    record: Record, rng: np.random.Generator, config: Config, another: Another
) -> tuple[np.ndarray, Objects]:
    """Show an image, or at random a mosaic of it and three others."""
    size = config.network.size
    if rng.random() >= config.augment.mosaic.probability:
        return one_picture(record, rng, config, size)
    places = quarters(rng, size, config.augment.mosaic)
    records = [record, another(rng), another(rng), another(rng)]
    pictures = [one_picture(each, rng, config, place.size) for each, place in zip(records, places, strict=True)]
    return join(pictures, places, size)


def one_picture(
    record: Record, rng: np.random.Generator, config: Config, size: tuple[int, int]
) -> tuple[np.ndarray, Objects]:
    """Show one image at a size, as :func:`augment` does."""
    image = decode(record.image, record.source or record.id)
    objects = choose_objects(record.objects, config.data.difficult)
    return augment(image, objects, rng, config.augment, size, config.data.resize)


def choose_objects(objects: Objects, difficult: str) -> Objects:
    """The objects to train with: all, as the authors do, or ``"drop"``: those not marked difficult."""
    return objects.keep(~objects.difficult) if difficult == "drop" and objects.difficult.any() else objects


def augment(
    image: np.ndarray,
    objects: Objects,
    rng: np.random.Generator,
    config: Augment,
    size: tuple[int, int],
    resize: str = "warp",
) -> tuple[np.ndarray, Objects]:
    """Show an image as it might have been taken: zoomed, cut, mirrored, in another light.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        objects: what is in it, N of them, in its pixels.
        rng: the source of chance.
        config: what is done, how often and how much.
        size: height and width of the result, pixels.
        resize: ``warp`` stretches to the size, ``letterbox`` pads to it.

    Returns:
        ``(*size, 3)`` uint8 RGB, and at most N objects, their boxes relative to it.
    """
    window = whole(image.shape[:2])
    window = expand(window, rng, config.expand)
    window = crop(window, objects.boxes[~objects.crowd], rng, config.crop)
    window = letterbox(window, size) if resize == "letterbox" else window
    window = snap(window, image.shape[:2], size)

    interpolation = INTERPOLATIONS[rng.integers(len(INTERPOLATIONS))]
    mirror, flip = rng.random(2) < (config.mirror, config.flip)
    recolor = partial(distort, rng=rng, config=config.distort)
    output = render(image, window, size, interpolation=interpolation, mirror=mirror, flip=flip, recolor=recolor)

    objects_rel = look_through(objects, window)
    if mirror:
        objects_rel = replace(objects_rel, boxes=mirror_boxes(objects_rel.boxes))
    if flip:
        objects_rel = replace(objects_rel, boxes=flip_boxes(objects_rel.boxes))
    return output, objects_rel


def detection_input(image: np.ndarray, size: tuple[int, int], resize: str = "warp") -> tuple[np.ndarray, Window]:
    """Prepare one image for detection: as in training, without the chance.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        size: height and width of the network's input, pixels.
        resize: ``warp`` or ``letterbox``, as the network was trained.

    Returns:
        ``(*size, 3)`` uint8 RGB, and the window it shows:
        ``from_window(boxes_rel, window)`` turns what is found into pixels of the image.
    """
    window = whole(image.shape[:2])
    window = letterbox(window, size) if resize == "letterbox" else window
    window = snap(window, image.shape[:2], size)
    return render(image, window, size), window
