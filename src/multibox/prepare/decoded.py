"""A small cache of decoded images, for examples that show parts of one image."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future

import numpy as np


class DecodedImages:
    """The images that were used last. Any thread may call it, and no image is decoded by two threads at a time.

    A copy that is sent to another process is empty.

    Args:
        most: Largest number of bytes of all kept images together. The newest image is always kept.
    """

    def __init__(self, most: int):
        self._most = most
        self._lock = threading.Lock()
        self._images: OrderedDict[Hashable, Future[np.ndarray]] = OrderedDict()

    def __reduce__(self) -> tuple[type, tuple[int]]:
        return DecodedImages, (self._most,)

    def get(self, key: Hashable, decode: Callable[[], np.ndarray]) -> np.ndarray:
        """Find an image, or decode it.

        Args:
            key: Key of the image.
            decode: Function that decodes the image if it is not there.

        Returns:
            ``(H, W, 3)`` uint8 RGB, which must not be changed.
        """
        with self._lock:
            known = self._images.get(key)
            image = known or self._images.setdefault(key, Future())
            self._images.move_to_end(key)
        if known is None:
            self._decode(key, image, decode)
        return image.result()

    def _decode(self, key: Hashable, image: "Future[np.ndarray]", decode: Callable[[], np.ndarray]) -> None:
        try:
            image.set_result(decode())
        except BaseException as error:
            image.set_exception(error)
            with self._lock:
                self._images.pop(key, None)
            return
        with self._lock:
            while len(self._images) > 1 and self._bytes() > self._most:
                self._images.popitem(last=False)

    def _bytes(self) -> int:
        return sum(image.result().nbytes for image in self._images.values() if image.done() and not image.exception())
