import re
from xml.etree import ElementTree

import numpy as np
import pytest

from multibox.errors import BadInput
from multibox.report.bars import Bars
from multibox.report.chart import BOTTOM, HEIGHT, LEFT, MOST, RIGHT, TOP, Chart, Line, Points
from multibox.report.drawing import WIDTH, save_drawings


def polylines(figure):
    """The corners of each line drawn, as ``(n, 2)``."""
    texts = re.findall(r'<polyline points="([^"]*)"', figure)
    return [np.array([list(map(float, pair.split(","))) for pair in text.split()]) for text in texts]


def test_points_are_where_they_belong():
    (line,) = polylines(Chart("t", [Line("a", [0, 5, 10], [0, 1, 0.5])], x="x", x_range=(0, 10), y_range=(0, 1)).html())
    floor = HEIGHT - BOTTOM
    middle = (LEFT + WIDTH - RIGHT) / 2
    assert line.tolist() == [[LEFT, floor], [middle, TOP], [WIDTH - RIGHT, (TOP + floor) / 2]]


def test_a_logarithm_leaves_out_what_is_not_above_0():
    figure = Chart("t", [Line("a", [0, 1, 2, 3], [1, 10, 0, 100])], x="x", y_log=True).html()
    (line,) = polylines(figure)
    assert line[:, 1].tolist() == [HEIGHT - BOTTOM, (TOP + HEIGHT - BOTTOM) / 2]
    assert ">10</text>" in figure


def test_a_gap_is_not_bridged():
    first, second = polylines(Chart("t", [Line("a", range(5), [1, 2, np.nan, 4, 5])], x="x").html())
    assert len(first) == len(second) == 2


@pytest.mark.parametrize("y", [[], [3.0], [2.0, 2.0], [np.nan, np.nan]])
@pytest.mark.parametrize("log", [False, True])
def test_few_points(y, log):
    figure = Chart("t", [Line("a", range(len(y)), y)], x="x", y_log=log).html()
    assert "nan" not in figure
    assert figure.count("<circle") == (len(y) == 1)


def test_long_lines_are_thinned_and_keep_their_ends():
    (line,) = polylines(Chart("t", [Line("a", range(100_000), np.arange(100_000))], x="x").html())
    assert len(line) <= MOST
    assert line[0].tolist() == [LEFT, HEIGHT - BOTTOM]
    assert line[-1].tolist() == [WIDTH - RIGHT, TOP]


def test_it_is_well_formed_and_can_be_heard():
    lines = [Line("<a>", [0, 1], [2, 3]), Line("b & c", [0, 1], [3, 1], marked=True)]
    figure = ElementTree.fromstring(Chart('"Loss" <now>', lines, x="x", y="y").html())
    svg = figure.find("svg")
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == '"Loss" <now>. <a>: from 2 to 3; b & c: from 3 to 1'
    assert "b & c" in "".join(figure.find("figcaption").itertext())


def test_a_narrow_logarithmic_range_has_ticks():
    figure = Chart("t", [Line("a", [0, 1], [6.2, 8.8])], x="x", y_log=True).html()
    values = [float(text) for text in re.findall(r'text-anchor="end">([^<]+)<', figure)]
    assert values == [7, 8]


def test_a_mark_stays_beside_its_name():
    figure = ElementTree.fromstring(Chart("t", [Line("a", [0, 1], [2, 3]), Line("b", [0, 1], [3, 1])], x="x").html())
    entries = figure.findall("figcaption/span")
    assert ["".join(entry.itertext()).strip() for entry in entries] == ["a", "b"]
    assert all(entry.find("svg") is not None and "nowrap" in entry.get("style") for entry in entries)


def test_points_on_logarithmic_axes():
    points = Points("p", [1, 10, 100, 0], [100, 10, 1, 5], "#123456")
    figure = Chart("t", [points], x="x", x_range=(1, 100), y_range=(1, 100), x_log=True, y_log=True).html()
    (path,) = re.findall(r'<path d="([^"]*)" stroke="#123456"', figure)
    floor, middle = HEIGHT - BOTTOM, (LEFT + WIDTH - RIGHT) / 2
    places = [[float(number) for number in place.split()] for place in re.findall(r"M([^h]*)h0", path)]
    assert places == [[LEFT, TOP], [middle, (TOP + floor) / 2], [WIDTH - RIGHT, floor]]  # 0 has no logarithm


def test_points_on_each_other_are_drawn_once():
    x = np.repeat([1.0, 2.0, 3.0], 10_000)
    for mark, last, times in (("dot", "M350 10", 1), ("cross", "M346 6", 2)):  # a cross has an outline
        assert Chart("t", [Points("p", x, x, "red", mark)], x="x").html().count(last) == times


def test_points_are_counted_for_those_who_cannot_see_them():
    series = [Points("objects", range(1200), range(1200), "red"), Points("none", [], [], "blue", "cross")]
    svg = ElementTree.fromstring(Chart("All", series, x="x").html()).find("svg")
    assert svg.get("aria-label") == "All. objects: 1,200 points; none: 0 points"


def test_bars_are_as_long_as_their_values():
    bars = Bars("Times", {"<read>": 1.0, "decode": 4.0, "nothing": 0.0}, "ms")
    figure = ElementTree.fromstring(bars.html())
    lengths = [float(bar.get("width")) for bar in figure.iter("rect")]
    assert lengths[1] == pytest.approx(4 * lengths[0], abs=0.2)
    assert lengths[2] <= 0.5
    assert [text.text for text in figure.iter("text")] == [
        "<read>",
        "1.00 ms",
        "decode",
        "4.00 ms",
        "nothing",
        "0.00 ms",
    ]
    assert figure.find("svg").get("aria-label") == "Times. <read>: 1.00 ms; decode: 4.00 ms; nothing: 0.00 ms"
    assert all(float(bar.get("x")) + float(bar.get("width")) < WIDTH for bar in figure.iter("rect"))


def test_a_file_of_drawings(tmp_path):
    path = tmp_path / "all.svg"
    lines = [Line(f"line {i} & more", [0, 1], [i, 2]) for i in range(4)]
    for _ in range(2):  # its own file is replaced
        save_drawings(path, "<All>", [Chart("Lines", lines, x="x"), Bars("Bars", {"a": 1.0}, "s")])
    svg = ElementTree.parse(path).getroot()
    assert svg.find("{*}title").text == "<All>"
    width, height = (float(svg.get(name)) for name in ("width", "height"))
    keys = [text for text in svg.findall(".//{*}text") if text.text.startswith("line ")]
    assert [key.text for key in keys] == ["line 0 & more", "line 1 & more", "line 2 & more", "line 3 & more"]
    assert all(float(key.get("x")) < width and float(key.get("y")) < height for key in keys)
    path.write_text("<svg>mine</svg>")
    with pytest.raises(BadInput, match=r"all\.svg: exists, and Multibox did not write it"):
        save_drawings(path, "All", [Bars("Bars", {"a": 1.0}, "s")])
