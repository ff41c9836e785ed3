import json

import numpy as np
import pytest

from multibox.annotations.formats import label_studio
from multibox.annotations.problem import Problem
from multibox.data.source import open_source
from multibox.errors import BadInput
from reading import read

SIZE = {"original_width": 200, "original_height": 100, "image_rotation": 0}
BOX = {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0, "rectanglelabels": ["cat"]}


def result(value=BOX, kind="rectanglelabels", **fields):
    return {"type": kind, "from_name": "label", "to_name": "image", "value": value} | SIZE | fields


def annotation(*results, **fields):
    return {"was_cancelled": False, "ground_truth": False, "result": list(results)} | fields


def task(*annotations, image="/data/upload/1/0a1b2c3d-a.jpg", **fields):
    return {"id": 1, "data": {"image": image}, "annotations": list(annotations), "predictions": []} | fields


def write(root, *tasks, image="a.jpg"):
    root.mkdir(parents=True, exist_ok=True)
    if image:
        (root / image).parent.mkdir(parents=True, exist_ok=True)
        (root / image).touch()
    (root / "export.json").write_text(json.dumps(list(tasks)))
    return root


def only(root):
    (item,) = (item for items in read(label_studio, root).splits.values() for item in items)
    return item


def test_percentages_become_parts_of_the_image(tmp_path):
    item = only(write(tmp_path, task(annotation(result()))))
    assert (item.id, item.image) == ("a", tmp_path / "a.jpg")
    assert (item.annotation.names, item.annotation.size, item.annotation.relative) == (("cat",), (200, 100), True)
    np.testing.assert_allclose(item.annotation.boxes, [[0.1, 0.2, 0.4, 0.6]])


@pytest.mark.parametrize(
    ("written", "file"),
    [
        ("/data/upload/1/0a1b2c3d-a.jpg", "0a1b2c3d-a.jpg"),
        ("/data/upload/1/0a1b2c3d-a.jpg", "images/a.jpg"),
        ("/data/local-files/?d=shots%2Fmay/a.jpg", "may/a.jpg"),
        ("http://localhost:8080/data/local-files/?d=shots/a.jpg", "a.jpg"),
        ("s3://bucket/shots/a%20b.jpg", "shots/a b.jpg"),
        ("azure-blob://container/a.jpg", "a.jpg"),
        ("https://host/a.jpg?token=b.jpg", "a.jpg"),
    ],
)
def test_images_are_found_by_what_label_studio_writes(tmp_path, written, file):
    write(tmp_path, task(annotation(result()), image=written), image=file)
    assert only(tmp_path).image == tmp_path / file


def test_a_turned_box_is_turned_about_its_upper_left_corner_in_pixels(tmp_path):
    # 40 % of 200 is 80, 50 % of 100 is 50: 20 wide and 10 high, turned by 90 degrees it lies left of and below x, y.
    write(tmp_path, task(annotation(result(BOX | {"x": 40, "y": 50, "width": 10, "height": 10, "rotation": 90}))))
    part = read(label_studio, tmp_path)
    np.testing.assert_allclose(
        part.splits[""][0].annotation.boxes * (200, 100, 200, 100), [[70, 50, 80, 70]], atol=1e-9
    )
    assert part.notes == ("1 rotated box: their bounding boxes were used",)


