import json

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

import multibox
from colored import ColorRuntime, make_schema, paint
from multibox.cli import main
from multibox.cli.evaluate import print_evaluation
from multibox.data.record import Record, make_objects
from multibox.data.store import open_store
from multibox.data.store_writer import write_store
from multibox.detect.detector import Detector
from multibox.errors import BadInput
from multibox.evaluation import figures
from multibox.evaluation.columns import found_in
from multibox.evaluation.evaluate import Evaluation, evaluate
from multibox.evaluation.save_detections import save_detections
from multibox.evaluation.test_set import common_classes, open_split, open_test_set

CLASSES = ("blue", "grey", "red")  # another order than the detector's, and one class that it does not know


def make_record(name, painted, missed=()):
    """A picture; what is in ``missed`` is in the truth, but cannot be seen."""
    encoded = cv2.imencode(".png", paint((128, 192), painted)[..., ::-1])[1].tobytes()
    objects = list(painted.items()) + list(missed)
    labels = [CLASSES.index(color) for color, _ in objects if color in CLASSES]
    boxes = [box for color, box in objects if color in CLASSES]
    return Record(id=name, image=encoded, width=192, height=128, objects=make_objects(boxes, labels))


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "data"))
    records = [
        make_record("7", {"red": (20, 20, 90, 70), "blue": (100, 40, 150, 120)}),
        make_record("none", {}),
        make_record("green", {"green": (10, 10, 60, 60)}),  # of a class that the store does not have
        make_record("007", {"blue": (30, 30, 80, 90)}, missed=[("red", (1, 1, 9, 9)), ("grey", (5, 5, 20, 20))]),
    ]
    return write_store("colors", "test", records, CLASSES)


def test_figures(detector):
    evaluation = evaluate(detector, "colors/test")
    assert evaluation.ap == {"red": 0.5, "blue": 1.0}  # one of two reds; grey is not the detector's, green not ours
    assert evaluation.map == 0.75
    assert evaluation.map_11point == pytest.approx((6 / 11 + 1) / 2)
    assert evaluation.map_50_95 == pytest.approx((51 / 101 + 1) / 2)  # COCO takes 101 recalls
    assert (evaluation.images, evaluation.objects, evaluation.detections) == (4, 4, 3)
    assert evaluation.seconds > 0


def test_json_has_the_agreed_names(detector):
    values = json.loads(json.dumps(evaluate(detector, "colors").to_json()))
    stable = ["map", "map_11point", "map_50_95", "ap", "images", "objects", "detections", "seconds"]
    assert list(values) == [*stable, "left_out", "reading", "rarity"]
    assert values["map"] == 0.75
    assert values["left_out"] == {"grey": 1}
    assert values["reading"] is None  # nothing was read from a file
    assert values["rarity"] is None  # both classes are in as many images


