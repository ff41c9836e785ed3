"""Joins the pieces of objects that no tile holds entirely."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from multibox.boxes import areas, paired_iou
from multibox.postprocess.nms import Selected

INSIDE: Final = 0.5
"""Share of a complete box inside a joined box, above which the two do not go together."""

MOVES: Final = 0.25
"""How far pieces of one object may differ at a side that no tile cuts, as a share of the smaller piece."""


@dataclass(frozen=True)
class Joining:
    """The detections of all tiles, from which pieces are joined.

    Pieces are joined in order of descending score, each to the best one of every other tile that fits. A joined box
    fits if it looks in each tile like the piece that was found there, if it grows only at sides that a tile cuts, and
    if it does not swallow a complete box that is as sure as the piece that would be added. So neighbours stay apart
    however many weak boxes lie between them.

    Attributes:
        found: N detections with boxes in pixels of the image.
        source: ``(N,)`` number of the region of each detection.
        edges: ``(N, 4)`` edges of the region of each detection.
        sides: ``(N, 4)`` bool, True for the sides at which the region cuts the detection.
        kinds: ``(N,)`` labels that detections of one object share.
        same: IoU above which two boxes count as one object.
    """

    found: Selected
    source: np.ndarray
    edges: np.ndarray
    sides: np.ndarray
    kinds: np.ndarray
    same: float

    def join(
        self, pieces: np.ndarray, complete: np.ndarray, first: np.ndarray, second: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Join pieces.

        Args:
            pieces: Positions of the pieces, the best first.
            complete: Positions of the complete boxes.
            first: Position of one box of each pair that may show one object.
            second: Position of the other box of each pair.

        Returns:
            ``(N, 4)`` boxes, in which the best piece of each object has the joined box, and ``(N,)`` bool, True for
            pieces that have become a part of another box.
        """
        around, gone = self.found.boxes.copy(), np.zeros(len(self.source), np.bool_)
        near = _neighbours(pieces, first, second)
        done: set[int] = set()
        for piece in pieces.tolist():
            if piece not in done and near.get(piece):
                group, around[piece] = self._grow(piece, near, done, complete)
                parts = [each for each in self._parts(around[piece], group, near) if each not in done]
                gone[[*group[1:], *parts]] = True
                done.update(group, parts)
        return around, gone

    def _grow(
        self, piece: int, near: dict[int, list[int]], done: set[int], complete: np.ndarray
    ) -> tuple[list[int], np.ndarray]:
        """The pieces of one object, and the box around them."""
        group, box, waiting = [piece], self.found.boxes[piece], sorted(near[piece])
        while waiting:
            other = waiting.pop(0)
            if other in done or self.source[other] in self.source[group]:
                continue
            joined = np.concatenate(
                [np.minimum(box[:2], self.found.boxes[other, :2]), np.maximum(box[2:], self.found.boxes[other, 2:])]
            )
            if self._fits(joined, group, other, complete):
                group.append(other)
                box = joined
                waiting = sorted({*waiting, *near[other]})
        return group, box

    def _fits(self, joined: np.ndarray, group: list[int], other: int, complete: np.ndarray) -> bool:
        members = [*group, other]
        boxes = self.found.boxes[members]
        seen = clip_each(joined[None], self.edges[members])
        if (paired_iou(seen, boxes) <= self.same).any():
            return False
        smaller = np.tile((boxes[:, 2:] - boxes[:, :2]).min(axis=0), 2)
        grown = np.abs(joined - boxes) > MOVES * smaller
        if (grown & ~self.sides[members]).any():
            return False
        rivals = complete[self.found.scores[complete] >= self.found.scores[other]]
        rivals = rivals[self.kinds[rivals] == self.kinds[other]]
        inside = areas(clip_each(self.found.boxes[rivals], joined[None]))
        return not (inside > INSIDE * areas(self.found.boxes[rivals])).any()

    def _parts(self, box: np.ndarray, group: list[int], near: dict[int, list[int]]) -> list[int]:
        """Further pieces that are parts of a joined box, as they look like it in their tile."""
        others = sorted({other for member in group for other in near[member]} - {*group})
        seen = clip_each(box[None], self.edges[others])
        return [
            other
            for other, agree in zip(others, paired_iou(seen, self.found.boxes[others]), strict=True)
            if agree > self.same
        ]


def clip_each(boxes: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Clip boxes to limits, both ``(..., 4)``. A box outside its limits becomes inverted."""
    return np.concatenate(
        [np.maximum(boxes[..., :2], limits[..., :2]), np.minimum(boxes[..., 2:], limits[..., 2:])], axis=-1
    )


def _neighbours(pieces: np.ndarray, first: np.ndarray, second: np.ndarray) -> dict[int, list[int]]:
    """The pieces that each piece is in a pair with."""
    is_piece = np.zeros(max(int(pieces.max(initial=0)), int(second.max(initial=0))) + 1, np.bool_)
    is_piece[pieces] = True
    both = is_piece[first] & is_piece[second]
    near: dict[int, list[int]] = {}
    for one, other in zip(first[both].tolist(), second[both].tolist(), strict=True):
        near.setdefault(one, []).append(other)
        near.setdefault(other, []).append(one)
    return near
