import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multibox.boxes import iou
from multibox.config import Crop, Expand
from multibox.data.record import make_objects
from multibox.prepare.window import (
    Window,
    crop,
    expand,
    from_window,
    letterbox,
    look_through,
    overlap,
    random_patches,
    snap,
    to_window,
    whole,
)

NO_BOXES = np.zeros((0, 4), np.float32)
seeds = st.integers(0, 2**32 - 1)


def corners(window):
    return np.array([window.x0, window.y0, window.x1, window.y1])


def test_the_whole_image():
    window = whole((60, 80))
    assert window == Window(0, 0, 80, 60)
    assert (window.width, window.height) == (80, 60)


def test_expand_never_or_always():
    window = whole((60, 80))
    rng = np.random.default_rng(0)
    assert expand(window, rng, Expand(probability=0)) == window
    assert all(expand(window, rng, Expand(probability=1)) != window for _ in range(20))


@given(seeds)
def test_an_expanded_window_has_the_shape_and_contains_the_old_one(seed):
    window = Window(10, 20, 90, 80)
    larger = expand(window, np.random.default_rng(seed), Expand(probability=1, ratio=4))
    assert larger.width / larger.height == pytest.approx(80 / 60)
    assert 1 <= larger.width / window.width <= 4
    assert larger.x0 <= 10 + 1e-9
    assert larger.y0 <= 20 + 1e-9
    assert larger.x1 >= 90 - 1e-9
    assert larger.y1 >= 80 - 1e-9


def test_expand_draws_its_ratio_evenly_and_half_the_time():
    rng = np.random.default_rng(0)
    ratios = np.array([expand(whole((60, 80)), rng, Expand(ratio=4)).width / 80 for _ in range(4000)])
    assert (ratios == 1).mean() == pytest.approx(0.5, abs=0.03)
    assert ratios[ratios > 1].mean() == pytest.approx(2.5, abs=0.06)


@given(seeds)
def test_random_patches_keep_scale_and_ratio(seed):
    config = Crop()
    patches = random_patches(Window(0, 0, 1, 1), np.random.default_rng(seed), config)
    assert patches.shape == (50, 4)
    width, height = patches[..., 2] - patches[..., 0], patches[..., 3] - patches[..., 1]
    scale, ratio = np.sqrt(width * height), width / height
    assert ((scale >= 0.3 - 1e-6) & (scale <= 1 + 1e-6)).all()
    assert ((ratio >= 0.5 - 1e-6) & (ratio <= 2 + 1e-6)).all()
    assert ((ratio >= scale**2 - 1e-6) & (ratio <= 1 / scale**2 + 1e-6)).all()  # else it would not fit
    assert ((patches >= -1e-6) & (patches <= 1 + 1e-6)).all()


def test_random_patches_lie_in_their_window():
    patches = random_patches(Window(100, 50, 300, 150), np.random.default_rng(0), Crop())
    assert (patches[..., :2] >= (100, 50)).all()
    assert (patches[..., 2:] <= (300 + 1e-9, 150 + 1e-9)).all()


