"""A plan: the random decisions for one training example, drawn before any pixel is rendered.

The plan is plain data. :func:`~multibox.prepare.example.augmented_image` carries it out, and
:mod:`multibox.explain.augmentation` shows it step by step. So both use the same random decisions.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from multibox.config import Config
from multibox.data.record import Objects, Record
from multibox.prepare.affine import affine_matrix
from multibox.prepare.cutout import draw_holes
from multibox.prepare.mixup import draw_weight
from multibox.prepare.mosaic import Quarter, draw_quarters
from multibox.prepare.pixels import pixels_of
from multibox.prepare.quality import Flaws, draw_flaws
from multibox.prepare.shot import Shot, draw_shot

Another = Callable[[np.random.Generator], Record]
"""Function that draws a random record of the training data, given a random generator."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A decoded image, and how it will be rendered.

    Attributes:
        image: ``(H, W, 3)`` uint8 RGB.
        objects: Objects to train with, their boxes in pixels of the image.
        shot: Random decisions for rendering the image: crop window, mirroring and colours.
        size: Height and width of the output, pixels.
    """

    image: np.ndarray
    objects: Objects
    shot: Shot
    size: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Scene:
    """The content of a training example: one image, or four in a mosaic.

    Attributes:
        subjects: Images of the scene, one or four.
        quarters: Rectangle of each image in the mosaic. Empty for a single image.
    """

    subjects: tuple[Subject, ...]
    quarters: tuple[Quarter, ...] = ()


@dataclass(frozen=True, eq=False)
class ExamplePlan:
    """The random decisions for one training example, in the order of the steps.

    Attributes:
        scene: Image or mosaic that the example shows. With mixup, the first of two.
        second: Image or mosaic that mixup blends with ``scene``. None without mixup.
        weight: Weight of ``scene`` in mixup, in [0, 1]. The second scene has the rest.
        matrix: ``(2, 3)`` affine map of the image's pixels.
        holes: ``(K, 4)`` int64 corners x0, y0, x1, y1 of the holes of cutout, pixels.
        flaws: Blur, noise and contrast equalisation of the image.
    """

    scene: Scene
    second: Scene | None
    weight: float
    matrix: np.ndarray
    holes: np.ndarray
    flaws: Flaws


def draw_plan(record: Record, rng: np.random.Generator, config: Config, another: Another | None = None) -> ExamplePlan:
    """Make the random decisions for a training example.

    The order of the draws is fixed: with the same state of the generator, a record gives the same example.

    Args:
        record: Encoded image and its objects.
        rng: Random generator.
        config: Configuration of the run.
        another: Function that draws the other images of mosaic and mixup. None uses ``record`` again.

    Returns:
        The plan of a training example: its decoded source images, and all random values.

    Raises:
        BadInput: If an image cannot be decoded.
    """
    another = another or (lambda _: record)
    size, steps = config.network.size, config.augment
    scene, second, weight = _draw_scene(record, rng, config, another), None, 1.0
    if rng.random() < steps.mixup.probability:
        second = _draw_scene(another(rng), rng, config, another)
        weight = draw_weight(rng, steps.mixup)
    matrix = affine_matrix(rng, steps.affine, size)
    holes = draw_holes(rng, steps.cutout, size)
    return ExamplePlan(scene, second, weight, matrix, holes, draw_flaws(rng, steps, size))


def _draw_scene(record: Record, rng: np.random.Generator, config: Config, another: Another) -> Scene:
    size = config.network.size
    if rng.random() >= config.augment.mosaic.probability:
        return Scene((_draw_subject(record, rng, config, size),))
    quarters = draw_quarters(rng, size, config.augment.mosaic)
    records = [record, another(rng), another(rng), another(rng)]
    pairs = zip(records, quarters, strict=True)
    return Scene(tuple(_draw_subject(each, rng, config, quarter.size) for each, quarter in pairs), quarters)


def _draw_subject(record: Record, rng: np.random.Generator, config: Config, size: tuple[int, int]) -> Subject:
    image = pixels_of(record)
    objects = choose_objects(record.objects, config.data.difficult)
    image_size = (image.shape[0], image.shape[1])
    return Subject(image, objects, draw_shot(rng, config.augment, objects, image_size, size, config.data.resize), size)


def choose_objects(objects: Objects, difficult: str) -> Objects:
    """Choose the objects to train with.

    Args:
        objects: Objects of an image.
        difficult: ``keep`` keeps all objects, as SSD's authors do. ``drop`` leaves out the objects that are marked
            difficult.

    Returns:
        The objects that a training example may show.
    """
    return objects.keep(~objects.difficult) if difficult == "drop" and objects.difficult.any() else objects
