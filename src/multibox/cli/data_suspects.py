"""The command ``data suspects``, which finds labels that look wrong."""

import json
from typing import Any

import click

from multibox.annotations.counting import counted
from multibox.cli.console import print_table, progress_bar
from multibox.cli.data import data
from multibox.cli.options import (
    PRELABEL_FORMATS,
    PRESET,
    Range,
    overrides_argument,
    replace_option,
    runtime_options,
)
from multibox.errors import RunFailed

SHOWN = 10
"""Number of suspects that are printed. The page and the table list all."""


@data.command("suspects")
@click.argument("name", metavar="NAME[/SPLIT]")
@overrides_argument
@click.option(
    "--config",
    default=None,
    show_default=PRESET,
    metavar="PRESET|FILE",
    help="Preset or YAML file with the configuration of the training.",
)
@click.option(
    "--model",
    default=None,
    metavar="FILE",
    help="Detector that judges the labels. It should not have been trained on them. Default: one is trained for each "
    "fold, on the other folds.",
)
@click.option(
    "--folds",
    default=None,
    show_default="3",
    type=click.IntRange(min=2),
    help="Number of folds that are judged apart.",
)
@click.option(
    "--minutes",
    type=Range(min=0, min_open=True),
    default=None,
    help="Minutes that all folds together may train. Default: as long as one training on all images.",
)
@click.option("--resume", is_flag=True, help="Go on with the folds and trainings of an earlier command.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Random seed of the folds' division."
)
@click.option(
    "--count",
    default=100,
    show_default=True,
    type=click.IntRange(min=1),
    help="Number of suspects to write, the most suspicious ones.",
)
@click.option(
    "--out",
    default="suspects",
    show_default=True,
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Folder to write the page and the table of suspects to.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(PRELABEL_FORMATS),
    default=None,
    help="Labelling tool whose format the corrected labels are written in, with the images. Default: none is written.",
)
@runtime_options
@replace_option
@click.option("--json", "as_json", is_flag=True, help="Print the suspects as JSON.")
@click.option("--window", is_flag=True, help="Open the written page in the system's browser.")
def data_suspects(
    name: str,
    overrides: tuple[str, ...],
    count: int,
    out: str,
    kind: str | None,
    replace: bool,
    as_json: bool,
    window: bool,
    **options: Any,
) -> None:
    """Find labels that look wrong: missing, surplus, shifted and swapped boxes.

    Detectors that have not seen an image judge its labels. The page in DIR shows each suspect.
    """
    from multibox.labelling.find_suspects import find_suspects
    from multibox.labelling.write_suspects import SUSPECTS, write_suspects
    from multibox.writing import check_folder

    check_folder(out, SUSPECTS, replace=replace)
    with progress_bar("judging labels", at_once=False) as progress:
        found = find_suspects(name, overrides=overrides, progress=progress, **options)
    page = write_suspects(found, out, count=count, kind=kind, replace=replace)
    shown = found.first(count)
    if as_json:
        click.echo(json.dumps([suspect.to_json() for suspect in shown]))
    else:
        rows = [(f"{each.suspicion:.2f}", each.kind, each.image, each.reason) for each in shown[:SHOWN]]
        print_table(("suspicion", "kind", "image", "reason"), rows, right={0})
        without = counted(len(found.ranked) - found.labels, "detection")
        judged = f"{counted(found.labels, 'label')} and {without} without one were judged"
        click.echo(f"{counted(len(shown), 'suspect')}: {page}; {judged}")
    if window and click.launch(str(page)) != 0:
        raise RunFailed(f"{page} was written, but the system has no browser; open the page yourself")
