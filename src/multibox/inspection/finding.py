"""A finding: a fault or a peculiarity of a dataset that the user should know, and its effect on training."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from multibox.annotations.problem import Problem

KINDS: Final = {
    "missing": "missing files",
    "annotation": "unreadable annotations",
    "image": "damaged images",
    "size": "images whose size differs from their annotation",
    "box": "boxes that contain no pixel of their image",
    "label": "objects and images with an unknown or missing label",
    "spelling": "classes whose names differ only in case or spaces",
    "clipped": "boxes that reach beyond their image",
    "duplicate": "objects that are annotated twice",
    "tiny": "objects that are tiny in the network's input",
    "same": "images that are in two splits",
    "alike": "images that look like one in another split",
    "color": "greyscale and CMYK images",
    "useless": "splits without an object to learn or to find",
    "class": "classes that are rare or absent",
    "unused": "unused images and label files",
}
"""Title of each kind of finding, for display. Kinds that make a build fail come first."""


@dataclass(frozen=True)
class Finding:
    """A fault or a peculiarity of a dataset, and its effect on training.

    Attributes:
        kind: Kind of the finding, a key of :data:`KINDS`.
        file: Path of the file that the finding is about, or name of the split for a finding
            about a class or a split.
        object: The object that the finding is about, such as ``object 3 of 4 (dog)``. Empty for the whole file.
        detail: Description of what was found.
        action: Effect on training, and what to do.
        stops: Whether the finding makes a build fail, unless the build skips bad images and boxes.
    """

    kind: str
    file: str
    object: str
    detail: str
    action: str
    stops: bool = False

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.object, self.detail) if part)

    @classmethod
    def of_problem(cls, problem: Problem) -> "Finding":
        """Convert a problem that a build found to a finding."""
        action = f"the build stops; with on_bad='skip': {problem.action}"
        return cls(problem.kind, problem.file, problem.object, problem.detail, action, stops=True)


def by_kind(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Group findings by their kind.

    Args:
        findings: Findings in any order.

    Returns:
        The findings of each kind, in the order of :data:`KINDS`. Kinds without findings are missing.
    """
    grouped: dict[str, list[Finding]] = {kind: [] for kind in KINDS}
    for finding in findings:
        grouped[finding.kind].append(finding)
    return {kind: found for kind, found in grouped.items() if found}
