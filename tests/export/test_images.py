import numpy as np
import pytest

from colored import make_schema
from multibox.data.store import open_store
from multibox.data.store_writer import write_store
from multibox.detect.prepare_image import prepare_image
from multibox.errors import BadInput
from multibox.export.images import prepared
from multibox.prepare.render import decode


def test_images_of_a_store_are_spread_over_it(store_root):
    schema, store = make_schema(resize="letterbox"), open_store("tiny/train")  # 4 images
    images = prepared(schema, store, 2)
    assert images.shape == (2, 128, 192, 3)
    for image, place in zip(images, (0, 3), strict=True):
        pixels = decode(store[place].image, "")
        np.testing.assert_array_equal(image, prepare_image(pixels, schema).inputs[0])
    assert len(prepared(schema, store, 100)) == 4


def test_a_store_without_images(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path))
    write_store("none", "train", [], ("red",))
    with pytest.raises(BadInput, match="none/train: holds no images"):
        prepared(make_schema(), open_store("none/train"), 2)


def test_rendered_scenes():
    one, other = prepared(make_schema(), None, 2)
    assert one.shape == (128, 192, 3)
    assert one.dtype == np.uint8
    assert one.std() > 10
    assert (one != other).any()
