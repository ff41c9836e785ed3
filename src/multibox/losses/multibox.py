"""The MultiBox loss (SSD section 2.2, equations 1 to 3): softmax, smooth L1, hard negatives."""

from typing import Any, NamedTuple

from keras import ops

from multibox.config import Loss

Tensor = Any


class LossParts(NamedTuple):
    """Sums over a batch; the loss is ``(classification + localisation) / max(1, positives)``."""

    classification: Tensor
    localisation: Tensor
    positives: Tensor


def multibox_loss(labels: Tensor, deltas: Tensor, logits: Tensor, predicted: Tensor, config: Loss) -> LossParts:
    """The parts of the loss, in float32.

    Args:
        labels: ``(B, P)`` ints: 0 background, k + 1 class k, -1 neither: such a prior is not trained.
        deltas: ``(B, P, 4)`` targets; only those of positives count.
        logits: ``(B, P, C + 1)`` from the network.
        predicted: ``(B, P, 4)`` deltas from the network.
        config: the share of hard negatives, the weight of the boxes.

    Returns:
        the sums, scalars.
    """
    log_probability = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)  # (B, P, C+1)
    one_hot = ops.one_hot(ops.maximum(labels, 0), ops.shape(logits)[-1], dtype="float32")
    entropy = -ops.sum(one_hot * log_probability, axis=-1)  # (B, P)
    positive = labels > 0
    negative = mine(-log_probability[..., 0], labels, config)
    distance = ops.sum(smooth_l1(ops.cast(predicted, "float32") - deltas), axis=-1)  # (B, P)
    return LossParts(
        classification=ops.sum(ops.where(ops.logical_or(positive, negative), entropy, 0.0)),
        localisation=config.box_weight * ops.sum(ops.where(positive, distance, 0.0)),
        positives=ops.sum(ops.cast(positive, "float32")),
    )


def mine(background_loss: Tensor, labels: Tensor, config: Loss) -> Tensor:
    """Choose each image's hardest negatives: the background priors that look least like background.

    Shapes are static: every prior is ranked, and those of a rank below the image's quota are taken. Ties go to the
    lower index. An image without positives still gives ``config.min_negatives``.

    Args:
        background_loss: ``(B, P)`` cross entropy of each prior, were it background.
        labels: ``(B, P)``.
        config: ``negatives`` a positive, and ``min_negatives``.

    Returns:
        ``(B, P)`` bool, true for mined negatives.
    """
    candidate = ops.equal(labels, 0)
    order = ops.argsort(ops.where(candidate, -ops.stop_gradient(background_loss), float("inf")), axis=-1)
    rank = ops.argsort(order, axis=-1)  # (B, P)
    positives = ops.sum(ops.cast(labels > 0, "float32"), axis=-1, keepdims=True)
    quota = ops.maximum(config.negatives * positives, float(config.min_negatives))  # (B, 1)
    return ops.logical_and(candidate, ops.cast(rank, "float32") < quota)


def smooth_l1(x: Tensor) -> Tensor:
    """Quadratic up to 1, linear beyond (Fast R-CNN, arXiv 1504.08083, equation 3)."""
    size = ops.abs(x)
    return ops.where(size < 1.0, 0.5 * x * x, size - 0.5)
