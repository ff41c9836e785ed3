import json

import numpy as np
import pytest

from multibox.annotations.formats import coco
from multibox.data.build import check_item
from multibox.data.source import open_source
from multibox.errors import BadInput
from reading import read

CONTENT = {
    "images": [
        {"id": 42, "file_name": "a.jpg", "width": 50, "height": 40},
        {"id": 7, "file_name": "b.jpg"},
    ],
    "annotations": [
        {"id": 900, "image_id": 42, "category_id": 18, "bbox": [1.5, 2, 10, 20], "area": 77.5, "iscrowd": 1},
        {"id": 901, "image_id": 42, "category_id": 3, "bbox": [0, 0, 4, 5]},
    ],
    "categories": [{"id": 18, "name": "dog"}, {"id": 3, "name": "zebra"}, {"id": 90, "name": "ant"}],
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "annotations").mkdir()
    for split in ("train2017", "val2017"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "a.jpg").touch()
        (tmp_path / "annotations" / f"instances_{split}.json").write_text(json.dumps(CONTENT))
    (tmp_path / "annotations" / "captions_val2017.json").write_text("{}")
    return tmp_path


def test_a_folder_in_cocos_layout(folder):
    part = read(coco, folder)
    assert [file.name for file in part.files] == ["instances_train2017.json", "instances_val2017.json"]
    assert part.classes == ("zebra", "dog", "ant")
    assert part.category_ids == (3, 18, 90)
    item, empty = part.splits["val"]
    assert (item.id, empty.id) == ("42", "7")
    assert item.image == folder / "val2017" / "a.jpg"
    found = item.annotation
    assert found.names == ("dog", "zebra")
    assert found.size == (50, 40)
    np.testing.assert_array_equal(found.boxes, [[1.5, 2, 11.5, 22], [0, 0, 4, 5]])
    assert found.columns == {"crowd": [True, False], "area": [77.5, 20], "ids": ["900", "901"]}
    assert empty.annotation.names == ()
    assert empty.annotation.size is None


def test_files_of_splits_with_names_of_their_own(folder):
    (folder / "annotations/instances_train2017.json").rename(folder / "annotations/instances_day.json")
    (folder / "annotations/instances_val2017.json").rename(folder / "annotations/instances_night.json")
    assert list(read(coco, folder).splits) == ["day", "night"]


