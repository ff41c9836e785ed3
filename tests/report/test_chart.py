import re
from xml.etree import ElementTree

import numpy as np
import pytest

from multibox.report.chart import BOTTOM, HEIGHT, LEFT, POINTS, RIGHT, TOP, WIDTH, Line, chart


def polylines(figure):
    """The corners of each line drawn, as ``(n, 2)``."""
    texts = re.findall(r'<polyline points="([^"]*)"', figure)
    return [np.array([list(map(float, pair.split(","))) for pair in text.split()]) for text in texts]


def test_points_are_where_they_belong():
    (line,) = polylines(chart("t", [Line("a", [0, 5, 10], [0, 1, 0.5])], x="x", x_range=(0, 10), y_range=(0, 1)))
    floor = HEIGHT - BOTTOM
    middle = (LEFT + WIDTH - RIGHT) / 2
    assert line.tolist() == [[LEFT, floor], [middle, TOP], [WIDTH - RIGHT, (TOP + floor) / 2]]


def test_a_logarithm_leaves_out_what_is_not_above_0():
    figure = chart("t", [Line("a", [0, 1, 2, 3], [1, 10, 0, 100])], x="x", log=True)
    (line,) = polylines(figure)
    assert line[:, 1].tolist() == [HEIGHT - BOTTOM, (TOP + HEIGHT - BOTTOM) / 2]
    assert ">10</text>" in figure


def test_a_gap_is_not_bridged():
    first, second = polylines(chart("t", [Line("a", range(5), [1, 2, np.nan, 4, 5])], x="x"))
    assert len(first) == len(second) == 2


@pytest.mark.parametrize("y", [[], [3.0], [2.0, 2.0], [np.nan, np.nan]])
@pytest.mark.parametrize("log", [False, True])
def test_few_points(y, log):
    figure = chart("t", [Line("a", range(len(y)), y)], x="x", log=log)
    assert "nan" not in figure
    assert figure.count("<circle") == (len(y) == 1)


def test_long_lines_are_thinned_and_keep_their_ends():
    (line,) = polylines(chart("t", [Line("a", range(100_000), np.arange(100_000))], x="x"))
    assert len(line) <= POINTS
    assert line[0].tolist() == [LEFT, HEIGHT - BOTTOM]
    assert line[-1].tolist() == [WIDTH - RIGHT, TOP]


def test_it_is_well_formed_and_can_be_heard():
    lines = [Line("<a>", [0, 1], [2, 3]), Line("b & c", [0, 1], [3, 1], marked=True)]
    figure = ElementTree.fromstring(chart('"Loss" <now>', lines, x="x", y="y"))
    svg = figure.find("svg")
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == '"Loss" <now>. <a>: from 2 to 3; b & c: from 3 to 1'
    assert "b & c" in "".join(figure.find("figcaption").itertext())


def test_a_narrow_logarithmic_range_has_ticks():
    figure = chart("t", [Line("a", [0, 1], [6.2, 8.8])], x="x", log=True)
    values = [float(text) for text in re.findall(r'text-anchor="end">([^<]+)<', figure)]
    assert values == [7, 8]


def test_a_mark_stays_beside_its_name():
    figure = ElementTree.fromstring(chart("t", [Line("a", [0, 1], [2, 3]), Line("b", [0, 1], [3, 1])], x="x"))
    entries = figure.findall("figcaption/span")
    assert ["".join(entry.itertext()).strip() for entry in entries] == ["a", "b"]
    assert all(entry.find("svg") is not None and "nowrap" in entry.get("style") for entry in entries)
