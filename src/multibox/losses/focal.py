"""The focal loss (arXiv 1708.02002, equation 5). Easy negatives hardly count, so no hard negatives need to be mined."""

from types import ModuleType

from multibox.boxes import Array
from multibox.losses import numpy_ops

ALPHA, GAMMA = 0.25, 2.0
"""The values of alpha and gamma that give the best results in the paper (table 1b)."""


def focal_loss(
    truth: Array, logits: Array, alpha: float = ALPHA, gamma: float = GAMMA, xp: ModuleType = numpy_ops
) -> Array:
    """Sigmoid cross entropy in which predictions count less the closer they are to the target.

    ``-alpha_t (1 - p_t)^gamma log p_t``, where p_t is the predicted probability of the true answer.

    Args:
        truth: ``(...)`` targets: 1 where the class is present, and 0 elsewhere.
        logits: ``(...)`` float32 logits of the network.
        alpha: Weight of the targets that are 1, in [0, 1]. Targets that are 0 have the weight ``1 - alpha``.
        gamma: Exponent by which easy predictions count less, at least 0. With 0, easy and hard predictions count alike.
        xp: Array namespace, ``numpy_ops`` or ``keras.ops``.

    Returns:
        ``(...)`` float32 losses, one for each logit.
    """
    toward_truth = xp.where(truth > 0, logits, -logits)  # the logit of p_t
    log_right, log_wrong = xp.log_sigmoid(toward_truth), xp.log_sigmoid(-toward_truth)
    weight = xp.where(truth > 0, alpha, 1.0 - alpha) * xp.exp(gamma * log_wrong)  # a power of 0 has no gradient
    return -weight * log_right
