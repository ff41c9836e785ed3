"""The commands that measure speed: bench pipeline, train, predict."""

import json
from typing import Any

import click

from multibox.cli.app import main
from multibox.cli.options import replace_option, runtime_options, split_numbers


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
    """Measure the preparation of training examples: its stages on one core, and images a second over processes."""
    from multibox.config_file import load_config
    from multibox.data.open import open_stores

    settings = load_config(config, overrides)
    stores = [store for name in names for store in open_stores(name)]
    from multibox.bench.describe import plot_pipeline, print_pipeline
    from multibox.bench.pipeline import measure_pipeline
    from multibox.draw import DRAWING
    from multibox.writing import check_file

    check_file(plot, DRAWING, replace=replace)
    speed = measure_pipeline(stores, settings, images=images, workers=split_numbers("workers", workers))
    plot_pipeline(speed, plot, replace=replace)
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
    from multibox.config_file import load_config
    from multibox.data.open import open_stores
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
@runtime_options
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
