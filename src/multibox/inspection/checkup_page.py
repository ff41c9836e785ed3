"""The HTML page of a dataset check, and the sentences that the page and the command line share."""

from collections.abc import Sequence
from typing import Final

from multibox._version import __version__
from multibox.annotations.counting import counted
from multibox.config import Config
from multibox.inspection.check_dataset import Checkup
from multibox.inspection.class_balance import balance_line
from multibox.inspection.coverage import BUCKETS, Coverage, Reach
from multibox.inspection.coverage_chart import coverage_chart
from multibox.inspection.finding import KINDS, Finding, by_kind
from multibox.report.chart import Chart
from multibox.report.page import Cell, Code, Details, Gallery, Section, Table, page
from multibox.report.part import Part

FOLDED: Final = 20
"""If there are at least this many findings of one kind, the page folds them under a summary line."""

BUCKET_NAMES: Final = ("all", *BUCKETS)
REACH_HEADINGS: Final = ("objects", "mean best IoU", "90% are above", "below 0.5")


def verdict(checkup: Checkup) -> str:
    """Result of a check in one sentence."""
    total = len(checkup.findings)
    findings = counted(total, "finding")
    if checkup.stops:
        return f"{checkup.stops} of {findings} would make a build fail; correct them, or set on_bad='skip'"
    return f"nothing stops a build; {findings}"


def checkup_page(checkup: Checkup, config: Config, proposal: str) -> str:
    """Render the page of a check.

    Args:
        checkup: Result of the check.
        config: Configuration of the check.
        proposal: Proposed priors as the text of a YAML file.

    Returns:
        Text of the HTML file.
    """
    height, width = config.network.size
    intro = f"{verdict(checkup).capitalize()}. Network input: {width}x{height}, data.resize={config.data.resize}."
    sections = [
        Section("Summary", [intro, *_kinds(checkup)]),
        *(Section(KINDS[kind].capitalize(), _of_kind(found)) for kind, found in by_kind(checkup.findings).items()),
        Section("Images and objects", [*_balance(checkup), Table(["", *checkup.images], counts(checkup))]),
        Section("Prior coverage", _coverage(checkup, config, proposal)),
    ]
    return page(f"Check of {checkup.target}", sections, footer=f"multibox {__version__}")


def counts(checkup: Checkup) -> list[list[Cell]]:
    """Rows of a table with a column for each split: numbers of images, of objects, and of objects of each class."""
    rows: list[list[Cell]] = [["images", *checkup.images.values()]]
    rows.append(["objects", *(sum(by_class.values()) for by_class in checkup.objects.values())])
    return rows + [[name, *(by_class[name] for by_class in checkup.objects.values())] for name in checkup.classes]


def _balance(checkup: Checkup) -> list[str]:
    return [balance_line(checkup.balance)] if checkup.balance else []


def _kinds(checkup: Checkup) -> list[Table]:
    rows: list[list[Cell]] = [
        [KINDS[kind], len(found), "yes" if any(finding.stops for finding in found) else "no", found[0].action]
        for kind, found in by_kind(checkup.findings).items()
    ]
    return [Table(["kind", "findings", "stops a build", "effect on training"], rows)] if rows else []


def _of_kind(found: Sequence[Finding]) -> list[Part]:
    rows = [[finding.file, finding.object, finding.detail, finding.action] for finding in found]
    whole = Table(["file", "object", "finding", "effect on training"], rows)
    return [whole] if len(found) < FOLDED else [Details(counted(len(found), "finding"), [whole])]


def _coverage(checkup: Checkup, config: Config, proposal: str) -> list[str | Part]:
    fit = checkup.fit
    charts = [_chart(checkup, config, "The configured priors", fit.coverage)]
    if fit.proposal is not None and fit.proposed is not None:
        other = config.model_copy(update={"priors": fit.proposal})
        charts.append(_chart(checkup, other, "The proposed priors", fit.proposed))
    return [
        f"Best IoU of the objects of {fit.split} with any prior: {coverage_line(fit.coverage)}. Sizes are areas "
        "in the network's input: small is below 32 x 32 pixels, large is from 96 x 96.",
        Gallery(charts),
        Table(["class", "size", *REACH_HEADINGS], _coverage_rows(fit.coverage)),
        proposal_line(checkup),
        *([Code(proposal)] if fit.proposal is not None else []),
    ]


def _chart(checkup: Checkup, config: Config, title: str, coverage: Coverage) -> Chart:
    return coverage_chart(checkup.fit.boxes_rel, config, f"{title}: {coverage_line(coverage)}.")


def coverage_line(coverage: Coverage) -> str:
    """Describe in one line how well priors cover the objects."""
    reach = coverage.all
    if not reach.objects:
        return "there is no object to cover"
    return f"mean best IoU {reach.mean:.3f}, {reach.unreached:.1%} of {counted(reach.objects, 'object')} below 0.5"


def proposal_line(checkup: Checkup) -> str:
    """Describe how well the proposed priors cover the objects, compared with the configured priors."""
    fit = checkup.fit
    if fit.proposed is None:
        return "There are no objects to propose priors for."
    better = "They fit better than the configured priors. Save the following as FILE and train with config=FILE:"
    advice = better if fit.is_better else "The configured priors fit equally well."
    return f"Priors proposed by k-means over these objects: {coverage_line(fit.proposed)}. {advice}"


def _coverage_rows(coverage: Coverage) -> list[list[Cell]]:
    return [
        [name, bucket, *_reach_cells(reaches[bucket])]
        for name, reaches in coverage.classes.items()
        for bucket in BUCKET_NAMES
        if reaches[bucket].objects
    ]


def _reach_cells(reach: Reach) -> list[Cell]:
    return [reach.objects, reach.mean, reach.worst, f"{reach.unreached:.1%}"]
