"""Charts of horizontal bars."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from multibox.report.drawing import LETTER, WIDTH, Drawing

STEP, THICKNESS, SPACE = 20, 14, 6
"""Distance from one bar to the next, thickness of a bar, and space between a bar and its texts, all in pixels."""

COLOR: Final = "#2f7ed8"


class Bar(NamedTuple):
    """A bar in pixels.

    Attributes:
        name: Name of the bar.
        value: Value as text.
        top: Upper edge of the bar, pixels.
        length: Length of the bar, pixels.
    """

    name: str
    value: str
    top: int
    length: float


@dataclass(frozen=True)
class Bars(Drawing):
    """A chart with a horizontal bar for each value.

    Attributes:
        title: Title below the bars.
        values: Value of each bar by the bar's name, at least 0.
        decimals: Number of decimals that are shown.
        unit: Unit of the values.
    """

    svg: ClassVar[str] = "bars.svg"
    step: ClassVar[int] = STEP
    thickness: ClassVar[int] = THICKNESS
    space: ClassVar[int] = SPACE
    color: ClassVar[str] = COLOR

    title: str
    values: Mapping[str, float]
    unit: str
    decimals: int = 2

    @property
    def height(self) -> int:
        """Height of the chart, in the chart's own pixels."""
        return STEP * len(self.values)

    @property
    def left(self) -> float:
        """Position at which the bars begin, after their names, pixels."""
        return LETTER * max(map(len, self.values), default=0) + SPACE

    @property
    def bars(self) -> list[Bar]:
        """The bars in pixels."""
        texts = {name: f"{value:.{self.decimals}f} {self.unit}" for name, value in self.values.items()}
        room = WIDTH - self.left - SPACE - LETTER * max(map(len, texts.values()), default=0)
        most = max(self.values.values(), default=0) or 1
        return [
            Bar(name, texts[name], i * STEP + (STEP - THICKNESS) // 2, max(0.5, room * value / most))
            for i, (name, value) in enumerate(self.values.items())
        ]

    @property
    def summary(self) -> str:
        """Names and values of all bars as one text."""
        return "; ".join(f"{bar.name}: {bar.value}" for bar in self.bars)
