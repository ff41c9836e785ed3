"""The command ``track``, which follows objects through videos and counts them."""

import json
from collections import Counter
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import click

from multibox.cli.app import main
from multibox.cli.console import Row, print_table
from multibox.cli.options import (
    Range,
    choice_options,
    detection_options,
    place_options,
    replace_option,
    runtime_options,
    take_choices,
)
from multibox.cli.predict import model_and_paths, refuse_hiding_nothing, save_and_print, say_hidden
from multibox.errors import BadInput

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
    default=5.0,
    show_default=True,
    type=Range(0, 3600),
    metavar="SECONDS",
    help="Time for which an object that is not seen keeps its id.",
)
@click.option(
    "--carry",
    default=0.1,
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
@choice_options
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
    from multibox.tracking.films import find_films
    from multibox.tracking.outputs import open_track_outputs
    from multibox.tracking.places import parse_line, parse_zone
    from multibox.tracking.track import track
    from multibox.tracking.tracker import TrackSettings

    model, paths = model_and_paths(words)
    of_track = {name: options.pop(name) for name in ("score", "every", "rate", "reconnect", "batch", "anchor")}
    settings = TrackSettings(**{name: options.pop(name) for name in ("weak", "memory", "carry", "smooth")})
    places: dict[str, Any] = {
        "lines": [parse_line(line) for line in lines],
        "zones": [parse_zone(zone) for zone in zones],
    }
    only, hide = take_choices(options)
    sources = find_films(paths)
    detector = load(model, runtime=runtime, threads=threads, images=1000, **options)
    if "counts" in formats and not (lines or zones):
        raise BadInput("formats", "counts needs something to count at; give --line or --zone too")
    formats = formats or ("video", "csv", *(["counts"] if lines or zones else []))
    outputs = open_track_outputs(formats, out, sources, replace=replace, regions=only.regions)
    refuse_hiding_nothing(hide, outputs)
    taken: dict[str, Any] = of_track | {"only": only, "hide": hide or None}
    frames = track(detector, sources, settings=settings, keep=outputs.draw, **places, **taken)
    few = bool(detector.tiles) or any(source.kind == "live" for source in sources)
    summary = TrackSummary(as_json, hides=bool(hide))
    save_and_print(frames, outputs, summary, out, title="tracking", total=None, few=few)


class TrackSummary:
    """Prints the tracks of a run.

    Args:
        as_json: Whether to print a line of JSON for each frame. Otherwise a table is printed at the end.
        hides: Whether objects were to be made unrecognisable, so that the end says how many were.
    """

    def __init__(self, as_json: bool, *, hides: bool):
        from multibox.predict.tally import Tally

        self.tally = Tally()
        self._as_json, self._hides = as_json, hides
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
        """Print the table of objects and counts, and where the outputs are.

        Args:
            folder: Folder that the outputs were written to.
        """
        if not self._as_json and self._objects:
            rows = [row for file in self._objects for row in self._rows(file)]
            print_table(("video", "counted", "class", "number"), rows)
            click.echo(f"outputs are in {folder}")
        if self._hides:
            say_hidden(self.tally, err=self._as_json)

    def _rows(self, file: str) -> list[Row]:
        """Rows of a video: the number of its objects by class, then that of each kind of event."""
        kinds = {"objects": Counter(self._objects[file].values())}
        for place, counters in self._last[file].counts.items():
            kinds |= {f"{place} {kind}": names for kind, names in counters.items()}
        named = [
            (kind, name, count) for kind, names in kinds.items() for name, count in names.most_common() or [("-", 0)]
        ]
        files = chain([file], repeat(""))
        return [(file, kind, name, f"{count:,}") for file, (kind, name, count) in zip(files, named, strict=False)]
