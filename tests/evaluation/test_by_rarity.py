"""Rare, common and frequent classes: the bounds, the means, and what the report and the command say."""

import json

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from colored import ColorRuntime, make_schema, paint
from multibox.cli import main
from multibox.data.rarity import rarities
from multibox.data.record import Record, make_objects
from multibox.data.store_writer import write_store
from multibox.evaluation.by_rarity import by_rarity
from multibox.evaluation.evaluate import evaluate
from multibox.evaluation.figures import Figures
from multibox.evaluation.sections import figure_sections
from multibox.report.page import page


@pytest.mark.parametrize(
    ("images", "groups"),
    [
        ([200, 100, 67, 66, 11, 10, 0], ["frequent", "frequent", "frequent", "common", "common", "rare", "rare"]),
        ([30_000, 10_000, 9_999, 1_501, 1_500], ["frequent", "frequent", "common", "common", "rare"]),
        ([12, 4, 3], ["frequent", "frequent", "rare"]),
        ([5, 5], ["frequent", "frequent"]),
        ([0], ["frequent"]),
    ],
)
def test_the_bounds_are_about_those_of_lvis_in_small_data_and_grow_with_the_data(images, groups):
    assert list(rarities(dict(zip("abcdefg", images, strict=False))).values()) == groups
    assert rarities({}) == {}


def test_each_group_is_the_mean_of_its_classes():
    ap50 = np.array([0.9, 0.5, 0.1, 0.3, np.nan])
    images = {"a": 300, "b": 50, "c": 3, "d": 2, "e": 1}
    groups = by_rarity("abcde", images, ap50, ap50 / 2)
    assert [(group.name, group.images) for group in groups] == [
        ("rare", {"c": 3, "d": 2}),  # e has no object in the test set
        ("common", {"b": 50}),
        ("frequent", {"a": 300}),
    ]
    assert [group.ap50 for group in groups] == pytest.approx([0.2, 0.5, 0.9])
    assert [group.ap for group in groups] == pytest.approx([0.1, 0.25, 0.45])


def test_a_class_that_training_never_saw_is_rare():
    groups = by_rarity("ab", {"a": 300}, np.array([0.9, 0.1]), np.zeros(2))
    assert [group.images for group in groups] == [{"b": 0}, {"a": 300}]


def test_one_group_is_none():
    assert by_rarity("ab", {"a": 300, "b": 200}, np.array([0.9, 0.1]), np.zeros(2)) == []
    assert by_rarity("ab", {"a": 300, "b": 2}, np.array([0.9, np.nan]), np.zeros(2)) == []


def test_classes_that_are_not_evaluated_count_as_the_most_frequent_too():
    """A detector of 3000 cars does not turn its 90 bicycles into a frequent class where no car is tested."""
    groups = by_rarity("ab", {"a": 90, "b": 900, "car": 3000}, np.array([0.9, 0.1]), np.zeros(2))
    assert [group.name for group in groups] == ["rare", "common"]


def test_training_images_decide_and_test_images_where_these_are_unknown(make_truth, make_found):
    box = (0, 0, 20, 20)
    truth = make_truth([*((i, 0, box) for i in range(40)), (40, 1, box), (41, 2, box)])
    found = make_found([(i, 0, 0.9, box) for i in range(40)])
    by_test, by_training = Figures(truth, found), Figures(truth, found, {"a": 4, "b": 90, "c": 50})
    assert by_test.rarity_to_json() == {
        "images_of": "test",
        "rare": {"ap50": 0.0, "ap": 0.0, "images": {"b": 1, "c": 1}},
        "frequent": {"ap50": 1.0, "ap": pytest.approx(1.0), "images": {"a": 40}},
    }
    assert by_training.rarity_to_json()["images_of"] == "training"
    assert by_training.rarity_to_json()["rare"]["images"] == {"a": 4}
    html = page("x", figure_sections(by_training))
    assert "Rare and frequent classes" in html
    assert "b (90), c (50)" in html
    assert "does not say how many training images" not in html
    assert "does not say how many training images" in page("x", figure_sections(by_test))


def test_a_report_of_equally_frequent_classes_has_no_such_section(make_random_case):
    figures = Figures(*make_random_case(0))
    assert figures.rarity_to_json() is None
    assert "Rare and frequent" not in page("x", figure_sections(figures))


@pytest.mark.parametrize("counts", [{"red": 2, "blue": 600}, {}])
def test_the_command_prints_the_groups(counts, tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "data"))
    schema = make_schema(images_of_class=counts)
    monkeypatch.setattr("multibox.detect.load.open_runtime", lambda *_, **__: ColorRuntime(schema))
    records = []
    for i in range(14):
        shown = {"blue": (100, 40, 150, 120)} | ({"red": (20, 20, 90, 70)} if i == 3 else {})
        encoded = cv2.imencode(".png", paint((128, 192), shown)[..., ::-1])[1].tobytes()
        labels = [("red", "blue").index(name) for name in shown]
        records.append(Record(f"{i}", encoded, 192, 128, make_objects(list(shown.values()), labels)))
    write_store("colors", "test", records, ("red", "blue"))
    model = tmp_path / "model.onnx"
    model.write_bytes(b"")
    result = CliRunner().invoke(main, ["eval", str(model), "--data", "colors"])
    assert result.exit_code == 0, result.output
    assert "AP of rare classes" in result.stdout
    assert "AP of frequent classes" in result.stdout
    if counts:
        assert "training images of each class; rare: red 2; frequent: blue 600\n" in result.stdout
    else:
        said = "test images of each class, as the model file has no counts of training images; rare: red 1; frequent: "
        assert said + "blue 14\n" in result.stdout
    printed = json.loads(CliRunner().invoke(main, ["eval", str(model), "--data", "colors", "--json"]).stdout)
    assert printed["rarity"] == evaluate(str(model), "colors").to_json()["rarity"]
    assert printed["rarity"]["images_of"] == ("training" if counts else "test")
