"""What 200 steps of training from an imported network of Caffe change: mAP on 100 rendered images before and after.

Usage: ``python benchmarks/caffe_training.py FACE.keras FOLDER`` with a model of OpenCV's face detector, whose class is
called face. The folder gets the images, the stores and the runs. It prints a row for each random seed.
"""

import os
import sys
from pathlib import Path

import cv2
import numpy as np

import multibox
from multibox.data.build import build
from multibox.data.voc_xml import write_xml

TRAIN, TEST, SIDE = 400, 100, 300
STEPS, BATCH, SEEDS = 200, 8, (0, 1)


def draw_face(image: np.ndarray, rng: np.random.Generator, box: tuple[int, int, int, int]) -> None:
    """Draw a head with hair, eyes, nose and mouth that fills a box."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    center = ((x0 + x1) // 2, (y0 + y1) // 2)
    skin = tuple(int(v) for v in np.array([150, 180, 220]) * rng.uniform(0.45, 1.1))
    dark = tuple(int(v) for v in rng.integers(0, 80, 3))
    cv2.ellipse(image, center, (width // 2, height // 2), 0, 0, 360, dark, -1)
    cv2.ellipse(
        image, (center[0], center[1] + height // 12), (int(width * 0.42), int(height * 0.41)), 0, 0, 360, skin, -1
    )
    for side in (-1, 1):
        eye = (center[0] + side * width // 5, center[1] - height // 12)
        cv2.ellipse(image, eye, (max(width // 11, 1), max(height // 22, 1)), 0, 0, 360, (235, 235, 235), -1)
        cv2.circle(image, eye, max(width // 24, 1), (30, 30, 30), -1)
        brow = (eye[0], eye[1] - height // 12)
        cv2.line(image, (brow[0] - width // 10, brow[1]), (brow[0] + width // 10, brow[1]), dark, max(height // 40, 1))
    shade = tuple(int(v * 0.75) for v in skin)
    cv2.line(image, center, (center[0] - width // 20, center[1] + height // 7), shade, max(width // 30, 1))
    mouth = (center[0], center[1] + height // 4)
    cv2.ellipse(image, mouth, (width // 6, max(height // 24, 1)), 0, 0, 180, (60, 50, 150), -1)


def draw_scene(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An image with one to four faces on shapes of all colours, and the faces' boxes."""
    image = cv2.resize(rng.integers(0, 255, (4, 4, 3), np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    for _ in range(12):
        color = tuple(int(v) for v in rng.integers(0, 255, 3))
        center, axes = tuple(map(int, rng.integers(0, SIDE, 2))), tuple(map(int, rng.integers(5, 60, 2)))
        cv2.ellipse(image, center, axes, float(rng.uniform(0, 180)), 0, 360, color, -1)
    boxes: list[tuple[int, int, int, int]] = []
    for _ in range(20):
        width = int(rng.integers(12, 44))
        height = int(width * rng.uniform(1.15, 1.45))
        x, y = int(rng.integers(2, SIDE - width - 2)), int(rng.integers(2, max(SIDE - height - 2, 3)))
        box = (x, y, x + width, min(y + height, SIDE - 2))
        if all(box[2] < x0 or x1 < x or box[3] < y0 or y1 < y for x0, y0, x1, y1 in boxes):
            boxes.append(box)
    boxes = boxes[: int(rng.integers(1, 5))]
    for box in boxes:
        draw_face(image, rng, box)
    noise = rng.normal(0, 25, image.shape)
    return (cv2.GaussianBlur(image, (3, 3), 0) + noise).clip(0, 255).astype(np.uint8), np.array(boxes)


def write_folder(folder: Path) -> None:
    """Write the images in VOC's layout, with the splits train and test."""
    rng = np.random.default_rng(7)
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    for split, count in (("train", TRAIN), ("test", TEST)):
        ids = [f"{split}_{i:03}" for i in range(count)]
        for name in ids:
            image, boxes = draw_scene(rng)
            cv2.imwrite(str(folder / "JPEGImages" / f"{name}.jpg"), image)
            names = ["face"] * len(boxes)
            write_xml(folder / "Annotations" / f"{name}.xml", f"{name}.jpg", (SIDE, SIDE), names, boxes)
        (folder / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(ids) + "\n")


def main() -> None:
    """Measure the start, then train and measure for each seed."""
    model, folder = str(Path(sys.argv[1]).resolve()), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    if not Path("faces").exists():
        write_folder(Path("faces"))
        build([Path("faces").resolve()], "faces")
    start = multibox.evaluate(model, "faces/test").map
    print(f"start: mAP {start:.4f}", flush=True)
    gains = []
    for seed in SEEDS:
        fields = {"train.steps_per_epoch": STEPS, "train.epochs": 1, "train.batch": BATCH, "train.validate_every": 0}
        fields |= {"train.seed": seed, "train.lr": 3e-4, "data.train": ["faces/train"], "network.weights": model}
        run = multibox.train(overrides=fields, name=f"faces-{seed}")
        after = multibox.evaluate(str(run.model), "faces/test").map
        gains.append(after - start)
        print(f"seed {seed}: mAP {after:.4f}, {gains[-1]:+.4f}", flush=True)
    print(f"mean of {len(SEEDS)} seeds: {np.mean(gains):+.4f}")


if __name__ == "__main__":
    main()
