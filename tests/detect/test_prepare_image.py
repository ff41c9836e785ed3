import cv2
import numpy as np
import pytest

from colored import make_schema, paint
from multibox.detect.prepare_image import prepare_image
from multibox.detect.views import Tta
from multibox.prepare.tiles import Tiles
from multibox.prepare.window import whole

IMAGE = paint((256, 300), {"red": (20, 20, 100, 190), "blue": (150, 40, 280, 250)})


def test_a_photo_is_resized_to_the_input_of_the_network():
    prepared = prepare_image(IMAGE, make_schema())
    np.testing.assert_array_equal(prepared.inputs, cv2.resize(IMAGE, (192, 128))[None])
    assert prepared.image_size == (256, 300)
    assert prepared.regions == (whole((256, 300)),)


def test_a_letterbox_keeps_the_shape_of_objects():
    (shown,) = prepare_image(IMAGE, make_schema(resize="letterbox")).inputs
    rows, columns = np.nonzero((shown == (255, 0, 0)).all(axis=2))
    assert np.ptp(rows) / np.ptp(columns) == pytest.approx(170 / 80, rel=0.05)


def test_every_region_is_shown_in_every_view():
    prepared = prepare_image(IMAGE, make_schema(), tiles=Tiles(grid=(1, 2)), tta=Tta(scales=(1.0,)))
    assert len(prepared.regions) == 3
    assert [view.mirrored for view in prepared.views] == [False, True] * 3
    assert prepared.inputs.shape == (6, 128, 192, 3)
    np.testing.assert_array_equal(prepared.inputs[::2], prepared.inputs[1::2, :, ::-1])
    for view, region in zip(prepared.views[::2], prepared.regions, strict=True):
        np.testing.assert_allclose(view.to_image(np.array([[0, 0, 1, 1.0]])), [[*vars(region).values()]], atol=1)
