"""A training example: SSD's steps of augmentation and matching, in their order.

First everything random is drawn (``plan.py``), then the pixels are rendered, then the priors get their targets.
"""

from collections.abc import Sequence

import numpy as np

from multibox.config import Config
from multibox.data.record import Objects, Record
from multibox.models.maps import feature_maps
from multibox.prepare.affine import affine
from multibox.prepare.cutout import cutout
from multibox.prepare.mixup import mixup
from multibox.prepare.mosaic import join
from multibox.prepare.plan import Another, Scene, draw_plan
from multibox.prepare.quality import degrade
from multibox.prepare.shot import take_shot
from multibox.prepare.targets import make_targets
from multibox.priors import Grid, prior_grids


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
        record: Encoded image and its objects.
        rng: Random generator. Its state alone decides the augmentation.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of the network's priors, relative to its input.
        config: Configuration of the run.
        another: Function that draws the other images of mosaic and mixup. None uses ``record`` again.
        grids: Layout of the priors on each feature map, as :func:`grids_of` returns it. None computes it from
            ``config``.

    Returns:
        Dict of ``image`` ``(H, W, 3)`` uint8 RGB, and the targets ``classes`` ``(P,)`` int32 and ``boxes`` ``(P, 4)``
        float32, as :func:`~multibox.prepare.targets.make_targets` returns them.

    Raises:
        BadInput: If an image cannot be decoded.
    """
    image, objects_rel = augmented_image(record, rng, config, another)
    grids = grids_of(config) if grids is None else grids
    classes, deltas = make_targets(
        objects_rel, priors_rel, config=config.match, grids=grids, variances=config.priors.variances
    )
    return {"image": image, "classes": classes, "boxes": deltas}


def grids_of(config: Config) -> tuple[Grid, ...]:
    """Layout of a run's priors on each feature map if its matching method needs it, else an empty tuple."""
    return prior_grids(feature_maps(config.network), config.priors) if config.match.method == "atss" else ()


def augmented_image(
    record: Record, rng: np.random.Generator, config: Config, another: Another | None = None
) -> tuple[np.ndarray, Objects]:
    """Augment one image: the first half of :func:`training_example`.

    Args:
        record: Encoded image and its objects.
        rng: Random generator.
        config: Configuration of the run.
        another: Function that draws the other images of mosaic and mixup. None uses ``record`` again.

    Returns:
        The augmented image, ``(H, W, 3)`` uint8 RGB, and its objects, their boxes relative to the image.

    Raises:
        BadInput: If an image cannot be decoded.
    """
    plan, size = draw_plan(record, rng, config, another), config.network.size
    shown = render_scene(plan.scene, size)
    if plan.second is not None:
        shown = mixup(shown, render_scene(plan.second, size), plan.weight)
    image, objects_rel = affine(*shown, plan.matrix)
    image, objects_rel = cutout(image, objects_rel, plan.holes, config.augment.cutout.hidden)
    return degrade(image, plan.flaws), objects_rel


def render_scene(scene: Scene, size: tuple[int, int]) -> tuple[np.ndarray, Objects]:
    """Render one image, or a mosaic of four.

    Args:
        scene: Images, each with its crop window, mirroring and colours, and their rectangles if they form a mosaic.
        size: Height and width of the output, pixels.

    Returns:
        ``(*size, 3)`` uint8 RGB, and the objects, their boxes relative to the output.
    """
    shots = [take_shot(each.image, each.objects, each.shot, each.size) for each in scene.subjects]
    return join(shots, scene.quarters, size) if scene.quarters else shots[0]
