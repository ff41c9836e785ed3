"""The command eval."""

import json
from pathlib import Path
from typing import Any

import click

from multibox.cli.app import main
from multibox.cli.console import progress_bar
from multibox.cli.options import detection_options, replace_option, runtime_options
from multibox.errors import BadInput


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
@replace_option
@click.option("--save-thresholds", is_flag=True, help="Write the thresholds of the best F1 into the model file.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def evaluate_model(
    model: str,
    names: tuple[str, ...],
    batch: int,
    strict: bool,
    save_detections: str | None,
    report: str | None,
    compare: str | None,
    save_thresholds: bool,
    replace: bool,
    as_json: bool,
    **loading: Any,
) -> None:
    """Measure a model on a dataset: average precision of each class, and their mean.

    MODEL may also be a .json file of detections in COCO's results format, whatever found them.
    """
    from multibox.evaluation.candidates import open_candidate, require_classes
    from multibox.evaluation.describe import print_evaluation
    from multibox.evaluation.evaluate import evaluate
    from multibox.evaluation.report import REPORT, write_report
    from multibox.evaluation.save_detections import check_detections
    from multibox.evaluation.save_detections import save_detections as write_detections
    from multibox.evaluation.save_thresholds import file_for_thresholds
    from multibox.evaluation.save_thresholds import save_thresholds as write_thresholds
    from multibox.evaluation.test_set import open_test_set
    from multibox.writing import check_folder

    if compare is not None and report is None:
        raise BadInput("compare", "the comparison is part of a report; name its folder with --report DIR")
    if save_detections is not None:
        check_detections(save_detections, strict=strict, replace=replace)
    if report is not None:
        check_folder(report, REPORT, replace=replace)
    if save_thresholds:
        file_for_thresholds(model)
    candidate = open_candidate(model, **loading)
    rival = None if compare is None else open_candidate(compare, **loading)
    test_set = open_test_set(names, candidate.classes)
    if rival is not None:
        require_classes(rival, test_set.truth.classes)
    with progress_bar("detecting") as progress:
        evaluation = evaluate(candidate, test_set, batch=batch, strict=strict, progress=progress)
        if save_detections is not None:
            write_detections(evaluation, save_detections, replace=replace)
        other = None
        if rival is not None:
            other = evaluate(rival, test_set, batch=batch, strict=strict, progress=progress)
        if report is not None:
            write_report(evaluation, report, other, replace=replace)
    if save_thresholds:
        write_thresholds(model, evaluation.thresholds)
    if as_json:
        click.echo(json.dumps(evaluation.to_json()))
    else:
        print_evaluation(evaluation)
    if report is not None:
        click.echo(f"report: {Path(report) / 'report.html'}", err=True)
