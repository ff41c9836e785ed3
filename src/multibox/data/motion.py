"""The paths of objects in rendered videos: one function a situation that is hard for trackers or for counting."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import pi

import numpy as np

from multibox.data.shapes import KINDS

Generator = np.random.Generator

OUTSIDE = 0.18
"""Distance of an object's centre from the image, as a share of its width, at which nothing of the object is in it."""

CLEAR = 0.02
"""Distance from the line, as a share of the image's width, from which on a centre is clearly on one side."""

TREMBLE = 0.005
"""Amplitude of the trembling of an object that stands, as a share of the image's width."""


@dataclass(frozen=True)
class Motion:
    """An object's way through a video, also where the object is hidden or outside the image.

    Attributes:
        kind: Name of the object's class.
        centers: ``(F, 2)`` centre ``x, y`` in each frame, pixels, as if the camera did not shake.
        sides: ``(F,)`` longer side of the object in each frame, pixels.
        turns: ``(F,)`` rotation of the object in each frame, radians.
    """

    kind: str
    centers: np.ndarray
    sides: np.ndarray
    turns: np.ndarray


@dataclass(frozen=True)
class Scenario:
    """What happens in a video of F frames.

    Attributes:
        motions: The objects' ways. A later object lies on top of the earlier ones.
        shake: ``(F, 2)`` displacement ``x, y`` of the whole scene in each frame, pixels.
    """

    motions: tuple[Motion, ...]
    shake: np.ndarray


class Stage:
    """The length and size of a video, and a random generator.

    Args:
        frames: Number of frames.
        width: Width of a frame, pixels.
        height: Height of a frame, pixels.
        rng: Random generator of everything that happens.
    """

    def __init__(self, frames: int, width: int, height: int, rng: Generator):
        self.width, self.height, self.rng = width, height, rng
        self.time = np.linspace(0, 1, frames)

    def kinds(self, count: int, but: str = "") -> list[str]:
        """Draw different classes of objects, but not the class ``but``."""
        return [str(kind) for kind in self.rng.choice(sorted({*KINDS} - {but}), count, replace=False)]

    def about(self, value: float, by: float = 0.04) -> float:
        """Draw a number near a value."""
        return float(self.rng.uniform(value - by, value + by))

    def straight(self, start: float, end: float) -> np.ndarray:
        """Go from one place to another at the same speed: ``(F,)``."""
        return start + (end - start) * self.time

    def eased(self, times: Sequence[float], places: Sequence[float]) -> np.ndarray:
        """Go from place to place, and slow down at each: ``(F,)``.

        Args:
            times: Time of each place as a share of the video, from 0 to 1.
            places: The places.
        """
        position = np.interp(self.time, times, np.arange(len(times)))
        before = np.minimum(position.astype(int), len(times) - 2)
        share = position - before
        share = share**2 * (3 - 2 * share)
        return np.asarray(places)[before] * (1 - share) + np.asarray(places)[before + 1] * share

    def trembling(self, start: float, end: float) -> np.ndarray:
        """Displacement of an object that trembles for a while, as a share of the width: ``(F,)``."""
        frame = np.arange(len(self.time))
        fade = np.clip(np.minimum(self.time - start, end - self.time) / 0.03, 0, 1)
        return TREMBLE * fade * np.sin(2 * pi * frame / self.rng.uniform(5, 8))

    def motion(self, kind: str, side: float, x: np.ndarray, y: np.ndarray, *, still: bool = False) -> Motion:
        """Complete an object's way by a gentle curve, rotation and change of size.

        Args:
            kind: Name of the object's class.
            side: Longer side of the object as a share of the frame's width.
            x: ``(F,)`` way of its centre as shares of the frame's width.
            y: ``(F,)`` way of its centre as shares of the frame's height.
            still: Whether to leave out curve, rotation and change of size.
        """
        bend, growth, turn = (0.0 if still else self.rng.uniform(-most, most) for most in (0.04, 0.06, 0.12))
        swing = np.sin(2 * pi * (self.time + self.rng.random()))
        centers = np.stack([x * self.width, (y + bend * np.sin(pi * self.time)) * self.height], axis=1)
        return Motion(kind, centers, side * self.width * (1 + growth * swing), turn * swing)


def crossing(stage: Stage) -> Scenario:
    """Two objects of one class cross each other's way, and so do two of another class."""
    first, second, other = stage.kinds(3)
    high, low = stage.rng.permutation([0.24, 0.34])
    return _steady(
        stage,
        stage.motion(first, 0.22, stage.straight(-OUTSIDE, stage.about(0.9)), stage.straight(high, low)),
        stage.motion(first, 0.22, stage.straight(1 + OUTSIDE, stage.about(0.1)), stage.straight(low, high)),
        stage.motion(second, 0.2, stage.straight(stage.about(0.15), 0.78), stage.straight(0.86, 0.58)),
        stage.motion(second, 0.2, stage.straight(stage.about(0.85), 0.22), stage.straight(0.88, 0.6)),
        stage.motion(other, 0.17, stage.straight(0.92, 0.9), stage.straight(0.5, 0.55)),
    )


