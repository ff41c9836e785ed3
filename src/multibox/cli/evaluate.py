"""The command eval."""

import json
from pathlib import Path
from typing import Any

import click

from multibox.cli.app import main
from multibox.cli.console import progress_bar
from multibox.cli.options import detection_options, runtime_options


@main.command("eval")
@click.argument("model", type=click.Path())
@click.option("--data", "names", multiple=True, required=True, metavar="NAME[/SPLIT]", help="Else test, or val.")
@click.option("--batch", default=16, show_default=True, type=click.IntRange(min=1), help="Images run at once a device.")
@click.option("--devices", default=1, show_default=True, type=click.IntRange(min=1), help="Of this machine.")
@detection_options
@runtime_options
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
