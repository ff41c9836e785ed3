"""The command line: one function a command, which parses, calls and prints. Heavy imports are inside the functions."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from multibox._version import __version__
from multibox.cli.commands import Commands
from multibox.errors import BadInput, RunFailed, Stopped
from multibox.importers import KINDS
from multibox.models.shipped import NAME

NMS = ("hard", "soft-linear", "soft-gaussian")
FORMATS = ("onnx", "saved-model", "litert", "openvino", "weights")
SAVED = ("pictures", "video", "json", "jsonl", "coco", "voc", "yolo", "yolo-score", "csv")
OF_MODELS = (".keras", ".onnx", ".tflite", ".savedmodel", ".h5", ".pt", ".pth", ".caffemodel")
"""Endings that no picture has; other tools' models are among them."""


class Range(click.FloatRange):
    """Numbers within bounds; "nan", which compares as neither below nor above them, is not one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number that was written."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return number


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """SSD, the Single Shot MultiBox Detector: data, training, evaluation, detection."""


@main.command("train")
@click.option("--data", "source", default=None, help="A dataset's name, or a folder or file with annotated images.")
@click.option("--config", default="ssdlite-efficientnet", show_default=True, help="A preset, or a YAML file.")
@click.option("--name", default=None, help="Of the run: its files lie in experiments/NAME.")
@click.option(
    "--on-bad", type=click.Choice(["fail", "skip"]), default="fail", show_default=True, help="See data build."
)
@click.option("--backend", type=click.Choice(["tensorflow", "jax"]), default=None, help="Of Keras.")
@click.option("--devices", type=click.IntRange(min=1), default=None, help="Of each host, to share each batch.")
@click.option("--hosts", type=click.IntRange(min=1), default=None, help="That train together; srun tells it by itself.")
@click.option("--host", type=click.IntRange(min=0), default=None, metavar="I", help="Which host this is, from 0.")
@click.option("--coordinator", default=None, metavar="ADDRESS:PORT", help="Of host 0, to meet at.")
@click.option("--init", default=None, metavar="MODEL", help="Start from a detector; its heads go by classes' names.")
@click.option("--tracker", type=click.Choice(["none", "wandb", "mlflow"]), default=None, help="Besides TensorBoard.")
@click.option("--resume", "resumed", default=None, metavar="NAME", help="Go on with a run that was stopped.")
@click.argument("overrides", nargs=-1, metavar="[FIELD=VALUE]...")
def train_command(
    source: str | None,
    config: str,
    overrides: tuple[str, ...],
    backend: str | None,
    devices: int | None,
    hosts: int | None,
    host: int | None,
    coordinator: str | None,
    init: str | None,
    tracker: str | None,
    resumed: str | None,
    **options: Any,
) -> None:
    """Train a detector, from the one that comes with multibox where its layers fit (network.weights=auto).

    Any field of the configuration can be given by its dotted name: train.epochs=20 network.size=[300,300].
    """
    if resumed is not None:
        _only_resume()
    from multibox.config import load_config
    from multibox.models.backend import import_keras
    from multibox.runtimes import require_keras
    from multibox.training.cluster import find_cluster

    cluster = find_cluster(hosts, host, coordinator)
    if devices is not None:
        overrides = (*overrides, f"train.devices={devices}")
    if init is not None:
        if init != NAME and not init.endswith(".keras"):
            known = f"a detector's .keras file, or {NAME}"
            raise BadInput("init", f"{init}: give {known}; for other weights set network.weights")
        overrides = (*overrides, f"network.weights={json.dumps(init)}")
    if tracker is not None:
        overrides = (*overrides, f"train.tracker={tracker}")
    settings = load_config(config, overrides)  # a misspelt field is refused before Keras, which takes seconds, loads
    if resumed is not None and cluster is None:  # of several hosts the first alone needs the run's folder
        from multibox.training.experiment import open_experiment

        settings = load_config(open_experiment(resumed).config)
    require_keras("train", backend)
    if cluster is not None:
        cluster.join(backend)
    import_keras(backend, settings.train.devices)
    from multibox.training.fit import resume, train

    run = resume(resumed) if resumed is not None else train(source, config=config, overrides=overrides, **options)
    if cluster is not None and cluster.host > 0:
        return
    score = "" if run.map is None else f"validation mAP {run.map:.3f}; "
    click.echo(f"{score}model: {run.model}; everything else of the run: {run.folder}")


def _only_resume() -> None:
    """A run goes on as it began: nothing that shapes it can be given again."""
    context = click.get_current_context()
    others = [
        "FIELD=VALUE" if parameter.param_type_name == "argument" else parameter.opts[0]
        for parameter in context.command.params
        if parameter.name not in {"resumed", "backend", "hosts", "host", "coordinator"}
        and context.get_parameter_source(parameter.name or "") == ParameterSource.COMMANDLINE
        and context.params.get(parameter.name or "")
    ]
    if others:
        raise BadInput("resume", f"goes on with the run's own configuration; leave out {', '.join(others)}")


@main.group()
def data() -> None:
    """Build, look at and make datasets."""


@data.command("build")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--name", required=True, help="Of the new dataset.")
@click.option("--classes", default="", help="Names in the order of their labels, with commas; else those of the data.")
@click.option("--splits", default="", help="The splits to take, with commas; else all.")
@click.option(
    "--split-seed",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Divides data that have no splits, 70/15/15.",
)
@click.option("--images", default=None, help="The folder of the pictures, where it is not the usual one.")
@click.option(
    "--on-bad",
    type=click.Choice(["fail", "skip"]),
    default="fail",
    show_default=True,
    help="Stop at the first damaged image or box, or leave such out and list them.",
)
@click.option(
    "--one-based",
    type=click.Choice(["auto", "true", "false"]),
    default="auto",
    show_default=True,
    help="Whether VOC coordinates count from 1.",
)
@click.option("--replace", is_flag=True, help="Replace a dataset of that name.")
@click.option("--workers", type=click.IntRange(min=1), default=None, help="Threads; else one a core.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def data_build(sources: tuple[str, ...], classes: str, splits: str, as_json: bool, **options: Any) -> None:
    """Build stores from VOC, COCO, YOLO or CSV data."""
    from multibox.data import describe
    from multibox.data.build import build

    with describe.progress_bar("checking and writing") as progress:
        report = build(sources, classes=_names(classes), splits=_names(splits), progress=progress, **options)
    if as_json:
        click.echo(json.dumps(report.to_json()))
    else:
        describe.print_report(report)


@data.command("info")
@click.argument("name", metavar="NAME[/SPLIT]")
@click.option("--record", "record_id", default=None, help="The id of an image: show what is known about it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def data_info(name: str, record_id: str | None, as_json: bool) -> None:
    """Show what a dataset holds, or one of its images."""
    from multibox.data import describe

    stores = describe.open_stores(name)
    if record_id is None:
        if as_json:
            click.echo(json.dumps(describe.stores_json(stores)))
        else:
            describe.print_stores(stores)
        return
    store, record = describe.find_record(stores, record_id)
    if as_json:
        click.echo(json.dumps(describe.record_json(record, store.meta)))
    else:
        describe.print_record(record, store.meta)


@data.command("stats")
@click.argument("name", metavar="NAME[/SPLIT]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def data_stats(name: str, as_json: bool) -> None:
    """Count what a dataset holds: objects by class and size, sizes of images, flags."""
    from multibox.data.describe import open_stores
    from multibox.data.stats import measure_store, print_stats

    stats = {store.meta.split: measure_store(store) for store in open_stores(name)}
    if as_json:
        click.echo(json.dumps({split: figures.to_json() for split, figures in stats.items()}))
    else:
        print_stats(stats)


@data.command("export")
@click.argument("name", metavar="NAME[/SPLIT]")
@click.option("--format", "kind", type=click.Choice(["voc", "coco", "yolo", "csv"]), required=True)
@click.option("--out", required=True, type=click.Path(), metavar="DIR", help="A new folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def data_export(name: str, kind: Any, out: str, as_json: bool) -> None:
    """Write a dataset as files that other tools read, and say what their format cannot hold."""
    from multibox.data.describe import open_stores, progress_bar
    from multibox.data.export import export_dataset

    with progress_bar("writing") as progress:
        report = export_dataset(open_stores(name), kind, out, progress=progress)
    if as_json:
        click.echo(json.dumps(report.to_json()))
        return
    for sentence in report.lost:
        click.echo(f"lost in {kind}: {sentence}")
    click.echo(f"{report.path}: {report.images:,} images, {report.objects:,} objects; build stores of it with:")
    click.echo(report.build)


@data.command("split")
@click.argument("source", metavar="NAME[/SPLIT]")
@click.option("--name", required=True, help="Of the new dataset.")
@click.option("--shares", default="train=0.7,val=0.15,test=0.15", show_default=True, help="Of the images, 1 together.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="The same seed deals the same.")
def data_split(source: str, name: str, shares: str, seed: int) -> None:
    """Divide a dataset anew: each class by the shares, images that look alike never apart."""
    from multibox.data.describe import open_stores, print_stores, progress_bar
    from multibox.data.split import parse_shares, split_dataset

    with progress_bar("looking") as progress:
        stores = split_dataset(open_stores(source), name, parse_shares(shares), seed=seed, progress=progress)
    print_stores(stores)


@data.command("merge")
@click.argument("sources", nargs=-1, required=True, metavar="NAME[/SPLIT]...")
@click.option("--name", required=True, help="Of the new dataset.")
def data_merge(sources: tuple[str, ...], name: str) -> None:
    """Put datasets into one: classes and splits of the same name become one, ids begin with their dataset's name."""
    from multibox.data.describe import open_stores, print_stores, progress_bar
    from multibox.data.merge import merge_datasets

    stores = [store for source in sources for store in open_stores(source)]
    with progress_bar("writing") as progress:
        merged = merge_datasets(stores, name, progress=progress)
    print_stores(merged)


