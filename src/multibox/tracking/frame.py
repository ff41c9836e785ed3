"""A frame of a video with its tracked objects, and how it is drawn."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from multibox.draw import draw_boxes
from multibox.predict.predict import Prediction
from multibox.regions import Points
from multibox.tracking.counting import Anchor, Counts, Event, anchors_of
from multibox.tracking.drawing import draw_place, draw_tail
from multibox.tracking.places import Line, Zone
from multibox.tracking.tracker import Tracks

TAIL: Final = 1.0
"""Length of a tail, seconds."""

LONGEST_TAIL: Final = 64
"""Largest number of places in a tail."""

Tail = np.ndarray  # (N, 2) x and y of an object's latest places, the newest last, pixels


@dataclass(frozen=True, eq=False)
class TrackedFrame(Prediction):
    """The objects of a frame, with their ids.

    The detections are those of the tracks: with smoothed scores, the class that the object had most often, and boxes
    that are carried over where an object was not detected.

    Attributes:
        ids: ``(K,)`` int64 id of each detection, from 1.
        carried: ``(K,)`` bool, True for boxes that were not detected in this frame but predicted.
        events: What crossed a line, and entered or left a zone, since the frame before.
        counts: Numbers of all events so far, by place, kind and class, as in ``counts["gate"]["in"]["person"]``.
        places: Lines and zones of the run.
        tails: Latest places of each of the K objects.
    """

    ids: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    carried: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    events: tuple[Event, ...] = ()
    counts: Counts = field(default_factory=dict)
    places: Sequence[Line | Zone] = ()
    tails: Sequence[Tail] = ()

    def draw(self, regions: Sequence[Points] = ()) -> np.ndarray:
        """Draw lines, zones, tails, and boxes with names and ids.

        Args:
            regions: Polygons whose outlines are drawn below them.

        Returns:
            ``(H, W, 3)`` uint8 RGB, a new image.

        Raises:
            BadInput: The frame was not kept.
        """
        found, image = self.detections, self.outlined(regions)
        assert found is not None
        if image is None:
            return found.draw()  # which raises
        output = image.copy()
        for place in self.places:
            draw_place(output, place, self.counts[place.name])
        for track, tail in zip(self.ids, self.tails, strict=True):
            draw_tail(output, tail, track)
        captions = [f"{track} {name}" for track, name in zip(self.ids, found.names, strict=True)]
        worst_first = slice(None, None, -1)  # draws the best on top
        return draw_boxes(output, found.boxes[worst_first], captions[worst_first], self.ids[worst_first])

    def to_json(self) -> dict[str, Any]:
        """Values for ``json.dumps``: as those of a prediction, with each detection's id, and the events."""
        row = super().to_json()
        if self.detections is None:
            return row
        for detection, track, carried in zip(row["detections"], self.ids.tolist(), self.carried.tolist(), strict=True):
            detection.update({"id": track, "carried": carried})
        return row | ({"events": [event.to_json() for event in self.events]} if self.events else {})


class Tails:
    """Latest places of the objects of one video.

    Args:
        anchor: Point of a box that counts as its place.
    """

    def __init__(self, anchor: Anchor):
        self._anchor = anchor
        self._places: dict[int, deque[tuple[float, np.ndarray]]] = {}

    def update(self, tracks: Tracks, seconds: float) -> list[Tail]:
        """Add the places of a frame.

        Args:
            tracks: Objects of the frame.
            seconds: Time of the frame, seconds.

        Returns:
            A tail for each of the K objects.
        """
        for gone in self._places.keys() - set(tracks.remembered.tolist()):
            del self._places[gone]
        tails = []
        for track, place in zip(tracks.ids.tolist(), anchors_of(tracks.detections.boxes, self._anchor), strict=True):
            latest = self._places.setdefault(track, deque(maxlen=LONGEST_TAIL))
            latest.append((seconds, place))
            while latest[0][0] < seconds - TAIL:
                latest.popleft()
            tails.append(np.array([place for _, place in latest]))
        return tails
