"""What the command line prints of an evaluation."""

import math

import click
from rich.console import Console
from rich.table import Table

from multibox.evaluation.evaluate import Evaluation


def print_evaluation(evaluation: Evaluation) -> None:
    """Print the average precision of every class, and the means, for a person; what was not judged, on stderr."""
    table = Table("class", "AP")
    table.columns[1].justify = "right"
    for name, ap in evaluation.ap.items():
        table.add_row(name, _figure(ap))
    table.add_section()
    table.add_row("mAP (IoU 0.5, area)", _figure(evaluation.map))
    table.add_row("mAP (IoU 0.5, 11 points)", _figure(evaluation.map_11point))
    table.add_row("mAP (IoU 0.5 to 0.95, COCO)", _figure(evaluation.map_50_95))
    console = Console()
    console.print(table)
    console.print(
        f"mAP {_figure(evaluation.map)}: {evaluation.images} images, {evaluation.objects} objects, "
        f"{evaluation.detections} detections, {evaluation.seconds:.1f} s",
        highlight=False,
    )
    if evaluation.left_out:
        listed = ", ".join(f"{name} ({count})" for name, count in evaluation.left_out.items())
        click.echo(f"not evaluated, because the model does not have these classes (objects): {listed}", err=True)


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
