"""Augmentation in slow motion ends where training's does, bit for bit."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from colored import paint
from multibox.config import Config
from multibox.data.record import Record, make_objects
from multibox.explain.augmentation import STEPS, explain_augmentation
from multibox.prepare.example import augmented_image

ALL = {name: {"probability": 0.5} for name in ("mosaic", "mixup", "affine", "cutout", "clahe", "blur", "noise")}


def make_record(number=0, boxes=((40, 20, 140, 100), (200, 110, 290, 160))):
    image = paint((180, 300), {"red": boxes[0], "blue": boxes[1]})
    noise = np.random.default_rng(number).integers(0, 60, image.shape, np.uint8)
    encoded = cv2.imencode(".png", cv2.subtract(image, noise)[..., ::-1])[1].tobytes()
    return Record(f"{number}", encoded, 300, 180, make_objects(boxes, [0, 2]))


def config_of(resize="warp", **augment):
    return Config.model_validate(
        {"network": {"size": [128, 192]}, "augment": {"flip": 0.5, **augment}, "data": {"resize": resize}}
    )


@pytest.mark.parametrize("resize", ["warp", "letterbox"])
@pytest.mark.parametrize("augment", [{}, ALL])
def test_it_ends_with_the_picture_that_training_sees(resize, augment):
    record, config = make_record(), config_of(resize, **augment)
    for seed in range(25):
        draws = [np.random.default_rng(99) for _ in range(2)]
        others = [lambda rng, own=own: make_record(int(own.integers(5))) for own in draws]
        image, objects_rel = augmented_image(record, np.random.default_rng(seed), config, others[0])
        last = explain_augmentation(record, config, seed, others[1])[-1]
        np.testing.assert_array_equal(last.after[0], image)
        for name, column in vars(objects_rel).items():
            np.testing.assert_array_equal(getattr(last.after[1], name), column)


def test_each_step_goes_on_from_the_one_before_and_says_whether_it_did_anything():
    done = dict.fromkeys(STEPS, 0)
    for seed in range(40):
        steps = explain_augmentation(make_record(), config_of(**ALL), seed)
        assert [step.name for step in steps] == list(STEPS)
        for step, following in pairwise(steps):
            assert following.before is step.after
        for step in steps:
            same = np.array_equal(step.before[0], step.after[0])
            assert step.did or same
            done[step.name] += step.did
    assert all(0 < count < 40 for name, count in done.items() if name not in ("resize", "crop"))
    assert done["resize"] == 40


def test_steps_that_are_off_are_left_out():
    config = config_of(expand={"probability": 0}, crop={"probability": 0}, distort={"probability": 0}, mirror=0, flip=0)
    (step,) = explain_augmentation(make_record(), config, 0)
    assert (step.name, step.title, step.did) == ("resize", "Resize", True)
    assert step.before[0].shape == (115, 192, 3)
    assert step.after[0].shape == (128, 192, 3)


def test_objects_go_with_the_pixels():
    """Wherever a step has put the red, there is its box."""
    config = config_of(distort={"probability": 0})
    seen = 0
    for seed in range(30):
        for step in explain_augmentation(make_record(), config, seed):
            image, objects_rel = step.after
            red = (image[..., 0].astype(int) - image[..., 1] > 120) & (image[..., 2] < 110)
            boxes = objects_rel.boxes[objects_rel.labels == 0]
            if not len(boxes):
                continue
            seen += 1
            rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
            height, width = red.shape
            expected = columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height
            np.testing.assert_allclose(boxes[0], expected, atol=0.03)
    assert seen > 60


def test_a_picture_without_objects():
    record = make_record()
    empty = Record(record.id, record.image, 300, 180, make_objects([], []))
    assert all(len(step.after[1]) == 0 for step in explain_augmentation(empty, config_of(), 3))