@pytest.mark.parametrize("least", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_crop_shows_an_object_as_well_as_its_sampler_asks(least):
    """Of 22 candidates 20 must reach the least IoU; only the whole window and the one without a limit may be below."""
    boxes = np.array([[5, 5, 75, 55], [0, 0, 8, 8]], np.float32)
    window, rng = whole((60, 80)), np.random.default_rng(1)
    crops = [crop(window, boxes, rng, Crop(min_iou=(least,) * 20, trials=500)) for _ in range(200)]
    best = np.array([iou(corners(c)[None], boxes).max() for c in crops if c != window])
    assert (best >= least).mean() > 0.85


def test_one_object_that_meets_the_iou_is_enough():
    large, far = [5, 5, 75, 55], [0, 0, 1, 1]
    window, rng = whole((60, 80)), np.random.default_rng(0)
    config = Crop(min_iou=(0.9,), trials=400)
    crops = [crop(window, np.array([large, far], np.float32), rng, config) for _ in range(100)]
    assert any(c != window and iou(corners(c)[None], np.array([large]))[0, 0] >= 0.9 for c in crops)


def test_candidates_are_equally_likely():
    """All seven samplers always pass here: the whole window must come up once in seven."""
    boxes = np.array([[0, 0, 80, 60]], np.float32)
    config = Crop(min_iou=(0.1, 0.1, 0.1, 0.1, 0.1), scale=(0.5, 0.9))
    window, rng = whole((60, 80)), np.random.default_rng(0)
    share = np.mean([crop(window, boxes, rng, config) == window for _ in range(4000)])
    assert share == pytest.approx(1 / 7, abs=0.02)


def test_an_image_without_objects_is_cropped_without_limit_or_not_at_all():
    window, rng = whole((60, 80)), np.random.default_rng(0)
    share = np.mean([crop(window, NO_BOXES, rng, Crop()) == window for _ in range(1000)])
    assert share == pytest.approx(0.5, abs=0.05)


def test_crop_never():
    window = whole((60, 80))
    assert crop(window, NO_BOXES, np.random.default_rng(0), Crop(probability=0)) == window


@pytest.mark.parametrize(
    ("window", "size", "expected"),
    [
        (Window(0, 0, 80, 60), (300, 300), Window(0, -10, 80, 70)),
        (Window(0, 0, 60, 80), (300, 300), Window(-10, 0, 70, 80)),
        (Window(0, 0, 80, 60), (300, 600), Window(-20, 0, 100, 60)),
        (Window(0, 0, 80, 60), (300, 400), Window(0, 0, 80, 60)),
        (Window(10, 10, 20, 30), (50, 50), Window(5, 10, 25, 30)),
    ],
)
def test_letterbox_worked_by_hand(window, size, expected):
    assert corners(letterbox(window, size)) == pytest.approx(corners(expected))


@pytest.mark.parametrize(
    ("low", "high", "length", "size", "source", "output"),
    [
        (0, 100, 100, 50, (0, 100), (0, 50)),
        (-100, 100, 100, 50, (0, 100), (25, 50)),
        (-50, 150, 100, 50, (0, 100), (12, 38)),  # at 12.5 and 37.5
        (10.4, 59.6, 100, 50, (10, 60), (0, 50)),
        (-30, -10, 100, 50, (0, 0), (0, 0)),  # wholly before the image
        (100, 130, 100, 50, (0, 0), (0, 0)),  # they touch
        (3.2, 3.4, 100, 50, (3, 4), (0, 50)),  # less than a pixel shows that pixel
        (0, 1, 1, 50, (0, 1), (0, 50)),
        (-1000, 1, 100, 10, (0, 1), (10, 10)),  # a sliver that no output pixel shows
    ],
)
def test_overlap_worked_by_hand(low, high, length, size, source, output):
    assert overlap(low, high, length, size) == (slice(*source), slice(*output))


def test_snap_worked_by_hand():
    # The image (100 px) lies from 12.5 to 37.5 of 50 output pixels; from 12 to 38 it is 26 wide, a pixel spans 100/26.
    snapped = snap(Window(-50, 10.4, 150, 59.6), (100, 100), (50, 50))
    assert corners(snapped) == pytest.approx([-12 * 100 / 26, 10, 100 + 12 * 100 / 26, 60])


windows = st.tuples(st.floats(-200, 120), st.floats(-200, 120), st.floats(0.5, 400), st.floats(0.5, 400)).map(
    lambda v: Window(v[0], v[1], v[0] + v[2], v[1] + v[3])
)


@settings(max_examples=200)
@given(windows, st.sampled_from([(32, 32), (30, 57), (300, 300)]), st.sampled_from([(60, 80), (1, 1), (2, 100)]))
def test_snapping_moves_the_image_by_less_than_a_pixel_and_once(window, size, image_size):
    snapped = snap(window, image_size, size)
    assert snapped.width > 0
    assert snapped.height > 0
    assert corners(snap(snapped, image_size, size)) == pytest.approx(corners(snapped), abs=1e-6)
    for low, high, new_low, new_high, length, n in (
        (window.x0, window.x1, snapped.x0, snapped.x1, image_size[1], size[1]),
        (window.y0, window.y1, snapped.y0, snapped.y1, image_size[0], size[0]),
    ):
        for edge in (max(low, 0), min(high, length)):  # an edge of what is seen
            before, after = (edge - low) * n / (high - low), (edge - new_low) * n / (new_high - new_low)
            output_pixels = abs(after - before)
            source_pixels = output_pixels * max((high - low), (new_high - new_low)) / n
            assert min(output_pixels, source_pixels) <= 1 + 1e-6 or (new_low, new_high) == (low, high)


@given(windows)
def test_into_a_window_and_back(window):
    boxes = np.array([[3, 4, 50, 60], [0, 0, 1, 1]], np.float32)
    np.testing.assert_allclose(from_window(to_window(boxes, window), window), boxes, atol=2e-3)


def test_to_window_worked_by_hand():
    boxes_rel = to_window(np.array([[10, 20, 30, 60]], np.float32), Window(0, 20, 40, 100))
    np.testing.assert_allclose(boxes_rel, [[0.25, 0, 0.75, 0.5]])
    assert boxes_rel.dtype == np.float32


def test_objects_stay_by_their_centre_and_are_cut_off():
    boxes = [
        [0, 0, 30, 30],  # centre (15, 15): stays, cut off
        [0, 0, 18, 18],  # centre (9, 9): outside
        [12, 12, 14, 14],  # inside
        [25, 10, 35, 20],  # centre on the right edge: outside, else two windows side by side would share it
    ]
    objects = make_objects(boxes, [0, 1, 2, 3], difficult=[0, 0, 1, 0], ids="abcd")
    seen = look_through(objects, Window(10, 10, 30, 30))
    np.testing.assert_allclose(seen.boxes, [[0, 0, 1, 1], [0.1, 0.1, 0.2, 0.2]], atol=1e-6)
    np.testing.assert_array_equal(seen.labels, [0, 2])
    np.testing.assert_array_equal(seen.difficult, [False, True])
    assert seen.ids == ("a", "c")


def test_objects_without_an_area_are_dropped():
    boxes = [[15, 15, 15, 20], [20, 20, 15, 15], [np.nan, 0, 20, 20], [15, 15, 16, 16]]
    seen = look_through(make_objects(boxes, [0, 1, 2, 3]), Window(10, 10, 30, 30))
    np.testing.assert_array_equal(seen.labels, [3])


def test_a_crowd_stays_while_a_part_of_it_shows():
    boxes = [[0, 0, 12, 12], [0, 0, 12, 12], [0, 0, 5, 5]]
    seen = look_through(make_objects(boxes, [0, 1, 2], crowd=[1, 0, 1]), Window(10, 10, 30, 30))
    np.testing.assert_array_equal(seen.labels, [0])
    np.testing.assert_allclose(seen.boxes, [[0, 0, 0.1, 0.1]], atol=1e-6)


def test_no_objects_stay_no_objects():
    assert len(look_through(make_objects([], []), Window(0, 0, 1, 1))) == 0
