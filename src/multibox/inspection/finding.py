"""A finding: something in a dataset that people should know of, and what training will do with it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from multibox.data.check import Problem

KINDS: Final = {
    "missing": "files that are not there",
    "annotation": "annotations that cannot be read",
    "image": "images that are not whole",
    "size": "images of another size than their annotation says",
    "box": "boxes without a pixel of their image",
    "label": "objects and images whose label is unknown or missing",
    "clipped": "boxes that reach beyond their image",
    "duplicate": "objects that are marked twice",
    "tiny": "objects that are tiny in the network's input",
    "same": "images that are in two splits",
    "alike": "images that look like one of another split",
    "color": "images without colours of their own, or with others than RGB",
    "class": "classes that are rare, absent or written in two ways",
    "unused": "pictures that nothing names",
}
"""What each kind of finding is about, those that stop a build first."""


@dataclass(frozen=True)
class Finding:
    """Something in a dataset that people should know of.

    Attributes:
        kind: one of :data:`KINDS`.
        file: that holds it; a class is in a split.
        object: which object of the file; empty where it is the whole file.
        detail: what it is.
        action: what training does with it.
        stops: whether a build stops at it, unless it is told to leave such out.
    """

    kind: str
    file: str
    object: str
    detail: str
    action: str
    stops: bool = False

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.object, self.detail) if part)


def of_problem(problem: Problem) -> Finding:
    """What the builder says, as a finding."""
    action = f"the build stops; with --on-bad skip: {problem.action}"
    return Finding(problem.kind, problem.file, problem.object, problem.detail, action, stops=True)


def by_kind(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Findings by their kind, in the order of :data:`KINDS`; kinds without one are left out."""
    grouped: dict[str, list[Finding]] = {kind: [] for kind in KINDS}
    for finding in findings:
        grouped[finding.kind].append(finding)
    return {kind: found for kind, found in grouped.items() if found}
