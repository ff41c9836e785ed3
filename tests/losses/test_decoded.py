import numpy as np
import pytest

from multibox.boxes import VARIANCES, decode
from multibox.losses.decoded import MAX_SCALE, MAX_SHIFT, decode_bounded
from namespaces import in_both

PRIORS = np.array([[10, 20, 50, 40], [0, 0, 8, 8]], np.float32)


def decoded(deltas, variances=VARIANCES):
    return in_both(decode_bounded, np.asarray(deltas, "f4"), PRIORS, variances)


@pytest.mark.parametrize("variances", [VARIANCES, (1.0, 0.5, 2.0, 1.0)])
def test_it_decodes_as_detection_does(variances):
    deltas = np.random.default_rng(0).normal(size=(3, 2, 4)).astype("f4")
    np.testing.assert_allclose(decoded(deltas, variances), decode(deltas, PRIORS, variances), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("delta", [1e3, 1e10, 1e38])
def test_wild_deltas_are_taken_as_if_at_the_bound(delta):
    at_bound = [MAX_SHIFT / 0.1, -MAX_SHIFT / 0.1, MAX_SCALE / 0.2, -MAX_SCALE / 0.2]
    wild = np.array([10, -10, 1, -1]) * min(delta, 1e37)
    np.testing.assert_array_equal(decoded([wild] * 2), decoded([at_bound] * 2))


def test_boxes_always_have_a_width_and_a_height():
    boxes = decoded([[0, 0, -1e30, -1e30]] * 2)
    assert (boxes[:, 2:] - boxes[:, :2] > 0.1).all()
