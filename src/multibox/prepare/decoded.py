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
        most: Largest number of bytes of all kept images together. The image that was used last is always kept.
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

        Raises:
            Exception: ``decode`` raised it, in this thread or in the one that this thread waited for.
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
            self._forget()

    def _forget(self) -> None:
        """Forget the images that were used longest ago until the others fit. An image that is being decoded stays."""
        decoded = [key for key, image in self._images.items() if image.done() and not image.exception()]
        excess = sum(self._images[key].result().nbytes for key in decoded) - self._most
        for key in decoded[:-1]:
            if excess > 0:
                excess -= self._images.pop(key).result().nbytes
