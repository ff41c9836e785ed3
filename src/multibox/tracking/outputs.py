"""Files that tracks are saved in: annotated videos, MOT Challenge text, JSON Lines and CSV."""

import csv
import io
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar, Final

from multibox.predict.outputs.annotated import ImageOutput, VideoOutput
from multibox.predict.outputs.names import Stems, real_paths
from multibox.predict.outputs.output import Output, TextOutput
from multibox.predict.outputs.rows import JsonLinesOutput
from multibox.predict.outputs.saving import OutputSet, say_renamed
from multibox.predict.predict import Prediction
from multibox.predict.sources import Source
from multibox.regions import Points
from multibox.tracking.counting import Event
from multibox.tracking.frame import TrackedFrame

FORMATS: Final = ("video", "pictures", "mot", "jsonl", "csv", "counts")
"""Names of the formats that can be saved."""

TRACK_COLUMNS: Final = ("file", "frame", "seconds", "id", "name", "score", "x0", "y0", "x1", "y1", "carried")
EVENT_COLUMNS: Final = ("file", "seconds", "place", "what", "id", "name", "stayed", "total")


class TracksOutput(TextOutput):
    """CSV: one line per object and frame, below a line of headings."""

    head = ",".join(TRACK_COLUMNS) + "\n"

    def encode(self, prediction: Prediction) -> str:
        """Format the lines of a frame."""
        if not isinstance(prediction, TrackedFrame) or prediction.detections is None:
            return ""
        found = prediction.detections
        start = (prediction.source.name, prediction.number, f"{prediction.seconds:.3f}")
        columns = zip(prediction.ids, found.names, found.scores, found.boxes, prediction.carried, strict=True)
        return _lines(
            (*start, track, name, f"{score:.5f}", *(f"{edge:.2f}" for edge in box), int(carried))
            for track, name, score, box, carried in columns
        )


class EventsOutput(TextOutput):
    """CSV: one line for each time that an object crosses a line, or enters or leaves a zone.

    ``total`` is the number of such events so far, over all classes.
    """

    head = ",".join(EVENT_COLUMNS) + "\n"

    def encode(self, prediction: Prediction) -> str:
        """Format the lines of a frame."""
        if not isinstance(prediction, TrackedFrame):
            return ""
        file = prediction.source.name
        return _lines(
            (file, f"{event.seconds:.3f}", event.place, event.what, event.id, event.name, _stay(event), event.total)
            for event in prediction.events
        )


class MotOutput:
    """A text file in the format of MOT Challenge for each video.

    A row is frame (from 1), id, left, top, width, height, score, number of the class (from 1), -1, -1. Left and top
    count from 1, in pixels.

    Args:
        folder: Folder of the files.
        stems: Names of the files without suffix, by video.
        sources: All videos of the run.
        replace: Whether to replace a file that Multibox did not write, or that was changed since Multibox wrote it.

    Raises:
        BadInput: A file exists that may not be replaced.
    """

    draws: ClassVar[bool] = False

    def __init__(self, folder: Path, stems: Stems, sources: Sequence[Source], *, replace: bool = False):
        self._files = {source: MotFile(folder / f"{stems[source]}.txt", replace=replace) for source in sources}
        self._current: MotFile | None = None

    def encode(self, prediction: Prediction) -> str:
        """Format the rows of a frame."""
        return self._files[prediction.source].encode(prediction)

    def add(self, prediction: Prediction, encoded: str) -> None:
        """Write the rows of a frame to the file of its video."""
        file = self._files[prediction.source]
        if self._current not in (None, file):
            self.finish()
        self._current = file
        file.add(prediction, encoded)

    def finish(self) -> None:
        """Complete the file of the current video."""
        if self._current is not None:
            self._current.finish()
            self._current = None

    def discard(self) -> None:
        """Remove the incomplete file."""
        if self._current is not None:
            self._current.discard()


class MotFile(TextOutput):
    """Tracks of one video in the format of MOT Challenge."""

    def encode(self, prediction: Prediction) -> str:
        """Format the rows of a frame."""
        return mot_rows(prediction) if isinstance(prediction, TrackedFrame) else ""


def mot_rows(tracked: TrackedFrame) -> str:
    """Format the objects of a frame as lines of MOT Challenge."""
    found, frame = tracked.detections, (tracked.number or 0) + 1
    if found is None:
        return ""
    rows = zip(tracked.ids, found.boxes.tolist(), found.scores, found.labels, strict=True)
    return "".join(
        f"{frame},{track},{x0 + 1:.2f},{y0 + 1:.2f},{x1 - x0:.2f},{y1 - y0:.2f},{score:.5f},{label + 1},-1,-1\n"
        for track, (x0, y0, x1, y1), score, label in rows
    )


def open_track_outputs(
    formats: Sequence[str],
    folder: str | os.PathLike[str],
    sources: Sequence[Source],
    *,
    replace: bool = False,
    regions: Sequence[Points] = (),
) -> OutputSet:
    """Open the outputs of a run, before its work begins.

    Args:
        formats: Names of formats, from :data:`FORMATS`.
        folder: Folder for all outputs. It is created when there is something to write.
        sources: Videos of the run.
        replace: Whether to replace files that Multibox did not write, or that were changed since Multibox wrote them.
        regions: Polygons to draw on annotated videos and images.

    Returns:
        Outputs to write frames to.

    Raises:
        BadInput: A file exists that may not be replaced.
    """
    folder, stems, inputs = Path(folder), Stems(sources), real_paths(sources)
    images = ImageOutput(folder, stems, inputs, regions=regions)
    makers: dict[str, Callable[[], Output]] = {
        "video": lambda: VideoOutput(folder, stems, inputs, regions=regions),
        "pictures": lambda: images,
        "mot": lambda: MotOutput(folder, stems, sources, replace=replace),
        "jsonl": lambda: JsonLinesOutput(folder / "tracks.jsonl", replace=replace),
        "csv": lambda: TracksOutput(folder / "tracks.csv", replace=replace),
        "counts": lambda: EventsOutput(folder / "counts.csv", replace=replace),
    }
    say_renamed("videos", stems.renamed)
    outputs = tuple(makers[name]() for name in dict.fromkeys(formats))
    return OutputSet(folder, outputs, images.name if "pictures" in formats else lambda prediction: "")


def _stay(event: Event) -> str:
    return f"{event.stayed:.3f}" if event.what == "left" else ""


def _lines(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
