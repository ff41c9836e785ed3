"""Counts what crosses lines and what is inside zones.

An object counts once for a movement, however much its box trembles: only a place clearly on one side of a line or edge
is taken as a change. The margin grows with the size of the box.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from multibox.tracking.places import Line, What, Zone
from multibox.tracking.tracker import Tracks

MARGIN: Final = 0.12
"""Margin at a line or edge, as a share of the square root of the box's area."""

MOST: Final = 0.025
"""Largest margin, as a share of the image's longer side."""

LEAST: Final = 2.0
"""Least margin, pixels."""

Anchor = Literal["center", "bottom"]
"""Point of a box that counts as its place: its centre, or the middle of its lower edge."""

Counts = Mapping[str, Mapping[str, Counter[str]]]
"""Numbers of objects by name of the place, kind of event (``in``, ``out``, ``entered``, ``left``, ``inside``) and name
of the class."""


@dataclass(frozen=True)
class Event:
    """An object crosses a line, or enters or leaves a zone.

    An object that is first seen inside a zone enters it then. One that is lost inside leaves it when it was last seen.

    Attributes:
        place: Name of the line or zone.
        what: ``in`` or ``out`` at a line, ``entered`` or ``left`` at a zone. Seen from the line's first point towards
            its second, ``in`` is from the left to the right.
        id: Id of the object.
        name: Name of the object's class.
        seconds: Time from the beginning of the video, seconds.
        total: Number of such events at this place so far, this one included, over all classes.
        stayed: Time between entering and leaving a zone, seconds. 0 for other events.
    """

    place: str
    what: What
    id: int
    name: str
    seconds: float
    total: int = 0
    stayed: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Values for ``json.dumps``."""
        row: dict[str, Any] = {"place": self.place, "what": self.what, "id": self.id, "name": self.name}
        row |= {"seconds": round(self.seconds, 3), "total": self.total}
        return row | ({"stayed": round(self.stayed, 3)} if self.what == "left" else {})


@dataclass(frozen=True, eq=False)
class _At:
    """Where an object clearly was."""

    side: int
    anchor: np.ndarray
    since: float
    seen: float
    name: str


class Counting:
    """Counts the objects of one video.

    Args:
        places: Lines and zones. Their names differ.
        anchor: Point of a box that counts as its place.

    Attributes:
        counts: Numbers so far. A new object replaces it at each event, so that it can be kept.
    """

    def __init__(self, places: Sequence[Line | Zone], anchor: Anchor = "center"):
        self._places, self._anchor = places, anchor
        self._at: dict[tuple[str, int], _At] = {}
        self.counts: Counts = {place.name: {what: Counter() for what in _whats(place)} for place in places}

    def update(self, tracks: Tracks, seconds: float) -> tuple[Event, ...]:
        """Take the objects of the next frame. Boxes that are carried over are not counted.

        Args:
            tracks: Objects of the frame.
            seconds: Time of the frame, seconds.

        Returns:
            What has happened since the frame before.
        """
        events = (*self._lost(set(tracks.remembered.tolist())), *self._moved(tracks, seconds))
        return tuple(self._count(event) for event in events)

    def _moved(self, tracks: Tracks, seconds: float) -> Iterator[Event]:
        found = tracks.detections
        seen = np.flatnonzero(~tracks.carried)
        anchors = anchors_of(found.boxes, self._anchor)
        sides = found.boxes[:, 2:] - found.boxes[:, :2]
        margins = (MARGIN * np.sqrt(np.prod(sides, axis=1))).clip(LEAST, max(LEAST, MOST * max(found.image_size)))
        for i in seen:
            for place in self._places:
                side = place.side(anchors[i], margins[i], found.image_size)
                now = _At(side, anchors[i], seconds, seconds, found.names[i])
                yield from self._step(place, int(tracks.ids[i]), now, found.image_size)

    def _step(self, place: Line | Zone, track: int, now: _At, image_size: tuple[int, int]) -> Iterator[Event]:
        key = place.name, track
        before = self._at.get(key)
        if now.side == 0 or (before and before.side == now.side):
            if before:
                anchor = now.anchor if now.side else before.anchor
                self._at[key] = replace(before, anchor=anchor, seen=now.seen)
            return
        self._at[key] = now
        if isinstance(place, Line):
            if before and place.is_crossed(before.anchor, now.anchor, image_size):
                yield Event(place.name, "in" if now.side > 0 else "out", track, now.name, now.seen)
        elif now.side > 0:
            yield Event(place.name, "entered", track, now.name, now.seen)
        elif before:
            yield Event(place.name, "left", track, before.name, now.seen, stayed=now.seen - before.since)

    def _lost(self, remembered: set[int]) -> Iterator[Event]:
        """Forget objects whose tracks have ended. Those inside a zone leave it."""
        zones = {place.name for place in self._places if isinstance(place, Zone)}
        for key in [key for key in self._at if key[1] not in remembered]:
            at = self._at.pop(key)
            if key[0] in zones and at.side > 0:
                yield Event(key[0], "left", key[1], at.name, at.seen, stayed=at.seen - at.since)

    def _count(self, event: Event) -> Event:
        counters = {what: Counter(names) for what, names in self.counts[event.place].items()}
        counters[event.what][event.name] += 1
        if "inside" in counters:
            counters["inside"][event.name] += 1 if event.what == "entered" else -1
        self.counts = {**self.counts, event.place: counters}
        return replace(event, total=counters[event.what].total())


def anchors_of(boxes: np.ndarray, anchor: Anchor) -> np.ndarray:
    """``(N, 2)`` x and y of the points that count as the places of ``(N, 4)`` boxes, pixels."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    return middle if anchor == "center" else np.stack([middle[:, 0], boxes[:, 3]], axis=1)


def _whats(place: Line | Zone) -> tuple[str, ...]:
    return ("in", "out") if isinstance(place, Line) else ("inside", "entered", "left")
