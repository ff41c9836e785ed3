"""Augmentation step by step: what each step of ``prepare/example.py`` does to one image.

Training draws a random plan, then renders its image once. Here the same plan is drawn, and the image is rendered after
each step. So the last image is the one that training sees.
"""

from dataclasses import dataclass, replace

import numpy as np

from multibox.config import Augment, Config
from multibox.data.record import Objects, Record
from multibox.prepare.affine import affine
from multibox.prepare.cutout import cutout
from multibox.prepare.distort import AS_PHOTOGRAPHED
from multibox.prepare.example import render_scene
from multibox.prepare.mixup import mixup
from multibox.prepare.mosaic import join
from multibox.prepare.plan import Another, Scene, Subject, draw_plan
from multibox.prepare.quality import degrade
from multibox.prepare.render import render
from multibox.prepare.shot import take_shot
from multibox.prepare.window import Window, look_through, snap, whole

Shown = tuple[np.ndarray, Objects]
"""An image, ``(H, W, 3)`` uint8 RGB, and its objects, whose boxes are relative to the image."""

STEPS = {
    "expand": ("Zoom out", "Objects are smaller on a larger canvas, so the network learns small objects."),
    "crop": ("Zoom in", "Only a patch of the image is kept, so the network learns large and cut-off objects."),
    "resize": ("Resize", "The resize filter is drawn from five, so the network does not adapt to a single one."),
    "distort": ("Distort colours", "Light and cameras differ, so the network must not rely on colour alone."),
    "mirror": ("Mirror", "Left and right are exchanged, because most objects can face either way."),
    "flip": ("Flip", "Top and bottom are exchanged, for images without a natural upright position."),
    "mosaic": (
        "Mosaic",
        "Four images are joined at one point, so there are more and smaller objects in unusual surroundings.",
    ),
    "mixup": ("Mixup", "Another image is blended in, so the network learns to be less certain."),
    "affine": (
        "Turn and shear",
        "The image is rotated, sheared and scaled, because cameras are held at different angles and distances.",
    ),
    "cutout": ("Cut out", "Holes hide parts of objects, so the network must not rely on a single part."),
    "degrade": (
        "Blur, noise, contrast",
        "The image is degraded as by worse lenses, worse sensors and stronger processing.",
    ),
}
"""Title of each augmentation step, and the reason for it in one sentence."""


@dataclass(frozen=True, eq=False)
class Step:
    """One step of an image's augmentation.

    Attributes:
        name: Name of the step, a key of :data:`STEPS`.
        before: Image and objects before the step.
        after: Image and objects after the step.
        did: Whether the step changed the image. Most steps are applied with a probability below 1.
    """

    name: str
    before: Shown
    after: Shown
    did: bool

    @property
    def title(self) -> str:
        """Title of the step for display, such as ``Zoom out``."""
        return STEPS[self.name][0]

    @property
    def says(self) -> str:
        """Reason for the step, in one sentence."""
        return STEPS[self.name][1]


def explain_augmentation(record: Record, config: Config, seed: int, another: Another | None = None) -> list[Step]:
    """Augment an image as training does, and keep the image after each step.

    Args:
        record: Record with the encoded image and its objects.
        config: Training configuration, whose augmentation fields are used.
        seed: Seed of the random generator.
        another: Function that draws another record for mosaic and mixup. Without it, ``record`` is used again.

    Returns:
        Steps that the configuration allows, in order. The last step ends with the result of
        :func:`~multibox.prepare.example.augmented_image` for ``np.random.default_rng(seed)``.

    Raises:
        BadInput: If an image cannot be decoded.
    """
    plan, size = draw_plan(record, np.random.default_rng(seed), config, another), config.network.size
    steps = _steps_of_scene(plan.scene, size)
    shown = steps[-1].after
    mixed = mixup(shown, render_scene(plan.second, size), plan.weight) if plan.second is not None else shown
    moved = affine(*mixed, plan.matrix)
    cut = cutout(*moved, plan.holes, config.augment.cutout.hidden)
    degraded = degrade(cut[0], plan.flaws), cut[1]
    steps += [
        Step(name, before, after, after[0] is not before[0])
        for name, before, after in (
            ("mixup", shown, mixed),
            ("affine", mixed, moved),
            ("cutout", moved, cut),
            ("degrade", cut, degraded),
        )
    ]
    return [step for step in steps if _probability(step.name, config.augment) > 0]


def _steps_of_scene(scene: Scene, size: tuple[int, int]) -> list[Step]:
    """The steps of the image itself, and the mosaic that it may become part of."""
    first, *others = scene.subjects
    steps = _steps_of_shot(first)
    alone = joined = steps[-1].after
    if scene.quarters:
        rest = [take_shot(each.image, each.objects, each.shot, each.size) for each in others]
        joined = join([alone, *rest], scene.quarters, size)
    return [*steps, Step("mosaic", alone, joined, did=bool(scene.quarters))]


def _steps_of_shot(subject: Subject) -> list[Step]:
    """The steps of one image: its windows, then resize, colours, mirror and flip."""
    image, objects, shot, size = subject.image, subject.objects, subject.shot, subject.size
    start = whole((image.shape[0], image.shape[1]))
    everything, expanded, cropped = (
        _show(image, objects, window, size) for window in (start, shot.expanded, shot.cropped)
    )
    plain = replace(shot, colors=AS_PHOTOGRAPHED, mirror=False, flip=False)
    recolored = replace(plain, colors=shot.colors)
    mirrored = replace(recolored, mirror=shot.mirror)
    shots = [take_shot(image, objects, each, size) for each in (plain, recolored, mirrored, shot)]
    return [
        Step("expand", everything, expanded, shot.expanded != start),
        Step("crop", expanded, cropped, shot.cropped != shot.expanded),
        Step("resize", cropped, shots[0], did=True),
        Step("distort", shots[0], shots[1], not np.array_equal(shots[0][0], shots[1][0])),
        Step("mirror", shots[1], shots[2], shot.mirror),
        Step("flip", shots[2], shots[3], shot.flip),
    ]


def _show(image: np.ndarray, objects: Objects, window: Window, size: tuple[int, int]) -> Shown:
    """Render what a window shows, with the window's aspect and about as large as the network's input."""
    scale = max(size) / max(window.height, window.width)
    own_size = max(1, round(window.height * scale)), max(1, round(window.width * scale))
    window = snap(window, (image.shape[0], image.shape[1]), own_size)
    return render(image, window, own_size), look_through(objects, window)


def _probability(step: str, augment: Augment) -> float:
    """The probability that a step changes the image, in [0, 1]."""
    if step == "resize":
        return 1
    if step == "degrade":
        return max(augment.blur.probability, augment.noise.probability, augment.clahe.probability)
    section = getattr(augment, step)
    return section if step in ("mirror", "flip") else section.probability
