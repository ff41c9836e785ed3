"""Tests other meanings of a file of detections on the ground truth: what its image ids, class ids and boxes may mean.

Boxes and image ids are compared first, ignoring classes, and class ids afterwards. A meaning is preferred only if the
detections overlap the objects clearly better with it. So a poor detector raises no alarm, because it is equally poor
with every meaning.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from multibox.evaluation.columns import Found, Truth
from multibox.evaluation.pairs import best_of, pairs_of_image
from multibox.evaluation.reading.box_form import FRACTIONS, INPUTS, LAYOUTS, BoxForm
from multibox.evaluation.reading.fit import GAIN, LITTLE, best_scored, is_clearly_better, one_class, overlaps, sample_of
from multibox.evaluation.reading.numbering import Numbering, renumbered
from multibox.evaluation.reading.result_rows import Ids, Rows
from multibox.evaluation.voc import MIN_IOU

ORDERS = [BoxForm(layout, swapped) for swapped in (False, True) for layout in LAYOUTS]
SIDES = (
    *(224, 256, 288, 300, 320, 352, 384, 416, 448, 480, 512, 544, 576, 608, 640),
    *(704, 768, 800, 832, 896, 960, 1000, 1024, 1152, 1280, 1536),
)
"""Sides of square inputs to try, pixels."""

PRICE = 0.02
"""Penalty on the mean IoU of a meaning, for each of its differences from the usual meaning."""

GOOD = 0.85
"""Mean IoU that is so high that no other meaning can be clearly better."""

BEYOND, MANY_BEYOND = 0.1, 0.2
"""Distance by which a box must exceed its image to count as beyond it, as a share of the image's side, and the share of
such boxes that is evidence of a wrong meaning. With this evidence a small gain of IoU suffices."""

LARGEST_FRACTION = 1.5
LEAST_VOTES, LEAST_SHARE = 3, 0.7
"""Conditions under which a class number is taken to mean a class: the least number of its detections that lie on
objects of that class, and their least share."""


@dataclass(frozen=True)
class Meaning:
    """Meaning of the image ids, class ids and boxes in a file of detections.

    Attributes:
        images: Meaning of ``image_id``.
        classes: Meaning of ``category_id``.
        boxes: Form of ``bbox``: order and unit of its numbers.
    """

    images: Numbering
    classes: Numbering
    boxes: BoxForm

    def found(self, rows: Rows, sizes: np.ndarray) -> Found:
        """Convert the rows of a file to detections.

        ``images`` and ``labels`` are negative in rows whose image or class is unknown.
        """
        images = self.images.of(rows.images)
        labels = self.classes.of(rows.categories)
        return Found(images, labels, rows.scores, self.boxes.corners(rows.boxes, sizes[images]))


@dataclass(frozen=True)
class Better:
    """A meaning of a file with which detections overlap the objects clearly better.

    Attributes:
        meaning: The better meaning of the file's ids and boxes.
        fit: Mean IoU of the objects with their best detections under ``meaning``, in [0, 1].
        before: Mean IoU of the objects with their best detections under the meaning that was assumed, in [0, 1].
    """

    meaning: Meaning
    fit: float
    before: float


def better_meaning(
    base: Meaning, rows: Rows, truth: Truth, images: Sequence[Numbering], classes: Sequence[Numbering]
) -> Better | None:
    """Look for a meaning of a file with which its detections overlap the objects clearly better.

    Args:
        base: Assumed meaning of the file's ids and boxes, which others are compared with.
        rows: Rows of the file of detections, all with finite numbers.
        truth: Objects of the test set.
        images: Meanings of ``image_id`` to try.
        classes: Meanings of ``category_id`` to try.

    Returns:
        The meaning that fits the objects best, with its mean IoU. None if no meaning fits clearly better than ``base``.
    """
    test = _Test(rows, sample_of(truth))
    if not len(test.truth) or not len(rows):
        return None
    placed = _Test(rows, test.truth, any_class=True).best(base, _placings(base, rows, images))
    named = test.best(placed, _namings(placed, test, classes))
    if named == base:
        return None
    fit, before, at = test.fit(named), test.fit(base), test.compared(named, base)
    if not len(fit[at]):
        return None
    return Better(named, float(fit[at].mean()), float(before[at].mean()))


class _Test:
    """Compares meanings of rows on a sample of the objects."""

    def __init__(self, rows: Rows, truth: Truth, *, any_class: bool = False):
        self.rows, self.truth = rows, one_class(truth) if any_class else truth
        self._any_class = any_class
        self._best_scored: dict[tuple[str, str], tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def best(self, base: Meaning, others: Iterable[Meaning]) -> Meaning:
        """The meaning that fits best of those that are clearly better than the base. Without any, the base."""
        before = self.fit(base)
        at = self.compared(base)
        if at.any() and before[at].mean() >= GOOD:
            return base
        beyond = self.beyond(base)
        best, highest = base, -np.inf
        for meaning in others:
            fit, at = self.fit(meaning), self.compared(meaning, base)
            is_evidence = beyond > MANY_BEYOND and self.beyond(meaning) < beyond / 4
            merit = fit.mean() - PRICE * _differences(meaning, base)
            if merit > highest and is_clearly_better(fit[at], before[at], LITTLE if is_evidence else GAIN):
                best, highest = meaning, merit
        return best

    def beyond(self, meaning: Meaning) -> float:
        """Share of the best-scored boxes that reach far out of their image."""
        found = self.found(meaning)
        if not len(found):
            return 0.0
        sides = np.tile(self.truth.image_sizes[found.images], 2)
        out = np.maximum(-found.boxes, found.boxes - sides) > BEYOND * sides
        return float(out.any(axis=1).mean())

    def compared(self, *meanings: Meaning) -> np.ndarray:
        """``(M,)`` bool for the objects in images that have detections with any of the meanings."""
        seen = np.zeros(len(self.truth.image_ids), bool)
        for meaning in meanings:
            seen[self.best_rows(meaning)[1]] = True
        return seen[self.truth.images]

    def fit(self, meaning: Meaning) -> np.ndarray:
        """``(M,)`` IoU of each object with the best-scored detections."""
        return overlaps(self.truth, self.found(meaning))

    def found(self, meaning: Meaning) -> Found:
        """The best-scored detections in the sample."""
        rows, images, labels = self.best_rows(meaning)
        boxes = meaning.boxes.corners(self.rows.boxes[rows], self.truth.image_sizes[images])
        return Found(images, labels, self.rows.scores[rows], boxes)

    def votes(self, meaning: Meaning) -> np.ndarray:
        """``(ids, C)`` number of detections with each category id on objects of each class."""
        same = _Test(self.rows, self.truth, any_class=True)
        found, rows = same.found(meaning), same.best_rows(meaning)[0]
        objects, iou = best_of(pairs_of_image(self.truth, found), len(found))
        hits = iou >= MIN_IOU
        counts = np.zeros((len(self.rows.categories.distinct) + 1, len(self.truth.classes)), np.int64)
        np.add.at(counts, (self.rows.categories.codes[rows[hits]], self.truth.labels[objects[hits]]), 1)
        return counts[:-1]

    def best_rows(self, meaning: Meaning) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions of the best-scored rows, and their images and labels. The boxes do not matter for these."""
        key = meaning.images.name, meaning.classes.name
        if key not in self._best_scored:
            images, labels = meaning.images.of(self.rows.images), meaning.classes.of(self.rows.categories)
            if self._any_class:
                labels = np.zeros_like(labels)
            rows = np.flatnonzero((images >= 0) & (labels >= 0))
            found = Found(images[rows], labels[rows], self.rows.scores[rows], self.rows.boxes[rows])
            best = best_scored(self.truth, found)
            self._best_scored[key] = rows[best], found.images[best], found.labels[best]
        return self._best_scored[key]