def test_one_file_is_divided_and_keeps_its_category_ids(folder):
    (folder / "all.json").write_text(json.dumps(CONTENT))
    source = open_source([folder / "all.json"], images=folder / "train2017")
    assert source.category_ids == (3, 18, 90)
    assert source.classes == ("zebra", "dog", "ant")
    assert sum(map(len, source.splits.values())) == 2
    assert open_source([folder / "all.json"], classes=("dog", "zebra")).category_ids == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": None}, "has no list 'images'"),
        ({"annotations": [{"image_id": 42, "category_id": 5, "bbox": [0, 0, 1, 1]}]}, "category 5 is not listed"),
        (
            {"annotations": [{"image_id": 8, "category_id": 3, "bbox": [0, 0, 1, 1]}]},
            "not listed: 8; list or",
        ),
        ({"annotations": [{"image_id": 42, "bbox": [0, 0, 1, 1]}]}, r"annotations\[0\] has no category_id; correct it"),
        ({"categories": ["dog"]}, r"categories\[0\] is 'dog'; an entry of COCO is an object with fields"),
        ({"categories": [{"id": "x", "name": "dog"}]}, r"categories\[0\] has the id 'x', which is not a whole number"),
        (
            {"categories": [{"id": 1e400, "name": "dog"}]},
            r"categories\[0\] has the id inf, which is not a whole number",
        ),
        ({"categories": [{"id": 1}]}, r"categories\[0\] has no name; correct it"),
        ({"categories": [{"name": "dog"}]}, r"categories\[0\] has no id; correct it"),
        ({"images": [{"id": 42, "file_name": "a.jpg"}, {"id": 7}]}, r"images\[1\] has no file_name; correct it"),
        ({"images": [{"id": 42, "file_name": 5}]}, r"images\[0\] has the file_name 5, which is not a text"),
        ({"images": [{"file_name": "a.jpg"}]}, r"images\[0\] has no id; correct it"),
        (
            {"images": [{"id": [1], "file_name": "a.jpg"}]},
            r"images\[0\] has the id \[1\], which is not a number or text",
        ),
        ({"images": [None]}, r"images\[0\] is None; an entry of COCO is an object with fields"),
        ({"annotations": [{"category_id": 3}]}, r"annotations\[0\] has no image_id; correct it"),
        (
            {"annotations": [{"image_id": 42, "category_id": {}}]},
            r"has the category_id {}, which is not a number or text",
        ),
    ],
)
def test_files_that_are_not_coco(tmp_path, change, message):
    (tmp_path / "a.json").write_text(json.dumps({**CONTENT, **change}))
    with pytest.raises(BadInput, match=message) as error:
        open_source([tmp_path / "a.json"])
    assert "a.json" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_files_that_are_not_json_objects(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(BadInput, match=r"a\.json: "):
        open_source([tmp_path / "a.json"])


@pytest.mark.parametrize("bbox", [None, [], [1, 2], ["x", 0, 1, 1], [10**400, 0, 1, 1], "absent"])
def test_an_annotation_without_a_box_is_named_by_its_id(tmp_path, bbox):
    annotation = {"id": 77, "image_id": 42, "category_id": 3, "bbox": bbox}
    if bbox == "absent":
        del annotation["bbox"]
    (tmp_path / "a.json").write_text(json.dumps({**CONTENT, "annotations": [annotation]}))
    found = read(coco, tmp_path / "a.json").splits[""][0].annotation
    assert np.isnan(found.boxes).all()
    assert found.object_name(0) == "object 1 of 1 (zebra), annotation 77"
    assert found.file.endswith("a.json, image 42 (a.jpg)")


@pytest.mark.parametrize(
    ("segmentation", "box"),
    [
        ([[3, 4, 10, 4, 10, 9.5]], [3, 4, 10, 9.5]),
        ([[3, 4, 10, 4, 10, 9], [1, 5, 2, 5, 2, 30]], [1, 4, 10, 30]),
        ({"size": [5, 4], "counts": [6, 2, 3, 2, 7]}, [1, 1, 3, 3]),
        ({"size": [5, 4], "counts": [0, 20]}, [0, 0, 4, 5]),
    ],
)
def test_the_bounds_of_a_segmentation_are_the_box_where_there_is_none(tmp_path, segmentation, box):
    annotation = {"id": 1, "image_id": 42, "category_id": 3, "segmentation": segmentation}
    (tmp_path / "a.json").write_text(json.dumps({**CONTENT, "annotations": [annotation]}))
    part = read(coco, tmp_path / "a.json")
    np.testing.assert_array_equal(part.splits[""][0].annotation.boxes, [box])
    assert part.notes == ("1 annotation has no bbox; the bounding box of its segmentation was used",)


@pytest.mark.parametrize(
    "segmentation", [[], None, [[]], {"size": [5, 4], "counts": "PQR"}, {"size": [5, 4]}, [["x", 1]]]
)
def test_a_segmentation_that_gives_no_bounds(tmp_path, segmentation):
    annotation = {"id": 1, "image_id": 42, "category_id": 3, "segmentation": segmentation}
    (tmp_path / "a.json").write_text(json.dumps({**CONTENT, "annotations": [annotation]}))
    assert np.isnan(read(coco, tmp_path / "a.json").splits[""][0].annotation.boxes).all()


def files(tmp_path, **categories):
    """A COCO file for each split, with one object of the last category."""
    for split, listed in categories.items():
        annotation = {"id": 1, "image_id": 1, "category_id": listed[-1]["id"], "bbox": [0, 0, 4, 4]}
        content = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [annotation], "categories": listed}
        (tmp_path / f"{split}.json").write_text(json.dumps(content))
    return read(coco, tmp_path)


def test_roboflows_category_over_the_others_is_no_class(tmp_path):
    part = files(
        tmp_path,
        train=[{"id": 0, "name": "pets", "supercategory": "none"}, {"id": 1, "name": "cat", "supercategory": "pets"}],
    )
    assert (part.classes, part.category_ids) == (("cat",), (1,))
    assert part.notes == (
        "the category 0 (pets) is left out: it has no annotations and is the supercategory of others",
    )


