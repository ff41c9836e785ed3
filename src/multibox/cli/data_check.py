"""The command ``data check``, which checks a dataset before training."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from multibox.cli.commands import as_options
from multibox.cli.console import MOST_CLASSES, print_table, progress_bar
from multibox.cli.data import data
from multibox.cli.data_make import data_build
from multibox.cli.options import (
    config_option,
    images_option,
    layout_option,
    one_based_option,
    overrides_argument,
    rename_option,
    replace_option,
    split_names,
    split_pairs,
)

if TYPE_CHECKING:
    from multibox.inspection.check_dataset import Checkup
    from multibox.inspection.coverage import Reach
    from multibox.inspection.finding import Finding
    from multibox.report.page import Cell


@data.command("check")
@click.argument("target", metavar="NAME[/SPLIT]|SOURCE")
@overrides_argument
@config_option
@click.option("--classes", default="", metavar="NAMES", help="Expected class names, separated by commas. Default: any.")
@rename_option
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
    rename: str,
    priors: str | None,
    html: str | None,
    replace: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Check a dataset before training, and measure how well the priors fit its objects.

    The exit code is 1 if a finding would make ``data build`` fail, else 0.
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
    options |= {"classes": split_names(classes), "rename": split_pairs("rename", rename)}
    with progress_bar("checking", at_once=False) as progress:
        found = check_dataset(target, settings, progress=progress, **options)
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
"""Largest number of lines printed for each kind of finding. The JSON output and the HTML page list all findings."""

FEW = 3
"""Largest number of findings of one kind in one file that are printed on a line each. More findings share one line."""


def print_checkup(checkup: "Checkup", proposal: str) -> None:
    """Print the findings of a dataset check, the prior coverage, and better priors if there are any.

    Args:
        checkup: Result of the dataset check.
        proposal: Proposed priors as YAML.
    """
    from multibox.inspection.checkup_page import BUCKET_NAMES, counts, coverage_line, proposal_line, verdict
    from multibox.inspection.class_balance import balance_line
    from multibox.inspection.finding import KINDS, by_kind

    for kind, found in by_kind(checkup.findings).items():
        click.echo(f"{KINDS[kind]}: {len(found):,} ({as_options(data_build, found[0].action)})")
        lines = by_file(found)
        for line, _ in lines[:SHOWN]:
            click.echo(f"  {line}")
        if len(lines) > SHOWN:
            click.echo(f"  ... and {sum(count for _, count in lines[SHOWN:]):,} more; --json and --html list all")
    rows = [[_text(cell) for cell in row] for row in counts(checkup)]
    totals = len(rows) - len(checkup.classes)
    print_table(("", *checkup.images), rows[:totals], rows[totals:], most=MOST_CLASSES)
    if checkup.balance:
        click.echo(balance_line(checkup.balance))
    fit = checkup.fit
    click.echo(f"\nprior coverage of {fit.split}: {coverage_line(fit.coverage)}")
    covered = [
        (name, f"{reaches['all'].objects:,}", *(_brief(reaches[bucket]) for bucket in BUCKET_NAMES))
        for name, reaches in fit.coverage.classes.items()
    ]
    print_table(("class", "objects", *BUCKET_NAMES), covered, right={1}, most=MOST_CLASSES)
    click.echo(
        "each cell: mean of the objects' best IoU with a prior, and share of objects whose best IoU is below 0.5; in "
        "pixels of the network's input, medium objects have an area from 32x32, large objects from 96x96"
    )
    click.echo(as_options(data_check, proposal_line(checkup)))
    if fit.is_better:
        click.echo(proposal)
    click.echo(f"{checkup.target}: {as_options(data_build, verdict(checkup))}")


def by_file(findings: "Sequence[Finding]") -> list[tuple[str, int]]:
    """Write findings of one kind as lines.

    More than :data:`FEW` findings in one file share a line, which shows the first.

    Args:
        findings: Findings of one kind.

    Returns:
        Lines to print, each with the number of findings that it stands for.
    """
    of_file: dict[str, list[Finding]] = {}
    for finding in findings:
        of_file.setdefault(finding.file, []).append(finding)
    lines: list[tuple[str, int]] = []
    for file, own in of_file.items():
        if len(own) > FEW:
            first = ": ".join(part for part in (own[0].object, own[0].detail) if part)
            lines.append((f"{file}: {len(own):,} findings; the first: {first}", len(own)))
        else:
            lines += [(str(finding), 1) for finding in own]
    return lines


def _text(cell: "Cell") -> str:
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _brief(reach: "Reach") -> str:
    return f"{reach.mean:.2f}  {reach.unreached:4.0%}" if reach.objects else ""
