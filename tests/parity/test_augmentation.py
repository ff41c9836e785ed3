"""The random draws of each step of the paper's augmentation, as histograms of 10,000 draws.

Each share must lie within four standard errors of what the authors' numbers say. What can be seen in pixels is read off
pixels: a grey one shows the light, a red one the colours.
"""

from itertools import product

import cv2
import numpy as np
import pytest

from multibox.config import Augment, Crop, Distort, Expand
from multibox.config_file import load_config
from multibox.data.record import make_objects
from multibox.prepare.distort import adjust_color, adjust_light, distort, draw_colors
from multibox.prepare.render import INTERPOLATIONS
from multibox.prepare.window import Window, crop, expand, random_patches, whole
from shots import shoot

DRAWS = 10_000
SLOW_DRAWS = 3_000
ERRORS = 4
PAPER = load_config("ssd300-vgg16-voc0712").augment
STILL = {"brightness": 0, "contrast": (1, 1), "saturation": (1, 1), "hue": 0}


def assert_shares(found, expected, draws=DRAWS):
    """Counts, against the probabilities that they should show."""
    share, expected = np.asarray(found) / draws, np.asarray(expected, float)
    error = np.sqrt(expected * (1 - expected) / draws)
    assert (np.abs(share - expected) <= ERRORS * error + 1e-12).all(), f"{share} is not {expected}"


def assert_even(values, low, high, bins=10, draws=None):
    """Values, all of them between two limits, as often in one tenth of the way as in another."""
    values = np.asarray(values)
    assert low - 1e-6 <= values.min()
    assert values.max() <= high + 1e-6
    counts = np.histogram(values.clip(low, high), bins, (low, high))[0]
    assert_shares(counts, np.full(bins, 1 / bins), draws or len(values))


def assert_levels(levels, low, high, same, changed=0.5):
    """Whole levels: one change in ``changed`` of the draws, drawn evenly from ``low`` to ``high`` and rounded."""
    edges = np.arange(np.floor(low + 0.5), np.floor(high + 0.5) + 1) + 0.5
    inner = np.clip(edges, low, high)
    expected = changed * np.diff(np.concatenate([[low], inner])) / (high - low)
    counts = np.histogram(levels, np.concatenate([[edges[0] - 1], edges]))[0]
    assert counts.sum() == len(levels), "a level beyond the limits"
    expected[np.searchsorted(edges, same)] += 1 - changed
    assert_shares(counts, expected, len(levels))


def distorted(color, **config):
    """One pixel, distorted again and again: ``(DRAWS, 3)`` RGB."""
    pixel, rng, config = np.array([[color]], np.uint8), np.random.default_rng(0), Distort(**config)
    return np.array([distort(pixel, draw_colors(rng, config))[0, 0] for _ in range(DRAWS)]).astype(int)


def test_the_papers_numbers():
    assert PAPER.distort == Distort(probability=0.5, brightness=32, contrast=(0.5, 1.5), saturation=(0.5, 1.5), hue=18)
    assert PAPER.expand == Expand(probability=0.5, ratio=4)
    assert PAPER.crop == Crop(min_iou=(0.1, 0.3, 0.5, 0.7, 0.9), scale=(0.3, 1), ratio=(0.5, 2), trials=50)
    assert (PAPER.crop.probability, PAPER.mirror, PAPER.flip) == (1, 0.5, 0)
    assert all(getattr(PAPER, step).probability == 0 for step in ("mosaic", "mixup", "affine", "cutout"))
    assert all(getattr(PAPER, step).probability == 0 for step in ("clahe", "blur", "noise"))


def test_brightness():
    grey = distorted((128, 128, 128), **STILL | {"brightness": 32})
    assert (grey == grey[:, :1]).all()
    assert_levels(grey[:, 0] - 128, -32, 32, same=0)


def test_contrast():
    grey = distorted((100, 100, 100), **STILL | {"contrast": (0.5, 1.5)})
    assert_levels(grey[:, 0], 50, 150, same=100)


def test_saturation():
    """Of a pixel whose largest channel is 255, the smallest is 255 less the saturation."""
    red = distorted((255, 155, 155), **STILL | {"saturation": (0.5, 1.5)})
    assert (red[:, 0] == 255).all()
    assert_levels(255 - red[:, 2], 50, 150, same=100)


def test_hue():
    red = distorted((255, 0, 0), **STILL | {"hue": 18})
    turned = cv2.cvtColor(red[None].astype(np.uint8), cv2.COLOR_RGB2HSV)[0, :, 0].astype(int)
    assert_levels((turned + 90) % 180 - 90, -18, 18, same=0)


def test_the_four_changes_do_not_depend_on_one_another():
    """Sixteen cases, each as likely: told apart by two pixels. Contrast is large, and brightness small beside it."""
    config = Distort(brightness=4, contrast=(1.5, 1.5), saturation=(0.5, 0.5), hue=18)
    pixels, rng = np.array([[(80, 80, 80), (150, 50, 50)]], np.uint8), np.random.default_rng(0)
    counts = dict.fromkeys(product((False, True), repeat=4), 0)
    for _ in range(DRAWS):
        (grey, _, _), color = distort(pixels, draw_colors(rng, config))[0].astype(int)
        contrast = grey > 100
        brightness = grey != (120 if contrast else 80)
        hue, saturation, _ = cv2.cvtColor(color[None, None].astype(np.uint8), cv2.COLOR_RGB2HSV)[0, 0].astype(int)
        counts[bool(brightness), bool(contrast), bool(saturation < 120), bool(hue != 0)] += 1
    unseen = np.array([1 / 8, 0, 0, 1 / 36])  # of the changes by less than half a level
    seen = 0.5 * (1 - unseen)
    expected = [np.prod([p if there else 1 - p for p, there in zip(seen, case, strict=True)]) for case in counts]
    assert_shares(list(counts.values()), expected)


