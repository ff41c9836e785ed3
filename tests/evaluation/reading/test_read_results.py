import json
from dataclasses import replace

import numpy as np
import pytest

from multibox.data.record import Record, make_objects
from multibox.data.store_writer import write_store
from multibox.errors import BadInput
from multibox.evaluation.candidates import open_candidate
from multibox.evaluation.coco_results import save_results
from multibox.evaluation.columns import Found
from multibox.evaluation.evaluate import evaluate
from multibox.evaluation.reading.choosing import ReadAs
from multibox.evaluation.reading.read_results import read_results
from multibox.evaluation.test_set import open_test_set

CLASSES, NUMBERS = ("cat", "dog", "owl"), (3, 7, 90)
SIZE = (200, 100)


def box_of(i):
    """Boxes that hardly overlap those of the neighbours, in x, y, width, height."""
    return [20 * (i % 8) + 2, 10 * (i % 7) + 1, 30, 25]


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    """Twelve images with an object each: ids 10, 20, ..., and classes 3, 7, 90 in turn."""
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "data"))

    def record(i):
        x, y, width, height = box_of(i)
        objects = make_objects([(x, y, x + width, y + height)], [i % 3])
        extra = {"file_name": f"val/p{11 - i:04d}.jpg"}
        return Record(str(10 * i + 10), b"", *SIZE, objects, source=f"/somewhere/val/p{11 - i:04d}.jpg", extra=extra)

    store = write_store("photos", "test", map(record, range(12)), CLASSES)
    store.meta = replace(store.meta, category_ids=NUMBERS)
    return store


def row(i, **changes):
    return {"image_id": 10 * i + 10, "category_id": NUMBERS[i % 3], "bbox": box_of(i), "score": 0.9, **changes}


PERFECT = [row(i) for i in range(12)]


@pytest.fixture
def read(store, tmp_path):
    def read(rows, **read_as):
        (tmp_path / "found.json").write_text(json.dumps(rows))
        return read_results(tmp_path / "found.json", open_test_set(store), ReadAs(**read_as))

    return read


def dropped(reading):
    return [(part.reason, part.count, part.example) for part in reading.dropped]


def test_a_good_file_is_read_without_a_word(read):
    reading = read([*PERFECT[6:], *PERFECT[:6]])
    assert reading.lines == []
    assert reading.found.images.tolist() == list(range(12))
    assert reading.found.labels.tolist() == [0, 1, 2] * 4
    assert reading.found.boxes[0].tolist() == [2, 1, 32, 26]
    assert reading.to_json()["rows"] == 12


def test_there_and_back(store, tmp_path):
    test_set = open_test_set(store)
    rng = np.random.default_rng(0)
    boxes = rng.uniform(0, 50, (12, 4))
    boxes[:, 2:] += boxes[:, :2]
    labels = rng.integers(0, 3, 12)
    found = Found(np.arange(12), labels, rng.random(12).astype(np.float32), boxes)
    save_results(tmp_path / "found.json", found, test_set.image_ids, test_set.category_ids)
    back = read_results(tmp_path / "found.json", test_set).found
    for name in ("images", "labels", "boxes", "scores"):
        np.testing.assert_allclose(getattr(back, name), getattr(found, name), atol=1e-3)


