"""The command ``predict``, which detects objects in images and videos."""

import json
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from multibox.annotations.counting import counted
from multibox.cli.app import main
from multibox.cli.console import Row, print_table, progress_bar
from multibox.cli.options import Range, choice_options, detection_options, replace_option, runtime_options, take_choices
from multibox.errors import BadInput, Stopped
from multibox.models.shipped import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from multibox.cli.track import TrackSummary
    from multibox.detect.detections import Detections
    from multibox.predict.hidden import Hidden
    from multibox.predict.outputs.saving import OutputSet
    from multibox.predict.predict import Prediction
    from multibox.predict.tally import Tally

SAVED = ("pictures", "video", "json", "jsonl", "coco", "voc", "yolo", "yolo-score", "csv", "crops")
OF_MODELS = (".keras", ".onnx", ".tflite", ".savedmodel", ".ncnn", ".param", ".h5", ".pt", ".pth", ".caffemodel")
"""File name suffixes of model files, including those of other tools."""


@main.command("predict")
@click.argument("words", nargs=-1, required=True, metavar="[MODEL] PATH...")
@click.option(
    "--out",
    default="detections",
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
    help="Kind of output. Can be repeated. Default: annotated images or videos, and json.",
)
@click.option(
    "--ids-from",
    default=None,
    metavar="DATA",
    help="Dataset that the COCO results will be evaluated on: NAME[/SPLIT] or a COCO JSON file. The results use its "
    "ids.",
)
@replace_option
@click.option(
    "--score",
    type=Range(0, 1),
    default=None,
    help="Score that a detection must exceed, from 0 to 1. Default: the model's own threshold of each class.",
)
@click.option(
    "--batch",
    default=8,
    show_default=True,
    type=click.IntRange(min=1),
    help="Number of images in a batch. On a CPU, ONNX Runtime and OpenVINO run one image on each core instead.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Place where the detector runs: this machine, or a Ray cluster, which writes Parquet files.",
)
@choice_options
@detection_options
@runtime_options
@click.option("--json", "as_json", is_flag=True, help="Print the detections as JSON.")
def predict_files(
    words: tuple[str, ...],
    out: str,
    formats: tuple[str, ...],
    ids_from: str | None,
    replace: bool,
    score: float | None,
    batch: int,
    engine: str,
    runtime: str | None,
    threads: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Detect objects in images, folders, globs, videos, camera:0, the URL of a stream, or - (standard input).

    Without MODEL, the bundled detector voc20 is used. It has the 20 classes of VOC.
    """
    from multibox.detect.load import load
    from multibox.predict.outputs.saving import open_outputs
    from multibox.predict.predict import predict
    from multibox.predict.sources import count_images, find_sources

    model, paths = model_and_paths(words)
    only, hide = take_choices(options)
    if engine == "ray":
        _refuse_on_ray(save=formats, ids_from=ids_from, replace=replace, **vars(only), **vars(hide))
        options |= {"runtime": runtime, "threads": threads}
        _predict_on_ray(model, paths, out, Summary(as_json), score=score, batch=batch, **options)
        return
    sources = find_sources(paths)
    total = count_images(sources)
    detector = load(model, runtime=runtime, threads=threads, images=total or 1, **options)
    outputs = open_outputs(
        formats, out, detector.classes, sources, ids_from=ids_from, regions=only.regions, replace=replace
    )
    refuse_hiding_nothing(hide, outputs)
    predictions = predict(detector, sources, score=score, batch=batch, keep=outputs.draw, only=only, hide=hide)
    summary = Summary(as_json, hides=bool(hide))

    few = bool(detector.tiles) or any(source.kind == "live" for source in sources)
    save_and_print(predictions, outputs, summary, out, title="detecting", total=total, few=few)


def save_and_print(
    predictions: "Iterable[Prediction]",
    outputs: "OutputSet",
    summary: "Summary | TrackSummary",
    folder: str,
    *,
    title: str,
    total: int | None,
    few: bool,
) -> None:
    """Save the predictions of a run, show its progress, and print its summary.

    Args:
        predictions: Predictions to save.
        outputs: Files and folders to write to.
        summary: What is printed.
        folder: Folder of the outputs, for the summary.
        title: What the progress bar says.
        total: Number of images, or None if it is not known.
        few: Whether to draw only a few images ahead of writing.
    """
    from multibox.predict.outputs.saving import save_predictions

    def show(prediction: Any) -> None:
        summary.add(prediction)
        progress(summary.tally.images, total)

    try:
        with progress_bar(title, speed=True) as progress:
            save_predictions(predictions, outputs, show, few=few)
    except Stopped:
        summary.end(folder)
        raise
    summary.end(folder)
    summary.tally.refuse_unread()


def _refuse_on_ray(**given: Any) -> None:
    """Refuse options that a run on a cluster has no use for."""
    reasons = {
        "save": "which writes only Parquet files",
        "ids_from": "which writes no COCO results",
        "replace": "which continues the output in --out and never replaces it",
        "classes": "which writes all detections",
        "regions": "which writes all detections",
        "blur": "which writes no images",
        "pixelate": "which writes no images",
    }
    for name, reason in reasons.items():
        if given[name]:
            raise BadInput(name, f"does not work with --engine ray, {reason}; leave it out")


def refuse_hiding_nothing(hide: "Hidden", outputs: "OutputSet") -> None:
    """Refuse to hide objects in outputs that hold no pixels."""
    if hide and not outputs.draw:
        field = "blur" if hide.blur else "pixelate"
        raise BadInput(field, "no output holds pixels; leave it out, or add --save pictures, video or crops")


def _predict_on_ray(model: str, paths: tuple[str, ...], out: str, summary: "Summary", **options: Any) -> None:
    from multibox.predict.on_ray.run import predict_on_ray

    with progress_bar("detecting", at_once=False, speed=True) as progress:
        for prediction in predict_on_ray(model, paths, out, progress=progress, **options):
            summary.add(prediction)
    summary.end(out)
    summary.tally.refuse_unread()


def model_and_paths(words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Split the arguments into model and paths. If the first one is no model file, the bundled model is used."""
    from multibox.runtimes.kinds import readers

    first = words[0]
    if first != NAME and not readers(Path(first)):
        _refuse_models(words)
        return NAME, words
    if len(words) == 1:
        raise BadInput(first, "is a model; give the images after it")
    return first, words[1:]


def _refuse_models(words: tuple[str, ...]) -> None:
    """Refuse a model file that stands where an image is expected, or that another tool wrote."""
    for word in words:
        if word.lower().endswith(OF_MODELS):
            raise BadInput(
                word, "is not an image; give the model as the first argument, a .keras file or an exported model"
            )


LISTED = 20
"""Largest number of detections of an image in the printed table. The JSON output has all detections."""

PICTURES = 20
"""Largest number of images in the printed table. With more images, the table counts objects by class instead."""


class Summary:
    """Prints the detections of a run, as a JSON list or as a table.

    Args:
        as_json: Whether to print JSON, each image as soon as it is done. Otherwise a table is printed at the end.
        hides: Whether objects were to be made unrecognisable, so that the end says how many were.
    """

    def __init__(self, as_json: bool, *, hides: bool = False):
        from multibox.predict.tally import Tally

        self.tally = Tally()
        self._as_json, self._hides = as_json, hides
        self._first: list[Prediction] = []

    def add(self, prediction: "Prediction") -> None:
        """Add the prediction of an image or video frame.

        Predictions are kept in memory, so the pixels must have been dropped before.
        """
        if self._as_json:
            click.echo(("," if self.tally.images else "[") + json.dumps(prediction.to_json()))
        elif prediction.detections is not None and len(self._first) <= PICTURES:
            self._first.append(prediction)
        self.tally.add(prediction)

    def end(self, folder: str) -> None:
        """Print the end of the JSON list, or the table. No table is printed if no image could be read.

        Args:
            folder: Folder that the outputs were written to.
        """
        if self._as_json:
            click.echo("]" if self.tally.images else "[]")
        elif self._first:
            if len(self._first) > PICTURES:
                counts = [(name, f"{count:,}") for name, count in self.tally.objects.most_common()]
                print_table(("class", "objects"), counts, right=(), title=f"{self.tally.images:,} images")
            else:
                rows = [row for prediction in self._first for row in _rows(prediction)]
                print_table(("file", "object", "score", "box (x0 y0 x1 y1)"), rows, right=())
            click.echo(f"outputs are in {folder}")
        if self._hides:
            say_hidden(self.tally, err=self._as_json)


def say_hidden(tally: "Tally", *, err: bool) -> None:
    """Print how many objects were made unrecognisable, unless no image could be read.

    Args:
        tally: Counts of the run.
        err: Whether to print to standard error.
    """
    if tally.images > tally.unread:
        hidden = counted(tally.hidden, "object was", "objects were")
        advice = "a detector misses some, so look through the outputs before you share them"
        click.echo(f"{hidden} made unrecognisable; {advice}", err=err)


def _rows(prediction: "Prediction") -> list[Row]:
    number = "" if prediction.number is None else f" {prediction.number}"
    names = chain([f"{prediction.source.name}{number}"], repeat(""))
    return [(name, *row) for name, row in zip(names, _objects(prediction.detections), strict=False)]


def _objects(found: "Detections | None") -> list[tuple[str, str, str]]:
    if not found:
        return [("-", "", "")]
    columns = zip(found.names[:LISTED], found.scores, found.boxes, strict=False)
    rows = [(name, f"{score:.2f}", " ".join(f"{edge:.0f}" for edge in box)) for name, score, box in columns]
    more = len(found) - LISTED
    return [*rows, (f"and {more} more", "", "")] if more > 0 else rows
