import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multibox.config import Augment
from multibox.prepare.quality import add_grain, blur, clahe, degrade, draw_flaws, draw_grain

EVERYTHING = Augment.model_validate({name: {"probability": 1} for name in ("blur", "noise", "clahe")})


def flawed(image, rng, config):
    return degrade(image, draw_flaws(rng, config, image.shape[:2]))


def grainy(image, rng, sigma):
    return add_grain(image, draw_grain(rng, sigma, image.shape[:2]))


def grey(level, height=300, width=300):
    return np.full((height, width, 3), level, np.uint8)


def test_a_blurred_point_is_a_gaussian():
    point = np.zeros((21, 21, 3), np.uint8)
    point[10, 10] = 255
    weights = np.exp(-(np.arange(-10, 11) ** 2) / 2)
    weights /= weights.sum()
    expected = 255 * np.outer(weights, weights)
    np.testing.assert_allclose(blur(point, 1)[..., 1], expected, atol=1)


def test_a_plain_picture_stays_plain_when_blurred():
    np.testing.assert_array_equal(blur(grey(90), 2), grey(90))


@pytest.mark.parametrize("sigma", [2, 15])
def test_noise_has_its_mean_and_deviation_in_every_channel(sigma):
    change = grainy(grey(128), np.random.default_rng(0), sigma).astype(int) - 128
    assert change.mean(axis=(0, 1)) == pytest.approx(np.zeros(3), abs=0.2)
    assert change.std(axis=(0, 1)) == pytest.approx(np.full(3, np.sqrt(sigma**2 + 1 / 12)), rel=0.02)
    assert np.abs(np.corrcoef(change.reshape(-1, 3).T) - np.eye(3)).max() < 0.02


def test_noise_is_cut_off_at_black_and_white_and_may_be_none():
    for level in (0, 255):
        noisy = grainy(grey(level, 20, 20), np.random.default_rng(0), 15)
        assert (noisy == level).mean() == pytest.approx(0.5, abs=0.05)
        assert np.abs(noisy.astype(int) - level).max() < 100
    np.testing.assert_array_equal(grainy(grey(7), np.random.default_rng(0), 0), grey(7))


@pytest.mark.parametrize("size", [(1, 1), (4, 1), (1, 4), (3, 3), (40, 30)])
def test_noise_is_added_rounded_and_cut_off(size):
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    grain = np.random.default_rng(0).standard_normal(image.shape, np.float32)
    exact = (image + 50 * grain).clip(0, 255)
    assert np.abs(grainy(image, np.random.default_rng(0), 50) - exact).max() <= 0.5 + 1e-4


def test_clahe_widens_a_narrow_range_the_more_the_higher_the_clip():
    levels = np.random.default_rng(0).integers(110, 131, (300, 300, 1), np.uint8)  # each 12 times the average
    dull = np.repeat(levels, 3, axis=2)
    none, some, more, free = (image.std() for image in (dull, clahe(dull, 2), clahe(dull, 6), clahe(dull, 100)))
    assert 1.2 * none < some < more < free
    assert free == pytest.approx(np.arange(256).std(), rel=0.1)  # nothing is cut off: each level is as frequent


def test_clahe_leaves_grey_grey_and_reddish_reddish(image):
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(64, axis=0)
    result = clahe(ramp, 3).astype(int)
    assert np.abs(result - result.mean(axis=2, keepdims=True)).max() <= 2
    reddish = (ramp * (0.8, 0.4, 0.4)).astype(np.uint8)
    result = clahe(reddish, 3)[:, 20:].astype(int)
    assert (result[..., 0] > result[..., 1]).all()


@given(st.integers(0, 2**32 - 1), st.sampled_from([(1, 1), (3, 5), (40, 30)]))
def test_degrade_keeps_shape_and_type_and_its_argument(seed, size):
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    before = image.copy()
    result = flawed(image, np.random.default_rng(seed), EVERYTHING)
    assert result.shape == image.shape
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(image, before)


def test_degrade_never_by_default(image):
    for seed in range(20):
        assert flawed(image, np.random.default_rng(seed), Augment()) is image


@pytest.mark.parametrize("name", ["blur", "noise", "clahe"])
def test_each_has_its_own_probability(image, name):
    config, rng = Augment.model_validate({name: {"probability": 0.3}}), np.random.default_rng(0)
    changed = [(flawed(image, rng, config) != image).any() for _ in range(1000)]
    assert np.mean(changed) == pytest.approx(0.3, abs=0.04)


def test_a_step_does_what_its_function_does(image):
    """With a range of one value, only the noise itself is random."""
    exact = {"blur": {"sigma": (1.5, 1.5)}, "noise": {"sigma": (9, 9)}, "clahe": {"clip": (2, 2)}}

    def degraded(*names):
        config = {name: {**fields, "probability": float(name in names)} for name, fields in exact.items()}
        return flawed(image, np.random.default_rng(4), Augment.model_validate(config))

    np.testing.assert_array_equal(degraded("blur"), blur(image, 1.5))
    np.testing.assert_array_equal(degraded("clahe"), clahe(image, 2))
    np.testing.assert_array_equal(degraded("blur", "clahe"), clahe(blur(image, 1.5), 2))
    assert (degraded("noise").astype(float) - image).std() == pytest.approx(9, rel=0.1)


def test_the_generator_alone_decides(image):
    first, again, other = (flawed(image, np.random.default_rng(seed), EVERYTHING) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