def test_every_dropped_row_is_counted_by_its_reason(read):
    bad = [
        row(0, image_id=11),
        row(0, image_id=12),
        row(0, category_id=4),
        row(1, score=1.5),
        row(1, score=None),
        row(2, bbox=[1, 2, 3]),
        row(2, bbox=[5, 6, -7, 8]),
        {"image_id": 10, "bbox": [1, 2, 3, 4], "score": 0.5},
        {"category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.5},
    ]
    reading = read([*PERFECT * 2, *bad, row(3, score=1.0000001)])
    assert dropped(reading) == [
        ("the row has no image_id", 1, "image_id missing in row 32"),
        ("the row has no category_id", 1, "category_id missing in row 31"),
        ("bbox is not four numbers below a billion", 1, "bbox [nan, nan, nan, nan] in row 29"),
        ("score is not a number", 1, "score nan in row 28"),
        ("score is not within 0 and 1", 1, "score 1.5 in row 27"),
        ("width or height is negative", 1, "bbox [5, 6, -7, 8] in row 30"),
        ("image_id is not an image of the dataset", 2, "image_id 11 in row 24"),
        ("category_id is not a class of the dataset", 1, "category_id 4 in row 26"),
    ]
    assert len(reading.found) == len(PERFECT * 2) + 1
    assert reading.found.scores.max() == 1
    assert reading.lines[6].endswith(
        "found.json: 2 of 34 rows dropped, image_id is not an image of the dataset; for example image_id 11 in row 24"
    )


NOT_ITS_DATA = r"image_id other0 in row 0; the dataset's ids are 10, 20, 30, 40, 50, 60, 70, 80 and 4 more"


@pytest.mark.parametrize(
    ("rows", "reason", "example"),
    [
        ([row(i, score=90) for i in range(12)], "12 of 12", "score 90 in row 0; scale the scores to the range 0 to 1"),
        (
            [*PERFECT, *[row(0, bbox=[0, 0, -1, 5])] * 2],
            "2 of 14",
            "set boxes if the numbers are not x, y, width, height",
        ),
        ([row(i, bbox="x") for i in range(12)], "12 of 12 rows cannot be used: bbox is not four numbers", "row 0"),
        ([row(i, bbox=[1, 2, 3, 1e308]) for i in range(12)], "12 of 12 .* four numbers below a billion", "row 0"),
        ([row(i, image_id=f"other{i}") for i in range(12)], "12 of 12", NOT_ITS_DATA),
        ([row(0, category_id=4)], "1 of 1", "category_id 4 in row 0; the dataset's ids are 3, 7, 90"),
        ([row(0, image_id=11), row(1, category_id=5)], "1 of 2", "category_id 5 in row 1"),
    ],
)
def test_a_file_with_too_little_to_use_is_refused(read, rows, reason, example):
    with pytest.raises(BadInput, match=rf"found\.json: {reason}.*{example}"):
        read(rows)


def test_names_of_files_and_classes_are_taken_and_said(read):
    names = [f"p{11 - i:04d}.jpg" for i in range(12)]
    reading = read([row(i, image_id=names[i], category_id=CLASSES[i % 3]) for i in range(12)])
    assert reading.found.images.tolist() == list(range(12))
    assert reading.found.labels.tolist() == [0, 1, 2] * 4
    assert (reading.image_ids, reading.category_ids, reading.boxes) == ("names", "names", "xywh")
    assert reading.guesses == (
        'image_id is read as the name of the image file, as with image_ids="names"',
        'category_id is read as the name of the class, as with category_ids="names"',
    )
    assert read([row(i, image_id=names[i]) for i in range(12)], image_ids="names").guesses == ()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (lambda i: {"category_id": i % 3}, "category_id seems to be"),
        (lambda i: {"bbox": [20, 10, 3, 2]}, None),
    ],
)
def test_what_only_the_objects_suggest_is_refused_with_the_way_out(read, changed, message):
    """3 is the data's number of the cat, and the third class numbered from 1."""
    rows = [row(i, **changed(i)) for i in range(12)]
    if message is None:
        assert read(rows).doubts == ()  # just wrong
    else:
        assert read(rows).category_ids == "from-0"  # no row has a number of the data


