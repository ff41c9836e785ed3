"""Tracking in videos: detection, ids, counts."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from multibox.detect.detector import BATCH, Detector
from multibox.errors import BadInput
from multibox.predict.predict import Prediction, predict
from multibox.predict.sources import Source
from multibox.regions import to_points
from multibox.tracking.camera import Camera
from multibox.tracking.counting import Anchor, Counting
from multibox.tracking.films import find_films, read_film
from multibox.tracking.frame import Tails, TrackedFrame
from multibox.tracking.places import Line, Zone
from multibox.tracking.tracker import Tracker, TrackSettings

Numbers = Mapping[str, Sequence[float]]


def track(
    detector: Detector,
    source: str | os.PathLike[str] | Source | Sequence[Source],
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
) -> Iterator[TrackedFrame]:
    """Detect objects in a video and follow them.

    Ids begin at 1 in each video. A frame that cannot be read gives an error, and tracking goes on.

    Args:
        detector: Detector to run.
        source: Video file, folder of frames, ``camera:0`` or URL of a stream, or sources of
            :func:`~multibox.tracking.films.find_films`.
        lines: Lines to count at, by name: ``{"gate": (x0, y0, x1, y1)}``, in pixels, or in parts of the image's width
            and height if all numbers lie between 0 and 1.
        zones: Polygons to count in, by name, in the same units.
        anchor: Point of a box that counts as its place: ``center``, or ``bottom`` for the middle of its lower edge.
        score: Score that a detection must exceed to begin a track, in [0, 1]. None takes the model's thresholds for
            display.
        settings: How objects are followed. None takes the defaults.
        every: 1 looks at all frames, 2 at every second one, and so on.
        rate: Frames per second of a folder of frames. None takes that of its ``seqinfo.ini``, or assumes 25.
        reconnect: Seconds without a frame after which a stream that broke off counts as ended. Until then it is opened
            again and again.
        batch: Number of frames that go through the network together.
        keep: Whether frames keep their image, so that they can be drawn.

    Yields:
        One object per frame, in order.

    Raises:
        BadInput: A path, line, zone or number is wrong, or the package scipy is not installed.

    Example:
        ``for frame in multibox.track(multibox.load("voc20"), "film.mp4"): print(frame.ids, frame.detections.names)``
    """
    settings = settings or TrackSettings()
    places = [*_places(lines, Line, "lines"), *_places(zones, Zone, "zones")]
    refuse_same_names(places)
    sources = _sources(source)
    shown = detector.thresholds(score)
    weak = min(settings.weak, float(shown.min()))
    read = partial(read_film, every=every, rate=rate, reconnect=reconnect)
    film: _Film | None = None
    for prediction in predict(detector, sources, score=weak, batch=batch, read=read):
        if film is None or film.source != prediction.source:
            film = _Film(prediction.source, Tracker(shown, settings), Counting(places, anchor), Tails(anchor), places)
        frame = film.follow(prediction)
        yield frame if keep else frame.without_image()


@dataclass(eq=False)
class _Film:
    """One video, with what is remembered of it."""

    source: Source
    tracker: Tracker
    counting: Counting
    tails: Tails
    places: Sequence[Line | Zone]

    def __post_init__(self) -> None:
        self._camera = Camera()

    def follow(self, prediction: Prediction) -> TrackedFrame:
        given = {name: getattr(prediction, name) for name in Prediction.__dataclass_fields__}
        found = prediction.detections
        if found is None or found.image is None:
            return TrackedFrame(**given, counts=self.counting.counts, places=self.places)
        tracks = self.tracker.update(found, prediction.seconds, self._camera.shift(found.image, found.boxes))
        events = self.counting.update(tracks, prediction.seconds)
        return TrackedFrame(
            **given | {"detections": tracks.detections},
            ids=tracks.ids,
            carried=tracks.carried,
            events=events,
            counts=self.counting.counts,
            places=self.places,
            tails=self.tails.update(tracks, prediction.seconds),
        )


def _sources(source: str | os.PathLike[str] | Source | Sequence[Source]) -> list[Source]:
    if isinstance(source, Source):
        return [source]
    return find_films([source]) if isinstance(source, str | os.PathLike) else list(source)


def _places(given: Numbers | Sequence[Line | Zone], kind: type[Line] | type[Zone], field: str) -> list[Line | Zone]:
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
