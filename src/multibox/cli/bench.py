"""The commands that measure speed: bench pipeline, train, predict."""

import json
from typing import TYPE_CHECKING, Any

import click

from multibox.cli.app import main
from multibox.cli.console import print_table
from multibox.cli.options import (
    PRESET,
    backend_option,
    config_option,
    overrides_argument,
    replace_option,
    runtime_options,
    split_numbers,
)
from multibox.errors import BadInput

if TYPE_CHECKING:
    from multibox.bench.pipeline import PipelineSpeed
    from multibox.bench.predicting import PredictionSpeed
    from multibox.bench.training import TrainingSpeed


@main.group()
def bench() -> None:
    """Measure speed on this machine."""


@bench.command("pipeline")
@overrides_argument
@click.option(
    "--data",
    "names",
    multiple=True,
    required=True,
    metavar="NAME/SPLIT",
    help="Dataset whose images are prepared as training examples. Can be repeated.",
)
@config_option
@click.option(
    "--images",
    default=300,
    show_default=True,
    type=click.IntRange(min=1),
    help="Number of examples to prepare on one core.",
)
@click.option(
    "--workers",
    default="",
    metavar="NUMBERS",
    help="Numbers of processes to try, separated by commas. Default: 0, 1, 2, 4 and so on, up to the number of cores.",
)
@click.option(
    "--plot",
    default="pipeline.svg",
    show_default=True,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="SVG file to draw the measured speeds in.",
)
@replace_option
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def bench_pipeline(
    names: tuple[str, ...],
    overrides: tuple[str, ...],
    config: str,
    images: int,
    workers: str,
    plot: str,
    replace: bool,
    as_json: bool,
) -> None:
    """Measure the preparation of training examples: the time of each stage on one core, and images/s by processes."""
    from multibox.config_file import load_config
    from multibox.data.open import open_stores

    settings = load_config(config, overrides)
    stores = [store for name in names for store in open_stores(name)]
    from multibox.bench.pipeline import measure_pipeline
    from multibox.bench.pipeline_chart import save_pipeline_chart
    from multibox.report.drawing import SVG
    from multibox.writing import check_file

    if not plot.endswith(".svg"):
        raise BadInput("plot", f"{plot} is not an SVG file; give a name that ends in .svg")
    check_file(plot, SVG, replace=replace)
    speed = measure_pipeline(stores, settings, images=images, workers=split_numbers("workers", workers))
    save_pipeline_chart(speed, plot, replace=replace)
    if as_json:
        click.echo(json.dumps(speed.to_json()))
    else:
        print_pipeline(speed)
        click.echo(f"chart: {plot}")


@bench.command("train")
@overrides_argument
@click.option(
    "--model",
    default=PRESET,
    show_default=True,
    metavar="PRESET|FILE",
    help="Preset, or YAML file of a configuration, whose network is trained.",
)
@click.option(
    "--batch", type=click.IntRange(min=1), default=None, help="Number of images in a step. Default: train.batch."
)
@click.option(
    "--data",
    "names",
    multiple=True,
    metavar="NAME/SPLIT",
    help="Dataset whose images are trained on. Can be repeated. Default: rendered images.",
)
@click.option(
    "--steps", default=10, show_default=True, type=click.IntRange(min=1), help="Number of timed steps in a round."
)
@click.option(
    "--rounds",
    default=5,
    show_default=True,
    type=click.IntRange(min=1),
    help="Number of rounds. Each round times a step of Multibox and a step of plain Keras.",
)
@backend_option
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
    """Measure a training step: images per second, memory, and its time compared with a step of plain Keras."""
    from multibox.config_file import load_config
    from multibox.data.open import open_stores
    from multibox.models.backend import import_keras
    from multibox.runtimes import require_keras

    if batch is not None:
        overrides = (*overrides, f"train.batch={batch}")
    settings = load_config(model, overrides)
    stores = [store for name in names for store in open_stores(name)]
    require_keras("bench train", backend)
    import_keras(devices=settings.train.devices)
    from multibox.bench.training import measure_training

    speed = measure_training(settings, stores, **options)
    if as_json:
        click.echo(json.dumps(speed.to_json()))
    else:
        print_training(speed)