def test_a_category_with_the_name_of_another_is_no_class(tmp_path):
    part = files(tmp_path, train=[{"id": 0, "name": "car"}, {"id": 1, "name": "car", "supercategory": "car"}])
    assert (part.classes, part.category_ids) == (("car",), (1,))
    assert (
        part.notes[0]
        == "the category 0 (car) is left out: it has no annotations, and its name is that of another category"
    )


def test_an_unused_category_is_a_class(tmp_path):
    assert files(tmp_path, train=[{"id": 5, "name": "dog"}, {"id": 9, "name": "cat"}]).classes == ("dog", "cat")


def test_classes_of_several_files_are_matched_by_name(tmp_path):
    part = files(tmp_path, train=[{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}], val=[{"id": 1, "name": "dog"}])
    assert (part.classes, part.category_ids) == (("cat", "dog"), (1, 2))
    assert part.splits["val"][0].annotation.names == ("dog",)
    assert part.notes == ("the files number their categories differently, so classes were matched by name",)
    part = files(tmp_path, train=[{"id": 2, "name": "dog"}], val=[{"id": 2, "name": "cat"}])
    assert (part.classes, part.category_ids) == (("dog", "cat"), ())


def test_a_damaged_file_beside_others_is_not_lost_in_silence(folder):
    (folder / "annotations" / "instances_val2017.json").write_text('{"images": [')
    (folder / "annotations" / "lost.json").symlink_to(folder / "nowhere.json")
    damaged, lost = open_source([folder]).understood[0].notes
    assert damaged.startswith("annotations/instances_val2017.json was passed over: not JSON: ")
    assert lost == "annotations/lost.json was passed over: cannot be read: No such file or directory"


def test_a_name_that_no_file_can_have_is_a_missing_image(folder):
    images = [{"id": 1, "file_name": "a\0.jpg"}, {"id": 2, "file_name": "http://[x/b.jpg"}]
    (folder / "one.json").write_text(json.dumps({**CONTENT, "images": images, "annotations": []}))
    items = [item for items in open_source([folder / "one.json"]).splits.values() for item in items]
    assert [check_item(item, {}).problems[0].kind for item in items] == ["missing", "missing"]


def test_classes_get_other_names_and_join_with_their_category_ids(folder):
    source = open_source([folder], rename={"zebra": "ant", "dog": "hound"})
    assert (source.classes, source.category_ids) == (("ant", "hound"), (90, 18))
    assert source.splits["val"][0].annotation.names == ("hound", "ant")


def test_a_background_before_the_classes_is_none_if_no_object_has_it(folder):
    for split in ("train2017", "val2017"):
        categories = [{"id": 0, "name": "background"}, *CONTENT["categories"]]
        path = folder / "annotations" / f"instances_{split}.json"
        path.write_text(json.dumps({**CONTENT, "categories": categories}))
    source = open_source([folder])
    assert (source.classes, source.category_ids) == (("zebra", "dog", "ant"), (3, 18, 90))
    assert "background in the list of classes left out, as no object has this class" in source.understood[0].notes
    given = ("background", "zebra", "dog", "ant")
    assert open_source([folder], classes=given).classes == given


