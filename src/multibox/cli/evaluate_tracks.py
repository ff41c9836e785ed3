"""The command ``eval-tracks``, which judges tracks of videos."""

import json
import math
from typing import TYPE_CHECKING

import click

from multibox.cli.app import main
from multibox.cli.console import print_table
from multibox.cli.options import Range

if TYPE_CHECKING:
    from multibox.evaluation.track_metrics import TrackFigures
    from multibox.evaluation.tracks import TrackEvaluation

HEADINGS = ("HOTA", "DetA", "AssA", "IDF1", "MOTA", "IDSW", "Frag", "FP", "FN")


@main.command("eval-tracks")
@click.argument("predictions", metavar="PRED", type=click.Path())
@click.argument("truth", type=click.Path())
@click.option("--per-class", is_flag=True, help="Print one more row for each class, judged apart from the others.")
@click.option(
    "--min-visibility",
    type=Range(0, 1),
    default=0.0,
    show_default=True,
    help="Smallest visible fraction of a judged object. Objects below it are ignored, and predictions that match them "
    "are no false positives.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def evaluate_tracks_of_videos(
    predictions: str, truth: str, per_class: bool, min_visibility: float, as_json: bool
) -> None:
    """Judge tracks: print HOTA, IDF1 and MOTA of each sequence, and of all together.

    PRED is a file in MOT Challenge's text format, or a folder with SEQUENCE.txt for each sequence. TRUTH is such a
    file, or a folder with SEQUENCE/gt/gt.txt for each sequence.
    """
    from multibox.evaluation.tracks import evaluate_tracks

    evaluation = evaluate_tracks(predictions, truth, per_class=per_class, min_visibility=min_visibility)
    if as_json:
        click.echo(json.dumps(evaluation.to_json()))
    else:
        print_track_evaluation(evaluation)
    if evaluation.missing:
        click.echo(f"without predictions, so all objects count as missed: {', '.join(evaluation.missing)}", err=True)


def print_track_evaluation(evaluation: "TrackEvaluation") -> None:
    """Print the figures of each sequence, of all together and of each class, and what they were measured on."""
    print_table(
        ("sequence", *HEADINGS),
        [(name, *_row(figures)) for name, figures in evaluation.sequences.items()],
        [("combined", *_row(evaluation.combined))],
        [(f"class {label}", *_row(figures)) for label, figures in evaluation.classes.items()],
    )
    whole = evaluation.combined
    ignored = f" ({evaluation.ignored} more ignored)" if evaluation.ignored else ""
    click.echo(
        f"{evaluation.frames} frames. Truth: {whole.true_tracks} tracks, {whole.true_boxes} boxes{ignored}. "
        f"Predictions: {whole.tracks} tracks, {whole.boxes} boxes."
    )


def _row(figures: "TrackFigures") -> tuple[str, ...]:
    accuracies = (figures.hota, figures.deta, figures.assa, figures.idf1, figures.mota)
    counts = (figures.id_switches, figures.fragmentations, figures.false_positives, figures.misses)
    return (*("-" if math.isnan(value) else f"{value:.3f}" for value in accuracies), *map(str, counts))
