import cv2
import numpy as np
import pytest

import multibox
from colored import ColorRuntime, make_schema, paint
from multibox.config import Detect
from multibox.detect.detector import Detector
from multibox.errors import BadInput
from multibox.predict.chosen import Chosen
from multibox.predict.hidden import LEAST, Hidden, Hiding
from multibox.predict.predict import predict
from multibox.predict.redact import covered
from multibox.predict.sources import find_sources
from multibox.regions import parse_points

CLASSES = ("red", "green", "blue")
BOX = (20, 20, 100, 90)


def test_labels():
    assert Hidden(("blue",), ("red", "green")).labels(CLASSES) == {"blur": [2], "pixelate": [0, 1]}
    assert Hidden(pixelate=("all",)).labels(CLASSES) == {"blur": [], "pixelate": [0, 1, 2]}
    assert not Hidden()


@pytest.mark.parametrize(
    ("hidden", "message"),
    [
        (Hidden(blur=("greeen",)), "blur: 'greeen' is not a class of the model; did you mean green?"),
        (Hidden(pixelate=("greeen",)), "pixelate: 'greeen' is not a class of the model; did you mean green?"),
        (Hidden(("all",), ("red",)), "pixelate: red is blurred already; name each class for one of the two"),
    ],
)
def test_refusals(hidden, message):
    with pytest.raises(BadInput) as refused:
        hidden.labels(CLASSES)
    assert str(refused.value) == message


class Unsure(ColorRuntime):
    """Finds the same objects, at another score: 0.2 for red and 0.05 for blue."""

    def answer(self, images):
        logits, deltas = super().answer(images)
        for label, score in ((1, 0.2), (3, 0.05)):
            rows = logits[..., label] == 5
            logits[rows, 1:] = -20
            logits[rows, label] = np.log(score / (1 - score))
        return logits, deltas


@pytest.fixture
def image():
    """Red and blue stripes, on grey."""
    image = paint((128, 192), {"red": BOX, "blue": (120, 40, 180, 100)})
    image[BOX[1] + 8 : BOX[3] - 8 : 6, BOX[0] + 8 : BOX[2] - 8] = 0
    return image


@pytest.fixture
def sources(image, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), image[..., ::-1])
    return find_sources([tmp_path / "a.png"])


def changed(prediction, image):
    return (prediction.detections.image != image).any(axis=2)


def inside(box):
    mask = np.zeros((128, 192), np.bool_)
    (x0, y0, x1, y1), *_ = covered(np.array([box]), mask.shape)
    mask[y0:y1, x0:x1] = True
    return mask


def test_objects_are_hidden_and_still_detected(detector, sources, image):
    (seen,) = predict(detector, sources)
    (hidden,) = predict(detector, sources, hide=Hidden(blur=("red",)))
    np.testing.assert_array_equal(seen.detections.image, image)
    np.testing.assert_array_equal(hidden.detections.boxes, seen.detections.boxes)
    assert (seen.hidden, hidden.hidden) == (0, 1)
    where = changed(hidden, image)
    assert where[BOX[1] : BOX[3], BOX[0] : BOX[2]].mean() > 0.95
    assert not (where & ~inside((BOX[0] - 2, BOX[1] - 2, BOX[2] + 2, BOX[3] + 2))).any()


def test_a_score_too_low_to_be_shown_is_high_enough_to_be_hidden(sources, image):
    (prediction,) = predict(Detector(Unsure()), sources, hide=Hidden(pixelate=("all",)))
    assert prediction.detections.names == []
    assert prediction.hidden == 1
    assert changed(prediction, image)[BOX[1] : BOX[3], BOX[0] : BOX[2]].mean() > 0.9
    assert not changed(prediction, image)[40:100, 120:180].any()


def test_what_is_shown_at_a_lower_score_is_hidden_too(sources):
    (prediction,) = predict(Detector(Unsure()), sources, score=0.02, hide=Hidden(pixelate=("all",)))
    assert sorted(prediction.detections.names) == ["blue", "red"]
    assert prediction.hidden == 2


def test_what_is_not_chosen_is_hidden_too(detector, sources, image):
    elsewhere = Chosen(("blue",), (parse_points("100,0,192,0,192,128,100,128", "regions"),))
    (prediction,) = predict(detector, sources, only=elsewhere, hide=Hidden(blur=("red",)))
    assert prediction.detections.names == ["blue"]
    assert changed(prediction, image)[BOX[1] : BOX[3], BOX[0] : BOX[2]].mean() > 0.95


@pytest.mark.parametrize("options", [{"tiles": 100}, {"tta": True}])
def test_tiles_and_views(detector, sources, image, options):
    (prediction,) = predict(Detector(detector.runtime, **options), sources, hide=Hidden(blur=("red", "blue")))
    assert changed(prediction, image)[BOX[1] : BOX[3], BOX[0] : BOX[2]].mean() > 0.95


def test_an_image_of_which_the_network_says_nothing_is_not_kept(sources):
    class Broken(ColorRuntime):
        def answer(self, images):
            logits, deltas = super().answer(images)
            logits[:, 0, 0] = np.nan
            return logits, deltas

    (seen,) = predict(Detector(Broken()), sources)
    (prediction,) = predict(Detector(Broken()), sources, hide=Hidden(blur=("red",)))
    assert seen.detections is not None
    assert prediction.detections is None
    assert prediction.error.endswith("a.png: the model's outputs are not finite, so that no object could be hidden")


def test_a_model_that_drops_what_has_to_be_hidden():
    class Selecting(ColorRuntime):
        has_nms = True

    detector = Detector(Selecting(make_schema(detect=Detect(score=0.3))))
    with pytest.raises(BadInput, match=f"^model: runs NMS itself and drops scores up to 0.3.*above {LEAST}; export"):
        Hiding(Hidden(blur=("red",)), detector, detector.shown)


def test_images_that_are_not_kept_are_not_hidden(detector, sources):
    (prediction,) = predict(detector, sources, keep=False, hide=Hidden(blur=("red",)))
    assert (prediction.hidden, prediction.detections.image) == (0, None)


def draw_car():
    """A drawn car, which voc20 is sure of."""
    image = np.full((300, 400, 3), (200, 190, 170), np.uint8)
    image[180:] = (90, 90, 95)
    cv2.rectangle(image, (70, 140), (330, 210), (180, 30, 30), cv2.FILLED)
    cv2.rectangle(image, (320, 160), (332, 172), (250, 240, 160), cv2.FILLED)
    for corners, color in (
        ([(110, 140), (150, 90), (260, 90), (300, 140)], (180, 30, 30)),
        ([(125, 140), (155, 100), (200, 100), (200, 140)], (60, 80, 100)),
        ([(210, 140), (210, 100), (253, 100), (283, 140)], (60, 80, 100)),
    ):
        cv2.fillPoly(image, [np.array(corners)], color)
    for x in (130, 270):
        cv2.circle(image, (x, 210), 28, (20, 20, 20), cv2.FILLED)
        cv2.circle(image, (x, 210), 13, (170, 170, 170), cv2.FILLED)
    return image


@pytest.mark.parametrize("how", ["blur", "pixelate"])
def test_the_bundled_detector_finds_nothing_in_what_it_hid(tmp_path, how):
    detector, photo = multibox.load("voc20"), draw_car()
    cv2.imwrite(str(tmp_path / "a.png"), photo[..., ::-1])
    (prediction,) = predict(detector, find_sources([tmp_path]), hide=Hidden(**{how: ("car",)}))
    assert prediction.detections.names == ["car"]
    assert detector(prediction.detections.image, score=0.3).names == []
