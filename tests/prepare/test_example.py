import dataclasses
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from multibox.boxes import decode as decode_boxes
from multibox.boxes import iou
from multibox.config import Augment, Config
from multibox.data.record import Record, make_objects
from multibox.detect.prepare_image import prepare_image
from multibox.errors import BadInput
from multibox.prepare.example import augmented_image, training_example
from multibox.prepare.plan import choose_objects
from multibox.prepare.render import MEAN_RGB, decode
from multibox.prepare.window import from_window
from shots import shoot

RED, GREEN = (255, 0, 0), (0, 255, 0)


def detection_input(image, size, resize="warp"):
    """The network's input as detection prepares it, and the window it shows."""
    prepared = prepare_image(image, SimpleNamespace(network=SimpleNamespace(size=size), resize=resize))
    return prepared.inputs[0], prepared.views[0].window


def with_changes(config, **changes):
    return Config.model_validate({**config.model_dump(), **changes})


def red_square():
    """A black image of 60 x 80 with a red square, and its box."""
    image = np.zeros((60, 80, 3), np.uint8)
    image[20:40, 24:44] = RED
    return image, make_objects([[24, 20, 44, 40]], [0])


def bounds_of(mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def test_without_chance_it_is_resized_and_matched(record, small_priors, still):
    example = training_example(record, np.random.default_rng(0), small_priors, still)
    assert example["image"].shape == (128, 128, 3)
    assert example["image"].dtype == np.uint8
    bgr = cv2.imdecode(np.frombuffer(record.image, np.uint8), cv2.IMREAD_COLOR)
    difference = example["image"].astype(int) - cv2.resize(bgr, (128, 128))[..., ::-1]
    assert np.abs(difference).mean() < 8  # one of five interpolations
    positive = example["classes"] == 1
    assert positive.any()
    found = decode_boxes(example["boxes"][positive], small_priors[positive])
    np.testing.assert_allclose(found, np.tile([10 / 80, 10 / 60, 50 / 80, 40 / 60], (positive.sum(), 1)), atol=1e-5)


def test_the_generator_alone_decides(record, small_priors):
    config = Config.model_validate({"network": {"size": [128, 128]}})
    first, again, other = (
        training_example(record, np.random.default_rng(seed), small_priors, config) for seed in (5, 5, 6)
    )
    assert all((first[name] == again[name]).all() for name in first)
    assert (first["image"] != other["image"]).any()


@pytest.mark.parametrize("resize", ["warp", "letterbox"])
@pytest.mark.parametrize("size", [(160, 160), (128, 224)])
def test_boxes_follow_the_pixels(resize, size):
    """Whatever is drawn, the box is where the red is: zoomed, cut, mirrored, flipped."""
    image, objects = red_square()
    config = Augment.model_validate({"distort": {"probability": 0}, "flip": 0.5})
    seen = 0
    for seed in range(200):
        output, objects_rel = shoot(image, objects, np.random.default_rng(seed), config, size, resize)
        assert output.shape == (*size, 3)
        red = (output[..., 0].astype(int) - output[..., 1] > 128) & (output[..., 2] < 100)
        if len(objects_rel) == 0:
            continue
        seen += 1
        expected = bounds_of(red)
        scale = (size[1], size[0], size[1], size[0])
        np.testing.assert_allclose(objects_rel.boxes[0] * scale, expected, atol=2.1)
    assert seen > 100


def test_a_non_square_input_and_letterbox_keep_the_shape(record, small_priors, still):
    config = with_changes(still, network={"size": [128, 256]}, data={"resize": "letterbox"})
    example = training_example(record, np.random.default_rng(0), small_priors, config)
    assert example["image"].shape == (128, 256, 3)
    # 80 x 60 becomes 171 x 128, in the middle
    np.testing.assert_array_equal(example["image"][:, :42], np.full((128, 42, 3), MEAN_RGB))
    assert (example["image"][:, 44:212] != MEAN_RGB).any(axis=(1, 2)).all()


def test_an_image_without_objects_is_all_background(record, small_priors):
    empty = dataclasses.replace(record, objects=make_objects([], []))
    config = Config.model_validate({"network": {"size": [128, 128]}})
    for seed in range(20):
        example = training_example(empty, np.random.default_rng(seed), small_priors, config)
        assert (example["classes"] == 0).all()
        assert (example["boxes"] == 0).all()


def test_objects_without_an_area_do_no_harm(record, small_priors):
    bad = make_objects([[10, 10, 10, 40], [50, 40, 10, 10], [np.nan] * 4, [10, 10, 50, 40]], [0, 0, 0, 1])
    config = Config.model_validate({"network": {"size": [128, 128]}})
    for seed in range(50):
        example = training_example(
            dataclasses.replace(record, objects=bad), np.random.default_rng(seed), small_priors, config
        )
        assert np.isfinite(example["boxes"]).all()
        assert set(np.unique(example["classes"])) <= {0, 2}


def test_the_smallest_image_there_is(small_priors):
    pixel = cv2.imencode(".png", np.zeros((1, 1, 3), np.uint8))[1].tobytes()
    record = Record("dot", pixel, 1, 1, make_objects([[0, 0, 1, 1]], [0]))
    config = Config.model_validate({"network": {"size": [128, 128]}})
    for seed in range(50):
        example = training_example(record, np.random.default_rng(seed), small_priors, config)
        assert np.isfinite(example["boxes"]).all()


@pytest.mark.parametrize(("policy", "left"), [("keep", [0, 1]), ("drop", [0])])
def test_difficult_objects_are_kept_or_dropped(policy, left):
    objects = make_objects([[0, 0, 9, 9]] * 2, [0, 1], difficult=[0, 1])
    np.testing.assert_array_equal(choose_objects(objects, policy).labels, left)


def test_dropping_difficult_objects_reaches_the_targets(record, small_priors, still):
    objects = make_objects([[10, 10, 50, 40]], [0], difficult=[1])
    dropped = with_changes(still, data={"difficult": "drop"})
    hard = dataclasses.replace(record, objects=objects)
    assert (training_example(hard, np.random.default_rng(0), small_priors, still)["classes"] == 1).any()
    assert (training_example(hard, np.random.default_rng(0), small_priors, dropped)["classes"] == 0).all()


def test_crowds_are_ignored_wherever_they_are_seen(small_priors):
    image, _ = red_square()
    crowd = make_objects([[0, 0, 80, 60]], [0], crowd=[1])
    _, objects_rel = shoot(image, crowd, np.random.default_rng(0), Augment(), (128, 128))
    assert objects_rel.crowd.all()
    np.testing.assert_array_equal(objects_rel.labels, [0])


def test_an_image_that_cannot_be_decoded_is_named(record, small_priors, still):
    broken = dataclasses.replace(record, image=b"oh", source="photos/broken.jpg")
    with pytest.raises(BadInput, match=r"photos/broken\.jpg"):
        training_example(broken, np.random.default_rng(0), small_priors, still)


@pytest.mark.parametrize("resize", ["warp", "letterbox"])
@pytest.mark.parametrize("shape", [(60, 80), (97, 51), (301, 299), (5, 400)])
def test_what_is_found_leads_back_to_the_image(resize, shape):
    """Found in the network's input and sent back through the window, a box fits the image."""
    image = np.zeros((*shape, 3), np.uint8)
    box = np.array([[shape[1] // 4, shape[0] // 4, shape[1] // 2, shape[0] // 2]])
    x0, y0, x1, y1 = box[0]
    image[y0:y1, x0:x1] = GREEN
    output, window = detection_input(image, (200, 300), resize)
    assert output.shape == (200, 300, 3)
    bright = (output[..., 1].astype(int) - output[..., 0]) > 128
    found_rel = np.array([bounds_of(bright)]) / (300, 200, 300, 200)
    back = from_window(found_rel, window)
    tolerance = 1 + max(window.width / 300, window.height / 200)
    np.testing.assert_allclose(back, box, atol=tolerance)


def test_detection_sees_what_training_without_chance_sees(record, small_priors, still):
    output, window = detection_input(decode(record.image), (128, 128))
    example = training_example(record, np.random.default_rng(3), small_priors, still)
    assert np.abs(output.astype(int) - example["image"]).mean() < 8
    assert iou(np.array([[window.x0, window.y0, window.x1, window.y1]]), np.array([[0, 0, 80, 60]])) == 1


@pytest.mark.parametrize("step", ["mosaic", "mixup", "affine", "cutout", "clahe", "blur", "noise"])
def test_each_step_beyond_the_paper_can_be_switched_on(step, record, make_record, small_priors, still):
    config = with_changes(still, augment={**still.augment.model_dump(), step: {"probability": 1}})
    other = make_record(1, boxes=[(0, 0, 30, 30), (20, 20, 70, 50)], labels=[1, 1])

    def prepare(config):
        return training_example(record, np.random.default_rng(2), small_priors, config, lambda rng: other)

    changed, again, plain = prepare(config), prepare(config), prepare(still)
    assert (changed["image"].shape, changed["image"].dtype) == ((128, 128, 3), np.uint8)
    assert (changed["image"] != plain["image"]).any()
    assert all((changed[name] == again[name]).all() for name in changed)


@pytest.mark.parametrize(("steps", "count"), [(["mosaic"], 4), (["mixup"], 2), (["mosaic", "mixup"], 8)])
def test_a_mosaic_shows_four_images_and_mixup_twice_as_many(steps, count, make_record, still):
    """Each image's one object is of a class of its own; in the middle of it, so that none is cut away."""
    records = (make_record(i, boxes=[(30, 20, 50, 40)], labels=[i]) for i in range(9))
    config = with_changes(still, augment={**still.augment.model_dump(), **{step: {"probability": 1} for step in steps}})
    image, objects_rel = augmented_image(next(records), np.random.default_rng(0), config, lambda rng: next(records))
    assert image.shape == (128, 128, 3)
    assert sorted(objects_rel.labels.tolist()) == list(range(count))


def test_without_others_a_mosaic_is_of_the_image_itself(record, small_priors, still):
    config = with_changes(still, augment={**still.augment.model_dump(), "mosaic": {"probability": 1}})
    _, objects_rel = augmented_image(record, np.random.default_rng(0), config)
    assert len(objects_rel) == 4
