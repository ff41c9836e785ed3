"""The commands ``train`` and ``report`` of a training run."""

import json
import os
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from multibox.cli.app import main
from multibox.cli.console import progress_bar
from multibox.cli.data_make import print_report
from multibox.cli.options import Range, backend_option, config_option, overrides_argument
from multibox.errors import BadInput, RunFailed
from multibox.models.shipped import NAME

if TYPE_CHECKING:
    from multibox.config import Config


@main.command("train")
@click.option(
    "--data",
    "source",
    default=None,
    metavar="NAME|PATH",
    help="Name of a dataset, or folder or file of annotated images. Default: the stores in the configuration's "
    "data.train and data.val.",
)
@config_option
@click.option(
    "--name",
    default=None,
    help="Name of the run. Its files are written to experiments/NAME. Default: made from the names of the network and "
    "the dataset.",
)
@click.option(
    "--minutes",
    type=Range(min=0, min_open=True),
    default=None,
    help="Minutes that the run may take. A few steps are measured, then train.epochs is set to the number of epochs "
    "that fit.",
)
@click.option(
    "--on-bad",
    type=click.Choice(["fail", "skip"]),
    default="fail",
    show_default=True,
    help="What to do with a damaged image or box while the dataset is built: fail stops the build, skip leaves "
    "it out and lists it.",
)
@backend_option
@click.option(
    "--devices",
    type=click.IntRange(min=1),
    default=None,
    help="Number of devices per host. Each batch is split across all devices. Default: train.devices.",
)
@click.option(
    "--hosts",
    type=click.IntRange(min=1),
    default=None,
    help="Number of hosts that train together, with one process on each. Default: $MULTIBOX_HOSTS, or set by srun.",
)
@click.option(
    "--host",
    type=click.IntRange(min=0),
    default=None,
    metavar="I",
    help="Index of this host among all hosts, from 0. Default: $JOB_COMPLETION_INDEX, or set by srun.",
)
@click.option(
    "--coordinator",
    default=None,
    metavar="ADDRESS:PORT",
    help="Address and port of host 0, to which all hosts connect. Default: $MULTIBOX_COORDINATOR, or set by srun.",
)
@click.option(
    "--init",
    default=None,
    metavar="MODEL",
    help="Detector whose weights training starts from: voc20 or a .keras file. Weights of classes with the same "
    "name are kept.",
)
@click.option(
    "--tracker",
    type=click.Choice(["none", "wandb", "mlflow"]),
    default=None,
    help="Tracking service that receives the metrics, besides TensorBoard. Default: train.tracker.",
)
@click.option(
    "--resume",
    "resumed",
    default=None,
    metavar="NAME",
    help="Name of a run to continue. A larger train.epochs also continues a finished run.",
)
@overrides_argument
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
    """Train a detector.

    Training starts from the bundled detector voc20 if its layers fit (network.weights=auto). Any field of the
    configuration can be set by its dotted name: train.epochs=20 network.size=[300,300].
    """
    if resumed is not None:
        _only_resume()
    from multibox.config_file import load_config
    from multibox.models.backend import import_keras
    from multibox.runtimes import require_keras
    from multibox.torchrun import place
    from multibox.training.cluster import find_cluster
    from multibox.training.processes import a_process_for_each

    cluster = None if hosts is None and place() is not None else find_cluster(hosts, host, coordinator)
    if devices is not None:
        overrides = (*overrides, f"train.devices={devices}")
    if init is not None:
        if init != NAME and not init.endswith(".keras"):
            raise BadInput("init", f"{init} is not a detector; give a .keras file or {NAME}, or set network.weights")
        overrides = (*overrides, f"network.weights={json.dumps(init)}")
    if tracker is not None:
        overrides = (*overrides, f"train.tracker={tracker}")
    if resumed is not None and cluster is None:  # of several hosts the first alone needs the run's folder
        settings = _resumed_config(resumed, overrides)
    else:  # a misspelt field is refused before Keras, which takes seconds, loads
        settings = load_config(config, overrides)
    require_keras("train", backend)
    if cluster is not None:
        cluster.join()
    with a_process_for_each(settings.train) if os.environ["KERAS_BACKEND"] == "torch" else nullcontext():
        import_keras(devices=settings.train.devices)
        from multibox.training.hosts import is_first
        from multibox.training.train import resume, train

        if resumed is not None:
            run = resume(resumed, overrides)
        else:
            with progress_bar("checking and writing", at_once=False) as progress:
                options |= {"progress": progress, "on_build": print_report}
                run = train(source, config=config, overrides=overrides, **options)
    if not is_first():
        return
    score = "" if run.map is None else f"validation mAP {run.map:.3f}; "
    click.echo(f"{score}model: {run.model}; other files of the run: {run.folder}")


def _resumed_config(name: str, overrides: tuple[str, ...]) -> "Config":
    from multibox.config_file import load_config
    from multibox.training.changes import change_config
    from multibox.training.experiment import open_experiment

    experiment = open_experiment(name)
    return change_config(experiment, load_config(experiment.config), overrides)[0]


def _only_resume() -> None:
    """Refuse options that a resumed run cannot have. Its fields are verified one by one."""
    context = click.get_current_context()
    others = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name not in {"resumed", "backend", "hosts", "host", "coordinator", "tracker", "overrides"}
        and context.get_parameter_source(parameter.name or "") == ParameterSource.COMMANDLINE
        and context.params.get(parameter.name or "")
    ]
    if others:
        raise BadInput(
            "resume",
            f"a resumed run keeps its data and configuration; leave out {', '.join(others)}, or start a new run from "
            f"the weights of this one with --init experiments/{context.params['resumed']}/best.keras",
        )


@main.command("report")
@click.argument("run")
@click.option("--window", is_flag=True, help="Open the written page in the system's browser.")
def training_report(run: str, window: bool) -> None:
    """Write a page with the curves of a training run, experiments/RUN/report.html.

    During training, the page is updated once a minute.
    """
    from multibox.training.run_report import report_run

    page = report_run(run)
    click.echo(page)
    if window and click.launch(str(page)) != 0:
        raise RunFailed(f"{page} was written, but the system has no browser; open the page yourself")
