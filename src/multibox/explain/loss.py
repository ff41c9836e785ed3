"""The losses of each prior of one image: the functions that train, computed with NumPy."""

from dataclasses import dataclass

import numpy as np

from multibox.config import Loss
from multibox.losses.multibox import mine, prior_losses
from multibox.models.schema import Schema


@dataclass(frozen=True)
class Losses:
    """The losses of the P priors of an image.

    Attributes:
        classes: ``(P,)`` losses of classes; 0 for priors that do not count.
        boxes: ``(P,)`` losses of boxes, times their weight; 0 for all but positives.
        hardest: Indices of the hardest negatives, the hardest first.
    """

    classes: np.ndarray
    boxes: np.ndarray
    hardest: np.ndarray

    @property
    def total(self) -> float:
        """Sum over all priors."""
        return float(self.classes.sum() + self.boxes.sum())


def losses_of(
    labels: np.ndarray,
    deltas: np.ndarray,
    logits: np.ndarray,
    predicted: np.ndarray,
    priors_rel: np.ndarray,
    schema: Schema,
    config: Loss,
) -> Losses:
    """Compute the losses of all priors of an image.

    Args:
        labels: ``(P,)`` targets, as :func:`multibox.prepare.targets.make_targets` returns them.
        deltas: ``(P, 4)`` targets.
        logits: ``(P, C + 1)`` float32 from the network.
        predicted: ``(P, 4)`` float32 deltas from the network.
        priors_rel: ``(P, 4)`` corners, relative to the network's input.
        schema: Schema of the model.
        config: Kinds of loss, number of hard negatives, and weight of the boxes.

    Returns:
        The losses.
    """
    height, width = schema.network.size
    priors = priors_rel * np.array((width, height, width, height), np.float32)
    batch = labels[None], deltas[None], logits[None], predicted[None]  # a batch of one image
    positive, classes, boxes = (part[0] for part in prior_losses(*batch, config, priors, schema.priors.variances))
    boxes = np.where(positive, config.box_weight * boxes, 0)
    return Losses(classes, boxes, hardest_negatives(classes, labels, config))


def hardest_negatives(background_losses: np.ndarray, labels: np.ndarray, config: Loss) -> np.ndarray:
    """Sort the mined negatives of an image.

    Args:
        background_losses: ``(P,)`` loss of each prior if it is background.
        labels: ``(P,)`` targets.
        config: Number of negatives to mine.

    Returns:
        Indices of priors, the hardest first. Of equal ones the lower index comes first.
    """
    mined = np.flatnonzero(mine(background_losses[None], labels[None], config)[0])
    return mined[np.argsort(-background_losses[mined], kind="stable")]