def test_an_image_without_a_file_name_has_the_name_of_its_address(tmp_path):
    for folder in ("train2017", "val2017"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.jpg").touch()
    images = [
        {"id": 1, "coco_url": "http://images.cocodataset.org/val2017/a.jpg"},
        {"id": 2, "file_name": None, "flickr_url": "http://farm4.staticflickr.com/3153/b.jpg"},
    ]
    (tmp_path / "lvis_v1.json").write_text(json.dumps({**CONTENT, "images": images, "annotations": []}))
    one, other = read(coco, tmp_path).splits[""]
    assert one.image == tmp_path / "val2017/a.jpg"
    assert other.image.name == "b.jpg"


@pytest.mark.parametrize(("width", "size"), [("50", (50, 40)), ("x", None), (None, None), ([], None), (0, None)])
def test_a_size_in_other_types(tmp_path, width, size):
    image = {"id": 42, "file_name": "a.jpg", "width": width, "height": 40}
    (tmp_path / "a.json").write_text(json.dumps({**CONTENT, "images": [image]}))
    assert read(coco, tmp_path).splits[""][0].annotation.size == size


def sites(tmp_path, second="b.jpg", number=1):
    """A COCO file in each of two folders, each with one image beside it."""
    for site, name, image_id in (("north", "a.jpg", 1), ("south", second, number)):
        (tmp_path / site).mkdir()
        (tmp_path / site / name).touch()
        image = {"id": image_id, "file_name": name}
        content = {**CONTENT, "images": [image], "annotations": []}
        (tmp_path / site / "ann.json").write_text(json.dumps(content))
    return read(coco, tmp_path)


@pytest.mark.parametrize("second", ["a.jpg", "b.jpg"])
def test_images_of_two_files_with_the_same_ids_are_told_apart(tmp_path, second):
    part = sites(tmp_path, second)
    assert [item.id for item in part.splits[""]] == ["north/ann/1", "south/ann/1"]
    assert [item.image for item in part.splits[""]] == [tmp_path / "north/a.jpg", tmp_path / "south" / second]
    assert part.notes == (
        "2 annotation files give other images the same ids (1), so each id begins with the name of its file "
        "(north/ann/1 and 1 more)",
    )


def test_ids_of_two_files_that_do_not_clash_are_kept(tmp_path):
    part = sites(tmp_path, number=2)
    assert [item.id for item in part.splits[""]] == ["1", "2"]
    assert part.notes == ()


def test_two_files_about_the_same_images_are_refused(tmp_path):
    (tmp_path / "a.jpg").touch()
    for name in ("cats_train", "dogs_train"):
        content = {**CONTENT, "images": [{"id": 1, "file_name": "a.jpg"}], "annotations": []}
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    with pytest.raises(BadInput, match=r"same id: 1 \(.*cats_train.json, image 1.* and .*dogs_train.json, image 1"):
        open_source([tmp_path])


@pytest.mark.parametrize("area", [None, [1], "x", {}, 10**400, float("nan")])
def test_an_area_that_is_no_number_is_that_of_the_box(tmp_path, area):
    content = json.loads(json.dumps(CONTENT))
    content["annotations"][0]["area"] = area
    (tmp_path / "a.json").write_text(json.dumps(content))
    found = read(coco, tmp_path / "a.json").splits[""][0].annotation
    assert found.columns["area"] == [200, 20]


def test_two_categories_of_one_id_are_refused(tmp_path):
    categories = [*CONTENT["categories"], {"id": "18", "name": "wolf"}]
    (tmp_path / "a.json").write_text(json.dumps({**CONTENT, "categories": categories}))
    with pytest.raises(BadInput, match="the categories 'dog' and 'wolf' both have the id 18; correct it"):
        read(coco, tmp_path)
    categories[-1]["name"] = "dog"
    (tmp_path / "a.json").write_text(json.dumps({**CONTENT, "categories": categories}))
    assert read(coco, tmp_path).classes == ("zebra", "dog", "ant")


@pytest.mark.parametrize(("declared", "used"), [("1", "1"), ("1", 1), (1, "1"), (1.0, "1"), ("1", 1.0), (" 1", 1)])
def test_ids_may_be_numbers_or_text_on_either_side(tmp_path, declared, used):
    content = {
        "images": [{"id": declared, "file_name": "a.jpg"}],
        "annotations": [{"image_id": declared, "category_id": used, "bbox": [0, 0, 4, 4]}],
        "categories": [{"id": declared, "name": "cat"}, {"id": 2, "name": "dog", "supercategory": "cat"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    part = read(coco, tmp_path)
    assert part.splits[""][0].annotation.names == ("cat",)
    assert (part.classes, part.category_ids) == (("cat", "dog"), (1, 2))


@pytest.mark.parametrize(("declared", "used", "fits"), [("7", 7, True), (7, 7.0, True), ("007", 7, False)])
def test_image_ids_of_another_type(tmp_path, declared, used, fits):
    content = {
        "images": [{"id": declared, "file_name": "a.jpg"}],
        "annotations": [{"image_id": used, "category_id": 1, "bbox": [0, 0, 4, 4]}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    if fits:
        assert read(coco, tmp_path).splits[""][0].annotation.names == ("cat",)
    else:
        with pytest.raises(BadInput, match="images that are not listed: 7; list"):
            read(coco, tmp_path)
