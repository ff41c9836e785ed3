"""Where the phases of a run begin, and what holds in them."""

import pytest

from multibox.config import Config
from multibox.prepare.phases import at_size, phases, small_size, small_steps


def configured(train=(), network=(), priors=(), **until):
    """Five steps of two examples; mosaic and mixup until a share of them, always or never."""
    return Config.model_validate(
        {
            "network": dict(network),
            "priors": dict(priors),
            "augment": {name: {"probability": 1, "until": share} for name, share in until.items()},
            "train": {"batch": 2, "epochs": 5, "steps_per_epoch": 1, **dict(train)},
        }
    )


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ({}, {0: (0, 0)}),
        ({"mosaic": 1, "mixup": 1}, {0: (1, 1)}),
        ({"mosaic": 0.6}, {0: (1, 0), 6: (0, 0)}),
        ({"mosaic": 0.8, "mixup": 0.4}, {0: (1, 1), 4: (1, 0), 8: (0, 0)}),
        ({"mosaic": 0.6, "mixup": 0.6}, {0: (1, 1), 6: (0, 0)}),
        ({"mosaic": 0}, {0: (0, 0)}),
    ],
)
def test_phases_of_a_run(until, expected):
    """With 10 examples in batches of 2: where each phase begins, and its probabilities of mosaic and mixup."""
    began = {start: config.augment for start, config in phases(configured(**until), images=99).items()}
    assert {start: (each.mosaic.probability, each.mixup.probability) for start, each in began.items()} == expected


def test_phases_count_the_steps_that_see_each_image_once():
    """20 images in batches of 4, 40 epochs: 200 steps, of which 180 are 720 examples."""
    config = Config.model_validate(
        {"augment": {"mosaic": {"probability": 1, "until": 0.9}}, "train": {"batch": 4, "epochs": 40}}
    )
    assert list(phases(config, images=20)) == [0, 720]


def test_a_run_begins_small():
    """Six of ten examples at 224 pixels, and mosaic for eight of them."""
    config = configured({"small_size": 0.7, "small_until": 0.6}, mosaic=0.8)
    began = phases(config, images=99)
    assert {start: (each.network.size[0], each.augment.mosaic.probability) for start, each in began.items()} == {
        0: (224, 1),
        6: (320, 1),
        8: (320, 0),
    }
    assert small_steps(config, 5) == 3
    assert all(phases(each, images=99).keys() <= {0, 8} for each in began.values())


def test_a_run_that_is_small_to_its_end_has_one_phase():
    config = configured({"small_size": 0.7, "small_until": 1})
    assert [each.network.size for each in phases(config, images=99).values()] == [(224, 224)]


@pytest.mark.parametrize(
    ("size", "share", "expected"),
    [
        ((320, 320), 0.7, (224, 224)),
        ((320, 512), 0.6, (192, 320)),
        ((300, 300), 0.99, (288, 288)),
        ((160, 320), 0.5, (128, 160)),
        ((320, 320), 0.1, (128, 128)),
        ((130, 130), 0.99, (128, 128)),
        ((128, 128), 0.5, (128, 128)),
        ((320, 320), 1, (320, 320)),
    ],
)
def test_small_sizes(size, share, expected):
    assert small_size(configured({"small_size": share}, {"size": size})) == expected


def test_an_input_that_cannot_be_smaller_has_one_phase():
    config = configured({"small_size": 0.5}, {"size": (128, 128)})
    assert (list(phases(config, images=99)), small_steps(config, 5)) == ([0], 0)


@pytest.mark.parametrize("pixels", [{"shapes": [[(8, 8)]] * 6}, {"steps": [8, 16, 32, 64, 100, 300]}])
def test_priors_in_pixels_keep_the_input(pixels):
    assert small_size(configured({"small_size": 0.5}, priors=pixels)) == (320, 320)


def test_a_run_of_one_size_stays_at_it():
    config = at_size(configured({"small_size": 0.5}), (256, 192))
    assert small_size(config) == (256, 192)
