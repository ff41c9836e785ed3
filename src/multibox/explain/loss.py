"""The losses of each prior of one image, computed with NumPy by the functions that train."""

from dataclasses import dataclass

import numpy as np

from multibox.config import Loss
from multibox.losses.multibox import mine, prior_losses
from multibox.models.schema import Schema


@dataclass(frozen=True)
class Losses:
    """The losses of the P priors of an image.

    Attributes:
        classes: ``(P,)`` classification loss of each prior. 0 for ignored priors, and with the softmax loss for
            negatives that are not mined.
        boxes: ``(P,)`` localisation loss of each prior, times its weight. 0 for priors without an object.
        hardest: Indices of the mined negatives, the one with the highest loss first.
    """

    classes: np.ndarray
    boxes: np.ndarray
    hardest: np.ndarray

    @property
    def total(self) -> float:
        """Sum of the classification and localisation losses over all priors."""
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
        labels: ``(P,)`` class target of each prior, from :func:`multibox.prepare.targets.make_targets`.
        deltas: ``(P, 4)`` box target of each prior, from :func:`multibox.prepare.targets.make_targets`.
        logits: ``(P, C + 1)`` float32 class logits that the network returned, the background first.
        predicted: ``(P, 4)`` float32 deltas that the network returned.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of the priors, relative to the network's input.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        config: Loss configuration: the kinds of loss, the number of mined negatives and the weight of the boxes.

    Returns:
        Losses of each prior.
    """
    height, width = schema.network.size
    priors = priors_rel * np.array((width, height, width, height), np.float32)
    batch = labels[None], deltas[None], logits[None], predicted[None]  # a batch of one image
    positive, classes, boxes = (part[0] for part in prior_losses(*batch, config, priors, schema.priors.variances))
    boxes = np.where(positive, config.box_weight * boxes, 0)
    return Losses(classes, boxes, hardest_negatives(classes, labels, config))


def hardest_negatives(background_losses: np.ndarray, labels: np.ndarray, config: Loss) -> np.ndarray:
    """The mined negatives of an image, sorted by their loss.

    Args:
        background_losses: ``(P,)`` classification loss of each prior if its target is background.
        labels: ``(P,)`` class target of each prior.
        config: Loss configuration with the number of negatives to mine.

    Returns:
        Indices of the mined priors, the highest loss first. Of equal losses the lower index comes first.
    """
    mined = np.flatnonzero(mine(background_losses[None], labels[None], config)[0])
    return mined[np.argsort(-background_losses[mined], kind="stable")]