def _differences(meaning: Meaning, base: Meaning) -> int:
    """Number of differences between two meanings. Pixels of a network's input are one more."""
    changes = (meaning.images != base.images, meaning.classes != base.classes, meaning.boxes != base.boxes)
    return sum(changes) + (":" in meaning.boxes.unit)


def _placings(base: Meaning, rows: Rows, images: Sequence[Numbering]) -> Iterator[Meaning]:
    """Meanings with other numberings of images and other forms of boxes."""
    numberings = [base.images, *(other for other in different(images, rows.images) if other != base.images)]
    forms = [base.boxes, *(form for form in possible_forms(rows.boxes) if form != base.boxes)]
    for numbering, form in list(product(numberings, forms))[1:]:
        yield replace(base, images=numbering, boxes=form)


def _namings(base: Meaning, test: _Test, classes: Sequence[Numbering]) -> Iterator[Meaning]:
    """Meanings with other numberings of classes, the last of them as the objects suggest."""
    for numbering in different(classes, test.rows.categories):
        yield replace(base, classes=numbering)
    voted = _voted(base, test)
    if voted is not None:
        yield replace(base, classes=voted)


def _voted(base: Meaning, test: _Test) -> Numbering | None:
    """The class of each number by the objects that its detections are on. None if they do not agree."""
    votes, evaluated = test.votes(base), test.truth.classes
    names: dict[str, str] = {}
    for number, counts in zip(test.rows.categories.distinct, votes, strict=True):
        if counts.max() >= max(LEAST_VOTES, LEAST_SHARE * counts.sum()):
            names[number] = evaluated[int(counts.argmax())]
    if not names or len(set(names.values())) < len(names):
        return None
    for number in test.rows.categories.distinct:
        place = base.classes.places.get(number, -1)
        if number not in names and place >= 0 and evaluated[place] not in names.values():
            names[number] = evaluated[place]
    return renumbered(dict(sorted(names.items(), key=_numeric)), evaluated, evaluated)


def _numeric(named: tuple[str, str]) -> tuple[int, str]:
    number = named[0]
    return int(number) if number.isdecimal() else 0, number


def different(numberings: Sequence[Numbering], ids: Ids) -> list[Numbering]:
    """The meanings of ids that match at least one row, each of them different from the others for these ids."""
    seen: dict[bytes, Numbering] = {}
    for numbering in numberings:
        places = numbering.of(replace(ids, codes=np.arange(len(ids.distinct))))
        if (places >= 0).any():
            seen.setdefault(places.tobytes(), numbering)
    return list(seen.values())


def possible_forms(boxes: np.ndarray) -> list[BoxForm]:
    """Possible forms (order and unit) of boxes, judged by their numbers alone.

    Args:
        boxes: ``(D, 4)`` finite numbers of the boxes, as in the file.

    Returns:
        Forms of boxes to try, the most usual first.
    """
    if are_fractions(boxes):
        return [replace(order, unit=FRACTIONS) for order in ORDERS]
    forms = list(ORDERS)
    for order in ORDERS:
        reach = np.quantile(order.corners(boxes, np.ones((len(boxes), 2)))[:, 2:].max(axis=1), 0.99)
        sides = [side for side in SIDES if 0.85 * reach <= side <= 1.5 * reach]
        forms += [replace(order, unit=f"{kind}:{side}x{side}") for side in sides for kind in INPUTS]
    return forms


def are_fractions(boxes: np.ndarray) -> bool:
    """Whether the numbers of boxes ``(D, 4)`` are so small that they must be fractions and not pixels."""
    return len(boxes) > 0 and bool(np.quantile(np.abs(boxes).max(axis=1), 0.99) <= LARGEST_FRACTION)
