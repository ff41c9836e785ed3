"""Make the pictures of the README and of these pages from a finished demo.

make demo && .venv/bin/python docs/pictures.py demo docs/images
"""

import sys
import tempfile
from functools import partial
from pathlib import Path

import cv2
import numpy as np

import multibox
from multibox.config import Augment, Config
from multibox.data.backdrop import draw_backdrop
from multibox.data.composition import Recipe, Stock, compose_image
from multibox.data.cutouts import find_cutouts, read_cutout
from multibox.data.film import make_film
from multibox.data.sample import CLASSES
from multibox.data.shapes import KINDS, draw_thing, random_colour
from multibox.data.store import Store
from multibox.draw import WHITE, draw_boxes, draw_caption, draw_example, grid
from multibox.inspection.coverage_chart import coverage_chart
from multibox.inspection.inspect_image import boxes_in_network
from multibox.inspection.propose_priors import propose_priors
from multibox.models.maps import network_priors
from multibox.prepare.example import augmented_image
from multibox.prepare.render import decode
from multibox.report.drawing import save_drawings

SHOWN = 12
COMPOSED = 8
SEED, PICTURE = 3, 4
FILM, MIDDLE = "04-standing", {"middle": (0.5, 1, 0.5, 0)}
FRAMES = (20, 50, 79, 85, 92, 112)
"""Frames of the film that show how two objects are counted and a third is not."""


def main(demo: Path, out: Path) -> None:
    """Lay detections and training examples out as grids, small enough for a page."""
    pictures = sorted((demo / "pictures").glob("*.png"))[:SHOWN]
    save(out / "detections.jpg", grid([decode(path.read_bytes(), str(path)) for path in pictures], 4))
    examples = demo / "examples.png"
    save(out / "examples.jpg", decode(examples.read_bytes(), str(examples)))
    train = Store(demo / "data" / "sample" / "train.lmdb")
    save(out / "augmentations.jpg", draw_augmentations(train))
    draw_both_priors(train, out / "coverage.svg")
    save(out / "compose.jpg", draw_composed())
    save(out / "tracks.jpg", draw_tracks(demo / "experiments" / "demo" / "best.keras"))


def draw_augmentations(store: Store) -> np.ndarray:
    """One image under each step of preparation, alone and always; last, all that the paper does."""
    plain = {
        name: step.model_copy(update={"probability": 0}) for name, step in Augment() if hasattr(step, "probability")
    }
    tiles = [draw_step(store, "as it is", Augment(**plain, mirror=0))]
    for name, step in plain.items():
        always = {**plain, name: step.model_copy(update={"probability": 1})}
        tiles.append(draw_step(store, name, Augment(**always, mirror=0)))
    return grid([*tiles, draw_step(store, "the paper's", Augment())], 4)


def draw_step(store: Store, title: str, augment: Augment) -> np.ndarray:
    """One training example with its objects and priors."""
    rng = np.random.default_rng(SEED)
    config = Config(augment=augment)
    priors_rel = network_priors(config.network, config.priors)
    image, objects_rel = augmented_image(store[PICTURE], rng, config, lambda rng: store[int(rng.integers(len(store)))])
    return draw_example(image, objects_rel, store.meta.classes, priors_rel, config, title)


def draw_both_priors(store: Store, path: Path) -> None:
    """The objects of a store among the default priors, and among those proposed for them."""
    config = Config()
    boxes_rel = np.concatenate([boxes_in_network(store.without_image(i), config) for i in range(len(store))])
    proposed = config.model_copy(update={"priors": propose_priors(boxes_rel, config)})
    chosen = coverage_chart(boxes_rel, config, "The default priors")
    charts = [chosen, coverage_chart(boxes_rel, proposed, "The priors proposed for these objects")]
    save_drawings(path, "Objects and priors by width and height", charts, replace=True)


def draw_tracks(model: Path) -> np.ndarray:
    """Some frames of a rendered video, with ids, tails and counts."""
    with tempfile.TemporaryDirectory() as folder:
        film = make_film(folder, sequences=4, replace=True) / FILM
        frames = multibox.track(multibox.load(model), film, lines=MIDDLE)
        return grid([with_time(frame.draw(), frame.seconds) for frame in frames if frame.number in FRAMES], 3)


def draw_composed() -> np.ndarray:
    """Rendered cut-outs on rendered surfaces, as `multibox data compose` pastes them, with their boxes."""
    rng, tiles = np.random.default_rng(SEED), []
    with tempfile.TemporaryDirectory() as folder:
        write_cutouts(Path(folder), rng)
        stock = Stock(find_cutouts(Path(folder)).classes, [], partial(read_cutout, largest=240))
        for _ in range(COMPOSED):
            view = draw_backdrop(225, 300, rng)
            image, things, _ = compose_image(view, stock, Recipe(objects=(2, 5), scale=(0.2, 0.6)), rng)
            names = [thing.name for thing in things]
            tiles.append(
                draw_boxes(image, np.array([thing.box for thing in things]), names, [*map(CLASSES.index, names)])
            )
    return grid(tiles, 4)


def write_cutouts(folder: Path, rng: np.random.Generator) -> None:
    """Four cut-outs of each kind of rendered object."""
    for kind in KINDS:
        (folder / kind).mkdir()
        for number in range(4):
            thing = draw_thing(kind, 240, random_colour(rng), rng.uniform(-np.pi, np.pi), rng)
            pixels = np.dstack([thing.colour[..., ::-1].clip(0, 255), 255 * thing.alpha]).round().astype(np.uint8)
            cv2.imwrite(str(folder / f"{kind}/{number}.png"), pixels)


def with_time(image: np.ndarray, seconds: float) -> np.ndarray:
    """The time of a frame in its upper left corner."""
    draw_caption(image, (0, 0), WHITE, f"{seconds:.2f} s")
    return image


def save(path: Path, image) -> None:
    """Write a JPEG at most 1400 pixels wide."""
    scale = min(1, 1400 / image.shape[1])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 86])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
