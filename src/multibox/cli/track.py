"""The command ``track``, which follows objects through videos and counts them."""

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from multibox.cli.app import main
from multibox.cli.console import Row, print_table, progress_bar
from multibox.cli.options import Range, detection_options, place_options, replace_option, runtime_options
from multibox.cli.predict import model_and_paths
from multibox.errors import Stopped

if TYPE_CHECKING:
    from multibox.tracking.frame import TrackedFrame

SAVED = ("video", "pictures", "mot", "jsonl", "csv", "counts")


@main.command("track")
@click.argument("words", nargs=-1, required=True, metavar="[MODEL] VIDEO...")
@click.option(
    "--out",
    default="tracks",
    show_default=True,
    type=click.Path(),
    metavar="DIR",
    help="Folder to write the outputs to.",
)
@click.option(
    "--save",
    "formats",
    multiple=True,
    type=click.Choice(SAVED),
    help="Kind of output. Can be repeated. `mot` is the text of MOT Challenge. Default: annotated videos, csv, and "
    "counts if lines or zones are given.",
)
@replace_option
@place_options
@click.option(
    "--score",
    type=Range(0, 1),
    default=None,
    help="Score that a detection must exceed to begin a track, from 0 to 1. Default: the model's own threshold of each "
    "class.",
)
@click.option(
    "--weak-score",
    "weak",
    default=0.1,
    show_default=True,
    type=Range(0, 1),
    help="Score that a detection must exceed to continue a track.",
)
@click.option(
    "--memory",
    default=2.0,
    show_default=True,
    type=Range(0, 3600),
    metavar="SECONDS",
    help="Time for which an object that is not seen keeps its id.",
)
@click.option(
    "--carry",
    default=0.2,
    show_default=True,
    type=Range(0, 60),
    metavar="SECONDS",
    help="Time for which the box of an object that is not detected is carried over. 0 carries none.",
)
@click.option(
    "--smooth/--no-smooth",
    default=True,
    show_default=True,
    help="Average the score of an object over the latest frames.",
)
@click.option(
    "--every",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="Look only at every Nth frame.",
)
@click.option(
    "--rate",
    default=None,
    type=Range(0.01, 1000),
    help="Frames per second of a folder of frames. Default: that of seqinfo.ini, else 25.",
)
@click.option(
    "--reconnect",
    default=30.0,
    show_default=True,
    type=Range(0, 86400),
    metavar="SECONDS",
    help="Time for which a stream that broke off is opened again. 0 ends with the stream.",
)
@click.option("--batch", default=8, show_default=True, type=click.IntRange(min=1), help="Number of frames in a batch.")
@detection_options
@runtime_options
@click.option("--json", "as_json", is_flag=True, help="Print the tracks of each frame as a line of JSON.")
def track_videos(
    words: tuple[str, ...],
    out: str,
    formats: tuple[str, ...],
    replace: bool,
    lines: tuple[str, ...],
    zones: tuple[str, ...],
    runtime: str | None,
    threads: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Follow objects through videos, folders of frames, camera:0 or the URL of a stream, and count them.

    Without MODEL, the bundled detector voc20 is used. It has the 20 classes of VOC.
    """
    from multibox.detect.load import load
    from multibox.predict.outputs.saving import save_predictions
    from multibox.tracking.films import find_films
    from multibox.tracking.outputs import open_track_outputs
    from multibox.tracking.places import parse_line, parse_zone
    from multibox.tracking.track import track
    from multibox.tracking.tracker import TrackSettings

    model, paths = model_and_paths(words)
    of_track = {name: options.pop(name) for name in ("score", "every", "rate", "reconnect", "batch", "anchor")}
    settings = TrackSettings(**{name: options.pop(name) for name in ("weak", "memory", "carry", "smooth")})
    places = {"lines": [parse_line(line) for line in lines], "zones": [parse_zone(zone) for zone in zones]}
    sources = find_films(paths)
    detector = load(model, runtime=runtime, threads=threads, images=1000, **options)
    formats = formats or ("video", "csv", *(["counts"] if lines or zones else []))
    outputs = open_track_outputs(formats, out, sources, replace=replace)
    frames = track(detector, sources, settings=settings, keep=outputs.draw, **places, **of_track)
    summary = Summary(as_json)

    def show(frame: Any) -> None:
        summary.add(frame)
        progress(summary.tally.images, None)

    try:
        with progress_bar("tracking", speed=True) as progress:
            save_predictions(frames, outputs, show, few=any(source.kind == "live" for source in sources))
    except Stopped:
        summary.end(out)
        raise
    summary.end(out)
    summary.tally.refuse_unread()


class Summary:
    """Prints the tracks of a run.

    Args:
        as_json: Whether to print a line of JSON for each frame. Otherwise a table is printed at the end.
    """

    def __init__(self, as_json: bool):
        from multibox.predict.tally import Tally

        self.tally = Tally()
        self._as_json = as_json
        self._objects: dict[str, dict[int, str]] = {}
        self._last: dict[str, TrackedFrame] = {}

    def add(self, frame: "TrackedFrame") -> None:
        """Add a frame, whose pixels must have been dropped."""
        self.tally.add(frame)
        if self._as_json:
            click.echo(json.dumps(frame.to_json()))
        file = frame.source.name
        self._last[file] = frame
        if frame.detections is not None:
            named = zip(frame.ids.tolist(), frame.detections.names, strict=True)
            self._objects.setdefault(file, {}).update(named)

    def end(self, folder: str) -> None:
        """Print the table of objects and of counts."""
        if self._as_json or not self._objects:
            return
        rows: list[Row] = []
        for file, objects in self._objects.items():
            rows += [(file, "objects", name, f"{count:,}") for name, count in Counter(objects.values()).most_common()]
            for place, kinds in self._last[file].counts.items():
                for kind, names in kinds.items():
                    counted = names.most_common() or [("-", 0)]
                    rows += [(file, f"{place} {kind}", name, f"{count:,}") for name, count in counted]
        print_table(("video", "counted", "class", "number"), _without_repeats(rows))
        click.echo(f"outputs are in {folder}")


def _without_repeats(rows: list[Row]) -> list[Row]:
    """Leave out the name of the video in all rows but its first."""
    files = [row[0] for row in rows]
    return [("" if i and files[i - 1] == row[0] else row[0], *row[1:]) for i, row in enumerate(rows)]
