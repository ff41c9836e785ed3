"""Readers: a file with NMS inside gives the detections that a plain network's outputs are read as."""

import numpy as np
import pytest

from colored import ColorRuntime, make_schema, paint
from multibox.config import Detect
from multibox.detect.detector import Detector
from multibox.detect.readers import PlainOutputs, SelectedOutputs, reader_for
from multibox.errors import BadInput
from multibox.postprocess.decode import decode
from multibox.postprocess.nms import select
from multibox.runtimes.outputs import DETECTIONS, split_batch

ROWS = 5


class SelectingColors(ColorRuntime):
    """Finds pure colours and gives what an exported file with NMS inside gives."""

    has_nms = True

    def run(self, images):
        height, width = self.schema.network.size
        outputs = {
            "boxes": np.zeros((len(images), ROWS, 4), np.float32),
            "scores": np.zeros((len(images), ROWS), np.float32),
            "labels": np.full((len(images), ROWS), -1, np.int32),
            "count": np.zeros(len(images), np.int32),
        }
        for i, (logits, deltas) in enumerate(zip(*self.answer(images), strict=True)):
            found = select(*decode(logits, deltas, self.priors_rel, above=0.01), self.schema.detect)
            count = outputs["count"][i] = len(found.scores)
            outputs["boxes"][i, :count] = np.clip(found.boxes, 0, 1) * (width, height, width, height)
            outputs["scores"][i, :count] = found.scores
            outputs["labels"][i, :count] = found.labels
        return outputs


IMAGE = paint((256, 300), {"red": (20, 20, 100, 190), "blue": (150, 40, 280, 250)})


@pytest.mark.parametrize("resize", ["warp", "letterbox"])
@pytest.mark.parametrize("options", [{}, {"tiles": "1x2"}, {"tta": True}])
def test_it_detects_what_the_network_does(resize, options):
    schema = make_schema(resize=resize)
    wanted = Detector(ColorRuntime(schema), **options)([IMAGE, np.zeros_like(IMAGE)])
    got = Detector(SelectingColors(schema), **options)([IMAGE, np.zeros_like(IMAGE)])
    assert len(wanted[0]) >= 2
    for one, other in zip(wanted, got, strict=True):
        assert one.names == other.names
        np.testing.assert_allclose(other.boxes, one.boxes, atol=0.1)
        np.testing.assert_allclose(other.scores, one.scores, atol=1e-6)


def test_a_higher_score():
    assert len(Detector(SelectingColors())(IMAGE, score=0.999)) == 0


def test_a_score_below_that_of_the_file():
    with pytest.raises(BadInput, match=r"^score: 0\.001: the model runs NMS itself .* no detections below 0\.01; "):
        Detector(SelectingColors())(IMAGE, score=0.001)
    with pytest.raises(BadInput, match=r"^score: 0\.005: .* 0\.01"):
        Detector(SelectingColors(), Detect(score=0.005))


def test_large_batches_stay_whole():
    runtime = SelectingColors()
    detector = Detector(runtime)
    detector.detect([detector.prepare(IMAGE)] * 10)
    assert runtime.batches == [10]


@pytest.mark.parametrize("field", [{"nms_iou": 0.3}, {"agnostic": True}, {"nms": "soft-linear"}, {"per_image": 9}])
def test_what_the_file_has_settled(field):
    (name,) = field
    with pytest.raises(BadInput, match=rf"detect\.{name}: the model runs NMS itself, always with "):
        Detector(SelectingColors(), Detect(**field))


def test_another_overlap_for_one_call():
    with pytest.raises(BadInput, match=r"detect\.nms_iou: .* always with 0\.45; "):
        Detector(SelectingColors())(IMAGE, nms_iou=0.3)


def test_the_reader_is_chosen_by_what_the_runtime_says():
    assert isinstance(reader_for(SelectingColors(), None), SelectedOutputs)
    assert isinstance(reader_for(ColorRuntime(), ColorRuntime().priors_rel), PlainOutputs)
    assert set(SelectingColors().run(paint((128, 192), {})[None])) == set(DETECTIONS)


def test_empty_rows_are_left_out():
    runtime = SelectingColors()
    (output,) = split_batch(runtime.run(paint((128, 192), {})[None]))
    found = reader_for(runtime, None).read(output, runtime.schema.detect, np.zeros(3))
    assert found.boxes.shape == (0, 4)
    assert found.labels.dtype == np.int64


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_outputs_that_are_no_usable_numbers_give_no_detections_and_are_said_once(value, caplog):
    runtime = ColorRuntime()
    reader = reader_for(runtime, runtime.priors_rel)
    (output,) = split_batch(runtime.run(IMAGE[:128, :192][None]))
    wanted = reader.read(output, runtime.schema.detect, np.full(3, 0.5))
    assert len(wanted.scores)
    found = int(output["classes"][:, 1:].max(axis=1).argmax())
    other = (found + 1) % len(runtime.priors_rel)
    output["boxes"][other, 2] = value
    for _ in range(2):
        got = reader.read(output, runtime.schema.detect, np.full(3, 0.5))
        np.testing.assert_array_equal(got.boxes, wanted.boxes)
    output["boxes"][:, 3] = value
    assert not len(reader.read(output, runtime.schema.detect, np.full(3, 0.5)).scores)
    output["boxes"][:, 3] = 0
    output["classes"][:, 1] = value if value != 1e30 else 2e38
    assert not len(reader.read(output, runtime.schema.detect, np.full(3, 0.5)).scores)
    assert [message[:28] for message in caplog.messages] == ["some outputs of the network "]


@pytest.mark.parametrize(
    "change",
    [
        lambda output: output | {"classes": output["classes"][1:], "boxes": output["boxes"][1:]},
        lambda output: output | {"classes": output["classes"][:, 1:]},
        lambda output: output | {"boxes": output["boxes"][None]},
        lambda output: {"classes": output["classes"]},
        lambda output: {"logits": output["classes"], "boxes": output["boxes"]},
    ],
)
def test_outputs_of_another_network_than_the_schema_describes_are_refused(change):
    runtime = ColorRuntime()
    reader = reader_for(runtime, runtime.priors_rel)
    (output,) = split_batch(runtime.run(IMAGE[:128, :192][None]))
    with pytest.raises(BadInput, match=r"model: its network gives outputs of shape .* \(\(336, 4\), \(336, 4\)\)"):
        reader.read(change(output), runtime.schema.detect, np.zeros(3))


def test_labels_that_the_schema_does_not_have_are_refused():
    runtime = SelectingColors()
    (output,) = split_batch(runtime.run(IMAGE[:128, :192][None]))
    output["labels"][0] = 3
    with pytest.raises(BadInput, match="model: its network gives label 3, but its schema describes 3 classes"):
        reader_for(runtime, None).read(output, runtime.schema.detect, np.zeros(3))


@pytest.mark.parametrize("outputs", [{}, {"classes": np.zeros((2, 3, 4)), "boxes": np.zeros((1, 3, 4))}])
def test_a_network_without_outputs_for_each_input_is_refused(outputs):
    with pytest.raises(BadInput, match="model: its network has no outputs, or outputs of different batch sizes"):
        split_batch(outputs)
