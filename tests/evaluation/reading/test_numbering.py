import numpy as np
import pytest

from multibox.errors import BadInput
from multibox.evaluation.reading.choosing import choose_numbering
from multibox.evaluation.reading.listing import Listing
from multibox.evaluation.reading.numbering import (
    NOT_EVALUATED,
    SEVERAL,
    UNKNOWN,
    class_numberings,
    image_numberings,
    listed,
    parse_renumbering,
)
from multibox.evaluation.reading.result_rows import Ids


def column(*values):
    distinct = tuple(dict.fromkeys(map(str, values)))
    return Ids(distinct, np.array([distinct.index(str(value)) for value in values], np.int64))


def places(numberings, name, *values):
    return next(one for one in numberings if one.name == name).of(column(*values)).tolist()


IMAGES = image_numberings(
    [10, 20, 30],
    [("val/b_000007.jpg", "/data/val/b_000007.jpg"), ("val/a_12.png",), ("test/b_000007.jpg",)],
)


def test_images():
    assert places(IMAGES, "data", 30, 10, 7) == [2, 0, UNKNOWN]
    assert places(IMAGES, "names", "val/a_12.png", "a_12.png", "a_12", "val/a_12") == [1, 1, 1, 1]
    assert places(IMAGES, "names", "val/b_000007.jpg", "test/b_000007", "b_000007.jpg") == [0, 2, SEVERAL]
    assert places(IMAGES, "numbers", 12, 7, 1) == [1, SEVERAL, UNKNOWN]
    assert places(IMAGES, "from-0", 0, 2, 3) == [0, 2, UNKNOWN]
    assert places(IMAGES, "from-1", 0, 1, 3) == [UNKNOWN, 0, 2]
    assert places(IMAGES, "sorted-from-0", 0, 1, 2) == [2, 1, 0]  # test/b, val/a, val/b
    assert places(IMAGES, "sorted-from-1", 1, 2, 3) == [2, 1, 0]


CLASSES = class_numberings({"dog": 5, "cat": 9, "rocket": 11}, ["cat", "dog"])


def test_classes():
    """In COCO cat is the 16th class with number 17, and dog the 17th with number 18."""
    assert places(CLASSES, "data", 5, 9, 11, 1) == [1, 0, NOT_EVALUATED, UNKNOWN]
    assert places(CLASSES, "names", "cat", "dog", "rocket", "cow") == [0, 1, NOT_EVALUATED, UNKNOWN]
    assert places(CLASSES, "coco-91", 17, 18, 16) == [0, 1, UNKNOWN]
    assert places(CLASSES, "coco-80", 15, 16, 17) == [0, 1, UNKNOWN]
    assert places(CLASSES, "from-0", 0, 1, 2, 3) == [1, 0, NOT_EVALUATED, UNKNOWN]
    assert places(CLASSES, "from-1", 1, 2, 3) == [1, 0, NOT_EVALUATED]


def test_a_listed_numbering():
    numbering = parse_renumbering("0=cat, 7 = dog,8=rocket", ["dog", "cat", "rocket"], ["cat", "dog"])
    assert numbering.of(column(0, 7, 8, 5)).tolist() == [0, 1, NOT_EVALUATED, UNKNOWN]
    with pytest.raises(BadInput, match="category_ids: 0=cow: the dataset has no class 'cow'; its classes are dog, cat"):
        parse_renumbering("0=cow", ["dog", "cat"], ["cat", "dog"])
    with pytest.raises(BadInput, match="a part that is not NUMBER=CLASS"):
        parse_renumbering("0=cat,1", ["cat"], ["cat"])


@pytest.mark.parametrize(
    ("numberings", "ids", "name"),
    [
        (IMAGES, (), "data"),
        (IMAGES, (10, 99), "data"),  # one of them is the data's
        (IMAGES, ("a_12.png", "b_000007.jpg"), "names"),
        (IMAGES, ("a_12.png", "elsewhere.png"), "names"),
        (IMAGES, (12,), "numbers"),
        (IMAGES, (0, 1, 2), "from-0"),
        (IMAGES, (0, 1, 2, 3), "data"),  # counts prove nothing unless all fit
        (CLASSES, ("cat", "cow"), "names"),
        (CLASSES, (17, 18), "coco-91"),
        (CLASSES, (15, 16), "coco-80"),
        (CLASSES, (17, 18, 3), "data"),
        (CLASSES, (1, 2, 3), "from-1"),
        (CLASSES, (5, 1, 2), "data"),
    ],
)
def test_the_choice_by_ids_alone(numberings, ids, name):
    assert choose_numbering("image_id", numberings, column(*ids), None).name == name


def test_names_that_agree_with_the_datas_ids_go_beyond_them():
    """Programs make numbers of names: 1001.jpg becomes 1001, and 0999.jpg becomes 999."""
    numberings = image_numberings([1001, "0999"], [("1001.jpg",), ("0999.jpg",)])
    assert choose_numbering("image_id", numberings, column(1001, 999), None).name == "numbers"
    assert choose_numbering("image_id", numberings, column(1001, "0999"), None).name == "data"


def test_a_numbering_that_was_asked_for():
    assert choose_numbering("image_id", IMAGES, column(10), "from-1").name == "from-1"
    with pytest.raises(
        BadInput, match="category_ids: 'coco' is not a meaning of category_id; choose data, names, coco-91, coco-80"
    ):
        choose_numbering("category_id", CLASSES, column(5), "coco")


@pytest.mark.parametrize(
    ("images", "places"),
    [
        ({"1": "train/7.jpg", "2": "test/7.jpg"}, [0, UNKNOWN]),
        ({"1": "old/7.jpg", "2": "test/7.jpg"}, [UNKNOWN, UNKNOWN]),
        ({"1": "old/7.jpg", "2": "old/7.jpg"}, [0, 0]),
        ({"1": "C:\\x\\train\\7.jpg", "2": "8.jpg"}, [0, SEVERAL]),
    ],
)
def test_listed_images_of_one_name_are_told_apart_by_their_folders(images, places):
    names = image_numberings([1, 2, 3], [["train/7.jpg"], ["train/8.jpg"], ["test/8.jpg"]])
    assert listed(Listing("list.json", images, {}), names, CLASSES)[0].of(column(1, 2)).tolist() == places


def test_a_list_beside_the_file_goes_before_the_datas_own_ids():
    """The list is of several folders, has an image that the data lack, and numbers classes in its own way."""
    images = {"10": "run/val/a_12.png", "20": "/x/test/b_000007.jpg", "30": "else.jpg"}
    own = listed(Listing("list.json", images, {"1": "dog", "2": "cow", "3": "rocket"}), IMAGES, CLASSES)
    assert own[0].of(column(10, 20, 30, 40)).tolist() == [1, 2, UNKNOWN, UNKNOWN]
    assert own[1].of(column(1, 2, 3, 4)).tolist() == [1, NOT_EVALUATED, NOT_EVALUATED, UNKNOWN]
    assert choose_numbering("image_id", [*IMAGES, own[0]], column(10, 20), None).name == "listed"
    assert choose_numbering("image_id", [*IMAGES, own[0]], column(10, 50), None).name == "data"  # an older list
    same = listed(Listing("list.json", {"20": "a_12.png"}, {}), IMAGES, CLASSES)[0]
    assert choose_numbering("image_id", [*IMAGES, same], column(20), None).name == "data"
