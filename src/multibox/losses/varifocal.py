"""The varifocal loss (arXiv 2008.13367, equation 2), with which a score learns the IoU of its box with the object."""

from types import ModuleType

from multibox.boxes import Array
from multibox.losses import numpy_ops

ALPHA, GAMMA = 0.75, 2.0
"""The values of alpha and gamma that give the best results in the paper."""


def varifocal_loss(
    quality: Array, logits: Array, alpha: float = ALPHA, gamma: float = GAMMA, xp: ModuleType = numpy_ops
) -> Array:
    """Cross entropy whose target is the quality q of the box: good boxes count more, and easy negatives less.

    ``-q (q log p + (1 - q) log(1 - p))`` where q > 0, and ``-alpha p^gamma log(1 - p)`` elsewhere. Only negatives are
    weighted down, because positives are few.

    Args:
        quality: ``(...)`` targets in [0, 1]: the IoU of the predicted box with its object for the class of the object,
            and 0 for all other classes.
        logits: ``(...)`` float32 logits of the network.
        alpha: Weight of the negatives, where the quality is 0.
        gamma: Exponent by which easy negatives count less, at least 0. With 0, easy and hard negatives count alike.
        xp: Array namespace, ``numpy_ops`` or ``keras.ops``.

    Returns:
        ``(...)`` float32 losses, one for each logit.
    """
    log_yes, log_no = xp.log_sigmoid(logits), xp.log_sigmoid(-logits)
    positive = -quality * (quality * log_yes + (1.0 - quality) * log_no)
    negative = -alpha * xp.exp(gamma * log_yes) * log_no
    return xp.where(quality > 0, positive, negative)
