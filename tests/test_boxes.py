import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multibox import boxes

coordinate = st.floats(-1, 2, width=32)
extent = st.floats(0.0078125, 1, width=32)


@st.composite
def box_arrays(draw, least=0, most=6):
    rows = draw(st.lists(st.tuples(coordinate, coordinate, extent, extent), min_size=least, max_size=most))
    corners = [(x, y, x + w, y + h) for x, y, w, h in rows]
    return np.array(corners, np.float32).reshape(-1, 4)


def iou_of_pair(a, b):
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / union


@pytest.mark.parametrize(
    ("box", "area"),
    [
        ([0, 0, 2, 3], 6),
        ([5, 5, 5, 9], 0),  # no width
        ([4, 4, 2, 2], 0),  # both axes inverted: not +4
        ([-1, -1, 1, 1], 4),
    ],
)
def test_area(box, area):
    assert boxes.areas(np.array([box], np.float32)) == area


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([0, 0, 10, 10], [0, 0, 10, 10], 1),
        ([0, 0, 10, 10], [5, 0, 15, 10], 50 / 150),
        ([0, 0, 10, 10], [10, 0, 20, 10], 0),  # they touch, and edges have no area: nothing adds 1
        ([0, 0, 10, 10], [2, 2, 4, 7], 10 / 100),
        ([3, 3, 3, 3], [3, 3, 3, 3], 0),  # empty with empty: 0, not NaN
        ([4, 4, 2, 2], [0, 0, 10, 10], 0),  # inverted
    ],
)
def test_iou_of_pairs_worked_by_hand(a, b, expected):
    got = boxes.iou(np.array([a], np.float32), np.array([b], np.float32))
    assert got == pytest.approx(np.array([[expected]]))


@pytest.mark.parametrize(("n", "m"), [(0, 3), (3, 0), (0, 0)])
def test_iou_without_boxes(n, m):
    assert boxes.iou(np.zeros((n, 4), np.float32), np.zeros((m, 4), np.float32)).shape == (n, m)


@given(box_arrays(), box_arrays())
def test_iou_is_symmetric_bounded_and_that_of_each_pair(a, b):
    overlaps = boxes.iou(a, b)
    np.testing.assert_array_equal(overlaps, boxes.iou(b, a).T)
    assert ((overlaps >= 0) & (overlaps <= 1 + 1e-5)).all()
    expected = [[iou_of_pair(x, y) for y in b.astype(float)] for x in a.astype(float)]
    np.testing.assert_allclose(overlaps, np.reshape(expected, overlaps.shape), atol=2e-3)


@given(box_arrays(least=1))
def test_iou_with_itself_is_one(a):
    np.testing.assert_allclose(np.diag(boxes.iou(a, a)), 1, atol=1e-4)


def test_coverage_is_the_share_inside():
    region = np.array([0, 0, 10, 10], np.float32)
    several = np.array([[0, 0, 10, 10], [5, 5, 15, 15], [20, 20, 30, 30], [3, 3, 3, 3]], np.float32)
    np.testing.assert_allclose(boxes.coverage(several, region), [1, 0.25, 0, 0])


def test_clip_cuts_off_at_the_edges_and_leaves_its_argument():
    given_boxes = np.array([[-5, 2, 30, 8], [3, 3, 4, 4]], np.float32)
    before = given_boxes.copy()
    np.testing.assert_array_equal(boxes.clip(given_boxes, 20, 6), [[0, 2, 20, 6], [3, 3, 4, 4]])
    np.testing.assert_array_equal(given_boxes, before)


def test_centers_worked_by_hand():
    np.testing.assert_array_equal(boxes.to_centers(np.array([[1.0, 2, 5, 10]])), [[3, 6, 4, 8]])
    np.testing.assert_array_equal(boxes.to_corners(np.array([[3.0, 6, 4, 8]])), [[1, 2, 5, 10]])


@given(box_arrays())
def test_centers_and_back(corners):
    np.testing.assert_allclose(boxes.to_corners(boxes.to_centers(corners)), corners, atol=1e-6)


def test_encode_worked_by_hand():
    prior = np.array([[0.2, 0.2, 0.6, 0.4]])  # centre 0.4, 0.3; 0.4 wide, 0.2 high
    box = np.array([[0.3, 0.2, 1.1, 0.3]])  # centre 0.7, 0.25; 0.8 wide, 0.1 high
    expected = [[(0.3 / 0.4) / 0.1, (-0.05 / 0.2) / 0.1, np.log(2) / 0.2, np.log(0.5) / 0.2]]
    np.testing.assert_allclose(boxes.encode(box, prior), expected)


def test_a_box_on_its_prior_is_encoded_as_zeros():
    prior = np.array([[0.1, 0.2, 0.5, 0.9]], np.float32)
    np.testing.assert_array_equal(boxes.encode(prior, prior), np.zeros((1, 4)))


@pytest.mark.parametrize("variances", [(0.1, 0.1, 0.2, 0.2), (1.0, 1.0, 1.0, 1.0)])
@given(box_arrays(least=3, most=3), box_arrays(least=3, most=3))
def test_decoding_what_was_encoded_gives_the_boxes(variances, targets, priors):
    deltas = boxes.encode(targets.astype(np.float64), priors.astype(np.float64), variances)
    np.testing.assert_allclose(boxes.decode(deltas, priors.astype(np.float64), variances), targets, atol=1e-6)


def test_float32_stays_float32():
    some = np.array([[0.1, 0.2, 0.5, 0.9]], np.float32)
    for result in (boxes.iou(some, some), boxes.encode(some, some), boxes.decode(some, some), boxes.clip(some, 1, 1)):
        assert result.dtype == np.float32
