import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multibox.config import Affine
from multibox.data.record import make_objects
from multibox.prepare.affine import IDENTITY, affine, affine_matrix, move_boxes
from multibox.prepare.render import MEAN_RGB

SIZE = (60, 80)
PIXELS = (80, 60, 80, 60)
RIGHT_BY_10 = np.array([[1, 0, 10], [0, 1, 0]], float)
seeds = st.integers(0, 2**32 - 1)


def quarter_turn(width, height):
    """Clockwise about the centre: right becomes down."""
    return np.array([[0, -1, width / 2 + height / 2], [1, 0, height / 2 - width / 2]], float)


def in_pixels(objects_rel):
    return objects_rel.boxes * PIXELS


def relative(boxes, labels=None, **columns):
    return make_objects(np.array(boxes) / PIXELS, range(len(boxes)) if labels is None else labels, **columns)


def test_the_identity_changes_nothing(image):
    objects = relative([[10, 10, 50, 40]])
    output, moved = affine(image, objects, IDENTITY)
    np.testing.assert_array_equal(output, image)
    assert moved is objects


def test_a_shift_to_the_bit(image):
    objects = relative([[10, 10, 50, 40], [60, 0, 80, 20], [65, 0, 80, 20]])
    output, moved = affine(image, objects, RIGHT_BY_10)
    np.testing.assert_array_equal(output[:, 10:], image[:, :-10])
    assert (output[:, :10] == MEAN_RGB).all()
    np.testing.assert_array_equal(moved.labels, [0])  # the centre of the second is now on the edge, the third's beyond
    np.testing.assert_allclose(in_pixels(moved), [[20, 10, 60, 40]], atol=1e-4)


def test_an_object_is_cut_off_and_a_crowd_stays_while_a_part_of_it_shows(image):
    objects = relative([[40, 0, 76, 20], [60, 0, 80, 20], [70, 0, 80, 20]], crowd=[0, 1, 1])
    _, moved = affine(image, objects, RIGHT_BY_10)
    np.testing.assert_allclose(in_pixels(moved), [[50, 0, 80, 20], [70, 0, 80, 20]], atol=1e-4)
    np.testing.assert_array_equal(moved.crowd, [False, True])


def test_a_quarter_turn_of_a_square_picture_to_the_bit(image):
    square = image[:, :60]
    objects = make_objects(np.array([[6, 12, 30, 18]]) / 60, [0], difficult=[1], ids=["a"])
    output, moved = affine(square, objects, quarter_turn(60, 60))
    np.testing.assert_array_equal(output, np.rot90(square, -1))
    np.testing.assert_allclose(moved.boxes * 60, [[42, 6, 48, 30]], atol=1e-4)
    assert moved.difficult.all()
    assert moved.ids == ("a",)


def test_a_quarter_turn_of_an_oblong_picture(image):
    """Its ends leave, and what was never there is the mean colour."""
    output, moved = affine(image, relative([[30, 20, 50, 30], [0, 0, 80, 60]]), quarter_turn(80, 60))
    np.testing.assert_array_equal(output[:, 10:70], np.rot90(image[:, 10:70], -1))
    assert (output[:, :10] == MEAN_RGB).all()
    assert (output[:, 70:] == MEAN_RGB).all()
    np.testing.assert_allclose(in_pixels(moved), [[40, 20, 50, 40], [10, 0, 70, 60]], atol=1e-4)


def turned(degrees):
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0]])


def test_boxes_turned_by_45_degrees_by_hand():
    """Of a 6 x 8 box at the origin: the ellipse reaches sqrt((3^2 + 4^2) / 2), the corners (3 + 4) / sqrt(2)."""
    boxes = np.array([[-3, -4, 3, 4]] * 2, np.float32)
    moved = move_boxes(boxes, np.array([False, True]), turned(45))
    ellipse, corners = np.sqrt(12.5), 7 / np.sqrt(2)
    np.testing.assert_allclose(moved[0], [-ellipse, -ellipse, ellipse, ellipse], rtol=1e-6)
    np.testing.assert_allclose(moved[1], [-corners, -corners, corners, corners], rtol=1e-6)
    assert moved.dtype == np.float32


@given(st.floats(-180, 180))
def test_a_square_box_keeps_its_size_at_any_angle(degrees):
    moved = move_boxes(np.array([[-5.0, -5, 5, 5]]), np.array([False]), turned(degrees))
    np.testing.assert_allclose(moved, [[-5, -5, 5, 5]])


entries = st.floats(-3, 3)
edges = st.floats(0, 50)


