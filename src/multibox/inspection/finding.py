"""A finding: something in a dataset that the user should know, and what training will do with it."""

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
    """Something in a dataset that the user should know.

    Attributes:
        kind: One of :data:`KINDS`.
        file: Path of the file that holds it. For a class, its split.
        object: Name of the object in the file. Empty for the whole file.
        detail: What was found.
        action: What training does with it.
        stops: Whether it stops a build that does not skip bad images.
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
    """A problem of the build, as a finding."""
    action = f"the build stops; with on_bad='skip': {problem.action}"
    return Finding(problem.kind, problem.file, problem.object, problem.detail, action, stops=True)


def by_kind(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Findings by kind, in the order of :data:`KINDS`. Kinds without findings are left out."""
    grouped: dict[str, list[Finding]] = {kind: [] for kind in KINDS}
    for finding in findings:
        grouped[finding.kind].append(finding)
    return {kind: found for kind, found in grouped.items() if found}
