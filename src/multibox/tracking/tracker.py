"""Follows objects through the frames of a video: detections in, ids out.

The order of the rounds is that of ByteTrack (arXiv 2110.06864): strong detections choose first, and weak ones may only
continue a track. A last round enlarges the boxes (arXiv 2211.14317), which finds objects that jump.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from multibox.boxes import areas, clip, intersections, iou, to_centers, to_corners
from multibox.detect.detections import Detections
from multibox.errors import BadInput
from multibox.tracking.appearance import describe
from multibox.tracking.motion import Motion
from multibox.tracking.pairing import pair

SAME: Final = 0.2
"""Least likeness of a track and a strong detection."""

WEAK: Final = 0.4
"""Least likeness of a track and a weak detection."""

NEAR: Final = 0.15
"""Least likeness of a track and a strong detection whose boxes are enlarged."""

ENLARGED: Final = 0.4
"""Share of its width and height by which a box is enlarged on each side, in the last round."""

OTHER_CLASS: Final = 0.5
"""Factor of the likeness of a track and a detection of another class."""

COLOURS: Final = 0.8
"""Least likeness of the colours of a track that was lost and a detection."""

LOST: Final = 0.3
"""Time in seconds after which an object that is not seen may be found again by its colours."""

FASTEST: Final = 1.5
"""Largest speed of an object that is found again by its colours, in box sizes per second."""

LEARNING: Final = 0.1
"""Weight of the newest colours in the averaged colours of a track."""

TWICE: Final = 0.6
"""IoU from which two boxes are one object, whatever their classes."""

SMOOTHING: Final = 0.3
"""Weight of the newest score in the smoothed score of a track."""


NESTED: Final = 0.6
"""Share of the smaller of two boxes of one class that lies in the other, from which no track begins there."""

ROUNDING: Final = 1e-6
"""Difference of two times that counts as none, seconds."""


@dataclass(frozen=True)
class TrackSettings:
    """How objects are followed.

    Attributes:
        weak: Score that a detection must exceed to continue a track, in [0, 1]. To begin one, it must exceed the score
            that is shown.
        memory: Time in seconds for which an object that is not seen keeps its id.
        carry: Time in seconds for which the box of an object that is not detected is carried over. 0 carries none.
        smooth: Whether the score of an object is averaged over the latest frames.
        evidence: Sum of the scores of its detections from which on an object has an id. In the first frame, one
            detection is enough.

    Raises:
        BadInput: A number is negative or not finite, or ``weak`` is above 1.
    """

    weak: float = 0.1
    memory: float = 5.0
    carry: float = 0.1
    smooth: bool = True
    evidence: float = 1.7

    def __post_init__(self) -> None:
        for field in ("weak", "memory", "carry", "evidence"):
            value = getattr(self, field)
            if not 0 <= value < np.inf or (field == "weak" and value > 1):
                raise BadInput(field, f"{value} is out of range; give a finite number from 0 on, and weak up to 1")


@dataclass(frozen=True, eq=False)
class Tracks:
    """K tracked objects in one frame, the best first.

    Attributes:
        detections: Their boxes, scores and labels.
        ids: ``(K,)`` int64 ids, from 1. An id belongs to one object of the video.
        carried: ``(K,)`` bool, True for boxes that were not detected in this frame but predicted.
        remembered: ``(R,)`` int64 ids of all objects that may be found again, these K among them.
    """

    detections: Detections
    ids: np.ndarray
    carried: np.ndarray
    remembered: np.ndarray


@dataclass(eq=False)
class _Track:
    """What is known of an object besides its motion.

    Attributes:
        votes: ``(C,)`` sum of the scores of its detections, by class.
        looks: ``(F,)`` its colours, averaged over the latest frames.
        center: ``(4,)`` cx, cy, w, h of its latest detection, pixels.
        score: Score, averaged over the latest frames if that is set.
        seen: Time of its latest detection, seconds.
        id: Its id from 1, or 0 as long as it has none.
    """

    votes: np.ndarray
    looks: np.ndarray
    center: np.ndarray
    score: float
    seen: float
    id: int = 0


class Tracker:
    """Gives objects their ids, frame by frame.

    Args:
        shown: ``(C,)`` scores that a detection must exceed to begin a track, by class.
        settings: How objects are followed.

    Example:
        ``Tracker(detector.shown).update(detections, seconds)``
    """

    def __init__(self, shown: np.ndarray, settings: TrackSettings | None = None):
        self._shown = shown
        self._settings = settings or TrackSettings()
        self._motion = Motion()
        self._tracks: list[_Track] = []
        self._now: float | None = None
        self._last_id = 0

    def update(self, found: Detections, seconds: float) -> Tracks:
        """Take the detections of the next frame.

        Args:
            found: Detections above ``weak``, which the settings define.
            seconds: Time of the frame in seconds. Frames may be any time apart.

        Returns:
            The objects that have an id and are seen in this frame or carried over.
        """
        is_first = self._now is None
        passed = max(seconds - (seconds if self._now is None else self._now), 0.0)
        self._now = seconds
        self._forget(passed)
        self._motion.advance(passed)
        found = _once(found)
        looks = np.ones((len(found), 1)) if found.image is None else describe(found.image, found.boxes)
        rows, columns = self._pairs(found, looks)
        self._correct(rows, columns, found, looks)
        begun = self._begin(columns, found, looks)
        rows = np.concatenate([rows, np.arange(len(self._tracks) - len(begun), len(self._tracks))])
        columns = np.concatenate([columns, begun])
        self._give_ids(rows, 0.0 if is_first else self._settings.evidence)
        return self._result(rows, columns, found)

    def _forget(self, passed: float) -> None:
        """Drop tracks that were not seen for too long, and those without an id that were missed once."""
        assert self._now is not None
        memory = max(self._settings.memory, 1.5 * passed)
        kept = [
            row
            for row, track in enumerate(self._tracks)
            if self._now - track.seen <= (memory if track.id else passed) + ROUNDING
        ]
        self._motion.keep(np.array(kept, int))
        self._tracks = [self._tracks[row] for row in kept]

    def _pairs(self, found: Detections, looks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pair tracks with detections in four rounds, each with the tracks and detections that are left.

        A track that was lost is not continued by a detection that may be a better one once more.
        """
        assert self._now is not None
        strong = found.scores > self._shown[found.labels]
        boxes = self._motion.boxes
        factors = self._class_factors(found.labels) * self._colour_factors(looks)
        alike = iou(boxes, found.boxes) * factors
        near = iou(_enlarged(boxes), _enlarged(found.boxes)) * factors
        rows, columns = np.zeros(0, int), np.zeros(0, int)
        again = self._found_again(found, looks)
        lost = np.array([self._now - track.seen > LOST for track in self._tracks], bool)
        not_again = np.outer(lost, _nested(found, np.tri(len(found), k=-1, dtype=bool)))
        rounds = ((alike, SAME, strong), (alike, WEAK, ~strong), (near, NEAR, strong), (again, COLOURS, strong))
        for likeness, least, taken in rounds:
            free = ~not_again
            free[rows], free[:, columns], free[:, ~taken] = False, False, False
            more = pair(likeness * free, least)
            rows, columns = np.concatenate([rows, more[0]]), np.concatenate([columns, more[1]])
        return rows, columns

    def _class_factors(self, labels: np.ndarray) -> np.ndarray:
        """``(N, M)`` factors: 1 where a track and a detection have one class."""
        own = np.array([track.votes.argmax() for track in self._tracks], int)
        return np.where(own[:, None] == labels, 1.0, OTHER_CLASS)

    def _colour_factors(self, looks: np.ndarray) -> np.ndarray:
        """``(N, M)`` factors: 1 where a track and a detection have the same colours."""
        return np.array([track.looks for track in self._tracks]).reshape(-1, looks.shape[1]) @ looks.T

    def _found_again(self, found: Detections, looks: np.ndarray) -> np.ndarray:
        """``(N, M)`` likeness of tracks that were lost with detections: how alike their colours are, or 0.

        It is 0 if the classes differ, or if the object would have had to be too fast.
        """
        assert self._now is not None
        likeness = np.zeros((len(self._tracks), len(found)))
        centers = to_centers(found.boxes)
        for row, track in enumerate(self._tracks):
            gone = self._now - track.seen
            if track.id and gone > LOST:
                size = np.sqrt(np.prod(track.center[2:]))
                away = np.hypot(*(centers[:, :2] - track.center[:2]).T)
                fits = (found.labels == track.votes.argmax()) & (away <= size * (1 + FASTEST * gone))
                likeness[row] = fits * (looks @ track.looks)
        return likeness

    def _correct(self, rows: np.ndarray, columns: np.ndarray, found: Detections, looks: np.ndarray) -> None:
        assert self._now is not None
        self._motion.correct(rows, found.boxes[columns])
        weight = SMOOTHING if self._settings.smooth else 1.0
        for row, column in zip(rows, columns, strict=True):
            track, score = self._tracks[row], float(found.scores[column])
            track.votes[found.labels[column]] += score
            track.looks += LEARNING * (looks[column] - track.looks)
            track.score += weight * (score - track.score)
            track.center = to_centers(found.boxes[column])
            track.seen = self._now

    def _begin(self, columns: np.ndarray, found: Detections, looks: np.ndarray) -> np.ndarray:
        """Begin tracks with strong detections that are left, and return the columns of those."""
        assert self._now is not None
        tracked = np.isin(np.arange(len(found)), columns)
        better = tracked | np.tri(len(found), k=-1, dtype=bool)  # the best come first
        strong = found.scores > self._shown[found.labels]
        begun = np.flatnonzero(strong & ~tracked & ~_nested(found, better))
        for column in begun:
            votes = np.zeros(len(self._shown))
            votes[found.labels[column]] = score = float(found.scores[column])
            self._tracks.append(_Track(votes, looks[column].copy(), to_centers(found.boxes[column]), score, self._now))
        self._motion.add(found.boxes[begun])
        return begun

    def _give_ids(self, rows: np.ndarray, evidence: float) -> None:
        for row in rows:
            track = self._tracks[row]
            if not track.id and track.votes.sum() >= evidence:
                self._last_id += 1
                track.id = self._last_id

    def _result(self, rows: np.ndarray, columns: np.ndarray, found: Detections) -> Tracks:
        named = np.array([self._tracks[row].id > 0 for row in rows], bool)
        rows, columns = rows[named], columns[named]
        missed = self._carried(found.boxes[columns], found.image_size)
        boxes = np.concatenate([found.boxes[columns], self._clipped(missed, found.image_size)])
        tracks = [self._tracks[row] for row in (*rows, *missed)]
        order = np.argsort([-track.score for track in tracks], kind="stable")
        detections = Detections(
            boxes[order].astype(np.float32),
            np.array([tracks[i].score for i in order], np.float32),
            np.array([tracks[i].votes.argmax() for i in order], np.int64),
            found.classes,
            found.image_size,
            found.image,
        )
        ids = np.array([tracks[i].id for i in order], np.int64)
        remembered = np.array([track.id for track in self._tracks if track.id], np.int64)
        return Tracks(detections, ids, order >= len(rows), remembered)

    def _carried(self, seen: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
        """Rows of tracks that were missed shortly, lie mostly in the image and are not hidden by a box that is seen."""
        assert self._now is not None
        missed = [self._now - track.seen for track in self._tracks]
        candidates = [
            row
            for row, track in enumerate(self._tracks)
            if track.id and 0 < missed[row] <= self._settings.carry + ROUNDING
        ]
        rows = np.array(candidates, int)
        whole, clipped = self._motion.boxes[rows], self._clipped(rows, image_size)
        in_view = areas(clipped) > 0.5 * areas(whole)
        return rows[in_view & ~(iou(clipped, seen) >= TWICE).any(axis=1)]

    def _clipped(self, rows: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
        height, width = image_size
        return clip(self._motion.boxes[rows], width, height)


def _once(found: Detections) -> Detections:
    """Leave out detections that lie on a better one: a detector may find one object under two names."""
    overlap = iou(found.boxes, found.boxes)
    kept: list[int] = []
    for i in range(len(found)):
        if not (overlap[i, kept] >= TWICE).any():
            kept.append(i)
    return found.keep(np.array(kept, int))


def _nested(found: Detections, better: np.ndarray) -> np.ndarray:
    """Find detections that lie in a better one of their class, or around it.

    Args:
        found: M detections.
        better: ``(M, M)`` bool, True where the detection of a column is better than that of a row.

    Returns:
        ``(M,)`` bool.
    """
    smaller = np.minimum(areas(found.boxes)[:, None], areas(found.boxes))
    inside = intersections(found.boxes, found.boxes) >= NESTED * smaller
    return (inside & better & (found.labels[:, None] == found.labels)).any(axis=1)


def _enlarged(boxes: np.ndarray) -> np.ndarray:
    return to_corners(to_centers(boxes) * (1, 1, 1 + 2 * ENLARGED, 1 + 2 * ENLARGED))
