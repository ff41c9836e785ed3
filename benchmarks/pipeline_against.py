"""How long one training example takes to prepare, ours and three peers': one run, one thread, the same images.

python benchmarks/pipeline_against.py --data voc2007/train
    [--against amdegroot torchvision albumentations] [--images 300] [--rounds 5] [--json]

Everyone reads the record from the same LMDB store, decodes it with OpenCV and ends with a 300 x 300 image and its
boxes. In each round each contender prepares all images in turn, and another one begins; a peer's ratio is the median of
its ratios to ours, round by round. The peers need `pip install -r benchmarks/requirements-peers.txt`.

ours            `PrepareExample` with the preset ssd300-vgg16-voc0712: window, one resize with one of five
                interpolations (the others': linear), distort on what is shown, and, alone of the four, the targets:
                8732 priors matched and encoded.
amdegroot       What SSDAugmentation of ssd.pytorch does, in its order and at its sizes, written anew: float32 from the
                start, distort on the whole image, a canvas of up to 16 times its area, crop, mirror, resize, subtract
                the mean. Its sampler takes the first patch with the centre of an object: the test of the minimum IoU
                never fails there, so it does not here.
torchvision     The SSD preset of its detection reference with transforms.v2, and a resize: RandomPhotometricDistort,
                RandomZoomOut, RandomIoUCrop, RandomHorizontalFlip, Resize, ToDtype, SanitizeBoundingBoxes. uint8 until
                the last but one, which is its fast path.
albumentations  The nearest there is, uint8 throughout: RandomBrightnessContrast and HueSaturationValue twice each, so
                that brightness, contrast, saturation and hue change independently with probability 0.5; CropAndPad for
                the canvas, each side by up to 1.5 times the image, so that it is as wide and high on average;
                RandomSizedBBoxSafeCrop for crop and resize, which keeps every object instead of trying for an IoU;
                HorizontalFlip.
"""

import argparse
import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import NoReturn

os.environ["OMP_NUM_THREADS"] = "1"  # Before NumPy and PyTorch are imported.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # It would ask the network for its newest version.

import cv2
import numpy as np

from multibox.bench.torchvision_ssd import import_detection
from multibox.config_file import load_config
from multibox.data.store import Store, open_store
from multibox.errors import BadInput
from multibox.models.maps import network_priors
from multibox.prepare.joined import JoinedStores
from multibox.prepare.pipeline import PrepareExample
from multibox.prepare.render import MEAN_RGB

SIZE = 300
PRESET = "ssd300-vgg16-voc0712"
WARM_UP = 20

Prepare = Callable[[int], object]
"""Prepares an example of the record at a position of the store."""


def main() -> None:
    options = parse()
    contenders = {"ours": ours, **{name: PEERS[name] for name in options.against}}
    missing = [name for name in contenders if not all(map(importlib.util.find_spec, NEEDS.get(name, ())))]
    if missing:
        give_up(f"{', '.join(missing)}: not installed; run: pip install -r benchmarks/requirements-peers.txt")
    try:
        store = open_store(options.data)
    except BadInput as error:
        give_up(str(error))
    cv2.setNumThreads(1)
    positions = np.linspace(0, len(store) - 1, min(options.images, len(store)), dtype=int).tolist()
    seconds = measure({name: make(store) for name, make in contenders.items()}, positions, options.rounds)
    result = {"data": options.data, "images": len(positions), "rounds": options.rounds, **summarise(seconds)}
    print(json.dumps(result) if options.json else table(result))