def test_numbers_that_partly_are_the_datas_are_judged_by_the_objects(read):
    rows = [row(i, category_id=[90, 3, 7][i % 3]) for i in range(12)]
    ways = r'set category_ids="3=dog,7=owl,90=cat" to read it that way, or category_ids="data" to keep'
    with pytest.raises(BadInput, match=rf"category_id seems to be .*IoU .*is 1\.00 instead of 0\.\d\d; {ways}"):
        read(rows)
    assert read(rows, category_ids="3=dog,7=owl,90=cat").found.labels.tolist() == [0, 1, 2] * 4
    kept = read(rows, category_ids="data")
    assert kept.found.labels.tolist() == [2, 0, 1] * 4
    assert "category_id seems to be numbered as 3=dog,7=owl,90=cat" in kept.doubts[0]


def test_corners_are_refused_and_read_on_request(read):
    rows = [row(i, bbox=[*box_of(i)[:2], box_of(i)[0] + 30, box_of(i)[1] + 25]) for i in range(12)]
    with pytest.raises(BadInput, match=r'bbox seems to be x0, y0, x1, y1: .*; set boxes="corners" to read it that way'):
        read(rows)
    reading = read(rows, boxes="corners")
    assert reading.doubts == ()
    assert reading.boxes == "corners"
    np.testing.assert_array_equal(reading.found.boxes[0], [2, 1, 32, 26])


def test_fractions_are_certain_without_an_object_that_fits(read):
    rows = [row(i, bbox=[0.1, 0.2, 0.01 * i, 0.3]) for i in range(4)]
    with pytest.raises(BadInput, match=r'within 0 and 1, so they are fractions .*; set boxes="xywh,fractions", boxes='):
        read(rows)
    assert "they are fractions" in read(rows, boxes="xywh").doubts[0]
    assert read(rows, boxes="fractions").doubts == ()


def test_doubts(read, store):
    assert read([]).doubts == ("has no detections, so the metrics are those of a detector that finds nothing",)
    outside = [row(i, bbox=[500, 500, 10, 10]) for i in range(6)]
    assert read([*PERFECT, *outside]).doubts[0].startswith("6 of 18 boxes lie mostly outside their image")
    assert read([*PERFECT * 3, *outside]).doubts == ()
    many = read([row(0)] * 103 + PERFECT)
    assert many.doubts == ("4 detections exceed the limit of 100 per class and image; COCO's metrics ignore them",)


def test_two_images_of_one_number(tmp_path):
    """1.jpg and 001.jpg. Programs that make numbers of names give both the id 1."""
    objects = make_objects([(0, 0, 20, 20)], [0])
    records = [Record(name, b"", *SIZE, objects, source=f"in/{name}.jpg") for name in ("001", "01", "b")]
    store = write_store("twins", "test", records, ("cat",))
    (tmp_path / "found.json").write_text(json.dumps([row(0, image_id=1, category_id=1)]))
    with pytest.raises(BadInput, match="1 of 1 rows cannot be used: several images have that image_id"):
        read_results(tmp_path / "found.json", open_test_set(store))
    twins = write_store("triplets", "test", [Record("1", b"", *SIZE, objects, source="in/1.jpg"), *records], ("cat",))
    reading = read_results(tmp_path / "found.json", open_test_set(twins))
    assert reading.found.images.tolist() == [0]
    assert reading.guesses == (
        "several file names have the number 1; rows with this id are assigned to the image whose own id it is",
    )


def test_names_of_one_number_in_folders_are_no_twins(tmp_path):
    """The data have ids of their own, so a/1.jpg and b/1.jpg cannot be confused."""
    objects = make_objects([(0, 0, 20, 20)], [0])
    records = [Record(str(i), b"", *SIZE, objects, extra={"file_name": f"{i}/1.jpg"}) for i in (1, 2)]
    store = write_store("folders", "test", records, ("cat",))
    (tmp_path / "found.json").write_text(json.dumps([row(0, image_id=1, category_id=1)]))
    assert read_results(tmp_path / "found.json", open_test_set(store)).lines == []


