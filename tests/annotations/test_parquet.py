"""Parquet files as the Hugging Face hub has them, written with PyArrow as its library does."""

import json

import cv2
import numpy as np
import pytest

from multibox.annotations.annotation import Annotation
from multibox.annotations.files import Files
from multibox.annotations.formats import parquet, parquet_tables, parquet_values
from multibox.annotations.formats.parquet_values import RowImage, Values
from multibox.annotations.problem import Problem
from multibox.data.build import build, check_item
from multibox.data.source import open_source
from multibox.data.store import Store, store_path
from multibox.errors import BadInput
from reading import read

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

LABEL = {"names": ["dog", "cat", "cow"], "_type": "ClassLabel"}


def jpeg(width=64, height=48, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def row(number=0, boxes=((1, 2, 10, 20), (30.5, 5, 20, 7)), category=(1, 0), **more):
    """A row of the usual kind. None leaves a column out."""
    objects = {"id": [*range(len(boxes))], "area": [5.0] * len(boxes), "bbox": [*map(list, boxes)]}
    objects["category"] = [*category]
    image = {"bytes": jpeg(seed=number), "path": f"{number:03}.jpg"}
    values = {"image_id": 100 + number, "image": image, "width": 64, "height": 48, "objects": objects} | more
    return {name: value for name, value in values.items() if value is not None}


def write(path, rows, features=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(list(rows))
    if features is not None:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path, **options)
    return path


def hub(category=LABEL):
    return {"image": {"_type": "Image"}, "objects": {"feature": {"category": category}, "_type": "Sequence"}}


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "data/train-00000-of-00002.parquet", [row(0), row(1, (), ())], hub())
    write(tmp_path / "data/train-00001-of-00002-a09b74b3ef9c3b56.parquet", [row(2)], hub())
    write(tmp_path / "data/validation-00000-of-00001.parquet", [row(3)], hub())
    return tmp_path


def items_of(part):
    return [item for items in part.splits.values() for item in items]


def only(path, **options):
    (item,) = items_of(read(parquet, path, **options))
    return item


def test_a_folder_of_the_hub(folder):
    part = read(parquet, folder)
    assert {split: [item.id for item in items] for split, items in part.splits.items()} == {
        "train": ["100", "101", "102"],
        "val": ["103"],
    }
    assert (part.classes, part.classes_from) == (("dog", "cat", "cow"), "the metadata of the files")
    assert part.notes == ("the boxes in bbox were read as x, y, width, height",)
    first, bare = part.splits["train"][:2]
    assert str(first.image) == f"{folder}/data/train-00000-of-00002.parquet: row 1 (000.jpg)"
    assert first.image.read_bytes() == jpeg(seed=0)
    assert (first.annotation.names, first.annotation.size) == (("cat", "dog"), (64, 48))
    assert first.annotation.columns == {"ids": ["0", "1"], "area": [5.0, 5.0]}
    np.testing.assert_array_equal(first.annotation.boxes, [[1, 2, 11, 22], [30.5, 5, 50.5, 12]])
    assert bare.annotation.boxes.shape == (0, 4)


