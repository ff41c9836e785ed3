"""The MultiBox loss (SSD section 2.2, equations 1 to 3).

It consists of softmax, smooth L1 and hard negatives, or of losses that replace these.
"""

from types import ModuleType
from typing import NamedTuple

from multibox.boxes import VARIANCES, Array
from multibox.config import Loss
from multibox.losses import numpy_ops
from multibox.losses.decoded import decode_bounded
from multibox.losses.focal import focal_loss
from multibox.losses.iou import ciou_loss, diou_loss, giou_loss, paired_iou
from multibox.losses.varifocal import varifocal_loss

BOX_LOSSES = {"giou": giou_loss, "diou": diou_loss, "ciou": ciou_loss}


class LossParts(NamedTuple):
    """Sums of the losses over a batch. The loss to minimise is ``(classification + localisation) / max(1, positives)``.

    Attributes:
        classification: Sum of the priors' classification losses. Ignored priors and, with softmax, negatives that are
            not mined are left out.
        localisation: Sum of the box losses of all positive priors, times ``box_weight``.
        positives: Number of priors that are matched to an object.
    """

    classification: Array
    localisation: Array
    positives: Array


class PriorLosses(NamedTuple):
    """The losses of each prior, before they are summed.

    Attributes:
        positive: ``(B, P)`` bool, true for priors that are matched to an object.
        classes: ``(B, P)`` classification losses; 0 for ignored priors and for negatives that are not mined.
        boxes: ``(B, P)`` box losses. Only the losses of positive priors count.
    """

    positive: Array
    classes: Array
    boxes: Array


def multibox_loss(
    labels: Array,
    deltas: Array,
    logits: Array,
    predicted: Array,
    config: Loss,
    priors: Array = None,
    variances: tuple[float, ...] = VARIANCES,
    xp: ModuleType = numpy_ops,
) -> LossParts:
    """Sum the losses of all priors of a batch, in float32.

    Args:
        labels: ``(B, P)`` integer targets: 0 for background, k + 1 for class k, and -1 for priors to ignore.
        deltas: ``(B, P, 4)`` target deltas. Only the deltas of positive priors are used.
        logits: ``(B, P, C + 1)`` logits of the network. The sigmoid losses do not use column 0.
        predicted: ``(B, P, 4)`` deltas that the network predicts.
        config: Kinds of loss, number of hard negatives, and weight of the box losses.
        priors: ``(P, 4)`` float32 corners x0, y0, x1, y1, in a unit that is the same along both axes. Needed if
            ``config.sees_boxes``.
        variances: Divisors of the four deltas (centre x, centre y, width, height), such as (0.1, 0.1, 0.2, 0.2).
        xp: Array namespace, ``numpy_ops`` or ``keras.ops``.

    Returns:
        The three sums over the batch, as scalars.
    """
    each = prior_losses(labels, deltas, logits, predicted, config, priors, variances, xp)
    return LossParts(
        classification=xp.sum(each.classes),
        localisation=config.box_weight * xp.sum(xp.where(each.positive, each.boxes, 0.0)),
        positives=xp.sum(xp.cast(each.positive, "float32")),
    )


def prior_losses(
    labels: Array,
    deltas: Array,
    logits: Array,
    predicted: Array,
    config: Loss,
    priors: Array = None,
    variances: tuple[float, ...] = VARIANCES,
    xp: ModuleType = numpy_ops,
) -> PriorLosses:
    """Compute the losses of each prior. The arguments are those of :func:`multibox_loss`."""
    labels, priors = xp.cast(labels, "int32"), None if priors is None else xp.cast(priors, "float32")
    deltas, logits, predicted = (xp.cast(x, "float32") for x in (deltas, logits, predicted))
    positive = labels > 0
    found = wanted = None
    if config.sees_boxes:
        found, wanted = (boxes_of_positives(positive, x, priors, variances, xp) for x in (predicted, deltas))
    if config.classes == "softmax":
        entropy = softmax_loss(labels, logits, config, xp)  # (B, P)
    else:
        quality = xp.stop_gradient(paired_iou(found, wanted, xp)) if config.classes == "varifocal" else None
        entropy = sigmoid_loss(labels, logits, quality, class_factors(config, xp), xp)  # (B, P)
    if config.boxes == "smooth_l1":
        distance = xp.sum(smooth_l1(predicted - deltas, xp), axis=-1)  # (B, P)
    else:
        distance = BOX_LOSSES[config.boxes](found, wanted, xp)  # (B, P)
    return PriorLosses(positive, entropy, distance)


def softmax_loss(labels: Array, logits: Array, config: Loss, xp: ModuleType = numpy_ops) -> Array:
    """Cross entropy of positive priors and of mined negatives; 0 for all other priors.

    Args:
        labels: ``(B, P)`` integer targets: 0 for background, k + 1 for class k, and -1 for priors to ignore.
        logits: ``(B, P, C + 1)`` float32 logits of the network.
        config: Configuration of the loss, of which ``negatives`` (for each positive prior), ``min_negatives`` (in each
            image) and ``class_weights`` are used.
        xp: Array namespace, ``numpy_ops`` or ``keras.ops``.

    Returns:
        ``(B, P)`` losses of the priors.
    """
    log_probability = xp.log_softmax(logits, axis=-1)  # (B, P, C+1)
    one_hot = xp.one_hot(xp.maximum(labels, 0), xp.shape(logits)[-1], dtype="float32")
    factors = class_factors(config, xp)
    target = one_hot if factors is None else one_hot * factors
    entropy = -xp.sum(target * log_probability, axis=-1)  # (B, P)
    negative = mine(-log_probability[..., 0], labels, config, xp)
    return xp.where(xp.logical_or(labels > 0, negative), entropy, 0.0)


