"""The command ``data check``, which checks a dataset before training."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from multibox.cli.commands import as_options
from multibox.cli.console import print_table, progress_bar
from multibox.cli.data import data
from multibox.cli.data_make import data_build
from multibox.cli.options import (
    config_option,
    images_option,
    layout_option,
    one_based_option,
    overrides_argument,
    replace_option,
    split_names,
)

if TYPE_CHECKING:
    from multibox.inspection.check_dataset import Checkup
    from multibox.inspection.coverage import Reach
    from multibox.report.page import Cell


@data.command("check")
@click.argument("target", metavar="NAME[/SPLIT]|SOURCE")
@overrides_argument
@config_option
@click.option("--classes", default="", metavar="NAMES", help="Expected class names, separated by commas. Default: any.")
@images_option
@layout_option
@one_based_option
@click.option(
    "--priors",
    default=None,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="YAML file to write the priors proposed for this dataset to.",
)
@click.option(
    "--html", default=None, type=click.Path(dir_okay=False), metavar="FILE", help="HTML page to write the findings to."
)
@replace_option
@click.option(
    "--workers", type=click.IntRange(min=1), default=None, help="Number of threads. Default: by the number of cores."
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def data_check(
    target: str,
    overrides: tuple[str, ...],
    config: str,
    classes: str,
    priors: str | None,
    html: str | None,
    replace: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Check a dataset before training, and measure how well the priors fit its objects.

    The exit code is 1 if a finding would stop a build, else 0.
    """
    from multibox.config_file import load_config
    from multibox.inspection.check_dataset import check_dataset
    from multibox.inspection.checkup_page import checkup_page
    from multibox.inspection.propose_priors import PROPOSAL, proposal_yaml, save_proposal
    from multibox.report.page import PAGE, save_page
    from multibox.writing import check_file

    settings = load_config(config, overrides)
    if priors is not None:
        check_file(priors, PROPOSAL, replace=replace)
    if html is not None:
        check_file(html, PAGE, replace=replace)
    with progress_bar("checking", at_once=False) as progress:
        found = check_dataset(target, settings, classes=split_names(classes), progress=progress, **options)
    proposal = proposal_yaml(found.fit.proposal or settings.priors, config, overrides)
    if as_json:
        click.echo(json.dumps(found.to_json()))
    else:
        print_checkup(found, proposal)
    if priors is not None:
        save_proposal(priors, proposal, replace=replace)
    if html is not None:
        save_page(html, checkup_page(found, settings, proposal), replace=replace)
    sys.exit(1 if found.stops else 0)


SHOWN = 5
"""Largest number of findings printed of each kind. The JSON output and the HTML page list all findings."""


def print_checkup(checkup: "Checkup", proposal: str) -> None:
    """Print the findings of a dataset check, the prior coverage, and better priors if there are any.

    Args:
        checkup: Result of the dataset check.
        proposal: Proposed priors as YAML.
    """
    from multibox.inspection.checkup_page import BUCKET_NAMES, counts, coverage_line, proposal_line, verdict
    from multibox.inspection.finding import KINDS, by_kind

    for kind, found in by_kind(checkup.findings).items():
        click.echo(f"{KINDS[kind]}: {len(found):,} ({as_options(data_build, found[0].action)})")
        for finding in found[:SHOWN]:
            click.echo(f"  {finding}")
        if len(found) > SHOWN:
            click.echo(f"  ... and {len(found) - SHOWN:,} more; --json and --html list all")
    print_table(("", *checkup.images), [[_text(cell) for cell in row] for row in counts(checkup)])
    fit = checkup.fit
    click.echo(f"\nprior coverage of {fit.split}: {coverage_line(fit.coverage)}")
    rows = [
        (name, f"{reaches['all'].objects:,}", *(_brief(reaches[bucket]) for bucket in BUCKET_NAMES))
        for name, reaches in fit.coverage.classes.items()
    ]
    print_table(("class", "objects", *BUCKET_NAMES), rows, right={1})
    click.echo(
        "mean best IoU of the objects, and the share of objects below 0.5; medium objects have an area from "
        "32x32, large objects from 96x96 pixels of the network's input"
    )
    click.echo(as_options(data_check, proposal_line(checkup)))
    if fit.is_better:
        click.echo(proposal)
    click.echo(f"{checkup.target}: {as_options(data_build, verdict(checkup))}")


def _text(cell: "Cell") -> str:
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _brief(reach: "Reach") -> str:
    return f"{reach.mean:.2f}  {reach.unreached:4.0%}" if reach.objects else ""