def test_other_shapes_give_their_bounds_or_none(tmp_path):
    write(
        tmp_path,
        task(
            annotation(
                result({"points": [[10, 20], [50, 5], [30, 60]], "closed": True, "polygonlabels": ["cat"]}),
                result({"x": 50, "y": 50, "radiusX": 10, "radiusY": 20, "rotation": 0, "ellipselabels": ["dog"]}),
                result({"x": 50, "y": 50, "radiusX": 10, "radiusY": 10, "rotation": 90, "ellipselabels": ["dog"]}),
                result({"format": "rle", "rle": [0, 1], "brushlabels": ["dog"]}),
                result({"x": 1, "y": 2, "width": 0.5, "keypointlabels": ["dog"]}),
                result({"vertices": [{"x": 1, "y": 2}], "vectorlabels": ["dog"]}),
                result({"choices": ["blurred"]}, "choices"),
                result({"text": ["a note"]}, "textarea"),
            )
        ),
    )
    part = read(label_studio, tmp_path)
    found = part.splits[""][0].annotation
    assert found.names == ("cat", "dog", "dog")
    np.testing.assert_allclose(found.boxes * 100, [[10, 5, 50, 60], [40, 30, 60, 70], [45, 30, 55, 70]], atol=1e-9)
    assert part.notes == (
        "2 ellipses, 1 polygon: their bounding boxes were used",
        "1 brush stroke, 1 point, 1 line left out, because they have no box",
    )


def test_labels_beside_a_rectangle_and_its_transcription_are_one_object(tmp_path):
    place = {name: BOX[name] for name in ("x", "y", "width", "height", "rotation")}
    results = [
        result(place, "rectangle", id="r1"),
        result(place | {"labels": ["cat"]}, "labels", id="r1"),
        result(place | {"text": ["meow"]}, "textarea", id="r1"),
    ]
    assert only(write(tmp_path, task(annotation(*results)))).annotation.names == ("cat",)


def named(name, **fields):
    return annotation(result(BOX | {"rectanglelabels": [name]}), **fields)


@pytest.mark.parametrize(
    ("annotations", "name"),
    [
        ([named("first"), named("last")], "last"),
        ([named("truth", ground_truth=True), named("last")], "truth"),
        ([named("kept"), named("cancelled", was_cancelled=True)], "kept"),
        ([named("newest", created_at="2026-02-01"), named("older", created_at="2026-01-31")], "newest"),
    ],
)
def test_one_of_several_annotations_counts(tmp_path, annotations, name):
    part = read(label_studio, write(tmp_path, task(*annotations)))
    assert part.splits[""][0].annotation.names == (name,)
    is_one = any(each["was_cancelled"] for each in annotations)
    note = "1 task has several annotations; the ground truth was used, else the newest"
    assert part.notes == (() if is_one else (note,))


def test_tasks_without_annotation_are_left_out_and_those_without_objects_are_not(tmp_path):
    tasks = [
        task(annotation(), image="empty.jpg"),
        task(image="untouched.jpg"),
        task(annotation(was_cancelled=True), image="skipped.jpg"),
        task(image="predicted.jpg", predictions=[{"result": [result()]}]),
    ]
    part = read(label_studio, write(tmp_path, *tasks, image="empty.jpg"))
    (item,) = part.splits[""]
    assert (item.id, item.annotation.names) == ("empty", ())
    assert part.notes == ("3 tasks are not annotated and were left out, 1 of them with predictions only",)


def test_predictions_alone_are_refused(tmp_path):
    write(tmp_path, task(predictions=[{"result": [result()]}]))
    with pytest.raises(BadInput) as error:
        open_source([tmp_path])
    assert str(error.value) == (
        f"{tmp_path / 'export.json'}: no task is annotated (1 of 1 have predictions only); "
        "annotate tasks or accept predictions, and export again"
    )


