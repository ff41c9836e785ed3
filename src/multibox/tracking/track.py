"""Tracking in videos: detection, ids, counts."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import get_args

import numpy as np

from multibox.detect.detector import BATCH, Detector
from multibox.errors import BadInput
from multibox.predict.chosen import Chosen
from multibox.predict.frame_folder import HIGHEST, LOWEST
from multibox.predict.hidden import LEAST, Hidden
from multibox.predict.predict import Prediction, predict
from multibox.predict.sources import Source
from multibox.regions import to_points
from multibox.tracking.counting import Anchor, Counting
from multibox.tracking.films import find_films, read_film
from multibox.tracking.frame import Tails, TrackedFrame
from multibox.tracking.hiding import HiddenTracks
from multibox.tracking.places import Line, Zone
from multibox.tracking.tracker import Tracker, TrackSettings

log = logging.getLogger("multibox")

Film = str | os.PathLike[str] | Source
Numbers = Mapping[str, Sequence[float]]


def track(
    detector: Detector,
    source: Film | Sequence[Film],
    *,
    lines: Numbers | Sequence[Line] = (),
    zones: Numbers | Sequence[Zone] = (),
    anchor: Anchor = "center",
    score: float | None = None,
    settings: TrackSettings | None = None,
    every: int = 1,
    rate: float | None = None,
    reconnect: float = 0.0,
    batch: int = BATCH,
    keep: bool = True,
    only: Chosen | None = None,
    hide: Hidden | None = None,
) -> Iterator[TrackedFrame]:
    """Detect objects in a video and follow them.

    Ids begin at 1 in each video. A frame that cannot be read has an error, and tracking goes on.

    Args:
        detector: Detector to run.
        source: Video, folder of frames, ``camera:0``, URL of a stream, or several of them.
        lines: Lines to count at, by name: ``{"gate": (x0, y0, x1, y1)}``, in pixels, or in parts of width and height if
            all numbers lie between 0 and 1.
        zones: Polygons to count in, by name, in the same units.
        anchor: Point of a box that counts as its place: ``center``, or ``bottom`` for the middle of its lower edge.
        score: Score that a detection must exceed to begin a track. None takes the model's thresholds for display.
        settings: How objects are followed. None takes the defaults.
        every: 1 looks at all frames, 2 at every second one, and so on.
        rate: Frames per second of a folder of frames. None takes that of its ``seqinfo.ini``, or assumes 25.
        reconnect: Seconds for which a stream that broke off is opened again.
        batch: Number of frames that go through the network together.
        keep: Whether frames keep their image, so that they can be drawn.
        only: Classes and regions whose objects are followed. None follows all.
        hide: Classes whose objects are made unrecognisable in the images of the frames, also where they are missed.

    Yields:
        One object per frame, in order.

    Raises:
        BadInput: A path, line, zone or class is wrong, or the package scipy is not installed.

    Example:
        ``for frame in multibox.track(multibox.load("voc20"), "film.mp4"): print(frame.ids, frame.detections.names)``
    """
    _refuse(every=every, batch=batch, rate=rate, anchor=anchor)
    only = only or Chosen()
    only.check(detector.classes)
    places = _all_places(lines, zones)
    settings, shown = settings or TrackSettings(), detector.thresholds(score)
    weak = weak_score(detector, shown, settings)
    run = _Run(detector.classes, shown, weak, settings, places, anchor, only, hide)
    read = partial(read_film, every=every, rate=rate, reconnect=reconnect)
    least = min(weak, LEAST) if hide else weak
    return _follow(
        predict(detector, _sources(source), score=least, batch=batch, read=read, hide=hide, original=True), run, keep
    )


def _refuse(*, every: int, batch: int, rate: float | None, anchor: str) -> None:
    for field, number in (("every", every), ("batch", batch)):
        if number < 1:
            raise BadInput(field, f"{number} is not a whole number from 1 on")
    if rate is not None and not LOWEST <= rate <= HIGHEST:
        raise BadInput("rate", f"{rate} is not a number from {LOWEST:g} to {HIGHEST:g}")
    if anchor not in get_args(Anchor):
        raise BadInput("anchor", f"{anchor} is not one of {', '.join(get_args(Anchor))}")


def weak_score(detector: Detector, shown: np.ndarray, settings: TrackSettings) -> float:
    """The score that detections must exceed to continue a track.

    Args:
        detector: Detector, whose file may run NMS itself and drop detections with low scores.
        shown: ``(C,)`` scores that a detection must exceed to begin a track, by class.
        settings: How objects are followed.
    """
    return min(float(shown.min()), max(settings.weak, detector.config.score))


@dataclass(frozen=True, eq=False)
class _Run:
    """What is the same for all videos of a run."""

    classes: tuple[str, ...]
    shown: np.ndarray
    weak: float
    settings: TrackSettings
    places: Sequence[Line | Zone]
    anchor: Anchor
    only: Chosen
    hide: Hidden | None


def _follow(predictions: Iterator[Prediction], run: _Run, keep: bool) -> Iterator[TrackedFrame]:
    source, film = None, _Film(run)
    for prediction in predictions:
        if source != prediction.source:
            source, film = prediction.source, _Film(run)
        frame = film.follow(prediction)
        yield frame if keep else frame.without_image()


class _Film:
    """What is remembered of one video."""

    def __init__(self, run: _Run):
        self._run = run
        self._is_begun = False
        self._tracker = Tracker(run.shown, run.settings)
        self._counting = Counting(run.places, run.anchor)
        self._tails = Tails(run.anchor)
        self._hiding = HiddenTracks(run.hide, run.classes, run.shown) if run.hide else None

    def follow(self, prediction: Prediction) -> TrackedFrame:
        given = {name: getattr(prediction, name) for name in Prediction.__dataclass_fields__} | {"original": None}
        found = prediction.detections
        if found is None:
            return TrackedFrame(**given, counts=self._counting.counts, places=self._run.places)
        if not self._is_begun:
            self._is_begun = True
            _say_beyond(prediction.source.name, self._run.places, found.image_size)
        seen = replace(found, image=prediction.original)
        if self._hiding:
            found, missed = self._hiding.hide(found, seen, prediction.seconds)
            given["hidden"] += missed
        tracks = self._tracker.update(self._run.only.select(seen.above(self._run.weak)), prediction.seconds)
        events = self._counting.update(tracks, prediction.seconds)
        return TrackedFrame(
            **given | {"detections": replace(tracks.detections, image=found.image)},
            ids=tracks.ids,
            carried=tracks.carried,
            events=events,
            counts=self._counting.counts,
            places=self._run.places,
            tails=self._tails.update(tracks, prediction.seconds),
        )


def _say_beyond(name: str, places: Sequence[Line | Zone], image_size: tuple[int, int]) -> None:
    """Say which lines and zones reach beyond the image, as those drawn for another size do."""
    height, width = image_size
    for place in places:
        if (place.points.pixels(image_size) > (width, height)).any():
            log.warning(f"{name}: {place.name} reaches beyond the image of {width}x{height} pixels")


def _sources(source: Film | Sequence[Film]) -> list[Source]:
    if isinstance(source, Source):
        return [source]
    if isinstance(source, str | os.PathLike):
        return find_films([source])
    return [one for each in source for one in _sources(each)]


def _all_places(lines: Numbers | Sequence[Line], zones: Numbers | Sequence[Zone]) -> list[Line | Zone]:
    places = [*_places(lines, Line, "lines"), *_places(zones, Zone, "zones")]
    refuse_same_names(places)
    return places


def _places(given: Numbers | Sequence[Line | Zone], kind: type[Line] | type[Zone], field: str) -> list[Line | Zone]:
    if isinstance(given, str):
        raise BadInput(field, f"{given!r} is a text; give numbers by name, as in {{'gate': (0.5, 0, 0.5, 1)}}")
    if not isinstance(given, Mapping):
        places = list(given)
    else:
        exactly = 2 if kind is Line else None
        places = [kind(name, to_points(numbers, field, exactly=exactly)) for name, numbers in given.items()]
    return places


def refuse_same_names(places: Sequence[Line | Zone]) -> None:
    """Verify that the names of lines and zones differ.

    Raises:
        BadInput: Two have one name.
    """
    names: set[str] = set()
    for place in places:
        if place.name in names:
            field = "zones" if isinstance(place, Zone) else "lines"
            raise BadInput(field, f"two are called {place.name}; give each a name of its own")
        names.add(place.name)