@data.command("show")
@click.argument("name", metavar="NAME[/SPLIT]")
@click.argument("overrides", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option("--config", "source", default="ssdlite-efficientnet", show_default=True, help="A preset, or a YAML file.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="The same seed draws the same.")
@click.option("--count", default=12, show_default=True, type=click.IntRange(min=1), help="Of examples.")
@click.option("--out", default="examples.png", show_default=True, type=click.Path(dir_okay=False), metavar="FILE")
@click.option("--window", is_flag=True, help="Open the picture with the system's viewer.")
def data_show(
    name: str, overrides: tuple[str, ...], source: str, seed: int, count: int, out: str, window: bool
) -> None:
    """Draw training examples: augmented, with objects, matched priors and labels."""
    from multibox.config import load_config
    from multibox.data.describe import open_stores
    from multibox.draw import save_png, show_examples
    from multibox.models.maps import feature_maps
    from multibox.priors import make_priors

    store, config = open_stores(name)[0], load_config(source, overrides)
    priors_rel = make_priors(feature_maps(config.network), config.priors, config.network.size)
    save_png(out, show_examples(store, store.meta.classes, priors_rel, config, seed=seed, count=count))
    click.echo(f"{out}: {store.meta.name}/{store.meta.split}; (n) counts the priors that answer for an object")
    if window and click.launch(out) != 0:
        raise RunFailed(f"{out}: written, but the system has no viewer for it; open it yourself")


@data.command("check")
@click.argument("target", metavar="NAME[/SPLIT]|SOURCE")
@click.argument("overrides", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option("--config", "source", default="ssdlite-efficientnet", show_default=True, help="A preset, or a YAML file.")
@click.option("--classes", default="", help="The names that there should be, with commas; else any.")
@click.option("--images", default=None, help="The folder of the pictures, where it is not the usual one.")
@click.option("--one-based", type=click.Choice(["auto", "true", "false"]), default="auto", help="See data build.")
@click.option("--priors", default=None, type=click.Path(dir_okay=False), metavar="FILE", help="Write proposed ones.")
@click.option("--html", default=None, type=click.Path(dir_okay=False), metavar="FILE", help="Write all as a page.")
@click.option("--workers", type=click.IntRange(min=1), default=None, help="Threads; else to suit the cores.")
@click.option("--json", "as_json", is_flag=True, help="Print all as JSON.")
def data_check(
    target: str,
    overrides: tuple[str, ...],
    source: str,
    classes: str,
    priors: str | None,
    html: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Find what is wrong with a dataset before training on it, and how well the priors fit its objects.

    Ends with code 1 where something stops a build, with 0 where nothing does.
    """
    from multibox.config import load_config
    from multibox.data.describe import progress_bar
    from multibox.inspection.check import check
    from multibox.inspection.describe import checkup_page, print_checkup
    from multibox.inspection.propose import proposal_yaml, refuse_taken, save_proposal
    from multibox.report.page import refuse_other, save_page

    config = load_config(source, overrides)
    if priors is not None:
        refuse_taken(priors)
    if html is not None:
        refuse_other(html)
    with progress_bar("looking") as progress:
        found = check(target, config, classes=_names(classes), progress=progress, **options)
    proposal = proposal_yaml(found.fit.proposal or config.priors, source, overrides)
    if as_json:
        click.echo(json.dumps(found.to_json()))
    else:
        print_checkup(found, proposal)
    if priors is not None:
        save_proposal(priors, proposal)
    if html is not None:
        save_page(html, checkup_page(found, config, proposal))
    sys.exit(1 if found.stops else 0)


@data.command("sample")
@click.argument("folder", type=click.Path(file_okay=False), metavar="DIR")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="The same seed renders the same."
)
@click.option("--images", default=800, show_default=True, type=click.IntRange(min=10), help="In all three splits.")
@click.option("--size", default=320, show_default=True, type=click.IntRange(min=64), help="Of an image's side, pixels.")
def data_sample(folder: str, seed: int, images: int, size: int) -> None:
    """Render a dataset to try everything with: JPEG and XML files in VOC layout."""
    from multibox.data import describe
    from multibox.data.sample import make_sample

    with describe.progress_bar("rendering") as progress:
        sample = make_sample(folder, seed=seed, images=images, size=size, progress=progress)
    click.echo(f"{sample}: {images} images; build their store with: multibox data build {sample} --name sample")


@data.command("get")
@click.argument("name", metavar="voc2007|voc2012|coco2017|coco2017-val|bccd")
@click.option("--out", default=None, metavar="FOLDER", help="Else downloads/NAME in the folder of all stores.")
def data_get(name: str, out: str | None) -> None:
    """Download a published dataset; run it again to go on after a break."""
    from multibox.download.datasets import download_folder, find_dataset, get_dataset
    from multibox.download.describe import transfer_bars, unchecked

    dataset = find_dataset(name)
    folder = Path(out) if out is not None else download_folder(dataset)
    with transfer_bars() as progress:
        get_dataset(dataset, folder, progress=progress)
    for line in unchecked(archive.file for archive in dataset.archives):
        click.echo(line)
    click.echo(f"{folder}: {name}; licence: {dataset.licence}")
    click.echo(f"build its stores with: {dataset.build_command(folder)}")


def _runtime_options(command: Any) -> Any:
    """The options of what runs a model."""
    threads = click.option("--threads", type=click.IntRange(min=1), default=None, help="Of the CPU; else one a core.")
    runtime = click.option(
        "--runtime",
        default=None,
        metavar="NAME",
        help="keras, onnx, openvino, mnn, litert, saved-model, or fastest, measured once; else the file's default.",
    )
    return runtime(threads(command))


def _detection_options(command: Any) -> Any:
    """The options of how the network's output becomes detections."""
    for option in (
        click.option("--tta", is_flag=True, help="Look at images mirrored and smaller too, and fuse what is found."),
        click.option("--tiles", default=None, metavar="640|2x3", help="Look at tiles: pixels of a side, or RxC."),
        click.option("--nms", type=click.Choice(NMS), default=None, help="Else as the model says."),
        click.option("--nms-iou", type=Range(0, 1), default=None, help="How much detections may overlap."),
        click.option("--agnostic", is_flag=True, default=None, help="Settle overlaps of different classes, too."),
    ):
        command = option(command)
    return command


@main.command("eval")
@click.argument("model", type=click.Path())
@click.option("--data", "names", multiple=True, required=True, metavar="NAME[/SPLIT]", help="Else test, or val.")
@click.option("--batch", default=16, show_default=True, type=click.IntRange(min=1), help="Images run at once a device.")
@click.option("--devices", default=1, show_default=True, type=click.IntRange(min=1), help="Of this machine.")
@_detection_options
@_runtime_options
@click.option("--strict", is_flag=True, help="Judge the numbers as PASCAL's devkit reads them from its files.")
@click.option("--save-detections", type=click.Path(dir_okay=False), metavar="FILE", help="Write COCO results there.")
@click.option("--report", type=click.Path(file_okay=False), metavar="DIR", help="Write a page that says more there.")
@click.option("--compare", type=click.Path(), metavar="OTHER", help="A model or detections to compare with in it.")
@click.option("--save-thresholds", is_flag=True, help="Write the thresholds of the best F1 into the model file.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def evaluate_model(model: str, names: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Measure a model on a dataset: average precision of each class, and their mean.

    MODEL may also be a .json file of detections in COCO's results format, whatever found them.
    """
    from multibox.data.describe import progress_bar
    from multibox.evaluation.describe import print_evaluation
    from multibox.evaluation.evaluate import evaluate

    with progress_bar("detecting") as progress:
        evaluation = evaluate(model, names, progress=progress, **options)
    if as_json:
        click.echo(json.dumps(evaluation.to_json()))
    else:
        print_evaluation(evaluation)
    if options["report"] is not None:
        click.echo(f"report: {Path(options['report']) / 'report.html'}", err=True)


@main.command("report")
@click.argument("run")
@click.option("--window", is_flag=True, help="Open it with the system's browser.")
def training_report(run: str, window: bool) -> None:
    """Write the curves of a training run as one page, experiments/RUN/report.html; a run that goes on does it, too."""
    from multibox.training.report import report

    page = report(run)
    click.echo(page)
    if window and click.launch(str(page)) != 0:
        raise RunFailed(f"{page}: written, but the system has no browser; open it yourself")


@main.command("predict")
@click.argument("words", nargs=-1, required=True, metavar="[MODEL] PATH...")
@click.option("--out", default="detections", show_default=True, type=click.Path(), help="A folder for what is saved.")
@click.option("--save", "formats", multiple=True, type=click.Choice(SAVED), help="Can be given several times.")
@click.option("--score", type=Range(0, 1), default=None, help="Show what is above it; else as the model says.")
@click.option("--batch", default=8, show_default=True, type=click.IntRange(min=1), help="Images run at once.")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", help="ray: a cluster, into Parquet.")
@_detection_options
@_runtime_options
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


@main.command("serve")
@click.argument("model", type=click.Path(), default=NAME, metavar="[MODEL]")
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0: any machine may ask; then give --token.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free.")
@click.option("--token", default=None, envvar="MULTIBOX_TOKEN", help="What requests have to show; or MULTIBOX_TOKEN.")
@click.option("--data", "names", multiple=True, metavar="NAME/SPLIT", help="A dataset to look at; may be repeated.")
@click.option("--detections", type=click.Path(dir_okay=False), metavar="FILE", help="Of eval: shows its mistakes.")
@click.option("--batch", default=8, show_default=True, type=click.IntRange(min=1), help="Pictures run at once.")
@click.option("--queue", default=64, show_default=True, type=click.IntRange(min=1), help="Pictures that may wait.")
@click.option("--timeout", default=60.0, show_default=True, type=Range(0.1, 86_400), help="Seconds.")
@click.option("--max-bytes", default=32 << 20, show_default=True, type=click.IntRange(min=1), help="Of a request.")
@click.option(
    "--max-pixels", default=50_000_000, show_default=True, type=click.IntRange(1, 150_000_000), help="Of a picture."
)
@click.option("--max-images", default=16, show_default=True, type=click.IntRange(min=1), help="Of a request.")
@click.option("--cors-origin", "origins", multiple=True, metavar="ORIGIN", help="Of other pages that may ask.")
@_detection_options
@_runtime_options
def serve_model(model: str, names: tuple[str, ...], detections: str | None, **options: Any) -> None:
    """Answer requests over HTTP, and show a page to try and understand the model with.

    Without a model, the detector that comes with multibox, which knows VOC's 20 classes.
    """
    from multibox.serve.opening import open_and_serve

    open_and_serve(model, names, detections, announce=click.echo, **options)


@main.command("export")
@click.argument("model", type=click.Path())
@click.option("--format", "kind", type=click.Choice(FORMATS), default="onnx", show_default=True)
@click.option("--nms", is_flag=True, help="Decode and suppress inside: the file gives detections.")
@click.option("--precision", type=click.Choice(["fp32", "fp16", "int8"]), default="fp32", show_default=True)
@click.option("--calibrate", default=None, metavar="NAME/SPLIT", help="Images to find the ranges of int8 with.")
@click.option("--eval", "evaluate_on", default=None, metavar="NAME[/SPLIT]", help="Measure there what is lost.")
@click.option("--out", type=click.Path(), default=None, metavar="FILE", help="Else beside the model.")
def export_model(model: str, kind: str, out: str | None, **options: Any) -> None:
    """Write a model for another runtime, run it at once, and compare it with the Keras model."""
    from multibox.export import export, export_weights
    from multibox.runtimes import require_keras

    if kind != "weights":
        exported = export(model, kind, out, **options)
        click.echo("\n".join([f"{kind}: {exported.path}", *exported.describe()]))
        return
    if any(options[name] for name in ("nms", "calibrate", "evaluate_on")) or options["precision"] != "fp32":
        raise BadInput("format", "weights: writes them as they are; of the other options it takes --out alone")
    require_keras("export --format weights")
    click.echo(f"{kind}: {export_weights(model, out)}")


@main.command("import")
@click.argument("file", type=click.Path())
@click.argument("overrides", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option("--from", "kind", type=click.Choice(KINDS), required=True, help="Whose weights the file holds.")
@click.option("--out", required=True, type=click.Path(), metavar="FILE", help="The model file to write, .keras.")
@click.option("--classes", default="", help="Names in the file's order, with commas; else those of VOC or COCO.")
def import_file(file: str, overrides: tuple[str, ...], kind: str, out: str, classes: str) -> None:
    """Make a model file of weights that another SSD was trained with.

    Where the training differed from the peer's own, say so by fields of the network, the priors or the detection:
    priors.sizes=[24,48,96,144,192,240,288]
    """
    from multibox.models.backend import import_keras
    from multibox.runtimes import require_keras

    require_keras("import")
    import_keras()
    from multibox.importers.import_model import import_model

    click.echo(import_model(file, kind, out, classes=_names(classes), overrides=overrides).describe())
    click.echo(f"model: {out}")


@main.command("info")
@click.argument("model", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print the schema of the model file as JSON.")
def model_info(model: str, as_json: bool) -> None:
    """Show what a model file is: its network, classes, thresholds."""
    from multibox.detect.describe import model_json, print_model

    if as_json:
        click.echo(json.dumps(model_json(model)))
    else:
        print_model(model)


@main.group("model")
def published() -> None:
    """List and download weights that others have published."""


@published.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON, with the URLs and checksums.")
def model_list(as_json: bool) -> None:
    """Show what can be downloaded."""
    from multibox.download.describe import model_json, print_models
    from multibox.download.models import MODELS

    if as_json:
        click.echo(json.dumps([model_json(model) for model in MODELS.values()]))
    else:
        print_models(MODELS.values())


@published.command("get")
@click.argument("name")
@click.option("--out", default=None, metavar="FOLDER", help="Else models/NAME.")
def model_get(name: str, out: str | None) -> None:
    """Download weights by their name in the list; run it again to go on after a break."""
    from multibox.download.describe import transfer_bars, unchecked
    from multibox.download.models import find_model, get_model

    model = find_model(name)
    folder = Path(out) if out is not None else Path("models") / name
    with transfer_bars() as progress:
        path = get_model(model, folder, progress=progress)
    for line in unchecked([model.file]):
        click.echo(line)
    click.echo(f"{path}; licence: {model.licence}")
    click.echo(f"make a model of it with: {model.import_command(path)}")


@main.group()
def bench() -> None:
    """Measure how fast things are on this machine."""


@bench.command("pipeline")
@click.argument("overrides", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option("--data", "names", multiple=True, required=True, metavar="NAME/SPLIT", help="Whose images are prepared.")
@click.option("--config", default="ssdlite-efficientnet", show_default=True, help="A preset, or a YAML file.")
@click.option("--images", default=300, show_default=True, type=click.IntRange(min=1), help="To prepare on one core.")
@click.option("--workers", default="", help="Numbers of processes to try, with commas; else 0, 1, 2, 4 ... cores.")
@click.option("--plot", default="pipeline.png", show_default=True, type=click.Path(dir_okay=False), metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def bench_pipeline(
    names: tuple[str, ...],
    overrides: tuple[str, ...],
    config: str,
    images: int,
    workers: str,
    plot: str,
    as_json: bool,
) -> None:
    """Measure the preparation of training examples: its stages on one core, and images a second over processes."""
    from multibox.config import load_config
    from multibox.data.describe import open_stores

    settings = load_config(config, overrides)
    stores = [store for name in names for store in open_stores(name)]
    from multibox.bench.describe import plot_pipeline, print_pipeline
    from multibox.bench.pipeline import measure_pipeline

    speed = measure_pipeline(stores, settings, images=images, workers=_numbers("--workers", workers))
    plot_pipeline(speed, plot)
    if as_json:
        click.echo(json.dumps(speed.to_json()))
    else:
        print_pipeline(speed)
        click.echo(f"the same as a picture: {plot}")


@bench.command("train")
@click.argument("overrides", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option("--model", default="ssdlite-efficientnet", show_default=True, help="A preset, or a YAML file.")
@click.option("--batch", type=click.IntRange(min=1), default=None, help="Images of a step; else as the model says.")
@click.option("--data", "names", multiple=True, metavar="NAME/SPLIT", help="Whose images; else rendered ones.")
@click.option("--steps", default=10, show_default=True, type=click.IntRange(min=1), help="Timed in each round.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(min=1), help="Of the run and bare Keras.")
@click.option("--backend", type=click.Choice(["tensorflow", "jax"]), default=None, help="Of Keras.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def bench_train(
    model: str,
    batch: int | None,
    names: tuple[str, ...],
    overrides: tuple[str, ...],
    backend: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure a training step: images a second, what they take, and the time beyond the bare step of Keras."""
    from multibox.config import load_config
    from multibox.data.describe import open_stores
    from multibox.models.backend import import_keras
    from multibox.runtimes import require_keras

    if batch is not None:
        overrides = (*overrides, f"train.batch={batch}")
    settings = load_config(model, overrides)
    stores = [store for name in names for store in open_stores(name)]
    require_keras("bench train", backend)
    import_keras(backend, settings.train.devices)
    from multibox.bench.describe import print_training
    from multibox.bench.training import measure_training

    speed = measure_training(settings, stores, **options)
    if as_json:
        click.echo(json.dumps(speed.to_json()))
    else:
        print_training(speed)


@bench.command("predict")
@click.option("--model", "models", multiple=True, required=True, metavar="FILE", help="A model file; may be repeated.")
@_runtime_options
@click.option("--batch", default=1, show_default=True, type=click.IntRange(min=1), help="Images run at once.")
@click.option("--images", default=16, show_default=True, type=click.IntRange(min=1), help="Rendered, of each round.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(min=1), help="Of all runtimes in turns.")
@click.option("--peer", type=click.Choice(["torchvision"]), default=None, help="The network of its SSD300 beside.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def bench_predict(models: tuple[str, ...], runtime: str | None, as_json: bool, **options: Any) -> None:
    """Measure detection: latency and images a second in each installed runtime, and where the time goes."""
    from multibox.bench.describe import print_prediction
    from multibox.bench.predicting import measure_prediction

    speed = measure_prediction(models, runtime, **options)
    if as_json:
        click.echo(json.dumps(speed.to_json()))
    else:
        print_prediction(speed)


def _numbers(option: str, text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() for part in parts):
        raise BadInput(f"{option} {text}", "give whole numbers with commas, such as 0,1,2")
    return [int(part) for part in parts]


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