def test_json_min_has_an_entry_for_each_annotation(tmp_path):
    def entry(number, image, *values, **fields):
        ended = {"annotator": 1, "annotation_id": 9, "created_at": None, "updated_at": None, "lead_time": 3.5}
        listed = {"label": [value | SIZE for value in values]} if values else {}
        return {"image": image, "id": number, **listed, **ended, **fields}

    other = BOX | {"rectanglelabels": ["dog"]}
    write(
        tmp_path,
        entry(1, "/data/upload/1/0a1b2c3d-a.jpg", BOX, other, choice="blurred"),
        entry(2, "/data/upload/1/0a1b2c3d-b.jpg"),
        entry(3, "/data/upload/1/0a1b2c3d-c.jpg", other, created_at="2026-02-02"),
        entry(3, "/data/upload/1/0a1b2c3d-c.jpg", BOX, created_at="2026-02-01"),
    )
    part = read(label_studio, tmp_path)
    assert [item.annotation.names for item in part.splits[""]] == [("cat", "dog"), (), ("dog",)]
    np.testing.assert_allclose(part.splits[""][0].annotation.boxes, [[0.1, 0.2, 0.4, 0.6]] * 2)
    assert part.splits[""][0].annotation.size == (200, 100)
    assert part.notes == ("1 task has several annotations; the ground truth was used, else the newest",)


def test_of_several_labels_and_of_several_images_one_is_taken(tmp_path):
    both = task(annotation(result(BOX | {"rectanglelabels": ["cat", "dog"]})))
    both["data"] |= {"reference": "/data/upload/1/0a1b2c3d-z.jpg", "text": "hello"}
    part = read(label_studio, write(tmp_path, both))
    assert part.splits[""][0].annotation.names == ("cat",)
    assert part.splits[""][0].image == tmp_path / "a.jpg"
    assert part.notes == (
        "1 region has several labels; the first was used as the class",
        "tasks have several images; the image in 'image' was used, not that in reference",
    )


def test_exports_before_version_1_call_annotations_completions(tmp_path):
    old = task(image="a.jpg") | {"completions": [{"result": [result()], "skipped": False}]}
    del old["annotations"]
    assert only(write(tmp_path, old)).annotation.names == ("cat",)


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        ([3], "object 1 of 1: is not a JSON object with the fields of an entry of annotations"),
        ([annotation() | {"result": {}}], "result is no list"),
        ([annotation(3)], "object 1 of 1: is not a JSON object with the fields of an entry of result"),
        ([annotation(result({"x": 1, "y": 1, "width": 5, "height": 5}))], "object 1 of 1: has no class"),
        ([annotation(result(BOX | {"rectanglelabels": []}))], "object 1 of 1: has no class"),
        ([annotation(result(BOX | {"rectanglelabels": [None]}))], "object 1 of 1: has no class"),
        ([annotation(result(image_rotation=90))], "object 1 of 1: was drawn on an image rotated in Label Studio"),
    ],
)
def test_annotations_that_cannot_be_read_are_a_problem_of_their_image(tmp_path, annotations, message):
    write(tmp_path, task(*annotations), task(annotation(result()), image="b.jpg"))
    damaged, good = read(label_studio, tmp_path).splits[""]
    assert isinstance(damaged.annotation, Problem)
    assert message in str(damaged.annotation)
    assert good.annotation.names == ("cat",)


@pytest.mark.parametrize(
    "value",
    [
        {"x": "left"},
        {"width": None},
        {"height": []},
        {"rotation": "x"},
        {"rotation": 10**400},
        {"x": 10**400},
        {"points": 3},
        {"points": [[1]]},
        {"radiusX": {}},
    ],
)
def test_values_that_are_no_numbers_leave_a_box_that_the_check_names(tmp_path, value):
    found = only(write(tmp_path, task(annotation(result(BOX | value))))).annotation
    assert np.isnan(found.boxes).any()


@pytest.mark.parametrize("image", [None, 3, [], "", "data:image/png;base64,AAAA"])
def test_a_task_without_image_is_a_problem(tmp_path, image):
    write(tmp_path, task(annotation(result()), image=image))
    assert str(only(tmp_path).annotation) == f"{tmp_path / 'export.json'}: image 1: has no file name"


@pytest.mark.parametrize("content", [[], {}, None, [3], [{"data": {}}], [{"data": 3, "annotations": []}], [{"id": 1}]])
def test_json_that_is_not_label_studios(tmp_path, content):
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(BadInput, match="no annotations found"):
        open_source([tmp_path])
