import numpy as np
import pytest

from colored import ColorRuntime, make_schema, paint
from multibox.errors import RunFailed
from multibox.export.check import check, difference_of_detections, share_found
from multibox.postprocess.nms import Selected

SCHEMA = make_schema()  # 128 x 192


def selected(*rows):
    """Detections of ``(box in pixels, score, label)``, relative to the input."""
    boxes, scores, labels = zip(*rows, strict=True) if rows else ((), (), ())
    scale = np.array((192, 128, 192, 128), np.float32)
    boxes_rel = np.array(boxes, np.float32).reshape(-1, 4) / scale
    return Selected(boxes_rel, np.array(scores, np.float32), np.array(labels, np.int64))


ONE = ((10, 20, 50, 60), 0.9, 0)
TWO = ((70, 20, 100, 60), 0.5, 1)


def test_detections_a_little_apart():
    given = selected(((70.05, 20, 100, 60), 0.5004, 1), ONE)
    score, pixels = difference_of_detections([selected(ONE, TWO)], [given], SCHEMA)
    assert score == pytest.approx(0.0004, rel=0.01)
    assert pixels == pytest.approx(0.05, rel=0.01)


@pytest.mark.parametrize(
    "other",
    [
        ((70.2, 20, 100, 60), 0.5, 1),
        ((70, 20, 100, 60), 0.502, 1),
        ((70, 20, 100, 60), 0.5, 2),
    ],
)
def test_another_box_score_or_label(other):
    assert not difference_of_detections([selected(ONE, TWO)], [selected(ONE, other)], SCHEMA).is_small


@pytest.mark.parametrize("swap", [False, True])
def test_one_side_has_more(swap):
    sides = [selected(ONE, TWO)], [selected(ONE)]
    assert not difference_of_detections(*(sides[::-1] if swap else sides), SCHEMA).is_small


def test_one_side_has_nothing():
    assert not difference_of_detections([selected(ONE)], [selected()], SCHEMA).is_small
    assert difference_of_detections([selected()], [selected()], SCHEMA).is_small


def test_a_hair_above_the_threshold():
    faint = ((70, 20, 100, 60), SCHEMA.detect.score + 0.0001, 1)
    assert difference_of_detections([selected(ONE, faint)], [selected(ONE)], SCHEMA).is_small


def test_a_full_list_of_one_is_compared_where_it_matches():
    schema = SCHEMA.model_copy(update={"detect": SCHEMA.detect.model_copy(update={"per_image": 1})})
    near, other = ((10.05, 20, 50, 60), 0.9, 0), ((70, 20, 100, 60), 0.9, 0)
    assert difference_of_detections([selected(ONE)], [selected(near)], schema).pixels == pytest.approx(0.05, rel=0.01)
    assert difference_of_detections([selected(ONE)], [selected(other)], schema).is_small, "rounding may have chosen"


def test_one_in_two_hundred_may_differ():
    many = [((x, 0, x + 8, 9), 0.9, 0) for x in range(150)]
    moved = [((0, 50, 8, 59), 0.9, 0), *many[1:]]
    assert difference_of_detections([selected(*many)], [selected(*moved)], SCHEMA).is_small
    assert not difference_of_detections([selected(*many[:50])], [selected(*moved[:50])], SCHEMA).is_small


def test_share_found():
    faint = ((120, 20, 150, 60), 0.3, 2)  # nothing that is shown
    wanted = [selected(ONE, TWO, faint), selected()]
    given = [selected(((12, 22, 52, 62), 0.2, 0), ((70, 20, 100, 60), 0.5, 2)), selected(TWO)]
    assert share_found(wanted, given, SCHEMA) == 0.5
    assert share_found([selected(faint)], given[:1], SCHEMA) is None


class Shifted(ColorRuntime):
    """Finds what it is to find a share of an input further to the right."""

    def __init__(self, shift):
        super().__init__()
        self.shift = shift

    def answer(self, images):
        logits, deltas = super().answer(images)
        widths = self.priors_rel[:, 2] - self.priors_rel[:, 0]
        deltas[..., 0] += self.shift / 192 / widths / 0.1
        return logits, deltas


IMAGES = np.stack([paint((128, 192), {"red": (20, 20, 100, 90), "blue": (120, 40, 180, 100)})])


def test_a_file_that_is_the_original():
    result = check(ColorRuntime(), Shifted(0.05), IMAGES, "fp32")
    assert result.difference.pixels == pytest.approx(0.05, rel=0.01)
    assert result.found == 1


def test_a_file_that_is_another():
    with pytest.raises(RunFailed, match=r"boxes by 0\.2 pixels, scores by 0; the file was removed"):
        check(ColorRuntime(), Shifted(0.2), IMAGES, "fp32")


def test_a_list_of_one_detection_has_to_be_found_in_half_of_the_images():
    class OneDetection(ColorRuntime):
        has_nms = True

        def __init__(self, shift):
            super().__init__()
            self.schema = self.schema.model_copy(
                update={"detect": self.schema.detect.model_copy(update={"per_image": 1})}
            )
            self.shift = shift

        def run(self, images):
            row = np.zeros((len(images), 1), np.int32)
            box = np.tile(np.float32((20, 20, 100, 90)), (len(images), 1, 1)) + np.float32((self.shift, 0) * 2)
            return {"boxes": box, "scores": row + np.float32(0.9), "labels": row, "count": row[:, 0] + 1}

    assert check(OneDetection(0), OneDetection(0.05), IMAGES, "fp32").found == 1
    with pytest.raises(RunFailed, match="finds 0% of the original's detections; the file was removed"):
        check(OneDetection(0), OneDetection(70), IMAGES, "fp32")


def test_lower_precision_has_to_find_half():
    assert check(ColorRuntime(), Shifted(10), IMAGES, "int8").found == 1
    with pytest.raises(RunFailed, match="finds 0% of the original's detections"):
        check(ColorRuntime(), Shifted(60), IMAGES, "int8")


def test_numbers_that_are_not_finite():
    class Overflown(ColorRuntime):
        def answer(self, images):
            logits, deltas = super().answer(images)
            return logits, np.full_like(deltas, np.nan)

    nothing = paint((128, 192), {})[None]
    assert check(ColorRuntime(), ColorRuntime(), nothing, "fp16").found is None
    with pytest.raises(RunFailed, match="computes numbers that are not finite"):
        check(ColorRuntime(), Overflown(), nothing, "fp16")
