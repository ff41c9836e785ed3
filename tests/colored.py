"""A detector that needs no training: it finds things by their pure colour. For tests of all that lies around a network.

It is honest about its place: it sees only the network's input, and answers with logits and deltas of the priors.
"""

import numpy as np

from multibox.boxes import encode, iou
from multibox.config import Network, Priors
from multibox.models.schema import Schema
from multibox.priors import FeatureMap
from multibox.runtimes import Runtime
from multibox.runtimes.outputs import NETWORK

COLORS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
GREY = (90, 90, 90)


def make_schema(**changes) -> Schema:
    """A schema of three colours, 64 + 16 + 4 cells of 4 priors, and a wide input of 128 x 192."""
    height, width = 128, 192
    maps = tuple(FeatureMap(f"map{n}", n, n, height / n, width / n) for n in (8, 4, 2))
    priors = Priors(sizes=(40, 80, 160, 300), ratios=((2,), (2,), (2,)))
    fields = {"network": Network(size=(height, width)), "maps": maps, "classes": tuple(COLORS), "priors": priors}
    return Schema(**fields | changes)


class ColorRuntime(Runtime):
    """Answers as a network that has learned the three colours would, at score 0.99 on the one prior that fits best."""

    name = "colors"

    def __init__(self, schema: Schema | None = None):
        self.schema = schema or make_schema()
        self.priors_rel = self.schema.make_priors()
        self.batches: list[int] = []

    def run(self, images):
        return dict(zip(NETWORK, self.answer(images), strict=True))

    def answer(self, images):
        """Logits and deltas."""
        assert images.dtype == np.uint8
        assert images.shape[1:] == (*self.schema.network.size, 3)
        self.batches.append(len(images))
        logits = np.zeros((len(images), len(self.priors_rel), len(self.schema.classes) + 1), np.float32)
        logits[..., 0] = 20  # background everywhere
        deltas = np.zeros((len(images), len(self.priors_rel), 4), np.float32)
        for i, image in enumerate(images):
            for label, name in enumerate(self.schema.classes):
                box_rel = self._find(image, COLORS[name])
                if box_rel is not None:
                    best = iou(self.priors_rel, box_rel[None])[:, 0].argmax()
                    logits[i, best, 0], logits[i, best, label + 1] = 0, 5
                    deltas[i, best] = encode(box_rel[None], self.priors_rel[best : best + 1])[0]
        return logits, deltas

    def _find(self, image, color):
        rows, columns = np.nonzero(np.abs(image.astype(int) - color).max(axis=2) < 60)
        if not rows.size:
            return None
        height, width = self.schema.network.size
        corners = columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height
        return np.array(corners, np.float32)


def paint(size, objects) -> np.ndarray:
    """A grey picture ``(H, W, 3)`` of ``size`` height and width, with ``{color: (x0, y0, x1, y1)}`` in whole pixels."""
    image = np.full((*size, 3), GREY, np.uint8)
    for name, (x0, y0, x1, y1) in objects.items():
        image[y0:y1, x0:x1] = COLORS[name]
    return image