def test_the_coin_between_contrast_and_colours():
    color = (230, 180, 120)
    pixel = np.array([[color]], np.uint8)
    results = distorted(color, probability=1, brightness=0, contrast=(1.5, 1.5), saturation=(1.5, 1.5), hue=0)
    first = adjust_color(adjust_light(pixel, 0, 1.5), 1.5, 0)[0, 0]
    last = adjust_light(adjust_color(pixel, 1.5, 0), 0, 1.5)[0, 0]
    assert (first != last).any()
    assert_shares([(results == first).all(axis=1).sum(), (results == last).all(axis=1).sum()], [0.5, 0.5])


def test_expand():
    window, rng = whole((100, 200)), np.random.default_rng(0)
    larger = [larger for _ in range(DRAWS) if (larger := expand(window, rng, PAPER.expand)) != window]
    assert_shares(len(larger), 0.5)
    ratio = np.array([w.width / 200 for w in larger])
    np.testing.assert_allclose([w.height / 100 for w in larger], ratio)
    assert_even(ratio, 1, 4)
    assert_even([-w.x0 / (w.width - 200) for w in larger], 0, 1)
    assert_even([-w.y0 / (w.height - 100) for w in larger], 0, 1)


def test_patches():
    """Scale, aspect ratio within what fits, and place, each evenly drawn."""
    rng = np.random.default_rng(0)
    patches = np.concatenate([random_patches(Window(0, 0, 1, 1), rng, PAPER.crop) for _ in range(DRAWS // 50)])
    x0, y0, x1, y1 = patches.T
    width, height = x1 - x0, y1 - y0
    scale, ratio = np.sqrt(width * height), width / height
    least, most = np.maximum(0.5, scale**2), np.minimum(2, 1 / scale**2)
    assert_even(scale, 0.3, 1)
    assert_even((ratio - least) / (most - least), 0, 1)
    assert_even(x0 / (1 - width), 0, 1)
    assert_even(y0 / (1 - height), 0, 1)


def area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def overlap(a, b):
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    return width * height / (area(a) + area(b) - width * height)


def batch_sampler(objects, rng):
    """REFERENCE: every sampler looks for its candidate, and one of the candidates is taken."""
    candidates = [(0.0, 0.0, 1.0, 1.0)]
    for least in (0.1, 0.3, 0.5, 0.7, 0.9, None):
        for _ in range(50):
            scale = rng.uniform(0.3, 1)
            ratio = rng.uniform(max(0.5, scale**2), min(2, 1 / scale**2))
            width, height = scale * ratio**0.5, scale / ratio**0.5
            x, y = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
            patch = x, y, x + width, y + height
            if least is None or any(overlap(patch, box) >= least for box in objects):
                candidates.append(patch)
                break
    return candidates[rng.integers(len(candidates))]


@pytest.mark.slow
@pytest.mark.parametrize(
    "objects",
    [[(0.1, 0.2, 0.8, 0.9)], [(0.4, 0.4, 0.55, 0.6), (0.0, 0.1, 0.3, 0.5), (0.7, 0.7, 0.75, 0.75)]],
    ids=["large", "small"],
)
def test_the_batch_sampler(objects):
    """How large the chosen patches are, and how well they show an object: beside the samplers one by one."""
    rng, boxes = np.random.default_rng(0), np.array(objects)
    windows = [crop(Window(0, 0, 1, 1), boxes, rng, PAPER.crop) for _ in range(DRAWS)]
    ours = np.array([(w.x0, w.y0, w.x1, w.y1) for w in windows])
    theirs = np.array([batch_sampler(objects, rng) for _ in range(SLOW_DRAWS)])
    edges = [*np.arange(10) / 10, 1 - 1e-9, 1.01]  # the last: all of the image, or of the object
    for measure in (area, lambda patch: max(overlap(patch, box) for box in objects)):
        counts = [np.histogram([measure(patch) for patch in patches], edges)[0] for patches in (ours, theirs)]
        share = sum(counts) / (DRAWS + SLOW_DRAWS)
        error = np.sqrt(share * (1 - share) * (1 / DRAWS + 1 / SLOW_DRAWS))
        assert (np.abs(counts[0] / DRAWS - counts[1] / SLOW_DRAWS) <= ERRORS * error).all()


def test_mirror_and_interpolation():
    """Ten outputs that a small image can lead to, each with the same probability."""
    image, rng = np.random.default_rng(1).integers(0, 256, (7, 9, 3), np.uint8), np.random.default_rng(0)
    off = {"probability": 0}
    config = Augment.model_validate({"distort": off, "expand": off, "crop": off, "mirror": PAPER.mirror})
    sizes = [cv2.resize(image, (5, 5), interpolation=how).astype(int) for how in INTERPOLATIONS]
    pictures = np.array([picture[:, ::side] for picture in sizes for side in (1, -1)])
    nothing = make_objects([], [])
    found = np.array([shoot(image, nothing, rng, config, (5, 5))[0] for _ in range(DRAWS)])
    # our Lanczos rounds in another place
    same = np.array([np.abs(found - picture).max(axis=(1, 2, 3)) <= 1 for picture in pictures])
    assert (same.sum(axis=0) == 1).all()
    assert_shares(same.sum(axis=1), np.full(10, 0.1))
