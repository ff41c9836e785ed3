"""The MultiBox loss (SSD section 2.2, equations 1 to 3): softmax, smooth L1, hard negatives; or what replaces them."""

from typing import Any, NamedTuple

from keras import ops

from multibox.boxes import VARIANCES
from multibox.config import Loss
from multibox.losses.decoded import decode_bounded
from multibox.losses.focal import focal_loss
from multibox.losses.iou import ciou_loss, diou_loss, giou_loss, paired_iou
from multibox.losses.varifocal import varifocal_loss

Tensor = Any

BOX_LOSSES = {"giou": giou_loss, "diou": diou_loss, "ciou": ciou_loss}


class LossParts(NamedTuple):
    """Sums over a batch; the loss is ``(classification + localisation) / max(1, positives)``."""

    classification: Tensor
    localisation: Tensor
    positives: Tensor


def multibox_loss(
    labels: Tensor,
    deltas: Tensor,
    logits: Tensor,
    predicted: Tensor,
    config: Loss,
    priors: Tensor = None,
    variances: tuple[float, ...] = VARIANCES,
) -> LossParts:
    """The parts of the loss, in float32.

    Args:
        labels: ``(B, P)`` ints: 0 background, k + 1 class k, -1 neither: such a prior is not trained.
        deltas: ``(B, P, 4)`` targets; only those of positives count.
        logits: ``(B, P, C + 1)`` from the network; the sigmoid losses do not look at column 0.
        predicted: ``(B, P, 4)`` deltas from the network.
        config: which losses, the share of hard negatives, the weight of the boxes.
        priors: ``(P, 4)`` float32 corners, in a unit that is the same along both axes; where ``config.sees_boxes``.
        variances: of the deltas.

    Returns:
        the sums, scalars.
    """
    logits, predicted = ops.cast(logits, "float32"), ops.cast(predicted, "float32")
    positive = labels > 0
    found = wanted = None
    if config.sees_boxes:
        found, wanted = (boxes_of_positives(positive, x, priors, variances) for x in (predicted, deltas))
    if config.classes == "softmax":
        entropy = softmax_loss(labels, logits, config)  # (B, P)
    else:
        quality = ops.stop_gradient(paired_iou(found, wanted)) if config.classes == "varifocal" else None
        entropy = sigmoid_loss(labels, logits, quality)  # (B, P)
    if config.boxes == "smooth_l1":
        distance = ops.sum(smooth_l1(predicted - deltas), axis=-1)  # (B, P)
    else:
        distance = BOX_LOSSES[config.boxes](found, wanted)  # (B, P)
    return LossParts(
        classification=ops.sum(entropy),
        localisation=config.box_weight * ops.sum(ops.where(positive, distance, 0.0)),
        positives=ops.sum(ops.cast(positive, "float32")),
    )


def softmax_loss(labels: Tensor, logits: Tensor, config: Loss) -> Tensor:
    """Cross entropy of positives and of mined negatives, 0 elsewhere.

    Args:
        labels: ``(B, P)``.
        logits: ``(B, P, C + 1)`` float32.
        config: of the mining.

    Returns:
        ``(B, P)``.
    """
    log_probability = ops.log_softmax(logits, axis=-1)  # (B, P, C+1)
    one_hot = ops.one_hot(ops.maximum(labels, 0), ops.shape(logits)[-1], dtype="float32")
    entropy = -ops.sum(one_hot * log_probability, axis=-1)  # (B, P)
    negative = mine(-log_probability[..., 0], labels, config)
    return ops.where(ops.logical_or(labels > 0, negative), entropy, 0.0)


def sigmoid_loss(labels: Tensor, logits: Tensor, quality: Tensor = None) -> Tensor:
    """The focal loss of all priors over their classes; with a quality the varifocal one. 0 for ignored priors.

    Args:
        labels: ``(B, P)``.
        logits: ``(B, P, C + 1)`` float32.
        quality: ``(B, P)`` in [0, 1]: how well the box of a positive fits.

    Returns:
        ``(B, P)``.
    """
    truth = ops.one_hot(ops.maximum(labels, 0), ops.shape(logits)[-1], dtype="float32")[..., 1:]  # (B, P, C)
    logits = logits[..., 1:]
    each = focal_loss(truth, logits) if quality is None else varifocal_loss(truth * quality[..., None], logits)
    return ops.where(labels >= 0, ops.sum(each, axis=-1), 0.0)


def boxes_of_positives(positive: Tensor, deltas: Tensor, priors: Tensor, variances: tuple[float, ...]) -> Tensor:
    """Decode deltas; the priors that are not positive, whose deltas may be anything, stay where they are.

    Args:
        positive: ``(B, P)`` bool.
        deltas: ``(B, P, 4)`` float32.
        priors: ``(P, 4)`` corners.
        variances: of the deltas.

    Returns:
        ``(B, P, 4)`` corners in the units of ``priors``.
    """
    return decode_bounded(ops.where(positive[..., None], deltas, 0.0), priors, variances)


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