@given(st.tuples(*[entries] * 4), st.tuples(edges, edges), st.tuples(edges, edges))
def test_a_box_is_that_of_the_points_moved_one_by_one(linear, corner, sides):
    """The ellipse's for an object, the corners' for a crowd; and the first is never the larger."""
    matrix = np.column_stack([np.reshape(linear, (2, 2)), (7, -2)])
    low, high = np.array(corner), np.add(corner, sides)
    moved = move_boxes(np.array([[*low, *high]] * 2), np.array([False, True]), matrix)

    t = np.linspace(0, 2 * np.pi, 3601)
    ellipse = (low + high) / 2 + np.stack([np.cos(t), np.sin(t)], axis=1) * (high - low) / 2
    corners = np.array([[x, y] for x in (low[0], high[0]) for y in (low[1], high[1])])
    for found, points, tolerance in ((moved[0], ellipse, 1e-3), (moved[1], corners, 1e-9)):
        there = points @ matrix[:, :2].T + matrix[:, 2]
        np.testing.assert_allclose(found, [*there.min(axis=0), *there.max(axis=0)], atol=tolerance)
    assert (moved[0, :2] >= moved[1, :2] - 1e-9).all()
    assert (moved[0, 2:] <= moved[1, 2:] + 1e-9).all()


def test_boxes_follow_the_pixels():
    """A red disc is an ellipse that touches its box: after any map its box is where the red is."""
    y, x = np.mgrid[:60, :80] + 0.5
    image = np.zeros((60, 80, 3), np.uint8)
    image[((x - 40) / 16) ** 2 + ((y - 30) / 10) ** 2 <= 1] = (255, 0, 0)
    objects = relative([[24, 20, 56, 40]])
    config = Affine(probability=1, degrees=180, shear=20)
    for seed in range(100):
        output, moved = affine(image, objects, affine_matrix(np.random.default_rng(seed), config, SIZE))
        red = (output[..., 0] > 128) & (output[..., 1] < 60)
        rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
        expected = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        np.testing.assert_allclose(in_pixels(moved), [expected], atol=2)


def test_each_part_of_a_drawn_map_by_itself():
    none = {"probability": 1, "degrees": 0, "shear": 0, "scale": (1, 1), "translate": 0}

    def drawn(**changes):
        return affine_matrix(np.random.default_rng(3), Affine(**{**none, **changes}), SIZE)

    np.testing.assert_allclose(drawn(), IDENTITY)
    np.testing.assert_allclose(drawn(scale=(2, 2)), [[2, 0, -40], [0, 2, -30]])
    shifted = drawn(translate=0.1)
    np.testing.assert_allclose(shifted[:, :2], np.eye(2))
    assert (np.abs(shifted[:, 2]) <= (8, 6)).all()
    assert (shifted[:, 2] != 0).all()
    turn = drawn(degrees=30)
    np.testing.assert_allclose(turn[:, :2] @ turn[:, :2].T, np.eye(2), atol=1e-12)
    assert np.cos(np.deg2rad(30)) <= turn[0, 0] < 1
    leaning = drawn(shear=10)
    np.testing.assert_allclose(np.diag(leaning), 1)
    assert (np.abs([leaning[0, 1], leaning[1, 0]]) <= np.tan(np.deg2rad(10))).all()
    for matrix in (turn, leaning):
        np.testing.assert_allclose(matrix @ (40, 30, 1), (40, 30))  # the centre stays


def test_never_or_half_the_time():
    rng = np.random.default_rng(0)
    assert all(affine_matrix(rng, Affine(), SIZE) is IDENTITY for _ in range(20))
    share = np.mean([affine_matrix(rng, Affine(probability=0.5), SIZE) is IDENTITY for _ in range(2000)])
    assert share == pytest.approx(0.5, abs=0.04)


def test_the_generator_alone_decides():
    first, again, other = (affine_matrix(np.random.default_rng(s), Affine(probability=1), SIZE) for s in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@given(seeds)
def test_boxes_stay_in_the_picture_and_arguments_as_they_were(seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (*SIZE, 3), np.uint8)
    corner = rng.random((5, 2)) * 0.8
    boxes = np.concatenate([corner, corner + 0.2 * rng.random((5, 2))], axis=1)
    objects = make_objects(boxes, range(5), crowd=rng.random(5) < 0.3)
    before, boxes_before = image.copy(), objects.boxes.copy()
    matrix = affine_matrix(rng, Affine(probability=1, degrees=90, translate=0.5), SIZE)
    matrix_before = matrix.copy()
    output, moved = affine(image, objects, matrix)
    assert output.shape == image.shape
    assert output.dtype == np.uint8
    assert ((moved.boxes >= 0) & (moved.boxes <= 1)).all()
    assert (moved.boxes[:, 2:] > moved.boxes[:, :2]).all()
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(objects.boxes, boxes_before)
    np.testing.assert_array_equal(matrix, matrix_before)


def test_no_objects(image):
    assert len(affine(image, make_objects([], []), RIGHT_BY_10)[1]) == 0