@pytest.mark.parametrize("batch", [1, 3, 50])
def test_batches_change_nothing(detector, batch):
    told = []
    evaluation = evaluate(detector, "colors/test", batch=batch, progress=lambda *counts: told.append(counts))
    assert evaluation.map == 0.75
    assert max(detector.runtime.batches) <= batch
    assert told[-1] == (4, 4)
    assert len(told) == -(-4 // batch)


def test_strict_is_the_same_where_nothing_is_near(detector):
    assert evaluate(detector, "colors/test", strict=True).ap == {"red": 0.5, "blue": 1.0}


def test_save_detections(detector, tmp_path):
    save_detections(evaluate(detector, "colors/test", strict=True), tmp_path / "found.json")
    rows = json.loads((tmp_path / "found.json").read_text())
    assert sorted((row["image_id"], row["category_id"]) for row in rows if row["image_id"] == 7) == [(7, 1), (7, 3)]
    assert [row["image_id"] for row in rows][-1] == "007"
    first = next(row for row in rows if row["category_id"] == 3)
    np.testing.assert_allclose(first["bbox"], [20, 20, 70, 50], atol=0.01)
    assert sorted(path.name for path in (tmp_path / "found-devkit").iterdir()) == [
        ".multibox",
        "comp4_det_test_blue.txt",
        "comp4_det_test_red.txt",
    ]


def test_two_stores_are_evaluated_as_one(detector, store):
    write_store("more", "val", [make_record("7", {"red": (20, 20, 90, 70)})], CLASSES)
    evaluation = evaluate(detector, ["colors/test", "more"])
    assert evaluation.images == 5
    assert evaluation.ap["red"] == pytest.approx(2 / 3)


def test_an_empty_store(detector):
    write_store("empty", "test", [], CLASSES)
    evaluation = evaluate(detector, "empty")
    assert evaluation.to_json()["map"] is None
    assert evaluation.to_json()["ap"] == {"red": None, "blue": None}
    assert evaluation.images == 0


def test_test_goes_before_val(store):
    write_store("both", "val", [], CLASSES)
    assert open_split("both").meta.split == "val"
    assert open_split("colors").meta.split == "test"
    assert open_split("both/val").meta.split == "val"


@pytest.mark.parametrize(
    ("data", "message"),
    [("colors/val", "colors/val: no such store.*colors/test"), ("nothing", "nothing: no such store"), ("raw", "train")],
)
def test_no_such_data(detector, data, message):
    write_store("raw", "train", [], CLASSES)
    with pytest.raises(BadInput, match=message):
        evaluate(detector, data)


def test_no_class_in_common(store):
    with pytest.raises(BadInput, match=r"colors/test: none of its classes \(blue, grey, red\).*\(cup, plate\)"):
        common_classes(("cup", "plate"), [store])


def test_a_broken_picture_is_named(detector):
    record = Record(id="bad", image=b"?", width=4, height=4, objects=make_objects([], []), source="some/bad.jpg")
    write_store("broken", "test", [record], CLASSES)
    with pytest.raises(BadInput, match=r"some/bad\.jpg"):
        evaluate(detector, "broken")


def test_no_detections(store):
    evaluation = Evaluation("nothing", open_test_set(store, ("red", "blue")), found_in([]))
    assert evaluation.ap == {"red": 0.0, "blue": 0.0}
    assert evaluation.detections == 0


def test_figures_are_computed_once_and_only_when_read(detector, monkeypatch):
    calls = []

    def count(name):
        original = getattr(figures, name)
        monkeypatch.setattr(figures, name, lambda *given: calls.append(name) or original(*given))

    for name in ("average_precisions", "coco", "tide"):
        count(name)
    evaluation = evaluate(detector, "colors")
    assert calls == []
    assert evaluation.map == evaluation.map == 0.75
    assert calls == ["average_precisions"]
    assert evaluation.to_json() == evaluation.to_json()
    assert calls == ["average_precisions", "coco"]


def test_the_test_set_of_another_evaluation(detector):
    first = evaluate(detector, "colors")
    other = evaluate(Detector(ColorRuntime(make_schema(classes=("blue", "red", "green")))), first.test_set)
    assert list(other.ap) == ["red", "blue"]
    with pytest.raises(BadInput, match="this detector: has no class blue"):
        evaluate(Detector(ColorRuntime(make_schema(classes=("red", "green")))), first.test_set)


def test_coco_names(store):
    test_set = open_test_set(store, ("red", "blue"))
    assert test_set.image_ids == [7, "none", "green", "007"]
    assert test_set.category_ids == [3, 1]
    assert open_test_set([store, store]).image_ids[0] == "colors/test/7"


def test_a_number_that_stores_use_twice_names_no_class(store):
    other = write_store("other", "test", [], ("red",))
    assert open_test_set(other).category_ids == [1]
    assert open_test_set([other, store], ("blue", "red")).category_ids == [2, 1]


def test_letterbox_gives_the_same_figures():
    detector = Detector(ColorRuntime(make_schema(resize="letterbox")))
    assert evaluate(detector, open_store("colors/test")).map == 0.75


def test_the_public_name_stays_the_function():
    """A room named as a public function would take its place in the package as soon as it is imported."""
    for name in multibox.__all__:
        assert getattr(multibox, name) is getattr(multibox, name)
    assert multibox.evaluate is evaluate


def test_classes_that_the_model_does_not_have_are_named(detector, store, capsys):
    evaluation = evaluate(detector, ["colors/test", store])
    assert evaluation.left_out == {"grey": 2}
    print_evaluation(evaluation)
    assert "does not have these classes (with their number of objects): grey (2)\n" in capsys.readouterr().err
    print_evaluation(Evaluation("all", open_test_set(store), found_in([])))
    assert capsys.readouterr().err == ""


def test_the_devkits_folder_is_checked_before_the_work(tmp_path, monkeypatch):
    """A model that does not exist would be the next error."""
    (tmp_path / "found-devkit").mkdir()
    (tmp_path / "found-devkit" / "mine").write_text("")
    options = ["--strict", "--save-detections", str(tmp_path / "found.json")]
    result = CliRunner().invoke(main, ["eval", "none.keras", "--data", "colors", *options])
    assert result.exit_code == 2
    assert "found-devkit: is not empty, and holds no devkit folder" in result.stderr
    assert not (tmp_path / "found.json").exists()