def hiding(stage: Stage) -> Scenario:
    """An object passes behind a large one, which stands or drifts, and is wholly hidden for a while."""
    passing, other = stage.kinds(2, but="mug")
    middle, lane = stage.about(0.5, 0.08), stage.about(0.42)
    drift = stage.rng.choice([0.0, 0.06, -0.06])
    start, end = stage.rng.permutation([stage.about(0.1), stage.about(0.9)])
    return _steady(
        stage,
        stage.motion(passing, 0.19, stage.straight(start, end), stage.straight(lane, lane), still=True),
        stage.motion(
            "mug", 0.56, stage.straight(middle - drift, middle + drift), stage.straight(lane, lane), still=True
        ),
        stage.motion(passing, 0.19, stage.straight(end, start), stage.straight(0.87, 0.87)),
        stage.motion(other, 0.18, stage.straight(stage.about(0.14), 0.16), stage.straight(0.14, 0.18)),
    )


def returning(stage: Stage) -> Scenario:
    """Two objects leave the image at different sides and come back later, one of them across the middle line."""
    first, second, other = stage.kinds(3)
    lane, low = stage.about(0.28), stage.about(0.76)
    away = [1 + OUTSIDE] * 2
    return _steady(
        stage,
        stage.motion(
            first,
            0.22,
            stage.eased((0, 0.3, 0.7, 1), (stage.about(0.66), *away, stage.about(0.62))),
            stage.eased((0, 0.3, 0.7, 1), (lane, lane, lane + 0.06, lane + 0.06)),
        ),
        stage.motion(
            second,
            0.21,
            stage.eased((0, 0.22, 0.6, 1), (stage.about(0.3), -OUTSIDE, -OUTSIDE, stage.about(0.7))),
            stage.straight(low, low),
        ),
        stage.motion(other, 0.2, stage.straight(stage.about(0.8), 0.2), stage.straight(0.52, 0.52)),
    )


def standing(stage: Stage) -> Scenario:
    """An object stops on the middle line, trembles there and goes on. Another one trembles there and turns back."""
    first, second = stage.kinds(2)
    lane, low = stage.about(0.26), stage.about(0.74)
    through = stage.eased((0, 0.35, 0.65, 1), (stage.about(0.12), 0.5, 0.5, stage.about(0.88)))
    back = stage.eased((0, 0.4, 0.6, 1), (stage.about(0.88), 0.5, 0.5, stage.about(0.8)))
    return _steady(
        stage,
        stage.motion(first, 0.21, through + stage.trembling(0.35, 0.65), stage.straight(lane, lane), still=True),
        stage.motion(second, 0.21, back + stage.trembling(0.4, 0.6), stage.straight(low, low), still=True),
        stage.motion(first, 0.19, stage.straight(1 + OUTSIDE, 0.1), stage.straight(0.5, 0.5)),
    )


def shaking(stage: Stage) -> Scenario:
    """The camera shakes: the whole scene jumps by some pixels in each frame, while objects cross it."""
    first, second, third = stage.kinds(3)
    shake, step = np.zeros((len(stage.time), 2)), stage.width * np.array([0.012, 0.009])
    for frame in range(1, len(shake)):
        shake[frame] = 0.6 * shake[frame - 1] + stage.rng.normal(0, step)
    motions = (
        stage.motion(first, 0.21, stage.straight(stage.about(0.12), 0.9), stage.straight(0.24, 0.3)),
        stage.motion(second, 0.2, stage.straight(1 + OUTSIDE, 0.15), stage.straight(0.52, 0.46)),
        stage.motion(first, 0.2, stage.straight(stage.about(0.2), 0.75), stage.straight(0.82, 0.76)),
        stage.motion(third, 0.17, stage.straight(0.88, 0.86), stage.straight(0.84, 0.84)),
    )
    return Scenario(motions, shake)


def crowd(stage: Stage) -> Scenario:
    """Nine objects of three classes move on close lanes, neighbours in opposite directions, and hide one another."""
    kinds = stage.kinds(3)
    motions = []
    for number, lane in enumerate(stage.rng.permutation(9)):
        way = stage.straight(float(stage.rng.uniform(-0.45, 0.34)), float(stage.rng.uniform(0.66, 1.2)))
        y = 0.14 + 0.09 * lane
        x, y = way if lane % 2 else 1 - way, stage.straight(y, stage.about(y))
        motions.append(stage.motion(kinds[number % 3], stage.about(0.18, 0.03), x, y))
    return _steady(stage, *motions)


SITUATIONS: dict[str, Callable[[Stage], Scenario]] = {
    "crossing": crossing,
    "hiding": hiding,
    "returning": returning,
    "standing": standing,
    "shaking": shaking,
    "crowd": crowd,
}
"""Situations by name, in the order in which the videos go through them."""


def count_crossings(motions: Sequence[Motion], width: int) -> dict[str, dict[str, int]]:
    """Count the objects that cross the vertical middle line of the scene.

    An object crosses when its centre, which was clearly on one side, is clearly on the other: by more than
    :data:`CLEAR` of the width. So an object that trembles on the line does not count until it goes on.

    Args:
        motions: The objects' ways.
        width: Width of a frame, pixels.

    Returns:
        The numbers ``left_to_right`` and ``right_to_left`` of each class among the objects.
    """
    counts = {motion.kind: {"left_to_right": 0, "right_to_left": 0} for motion in motions}
    for motion in motions:
        distance = motion.centers[:, 0] - width / 2
        sides = np.sign(distance[np.abs(distance) > CLEAR * width])
        changes = np.diff(sides)
        counts[motion.kind]["left_to_right"] += int((changes > 0).sum())
        counts[motion.kind]["right_to_left"] += int((changes < 0).sum())
    return dict(sorted(counts.items()))


def _steady(stage: Stage, *motions: Motion) -> Scenario:
    """A scenario whose camera does not shake."""
    return Scenario(motions, np.zeros((len(stage.time), 2)))
