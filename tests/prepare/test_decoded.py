import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from multibox.prepare.decoded import DecodedImages

IMAGE = np.zeros((10, 10, 3), np.uint8)
LIMIT_S = 30
"""Time after which a test that waits for another thread fails."""


def uses(images, keys):
    """The keys that had to be decoded, when images are used one after another."""
    decoded = []
    for key in keys:
        images.get(key, lambda key=key: decoded.append(key) or IMAGE)
    return decoded


def test_the_images_that_were_used_last_are_kept():
    assert uses(DecodedImages(2 * IMAGE.nbytes), "abacab") == ["a", "b", "c", "b"]


def test_the_last_image_is_kept_even_if_it_is_too_large():
    assert uses(DecodedImages(1), "aabba") == ["a", "b", "a"]


def test_an_image_that_a_thread_is_decoding_is_not_decoded_by_another():
    """Also if images that were decoded in the meantime are more than may be kept."""
    images, begun, may_end, decoded = DecodedImages(1), threading.Event(), threading.Event(), []

    def slowly():
        decoded.append("slow")
        begun.set()
        assert may_end.wait(LIMIT_S)
        return IMAGE

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(images.get, "slow", slowly)
        assert begun.wait(LIMIT_S)
        uses(images, "ab")
        second = pool.submit(images.get, "slow", slowly)
        while next(reversed(images._images)) != "slow":  # until the second thread waits
            time.sleep(0.001)
        may_end.set()
        assert first.result(LIMIT_S) is second.result(LIMIT_S)
    assert decoded == ["slow"]


def test_an_image_that_could_not_be_decoded_is_tried_again():
    images = DecodedImages(10**6)
    with pytest.raises(ZeroDivisionError):
        images.get("a", lambda: 1 // 0)
    assert images.get("a", lambda: IMAGE) is IMAGE


def test_a_copy_for_another_process_is_empty():
    images = DecodedImages(10**6)
    uses(images, "a")
    assert uses(pickle.loads(pickle.dumps(images)), "a") == ["a"]
