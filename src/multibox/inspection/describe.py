"""What people see of a check: tables on the terminal, or one page for a browser."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from multibox._version import __version__
from multibox.config import Config
from multibox.inspection.chart import draw_coverage
from multibox.inspection.check import Checkup
from multibox.inspection.coverage import BUCKETS, Coverage, Reach
from multibox.inspection.finding import KINDS, Finding, by_kind
from multibox.report.page import Cell, Html, Section, code, details, page, picture, pictures, table

SHOWN: Final = 5
"""Findings of a kind on the terminal; JSON and page have them all."""

FOLDED: Final = 20
"""Findings of a kind from which the page folds them away."""

BUCKET_NAMES: Final = ("all", *BUCKETS)
REACH_HEADINGS: Final = ("objects", "mean best IoU", "nine tenths above", "below 0.5")


def verdict(checkup: Checkup) -> str:
    """The check in one sentence."""
    if checkup.stops:
        return f"{checkup.stops} of {len(checkup.findings)} findings stop a build; correct them, or use --on-bad skip"
    return f"nothing stops a build; {len(checkup.findings)} findings to know of"


def print_checkup(checkup: Checkup, proposal: str) -> None:
    """Print a check.

    Args:
        checkup: what was found.
        proposal: the proposed priors as YAML.
    """
    console = Console()

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True, markup=False)

    for kind, found in by_kind(checkup.findings).items():
        say(f"{KINDS[kind]}: {len(found):,} ({found[0].action})")
        for finding in found[:SHOWN]:
            say(f"  {finding}")
        if len(found) > SHOWN:
            say(f"  ... and {len(found) - SHOWN:,} more; --json and --html have all")
    console.print(_rich_table(("", *checkup.images), _counts(checkup)))
    say(f"\nprior coverage of {checkup.fit.split}: {_coverage_line(checkup.fit.coverage)}")
    console.print(_rich_table(("class", "objects", *BUCKET_NAMES), _coverage_by_class(checkup.fit.coverage)))
    say("mean best IoU, and the share below 0.5; sizes are areas in the network's input, from 32x32 and from 96x96")
    say(_proposal_line(checkup))
    if checkup.fit.is_better:
        say(proposal)
    say(f"{checkup.target}: {verdict(checkup)}")


def checkup_page(checkup: Checkup, config: Config, proposal: str) -> str:
    """A check as a page.

    Args:
        checkup: what was found.
        config: the configuration that it was made for.
        proposal: the proposed priors as YAML.

    Returns:
        the HTML.
    """
    height, width = config.network.size
    intro = f"{verdict(checkup).capitalize()}. Network input {width}x{height}, {config.data.resize}."
    sections = [
        Section("Summary", [intro, *_kinds(checkup)]),
        *(Section(KINDS[kind].capitalize(), _of_kind(found)) for kind, found in by_kind(checkup.findings).items()),
        Section("Images and objects", [table(["", *checkup.images], _counts(checkup))]),
        Section("Prior coverage", _coverage_parts(checkup, config, proposal)),
    ]
    return page(f"Check of {checkup.target}", sections, footer=f"multibox {__version__}")


def _counts(checkup: Checkup) -> list[list[Cell]]:
    rows: list[list[Cell]] = [["images", *checkup.images.values()]]
    rows.append(["objects", *(sum(counts.values()) for counts in checkup.objects.values())])
    return rows + [[name, *(counts[name] for counts in checkup.objects.values())] for name in checkup.classes]


def _kinds(checkup: Checkup) -> list[Html]:
    rows: list[list[Cell]] = [
        [KINDS[kind], len(found), "yes" if any(finding.stops for finding in found) else "no", found[0].action]
        for kind, found in by_kind(checkup.findings).items()
    ]
    return [table(["what", "findings", "stops a build", "what training does"], rows)] if rows else []


def _of_kind(found: Sequence[Finding]) -> list[Html]:
    rows = [[finding.file, finding.object, finding.detail, finding.action] for finding in found]
    whole = table(["file", "object", "what is wrong", "what training does"], rows)
    return [whole] if len(found) < FOLDED else [details(f"{len(found):,} findings", [whole])]


def _coverage_parts(checkup: Checkup, config: Config, proposal: str) -> list[str]:
    fit = checkup.fit
    drawn = [_figure(fit.boxes_rel, config, "The chosen priors", fit.coverage)]
    if fit.proposal is not None and fit.proposed is not None:
        other = config.model_copy(update={"priors": fit.proposal})
        drawn.append(_figure(fit.boxes_rel, other, "The proposed priors", fit.proposed))
    return [
        f"Of the objects of {fit.split}, each with the prior that overlaps it most: {_coverage_line(fit.coverage)}. "
        "Sizes are areas in the network's input: small below 32 x 32 pixels, large from 96 x 96.",
        pictures(drawn),
        table(["class", "size", *REACH_HEADINGS], _coverage_rows(fit.coverage)),
        _proposal_line(checkup),
        *([code(proposal)] if fit.proposal is not None else []),
    ]


def _figure(boxes_rel: np.ndarray, config: Config, title: str, coverage: Coverage) -> Html:
    drawn = draw_coverage(boxes_rel, config, title)
    _, encoded = cv2.imencode(".png", drawn[..., ::-1])
    alt = f"{title} among objects by width and height: {_coverage_line(coverage)}"
    return picture(encoded.tobytes(), alt=alt, caption=f"{title}: {_coverage_line(coverage)}.")


def _coverage_line(coverage: Coverage) -> str:
    reach = coverage.all
    return f"mean best IoU {reach.mean:.3f}, {reach.unreached:.1%} of {reach.objects:,} objects below 0.5"


def _proposal_line(checkup: Checkup) -> str:
    fit = checkup.fit
    if fit.proposed is None:
        return "No objects to propose priors for."
    says = f"Priors proposed by k-means over these objects: {_coverage_line(fit.proposed)}. "
    return says + ("They fit better; train with them as --config:" if fit.is_better else "The chosen ones fit as well.")


def _coverage_rows(coverage: Coverage) -> list[list[Cell]]:
    return [
        [name, bucket, *_reach_cells(reaches[bucket])]
        for name, reaches in coverage.classes.items()
        for bucket in BUCKET_NAMES
        if reaches[bucket].objects
    ]


def _coverage_by_class(coverage: Coverage) -> list[list[Cell]]:
    return [
        [name, reaches["all"].objects, *(_brief(reaches[bucket]) for bucket in BUCKET_NAMES)]
        for name, reaches in coverage.classes.items()
    ]


def _brief(reach: Reach) -> str:
    return f"{reach.mean:.2f}  {reach.unreached:4.0%}" if reach.objects else ""


def _reach_cells(reach: Reach) -> list[Cell]:
    return [reach.objects, reach.mean, reach.worst, f"{reach.unreached:.1%}"]


def _rich_table(headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Table:
    made = Table()
    for i, heading in enumerate(headings):
        is_number = any(not isinstance(row[i], str) for row in rows)
        made.add_column(escape(heading), justify="right" if is_number else "left")
    for row in rows:
        made.add_row(*(escape(value) if isinstance(value, str) else _number(value) for value in row))
    return made


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
