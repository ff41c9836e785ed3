"""IoU, encoding and decoding against Keras' own functions for boxes."""

import numpy as np
import pytest
from keras import ops
from keras.utils import bounding_boxes

from multibox.boxes import VARIANCES, decode, encode, iou

COUNT = 300


@pytest.fixture
def boxes():
    """Two arrays of boxes in pixels; the first ten of each are the same."""
    rng = np.random.default_rng(0)
    low, size = rng.uniform(0, 200, (2, COUNT, 2)), rng.uniform(1, 150, (2, COUNT, 2))
    both = np.concatenate([low, low + size], axis=-1).astype(np.float32)
    both[1, :10] = both[0, :10]
    return both


def test_iou(boxes):
    expected = ops.convert_to_numpy(bounding_boxes.compute_iou(*boxes, bounding_box_format="xyxy"))
    assert (expected > 0).mean() > 0.1
    np.testing.assert_allclose(iou(*boxes), expected, atol=1e-5)
    np.testing.assert_allclose(np.diag(iou(*boxes))[:10], 1, atol=1e-5)


@pytest.mark.parametrize("variances", [VARIANCES, (0.2, 0.3, 0.4, 0.5)])
def test_encode_and_decode(boxes, variances):
    targets, priors = boxes
    formats = {"box_format": "xyxy", "variance": list(variances)}
    deltas = bounding_boxes.encode_box_to_deltas(
        priors, targets, anchor_format="xyxy", encoding_format="center_xywh", **formats
    )
    np.testing.assert_allclose(encode(targets, priors, variances), deltas, rtol=1e-4, atol=1e-4)
    back = bounding_boxes.decode_deltas_to_boxes(
        priors, deltas, anchor_format="xyxy", encoded_format="center_xywh", **formats
    )
    np.testing.assert_allclose(decode(np.asarray(deltas), priors, variances), back, rtol=1e-4, atol=1e-3)
