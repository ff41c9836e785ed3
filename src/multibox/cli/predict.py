"""The command predict."""

from pathlib import Path
from typing import Any

import click

from multibox.cli.app import main
from multibox.cli.options import Range, detection_options, runtime_options
from multibox.errors import BadInput, Stopped
from multibox.models.shipped import NAME

SAVED = ("pictures", "video", "json", "jsonl", "coco", "voc", "yolo", "yolo-score", "csv")
OF_MODELS = (".keras", ".onnx", ".tflite", ".savedmodel", ".h5", ".pt", ".pth", ".caffemodel")
"""Endings that no picture has; other tools' models are among them."""


@main.command("predict")
@click.argument("words", nargs=-1, required=True, metavar="[MODEL] PATH...")
@click.option("--out", default="detections", show_default=True, type=click.Path(), help="A folder for what is saved.")
@click.option("--save", "formats", multiple=True, type=click.Choice(SAVED), help="Can be given several times.")
@click.option("--score", type=Range(0, 1), default=None, help="Show what is above it; else as the model says.")
@click.option("--batch", default=8, show_default=True, type=click.IntRange(min=1), help="Images run at once.")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", help="ray: a cluster, into Parquet.")
@detection_options
@runtime_options
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def predict_files(
    words: tuple[str, ...],
    out: str,
    formats: tuple[str, ...],
    score: float | None,
    batch: int,
    engine: str,
    runtime: str | None,
    threads: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Detect in pictures, folders, globs, - (standard input), videos, camera:0 or the URL of a stream.

    Without a model, by the detector that comes with multibox, which knows VOC's 20 classes.
    Without --save: annotated pictures, of videos annotated videos, and detections.json.
    """
    from multibox.detect.load import load
    from multibox.predict.outputs.saving import open_outputs, save_predictions
    from multibox.predict.predict import Prediction, predict
    from multibox.predict.sources import count_images, find_sources
    from multibox.predict.summary import Summary, images_per_second

    model, paths = _model_and_paths(words)
    if engine == "ray":
        from multibox.predict.on_ray.run import predict_on_ray

        if formats:
            raise BadInput("save", "--engine ray writes Parquet; leave it out")
        summary = Summary(as_json)
        options |= {"runtime": runtime, "threads": threads}
        for prediction in predict_on_ray(model, paths, out, score=score, batch=batch, **options):
            summary.add(prediction)
        summary.end(out)
        summary.tally.refuse_unread()
        return
    sources = find_sources(paths)
    detector = load(model, runtime=runtime, threads=threads, **options)
    outputs = open_outputs(formats, out, detector.classes, sources)
    predictions = predict(detector, sources, score=score, batch=batch, keep=outputs.draw)
    summary = Summary(as_json)

    def show(prediction: Prediction) -> None:
        summary.add(prediction)
        advance()

    few = bool(detector.tiles) or any(source.kind == "live" for source in sources)
    try:
        with images_per_second(count_images(sources)) as advance:
            save_predictions(predictions, outputs, show, few=few)
    except Stopped:
        summary.end(out)
        raise
    summary.end(out)
    summary.tally.refuse_unread()


def _model_and_paths(words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The first word names the model if it ends as a model file does; else the shipped one is meant."""
    from multibox.runtimes.kinds import readers

    first = words[0]
    if first != NAME and not readers(Path(first)):
        _refuse_models(words)
        return NAME, words
    if len(words) == 1:
        raise BadInput(first, "is a model; name the pictures to look at after it")
    return first, words[1:]


def _refuse_models(words: tuple[str, ...]) -> None:
    """A model in the wrong place, or of another tool, is no picture for the shipped one to look at."""
    for word in words:
        if word.lower().endswith(OF_MODELS):
            raise BadInput(word, "is no picture; a model comes first, and is a .keras file or an exported one")
