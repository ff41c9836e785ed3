"""A check of a dataset as a page, and the sentences that the page and the command line have in common."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from multibox._version import __version__
from multibox.config import Config
from multibox.inspection.chart import draw_coverage
from multibox.inspection.check import Checkup
from multibox.inspection.coverage import BUCKETS, Coverage, Reach
from multibox.inspection.finding import KINDS, Finding, by_kind
from multibox.report.page import Cell, Html, Section, code, details, page, picture, pictures, table

FOLDED: Final = 20
"""Findings of a kind from which the page folds them away."""

BUCKET_NAMES: Final = ("all", *BUCKETS)
REACH_HEADINGS: Final = ("objects", "mean best IoU", "nine tenths above", "below 0.5")


def verdict(checkup: Checkup) -> str:
    """The check in one sentence."""
    if checkup.stops:
        return f"{checkup.stops} of {len(checkup.findings)} findings stop a build; correct them, or set on_bad='skip'"
    return f"nothing stops a build; {len(checkup.findings)} findings to know of"


def checkup_page(checkup: Checkup, config: Config, proposal: str) -> str:
    """A check as a page.

    Args:
        checkup: Result of the check.
        config: Configuration that the check was made for.
        proposal: Proposed priors as YAML.

    Returns:
        The page as HTML.
    """
    height, width = config.network.size
    intro = f"{verdict(checkup).capitalize()}. Network input {width}x{height}, {config.data.resize}."
    sections = [
        Section("Summary", [intro, *_kinds(checkup)]),
        *(Section(KINDS[kind].capitalize(), _of_kind(found)) for kind, found in by_kind(checkup.findings).items()),
        Section("Images and objects", [table(["", *checkup.images], counts(checkup))]),
        Section("Prior coverage", _coverage_parts(checkup, config, proposal)),
    ]
    return page(f"Check of {checkup.target}", sections, footer=f"multibox {__version__}")


def counts(checkup: Checkup) -> list[list[Cell]]:
    """Rows with the images and objects of each split, and the objects of each class."""
    rows: list[list[Cell]] = [["images", *checkup.images.values()]]
    rows.append(["objects", *(sum(by_class.values()) for by_class in checkup.objects.values())])
    return rows + [[name, *(by_class[name] for by_class in checkup.objects.values())] for name in checkup.classes]


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
        f"Of the objects of {fit.split}, each with the prior that overlaps it most: {coverage_line(fit.coverage)}. "
        "Sizes are areas in the network's input: small below 32 x 32 pixels, large from 96 x 96.",
        pictures(drawn),
        table(["class", "size", *REACH_HEADINGS], _coverage_rows(fit.coverage)),
        proposal_line(checkup),
        *([code(proposal)] if fit.proposal is not None else []),
    ]


def _figure(boxes_rel: np.ndarray, config: Config, title: str, coverage: Coverage) -> Html:
    drawn = draw_coverage(boxes_rel, config, title)
    _, encoded = cv2.imencode(".png", drawn[..., ::-1])
    alt = f"{title} among objects by width and height: {coverage_line(coverage)}"
    return picture(encoded.tobytes(), alt=alt, caption=f"{title}: {coverage_line(coverage)}.")


def coverage_line(coverage: Coverage) -> str:
    """How well priors cover the objects, in one line."""
    reach = coverage.all
    return f"mean best IoU {reach.mean:.3f}, {reach.unreached:.1%} of {reach.objects:,} objects below 0.5"


def proposal_line(checkup: Checkup) -> str:
    """How well the proposed priors cover the objects, and whether they are better than the chosen ones."""
    fit = checkup.fit
    if fit.proposed is None:
        return "No objects to propose priors for."
    better = "They fit better; save this as FILE and train with config=FILE:"
    advice = better if fit.is_better else "The chosen ones fit as well."
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