def test_the_stores_of_a_build(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    report = build([folder], "rows")
    assert report.understood[0].lines()[:2] == [
        f"{folder}: Parquet, 3 annotation files, 4 annotated images",
        "splits: train 3, val 1, from the names of the files",
    ]
    store = Store(store_path("rows", "train"))
    assert [record.image for record in store] == [jpeg(seed=number) for number in range(3)]
    assert store[0].source.endswith("train-00000-of-00002.parquet: row 1 (000.jpg)")


def test_a_single_file(folder):
    path = folder / "data/validation-00000-of-00001.parquet"
    source = open_source([path])
    assert {split: [item.id for item in items] for split, items in source.splits.items()} == {"val": ["103"]}
    assert source.files == {path}


def test_objects_as_a_list_of_structures(tmp_path):
    objects = [
        {"bbox": [1, 2, 10, 20], "category": 1, "iscrowd": 1},
        {"bbox": [3, 4, 5, 6], "category": 0, "iscrowd": 0},
    ]
    write(tmp_path / "train.parquet", [row(objects=objects), row(1, objects=[])], {"objects": [{"category": LABEL}]})
    first, bare = items_of(read(parquet, tmp_path))
    assert first.annotation.names == ("cat", "dog")
    assert first.annotation.columns["crowd"] == [True, False]
    assert bare.annotation.names == ()


@pytest.mark.parametrize(
    ("names", "features"),
    [
        (("bboxes", "labels"), {"labels": {"feature": LABEL, "_type": "Sequence"}}),
        (("bbox", "categories"), {"categories": [LABEL]}),
        (("bounding_boxes", "label"), {"label": {"feature": LABEL, "_type": "List"}}),
    ],
)
def test_lists_as_columns_of_their_own(tmp_path, names, features):
    values = {names[0]: [[1, 2, 10, 20], [3, 4, 5, 6]], names[1]: [1, 0]}
    write(tmp_path / "train.parquet", [row(objects=None, **values)], features)
    assert only(tmp_path).annotation.names == ("cat", "dog")


@pytest.mark.parametrize("name", ["annotations", "labels", "label", "things"])
def test_other_names_of_the_objects(tmp_path, name):
    objects = {"bboxes": [[1, 2, 10, 20]], "label": ["cat"]}
    write(tmp_path / "train.parquet", [row(objects=None, image_id=None, **{name: objects})])
    item = only(tmp_path)
    assert (item.id, item.annotation.names) == ("000", ("cat",))


def test_plain_bytes_and_names(tmp_path):
    write(tmp_path / "train.parquet", [row(image=jpeg(), file_name="x/b.jpg", image_id=None)])
    item = only(tmp_path)
    assert (item.id, item.image.read_bytes()) == ("b", jpeg())


def test_images_beside_the_file_are_found_by_name(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/000.jpg").write_bytes(jpeg())
    images = [{"bytes": None, "path": name} for name in ("000.jpg", "gone.jpg")]
    write(tmp_path / "data/train.parquet", [row(n, image=image) for n, image in enumerate(images)])
    found, gone = items_of(read(parquet, tmp_path))
    assert found.image == tmp_path / "photos/000.jpg"
    assert not gone.image.exists()


@pytest.mark.parametrize(
    ("boxes", "what", "edges"),
    [
        ([[1, 2, 10, 20]], "x, y, width, height", [1, 2, 11, 22]),
        ([[40, 20, 60, 44]], "its edges", [40, 20, 60, 44]),
        ([[55, 40, 16, 14]], "centre x, centre y, width, height", [47, 33, 63, 47]),
    ],
)
@pytest.mark.parametrize("sized", [True, False])
def test_what_the_numbers_of_boxes_mean(tmp_path, boxes, what, edges, sized):
    """Without columns of sizes the images themselves are asked."""
    size = {} if sized else {"width": None, "height": None}
    write(tmp_path / "train.parquet", [row(0, boxes, ["cat"], **size)])
    part = read(parquet, tmp_path)
    assert part.notes[0] == f"the boxes in bbox were read as {what}"
    assert items_of(part)[0].annotation.boxes.tolist() == [edges]


def test_parts_of_the_image(tmp_path):
    write(tmp_path / "train.parquet", [row(0, [[0.5, 0.25, 0.75, 0.5]], ["cat"])])
    source = open_source([tmp_path])
    (annotation,) = (item.annotation for item in source.splits["train"])
    assert (annotation.relative, annotation.boxes.tolist()) == (True, [[0.5, 0.25, 0.75, 0.5]])
    assert source.understood[0].notes[0] == "the boxes in bbox were read as its edges"


CARD = """---
license: mit
dataset_info:
  features:
  - name: image
    dtype: image
  - name: objects
    {kind}:
    - name: category
      dtype:
        class_label:
          names:
            '1': ant
            '0': bee
---
# Insects
"""


@pytest.mark.parametrize("kind", ["sequence", "struct", "list"])
def test_names_in_the_card(tmp_path, kind):
    (tmp_path / "README.md").write_text(CARD.format(kind=kind))
    write(tmp_path / "data/train-00000-of-00001.parquet", [row()])
    for path in (tmp_path, tmp_path / "data", tmp_path / "data/train-00000-of-00001.parquet"):
        part = read(parquet, path)
        assert (part.classes, items_of(part)[0].annotation.names) == (("bee", "ant"), ("ant", "bee"))
        assert part.class_file == tmp_path / "README.md"


@pytest.mark.parametrize(
    "card",
    [
        *("", "# no front", "---\n: [\n---\n", "---\ndataset_info: 3\n---\n", "---\n- a\n---\n"),
        *("---\ndate: 2024-13-45\n---\n", f"---\n{'[' * 5000}\n---\n"),
    ],
)
def test_a_card_without_names(tmp_path, card):
    (tmp_path / "README.md").write_text(card)
    write(tmp_path / "train.parquet", [row(0, category=(10, 9))])
    part = read(parquet, tmp_path)
    assert (part.classes, items_of(part)[0].annotation.names) == (("9", "10"), ("10", "9"))
    assert "no class names were found, so the numbers in category became the names" in part.notes[1]


BARE_LABEL = b'{"info": {"features": {"category": {"_type": "ClassLabel"}}}}'


@pytest.mark.parametrize("metadata", [b"{", b"[]", b"null", BARE_LABEL])
def test_metadata_without_names(tmp_path, metadata):
    table = pa.Table.from_pylist([row()]).replace_schema_metadata({"huggingface": metadata})
    pq.write_table(table, tmp_path / "train.parquet")
    assert read(parquet, tmp_path).classes == ("0", "1")


def test_given_classes_and_lists_name_the_numbers(tmp_path):
    write(tmp_path / "train.parquet", [row(0, category=(2, 1))])
    part = read(parquet, tmp_path, classes=("a", "b"))
    assert items_of(part)[0].annotation.names == ("b", "a")
    assert part.notes[1] == "the numbers in category were read as positions in the given classes, counted from 1"
    part = read(parquet, tmp_path, classes=("x", "y", "z"))
    assert items_of(part)[0].annotation.names == ("z", "y")
    assert part.notes[1].endswith("counted from 0")
    (tmp_path / "classes.txt").write_text("x\ny\n")
    part = read(parquet, tmp_path)
    assert items_of(part)[0].annotation.names == ("y", "x")
    assert part.class_file == tmp_path / "classes.txt"


def test_numbers_that_may_count_from_0_or_from_1_are_refused(tmp_path):
    write(tmp_path / "train.parquet", [row(0, category=(2, 1))])
    (tmp_path / "classes.txt").write_text("x\ny\nz\n")
    said = r"no object has the class number 0, the largest is 2, and classes\.txt has 3 names.*classes=\"A,B\""
    with pytest.raises(BadInput, match=said):
        read(parquet, tmp_path)


@pytest.mark.parametrize("name", ["a.parquet", "z.parquet"])
def test_a_file_without_the_column_of_classes_is_refused_beside_others(tmp_path, name):
    write(tmp_path / "train.parquet", [row()], hub())
    write(tmp_path / name, [row(1, objects={"bbox": [[1, 2, 3, 4]]})])
    with pytest.raises(BadInput, match=r"its classes in .*no column.*build a dataset from each and merge them"):
        read(parquet, tmp_path)


def test_without_a_column_of_classes_all_are_objects(tmp_path):
    write(tmp_path / "train.parquet", [row(objects={"bbox": [[1, 2, 3, 4]]})])
    part = read(parquet, tmp_path)
    assert items_of(part)[0].annotation.names == ("object",)
    assert "all objects got the class 'object'" in part.notes[1]


def test_files_that_name_classes_differently_are_refused(tmp_path):
    write(tmp_path / "train.parquet", [row()], hub())
    write(tmp_path / "test.parquet", [row()], hub(LABEL | {"names": ["a", "b"]}))
    with pytest.raises(BadInput, match=r"test\.parquet and train\.parquet name their classes differently"):
        read(parquet, tmp_path)


def test_configurations_are_refused(tmp_path):
    for name in ("full", "mini"):
        write(tmp_path / name / "train/0000.parquet", [row()], hub())
        write(tmp_path / name / "test/0000.parquet", [row(1)], hub())
    with pytest.raises(BadInput, match="full and mini hold the same split; build from one of these folders"):
        read(parquet, tmp_path)
    assert sorted(read(parquet, tmp_path / "mini").splits) == ["test", "train"]


def test_images_without_an_id_of_their_own_are_numbered(tmp_path):
    rows = [row(number, image_id=None, image={"bytes": jpeg(), "path": None}) for number in range(2)]
    write(tmp_path / "train.parquet", rows)
    assert [item.id for item in items_of(read(parquet, tmp_path))] == ["train/000001", "train/000002"]


@pytest.mark.parametrize(
    ("objects", "wrong"),
    [
        ({"bbox": [[1, 2, 3, 4]], "category": [1, 2]}, "the column category has 2 values, and bbox has 1"),
        ({"bbox": [[1, 2, 3, 4]], "category": []}, "the column category has 0 values, and bbox has 1"),
        ({"bbox": [[1, 2, 3, 4]], "category": [7]}, "object 1 of 1 (class 7): has a class without a name"),
        ({"bbox": [[1, 2, 3, 4]], "category": [-1]}, "has a class without a name"),
        ({"bbox": [[1, 2, 3, 4]], "category": [None]}, "object 1 of 1 (class None): has a class without a name"),
        ({"bbox": [[1, 2, 3, 4]], "category": [0.5]}, "the class 0.5 is neither a name nor a whole number"),
        ({"bbox": [[1, 2, 3, 4]], "category": [float("inf")]}, "is neither a name nor a whole number"),
        ({"bbox": [[1, 2, 3, 4]], "category": [{"x": 1}]}, "is neither a name nor a whole number"),
        ({"bbox": [[1, 2, 3, 4]], "category": [1], "area": ["big"]}, "the column area holds str, not numbers"),
        ({"bbox": [[1, 2, 3, 4]], "category": [1], "iscrowd": [0, 1]}, "the column iscrowd has 2 values"),
    ],
)
def test_rows_that_cannot_be_understood(tmp_path, objects, wrong):
    write(tmp_path / "train.parquet", [row(objects=objects)], hub())
    annotation = only(tmp_path).annotation
    assert isinstance(annotation, Problem)
    assert str(annotation).startswith(f"{tmp_path}/train.parquet: row 1 (000.jpg): ")
    assert wrong in str(annotation)


@pytest.mark.parametrize("box", [[1, 2, 3], [1, 2, 3, None], [1.0, 2, float("nan"), 4], None, [1e300, 0, 1e300, 5]])
def test_boxes_that_are_none_are_left_to_the_check(tmp_path, box):
    write(tmp_path / "train.parquet", [row(objects={"bbox": [box, [1, 2, 3, 4]], "category": [1, 1]})], hub())
    checked = check_item(only(tmp_path), {"cat": 0})
    assert [problem.kind for problem in checked.problems] == ["box"]
    assert len(checked.record.objects) == 1


@pytest.mark.parametrize("size", [(0, 48), (None, None), (float("nan"), 48.0), (-64, 48)])
def test_sizes_that_are_none(tmp_path, size):
    write(tmp_path / "train.parquet", [row(width=size[0], height=size[1])], hub())
    assert only(tmp_path).annotation.size is None


def test_missing_objects_and_images(tmp_path):
    rows = [row(0), row(1, objects=None), row(2, image={"bytes": None, "path": "c.jpg"}), row(3, image=None)]
    write(tmp_path / "train.parquet", rows, hub())
    items = items_of(read(parquet, tmp_path))
    assert items[1].annotation.names == ()
    for item in items[2:]:
        (problem,) = check_item(item, {"cat": 0, "dog": 1}).problems
        assert (problem.kind, problem.detail) == ("image", "has no bytes in the column image.bytes")


def test_damaged_files(folder):
    path = folder / "data/validation-00000-of-00001.parquet"
    content = path.read_bytes()
    path.write_bytes(content[:-200])
    with pytest.raises(BadInput, match=r"validation-00000-of-00001\.parquet: is damaged: .*; copy it again"):
        read(parquet, folder)
    path.write_bytes(content[:4] + bytes(len(content) - 400) + content[-396:])
    for source in (folder, path):
        with pytest.raises(BadInput, match=r"is damaged|no columns"):
            read(parquet, source)


def test_a_file_that_was_replaced_after_it_was_listed(folder, monkeypatch):
    monkeypatch.setattr(parquet_values, "VALUES", Values())
    item = read(parquet, folder).splits["train"][1]
    write(item.image.file, [row(0)], hub())
    (problem,) = check_item(item, {}).problems
    assert problem.detail == "the file has fewer rows than when it was listed"


def test_other_tables(tmp_path):
    write(tmp_path / "found.parquet", [{"file": "a.jpg", "boxes": [[1, 2, 3, 4]], "names": ["cat"]}])
    write(tmp_path / "scores.parquet", [{"image": {"bytes": b"x", "path": "a"}, "label": 3}])
    (tmp_path / "text.parquet").write_text("no table")
    assert parquet.find(Files(tmp_path)) == []
    with pytest.raises(
        BadInput, match=r"found\.parquet has no columns of images and boxes, .* its columns are file, boxes"
    ):
        open_source([tmp_path])
    with pytest.raises(
        BadInput, match="has no columns of images and boxes, such as image and objects; its columns are image, label"
    ):
        read(parquet, tmp_path / "scores.parquet")
    write(tmp_path / "train.parquet", [row()], hub())
    part = read(parquet, tmp_path)
    assert [path.name for path in part.files] == ["train.parquet"]
    assert "2 files have other columns and were left out (found.parquet, scores.parquet)" in part.notes


def test_without_pyarrow_it_says_how_to_install_it(folder, monkeypatch):
    monkeypatch.setattr(parquet, "is_installed", lambda: False)
    with pytest.raises(BadInput, match=r"needs PyArrow, which is not installed; .*pip install '\.\[parquet\]'"):
        read(parquet, folder)


def test_rows_are_read_once_and_in_bounded_memory(tmp_path, monkeypatch):
    """Twelve row groups of 40 images of 1,000 bytes: each batch is decoded once, and 60 images at most are kept."""
    images = [np.random.default_rng(n).bytes(1000) for n in range(480)]
    rows = [row(n, image={"bytes": image, "path": f"{n}.jpg"}) for n, image in enumerate(images)]
    path = write(tmp_path / "train.parquet", rows, row_group_size=40)
    assert pq.ParquetFile(path).num_row_groups == 12
    values, opened, largest = Values(limit=60_000), [], 0
    monkeypatch.setattr(parquet_values, "VALUES", values)
    batches = parquet_values._batches
    monkeypatch.setattr(parquet_values, "_batches", lambda *place: opened.append(place) or batches(*place))
    items = items_of(read(parquet, tmp_path))
    for item, image in zip(items, images, strict=True):
        assert item.image.read_bytes() == image
        largest = max(largest, values.size)
    assert len(opened) == 12
    assert 30_000 < largest <= 60_000
    assert values.size == sum(batch.nbytes for batch in values._batches.values())


def test_rows_in_any_order(tmp_path, monkeypatch):
    images = [np.random.default_rng(n).bytes(1000) for n in range(100)]
    rows = [row(n, image={"bytes": image, "path": f"{n}.jpg"}) for n, image in enumerate(images)]
    write(tmp_path / "train.parquet", rows, row_group_size=35)
    values = Values(limit=70_000)
    monkeypatch.setattr(parquet_values, "VALUES", values)
    items = items_of(read(parquet, tmp_path))
    for n in np.random.default_rng(0).permutation(100):
        assert items[n].image.read_bytes() == images[n]
        assert values.size == sum(batch.nbytes for batch in values._batches.values())


def test_images_without_split_keep_the_order_of_the_file(tmp_path):
    write(tmp_path / "photos.parquet", [row(n, image_id=n) for n in range(12)], hub())
    splits = open_source([tmp_path]).splits
    assert {split: len(items) for split, items in splits.items()} == {"train": 8, "val": 2, "test": 2}
    for items in splits.values():
        assert [int(item.id) for item in items] == sorted(int(item.id) for item in items)
        assert all(isinstance(item.image, RowImage) and isinstance(item.annotation, Annotation) for item in items)


def test_is_installed():
    assert parquet_tables.is_installed()