def sigmoid_loss(
    labels: Array, logits: Array, quality: Array = None, factors: Array = None, xp: ModuleType = numpy_ops
) -> Array:
    """The focal loss of each prior over its classes, or the varifocal loss if ``quality`` is given.

    Args:
        labels: ``(B, P)`` integer targets: 0 for background, k + 1 for class k, and -1 for priors to ignore.
        logits: ``(B, P, C + 1)`` float32 logits of the network.
        quality: ``(B, P)`` IoU in [0, 1] of each positive prior's predicted box with its object. None uses the focal
            loss instead of the varifocal loss.
        factors: ``(C + 1,)`` factor of the loss of each class where it is present, the background first. None means 1.
        xp: Array namespace, ``numpy_ops`` or ``keras.ops``.

    Returns:
        ``(B, P)`` losses; 0 for ignored priors.
    """
    truth = xp.one_hot(xp.maximum(labels, 0), xp.shape(logits)[-1], dtype="float32")[..., 1:]  # (B, P, C)
    logits = logits[..., 1:]
    if quality is None:
        each = focal_loss(truth, logits, xp=xp)
    else:
        each = varifocal_loss(truth * quality[..., None], logits, xp=xp)
    if factors is not None:
        each = each * xp.where(truth > 0, factors[1:], 1.0)
    return xp.where(labels >= 0, xp.sum(each, axis=-1), 0.0)


def class_factors(config: Loss, xp: ModuleType = numpy_ops) -> Array:
    """The factors of ``config.class_weights`` in the order of the logits, with 1 for the background.

    Args:
        config: Configuration of the loss.
        xp: Array namespace, ``numpy_ops`` or ``keras.ops``.

    Returns:
        ``(C + 1,)`` float32 factors. None if all classes count alike.

    Raises:
        ValueError: The factors still have to be computed from the training data.
    """
    if config.class_weights == "none":
        return None
    if isinstance(config.class_weights, str):
        raise ValueError(f"class_weights: the factors of {config.class_weights} are not computed yet")
    return xp.array([1.0, *config.class_weights.values()], dtype="float32")


def boxes_of_positives(
    positive: Array, deltas: Array, priors: Array, variances: tuple[float, ...], xp: ModuleType = numpy_ops
) -> Array:
    """Decode the deltas of positive priors. For all other priors, the prior itself is returned.

    Args:
        positive: ``(B, P)`` bool, True for positive priors.
        deltas: ``(B, P, 4)`` float32 deltas.
        priors: ``(P, 4)`` corners x0, y0, x1, y1 of the priors, pixels of the network's input.
        variances: Variances of the four deltas.
        xp: Array namespace, ``numpy_ops`` or ``keras.ops``.

    Returns:
        ``(B, P, 4)`` corners x0, y0, x1, y1 of the boxes in the units of ``priors``.
    """
    return decode_bounded(xp.where(positive[..., None], deltas, 0.0), priors, variances, xp)


def mine(background_loss: Array, labels: Array, config: Loss, xp: ModuleType = numpy_ops) -> Array:
    """Choose each image's hardest negatives: the background priors that look least like background.

    Shapes are static: every prior is ranked, and those whose rank is below the image's quota are taken. Ties go to the
    lower index. An image without positives still contributes ``config.min_negatives``.

    Args:
        background_loss: ``(B, P)`` loss that each prior would have as background.
        labels: ``(B, P)`` integer targets: 0 for background, k + 1 for class k, and -1 for priors to ignore.
        config: Configuration of the loss, of which ``negatives`` (for each positive prior) and ``min_negatives`` (in
            each image) are used.
        xp: Array namespace, ``numpy_ops`` or ``keras.ops``.

    Returns:
        ``(B, P)`` bool, true for mined negatives.
    """
    candidate = xp.equal(labels, 0)
    order = xp.argsort(xp.where(candidate, -xp.stop_gradient(background_loss), float("inf")), axis=-1)
    rank = xp.argsort(order, axis=-1)  # (B, P)
    positives = xp.sum(xp.cast(labels > 0, "float32"), axis=-1, keepdims=True)
    quota = xp.maximum(config.negatives * positives, float(config.min_negatives))  # (B, 1)
    return xp.logical_and(candidate, xp.cast(rank, "float32") < quota)


def smooth_l1(x: Array, xp: ModuleType = numpy_ops) -> Array:
    """Smooth L1 loss of each element: quadratic up to 1, linear beyond (Fast R-CNN, arXiv 1504.08083, equation 3)."""
    size = xp.abs(x)
    return xp.where(size < 1.0, 0.5 * x * x, size - 0.5)
