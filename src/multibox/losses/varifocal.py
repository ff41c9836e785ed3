"""The varifocal loss (arXiv 2008.13367, equation 2): scores learn how well the box fits, not only what is in it."""

from typing import Any

from keras import ops

Tensor = Any

ALPHA, GAMMA = 0.75, 2.0
"""The paper's best."""


def varifocal_loss(quality: Tensor, logits: Tensor, alpha: float = ALPHA, gamma: float = GAMMA) -> Tensor:
    """Cross entropy with the quality q of a box as its class's target; good boxes count more, easy negatives less.

    ``-q (q log p + (1 - q) log(1 - p))`` where q > 0, and ``-alpha p^gamma log(1 - p)`` elsewhere. Only negatives are
    weighted down, as positives are few.

    Args:
        quality: ``(...)`` in [0, 1]: for the class that is there the IoU of the predicted box with its object, else 0.
        logits: ``(...)`` float32.
        alpha: the weight of negatives.
        gamma: how much less the easy ones of them count.

    Returns:
        ``(...)`` losses.
    """
    log_yes, log_no = ops.log_sigmoid(logits), ops.log_sigmoid(-logits)
    positive = -quality * (quality * log_yes + (1.0 - quality) * log_no)
    negative = -alpha * ops.exp(gamma * log_yes) * log_no
    return ops.where(quality > 0, positive, negative)
