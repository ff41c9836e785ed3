"""The commands of a training run: train, report."""

import json
from typing import Any

import click
from click.core import ParameterSource

from multibox.cli.app import main
from multibox.cli.console import progress_bar
from multibox.cli.data_make import print_report
from multibox.errors import BadInput, RunFailed
from multibox.models.shipped import NAME


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
    from multibox.config_file import load_config
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
    from multibox.training.train import resume, train

    if resumed is not None:
        run = resume(resumed)
    else:
        with progress_bar("checking and writing", at_once=False) as progress:
            options |= {"progress": progress, "on_build": print_report}
            run = train(source, config=config, overrides=overrides, **options)
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


@main.command("report")
@click.argument("run")
@click.option("--window", is_flag=True, help="Open it with the system's browser.")
def training_report(run: str, window: bool) -> None:
    """Write the curves of a training run as one page, experiments/RUN/report.html; a run that goes on does it, too."""
    from multibox.training.run_report import report_run

    page = report_run(run)
    click.echo(page)
    if window and click.launch(str(page)) != 0:
        raise RunFailed(f"{page}: written, but the system has no browser; open it yourself")
