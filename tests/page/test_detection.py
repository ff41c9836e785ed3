"""What follows the network in the browser: detections and their explanation are those of Python."""

from dataclasses import asdict

import numpy as np
import pytest

from colored import ColorRuntime, make_schema
from multibox.config import Detect
from multibox.detect.detector import Detector
from multibox.explain.cells import look_at_cell, maps_of
from multibox.explain.origin import explain_outputs
from paged import model_of

SCORE = 0.05
IMAGE = np.zeros((300, 400, 3), np.uint8)


def detector_of(classes=3, **changes):
    names = tuple(f"class {i}" for i in range(classes))
    return Detector(ColorRuntime(make_schema(classes=names, **changes)))


def random_outputs(detector, seed=0, spread=3.0):
    """Outputs of many detections. Some are twins: the same logits and box at several priors."""
    rng = np.random.default_rng(seed)
    count, columns = len(detector.priors_rel), len(detector.classes) + 1
    logits = rng.normal(0, spread, (count, columns)).astype(np.float32)
    deltas = rng.normal(0, 1, (count, 4)).astype(np.float32)
    twins = rng.integers(0, count, (2, count // 4))
    logits[twins[0]] = logits[twins[1]]
    return {"classes": logits, "boxes": deltas}


def seen(prepared):
    window, (height, width) = prepared.views[0].window, prepared.image_size
    return {"width": width, "height": height, "window": [window.x0, window.y0, window.x1, window.y1]}


def in_browser(node, detector, outputs, score=SCORE, image=IMAGE):
    """Detections and their explanation."""
    model, wanted = model_of(detector.schema), {"seen": seen(detector.prepare(image)), "score": score}
    return node(
        [
            ("local/detections.js", "detectionsOf", outputs, model, wanted),
            ("local/explanation.js", "explain", outputs, model, wanted),
        ]
    )


def assert_same_detections(answer, found):
    assert [one["label"] for one in answer] == found.labels.tolist()
    assert [one["name"] for one in answer] == found.names
    assert [one["score"] for one in answer] == pytest.approx(found.scores.tolist(), abs=1e-6)
    assert np.array([one["box"] for one in answer]).reshape(-1, 4) == pytest.approx(found.boxes, abs=1e-3)


def assert_same(answer, expected, path="explanation"):
    """Compare what the page has with what Python has, which is more."""
    if isinstance(answer, dict):
        for name, value in answer.items():
            assert_same(value, expected[name], f"{path}.{name}")
    elif isinstance(answer, list):
        assert len(answer) == len(expected), path
        for i, value in enumerate(answer):
            assert_same(value, expected[i], f"{path}[{i}]")
    elif isinstance(answer, str) and "=" in answer:  # the last of four digits may be rounded otherwise
        assert_same_formula(answer, expected, path)
    elif isinstance(answer, float):
        assert answer == pytest.approx(expected, rel=1e-5, abs=2e-6 if "box" not in path else 1e-3), path
    else:
        assert answer == pytest.approx(expected, abs=1e-3) if isinstance(answer, int) else answer == expected, path


def assert_same_formula(answer, expected, path):
    for one, other in zip(answer.split(), expected.split(), strict=True):
        numbers = [text.strip("exp()") for text in (one, other)]
        try:
            assert float(numbers[0]) == pytest.approx(float(numbers[1]), rel=1.1e-3, abs=1e-9), path
        except ValueError:
            assert one == other, path


def check(node, detector, outputs, score=SCORE, image=IMAGE):
    """Compare everything, and return Python's detections."""
    prepared = detector.prepare(image)
    found = detector.finish(prepared, [outputs], None, detector.thresholds(score))
    detections, explained = in_browser(node, detector, outputs, score, image)
    assert_same_detections(detections, found)
    assert_same(explained, asdict(explain_outputs(detector, prepared, [outputs], score)))
    return found, explained


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("classes", [1, 3, 80])
def test_detections_and_their_explanation_are_those_of_python(node, activation, classes):
    detector = detector_of(classes, activation=activation)
    found, explained = check(node, detector, random_outputs(detector, classes), score=0.05 if classes < 80 else 0.3)
    assert len(found) > 20
    assert any(one["removed"] for one in explained["detections"])


@pytest.mark.parametrize("nms", ["hard", "soft-linear", "soft-gaussian"])
@pytest.mark.parametrize("agnostic", [False, True])
def test_every_kind_of_suppression_and_its_limits(node, nms, agnostic):
    for limits in ({}, {"per_class": 30, "per_image": 12, "nms_iou": 0.2}):
        detector = detector_of(detect=Detect(nms=nms, agnostic=agnostic, **limits))
        found, _ = check(node, detector, random_outputs(detector, 3))
        assert len(found) > 10


def test_boxes_of_a_letterbox_reach_its_edge_and_no_further(node):
    detector = detector_of(resize="letterbox")
    found, explained = check(node, detector, random_outputs(detector, 5), image=np.zeros((333, 77, 3), np.uint8))
    assert found.boxes.min() == 0
    assert found.boxes[:, 2].max() == 77
    assert explained["window"][0] < 0


def test_equal_scores_keep_the_order_of_classes_then_priors(node):
    detector = detector_of()
    outputs = random_outputs(detector)
    outputs["classes"][:] = [20, 0, 0, 0]
    outputs["classes"][::7] = [0, 9, 9, 9]
    outputs["boxes"][:] = 0
    found, _ = check(node, detector, outputs)
    assert len(np.unique(found.scores)) == 1
    assert len(np.unique(found.labels)) == 3


def test_a_detection_exceeds_the_score_strictly(node):
    detector = detector_of(1, activation="sigmoid")
    outputs = random_outputs(detector)
    outputs["classes"][:, 1] = -50
    outputs["classes"][:2, 1] = 0  # a score of exactly a half
    assert len(check(node, detector, outputs, score=0.5)[0]) == 0
    assert len(check(node, detector, outputs, score=0.4999)[0]) > 0


def test_a_box_at_exactly_the_largest_overlap_stays(node):
    """Two priors, one of which is half of the other: their IoU is exactly a half."""
    priors_rel = np.array([[0.25, 0.25, 0.75, 0.75], [0.25, 0.25, 0.5, 0.75]], np.float32)
    outputs = {"classes": np.array([[0, 20], [0, 19]], np.float32), "boxes": np.zeros((2, 4), np.float32)}
    for most, expected in ((0.5, 2), (0.4999, 1)):
        detector = detector_of(1, detect=Detect(nms_iou=most))
        wanted = {"seen": seen(detector.prepare(IMAGE)), "score": SCORE}
        model = {**model_of(detector.schema), "priors": priors_rel}
        (detections,) = node([("local/detections.js", "detectionsOf", outputs, model, wanted)])
        assert len(detections) == expected


def test_outputs_that_are_no_numbers_give_no_detections(node):
    detector = detector_of()
    outputs = random_outputs(detector)
    outputs["classes"][::5, 1] = np.nan
    outputs["classes"][1::5, 0] = -np.inf
    outputs["classes"][2::5, 2] = 1e31
    outputs["boxes"][3::5, 2] = 1e9
    prepared = detector.prepare(IMAGE)
    found = detector.finish(prepared, [outputs], None, detector.thresholds(SCORE))
    assert_same_detections(in_browser(node, detector, outputs)[0], found)
    assert len(found) > 5


def test_the_cells_of_every_map_are_those_of_python(node):
    schema = make_schema()
    model, priors_rel = model_of(schema), schema.make_priors()
    places = [
        (fmap.index, row, column)
        for fmap in maps_of(schema)
        for row in range(fmap.height)
        for column in range(fmap.width)
    ]
    answers = node(
        [("local/cells.js", "cellOf", model, index, {"row": row, "column": column}) for index, row, column in places]
    )
    for place, answer in zip(places, answers, strict=True):
        assert_same(answer, asdict(look_at_cell(schema, priors_rel, *place)))


def test_numbers_are_written_as_python_writes_them(node):
    rng = np.random.default_rng(0)
    values = [*(rng.normal(0, 1, 300) * 10.0 ** rng.integers(-12, 9, 300)), 0.15625, 0.25, 1.0, 12345.0, 0.0, 99.995]
    single = np.array(values, np.float32).astype(float).tolist()
    assert node([("local/formulas.js", "short", value) for value in single]) == [f"{value:.4g}" for value in single]