def give_up(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(2)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="a store, as NAME/SPLIT")
    parser.add_argument("--against", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def measure(contenders: dict[str, Prepare], positions: list[int], rounds: int) -> dict[str, list[float]]:
    """Seconds an example, for each contender and round."""
    names = list(contenders)
    for prepare in contenders.values():
        run(prepare, positions[:WARM_UP])
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for i in range(rounds):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            seconds[name].append(run(contenders[name], positions))
    return seconds


def run(prepare: Prepare, positions: list[int]) -> float:
    began = time.perf_counter()
    for position in positions:
        prepare(position)
    return (time.perf_counter() - began) / len(positions)


def summarise(seconds: dict[str, list[float]]) -> dict[str, dict[str, object]]:
    return {
        name: {
            "ms": round(statistics.median(own) * 1000, 3),
            "ratio": round(statistics.median(a / b for a, b in zip(own, seconds["ours"], strict=True)), 2),
            "rounds_ms": [round(s * 1000, 3) for s in own],
        }
        for name, own in seconds.items()
    }


def table(result: dict) -> str:
    lines = [
        f"{result['data']}: {result['images']} images, {result['rounds']} rounds, one thread",
        f"{'':15} {'ms/example':>10} {'x ours':>7}   fastest and slowest round",
    ]
    for name, own in result.items():
        if isinstance(own, dict):
            spread = f"{min(own['rounds_ms']):.2f} {max(own['rounds_ms']):.2f}"
            lines.append(f"{name:15} {own['ms']:10.2f} {own['ratio']:7.2f}   {spread}")
    return "\n".join(lines)


def read(store: Store, position: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A record as the peers take it: ``(H, W, 3)`` uint8 RGB, boxes ``(N, 4)`` in pixels, labels ``(N,)``."""
    record = store[position]
    image = cv2.imdecode(np.frombuffer(record.image, np.uint8), cv2.IMREAD_COLOR_RGB)
    return image, record.objects.boxes, record.objects.labels


def ours(store: Store) -> Prepare:
    config = load_config(PRESET)
    priors = network_priors(config.network, config.priors)
    prepare = PrepareExample(JoinedStores([store], store.meta.classes), priors, config)
    rng = np.random.default_rng(0)
    return lambda position: prepare(position, rng)


def amdegroot(store: Store) -> Prepare:
    rng = np.random.default_rng(0)

    def prepare(position: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        image, boxes, labels = read(store, position)
        extent = np.array(image.shape[1::-1] * 2, np.float32)
        image, boxes = image.astype(np.float32), boxes / extent  # The data set gives boxes relative to the image
        image, boxes = float_distort(image, rng), boxes * extent  # and the augmentation begins with pixels.
        image, boxes = float_expand(image, boxes, rng)
        image, boxes, labels = float_crop(image, boxes, labels, rng)
        if rng.random() < 0.5:
            image = image[:, ::-1]
            boxes[:, [0, 2]] = image.shape[1] - boxes[:, [2, 0]]
        boxes /= np.array(image.shape[1::-1] * 2, np.float32)
        image = cv2.resize(image, (SIZE, SIZE))
        image -= np.array(MEAN_RGB, np.float32)
        return image, boxes, labels

    return prepare


def float_distort(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brightness, contrast, saturation, hue and the order of the channels, each with probability 0.5."""
    contrast = rng.uniform(0.5, 1.5) if rng.random() < 0.5 else 1.0
    contrast_first = rng.random() < 0.5
    if rng.random() < 0.5:
        image += np.float32(rng.uniform(-32, 32))
    if contrast != 1 and contrast_first:
        image *= np.float32(contrast)
    image = float_color(image, rng)
    if contrast != 1 and not contrast_first:
        image *= np.float32(contrast)
    return image[:, :, rng.permutation(3)] if rng.random() < 0.5 else image


def float_color(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Saturation and hue; to HSV and back in any case."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    if rng.random() < 0.5:
        hsv[:, :, 1] *= np.float32(rng.uniform(0.5, 1.5))
    if rng.random() < 0.5:
        hue = hsv[:, :, 0] + np.float32(rng.uniform(-18, 18))
        hue[hue >= 360] -= 360
        hue[hue < 0] += 360
        hsv[:, :, 0] = hue
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def float_expand(image: np.ndarray, boxes: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Put the image on a canvas of up to four times its sides, with probability 0.5."""
    if rng.random() < 0.5:
        return image, boxes
    height, width = image.shape[:2]
    ratio = rng.uniform(1, 4)
    left, top = (rng.random(2) * (width, height) * (ratio - 1)).astype(int)
    canvas = np.empty((int(height * ratio), int(width * ratio), 3), np.float32)
    canvas[:] = MEAN_RGB
    canvas[top : top + height, left : left + width] = image
    return canvas, boxes + np.array([left, top, left, top], np.float32)


def float_crop(
    image: np.ndarray, boxes: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The whole image, or a random patch with the centre of an object in it: 50 trials, then another choice."""
    height, width = image.shape[:2]
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    while len(boxes) and rng.integers(6):  # One of six choices is the whole image.
        for _ in range(50):
            patch_width, patch_height = rng.uniform(0.3 * width, width), rng.uniform(0.3 * height, height)
            if not 0.5 <= patch_height / patch_width <= 2:
                continue
            x0, y0 = int(rng.uniform(0, width - patch_width)), int(rng.uniform(0, height - patch_height))
            patch = np.array([x0, y0, x0 + int(patch_width), y0 + int(patch_height)], np.float32)
            share_of_patch(boxes, patch)  # Computed, as there, and never a reason to refuse the patch.
            inside = ((centers > patch[:2]) & (centers < patch[2:])).all(axis=1)
            if not inside.any():
                continue
            x1, y1 = int(patch[2]), int(patch[3])
            corners = np.concatenate(
                [np.maximum(boxes[inside, :2], patch[:2]), np.minimum(boxes[inside, 2:], patch[2:])], 1
            )
            return image[y0:y1, x0:x1], corners - patch[[0, 1, 0, 1]], labels[inside]
    return image, boxes, labels


def share_of_patch(boxes: np.ndarray, patch: np.ndarray) -> np.ndarray:
    """``(N,)`` IoU of boxes with a patch."""
    common = (np.minimum(boxes[:, 2:], patch[2:]) - np.maximum(boxes[:, :2], patch[:2])).clip(0).prod(axis=1)
    return common / ((boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (patch[2:] - patch[:2]).prod() - common)


def torchvision(store: Store) -> Prepare:
    import torch

    import_detection()  # torchvision can be imported from here on
    from torchvision import tv_tensors
    from torchvision.transforms import v2

    torch.set_num_threads(1)
    torch.manual_seed(0)
    augment = v2.Compose(
        [
            v2.RandomPhotometricDistort(),
            v2.RandomZoomOut(fill={tv_tensors.Image: MEAN_RGB, "others": 0}),
            v2.RandomIoUCrop(),
            v2.RandomHorizontalFlip(),
            v2.Resize((SIZE, SIZE), antialias=True),
            v2.ToDtype(torch.float32, scale=True),
            v2.SanitizeBoundingBoxes(),
        ]
    )

    def prepare(position: int) -> object:
        image, boxes, labels = read(store, position)
        pixels = torch.from_numpy(image).permute(2, 0, 1).contiguous()
        target = {
            "boxes": tv_tensors.BoundingBoxes(torch.tensor(boxes), format="XYXY", canvas_size=image.shape[:2]),
            "labels": torch.tensor(labels),
        }
        return augment(tv_tensors.Image(pixels), target)

    return prepare


def albumentations(store: Store) -> Prepare:
    import albumentations as alb

    augment = alb.Compose(
        [
            alb.RandomBrightnessContrast(brightness_limit=32 / 255, contrast_limit=0, p=0.5),
            alb.RandomBrightnessContrast(brightness_limit=0, contrast_limit=0.5, p=0.5),
            alb.HueSaturationValue(hue_shift_limit=0, sat_shift_limit=64, val_shift_limit=0, p=0.5),
            alb.HueSaturationValue(hue_shift_limit=18, sat_shift_limit=0, val_shift_limit=0, p=0.5),
            alb.CropAndPad(percent=(0.0, 1.5), keep_size=False, fill=MEAN_RGB[1], p=0.5),
            alb.RandomSizedBBoxSafeCrop(SIZE, SIZE),
            alb.HorizontalFlip(p=0.5),
        ],
        bbox_params=alb.BboxParams("pascal_voc", label_fields=["labels"], clip=True),
        seed=0,
    )

    def prepare(position: int) -> object:
        image, boxes, labels = read(store, position)
        return augment(image=image, bboxes=boxes, labels=labels)

    return prepare


PEERS = {"amdegroot": amdegroot, "torchvision": torchvision, "albumentations": albumentations}
NEEDS = {"torchvision": ("torch", "torchvision"), "albumentations": ("albumentations",)}


if __name__ == "__main__":
    main()
