import csv
import dataclasses
import json

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from colored import ColorRuntime, make_schema, paint
from multibox.cli import main
from multibox.data.record import Record, make_objects
from multibox.data.rewrite import write_splits
from multibox.data.store import list_datasets, open_store
from multibox.data.store_writer import write_store
from multibox.detect.detector import Detector
from multibox.errors import BadInput
from multibox.labelling import find_suspects as finding
from multibox.labelling.find_suspects import find_suspects
from multibox.labelling.suspects_page import draw_suspect
from multibox.labelling.suspicion import WAYS, Suspicions
from multibox.labelling.write_suspects import write_suspects

CLASSES = ("red", "green", "blue")
RED, BLUE = (20, 20, 60, 56), (110, 60, 150, 110)
WRONG = {
    "missing": ([RED], [0]),
    "surplus": ([RED, BLUE, (70, 5, 100, 40)], [0, 2, 1]),
    "shifted": ([RED, (124, 72, 164, 122)], [0, 2]),
    "swapped": ([RED, BLUE], [0, 1]),
}


def record(name, boxes, labels, move=0):
    image = paint((128, 192), {"red": RED, "blue": tuple(edge + move for edge in BLUE)})
    data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()
    return Record(name, data, 192, 128, make_objects(boxes, labels), source=f"photos/{name}.png")


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Twenty images with right labels, and one with each kind of error."""
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    records = []
    for i in range(20):
        move = int(rng.integers(-8, 9))
        near = np.array([RED, np.array(BLUE) + move]) + rng.normal(0, 1, (2, 4))
        records.append(record(f"right {i}", near, [0, 2], move))
    records += [record(kind, *labels) for kind, labels in WRONG.items()]
    write_store("colors", "train", records, CLASSES)
    return "colors"


@pytest.fixture
def suspects(data, detector):
    return find_suspects(data, detector)


def test_the_four_kinds_come_first(suspects):
    assert {each.image: each.kind for each in suspects.first(4)} == {kind: kind for kind in WRONG}
    assert suspects.labels == 20 * 2 + sum(len(labels) for _, labels in WRONG.values())
    assert len(suspects.ranked) == suspects.labels + 1  # one detection has no label


@pytest.mark.parametrize("likely", ["second", "shifted"])
def test_a_label_is_not_called_wrong_in_a_way_that_nothing_shows(data, detector, monkeypatch, likely):
    """The green label is alone on its object, and the detector sees nothing green."""

    def weigh(classes, labelled, unlabelled, missing, wrong):
        chances = {"surplus": 0.2, "second": 0, "shifted": 0, "swapped": 0} | {likely: 0.7}
        rows = np.tile([chances[way] for way in WAYS], (len(labelled), 1))
        return Suspicions(rows, np.zeros(len(unlabelled)))

    monkeypatch.setattr(finding, "weigh", weigh)
    (green,) = (
        each for each in find_suspects(data, detector).ranked if (each.image, each.name) == ("surplus", "green")
    )
    assert (green.kind, green.suspicion, green.proposed_box) == ("surplus", pytest.approx(0.9), None)
    assert green.reason.startswith("labelled green, but the detector sees no green here")


def test_labels_that_evidence_speaks_for_are_never_shown(suspects):
    assert [each.image for each in suspects.first(1000)] == [each.image for each in suspects.first(4)]
    assert all(each.suspicion < 0.02 for each in suspects.ranked[4:])


def test_the_same_seed_gives_the_same_list(data, detector, suspects):
    assert find_suspects(data, detector).ranked == suspects.ranked


def test_the_folder_has_a_page_a_table_and_proposals(suspects, tmp_path):
    page = write_suspects(suspects, tmp_path / "out put", count=4, kind="labelme")
    text = page.read_text("utf-8")
    assert text.count("<img ") == 4
    assert "44 labels judged" not in text
    assert f"{suspects.labels} labels judged by a given detector" in text
    for suspect in suspects.first(4):
        assert suspect.reason in text
    with (page.parent / "suspects.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["kind"], row["image"]) for row in rows] == [(each.kind, each.image) for each in suspects.first(4)]
    missing = next(row for row in rows if row["kind"] == "missing")
    assert (missing["class"], missing["x0"], missing["proposed_class"], missing["file"]) == (
        "",
        "",
        "blue",
        "photos/missing.png",
    )
    shapes = {path.stem: json.loads(path.read_text())["shapes"] for path in (page.parent / "proposals").rglob("*.json")}
    assert set(shapes) == set(WRONG)
    for kind in WRONG:
        placed = {shape["label"]: np.ravel(shape["points"]) for shape in shapes[kind]}
        assert set(placed) == {"red", "blue"}, kind
        assert placed["blue"] == pytest.approx(BLUE, abs=2), kind


def test_a_changed_folder_is_kept_unless_told_otherwise(suspects, tmp_path):
    page = write_suspects(suspects, tmp_path / "out", count=2)
    write_suspects(suspects, tmp_path / "out", count=3)
    page.write_text("mine")
    with pytest.raises(BadInput, match="was changed since Multibox wrote it"):
        write_suspects(suspects, tmp_path / "out")
    assert page.read_text() == "mine"


def test_the_label_is_drawn_red_and_the_proposal_green(suspects):
    shifted = next(each for each in suspects.first(4) if each.kind == "shifted")
    store, index = shifted.place
    drawn = draw_suspect(paint((128, 192), {}), shifted, suspects.stores[store][index]).reshape(-1, 3)
    for color in ((230, 50, 60), (50, 170, 70), (110, 110, 120)):
        assert (drawn == color).all(axis=1).any()


def test_ids_of_several_splits_begin_with_their_split(data, detector):
    write_splits(
        "two", {split: [record("a", [RED, BLUE], [0, 2])] for split in ("train", "val")}, CLASSES, source="test"
    )
    assert {each.image for each in find_suspects("two", detector).ranked} == {"train/a", "val/a"}


def test_a_model_without_some_classes_says_so_and_judges_the_others(data, detector, caplog):
    write_store("more", "train", [record("a", [RED, BLUE], [0, 1])], ("red", "purple"))
    found = find_suspects("more", detector)
    assert "their labels are not judged: purple" in caplog.text
    assert (found.classes, found.labels) == (("red",), 1)
    assert [each.name for each in found.ranked] == ["red"]


def test_labels_of_classes_that_the_model_does_not_have_stay_in_the_proposals(data, detector, tmp_path):
    write_store("more", "train", list(open_store(f"{data}/train")), ("red", "green", "purple"))
    page = write_suspects(find_suspects("more", detector), tmp_path / "out", count=3, kind="labelme")
    (path,) = (page.parent / "proposals").rglob("surplus.json")
    assert {shape["label"] for shape in json.loads(path.read_text())["shapes"]} == {"red", "purple"}


def test_data_without_labels_is_refused(data, detector):
    write_store("bare", "train", [record("a", [], [])], CLASSES)
    with pytest.raises(BadInput, match="has no labels"):
        find_suspects("bare", detector)


def test_one_image_and_one_whose_labels_are_all_difficult_are_judged(data, detector, caplog):
    find_suspects(data, detector)
    assert "too few" not in caplog.text
    write_store("one", "train", [record("a", [RED], [0])], CLASSES)
    found = find_suspects("one", detector)
    assert "only 1 label can be judged, too few to learn what a wrong one looks like" in caplog.text
    assert (found.labels, [(each.kind, each.proposed_name) for each in found.ranked]) == (
        1,
        [("missing", "blue"), ("surplus", None)],
    )
    hard = record("a", [RED, BLUE], [0, 2])
    hard = dataclasses.replace(hard, objects=make_objects([RED, BLUE], [0, 2], difficult=[True, True]))
    write_store("hard", "train", [hard], CLASSES)
    found = find_suspects("hard", detector)
    assert (found.labels, found.ranked) == (0, ())
    assert "only 0 labels can be judged" in caplog.text
    assert "Nothing looks wrong" in write_suspects(found, "out", kind="yolo").read_text()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"overrides": ["train.epochs=2"]}, "train.epochs"),
        ({"overrides": iter(["train.epochs=2"])}, "train.epochs"),
        ({"minutes": 3}, "minutes"),
        ({"resume": True}, "resume"),
        ({"folds": 3}, "folds"),
        ({"config": "ssdlite-efficientnet"}, "config"),
    ],
)
def test_what_is_for_training_is_refused_with_a_model(data, detector, given, named):
    with pytest.raises(BadInput, match=f"^{named}: is for training, and a given model is not trained"):
        find_suspects(data, detector, **given)


def test_without_a_model_each_fold_is_judged_by_its_own(data, detector, monkeypatch):
    """The detector of a fold here finds nothing, but for that of the first."""
    looked = []
    monkeypatch.setattr(finding, "_train", lambda folds, **how: [f"model {k}" for k in range(len(folds))])
    monkeypatch.setattr(finding, "load", lambda model, images: looked.append(model) or detector)
    with pytest.raises(BadInput, match="too few or too alike"):
        find_suspects(data, folds=25)
    found = find_suspects(data, folds=2)
    assert looked == ["model 0", "model 1"]
    assert sorted({each.image for each in found.ranked}) == sorted([f"right {i}" for i in range(20)] + list(WRONG))
    assert [store.meta.name for store in found.stores] == ["colors-folds"] * 2


def test_a_runtime_that_cannot_run_the_trained_models_is_refused_before_anything_is_made(data):
    with pytest.raises(BadInput, match="runtime: onnx: cannot run the models that are trained here"):
        find_suspects(data, runtime="onnx")
    assert list_datasets() == [data]


def test_keras_trains_with_the_threads_with_which_it_judges(data, detector, monkeypatch):
    """Keras cannot change its threads once it runs. So loading the models failed after hours of training."""
    done = []
    monkeypatch.setattr("multibox.models.backend.import_keras", lambda *given: done.append(given))
    monkeypatch.setattr(finding, "_train", lambda folds, **how: done.append("trained") or ["model"] * len(folds))
    monkeypatch.setattr(finding, "load", lambda model, images, threads: detector)
    find_suspects(data, folds=2, threads=3)
    assert done == [(1, 3), "trained"]


def run(*arguments):
    return CliRunner().invoke(main, ["data", "suspects", *arguments])


def test_the_command_prints_and_writes(data, detector, monkeypatch):
    monkeypatch.setattr(finding, "load", lambda model, images, **loading: detector)
    done = run(data, "--model", "colors.onnx", "--count", "4", "--out", "found")
    assert done.exit_code == 0, done.output
    assert "4 suspects: found/index.html; 48 labels and 1 detection without one were judged" in done.stdout
    assert all(kind in done.stdout for kind in WRONG)
    listed = json.loads(run(data, "--model", "colors.onnx", "--count", "2", "--out", "found", "--json").stdout)
    assert len(listed) == 2
    assert {"kind", "suspicion", "image", "box", "proposed_box", "reason"} <= set(listed[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no such dataset"),
        (["colors", "--model", "m.keras", "train.epochs=2"], "train.epochs: is for training"),
        (["colors", "--model", "m.keras", "--folds", "3"], "--folds: is for training"),
        (["colors", "--model", "m.keras", "--config", "ssd300-vgg16-voc07"], "--config: is for training"),
        (["colors", "train.patience=2"], "train.patience: requires validations"),
        (["colors", "--model", "m.keras", "--minutes", "2"], "--minutes: is for training"),
        (["colors", "data.train=[a/b]"], "data.train: is chosen for each fold"),
        (["colors", "data.tiles=auto"], "data.tiles: is not supported here"),
        (["colors", "--folds", "1"], "--folds"),
        (["colors", "--out", "stores"], "is not empty"),
    ],
)
def test_bad_input_is_one_line(data, arguments, message):
    failed = run(*arguments)
    assert failed.exit_code == 2
    assert message in failed.output
    assert "Traceback" not in failed.output


def test_a_model_that_was_trained_on_tiles_is_refused_with_a_way_out(data):
    runtime = ColorRuntime(make_schema(tiles=64))
    with pytest.raises(BadInput, match=r"^model: searches in tiles .* model that was trained with data\.tiles=none"):
        find_suspects(data, Detector(runtime))
    assert find_suspects(data, Detector(runtime, tiles="none")).labels


@pytest.mark.slow
def test_folds_train_judge_and_go_on(data, detector, monkeypatch, caplog):
    """A call that is stopped in its second training goes on, and its first run is not trained again.

    The runs are real ones of a small network, which no file can hold, so a ready detector judges in their place.
    """
    import signal

    from multibox.errors import Stopped
    from multibox.labelling import fold_runs
    from multibox.training import setup
    from training import small_network
    from training.test_train import SMALL

    monkeypatch.setattr(setup, "build", small_network.build)
    trained, train = [], fold_runs.train

    def stopping(**options):
        trained.append(options["name"])
        if trained == ["colors-folds-1", "colors-folds-2"]:
            raise Stopped("stopped", signal.SIGTERM)
        return train(**options)

    loaded = []
    monkeypatch.setattr(fold_runs, "train", stopping)
    monkeypatch.setattr(finding, "load", lambda model, images: loaded.append(model) or detector)
    fields = {**SMALL, "train.epochs": 1}
    with pytest.raises(Stopped, match="stopped in fold 2 of 2; go on by resume=True"):
        find_suspects(data, folds=2, overrides=fields)
    with pytest.raises(BadInput, match="go on with these folds by resume=True"):
        find_suspects(data, folds=2, overrides=fields)
    found = find_suspects(data, folds=2, overrides=fields, resume=True)
    assert "no validation data" in caplog.text
    assert "data.val" not in caplog.text
    assert trained == ["colors-folds-1", "colors-folds-2", "colors-folds-2"]
    assert {each.image for each in found.ranked} >= {f"right {i}" for i in range(20)} | set(WRONG)
    assert found.labels == 48
    assert found.judge == "2 detectors, each trained on the other folds"
    assert [model.is_file() and model.parent.name for model in loaded] == ["colors-folds-1", "colors-folds-2"]
