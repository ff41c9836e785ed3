"""Decides whether whole-number corners of boxes are edges from 0 or pixels from 1, from what the files show.

PASCAL VOC gives the first and the last pixel of an object, counted from 1. Most tools write edges, counted from 0, into
the same fields. ``docs/data.md`` has a table of the tools.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from multibox.annotations.counting import counted

OneBased = Literal["auto", "true", "false"]
Kind = Literal["edges", "pixels", "raised edges", "shifted edges"]

WHAT = {
    "edges": "edges from 0",
    "pixels": "first and last pixel, counted from 1",
    "raised edges": "edges from 0, except that labelImg writes 1 for 0",
    "shifted edges": "edges from 0, to which the tool added 1",
}
"""Description of each kind of corners."""


@dataclass(frozen=True)
class Evidence:
    """The box corners in one file, with the facts that show whether they are edges from 0 or pixels from 1.

    Attributes:
        corners: ``(N, 4)`` xmin, ymin, xmax, ymax as written in the file, pixels.
        size: Width and height of the image in pixels. None if the file does not give them.
        tool: Name of the tool that wrote the file. Empty if the file does not show it.
        has_point: Whether any corner is written with a decimal point, even as ``120.0``.
    """

    corners: np.ndarray
    size: tuple[int, int] | None = None
    tool: str = ""
    has_point: bool = False


@dataclass(frozen=True)
class Decision:
    """A decision whether the corners in files of one tool are edges from 0 or pixels from 1.

    Attributes:
        kind: The kind of corners, a key of :data:`WHAT`.
        reason: Reason for the decision, phrased to follow the word "because".
        is_sure: Whether the decision is certain. Otherwise ``kind`` is a guess.
    """

    kind: Kind
    reason: str
    is_sure: bool = True

    def __str__(self) -> str:
        guess = "" if self.is_sure else '; if that is wrong, give one_based="true" or one_based="false"'
        return f"{WHAT[self.kind]}, because {self.reason}{guess}"


_EDGES = ("CVAT or Datumaro", "Label Studio", "FiftyOne", "pylabel", "globox")

BY_TOOL: dict[str, Decision] = {
    "Multibox": Decision("pixels", "Multibox wrote them"),
    "PASCAL VOC": Decision("pixels", "the annotations are PASCAL's own"),
    "labelImg": Decision("raised edges", "labelImg wrote them"),
    "Roboflow": Decision("shifted edges", "Roboflow wrote them"),
    "supervision": Decision(
        "pixels",
        "supervision has written corners in this way since version 0.31.2, and the file does not show the version",
        False,
    ),
    "a tool with labelImg's fields": Decision("edges", "tools with labelImg's fields write edges", is_sure=False),
    **{tool: Decision("edges", f"{tool} wrote them") for tool in _EDGES},
}
"""The kind of corners that each tool writes, by its name in :mod:`multibox.annotations.voc_tools`."""


FEW = 0.05
"""Share of a tool's files, up to which files that write corners with a decimal point are taken for slips.

