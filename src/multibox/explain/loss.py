"""The MultiBox loss of every prior of one picture, in NumPy (SSD section 2.2, equations 1 to 3).

Training sums it inside the network's graph (``losses/``, in Keras). Here it stays apart, prior by prior, so that one
can see which of them the network learns from; tests hold both against each other.
"""

from collections.abc import Sequence
from math import log, pi

import numpy as np

from multibox.boxes import areas, decode, to_centers
from multibox.config import Loss

MAX_SHIFT, MAX_SCALE = 1000.0, log(1000 / 16)
"""Deltas beyond these bounds count as if at them, see ``losses/decoded.py``."""


def class_losses(classes: np.ndarray, logits: np.ndarray, config: Loss, quality: np.ndarray) -> np.ndarray:
    """The loss of what each prior says is there, whether or not it counts.

    Args:
        classes: ``(P,)`` targets: 0 background, k + 1 class k, -1 neither.
        logits: ``(P, C + 1)`` float32.
        config: which loss.
        quality: ``(P,)`` how well the box of a positive fits, in [0, 1]; varifocal asks for it.

    Returns:
        ``(P,)``; 0 for priors that are neither.
    """
    truth = np.eye(logits.shape[1], dtype=np.float32)[np.maximum(classes, 0)]  # (P, C+1)
    if config.classes == "softmax":
        each = -truth * log_softmax(logits)
    elif config.classes == "focal":
        each = focal(truth[:, 1:], logits[:, 1:])
    else:
        each = varifocal(truth[:, 1:] * quality[:, None], logits[:, 1:])
    return np.where(classes >= 0, each.sum(axis=1), 0)


def mine(background_losses: np.ndarray, classes: np.ndarray, config: Loss) -> np.ndarray:
    """Choose the hardest negatives: the background priors that look least like background.

    Args:
        background_losses: ``(P,)`` the loss of each prior, were it background.
        classes: ``(P,)`` targets.
        config: ``negatives`` a positive, and ``min_negatives``.

    Returns:
        indices of priors, the hardest first; of equal ones the lower first.
    """
    candidates = np.flatnonzero(classes == 0)
    quota = max(config.negatives * (classes > 0).sum(), config.min_negatives)
    hardest = np.argsort(-background_losses[candidates], kind="stable")[: int(np.ceil(quota))]
    return candidates[hardest]


def box_losses(
    deltas: np.ndarray, predicted: np.ndarray, priors: np.ndarray, variances: Sequence[float], config: Loss
) -> np.ndarray:
    """The loss of where each of N positives says its object is, times its weight.

    Args:
        deltas: ``(N, 4)`` targets.
        predicted: ``(N, 4)`` the network's.
        priors: ``(N, 4)`` corners, pixels of the input.
        variances: of the deltas.
        config: which loss, and ``box_weight``.

    Returns:
        ``(N,)``.
    """
    if config.boxes == "smooth_l1":
        return config.box_weight * smooth_l1(predicted - deltas).sum(axis=1)
    found, wanted = (decode_bounded(x, priors, variances) for x in (predicted, deltas))
    return config.box_weight * overlap_loss(found, wanted, config.boxes)


def fit_of(deltas: np.ndarray, predicted: np.ndarray, priors: np.ndarray, variances: Sequence[float]) -> np.ndarray:
    """``(N,)`` the IoU of the box that each prior predicts with the one that it should, see :func:`box_losses`."""
    return paired_iou(*(decode_bounded(x, priors, variances) for x in (predicted, deltas)))


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logarithms ``(P, C + 1)`` of the shares of logits ``(P, C + 1)``."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def log_sigmoid(logits: np.ndarray) -> np.ndarray:
    """``log(1 / (1 + exp(-x)))``, of any x."""
    return -np.logaddexp(np.float32(0), -logits)


def focal(truth: np.ndarray, logits: np.ndarray, alpha: float = 0.25, gamma: float = 2.0) -> np.ndarray:
    """``-alpha_t (1 - p_t)^gamma log p_t`` (arXiv 1708.02002, equation 5) of ones and zeros and their logits."""
    toward_truth = np.where(truth > 0, logits, -logits)
    weight = np.where(truth > 0, alpha, 1 - alpha) * np.exp(gamma * log_sigmoid(-toward_truth))
    return -weight * log_sigmoid(toward_truth)


def varifocal(quality: np.ndarray, logits: np.ndarray, alpha: float = 0.75, gamma: float = 2.0) -> np.ndarray:
    """``-q (q log p + (1 - q) log(1 - p))`` where q > 0, else ``-alpha p^gamma log(1 - p)`` (arXiv 2008.13367)."""
    log_yes, log_no = log_sigmoid(logits), log_sigmoid(-logits)
    positive = -quality * (quality * log_yes + (1 - quality) * log_no)
    return np.where(quality > 0, positive, -alpha * np.exp(gamma * log_yes) * log_no)


def smooth_l1(x: np.ndarray) -> np.ndarray:
    """Quadratic up to 1, linear beyond (Fast R-CNN, arXiv 1504.08083, equation 3)."""
    size = np.abs(x)
    return np.where(size < 1, 0.5 * x * x, size - 0.5)


def overlap_loss(found: np.ndarray, wanted: np.ndarray, kind: str) -> np.ndarray:
    """GIoU's, DIoU's or CIoU's loss ``(N,)`` of boxes ``(N, 4)``; the formulas stand in ``losses/iou.py``."""
    overlap = paired_iou(found, wanted)
    around = np.concatenate([np.minimum(found, wanted)[:, :2], np.maximum(found, wanted)[:, 2:]], axis=1)
    if kind == "giou":
        union = (areas(found) + areas(wanted)) / (1 + overlap)
        return 1 - overlap + (areas(around) - union) / areas(around)
    centers_found, centers_wanted = to_centers(found), to_centers(wanted)
    apart = np.square(centers_found - centers_wanted)[:, :2].sum(axis=1)
    loss = 1 - overlap + apart / np.square(to_centers(around)[:, 2:]).sum(axis=1)
    if kind == "diou":
        return loss
    angles = (np.arctan2(sizes[:, 2], sizes[:, 3]) for sizes in (centers_found, centers_wanted))
    v = 4 / pi**2 * np.square(np.subtract(*angles))
    return loss + v * v / np.maximum(1 - overlap + v, 1e-9)


def paired_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The IoU ``(N,)`` of each box with its partner, both ``(N, 4)`` with an area."""
    sides = np.maximum(np.minimum(a, b)[:, 2:] - np.maximum(a, b)[:, :2], 0)
    shared = sides[:, 0] * sides[:, 1]
    return shared / (areas(a) + areas(b) - shared)


def decode_bounded(deltas: np.ndarray, priors: np.ndarray, variances: Sequence[float]) -> np.ndarray:
    """The boxes ``(N, 4)`` that deltas stand for, the wild ones as if they were at the bound."""
    limits = np.array([MAX_SHIFT, MAX_SHIFT, MAX_SCALE, MAX_SCALE]) / variances
    return decode(deltas.clip(-limits, limits), priors, tuple(variances))