@bench.command("predict")
@click.option("--model", "models", multiple=True, required=True, metavar="FILE", help="Model file. Can be repeated.")
@runtime_options
@click.option("--batch", default=1, show_default=True, type=click.IntRange(min=1), help="Number of images in a batch.")
@click.option(
    "--images", default=16, show_default=True, type=click.IntRange(min=1), help="Number of rendered images in a round."
)
@click.option(
    "--rounds",
    default=5,
    show_default=True,
    type=click.IntRange(min=1),
    help="Number of rounds. Each round times all runtimes in turn.",
)
@click.option(
    "--peer", type=click.Choice(["torchvision"]), default=None, help="Library whose SSD300 network is measured too."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def bench_predict(models: tuple[str, ...], runtime: str | None, as_json: bool, **options: Any) -> None:
    """Measure detection: latency, images per second and the time of each step, in each installed runtime."""
    from multibox.bench.predicting import measure_prediction

    speed = measure_prediction(models, runtime, **options)
    if as_json:
        click.echo(json.dumps(speed.to_json()))
    else:
        print_prediction(speed)


def print_pipeline(speed: "PipelineSpeed") -> None:
    """Print the time of each stage of preparing an example, and images per second by number of processes."""
    whole = ("whole example", f"{speed.ms_per_example:.3f}", f"{speed.images_per_second_per_core:.0f} images/s")
    stages = [(name, f"{ms:.3f}", f"{ms / speed.ms_per_example:.0%}") for name, ms in speed.stages.items()]
    print_table(("stage", "ms", "share"), stages, [whole])
    workers = [(str(count) if count else "0 (threads)", f"{rate:.0f}") for count, rate in speed.workers.items()]
    print_table(("processes", "images/s"), workers)
    kb = {name: f"{size / 1000:.0f} kB" for name, size in speed.bytes_per_example.items()}
    click.echo(
        f"Data of an example: {kb['encoded']} of image file, {kb['image']} of pixels, {kb['targets']} of targets."
    )


def print_training(speed: "TrainingSpeed") -> None:
    """Print the measured speed of a training step."""
    rows = {
        "images per second": f"{speed.images_per_second:.1f}",
        "ms per step": f"{speed.step_ms:.1f}",
        "ms per step of plain Keras": f"{speed.bare_step_ms:.1f}",
        "ratio to plain Keras": f"{speed.ratio:.3f}",
        "waiting for data": f"{speed.data_wait_share:.1%}",
        "peak memory": f"{speed.peak_memory_mb:,.0f} MB",
        "GFLOP per image": f"{speed.flops_per_image / 1e9:.1f}",
        "share of the chip's peak": "unknown" if speed.flops_share is None else f"{speed.flops_share:.1%}",
    }
    print_table(("training step", f"batch {speed.batch}"), list(rows.items()))
    click.echo(f"{speed.backend}, {speed.precision}, on: {speed.device}")


def print_prediction(speed: "PredictionSpeed") -> None:
    """Print the measured speed of detection in each runtime."""
    headings = ["runtime", "p50", "p95", "decode", "resize", "network", "post", "images/s"]
    rows = []
    for name, figures in speed.runtimes.items():
        steps = figures.decode_ms, figures.resize_ms, figures.network_ms, figures.postprocess_ms
        row = [name, f"{figures.p50_ms:.1f}", f"{figures.p95_ms:.1f}", *(f"{ms:.2f}" for ms in steps)]
        times = [] if figures.times_peer is None else [f"{figures.times_peer:.2f}"]
        rows.append([*row, f"{figures.images_per_second:.1f}", *times])
    print_table([*headings, f"times {speed.peer}"] if speed.peer else headings, rows)
    click.echo(
        f"Times are in milliseconds. p50 and p95 are the median and 95th percentile of a batch of "
        f"{speed.batch}, from encoded images to detections. The other times are per image, and post is postprocessing. "
        f"{speed.threads} threads on: {speed.processor}"
    )
    for name, reason in speed.left_out.items():
        click.echo(f"{name} was skipped: {reason}")
    if speed.peer_ms is not None:
        click.echo(
            f"{speed.peer}: {speed.peer_ms:.1f} ms for its network alone, without decoding, resizing and postprocessing"
        )