def test_the_list_beside_a_file(read, tmp_path):
    images = [{"id": i + 1, "file_name": f"in/p{11 - i:04d}.jpg"} for i in range(12)]
    categories = [{"id": 7, "name": "cat"}, {"id": 3, "name": "dog"}, {"id": 2, "name": "owl"}]
    (tmp_path / "image_info_found.json").write_text(json.dumps({"images": images, "categories": categories}))
    reading = read([row(i, image_id=i + 1, category_id=[7, 3, 2][i % 3]) for i in range(12)])
    assert (reading.image_ids, reading.category_ids) == ("listed", "listed")
    assert reading.found.images.tolist() == list(range(12))
    assert reading.found.labels.tolist() == [0, 1, 2] * 4
    assert reading.guesses[0] == (
        'image_id is read as the id of the image in image_info_found.json, as with image_ids="listed"'
    )
    (tmp_path / "image_info_found.json").write_text("[")
    assert read(PERFECT).lines == []


def test_names_of_several_stores(store, tmp_path):
    objects = make_objects([(0, 0, 20, 20)], [0])
    more = write_store("more", "test", [Record("x", b"", *SIZE, objects, source="x.png")], ("cat",))
    (tmp_path / "found.json").write_text(json.dumps([row(0, image_id=name) for name in ("x.png", "p0011.jpg")]))
    assert read_results(tmp_path / "found.json", open_test_set([store, more])).found.images.tolist() == [0, 12]


def test_classes_that_are_not_evaluated_are_counted(store, tmp_path):
    """They are no fault of the file, so even a file of nothing else is evaluated."""
    cows = write_store("cows", "test", [], ("cow",))
    (tmp_path / "found.json").write_text(json.dumps(PERFECT))
    reading = read_results(tmp_path / "found.json", open_test_set(store, ("owl", "cow")))
    assert dropped(reading) == [("the class is not evaluated", 8, "category_id 3 in row 0")]
    assert reading.found.labels.tolist() == [0] * 4
    cows.meta = replace(cows.meta, category_ids=(1,))
    rows = [row(i, image_id=f"photos/test/{10 * i + 10}") for i in range(12)]
    (tmp_path / "found.json").write_text(json.dumps(rows))
    nothing = read_results(tmp_path / "found.json", open_test_set([store, cows], ("cow",)))
    assert dropped(nothing) == [("the class is not evaluated", 12, "category_id 3 in row 0")]
    assert nothing.doubts == ("has no detections, so the metrics are those of a detector that finds nothing",)


def test_the_evaluation_says_what_was_dropped(store, tmp_path, caplog):
    (tmp_path / "found.json").write_text(json.dumps([*PERFECT, row(0, image_id=5)]))
    evaluation = evaluate(tmp_path / "found.json", store)
    assert evaluation.map == 1
    assert evaluation.to_json()["reading"]["dropped"] == [
        {"reason": "image_id is not an image of the dataset", "count": 1, "example": "image_id 5 in row 12"}
    ]
    assert "1 of 13 rows dropped" in caplog.text


def test_only_files_are_read_in_a_way(detector):
    with pytest.raises(BadInput, match="boxes: only applies to a file of detections, and none was given"):
        open_candidate(detector, read_as=ReadAs(boxes="corners"))


@pytest.mark.filterwarnings("error")
def test_rows_of_no_class_whose_boxes_are_equal_points_are_refused_without_a_warning(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path))
    objects = make_objects([(10, 5, 30, 20), (9, 5, 30, 20)], [0, 1])
    store = write_store("toys", "train", [Record(name, b"", 40, 30, objects) for name in "abc"], ("red", "blue"))
    rows = [{"image_id": name, "category_id": 7, "bbox": [0.5] * 4, "score": 0.5} for name in "aabbcc"]
    (tmp_path / "found.json").write_text(json.dumps(rows))
    with pytest.raises(BadInput, match=r"found\.json: "):
        read_results(tmp_path / "found.json", open_test_set(store), ReadAs())
