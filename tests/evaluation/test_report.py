"""The report as a whole: what is written, and what is refused. Its figures are tested one by one elsewhere."""

import json
import re

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from colored import ColorRuntime, make_schema, paint
from multibox.cli import main
from multibox.data.record import Record, make_objects
from multibox.data.store_writer import write_store
from multibox.detect.detector import Detector
from multibox.draw import color_of
from multibox.errors import BadInput
from multibox.evaluation.compare import compare
from multibox.evaluation.evaluate import evaluate
from multibox.evaluation.figures import Figures
from multibox.evaluation.mistakes import FALSE_ALARM, FOUND, MISSED, draw_mistakes, find_mistakes
from multibox.evaluation.outcomes import find_outcomes
from multibox.evaluation.report import write_report
from multibox.evaluation.save_detections import save_detections
from multibox.evaluation.sections import comparison_section, figure_sections
from multibox.report.page import page
from multibox.writing import MARKER

BOX, FAR = (0, 0, 40, 40), (100, 0, 140, 40)


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """Five pictures of red and blue things; in one of them a red one cannot be seen."""
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("multibox.detect.load.open_runtime", lambda *_, **__: ColorRuntime(make_schema()))
    records = []
    for i in range(5):
        image = paint((128, 192), {"red": (20, 20, 90, 70), "blue": (100, 40, 150, 120)})
        boxes = [(20, 20, 90, 70), (100, 40, 150, 120), *([(1, 90, 30, 120)] if i == 3 else [])]
        encoded = cv2.imencode(".png", image[..., ::-1])[1].tobytes()
        records.append(Record(f"{i}", encoded, 192, 128, make_objects(boxes, [0, 1, 0][: len(boxes)])))
    return write_store("colors", "test", records, ("red", "blue"))


def test_the_folder(detector, tmp_path):
    out = tmp_path / "out"
    evaluation = evaluate(detector, "colors")
    assert write_report(evaluation, out) == out / "report.html"
    assert sorted(path.name for path in out.iterdir()) == [MARKER, "report.html", "report.json", "worst"]
    assert [path.name for path in (out / "worst").iterdir()] == ["001-3.png"]
    values = json.loads((out / "report.json").read_text())
    assert values["map"] == pytest.approx(evaluation.map)
    assert values["coco"]["AP"] == pytest.approx(evaluation.map_50_95)
    assert values["errors"]["counts"]["missed"] == 1
    assert values["classes"]["blue"]["best"]["f1"] == 1
    page = (out / "report.html").read_text()
    assert "3: 1 missed, 0 false alarms" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)  # nothing from elsewhere
    assert "nan" not in re.sub(r'"data:[^"]*"', "", page)


def test_it_is_written_anew_but_never_over_other_things(detector, tmp_path):
    out, evaluation = tmp_path / "out", evaluate(detector, "colors")
    for _ in range(2):
        write_report(evaluation, out)
    (out / "mine.txt").write_text("")
    with pytest.raises(BadInput, match=r"out: holds mine\.txt, which Multibox did not write"):
        write_report(evaluation, out)
    result = CliRunner().invoke(main, ["eval", "none.keras", "--data", "colors", "--report", str(out)])
    assert "out: holds mine.txt" in result.stderr  # before the model is opened, and long before the work
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out"]


def test_a_report_of_version_0_1_0_is_replaced(detector, tmp_path):
    """It had no marker and is known by the names in it."""
    out = tmp_path / "out"
    write_report(evaluate(detector, "colors"), out)
    (out / MARKER).unlink()
    (out / "worst" / "050-old.png").write_bytes(b"")
    write_report(evaluate(detector, "colors"), out)
    assert len(list((out / "worst").iterdir())) == 1


def test_a_report_that_was_changed_is_not_replaced(detector, tmp_path):
    out = tmp_path / "out"
    write_report(evaluate(detector, "colors"), out)
    (out / "report.html").write_text("with my remarks")
    with pytest.raises(BadInput, match="out: was changed since Multibox wrote it"):
        write_report(evaluate(detector, "colors"), out)
    assert (out / "report.html").read_text() == "with my remarks"


@pytest.mark.parametrize("name", ["report.html", "report.json"])
def test_a_report_of_another_tool_stays(detector, tmp_path, name):
    (tmp_path / name).write_text("mine")
    folder = tmp_path / "out"
    folder.mkdir()
    (tmp_path / name).rename(folder / name)
    with pytest.raises(BadInput, match="out: is not empty, and holds no report of Multibox"):
        write_report(evaluate(detector, "colors"), folder)
    assert (folder / name).read_text() == "mine"


