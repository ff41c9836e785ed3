import json
from dataclasses import replace

import numpy as np
import pytest

from multibox.cli.predict import PICTURES, Summary
from multibox.detect.detections import Detections
from multibox.predict.predict import Prediction
from multibox.predict.sources import Source


@pytest.fixture
def one():
    box = np.array([[20, 20, 100, 90]], np.float32)
    found = Detections(box, np.array([0.98], np.float32), np.array([0]), ("red",), (128, 192))
    return Prediction(Source("a.png"), found)


def shown(predictions, as_json=False):
    summary = Summary(as_json)
    for prediction in predictions:
        summary.add(prediction)
    summary.end("out")


@pytest.mark.parametrize("predictions", [[], [Prediction(Source("a.jpg"), error="broken")]])
def test_nothing(capsys, predictions):
    shown(predictions)
    assert capsys.readouterr().out == ""


def test_a_few(one, capsys):
    found = one.detections
    many = replace(found, boxes=found.boxes.repeat(25, 0), scores=found.scores.repeat(25), labels=np.zeros(25, int))
    shown([one, replace(one, detections=many), replace(one, detections=found.above(1))])
    printed = capsys.readouterr().out
    assert printed.count("0.98") == 1 + 20
    assert "20 20 100 90" in printed
    assert "and 5 more" in printed
    assert "outputs are in out" in printed


def test_many_are_counted(one, capsys):
    shown([one] * (PICTURES + 1))
    printed = capsys.readouterr().out
    assert f"{PICTURES + 1} images" in printed
    assert "a.png" not in printed
    assert str(PICTURES + 1) in next(line for line in printed.splitlines() if "red" in line)


@pytest.mark.parametrize("count", [0, 1, 30])
def test_json(one, capsys, count):
    shown([one] * count, as_json=True)
    assert json.loads(capsys.readouterr().out) == [one.to_json()] * count


def test_names_are_no_markup(one, capsys):
    found = replace(one.detections, classes=("[b]:car:",))
    summary = Summary(as_json=False)
    summary.add(replace(one, source=Source("[/x].jpg"), detections=found))
    summary.end("[/out]")
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("[/x].jpg", "[b]:car:", "[/out]"))
