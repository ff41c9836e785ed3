"""The focal loss (arXiv 1708.02002, equation 5): no negatives are mined, as the easy ones hardly count."""

from typing import Any

from keras import ops

Tensor = Any

ALPHA, GAMMA = 0.25, 2.0
"""The paper's best (table 1b)."""


def focal_loss(truth: Tensor, logits: Tensor, alpha: float = ALPHA, gamma: float = GAMMA) -> Tensor:
    """Cross entropy of sigmoids, each weighted down the more the surer and righter it is.

    ``-alpha_t (1 - p_t)^gamma log p_t``, where p_t is the probability of what is true.

    Args:
        truth: ``(...)`` 1 where the class is there, 0 where it is not.
        logits: ``(...)`` float32.
        alpha: the weight of ones; zeros weigh ``1 - alpha``.
        gamma: how much less the easy ones count; 0: not at all.

    Returns:
        ``(...)`` losses.
    """
    toward_truth = ops.where(truth > 0, logits, -logits)  # the logit of p_t
    log_right, log_wrong = ops.log_sigmoid(toward_truth), ops.log_sigmoid(-toward_truth)
    weight = ops.where(truth > 0, alpha, 1.0 - alpha) * ops.exp(gamma * log_wrong)  # a power of 0 has no gradient
    return -weight * log_right
