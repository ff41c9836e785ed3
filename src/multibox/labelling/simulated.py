"""Errors made on purpose in labels that exist, from which the weight of evidence is learned."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from multibox.boxes import clip, iou, paired_iou
from multibox.data.record import Objects
from multibox.labelling.evidence import NONE

SHIFT: Final = (0.3, 0.7)
"""IoU of a shifted box with the right one."""

TRIES: Final = 30


@dataclass(frozen=True, eq=False)
class Wrong:
    """N labels with an error of one kind.

    Attributes:
        boxes: ``(N, 4)`` boxes.
        labels: ``(N,)`` classes.
        place: ``(N,)`` position of the label that each replaces, or ``NONE`` for an additional label.
    """

    boxes: np.ndarray
    labels: np.ndarray
    place: np.ndarray


def swap(objects: Objects, rows: np.ndarray, classes: int, rng: np.random.Generator) -> Wrong:
    """Give labels another class, each of the others with the same probability. Without another class, none."""
    if classes < 2:
        rows = rows[:0]
    labels = (objects.labels[rows] + rng.integers(1, max(classes, 2), len(rows))) % classes
    return Wrong(objects.boxes[rows], labels, rows)


def shift(objects: Objects, rows: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> Wrong:
    """Move the edges of boxes until their IoU with the right ones is in :data:`SHIFT`.

    Args:
        objects: Labels of an image.
        rows: Positions of the labels to shift.
        size: Width and height of the image, pixels.
        rng: Random generator.
    """
    old = np.repeat(objects.boxes[rows], TRIES, axis=0)
    sides = np.tile(old[:, 2:] - old[:, :2], 2)
    move = np.tile(rng.normal(0, 0.25, (len(old), 2)), 2)
    new = clip(old + (move + rng.normal(0, 0.12, old.shape)) * sides, *size).astype(np.float32)
    overlap = paired_iou(old, new)
    fits = ((overlap >= SHIFT[0]) & (overlap <= SHIFT[1])).reshape(len(rows), TRIES)
    any_ = fits.any(axis=1)
    new = new.reshape(len(rows), TRIES, 4)[np.arange(len(rows)), fits.argmax(axis=1)]
    return Wrong(new[any_], objects.labels[rows[any_]], rows[any_])


def add(objects: Objects, rows: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> Wrong:
    """Add boxes where nothing is labelled, each with the size and class of a label."""
    boxes = objects.boxes[rows]
    sides = boxes[:, 2:] - boxes[:, :2]
    corner = rng.random((TRIES, len(rows), 2)) * np.maximum(np.array(size) - sides, 0)
    tried = np.concatenate([corner, corner + sides], axis=-1).astype(np.float32)  # (TRIES, N, 4)
    overlap = iou(tried.reshape(-1, 4), objects.boxes).max(axis=1, initial=0).reshape(TRIES, len(rows))
    best = overlap.argmin(axis=0)
    fits = overlap[best, np.arange(len(rows))] < SHIFT[0]
    new = tried[best, np.arange(len(rows))]
    return Wrong(new[fits], objects.labels[rows[fits]], np.full(fits.sum(), NONE))


def double(objects: Objects, rows: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> Wrong:
    """Add second boxes on labelled objects, whose edges differ a little."""
    old = objects.boxes[rows]
    sides = np.tile(old[:, 2:] - old[:, :2], 2)
    new = clip(old + rng.normal(0, 0.06, old.shape) * sides, *size).astype(np.float32)
    return Wrong(new, objects.labels[rows], np.full(len(rows), NONE))