def test_an_older_report_stays_where_a_new_one_fails(detector, tmp_path, monkeypatch):
    out, evaluation = tmp_path / "out", evaluate(detector, "colors")
    write_report(evaluation, out)
    before = (out / "report.json").read_bytes()
    monkeypatch.setattr("multibox.evaluation.report.page", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(evaluation, out)
    assert (out / "report.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out"]


def test_detections_of_another_tool_and_a_comparison(detector, tmp_path):
    saved = tmp_path / "found.json"
    whole = evaluate(detector, "colors")
    save_detections(whole, saved)
    again = evaluate(saved, "colors")
    assert (again.map, again.map_50_95) == pytest.approx((whole.map, whole.map_50_95), abs=1e-3)
    (tmp_path / "half.json").write_text(json.dumps([r for r in json.loads(saved.read_text()) if r["image_id"] != 1]))
    result = CliRunner().invoke(
        main,
        ["eval", str(saved), "--data", "colors", "--compare", str(tmp_path / "half.json"), "--report", f"{tmp_path}/r"],
    )
    assert result.exit_code == 0, result.output
    values = json.loads((tmp_path / "r" / "report.json").read_text())["comparison"]
    assert values["difference"] == pytest.approx(whole.map - values["map_other"], abs=1e-6)
    assert values["classes"]["blue"]["difference"] == pytest.approx(0.2)
    assert [path.name for path in (tmp_path / "r" / "changed").iterdir()] == ["001-1.png"]


def test_two_models_without_an_object_to_find_have_no_difference(detector, tmp_path):
    grey = Record("0", cv2.imencode(".png", paint((128, 192), {}))[1].tobytes(), 192, 128, make_objects([], []))
    write_store("empty", "test", [grey], ("red",))
    evaluation = evaluate(detector, "empty")
    write_report(evaluation, tmp_path / "r", evaluate(detector, evaluation.test_set))
    html = (tmp_path / "r" / "report.html").read_text()
    assert "These images have no object to find, so there is neither an mAP nor a difference." in html
    assert not re.search(r"nan[ %]|0\.000", html)
    values = json.loads((tmp_path / "r" / "report.json").read_text())
    assert (values["map"], values["comparison"]["difference"], values["comparison"]["share_better"]) == (None,) * 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--compare", "other.json"], "--compare: a comparison is written into a report; set --report DIR"),
        (["--save-thresholds"], "--save-thresholds: none.json cannot store thresholds; give a .keras or .onnx file"),
    ],
)
def test_options_that_contradict_each_other(options, message):
    result = CliRunner().invoke(main, ["eval", "none.json", "--data", "colors", *options])
    assert result.exit_code == 2
    assert message in result.stderr


def test_classes_that_are_not_evaluated_are_named(tmp_path):
    runtime = ColorRuntime(make_schema(classes=("red", "green")))
    write_report(evaluate(Detector(runtime), "colors"), tmp_path / "out")
    assert (
        "does not have these classes (with their number of objects): blue (5)."
        in (tmp_path / "out" / "report.html").read_text()
    )


def test_other_classes_or_images_are_not_compared(detector, tmp_path):
    evaluation = evaluate(detector, "colors")
    for other in (
        evaluate(Detector(ColorRuntime(make_schema(classes=("red", "green")))), "colors"),
        evaluate(detector, write_store("empty", "test", [], ("red", "blue"))),
    ):
        with pytest.raises(BadInput, match="this detector: was evaluated on other images or classes"):
            write_report(evaluation, tmp_path / "out", other)
    assert not (tmp_path / "out").exists()


def test_no_such_detections():
    with pytest.raises(BadInput, match=r"none\.json: no such file of detections"):
        evaluate("none.json", "colors")


def test_no_images_and_no_detections(detector, tmp_path):
    write_store("empty", "test", [], ("red", "blue"))
    (tmp_path / "nothing.json").write_text("[]")
    for name, folder in (("empty", "a"), ("colors", "b")):
        evaluation = evaluate(tmp_path / "nothing.json", name)
        write_report(evaluation, tmp_path / folder, evaluate(detector, evaluation.test_set))
    assert json.loads((tmp_path / "a" / "report.json").read_text())["map"] is None
    assert json.loads((tmp_path / "b" / "report.json").read_text())["comparison"]["difference"] < 0


@pytest.mark.parametrize("seed", range(3))
def test_all_sections_of_random_detections(make_random_case, seed):
    truth, found = make_random_case(seed)
    figures, other = Figures(truth, found), Figures(truth, found.keep(found.scores > 0.3))
    sections = [*figure_sections(figures), comparison_section(figures, compare(figures, other, "B"))]
    assert "nan" not in page("All", sections)
    assert json.dumps(figures.to_json(), allow_nan=False)
    assert figures.map_interval.low <= figures.voc.map <= figures.map_interval.high


def test_compare_with_itself(make_random_case):
    figures = Figures(*make_random_case(0))
    same = compare(figures, figures, "itself")
    assert (same.difference, same.interval.low, same.interval.high, same.share_better) == (0, 0, 0, 0)
    assert not same.is_clear
    assert same.most_changed(5) == []


def test_the_worst_images(make_truth, make_found):
    truth = make_truth([(0, 0, BOX), (1, 0, BOX), (1, 0, FAR, "difficult"), (2, 0, BOX), (2, 1, FAR)], images=4)
    found = [(0, 0, 0.9, BOX), (1, 0, 0.9, BOX), (1, 1, 0.75, FAR), (2, 0, 0.4, BOX), (3, 0, 0.1, BOX)]
    mistakes = find_mistakes(find_outcomes(truth, make_found(found)), np.full(3, 0.5))
    assert mistakes.cost.tolist() == [0, 0.75, 2, 0]  # what is found at 0.4 is not shown
    assert mistakes.worst(5) == [2, 1]
    assert mistakes.missed.tolist() == [False, False, False, True, True]
    assert mistakes.false_alarms.tolist() == [0, 1, 0, 0]


def test_mistakes_are_drawn_in_their_colours(make_truth, make_found):
    truth = make_truth([(0, 0, (10, 10, 60, 60)), (0, 1, (10, 120, 60, 170))])
    found = make_found([(0, 0, 0.9, (10, 10, 60, 60)), (0, 2, 0.9, (120, 120, 170, 170))])
    case = find_outcomes(truth, found)
    image = np.zeros((200, 200, 3), np.uint8)
    drawn = draw_mistakes(image, 0, case, find_mistakes(case, np.full(3, 0.5)))
    assert tuple(drawn[59, 40]) == color_of(FOUND)
    assert tuple(drawn[169, 40]) == color_of(MISSED)
    assert tuple(drawn[169, 150]) == color_of(FALSE_ALARM)
