import cv2
import numpy as np
import pytest

from colored import paint
from multibox.detect.detections import Detections
from multibox.errors import BadInput
from multibox.predict.chosen import Chosen
from multibox.predict.predict import predict
from multibox.predict.sources import find_sources
from multibox.regions import parse_points


@pytest.fixture
def found():
    """A cat at the left, a dog at the right and a dog in the middle of an image of 100 x 200 pixels."""
    boxes = np.array([[0, 0, 40, 40], [160, 60, 200, 100], [90, 40, 110, 60]], np.float32)
    return Detections(boxes, np.array([0.9, 0.8, 0.7]), np.array([0, 1, 1]), ("cat", "dog"), (100, 200))


def region(text):
    return parse_points(text, "regions")


LEFT, RIGHT = region("0,0,0.45,0,0.45,1,0,1"), region("120,0,200,0,200,100,120,100")


@pytest.mark.parametrize(
    ("chosen", "kept"),
    [
        (Chosen(), [0.9, 0.8, 0.7]),
        (Chosen(("dog",)), [0.8, 0.7]),
        (Chosen(regions=(LEFT,)), [0.9]),
        (Chosen(regions=(LEFT, RIGHT)), [0.9, 0.8]),
        (Chosen(("dog",), (LEFT, RIGHT)), [0.8]),
        (Chosen(("dog",), (LEFT,)), []),
    ],
)
def test_select(found, chosen, kept):
    assert chosen.select(found).scores.tolist() == kept
    assert len(chosen.select(found.above(1))) == 0


def test_classes_that_the_model_does_not_have():
    known = ("cat", "dog", "Person")
    Chosen(("cat", "Person")).check(known)
    with pytest.raises(BadInput, match=r"^classes: 'persn' is not a class of the model; did you mean Person\?$"):
        Chosen(("cat", "persn")).check(known)
    with pytest.raises(BadInput, match=r"^classes: 'xyz' is not a class of the model; it has cat, dog, Person$"):
        Chosen(("xyz",)).check(known)


def test_predictions_hold_what_was_chosen(detector, tmp_path):
    image = paint((128, 192), {"red": (0, 0, 40, 40), "blue": (100, 60, 180, 120)})
    cv2.imwrite(str(tmp_path / "a.png"), image[..., ::-1])
    sources = find_sources([tmp_path])
    (all_of_it,) = predict(detector, sources)
    (chosen,) = predict(detector, sources, only=Chosen(("blue",)))
    assert sorted(all_of_it.detections.names) == ["blue", "red"]
    assert chosen.detections.names == ["blue"]
    with pytest.raises(BadInput, match="'purple' is not a class"):
        next(predict(detector, sources, only=Chosen(("purple",))))
