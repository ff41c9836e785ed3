import cv2
import numpy as np
import pytest

from multibox.annotations.annotation import Annotation, Item, Part
from multibox.annotations.form import refuse_corners
from multibox.errors import BadInput

SIZE = (200, 100)


def corners(count=40):
    rng = np.random.default_rng(0)
    low = rng.uniform(0, (120, 60), (count, 2))
    return np.concatenate([low, low + rng.uniform((20, 10), (80, 40), (count, 2))], axis=1)


def part(boxes, *, size=SIZE, relative=False, image=None):
    boxes = boxes / np.tile(SIZE, 2) if relative else boxes
    item = Item("a", image, Annotation("a", ("x",) * len(boxes), boxes, relative, None if relative else size))
    return Part("boxes.json", {"train": [item]})


def as_corner_and_size(boxes):
    """What a reader makes of corners in the place of x, y, width, height."""
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def as_center_and_size(boxes):
    """What a reader makes of corners in the place of centre x, centre y, width, height."""
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1)


@pytest.mark.parametrize("taken", [as_corner_and_size, as_center_and_size])
@pytest.mark.parametrize("relative", [False, True])
def test_corners_in_the_place_of_sizes_are_refused(taken, relative):
    with pytest.raises(BadInput, match=r"boxes.json: \d+ of 40 boxes reach .* x0, y0, x1, y1 where x"):
        refuse_corners(part(taken(corners()), relative=relative))


def test_the_size_is_read_from_the_image_where_it_is_not_given(tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
    with pytest.raises(BadInput, match="has x0, y0, x1, y1 where x, y, width, height are expected"):
        refuse_corners(part(as_corner_and_size(corners()), size=None, image=path))
    refuse_corners(part(corners(), size=None, image=path))
    refuse_corners(part(as_corner_and_size(corners()), size=None, image=tmp_path / "gone.png"))


@pytest.mark.parametrize("relative", [False, True])
def test_good_boxes_pass(relative):
    refuse_corners(part(corners(), relative=relative))
    refuse_corners(part(np.empty((0, 4)), relative=relative))
    refuse_corners(part(np.full((3, 4), np.nan), relative=relative))


def test_boxes_that_are_no_corners_either_are_left_to_the_check():
    boxes = np.array([[150, 50, 400, 90], [10, 10, 300, 60.0]])
    refuse_corners(part(boxes))


@pytest.mark.parametrize(("relative_area", "refused"), [(1, True), (0.5, False)])
def test_areas_prove_corners_even_where_no_box_leaves_its_image(relative_area, refused):
    written = corners()[:, :] / 2  # small, so that x + x1 stays within the image
    areas = (np.prod(written[:, 2:] - written[:, :2], axis=1) * relative_area).tolist()
    annotation = Annotation("a", ("x",) * 40, as_corner_and_size(written), size=SIZE, columns={"area": areas})
    found = Part("boxes.json", {"train": [Item("a", None, annotation)]})
    if not refused:
        refuse_corners(found)
        return
    with pytest.raises(
        BadInput, match="the areas given for its boxes only fit if the boxes are corners; the file has x0, y0, x1, y1"
    ):
        refuse_corners(found)


def test_areas_of_boxes_and_of_segments_pass():
    boxes = corners()
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    for values in (areas, 0.6 * areas):
        annotation = Annotation("a", ("x",) * 40, boxes, size=SIZE, columns={"area": values.tolist()})
        refuse_corners(Part("boxes.json", {"train": [Item("a", None, annotation)]}))


def test_a_mistake_among_corners_does_not_hide_them():
    boxes = corners()
    boxes[0] = [50, 50, 50, 50]
    with pytest.raises(BadInput, match="has x0, y0, x1, y1"):
        refuse_corners(part(as_corner_and_size(boxes)))


def test_areas_that_are_no_numbers_prove_nothing():
    annotation = Annotation("a", ("x",), corners(1), size=SIZE, columns={"area": [""]})
    refuse_corners(Part("boxes.json", {"train": [Item("a", None, annotation)]}))