PASCAL VOC2012 has two such files.
"""


def decide(files: Sequence[Evidence], one_based: OneBased = "auto") -> Decision:
    """Decide whether the corners in files of one tool are edges counted from 0 or pixels counted from 1.

    If the files show which tool wrote them, that decides, unless their numbers contradict it: most files have
    fractions, or more boxes begin at 0 than at 1. Otherwise, fractions prove edges. A box that ends one pixel beyond
    its image proves that 1 was added to all corners. Otherwise, objects at the left and upper border decide, which
    begin at 1 in VOC.

    Args:
        files: Corners, image size and tool of each file. All files have the same tool.
        one_based: ``true`` means pixels counted from 1, and ``false`` edges counted from 0. ``auto`` decides from the
            files.

    Returns:
        Kind of the files' corners, and the reason.
    """
    if one_based != "auto":
        return Decision("pixels" if one_based == "true" else "edges", f'of one_based="{one_based}"')
    tool = files[0].tool if files else ""
    corners = np.concatenate([np.empty((0, 4)), *(file.corners for file in files)])
    zeros, ones = (int((corners[:, :2] == number).sum()) for number in (0, 1))
    with_point = sum(file.has_point for file in files)
    known = BY_TOOL.get(tool)
    if known and known.is_sure and zeros <= ones and with_point <= len(files) / 2:
        return known
    if with_point > FEW * len(files):
        return Decision("edges", f"{with_point:,} of {counted(len(files), 'file')} write corners with a decimal point")
    beyond = _ends_beyond(files)
    if beyond:
        return Decision(
            "shifted edges",
            f"{counted(beyond, 'box ends', 'boxes end')} one pixel beyond the image, and no box begins at 0",
        )
    if known and zeros <= ones:
        at_border = "supervision wrote the files, and boxes end at the border of their image but not beyond it"
        return Decision("pixels", at_border) if tool == "supervision" and _ends_at_border(files) else known
    return _by_the_border(zeros, ones, is_empty=not len(corners))


def _by_the_border(zeros: int, ones: int, *, is_empty: bool) -> Decision:
    if zeros > ones:
        return Decision("edges", f"{counted(zeros, 'box begins', 'boxes begin')} at 0 and {ones:,} at 1", ones == 0)
    if ones > zeros:
        return Decision(
            "pixels", f"{counted(ones, 'box begins', 'boxes begin')} at 1 and {zeros:,} at 0", is_sure=False
        )
    return Decision("pixels", "VOC counts pixels from 1, and no box contradicts this", is_sure=is_empty)


def _ends_at_border(files: Sequence[Evidence]) -> bool:
    return any(file.size is not None and (file.corners[:, 2:] == file.size).any() for file in files)


def _ends_beyond(files: Sequence[Evidence]) -> int:
    """How many boxes end one pixel beyond their image. 0 if others end further out, or any begins at 0."""
    count = 0
    for file in files:
        if file.size is None or not len(file.corners):
            continue
        if (file.corners[:, :2] == 0).any() or (file.corners[:, 2:] > np.add(file.size, 1)).any():
            return 0
        count += int((file.corners[:, 2:] == np.add(file.size, 1)).any(axis=1).sum())
    return count


def to_edges(corners: np.ndarray, kind: Kind) -> np.ndarray:
    """Convert corners as written to edges from 0.

    In VOC, the pixels 1 to 1 are the region 0 to 1, so an object may be one pixel wide. But if both corners are the
    same point, the box gets the area 0, because it is a slip of the mouse and not an object of one pixel.

    Args:
        corners: ``(N, 4)`` xmin, ymin, xmax, ymax as written in the file, pixels.
        kind: Meaning of the corners as written, a key of :data:`WHAT`.

    Returns:
        ``(N, 4)`` edges x0, y0, x1, y1 in pixels.
    """
    low, high = corners[:, :2], corners[:, 2:]
    if kind == "pixels":
        is_point = (low == high).all(axis=1, keepdims=True)
        low = np.where((low <= high) & ~is_point, low - 1, low)
    elif kind == "raised edges":
        low = np.where(low == 1, 0, low)
    elif kind == "shifted edges":
        low, high = low - 1, high - 1
    return np.concatenate([low, high], axis=1)


def decide_by_tool(files: Sequence[Evidence], one_based: OneBased = "auto") -> dict[str, Decision]:
    """Decide whether corners are edges or pixels, separately for the files of each annotation tool.

    Returns the decisions by the tool's name.
    """
    return {tool: decide([file for file in files if file.tool == tool], one_based) for tool in _tools(files)}


def describe(files: Sequence[Evidence], decisions: dict[str, Decision]) -> str:
    """Describe the decisions in words, for the user."""
    if len({str(decision) for decision in decisions.values()}) == 1:
        return str(next(iter(decisions.values())))
    counts = Counter(file.tool for file in files)
    parts = (
        f"{counted(counts[tool], 'file')} of {tool or 'an unknown tool'}: {text}" for tool, text in decisions.items()
    )
    return "; ".join(parts)


def _tools(files: Sequence[Evidence]) -> list[str]:
    return list(dict.fromkeys(file.tool for file in files))
