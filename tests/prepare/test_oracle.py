"""The fast path against SSD's steps done one by one, as the authors describe them, with the same random state."""

import copy

import cv2
import numpy as np
import pytest

from canvas import canvas_crop_resize
from multibox.config import Config
from multibox.config_file import load_config
from multibox.data.record import make_objects
from multibox.models.maps import network_priors
from multibox.prepare.distort import distort, draw_colors
from multibox.prepare.example import augmented_image, training_example
from multibox.prepare.render import INTERPOLATIONS
from multibox.prepare.window import crop, expand, snap, whole
from shots import shoot

SIZE = (300, 320)
OBJECTS = make_objects([(90, 60, 330, 270), (300, 180, 450, 350), (6, 9, 120, 102), (180, 30, 225, 330)], [0, 1, 2, 0])


def photograph(seed, height=375, width=500):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 15, width // 15, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def step_by_step(image, objects, rng, config, size):
    """Distort all of the image, paint it on a canvas, cut a patch out, resize it, mirror it; boxes one at a time."""
    window = expand(whole(image.shape[:2]), rng, config.expand)
    window = snap(crop(window, objects.boxes, rng, config.crop), image.shape[:2], size)
    interpolation = INTERPOLATIONS[rng.integers(len(INTERPOLATIONS))]
    mirror, flip = rng.random(2) < (config.mirror, config.flip)
    patch = canvas_crop_resize(distort(image, draw_colors(rng, config.distort)), window, size, interpolation)

    boxes, labels = [], []
    for (bx0, by0, bx1, by1), label in zip(objects.boxes.tolist(), objects.labels.tolist(), strict=True):
        center = (bx0 + bx1) / 2, (by0 + by1) / 2
        if not (window.x0 <= center[0] < window.x1 and window.y0 <= center[1] < window.y1):
            continue
        xs = [(min(max(x, window.x0), window.x1) - window.x0) / (window.x1 - window.x0) for x in (bx0, bx1)]
        ys = [(min(max(y, window.y0), window.y1) - window.y0) / (window.y1 - window.y0) for y in (by0, by1)]
        xs = [1 - x for x in xs[::-1]] if mirror else xs
        ys = [1 - y for y in ys[::-1]] if flip else ys
        boxes.append((xs[0], ys[0], xs[1], ys[1]))
        labels.append(label)
    patch = patch[:, ::-1] if mirror else patch
    return patch[::-1] if flip else patch, boxes, labels


def overlap(a, b):
    """IoU in float32, so that equal overlaps are equal here too."""
    width = max(np.float32(0), min(a[2], b[2]) - max(a[0], b[0]))
    height = max(np.float32(0), min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / union


def targets_one_by_one(boxes, labels, priors):
    """Greedy over all pairs, then the threshold; then equation 2 of the paper for each matched prior."""
    overlaps = {(i, j): overlap(box, prior) for i, box in enumerate(boxes) for j, prior in enumerate(priors)}
    matched = {}
    for (i, j), iou in sorted(overlaps.items(), key=lambda pair: -pair[1]):
        if iou > 1e-6 and i not in matched.values() and j not in matched:
            matched[j] = i
    for j in set(range(len(priors))) - set(matched):
        best = max(range(len(boxes)), key=lambda i: overlaps[i, j], default=None)
        if best is not None and overlaps[best, j] >= 0.5:
            matched[j] = best
    classes, deltas = np.zeros(len(priors), int), np.zeros((len(priors), 4))
    for j, i in matched.items():
        (bx0, by0, bx1, by1), (px0, py0, px1, py1) = boxes[i], priors[j]
        width, height = px1 - px0, py1 - py0
        classes[j] = labels[i] + 1
        deltas[j] = (
            ((bx0 + bx1) - (px0 + px1)) / 2 / width / 0.1,
            ((by0 + by1) - (py0 + py1)) / 2 / height / 0.1,
            np.log((bx1 - bx0) / width) / 0.2,
            np.log((by1 - by0) / height) / 0.2,
        )
    return classes, deltas


@pytest.fixture(scope="module")
def paper():
    return load_config("ssd300-vgg16-voc0712").augment


def test_pixels_and_boxes_of_200_examples(paper):
    differences = []
    for seed in range(200):
        image, rng = photograph(seed % 7), np.random.default_rng(seed)
        expected, boxes, labels = step_by_step(image, OBJECTS, copy.deepcopy(rng), paper, SIZE)
        output, objects_rel = shoot(image, OBJECTS, rng, paper, SIZE)
        assert objects_rel.labels.tolist() == labels
        np.testing.assert_allclose(objects_rel.boxes, np.reshape(boxes, (-1, 4)), atol=1e-6)
        differences.append(np.abs(output.astype(int) - expected).mean())
    assert np.mean(differences) < 0.5
    assert np.percentile(differences, 99) < 2  # the canvas has whole pixels, the window has not


def test_targets(make_record):
    config = Config.model_validate({"network": {"size": [128, 128]}})
    priors_rel = network_priors(config.network, config.priors)
    some = priors_rel[np.linspace(0, len(priors_rel) - 1, 400).astype(int)]
    record = make_record(0, 375, 500, OBJECTS.boxes, OBJECTS.labels)
    matched = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        example = training_example(record, copy.deepcopy(rng), some, config)
        _, objects_rel = augmented_image(record, rng, config)
        classes, deltas = targets_one_by_one(objects_rel.boxes, objects_rel.labels, some)
        np.testing.assert_array_equal(example["classes"], classes)
        np.testing.assert_allclose(example["boxes"], deltas, rtol=1e-5, atol=1e-5)
        matched += (classes > 0).sum()
    assert matched > 50
