"""What a detector learns from cut-outs alone, beside one that learns from labelled images of the same kind.

    python -m benchmarks.compose PHOTOS [--images 400] [--cutouts 12] [--test 150] [--steps 250] [--seeds 1]

PHOTOS is a folder of photos. Half of them are backgrounds of the training images, the other half of the test images.
The sample's renderer draws its objects on photos: images whose labels are known. One detector is trained on such
images, one on what `multibox data compose` makes of a few cut-outs per class that the renderer drew. Both are
fine-tuned from ImageNet's trunk for the same number of steps, and tested on the same rendered images. Runs lie in
experiments/compose-...; those that ended are not run again. Prints the mAP (IoU 0.5, area) of both and their ratio.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from math import pi
from pathlib import Path

import cv2
import numpy as np

from benchmarks.runs import EXPERIMENTS, train
from multibox.annotations.files import is_image, walk
from multibox.data.backgrounds import draw_view, read_background
from multibox.data.camera import draw_camera
from multibox.data.sample import draw_things
from multibox.data.shapes import KINDS, draw_thing, random_colour
from multibox.data.voc_xml import write_xml

SIZE = 320
"""Longer side of every image, pixels."""

CUTOUT = 256
"""Longer side of a cut-out, pixels."""


def multibox(*arguments: str) -> str:
    command = [sys.executable, "-m", "multibox", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def write_cutouts(folder: Path, count: int) -> None:
    """Draw cut-outs of every class, in random poses and colours."""
    rng = np.random.default_rng(1)
    for kind in KINDS:
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            thing = draw_thing(kind, CUTOUT, random_colour(rng), rng.uniform(-pi, pi), rng)
            rgba = np.dstack([thing.colour[..., ::-1].clip(0, 255), 255 * thing.alpha]).round().astype(np.uint8)
            cv2.imwrite(str(folder / kind / f"{number:02}.png"), rgba)


def write_rendered(folder: Path, split: str, photos: list[Path], count: int, seed: int) -> None:
    """Draw the sample's objects on photos, and write images, labels and the list of a split."""
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        rng, stem = np.random.default_rng([seed, number]), f"{split}{number:05}"
        view = draw_view(read_background(photos[number % len(photos)], SIZE), SIZE, rng, mirror=True)
        light = rng.uniform(-pi, pi)
        things = draw_things(view, light, rng)
        image = draw_camera(*view.shape[:2], light, rng).photograph(view, rng)
        cv2.imwrite(str(folder / f"JPEGImages/{stem}.jpg"), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
        names, boxes = [thing.name for thing in things], np.array([thing.box for thing in things])
        write_xml(folder / f"Annotations/{stem}.xml", f"{stem}.jpg", image.shape[1::-1], names, boxes)
    lines = "".join(f"{split}{number:05}\n" for number in range(count))
    (folder / f"ImageSets/Main/{split}.txt").write_text(lines)


def build(options: argparse.Namespace) -> None:
    """Build the datasets `compose-pasted` and `compose-rendered`; the second has the test images."""
    photos = [path.resolve() for path in walk(options.photos) if is_image(path)]
    random.Random(0).shuffle(photos)
    ours, theirs = photos[: len(photos) // 2], photos[len(photos) // 2 :]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "backgrounds").mkdir()
        for path in ours:
            (folder / "backgrounds" / path.name).symlink_to(path)
        write_cutouts(folder / "cutouts", options.cutouts)
        made = ["--images", str(options.images), "--val", "0", "--size", str(SIZE), *options.compose]
        printed = multibox("data", "compose", f"{folder}/cutouts", f"{folder}/backgrounds", f"{folder}/pasted", *made)
        print(printed, end="")
        write_rendered(folder / "rendered", "train", ours, options.images, seed=2)
        write_rendered(folder / "rendered", "test", theirs, options.test, seed=3)
        for name in ("pasted", "rendered"):
            multibox("data", "build", f"{folder}/{name}", "--name", f"compose-{name}", "--replace")
        if options.keep:
            shutil.copytree(folder, options.keep, symlinks=True)


def score(name: str, options: argparse.Namespace, seed: int) -> float:
    """Train, unless that was done, and judge on the rendered test images."""
    run = f"compose-{name}-{seed}"
    result = EXPERIMENTS / run / "test.json"
    if not result.is_file():
        length = [f"train.steps_per_epoch={options.steps}", "train.epochs=1", f"train.seed={seed}"]
        start = ["network.weights=imagenet", f"network.size=[{options.side},{options.side}]", "train.lr=2e-3"]
        data = ["--data", f"compose-{name}", f"data.train=[compose-{name}/train]", "data.val=[]"]
        model = train(run, *data, *length, *start, *options.fields) / "last.keras"
        judged = multibox("eval", str(model), "--data", "compose-rendered/test", "--json")
        result.write_text(judged.splitlines()[-1])
    return json.loads(result.read_text())["map"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--images", type=int, default=400, help="training images of each dataset")
    parser.add_argument("--cutouts", type=int, default=12, help="of each class")
    parser.add_argument("--test", type=int, default=150, help="test images")
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--side", type=int, default=224, help="of the network's input")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument(
        "--compose", nargs="*", default=[], help="options of data compose, as: --compose=--scale=0.1-0.7"
    )
    parser.add_argument("--keep", type=Path, help="folder to which the images are copied")
    parser.add_argument("fields", nargs="*", metavar="FIELD=VALUE", help="of every run")
    options = parser.parse_args()
    build(options)
    for seed in range(options.seeds):
        scores = {name: score(name, options, seed) for name in ("rendered", "pasted")}
        ratio = scores["pasted"] / scores["rendered"]
        print(f"seed {seed}: rendered {scores['rendered']:.3f}, pasted {scores['pasted']:.3f}, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
